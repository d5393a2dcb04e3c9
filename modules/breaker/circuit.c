/* SPDX-License-Identifier: Apache-2.0 */
/* A probe is judged by itself; other calls by the window they are counted in. While a circuit
 * closes slowly, as many bad calls as there were probes are enough: there is little traffic, and a
 * backend that has just failed is not given the benefit of the doubt. */
#include "breaker/circuit.h"

#include <stdio.h>

enum { MILLION = 1000000, PERCENT = 10000 };

enum machine_says circuit_ask(struct circuit c, struct machine_clock clock,
                              struct machine_ticket *ticket, struct circuit_event *event)
{
    *event = (struct circuit_event){0};
    return machine_admit(c.machine, &c.conf->machine, clock, ticket, &event->change);
}

void circuit_tick(struct circuit c, struct machine_clock clock, struct circuit_event *event)
{
    *event = (struct circuit_event){0};
    machine_tick(c.machine, &c.conf->machine, clock, &event->change);
}

static bool is_over(uint32_t part, uint32_t whole, uint32_t millionths)
{
    return millionths && (uint64_t)part * MILLION >= (uint64_t)whole * millionths;
}

enum circuit_reason circuit_judge(const struct circuit_conf *conf, enum machine_state state,
                                  const struct window_sums *s)
{
    const bool ramp = state >= MACHINE_RAMP_10 && state <= MACHINE_RAMP_50;
    const uint32_t probes = conf->machine.probes;
    const uint32_t least = ramp && probes < conf->min_requests ? probes : conf->min_requests;
    if (conf->consecutive && s->in_row >= conf->consecutive)
        return CIRCUIT_CONSECUTIVE;
    if (!s->calls || s->calls < least)
        return CIRCUIT_FINE;
    if (s->failed && is_over(s->failed, s->calls, conf->error_rate))
        return CIRCUIT_ERRORS;
    if (s->slow && is_over(s->slow, s->calls, conf->slow_rate))
        return CIRCUIT_SLOW;
    return CIRCUIT_FINE;
}

static void probe_ended(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                        bool bad, struct circuit_event *event)
{
    if (bad)
        machine_bad(c.machine, &c.conf->machine, clock, ticket, &event->change);
    else
        machine_good(c.machine, &c.conf->machine, clock, ticket, &event->change);
}

static void judge(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                  struct circuit_event *event)
{
    const struct circuit_conf *conf = c.conf;
    const struct window_sums sums =
        window_sum(c.window, conf->window, clock.now_ms, ticket.version);
    const enum circuit_reason reason = circuit_judge(conf, (enum machine_state)ticket.state, &sums);
    if (reason == CIRCUIT_FINE)
        return;
    machine_trip(c.machine, &conf->machine, clock, ticket, &event->change);
    event->reason = reason;
    event->sums = sums;
}

uint64_t circuit_result(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                        struct circuit_call call, struct circuit_event *event)
{
    const struct circuit_conf *conf = c.conf;
    const bool slow = conf->slow_rate && call.took_us >= conf->slow_us;
    const struct window_call counted = {
        .version = ticket.version, .failed = call.failed, .slow = slow, .open = call.open};
    *event = (struct circuit_event){0};
    if (ticket.says == MACHINE_PROBE)
        probe_ended(c, clock, ticket, call.failed || slow, event);
    if (ticket.says != MACHINE_YES)
        return 0;
    const uint64_t where = window_add(c.window, conf->window, clock.now_ms, counted);
    if (call.failed || slow)
        judge(c, clock, ticket, event);
    return where;
}

static void probe_broke_off(struct circuit c, struct machine_clock clock,
                            struct machine_ticket ticket, struct circuit_event *event)
{
    machine_bad(c.machine, &c.conf->machine, clock, ticket, &event->change);
    if (!event->change.changed && machine_follow(c.machine, &c.conf->machine, &ticket))
        (void)circuit_result(c, clock, ticket, (struct circuit_call){.failed = true}, event);
}

void circuit_end(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                 struct circuit_ended how, struct circuit_event *event)
{
    *event = (struct circuit_event){0};
    if (ticket.says == MACHINE_PROBE && how.failed)
        probe_broke_off(c, clock, ticket, event);
    if (ticket.says != MACHINE_YES)
        return;
    window_end(c.window, c.conf->window, clock.now_ms,
               (struct window_call){.version = ticket.version, .failed = how.failed}, how.where);
    if (how.failed)
        judge(c, clock, ticket, event);
}

static int print_figures(char *to, size_t capacity, const struct circuit_conf *conf,
                         const struct circuit_event *e)
{
    const struct window_sums *s = &e->sums;
    switch (e->reason) {
    case CIRCUIT_CONSECUTIVE:
        return snprintf(to, capacity, "%u calls in a row failed (consecutive = %u)", s->in_row,
                        conf->consecutive);
    case CIRCUIT_ERRORS:
        return snprintf(to, capacity, "%u of %u calls failed (error_rate = %g%%)", s->failed,
                        s->calls, (double)conf->error_rate / PERCENT);
    case CIRCUIT_SLOW:
        return snprintf(to, capacity, "%u of %u calls took %llu ms or more (slow_rate = %g%%)",
                        s->slow, s->calls, (unsigned long long)(conf->slow_us / 1000),
                        (double)conf->slow_rate / PERCENT);
    default:
        return snprintf(to, capacity, "%s", machine_cause_text(e->change.cause));
    }
}

size_t circuit_figures(char *to, size_t capacity, const struct circuit_conf *conf,
                       const struct circuit_event *event)
{
    const int n = print_figures(to, capacity, conf, event);
    return n < 0 ? 0 : (size_t)n < capacity ? (size_t)n : capacity - 1;
}
