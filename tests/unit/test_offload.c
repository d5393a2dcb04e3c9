/* SPDX-License-Identifier: Apache-2.0 */
/* Helper threads. Tests wait on the loop, or on a lock that the job waits for, never for time. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

#include "io/offload.h"

struct job {
    struct offload_job job;
    pthread_mutex_t *gate; /* taken and given back by the work; NULL: none */
    pthread_t on;
    sigset_t signals;
    unsigned worked, done;
};

static struct loop lp;
static struct offload o;
static bool inside;
static unsigned done_n;

static struct job *of(struct offload_job *j)
{
    return container_of(j, struct job, job);
}

static void work(struct offload_job *j)
{
    struct job *job = of(j);
    if (job->gate) {
        pthread_mutex_lock(job->gate);
        pthread_mutex_unlock(job->gate);
    }
    job->on = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &job->signals);
    job->worked++;
}

static void on_done(struct offload_job *j)
{
    cr_assert(!inside, "done is never called from inside");
    of(j)->done++;
    done_n++;
}

static struct job job_new(pthread_mutex_t *gate)
{
    return (struct job){.job = {.work = work, .done = on_done}, .gate = gate};
}

static void begin(unsigned threads, unsigned queue)
{
    loop_init(&lp, 0);
    offload_init(&o, &lp, threads, queue);
}

static void end(void)
{
    offload_fini(&o);
    loop_fini(&lp);
}

static bool start(struct job *j)
{
    inside = true;
    const bool taken = offload_start(&o, &j->job);
    inside = false;
    return taken;
}

/* Waits in the kernel for the threads to wake the loop. */
static void await_done(unsigned n)
{
    while (done_n < n) {
        ev_run(lp.ev, EVRUN_ONCE);
        loop_turn(&lp);
    }
}

Test(offload, works_on_another_thread_and_tells_on_the_loop)
{
    begin(2, 4);
    struct job j = job_new(NULL);
    cr_assert(start(&j));
    cr_assert_eq(j.done, 0);
    await_done(1);
    cr_assert_eq(j.worked, 1);
    cr_assert_eq(j.done, 1);
    cr_assert(!j.job.refused);
    cr_assert(!pthread_equal(j.on, pthread_self()));
    end();
}

Test(offload, makes_no_thread_before_the_first_job)
{
    begin(2, 4);
    cr_assert_eq(o.threads_n, 0);
    struct job j = job_new(NULL);
    cr_assert(start(&j));
    cr_assert_eq(o.threads_n, 2);
    await_done(1);
    end();
}

Test(offload, does_many_jobs_each_once)
{
    enum { MANY = 1000 };
    static struct job jobs[MANY];
    begin(2, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        jobs[i] = job_new(NULL);
        cr_assert(start(&jobs[i]));
    }
    await_done(MANY);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert(jobs[i].worked == 1 && jobs[i].done == 1);
    end();
}

Test(offload, refuses_what_finds_the_queue_full_and_tells_that_later)
{
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    begin(1, 2);
    pthread_mutex_lock(&gate);
    struct job at_work = job_new(&gate), waits[] = {job_new(NULL), job_new(NULL)};
    struct job refused = job_new(NULL);
    cr_assert(start(&at_work));
    cr_assert(start(&waits[0]));
    cr_assert(start(&waits[1]));
    cr_assert(!start(&refused));
    await_done(1);
    cr_assert(refused.job.refused);
    cr_assert_eq(refused.done, 1);
    cr_assert_eq(refused.worked, 0);
    cr_assert_eq(at_work.done, 0);
    pthread_mutex_unlock(&gate);
    await_done(4);
    cr_assert(waits[0].worked && waits[1].worked);
    end();
}

Test(offload, needs_no_queue_for_jobs_that_a_free_thread_takes)
{
    begin(1, 0);
    for (unsigned i = 1; i <= 20; i++) {
        struct job j = job_new(NULL);
        cr_assert(start(&j));
        await_done(i);
    }
    end();
}

/* A crash is to be reported; everything else belongs to the loop's thread. */
Test(offload, lets_threads_take_no_signals)
{
    begin(1, 1);
    struct job j = job_new(NULL);
    cr_assert(start(&j));
    await_done(1);
    const int loops[] = {SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE, SIGALRM};
    const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < array_n(loops); i++)
        cr_assert(sigismember(&j.signals, loops[i]), "%d", loops[i]);
    for (size_t i = 0; i < array_n(crashes); i++)
        cr_assert(!sigismember(&j.signals, crashes[i]), "%d", crashes[i]);
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    cr_assert(!sigismember(&mine, SIGTERM), "the loop's own mask is as it was");
    end();
}

Test(offload, ends_with_every_job_told)
{
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    begin(1, 8);
    struct job first = job_new(&gate), waits[3];
    pthread_mutex_lock(&gate);
    cr_assert(start(&first));
    for (size_t i = 0; i < array_n(waits); i++) {
        waits[i] = job_new(NULL);
        cr_assert(start(&waits[i]));
    }
    pthread_mutex_unlock(&gate);
    end();
    cr_assert_eq(done_n, 4);
    for (size_t i = 0; i < array_n(waits); i++)
        cr_assert_eq(waits[i].worked, waits[i].job.refused ? 0 : 1);
    cr_assert_eq(o.threads_n, 0);
}

static struct job again;

static void start_again(struct offload_job *j)
{
    on_done(j);
    again = job_new(NULL);
    offload_start(&o, &again.job);
}

Test(offload, refuses_at_the_end_what_a_job_starts_when_it_is_told)
{
    begin(1, 8);
    struct job j = job_new(NULL);
    j.job.done = start_again;
    cr_assert(start(&j));
    end();
    cr_assert_eq(j.done, 1);
    cr_assert_eq(again.done, 1);
    cr_assert(again.job.refused);
    cr_assert_eq(again.worked, 0);
}

Test(offload, may_be_ended_twice_and_unused)
{
    begin(2, 8);
    offload_fini(&o);
    struct job late = job_new(NULL);
    cr_assert(!offload_start(&o, &late.job));
    end();
    cr_assert_eq(late.done, 1);
    cr_assert(late.job.refused);
}
