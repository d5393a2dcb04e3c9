/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of a route's uses: the circuit of the route, which is judged by what clients get. So a
 * failure that was hidden from them (a retry, another variant) isn't one, and neither is what
 * modules or limits have refused: the route may have several clusters, with circuits of their own.
 */
#include "breaker/breaker.h"
#include "common/slice.h"

static const struct weir_slice nobody = {NULL, 0};

static bool ask(struct weir_exchange *x, const struct weir_use *u, const struct circuit *c,
                enum machine_says *says)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct weir_process *p = weir_process_of(x);
    const struct machine_clock clock = breaker_clock(p);
    struct circuit_event event;
    *says = circuit_ask(*c, clock, &st->ticket, &event);
    breaker_report(p, b, nobody, &event);
    st->asked = machine_lets(*says);
    const uint64_t until = machine_look(c->machine).until_ms;
    st->open_ms = until > clock.now_ms ? until - clock.now_ms : 1;
    return st->asked;
}

static void note(struct weir_exchange *x, const struct weir_use *u, enum machine_says says)
{
    const struct breaker *b = u->conf;
    const struct breaker_state *st = u->state;
    weir_log_set(x, u, LOG_STATE,
                 slice_str(machine_state_name((enum machine_state)st->ticket.state)));
    if (says != MACHINE_PROBE)
        return;
    weir_log_set(x, u, LOG_DECISION, slice_str("probe"));
    weir_count(weir_process_of(x), b->counters, COUNT_PROBES, 1);
}

static enum weir_verdict refuse(struct weir_exchange *x, const struct weir_use *u,
                                enum breaker_reject why)
{
    const struct breaker *b = u->conf;
    const struct fallback_group *f = &b->fallback;
    if (!f->place.file || f->cluster == WEIR_NO_CLUSTER || !weir_cluster_set(x, f->cluster))
        return breaker_refuse(x, u, why);
    weir_count(weir_process_of(x), b->rejects[why], 0, 1);
    weir_count(weir_process_of(x), b->counters, COUNT_FELL_BACK, 1);
    weir_log_set(x, u, LOG_DECISION, slice_str("fallback"));
    return WEIR_NEXT;
}

enum weir_verdict breaker_route_plan(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    struct circuit c;
    enum machine_says says;
    if (!breaker_is_on(b) || !breaker_circuit_at(b, WEIR_NO_SLOT, &c))
        return WEIR_NEXT;
    if (!ask(x, u, &c, &says))
        return refuse(x, u, breaker_reject_of(says));
    note(x, u, says);
    return WEIR_NEXT;
}

static void tell(struct weir_exchange *x, const struct weir_use *u, enum judgement j)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct weir_process *p = weir_process_of(x);
    struct circuit c;
    struct circuit_event event;
    if (!st->asked || !breaker_circuit_at(b, WEIR_NO_SLOT, &c))
        return;
    st->asked = false;
    if (j == SAYS_NOTHING) {
        machine_back(c.machine, st->ticket);
        return;
    }
    st->open = j == WENT_WELL;
    st->where = circuit_result(c, breaker_clock(p), st->ticket,
                               (struct circuit_call){.failed = j == HAS_FAILED,
                                                     .open = st->open,
                                                     .took_us = weir_took_us(x)},
                               &event);
    breaker_report(p, b, nobody, &event);
}

static void tell_end(struct weir_exchange *x, const struct weir_use *u, enum judgement j)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct weir_process *p = weir_process_of(x);
    struct circuit c;
    struct circuit_event event;
    if (!st->open || !breaker_circuit_at(b, WEIR_NO_SLOT, &c))
        return;
    st->open = false;
    if (j == SAYS_NOTHING)
        return;
    circuit_end(c, breaker_clock(p), st->ticket,
                (struct circuit_ended){.failed = j == HAS_FAILED, .where = st->where}, &event);
    breaker_report(p, b, nobody, &event);
}

static enum judgement judge_own(const struct weir_exchange *x, const struct breaker *b)
{
    if (weir_blameless(x) && !weir_injected(x))
        return SAYS_NOTHING;
    return outcomes_has_failure(&b->circuit.outcomes, weir_failure(x)) ? HAS_FAILED : SAYS_NOTHING;
}

static enum judgement judge_response(const struct weir_exchange *x, const struct breaker *b)
{
    const struct outcomes *o = &b->circuit.outcomes;
    if (outcomes_has_status(o, weir_status(x)))
        return HAS_FAILED;
    const bool failed =
        o->grpc && outcomes_has_grpc(o, weir_field(x, WEIR_RESPONSE, &b->grpc_status));
    return failed ? HAS_FAILED : WENT_WELL;
}

/* An answer of a backend is judged by its head, and then by its end; one of the gateway's own by its
 * reason. */
void breaker_route_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    tell(x, u, weir_own_answer(x) ? judge_own(x, b) : judge_response(x, b));
}

void breaker_route_end(struct weir_exchange *x, const struct weir_use *u,
                       const struct weir_attempt *at)
{
    if (weir_attempt_served(at))
        tell_end(x, u, breaker_judge_end(u->conf, at));
}

/* What is left: an exchange without any answer, and a tunnel, which went well. */
void breaker_route_done(struct weir_exchange *x, const struct weir_use *u)
{
    tell(x, u, judge_own(x, u->conf));
    tell_end(x, u, WENT_WELL);
}
