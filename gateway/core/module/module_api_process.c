/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/process.h>: the process, its clocks, timers and helper threads. What the core needs for a
 * timer or a job lies in the `opaque` part of the module's own struct, so nothing is allocated. */
#include <weir/module.h>

#include "core/exchange.h"
#include "core/module/module.h"
#include "core/stats/stats.h"

/* -- facts ------------------------------------------------------------------------------------- */

struct weir_process *weir_process_of(struct weir_exchange *x)
{
    return process_of(((struct exchange *)x)->w);
}

bool weir_is_control(const struct weir_process *p)
{
    return ((const struct worker *)p)->control;
}

unsigned weir_worker(const struct weir_process *p)
{
    return ((const struct worker *)p)->index;
}

unsigned weir_workers(const struct weir_process *p)
{
    return ((const struct worker *)p)->workers;
}

uint64_t weir_now_us(const struct weir_process *p)
{
    return ((const struct worker *)p)->loop->clock.mono_us;
}

uint64_t weir_wall_us(const struct weir_process *p)
{
    return ((const struct worker *)p)->loop->clock.wall_us;
}

uint64_t weir_random(struct weir_process *p)
{
    return random_u64(&worker_of(p)->random);
}

/* The step that waits looks at the fact. */
void weir_resume(struct weir_exchange *wx)
{
    struct exchange *x = (struct exchange *)wx;
    x->resumed = true;
    exchange_wake(x);
}

/* -- timers ------------------------------------------------------------------------------------ */

struct own_timer {
    struct timer timer;
    struct worker *w;
    const struct module *module;
};
_Static_assert(sizeof(struct own_timer) <= sizeof((struct weir_timer *)0)->opaque,
               "weir_timer.opaque holds the core's part");

static struct own_timer *timer_of(struct weir_timer *t)
{
    return (struct own_timer *)t->opaque;
}

/* The module may free the timer from inside. */
static void on_timer(struct timer *t)
{
    struct own_timer *own = container_of(t, struct own_timer, timer);
    struct weir_timer *theirs = container_of((void **)own, struct weir_timer, opaque[0]);
    struct worker *w = own->w;
    w->acting = own->module;
    theirs->fn(theirs);
    w->acting = NULL;
}

void weir_timer_start(struct weir_process *p, struct weir_timer *t, uint64_t ms)
{
    struct own_timer *own = timer_of(t);
    if (!own->w)
        timer_init(&own->timer, on_timer);
    own->w = worker_of(p);
    own->module = module_caller(own->w);
    timer_start(own->w->loop, &own->timer, ms);
}

void weir_timer_stop(struct weir_timer *t)
{
    struct own_timer *own = timer_of(t);
    if (own->w)
        timer_stop(&own->timer);
}

/* -- helper threads ---------------------------------------------------------------------------- */

struct own_job {
    struct offload_job job;
    struct worker *w;
    const struct module *module;
};
_Static_assert(sizeof(struct own_job) <= sizeof((struct weir_job *)0)->opaque,
               "weir_job.opaque holds the core's part");

static struct weir_job *job_of(struct offload_job *j)
{
    struct own_job *own = container_of(j, struct own_job, job);
    return container_of((void **)own, struct weir_job, opaque[0]);
}

/* On a helper thread. */
static void work(struct offload_job *j)
{
    struct weir_job *theirs = job_of(j);
    theirs->work(theirs);
}

static void on_done(struct offload_job *j)
{
    struct own_job *own = container_of(j, struct own_job, job);
    struct weir_job *theirs = job_of(j);
    struct worker *w = own->w;
    theirs->refused = j->refused;
    w->acting = own->module;
    theirs->done(theirs);
    w->acting = NULL;
}

void weir_job_start(struct weir_process *p, struct weir_job *j)
{
    struct worker *w = worker_of(p);
    struct own_job *own = (struct own_job *)j->opaque;
    *own = (struct own_job){
        .job = {.work = work, .done = on_done},
        .w = w,
        .module = module_caller(w),
    };
    j->refused = false;
    if (offload_start(&w->offload, &own->job))
        w->stats->worker->jobs++;
    else
        w->stats->worker->jobs_refused++;
}
