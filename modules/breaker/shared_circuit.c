/* SPDX-License-Identifier: Apache-2.0 */
/* One circuit that instances share. With each tick, and with each answer:
 *
 *     follow    the fleet's record comes into force here, or the circuit stays on its own
 *     count     what workers have counted goes to the fleet
 *     probe     half-open: permits that workers want are asked for, good probes are told of
 *     offer     what is due is offered as the next version
 *
 * Nothing here waits, and nothing is asked of the fleet while it isn't led; the machine does then
 * what it does without a fleet. */
#include "breaker/shared.h"

#include <stdio.h>

#include "common/slice.h"

enum { PATIENCE_LEAST_MS = 200, PATIENCE_MORE_MS = 300, FIGURES = 256 };
enum { SUM_CALLS, SUM_FAILED, SUM_SLOW }; /* of the window */

static uint64_t now_ms(const struct shared_circuit *s)
{
    return weir_now_us(s->process) / 1000;
}

static const struct machine_conf *machine_conf(const struct shared_circuit *s)
{
    return &s->circuit.conf->machine;
}

/* -- following --------------------------------------------------------------------------------- */

/* A record that was heard. Who hears of a version begins with it anew. */
static void note(struct shared_circuit *s, const struct weir_fleet_record *r, bool own)
{
    const bool news = !s->heard || r->version != s->record.fleet.version;
    s->heard = true;
    const bool reads = shared_record_read(&s->record, r, machine_conf(s), now_ms(s));
    if (!reads && !s->unreadable)
        weir_log(WEIR_LOG_WARN, "breaker_unreadable",
                 "%s %.*s: version %llu of what the fleet has, by %.*s, makes no sense here; it "
                 "decides by itself",
                 s->b->is_route ? "route" : "cluster", SLICE_ARG(s->b->owner),
                 (unsigned long long)r->version, SLICE_ARG(r->by));
    s->unreadable = !reads;
    s->record.own = own;
    if (!news)
        return;
    s->reason = CIRCUIT_FINE;
    s->sums = (struct window_sums){0};
    s->good = s->spent_ms = 0;
    s->patience_ms = own ? 0 : PATIENCE_LEAST_MS + weir_random(s->process) % (PATIENCE_MORE_MS + 1);
}

static void report(struct shared_circuit *s, const struct machine_change *change)
{
    if (s->record.own) {
        s->offered.change = *change;
        breaker_report(s->process, s->b, s->endpoint, &s->offered);
    } else if (change->from != change->to) {
        breaker_report_adopted(s->process, s->b, s->endpoint,
                               &(struct breaker_adopted){change, s->record.by, s->record.figures});
    }
}

static void set(struct shared_circuit *s, const struct machine_view *here)
{
    struct machine_change change;
    if (machine_set(s->circuit.machine, here, &s->record.state, s->record.fleet, &change))
        report(s, &change);
}

static void hold(struct shared_circuit *s)
{
    if (!s->holding)
        weir_event(
            WEIR_LOG_INFO, "breaker_holds",
            WEIR_FACTS(WEIR_FACT(s->b->is_route ? "route" : "cluster", s->b->owner),
                       WEIR_FACT("endpoint", s->endpoint)),
            "%s %.*s%s%.*s: it is not closed here, and closed for the fleet: it stays on its "
            "own until its probes have gone well",
            s->b->is_route ? "route" : "cluster", SLICE_ARG(s->b->owner),
            s->endpoint.n ? ", endpoint " : "", SLICE_ARG(s->endpoint));
    s->holding = true;
}

/* May the fleet lead it, for all that is known here? */
static bool may_lead(const struct shared_circuit *s, const struct machine_view *here)
{
    return s->heard && !s->unreadable && breaker_is_on(s->b) && here->mode == MACHINE_AUTO;
}

/* Workers stop making transitions before the state is set, so that none comes in between. A process
 * that hasn't heard anything yet leaves the lead of the one before it, which ends by itself. */
static void follow(struct shared_circuit *s)
{
    struct machine *m = s->circuit.machine;
    const uint64_t until = weir_fleet_until_ms(s->cell);
    const struct machine_view here = machine_look(m);
    const struct machine_bound bound = machine_bound(m);
    const bool may = until > now_ms(s) && may_lead(s, &here);
    const enum shared_turn turn = shared_turn(&s->record, &bound, &here);
    s->led = may && turn != SHARED_HOLD;
    if (may && turn == SHARED_HOLD)
        hold(s);
    else
        s->holding = false;
    if (s->heard)
        machine_lead(m, s->led ? until : 0);
    if (s->led && turn == SHARED_SET)
        set(s, &here);
    else if (s->led && turn == SHARED_BIND)
        machine_bind(m, here.version, s->record.fleet);
}

/* What the state here is, if it is the record's, and is led. */
static bool is_in_force(const struct shared_circuit *s, struct machine_view *here)
{
    const struct machine_bound bound = machine_bound(s->circuit.machine);
    *here = machine_look(s->circuit.machine);
    return s->led && shared_turn(&s->record, &bound, here) == SHARED_SAME;
}

/* -- offering ---------------------------------------------------------------------------------- */

static struct shared_facts facts(const struct shared_circuit *s, const struct machine_view *here)
{
    return (struct shared_facts){
        .here = *here,
        .too_much = s->reason != CIRCUIT_FINE,
        .bad = machine_probing(s->circuit.machine, here->version).bad,
        .good = s->good,
        .spent_ms = s->spent_ms,
        .patience_ms = s->patience_ms,
    };
}

static void offer(struct shared_circuit *s)
{
    struct machine_view here;
    struct shared_fields fields;
    enum machine_cause cause;
    char figures[FIGURES];
    if (!is_in_force(s, &here))
        return;
    const struct shared_facts f = facts(s, &here);
    if (!shared_due(&f, machine_conf(s), now_ms(s), &cause))
        return;
    const struct machine_target next =
        machine_next(&here, machine_conf(s), breaker_clock(s->process), cause);
    struct circuit_event e = {.change = {.cause = cause}};
    if (cause == MACHINE_TRIPPED) {
        e.reason = s->reason;
        e.sums = s->sums;
    }
    const size_t n = circuit_figures(figures, sizeof figures, s->circuit.conf, &e);
    shared_record_write(&fields, &next, (struct weir_slice){figures, n});
    if (weir_fleet_offer(s->cell, fields.v, SHARED_FIELDS))
        s->offered = e;
}

/* -- counting ---------------------------------------------------------------------------------- */

/* What is counted while it isn't led is nobody's news. */
static void count(struct shared_circuit *s)
{
    struct machine_view here;
    const bool counts = is_in_force(s, &here);
    const struct window_news news =
        window_look(s->circuit.window, s->circuit.conf->window, now_ms(s), here.version, &s->seen);
    if (!counts || !(news.calls | news.failed | news.slow | news.in_row | news.broken))
        return;
    const struct weir_fleet_counts c = {
        .sums = {[SUM_CALLS] = news.calls, [SUM_FAILED] = news.failed, [SUM_SLOW] = news.slow},
        .run = news.in_row,
        .broken = news.broken,
    };
    weir_fleet_window_add(s->window, s->record.fleet.version, &c, news.failed || news.slow);
}

static uint32_t at_most_u32(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    struct shared_circuit *s = ctx;
    struct machine_view here;
    if (epoch != s->record.fleet.version || !is_in_force(s, &here))
        return;
    s->sums = (struct window_sums){
        .calls = at_most_u32(all->sums[SUM_CALLS]),
        .failed = at_most_u32(all->sums[SUM_FAILED]),
        .slow = at_most_u32(all->sums[SUM_SLOW]),
        .in_row = at_most_u32(all->run),
    };
    s->reason = circuit_judge(s->circuit.conf, here.state, &s->sums);
    offer(s);
}

/* -- probes ------------------------------------------------------------------------------------ */

static void probe(struct shared_circuit *s)
{
    struct machine *m = s->circuit.machine;
    struct machine_view here;
    if (!is_in_force(s, &here) || here.state != MACHINE_HALF_OPEN)
        return;
    const struct machine_probing p = machine_probing(m, here.version);
    const uint64_t version = s->record.fleet.version;
    if (p.wanted && !s->spent_ms && weir_fleet_cell_take(s->cell, version, p.wanted))
        machine_asked(m, here.version);
    /* Before it is known to have arrived: rather lost than counted twice. */
    if (p.untold && weir_fleet_counter_take(s->goods, version, p.untold))
        machine_tell(m, here.version, p.untold);
}

static void on_took(void *ctx, uint64_t version, uint64_t first, uint64_t n)
{
    struct shared_circuit *s = ctx;
    struct machine_view here;
    const unsigned probes = machine_conf(s)->probes;
    if (!n || version != s->record.fleet.version || !is_in_force(s, &here))
        return;
    machine_grant(s->circuit.machine, here.version, shared_permits(first, n, probes));
    if (first + n >= probes && !s->spent_ms)
        s->spent_ms = now_ms(s);
}

static void on_good(void *ctx, uint64_t epoch, uint64_t first, uint64_t n)
{
    struct shared_circuit *s = ctx;
    if (epoch != s->record.fleet.version)
        return;
    s->good = first + n > s->good ? first + n : s->good;
    offer(s);
}

/* What was not heard of isn't counted: the probes end by time then. */
static void on_lost(void *ctx, uint64_t epoch)
{
    (void)ctx;
    (void)epoch;
}

/* -- what is heard ----------------------------------------------------------------------------- */

static void on_record(void *ctx, const struct weir_fleet_record *r)
{
    struct shared_circuit *s = ctx;
    note(s, r, false);
    follow(s);
}

static void on_offered(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    struct shared_circuit *s = ctx;
    if (!r)
        return;
    note(s, r, taken);
    follow(s);
}

/* -- life -------------------------------------------------------------------------------------- */

static const struct weir_fleet_cell_ops cell_ops = {
    .record = on_record, .offered = on_offered, .took = on_took};
static const struct weir_fleet_window_ops window_ops = {.summed = on_summed};
static const struct weir_fleet_counter_ops counter_ops = {.took = on_good, .lost = on_lost};

/* Sums of spans of different lengths don't go together, so the length is in the name. */
static struct weir_fleet_window *open_window(struct shared_circuit *s, struct weir_slice name)
{
    char text[256];
    const uint64_t span_ms = s->circuit.conf->window.span_ms;
    const int n =
        snprintf(text, sizeof text, "%.*s/%llu", SLICE_ARG(name), (unsigned long long)span_ms);
    const struct weir_slice full = {text, (size_t)n};
    return weir_fleet_window_open(s->process, full, span_ms, &window_ops, s);
}

void shared_circuit_open(struct shared_circuit *s, struct weir_slice name)
{
    s->cell = weir_fleet_cell_open(s->process, name, &cell_ops, s);
    s->window = s->cell ? open_window(s, name) : NULL;
    s->goods = s->window ? weir_fleet_counter_open(s->process, name, &counter_ops, s) : NULL;
    if (!s->goods)
        shared_circuit_close(s);
}

void shared_circuit_close(struct shared_circuit *s)
{
    weir_fleet_cell_close(s->cell);
    weir_fleet_window_close(s->window);
    weir_fleet_counter_close(s->goods);
    s->cell = NULL;
    s->window = NULL;
    s->goods = NULL;
}

void shared_circuit_tick(struct shared_circuit *s)
{
    if (!s->cell)
        return;
    follow(s);
    count(s);
    probe(s);
    offer(s);
}
