/* SPDX-License-Identifier: Apache-2.0 */
/* What the client gets when attempts are used up, which endpoints they go to, and how long each may
 * take. */
#include "hook_case.h"

#include "core/attempt.h"

static unsigned attempts_most;
static weir_cluster next; /* of the second attempt and those after it */

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    note("%s ", weir_attempt_why(at) ? weir_attempt_why(at) : "-");
    if (weir_attempt_number(at) >= attempts_most)
        return WEIR_NEXT;
    return weir_retry(x, &(struct weir_retry){.cluster = next});
}
static const struct weir_module again = {
    .name = "again", .failures_only = true, .on_result = on_result};

#define THREE                                                                                      \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\", \"10.0.0.3:80\" ]; };"   \
    "             two = { endpoints = [ \"10.0.0.9:80\" ]; }; };"                                  \
    "routes = ( { cluster = \"one\"; } );"
#define E503(body) "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\n" body

static struct peer *begin_three(unsigned most)
{
    begin_with("timeouts = { request = \"2s\"; };", THREE);
    CHAIN(&plan.routes[0], {&again, NULL});
    attempts_most = most;
    next = 0;
    return asks(GET);
}

Test(retry_held, answers_with_the_last_real_response_when_others_give_none)
{
    struct peer *c = begin_three(3);
    peer_says(stack_origin(s, 0), E503("one"));
    cr_assert_str_eq(peer_take(c), "", "a better one may come");
    peer_says(stack_origin(s, 1), E503("two"));
    peer_resets(stack_origin(s, 2));
    const char *got = peer_take(c);
    cr_assert(begins(got, "HTTP/1.1 503 No") && strstr(got, "two"), "%s", got);
    cr_assert_eq(whys(WHY_RESET), 0);
    end();
}

Test(retry_held, streams_a_response_that_was_held)
{
    struct peer *c = begin_three(2);
    peer_says(stack_origin(s, 0), "HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nabc");
    peer_resets(stack_origin(s, 1));
    peer_says(stack_origin(s, 0), "def");
    cr_assert(peer_heard(c, "\r\n\r\nabcdef"));
    end();
}

Test(retry_held, is_of_no_use_when_it_broke_meanwhile)
{
    struct peer *c = begin_three(2);
    peer_says(stack_origin(s, 0), "HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nabc");
    peer_resets(stack_origin(s, 0));
    peer_resets(stack_origin(s, 1));
    cr_assert(begins(peer_take(c), "HTTP/1.1 502 "));
    end();
}

Test(retry_held, gives_way_to_a_better_one)
{
    struct peer *c = begin_three(2);
    peer_says(stack_origin(s, 0), E503("one"));
    peer_says(stack_origin(s, 1), OK2);
    const char *got = peer_take(c);
    cr_assert(begins(got, "HTTP/1.1 200 OK") && !strstr(got, "one"));
    end();
}

Test(retry_held, is_let_go_when_the_time_for_all_is_over)
{
    struct peer *c = begin_three(2);
    peer_says(stack_origin(s, 0), E503("one"));
    stack_sleep_ms(s, 2100);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    end();
}

Test(retry_held, comes_back_to_its_cluster)
{
    struct peer *c = begin_three(2);
    next = 1;
    peer_says(stack_origin(s, 0), E503("one"));
    peer_resets(stack_origin(s, 1));
    cr_assert(peer_heard(c, "\r\n\r\none"));
    const struct stats *st = stack_worker(s)->stats;
    cr_assert_eq(st->clusters[0]->requests, 1);
    cr_assert_eq(st->clusters[1]->requests, 0);
    end();
}

static enum weir_verdict on_pick_veto(struct weir_exchange *x, const struct weir_use *u,
                                      const struct weir_endpoint *ep)
{
    (void)u, (void)ep;
    return weir_veto(x, "closed");
}
static const struct weir_module closed = {.name = "closed", .on_pick = on_pick_veto};

static enum weir_verdict on_unavailable(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    return weir_retry(x, &(struct weir_retry){.cluster = 0});
}
static const struct weir_module rescue = {.name = "rescue", .on_unavailable = on_unavailable};

/* A response that has lost its content would leave the client waiting for it. */
Test(retry_held, stays_whole_when_the_attempt_after_it_can_not_start)
{
    begin_with("", THREE);
    CHAIN(&plan.routes[0], {&again, NULL}, {&rescue, NULL});
    CHAIN(&plan.clusters[1], {&closed, NULL});
    attempts_most = 2;
    next = 1;
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503("one"));
    cr_assert_eq(stack_origins(s), 2, "back on the first cluster");
    peer_resets(stack_origin(s, 1));
    cr_assert(peer_heard(c, "\r\n\r\none"));
    end();
}

Test(retry_held, tries_every_endpoint_before_one_comes_again)
{
    begin_three(4);
    for (size_t i = 0; i < 3; i++)
        peer_says(stack_origin(s, i), "HTTP/1.1 503 No\r\nContent-Length: 30\r\n\r\n");
    cr_assert_eq(stack_origins(s), 4);
    char to[4][ADDR_TEXT_MAX];
    for (size_t i = 0; i < 4; i++)
        addr_print(&stack_origin(s, i)->to, to[i]);
    cr_assert(strcmp(to[0], to[1]) && strcmp(to[0], to[2]) && strcmp(to[1], to[2]));
    end();
}

/* -- how long an attempt may take -------------------------------------------------------------- */

static uint64_t try_ms, idle_ms;
static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_try_limits(x, try_ms, idle_ms);
    return WEIR_NEXT;
}
static const struct weir_module limits = {
    .name = "limits", .on_forward = on_forward, .on_result = on_result};

static struct peer *begin_limits(uint64_t of_try, uint64_t of_idle)
{
    begin_with("timeouts = { request = \"5s\"; };", THREE);
    CHAIN(&plan.routes[0], {&limits, NULL});
    attempts_most = 2;
    next = 0;
    try_ms = of_try;
    idle_ms = of_idle;
    return asks(GET);
}

Test(retry_held, gives_an_attempt_up_at_its_own_limit)
{
    struct peer *c = begin_limits(300, 0);
    peer_says(stack_origin(s, 0), "HTTP/1.1 103 Hints\r\n\r\n");
    stack_sleep_ms(s, 200);
    cr_assert_eq(stack_origins(s), 1);
    stack_sleep_ms(s, 150);
    cr_assert_eq(stack_origins(s), 2);
    cr_assert_str_eq(trace, "timeout_try ");
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    stack_sleep_ms(s, 1000);
    peer_says(stack_origin(s, 1), "hi");
    cr_assert(peer_heard(c, "\r\n\r\nhi"), "content has as long as it needs");
    end();
}

static struct peer *begin_upload(const char *request)
{
    begin_with("timeouts = { request = \"5s\"; };", THREE);
    CHAIN(&plan.routes[0], {&limits, NULL});
    attempts_most = 1;
    try_ms = 300;
    idle_ms = 0;
    return asks(request);
}

Test(retry_held, begins_an_attempts_time_when_the_client_has_sent_all)
{
    struct peer *c = begin_upload("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    stack_sleep_ms(s, 600);
    cr_assert_str_eq(trace, "");
    peer_says(c, "cd");
    stack_sleep_ms(s, 200);
    cr_assert_str_eq(trace, "");
    stack_sleep_ms(s, 150);
    cr_assert_str_eq(trace, "timeout_try ");
    end();
}

#define EXPECTS "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"

Test(retry_held, limits_how_long_a_client_waits_to_be_told_to_go_on)
{
    begin_upload(EXPECTS);
    stack_sleep_ms(s, 350);
    cr_assert_str_eq(trace, "timeout_try ");
    end();
}

Test(retry_held, stops_an_attempts_time_when_the_client_was_told_to_go_on)
{
    struct peer *c = begin_upload(EXPECTS);
    peer_says(stack_origin(s, 0), "HTTP/1.1 100 Continue\r\n\r\n");
    stack_sleep_ms(s, 600);
    cr_assert_str_eq(trace, "");
    peer_says(c, "abcd");
    stack_sleep_ms(s, 350);
    cr_assert_str_eq(trace, "timeout_try ");
    end();
}

Test(retry_held, says_gateway_timeout_when_all_attempts_took_too_long)
{
    struct peer *c = begin_limits(300, 0);
    stack_sleep_ms(s, 700);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    cr_assert_eq(whys(WHY_TIMEOUT_TRY), 1);
    end();
}

Test(retry_held, limits_how_long_nothing_moves)
{
    struct peer *c = begin_limits(0, 300);
    stack_sleep_ms(s, 350);
    cr_assert_str_eq(trace, "timeout_response_head ");
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    stack_sleep_ms(s, 200);
    peer_says(stack_origin(s, 1), "h");
    stack_sleep_ms(s, 350);
    cr_assert(peer_closed(c));
    cr_assert_eq(whys(WHY_TIMEOUT_RESPONSE_BODY), 1);
    end();
}
