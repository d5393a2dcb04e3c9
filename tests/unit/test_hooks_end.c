/* SPDX-License-Identifier: Apache-2.0 */
/* How the content of an attempt's response has ended: who hears of it, how often, and what of it. */
#include "hook_case.h"

#include <string.h>

#include "core/attempt.h"

#define HEAD10 "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
#define E503 "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\n"

static weir_cluster again; /* where on_result sends a 503; WEIR_NO_CLUSTER: nowhere */

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    note("%u%s ", weir_attempt_number(at), weir_attempt_goes_on(at) ? "..." : ".");
    if (weir_attempt_status(at) != 503 || again == WEIR_NO_CLUSTER)
        return WEIR_NEXT;
    return weir_retry(x, &(struct weir_retry){.cluster = again});
}

static const char *way(const struct weir_attempt *at)
{
    const char *why = weir_attempt_why(at);
    return why ? why : weir_attempt_whole(at) ? "whole" : "cut";
}

static void on_end(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at)
{
    const struct weir_name name = weir_name(text("x-sum"));
    const struct weir_slice sum = weir_attempt_trailer(at, &name);
    (void)x;
    note("%u:%s%s%s%.*s ", weir_attempt_number(at), way(at), weir_attempt_blameless(at) ? "!" : "",
         weir_attempt_served(at) ? "*" : "", (int)sum.n, sum.p ? sum.p : "");
    ++*(int *)u->state;
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    note("done%d ", *(int *)u->state);
}

static const struct weir_module hears = {.name = "hears",
                                         .state_size = sizeof(int),
                                         .on_result = on_result,
                                         .on_end = on_end,
                                         .on_done = on_done};
static const struct weir_module bad_only = {.name = "bad_only",
                                            .state_size = sizeof(int),
                                            .failures_only = true,
                                            .on_result = on_result,
                                            .on_end = on_end};
static const struct weir_module at_end = {
    .name = "at_end", .state_size = sizeof(int), .failures_only = true, .on_end = on_end};

static struct peer *begin_hearing(const char *listener)
{
    begin(listener);
    again = WEIR_NO_CLUSTER;
    CHAIN(&plan.routes[0], {&hears, NULL});
    return asks(GET);
}

Test(hooks_end, tells_of_a_whole_response)
{
    struct peer *c = begin_hearing("");
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    cr_assert_str_eq(trace, "1... ", "not before it has ended");
    peer_says(stack_origin(s, 0), "56789");
    cr_assert(peer_heard(c, "0123456789"));
    cr_assert_str_eq(trace, "1... 1:whole* done1 ");
    trace[0] = 0;
    peer_says(c, GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "1... 1:whole* done1 ", "all at once");
    cr_assert_str_eq(mistakes, "");
    end();
}

Test(hooks_end, tells_how_one_broke_off)
{
    begin_hearing("");
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    peer_closes(stack_origin(s, 0));
    cr_assert_str_eq(trace, "1... 1:truncated* done1 ");
    trace[0] = 0;
    asks(GET);
    peer_says(stack_origin(s, 1), HEAD10 "01234");
    peer_resets(stack_origin(s, 1));
    cr_assert_str_eq(trace, "1... 1:reset* done1 ");
    end();
}

Test(hooks_end, tells_of_one_that_stopped)
{
    begin_with("", CLUSTERS("timeouts = { body_idle = \"200ms\"; };") ALL);
    again = WEIR_NO_CLUSTER;
    CHAIN(&plan.routes[0], {&hears, NULL});
    asks(GET);
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    stack_sleep_ms(s, 250);
    cr_assert_str_eq(trace, "1... 1:timeout_response_body* done1 ");
    end();
}

Test(hooks_end, blames_nobody_for_what_was_cut_short)
{
    struct peer *c = begin_hearing("timeouts = { request = \"1s\"; };");
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    peer_resets(c);
    cr_assert_str_eq(trace, "1... 1:cut!* done1 ", "by the client");
    trace[0] = 0;
    asks(GET);
    peer_says(stack_origin(s, 1), HEAD10 "01234");
    stack_sleep_ms(s, 1020);
    cr_assert_str_eq(trace, "1... 1:cut!* done1 ", "by the limit of the whole request");
    end();
}

Test(hooks_end, is_not_told_of_what_gave_no_head)
{
    begin_hearing("");
    peer_resets(stack_origin(s, 0));
    cr_assert_str_eq(trace, "1. done0 ");
    trace[0] = 0;
    peer_resets(asks(GET));
    cr_assert_str_eq(trace, "1. done0 ");
    end();
}

Test(hooks_end, is_not_told_of_tunnels)
{
    begin("");
    CHAIN(&plan.routes[0], {&hears, NULL});
    struct peer *c = asks("GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    struct peer *o = stack_origin(s, stack_origins(s) - 1);
    peer_says(o, "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 101"));
    peer_resets(o);
    cr_assert_str_eq(trace, "1. done0 ");
    end();
}

Test(hooks_end, shows_trailers)
{
    begin_hearing("");
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n");
    cr_assert_str_eq(trace, "1... 1:whole*42 done1 ");
    end();
}

Test(hooks_end, tells_of_each_attempt_in_their_order)
{
    begin("");
    again = 0;
    CHAIN(&plan.routes[0], {&hears, NULL});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503 "bad");
    again = WEIR_NO_CLUSTER;
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert_str_eq(trace, "1... 2... 1:whole 2:whole* done2 ");
    end();
}

Test(hooks_end, tells_of_a_held_response_that_broke_off_or_was_of_no_use)
{
    begin("");
    again = 0;
    CHAIN(&plan.routes[0], {&hears, NULL});
    asks(GET);
    peer_says(stack_origin(s, 0), E503);
    again = WEIR_NO_CLUSTER;
    peer_closes(stack_origin(s, 0));
    peer_says(stack_origin(s, 1), OK2);
    cr_assert_str_eq(trace, "1... 2... 1:truncated 2:whole* done2 ");
    trace[0] = 0;
    again = 0;
    asks(GET);
    peer_says(stack_origin(s, 1), E503);
    again = WEIR_NO_CLUSTER;
    peer_says(stack_origin(s, 2), OK2);
    cr_assert_str_eq(trace, "1... 2... 1:cut! 2:whole* done2 ");
    end();
}

Test(hooks_end, tells_each_use_once_when_a_held_response_comes_back_to_its_cluster)
{
    begin("");
    CHAIN(&plan.routes[0], {&bad_only, NULL});
    CHAIN(&plan.clusters[0], {&hears, NULL});
    CHAIN(&plan.clusters[1], {&hears, NULL});
    asks(GET);
    again = 1;
    peer_says(stack_origin(s, 0), E503 "bad");
    cr_assert_str_eq(trace, "1... 1... ");
    trace[0] = 0;
    peer_resets(stack_origin(s, 1));
    cr_assert_str_eq(trace, "2. 2. 1:whole* 1:whole* done1 done0 done0 ",
                     "the route's, and the first cluster's as it was at first");
    end();
}

Test(hooks_end, tells_who_wants_failures_only_what_broke_off)
{
    begin("");
    again = WEIR_NO_CLUSTER;
    CHAIN(&plan.clusters[0], {&bad_only, NULL});
    asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "");
    asks(GET);
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    peer_closes(stack_origin(s, 0));
    cr_assert_str_eq(trace, "1:truncated* ");
    trace[0] = 0;
    asks(GET);
    peer_says(stack_origin(s, 1), E503 "bad");
    cr_assert_str_eq(trace, "1... 1:whole* ");
    end();
}

Test(hooks_end, tells_all_while_a_word_is_set)
{
    _Atomic uint32_t word = 0;
    begin("");
    again = WEIR_NO_CLUSTER;
    results_while = &word;
    CHAIN(&plan.clusters[0], {&bad_only, NULL});
    asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "");
    word = 1;
    asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "1... 1:whole* ");
    results_while = NULL;
    end();
}

Test(hooks_end, needs_no_on_result_and_wakes_who_comes_late)
{
    begin("");
    again = WEIR_NO_CLUSTER;
    CHAIN(&plan.routes[0], {&at_end, NULL, .late = true}, {&hears, NULL, .late = true});
    asks(GET);
    peer_says(stack_origin(s, 0), HEAD10 "01234");
    trace[0] = 0;
    peer_closes(stack_origin(s, 0));
    cr_assert_str_eq(trace, "1:truncated* 1:truncated* done1 ");
    end();
}

/* -- a client that takes nothing ------------------------------------------------------------------- */

/* The origin is told to stop reading; when it goes on again it finds the connection reset. */
static void break_off_after(uint64_t pause_ms)
{
    static char much[200000];
    memset(much, 'x', sizeof much);
    struct peer *c = begin_hearing("timeouts = { request = \"0s\"; };");
    peer_stalls(c);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    peer_says_n(stack_origin(s, 0), much, sizeof much);
    stack_sleep_ms(s, pause_ms);
    peer_closes(stack_origin(s, 0));
    peer_reads(c);
    stack_sleep_ms(s, 20);
}

Test(hooks_end, blames_the_origin_for_a_break_after_a_short_pause)
{
    break_off_after(100);
    cr_assert_str_eq(trace, "1... 1:truncated* done1 ");
    end();
}

Test(hooks_end, blames_nobody_when_the_client_has_held_the_origin_up)
{
    break_off_after(1100);
    cr_assert_str_eq(trace, "1... 1:truncated!* done1 ");
    end();
}
