/* SPDX-License-Identifier: Apache-2.0 */
/* The ring and the table of Maglev. Members' points and orders follow from their names alone: all
 * workers, and all gateways with the same members, build the same. */
#include "core/cluster/hash_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Points of a member of average weight: its part of the keys is off by a sixteenth, in the mean. */
enum { POINTS = 256 };

struct hash_entry {
    uint64_t hash;
    uint32_t member;
};

/* splitmix64's last step (Steele, Lea, Flood, OOPSLA 2014): every bit depends on every other. */
static uint64_t finish(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

uint64_t hash_mix(uint64_t a, uint64_t b)
{
    return finish(a + finish(b + 0x9e3779b97f4a7c15));
}

uint64_t hash_key(struct slice key)
{
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3;
    return finish(h);
}

void hash_table_fini(struct hash_table *t)
{
    free(t->points);
    free(t->places);
    *t = (struct hash_table){0};
}

static uint64_t total_weight(const struct hash_member *members, size_t n, size_t *weighted)
{
    uint64_t total = 0;
    *weighted = 0;
    for (size_t i = 0; i < n; i++) {
        total += members[i].weight;
        *weighted += members[i].weight != 0;
    }
    return total;
}

/* -- the ring ---------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct hash_entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

static size_t points_of(const struct hash_member *m, uint64_t points, uint64_t total)
{
    const uint64_t n = (points * m->weight + total / 2) / total;
    return m->weight && !n ? 1 : (size_t)n;
}

static void make_ring(struct hash_table *t, const struct hash_sizes *sizes,
                      const struct hash_member *members, size_t n)
{
    size_t weighted;
    const uint64_t total = total_weight(members, n, &weighted);
    size_t points = weighted * POINTS;
    points = points < sizes->ring_min ? sizes->ring_min : points;
    points = points > sizes->ring_max ? sizes->ring_max : points;
    if (!total)
        return;
    t->points = calloc(points + n, sizeof *t->points); /* each rounds up by one at most */
    must(t->points);
    for (uint32_t i = 0; i < n; i++)
        for (size_t k = points_of(&members[i], points, total); k; k--)
            t->points[t->n++] =
                (struct hash_entry){.hash = hash_mix(members[i].owner, k), .member = i};
    qsort(t->points, t->n, sizeof *t->points, by_hash);
}

/* -- Maglev ------------------------------------------------------------------------------------ */

struct filler {
    uint64_t offset, skip, next; /* place of its turn k: (offset + k * skip) % places */
    uint64_t credit;             /* of turns */
    uint64_t owner;
    uint32_t member, weight;
};

static uint32_t next_free(const struct hash_table *t, struct filler *f)
{
    uint64_t at;
    do
        at = (f->offset + f->next++ * f->skip) % t->n;
    while (t->places[at] != UINT32_MAX);
    return (uint32_t)at;
}

/* The heaviest has a turn in every round, others as often as their weight is part of its. */
static void fill(struct hash_table *t, struct filler *fillers, size_t n, uint32_t heaviest)
{
    size_t filled = 0;
    while (filled < t->n)
        for (size_t i = 0; i < n && filled < t->n; i++) {
            struct filler *f = &fillers[i];
            f->credit += f->weight;
            if (f->credit < heaviest)
                continue;
            f->credit -= heaviest;
            t->places[next_free(t, f)] = f->member;
            filled++;
        }
}

static int by_owner(const void *a, const void *b)
{
    const struct filler *x = a, *y = b;
    return x->owner < y->owner ? -1 : x->owner > y->owner;
}

static uint32_t heaviest_of(const struct hash_member *members, size_t n)
{
    uint32_t heaviest = 0;
    for (size_t i = 0; i < n; i++)
        heaviest = members[i].weight > heaviest ? members[i].weight : heaviest;
    return heaviest;
}

/* Turns are taken in an order that doesn't depend on the members' either. */
static void make_maglev(struct hash_table *t, size_t places, const struct hash_member *members,
                        size_t n)
{
    const uint32_t heaviest = heaviest_of(members, n);
    if (!heaviest)
        return;
    struct filler *fillers = calloc(n, sizeof *fillers);
    t->places = malloc(places * sizeof *t->places);
    must(fillers && t->places);
    memset(t->places, 0xff, places * sizeof *t->places);
    t->n = places;
    for (uint32_t i = 0; i < n; i++)
        fillers[i] = (struct filler){
            .offset = hash_mix(members[i].owner, 0) % places,
            .skip = hash_mix(members[i].owner, 1) % (places - 1) + 1,
            .owner = members[i].owner,
            .member = i,
            .weight = members[i].weight,
        };
    qsort(fillers, n, sizeof *fillers, by_owner);
    fill(t, fillers, n, heaviest);
    free(fillers);
}

/* -- both -------------------------------------------------------------------------------------- */

void hash_table_make(struct hash_table *t, enum hash_kind kind, const struct hash_sizes *sizes,
                     const struct hash_member *members, size_t n)
{
    hash_table_fini(t);
    t->kind = kind;
    if (kind == HASH_RING)
        make_ring(t, sizes, members, n);
    else
        make_maglev(t, sizes->places, members, n);
}

size_t hash_table_at(const struct hash_table *t, uint64_t hash)
{
    if (t->kind == HASH_MAGLEV)
        return hash % t->n;
    size_t from = 0, to = t->n; /* the first point that isn't before it */
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (t->points[middle].hash < hash)
            from = middle + 1;
        else
            to = middle;
    }
    return from < t->n ? from : 0;
}

uint32_t hash_table_member(const struct hash_table *t, size_t at)
{
    return t->kind == HASH_MAGLEV ? t->places[at] : t->points[at].member;
}
