/* SPDX-License-Identifier: Apache-2.0 */
/* What hooks can know of an attempt. */
#include "hook_case.h"

static const struct weir_attempt *seen;
static enum weir_failure failure;

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)x, (void)u;
    seen = at;
    failure = weir_attempt_failure(at);
    const struct weir_name name = weir_name(text("X-Kind"));
    const struct weir_slice kind = weir_attempt_field(at, &name);
    const struct weir_slice ep = weir_attempt_endpoint(at);
    note("[%u %d %s %s c%u %.*s %.*s %llums]", weir_attempt_number(at), weir_attempt_status(at),
         weir_attempt_why(at) ? weir_attempt_why(at) : "-",
         weir_attempt_blameless(at) ? "blameless" : "to_blame", weir_attempt_cluster(at), (int)ep.n,
         ep.p, (int)kind.n, kind.p ? kind.p : "",
         (unsigned long long)weir_attempt_took_us(at) / 1000);
    return WEIR_NEXT;
}
static const struct weir_module looks = {.name = "looks", .on_result = on_result};

static void begin_looking(const char *listener)
{
    begin(listener);
    CHAIN(&plan.routes[0], {&looks, NULL});
}

Test(module_api_attempt, says_what_an_origin_answered)
{
    begin_looking("");
    asks(GET);
    stack_sleep_ms(s, 30);
    peer_says(stack_origin(s, 0), "HTTP/1.1 418 x\r\nX-Kind: pot\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(trace, "[1 418 - to_blame c0 10.0.0.1:80 pot 30ms]");
    cr_assert_eq(failure, WEIR_FAILURE_NONE);
    end();
}

Test(module_api_attempt, says_how_one_failed)
{
    begin_looking("");
    stack_refuse_dials(s, 1, 111);
    asks(GET);
    cr_assert_str_eq(trace, "[1 0 connect to_blame c0 10.0.0.1:80  0ms]");
    cr_assert_eq(failure, WEIR_FAILURE_CONNECT);
    trace[0] = 0;
    asks(GET);
    peer_says(stack_origin(s, 0), "nonsense\r\n\r\n");
    cr_assert_str_eq(trace, "[1 0 bad_response to_blame c0 10.0.0.1:80  0ms]");
    cr_assert_eq(failure, WEIR_FAILURE_BAD_RESPONSE);
    end();
}

Test(module_api_attempt, blames_nobody_for_a_kept_connection_that_was_closed)
{
    begin_looking("");
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    trace[0] = 0;
    peer_says(c, GET);
    peer_closes(stack_origin(s, 0));
    cr_assert_str_eq(trace, "[1 0 closed blameless c0 10.0.0.1:80  0ms]");
    peer_says(stack_origin(s, 1), OK2);
    end();
}

Test(module_api_attempt, blames_the_origin_for_the_time_and_not_for_the_client)
{
    begin_looking("timeouts = { request = \"1s\"; };");
    asks(GET);
    stack_sleep_ms(s, 1016);
    cr_assert(strstr(trace, "timeout_request to_blame"), "%s", trace);
    trace[0] = 0;
    peer_resets(asks(GET));
    cr_assert(strstr(trace, "client_gone blameless"), "%s", trace);
    trace[0] = 0;
    asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    stack_sleep_ms(s, 1016);
    cr_assert(strstr(trace, "timeout_request blameless"), "the client was slow: %s", trace);
    trace[0] = 0;
    asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\n"
         "grpc-timeout: 100m\r\nContent-Length: 0\r\n\r\n");
    stack_sleep_ms(s, 116);
    cr_assert(strstr(trace, "timeout_request blameless"), "the client was impatient: %s", trace);
    end();
}

static enum weir_verdict limit_tries(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_try_limits(x, 700, 0);
    return WEIR_NEXT;
}
static enum weir_verdict try_again(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    return weir_retry(x, &(struct weir_retry){.cluster = weir_attempt_cluster(at)});
}
static const struct weir_module tries = {
    .name = "tries", .on_forward = limit_tries, .on_result = try_again};

Test(module_api_attempt, blames_nobody_who_was_asked_when_most_of_the_time_was_gone)
{
    begin("timeouts = { request = \"1s\"; };");
    CHAIN(&plan.routes[0], {&looks, NULL}, {&tries, NULL});
    asks(GET);
    stack_sleep_ms(s, 716);
    cr_assert(strstr(trace, "timeout_try to_blame"), "%s", trace);
    trace[0] = 0;
    stack_sleep_ms(s, 316);
    cr_assert(strstr(trace, "[2 0 timeout_request blameless"), "%s", trace);
    end();
}

/* Slow clients could have endpoints ejected, or circuits opened for everybody. */
Test(module_api_attempt, blames_nobody_for_a_break_while_the_client_sends_nothing)
{
    begin_looking("timeouts = { request = \"0s\"; };");
    asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    stack_sleep_ms(s, 1100);
    peer_closes(stack_origin(s, 0));
    cr_assert(strstr(trace, "closed blameless"), "%s", trace);
    trace[0] = 0;
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    stack_sleep_ms(s, 1100);
    peer_says(c, "c");
    peer_resets(stack_origin(s, 1));
    cr_assert(strstr(trace, "reset to_blame"), "it has just sent something: %s", trace);
    end();
}

Test(module_api_attempt, blames_nobody_for_the_little_time_that_was_left)
{
    begin_looking("timeouts = { request = \"1s\"; };");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    stack_sleep_ms(s, 700);
    peer_says(c, "cde");
    stack_sleep_ms(s, 316);
    cr_assert(strstr(trace, "timeout_request blameless"), "%s", trace);
    trace[0] = 0;
    c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    stack_sleep_ms(s, 300);
    peer_says(c, "cde");
    stack_sleep_ms(s, 716);
    cr_assert(strstr(trace, "timeout_request to_blame"), "%s", trace);
    end();
}
