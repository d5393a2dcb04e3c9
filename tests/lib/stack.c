/* SPDX-License-Identifier: Apache-2.0 */
/* The stack: process/worker.c without the process. */
#include "tests/lib/stack.h"

#ifdef STACK_WITHOUT_CRITERION /* in fuzz targets */
#define cr_assert(cond, ...) must(cond)
#define cr_assert_eq(a, b, ...) must((a) == (b))
#else
#include <criterion/criterion.h>
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/budget.h"
#include "core/generation.h"
#include "core/module/module.h"
#include "core/stats/stats.h"
#include "edge/client.h"
#include "edge/listener.h"
#include "io/shm.h"
#include "upstream/origin.h"

enum { PEERS_MAX = 2048, HEARD_FIRST = 256, PIPE_BYTES = 64 * 1024 };

struct stack {
    struct loop loop;
    struct shm *shm;
    struct generation *g;
    struct stats *stats;
    struct worker worker;
    struct origin_pools pools;
    struct listener listener;
    struct source_mirror *mirror;
    struct peer *peers[PEERS_MAX]; /* all, to be freed */
    size_t peers_n;
    struct peer *origins[PEERS_MAX];
    size_t origins_n;
    unsigned refuse_n;
    int refuse_err;
    bool hang;
};

static struct stack *the; /* Criterion forks for each test: there is one */

static void on_open(struct link *l)
{
    (void)l;
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)b;
    struct peer *p = l->owner;
    while (p->heard_n + s.n + 1 > p->heard_cap)
        p->heard = realloc(p->heard, p->heard_cap *= 2);
    p->pieces++;
    memcpy(p->heard + p->heard_n, s.p, s.n);
    p->heard_n += s.n;
    p->heard[p->heard_n] = 0;
}

static void on_eof(struct link *l)
{
    ((struct peer *)l->owner)->eof = true;
}

static void on_fail(struct link *l, int err)
{
    ((struct peer *)l->owner)->failed = err;
}

static const struct link_events peer_events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_eof = on_eof, .on_fail = on_fail};

static struct peer *peer_new(struct stack *s, struct link *l)
{
    struct peer *p = calloc(1, sizeof *p);
    p->link = l;
    p->heard = calloc(1, p->heard_cap = HEARD_FIRST);
    cr_assert(s->peers_n < PEERS_MAX);
    s->peers[s->peers_n++] = p;
    link_start(l, &peer_events, p);
    return p;
}

/* -- dialling ---------------------------------------------------------------------------------- */

static struct link *dial(void *ctx, struct loop *lp, const struct addr *to)
{
    struct stack *s = ctx;
    struct link *near, *far;
    int outcome = s->hang ? -1 : 0;
    if (s->refuse_n) {
        s->refuse_n--;
        outcome = s->refuse_err;
    }
    link_memory_pair(lp, PIPE_BYTES, &near, &far);
    link_memory_connecting(near, outcome);
    if (outcome) {
        link_close(far);
        return near;
    }
    cr_assert(s->origins_n < PEERS_MAX);
    s->origins[s->origins_n] = peer_new(s, far);
    s->origins[s->origins_n++]->to = *to;
    return near;
}

void stack_refuse_dials(struct stack *s, unsigned n, int err)
{
    s->refuse_n = n;
    s->refuse_err = err;
}

void stack_hang_dials(struct stack *s, bool on)
{
    s->hang = on;
}

/* -- life -------------------------------------------------------------------------------------- */

static struct generation *load(const char *listener, const char *conf, struct shm *shm)
{
    struct faults faults;
    char *text;
    faults_init(&faults);
    cr_assert(asprintf(&text,
                       "listeners = ( { name = \"test\"; bind = \"127.0.0.1:0\"; %s } );\n%s",
                       listener, conf) > 0);
    struct config *c = config_parse(text, "test.conf", NULL, &faults);
    struct generation *g = c ? generation_build(c, shm, 1, &faults) : NULL;
    for (const struct fault *f = faults.first; f; f = f->next)
        fprintf(stderr, "%s\n", fault_line(f, &faults.arena));
    cr_assert(g, "the configuration has errors");
    faults_fini(&faults);
    free(text);
    return g;
}

struct stack *stack_new_with(const char *listener, const char *conf)
{
    struct stack *s = calloc(1, sizeof *s);
    struct faults faults;
    the = s;
    faults_init(&faults);
    s->shm = shm_create(64 << 20);
    cr_assert(s->shm);
    shm_generation(s->shm, 1);
    s->g = load(listener, conf, s->shm);
    s->stats = stats_bind(s->g, s->shm, 0, &faults);
    cr_assert(s->stats);
    loop_init(&s->loop, s->g->config->memory.blocks / sizeof(struct block));
    clock_set(&s->loop.clock, 1000000000, 1790000000000000);
    worker_init(&s->worker, &s->loop, s->g, s->stats, pool_drop_idle);
    random_seed(&s->worker.random, 1);
    pools_init(&s->pools, &s->worker, dial, s);
    s->worker.pools = &s->pools;
    s->worker.origin_ops = &upstream_ops;
    s->mirror = calloc(1, sizeof *s->mirror);
    listener_init(&s->listener, &s->worker, 0, s->mirror, NULL, 0);
    faults_fini(&faults);
    return s;
}

struct stack *stack_new(const char *conf)
{
    return stack_new_with("", conf);
}

struct stack *stack_new_h2(const char *listener, const char *conf)
{
    char *both;
    cr_assert(asprintf(&both, "protocols = [ \"h2\", \"http/1.1\" ]; %s", listener) > 0);
    struct stack *s = stack_new_with(both, conf);
    free(both);
    return s;
}

void stack_free(struct stack *s)
{
    for (size_t i = 0; i < s->peers_n; i++)
        if (s->peers[i]->link)
            peer_closes(s->peers[i]);
    listener_close_all(&s->listener);
    stack_settle(s);
    cr_assert(list_empty(&s->worker.active), "an exchange is left over");
    cr_assert_eq(s->listener.clients_n, 0, "a client is left over");
    pools_fini(&s->pools);
    stack_settle(s);
    cr_assert_eq(s->loop.stock.blocks.slab.used, 0, "blocks are left over");
    cr_assert_eq(atomic_load(&s->g->gauges[0]->connections), 0);
    listener_fini(&s->listener);
    worker_fini(&s->worker);
    pools_free_memory(&s->pools);
    loop_fini(&s->loop);
    for (size_t i = 0; i < s->peers_n; i++) {
        free(s->peers[i]->heard);
        free(s->peers[i]->taken);
        free(s->peers[i]);
    }
    stats_free(s->stats);
    s->g->modules = NULL;
    generation_free(s->g);
    shm_detach(s->shm);
    free(s->mirror);
    free(s);
}

struct worker *stack_worker(struct stack *s)
{
    return &s->worker;
}

struct listener *stack_listener(struct stack *s)
{
    return &s->listener;
}

void stack_modules(struct stack *s, struct module_plan *m)
{
    s->g->modules = m;
    if (!s->worker.tallies)
        s->worker.tallies = calloc(s->g->config->clusters_n + 1, sizeof *s->worker.tallies);
}

struct peer *stack_client_from(struct stack *s, const char *ip)
{
    struct addr peer;
    struct link *near, *far;
    cr_assert(addr_from_ip(slice_str(ip), 40000, &peer));
    link_memory_pair(&s->loop, PIPE_BYTES, &near, &far);
    struct peer *p = peer_new(s, far);
    struct client *c = listener_add(&s->listener, near, &peer);
    stack_settle(s);
    return c ? p : NULL;
}

struct peer *stack_client(struct stack *s)
{
    return stack_client_from(s, "192.0.2.1");
}

struct peer *stack_origin(struct stack *s, size_t i)
{
    return i < s->origins_n ? s->origins[i] : NULL;
}

size_t stack_origins(const struct stack *s)
{
    return s->origins_n;
}

size_t stack_clients(const struct stack *s)
{
    return s->listener.clients_n;
}

/* -- time -------------------------------------------------------------------------------------- */

void stack_settle(struct stack *s)
{
    loop_turn(&s->loop);
}

void stack_sleep_ms(struct stack *s, uint64_t ms)
{
    const struct clock *c = &s->loop.clock;
    while (ms) {
        const uint64_t step = ms < WHEEL_SLOT_MS ? ms : WHEEL_SLOT_MS;
        clock_set(&s->loop.clock, c->mono_us + step * 1000, c->wall_us + step * 1000);
        stack_settle(s);
        ms -= step;
    }
}

void stack_drain(struct stack *s)
{
    s->worker.draining = true;
    listener_drain(&s->listener);
    stack_settle(s);
}

/* -- peers ------------------------------------------------------------------------------------- */

void peer_says_n(struct peer *p, const char *bytes, size_t n)
{
    cr_assert(p->link, "the connection is closed");
    cr_assert(bytes_copy(&p->link->out, slice_of(bytes, n)));
    link_send(p->link);
    stack_settle(the);
}

void peer_says(struct peer *p, const char *text)
{
    peer_says_n(p, text, strlen(text));
}

void peer_ends(struct peer *p)
{
    link_end(p->link);
    stack_settle(the);
}

void peer_closes(struct peer *p)
{
    link_close(p->link);
    p->link = NULL;
    stack_settle(the);
}

void peer_resets(struct peer *p)
{
    link_reset(p->link);
    p->link = NULL;
    stack_settle(the);
}

void peer_stalls(struct peer *p)
{
    p->stalled = true;
    link_pause(p->link);
}

void peer_reads(struct peer *p)
{
    p->stalled = false;
    link_resume(p->link);
    stack_settle(the);
}

const char *peer_take(struct peer *p)
{
    free(p->taken);
    p->taken = p->heard;
    p->heard = calloc(1, p->heard_cap = HEARD_FIRST);
    p->heard_n = 0;
    return p->taken;
}

bool peer_heard(const struct peer *p, const char *text)
{
    return strstr(p->heard, text) != NULL;
}

bool peer_closed(const struct peer *p)
{
    return p->eof || p->failed;
}
