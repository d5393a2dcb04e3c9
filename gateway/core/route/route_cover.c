/* SPDX-License-Identifier: Apache-2.0 */
/* Which routes can never match: who is covered by whom.
 *
 * Comparing every pair of a leaf would take quadratic time, so each route that isn't covered is
 * kept in an index under one of its conditions, and a route is compared only with those that are
 * kept under conditions which follow from its own:
 *
 *     kept under      exact, regex, absent: the whole condition, which only follows from itself
 *                     prefix, suffix, present: kind and name, as they follow from others too
 *                     no condition on a value: "bare"
 *
 * Among the conditions of a route the one with the smallest bucket is taken, so that a condition
 * that thousands of routes share doesn't become the one they are all kept under. */

#include "core/route/route_cover.h"

struct cover_bucket {
    const struct route_entry **v; /* in the arena */
    uint32_t n, cap;
};

static const struct route_entry *find_covering(struct cover *cv, const struct cover_index *index,
                                               const struct route_entry *b);
static void keep(struct cover *cv, struct cover_index *index, const struct route_entry *a);

static void index_init(struct cover_index *index)
{
    map_init(&index->by_condition);
    index->bare = NULL;
}

void cover_init(struct cover *cv, const struct router *r)
{
    *cv = (struct cover){.router = r};
    arena_init(&cv->arena, NULL, 0);
    cv->tally = ARENA_ARRAY(&cv->arena, struct cover_tally, r->entries_n);
    index_init(&cv->wide);
}

void cover_fini(struct cover *cv)
{
    map_fini(&cv->wide.by_condition);
    arena_fini(&cv->arena);
}

void cover_host(struct cover *cv)
{
    map_fini(&cv->wide.by_condition);
    index_init(&cv->wide);
}

/* Does this path condition take every path? */
static bool is_wide(enum path_form form, struct slice path)
{
    return form == PATH_ANY || (form == PATH_PREFIX && slice_eq(path, SLICE("/"))) ||
           (form == PATH_REGEX && slice_eq(path, SLICE(".*")));
}

void cover_leaf(struct cover *cv, enum path_form form, struct slice path,
                const struct path_routes *leaf)
{
    const bool wide = is_wide(form, path), after_wide = wide || form == PATH_REGEX;
    struct cover_index own;
    index_init(&own);

    for (uint32_t i = 0; i < leaf->n; i++) {
        const struct route_entry *b = leaf_entry(cv->router, leaf, i), *a = NULL;
        struct cover_tally *t = &cv->tally[b->route.index];
        if (after_wide)
            a = find_covering(cv, &cv->wide, b);
        if (!a)
            a = find_covering(cv, &own, b);
        t->leaves++;
        t->covered += a != NULL;
        if (!t->by)
            t->by = a;
        if (!a && (wide || i + 1 < leaf->n)) /* nobody would ask for the last one */
            keep(cv, wide ? &cv->wide : &own, b);
    }
    map_fini(&own.by_condition);
}

void cover_report(const struct cover *cv, struct faults *faults)
{
    for (size_t i = 0; i < cv->router->entries_n; i++) {
        const struct cover_tally *t = &cv->tally[i];
        if (t->leaves == 0 || t->covered < t->leaves)
            continue;
        const struct route *b = &cv->router->entries[i].route, *a = &t->by->route;
        faults_warn(
            faults, b->conf->place.file, b->conf->place.line,
            "route \"%.*s\" can never match: route \"%.*s\" (%.*s) ranks before it and takes "
            "every request that it would",
            SLICE_ARG(b->name), SLICE_ARG(a->name), SLICE_ARG(a->place));
    }
}

/* -- the index --------------------------------------------------------------------------------- */

static bool is_rigid(const struct condition *c)
{
    return c->form == MATCH_EXACT || c->form == MATCH_REGEX || c->form == MATCH_ABSENT;
}

/* The key under which a condition is kept, or, with `whole` false, kind and name alone. */
static struct slice key_of(struct arena *a, const struct condition *c, bool whole)
{
    const size_t value_n = whole ? c->value.n : 0;
    char *key = arena_alloc(a, sizeof c->lookup + 1 + value_n), *p = key;
    p = mempcpy(p, &c->lookup, sizeof c->lookup);
    *p++ = whole ? (char)c->form : (char)-1;
    if (value_n)
        p = mempcpy(p, c->value.p, value_n);
    return slice_between(key, p);
}

static struct cover_bucket *bucket_of(struct cover *cv, struct cover_index *index,
                                      const struct condition *c)
{
    const struct slice key = key_of(&cv->arena, c, is_rigid(c));
    struct cover_bucket *b = map_find(&index->by_condition, key);
    if (!b) {
        b = ARENA_NEW(&cv->arena, struct cover_bucket);
        map_set(&index->by_condition, key, b);
    }
    return b;
}

static void keep(struct cover *cv, struct cover_index *index, const struct route_entry *a)
{
    struct cover_bucket *best = NULL;
    for (uint32_t i = 0; i < a->conditions.values_n; i++) {
        struct cover_bucket *b = bucket_of(cv, index, &a->conditions.values[i]);
        if (!best || b->n < best->n)
            best = b;
    }
    if (!best) {
        if (!index->bare)
            index->bare = ARENA_NEW(&cv->arena, struct cover_bucket);
        best = index->bare;
    }
    if (best->n == best->cap) {
        best->cap = best->cap ? best->cap * 2 : 4;
        const struct route_entry **v =
            ARENA_ARRAY(&cv->arena, const struct route_entry *, best->cap);
        if (best->n)
            memcpy(v, best->v, best->n * sizeof *v);
        best->v = v;
    }
    best->v[best->n++] = a;
}

/* -- covering ---------------------------------------------------------------------------------- */

/* Does `a` hold whenever `b` does? Both ask the same name. */
static bool value_follows(const struct condition *a, const struct condition *b)
{
    if (a->form == b->form && slice_eq(a->value, b->value))
        return true;
    if (a->form == MATCH_PRESENT)
        return b->form != MATCH_ABSENT;
    const bool exact = b->form == MATCH_EXACT;
    if (a->form == MATCH_PREFIX && (exact || b->form == MATCH_PREFIX))
        return slice_starts(b->value, a->value);
    if (a->form == MATCH_SUFFIX && (exact || b->form == MATCH_SUFFIX))
        return slice_ends(b->value, a->value);
    return false;
}

/* Does each of the `a` follow from one of the `b`? */
static bool all_follow(const struct condition *a, uint32_t a_n, const struct condition *b,
                       uint32_t b_n)
{
    for (uint32_t i = 0; i < a_n; i++) {
        uint32_t k = 0;
        while (k < b_n && !(a[i].lookup == b[k].lookup && value_follows(&a[i], &b[k])))
            k++;
        if (k == b_n)
            return false;
    }
    return true;
}

static bool values_follow(const struct conditions *a, const struct conditions *b)
{
    return all_follow(a->values, a->values_n, b->values, b->values_n);
}

/* One value that fulfils the condition of `b` fulfils that of `a`, whichever of several it is. */
static bool claims_follow(const struct conditions *a, const struct conditions *b)
{
    return all_follow(a->claims, a->claims_n, b->claims, b->claims_n);
}

static bool is_any_method(const struct conditions *cs)
{
    return !cs->methods && !cs->other_n;
}

static bool methods_follow(const struct conditions *a, const struct conditions *b)
{
    if (is_any_method(a))
        return true;
    if (is_any_method(b) || b->methods & ~a->methods)
        return false;
    for (uint32_t i = 0; i < b->other_n; i++) {
        uint32_t k = 0;
        while (k < a->other_n && !slice_eq(a->other[k], b->other[i]))
            k++;
        if (k == a->other_n)
            return false;
    }
    return true;
}

static bool listeners_follow(const struct conditions *a, const struct conditions *b,
                             size_t listeners_n)
{
    if (!a->listeners)
        return true;
    for (size_t i = 0; i < listeners_n; i++) {
        const bool in_b = !b->listeners || b->listeners[i / 64] >> i % 64 & 1;
        if (in_b && !(a->listeners[i / 64] >> i % 64 & 1))
            return false;
    }
    return true;
}

static bool is_within(const struct cidr *list, size_t n, const struct cidr *c)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].bits <= c->bits && cidr_has(&list[i], &c->ip))
            return true;
    return false;
}

static bool sources_follow(const struct conditions *a, const struct conditions *b)
{
    if (a->sources_n == 0)
        return true;
    for (size_t i = 0; i < b->sources_n; i++)
        if (!is_within(a->sources, a->sources_n, &b->sources[i]))
            return false;
    return b->sources_n > 0;
}

static bool covers(const struct cover *cv, const struct route_entry *a, const struct route_entry *b)
{
    return methods_follow(&a->conditions, &b->conditions) &&
           values_follow(&a->conditions, &b->conditions) &&
           claims_follow(&a->conditions, &b->conditions) &&
           listeners_follow(&a->conditions, &b->conditions, cv->router->listeners_n) &&
           sources_follow(&a->conditions, &b->conditions);
}

static const struct route_entry *find_in(const struct cover *cv, const struct cover_bucket *bucket,
                                         const struct route_entry *b, uint32_t *looks)
{
    for (uint32_t i = 0; bucket && i < bucket->n && *looks < COVER_LOOKS_MAX; i++, ++*looks)
        if (covers(cv, bucket->v[i], b))
            return bucket->v[i];
    return NULL;
}

static const struct route_entry *find_covering(struct cover *cv, const struct cover_index *index,
                                               const struct route_entry *b)
{
    uint32_t looks = 0;
    const struct route_entry *a = find_in(cv, index->bare, b, &looks);
    if (index->by_condition.n == 0)
        return a;
    for (uint32_t i = 0; !a && i < b->conditions.values_n; i++) {
        const struct condition *c = &b->conditions.values[i];
        if (is_rigid(c))
            a = find_in(cv, map_find(&index->by_condition, key_of(&cv->arena, c, true)), b, &looks);
        if (!a && c->form != MATCH_ABSENT)
            a = find_in(cv, map_find(&index->by_condition, key_of(&cv->arena, c, false)), b,
                        &looks);
    }
    return a;
}
