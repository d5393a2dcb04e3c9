/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_LIVE_LOG_H
#define WEIR_CORE_LIVE_LOG_H

/* Requests as they end, for who is looking: a worker writes each as a line of JSON (the one of
 * `format = "json"`, whatever log.format says, and also where log.access is off) into a ring of its
 * own in the shared region, and the control process reads the rings. Nobody waits for anybody: a
 * reader that is too slow finds older lines overwritten, and knows how many.
 *
 * As long as nobody looks a request costs one load and one compare. Whoever looks says so by a time
 * until which it does, and says it again before that is over: who dies looks no more. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"

struct exchange;

enum {
    LIVE_RING = 64 << 10, /* bytes; a power of two */
    LIVE_LINE = 8 << 10,  /* bytes of a line at most; a longer one is lost */
    LIVE_MARKS = 16,
};

/* The shared cell "log/live/SLOT": one writer, any number of readers. Positions count bytes since
 * ever. What lies between `end` and `claimed` is being written, over what lay there before. The
 * bytes are records, each a struct live_head and its line: a reader sees by their numbers what it
 * has missed. */
struct live_ring {
    _Atomic uint64_t claimed, end;
    /* Where the last record begins that began in each part of the ring: where a reader that was
     * overtaken goes on. */
    _Atomic uint64_t marks[LIVE_MARKS];
    /* The number of the next line; those that are too long for a line have one, too. */
    _Atomic uint64_t lines;
    char bytes[LIVE_RING];
};
struct live_head {
    uint64_t number;
    uint64_t n; /* bytes of the line, which end with its newline */
};

/* -- the writer -- */

struct live_log;
/* `until_ms` is on the clock of all processes (CLOCK_MONOTONIC). Both are borrowed. */
struct live_log *live_log_new(struct live_ring *ring, const _Atomic uint64_t *until_ms);
void live_log_free(struct live_log *l);
bool live_log_wanted(const struct live_log *l, uint64_t now_ms) nodiscard;
void live_log_exchange(struct live_log *l, struct exchange *x);
/* One line of at most LIVE_LINE bytes, with its newline. */
void live_ring_put(struct live_ring *r, struct slice line);

/* -- a reader -- */

struct live_reader {
    const struct live_ring *ring; /* borrowed; NULL: none yet */
    uint64_t at, next;            /* position; the number of the line that should come */
};
/* From now on. */
void live_reader_begin(struct live_reader *r, const struct live_ring *ring);
/* Adds the lines that are new; *lost grows by those that were overwritten first, as soon as that is
 * known: by the number of the line behind them, or when it is quiet. */
void live_reader_take(struct live_reader *r, struct text *out, uint64_t *lost);

#endif
