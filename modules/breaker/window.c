/* SPDX-License-Identifier: Apache-2.0 */
/* Over time: buckets of a tenth of the span. Each word of a bucket carries the tick it counts, and
 * the version: who comes first in a new tick begins it anew with the same compare-and-swap that
 * counts his call.
 *
 * Over calls: a ring of the last ones. A word hands out places, and what lies there from before the
 * version is told by its tag. Sums are made by looking at the ring, so there is nothing that could
 * drift when a process dies halfway. */
#include "breaker/window.h"

enum { WORD_COUNT = 24, WORD_TICK = 32, PLACE_VERSION = 48, GOOD_SET = 1 << 16 };
static const uint64_t COUNT_MAX = ((uint64_t)1 << WORD_COUNT) - 1;

/* version 8 | tick 32 | count 24 */
struct bucket {
    _Atomic uint64_t calls, failed, slow;
};

/* version 16 | bits */
enum { CALL_MADE = 1, CALL_FAILED = 2, CALL_SLOW = 4, CALL_VERSION = 16 };

struct window {
    _Atomic uint64_t in_row; /* version 16 | count 48 */
    _Atomic uint64_t place;  /* version 16 | calls so far 48 */
    _Atomic uint64_t good;   /* set 1 | version 16: a call was good since window_look() */
    union {
        struct bucket buckets[WINDOW_BUCKETS];
        _Atomic uint32_t calls[1]; /* conf.calls of them */
    };
};

size_t window_size(struct window_conf conf)
{
    const size_t head = offsetof(struct window, buckets);
    const size_t body =
        conf.calls ? conf.calls * sizeof(_Atomic uint32_t) : sizeof(struct bucket) * WINDOW_BUCKETS;
    return (head + body + 7) / 8 * 8;
}

static bool is_older(uint16_t a, uint16_t than)
{
    return (int16_t)(uint16_t)(a - than) < 0;
}

/* -- words that are tagged with a version ------------------------------------------------------ */

/* Adds one to a word of version 16 | count 48 and gives what it was; false: it is of a newer one.
 */
static bool count_up(_Atomic uint64_t *word, uint16_t version, uint64_t *was)
{
    uint64_t had = atomic_load(word), next;
    do {
        const uint16_t tag = (uint16_t)(had >> PLACE_VERSION);
        if (tag != version && is_older(version, tag))
            return false;
        *was = tag == version ? had << 16 >> 16 : 0;
        next = (uint64_t)version << PLACE_VERSION | (*was + 1);
    } while (!atomic_compare_exchange_weak(word, &had, next));
    return true;
}

static uint64_t count_in(uint64_t word, uint16_t version)
{
    return (uint16_t)(word >> PLACE_VERSION) == version ? word << 16 >> 16 : 0;
}

static uint64_t good_word(uint16_t version)
{
    return (uint64_t)version | GOOD_SET;
}

/* A look is all that it costs, as a rule. */
static void note_good(struct window *w, uint16_t version)
{
    const uint64_t had = atomic_load(&w->good);
    if (had != good_word(version) && (!had || !is_older(version, (uint16_t)had)))
        atomic_store(&w->good, good_word(version));
}

static void note_row(struct window *w, struct window_call call)
{
    if (call.open)
        return;
    if (!call.failed)
        note_good(w, call.version);
    uint64_t was = atomic_load(&w->in_row);
    if (call.failed)
        (void)count_up(&w->in_row, call.version, &was);
    else if (count_in(was, call.version))
        atomic_compare_exchange_strong(&w->in_row, &was, (uint64_t)call.version << PLACE_VERSION);
}

/* -- over time --------------------------------------------------------------------------------- */

static uint32_t tick_of(struct window_conf conf, uint64_t now_ms)
{
    return (uint32_t)(now_ms / (conf.span_ms / WINDOW_BUCKETS));
}

static uint64_t bucket_tag(uint32_t tick, uint16_t version)
{
    return (uint64_t)(uint8_t)version << (WORD_COUNT + WORD_TICK) | (uint64_t)tick << WORD_COUNT;
}

/* Does the word hold something newer than tick and version? A clock may be a little behind. */
static bool is_newer(uint64_t word, uint32_t tick, uint16_t version)
{
    const int32_t ticks = (int32_t)((uint32_t)(word >> WORD_COUNT) - tick);
    const int8_t versions = (int8_t)(uint8_t)((word >> (WORD_COUNT + WORD_TICK)) - version);
    return versions > 0 || (versions == 0 && ticks > 0);
}

static void add_to(_Atomic uint64_t *word, uint32_t tick, uint16_t version)
{
    const uint64_t tag = bucket_tag(tick, version);
    uint64_t had = atomic_load(word), next;
    do {
        const bool same = (had & ~COUNT_MAX) == tag;
        if (!same && had && is_newer(had, tick, version))
            return;
        if (same && (had & COUNT_MAX) == COUNT_MAX)
            return;
        next = same ? had + 1 : tag + 1;
    } while (!atomic_compare_exchange_weak(word, &had, next));
}

/* The call is counted first, and read last: so nobody sees more failures than calls. */
static void add_timed(struct window *w, uint32_t tick, struct window_call call)
{
    struct bucket *b = &w->buckets[tick % WINDOW_BUCKETS];
    add_to(&b->calls, tick, call.version);
    if (call.failed)
        add_to(&b->failed, tick, call.version);
    if (call.slow)
        add_to(&b->slow, tick, call.version);
}

static void end_timed(struct window *w, uint32_t tick, struct window_call call, uint32_t where)
{
    if (tick - where < WINDOW_BUCKETS)
        add_to(&w->buckets[where % WINDOW_BUCKETS].failed, where, call.version);
    else
        add_timed(w, tick, call);
}

static uint32_t read_word(const _Atomic uint64_t *word, uint64_t tag)
{
    const uint64_t had = atomic_load(word);
    return (had & ~COUNT_MAX) == tag ? (uint32_t)(had & COUNT_MAX) : 0;
}

static uint32_t at_most(uint32_t n, uint32_t most)
{
    return n < most ? n : most;
}

static void sum_timed(const struct window *w, uint32_t now, uint16_t version,
                      struct window_sums *out)
{
    for (uint32_t i = 0; i < WINDOW_BUCKETS; i++) {
        const uint32_t tick = now - i;
        const struct bucket *b = &w->buckets[tick % WINDOW_BUCKETS];
        const uint64_t tag = bucket_tag(tick, version);
        const uint32_t failed = read_word(&b->failed, tag), slow = read_word(&b->slow, tag);
        const uint32_t calls = read_word(&b->calls, tag);
        out->calls += calls;
        out->failed += at_most(failed, calls); /* the bucket may have been begun anew meanwhile */
        out->slow += at_most(slow, calls);
    }
}

/* -- over calls -------------------------------------------------------------------------------- */

static uint64_t add_counted(struct window *w, uint32_t n, struct window_call call)
{
    uint64_t place = 0;
    if (!count_up(&w->place, call.version, &place))
        return 0;
    const uint32_t word = (uint32_t)call.version << CALL_VERSION | CALL_MADE |
                          (call.failed ? CALL_FAILED : 0) | (call.slow ? CALL_SLOW : 0);
    atomic_store(&w->calls[place % n], word);
    return place;
}

/* Whoever takes the place over at this very moment may lose a good call to a failure. */
static void end_counted(struct window *w, uint32_t n, struct window_call call, uint64_t where)
{
    const uint64_t so_far = count_in(atomic_load(&w->place), call.version);
    uint32_t word = atomic_load(&w->calls[where % n]);
    if (so_far - where > n)
        (void)add_counted(w, n, call);
    else if (word >> CALL_VERSION == call.version)
        atomic_compare_exchange_strong(&w->calls[where % n], &word, word | CALL_FAILED);
}

static void sum_counted(const struct window *w, uint32_t n, uint16_t version,
                        struct window_sums *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t word = atomic_load(&w->calls[i]);
        if (word >> CALL_VERSION != version || !(word & CALL_MADE))
            continue;
        out->calls++;
        out->failed += (word & CALL_FAILED) != 0;
        out->slow += (word & CALL_SLOW) != 0;
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

uint64_t window_add(struct window *w, struct window_conf conf, uint64_t now_ms,
                    struct window_call call)
{
    note_row(w, call);
    if (conf.calls)
        return add_counted(w, conf.calls, call);
    const uint32_t tick = tick_of(conf, now_ms);
    add_timed(w, tick, call);
    return tick;
}

void window_end(struct window *w, struct window_conf conf, uint64_t now_ms, struct window_call call,
                uint64_t where)
{
    note_row(w, call);
    if (!call.failed)
        return;
    if (conf.calls)
        end_counted(w, conf.calls, call, where);
    else
        end_timed(w, tick_of(conf, now_ms), call, (uint32_t)where);
}

struct window_sums window_sum(const struct window *w, struct window_conf conf, uint64_t now_ms,
                              uint16_t version)
{
    struct window_sums out = {.in_row = (uint32_t)count_in(atomic_load(&w->in_row), version)};
    if (conf.calls)
        sum_counted(w, conf.calls, version, &out);
    else
        sum_timed(w, tick_of(conf, now_ms), version, &out);
    return out;
}

/* -- news ------------------------------------------------------------------------------------- */

static uint32_t more_than(uint32_t now, uint32_t *before)
{
    const uint32_t more = now > *before ? now - *before : 0;
    *before = now;
    return more;
}

static void look_at(const struct window *w, uint32_t tick, struct window_seen *seen,
                    struct window_news *out)
{
    const uint32_t i = tick % WINDOW_BUCKETS;
    const struct bucket *b = &w->buckets[i];
    const uint64_t tag = bucket_tag(tick, seen->version);
    if (seen->buckets[i].tick != tick) {
        seen->buckets[i].tick = tick;
        seen->buckets[i].calls = seen->buckets[i].failed = seen->buckets[i].slow = 0;
    }
    const uint32_t failed = read_word(&b->failed, tag), slow = read_word(&b->slow, tag);
    out->calls += more_than(read_word(&b->calls, tag), &seen->buckets[i].calls);
    out->failed += more_than(failed, &seen->buckets[i].failed);
    out->slow += more_than(slow, &seen->buckets[i].slow);
}

/* The mark is taken first: a good call that comes in between has shortened the row, or is told of
 * the next time. */
static void look_at_row(struct window *w, struct window_seen *seen, struct window_news *out)
{
    uint64_t good = good_word(seen->version);
    const bool marked = atomic_compare_exchange_strong(&w->good, &good, 0);
    const uint32_t in_row = (uint32_t)count_in(atomic_load(&w->in_row), seen->version);
    out->broken = marked || in_row < seen->in_row;
    out->in_row = out->broken ? in_row : in_row - seen->in_row;
    seen->in_row = in_row;
}

struct window_news window_look(struct window *w, struct window_conf conf, uint64_t now_ms,
                               uint16_t version, struct window_seen *seen)
{
    const uint32_t now = tick_of(conf, now_ms);
    struct window_news out = {0};
    if (!seen->any || seen->version != version)
        *seen = (struct window_seen){.version = version, .any = true};
    for (uint32_t i = 0; i < WINDOW_BUCKETS && i <= now; i++) /* not before the clock began */
        look_at(w, now - i, seen, &out);
    look_at_row(w, seen, &out);
    return out;
}
