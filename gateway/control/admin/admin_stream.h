/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_STREAM_H
#define WEIR_CONTROL_ADMIN_STREAM_H

/* An answer of the admin server that goes on until one of both sides ends it: lines of a log,
 * server-sent events. A function of the table opens one and keeps it; whatever it has to say later
 * it sends whole or not at all:
 *
 *     struct admin_stream *s = admin_stream_open(rq, out, SLICE("text/event-stream"), on_gone, me);
 *     if (!s)
 *         return;                                  out says why
 *     ...
 *     if (!admin_stream_send(s, event))
 *         me->lost++;                              the reader is too slow: its queue is full
 *
 * Bounded: ADMIN_STREAMS of them, none queues more than a link does, and a reader that takes
 * nothing of what is queued within ADMIN_IDLE_MS is dropped. One that has nothing to take stays. */

#include "control/admin/admin.h"

enum { ADMIN_STREAMS = 16 /* more get 503 */ };

struct admin_stream;

/* Begins the answer, with status 200. `on_gone` is called when the reader is gone or the server
 * ends, never from inside the functions here; the stream is no more then. NULL: there is none, and
 * the function returns with what `out` says (HEAD: nothing). */
struct admin_stream *admin_stream_open(const struct admin_request *rq, struct admin_answer *out,
                                       struct slice type, void (*on_gone)(void *ctx),
                                       void *ctx) nodiscard;
/* False: there is no room for all of it now, and nothing was sent. Empty: nothing happens. */
bool admin_stream_send(struct admin_stream *s, struct slice data) nodiscard;
/* How long a piece may be that is sent now. */
size_t admin_stream_room(const struct admin_stream *s);
/* Ends the answer and gives the stream back; on_gone isn't called. */
void admin_stream_end(struct admin_stream *s);

#endif
