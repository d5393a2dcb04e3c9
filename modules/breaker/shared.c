/* SPDX-License-Identifier: Apache-2.0 */
/* Which circuits are shared. With each tick the list is made anew from the one before it, in the
 * order in which breakers and endpoints are found; what is left of the old one is gone. The order
 * hardly ever changes, so each is found at once. */
#include "breaker/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/slice.h"

enum { NAME_MAX_LEN = 200 }; /* <weir/fleet.h> */

struct lists {
    struct breaker_local *local;
    struct shared_circuit *old, **end;
};

static bool is_it(const struct shared_circuit *s, const struct breaker *b, weir_slot slot,
                  struct weir_slice endpoint)
{
    return s->b == b && s->slot == slot && slice_eq(s->endpoint, endpoint);
}

static struct shared_circuit *take_old(struct lists *l, const struct breaker *b, weir_slot slot,
                                       struct weir_slice endpoint)
{
    struct shared_circuit **at = &l->old;
    while (*at && !is_it(*at, b, slot, endpoint))
        at = &(*at)->next;
    struct shared_circuit *found = *at;
    if (found)
        *at = found->next;
    return found;
}

/* "cluster/reviews", "cluster/reviews/10.0.0.1:9080", "route/shop" */
static struct weir_slice print_name(char to[NAME_MAX_LEN + 2], const struct breaker *b,
                                    struct weir_slice endpoint)
{
    const int n = snprintf(to, NAME_MAX_LEN + 2, "%s/%.*s%s%.*s", b->is_route ? "route" : "cluster",
                           SLICE_ARG(b->owner), endpoint.n ? "/" : "", SLICE_ARG(endpoint));
    return (struct weir_slice){to, n < NAME_MAX_LEN + 2 ? (size_t)n : NAME_MAX_LEN + 1};
}

static struct shared_circuit *make(struct lists *l, const struct breaker *b, weir_slot slot,
                                   struct weir_slice endpoint)
{
    char name[NAME_MAX_LEN + 2];
    struct shared_circuit *s = calloc(1, sizeof *s + endpoint.n);
    if (!s)
        return NULL;
    if (endpoint.n)
        memcpy(s + 1, endpoint.p, endpoint.n);
    s->process = l->local->process;
    s->b = b;
    s->slot = slot;
    s->endpoint = (struct weir_slice){(const char *)(s + 1), endpoint.n};
    breaker_circuit_at(b, slot, &s->circuit);
    shared_circuit_open(s, print_name(name, b, endpoint));
    return s;
}

static void keep(struct lists *l, const struct breaker *b, weir_slot slot,
                 struct weir_slice endpoint)
{
    struct circuit c;
    if (!breaker_circuit_at(b, slot, &c))
        return;
    struct shared_circuit *s = take_old(l, b, slot, endpoint);
    if (!s)
        s = make(l, b, slot, endpoint);
    if (!s)
        return;
    s->next = NULL;
    *l->end = s;
    l->end = &s->next;
}

static void keep_all(struct lists *l, const struct breaker *b)
{
    static const struct weir_slice nobody = {NULL, 0};
    struct weir_endpoint_info e;
    if (!b->per_endpoint) {
        keep(l, b, WEIR_NO_SLOT, nobody);
        return;
    }
    for (size_t at = 0; weir_endpoint_each(l->local->process, b->cluster, &at, &e);)
        keep(l, b, e.slot, e.name);
}

static void close_all(struct shared_circuit *first)
{
    for (struct shared_circuit *s = first, *next; s; s = next) {
        next = s->next;
        shared_circuit_close(s);
        free(s);
    }
}

/* Circuits of one breaker stand together, in the order of breakers. */
static void count_led(const struct breaker_local *local)
{
    const struct shared_circuit *s = local->shared;
    for (const struct breaker *b = local->global->first; b; b = b->next) {
        uint32_t n = 0;
        for (; s && s->b == b; s = s->next)
            n += s->led;
        if (b->led)
            atomic_store(b->led, n);
    }
}

void shared_tick(struct breaker_local *local)
{
    if (!weir_fleet(local->process))
        return;
    struct lists l = {.local = local, .old = local->shared, .end = &local->shared};
    local->shared = NULL;
    for (const struct breaker *b = local->global->first; b; b = b->next)
        if (b->circuit.machine.shared)
            keep_all(&l, b);
    close_all(l.old);
    for (struct shared_circuit *s = local->shared; s; s = s->next)
        shared_circuit_tick(s);
    count_led(local);
}

void shared_end(struct breaker_local *local)
{
    close_all(local->shared);
    local->shared = NULL;
}

const struct shared_circuit *shared_find(const struct breaker_local *local, const struct breaker *b,
                                         weir_slot slot)
{
    const struct shared_circuit *s = local ? local->shared : NULL;
    while (s && (s->b != b || s->slot != slot))
        s = s->next;
    return s;
}
