/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARED_H
#define WEIR_SHARED_H

/* A part of <weir/module.h>: memory that all processes see, and that the next generation finds
 * again: cells, texts, files, and what is known of endpoints. */

#include <weir/value.h>

#pragma GCC visibility push(default)

/* -- shared memory ----------------------------------------------------------------------------- */

/* A cell of this use in shared memory, aligned to 64: the same in all processes, and the next
 * generation finds it with what it holds, as long as name and size are the same. Zeroed when it is
 * new. The name is unique within the use's route (cluster, module); what changes the meaning of the
 * content goes into the name. NULL with a fault when there is no room. While a generation is
 * loaded, an older one may be using the cell: initialise it when it is new, and leave it alone when
 * it isn't. [load] */
void *weir_cell(struct weir_load *l, const char *name, size_t size);

/* A text of at most `capacity` bytes in shared memory, replaced as a whole. Readers never wait and
 * never see half of it. [load] */
struct weir_blob *weir_blob(struct weir_load *l, const char *name, size_t capacity);
/* False, with nothing changed, when it is too long, or another process (the control process of an
 * older generation) was in the middle of it for long. [control] */
bool weir_blob_publish(struct weir_blob *b, struct weir_slice text);
/* Changes with each publish; 0: nothing was published yet. Cheap. [any] */
uint64_t weir_blob_version(const struct weir_blob *b);
/* Copies the text into `to` (of `capacity` bytes); gives its length, and which version it is.
 * Version 0: there is nothing, or nothing could be had just now; what the caller has stays good.
 * [any] */
size_t weir_blob_read(const struct weir_blob *b, char *to, uint64_t *version);

/* A file that is read now and again whenever it changes, about once a second, by the control
 * process; a file that can't be read any more, or is over the limit, leaves what was there, says
 * so in the log and counts. A fault when it can't be read now. Its text is a blob, which holds from
 * load on what the file holds then. Replace files by rename(2): one that is written in place is
 * taken only when it stood still for a second. [load] */
struct weir_blob *weir_file(struct weir_load *l, const struct weir_place *place,
                            struct weir_slice path, size_t capacity);

/* -- endpoints in shared memory ---------------------------------------------------------------- */

/* The cluster whose settings are loaded; WEIR_NO_CLUSTER: not in load_cluster(). [load] */
weir_cluster weir_load_cluster_of(const struct weir_load *l);
/* Room of `size` bytes for every endpoint of a cluster, aligned to 64. It is zeroed when an
 * endpoint is new, and kept as long as it stays, over reloads, too; then the next generation finds
 * it under the same name and size. The name is unique within the use. NULL with a fault when there
 * is no room. [load] */
struct weir_endpoint_cells *weir_endpoint_cells(struct weir_load *l, weir_cluster cluster,
                                                const char *name, size_t size);
/* NULL only for a slot that there isn't: WEIR_NO_SLOT. [process] */
void *weir_endpoint_cell(const struct weir_endpoint_cells *cells, weir_slot slot);
/* The part of its weight that the endpoint gets, in all workers, from the next pick on: 0: none,
 * 1000000: all. Of several modules' the smallest counts. It lasts as long as the module is
 * configured. [process] */
void weir_endpoint_share_set(const struct weir_endpoint_cells *cells, weir_slot slot,
                             uint32_t millionths);
/* Modules that guard are asked (on_pick) before an attempt starts on it. All of them: who has not
 * guarded it says NEXT. [process] */
void weir_endpoint_guard_set(const struct weir_endpoint_cells *cells, weir_slot slot, bool on);
/* WEIR_NO_SLOT: it has none, for lack of room. [hook] */
weir_slot weir_endpoint_slot(const struct weir_endpoint *ep);
weir_slot weir_attempt_slot(const struct weir_attempt *at);

struct weir_endpoint_info {
    weir_slot slot;
    struct weir_slice name; /* until the next turn of the loop */
    uint32_t weight;        /* as configured */
    bool healthy;           /* no health check says otherwise, and none must pass first */
    bool draining;          /* by an operator, or by its own word */
    uint32_t share;         /* millionths that modules leave to it */
    uint32_t passed;        /* health checks in a row until now; 0: none, or the last one failed */
};
/* The endpoints that there are now, one after the other; *at begins as 0. False at the end.
 * [process] */
bool weir_endpoint_each(struct weir_process *p, weir_cluster cluster, size_t *at,
                        struct weir_endpoint_info *out);
/* Connections to the cluster, over all processes; an attempt that would need one more fails (why:
 * "connections", 503). Of several limits the smallest counts. [load] */
void weir_load_connections(struct weir_load *l, weir_cluster cluster, uint64_t max);
/* Connections that are open now, over all processes. [process] */
uint64_t weir_connections(const struct weir_process *p, weir_cluster cluster);
/* A breaker of the cluster isn't closed: no hedges. A load of the configuration clears it; who has
 * said so says it again in start(). [process] */
void weir_cluster_trouble_set(struct weir_process *p, weir_cluster cluster, bool on);
bool weir_cluster_trouble(const struct weir_process *p, weir_cluster cluster);

#pragma GCC visibility pop

#endif
