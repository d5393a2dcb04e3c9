/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_EXPORT_H
#define WEIR_TRACING_EXPORT_H

/* Sending what workers have recorded, in the control process. */

#include "tracing/process.h"

struct exporter;

/* Where there is a collector. NULL, with a line in the log: no memory. `tp` outlives it. */
struct exporter *exporter_new(const struct tracing_process *tp);
/* What the collector has not taken goes back to the queue, for the next control process. Harmless
 * with NULL. */
void exporter_free(struct exporter *e);
void exporter_tick(struct exporter *e);

#endif
