/* SPDX-License-Identifier: Apache-2.0 */
/* Helper threads. Two queues under one lock: jobs that wait for a thread, and jobs whose end is to
 * be told. The threads wake the loop by an async watcher, whose callback only queues: what `done`
 * does belongs to the end of the turn, as everything else that completes. What is refused goes the
 * same way, so a caller who tries again at once costs turns of the loop, and never an endless one.
 *
 * Invariant: a job is in at most one of the queues, and in none while a thread works on it; the
 * number of jobs that were started is the number of `done`s, at the latest when offload_fini()
 * returns. */
#include "io/offload.h"

#include <signal.h>

#include "base/check.h"
#include "base/log.h"

static void on_async(struct ev_loop *ev, struct ev_async *w, int revents);
static void on_finish(struct later *l);
static void *run_thread(void *arg);

static void queue_init(struct offload_queue *q)
{
    *q = (struct offload_queue){.last = &q->first};
}

static void queue_push(struct offload_queue *q, struct offload_job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
    q->n++;
}

static struct offload_job *queue_take(struct offload_queue *q)
{
    struct offload_job *j = q->first;
    if (!j)
        return NULL;
    q->first = j->next;
    if (!q->first)
        q->last = &q->first;
    q->n--;
    return j;
}

void offload_init(struct offload *o, struct loop *lp, unsigned threads, unsigned queue)
{
    *o = (struct offload){.loop = lp, .threads_wanted = threads, .queue_max = queue};
    must(threads <= OFFLOAD_THREADS_MAX);
    queue_init(&o->waiting);
    queue_init(&o->finished);
    later_init(&o->finish, on_finish);
    must(pthread_mutex_init(&o->lock, NULL) == 0);
    must(pthread_cond_init(&o->work_came, NULL) == 0);
}

/* A crash in a helper thread is reported as any other; all other signals are the loop's. */
static void block_signals(sigset_t *before)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < array_n(crashes); i++)
        sigdelset(&all, crashes[i]);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

/* Fewer threads than wanted will do; without any, all jobs are refused. */
static void start_threads(struct offload *o)
{
    sigset_t before;
    int err = 0;
    block_signals(&before);
    while (o->threads_n < o->threads_wanted && err == 0) {
        err = pthread_create(&o->threads[o->threads_n], NULL, run_thread, o);
        o->threads_n += err == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err)
        log_error("helper_threads_failed", KV_INT("made", o->threads_n), KV_ERRNO(err));
}

static void start(struct offload *o)
{
    o->started = true;
    ev_async_init(&o->watcher, on_async);
    ev_async_start(o->loop->ev, &o->watcher);
    start_threads(o);
}

/* A thread that is free has not taken its job yet, perhaps: what it will take doesn't wait. */
static bool is_full(const struct offload *o)
{
    const unsigned free_n = o->threads_n - o->busy;
    return o->waiting.n >= o->queue_max + free_n;
}

bool offload_start(struct offload *o, struct offload_job *j)
{
    if (!o->started && !o->stopping)
        start(o);
    pthread_mutex_lock(&o->lock);
    j->refused = o->stopping || !o->threads_n || is_full(o);
    queue_push(j->refused ? &o->finished : &o->waiting, j);
    pthread_cond_signal(&o->work_came);
    pthread_mutex_unlock(&o->lock);
    if (j->refused && !o->stopping)
        ev_async_send(o->loop->ev, &o->watcher);
    return !j->refused;
}

/* -- on a helper thread ------------------------------------------------------------------------ */

static struct offload_job *wait_for_job(struct offload *o)
{
    while (!o->waiting.first && !o->stopping)
        pthread_cond_wait(&o->work_came, &o->lock);
    return o->stopping ? NULL : queue_take(&o->waiting);
}

static void *run_thread(void *arg)
{
    struct offload *o = arg;
    struct offload_job *j;
    pthread_mutex_lock(&o->lock);
    while ((j = wait_for_job(o))) {
        o->busy++;
        pthread_mutex_unlock(&o->lock);
        j->work(j);
        pthread_mutex_lock(&o->lock);
        o->busy--;
        queue_push(&o->finished, j);
        ev_async_send(o->loop->ev, &o->watcher);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* -- back on the loop -------------------------------------------------------------------------- */

static void on_async(struct ev_loop *ev, struct ev_async *w, int revents)
{
    (void)ev, (void)revents;
    struct offload *o = container_of(w, struct offload, watcher);
    loop_later(o->loop, &o->finish);
}

/* Only those that are there now: a job that is started and refused meanwhile comes with the next
 * turn. */
static void on_finish(struct later *l)
{
    struct offload *o = container_of(l, struct offload, finish);
    pthread_mutex_lock(&o->lock);
    unsigned n = o->finished.n;
    struct offload_job *j = NULL;
    while (n-- && (j = queue_take(&o->finished))) {
        pthread_mutex_unlock(&o->lock);
        j->done(j);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
}

static void refuse_waiting(struct offload *o)
{
    struct offload_job *j;
    while ((j = queue_take(&o->waiting))) {
        j->refused = true;
        queue_push(&o->finished, j);
    }
}

void offload_fini(struct offload *o)
{
    pthread_mutex_lock(&o->lock);
    o->stopping = true;
    refuse_waiting(o);
    pthread_cond_broadcast(&o->work_came);
    pthread_mutex_unlock(&o->lock);
    for (; o->threads_n; o->threads_n--)
        pthread_join(o->threads[o->threads_n - 1], NULL);
    while (o->finished.n)
        on_finish(&o->finish);
    later_cancel(&o->finish);
    if (o->started)
        ev_async_stop(o->loop->ev, &o->watcher);
    o->started = false;
}
