/* SPDX-License-Identifier: Apache-2.0 */
/* What hooks are told when they ask for a retry and get none, and about the attempt that led them
 * to it. */
#include "hook_case.h"

static struct weir_retry how;

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    if (weir_attempt_status(at) == 200)
        return WEIR_NEXT;
    note("%s%s ", weir_attempt_sent(at) ? "sent" : "unsent",
         weir_attempt_repeated(at) ? "+repeated" : "");
    const enum weir_verdict said = weir_retry(x, &how);
    note("%s ", weir_retry_refused(x) ? weir_retry_refused(x) : "granted");
    return said;
}
static const struct weir_module asks_again = {.name = "again", .on_result = on_result};

#define E503 "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad"
#define POST "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef"

static void begin_refused(const char *top, const char *conf)
{
    begin_with(top, conf);
    CHAIN(&plan.routes[0], {&asks_again, NULL});
    how = (struct weir_retry){.cluster = 1};
}

/* A request whose first attempt is answered 503; what the hook noted. */
static const char *noted(const char *request)
{
    const size_t before = stack_origins(s);
    trace[0] = 0;
    struct peer *c = asks(request);
    peer_says(stack_origin(s, before ? before - 1 : 0), E503);
    peer_closes(c);
    return trace;
}

Test(retry_refused, names_what_is_in_the_way)
{
    begin_refused("", CLUSTERS("retry_budget = { percent = \"0%\"; min_per_second = 0; };") ALL);
    cr_assert_str_eq(noted(GET), "sent budget ");
    cr_assert_str_eq(noted(POST), "sent method ");
    how.unsafe = true;
    cr_assert_str_eq(noted(POST), "sent content ");
    end();
}

Test(retry_refused, is_a_retry_that_would_come_too_late)
{
    begin_refused("timeouts = { request = \"1s\"; };", CLUSTERS("") ALL);
    how.delay_ms = 1000;
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503);
    cr_assert_str_eq(trace, "sent time ");
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 No"), "the answer that there is, at once");
    end();
}

Test(retry_refused, is_nobody_who_asks_first)
{
    begin_refused("", CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&asks_again, NULL}, {&asks_again, NULL});
    asks(GET);
    peer_says(stack_origin(s, 0), E503);
    cr_assert_str_eq(trace, "sent granted sent taken ");
    peer_says(stack_origin(s, 1), OK2);
    end();
}

Test(retry_refused, knows_attempts_that_never_began)
{
    begin_refused("", CLUSTERS("") ALL);
    stack_refuse_dials(s, 1, 111);
    asks(GET);
    cr_assert_str_eq(trace, "unsent granted ");
    peer_says(stack_origin(s, 0), OK2);
    end();
}

Test(retry_refused, knows_attempts_that_go_on_by_themselves)
{
    begin_refused("", CLUSTERS("") ALL);
    how.cluster = WEIR_NO_CLUSTER;
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    peer_says(c, GET);
    peer_closes(stack_origin(s, 0));
    cr_assert(begins(trace, "sent+repeated "), "%s", trace);
    peer_says(stack_origin(s, 1), OK2);
    end();
}
