/* SPDX-License-Identifier: Apache-2.0 */
/* A request whose key is there is placed by its bucket, and takes no ticket: so users stay where
 * they are, and tickets divide exactly what has no key. A client that gets a cookie is placed by
 * the id in it at once, so that its first request goes where the later ones will. */
#include "canary/choose.h"

#include "common/slice.h"

static struct weir_slice find_key(struct weir_exchange *x, const struct canary *c,
                                  struct choice *out);
static bool place(const struct canary *c, struct weir_slice key, struct choice *out);
static bool issue(struct weir_exchange *x, const struct canary *c, struct choice *out);
static void take(const struct canary *c, struct choice *out);

void canary_choose(struct weir_exchange *x, const struct canary *c, struct choice *out)
{
    const struct weir_slice key = find_key(x, c, out);
    out->by = c->sticky.kind;
    out->counted = true;
    if (key.n && place(c, key, out))
        return;
    if (c->sticky.kind == STICKY_COOKIE && c->cookie.issue && !key.n && issue(x, c, out))
        return;
    take(c, out);
}

/* -- tickets --------------------------------------------------------------------------------- */

static void take(const struct canary *c, struct choice *out)
{
    out->by = STICKY_NONE;
    if (c->lease && split_lease_take(c->lease, c->cell, &out->ref))
        return;
    out->unleased = c->lease != NULL;
    out->counted = split_cell_take(c->cell, &out->ref);
    if (!out->counted)
        out->ref = (struct split_ref){.variant = (uint8_t)c->primary};
}

/* -- keys ------------------------------------------------------------------------------------ */

static struct weir_slice cookie_key(struct weir_exchange *x, const struct canary *c,
                                    struct choice *out)
{
    struct weir_slice value = weir_cookie(x, c->sticky.name), id = {NULL, 0};
    if (!c->cookie.is_signed || !value.n)
        return value;
    out->bad_cookie = !cookie_verify(c->key, c->sticky.name, value, &id);
    return id;
}

/* A subject is one only among those of the same issuer. */
static struct weir_slice identity_key(struct weir_exchange *x)
{
    const struct weir_identity *id = weir_identity(x);
    if (!id || !id->subject.n)
        return (struct weir_slice){NULL, 0};
    return weir_printf(x, "%.*s\n%.*s", SLICE_ARG(id->issuer), SLICE_ARG(id->subject));
}

/* Absent or empty: the request has none. */
static struct weir_slice find_key(struct weir_exchange *x, const struct canary *c,
                                  struct choice *out)
{
    switch (c->sticky.kind) {
    case STICKY_COOKIE:
        return cookie_key(x, c, out);
    case STICKY_HEADER:
        return weir_field(x, WEIR_REQUEST, &c->sticky_field);
    case STICKY_QUERY:
        return weir_query_param(x, c->sticky.name);
    case STICKY_SOURCE:
        return weir_source(x);
    case STICKY_IDENTITY:
        return identity_key(x);
    case STICKY_CLAIM:
        return weir_claim(x, c->sticky.name, 0);
    default:
        return (struct weir_slice){NULL, 0};
    }
}

/* -- places ---------------------------------------------------------------------------------- */

static bool place(const struct canary *c, struct weir_slice key, struct choice *out)
{
    unsigned bucket;
    uint64_t mark;
    if (!bucket_of(c->hash, key, &bucket, &mark) || !split_cell_place(c->cell, bucket, &out->ref))
        return false;
    split_cell_user(c->cell, out->ref, mark);
    return true;
}

static bool issue(struct weir_exchange *x, const struct canary *c, struct choice *out)
{
    char *value = weir_alloc(x, COOKIE_SIGNED);
    char id[COOKIE_ID];
    size_t n = COOKIE_ID;
    if (!cookie_new_id(id))
        return false;
    memcpy(value, id, COOKIE_ID);
    if (c->cookie.is_signed) {
        n = COOKIE_SIGNED;
        if (!cookie_sign(c->key, c->sticky.name, id, value))
            return false;
    }
    if (!place(c, (struct weir_slice){value, COOKIE_ID}, out))
        return false;
    out->issue = (struct weir_slice){value, n};
    return true;
}
