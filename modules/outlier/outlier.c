/* SPDX-License-Identifier: Apache-2.0 */
/* Takes endpoints out of use that fail while others don't, and lets them back in carefully. It is
 * on for every cluster, for attempts without a whole response (five in a row, for 30 s times n):
 *
 *     outlier = { consecutive_5xx = 10; success_rate = { }; max_ejection_percent = "30%"; };
 *
 * docs/outlier.md is the guide. Here are the hooks. Runs are judged at once, in the worker that
 * sees the last of them; what needs figures of an interval, and what only the time brings, is the
 * control process's (tick.c). What is decided by lies in verdict.c, runs.c and ejection.c, what is
 * done about it in act.c.
 *
 * An attempt is booked once: at its head when that is bad by the settings, else when its content has
 * ended, since a response may break off. A probe is decided by its head, as its content may never end; one that
 * breaks off afterwards is a failed probe as long as the endpoint is half-open, and a failure like
 * others when it is back already.
 *
 * Costs: a good response of a cluster where nobody has failed lately is one load in the core, and
 * no call. on_pick is asked for endpoints alone that are half-open (or refused). */

#include <stdio.h>
#include <stdlib.h>

#include "outlier/act.h"
#include "outlier/share.h"

enum { PERMITS = 4, FIGURES = 160 };

/* Probes that an exchange has under way; a hedge may make it two. */
struct state {
    struct {
        weir_slot slot;
        uint32_t round;   /* 0: none */
        unsigned attempt; /* whose head was good; 0: none has come yet */
    } permits[PERMITS];
};

static unsigned take_permit(struct state *st, weir_slot slot, unsigned attempt)
{
    for (size_t i = 0; i < PERMITS; i++)
        if (st->permits[i].round && st->permits[i].slot == slot &&
            st->permits[i].attempt == attempt) {
            const unsigned round = st->permits[i].round;
            st->permits[i].round = 0;
            return round;
        }
    return 0;
}

static bool keep_permit(struct state *st, weir_slot slot, unsigned round, unsigned attempt)
{
    for (size_t i = 0; i < PERMITS; i++)
        if (!st->permits[i].round) {
            st->permits[i].slot = slot;
            st->permits[i].round = round;
            st->permits[i].attempt = attempt;
            return true;
        }
    return false;
}

/* -- on_pick ----------------------------------------------------------------------------------- */

static enum weir_verdict refuse(struct weir_exchange *x, const struct outlier *o)
{
    weir_count(weir_process_of(x), o->counters, COUNT_REFUSED, 1);
    return weir_veto(x, "ejected");
}

static enum weir_verdict on_pick(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep)
{
    const struct outlier *o = u->conf;
    struct weir_process *p = weir_process_of(x);
    const weir_slot slot = weir_endpoint_slot(ep);
    struct outlier_cell *cell = o->cells ? weir_endpoint_cell(o->cells, slot) : NULL;
    unsigned round;
    if (!cell || !o->enabled)
        return WEIR_NEXT;
    const enum permit permit =
        ejection_ask(&cell->ejection, &o->rules, weir_now_us(p) / 1000, &round);
    if (permit == PERMIT_FREE)
        return WEIR_NEXT;
    if (permit == PERMIT_NONE)
        return refuse(x, o);
    if (!keep_permit(u->state, slot, round, 0)) {
        ejection_probe_void(&cell->ejection, round);
        return refuse(x, o);
    }
    weir_count(p, o->counters, COUNT_PROBES, 1);
    return WEIR_NEXT;
}

static void on_unpick(struct weir_exchange *x, const struct weir_use *u,
                      const struct weir_endpoint *ep)
{
    const struct outlier *o = u->conf;
    const weir_slot slot = weir_endpoint_slot(ep);
    struct outlier_cell *cell = o->cells ? weir_endpoint_cell(o->cells, slot) : NULL;
    const unsigned round = take_permit(u->state, slot, 0);
    (void)x;
    if (cell && round)
        ejection_probe_void(&cell->ejection, round);
}

/* -- on_result, on_end ------------------------------------------------------------------------ */

/* What an error over gRPC says is 200, with the rest in the head when there is no content, else in the
 * trailers. */
static int head_status(const struct outlier *o, const struct weir_attempt *at)
{
    const int status = weir_attempt_status(at);
    if (!o->grpc || status != 200)
        return status;
    return outcome_grpc(weir_attempt_field(at, &o->grpc_status));
}

static int status_of(const struct outlier *o, const struct weir_attempt *at)
{
    const int status = head_status(o, at);
    if (!o->grpc || status != 200)
        return status;
    return outcome_grpc(weir_attempt_trailer(at, &o->grpc_status));
}

static const char *outcome_text(const struct subject *s, const struct weir_attempt *at,
                                char text[FIGURES])
{
    const char *why = weir_attempt_why(at);
    if (why)
        snprintf(text, FIGURES, "%s", why);
    else
        snprintf(text, FIGURES, "status %d", status_of(s->o, at));
    return text;
}

static bool fail_probe(const struct subject *s, const struct weir_attempt *at, unsigned round)
{
    char text[FIGURES], figures[2 * FIGURES];
    snprintf(figures, sizeof figures, "a probe has failed (%s)", outcome_text(s, at, text));
    return outlier_probe_failed(s, round, figures);
}

static void on_probe(const struct subject *s, const struct weir_attempt *at, unsigned round,
                     enum outcome outcome)
{
    if (outcome == OUTCOME_NONE)
        ejection_probe_void(&s->cell->ejection, round);
    else if (!s->o->bad[outcome])
        outlier_probe_succeeded(s, round);
    else
        (void)fail_probe(s, at, round);
}

/* The reason that says most: who fails to answer has a run of each kind. */
static void judge_runs(const struct subject *s, const struct weir_attempt *at,
                       const uint32_t runs[RUN_N])
{
    static const char *const names[] = {"attempts without a whole response", "gateway errors",
                                        "server errors"};
    char text[FIGURES], figures[2 * FIGURES];
    for (unsigned i = 0; i < RUN_N; i++) {
        if (!s->o->consecutive[i] || runs[i] < s->o->consecutive[i])
            continue;
        snprintf(figures, sizeof figures, "%u %s in a row (the last: %s)", runs[i], names[i],
                 outcome_text(s, at, text));
        outlier_eject(s, &(struct reason){i, s->o->enforcing[i], figures});
        return;
    }
}

static void keep_figures(struct outlier_cell *cell, enum outcome outcome)
{
    atomic_fetch_add_explicit(&cell->total, 1, memory_order_relaxed);
    if (outcome == OUTCOME_FAILURE)
        atomic_fetch_add_explicit(&cell->failures, 1, memory_order_relaxed);
    else if (outcome_is_bad(outcome))
        atomic_fetch_add_explicit(&cell->errors, 1, memory_order_relaxed);
}

/* Did it begin before the endpoint was last ejected? Then it says how things were, not how they
 * are: an endpoint that hangs has many attempts that time out one after the other. */
static bool is_late(const struct subject *s, const struct weir_attempt *at)
{
    const uint64_t began_us = weir_now_us(s->p) - weir_attempt_took_us(at);
    return began_us / 1000 < atomic_load(&s->cell->back_ms);
}

static void book(const struct subject *s, const struct weir_attempt *at, enum outcome outcome)
{
    uint32_t runs[RUN_N];
    if (outcome == OUTCOME_NONE || !ejection_possible(ejection_look(&s->cell->ejection).phase))
        return;
    if (s->o->rates)
        keep_figures(s->cell, outcome);
    if (!outcome_is_bad(outcome)) {
        runs_clear(&s->cell->runs);
        return;
    }
    runs_add(&s->cell->runs, outcome, s->o->split, runs);
    if (!atomic_load(&s->o->shared->watch))
        atomic_store(&s->o->shared->watch, 1);
    judge_runs(s, at, runs);
}

/* False: the attempt is none of this use's. */
static bool find_subject(struct weir_exchange *x, const struct weir_use *u,
                         const struct weir_attempt *at, struct subject *s)
{
    const struct outlier *o = u->conf;
    const weir_slot slot = weir_attempt_slot(at);
    struct outlier_cell *cell = o->cells ? weir_endpoint_cell(o->cells, slot) : NULL;
    *s = (struct subject){weir_process_of(x), o, slot, weir_attempt_endpoint(at), cell};
    return cell && o->enabled && weir_attempt_cluster(at) == o->cluster;
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    struct subject s;
    if (!find_subject(x, u, at, &s))
        return WEIR_NEXT;
    const bool more = weir_attempt_goes_on(at);
    const unsigned round = take_permit(u->state, s.slot, 0);
    const enum outcome outcome =
        outcome_of(weir_attempt_failure(at), head_status(s.o, at), weir_attempt_blameless(at));
    if (round)
        on_probe(&s, at, round, outcome);
    else if ((s.o->bad[outcome] || !more) && !is_late(&s, at))
        book(&s, at, outcome);
    if (round && more && outcome != OUTCOME_NONE && !s.o->bad[outcome])
        (void)keep_permit(u->state, s.slot, round, weir_attempt_number(at));
    return WEIR_NEXT;
}

/* A response that was cut short is what its head was; unless a fault has had a part in it. */
static bool says_nothing(const struct weir_attempt *at)
{
    return weir_attempt_blameless(at) && (weir_attempt_failure(at) || weir_attempt_injected(at));
}

/* Then it is booked already. */
static bool was_bad(const struct outlier *o, const struct weir_attempt *at)
{
    return o->bad[outcome_of(WEIR_FAILURE_NONE, head_status(o, at), false)];
}

/* A probe began before the endpoint came back, and is not late for that. */
static void on_end(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at)
{
    struct subject s;
    if (!find_subject(x, u, at, &s) || was_bad(s.o, at))
        return;
    const unsigned round = take_permit(u->state, s.slot, weir_attempt_number(at));
    const enum outcome outcome =
        outcome_of(weir_attempt_failure(at), status_of(s.o, at), says_nothing(at));
    if (round && s.o->bad[outcome] && fail_probe(&s, at, round))
        return;
    if (round ? outcome_is_bad(outcome) : !is_late(&s, at))
        book(&s, at, outcome);
}

/* -- processes -------------------------------------------------------------------------------- */

/* From now on this generation decides, and not the one before, which drains. */
static void take_over(const struct outlier *o)
{
    uint64_t had = o->shared ? atomic_load(&o->shared->current) : UINT64_MAX;
    while (had < o->generation &&
           !atomic_compare_exchange_weak(&o->shared->current, &had, o->generation))
        ;
}

static void *start(struct weir_process *p, const void *global)
{
    const struct outliers *all = global;
    struct outlier_local *local = calloc(1, sizeof *local + all->n * sizeof local->watches[0]);
    if (!local)
        return NULL;
    local->all = all;
    for (const struct outlier *o = all->first; o && weir_is_control(p); o = o->next) {
        take_over(o);
        local->watches[o->number].share = outlier_share_open(p, o);
    }
    return local;
}

static void stop(struct weir_process *p, void *local)
{
    struct outlier_local *mine = local;
    (void)p;
    for (unsigned i = 0; mine && i < mine->all->n; i++)
        outlier_share_close(mine->watches[i].share);
    free(mine);
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "outlier",
    .summary = "takes endpoints out of use that fail while others don't",
    .global = {.rows = outliers_rows, .size = sizeof(struct outliers)},
    .cluster = {.rows = outlier_rows, .size = sizeof(struct outlier)},
    .state_size = sizeof(struct state),
    .guards = true,
    .failures_only = true,
    .counters = outlier_counters,
    .gauges = outlier_gauges,
    .commands = outlier_commands,
    .load = outlier_load,
    .load_cluster = outlier_load_cluster,
    .start = start,
    .stop = stop,
    .tick = outlier_tick,
    .explain = outlier_explain,
    .on_pick = on_pick,
    .on_unpick = on_unpick,
    .on_result = on_result,
    .on_end = on_end,
};
