/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of requests. A cookie's value means nothing but its hash: it is no secret, it need not be
 * unguessable, and a client that changes it only goes elsewhere. */
#include "core/pick_key.h"

#include <inttypes.h>

#include "core/exchange.h"
#include "core/identity.h"
#include "http/query.h"

/* The made cookie's value, or nothing when the cluster makes none. Copies of requests have nobody
 * to give it to. */
static bool make_cookie(struct exchange *x, struct slice *value)
{
    const struct hash_conf *h = &x->plan.cluster->conf->hash;
    if (!h->cookie.ttl || x->shadow)
        return false;
    x->plan.made_cookie =
        slice_str(arena_printf(&x->arena, "%016" PRIx64, random_u64(&x->w->random)));
    *value = x->plan.made_cookie;
    return true;
}

static bool key_text(struct exchange *x, const struct hash_conf *h, struct slice *value)
{
    const struct field *f;
    switch (h->by) {
    case HASH_BY_HEADER:
        f = fields_find(&x->request.fields, h->header);
        *value = f ? f->value : SLICE("");
        return f != NULL;
    case HASH_BY_COOKIE:
        return cookie_find(&x->request.fields, h->cookie.name, value) || make_cookie(x, value);
    case HASH_BY_QUERY:
        return query_find(x->target.query, h->query, &x->arena, value);
    case HASH_BY_SOURCE:
        *value = slice_of((const char *)x->source.b, sizeof x->source.b);
        return true;
    case HASH_BY_IDENTITY:
        *value = x->identity ? x->identity->subject : SLICE("");
        return x->identity != NULL;
    default:
        return false;
    }
}

bool pick_key(struct exchange *x, uint64_t *hash)
{
    struct plan *p = &x->plan;
    struct slice value;
    if (p->keyed_for != p->cluster) {
        p->keyed_for = p->cluster;
        p->made_cookie = SLICE("");
        p->keyed = key_text(x, &p->cluster->conf->hash, &value);
        p->key = p->keyed ? hash_key(value) : 0;
    }
    *hash = p->key;
    return p->keyed;
}

void pick_key_tell(struct exchange *x)
{
    const struct plan *p = &x->plan;
    if (likely(!p->made_cookie.n))
        return;
    const struct hash_conf *h = &p->cluster->conf->hash;
    const bool secure = slice_eq(x->scheme, SLICE("https"));
    const char *text = arena_printf(
        &x->arena, "%.*s=%.*s; Path=%.*s; Max-Age=%" PRIu64 "; HttpOnly; SameSite=Lax%s",
        SLICE_ARG(h->cookie.name), SLICE_ARG(p->made_cookie), SLICE_ARG(h->cookie.path),
        (h->cookie.ttl + 999) / 1000, secure ? "; Secure" : "");
    fields_add(&x->reply.fields, &x->arena, SLICE("set-cookie"), slice_str(text));
}
