/* SPDX-License-Identifier: Apache-2.0 */
/* What the exchanges of one worker share: made once after the fork, torn down at its end. The
 * clusters here are the worker's own view of the shared tables; the exchanges' memory is one slab
 * of 4 KiB objects, so that an exchange costs no malloc once the first few have come. */
#include "core/worker.h"

#include "core/budget.h"
#include "core/exchange.h"
#include "core/module/module.h"

#include <stdlib.h>

void worker_init(struct worker *w, struct loop *lp, const struct generation *g, struct stats *stats,
                 void (*on_retire)(struct endpoint *ep))
{
    *w = (struct worker){.loop = lp, .g = g, .stats = stats};
    random_init(&w->random);
    slab_init(&w->exchanges, EXCHANGE_SIZE, 0);
    list_init(&w->active);
    offload_init(&w->offload, lp, (unsigned)g->config->offload.threads,
                 (unsigned)g->config->offload.queue);
    w->scratch = route_scratch_new(g->router);
    const size_t n = g->config->clusters_n;
    if (g->modules && g->modules->n) {
        w->tallies = calloc(n ? n : 1, sizeof *w->tallies);
        must(w->tallies);
    }
    w->clusters = calloc(n ? n : 1, sizeof *w->clusters);
    must(w->clusters);
    for (size_t i = 0; i < n; i++) {
        cluster_init(&w->clusters[i], &g->config->clusters[i], g->tables[i], stats->endpoints[i],
                     on_retire);
        const struct cluster_surroundings around = {
            .cell = g->cells ? g->cells[i] : NULL,
            .shared = g->shared ? g->shared[i] : NULL,
            .arrays = g->arrays ? g->arrays[i] : NULL,
            .now_us = &lp->clock.mono_us,
            .zone = g->config->zone,
        };
        cluster_join(&w->clusters[i], &around);
        if (around.cell && g->shared)
            endpoint_cell_use(around.cell, g->shared[i]);
    }
}

void worker_fini(struct worker *w)
{
    must(list_empty(&w->active));
    offload_fini(&w->offload);
    for (size_t i = 0; i < w->g->config->clusters_n; i++)
        cluster_fini(&w->clusters[i]);
    free(w->clusters);
    free(w->tallies);
    route_scratch_free(w->scratch);
    slab_fini(&w->exchanges);
}
