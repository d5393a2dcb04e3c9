/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit that the fleet leads: workers only count, and what they have counted is acted on when
 * the lead has ended. */

#include "breaker/machine_lead.h"

#include <criterion/criterion.h>

enum { LED = 1000 }; /* until then */

static struct machine m;
static const struct machine_conf conf = {
    .open_for_ms = 1000,
    .max_open_ms = 5000,
    .factor = 2,
    .probes = 3,
    .successes = 2,
    .step_ms = 100,
    .probe_ms = 300,
    .calm_ms = 10000,
    .shared = true,
};
static struct machine_ticket ticket;
static struct machine_change change;
static const struct machine_fleet seven = {7, 5};

static void set_up(void)
{
    m = (struct machine){0};
    machine_lead(&m, LED);
}
TestSuite(breaker_machine_lead, .init = set_up);

static struct machine_clock at(uint64_t ms)
{
    return (struct machine_clock){.now_ms = ms};
}

static enum machine_says ask(uint64_t ms)
{
    return machine_admit(&m, &conf, at(ms), &ticket, &change);
}

static enum machine_state state(void)
{
    return machine_look(&m).state;
}

static bool set(enum machine_state s, uint64_t time_ms)
{
    const struct machine_view from = machine_look(&m);
    const struct machine_target to = {
        .state = s, .openings = 1, .time_ms = time_ms, .lasts_ms = 500, .cause = MACHINE_TRIPPED};
    return machine_set(&m, &from, &to, seven, &change);
}

static uint16_t half_open(void)
{
    cr_assert(set(MACHINE_HALF_OPEN, 300));
    return machine_look(&m).version;
}

Test(breaker_machine_lead, leaves_transitions_to_the_fleet)
{
    cr_assert_eq(ask(1), MACHINE_YES);
    machine_trip(&m, &conf, at(2), ticket, &change);
    cr_assert(!change.changed);
    cr_assert(set(MACHINE_OPEN, 100));
    cr_assert(change.changed && change.from == MACHINE_CLOSED && change.to == MACHINE_OPEN);
    cr_assert(change.lasts_ms == 500 && change.openings == 1);
    cr_assert_eq(ask(200), MACHINE_NO);
    machine_tick(&m, &conf, at(200), &change);
    cr_assert(!change.changed);
    cr_assert_eq(state(), MACHINE_OPEN);
}

Test(breaker_machine_lead, ends_by_itself)
{
    cr_assert(set(MACHINE_OPEN, 100));
    cr_assert_eq(ask(LED - 1), MACHINE_NO);
    cr_assert_eq(ask(LED), MACHINE_PROBE);
    cr_assert(change.changed);
}

Test(breaker_machine_lead, means_nothing_where_the_circuit_is_not_shared)
{
    struct machine_conf alone = conf;
    alone.shared = false;
    cr_assert_eq(ask(1), MACHINE_YES);
    machine_trip(&m, &alone, at(2), ticket, &change);
    cr_assert(change.changed);
    cr_assert_eq(state(), MACHINE_OPEN);
}

Test(breaker_machine_lead, sets_nothing_that_has_changed_or_is_forced)
{
    const struct machine_view from = machine_look(&m);
    const struct machine_target open = {.state = MACHINE_OPEN, .time_ms = 100};
    machine_force(&m, MACHINE_FORCED_CLOSED, 1, &change);
    cr_assert(!set(MACHINE_OPEN, 100));
    machine_force(&m, MACHINE_AUTO, 2, &change);
    cr_assert(!machine_set(&m, &from, &open, seven, &change));
    cr_assert(!change.changed);
    cr_assert_eq(state(), MACHINE_CLOSED);
}

Test(breaker_machine_lead, lets_as_many_probes_out_as_are_granted)
{
    const uint16_t version = half_open();
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(ask(10), MACHINE_NO_PROBE);
    cr_assert_eq(machine_probing(&m, version).wanted, 3); /* not ten: there are no more */
    machine_asked(&m, version);
    cr_assert_eq(machine_probing(&m, version).wanted, 0);
    machine_grant(&m, version, 1);
    cr_assert_eq(ask(20), MACHINE_PROBE);
    cr_assert_eq(ask(20), MACHINE_NO_PROBE);
    cr_assert_eq(machine_probing(&m, version).wanted, 1);
    machine_back(&m, ticket); /* of no probe */
    cr_assert_eq(ask(20), MACHINE_NO_PROBE);
    machine_grant(&m, version, 7);
    cr_assert_eq(ask(20), MACHINE_PROBE);
    cr_assert_eq(ask(20), MACHINE_PROBE);
    cr_assert_eq(ask(20), MACHINE_NO_PROBE);
}

Test(breaker_machine_lead, gives_the_permit_of_a_probe_that_said_nothing_to_another)
{
    machine_grant(&m, half_open(), 1);
    cr_assert_eq(ask(10), MACHINE_PROBE);
    machine_back(&m, ticket);
    cr_assert_eq(ask(11), MACHINE_PROBE);
    cr_assert_eq(ask(12), MACHINE_NO_PROBE);
}

Test(breaker_machine_lead, drops_permits_of_another_version)
{
    const uint16_t before = half_open();
    const uint16_t version = half_open();
    cr_assert_neq(before, version);
    cr_assert_eq(ask(10), MACHINE_NO_PROBE);
    machine_grant(&m, before, 2);
    cr_assert_eq(ask(10), MACHINE_NO_PROBE);
    cr_assert_eq(machine_probing(&m, before).granted, 0);
}

Test(breaker_machine_lead, counts_probes_and_tells_of_each_good_one_once)
{
    const uint16_t version = half_open();
    machine_grant(&m, version, 3);
    ask(10);
    const struct machine_ticket first = ticket;
    ask(10);
    machine_good(&m, &conf, at(20), first, &change);
    machine_good(&m, &conf, at(20), ticket, &change);
    cr_assert(!change.changed);
    cr_assert_eq(machine_probing(&m, version).untold, 2);
    machine_tell(&m, version, 1);
    cr_assert_eq(machine_probing(&m, version).untold, 1);
    machine_tell(&m, version, 1);
    cr_assert_eq(machine_probing(&m, version).untold, 0);
    ask(30);
    machine_bad(&m, &conf, at(40), ticket, &change);
    cr_assert(!change.changed);
    cr_assert_eq(machine_probing(&m, version).bad, 1);
    cr_assert_eq(state(), MACHINE_HALF_OPEN);
}

/* What probes said while it was led is not forgotten. */
Test(breaker_machine_lead, is_caught_up_with_when_it_has_ended)
{
    machine_grant(&m, half_open(), 2);
    ask(10);
    machine_good(&m, &conf, at(20), ticket, &change);
    ask(20);
    machine_good(&m, &conf, at(30), ticket, &change);
    machine_tick(&m, &conf, at(LED), &change);
    cr_assert(change.changed && change.cause == MACHINE_PROBES_GOOD);
    cr_assert_eq(state(), MACHINE_CLOSED);
    machine_lead(&m, LED);
    machine_grant(&m, half_open(), 1);
    ask(40);
    machine_bad(&m, &conf, at(50), ticket, &change);
    machine_lead(&m, 0);
    machine_tick(&m, &conf, at(60), &change);
    cr_assert(change.changed && change.cause == MACHINE_PROBE_BAD);
    cr_assert_eq(state(), MACHINE_OPEN);
}

/* Apart, it has as many probes as without a fleet: those that have gone out are among them. */
Test(breaker_machine_lead, grants_what_it_likes_when_it_has_ended)
{
    machine_grant(&m, half_open(), 1);
    cr_assert_eq(ask(10), MACHINE_PROBE);
    machine_lead(&m, 0);
    cr_assert_eq(ask(11), MACHINE_PROBE);
    cr_assert_eq(ask(12), MACHINE_PROBE);
    cr_assert_eq(ask(13), MACHINE_NO_PROBE);
}

Test(breaker_machine_lead, knows_what_a_state_stands_for)
{
    cr_assert(!machine_bound(&m).set);
    cr_assert(set(MACHINE_OPEN, 100));
    struct machine_bound b = machine_bound(&m);
    cr_assert(b.set && b.version == machine_look(&m).version);
    cr_assert(b.fleet.version == 7 && b.fleet.lineage == 5);
    machine_lead(&m, 0);
    cr_assert_eq(ask(100), MACHINE_PROBE);
    b = machine_bound(&m);
    cr_assert(b.set && b.version != machine_look(&m).version);
    machine_bind(&m, 0, (struct machine_fleet){8, 8});
    b = machine_bound(&m);
    cr_assert(b.set && b.version == 0 && b.fleet.version == 8);
}

/* What would be offered is what a machine without a fleet would do. */
Test(breaker_machine_lead, comes_to_the_same_states)
{
    struct machine_view v = {.state = MACHINE_CLOSED};
    struct machine_target t = machine_next(&v, &conf, at(50), MACHINE_TRIPPED);
    cr_assert(t.state == MACHINE_OPEN && t.openings == 1 && t.lasts_ms == 1000 &&
              t.time_ms == 1050);
    v = (struct machine_view){.state = MACHINE_OPEN, .openings = 1, .until_ms = 1050};
    t = machine_next(&v, &conf, at(1050), MACHINE_TIME);
    cr_assert(t.state == MACHINE_HALF_OPEN && t.openings == 1 && t.lasts_ms == 0);
    v = (struct machine_view){.state = MACHINE_HALF_OPEN, .openings = 1};
    t = machine_next(&v, &conf, at(1100), MACHINE_PROBE_BAD);
    cr_assert(t.state == MACHINE_OPEN && t.openings == 2 && t.lasts_ms == 2000);
    t = machine_next(&v, &conf, at(1100), MACHINE_PROBES_LOST);
    cr_assert(t.state == MACHINE_OPEN && t.openings == 1 && t.lasts_ms == 1000);
    t = machine_next(&v, &conf, at(1100), MACHINE_PROBES_GOOD);
    cr_assert(t.state == MACHINE_CLOSED && t.time_ms == 1100 && t.lasts_ms == 0);
    struct machine_conf slow = conf;
    slow.slow_close = true;
    t = machine_next(&v, &slow, at(1100), MACHINE_PROBES_GOOD);
    cr_assert(t.state == MACHINE_RAMP_10 && t.lasts_ms == 100);
    v = (struct machine_view){.state = MACHINE_RAMP_10, .openings = 1, .until_ms = 1200};
    cr_assert_eq(machine_next(&v, &slow, at(1200), MACHINE_TIME).state, MACHINE_RAMP_25);
}
