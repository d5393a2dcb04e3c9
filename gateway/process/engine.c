/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: where the core and origins are plugged together. */
#include "process/engine.h"

#include "core/log/access_log.h"
#include "core/module/module.h"
#include "core/shadow.h"
#include "core/stats/stats.h"
#include "process/crash.h"

enum { HOUSEKEEPING_MS = 1000 }; /* gauges that nobody needs sooner */

static void on_housekeeping(struct timer *t);

static struct link *dial(void *ctx, struct loop *lp, const struct addr *to)
{
    (void)ctx;
    return link_connect(lp, to, NULL);
}

void engine_init(struct engine *e, const struct birth *b, uint64_t blocks)
{
    struct worker *w = &e->worker;
    loop_init(&e->loop, blocks / sizeof(struct block));
    worker_init(w, &e->loop, b->g, b->stats, pool_drop_idle);
    pools_init(&e->pools, w, dial, NULL);
    w->index = b->index;
    w->workers = b->workers;
    w->control = b->role == ROLE_CONTROL;
    w->pools = &e->pools;
    w->origin_ops = &upstream_ops;
    timer_init(&e->housekeeping, on_housekeeping);
    crash_watch(w);
}

void engine_start(struct engine *e)
{
    modules_start(&e->worker);
    timer_start(&e->loop, &e->housekeeping, HOUSEKEEPING_MS);
}

/* The turn lets exchanges finish, which see that nobody waits for them any more. What modules are
 * told then begins nothing new, so once they are stopped nobody calls them again. */
void engine_stop(struct engine *e)
{
    e->worker.ending = true;
    shadow_cancel_all(&e->worker);
    loop_turn(&e->loop);
    offload_fini(&e->worker.offload);
    modules_stop(&e->worker);
    pools_fini(&e->pools);
    on_housekeeping(&e->housekeeping);
    timer_stop(&e->housekeeping);
    crash_watch(NULL);
}

static void on_housekeeping(struct timer *t)
{
    struct engine *e = container_of(t, struct engine, housekeeping);
    const struct worker *w = &e->worker;
    struct worker_stats *ws = w->stats->worker;
    ws->loop_turns += e->loop.turns - e->turns_counted;
    e->turns_counted = e->loop.turns;
    ws->blocks_used = e->loop.stock.blocks.slab.used;
    ws->blocks_refused += e->loop.stock.blocks.refused - e->refused_counted;
    e->refused_counted = e->loop.stock.blocks.refused;
    ws->regex_limit_hits += route_scratch_limit_hits(w->scratch) - e->regex_counted;
    e->regex_counted = route_scratch_limit_hits(w->scratch);
    if (w->access_log) {
        ws->access_log_dropped += access_log_dropped(w->access_log) - e->dropped_counted;
        e->dropped_counted = access_log_dropped(w->access_log);
    }
    timer_start(&e->loop, t, HOUSEKEEPING_MS);
}
