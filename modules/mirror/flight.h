/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_FLIGHT_H
#define WEIR_MIRROR_FLIGHT_H

/* One copy under way, from the moment in which it is drawn. It outlives its exchange, or the
 * exchange outlives it; whoever ends first leaves what is to be compared here, and the second one
 * has them compared. So it is malloc'ed, and counted: the copy holds it, and an exchange whose
 * response is to be compared. Comparing content is a job for a helper thread: no request waits for
 * it. */

#include "mirror/settings.h"

/* Of one process. */
struct mirror_process {
    struct weir_process *p;
    const struct mirrors *all;
    int *seats; /* of each mirror, by its number */
};

struct flight;

/* Starts a copy of x, for which there is room: it gives its seat back at the end. NULL, and counted
 * as dropped: no memory. When m compares, the caller holds the flight until flight_primary(). */
struct flight *flight_start(struct weir_exchange *x, const struct mirror *m,
                            struct mirror_process *mp) __attribute__((warn_unused_result));
/* The head of the response that the client gets, in on_response. */
void flight_primary_head(struct flight *f, struct weir_exchange *x);
/* The exchange ends, in on_done. */
void flight_primary(struct flight *f, struct weir_exchange *x);

#endif
