/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_RUNS_H
#define WEIR_OUTLIER_RUNS_H

/* How many bad outcomes an endpoint has had in a row, over all workers: three runs in one word of
 * shared memory, so that what breaks one and adds to another is one step. All zeros: none.
 *
 *     outcome      failures   gateway_errors   5xx
 *     FAILURE         +1          +1 (*)       +1 (*)     (*) with `split`: as it was
 *     GATEWAY          0          +1           +1
 *     5XX              0           0           +1
 *     GOOD             0           0            0
 *
 * Any process. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "outlier/outcome.h"

enum run { RUN_FAILURES, RUN_GATEWAY, RUN_5XX, RUN_N };
enum { RUN_MAX = (1 << 21) - 1 }; /* a run stays there */

struct runs {
    _Atomic uint64_t word;
};

/* Counts a bad outcome, and says how long the runs are with it. */
void runs_add(struct runs *r, enum outcome o, bool split, uint32_t of[RUN_N]);
/* A good outcome, or a new beginning. Costs a load when there is nothing to be cleared. */
void runs_clear(struct runs *r);
void runs_read(const struct runs *r, uint32_t of[RUN_N]);
static inline bool runs_empty(const struct runs *r)
{
    return atomic_load(&r->word) == 0;
}

#endif
