/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_FEED_H
#define WEIR_CANARY_FEED_H

/* Keeps a split's lease (lease.h) filled from the fleet: the block that workers take from, and one
 * to spare. It asks with a tick for the next numbers of the fleet's counter, and gets them before
 * the next tick as a rule. While this instance is apart it gets none. [control] */

#include <weir/fleet.h>

#include "canary/lease.h"

struct split_feed;

/* All borrowed until it is closed. */
struct split_feed_conf {
    struct weir_slice name; /* of the counter, within the module: the same on all instances */
    const struct weir_slice *names; /* of the variants */
    size_t n;
    struct split_cell *cell;
    struct split_lease *lease;
    uint64_t block; /* the most positions that are leased at once; above 0 */
};

/* NULL: no memory, or no counter: without a fleet, or with a name that is too long or open. */
struct split_feed *split_feed_open(struct weir_process *p, const struct split_feed_conf *conf);
/* Each fleet.tick. */
void split_feed_tick(struct split_feed *f);
void split_feed_close(struct split_feed *f); /* NULL is fine */

#endif
