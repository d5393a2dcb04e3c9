/* SPDX-License-Identifier: Apache-2.0 */
/* Connections by client address, counted over all workers without a lock.
 *
 *     bucket (one cache line)   | tag:40 count:24 | tag count | ... eight entries
 *
 * An address hashes to one bucket and a tag. Its connections are counted in the entry of that tag;
 * an entry whose count is zero is free for any other tag of the bucket. When eight other addresses
 * hold the bucket, the connection is let in untracked: an attacker with many addresses then escapes
 * a limit that is about single ones, and nobody else is shut out.
 *
 * Two workers that see an address for the first time at the same moment may take an entry each.
 * Both count: the check adds up every entry of the tag, so only connections that come within the
 * same few nanoseconds can exceed the limit.
 *
 * A process first notes in its mirror what it takes, and gives back first what it notes after. One
 * that dies in between makes the count too small rather than too large, and it is never less than
 * none. */

#include "core/stats/stats.h"

enum {
    COUNT_BITS = 24,
    COUNT_MAX = (1 << COUNT_BITS) - 1,
};
_Static_assert(SOURCES_PER_BUCKET * sizeof(uint64_t) == 64, "a bucket is one cache line");

static void take_from(_Atomic uint64_t *entry, uint64_t n);

static inline uint64_t count_of(uint64_t word)
{
    return word & COUNT_MAX;
}

/* What a look at the bucket says about one tag. */
struct found {
    uint64_t total; /* connections */
    int at;         /* an entry to count in, or -1: the bucket is full */
    uint64_t word;  /* what stood there */
};

static struct found look(struct source_table *t, size_t bucket, uint64_t tag)
{
    struct found f = {.at = -1};
    bool ours = false;

    for (int i = 0; i < SOURCES_PER_BUCKET; i++) {
        uint64_t word = atomic_load(&t->entries[bucket + (size_t)i]);
        bool same = word && word >> COUNT_BITS == tag;
        if (same)
            f.total += count_of(word);
        /* The first entry of the tag, else the first free one. */
        if ((same && !ours) || (!word && f.at < 0)) {
            f.at = i;
            f.word = word;
            ours = same;
        }
    }
    return f;
}

enum source_verdict source_enter(struct source_table *t, struct source_mirror *m,
                                 const struct ip *ip, uint64_t limit, int32_t *entry)
{
    const uint64_t hash = slice_hash(slice_of((const char *)ip->b, sizeof ip->b));
    const size_t bucket = hash % SOURCES_BUCKETS * SOURCES_PER_BUCKET;
    const uint64_t tag = hash >> COUNT_BITS;

    *entry = -1;
    if (limit > COUNT_MAX)
        limit = COUNT_MAX;
    for (;;) {
        struct found f = look(t, bucket, tag);
        if (f.total >= limit)
            return SOURCE_LIMIT;
        if (f.at < 0)
            return SOURCE_UNTRACKED;
        const size_t at = bucket + (size_t)f.at;
        const uint64_t word = tag << COUNT_BITS | (count_of(f.word) + 1);
        m->held[at]++;
        if (atomic_compare_exchange_strong(&t->entries[at], &f.word, word)) {
            *entry = (int32_t)at;
            return SOURCE_OK;
        }
        m->held[at]--; /* somebody else changed it: look again */
    }
}

void source_leave(struct source_table *t, struct source_mirror *m, int32_t entry)
{
    if (entry < 0)
        return;
    must(entry < SOURCES_BUCKETS * SOURCES_PER_BUCKET && m->held[entry] > 0);
    take_from(&t->entries[entry], 1);
    m->held[entry]--;
}

void source_dead(struct source_table *t, struct source_mirror *m)
{
    for (size_t i = 0; i < array_n(m->held); i++)
        if (m->held[i]) {
            take_from(&t->entries[i], m->held[i]);
            m->held[i] = 0;
        }
}

static void take_from(_Atomic uint64_t *entry, uint64_t n)
{
    uint64_t word = atomic_load(entry);

    while (!atomic_compare_exchange_weak(entry, &word, count_of(word) > n ? word - n : 0))
        ;
}
