/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a cluster: what is over them, who waits, and that room comes back whatever happens. */
#include "breaker_case.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

BREAKER_SUITE(breaker_limits);

enum { MANY = 8 };

/* Requests that hang, so many at a time. */
static struct talk *hanging[MANY];

static void hang(unsigned n)
{
    const unsigned had = origin_requests(breaker_app);
    for (unsigned i = 0; i < n; i++) {
        hanging[i] = talk_open();
        talk_send(hanging[i], "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    AWAIT(origin_requests(breaker_app) == had + n);
}

static void give_up(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        talk_reset(hanging[i]);
    }
}

static double gauge(const char *name, const char *priority)
{
    char labels[64];
    snprintf(labels, sizeof labels, "cluster=\"app\",priority=\"%s\"", priority);
    return breaker_metric(name, labels);
}

Test(breaker_limits, of_requests_refuse_what_is_over_them)
{
    breaker_start(2, "limits = { max_requests = 3; retry_after = \"7s\"; };");
    hang(3);
    cr_assert_eq(gauge("requests", "usual"), 3);
    const struct response *r = get("/over");
    cr_assert(r->status == 503 && body_has(r, "breaker_limit"), "%s", r->body.p);
    cr_assert_str_eq(field_of(r, "retry-after"), "7");
    cr_assert_eq(field_count(r, "retry-after"), 1);
    cr_assert_str_eq(json_of(rig_await_access("/over"), "breaker.decision"), "requests");
    cr_assert_eq(breaker_rejects("requests"), 1);
    give_up(3);
    AWAIT(gauge("requests", "usual") == 0);
    cr_assert_eq(breaker_send(10, "/", 200), 10);
    cr_assert_eq(origin_requests(breaker_app), 13);
}

Test(breaker_limits, can_be_told_as_429)
{
    breaker_start(1, "limits = { max_requests = 1; over = \"429\"; };");
    hang(1);
    cr_assert_eq(get("/")->status, 429);
    give_up(1);
}

Test(breaker_limits, count_a_request_until_its_response_is_through)
{
    breaker_start(1, "limits = { max_requests = 1; };");
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=1000&piece=100&pause=60 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(talk_await_bytes(t, 50));
    cr_assert_eq(get("/")->status, 503);
    cr_assert(talk_response(t)->whole);
    AWAIT(get("/")->status == 200);
}

Test(breaker_limits, let_requests_wait_for_room)
{
    breaker_start(1, "limits = { max_requests = 1; max_pending = 2; queue_timeout = \"5s\"; };");
    hang(1);
    struct talk *a = talk_open(), *b = talk_open();
    talk_send(a, "GET /waits HTTP/1.1\r\nHost: a\r\n\r\n");
    talk_send(b, "POST /waits?count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    AWAIT(gauge("pending", "usual") == 2);
    cr_assert_eq(get("/full")->status, 503);
    cr_assert_str_eq(json_of(rig_await_access("/full"), "breaker.decision"), "pending");
    cr_assert_eq(origin_requests(breaker_app), 1);
    give_up(1);
    cr_assert_eq(talk_response(a)->status, 200);
    cr_assert(body_is(talk_response(b), "5 of rubbish\n"), "%s", b->r.body.p);
    cr_assert_eq(gauge("pending", "usual"), 0);
    AWAIT(gauge("requests", "usual") == 0);
    const char *line = rig_await_access("/waits");
    cr_assert_str_eq(json_of(line, "breaker.decision"), "queued");
    cr_assert_str_neq(json_of(line, "breaker.waited_ms"), "");
    cr_assert_eq(breaker_metric("queued_total", "cluster=\"app\""), 2);
}

Test(breaker_limits, dont_let_them_wait_for_ever)
{
    breaker_start(1, "limits = { max_requests = 1; max_pending = 1; queue_timeout = \"50ms\"; };");
    hang(1);
    cr_assert_eq(get("/late")->status, 503);
    cr_assert_str_eq(json_of(rig_await_access("/late"), "breaker.decision"), "queue_timeout");
    cr_assert_eq(breaker_rejects("queue_timeout"), 1);
    cr_assert_eq(gauge("pending", "usual"), 0);
    give_up(1);
}

Test(breaker_limits, forget_a_client_that_went_while_it_waited)
{
    breaker_start(1, "limits = { max_requests = 1; max_pending = 1; queue_timeout = \"5s\"; };");
    hang(1);
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(gauge("pending", "usual") == 1);
    talk_reset(t);
    AWAIT(gauge("pending", "usual") == 0);
    give_up(1);
    AWAIT(gauge("requests", "usual") == 0);
    cr_assert_eq(get("/")->status, 200);
}

/* What one worker leaves, requests of another one get. */
Test(breaker_limits, give_room_to_who_waits_in_another_worker)
{
    breaker_start(2, "limits = { max_requests = 1; max_pending = 8; queue_timeout = \"5s\"; };");
    hang(1);
    struct talk *t[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        t[i] = talk_open();
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    AWAIT(gauge("pending", "usual") == MANY);
    give_up(1);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(talk_response(t[i])->status, 200);
    AWAIT(gauge("requests", "usual") == 0);
}

Test(breaker_limits, let_streams_of_one_connection_take_turns)
{
    int32_t ids[MANY];
    breaker_start(1, "limits = { max_requests = 2; max_pending = 6; queue_timeout = \"5s\"; };");
    struct h2_talk *t = h2_talk_open();
    for (unsigned i = 0; i < MANY; i++)
        ids[i] = h2_ask(t, .path = "/?delay=10");
    h2_turn(t, 0);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(h2_answer(t, ids[i])->status, 200);
    cr_assert_eq(breaker_metric("queued_total", "cluster=\"app\""), 6);
    AWAIT(gauge("requests", "usual") == 0);
}

/* Requests that a backend over HTTP/2 has refused are sent again: a second attempt of theirs. */
Test(breaker_limits, of_retries_leave_the_first_attempts_alone)
{
    struct origin *h2 =
        origin_start_with((struct origin_spec){.name = "h2", .protocol = ORIGIN_H2});
    rig_start(.cluster = "protocol = \"h2\"; breaker = { limits = { max_retries = 1; }; };",
              .endpoints = "[ \"$h2\" ]");
    struct talk *t = talk_open();
    talk_send(t, "GET /?refuse=1&hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(gauge("retries", "usual") == 1); /* from its pick on: the backend may not have it yet */
    origin_script(h2, "refuse=1000");
    const struct response *r = get("/again");
    cr_assert(r->status == 503 && body_has(r, "breaker_limit"), "%s", r->body.p);
    cr_assert_str_eq(json_of(rig_await_access("/again"), "breaker.decision"), "retries");
    cr_assert_eq(breaker_rejects("retries"), 1);
    origin_script(h2, "");
    cr_assert_eq(get("/")->status, 200, "what needs no retry");
    talk_reset(t);
    AWAIT(gauge("retries", "usual") == 0 && gauge("requests", "usual") == 0);
}

Test(breaker_limits, are_apart_for_routes_of_high_priority)
{
    rig_start(
            .cluster = "breaker = { limits = { max_requests = 1; }; limits_high = { max_requests = "
                       "1; }; };",
            .routes =
                "( { name = \"vip\"; match = { path_prefix = \"/vip\"; }; cluster = \"app\"; "
                "breaker = { priority = \"high\"; }; }, { name = \"all\"; cluster = \"app\"; } )");
    hang(1);
    cr_assert_eq(get("/")->status, 503);
    cr_assert_eq(get("/vip")->status, 200);
    AWAIT(gauge("requests", "high") == 0);
    cr_assert_eq(gauge("requests", "usual"), 1);
    give_up(1);
}

Test(breaker_limits, lose_nothing_when_a_worker_is_killed)
{
    rig_expect_deaths();
    breaker_start(1, "limits = { max_requests = 3; };");
    hang(3);
    cr_assert_eq(get("/")->status, 503);
    kill(rig_worker(0), SIGKILL);
    AWAIT(gauge("requests", "usual") == 0);
    AWAIT(rig_count("worker/") == 1);
    struct talk *t = NULL;
    AWAIT((t = talk_try(rig_port("port"))) != NULL);
    talk_close(t);
    hang(3);
    cr_assert_eq(get("/")->status, 503);
    give_up(3);
}

Test(breaker_limits, of_connections_are_the_clusters_over_all_workers)
{
    breaker_start(2, "limits = { max_connections = 2; };");
    hang(2);
    const struct response *r = get("/");
    cr_assert(r->status == 503 && body_has(r, "connections"), "%s", r->body.p);
    give_up(2);
    AWAIT(get("/")->status == 200);
}

/* Two requests fail and are retried; there is room for one retry, and the other client gets the
 * answer that there is. */
Test(breaker_limits, of_retries_leave_clients_the_answer_that_there_is)
{
    rig_start(.cluster = "breaker = { limits = { max_requests = 2; max_retries = 1; }; };",
              .routes =
                  "( { name = \"all\"; cluster = \"app\"; retry = { on = [ \"5xx\" ]; backoff = { "
                  "base = \"1ms\"; max = \"1ms\"; }; }; } )");
    origin_script(breaker_app, "status=503");
    struct talk *t = talk_open();
    cr_assert_eq(get("/")->status, 503);
    cr_assert_eq(origin_requests(breaker_app), 2, "its room is enough for a retry of its own");
    AWAIT(gauge("requests", "usual") == 0 && gauge("retries", "usual") == 0);
    talk_send(t, "GET /first?status=503&delay=500 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(gauge("retries", "usual") == 1);
    const struct response *r = get("/second?status=502");
    cr_assert(r->status == 502 && body_is(r, "app\n"), "%d %s", r->status, r->body.p);
    cr_assert_str_eq(json_of(rig_await_access("/second"), "breaker.decision"), "retries");
    cr_assert_eq(talk_response(t)->status, 503);
    AWAIT(gauge("requests", "usual") == 0 && gauge("retries", "usual") == 0);
    cr_assert_eq(breaker_rejects("retries"), 1);
}
