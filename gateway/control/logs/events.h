/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_EVENTS_H
#define WEIR_CONTROL_EVENTS_H

/* The last notable events, for operators: GET and POST /v1/events.
 *
 *     {"after": 17, "limit": 100}   those behind number 17, the oldest first
 *     {"limit": 20}                 the last 20
 *
 *     {"events": [...], "next": 37, "lost": 0}    "after": 37 goes on; lost: not there any more
 */

#include "base/event.h"
#include "control/admin/admin.h"
#include "io/loop.h"

enum { EVENTS_LIMIT = 100 }; /* unless another is asked for, of EVENT_RING_SIZE at most */

struct events {
    const struct event_ring *ring; /* borrowed */
    const struct loop *loop;
};

struct events_wanted {
    bool newest; /* the last `limit`; else those behind `after` */
    uint64_t after, limit;
};
/* Appends the JSON object above. */
void events_write(const struct events *e, const struct events_wanted *wanted, struct text *out);
/* The number of the last one. */
uint64_t events_next(const struct events *e);

/* For the table of the admin server; ctx is the struct events. */
void events_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
