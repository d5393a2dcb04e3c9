/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit as a whole: what its figures make of it. */

#include "breaker/circuit.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct machine m;
static struct window *w;
static struct circuit_conf conf;
static struct circuit_event event;

static void set_up(void)
{
    m = (struct machine){0};
    conf = (struct circuit_conf){
        .machine = {.open_for_ms = 1000,
                    .max_open_ms = 8000,
                    .factor = 2,
                    .probes = 3,
                    .successes = 3,
                    .step_ms = 100,
                    .probe_ms = 500,
                    .calm_ms = 60000},
        .window = {.span_ms = 1000},
        .error_rate = 500000,
        .min_requests = 10,
    };
    w = aligned_alloc(64, 1024);
    memset(w, 0, 1024);
}

static void tear_down(void)
{
    free(w);
}
TestSuite(breaker_circuit, .init = set_up, .fini = tear_down);

static struct circuit circuit(void)
{
    return (struct circuit){.machine = &m, .window = w, .conf = &conf};
}

static enum machine_says call(uint64_t ms, bool failed, uint64_t took_us)
{
    const struct machine_clock clock = {.now_ms = ms};
    struct machine_ticket ticket;
    const enum machine_says says = circuit_ask(circuit(), clock, &ticket, &event);
    if (machine_lets(says))
        circuit_result(circuit(), clock, ticket,
                       (struct circuit_call){.failed = failed, .took_us = took_us}, &event);
    return says;
}

/* . good, x failed, s slow (50 ms) */
static void calls(uint64_t ms, const char *text)
{
    for (; *text; text++)
        call(ms, *text == 'x', *text == 's' ? 50000 : 100);
}

static enum machine_state state(void)
{
    return machine_look(&m).state;
}

static const char *figures(void)
{
    static char text[200];
    text[circuit_figures(text, sizeof text, &conf, &event)] = '\0';
    return text;
}

Test(breaker_circuit, opens_by_its_error_rate_when_there_are_calls_enough)
{
    static const struct {
        const char *calls;
        bool opens;
    } rows[] = {{"xxxxxxxxx", false},      {"xxxxxxxxxx", true},  {".....xxxxx", true},
                {"......xxxx", false},     {"xxxxx.....", false}, {"xxxxx......x", true},
                {"xxxx..........x", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m = (struct machine){0};
        memset(w, 0, 1024);
        calls(500, rows[i].calls);
        cr_assert_eq(state() == MACHINE_OPEN, rows[i].opens, "%s", rows[i].calls);
    }
}

Test(breaker_circuit, says_by_which_figures_it_has_opened)
{
    calls(500, ".....xxxxx");
    cr_assert(event.change.changed && event.change.cause == MACHINE_TRIPPED);
    cr_assert_str_eq(figures(), "5 of 10 calls failed (error_rate = 50%)");
    char few[8];
    cr_assert_eq(circuit_figures(few, sizeof few, &conf, &event), 7);
    cr_assert_str_eq(few, "5 of 10");
}

Test(breaker_circuit, opens_by_failures_in_a_row_however_few_calls_there_are)
{
    conf.consecutive = 3;
    conf.error_rate = 0;
    calls(0, "xx.xx.");
    cr_assert_eq(state(), MACHINE_CLOSED);
    calls(0, "xxx");
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_str_eq(figures(), "3 calls in a row failed (consecutive = 3)");
}

Test(breaker_circuit, opens_by_slow_calls)
{
    conf.slow_rate = 300000;
    conf.slow_us = 50000;
    calls(0, "........ss");
    cr_assert_eq(state(), MACHINE_CLOSED);
    calls(0, "ss");
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_str_eq(figures(), "4 of 12 calls took 50 ms or more (slow_rate = 30%)");
}

Test(breaker_circuit, isnt_slow_where_nobody_asked)
{
    calls(0, "ssssssssssssssssssss");
    cr_assert_eq(state(), MACHINE_CLOSED);
}

Test(breaker_circuit, forgets_what_is_behind_the_window)
{
    calls(0, "xxxxxxxxx");
    calls(1500, "xxxxxxxxx");
    cr_assert_eq(state(), MACHINE_CLOSED);
    calls(1500, "x");
    cr_assert_eq(state(), MACHINE_OPEN);
}

Test(breaker_circuit, can_count_over_calls)
{
    conf.window = (struct window_conf){.calls = 20};
    calls(0, "xxxxxxxxx");
    calls(1u << 30, "x");
    cr_assert_eq(state(), MACHINE_OPEN);
}

Test(breaker_circuit, closes_with_an_empty_window)
{
    calls(0, "xxxxxxxxxx");
    calls(1000, "...");
    cr_assert_eq(state(), MACHINE_CLOSED);
    cr_assert_eq(event.change.cause, MACHINE_PROBES_GOOD);
    calls(1000, "xxxxxxxxx");
    cr_assert_eq(state(), MACHINE_CLOSED);
    calls(1000, "x");
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_eq(event.change.lasts_ms, 2000);
}

Test(breaker_circuit, takes_a_slow_probe_for_a_failed_one)
{
    conf.slow_rate = 900000;
    conf.slow_us = 50000;
    calls(0, "xxxxxxxxxx");
    calls(1000, "s");
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_eq(event.change.cause, MACHINE_PROBE_BAD);
    cr_assert_str_eq(figures(), "a probe has failed");
}

Test(breaker_circuit, is_quicker_to_open_while_it_closes_slowly)
{
    conf.machine.slow_close = true;
    conf.min_requests = 1000;
    m.word = 0;
    conf.consecutive = 1;
    calls(0, "x");
    conf.consecutive = 0;
    calls(1000, "...");
    cr_assert_eq(state(), MACHINE_RAMP_10);
    for (unsigned i = 0; i < 30 && state() != MACHINE_OPEN; i++)
        call(1001, true, 100);
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_eq(event.sums.calls, 3, "%u", event.sums.calls);
}

Test(breaker_circuit, is_left_alone_while_it_is_forced_closed)
{
    struct machine_change change;
    machine_force(&m, MACHINE_FORCED_CLOSED, 0, &change);
    calls(0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    cr_assert_eq(state(), MACHINE_CLOSED);
    machine_force(&m, MACHINE_AUTO, 0, &change);
    calls(0, "x");
    cr_assert_eq(state(), MACHINE_CLOSED, "what was before doesn't count");
}

Test(breaker_circuit, isnt_moved_by_results_of_what_began_before)
{
    const struct machine_clock clock = {.now_ms = 0};
    struct machine_ticket tickets[40];
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(circuit_ask(circuit(), clock, &tickets[i], &event), MACHINE_YES);
    for (unsigned i = 0; i < 40; i++)
        circuit_result(circuit(), clock, tickets[i], (struct circuit_call){.failed = true}, &event);
    cr_assert_eq(machine_look(&m).version, 1, "one transition");
}

/* -- responses that break off ---------------------------------------------------------------------- */

struct open_call {
    struct machine_ticket ticket;
    uint64_t where;
};

static struct open_call begin_call(uint64_t ms)
{
    const struct machine_clock clock = {.now_ms = ms};
    struct open_call o;
    cr_assert(machine_lets(circuit_ask(circuit(), clock, &o.ticket, &event)));
    o.where = circuit_result(circuit(), clock, o.ticket, (struct circuit_call){.open = true}, &event);
    return o;
}

static void end_call(uint64_t ms, struct open_call o, bool failed)
{
    circuit_end(circuit(), (struct machine_clock){.now_ms = ms}, o.ticket,
                (struct circuit_ended){.failed = failed, .where = o.where}, &event);
}

Test(breaker_circuit, opens_on_responses_that_break_off)
{
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(state(), MACHINE_CLOSED);
        end_call(1, begin_call(0), true);
    }
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_str_eq(figures(), "10 of 10 calls failed (error_rate = 50%)");
}

Test(breaker_circuit, takes_what_is_under_way_for_good_so_far)
{
    for (unsigned i = 0; i < 20; i++)
        begin_call(0);
    calls(0, "xxxxxxxxxxxxxxxxxxx");
    cr_assert_eq(state(), MACHINE_CLOSED);
    calls(0, "x");
    cr_assert_eq(state(), MACHINE_OPEN);
}

static struct open_call begin_probe(bool slow_close)
{
    conf.machine.slow_close = slow_close;
    conf.consecutive = 2;
    calls(0, "xx");
    cr_assert_eq(state(), MACHINE_OPEN);
    const struct open_call o = begin_call(1000);
    cr_assert_eq(o.ticket.says, MACHINE_PROBE);
    return o;
}

Test(breaker_circuit, takes_a_probe_that_breaks_off_for_a_failed_one)
{
    const struct open_call o = begin_probe(false);
    cr_assert_eq(state(), MACHINE_HALF_OPEN);
    end_call(1010, o, true);
    cr_assert_eq(state(), MACHINE_OPEN);
    cr_assert_eq(event.change.cause, MACHINE_PROBE_BAD);
}

Test(breaker_circuit, counts_a_probe_that_breaks_off_when_probes_have_closed_it)
{
    for (int slow_close = 0; slow_close < 2; slow_close++) {
        m = (struct machine){0};
        memset(w, 0, 1024);
        const struct open_call o = begin_probe(slow_close);
        calls(1000, "..");
        cr_assert_eq(state(), slow_close ? MACHINE_RAMP_10 : MACHINE_CLOSED);
        end_call(1010, o, true);
        cr_assert_eq(state(), slow_close ? MACHINE_RAMP_10 : MACHINE_CLOSED);
        calls(1010, "x");
        cr_assert_eq(state(), MACHINE_OPEN);
        cr_assert_str_eq(figures(), "2 calls in a row failed (consecutive = 2)");
    }
}

Test(breaker_circuit, counts_nothing_of_a_probe_when_it_has_opened_since)
{
    const struct open_call o = begin_probe(false);
    calls(1000, "..xx");
    cr_assert_eq(state(), MACHINE_OPEN);
    end_call(1010, o, true);
    cr_assert_eq(machine_look(&m).openings, 2);
    calls(4000, "...");
    cr_assert_eq(state(), MACHINE_CLOSED);
    end_call(4010, o, true);
    calls(4010, "x");
    cr_assert_eq(state(), MACHINE_CLOSED);
}
