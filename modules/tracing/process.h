/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_PROCESS_H
#define WEIR_TRACING_PROCESS_H

/* The module in one process. */

#include "tracing/ids.h"
#include "tracing/settings.h"

struct exporter;

struct tracing_process {
    struct weir_process *p;
    const struct tracing *t;
    struct id_pool ids;
    struct exporter *exporter; /* of the control process, if there is a collector */
};

static inline void tracing_drop(const struct tracing_process *tp, enum tracing_drop reason,
                                uint64_t spans)
{
    weir_count(tp->p, tp->t->drops[reason], 0, spans);
}

#endif
