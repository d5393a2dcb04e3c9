/* SPDX-License-Identifier: Apache-2.0 */
/* Claims by name. An identity has a dozen of them, so a look-up is a walk. */

#include "core/identity.h"

static const struct slice none = {0};

static struct slice present(struct slice value)
{
    return value.p ? value : SLICE("");
}

/* The text that stands for a claim of its own in struct identity; NULL: there is none for it. */
static const struct slice *standing_for(const struct identity *id, struct slice name)
{
    if (slice_eq(name, SLICE("sub")))
        return &id->subject;
    return slice_eq(name, SLICE("iss")) ? &id->issuer : NULL;
}

struct slice identity_claim(const struct identity *id, struct slice name, size_t nth)
{
    if (!id)
        return none;
    const struct slice *own = standing_for(id, name);
    if (own)
        return nth == 0 && own->n ? *own : none;
    for (const struct claim *c = id->claims; c < id->claims + id->claims_n; c++)
        if (slice_eq(c->name, name) && nth-- == 0)
            return present(c->value);
    return none;
}

static struct slice join(const struct identity *id, struct slice name, size_t n, struct arena *a)
{
    char *all = arena_alloc(a, n), *end = all;
    bool first = true;

    for (const struct claim *c = id->claims; c < id->claims + id->claims_n; c++) {
        if (!slice_eq(c->name, name))
            continue;
        if (!first)
            *end++ = ',';
        first = false;
        if (c->value.n)
            end = mempcpy(end, c->value.p, c->value.n);
    }
    return slice_between(all, end);
}

struct slice identity_claim_all(const struct identity *id, struct slice name, struct arena *a)
{
    size_t values = 0, n = 0;

    if (!id || standing_for(id, name))
        return identity_claim(id, name, 0);
    for (const struct claim *c = id->claims; c < id->claims + id->claims_n; c++) {
        if (!slice_eq(c->name, name))
            continue;
        values++;
        n += c->value.n + 1;
    }
    return values > 1 ? join(id, name, n, a) : identity_claim(id, name, 0);
}
