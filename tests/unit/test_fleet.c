/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an instance in the fleet, and what is shown of it. */
#include "fleet_case.h"
#include "core/stats/exposition.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/arena.h"

TestSuite(fleet, .fini = sides_end);

Test(fleet, joins_with_its_cells_and_boards_read)
{
    sides_begin(1, NULL);
    cells_open("cb");
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[0].heard.records, 1);
    cr_assert(strstr(logged, "fleet_joined"));
    cr_assert(weir_fleet(sides[0].p));
    cr_assert(slice_eq(slice_in(weir_fleet_instance(sides[0].p)), SLICE("edge-0")));
    cr_assert_eq(weir_fleet_members(sides[0].p), 1);
    const uint64_t until_ms = weir_fleet_until_ms(sides[0].cell), now = clock_ms(&lp.clock);
    cr_assert(until_ms > now && until_ms <= now + conf.hold);
}

Test(fleet, is_none_where_none_is_configured)
{
    struct worker w = {.loop = &lp};
    struct weir_process *p = (struct weir_process *)&w;
    loop_init(&lp, 0);
    cr_assert(!weir_fleet(p));
    cr_assert_eq(weir_fleet_instance(p).n, 0);
    cr_assert_eq(weir_fleet_members(p), 0);
    cr_assert_null(weir_fleet_cell_open(p, W("a"), &cell_ops, NULL));
    cr_assert_null(weir_fleet_window_open(p, W("a"), 1000, NULL, NULL));
    cr_assert_null(weir_fleet_counter_open(p, W("a"), NULL, NULL));
    cr_assert_null(weir_fleet_board_open(p, W("a"), NULL, NULL));
    fleet_tick(NULL);
    fleet_stop(NULL);
    fleet_free(NULL);
}

Test(fleet, reads_many_cells_over_several_ticks)
{
    enum { MANY = 450 };
    char name[32];
    sides_begin(1, NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "cell-%d", i);
        cr_assert(weir_fleet_cell_open(sides[0].p, (struct weir_slice){name, strlen(name)},
                                       &cell_ops, &sides[0]));
    }
    TURN_UNTIL(redis_is_up(sides[0].fleet->redis));
    tick_once();
    cr_assert_eq(sides[0].heard.records, 200);
    tick_once();
    cr_assert_eq(sides[0].heard.records, 400);
    cr_assert(!all_joined());
    tick_once();
    cr_assert_eq(sides[0].heard.records, MANY);
    cr_assert(all_joined());
}

Test(fleet, says_and_hears_nothing_once_it_is_stopped)
{
    sides_begin(2, NULL);
    cells_open("cb");
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    fleet_tick(sides[0].fleet);
    fleet_stop(sides[0].fleet);
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    cr_assert(!offer(&sides[0], "open"));
    fleet_tick(sides[0].fleet);
    loop_turn(&lp);
    cr_assert_eq(sides[0].heard.offers, 0, "not even that it is apart");
    weir_fleet_cell_close(sides[0].cell);
    loop_turn(&lp);
}

static void summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    (void)epoch, (void)all;
    *(uint64_t *)ctx += 1;
}

/* Everything that this instance writes goes by itself when nobody needs it any more. */
Test(fleet, leaves_no_key_without_an_end)
{
    static const struct weir_fleet_window_ops window_ops = {.summed = summed};
    uint64_t sums = 0;
    sides_begin(2, NULL);
    cells_open("cb");
    struct weir_fleet_window *w =
        weir_fleet_window_open(sides[0].p, W("w"), 60000, &window_ops, &sums);
    struct weir_fleet_board *b =
        weir_fleet_board_open(sides[0].p, W("b"), &(struct weir_fleet_board_ops){NULL}, &sides[0]);
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    weir_fleet_post(b, W("x"));
    weir_fleet_window_add(w, 1, &(struct weir_fleet_counts){.sums = {1}, .run = 1}, true);
    TICK_UNTIL(agreed_after(0));
    weir_fleet_window_add(w, 2, &(struct weir_fleet_counts){.sums = {1}, .broken = true}, true);
    tick_on();
    char *keys = strdup(redis_server_say(server, "KEYS *"));
    unsigned n = 0;
    for (char *key = strtok(keys, " "); key; key = strtok(NULL, " "), n++) {
        const long long ttl = atoll(redis_server_say(server, "PTTL %s", key));
        cr_assert_gt(ttl, 0, "%s stays for ever", key);
        cr_assert_leq(ttl, FLEET_CELL_TTL, "%s stays for long", key);
        cr_assert(strncmp(key, "weir:", 5) == 0, "%s is outside of the prefix", key);
    }
    cr_assert_eq(n, 7, "a cell, 2 boards, 2 buckets, 2 rows: %u", n);
    free(keys);
}

static void took(void *ctx, uint64_t epoch, uint64_t first, uint64_t n)
{
    (void)epoch, (void)first;
    *(uint64_t *)ctx += n;
}

/* The one of docs/fleet.md. */
Test(fleet, needs_no_more_than_the_acl_of_the_manual)
{
    static const struct weir_fleet_counter_ops counter_ops = {.took = took};
    static const struct weir_fleet_window_ops window_ops = {.summed = summed};
    uint64_t numbers = 0, sums = 0;
    sides_begin(
        0,
        "user weir on >secret resetchannels &weir:events ~weir:* -@all +auth +select +ping "
        "+role +info +time +subscribe +publish +script|load +evalsha +hgetall +hmget +hset +hdel "
        "+hincrby +get +set +incrby +pexpire +smembers +sadd +srem\n");
    conf.redis.account = (struct redis_account){.user = SLICE("weir"), .password = SLICE("secret")};
    sides_start(1);
    cells_open("cb");
    struct weir_process *p = sides[0].p;
    struct weir_fleet_board *b =
        weir_fleet_board_open(p, W("b"), &(struct weir_fleet_board_ops){NULL}, NULL);
    struct weir_fleet_window *w = weir_fleet_window_open(p, W("w"), 60000, &window_ops, &sums);
    struct weir_fleet_counter *c = weir_fleet_counter_open(p, W("n"), &counter_ops, &numbers);
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    cr_assert(weir_fleet_counter_take(c, 1, 1));
    weir_fleet_window_add(w, 1, &(struct weir_fleet_counts){.sums = {1}, .run = 1}, true);
    weir_fleet_post(b, W("x"));
    TICK_UNTIL(sides[0].heard.taken && numbers && sums);
    weir_fleet_window_add(w, 1, &(struct weir_fleet_counts){.run = 1, .broken = true}, true);
    weir_fleet_post(b, W(""));
    cr_assert(weir_fleet_cell_take(sides[0].cell, sides[0].heard.version, 1));
    redis_server_say(server, "DEL weir:c:test:cb");
    look_again();
    TICK_UNTIL(sums == 2 && sides[0].heard.takes && sides[0].fleet->put_back);
    tick_on();
    for (int i = 0; i < FLEET_ERROR_MESSAGE; i++)
        cr_assert_eq(sides[0].fleet->errors[i], 0, "%s: %s", fleet_error_word((enum fleet_error)i),
                     logged);
    cr_assert(!strstr(logged, "secret"));
}

/* -- what is shown ----------------------------------------------------------------------------- */

static struct text page;

static const char *shown(void)
{
    text_char(&page, '\0');
    page.n = 0;
    return page.p;
}

Test(fleet, sends_what_finds_no_place_with_the_next_tick)
{
    enum { MANY = 250 };
    char name[32];
    sides_begin(1, NULL);
    conf.commands = 100;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "cell-%d", i);
        cr_assert(weir_fleet_cell_open(sides[0].p, (struct weir_slice){name, strlen(name)},
                                       &cell_ops, &sides[0]));
    }
    TURN_UNTIL(redis_is_up(sides[0].fleet->redis));
    tick_once();
    cr_assert(sides[0].heard.records > 0 && sides[0].heard.records <= 100, "%u",
              sides[0].heard.records);
    cr_assert_eq(sides[0].fleet->full_ticks, 1);
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[0].heard.records, MANY);
}

Test(fleet, stands_on_the_page_of_metrics)
{
    text_init(&page);
    sides_begin(1, NULL);
    metrics_of_fleet(NULL, &(struct exposition){.out = &page});
    cr_assert_eq(page.n, 0, "there is none");
    cells_open("cb");
    metrics_of_fleet(sides[0].fleet, &(struct exposition){.out = &page});
    cr_assert(strstr(shown(), "\nweir_fleet_joined 0\n"));
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(sides[0].heard.taken == 1);
    metrics_of_fleet(sides[0].fleet, &(struct exposition){.out = &page});
    const char *text = shown();
    static const char *const lines[] = {
        "\nweir_fleet_connected 1\n",
        "\nweir_fleet_joined 1\n",
        "\nweir_fleet_members 1\n",
        "\nweir_fleet_lag_seconds 0.",
        "\nweir_fleet_cells 1\n",
        "\nweir_fleet_full_ticks_total 0\n",
        "\nweir_fleet_reconnects_total 0\n",
        "\nweir_fleet_offers_total{result=\"taken\"} 1\n",
        "\nweir_fleet_offers_total{result=\"lost\"} 0\n",
        "\nweir_fleet_lost_total 0\n",
        "\nweir_fleet_put_back_total 0\n",
        "\nweir_fleet_errors_total{kind=\"oom\"} 0\n",
        "\nweir_fleet_errors_total{kind=\"limit\"} 0\n",
        "\nweir_fleet_bytes_total{direction=\"in\"} ",
        "\nweir_fleet_commands_total ",
    };
    for (size_t i = 0; i < array_n(lines); i++)
        cr_assert(strstr(text, lines[i]), "%s is missing in\n%s", lines[i], text);
    text_fini(&page);
}

/* A server that hangs shows before it is given up. */
Test(fleet, shows_how_long_it_has_been_waiting_for_an_answer)
{
    text_init(&page);
    sides_begin(1, NULL);
    TICK_UNTIL(all_joined());
    redis_server_hang(server);
    double lag = 0;
    TICK_UNTIL((metrics_of_fleet(sides[0].fleet, &(struct exposition){.out = &page}),
                lag = atof(strstr(shown(), "\nweir_fleet_lag_seconds ") + 24), lag >= 0.1));
    redis_server_go_on(server);
    text_fini(&page);
}

static json_t *asked(struct fleet *f)
{
    struct admin_answer answer = {.status = 200};
    text_init(&answer.body);
    fleet_answer(f, &(struct admin_request){0}, &answer);
    json_t *j = json_loadb(answer.body.p, answer.body.n, 0, NULL);
    cr_assert(j, "no JSON: %.*s", SLICE_ARG(text_slice(&answer.body)));
    text_fini(&answer.body);
    return j;
}

static const char *text_in(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static bool says_why(const char *part)
{
    json_t *j = asked(sides[0].fleet);
    const char *why = text_in(j, "why");
    const bool says = why && strstr(why, part);
    json_decref(j);
    return says;
}

/* Not only what parted it at first. */
Test(fleet, answers_what_keeps_it_apart_now)
{
    sides_begin(1, NULL);
    TICK_UNTIL(all_joined());
    redis_server_kill(server);
    TICK_UNTIL(says_why("it has closed the connection"));
    TICK_UNTIL(says_why("Connection refused"));
    redis_server_again(server);
    TICK_UNTIL(all_joined());
    cr_assert(!says_why(""));
}

Test(fleet, answers_who_is_in_it)
{
    sides_begin(2, NULL);
    json_t *j = asked(sides[0].fleet);
    cr_assert_str_eq(text_in(j, "state"), "apart");
    cr_assert_str_eq(text_in(j, "why"), "it isn't connected yet");
    json_decref(j);
    TICK_UNTIL(all_joined() && weir_fleet_members(sides[0].p) == 2);
    j = asked(sides[0].fleet);
    cr_assert(json_is_true(json_object_get(j, "configured")));
    cr_assert(json_is_true(json_object_get(j, "joined")));
    cr_assert_str_eq(text_in(j, "instance"), "edge-0");
    cr_assert_str_eq(text_in(j, "server"), redis_server_address(server));
    const json_t *members = json_object_get(j, "members");
    cr_assert_eq(json_array_size(members), 2);
    const json_t *other = json_array_get(members, 1);
    cr_assert_str_eq(text_in(other, "instance"), "edge-1");
    cr_assert_str_eq(text_in(other, "version"), "1.2.3");
    cr_assert_str_eq(text_in(other, "config"), "0000000000000abc");
    cr_assert_lt(json_integer_value(json_object_get(other, "heard_ms")), 5000);
    json_decref(j);
    j = asked(NULL);
    cr_assert(json_is_false(json_object_get(j, "configured")));
    json_decref(j);
}
