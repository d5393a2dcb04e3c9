/* SPDX-License-Identifier: Apache-2.0 */
/* What faults do to requests, over both protocols, and to which of them. */
#include "fault_case.h"

#include <stdio.h>
#include <string.h>

FAULT_SUITE(fault);

static const struct h2_stream *h2_get(const char *path)
{
    struct h2_talk *t = h2_talk_open();
    return h2_answer(t, h2_ask(t, .path = path));
}

Test(fault, delays_a_request)
{
    fault_start(1, FAULT("delay = { fixed = \"300ms\"; };"));
    uint64_t from = now_ms();
    cr_assert_eq(get("/one")->status, 200);
    cr_assert_geq(now_ms() - from, 300);
    from = now_ms();
    cr_assert_eq(h2_get("/two")->status, 200);
    cr_assert_geq(now_ms() - from, 300);
    cr_assert_str_eq(fault_logged("/one", "fault.delay"), "f 300ms");
    cr_assert_eq(fault_count("injected"), 2);
    cr_assert_eq(fault_count("delayed"), 2);
    cr_assert_eq(fault_count("aborted"), 0);
}

Test(fault, draws_delays_between_bounds)
{
    fault_start(1, FAULT("delay = { min = \"20ms\"; max = \"60ms\"; distribution = "
                         "\"exponential\"; mean = \"10ms\"; };"));
    for (int i = 0; i < 5; i++) {
        char path[16];
        snprintf(path, sizeof path, "/n%d", i);
        cr_assert_eq(get(path)->status, 200);
        unsigned ms = 0;
        cr_assert_eq(sscanf(fault_logged(path, "fault.delay"), "f %ums", &ms), 1);
        cr_assert(ms >= 20 && ms <= 60, "%u", ms);
    }
}

Test(fault, exercises_the_clusters_timeout)
{
    fault_start(1, FAULT("delay = { fixed = \"1h\"; };"));
    cr_assert_eq(get("/late")->status, 504);
    cr_assert_str_eq(fault_logged("/late", "outcome"), "timeout_response_head");
    cr_assert_str_eq(json_of(rig_await_access("/late"), "fault.delay"), "f 3600000ms");
    cr_assert_eq(origin_connections(fault_app), 0);
}

Test(fault, aborts_with_a_status)
{
    fault_start(1, FAULT("abort = { status = 503; };"));
    struct talk *t = talk_open();
    talk_send(t, "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
    cr_assert_eq(talk_response(t)->status, 503);
    talk_send(t, "GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 503, "the connection is kept");
    const struct h2_stream *s = h2_get("/three");
    cr_assert(s->status == 503 && s->ended);
    cr_assert_eq(origin_connections(fault_app), 0);
    cr_assert_str_eq(fault_logged("/one", "fault.abort"), "f 503");
    cr_assert_str_eq(fault_logged("/three", "fault.abort"), "f 503");
    cr_assert_eq(fault_count("aborted"), 3);
}

Test(fault, aborts_with_a_reset)
{
    fault_start(1, FAULT("abort = { reset = true; };"));
    cr_assert_eq(get("/one")->status, 502);
    cr_assert_str_eq(fault_logged("/one", "outcome"), "reset");
    cr_assert_str_eq(fault_logged("/one", "fault.abort"), "f reset");
}

Test(fault, answers_grpc_and_nothing_else_with_a_grpc_status)
{
    fault_start(1, FAULT("abort = { grpc_status = 14; };"));
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s =
        h2_answer(t, h2_ask(t, .method = "POST", .path = "/pkg.S/M", .content = "x",
                            .fields = "content-type: application/grpc+proto\nte: trailers"));
    cr_assert(s->status == 200 && strstr(s->head.p, "grpc-status: 14\n"), "%s", s->head.p);
    s = h2_answer(t, h2_ask(t, .method = "POST", .path = "/web", .content = "x",
                            .fields = "content-type: application/grpc-web"));
    cr_assert_eq(s->status, 200);
    cr_assert_null(strstr(s->head.p, "grpc-status"));
    cr_assert_eq(fault_count("aborted"), 1);
}

Test(fault, cuts_responses)
{
    fault_start(1, FAULT("abort = { truncate_after = 1000; };"));
    const struct response *r = get("/one?size=5000");
    cr_assert(r->status == 200 && !r->whole && r->body.n <= 1000, "%zu", r->body.n);
    const struct h2_stream *s = h2_get("/two?size=5000");
    cr_assert(s->status == 200 && !s->ended && s->reset >= 0, "%d", s->status);
    cr_assert(get("/three?size=1000")->whole, "it is no longer than that");
    cr_assert_str_eq(fault_logged("/one", "outcome"), "truncated");
    cr_assert_str_eq(fault_logged("/one", "fault.abort"), "f truncate 1000");
}

Test(fault, slows_responses)
{
    fault_start(1, FAULT("bytes_per_second = 20000;"));
    uint64_t from = now_ms();
    const struct response *r = get("/one?size=8000");
    cr_assert(r->whole && r->body.n == 8000);
    cr_assert_geq(now_ms() - from, 390);
    from = now_ms();
    const struct h2_stream *s = h2_get("/two?size=8000&chunked=500&trailers");
    cr_assert(s->ended && s->body.n == 8000 && s->trailers.n > 0);
    cr_assert_geq(now_ms() - from, 390);
    cr_assert_str_eq(fault_logged("/one", "fault.rate"), "f 20000");
    cr_assert_eq(fault_count("slowed"), 2);
}

Test(fault, gets_its_share_exactly_over_all_workers)
{
    fault_start(4, FAULT("percent = \"12.5%\"; abort = { status = 503; };"));
    unsigned faulted = 0;
    for (int i = 0; i < 20; i++)
        faulted += fault_ask(20, "/", 503);
    cr_assert_eq(faulted, 50);
    cr_assert_eq(fault_count("injected"), 50);
    fault_renew(4, FAULT("percent = \"12.5%\"; abort = { status = 503; };"));
    const unsigned more = fault_ask(16, "/", 503);
    cr_assert_eq(more, 2, "%u: the schedule goes on where it was", more);
}

Test(fault, is_only_for_requests_that_match)
{
    fault_start(1, FAULT("abort = { status = 418; }; match = { methods = [ \"GET\" ]; "
                         "headers = ( { name = \"x-a\"; prefix = \"te\"; suffix = \"st\"; }, "
                         "            { name = \"x-b\"; present = false; } ); };"));
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-A: test\r\n\r\n")->status, 418);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-A: Test\r\n\r\n")->status, 200);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-A: test\r\nX-B:\r\n\r\n")->status, 200);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")->status, 200);
    cr_assert_eq(
        ask("POST / HTTP/1.1\r\nHost: a\r\nX-A: test\r\nContent-Length: 0\r\n\r\n")->status, 200);
}

Test(fault, is_for_values_that_an_expression_matches_as_a_whole)
{
    fault_start(1, FAULT("abort = { status = 418; }; match = { headers = ( { name = \"x-build\"; "
                         "regex = \"(canary|beta)-[0-9]+|(a|a)*b\"; } ); };"));
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Build: beta-12\r\n\r\n")->status, 418);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Build: beta-12a\r\n\r\n")->status, 200);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Build: a-beta-1\r\n\r\n")->status, 200);
    cr_assert_eq(get("/")->status, 200);
    const uint64_t begun = now_ms();
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Build: "
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n")
                     ->status,
                 200, "2^64 steps are more than are made");
    cr_assert_lt(now_ms() - begun, 1000);
}

#define WHO(vouch) "GET / HTTP/1.1\r\nHost: a\r\nX-Vouch: " vouch "\r\n\r\n"

Test(fault, is_only_for_whom_it_is_meant)
{
    fault_start(1, FAULT("abort = { status = 418; }; match = { subjects = [ \"ann\" ]; claim = "
                         "\"groups\"; any_of = [ \"chaos\" ]; issuers = [ \"id\" ]; };"));
    cr_assert_eq(ask(WHO("jwt|id|ann"))->status, 418);
    cr_assert_eq(ask(WHO("jwt|id|bob|groups=x|groups=chaos"))->status, 418);
    cr_assert_eq(ask(WHO("jwt|id|bob|groups=x"))->status, 200);
    cr_assert_eq(ask(WHO("jwt|other|ann"))->status, 200);
    cr_assert_eq(get("/")->status, 200);
}

Test(fault, is_only_for_attempts_on_these_endpoints)
{
    struct origin *b = origin_start("b");
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", origin_port(b));
    rig_name("bad", "%s", endpoint);
    rig_start(.endpoints = "[ \"$app\", \"$b\" ]",
              .routes = FAULT("abort = { status = 418; }; match = { endpoints = [ \"$bad\" ]; };"));
    cr_assert_eq(fault_ask(20, "/", 418), 10);
    cr_assert_eq(origin_requests(b), 0);
    cr_assert_eq(origin_requests(fault_app), 10);
}

Test(fault, is_for_a_request_with_all_its_attempts_or_for_one_attempt)
{
    fault_start(1, FAULT("each = \"request\"; percent = \"50%\"; abort = { status = 503; };"));
    cr_assert_eq(fault_ask(10, "/", 503), 5);
    cr_assert_eq(fault_count("injected"), 5);
}

Test(fault, lets_testers_and_nobody_else_choose)
{
    fault_start(1, FAULT("wish_header = \"X-Fault\"; max_delay = \"1s\"; mark_header = "
                         "\"X-Injected\"; match = { subjects = [ \"ann\" ]; };"));
#define WISH(vouch, wish)                                                                          \
    "GET /?echo HTTP/1.1\r\nHost: a\r\nX-Vouch: " vouch "\r\nX-Fault: " wish "\r\n\r\n"
    const struct response *r = ask(WISH("jwt|id|ann", "abort=418"));
    cr_assert_eq(r->status, 418);
    cr_assert_str_eq(field_of(r, "X-Injected"), "f");
    r = ask(WISH("jwt|id|ann", "delay=10ms"));
    cr_assert_eq(r->status, 200);
    cr_assert_str_eq(field_of(r, "X-Injected"), "f");
    cr_assert(!body_has(r, "X-Fault:"), "it isn't passed on: %s", r->body.p);
    r = ask(WISH("jwt|id|bob", "abort=418"));
    cr_assert_eq(r->status, 200);
    cr_assert_str_eq(field_of(r, "X-Injected"), "");
    cr_assert(!body_has(r, "X-Fault:"));
    cr_assert_eq(fault_count("bad_wishes"), 0);
    cr_assert_eq(ask(WISH("jwt|id|ann", "delay=2s"))->status, 200);
    cr_assert_eq(fault_count("bad_wishes"), 1);
    cr_assert_eq(fault_count("injected"), 2);
    rig_await_access("delay is longer than max_delay allows");
}

Test(fault, is_held_by_as_many_as_are_allowed_and_no_more)
{
    fault_start(2, FAULT("delay = { fixed = \"500ms\"; }; max_active = 2;"));
    struct talk *t[6];
    for (size_t i = 0; i < array_n(t); i++) {
        t[i] = talk_open();
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    AWAIT(fault_count("injected") + fault_count("dropped") == 6);
    cr_assert_leq(fault_count("injected"), 2);
    cr_assert_geq(fault_count("injected"), 1);
    for (size_t i = 0; i < array_n(t); i++)
        cr_assert_eq(talk_response(t[i])->status, 200);
    AWAIT(fault_told("active") == 0);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_geq(fault_count("delayed"), 2);
}

Test(fault, of_a_worker_that_dies_is_forgotten)
{
    rig_expect_deaths();
    fault_start(1, FAULT("delay = { fixed = \"1m\"; }; max_active = 1;"));
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(fault_told("active") == 1);
    const pid_t worker = rig_worker(0);
    kill(worker, SIGKILL);
    AWAIT(rig_count("worker/0 ") == 1 && rig_worker(0) != worker);
    AWAIT(fault_told("active") == 0);
}

/* -- at the edge ------------------------------------------------------------------------------- */

Test(fault, acts_at_the_edge)
{
    fault_start(1, FAULT("at = \"edge\"; delay = { fixed = \"200ms\"; }; abort = { status = 503; "
                         "}; mark_header = \"X-Injected\";"));
    const uint64_t from = now_ms();
    const struct response *r = get("/one");
    cr_assert_eq(r->status, 503);
    cr_assert_str_eq(field_of(r, "X-Injected"), "f");
    cr_assert_geq(now_ms() - from, 200);
    cr_assert_eq(h2_get("/two")->status, 503);
    cr_assert_eq(origin_connections(fault_app), 0);
    cr_assert_str_eq(fault_logged("/one", "fault.abort"), "f 503");
}

Test(fault, resets_clients_at_the_edge)
{
    fault_start(1, FAULT("at = \"edge\"; abort = { reset = true; };"));
    struct talk *t = talk_open();
    talk_send(t, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(talk_ended(t));
    const struct h2_stream *s = h2_get("/two");
    cr_assert(!s->status && s->reset >= 0);
    cr_assert_str_eq(fault_logged("/one", "fault.abort"), "f reset");
}

Test(fault, at_the_edge_ends_with_its_client)
{
    fault_start(1, FAULT("at = \"edge\"; delay = { fixed = \"1m\"; };"));
    struct talk *t = talk_open();
    talk_send(t, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(fault_told("active") == 1);
    talk_reset(t);
    AWAIT(fault_told("active") == 0);
    cr_assert_eq(origin_connections(fault_app), 0);
}

Test(fault, of_several_all_act)
{
    fault_start(1, FAULTS("{ name = \"slow\"; delay = { fixed = \"100ms\"; }; }, "
                          "{ name = \"f\"; delay = { fixed = \"100ms\"; }; abort = { status = 500; "
                          "}; }, { name = \"g\"; abort = { status = 501; }; }"));
    const uint64_t from = now_ms();
    cr_assert_eq(get("/")->status, 500);
    cr_assert_geq(now_ms() - from, 200);
}
