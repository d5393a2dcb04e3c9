/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_SHARE_H
#define WEIR_OUTLIER_SHARE_H

/* Verdicts that instances share, where a cluster has the group `fleet`: each says on the board of
 * the cluster whom it has ejected by what it has seen itself, and takes over what enough others
 * say. The control process. */

#include <weir/fleet.h>

#include "outlier/outlier.h"
#include "outlier/votes.h"

struct outlier_share {
    struct weir_process *p;
    const struct outlier *o;
    struct weir_fleet_board *board;
    struct votes votes;
    size_t left_out; /* of the note, at the last tick */
};

/* NULL: the cluster shares nothing, there is no fleet, or no memory. */
struct outlier_share *outlier_share_open(struct weir_process *p, const struct outlier *o);
void outlier_share_close(struct outlier_share *s); /* NULL is harmless, here and below */
/* Says what has changed, and ejects whom the others have. */
void outlier_share_tick(struct outlier_share *s);

#endif
