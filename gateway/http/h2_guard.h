/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H2_GUARD_H
#define WEIR_HTTP_H2_GUARD_H

/* How much of what costs more to serve than to send one HTTP/2 connection may send. Each kind of
 * event has a number of times it may happen in an interval; the first that is too many says so, and
 * the connection is closed with ENHANCE_YOUR_CALM (RFC 9113 10.5). Pure: counts and a clock.
 *
 * The counts begin anew when an interval has passed, so that across its end twice the number may
 * come; that is what makes a count of one word enough. */

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* id, name: the setting and the end of the counter's name. */
#define H2_EVENT_LIST(E)                                                                           \
    E(STREAMS, streams)           /* open at once; not counted here but by who opens them */       \
    E(RESET, resets)              /* RST_STREAM that came, and that a fault of the peer's provoked */ \
    E(CONTINUATION, continuations) /* frames of one header block; not per interval */              \
    E(PING, pings)                                                                                 \
    E(SETTINGS, settings)                                                                          \
    E(EMPTY, empty_frames)        /* DATA without content or end */                                \
    E(PRIORITY, priorities)       /* PRIORITY and PRIORITY_UPDATE */                               \
    E(WINDOW, window_updates)     /* and RST_STREAM of what is over: beyond H2_WINDOW_CREDIT for    \
                                   * each DATA frame that was sent */

enum h2_event {
#define E(id, name) H2_EVENT_##id,
    H2_EVENT_LIST(E)
#undef E
        H2_EVENT_N
};
const char *h2_event_name(enum h2_event e);

/* WINDOW_UPDATE frames that one DATA frame justifies: one for the stream, one for the connection. */
enum { H2_WINDOW_CREDIT = 2 };

struct h2_guard_limits {
    uint64_t interval_ms;
    uint32_t most[H2_EVENT_N]; /* 0: no limit */
};

struct h2_guard {
    uint64_t since_ms; /* when the interval began */
    uint32_t n[H2_EVENT_N];
    uint32_t window_credit;
};

void h2_guard_init(struct h2_guard *g, uint64_t now_ms);
/* It has happened once more. False: it is too much. */
bool h2_guard_count(struct h2_guard *g, const struct h2_guard_limits *l, enum h2_event e,
                    uint64_t now_ms) nodiscard;
/* A header block begins: its CONTINUATION frames are counted from none. */
void h2_guard_block(struct h2_guard *g);
/* A DATA frame was sent. */
void h2_guard_data_sent(struct h2_guard *g);

#endif
