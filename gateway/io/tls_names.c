/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates a server name gets: the exact name first, then the wildcard of its parent
 * ("*.example.com" is for one label), then the default, which is what the first certificate of the
 * listener is for. One name may have one certificate of each key type; of two of one type the
 * first in the file wins, with a warning.
 *
 * Exact names hide wildcards: a name that has an RSA certificate of its own doesn't get the ECDSA
 * one of the wildcard beside it. */
#include "io/tls_parts.h"

static struct tls_choice *choice_for(struct tls_names *t, struct slice name);
static void give(struct tls_choice *c, const struct tls_identity *ids, size_t i, size_t *rival,
                 struct faults *faults);
static void choose_fallback(struct tls_names *t, const struct tls_identity *ids, size_t n,
                            struct faults *faults);

static bool is_wild(struct slice name)
{
    return slice_starts(name, SLICE("*."));
}

static void clear(struct tls_choice *c, struct slice name)
{
    *c = (struct tls_choice){.name = name};
    for (int t = 0; t < TLS_KEY_TYPES; t++)
        c->ids[t] = -1;
}

void tls_names_build(struct tls_names *t, const struct tls_identity *ids, size_t n, struct arena *a,
                     struct faults *faults)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        most += ids[i].names.n;
    *t = (struct tls_names){.list = ARENA_ARRAY(a, struct tls_choice, most ? most : 1)};
    map_init(&t->exact);
    map_init(&t->wild);
    for (size_t i = 0; i < n; i++) {
        size_t rival = i;
        for (size_t k = 0; k < ids[i].names.n; k++)
            give(choice_for(t, ids[i].names.v[k]), ids, i, &rival, faults);
    }
    choose_fallback(t, ids, n, faults);
}

void tls_names_fini(struct tls_names *t)
{
    map_fini(&t->exact);
    map_fini(&t->wild);
}

const struct tls_choice *tls_names_find(const struct tls_names *t, struct slice name)
{
    const struct tls_choice *c = map_find(&t->exact, name);
    const size_t dot = slice_find(name, '.');
    return c || dot == 0 || dot == name.n ? c : map_find(&t->wild, slice_from(name, dot));
}

bool tls_names_cover(const struct texts *own, struct slice name)
{
    const struct slice parent = slice_from(name, slice_find(name, '.'));
    for (size_t i = 0; i < own->n; i++)
        if (slice_eq(own->v[i], name) || (!is_wild(name) && parent.n && is_wild(own->v[i]) &&
                                          slice_eq(slice_from(own->v[i], 1), parent)))
            return true;
    return false;
}

static struct tls_choice *choice_for(struct tls_names *t, struct slice name)
{
    struct map *m = is_wild(name) ? &t->wild : &t->exact;
    const struct slice key = is_wild(name) ? slice_from(name, 1) : name;
    struct tls_choice *c = map_find(m, key);
    if (c)
        return c;
    c = &t->list[t->n++];
    clear(c, name);
    map_set(m, key, c);
    return c;
}

/* `rival`: of which certificate it was last said that it wins over this one. */
static void give(struct tls_choice *c, const struct tls_identity *ids, size_t i, size_t *rival,
                 struct faults *faults)
{
    int *slot = &c->ids[ids[i].type];
    if (*slot < 0)
        *slot = (int)i;
    if ((size_t)*slot == i || (size_t)*slot == *rival)
        return;
    *rival = (size_t)*slot;
    const struct tls_say say = {faults, &ids[i].conf->place};
    tls_warn(&say, "certificate %s: %s has an %s certificate already, which wins: %s",
             ids[i].conf->certificate.p, c->name.n ? c->name.p : "the default",
             tls_key_type_name(ids[i].type), ids[*rival].conf->certificate.p);
}

static void choose_fallback(struct tls_names *t, const struct tls_identity *ids, size_t n,
                            struct faults *faults)
{
    clear(&t->fallback, slice_of("", 0));
    if (n && ids[0].names.n) {
        const struct tls_choice *first = choice_for(t, ids[0].names.v[0]);
        memcpy(t->fallback.ids, first->ids, sizeof first->ids);
    }
    for (size_t i = 0; i < n; i++) {
        const struct tls_say say = {faults, &ids[i].conf->place};
        size_t rival = i;
        if (ids[i].names.n)
            continue;
        if (ids[0].names.n)
            tls_warn(&say, "certificate %s: it has no DNS name, so no client gets it",
                     ids[i].conf->certificate.p);
        else
            give(&t->fallback, ids, i, &rival, faults);
    }
}
