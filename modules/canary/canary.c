/* SPDX-License-Identifier: Apache-2.0 */
/* Divides a route's requests among variants, exactly, by weights that can be changed while it runs:
 *
 *     canary = { split  = ( { cluster = "reviews-v1"; weight = 95; },
 *                           { cluster = "reviews-v2"; weight = 5; } );
 *                sticky = "cookie:canary"; };
 *
 * docs/canary.md is the guide. Here are the hooks; what they decide by is in choose.c (which
 * variant), cell.c (tickets, counts and the bound on what is hidden), lease.c (positions that the fleet
 * shares) and failures.c.
 *
 * Two variants matter to an exchange: the chosen one, and the one that gives the response, which is
 * the primary when the chosen one isn't available (then it is the primary that is counted), or has
 * failed (then it is still the chosen one that is: the failure is its own). */

#include <stdlib.h>

#include "canary/canary.h"
#include "canary/choose.h"
#include "canary/explain.h"
#include "canary/feed.h"
#include "common/slice.h"

enum { TELL_US = 60000000, SET_COOKIE = 4096 };

const struct weir_counter canary_counters[COUNT_N + 1] = {
    [COUNT_PLACED] = {"placed", "requests that went to their user's variant; the others' went by "
                                "ticket"},
    [COUNT_ERRORS] = {"errors", "requests that the variant has failed"},
    [COUNT_FELL_BACK] = {"fell_back",
                         "requests of the variant that went to the primary, because its cluster "
                         "had no endpoint that could be used"},
    [COUNT_HIDDEN] = {"hidden", "failures that were repeated on the primary"},
    [COUNT_NOT_HIDDEN] = {"not_hidden", "failures that were not repeated, because max_hidden or "
                                        "the retry budget was used up, or because they couldn't "
                                        "be"},
    [COUNT_COOKIES] = {"cookies", "new ids for clients that were placed in the variant"},
    [COUNT_BAD_COOKIES] = {"bad_cookies",
                           "ids with a wrong signature, of clients that were given to the variant"},
    [COUNT_UNDECIDED] = {"undecided", "requests that got the primary because shared memory had no "
                                      "ticket for them"},
    [COUNT_UNLEASED] = {"unleased", "requests that took a position of this instance's own, because "
                                    "none was leased from the fleet (fleet_block)"},
    {NULL, NULL},
};

static const char *const log_fields[] = {
    [LOG_BY] = "by", [LOG_FELL_BACK] = "fell_back", [LOG_HIDDEN] = "hidden", NULL};

/* Of one exchange. */
struct state {
    struct choice choice;
    uint8_t serving; /* the variant that gives the response */
    bool decided, fell_back, failed, hidden;
};

static void count(struct weir_exchange *x, const struct variant *v, enum canary_counter what)
{
    weir_count(weir_process_of(x), v->counters, what, 1);
}

/* -- on_plan --------------------------------------------------------------------------------- */

static void tell_unavailable(struct weir_exchange *x, const struct weir_use *u,
                             const struct variant *v)
{
    const struct canary *c = u->conf;
    const struct canary_local *local = u->local;
    const uint64_t now = weir_now_us(weir_process_of(x));
    uint64_t *told = local ? &local->told_us[v->number] : NULL;
    if (!told || (*told && now - *told < TELL_US))
        return;
    *told = now ? now : 1;
    weir_event(WEIR_LOG_WARN, "canary_unavailable",
             WEIR_FACTS(WEIR_FACT("route", c->route), WEIR_FACT("variant", v->name),
                        WEIR_FACT("cluster", v->cluster_name)),
             "route %.*s: %.*s has no endpoint that can be used (cluster %.*s); its requests go to "
             "%.*s",
             SLICE_ARG(c->route), SLICE_ARG(v->name), SLICE_ARG(v->cluster_name),
             SLICE_ARG(canary_primary(c)->name));
}

static bool must_fall_back(const struct weir_exchange *x, const struct canary *c, size_t variant)
{
    return c->on_unavailable == ANSWER_PRIMARY && variant != c->primary &&
           !weir_cluster_ready(x, c->variants[variant].cluster) &&
           weir_cluster_ready(x, canary_primary(c)->cluster);
}

static void note_choice(struct weir_exchange *x, const struct weir_use *u)
{
    const struct canary *c = u->conf;
    const struct state *st = u->state;
    const struct variant *v = &c->variants[st->choice.ref.variant];
    weir_log_set(x, u, LOG_BY, sticky_word(st->choice.by));
    if (st->choice.by != STICKY_NONE)
        count(x, v, COUNT_PLACED);
    if (st->choice.issue.n)
        count(x, v, COUNT_COOKIES);
    if (st->choice.bad_cookie)
        count(x, v, COUNT_BAD_COOKIES);
    if (!st->choice.counted)
        count(x, v, COUNT_UNDECIDED);
    if (st->choice.unleased)
        count(x, v, COUNT_UNLEASED);
    if (!st->fell_back)
        return;
    count(x, v, COUNT_FELL_BACK);
    weir_log_set(x, u, LOG_FELL_BACK, v->name);
    tell_unavailable(x, u, v);
}

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    const struct canary *c = u->conf;
    struct state *st = u->state;
    if (weir_cluster_chosen(x))
        return WEIR_NEXT;
    canary_choose(x, c, &st->choice);
    const uint8_t chosen = st->choice.ref.variant;
    st->decided = true;
    st->fell_back = must_fall_back(x, c, chosen);
    st->serving = st->fell_back ? (uint8_t)c->primary : chosen;
    note_choice(x, u);
    const struct variant *v = &c->variants[st->serving];
    weir_variant_set(x, v->stats);
    weir_chain_use(x, v->chain);
    weir_cluster_set(x, v->cluster);
    return WEIR_NEXT;
}

/* -- on_result ------------------------------------------------------------------------------- */

static bool has_failed(const struct canary *c, const struct weir_attempt *at)
{
    const enum weir_failure failure = weir_attempt_failure(at);
    return failure ? !weir_attempt_blameless(at) && failures_has_failure(&c->failures, failure)
                   : failures_has_status(&c->failures, weir_attempt_status(at));
}

static enum weir_verdict hide(struct weir_exchange *x, const struct canary *c, struct state *st)
{
    const struct variant *primary = canary_primary(c);
    const struct weir_retry r = {.cluster = primary->cluster, .chain = primary->chain};
    const struct split_ref ref = st->choice.ref;
    if (!st->choice.counted || !split_cell_hide(c->cell, ref, c->max_hidden))
        return WEIR_NEXT;
    if (weir_retry(x, &r) != WEIR_RETRY) {
        split_cell_unhide(c->cell, ref);
        return WEIR_NEXT;
    }
    st->hidden = true;
    st->serving = (uint8_t)c->primary;
    return WEIR_RETRY;
}

/* Of attempts on the variant itself; what the primary makes of a hidden failure isn't the
 * variant's.
 */
static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    const struct canary *c = u->conf;
    struct state *st = u->state;
    const struct variant *v = &c->variants[st->serving];
    if (!st->decided || st->hidden || weir_attempt_cluster(at) != v->cluster)
        return WEIR_NEXT;
    st->failed = has_failed(c, at);
    if (!st->failed || c->on_failure != ANSWER_PRIMARY || st->serving == c->primary)
        return WEIR_NEXT;
    const enum weir_verdict said = hide(x, c, st);
    count(x, v, said == WEIR_RETRY ? COUNT_HIDDEN : COUNT_NOT_HIDDEN);
    return said;
}

/* -- on_response ----------------------------------------------------------------------------- */

static void set_cookie(struct weir_exchange *x, struct weir_slice name, struct weir_slice value,
                       const struct cookie_attributes *a)
{
    static const struct weir_slice https = WEIR_SLICE("https");
    const struct weir_name field = weir_name((struct weir_slice)WEIR_SLICE("set-cookie"));
    char text[SET_COOKIE];
    size_t n;
    if (cookie_text(text, sizeof text, &n, name, value, a, slice_eq(weir_scheme(x), https)))
        weir_field_add(x, WEIR_RESPONSE, &field, weir_dup(x, (struct weir_slice){text, n}));
}

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct canary *c = u->conf;
    const struct state *st = u->state;
    if (!st->decided)
        return;
    const struct weir_slice name = c->variants[st->serving].name;
    if (c->response_header.text.p)
        weir_field_set(x, WEIR_RESPONSE, &c->response_header, name);
    if (st->choice.issue.n)
        set_cookie(x, c->sticky.name, st->choice.issue, &c->attributes);
    if (c->variant_cookie.n && !slice_eq(weir_cookie(x, c->variant_cookie), name))
        set_cookie(x, c->variant_cookie, name, &c->name_attributes);
}

/* -- on_end ---------------------------------------------------------------------------------- */

/* A response that broke off when its head was sent already can't be hidden any more. */
static void on_end(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at)
{
    const struct canary *c = u->conf;
    struct state *st = u->state;
    (void)x;
    if (st->decided && !st->hidden && weir_attempt_served(at) && weir_attempt_failure(at))
        st->failed = st->failed || has_failed(c, at);
}

/* -- on_done --------------------------------------------------------------------------------- */

/* No attempt could start. */
static bool was_unavailable(const struct weir_exchange *x, const struct canary *c,
                            const struct state *st)
{
    const enum weir_failure failure = weir_failure(x);
    return !st->hidden && failure == WEIR_FAILURE_NO_ENDPOINT &&
           failures_has_failure(&c->failures, failure);
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct canary *c = u->conf;
    const struct state *st = u->state;
    struct split_ref ref = st->choice.ref;
    if (!st->decided)
        return;
    if (st->hidden)
        weir_log_set(x, u, LOG_HIDDEN, (struct weir_slice)WEIR_SLICE("true"));
    const bool failed = st->failed || was_unavailable(x, c, st);
    if (failed)
        count(x, &c->variants[st->hidden ? ref.variant : st->serving], COUNT_ERRORS);
    if (!st->choice.counted)
        return;
    if (st->fell_back)
        split_cell_count(c->cell, ref, SPLIT_FELL_BACK);
    if (st->fell_back)
        ref.variant = (uint8_t)c->primary;
    split_cell_count(c->cell, ref, SPLIT_SENT);
    if (st->choice.by != STICKY_NONE)
        split_cell_count(c->cell, ref, SPLIT_PLACED);
    if (failed)
        split_cell_count(c->cell, ref, SPLIT_ERRORS);
}

/* -- processes ------------------------------------------------------------------------------- */

static void open_feeds(struct weir_process *p, struct canary_local *local)
{
    local->feeds = calloc(local->global->leases_n, sizeof *local->feeds);
    for (const struct canary *c = local->global->first; c && local->feeds; c = c->next) {
        if (c->lease)
            local->feeds[local->feeds_n++] =
                split_feed_open(p, &(struct split_feed_conf){.name = c->route,
                                                             .names = c->names,
                                                             .n = c->n,
                                                             .cell = c->cell,
                                                             .lease = c->lease,
                                                             .block = (uint64_t)c->fleet_block});
    }
}

static void tick(struct weir_process *p, void *local)
{
    struct canary_local *mine = local;
    (void)p;
    for (size_t i = 0; mine && i < mine->feeds_n; i++)
        if (mine->feeds[i])
            split_feed_tick(mine->feeds[i]);
}

/* From now on this generation's splits are those in force. */
static void *start(struct weir_process *p, const void *global)
{
    const struct canary_global *g = global;
    struct canary_local *local = malloc(sizeof *local);
    uint64_t *told = calloc(g->variants_n + 1, sizeof *told);
    if (!local || !told) {
        free(local);
        free(told);
        return NULL;
    }
    *local = (struct canary_local){.global = g, .told_us = told};
    for (const struct canary *c = g->first; c && weir_is_control(p); c = c->next)
        atomic_store(c->current, c->digest);
    if (g->leases_n && weir_fleet(p))
        open_feeds(p, local);
    return local;
}

static void stop(struct weir_process *p, void *local)
{
    struct canary_local *mine = local;
    (void)p;
    if (!mine)
        return;
    for (size_t i = 0; i < mine->feeds_n; i++)
        split_feed_close(mine->feeds[i]);
    free(mine->feeds);
    free(mine->told_us);
    free(mine);
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "canary",
    .summary = "divides requests among variants, exactly, and keeps users where they are",
    .global = {.rows = canary_global_rows, .size = sizeof(struct canary_global)},
    .route = {.rows = canary_route_rows, .size = sizeof(struct canary)},
    .state_size = sizeof(struct state),
    .ends_route = true,
    .log_fields = log_fields,
    .counters = canary_counters,
    .commands = canary_commands,
    .explain = canary_explain,
    .load = canary_load,
    .load_route = canary_load_route,
    .unload_use = canary_unload_use,
    .start = start,
    .stop = stop,
    .tick = tick,
    .on_plan = on_plan,
    .on_result = on_result,
    .on_end = on_end,
    .on_response = on_response,
    .on_done = on_done,
};
