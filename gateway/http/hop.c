/* SPDX-License-Identifier: Apache-2.0 */
/* What one hop says to the next and what goes on to the far end. Connection lets a sender name
 * further fields that end here; an attacker uses that to make a proxy drop what the backend
 * relies on ("Connection: authorization, x-forwarded-for"). So a name that the gateway knows can't
 * be named away: it is either one of HOP below, or end-to-end. Only names unknown to it can.
 *
 * The cost is one test of a bit per field; names are compared only if Connection has a member
 * that the gateway doesn't know. The parser bounds how many members that can be. */

#include "http/hop.h"

#define BIT(t) ((uint64_t)1 << TOKEN_##t)

_Static_assert(TOKEN_N <= 64, "sets of tokens are masks of 64 bits");

/* End here, named by Connection or not. */
static const uint64_t hop_tokens = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                                   BIT(TE) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE) |
                                   BIT(HTTP2_SETTINGS) | BIT(CONTENT_LENGTH);

/* Does `options` (a Connection value) have `name`; or, when name.p is NULL, any unknown name? */
static bool list_names(struct slice options, struct slice name)
{
    for (struct slice rest = options; rest.p;) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (name.p ? slice_ieq(one, name)
                   : one.n && token_of(one) == TOKEN_OTHER && !slice_ieq(one, SLICE("close")))
            return true;
    }
    return false;
}

static bool connection_names(const struct fields *f, struct slice name)
{
    const struct field *c = fields_find_token(f, TOKEN_CONNECTION);
    for (; c; c = fields_next(f, c))
        if (list_names(c->value, name))
            return true;
    return false;
}

void hop_strip(const struct fields *in, struct fields *out, struct arena *a, uint16_t spare)
{
    must((uint32_t)in->n + spare <= UINT16_MAX);
    fields_init(out, a, (uint16_t)(in->n + spare));
    out->absent = in->absent | hop_tokens;
    bool named = connection_names(in, slice_of(NULL, 0));
    for (uint16_t i = 0; i < in->n; i++) {
        const struct field *f = &in->v[i];
        if ((hop_tokens >> f->token) & 1)
            continue;
        if (unlikely(named) && f->token == TOKEN_OTHER && connection_names(in, f->name))
            continue;
        out->v[out->n++] = *f;
    }
}

/* -- trailers --------------------------------------------------------------------------------- */
/* Of the names that the gateway knows, these mean the same behind the content as before it. All
 * others frame, route, authenticate, or change how the content is to be read. */
static const uint64_t trailer_tokens = BIT(ETAG) | BIT(LAST_MODIFIED) | BIT(PRIORITY) | BIT(SERVER);

/* Unknown to the gateway, but recipients that merge trailers into the head act on them. */
static const struct slice refused[] = {
    SLICE_INIT("accept-ranges"),
    SLICE_INIT("clear-site-data"),
    SLICE_INIT("expires"),
    SLICE_INIT("pragma"),
    SLICE_INIT("range"),
    SLICE_INIT("status"),
    SLICE_INIT("strict-transport-security"),
    SLICE_INIT("warning"),
    SLICE_INIT("www-authenticate"),
};
/* The digests of RFC 9530 are made for trailers: "content-" but for "content-digest". */
static const struct slice refused_prefixes[] = {
    SLICE_INIT("access-control-"), SLICE_INIT("content-"),      SLICE_INIT("if-"),
    SLICE_INIT("proxy-"),          SLICE_INIT("sec-"),          SLICE_INIT("x-forwarded-"),
    SLICE_INIT("x-real-"),         SLICE_INIT("x-http-method"),
};

bool hop_trailer_ok(const struct field *f)
{
    if (f->token != TOKEN_OTHER)
        return (trailer_tokens >> f->token) & 1;
    if (slice_ieq(f->name, SLICE("content-digest")))
        return true;
    for (size_t i = 0; i < array_n(refused); i++)
        if (slice_ieq(f->name, refused[i]))
            return false;
    for (size_t i = 0; i < array_n(refused_prefixes); i++) {
        struct slice prefix = refused_prefixes[i];
        if (f->name.n >= prefix.n && slice_ieq(slice_of(f->name.p, prefix.n), prefix))
            return false;
    }
    return true;
}
