/* SPDX-License-Identifier: Apache-2.0 */
/* Heads as arrays of nghttp2_nv. Nothing is copied but numbers and names that have to change. */
#include "http/h2_head.h"

#define BIT(t) (UINT64_C(1) << TOKEN_##t)

/* Lines that are the writer's own, or no business of the next hop. */
static const uint64_t unwritten_tokens = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                                         BIT(TRANSFER_ENCODING) | BIT(UPGRADE) | BIT(TE) |
                                         BIT(HTTP2_SETTINGS) | BIT(CONTENT_LENGTH);
/* Never put into a table that a guess could be compared with (RFC 7541 7.1.3): secrets, on
 * connections that different users may share. */
static const uint64_t secret_tokens =
    BIT(AUTHORIZATION) | BIT(PROXY_AUTHORIZATION) | BIT(COOKIE) | BIT(SET_COOKIE);

static const uint8_t *bytes_of(struct slice s)
{
    return (const uint8_t *)(s.p ? s.p : "");
}

/* Names that are known are constants; a value lives as long as the head it is of. */
static nghttp2_nv *put_nv(nghttp2_nv *nv, struct slice name, struct slice value)
{
    *nv = (nghttp2_nv){
        .name = (uint8_t *)bytes_of(name),
        .value = (uint8_t *)bytes_of(value),
        .namelen = name.n,
        .valuelen = value.n,
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    };
    return nv + 1;
}

static nghttp2_nv *put_number(nghttp2_nv *nv, struct slice name, uint64_t v, struct arena *a)
{
    char *const digits = arena_alloc(a, 20), *p = digits + 20;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return put_nv(nv, name, slice_between(p, digits + 20));
}

/* RFC 9113 8.2.1. Known names have their spelling in a table; others are copied only to change it. */
static struct slice lower(const struct field *f, struct arena *a)
{
    if (f->token != TOKEN_OTHER)
        return token_name((enum token)f->token);
    size_t i = 0;
    while (i < f->name.n && f->name.p[i] == ascii_lower(f->name.p[i]))
        i++;
    if (i == f->name.n)
        return f->name;
    char *p = arena_alloc(a, f->name.n);
    for (i = 0; i < f->name.n; i++)
        p[i] = ascii_lower(f->name.p[i]);
    return slice_of(p, f->name.n);
}

static nghttp2_nv *put_fields(nghttp2_nv *nv, const struct fields *f, uint64_t without,
                              struct arena *a)
{
    for (uint16_t i = 0; i < f->n; i++) {
        const struct field *one = &f->v[i];
        if ((without >> one->token) & 1)
            continue;
        nv = put_nv(nv, lower(one, a), one->value);
        if (one->token == TOKEN_OTHER)
            nv[-1].flags &= (uint8_t)~NGHTTP2_NV_FLAG_NO_COPY_NAME;
        if ((secret_tokens >> one->token) & 1)
            nv[-1].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    }
    return nv;
}

size_t h2_write_request(nghttp2_nv *nv, const struct h2_out_request *how, const struct fields *f,
                        struct arena *a)
{
    nghttp2_nv *p = nv;
    p = put_nv(p, SLICE(":method"), how->method);
    p = put_nv(p, SLICE(":scheme"), how->scheme);
    const struct slice host = fields_get_token(f, TOKEN_HOST);
    if (host.n)
        p = put_nv(p, SLICE(":authority"), host);
    p = put_nv(p, SLICE(":path"), how->target);
    if (how->protocol.n)
        p = put_nv(p, SLICE(":protocol"), how->protocol);
    if (how->write_length)
        p = put_number(p, SLICE("content-length"), how->content_length, a);
    if (how->te_trailers)
        p = put_nv(p, SLICE("te"), SLICE("trailers"));
    p = put_fields(p, f, unwritten_tokens | BIT(HOST), a);
    return (size_t)(p - nv);
}

size_t h2_write_response(nghttp2_nv *nv, uint16_t status, bool write_length,
                         uint64_t content_length, const struct fields *f, struct arena *a)
{
    nghttp2_nv *p = put_number(nv, SLICE(":status"), status, a);
    if (write_length)
        p = put_number(p, SLICE("content-length"), content_length, a);
    p = put_fields(p, f, unwritten_tokens, a);
    return (size_t)(p - nv);
}

size_t h2_write_trailers(nghttp2_nv *nv, const struct fields *f, struct arena *a)
{
    return (size_t)(put_fields(nv, f, unwritten_tokens, a) - nv);
}
