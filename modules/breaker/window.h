/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_WINDOW_H
#define WEIR_BREAKER_WINDOW_H

/* What a circuit has seen lately, in shared memory: calls, and which of them failed or were slow,
 * over a time that slides or over the last so many calls; and how many have failed in a row. All
 * workers count, and none waits for another.
 *
 * A response may break off long after it has begun well. So a call is counted when its head is
 * there, and becomes a failure where it was counted when it turns out to be one: streams that take
 * their time are calls that go well meanwhile, and a failure is never a second call. A row is ended
 * by what has come to a good end.
 *
 * Everything is tagged with the version of the circuit (machine.h) that it was counted in. So a
 * window is empty after each transition without anybody emptying it, and what comes late, of a
 * version that is no more, is dropped.
 *
 * Zeros are an empty window. Any process. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_BUCKETS = 10,
    WINDOW_SPAN_MIN_MS = 100, /* a bucket is 10 ms then: about what a loop's turn may take */
    WINDOW_CALLS_MAX = 10000, /* 4 bytes for each, in each circuit */
};

/* Over `calls` calls; 0: over span_ms. */
struct window_conf {
    uint64_t span_ms;
    uint32_t calls;
};

struct window;
/* Bytes; it wants the alignment of 8. */
size_t window_size(struct window_conf conf);

struct window_call {
    uint16_t version;
    bool failed, slow;
    bool open; /* it hasn't failed so far, and window_end() will tell */
};
/* Counts a call. Gives where it was counted, for window_end(). */
uint64_t window_add(struct window *w, struct window_conf conf, uint64_t now_ms,
                    struct window_call call);
/* How an open call has ended. A failure that was counted too long ago counts as a call of now. */
void window_end(struct window *w, struct window_conf conf, uint64_t now_ms, struct window_call call,
                uint64_t where);

struct window_sums {
    uint32_t calls, failed, slow;
    uint32_t in_row; /* failures since the last call that was good */
};
/* failed and slow never exceed calls. A bucket slides out as a whole: sums are of 90 to 100 % of
 * the span. */
struct window_sums window_sum(const struct window *w, struct window_conf conf, uint64_t now_ms,
                              uint16_t version);

/* -- news ------------------------------------------------------------------------------------- */

/* What one process has seen of a window over time; zeros: nothing of any version. */
struct window_seen {
    uint16_t version;
    bool any; /* of that version */
    uint32_t in_row;
    struct {
        uint32_t tick, calls, failed, slow;
    } buckets[WINDOW_BUCKETS];
};
struct window_news {
    uint32_t calls, failed, slow;
    uint32_t in_row; /* failures since the last good call, or since the last look */
    bool broken;     /* there was a good call since the last look */
};
/* What has been counted since the last look, by one process, which has to look once in nine tenths
 * of the span at the latest: what has slid out by then is nobody's news. Each failure is told once,
 * whenever its call was counted. */
struct window_news window_look(struct window *w, struct window_conf conf, uint64_t now_ms,
                               uint16_t version, struct window_seen *seen);

#endif
