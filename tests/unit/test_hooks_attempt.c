/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks around one attempt: what is set aside for it, its own head, and when none can start. */
#include "hook_case.h"

#include "core/attempt.h"

#define E503 "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad"

static int held; /* what a limiter has set aside */

static enum weir_verdict on_pick_hold(struct weir_exchange *x, const struct weir_use *u,
                                      const struct weir_endpoint *ep)
{
    (void)x, (void)u, (void)ep;
    held++;
    return WEIR_NEXT;
}
static void on_unpick_release(struct weir_exchange *x, const struct weir_use *u,
                              const struct weir_endpoint *ep)
{
    (void)x, (void)u, (void)ep;
    held--;
}
static const struct weir_module limiter = {
    .name = "limiter", .on_pick = on_pick_hold, .on_unpick = on_unpick_release};

static enum weir_verdict on_pick_veto(struct weir_exchange *x, const struct weir_use *u,
                                      const struct weir_endpoint *ep)
{
    (void)u, (void)ep;
    return weir_veto(x, "circuit");
}
static const struct weir_module breaker = {.name = "breaker", .on_pick = on_pick_veto};

Test(hooks_attempt, that_set_something_aside_hear_of_a_veto_behind_them)
{
    begin("");
    held = 0;
    CHAIN(&plan.routes[0], {&limiter, NULL}, {&breaker, NULL}, {&limiter, NULL});
    CHAIN(&plan.clusters[0], {&limiter, NULL});
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    cr_assert_eq(held, 0);
    CHAIN(&plan.routes[0], {&limiter, NULL});
    asks(GET);
    cr_assert_eq(held, 2, "nobody vetoed");
    end();
}

/* -- an attempt's own head --------------------------------------------------------------------- */

static void on_attempt_number(struct weir_exchange *x, const struct weir_use *u,
                              struct weir_attempt *at)
{
    const struct weir_name name = weir_name((struct weir_slice)WEIR_SLICE("x-try"));
    (void)u;
    cr_assert(weir_field_add(x, WEIR_INWARD, &name, weir_printf(x, "%u", weir_attempt_number(at))));
}
static enum weir_verdict on_result_again(struct weir_exchange *x, const struct weir_use *u,
                                         const struct weir_attempt *at)
{
    (void)u;
    note("%u ", weir_attempt_number(at));
    return weir_attempt_number(at) == 1 ? weir_retry(x, &(struct weir_retry){.cluster = 0})
                                        : WEIR_NEXT;
}
static const struct weir_module numbers = {.name = "numbers",
                                           .failures_only = true,
                                           .on_attempt = on_attempt_number,
                                           .on_result = on_result_again};

Test(hooks_attempt, may_give_each_attempt_a_head_of_its_own)
{
    begin("");
    CHAIN(&plan.routes[0], {&numbers, NULL});
    struct peer *c = asks(GET);
    cr_assert(peer_heard(stack_origin(s, 0), "x-try: 1\r\n"));
    peer_says(stack_origin(s, 0), E503);
    struct peer *second = stack_origin(s, stack_origins(s) - 1);
    cr_assert(peer_heard(second, "x-try: 2\r\n"));
    peer_says(second, OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    const char *again = strstr(second->heard, "x-try: 2");
    cr_assert(!strstr(again, "x-try: 1"), "%s", second->heard);
    cr_assert_str_eq(trace, "1 ", "a good one is not told to who wants failures only");
    cr_assert_str_eq(mistakes, "");
    end();
}

/* -- uses that come late ----------------------------------------------------------------------- */

static void on_attempt_note(struct weir_exchange *x, const struct weir_use *u,
                            struct weir_attempt *at)
{
    (void)x;
    note("attempt%u ", weir_attempt_number(at));
    ++*(int *)u->state;
}
static enum weir_verdict on_result_note(struct weir_exchange *x, const struct weir_use *u,
                                        const struct weir_attempt *at)
{
    (void)u;
    note("result%u ", weir_attempt_number(at));
    return weir_attempt_number(at) == 1 ? weir_retry(x, &(struct weir_retry){.cluster = 0})
                                        : WEIR_NEXT;
}
static void on_done_note(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    note("done%d ", *(int *)u->state);
}
static const struct weir_module sleeper = {.name = "sleeper",
                                           .failures_only = true,
                                           .state_size = sizeof(int),
                                           .on_attempt = on_attempt_note,
                                           .on_result = on_result_note,
                                           .on_done = on_done_note};

Test(hooks_attempt, of_uses_that_come_late_begin_with_the_first_failure)
{
    begin("");
    CHAIN(&plan.routes[0], {&sleeper, NULL, .late = true});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "", "nothing was wrong");
    peer_says(c, GET);
    peer_says(stack_origin(s, 0), E503);
    cr_assert_str_eq(trace, "result1 attempt2 ");
    peer_says(stack_origin(s, stack_origins(s) - 1), OK2);
    cr_assert_str_eq(trace, "result1 attempt2 done1 ");
    end();
}

Test(hooks_attempt, of_uses_that_keep_requests_can_repeat_any_method)
{
    static const char post[] = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
    begin("");
    CHAIN(&plan.routes[0], {&sleeper, NULL, .late = true, .keeps = true});
    asks(post);
    cr_assert(stack_worker(s)->active.next != &stack_worker(s)->active);
    const struct exchange *x = list_entry(stack_worker(s)->active.next, struct exchange, node);
    cr_assert(x->kept_all && x->kept.n == 2);
    end();
}

/* -- guarded endpoints ------------------------------------------------------------------------- */

static enum weir_verdict on_pick_guard(struct weir_exchange *x, const struct weir_use *u,
                                       const struct weir_endpoint *ep)
{
    (void)u;
    note("%s ", ((const struct endpoint *)ep)->name);
    return weir_veto(x, NULL);
}
static const struct weir_module guard = {
    .name = "guard", .guards = true, .on_pick = on_pick_guard};

Test(hooks_attempt, of_guards_are_asked_about_guarded_endpoints_alone)
{
    begin_with("", "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; }; };"
                   "routes = ( { cluster = \"one\"; } );");
    CHAIN(&plan.routes[0], {&guard, NULL});
    for (int i = 0; i < 2; i++)
        asks(GET);
    cr_assert_str_eq(trace, "");
    cr_assert_eq(stack_origins(s), 2);
    struct cluster *cl = &stack_worker(s)->clusters[0];
    cl->endpoints[1]->guarded = true;
    for (int i = 0; i < 2; i++)
        asks(GET);
    cr_assert_eq(stack_origins(s), 4);
    for (size_t i = 2; i < 4; i++) {
        char to[ADDR_TEXT_MAX];
        addr_print(&stack_origin(s, i)->to, to);
        cr_assert_str_eq(to, "10.0.0.1:80");
    }
    cr_assert(begins(trace, "10.0.0.2:80 "));
    end();
}

static enum weir_verdict on_result_status(struct weir_exchange *x, const struct weir_use *u,
                                          const struct weir_attempt *at)
{
    (void)x, (void)u;
    note("%d ", weir_attempt_status(at));
    return WEIR_NEXT;
}
static const struct weir_module failures = {
    .name = "failures", .failures_only = true, .on_result = on_result_status};

static void answer(size_t origin, const char *response)
{
    asks(GET);
    peer_says(stack_origin(s, origin), response);
}

Test(hooks_attempt, that_went_well_are_told_while_a_word_is_set)
{
    _Atomic uint32_t word = 0;
    begin("");
    results_while = &word;
    CHAIN(&plan.clusters[0], {&failures, NULL});
    answer(0, OK2);
    cr_assert_str_eq(trace, "");
    answer(0, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(trace, "404 ");
    word = 7;
    answer(0, OK2);
    cr_assert_str_eq(trace, "404 200 ");
    word = 0;
    answer(0, OK2);
    cr_assert_str_eq(trace, "404 200 ");
    results_while = NULL;
    end();
}

/* -- when no attempt can start ----------------------------------------------------------------- */

static enum weir_verdict on_unavailable_other(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    note("%s ", weir_veto_reason(x) ? weir_veto_reason(x) : "-");
    return weir_retry(x, &(struct weir_retry){.cluster = weir_cluster_of(x) ? 0 : 1});
}
static const struct weir_module fallback = {.name = "fallback",
                                            .on_unavailable = on_unavailable_other};

Test(hooks_attempt, may_name_another_cluster_when_none_can_start)
{
    begin("");
    CHAIN(&plan.routes[0], {&fallback, NULL});
    CHAIN(&plan.clusters[0], {&breaker, NULL});
    struct peer *c = asks("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
    cr_assert_eq(stack_origins(s), 1);
    cr_assert(peer_heard(stack_origin(s, 0), "\r\n\r\nabcdef"));
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert_str_eq(trace, "circuit ");
    const struct stats *st = stack_worker(s)->stats;
    cr_assert_eq(st->clusters[1]->requests, 1);
    cr_assert_eq(st->clusters[1]->retries_refused, 0);
    end();
}

Test(hooks_attempt, that_send_a_request_to_and_fro_are_stopped)
{
    begin("");
    CHAIN(&plan.routes[0], {&fallback, NULL});
    CHAIN(&plan.clusters[0], {&breaker, NULL});
    CHAIN(&plan.clusters[1], {&breaker, NULL});
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    cr_assert_str_eq(trace, "circuit circuit circuit circuit circuit ");
    end();
}

static enum weir_refusal refusal;
static enum weir_verdict on_unavailable_refuse(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    return weir_refuse(x, refusal, weir_veto_reason(x));
}
static const struct weir_module refuses = {.name = "refuses",
                                           .on_unavailable = on_unavailable_refuse};

Test(hooks_attempt, may_answer_when_none_can_start)
{
    begin("");
    CHAIN(&plan.routes[0], {&refuses, NULL});
    CHAIN(&plan.clusters[0], {&breaker, NULL});
    refusal = WEIR_BREAKER_OPEN;
    cr_assert(strstr(peer_take(asks(GET)), "breaker_open"));
    refusal = WEIR_LIMITED;
    cr_assert(begins(peer_take(asks(GET)), "HTTP/1.1 429 "));
    cr_assert_eq(whys(WHY_BREAKER_OPEN), 1);
    cr_assert_eq(whys(WHY_LIMITED), 1);
    end();
}

static enum weir_verdict on_request_abort(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    return weir_abort(x, "fault");
}
static const struct weir_module aborts = {.name = "aborts", .on_request = on_request_abort};

Test(hooks_attempt, may_end_a_connection_without_an_answer)
{
    begin("");
    CHAIN(&plan.routes[0], {&aborts, NULL});
    struct peer *c = asks(GET);
    cr_assert_str_eq(peer_take(c), "");
    cr_assert(peer_closed(c));
    cr_assert_eq(whys(WHY_ABORTED), 1);
    end();
}
