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

static void tell(struct weir_exchange *x, const struct weir_use *u, bool knows, bool failed)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct weir_process *p = weir_process_of(x);
    struct circuit c;
    struct circuit_event event;
    if (!st->asked || !breaker_circuit_at(b, WEIR_NO_SLOT, &c))
        return;
    st->asked = false;
    if (!knows) {
        machine_back(c.machine, st->ticket);
        return;
    }
    circuit_result(c, breaker_clock(p), st->ticket,
                   (struct circuit_call){.failed = failed, .took_us = weir_took_us(x)}, &event);
    breaker_report(p, b, nobody, &event);
}

/* An answer of a backend is judged by its status, one of the gateway's own by its reason. */
void breaker_route_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    const struct outcomes *o = &b->circuit.outcomes;
    const char *why = weir_why(x);
    if (!weir_own_answer(x))
        tell(x, u, true, outcomes_has_status(o, weir_status(x)));
    else
        tell(x, u, outcomes_has_why(o, why), true);
}

void breaker_route_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    tell(x, u, outcomes_has_why(&b->circuit.outcomes, weir_why(x)), true);
}
