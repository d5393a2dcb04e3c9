/* SPDX-License-Identifier: Apache-2.0 */
/* What a hook that looks back can know of an exchange's time: waits and attempts. */
#include "hook_case.h"

#include "io/loop.h"

static struct weir_exchange *waiting;
static int asked;

static uint64_t ms_since(const struct weir_exchange *x, uint64_t us)
{
    return (us - weir_began_us(x)) / 1000;
}

static void note_waits(struct weir_exchange *x)
{
    struct weir_wait w;
    for (size_t at = 0; weir_wait_each(x, &at, &w);)
        note("[%.*s %.*s %llu-%llu]", (int)w.module.n, w.module.p, (int)w.hook.n, w.hook.p,
             (unsigned long long)ms_since(x, w.began_us),
             (unsigned long long)ms_since(x, w.ended_us));
}

static void note_attempts(struct weir_exchange *x)
{
    for (const struct weir_attempt *at = NULL; (at = weir_attempt_next(x, at));) {
        const struct weir_attempt_times t = weir_attempt_times(at);
        const char *why = weir_attempt_why(at);
        note("[%u %s %llu %lld-%llu]", weir_attempt_number(at), why ? why : "-",
             (unsigned long long)ms_since(x, t.began_us),
             t.headed_us ? (long long)ms_since(x, t.headed_us) : -1,
             (unsigned long long)ms_since(x, t.ended_us));
    }
}

static enum weir_verdict wait_twice(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    waiting = x;
    return ++asked <= 2 ? WEIR_WAIT : WEIR_NEXT;
}
static enum weir_verdict wait_in_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    waiting = x;
    return ++asked == 4 ? WEIR_WAIT : WEIR_NEXT;
}
static void look_back(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    note_waits(x);
    note_attempts(x);
}
static const struct weir_module waits = {
    .name = "waits", .on_request = wait_twice, .on_plan = wait_in_plan, .on_done = look_back};
static const struct weir_module looks = {.name = "looks", .on_done = look_back};

static void begin_waiting(void)
{
    asked = 0;
    begin("");
    CHAIN(&plan.routes[0], {&waits, NULL});
}

Test(module_api_times, has_one_wait_for_a_hook_that_waits_on)
{
    begin_waiting();
    asks(GET);
    stack_sleep_ms(s, 10);
    resume(waiting);
    stack_sleep_ms(s, 20);
    resume(waiting);
    stack_sleep_ms(s, 5);
    resume(waiting);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_str_eq(trace, "[waits on_request 0-30][waits on_plan 30-35][1 - 35 35-35]");
    end();
}

Test(module_api_times, ends_a_wait_with_the_time_for_the_request)
{
    begin_waiting();
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 10);
    peer_resets(c);
    stack_sleep_ms(s, 10);
    cr_assert_str_eq(trace, "[waits on_request 0-10]");
    end();
}

Test(module_api_times, has_attempts_in_their_order)
{
    begin("");
    CHAIN(&plan.routes[0], {&looks, NULL});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    trace[0] = 0;
    peer_says(c, GET);
    stack_sleep_ms(s, 10);
    peer_closes(stack_origin(s, 0)); /* the connection was stale: the request goes out again */
    stack_sleep_ms(s, 10);
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    stack_sleep_ms(s, 10);
    peer_says(stack_origin(s, 1), "ok");
    cr_assert_str_eq(trace, "[1 closed 0 -1-10][2 - 10 20-30]");
    end();
}

static enum weir_verdict tell_wall(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_process *p = weir_process_of(x);
    cr_assert_eq(weir_began_wall_us(x), weir_wall_us(p));
    cr_assert_eq(weir_began_us(x), weir_now_us(p));
    cr_assert_eq(weir_http_version(x), 11);
    cr_assert_null(weir_variant_name(x).p);
    note(weir_peer_trusted(x) ? "trusted" : "stranger");
    return WEIR_NEXT;
}
static const struct weir_module tells = {.name = "tells", .on_request = tell_wall};

Test(module_api_times, says_whether_the_other_end_is_trusted)
{
    begin("");
    CHAIN(&plan.routes[0], {&tells, NULL});
    asks(GET);
    cr_assert_str_eq(trace, "stranger");
    end();
    begin("forwarding = { trusted_proxies = [ \"192.0.2.0/24\" ]; };");
    CHAIN(&plan.routes[0], {&tells, NULL});
    asks(GET);
    cr_assert_str_eq(trace, "trusted");
    end();
}
