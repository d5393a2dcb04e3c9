/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_ENGINE_H
#define WEIR_PROCESS_ENGINE_H

/* What runs exchanges, the same in a worker and in the control process: a loop, a struct worker, and
 * the connections to origins, plugged together. A worker has listeners beside it; in the control
 * process only modules make requests. */

#include "core/worker.h"
#include "process/child.h"
#include "upstream/origin.h"

struct engine {
    struct loop loop;
    struct worker worker;
    struct origin_pools pools;
    struct timer housekeeping;
    /* how much of each is in the counters already */
    uint64_t turns_counted, refused_counted, regex_counted, dropped_counted;
};

/* After the fork; crash reports look at it from now on. `blocks`: bytes in transit at most. */
void engine_init(struct engine *e, const struct birth *b, uint64_t blocks);
/* Modules begin, and gauges are kept up. When everything else is ready. */
void engine_start(struct engine *e);
/* The end, once no client is left: modules' requests and jobs end, then the modules, then the
 * connections. The memory goes with the process. */
void engine_stop(struct engine *e);

#endif
