/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of one of the last requests, from the record that its worker has left, and what
 * would become of it now. A record is what a process wrote that may have died, or a binary of
 * before an upgrade: numbers out of range show as such, texts are bounded. */
#include "control/explain/explain.h"

#include <string.h>

#include "base/fault.h"
#include "config/sections.h"
#include "core/generation.h"
#include "core/log/recent.h"
#include "core/stats/stats.h"

enum { ID_SHOWN = 80 };

/* -- texts ------------------------------------------------------------------------------------- */

static struct slice cut(const char *p, size_t n, size_t room)
{
    return slice_of(p, n < room ? n : room);
}

static struct slice name_of(const struct recent_name *name)
{
    return slice_of(name->text, strnlen(name->text, sizeof name->text));
}

static void write_text(struct text *t, const char *key, struct slice s)
{
    if (!s.n)
        return;
    json_key(t, key);
    json_slice(t, s);
}

static void write_word(struct text *t, const char *key, const char *word, size_t room)
{
    write_text(t, key, slice_of(word, strnlen(word, room)));
}

static void write_uint(struct text *t, const char *key, uint64_t n)
{
    json_key(t, key);
    json_uint(t, n);
}

static void write_bool(struct text *t, const char *key, bool on)
{
    json_key(t, key);
    json_bool(t, on);
}

static void write_time(struct text *t, const char *key, uint64_t wall_us)
{
    struct clock c;
    clock_init(&c);
    clock_set(&c, 0, wall_us);
    json_key(t, key);
    json_slice(t, clock_stamp(&c));
}

/* Microseconds after another moment; nothing when it was not reached. */
static void write_after(struct text *t, const char *key, uint64_t at, uint64_t since)
{
    if (at >= since && since)
        write_uint(t, key, at - since);
}

static const char *why_word(uint8_t why)
{
    return why < WHY_N ? why_facts((enum why)why)->word : "-";
}

/* -- attempts ---------------------------------------------------------------------------------- */

static void write_how(const struct recent_record *r, const struct recent_attempt *at,
                      struct text *t)
{
    static const char *const hows[] = {[RECENT_FIRST] = "first",
                                       [RECENT_STALE] = "stale",
                                       [RECENT_REFUSED] = "refused",
                                       [RECENT_RETRY] = "retry",
                                       [RECENT_HEDGE] = "hedge"};
    const uint8_t how = at->more.how;
    json_key(t, "how");
    json_str(t, how < array_n(hows) ? hows[how] : "-");
    if (how == RECENT_RETRY && r->more)
        write_word(t, "by", r->rest.retry_by, RECENT_WORD);
}

static void write_balance(const struct recent_name *cluster, struct text *t)
{
    if (cluster->balance > BALANCE_PEAK_EWMA)
        return;
    json_key(t, "balance");
    json_str(t, balances[cluster->balance]);
}

static void write_attempt(const struct recent_record *r, unsigned i, struct text *t)
{
    const struct recent_attempt *at = &r->attempts[i];
    const struct recent_name *cluster = at->more.elsewhere ? &at->cluster : &r->cluster;
    json_open(t, '{');
    write_uint(t, "number", recent_attempt_number(r, i));
    write_how(r, at, t);
    write_text(t, "cluster", name_of(cluster));
    write_text(t, "endpoint", cut(at->endpoint, at->endpoint_n, RECENT_ENDPOINT));
    write_balance(cluster, t);
    if (at->status)
        write_uint(t, "status", at->status);
    if (at->why || at->more.lost) {
        json_key(t, "outcome");
        json_str(t, why_word(at->more.lost ? WHY_HEDGE_LOST : at->why));
    }
    write_bool(t, "reused", at->reused);
    write_bool(t, "injected", at->injected);
    write_bool(t, "given",
               at->more.given || (r->attempts_n == 1 && r->t.head_sent_us && !r->flags.answering));
    write_after(t, "began_us", at->t.started_us, r->t.created_us);
    write_after(t, "connect_us", at->t.opened_us, at->t.started_us);
    write_after(t, "head_us", at->t.headed_us, at->t.started_us);
    write_after(t, "took_us", at->t.done_us, at->t.started_us);
    json_close(t, '}');
}

static void write_attempts(const struct recent_record *r, struct text *t)
{
    write_uint(t, "attempts_n", r->attempts_n);
    json_key(t, "attempts");
    json_open(t, '[');
    for (unsigned i = 0; i < recent_attempts(r); i++)
        write_attempt(r, i, t);
    json_close(t, ']');
}

/* -- the request ------------------------------------------------------------------------------- */

static struct slice method_text(const struct recent_record *r)
{
    if (r->line.method && r->line.method < METHOD_N)
        return slice_str(method_name((enum method)r->line.method));
    return r->more ? cut(r->rest.method, r->rest.method_n, RECENT_WORD) : SLICE("");
}

static void write_line(const struct recent_record *r, struct text *t)
{
    char source[ADDR_TEXT_MAX];
    json_key(t, "id");
    json_slice(t, cut(r->id, r->id_n, RECENT_ID));
    if (r->more && r->rest.trace[0])
        write_text(t, "trace_id", slice_of(r->rest.trace, sizeof r->rest.trace));
    write_time(t, "began", r->t.created_wall_us);
    write_text(t, "listener", name_of(&r->listener));
    write_text(t, "source", slice_of(source, ip_print(&r->source, source)));
    json_key(t, "scheme");
    json_str(t, r->https ? "https" : "http");
    write_text(t, "method", method_text(r));
    write_text(t, "host", cut(r->host, r->host_n, RECENT_HOST));
    write_text(t, "target", cut(r->target, r->target_n, RECENT_TARGET));
    write_bool(t, "target_cut", r->target_n > RECENT_TARGET || r->host_n > RECENT_HOST);
    write_uint(t, "http", r->line.major * 10u + r->line.minor);
    write_bool(t, "identity", r->identity);
    write_uint(t, "generation", r->by.generation);
    write_uint(t, "worker", r->by.worker);
}

static void write_more(const struct recent_record *r, struct text *t)
{
    write_word(t, "detail", r->rest.detail, RECENT_DETAIL);
    write_word(t, "chosen_by", r->rest.chosen_by, RECENT_WORD);
    write_text(t, "answered_by", cut(r->rest.answered_by, r->rest.answered_by_n, RECENT_WORD));
    write_word(t, "retry_refused", r->rest.retry_refused, RECENT_WORD);
}

static void write_outcome(const struct recent_record *r, struct text *t)
{
    write_text(t, "route", name_of(&r->route));
    write_text(t, "variant", cut(r->variant, r->variant_n, RECENT_NAME));
    write_text(t, "cluster", name_of(&r->cluster));
    json_key(t, "outcome");
    json_str(t, r->why ? why_word(r->why) : "ok");
    if (r->why && r->why < WHY_N) {
        json_key(t, "because");
        json_str(t, why_facts((enum why)r->why)->text);
    }
    if (r->t.head_sent_us)
        write_uint(t, "status", r->status);
    if (r->flags.grpc)
        write_uint(t, "grpc_status", r->flags.grpc_code);
    write_bool(t, "own", r->flags.answering);
    write_bool(t, "to_https", r->flags.to_https);
    write_bool(t, "tunnel", r->flags.tunnel);
    write_bool(t, "injected", r->flags.injected);
    if (r->more)
        write_more(r, t);
    write_uint(t, "bytes_in", r->t.bytes_in);
    write_uint(t, "bytes_out", r->t.bytes_out);
    write_after(t, "routed_us", r->t.routed_us, r->t.created_us);
    write_after(t, "head_sent_us", r->t.head_sent_us, r->t.created_us);
    write_uint(t, "took_us", r->took_us);
    write_attempts(r, t);
}

/* -- and now ----------------------------------------------------------------------------------- */

static void set_text(json_t *o, const char *key, struct slice s)
{
    if (s.n)
        json_object_set_new(o, key, json_stringn_nocheck(s.p, s.n));
}

/* As an operator would describe it. */
static json_t *describe(const struct recent_record *r)
{
    char url[16 + RECENT_HOST + RECENT_TARGET], source[ADDR_TEXT_MAX];
    const struct slice host = cut(r->host, r->host_n, RECENT_HOST);
    const struct slice target = cut(r->target, r->target_n, RECENT_TARGET);
    const int n =
        snprintf(url, sizeof url, "%s%s%.*s%.*s", host.n ? r->https ? "https" : "http" : "",
                 host.n ? "://" : "", SLICE_ARG(host), SLICE_ARG(target));
    json_t *o = json_object();
    set_text(o, "url", slice_of(url, (size_t)n));
    set_text(o, "method", method_text(r));
    set_text(o, "listener", name_of(&r->listener));
    ip_print(&r->source, source);
    if (strcmp(source, "unix") != 0)
        set_text(o, "source", slice_str(source));
    json_object_set_new(o, "partial", json_true());
    return o;
}

static void write_now(struct explain *e, const struct recent_record *r, struct text *t)
{
    struct admin_answer refusal = {.status = 200};
    struct explain_request now;
    if (r->target_n > RECENT_TARGET || r->host_n > RECENT_HOST || !r->target_n)
        return;
    json_t *o = describe(r);
    text_init(&refusal.body);
    json_key(t, "now");
    if (explain_request_read(&now, e->w->g->config, o, &refusal))
        explain_brief(e, &now, t);
    else
        explain_refusal(&refusal, t);
    explain_request_fini(&now);
    text_fini(&refusal.body);
    json_decref(o);
}

/* -- looking for it ---------------------------------------------------------------------------- */

/* What was looked through. */
struct looked {
    struct recent_kept kept;
    unsigned rings; /* 0: none had room in the shared region */
};

static bool find(const struct explain *e, struct slice id, struct recent_record *r,
                 struct looked *at)
{
    const uint64_t n = (uint64_t)e->w->g->config->log.recent;
    const uint64_t slots = atomic_load(e->slots);
    bool found = false;
    for (unsigned slot = 0; n && slot < slots && slot < STATS_SLOTS_MAX; slot++) {
        const struct recent_ring *ring = recent_ring_find(e->shm, slot, n);
        at->rings += ring != NULL;
        if (ring && recent_find(ring, n, id, r, &at->kept))
            found = true;
    }
    return found;
}

static void not_found(struct slice id, const struct looked *at, uint64_t each,
                      struct admin_answer *out)
{
    const struct recent_kept *kept = &at->kept;
    struct clock c;
    clock_init(&c);
    clock_set(&c, 0, kept->since_us);
    if (!each)
        admin_error(out, 404, "request", "no requests are remembered: log.recent is 0");
    else if (!at->rings)
        admin_error(out, 404, "request",
                    "no requests are remembered: the shared region has no room for log.recent; "
                    "raise memory.shared and restart, or lower it");
    else if (!kept->records)
        admin_error(out, 404, "request", "no request has ended yet");
    else
        admin_error(out, 404, "request",
                    "no request \"%.*s\" is remembered: of the last %llu requests the oldest began "
                    "at %.*s; log.recent says how many each worker keeps (%llu)%s",
                    (int)(id.n < ID_SHOWN ? id.n : ID_SHOWN), id.p,
                    (unsigned long long)kept->records, SLICE_ARG(clock_stamp(&c)),
                    (unsigned long long)each,
                    kept->torn ? "; some were lost when a worker died" : "");
}

void explain_recent(struct explain *e, const json_t *text, struct admin_answer *out)
{
    struct recent_record r = {0};
    struct looked at = {0};
    const struct slice id = slice_of(json_string_value(text), json_string_length(text));
    struct text *t = &out->body;
    if (!id.n) {
        admin_error(out, 400, "request", "request must be the id of one, or of its trace");
        return;
    }
    if (!e->shm) {
        admin_error(out, 400, "request", "only a gateway that runs remembers requests");
        return;
    }
    if (!find(e, id, &r, &at)) {
        not_found(id, &at, (uint64_t)e->w->g->config->log.recent, out);
        return;
    }
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "request");
    json_open(t, '{');
    write_line(&r, t);
    write_outcome(&r, t);
    json_close(t, '}');
    write_now(e, &r, t);
    json_close(t, '}');
    text_char(t, '\n');
}
