/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a circuit, by tables: what is done when, and what it is then. */

#include "breaker/machine.h"

#include <criterion/criterion.h>

static struct machine m;
static const struct machine_conf conf = {
    .open_for_ms = 1000,
    .max_open_ms = 5000,
    .factor = 2,
    .probes = 2,
    .successes = 2,
    .step_ms = 100,
    .probe_ms = 300,
    .calm_ms = 10000,
};
static struct machine_ticket ticket;
static struct machine_change change;

static void set_up(void)
{
    m = (struct machine){0};
}
TestSuite(breaker_machine, .init = set_up);

static struct machine_clock at(uint64_t ms)
{
    return (struct machine_clock){.now_ms = ms};
}

static enum machine_says ask_of(const struct machine_conf *c, uint64_t ms)
{
    return machine_admit(&m, c, at(ms), &ticket, &change);
}

static bool tick(uint64_t ms)
{
    machine_tick(&m, &conf, at(ms), &change);
    return change.changed;
}

static enum machine_says ask(uint64_t ms)
{
    return ask_of(&conf, ms);
}

static void trip(uint64_t ms)
{
    const enum machine_says says = ask(ms);
    cr_assert_eq(says, MACHINE_YES);
    machine_trip(&m, &conf, at(ms), ticket, &change);
    cr_assert(change.changed);
}

static enum machine_state state(void)
{
    return machine_look(&m).state;
}

/* -- the whole way, as a table ----------------------------------------------------------------- */

enum act { ASK, TRIP, GOOD, BAD, BACK, FORCE_OPEN, FORCE_CLOSED, AUTO };

struct line {
    uint64_t ms;
    enum act act;
    int says;                 /* of ASK */
    enum machine_state state; /* afterwards */
    bool changed;
};

static int act(const struct line *l)
{
    switch (l->act) {
    case ASK:
        return (int)ask(l->ms);
    case TRIP:
        machine_trip(&m, &conf, at(l->ms), ticket, &change);
        break;
    case GOOD:
        machine_good(&m, &conf, at(l->ms), ticket, &change);
        break;
    case BAD:
        machine_bad(&m, &conf, at(l->ms), ticket, &change);
        break;
    case BACK:
        machine_back(&m, ticket);
        change.changed = false;
        break;
    case FORCE_OPEN:
        machine_force(&m, MACHINE_FORCED_OPEN, l->ms, &change);
        break;
    case FORCE_CLOSED:
        machine_force(&m, MACHINE_FORCED_CLOSED, l->ms, &change);
        break;
    case AUTO:
        machine_force(&m, MACHINE_AUTO, l->ms, &change);
        break;
    }
    return l->says;
}

static void play(const struct line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int says = act(&lines[i]);
        cr_assert_eq(says, lines[i].says, "line %zu: says %d", i, says);
        cr_assert_eq(state(), lines[i].state, "line %zu: %s", i, machine_state_name(state()));
        cr_assert_eq(change.changed, lines[i].changed, "line %zu", i);
    }
}
#define PLAY(...)                                                                                  \
    do {                                                                                           \
        const struct line lines[] = {__VA_ARGS__};                                                 \
        play(lines, sizeof lines / sizeof lines[0]);                                               \
    } while (0)

Test(breaker_machine, opens_probes_and_closes)
{
    PLAY({5, ASK, MACHINE_YES, MACHINE_CLOSED, false}, {10, TRIP, 0, MACHINE_OPEN, true},
         {11, ASK, MACHINE_NO, MACHINE_OPEN, false}, {1009, ASK, MACHINE_NO, MACHINE_OPEN, false},
         {1010, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, true},
         {1011, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, false},
         {1012, ASK, MACHINE_NO_PROBE, MACHINE_HALF_OPEN, false});
    ticket.says = MACHINE_PROBE;
    PLAY({1013, GOOD, 0, MACHINE_HALF_OPEN, false}, {1014, GOOD, 0, MACHINE_CLOSED, true},
         {1015, GOOD, 0, MACHINE_CLOSED, false}, {1016, ASK, MACHINE_YES, MACHINE_CLOSED, false});
}

Test(breaker_machine, opens_again_when_a_probe_fails)
{
    PLAY({0, ASK, MACHINE_YES, MACHINE_CLOSED, false}, {0, TRIP, 0, MACHINE_OPEN, true},
         {1000, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, true},
         {1001, GOOD, 0, MACHINE_HALF_OPEN, false},
         {1002, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, false}, {1003, BAD, 0, MACHINE_OPEN, true},
         {1004, GOOD, 0, MACHINE_OPEN, false}, {3002, ASK, MACHINE_NO, MACHINE_OPEN, false},
         {3003, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, true});
}

Test(breaker_machine, gives_a_permit_to_another_when_a_probe_said_nothing)
{
    PLAY({0, ASK, MACHINE_YES, MACHINE_CLOSED, false}, {0, TRIP, 0, MACHINE_OPEN, true},
         {1000, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, true},
         {1000, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, false},
         {1001, BACK, 0, MACHINE_HALF_OPEN, false},
         {1002, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, false},
         {1003, ASK, MACHINE_NO_PROBE, MACHINE_HALF_OPEN, false});
}

Test(breaker_machine, takes_probes_for_lost_when_nothing_is_heard_of_them)
{
    PLAY({0, ASK, MACHINE_YES, MACHINE_CLOSED, false}, {0, TRIP, 0, MACHINE_OPEN, true},
         {1000, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, true},
         {1299, ASK, MACHINE_PROBE, MACHINE_HALF_OPEN, false},
         {1300, ASK, MACHINE_NO, MACHINE_OPEN, true});
    cr_assert_eq(change.cause, MACHINE_PROBES_LOST);
    cr_assert_eq(change.lasts_ms, 1000, "that is nobody's fault: as long as before");
    cr_assert_eq(change.openings, 1);
    cr_assert_eq(ask(2300), MACHINE_PROBE);
}

Test(breaker_machine, obeys_an_operator)
{
    PLAY({0, FORCE_OPEN, 0, MACHINE_OPEN, true}, {0, FORCE_OPEN, 0, MACHINE_OPEN, false},
         {1u << 30, ASK, MACHINE_NO, MACHINE_OPEN, false},
         {1u << 30, FORCE_CLOSED, 0, MACHINE_CLOSED, true},
         {1u << 30, ASK, MACHINE_IGNORED, MACHINE_CLOSED, false},
         {1u << 30, TRIP, 0, MACHINE_CLOSED, false}, {1u << 30, AUTO, 0, MACHINE_CLOSED, true},
         {1u << 30, AUTO, 0, MACHINE_CLOSED, false},
         {1u << 30, ASK, MACHINE_YES, MACHINE_CLOSED, false});
}

Test(breaker_machine, closes_by_steps_when_it_is_to)
{
    struct machine_conf slow = conf;
    slow.slow_close = true;
    trip(0);
    cr_assert(ask_of(&slow, 1000) == MACHINE_PROBE && ask_of(&slow, 1000) == MACHINE_PROBE);
    machine_good(&m, &slow, at(1000), ticket, &change);
    machine_good(&m, &slow, at(1000), ticket, &change);
    static const struct {
        uint64_t ms;
        enum machine_state state;
        unsigned passes;
    } steps[] = {{1000, MACHINE_RAMP_10, 10},
                 {1100, MACHINE_RAMP_25, 25},
                 {1200, MACHINE_RAMP_50, 50},
                 {1300, MACHINE_CLOSED, 100}};
    for (size_t i = 0; i < 4; i++) {
        unsigned passed = 0;
        for (unsigned k = 0; k < 100; k++) {
            const bool went = machine_lets(ask_of(&slow, steps[i].ms));
            cr_assert(k > 0 || went, "the first goes through");
            passed += went;
        }
        cr_assert_eq(state(), steps[i].state);
        cr_assert_eq(passed, steps[i].passes, "%s: %u", machine_state_name(state()), passed);
        cr_assert_eq(machine_share(state()), steps[i].passes);
    }
}

Test(breaker_machine, opens_from_the_ramp_for_longer)
{
    struct machine_conf slow = conf;
    slow.slow_close = true;
    slow.probes = slow.successes = 1;
    trip(0);
    cr_assert_eq(ask_of(&slow, 1000), MACHINE_PROBE);
    machine_good(&m, &slow, at(1000), ticket, &change);
    cr_assert_eq(ask_of(&slow, 1001), MACHINE_YES);
    machine_trip(&m, &slow, at(1001), ticket, &change);
    cr_assert(change.changed && change.from == MACHINE_RAMP_10 && change.lasts_ms == 2000);
}

/* -- by the clock ------------------------------------------------------------------------------ */

Test(breaker_machine, becomes_half_open_by_the_clock)
{
    cr_assert_not(tick(1u << 30), "closed");
    trip(10);
    cr_assert_not(tick(1009));
    cr_assert(tick(1010));
    cr_assert(change.from == MACHINE_OPEN && change.to == MACHINE_HALF_OPEN);
    cr_assert_eq(change.cause, MACHINE_TIME);
    cr_assert_not(tick(1010));
    cr_assert_eq(machine_look(&m).until_ms, 0, "nothing is out");
    cr_assert_eq(machine_look(&m).probes, 0);
}

Test(breaker_machine, waits_half_open_for_who_asks)
{
    trip(0);
    cr_assert(tick(1000));
    for (uint64_t ms = 1000; ms < 9000; ms += 100)
        cr_assert_not(tick(ms), "no probe is out, so none is lost");
    cr_assert_eq(ask(9000), MACHINE_PROBE);
    cr_assert_not(change.changed, "it is half-open already");
    cr_assert_eq(machine_look(&m).until_ms, 9300, "the time begins with the probe");
    cr_assert_not(tick(9299));
    cr_assert(tick(9300));
    cr_assert(change.to == MACHINE_OPEN && change.cause == MACHINE_PROBES_LOST);
}

Test(breaker_machine, waits_for_each_probe_as_long_where_they_come_one_by_one)
{
    trip(0);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    machine_good(&m, &conf, at(1001), ticket, &change);
    cr_assert_not(tick(5000), "it has been heard of");
    cr_assert_eq(ask(5000), MACHINE_PROBE);
    machine_back(&m, ticket);
    cr_assert_not(tick(9000), "somebody else may be the second one");
    cr_assert_eq(ask(9000), MACHINE_PROBE);
    cr_assert_not(tick(9299));
    machine_good(&m, &conf, at(9299), ticket, &change);
    cr_assert(change.changed && change.to == MACHINE_CLOSED);
}

Test(breaker_machine, closes_by_the_clock_once_it_is_closing_slowly)
{
    struct machine_conf slow = conf;
    slow.slow_close = true;
    slow.probes = slow.successes = 1;
    trip(0);
    cr_assert_eq(ask_of(&slow, 1000), MACHINE_PROBE);
    machine_good(&m, &slow, at(1000), ticket, &change);
    static const enum machine_state to[] = {MACHINE_RAMP_25, MACHINE_RAMP_50, MACHINE_CLOSED};
    for (uint64_t i = 0; i < 3; i++) {
        machine_tick(&m, &slow, at(1099 + 100 * i), &change);
        cr_assert_not(change.changed);
        machine_tick(&m, &slow, at(1100 + 100 * i), &change);
        cr_assert(change.changed && change.to == to[i], "%s", machine_state_name(state()));
    }
}

Test(breaker_machine, opens_when_a_reload_leaves_no_probe_to_send)
{
    struct machine_conf fewer = conf;
    fewer.probes = fewer.successes = 1;
    trip(0);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    machine_good(&m, &conf, at(1000), ticket, &change);
    cr_assert_eq(ask_of(&fewer, 1299), MACHINE_NO_PROBE, "one was sent, of one");
    machine_tick(&m, &fewer, at(1300), &change);
    cr_assert(change.changed && change.to == MACHINE_OPEN);
}

Test(breaker_machine, leaves_forced_states_alone_whatever_the_time)
{
    machine_force(&m, MACHINE_FORCED_OPEN, 0, &change);
    cr_assert_not(tick(1u << 30));
    machine_force(&m, MACHINE_FORCED_CLOSED, 0, &change);
    cr_assert_not(tick(1u << 30));
}

/* -- how long ---------------------------------------------------------------------------------- */

Test(breaker_machine, stays_open_longer_each_time_up_to_the_maximum)
{
    static const uint64_t lasts[] = {1000, 2000, 4000, 5000, 5000};
    uint64_t now = 0;
    trip(now);
    for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++) {
        cr_assert_eq(change.lasts_ms, lasts[i], "%zu: %llu", i,
                     (unsigned long long)change.lasts_ms);
        cr_assert_eq(change.openings, i + 1);
        cr_assert_eq(machine_look(&m).until_ms, now + lasts[i]);
        now += lasts[i];
        cr_assert_eq(ask(now), MACHINE_PROBE);
        machine_bad(&m, &conf, at(now), ticket, &change);
    }
}

static void close_it(uint64_t ms)
{
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(ask(ms), MACHINE_PROBE);
    machine_good(&m, &conf, at(ms), ticket, &change);
    machine_good(&m, &conf, at(ms), ticket, &change);
    cr_assert_eq(state(), MACHINE_CLOSED);
}

Test(breaker_machine, forgets_former_openings_after_a_calm)
{
    trip(0);
    close_it(1000);
    trip(1000 + 9999);
    cr_assert_eq(change.lasts_ms, 2000);
    close_it(13000);
    trip(13000 + 10000);
    cr_assert_eq(change.lasts_ms, 1000);
}

Test(breaker_machine, varies_its_time_within_the_jitter_and_below_the_maximum)
{
    struct machine_conf c = conf;
    c.jitter = 200000;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t r = 0; r < 5000; r++) {
        m = (struct machine){0};
        ask(0);
        machine_trip(&m, &c, (struct machine_clock){.random = r * 0x9e3779b97f4a7c15}, ticket,
                     &change);
        least = change.lasts_ms < least ? change.lasts_ms : least;
        most = change.lasts_ms > most ? change.lasts_ms : most;
    }
    cr_assert_eq(least, 800);
    cr_assert_eq(most, 1000);
}

Test(breaker_machine, counts_openings_without_end)
{
    uint64_t now = 0;
    trip(now);
    for (unsigned i = 0; i < 200; i++) {
        now += change.lasts_ms;
        cr_assert_eq(ask(now), MACHINE_PROBE);
        machine_bad(&m, &conf, at(now), ticket, &change);
        cr_assert(change.lasts_ms <= 5000);
    }
    cr_assert_eq(change.openings, 31, "that many, or more");
}

/* -- versions ---------------------------------------------------------------------------------- */

Test(breaker_machine, isnt_moved_by_what_began_before_a_transition)
{
    cr_assert_eq(ask(0), MACHINE_YES);
    const struct machine_ticket old = ticket;
    trip(0);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    machine_trip(&m, &conf, at(1001), old, &change);
    cr_assert_not(change.changed);
    const struct machine_ticket probe = ticket;
    machine_bad(&m, &conf, at(1001), probe, &change);
    cr_assert_eq(ask(3001), MACHINE_PROBE);
    for (unsigned i = 0; i < 9; i++) {
        machine_good(&m, &conf, at(3002), probe, &change);
        machine_bad(&m, &conf, at(3002), probe, &change);
        machine_back(&m, probe);
    }
    cr_assert_eq(state(), MACHINE_HALF_OPEN);
    cr_assert_eq(machine_look(&m).probes, 1);
    cr_assert_eq(machine_look(&m).good, 0);
}

Test(breaker_machine, gives_nothing_back_twice)
{
    trip(0);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    machine_good(&m, &conf, at(1000), ticket, &change);
    for (unsigned i = 0; i < 5; i++)
        machine_back(&m, ticket);
    cr_assert_eq(machine_look(&m).probes, 1, "a probe that was good stays used");
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    cr_assert_eq(ask(1000), MACHINE_NO_PROBE);
}

Test(breaker_machine, goes_on_when_versions_begin_anew)
{
    for (unsigned i = 0; i < 70000; i++)
        machine_force(&m, i % 2 ? MACHINE_AUTO : MACHINE_FORCED_OPEN, 0, &change);
    trip(0);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    cr_assert_eq(ask(1000), MACHINE_PROBE);
    cr_assert_eq(ask(1000), MACHINE_NO_PROBE);
}

Test(breaker_machine, knows_whether_it_would_refuse)
{
    cr_assert_not(machine_is_open(&m, 0));
    trip(0);
    cr_assert(machine_is_open(&m, 999));
    cr_assert_not(machine_is_open(&m, 1000));
    cr_assert_eq(state(), MACHINE_OPEN, "looking changes nothing");
    machine_force(&m, MACHINE_FORCED_OPEN, 0, &change);
    cr_assert(machine_is_open(&m, 1u << 30));
    machine_force(&m, MACHINE_FORCED_CLOSED, 0, &change);
    cr_assert_not(machine_is_open(&m, 0));
}

Test(breaker_machine, has_words_for_everything)
{
    for (unsigned s = 0; s < MACHINE_STATES; s++)
        cr_assert_str_neq(machine_state_name((enum machine_state)s), "?");
    for (unsigned i = 0; i <= MACHINE_FORCED_CLOSED; i++)
        cr_assert_str_neq(machine_mode_name((enum machine_mode)i), "?");
    for (unsigned c = 0; c <= MACHINE_OPERATOR; c++)
        cr_assert_str_neq(machine_cause_text((enum machine_cause)c), "?");
}
