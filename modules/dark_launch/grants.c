/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/grants.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdatomic.h>

#include "common/slice.h"

/* Places beside their ids: a search only looks at the latter. */
struct place {
    _Atomic uint64_t created, expires, revoked, uses, last_used;
    _Atomic uint64_t told; /* when a use was last told in the log */
    _Atomic uint64_t name_n;
    _Atomic char name[GRANT_NAME_MAX];
};

struct grants {
    _Atomic uint64_t capacity; /* 0: not made yet. Never changes after that */
    _Atomic uint64_t lock;     /* when it was taken, in monotonic ms; 0: free */
    uint8_t key[GRANT_KEY_MIN];
    struct place places[];
    /* and as many ids; 0: the place is free */
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_CHAR_LOCK_FREE == 2,
               "other processes see no lock of this one");
_Static_assert(sizeof(struct place) % sizeof(uint64_t) == 0, "ids follow the last place");

static _Atomic uint64_t *ids_of(const struct grants *t)
{
    return (_Atomic uint64_t *)(t->places + grants_capacity(t));
}

size_t grants_size(unsigned capacity)
{
    return sizeof(struct grants) + capacity * (sizeof(struct place) + sizeof(uint64_t));
}

bool grants_init(struct grants *t, unsigned capacity)
{
    if (!grants_is_new(t))
        return true;
    if (RAND_bytes(t->key, sizeof t->key) != 1)
        return false;
    atomic_store_explicit(&t->capacity, capacity, memory_order_release);
    return true;
}

bool grants_is_new(const struct grants *t)
{
    return grants_capacity(t) == 0;
}

struct grant_key grants_key(const struct grants *t)
{
    return (struct grant_key){t->key, sizeof t->key};
}

unsigned grants_capacity(const struct grants *t)
{
    return (unsigned)atomic_load_explicit(&t->capacity, memory_order_acquire);
}

/* -- reading ----------------------------------------------------------------------------------- */

static uint64_t get(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void set(_Atomic uint64_t *v, uint64_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

bool grants_at(const struct grants *t, unsigned at, struct grant *out)
{
    const struct place *p = &t->places[at];
    const uint64_t id = atomic_load_explicit(&ids_of(t)[at], memory_order_acquire);
    *out = (struct grant){
        .id = id,
        .created = get(&p->created),
        .expires = get(&p->expires),
        .revoked = get(&p->revoked),
        .uses = get(&p->uses),
        .last_used = get(&p->last_used),
    };
    const uint64_t n = get(&p->name_n);
    out->name_n = n < GRANT_NAME_MAX ? (size_t)n : GRANT_NAME_MAX;
    for (size_t i = 0; i < out->name_n; i++)
        out->name[i] = atomic_load_explicit(&p->name[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    return id && get(&ids_of(t)[at]) == id;
}

/* The place of an id; the capacity: it has none. */
static unsigned find(const struct grants *t, uint64_t id)
{
    const _Atomic uint64_t *ids = ids_of(t);
    const unsigned n = grants_capacity(t);
    unsigned i = 0;
    while (i < n && get(&ids[i]) != id)
        i++;
    return i;
}

/* "v1." and an id; the rest is compared. */
static bool id_in(struct weir_slice token, uint64_t *id)
{
    const struct weir_slice form = WEIR_SLICE("v1.");
    return slice_starts(token, form) && token.n < GRANT_TOKEN_MAX &&
           token.n > form.n + GRANT_ID_TEXT &&
           grant_id_parse((struct weir_slice){token.p + form.n, GRANT_ID_TEXT}, id);
}

/* An id that isn't there is a grant of nobody that has ended: its token is made, too. */
bool grants_verify(const struct grants *t, struct grant_key key, struct weir_slice token,
                   uint64_t now, struct grant *out)
{
    char expected[GRANT_TOKEN_MAX];
    uint64_t id;
    *out = (struct grant){0};
    if (!id_in(token, &id))
        return false;
    const unsigned at = find(t, id);
    const bool found = at < grants_capacity(t) && grants_at(t, at, out) && out->id == id;
    if (!found)
        *out = (struct grant){.id = id};
    const size_t n = grant_token(key, out, expected);
    return n && n == token.n && CRYPTO_memcmp(expected, token.p, n) == 0 && found &&
           grant_in_force(out, now);
}

/* A grant whose place goes to another one in just this moment has ended: its use is that one's. */
bool grants_use(struct grants *t, uint64_t id, uint64_t now)
{
    const unsigned at = find(t, id);
    if (at == grants_capacity(t))
        return false;
    struct place *p = &t->places[at];
    atomic_fetch_add_explicit(&p->uses, 1, memory_order_relaxed);
    if (get(&p->last_used) < now)
        set(&p->last_used, now);
    uint64_t told = get(&p->told);
    return (told == 0 || told + 60 <= now) &&
           atomic_compare_exchange_strong_explicit(&p->told, &told, now, memory_order_relaxed,
                                                   memory_order_relaxed);
}

/* -- writing ----------------------------------------------------------------------------------- */

bool grants_lock(struct grants *t, uint64_t now_ms)
{
    uint64_t since = get(&t->lock);
    if (since && now_ms < since + GRANTS_STUCK_MS)
        return false;
    return atomic_compare_exchange_strong_explicit(&t->lock, &since, now_ms ? now_ms : 1,
                                                   memory_order_acquire, memory_order_relaxed);
}

void grants_unlock(struct grants *t)
{
    atomic_store_explicit(&t->lock, 0, memory_order_release);
}

static void withdraw(struct grants *t, unsigned at)
{
    set(&ids_of(t)[at], 0);
    atomic_thread_fence(memory_order_release);
}

static void publish(struct grants *t, unsigned at, const struct grant *g)
{
    struct place *p = &t->places[at];
    withdraw(t, at);
    set(&p->created, g->created);
    set(&p->expires, g->expires);
    set(&p->revoked, g->revoked);
    set(&p->uses, g->uses);
    set(&p->last_used, g->last_used);
    set(&p->told, 0);
    set(&p->name_n, g->name_n);
    for (size_t i = 0; i < g->name_n; i++)
        atomic_store_explicit(&p->name[i], g->name[i], memory_order_relaxed);
    atomic_store_explicit(&ids_of(t)[at], g->id, memory_order_release);
}

static uint64_t end_of(const struct grant *g)
{
    return g->revoked && g->revoked < g->expires ? g->revoked : g->expires;
}

/* The best place: a free one, else that of the grant that has ended first; the capacity: none. */
static unsigned find_room(const struct grants *t, uint64_t now)
{
    const unsigned n = grants_capacity(t);
    unsigned best = n;
    uint64_t best_end = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        struct grant g;
        if (!grants_at(t, i, &g))
            return i;
        if (!grant_in_force(&g, now) && end_of(&g) < best_end) {
            best = i;
            best_end = end_of(&g);
        }
    }
    return best;
}

bool grants_add(struct grants *t, const struct grant *g, uint64_t now)
{
    const unsigned at = find_room(t, now);
    if (at == grants_capacity(t))
        return false;
    publish(t, at, g);
    return true;
}

void grants_remove(struct grants *t, uint64_t id)
{
    const unsigned at = find(t, id);
    if (at < grants_capacity(t))
        withdraw(t, at);
}

bool grants_revoke(struct grants *t, uint64_t id, uint64_t now)
{
    struct grant g;
    const unsigned at = find(t, id);
    if (at == grants_capacity(t) || !grants_at(t, at, &g) || !grant_in_force(&g, now))
        return false;
    atomic_store_explicit(&t->places[at].revoked, now, memory_order_release);
    return true;
}
