/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator decides on one instance is done on all: on those that are there, that come back,
 * and that come later; and of several decisions about one thing the last one stands everywhere. */
#include "fleet_case.h"
#include "core/stats/exposition.h"

#include <stdlib.h>

#include "fleet/fleet_decisions.h"

enum { THINGS = 4 };

/* What can be decided on a side: numbers for "a" to "d". */
static struct doer {
    struct admin_row row;
    int values[THINGS];
    bool refuses;
    unsigned done;
    char order[64];
    json_int_t seconds;
} doers[SIDES];
static struct fleet_decided memories[SIDES];
static char said[1024]; /* the last answer */

static const char *const of[] = {"thing", NULL};

/* {"thing": "a", "value": 7} */
static void on_set(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct side *s = ctx;
    struct doer *d = &doers[s - sides];
    const struct decide_what what = {.module = "test",
                                     .sets = "value",
                                     .of = of,
                                     .lasts = "seconds",
                                     .path = SLICE("/v1/things/set")};
    json_t *j = json_loadb(rq->content.p, rq->content.n, 0, NULL);
    const char *thing = json_string_value(json_object_get(j, "thing"));
    struct deciding deciding;
    if (d->refuses)
        admin_error(out, 404, "thing", "there is no such thing here");
    else if (decide_begin(&deciding, fleet_decider(s->fleet), &what, rq, j, out)) {
        d->values[thing[0] - 'a'] = (int)json_integer_value(json_object_get(j, "value"));
        d->seconds = json_integer_value(json_object_get(j, "seconds"));
        d->done++;
        snprintf(d->order + strlen(d->order), sizeof d->order - strlen(d->order), "%s", thing);
        text_str(&out->body, "{}\n");
        decide_end(&deciding, SLICE(""), out);
    }
    json_decref(j);
}

static void begin(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        sides[i].decided = &memories[i];
        doers[i].row = (struct admin_row){"/v1/things/", on_set, &sides[i]};
    }
}

TestSuite(fleet_decisions, .init = begin, .fini = sides_end);

static void use_doers(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_decisions_run_by(sides[i].fleet, &doers[i].row, 1);
}

static void start(size_t n)
{
    sides_begin(n, NULL);
    use_doers();
    TICK_UNTIL(all_joined());
}

static void start_another(void)
{
    sides_start(sides_n + 1);
    use_doers();
    TICK_UNTIL(all_joined());
}

static const char *answer_of(struct admin_answer *out)
{
    snprintf(said, sizeof said, "%.*s", SLICE_ARG(text_slice(&out->body)));
    text_fini(&out->body);
    return said;
}

static const char *ask_for(size_t side, const char *content)
{
    const struct admin_request rq = {
        .method = METHOD_POST, .content = slice_str(content), .may_change = true};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    on_set(&sides[side], &rq, &out);
    return answer_of(&out);
}

/* A moment of its own. */
static const char *set(size_t side, char thing, int value, bool fleet)
{
    char content[128];
    sleep_ms(3);
    loop_turn(&lp);
    snprintf(content, sizeof content, "{\"thing\":\"%c\",\"value\":%d,\"fleet\":%s}", thing, value,
             fleet ? "true" : "false");
    return ask_for(side, content);
}

static bool all_have(char thing, int value)
{
    for (size_t i = 0; i < sides_n; i++)
        if (doers[i].values[thing - 'a'] != value)
            return false;
    return true;
}

static const char *listed(size_t side)
{
    const struct admin_request rq = {.method = METHOD_GET};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    fleet_decisions_answer(sides[side].fleet, &rq, &out);
    return answer_of(&out);
}

static const char *forget(size_t side, const char *content)
{
    const struct admin_request rq = {
        .method = METHOD_POST, .content = slice_str(content), .may_change = true};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    fleet_forget_answer(sides[side].fleet, &rq, &out);
    return answer_of(&out);
}

static unsigned logged_n(const char *what)
{
    unsigned n = 0;
    for (const char *p = logged; (p = strstr(p, what)); p++)
        n++;
    return n;
}

#define SET_KEYS redis_server_say(server, "SMEMBERS weir:d")

/* -- telling ----------------------------------------------------------------------------------- */

Test(fleet_decisions, are_done_on_all)
{
    start(3);
    cr_assert_str_eq(set(0, 'a', 7, true), "{\"fleet\":\"being told\"}\n");
    cr_assert_eq(doers[0].values[0], 7, "here at once");
    TICK_UNTIL(all_have('a', 7));
    cr_assert(strstr(logged, "decision_applied key=test/value/a by=edge-0 version="), "%s", logged);
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a"));
    set(2, 'a', 8, true);
    TICK_UNTIL(all_have('a', 8));
    tick_on();
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(doers[i].done, 2, "each once");
    cr_assert_eq(atoll(redis_server_say(server, "SCARD weir:d")), 1);
    cr_assert_gt(atoll(redis_server_say(server, "PTTL weir:d")), 0);
}

Test(fleet_decisions, that_are_not_for_all_are_told_to_nobody)
{
    start(2);
    cr_assert_str_eq(set(0, 'a', 7, false), "{}\n");
    tick_on();
    cr_assert_eq(doers[1].done, 0);
    cr_assert_str_eq(SET_KEYS, "");
}

Test(fleet_decisions, are_done_by_who_joins_later_in_their_order)
{
    start(2);
    set(0, 'a', 1, true);
    set(1, 'b', 2, true);
    TICK_UNTIL(all_have('b', 2) && all_have('a', 1));
    set(1, 'c', 3, true);
    set(0, 'a', 4, true);
    TICK_UNTIL(all_have('a', 4) && all_have('c', 3));
    start_another();
    TICK_UNTIL(doers[2].done == 3);
    cr_assert_str_eq(doers[2].order, "bca");
    cr_assert(all_have('a', 4) && all_have('b', 2) && all_have('c', 3));
}

Test(fleet_decisions, made_without_redis_are_told_when_it_is_back)
{
    start(2);
    redis_server_kill(server);
    TICK_UNTIL(!joined(&sides[0]) && !joined(&sides[1]));
    cr_assert_str_eq(set(0, 'a', 7, true), "{\"fleet\":\"apart, told when Redis is back\"}\n");
    cr_assert(strstr(listed(0), "\"here\":\"waits\""), "%s", said);
    redis_server_again(server);
    TICK_UNTIL(all_have('a', 7));
    cr_assert_eq(doers[0].done, 1);
    cr_assert(strstr(listed(0), "\"here\":\"done\""), "%s", said);
}

/* They lie in shared memory. */
Test(fleet_decisions, that_nobody_was_told_of_are_told_by_the_next_process)
{
    start(2);
    set(0, 'a', 7, true);
    side_stop(&sides[0]);
    side_start(&sides[0], 0);
    use_doers();
    TICK_UNTIL(all_have('a', 7));
    cr_assert_eq(doers[0].done, 1);
}

Test(fleet_decisions, that_an_ending_process_has_made_are_told_by_the_one_beside_it)
{
    const struct decision d = {.key = SLICE("test/value/a"),
                               .path = SLICE("/v1/things/set"),
                               .json = SLICE("{\"thing\":\"a\",\"value\":7}")};
    start(2);
    cr_assert(fleet_waiting_add(&memories[0], &d, 5, lp.clock.mono_us, 0));
    TICK_UNTIL(doers[1].values[0] == 7);
    tick_on();
    cr_assert_eq(doers[0].done, 0, "it was done when it was decided");
}

/* -- which one stands -------------------------------------------------------------------------- */

Test(fleet_decisions, made_at_the_same_time_end_in_one_of_them)
{
    start(3);
    for (int round = 0; round < 20; round++) {
        ask_for(0, "{\"thing\":\"a\",\"value\":1,\"fleet\":true}");
        ask_for(1, "{\"thing\":\"a\",\"value\":2,\"fleet\":true}");
        tick_on();
        cr_assert(all_have('a', doers[2].values[0]), "%d %d %d", doers[0].values[0],
                  doers[1].values[0], doers[2].values[0]);
    }
}

Test(fleet_decisions, made_later_stand_though_another_was_told_first)
{
    start(2);
    set(1, 'a', 1, true);
    set(0, 'a', 2, true);
    sides_n = 1;
    tick_on(); /* the other one isn't at it yet */
    sides_n = 2;
    TICK_UNTIL(all_have('a', 2));
    cr_assert(strstr(logged, "decision_overtaken key=test/value/a by=edge-0"), "%s", logged);
    set(0, 'a', 3, true);
    set(1, 'a', 4, true);
    sides_n = 1;
    tick_on();
    sides_n = 2;
    TICK_UNTIL(all_have('a', 4));
    tick_on();
    cr_assert(all_have('a', 4));
}

Test(fleet_decisions, are_not_done_again_over_what_was_set_here_since)
{
    start(2);
    set(0, 'a', 7, true);
    TICK_UNTIL(all_have('a', 7));
    set(1, 'a', 9, false);
    side_stop(&sides[1]);
    side_start(&sides[1], 1);
    use_doers();
    TICK_UNTIL(all_joined());
    tick_on();
    cr_assert_eq(doers[1].values[0], 9);
    set(0, 'a', 8, true);
    TICK_UNTIL(all_have('a', 8));
}

/* Redis's clock says that it is 1970. */
Test(fleet_decisions, have_a_moment_whatever_redis_says)
{
    start(1);
    struct fleet *f = sides[0].fleet;
    struct fleet_waiting w = {.made_us = lp.clock.mono_us - 5000000, .after_ms = 7, .id = 1};
    fleet_clock_forget(&f->clock);
    fleet_clock_note(&f->clock, lp.clock.mono_us, lp.clock.mono_us, 1000);
    cr_assert_eq(fleet_waiting_moment(f, &w).at_ms, 8);
}

/* Its records come again, as new versions; nobody has decided anything. */
Test(fleet_decisions, are_put_back_when_redis_has_lost_them_and_not_done_again)
{
    start(2);
    set(0, 'a', 7, true);
    set(0, 'b', 8, true);
    TICK_UNTIL(all_have('a', 7) && all_have('b', 8));
    set(1, 'a', 9, false);
    redis_server_again(server);
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a") && strstr(SET_KEYS, "test/value/b"));
    tick_on();
    cr_assert_eq(doers[0].done, 2);
    cr_assert_eq(doers[1].done, 3);
    start_another();
    TICK_UNTIL(doers[2].done == 2);
    cr_assert_str_eq(doers[2].order, "ab");
    cr_assert(strstr(listed(2), "\"by\":\"edge-0\""), "%s", said);
}

/* -- what goes wrong --------------------------------------------------------------------------- */

Test(fleet_decisions, that_are_refused_are_told_in_the_log_once_and_tried_again)
{
    start(2);
    doers[1].refuses = true;
    set(0, 'a', 7, true);
    TICK_UNTIL(logged_n("decision_failed") == 1);
    cr_assert(strstr(logged, "there is no such thing here"), "%s", logged);
    cr_assert(strstr(listed(1), "\"here\":\"failed\",\"why\":\"there is no such thing here\""));
    struct fleet_decision *e = fleet_decision_find(sides[1].fleet, SLICE("test/value/a"));
    e->again_ms = 0;
    tick_on();
    cr_assert_eq(logged_n("decision_failed"), 1);
    doers[1].refuses = false;
    e->again_ms = 0;
    TICK_UNTIL(all_have('a', 7));
    cr_assert(strstr(listed(1), "\"here\":\"done\""));
}

Test(fleet_decisions, that_were_refused_are_left_when_something_else_was_set_here)
{
    start(2);
    doers[1].refuses = true;
    set(0, 'a', 7, true);
    TICK_UNTIL(logged_n("decision_failed") == 1);
    doers[1].refuses = false;
    set(1, 'a', 9, false);
    fleet_decision_find(sides[1].fleet, SLICE("test/value/a"))->again_ms = 0;
    tick_on();
    cr_assert_eq(doers[1].values[0], 9);
}

/* Anybody may write into Redis. */
Test(fleet_decisions, that_make_no_sense_are_not_done)
{
    sides_begin(0, NULL);
    redis_server_say(server, "SADD weir:d test/value/a test/value/b test/value/c test/value/d x %b",
                     "\xff\0z", (size_t)3);
    redis_server_say(
        server,
        "HSET weir:c::decision/test/value/a f 1 n 1 since 1 run x by z at 1 .at 5 .id f .path %s "
        ".json %s",
        "/v1/things/set", "{\"thing\":\"b\",\"value\":1}");
    redis_server_say(
        server,
        "HSET weir:c::decision/test/value/b f 1 n 1 since 1 run x by z at 1 .at 5 .id 0 .path %s "
        ".json %s",
        "/v1/things/set", "{\"thing\":\"b\",\"value\":1}");
    redis_server_say(
        server,
        "HSET weir:c::decision/test/value/c f 1 n 1 since 1 run x by z at 1 .at 5 .id f .path %s "
        ".json %s",
        "/v1/fleet/forget", "{\"thing\":\"c\",\"value\":1}");
    redis_server_say(
        server,
        "HSET weir:c::decision/test/value/d f 1 n 1 since 1 run x by z at 1 .at %s .id f .path %s "
        ".json %s",
        "18446744073709551615", "/v1/things/set", "{\"thing\":\"d\",\"value\":1}");
    sides_start(1);
    use_doers();
    TICK_UNTIL(joined(&sides[0]));
    TICK_UNTIL(logged_n("decision_failed") == 4);
    cr_assert_eq(doers[0].done, 0);
    cr_assert(strstr(logged, "it isn't what its key says"), "%s", logged);
    cr_assert_eq(logged_n("its record makes no sense"), 2, "%s", logged);
    cr_assert(strstr(logged, "nothing here takes decisions of that kind"), "%s", logged);
    TICK_UNTIL(!strstr(SET_KEYS, "x "));
}

Test(fleet_decisions, are_told_without_the_set_as_well)
{
    start(2);
    redis_server_say(server, "SET weir:d rubbish");
    set(0, 'a', 7, true);
    TICK_UNTIL(all_have('a', 7));
    cr_assert(logged_n("kind=wrongtype"), "%s", logged);
    redis_server_say(server, "DEL weir:d");
    for (size_t i = 0; i < 2; i++)
        sides[i].fleet->decisions->read_ms = 0;
    lp.clock.mono_us += FLEET_REPAIR_MS * 1000ull;
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a"));
}

Test(fleet_decisions, are_bounded)
{
    char content[64], key[32];
    start(1);
    for (unsigned i = 0; i < FLEET_DECISIONS_MAX; i++) {
        snprintf(key, sizeof key, "%u", i);
        fleet_followed_note(&memories[0], slice_str(key), (struct fleet_moment){1, 1}, false);
    }
    cr_assert(strstr(set(0, 'a', 1, true), "as many decisions as it can keep"), "%s", said);
    cr_assert_eq(doers[0].done, 0);
    memset(&memories[0], 0, sizeof memories[0]);
    for (unsigned i = 0; i < FLEET_WAITING_MAX; i++) {
        snprintf(content, sizeof content, "{\"thing\":\"a%u\",\"fleet\":true}", i);
        cr_assert(strstr(ask_for(0, content), "told"), "%s", said);
    }
    cr_assert(strstr(set(0, 'b', 1, true), "wait to be told"), "%s", said);
    cr_assert_eq(sides[0].fleet->decisions->refused, 2);
    TICK_UNTIL(atoll(redis_server_say(server, "SCARD weir:d")) == FLEET_WAITING_MAX);
    cr_assert(strstr(set(0, 'b', 1, true), "told"), "%s", said);
}

/* Those that there are room for are followed. */
Test(fleet_decisions, of_others_are_bounded)
{
    enum { MORE = 3 };
    char key[32];
    start(1);
    for (unsigned i = 0; i < FLEET_DECISIONS_MAX; i++) {
        snprintf(key, sizeof key, "test/value/%u", i);
        cr_assert(fleet_decision_at(sides[0].fleet, slice_str(key)));
    }
    for (unsigned i = 0; i < MORE; i++)
        cr_assert_null(fleet_decision_at(sides[0].fleet, SLICE("test/value/more")));
    cr_assert(fleet_decision_at(sides[0].fleet, SLICE("test/value/7")));
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_LIMIT], MORE);
    cr_assert_eq(logged_n("kind=limit"), 1, "%s", logged);
}

Test(fleet_decisions, need_room_in_shared_memory)
{
    sides[0].decided = NULL;
    start(1);
    cr_assert(strstr(set(0, 'a', 1, true), "no room in shared memory"), "%s", said);
    cr_assert_eq(doers[0].done, 0);
    set(0, 'a', 1, false);
    cr_assert_eq(doers[0].done, 1);
}

/* -- their end --------------------------------------------------------------------------------- */

Test(fleet_decisions, are_shown_and_forgotten)
{
    start(2);
    set(0, 'a', 7, true);
    TICK_UNTIL(all_have('a', 7) && strstr(SET_KEYS, "test/value/a"));
    cr_assert(strstr(listed(1), "{\"configured\":true,\"joined\":true,\"decisions\":[{\"key\":"
                                "\"test/value/a\",\"path\":\"/v1/things/set\",\"json\":{\"thing\":"
                                "\"a\",\"value\":7,\"fleet\":true},\"by\":\"edge-0\",\"since\":1"),
              "%s", said);
    cr_assert(strstr(forget(1, "{\"key\":\"test/value/b\"}"), "nothing is decided"), "%s", said);
    cr_assert(strstr(forget(1, "{}"), "\"field\":\"key\""), "%s", said);
    cr_assert_str_eq(forget(1, "{\"key\":\"test/value/a\"}"), "{\"forgotten\":\"test/value/a\"}\n");
    TICK_UNTIL(!SET_KEYS[0] && logged_n("decision_forgotten") == 2);
    tick_on();
    cr_assert(strstr(listed(0), "\"decisions\":[]"), "%s", said);
    start_another();
    tick_on();
    cr_assert_eq(doers[2].done, 0);
    cr_assert(doers[0].values[0] == 7 && doers[1].values[0] == 7, "nothing is undone");
    set(2, 'a', 5, true);
    TICK_UNTIL(all_have('a', 5));
}

Test(fleet_decisions, are_forgotten_only_by_who_can_tell)
{
    start(1);
    set(0, 'a', 7, true);
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a"));
    redis_server_kill(server);
    TICK_UNTIL(!joined(&sides[0]));
    cr_assert(strstr(forget(0, "{\"key\":\"test/value/a\"}"), "apart"), "%s", said);
}

Test(fleet_decisions, that_last_for_a_time_end_with_it)
{
    start(2);
    ask_for(0, "{\"thing\":\"a\",\"value\":7,\"seconds\":2,\"fleet\":true}");
    TICK_UNTIL(all_have('a', 7));
    cr_assert(doers[1].seconds == 1 || doers[1].seconds == 2);
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a"));
    struct fleet_decision *e = fleet_decision_find(sides[1].fleet, SLICE("test/value/a"));
    cr_assert_gt(e->until_ms, 0);
    e->until_ms = 1;
    TICK_UNTIL(!SET_KEYS[0]);
    cr_assert_null(fleet_decision_find(sides[1].fleet, SLICE("test/value/a")));
}

Test(fleet_decisions, are_no_business_of_who_has_no_fleet)
{
    struct admin_answer out = {.status = 200};
    const struct admin_request rq = {.content = SLICE("{\"key\":\"a\"}"), .may_change = true};
    sides_begin(0, NULL);
    text_init(&out.body);
    fleet_decisions_answer(NULL, &rq, &out);
    cr_assert_str_eq(answer_of(&out), "{\"configured\":false,\"joined\":false,\"decisions\":[]}\n");
    text_init(&out.body);
    fleet_forget_answer(NULL, &rq, &out);
    cr_assert(strstr(answer_of(&out), "there is no fleet"));
    cr_assert_null(fleet_decider(NULL));
    fleet_decisions_run_by(NULL, NULL, 0);
}

/* -- the metrics ------------------------------------------------------------------------------- */

Test(fleet_decisions, are_counted)
{
    struct text t;
    start(1);
    set(0, 'a', 7, true);
    text_init(&t);
    metrics_of_fleet(sides[0].fleet, &(struct exposition){.out = &t});
    text_char(&t, '\0');
    cr_assert(strstr(t.p, "\nweir_fleet_decisions_waiting 1\n"), "%s", t.p);
    text_fini(&t);
    TICK_UNTIL(strstr(SET_KEYS, "test/value/a"));
    text_init(&t);
    metrics_of_fleet(sides[0].fleet, &(struct exposition){.out = &t});
    text_char(&t, '\0');
    cr_assert(strstr(t.p, "\nweir_fleet_decisions 1\n"), "%s", t.p);
    cr_assert(strstr(t.p, "\nweir_fleet_decisions_waiting 0\n"), "%s", t.p);
    cr_assert(strstr(t.p, "\nweir_fleet_decisions_failed 0\n"), "%s", t.p);
    cr_assert(strstr(t.p, "\nweir_fleet_decisions_refused_total 0\n"), "%s", t.p);
    text_fini(&t);
}
