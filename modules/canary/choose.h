/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_CHOOSE_H
#define WEIR_CANARY_CHOOSE_H

/* Which variant gets a request: its user's, by what `sticky` says, or else the next ticket's. */

#include "canary/canary.h"

struct choice {
    struct split_ref ref;
    enum sticky_kind by;     /* STICKY_NONE: a ticket */
    bool counted;            /* false: the cell had no answer, and the primary gets it */
    bool unleased;           /* the ticket is this instance's, and should have been the fleet's */
    bool bad_cookie;         /* there was one whose signature is wrong */
    struct weir_slice issue; /* value of the cookie that the client is to get; absent: none */
};

/* [hook] */
void canary_choose(struct weir_exchange *x, const struct canary *c, struct choice *out);

#endif
