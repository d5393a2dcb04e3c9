/* SPDX-License-Identifier: Apache-2.0 */
/* The load: nothing asserts in its threads, what went wrong is noted. */
#include "tests/lib/load.h"

#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct {
    struct load_plan plan;
    pthread_t threads[LOAD_CLIENTS];
    pthread_mutex_t lock;
    _Atomic unsigned ok;
    _Atomic bool stop;
    struct load_result result;
} load = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_failure(const char *what, const struct response *r, bool reused, unsigned nth)
{
    pthread_mutex_lock(&load.lock);
    if (!load.result.failed++)
        snprintf(load.result.first, sizeof load.result.first,
                 "%s: status %d, %s connection, its request %u, after %u answers: %.100s", what,
                 r ? r->status : 0, reused ? "reused" : "fresh", nth, load.ok,
                 r && r->body.n ? r->body.p : "");
    pthread_mutex_unlock(&load.lock);
}

static struct talk *connect_one(void)
{
    struct talk *t = load.plan.tls ? tls_talk_try((struct tls_wish){.port = load.plan.port})
                                   : talk_try(load.plan.port);
    if (!t) {
        note_failure(strerror(errno), NULL, false, 0);
        sleep_ms(10);
        return NULL;
    }
    pthread_mutex_lock(&load.lock);
    load.result.connections++;
    pthread_mutex_unlock(&load.lock);
    return t;
}

/* One request. False: the connection can't be used any more. */
static bool one(struct talk *t, unsigned nth)
{
    talk_send_n(t, load.plan.request, strlen(load.plan.request));
    const struct response *r = talk_response(t);
    if (!r->whole) {
        note_failure(r->fault ? r->fault : "?", r, nth > 1, nth);
        return false;
    }
    if (r->status != 200 || !pattern_holds(r->body.p, 0, r->body.n))
        note_failure("a wrong response", r, nth > 1, nth);
    else
        load.ok++;
    return !r->closes;
}

/* Clients that pause begin one after the other, so that the load is steady. */
static void *on_client(void *arg)
{
    const size_t index = (size_t)arg;
    struct talk *t = NULL;
    sleep_ms((unsigned)(load.plan.pause_ms * index / load.plan.clients));
    for (unsigned nth = 0; !load.stop;) {
        if (t && talk_is_over(t)) {
            talk_close(t);
            t = NULL;
        }
        if (!t) {
            nth = 0;
            t = connect_one();
        }
        if (t && !one(t, ++nth)) {
            talk_close(t);
            t = NULL;
        }
        if (load.plan.pause_ms)
            sleep_ms(load.plan.pause_ms);
    }
    if (t)
        talk_close(t);
    return NULL;
}

void load_start_with(struct load_plan p)
{
    cr_assert_leq(p.clients, LOAD_CLIENTS);
    load.plan = p;
    if (!p.port)
        load.plan.port = rig_port("port");
    if (!p.request)
        load.plan.request = "GET /?size=1000 HTTP/1.1\r\nHost: a\r\n\r\n";
    load.stop = false;
    load.ok = 0;
    load.result = (struct load_result){0};
    for (unsigned i = 0; i < p.clients; i++)
        cr_assert_eq(pthread_create(&load.threads[i], NULL, on_client, (void *)(size_t)i), 0);
}

unsigned load_done(void)
{
    return load.ok;
}

void load_await(unsigned more)
{
    const unsigned want = load.ok + more;
    AWAIT(load.ok >= want);
}

struct load_result load_stop(void)
{
    load.stop = true;
    for (unsigned i = 0; i < load.plan.clients; i++)
        pthread_join(load.threads[i], NULL);
    load.plan.clients = 0;
    load.result.ok = load.ok;
    return load.result;
}
