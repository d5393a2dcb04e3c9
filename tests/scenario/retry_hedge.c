/* SPDX-License-Identifier: Apache-2.0 */
/* Hedges: a second attempt beside a slow one, the first good answer, and what it costs. */
#include "retry_case.h"

#include <stdio.h>
#include <string.h>

RETRY_SUITE(retry_hedge);

#define ALL "hedge_budget = { percent = \"100%\"; };"
#define HEDGE(delay, ...) RETRY_ROUTE("pair", "hedge = { delay = \"" delay "\"; " __VA_ARGS__ " };")

Test(retry_hedge, answers_in_place_of_a_slow_one)
{
    origin_script(retry_bad, "delay=3000");
    retry_start(HEDGE("20ms"), ALL);
    const uint64_t begun = now_ms();
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
        cr_assert_eq(retry_ask_h2("GET", "/", 0), 200);
    }
    cr_assert_lt(now_ms() - begun, 3000);
    AWAIT(origin_aborts(retry_bad) == origin_requests(retry_bad));
    cr_assert_gt(retry_count("hedges"), 0);
    AWAIT(retry_count("hedges_won") == retry_count("hedges"));
    cr_assert_eq(retry_count("repeated"), 0, "a hedge is no retry");
    const char *line = rig_await_access("retry.hedge");
    cr_assert_str_eq(json_of(line, "retry.hedge"), "won");
    cr_assert(strstr(json_of(line, "tries"), "hedge_lost@"), "%s", line);
}

Test(retry_hedge, is_wasted_when_the_first_one_was_faster_after_all)
{
    origin_script(retry_bad, "delay=100");
    origin_script(retry_good, "delay=1500");
    retry_start(HEDGE("20ms"), ALL);
    for (unsigned i = 0; i < 2; i++)
        cr_assert(body_is(get("/"), "bad\n"), "the faster one, whichever was first");
    AWAIT(retry_count("hedges") == 2);
    cr_assert_eq(retry_count("hedges_wasted") + retry_count("hedges_won"), 2);
    AWAIT(origin_aborts(retry_good) == 2);
}

Test(retry_hedge, that_fails_leaves_it_to_the_first)
{
    origin_script(retry_bad, "status=503");
    origin_script(retry_good, "delay=150");
    retry_start(RETRY_ROUTE("pair", "on = [ \"503\" ]; hedge = { delay = \"20ms\"; };"), ALL);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(body_is(get("/"), "good\n"));
}

Test(retry_hedge, is_not_for_what_must_not_be_sent_twice)
{
    origin_script(retry_bad, "delay=100");
    origin_script(retry_good, "delay=100");
    retry_start(HEDGE("10ms"), ALL);
    cr_assert_eq(retry_ask_h1("POST", "/", 10), 200);
    cr_assert_eq(retry_ask_h2("POST", "/", 10), 200);
    cr_assert_eq(origin_requests(retry_bad) + origin_requests(retry_good), 2);
    cr_assert_eq(retry_count("hedges"), 0);
}

Test(retry_hedge, keeps_to_its_budget)
{
    origin_script(retry_bad, "delay=40");
    origin_script(retry_good, "delay=40");
    retry_start(HEDGE("1ms"), "hedge_budget = { percent = \"0%\"; min_per_second = 0; };");
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_eq(origin_requests(retry_bad) + origin_requests(retry_good), 4);
    cr_assert_eq(retry_count("hedges"), 0);
}

Test(retry_hedge, by_percentile_begins_when_enough_is_known)
{
    retry_start(HEDGE("p95", "min_samples = 40; min = \"30ms\";"), ALL);
    origin_script(retry_bad, "delay=60");
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_eq(retry_count("hedges"), 0, "nothing is known yet");
    origin_script(retry_bad, "delay=0");
    for (unsigned i = 0; i < 60; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    sleep_ms(120); /* the percentile is computed anew ten times a second */
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    origin_script(retry_bad, "delay=3000");
    const uint64_t begun = now_ms();
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_lt(now_ms() - begun, 2500);
    AWAIT(retry_count("hedges_won") >= 1);
}

Test(retry_hedge, by_percentile_begins_at_its_maximum_at_the_latest)
{
    retry_start(HEDGE("p50", "min_samples = 4; max = \"20ms\";"), ALL);
    origin_script(retry_bad, "delay=150");
    origin_script(retry_good, "delay=150");
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_eq(retry_count("hedges"), 0);
    origin_script(retry_bad, "delay=100");
    origin_script(retry_good, "delay=100");
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    AWAIT(retry_count("hedges") == 1);
}

/* -- beside a breaker -------------------------------------------------------------------------- */

static void force(const struct origin *o, const char *state)
{
    char json[160];
    snprintf(json, sizeof json,
             "{\"cluster\": \"app\", \"endpoint\": \"127.0.0.1:%u\", \"state\": \"%s\"}",
             origin_port(o), state);
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t,
              "POST /v1/modules/breaker/force HTTP/1.1\r\nHost: a\r\nContent-Type: "
              "application/json\r\nContent-Length: %zu\r\n\r\n%s",
              strlen(json), json);
    cr_assert_eq(talk_response(t)->status, 200, "%s", t->r.body.p);
    talk_close(t);
}

/* One of three endpoints has a circuit that is not closed: the cluster is in trouble, and though
 * two others could be asked no request is sent twice. */
Test(retry_hedge, is_not_sent_while_a_breaker_is_not_closed)
{
    origin_script(retry_bad, "delay=60");
    origin_script(retry_good, "delay=60");
    rig_start(.endpoints = "[ \"$app\", \"$bad\", \"$good\" ]",
              .cluster = ALL " breaker = { circuit = { scope = \"endpoint\"; }; };",
              .routes = RETRY_ROUTE("app", "hedge = { delay = \"10ms\"; };"));
    force(retry_app, "open");
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_eq(origin_requests(retry_bad) + origin_requests(retry_good), 4);
    cr_assert_eq(retry_count("hedges"), 0);
    force(retry_app, "closed");
    AWAIT(retry_ask_h1("GET", "/", 0) == 200 && retry_count("hedges") >= 1);
}
