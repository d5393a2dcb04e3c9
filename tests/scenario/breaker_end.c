/* SPDX-License-Identifier: Apache-2.0 */
/* Circuits and responses that begin well and end badly. */
#include "breaker_case.h"

#include <string.h>

BREAKER_SUITE(breaker_end);

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/grpc\r\n\r\n"
#define UNAVAILABLE CHUNKED "2\r\nhi\r\n0\r\ngrpc-status: 14\r\n\r\n"
#define OPEN_LONG "open_for = \"30s\"; "

/* So many responses that break off; on a connection of its own each. */
static void break_off(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert(!get("/?size=1000&cut=100")->whole);
}

static void leave_in_the_middle(unsigned n)
{
    const unsigned had = origin_aborts(breaker_app);
    for (unsigned i = 0; i < n; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET /?size=1000&piece=100&pause=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(talk_await_bytes(t, 100));
        talk_reset(t);
    }
    AWAIT(origin_aborts(breaker_app) == had + n);
}

Test(breaker_end, opens_on_responses_that_break_off)
{
    breaker_start(1, "circuit = { open_on = { min_requests = 10; }; " OPEN_LONG "};");
    breaker_send(5, "/", 200);
    break_off(5);
    cr_assert_str_eq(breaker_state(), "open");
    cr_assert(strstr(rig_await_log("breaker_open"), "5 of 10 calls failed (error_rate = 50%)"));
}

Test(breaker_end, opens_on_responses_in_a_row_that_break_off)
{
    breaker_start(1, "circuit = { open_on = { consecutive = 3; error_rate = \"0%\"; }; " OPEN_LONG
                     "};");
    break_off(2);
    breaker_send(1, "/", 200);
    break_off(2);
    cr_assert_str_eq(breaker_state(), "closed");
    break_off(1);
    cr_assert_str_eq(breaker_state(), "open");
}

Test(breaker_end, ignores_clients_that_go_away_in_the_middle)
{
    breaker_start(1, "circuit = { open_on = { consecutive = 1; min_requests = 1; }; };");
    leave_in_the_middle(5);
    cr_assert_str_eq(breaker_state(), "closed");
    cr_assert_eq(get("/")->status, 200);
}

Test(breaker_end, counts_what_grpc_says_behind_content_where_it_is_told_to)
{
    origin_raw(breaker_app, UNAVAILABLE, sizeof UNAVAILABLE - 1);
    breaker_start(1, "circuit = { open_on = { min_requests = 4; outcomes = [ \"grpc_internal\" ]; "
                     "}; " OPEN_LONG "};");
    breaker_send(5, "/?raw", 200);
    cr_assert_str_eq(breaker_state(), "closed");
    rig_stop();
    breaker_start(1, "circuit = { open_on = { min_requests = 4; outcomes = [ \"grpc_unavailable\" "
                     "]; }; " OPEN_LONG "};");
    cr_assert_eq(breaker_send(4, "/?raw", 200), 4);
    cr_assert_str_eq(breaker_state(), "open");
}

Test(breaker_end, opens_again_when_a_probe_breaks_off)
{
    breaker_start(1, "circuit = { " QUICK "probes = 2; max_open = \"60s\"; factor = 100; };");
    breaker_open("/?status=500");
    breaker_await_time();
    break_off(1);
    cr_assert_str_eq(breaker_state(), "open");
    cr_assert_eq(breaker_transitions("half_open"), 1);
    cr_assert_eq(breaker_transitions("closed"), 0);
}

Test(breaker_end, closes_by_the_heads_of_streams_that_go_on)
{
    breaker_start(1, "circuit = { open_on = { consecutive = 2; error_rate = \"0%\"; }; open_for = "
                     "\"300ms\"; jitter = \"0%\"; probes = 1; };");
    breaker_open("/?status=500");
    breaker_await_time();
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=1000&piece=100&pause=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(talk_await_bytes(t, 100));
    cr_assert_str_eq(breaker_state(), "closed");
    origin_stop(breaker_app);
    AWAIT(rig_access_lines() > 2 && breaker_number("in_row") == 1);
    cr_assert_eq(get("/")->status, 503);
    cr_assert_str_eq(breaker_state(), "open", "it counts when it breaks off");
}

static void start_route(const char *circuit)
{
    static char routes[1024];
    snprintf(routes, sizeof routes,
             "( { name = \"all\"; cluster = \"app\"; breaker = { circuit = { %s " OPEN_LONG
             "}; }; } )",
             circuit);
    rig_start(.routes = routes);
}

static const char *refused_with(void)
{
    return get("/")->body.p;
}

Test(breaker_end, of_a_route_opens_on_what_breaks_off)
{
    start_route("open_on = { consecutive = 3; error_rate = \"0%\"; };");
    break_off(2);
    breaker_send(1, "/", 200);
    leave_in_the_middle(3);
    break_off(2);
    cr_assert_eq(get("/?size=1000&cut=100")->status, 200);
    cr_assert(strstr(refused_with(), "breaker_open"));
}

Test(breaker_end, of_a_route_counts_what_grpc_says)
{
    start_route("open_on = { min_requests = 4; outcomes = [ \"grpc_unavailable\" ]; };");
    origin_raw(breaker_app, UNAVAILABLE, sizeof UNAVAILABLE - 1);
    cr_assert_eq(breaker_send(2, "/?raw", 200), 2);
    cr_assert_eq(breaker_send(2, "/?field=grpc-status:14", 200), 2);
    cr_assert(strstr(refused_with(), "breaker_open"));
}
