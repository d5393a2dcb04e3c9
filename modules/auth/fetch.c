/* SPDX-License-Identifier: Apache-2.0 */
/* A fetch of keys.
 *
 *     tick ─► due, or wished for? ─► call ─► good ─► publish, note when ─► due again
 *                                       └─► bad ──► log the first one ──► due sooner
 *
 * What workers have stays in force meanwhile: they look at the time of the last good fetch
 * themselves. A text that is the same as before isn't published, so that workers keep what they
 * have verified by it. */
#include "auth/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/refresh.h"
#include "common/slice.h"

struct fetch {
    struct weir_process *p;
    const struct auth_global *g;
    const struct auth_jwt *j; /* without a cell: its keys come from a file */
    struct weir_call *call;   /* under way */
    uint64_t due_us;          /* the next one */
    uint64_t wished_us;       /* the last one that was wished for; 0: none */
    uint64_t covers;          /* wishes that it fulfils */
    unsigned failures;        /* in a row */
    bool dropped;             /* the keys have been without a good fetch for too long: said so */
    char *text;               /* owned; what was published last, as far as it is known */
    size_t n;
};

static void begin(struct fetch *f);
static void on_done(void *ctx, const struct weir_result *r);

/* -- life -------------------------------------------------------------------------------------- */

/* What an older generation has published counts; whether it is still good, the first fetch says. */
static bool recall(struct fetch *f)
{
    uint64_t version;
    f->text = malloc(f->j->jwks_max_size);
    if (f->text && f->j->blob)
        f->n = weir_blob_read(f->j->blob, f->text, &version);
    return f->text;
}

struct fetch *fetches_new(struct weir_process *p, const struct auth_global *g)
{
    struct fetch *v = calloc(g->jwt.n + 1, sizeof *v);
    bool good = v;
    for (size_t i = 0; good && i < g->jwt.n; i++) {
        v[i] = (struct fetch){.p = p, .g = g, .j = &auth_issuers(g)[i]};
        good = !v[i].j->cell || recall(&v[i]);
    }
    if (good)
        return v;
    fetches_free(v, g);
    return NULL;
}

void fetches_free(struct fetch *v, const struct auth_global *g)
{
    for (size_t i = 0; v && i < g->jwt.n; i++) {
        if (v[i].call)
            weir_call_cancel(v[i].call);
        free(v[i].text);
    }
    free(v);
}

/* -- when -------------------------------------------------------------------------------------- */

/* Whoever makes up key ids makes wishes; so they have a rhythm of their own, which doesn't hold up
 * what is due, and isn't held up by it. */
static bool is_wished_for(const struct fetch *f, uint64_t now_us)
{
    const struct fetch_cell *cell = f->j->cell;
    return atomic_load(&cell->wanted) > atomic_load(&cell->served) &&
           (!f->wished_us || now_us >= f->wished_us + f->j->refetch_ms * 1000);
}

static void say_dropped(struct fetch *f)
{
    const uint64_t fetched_s = atomic_load(&f->j->cell->fetched_s);
    if (f->dropped || !fetched_s || weir_wall_us(f->p) / 1000000 < fetched_s + f->j->keep_ms / 1000)
        return;
    f->dropped = true;
    weir_event(WEIR_LOG_ERROR, "jwks_too_old", WEIR_FACTS(WEIR_FACT("name", f->j->name)),
               "%.*s: no keys could be fetched for jwks_keep; its tokens are refused from now on",
               (int)f->j->name.n, f->j->name.p);
}

void fetches_tick(struct fetch *v, const struct auth_global *g)
{
    for (size_t i = 0; i < g->jwt.n; i++) {
        struct fetch *f = &v[i];
        if (!f->j->cell)
            continue;
        const uint64_t now_us = weir_now_us(f->p);
        say_dropped(f);
        if (f->call)
            continue;
        const bool due = now_us >= f->due_us, wished = !due && is_wished_for(f, now_us);
        if (wished)
            f->wished_us = now_us;
        if (due || wished)
            begin(f);
    }
}

/* -- one fetch --------------------------------------------------------------------------------- */

static void fail(struct fetch *f, const char *why)
{
    const struct refresh_rules rules = {f->j->refresh_ms, f->j->refetch_ms};
    f->failures++;
    f->due_us = weir_now_us(f->p) + refresh_again_ms(&rules, f->failures, weir_random(f->p)) * 1000;
    count(f->p, &f->g->counts, COUNT_JWKS_FAILURES);
    if (f->failures == 1)
        weir_event(WEIR_LOG_WARN, "jwks_failed",
                   WEIR_FACTS(WEIR_FACT("name", f->j->name), WEIR_FACT("url", f->j->url.text)),
                   "%.*s: %.*s: %s; it is tried again, and the keys that are there stay",
                   (int)f->j->name.n, f->j->name.p, (int)f->j->url.text.n, f->j->url.text.p, why);
}

static void begin(struct fetch *f)
{
    const struct auth_jwt *j = f->j;
    static const struct weir_claim accept = {{"Accept", 6},
                                             {"application/jwk-set+json, application/json", 42}};
    f->covers = atomic_load(&j->cell->wanted);
    count(f->p, &f->g->counts, COUNT_JWKS_FETCHES);
    f->call = weir_call(f->p, &(struct weir_call_options){
                                  .cluster = j->cluster,
                                  .timeout_ms = j->timeout_ms,
                                  .response_limit = j->jwks_max_size,
                                  .target = j->url.target,
                                  .host = j->url.host,
                                  .fields = &accept,
                                  .fields_n = 1,
                                  .done = on_done,
                                  .ctx = f,
                              });
    if (!f->call)
        fail(f, "the call can't be made");
}

/* NULL: it is good. */
static const char *fault_of(const struct fetch *f, const struct weir_result *r, char *room,
                            size_t n)
{
    struct jwks keys;
    struct auth_fault fault;
    if (r->why || !r->status)
        return r->why ? r->why : "no response";
    if (r->status != 200)
        snprintf(room, n, "its status is %d", r->status);
    else if (!r->whole)
        snprintf(room, n, "it has more than %zu bytes (jwks_max_size)",
                 (size_t)f->j->jwks_max_size);
    else if (!jwks_parse(r->body, JWKS_FETCHED, &keys, &fault))
        snprintf(room, n, "%s", fault.text);
    else
        jwks_free(&keys);
    return room[0] ? room : NULL;
}

/* New keys are an answer to everybody who waits, also to those who began after the fetch did: what
 * they wished for is there, or isn't. */
static bool publish(struct fetch *f, struct weir_slice text)
{
    if (f->n == text.n && memcmp(f->text, text.p, text.n) == 0)
        return true;
    const uint64_t wanted = atomic_load(&f->j->cell->wanted);
    if (!weir_blob_publish(f->j->blob, text))
        return false;
    f->covers = wanted;
    memcpy(f->text, text.p, text.n);
    f->n = text.n;
    return true;
}

static void succeed(struct fetch *f, const struct weir_result *r)
{
    const struct auth_jwt *j = f->j;
    const struct refresh_rules rules = {j->refresh_ms, j->refetch_ms};
    const struct weir_name name = weir_name(WEIR_SLICE("cache-control"));
    uint64_t max_age_s;
    const bool has = refresh_max_age(weir_call_field(r->call, &name), &max_age_s);
    const bool first = !atomic_load(&j->cell->fetched_s);
    if (f->failures || first || f->dropped)
        weir_event(WEIR_LOG_INFO, "jwks_fetched",
                   WEIR_FACTS(WEIR_FACT("name", j->name), WEIR_FACT("url", j->url.text)),
                   "%.*s: %.*s", (int)j->name.n, j->name.p, (int)j->url.text.n, j->url.text.p);
    f->failures = 0;
    f->dropped = false;
    f->due_us = weir_now_us(f->p) +
                refresh_after_ms(&rules, has ? &max_age_s : NULL, weir_random(f->p)) * 1000;
    atomic_store(&j->cell->fetched_s, weir_wall_us(f->p) / 1000000);
    atomic_store(&j->cell->served, f->covers);
}

static void on_done(void *ctx, const struct weir_result *r)
{
    struct fetch *f = ctx;
    char room[280] = "";
    f->call = NULL;
    const char *why = fault_of(f, r, room, sizeof room);
    if (why)
        fail(f, why);
    else if (!publish(f, r->body))
        fail(f, "it can't be published");
    else
        succeed(f, r);
}
