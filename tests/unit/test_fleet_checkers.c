/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to check an endpoint, and what notes say. */
#include "fleet/fleet_checkers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <weir/fleet.h>

#include "core/cluster/endpoint_word.h"

enum { SIDES = 5, ENDPOINTS = 1000 };

static struct checkers sides[SIDES];

static const char *name_of(unsigned i)
{
    static const char *const names[] = {"edge-0", "edge-1", "edge-2", "edge-3", "edge-4"};
    return names[i];
}

static void hear(struct checkers *c, unsigned from, const char *note)
{
    cr_assert(checkers_hear(c, slice_str(name_of(from)), slice_str(note)));
    for (size_t i = 0; i < c->n; i++)
        c->all[i].alive = true;
}

/* Each has heard all others, who have found nothing. */
static void begin(void)
{
    for (unsigned i = 0; i < SIDES; i++) {
        checkers_init(&sides[i], slice_str(name_of(i)));
        for (unsigned k = 0; k < SIDES; k++)
            if (k != i)
                hear(&sides[i], k, "{\"checks\":{}}");
    }
}

static void end(void)
{
    for (unsigned i = 0; i < SIDES; i++)
        checkers_fini(&sides[i]);
}

TestSuite(fleet_checkers, .init = begin, .fini = end);

static struct slice endpoint(unsigned i)
{
    static char name[32];
    return slice_of(name, (size_t)snprintf(name, sizeof name, "10.0.%u.%u:80", i / 256, i % 256));
}

Test(fleet_checkers, are_as_many_as_are_wanted_and_everybody_finds_the_same)
{
    for (size_t m = 0; m <= SIDES + 1; m++)
        for (unsigned i = 0; i < ENDPOINTS; i++) {
            size_t n = 0;
            for (unsigned k = 0; k < SIDES; k++)
                n += checkers_ask(&sides[k], endpoint(i), m).mine;
            cr_assert_eq(n, m < SIDES ? m : SIDES, "endpoint %u has %zu for %zu", i, n, m);
        }
}

Test(fleet_checkers, have_equal_shares)
{
    for (unsigned k = 0; k < SIDES; k++) {
        unsigned mine = 0;
        for (unsigned i = 0; i < ENDPOINTS; i++)
            mine += checkers_ask(&sides[k], endpoint(i), 1).mine;
        cr_assert(mine > 150 && mine < 250, "%s has %u of 1000", name_of(k), mine);
    }
}

/* edge-4 goes: those that others checked stay theirs. */
Test(fleet_checkers, take_over_only_from_who_has_gone)
{
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        const bool gone = checkers_ask(&sides[4], endpoint(i), 1).mine;
        size_t n = 0;
        for (unsigned k = 0; k < 4; k++) {
            const bool before = checkers_ask(&sides[k], endpoint(i), 1).mine;
            for (size_t j = 0; j < sides[k].n; j++)
                sides[k].all[j].alive = !slice_eq(sides[k].all[j].instance, SLICE("edge-4"));
            const bool after = checkers_ask(&sides[k], endpoint(i), 1).mine;
            cr_assert(gone || before == after);
            n += after;
            for (size_t j = 0; j < sides[k].n; j++)
                sides[k].all[j].alive = true;
        }
        cr_assert_eq(n, 1);
    }
}

Test(fleet_checkers, are_believed_when_it_is_their_turn_alone)
{
    for (unsigned k = 1; k < SIDES; k++)
        hear(&sides[0], k, "{\"checks\":{\"10.0.0.1:80\":\"down failed\"}}");
    const struct health_views one = checkers_ask(&sides[0], SLICE("10.0.0.1:80"), 1);
    cr_assert_eq(one.down, one.mine ? 0 : 1);
    const struct health_views all = checkers_ask(&sides[0], SLICE("10.0.0.1:80"), SIDES);
    cr_assert(all.mine);
    cr_assert_eq(all.down, 4);
    cr_assert_eq(all.up, 0);
    cr_assert_eq(all.best.health, HEALTH_DOWN);
    cr_assert_eq(checkers_ask(&sides[0], SLICE("10.0.0.2:80"), SIDES).down, 0);
}

Test(fleet_checkers, are_gone_by_the_best_that_they_say)
{
    hear(&sides[0], 1, "{\"checks\":{\"a:1\":\"down\"}}");
    hear(&sides[0], 2, "{\"checks\":{\"a:1\":\"up failed\"}}");
    hear(&sides[0], 3, "{\"checks\":{\"a:1\":\"up drain\"}}");
    hear(&sides[0], 4, "{\"checks\":{\"a:1\":\"perhaps\",\"b:1\":7,\"c:1\":\"later up soon\"}}");
    const struct health_views v = checkers_ask(&sides[0], SLICE("a:1"), SIDES);
    cr_assert_eq(v.up, 2);
    cr_assert_eq(v.down, 1);
    cr_assert_eq(v.best.health, HEALTH_UP);
    cr_assert(v.best.passed);
    cr_assert_eq(v.best.word, WORD_DRAIN);
    cr_assert_eq(checkers_ask(&sides[0], SLICE("b:1"), SIDES).up, 0);
    cr_assert_eq(checkers_ask(&sides[0], SLICE("c:1"), SIDES).up, 1);
}

Test(fleet_checkers, take_no_part_without_a_note)
{
    cr_assert(checkers_hear(&sides[0], SLICE("edge-1"), (struct slice){0}));
    cr_assert(checkers_hear(&sides[0], SLICE("edge-1"), (struct slice){0}));
    cr_assert_eq(sides[0].n, SIDES - 2);
    checkers_blank(&sides[0]);
    cr_assert(checkers_ask(&sides[0], SLICE("a:1"), 1).mine);
}

Test(fleet_checkers, have_found_nothing_when_there_is_no_sense_in_it)
{
    static const char *const notes[] = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        "{\"checks\":[]}",
                                        "{\"checks\":{}",
                                        "{\"checks\":{\"a:1\":\"up\",\"a:1\":\"up\"}}"};
    for (size_t i = 0; i < array_n(notes); i++) {
        hear(&sides[0], 1, "{\"checks\":{\"a:1\":\"up\"}}");
        cr_assert_not(checkers_hear(&sides[0], SLICE("edge-1"), slice_str(notes[i])));
        cr_assert_eq(checkers_ask(&sides[0], SLICE("a:1"), SIDES).up, 0, "%s", notes[i]);
    }
}

Test(fleet_checkers, read_what_they_write)
{
    struct text t;
    const struct health_view up = {HEALTH_UP, true, -1}, down = {HEALTH_DOWN, false, WORD_DEGRADED};
    text_init(&t);
    checkers_note_begin(&t);
    cr_assert(checkers_note_add(&t, SLICE("a:1"), &up));
    cr_assert(checkers_note_add(&t, SLICE("b:1"), &down));
    checkers_note_end(&t);
    text_char(&t, '\0');
    cr_assert_str_eq(t.p, "{\"checks\":{\"a:1\":\"up\",\"b:1\":\"down failed degraded\"}}");
    hear(&sides[0], 1, t.p);
    const struct health_views v = checkers_ask(&sides[0], SLICE("b:1"), SIDES);
    cr_assert_eq(v.down, 1);
    cr_assert_not(v.best.passed);
    cr_assert_eq(v.best.word, WORD_DEGRADED);
    text_fini(&t);
}

Test(fleet_checkers, leave_out_what_finds_no_room)
{
    struct text t;
    const struct health_view up = {HEALTH_UP, true, -1};
    unsigned n = 0;
    text_init(&t);
    checkers_note_begin(&t);
    while (n < ENDPOINTS && checkers_note_add(&t, endpoint(n), &up))
        n++;
    checkers_note_end(&t);
    cr_assert(n > 150 && n < ENDPOINTS, "%u", n);
    cr_assert_leq(t.n, WEIR_FLEET_NOTE_MAX);
    cr_assert(checkers_hear(&sides[0], SLICE("edge-1"), text_slice(&t)));
    text_fini(&t);
}
