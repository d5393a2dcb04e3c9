/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERVIEW_STREAM_H
#define WEIR_CONTROL_OVERVIEW_STREAM_H

/* The overview as server-sent events (HTML, 9.2): an event "overview" with the object at once, and
 * then once a second:
 *
 *     event: overview
 *     data: {...}
 *
 * One object is made a second for all readers, and none while nobody reads. A reader that hasn't
 * taken all of an event when the next one is there doesn't get that one. */

#include "control/admin/admin_stream.h"

struct overview_stream;

/* All is borrowed. `make` writes the object, in one line: overview_make(), given the overview. */
struct overview_stream *overview_stream_new(struct loop *lp,
                                            void (*make)(void *ctx, struct text *t), void *ctx);
/* Ends all streams. */
void overview_stream_quiesce(struct overview_stream *s);
/* NULL is harmless. Nobody may read any more. */
void overview_stream_free(struct overview_stream *s);
/* For the table of the admin server; ctx is the struct overview_stream. */
void overview_stream_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
