/* SPDX-License-Identifier: Apache-2.0 */
/* Injected faults: what clients, backends and hooks see of them. */
#include "hook_case.h"

#include <inttypes.h>

#include "core/attempt_fault.h"

#define CLUSTER(more)                                                                              \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; " more " }; };\n"                       \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"
#define POST "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"

/* What is injected: into the attempts whose bits are set. */
static struct weir_attempt_fault fault;
static unsigned which;
static struct weir_retry retry;
static uint64_t try_ms, hedge_ms;

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    if (try_ms)
        weir_try_limits(x, try_ms, 0);
    if (hedge_ms)
        weir_hedge(x, hedge_ms);
    return WEIR_NEXT;
}

static void on_attempt(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at)
{
    (void)x, (void)u;
    if (which >> weir_attempt_number(at) & 1)
        weir_attempt_fault(at, &fault);
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    note("[%u %d %s%s%s%s]", weir_attempt_number(at), weir_attempt_status(at),
         weir_attempt_why(at) ? weir_attempt_why(at) : "-",
         weir_attempt_why(at) && weir_attempt_sent(at) ? " sent" : "",
         weir_attempt_injected(at) ? " injected" : "",
         weir_attempt_blameless(at) ? " blameless" : "");
    const bool good = !weir_attempt_why(at) && weir_attempt_status(at) < 500;
    return retry.cluster == WEIR_NO_CLUSTER || good ? WEIR_NEXT : weir_retry(x, &retry);
}

static const struct weir_module injects = {
    .name = "injects", .on_forward = on_forward, .on_attempt = on_attempt, .on_result = on_result};

static void begin_fault(const char *cluster_and_routes, struct weir_attempt_fault f)
{
    fault = f;
    which = ~0u;
    retry = (struct weir_retry){.cluster = WEIR_NO_CLUSTER};
    begin_with("", cluster_and_routes);
    CHAIN(&plan.routes[0], {&injects, NULL});
}

/* -- delays ------------------------------------------------------------------------------------ */

Test(attempt_fault, delays_before_a_connection_is_made)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.delay_ms = 500});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 450);
    cr_assert_eq(stack_origins(s), 0);
    stack_sleep_ms(s, 100);
    cr_assert(peer_heard(stack_origin(s, 0), "GET /a"));
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    cr_assert_str_eq(trace, "[1 200 - injected]");
    end();
}

Test(attempt_fault, passes_content_that_came_during_the_delay)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.delay_ms = 500});
    struct peer *c = asks(POST);
    peer_says(c, "abcd");
    stack_sleep_ms(s, 550);
    cr_assert(peer_heard(stack_origin(s, 0), "\r\n\r\nabcd"));
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    end();
}

Test(attempt_fault, delays_on_a_kept_connection_too)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.delay_ms = 500});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 550);
    peer_says(stack_origin(s, 0), OK2);
    peer_take(c);
    peer_take(stack_origin(s, 0));
    peer_says(c, GET);
    stack_sleep_ms(s, 550);
    cr_assert_eq(stack_origins(s), 1);
    cr_assert(peer_heard(stack_origin(s, 0), "GET /a"));
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    end();
}

Test(attempt_fault, counts_a_delay_as_time_without_a_head_and_not_as_connecting)
{
    begin_fault(CLUSTER("timeouts = { connect = \"1s\"; response_head = \"2s\"; };") ALL,
                (struct weir_attempt_fault){.delay_ms = 5000});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 1900);
    cr_assert_str_eq(trace, "");
    stack_sleep_ms(s, 150);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    cr_assert_str_eq(trace, "[1 0 timeout_response_head sent injected blameless]");
    cr_assert_eq(stack_origins(s), 0);
    end();
}

Test(attempt_fault, leaves_a_response_what_the_delay_has_left_of_its_time)
{
    begin_fault(CLUSTER("timeouts = { response_head = \"2s\"; };") ALL,
                (struct weir_attempt_fault){.delay_ms = 1500});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 1900);
    cr_assert_eq(stack_origins(s), 1);
    stack_sleep_ms(s, 200);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    cr_assert(peer_closed(stack_origin(s, 0)));
    end();
}

Test(attempt_fault, blames_the_origin_for_what_it_does_after_a_delay)
{
    begin_fault(CLUSTER("timeouts = { connect = \"1s\"; };") ALL,
                (struct weir_attempt_fault){.delay_ms = 100});
    asks(GET);
    stack_sleep_ms(s, 150);
    peer_says(stack_origin(s, 0), "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(trace, "[1 500 - injected]");
    trace[0] = 0;
    stack_hang_dials(s, true);
    peer_closes(stack_origin(s, 0));
    asks(GET);
    stack_sleep_ms(s, 1200);
    cr_assert_str_eq(trace, "[1 0 timeout_connect injected]");
    end();
}

Test(attempt_fault, ends_with_the_request)
{
    begin_fault(
        CLUSTER("") "routes = ( { name = \"all\"; cluster = \"one\"; timeout = \"1s\"; } );",
        (struct weir_attempt_fault){.delay_ms = 5000});
    cr_assert(begins((asks(GET), stack_sleep_ms(s, 900), trace), ""));
    struct peer *gone = asks(GET);
    peer_resets(gone);
    cr_assert_str_eq(trace, "[1 0 client_gone sent injected blameless]");
    stack_sleep_ms(s, 200);
    cr_assert(strstr(trace, "[1 0 timeout_request sent injected blameless]"), "%s", trace);
    stack_sleep_ms(s, 6000);
    cr_assert_eq(stack_origins(s), 0);
    end();
}

Test(attempt_fault, counts_a_delay_against_the_limit_of_a_try)
{
    try_ms = 1000;
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.delay_ms = 5000});
    which = 1u << 1;
    retry = (struct weir_retry){.cluster = 0};
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 1050);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    cr_assert_str_eq(trace, "[1 0 timeout_try sent injected blameless][2 200 -]");
    end();
}

Test(attempt_fault, is_hidden_by_a_hedge)
{
    hedge_ms = 100;
    begin_fault("clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; "
                "hedge_budget = { percent = \"100%\"; min_per_second = 5; }; }; };\n"
                "forwarding = { style = \"none\"; via = false; request_id = false; };\n" ALL,
                (struct weir_attempt_fault){.delay_ms = 5000});
    which = 1u << 1;
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 150);
    cr_assert_eq(stack_origins(s), 1);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    cr_assert_str_eq(trace, "[2 200 -][1 0 hedge_lost sent injected blameless]");
    end();
}

/* -- aborts ------------------------------------------------------------------------------------ */

Test(attempt_fault, answers_as_an_endpoint_without_a_connection)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_STATUS, .status = 503});
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 Service Unavailable\r\n"));
    cr_assert(!peer_closed(c), "the connection is kept");
    cr_assert_str_eq(trace, "[1 503 - injected blameless]");
    cr_assert_eq(stack_origins(s), 0);
    cr_assert_eq(whys(WHY_NONE), 1, "for the gateway it is a response like any other");
    end();
}

Test(attempt_fault, reads_the_request_before_it_answers)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_STATUS, .status = 500});
    struct peer *c = asks(POST);
    cr_assert_str_eq(peer_take(c), "");
    peer_says(c, "abcd");
    cr_assert(begins(peer_take(c), "HTTP/1.1 500 "));
    peer_says(c, GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 500 "), "the connection is kept");
    end();
}

Test(attempt_fault, does_not_wait_for_who_waits_to_be_told_to_go_on)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_STATUS, .status = 500});
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                          "Content-Length: 4\r\n\r\n");
    cr_assert(begins(peer_take(c), "HTTP/1.1 500 "));
    end();
}

Test(attempt_fault, has_no_content_where_there_is_none)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_STATUS, .status = 204});
    struct peer *c = asks(GET);
    const char *head = peer_take(c);
    cr_assert(begins(head, "HTTP/1.1 204 No Content\r\n") && !strstr(head, "Content-Length"));
    fault.status = 503;
    peer_says(c, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    end();
}

Test(attempt_fault, speaks_grpc)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_GRPC, .status = 14});
    struct peer *c = asks("POST /s/m HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\n"
                          "Content-Length: 4\r\n\r\n");
    const char *head = peer_take(c);
    cr_assert(begins(head, "HTTP/1.1 200 OK\r\n") && strstr(head, "grpc-status: 14\r\n"), "%s",
              head);
    cr_assert_eq(stack_worker(s)->stats->routes[0]->grpc[GRPC_UNAVAILABLE], 1);
    cr_assert_str_eq(trace, "[1 200 - injected blameless]");
    end();
}

Test(attempt_fault, resets_after_a_delay)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.delay_ms = 200, .abort = WEIR_ABORT_RESET});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 150);
    cr_assert_str_eq(trace, "");
    stack_sleep_ms(s, 100);
    cr_assert(begins(peer_take(c), "HTTP/1.1 502 "));
    cr_assert_str_eq(trace, "[1 0 reset sent injected blameless]");
    cr_assert_eq(stack_origins(s), 0);
    end();
}

Test(attempt_fault, is_recovered_from_by_a_retry)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.abort = WEIR_ABORT_RESET});
    which = 1u << 1;
    retry = (struct weir_retry){.cluster = 0};
    struct peer *c = asks(GET);
    cr_assert(stack_origin(s, 0));
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    cr_assert_str_eq(trace, "[1 0 reset sent injected blameless][2 200 -]");
    end();
}

Test(attempt_fault, leaves_the_endpoints_figures_alone)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_STATUS, .status = 503});
    asks(GET);
    const struct cluster *cl = &stack_worker(s)->clusters[0];
    const struct endpoint_stats *es = cl->endpoints[0]->stats;
    cr_assert_eq(es->status[5], 0);
    cr_assert_eq(es->active, 0);
    cr_assert_eq(es->attempts, 1);
    fault = (struct weir_attempt_fault){.abort = WEIR_ABORT_RESET};
    asks(GET);
    cr_assert_eq(es->failures, 0);
    end();
}

/* -- content ----------------------------------------------------------------------------------- */

Test(attempt_fault, cuts_a_response)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_TRUNCATE, .truncate_at = 3});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 6\r\n\r\nab");
    peer_says(stack_origin(s, 0), "cdef");
    cr_assert(begins(peer_take(c), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 6\r\n\r\nab"));
    cr_assert_eq(stack_worker(s)->stats->routes[0]->response_bytes, 3);
    cr_assert(c->failed, "the client must see that the response is not whole");
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
    end();
}

Test(attempt_fault, cuts_a_response_only_when_it_has_begun)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_TRUNCATE, .truncate_at = 1});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "[1 200 - injected]");
    cr_assert_eq(stack_worker(s)->stats->routes[0]->status[2], 1);
    cr_assert(c->failed);
    end();
}

Test(attempt_fault, cuts_nothing_off_a_shorter_response)
{
    begin_fault(CLUSTER("") ALL,
                (struct weir_attempt_fault){.abort = WEIR_ABORT_TRUNCATE, .truncate_at = 2});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(peer_take(c), OK2);
    cr_assert(!peer_closed(c) && !peer_closed(stack_origin(s, 0)));
    end();
}

/* A response of n bytes, from the first connection. */
static void answers_with(size_t n)
{
    char head[128], piece[8192];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
    memset(piece, 'x', sizeof piece);
    peer_says(stack_origin(s, 0), head);
    for (size_t sent = 0; sent < n; sent += sizeof piece)
        peer_says_n(stack_origin(s, 0), piece, n - sent < sizeof piece ? n - sent : sizeof piece);
}

Test(attempt_fault, slows_a_response_down_to_its_pace)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.bytes_per_second = 10000});
    struct peer *c = asks(GET);
    answers_with(20000);
    const size_t head = c->heard_n;
    cr_assert_lt(head, 200, "%zu: only the head", head);
    stack_sleep_ms(s, 1000);
    cr_assert_geq(c->heard_n - head, 9000, "%zu", c->heard_n - head);
    cr_assert_leq(c->heard_n - head, 10100, "%zu", c->heard_n - head);
    stack_sleep_ms(s, 1100);
    cr_assert_eq(c->heard_n - head, 20000);
    peer_take(c);
    peer_take(stack_origin(s, 0));
    fault.bytes_per_second = 0;
    peer_says(c, GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(strstr(peer_take(c), "\r\n\r\nhi"), "both connections are kept");
    cr_assert_eq(stack_origins(s), 1);
    end();
}

Test(attempt_fault, holds_no_more_than_the_clusters_queue)
{
    begin_fault(CLUSTER("limits = { queue = \"16k\"; };") ALL,
                (struct weir_attempt_fault){.bytes_per_second = 1000});
    struct peer *c = asks(GET);
    answers_with(800000);
    stack_sleep_ms(s, 2000);
    const struct list *first = stack_worker(s)->active.next;
    const struct attempt *at = list_entry(first, struct exchange, node)->attempt;
    cr_assert(at->paused);
    cr_assert_leq(attempt_queued(at), 2 * 16384, "%zu bytes", attempt_queued(at));
    peer_closes(c);
    end();
}

Test(attempt_fault, cuts_a_slowed_response_when_its_time_has_come)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.abort = WEIR_ABORT_TRUNCATE,
                                                             .truncate_at = 1000,
                                                             .bytes_per_second = 1000});
    struct peer *c = asks(GET);
    answers_with(8000);
    cr_assert(peer_closed(stack_origin(s, 0)));
    stack_sleep_ms(s, 900);
    cr_assert(!c->failed && c->heard_n > 700, "%zu", c->heard_n);
    stack_sleep_ms(s, 300);
    cr_assert(c->failed);
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
    end();
}

Test(attempt_fault, passes_on_what_was_held_when_the_origin_breaks)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.bytes_per_second = 100});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabcd");
    peer_closes(stack_origin(s, 0));
    cr_assert_eq(stack_worker(s)->stats->routes[0]->response_bytes, 4);
    cr_assert(c->failed);
    end();
}

Test(attempt_fault, frees_what_it_holds_when_the_client_goes)
{
    begin_fault(CLUSTER("") ALL, (struct weir_attempt_fault){.bytes_per_second = 100});
    struct peer *c = asks(GET);
    answers_with(8000);
    peer_resets(c);
    cr_assert_eq(whys(WHY_CLIENT_GONE), 1);
    end(); /* sees to it that no block is left */
}

/* -- the interface ----------------------------------------------------------------------------- */

static void twice(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at)
{
    (void)x, (void)u;
    weir_attempt_fault(at, &(struct weir_attempt_fault){.delay_ms = 100, .bytes_per_second = 9});
    weir_attempt_fault(
        at, &(struct weir_attempt_fault){
                .delay_ms = 50, .abort = WEIR_ABORT_STATUS, .status = 500, .bytes_per_second = 5});
    weir_attempt_fault(at, &(struct weir_attempt_fault){.abort = WEIR_ABORT_RESET});
    const struct weir_attempt_fault *how = &((struct attempt *)at)->fault->how;
    note("%" PRIu64 "ms %d %d %" PRIu64, how->delay_ms, how->abort, how->status,
         how->bytes_per_second);
}

Test(attempt_fault, adds_several_up)
{
    static const struct weir_module twice_module = {.name = "twice", .on_attempt = twice};
    begin("");
    CHAIN(&plan.routes[0], {&twice_module, NULL});
    struct peer *c = asks(GET);
    cr_assert_str_eq(trace, "150ms 1 500 5");
    stack_sleep_ms(s, 200);
    cr_assert(begins(peer_take(c), "HTTP/1.1 500 "));
    end();
}

static enum weir_verdict too_late(struct weir_exchange *x, const struct weir_use *u,
                                  const struct weir_attempt *at)
{
    (void)x, (void)u;
    weir_attempt_fault((struct weir_attempt *)(uintptr_t)at, &fault);
    return WEIR_NEXT;
}

Test(attempt_fault, refuses_what_can_not_be)
{
    static const struct weir_module late = {
        .name = "late", .on_attempt = on_attempt, .on_result = too_late};
    static const struct weir_attempt_fault wrong[] = {
        {.abort = WEIR_ABORT_STATUS, .status = 199},   {.abort = WEIR_ABORT_STATUS, .status = 600},
        {.abort = WEIR_ABORT_GRPC, .status = 17},      {.abort = (enum weir_abort)77},
        {.bytes_per_second = ((uint64_t)1 << 32) + 1},
    };
    begin("");
    CHAIN(&plan.routes[0], {&late, NULL});
    which = ~0u;
    struct peer *c = stack_client(s);
    for (size_t i = 0; i < array_n(wrong); i++) {
        fault = wrong[i];
        mistakes[0] = 0;
        peer_says(c, GET);
        cr_assert(strstr(mistakes, "such a fault can't be injected"), "%zu", i);
        fault = (struct weir_attempt_fault){.delay_ms = 1};
        mistakes[0] = 0;
        peer_says(stack_origin(s, 0), OK2);
        cr_assert(strstr(mistakes, "belongs to another hook"), "%s", mistakes);
    }
    end();
}
