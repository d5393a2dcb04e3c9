/* SPDX-License-Identifier: Apache-2.0 */
/* A second attempt beside the first: when there is one, which of them wins, what becomes of the
 * other, and what it costs. */
#include "hook_case.h"

#include "core/attempt.h"
#include "core/budget.h"

enum { DELAY = 100 };
static bool retries; /* on_result asks for one when a response is a 5xx */
static uint64_t retry_delay_ms;

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_hedge(x, DELAY);
    return WEIR_NEXT;
}
static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    const int status = weir_attempt_status(at);
    note("%u:%s%s ", weir_attempt_number(at),
         weir_attempt_why(at) ? weir_attempt_why(at) : weir_printf(x, "%d", status).p,
         weir_attempt_blameless(at) ? "!" : "");
    if (!retries || (status && status < 500) || weir_attempt_number(at) > 2)
        return WEIR_NEXT;
    return weir_retry(x, &(struct weir_retry){.cluster = weir_attempt_cluster(at),
                                              .delay_ms = retry_delay_ms});
}
static const struct weir_module hedges = {
    .name = "hedges", .on_forward = on_forward, .on_result = on_result};

#define TWO(budget)                                                                                \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; "                      \
    "hedge_budget = { " budget " }; }; };"                                                         \
    "routes = ( { cluster = \"one\"; } );"
#define ROOM "percent = \"100%\"; min_per_second = 5;"
#define E503 "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad"

static struct peer *begin_hedged(const char *conf, const char *request)
{
    begin_with("", conf);
    CHAIN(&plan.routes[0], {&hedges, NULL});
    retries = false;
    retry_delay_ms = 0;
    return asks(request);
}

static const struct traffic_stats *counted(void)
{
    return stack_worker(s)->stats->routes[0];
}

Test(hedge, starts_after_the_delay_on_another_endpoint)
{
    begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY - 20);
    cr_assert_eq(stack_origins(s), 1);
    stack_sleep_ms(s, 40);
    cr_assert_eq(stack_origins(s), 2);
    cr_assert(!addr_eq(&stack_origin(s, 0)->to, &stack_origin(s, 1)->to));
    cr_assert_eq(counted()->hedges, 1);
    stack_sleep_ms(s, 500);
    cr_assert_eq(stack_origins(s), 2, "once");
    end();
}

Test(hedge, that_is_first_wins_and_the_other_is_given_up)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK") && peer_heard(c, "hi"));
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_str_eq(trace, "2:200 1:hedge_lost! ");
    cr_assert_eq(counted()->hedges_won, 1);
    cr_assert_eq(stack_worker(s)->stats->endpoints[0][0].failures +
                     stack_worker(s)->stats->endpoints[0][1].failures, 0);
    end();
}

Test(hedge, that_is_second_loses)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert(peer_closed(stack_origin(s, 1)));
    cr_assert_str_eq(trace, "1:200 2:hedge_lost! ");
    cr_assert_eq(counted()->hedges_won, 0);
    end();
}

Test(hedge, is_not_needed_when_the_answer_comes_in_time)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY - 20);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    stack_sleep_ms(s, DELAY);
    cr_assert_eq(stack_origins(s), 1);
    peer_says(stack_origin(s, 0), "hi");
    cr_assert(peer_heard(c, "hi"));
    end();
}

Test(hedge, goes_on_when_the_other_one_fails)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY + 40);
    peer_resets(stack_origin(s, 0));
    cr_assert_str_eq(peer_take(c), "");
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

Test(hedge, is_waited_for_when_an_answer_is_to_be_retried)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    retries = true;
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 0), E503);
    cr_assert_eq(stack_origins(s), 2, "one is under way already");
    cr_assert_eq(counted()->retries_refused, 0);
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK") && !peer_heard(c, "bad"));
    end();
}

Test(hedge, leaves_the_real_answer_when_it_fails_itself)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    retries = true;
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 0), E503);
    retries = false;
    peer_resets(stack_origin(s, 1));
    cr_assert(peer_heard(c, "HTTP/1.1 503 No") && peer_heard(c, "bad"));
    end();
}

Test(hedge, takes_the_content_along)
{
    struct peer *c = begin_hedged(
        TWO(ROOM), "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
    stack_sleep_ms(s, DELAY + 40);
    cr_assert(peer_heard(stack_origin(s, 1), "\r\n\r\nabcdef"));
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

Test(hedge, repeats_no_method_that_may_do_harm_twice_and_nothing_that_is_not_whole)
{
    struct peer *c = begin_hedged(
        TWO(ROOM), "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
    stack_sleep_ms(s, DELAY + 40);
    cr_assert_eq(stack_origins(s), 1);
    peer_closes(c);
    asks("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    stack_sleep_ms(s, DELAY + 40);
    cr_assert_eq(stack_origins(s), 2);
    end();
}

Test(hedge, needs_room_in_its_budget)
{
    struct peer *c = begin_hedged(TWO("percent = \"0%\"; min_per_second = 1;"), GET);
    struct peer *d = asks(GET);
    stack_sleep_ms(s, DELAY + 40);
    cr_assert_eq(stack_origins(s), 3);
    cr_assert_eq(counted()->hedges, 1);
    cr_assert_eq(counted()->hedges_refused, 1);
    peer_closes(c);
    peer_closes(d);
    end();
}

Test(hedge, needs_another_endpoint)
{
    begin_hedged(CLUSTERS("hedge_budget = { " ROOM " };") ALL, GET);
    stack_sleep_ms(s, DELAY + 40);
    cr_assert_eq(stack_origins(s), 1);
    const struct worker *w = stack_worker(s);
    const uint32_t now = (uint32_t)(w->loop->clock.mono_us / 1000000);
    for (uint32_t back = 0; back < 2; back++)
        cr_assert_eq(budget_counted(w->g->budgets[0], BUDGET_HEDGE, now - back).extra, 0,
                     "what isn't used is given back");
    end();
}

Test(hedge, ends_with_the_client)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY + 40);
    peer_resets(c);
    cr_assert(peer_closed(stack_origin(s, 0)) && peer_closed(stack_origin(s, 1)));
    end();
}

Test(hedge, is_won_once_and_not_again_when_the_client_leaves_later)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh");
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    peer_resets(c);
    cr_assert_eq(counted()->hedges_won, 1);
    end();
}

Test(hedge, is_not_won_without_an_answer)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    retries = true;
    stack_sleep_ms(s, DELAY + 40);
    peer_says(stack_origin(s, 0), E503);
    peer_resets(c);
    cr_assert_eq(counted()->hedges_won, 0);
    end();
}

Test(hedge, is_waited_for_though_nobody_else_could_be_asked)
{
    struct peer *c = begin_hedged(TWO(ROOM), GET);
    retries = true;
    stack_sleep_ms(s, DELAY + 40);
    cluster_groups_fini(&stack_worker(s)->clusters[0]); /* all have been taken out of use */
    peer_says(stack_origin(s, 0), E503);
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK") && !peer_heard(c, "bad"));
    end();
}

/* A retry that has waited for longer than the delay isn't slow for that. */
Test(hedge, gives_a_retry_as_much_time_as_the_first_attempt)
{
    begin_hedged("clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\", "
                 "\"10.0.0.3:80\" ]; hedge_budget = { " ROOM " }; }; };"
                 "routes = ( { cluster = \"one\"; } );",
                 GET);
    retries = true;
    retry_delay_ms = 2 * DELAY;
    peer_says(stack_origin(s, 0), E503);
    stack_sleep_ms(s, 2 * DELAY + 30);
    cr_assert_eq(stack_origins(s), 2);
    stack_sleep_ms(s, DELAY - 60);
    cr_assert_eq(stack_origins(s), 2);
    stack_sleep_ms(s, 80);
    cr_assert_eq(stack_origins(s), 3);
    cr_assert_eq(counted()->hedges, 1);
    end();
}
