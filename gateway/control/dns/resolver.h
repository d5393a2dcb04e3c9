/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_RESOLVER_H
#define WEIR_CONTROL_RESOLVER_H

/* Endpoints given by name: their addresses are asked for when the control process starts and again
 * whenever their TTL ends, and written into the clusters' shared tables, where the workers find
 * them. While DNS fails, the last answer stays.
 *
 *     struct resolver *r = resolver_start(&loop, generation);
 *     ...
 *     resolver_stop(r);
 */

#include "core/generation.h"
#include "io/loop.h"

struct resolver;

/* What is known about one name. Times are on the loop's monotonic clock. */
struct resolver_name {
    struct slice cluster, address; /* as configured */
    uint64_t lookups, failures;    /* failures: no address, or one family unanswered */
    uint64_t changes;              /* answers that changed the table */
    uint64_t succeeded_ms;         /* 0: never since this process started */
    uint64_t ended_ms;             /* the last look-up, whatever came of it */
    uint64_t next_ms;              /* when it is asked again; 0: is being asked */
    size_t addresses;              /* in the table now */
    size_t dropped;                /* of the last answer, for lack of dns.capacity */
    unsigned failing;              /* failures in a row */
};

/* Over all names. */
struct resolver_totals {
    uint64_t lookups, failures, changes;
    size_t names, failing;
};

/* Control process. NULL, with a line in the log, when the resolver can't be set up. */
struct resolver *resolver_start(struct loop *lp, const struct generation *g) nodiscard;
/* NULL is harmless. */
void resolver_stop(struct resolver *r);

size_t resolver_names_n(const struct resolver *r);
struct resolver_name resolver_name(const struct resolver *r, size_t index);
struct resolver_totals resolver_totals(const struct resolver *r);

/* Master, before it forks the processes of `g` (which must have its tables): asks once for each
 * name that has no address in its table yet, so that a fresh start has endpoints, and waits at most
 * `limit_ms` for all of them. A name without an answer is a warning: its cluster goes without until
 * the control process gets one. Returns how many those are. */
size_t resolver_at_load(const struct generation *g, uint64_t limit_ms, struct faults *faults);

#endif
