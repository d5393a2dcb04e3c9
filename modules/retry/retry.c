/* SPDX-License-Identifier: Apache-2.0 */
/* Another attempt for requests whose first one failed, as far as that can do no harm:
 *
 *     retry = { attempts = 3; on = [ "connect_failed", "reset", "gateway_error" ];
 *               per_try_timeout = "500ms"; };
 *
 * docs/retry.md is the guide. Here are the hooks. What they decide by is in conditions.c (after
 * which outcomes, for whom), wait.c (when) and percentile.c (when a slow attempt gets one beside
 * it). The core takes care of the rest: budgets, content that is kept, endpoints that were tried
 * already, and the earlier answer, which the client gets when the retry has none.
 *
 * An exchange has at most one attempt that failed and waits for its successor; with hedges two may
 * run at a time, and the failure of one means nothing as long as the other runs. */

#include "retry/retry.h"

#include "common/slice.h"

static const char *const log_fields[] = {
    [LOG_ON] = "on", [LOG_STOPPED] = "stopped", [LOG_FELL_BACK] = "fell_back",
    [LOG_HEDGE] = "hedge", NULL};

/* Of one exchange. */
struct state {
    unsigned hedge;  /* the number of the attempt that is one; 0: none */
    uint8_t retries; /* that were granted */
    uint8_t open;    /* attempts that run; where there are no hedges, without the first */
    bool failing;    /* the last attempt has failed, in the sense of `on` */
    bool stopped;    /* there is no other one, and that was told */
    bool fell_back;
};

static void count(struct weir_exchange *x, const struct retry *c, enum retry_counter what)
{
    weir_count(weir_process_of(x), c->counters, what, 1);
}

static bool may_repeat(const struct weir_exchange *x, const struct retry *c)
{
    return c->methods.n ? slice_among(&c->methods, weir_method(x)) : weir_idempotent(x);
}

/* -- before attempts ------------------------------------------------------------------------- */

/* In ms, rounded up; 0: not yet known. */
static uint64_t hedge_delay_ms(struct weir_exchange *x, const struct hedge_conf *h)
{
    if (!h->latency)
        return (h->delay.fixed_us + 999) / 1000;
    const uint64_t us = latency_recent(h->latency, &h->percentile, weir_now_us(weir_process_of(x)));
    const uint64_t ms = (us + 999) / 1000;
    if (!us)
        return 0;
    if (ms < h->min_ms)
        return h->min_ms;
    return ms < h->max_ms ? ms : h->max_ms;
}

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct retry *c = u->conf;
    if (!c->enabled)
        return WEIR_NEXT;
    if (c->per_try_timeout_ms || c->per_try_idle_timeout_ms)
        weir_try_limits(x, c->per_try_timeout_ms, c->per_try_idle_timeout_ms);
    const uint64_t ms =
        c->hedge.delay_text.n && may_repeat(x, c) ? hedge_delay_ms(x, &c->hedge) : 0;
    if (ms)
        weir_hedge(x, ms);
    return WEIR_NEXT;
}

static void on_attempt(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at)
{
    const struct retry *c = u->conf;
    struct state *st = u->state;
    const unsigned number = weir_attempt_number(at);
    st->failing = false;
    st->open++;
    if (number == 1 || !c->enabled)
        return;
    if (c->attempt_header.text.p)
        weir_field_set(x, WEIR_INWARD, &c->attempt_header, weir_printf(x, "%u", number));
    if (c->hedge.delay_text.n && st->open > 1) {
        st->hedge = number;
        count(x, c, COUNT_HEDGES);
    }
}

/* -- another attempt ------------------------------------------------------------------------- */

static enum weir_verdict fall_back(struct weir_exchange *x, const struct weir_use *u)
{
    const struct retry *c = u->conf;
    struct state *st = u->state;
    const struct weir_retry r = {
        .cluster = c->then.cluster, .unsafe = true, .chain = c->then.chain};
    if (r.cluster == WEIR_NO_CLUSTER || st->fell_back || weir_retry(x, &r) != WEIR_RETRY)
        return WEIR_NEXT;
    st->fell_back = true;
    count(x, c, COUNT_FELL_BACK);
    weir_log_set(x, u, LOG_FELL_BACK, c->then.cluster_name);
    return WEIR_RETRY;
}

/* There is no other attempt on this cluster, for this reason: the first one that is found, also
 * when the cluster of `then` fails after that. */
static void stop(struct weir_exchange *x, const struct weir_use *u, enum retry_counter what,
                 const char *reason)
{
    struct state *st = u->state;
    if (st->stopped)
        return;
    st->stopped = true;
    count(x, u->conf, what);
    weir_log_set(x, u, LOG_STOPPED, slice_str(reason));
}

/* Where another hook has arranged for an attempt, nothing has stopped. */
static void stop_refused(struct weir_exchange *x, const struct weir_use *u)
{
    const char *reason = weir_retry_refused(x);
    if (!reason)
        reason = "refused";
    if (!slice_eq(slice_str(reason), slice_str("taken")))
        stop(x, u, slice_eq(slice_str(reason), slice_str("budget")) ? COUNT_BUDGET : COUNT_REFUSED,
             reason);
}

static enum weir_verdict repeat(struct weir_exchange *x, const struct weir_use *u,
                                const struct weir_attempt *at, const char *word)
{
    const struct retry *c = u->conf;
    struct state *st = u->state;
    const struct retry_wait wait = retry_wait_for(x, u, at, st->retries + 1u);
    if (wait.too_long) {
        stop(x, u, COUNT_TOO_LONG, "retry_after");
        return WEIR_NEXT;
    }
    const struct weir_retry r = {
        .cluster = weir_attempt_cluster(at), .delay_ms = wait.ms, .unsafe = true};
    if (weir_retry(x, &r) != WEIR_RETRY) {
        stop_refused(x, u);
        return WEIR_NEXT;
    }
    st->retries++;
    count(x, c, COUNT_REPEATED);
    if (wait.asked)
        count(x, c, COUNT_ASKED);
    weir_log_set(x, u, LOG_ON, slice_str(word));
    return WEIR_RETRY;
}

/* What may have been processed, and must not be twice, goes nowhere; everything else to the same
 * cluster first, then to that of `then`. */
static enum weir_verdict again(struct weir_exchange *x, const struct weir_use *u,
                               const struct weir_attempt *at, enum worth worth, const char *word)
{
    const struct retry *c = u->conf;
    const struct state *st = u->state;
    enum weir_verdict said = WEIR_NEXT;
    if (worth == WORTH_METHOD && !may_repeat(x, c)) {
        stop(x, u, COUNT_REFUSED, "method");
        return WEIR_NEXT;
    }
    if (st->fell_back || st->retries + 1 >= c->attempts)
        stop(x, u, COUNT_EXHAUSTED, "attempts");
    else
        said = repeat(x, u, at, word);
    return said == WEIR_RETRY ? said : fall_back(x, u);
}

/* -- after attempts -------------------------------------------------------------------------- */

static bool has_field(const struct retry *c, const struct weir_attempt *at)
{
    const struct field_conf *f = c->on_headers.v;
    for (size_t i = 0; i < c->on_headers.n; i++)
        if (value_match_has(&f[i].value, weir_attempt_field(at, &f[i].field)))
            return true;
    return false;
}

static enum worth judge(const struct weir_use *u, const struct weir_attempt *at, const char **word)
{
    const struct retry *c = u->conf;
    const struct retry_global *g = u->global;
    struct outcome o = {.failure = weir_attempt_failure(at),
                        .sent = weir_attempt_sent(at),
                        .status = weir_attempt_status(at),
                        .grpc = -1};
    if (!o.failure && c->on.grpc)
        o.grpc = grpc_code(weir_attempt_field(at, &g->grpc_status));
    if (!o.failure && c->on_headers.n)
        o.field = has_field(c, at);
    return conditions_match(&c->on, &o, word);
}

/* A first attempt that lost would have taken longer: better a sample that is too low than none.
 * That of a hedge that lost would be far too low, as it began late. */
static void note_latency(struct weir_exchange *x, const struct hedge_conf *h,
                         const struct state *st, const struct weir_attempt *at)
{
    const enum weir_failure failure = weir_attempt_failure(at);
    const bool lost = failure == WEIR_FAILURE_HEDGE_LOST;
    if (h->latency && (!failure || (lost && weir_attempt_number(at) != st->hedge)))
        latency_add(h->latency, &h->percentile, weir_now_us(weir_process_of(x)),
                    weir_attempt_took_us(at));
}

static void note_hedge(struct weir_exchange *x, const struct weir_use *u,
                       const struct weir_attempt *at, bool good)
{
    const struct retry *c = u->conf;
    const struct state *st = u->state;
    if (!st->hedge || weir_attempt_number(at) != st->hedge)
        return;
    count(x, c, good ? COUNT_HEDGES_WON : COUNT_HEDGES_WASTED);
    weir_log_set(x, u, LOG_HEDGE, slice_str(good ? "won" : "wasted"));
}

/* The other attempt of a hedge runs already: it is what comes after this one, and costs no more. */
static enum weir_verdict leave_to_other(struct weir_exchange *x, const struct weir_attempt *at)
{
    const struct weir_retry r = {.cluster = weir_attempt_cluster(at), .unsafe = true};
    return weir_retry(x, &r);
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    const struct retry *c = u->conf;
    struct state *st = u->state;
    const char *word = NULL;
    if (!c->enabled)
        return WEIR_NEXT;
    if (st->open)
        st->open--;
    const enum worth worth = weir_attempt_repeated(at) ? WORTH_NOTHING : judge(u, at, &word);
    const bool good = !weir_attempt_failure(at) && worth == WORTH_NOTHING;
    note_latency(x, &c->hedge, st, at);
    note_hedge(x, u, at, good);
    st->failing = worth != WORTH_NOTHING;
    if (!st->failing)
        return WEIR_NEXT;
    return st->open ? leave_to_other(x, at) : again(x, u, at, worth, word);
}

static enum weir_verdict on_unavailable(struct weir_exchange *x, const struct weir_use *u)
{
    const struct retry *c = u->conf;
    return c->enabled ? fall_back(x, u) : WEIR_NEXT;
}

/* -- the end --------------------------------------------------------------------------------- */

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct retry *c = u->conf;
    const struct state *st = u->state;
    if ((st->retries || st->fell_back) && !st->failing && !weir_failure(x))
        count(x, c, COUNT_RECOVERED);
}

/* Before canary (0): a variant's failure is one when its retries are used up. */
const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "retry",
    .summary = "repeats what failed, within bounds, and hedges what is slow",
    .order = -1,
    .global = {.rows = retry_global_rows, .size = sizeof(struct retry_global)},
    .route = {.rows = retry_rows, .size = sizeof(struct retry)},
    .failures_only = true,
    .state_size = sizeof(struct state),
    .log_fields = log_fields,
    .counters = retry_counters,
    .explain = retry_explain,
    .load = retry_load,
    .load_route = retry_load_route,
    .unload_use = retry_unload_use,
    .on_forward = on_forward,
    .on_attempt = on_attempt,
    .on_unavailable = on_unavailable,
    .on_result = on_result,
    .on_done = on_done,
};
