/* SPDX-License-Identifier: Apache-2.0 */
/* What a split would do with a request that an operator describes: where its user is placed, or the
 * odds of a ticket. Takes none. */
#include "canary/explain.h"

#include <stdio.h>

#include "canary/canary.h"
#include "common/slice.h"

enum { MILLION = 1000000, KEY_MAX = 1024 };

/* What choose.c would find in a real request; a signed cookie counts when its signature does. */
static struct weir_slice find_key(const struct weir_explain *e, const struct canary *c,
                                  char memory[KEY_MAX])
{
    struct weir_slice key = {NULL, 0}, id, issuer;
    int n;
    switch (c->sticky.kind) {
    case STICKY_COOKIE:
        key = weir_explain_cookie(e, c->sticky.name.p);
        if (c->cookie.is_signed && key.n)
            key =
                cookie_verify(c->key, c->sticky.name, key, &id) ? id : (struct weir_slice){NULL, 0};
        return key;
    case STICKY_HEADER:
        return weir_explain_field(e, c->sticky.name.p);
    case STICKY_QUERY:
        return weir_explain_query(e, c->sticky.name.p);
    case STICKY_SOURCE:
        return weir_explain_source(e);
    case STICKY_CLAIM:
        return weir_explain_claim(e, c->sticky.name.p, 0);
    case STICKY_IDENTITY:
        id = weir_explain_claim(e, "sub", 0);
        issuer = weir_explain_claim(e, "iss", 0);
        n = snprintf(memory, KEY_MAX, "%.*s\n%.*s", SLICE_ARG(issuer), SLICE_ARG(id));
        return id.n && n > 0 && n < KEY_MAX ? (struct weir_slice){memory, (size_t)n} : key;
    default:
        return key;
    }
}

static void choose(struct weir_explain *e, const struct variant *v, uint32_t millionths)
{
    weir_explain_choice(e, v->cluster, v->name, millionths);
}

static bool say_place(struct weir_explain *e, const struct canary *c, const struct split_view *view)
{
    char memory[KEY_MAX];
    struct split_ref ref;
    unsigned bucket;
    uint64_t mark;
    const struct weir_slice key = find_key(e, c, memory);
    if (!key.n || !bucket_of(c->hash, key, &bucket, &mark) ||
        !split_cell_place(c->cell, bucket, &ref))
        return false;
    const struct variant *v = &c->variants[ref.variant];
    weir_explain_say(e, "its user, by %.*s, is in bucket %u of %u, which is %.*s's, as %.4g%% are",
                     SLICE_ARG(c->sticky_text), bucket, (unsigned)BUCKETS, SLICE_ARG(v->name),
                     100.0 * view->variants[ref.variant].buckets / BUCKETS);
    for (size_t i = 0; i < view->n; i++)
        choose(e, &c->variants[i], &c->variants[i] == v ? MILLION : 0);
    return true;
}

/* The last variant that has any gets what rounding leaves. */
static void say_odds(struct weir_explain *e, const struct canary *c, const struct split_view *view)
{
    uint64_t sum = 0, given = 0;
    size_t last = 0;
    for (size_t i = 0; i < view->n; i++) {
        sum += view->variants[i].weight;
        last = view->variants[i].weight ? i : last;
    }
    for (size_t i = 0; sum && i < view->n; i++) {
        const struct split_variant *s = &view->variants[i];
        const uint64_t part = s->weight * (uint64_t)MILLION / sum;
        const uint64_t odds = i == last ? MILLION - given : part;
        given += part;
        weir_explain_say(e, "%.*s has a weight of %g, and has got %llu of %llu tickets",
                         SLICE_ARG(c->variants[i].name), weight_number(s->weight, view->decimals),
                         (unsigned long long)s->assigned, (unsigned long long)view->position);
        choose(e, &c->variants[i], s->weight ? (uint32_t)odds : 0);
    }
}

void canary_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct canary *c = u->conf;
    struct split_view view;
    if (!split_cell_view(c->cell, weir_wall_us(weir_explain_process(e)), &view)) {
        weir_explain_say(e, "weights are being changed: ask again");
        return;
    }
    if (say_place(e, c, &view))
        return;
    if (c->sticky.kind != STICKY_NONE)
        weir_explain_say(e, "it has nothing that tells users apart (%.*s): it takes a ticket",
                         SLICE_ARG(c->sticky_text));
    say_odds(e, c, &view);
}
