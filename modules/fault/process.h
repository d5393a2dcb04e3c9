/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_PROCESS_H
#define WEIR_FAULT_PROCESS_H

/* What a process has of the module: `local` of its hooks and commands. */

#include "fault/settings.h"

struct fault_process {
    struct weir_process *p;
    const struct faults *all;
    int *rows; /* of each fault, by its number: of its places */
};

static inline enum fault_state fault_state_now(const struct fault *f, const struct faults *all,
                                               const struct weir_process *p)
{
    if (!all->enabled)
        return STATE_STOPPED;
    return fault_state(f->cell, all->all, f->enabled, f->ends_s, weir_wall_us(p));
}

extern const struct weir_command fault_commands[];
/* [control] */
void fault_explain(struct weir_explain *e, const struct weir_use *u);

#endif
