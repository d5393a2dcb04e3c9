/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive: what an instance says of itself, and what the others make of it. */
#include "fleet_case.h"

Test(fleet_members, say_what_they_are_in_a_note)
{
    struct fleet_member m = {.per_second = 12, .active = 3, .since_s = 1700000000};
    struct text t;
    snprintf(m.version, sizeof m.version, "1.2.3");
    snprintf(m.config, sizeof m.config, "00ff");
    text_init(&t);
    fleet_member_write(&t, &m);
    text_char(&t, '\0');
    cr_assert_str_eq(t.p, "{\"version\":\"1.2.3\",\"config\":\"00ff\",\"load\":{\"rps\":12,"
                          "\"active\":3},\"since\":1700000000}");
    struct fleet_member back;
    fleet_member_read(slice_str(t.p), &back);
    cr_assert_str_eq(back.version, "1.2.3");
    cr_assert_eq(back.per_second, 12);
    cr_assert_eq(back.active, 3);
    cr_assert_eq(back.since_s, 1700000000);
    text_fini(&t);
}

Test(fleet_members, are_read_as_far_as_they_make_sense)
{
    static const char *const notes[] = {"", "x", "[]", "{\"version\":7,\"load\":[],\"since\":-1}"};
    for (size_t i = 0; i < array_n(notes); i++) {
        struct fleet_member m;
        memset(&m, 'x', sizeof m);
        fleet_member_read(slice_str(notes[i]), &m);
        cr_assert_str_eq(m.version, "");
        cr_assert_eq(m.per_second + m.active + m.since_s, 0);
    }
    struct fleet_member m;
    fleet_member_read(SLICE("{\"version\":\"0123456789012345678901234567890123456789\"}"), &m);
    cr_assert_eq(strlen(m.version), sizeof m.version - 1);
}

Test(fleet_members, count_those_who_are_alive, .fini = sides_end)
{
    sides_begin(3, NULL);
    cr_assert_eq(weir_fleet_members(sides[0].p), 0, "not known");
    TICK_UNTIL(all_joined() && weir_fleet_members(sides[0].p) == 3 &&
               weir_fleet_members(sides[1].p) == 3 && weir_fleet_members(sides[2].p) == 3);
    side_stop(&sides[2]);
    redis_server_say(server, "HSET weir:b::members edge-2 %s", "1700000000000 {}");
    sides[0].fleet->members->read_ms = 0; /* its turn has come */
    TICK_UNTIL(weir_fleet_members(sides[0].p) == 2);
}

static uint64_t requests;

static void some_load(void *ctx, struct stats_load *out)
{
    (void)ctx;
    *out = (struct stats_load){.requests = requests, .active = 4};
}

Test(fleet_members, tell_how_much_they_do, .fini = sides_end)
{
    sides_begin(2, NULL);
    sides[0].fleet->setup.load = some_load;
    TICK_UNTIL(all_joined());
    requests = 500;
    const char *note = "";
    TICK_UNTIL((note = redis_server_say(server, "HGET weir:b::members edge-0"),
                strstr(note, "\"active\":4") && !strstr(note, "\"rps\":0")));
    struct fleet_member m;
    fleet_member_read(slice_from(slice_str(note), strcspn(note, "{")), &m);
    cr_assert_gt(m.per_second, 300, "500 in a bit more than a second: %s", note);
    cr_assert_leq(m.per_second, 500);
}
