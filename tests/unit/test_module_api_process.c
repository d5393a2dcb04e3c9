/* SPDX-License-Identifier: Apache-2.0 */
/* What a module gets from its process: clocks, timers, jobs, calls, and who it is taken to be. */
#include <ev.h>

#include "tests/unit/call_case.h"

static struct weir_process *p;
static const struct module *seen; /* who the core thinks acts */
static unsigned times;

static struct stack *begin(void)
{
    struct stack *s = stack_new(CALL_CONF(""));
    p = process_of(stack_worker(s));
    return s;
}

static void note(void)
{
    seen = module_caller(worker_of(p));
    times++;
}

Test(module_api_process, says_which_process_it_is)
{
    struct stack *s = begin();
    struct worker *w = stack_worker(s);
    w->index = 2;
    w->workers = 4;
    cr_assert_eq(weir_worker(p), 2);
    cr_assert_eq(weir_workers(p), 4);
    cr_assert(!weir_is_control(p));
    w->control = true;
    cr_assert(weir_is_control(p));
    cr_assert_eq(weir_now_us(p), w->loop->clock.mono_us);
    cr_assert_eq(weir_wall_us(p), 1790000000000000);
    cr_assert_neq(weir_random(p), weir_random(p));
    stack_free(s);
}

/* -- timers --------------------------------------------------------------------------------- */

static void on_timer(struct weir_timer *t)
{
    (void)t;
    note();
}

Test(module_api_process, runs_a_timer_once_and_never_from_inside)
{
    struct stack *s = begin();
    struct weir_timer t = {.fn = on_timer};
    weir_timer_start(p, &t, 0);
    cr_assert_eq(times, 0);
    stack_sleep_ms(s, 16);
    cr_assert_eq(times, 1);
    weir_timer_start(p, &t, 100);
    stack_sleep_ms(s, 96);
    cr_assert_eq(times, 1);
    stack_sleep_ms(s, 32);
    cr_assert_eq(times, 2);
    stack_sleep_ms(s, 320);
    cr_assert_eq(times, 2);
    stack_free(s);
}

Test(module_api_process, stops_and_moves_timers_at_will)
{
    struct stack *s = begin();
    struct weir_timer never = {.fn = on_timer}, t = {.fn = on_timer};
    weir_timer_stop(&never);
    weir_timer_start(p, &t, 50);
    weir_timer_stop(&t);
    weir_timer_stop(&t);
    stack_sleep_ms(s, 96);
    cr_assert_eq(times, 0);
    weir_timer_start(p, &t, 50);
    weir_timer_start(p, &t, 200);
    stack_sleep_ms(s, 96);
    cr_assert_eq(times, 0);
    stack_sleep_ms(s, 128);
    cr_assert_eq(times, 1);
    stack_free(s);
}

static void free_itself(struct weir_timer *t)
{
    note();
    free(t);
}

Test(module_api_process, lets_a_timer_be_freed_from_inside)
{
    struct stack *s = begin();
    struct weir_timer *t = calloc(1, sizeof *t);
    t->fn = free_itself;
    weir_timer_start(p, t, 1);
    stack_sleep_ms(s, 32);
    cr_assert_eq(times, 1);
    stack_free(s);
}

Test(module_api_process, takes_a_timer_for_the_module_that_started_it)
{
    struct stack *s = begin();
    const struct module me = {0};
    struct weir_timer t = {.fn = on_timer};
    stack_worker(s)->acting = &me;
    weir_timer_start(p, &t, 1);
    stack_worker(s)->acting = NULL;
    stack_sleep_ms(s, 32);
    cr_assert_eq(seen, &me);
    cr_assert_null(module_caller(stack_worker(s)), "and only for that time");
    stack_free(s);
}

/* -- jobs ----------------------------------------------------------------------------------- */

struct sum {
    struct weir_job job;
    uint64_t of, is;
};

static void add_up(struct weir_job *j)
{
    struct sum *s = (struct sum *)j;
    for (uint64_t i = 1; i <= s->of; i++)
        s->is += i;
}

static void on_done(struct weir_job *j)
{
    (void)j;
    note();
}

Test(module_api_process, does_a_job_and_counts_it)
{
    struct stack *s = begin();
    struct worker *w = stack_worker(s);
    const struct module me = {0};
    struct sum sum = {.job = {.work = add_up, .done = on_done}, .of = 100};
    w->acting = &me;
    weir_job_start(p, &sum.job);
    w->acting = NULL;
    cr_assert_eq(times, 0);
    while (!times) {
        ev_run(w->loop->ev, EVRUN_ONCE);
        stack_settle(s);
    }
    cr_assert_eq(sum.is, 5050);
    cr_assert(!sum.job.refused);
    cr_assert_eq(seen, &me);
    cr_assert_eq(w->stats->worker->jobs, 1);
    cr_assert_eq(w->stats->worker->jobs_refused, 0);
    stack_free(s);
}

Test(module_api_process, counts_and_tells_a_refused_job)
{
    struct stack *s = begin();
    struct worker *w = stack_worker(s);
    struct sum sum = {.job = {.work = add_up, .done = on_done}, .of = 100};
    w->offload.threads_wanted = 0;
    weir_job_start(p, &sum.job);
    cr_assert_eq(times, 0);
    stack_settle(s);
    cr_assert_eq(times, 1);
    cr_assert(sum.job.refused);
    cr_assert_eq(sum.is, 0);
    cr_assert_eq(w->stats->worker->jobs, 0);
    cr_assert_eq(w->stats->worker->jobs_refused, 1);
    stack_free(s);
}

/* -- exchanges and calls -------------------------------------------------------------------- */

Test(module_api_process, resumes_by_a_fact_and_a_wake_up)
{
    struct stack *s = begin();
    struct worker *w = stack_worker(s);
    peer_says(stack_client(s), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct exchange *x = list_entry(w->active.next, struct exchange, node);
    cr_assert_eq(weir_process_of((struct weir_exchange *)x), p);
    weir_resume((struct weir_exchange *)x);
    cr_assert(x->resumed);
    cr_assert(list_linked(&x->run.node));
    stack_settle(s);
    stack_free(s);
}

static void on_result(void *ctx, const struct weir_result *r)
{
    const struct weir_name name = {.text = WEIR_SLICE("content-type")};
    const struct weir_slice type = weir_call_field(r->call, &name);
    (void)ctx;
    cr_assert(slice_eq((struct slice){type.p, type.n}, SLICE("text/plain")));
    note();
}

Test(module_api_process, calls_as_the_module_that_acts)
{
    struct stack *s = begin();
    struct module me = {0};
    const struct weir_call_options o = {
        .cluster = CLUSTER_TWO, .timeout_ms = 1000, .target = WEIR_SLICE("/"), .done = on_result};
    reserve_two(s, &me);
    cr_assert_null(weir_call(p, &o));
    stack_worker(s)->acting = &me;
    cr_assert(weir_call(p, &o));
    stack_worker(s)->acting = NULL;
    stack_settle(s);
    peer_says(stack_origin(s, 0),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(times, 1);
    cr_assert_eq(seen, &me);
    stack_free(s);
}

Test(module_api_process, calls_for_an_exchange_as_the_module_of_its_hook)
{
    struct stack *s = begin();
    struct module me = {0};
    const struct module_use use = {.module = &me};
    const struct weir_call_options o = {
        .cluster = CLUSTER_TWO, .timeout_ms = 1000, .target = WEIR_SLICE("/")};
    reserve_two(s, &me);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct exchange *x = list_entry(stack_worker(s)->active.next, struct exchange, node);
    cr_assert_null(weir_call_for((struct weir_exchange *)x, &o));
    x->hook = &use;
    struct weir_call *first = weir_call_for((struct weir_exchange *)x, &o);
    cr_assert(first && weir_call_for((struct weir_exchange *)x, &o));
    cr_assert_eq(module_caller(stack_worker(s)), NULL, "no exchange is being run");
    x->hook = NULL;
    stack_settle(s);
    cr_assert_eq(stack_origins(s), 3);
    weir_call_cancel(first);
    stack_settle(s);
    cr_assert(peer_closed(stack_origin(s, 1)) && !peer_closed(stack_origin(s, 2)));
    peer_closes(c);
    cr_assert(peer_closed(stack_origin(s, 2)));
    stack_free(s);
}
