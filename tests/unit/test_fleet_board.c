/* SPDX-License-Identifier: Apache-2.0 */
/* Boards over a real Redis: notes of others, seen, changed, taken down and gone. */
#include "fleet_case.h"

static struct weir_fleet_board *boards[SIDES];
static unsigned notes[SIDES], blanks[SIDES];
static char last[SIDES][128]; /* "edge-1: text", "edge-1 gone" */

static void on_note(void *ctx, struct weir_slice instance, struct weir_slice text)
{
    const size_t i = (size_t)((struct side *)ctx - sides);
    cr_assert_eq(sides[i].w.acting, &test_module);
    notes[i]++;
    if (text.p)
        snprintf(last[i], sizeof last[i], "%.*s: %.*s", (int)instance.n, instance.p, (int)text.n,
                 text.p);
    else
        snprintf(last[i], sizeof last[i], "%.*s gone", (int)instance.n, instance.p);
}

static void on_blank(void *ctx)
{
    blanks[(struct side *)ctx - sides]++;
}

static const struct weir_fleet_board_ops ops = {.note = on_note, .blank = on_blank};

static void begin(size_t n)
{
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++)
        boards[i] = weir_fleet_board_open(sides[i].p, W("verdicts"), &ops, &sides[i]);
    TICK_UNTIL(all_joined());
}

static void post(size_t i, const char *text)
{
    weir_fleet_post(boards[i], (struct weir_slice){text, strlen(text)});
}

TestSuite(fleet_board, .fini = sides_end);

Test(fleet_board, shows_a_note_to_all_others_at_once)
{
    begin(3);
    post(0, "10.0.0.1 down");
    TICK_UNTIL(notes[1] == 1 && notes[2] == 1);
    cr_assert_str_eq(last[2], "edge-0: 10.0.0.1 down");
    post(0, "10.0.0.1 down");
    tick_on();
    cr_assert_eq(notes[0], 0, "not to itself");
    cr_assert_eq(notes[1], 1, "nothing has changed");
    post(0, "10.0.0.1 up");
    TICK_UNTIL(notes[1] == 2 && notes[2] == 2);
    post(0, "");
    TICK_UNTIL(notes[1] == 3 && notes[2] == 3);
    cr_assert_str_eq(last[1], "edge-0 gone");
    cr_assert_str_eq(redis_server_say(server, "HLEN weir:b:test:verdicts"), "0");
}

Test(fleet_board, shows_a_latecomer_what_hangs_there)
{
    begin(1);
    post(0, "a note with spaces");
    tick_on();
    sides_start(2);
    boards[1] = weir_fleet_board_open(sides[1].p, W("verdicts"), &ops, &sides[1]);
    TICK_UNTIL(all_joined());
    cr_assert_eq(notes[1], 1);
    cr_assert_str_eq(last[1], "edge-0: a note with spaces");
}

/* As whoever died a while ago, whoever did just now, and who is none at all. */
Test(fleet_board, does_not_show_what_has_expired)
{
    sides_begin(1, NULL);
    redis_server_say(server, "HSET weir:b:test:verdicts dead %s alive %s old %s odd %s",
                     "1700000000000 x", "9700000000000 y", "1 z", "soon w");
    boards[0] = weir_fleet_board_open(sides[0].p, W("verdicts"), &ops, &sides[0]);
    TICK_UNTIL(all_joined());
    cr_assert_eq(notes[0], 1);
    cr_assert_str_eq(last[0], "alive: y");
    tick_on();
    cr_assert_str_eq(redis_server_say(server, "HKEYS weir:b:test:verdicts"), "alive odd ",
                     "those expired for long are deleted");
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_ANSWER], 1);
}

Test(fleet_board, loses_a_note_that_is_not_there_any_more)
{
    begin(2);
    post(0, "x");
    TICK_UNTIL(notes[1] == 1);
    side_stop(&sides[0]);
    redis_server_say(server, "HDEL weir:b:test:verdicts edge-0");
    boards[1]->read_ms = 0; /* its turn has come */
    TICK_UNTIL(notes[1] == 2);
    cr_assert_str_eq(last[1], "edge-0 gone");
}

Test(fleet_board, is_blank_when_apart_and_put_up_again_after_it)
{
    begin(2);
    post(0, "x");
    TICK_UNTIL(notes[1] == 1);
    redis_server_kill(server);
    TICK_UNTIL(blanks[0] == 1 && blanks[1] == 1);
    redis_server_again(server);
    TICK_UNTIL(all_joined() && notes[1] == 2);
    cr_assert_str_eq(last[1], "edge-0: x");
    cr_assert_eq(notes[0], 0);
}

Test(fleet_board, refuses_a_note_that_is_too_long)
{
    begin(2);
    static char longest[WEIR_FLEET_NOTE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    weir_fleet_post(boards[0], (struct weir_slice){longest, sizeof longest});
    cr_assert(strstr(logged, "fleet_note_refused"));
    weir_fleet_post(boards[0], (struct weir_slice){longest, sizeof longest - 1});
    TICK_UNTIL(notes[1] == 1);
}

Test(fleet_board, takes_a_bounded_number_of_notes)
{
    sides_begin(1, NULL);
    for (int i = 0; i < 1030; i++)
        redis_server_say(server, "HSET weir:b:test:verdicts i%d %s", i, "9700000000000 y");
    boards[0] = weir_fleet_board_open(sides[0].p, W("verdicts"), &ops, &sides[0]);
    TICK_UNTIL(all_joined());
    cr_assert_eq(notes[0], 1023, "%u, and this instance", notes[0]);
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_LIMIT], 7);
}

Test(fleet_board, may_be_closed_from_within_a_call)
{
    begin(2);
    post(0, "x");
    weir_fleet_board_close(boards[0]);
    weir_fleet_board_close(NULL);
    tick_on();
    cr_assert_eq(notes[1], 0, "it was closed before the tick");
}
