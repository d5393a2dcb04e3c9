/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "the request": what was asked for, by whom, and memory for the exchange. */
#include "core/module/module_api.h"

#include "core/forward.h"
#include "core/log/template.h"
#include "http/query.h"
#include "io/tls.h"

struct weir_slice weir_method(const struct weir_exchange *x)
{
    return slice_or_absent(exchange_of(x)->request.method);
}

bool weir_idempotent(const struct weir_exchange *x)
{
    return method_is_idempotent(exchange_of(x)->request.method_id);
}

struct weir_slice weir_scheme(const struct weir_exchange *x)
{
    return slice_out(exchange_of(x)->scheme);
}

struct weir_slice weir_host(const struct weir_exchange *x)
{
    return slice_or_absent(exchange_of(x)->host.name);
}

struct weir_slice weir_path(const struct weir_exchange *x)
{
    return slice_or_absent(exchange_of(x)->target.path);
}

struct weir_slice weir_query(const struct weir_exchange *x)
{
    return slice_or_absent(exchange_of(x)->target.query);
}

struct weir_slice weir_request_id(const struct weir_exchange *x)
{
    return slice_or_absent(exchange_of(x)->request_id);
}

struct weir_slice weir_source(struct weir_exchange *wx)
{
    struct exchange *x = exchange_of(wx);
    char text[ADDR_TEXT_MAX];
    return slice_out(arena_dup(&x->arena, slice_of(text, ip_print(&x->source, text))));
}

struct weir_slice weir_route_name(const struct weir_exchange *x)
{
    const struct route *route = exchange_of(x)->route;
    return slice_out(route ? route->name : slice_of(NULL, 0));
}

weir_route weir_route_of(const struct weir_exchange *x)
{
    const struct route *route = exchange_of(x)->route;
    return route ? (weir_route)route->index : WEIR_NO_ROUTE;
}

unsigned weir_http_version(const struct weir_exchange *x)
{
    const struct request_head *h = &exchange_of(x)->request;
    return h->major == 2 ? 20 : h->major * 10u + h->minor;
}

bool weir_peer_trusted(const struct weir_exchange *x)
{
    return forward_peer_trusted(exchange_of(x));
}

struct weir_slice weir_cookie(struct weir_exchange *x, struct weir_slice name)
{
    struct slice value;
    const bool found = cookie_find(&exchange_of(x)->request.fields, slice_in(name), &value);
    return found ? slice_there(value) : (struct weir_slice){NULL, 0};
}

struct weir_slice weir_query_param(struct weir_exchange *wx, struct weir_slice name)
{
    struct exchange *x = exchange_of(wx);
    struct slice value;
    const bool found = query_find(x->target.query, slice_in(name), &x->arena, &value);
    return found ? slice_there(value) : (struct weir_slice){NULL, 0};
}

_Static_assert(sizeof(struct weir_slice) == sizeof(struct slice) &&
                   offsetof(struct weir_slice, n) == offsetof(struct slice, n),
               "lists of texts are given out as they are");

const struct weir_peer *weir_peer(struct weir_exchange *wx)
{
    struct exchange *x = exchange_of(wx);
    const struct tls_peer *p = x->facts->tls ? x->facts->tls->peer : NULL;
    if (!p)
        return NULL;
    struct weir_peer *out = ARENA_NEW(&x->arena, struct weir_peer);
    *out = (struct weir_peer){
        .subject = slice_out(p->subject),
        .fingerprint = slice_out(p->fingerprint),
        .dns_names = (const struct weir_slice *)p->dns.v,
        .uris = (const struct weir_slice *)p->uri.v,
        .emails = (const struct weir_slice *)p->email.v,
        .dns_names_n = p->dns.n,
        .uris_n = p->uri.n,
        .emails_n = p->email.n,
    };
    return out;
}

/* -- memory ------------------------------------------------------------------------------------ */

void *weir_alloc(struct weir_exchange *x, size_t n)
{
    return arena_alloc(&exchange_of(x)->arena, n);
}

struct weir_slice weir_dup(struct weir_exchange *x, struct weir_slice s)
{
    return slice_out(arena_dup(&exchange_of(x)->arena, slice_in(s)));
}

struct weir_slice weir_printf(struct weir_exchange *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(&exchange_of(x)->arena, fmt, ap);
    va_end(ap);
    return slice_of_word(text);
}

/* A text that turns out empty is there, and has no bytes. */
struct weir_slice weir_render(struct weir_exchange *x, const struct weir_template *t)
{
    struct exchange *of = exchange_of(x);
    struct slice text = {0};
    if (template_render((const struct template *)t, of, &of->arena, &text) != RENDERED_VALUE)
        return slice_out(slice_of(NULL, 0));
    return slice_out(text.p ? text : SLICE(""));
}
