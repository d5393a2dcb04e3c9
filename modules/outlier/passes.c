/* SPDX-License-Identifier: Apache-2.0 */
#include "outlier/passes.h"

bool passes_enough(struct passes *p, const struct ejection_state *s, uint32_t run)
{
    if (atomic_load(&p->round) != s->round) {
        atomic_store(&p->round, s->round);
        atomic_store(&p->base, run);
    }
    if (run < atomic_load(&p->base)) /* one has failed meanwhile */
        atomic_store(&p->base, 0);
    return run - atomic_load(&p->base) >= s->count;
}
