/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on their way through: made anew in the exchange's arena from the slices of the received
 * one, so that what came in stays as it was for the log and for another attempt. */
#include "core/forward.h"

#include "core/client_cert.h"
#include "core/exchange.h"
#include "core/pick_key.h"
#include "http/hop.h"
#include "io/tls.h"

/* Fields that a request or response may gain here: room for them is made at once. */
enum { FIELDS_GAINED = 8 };

static const struct forwarding *forwarding_of(const struct exchange *x)
{
    return &x->w->g->config->listeners[x->facts->listener].forwarding;
}

bool forward_peer_trusted(const struct exchange *x)
{
    const struct forwarding *fw = forwarding_of(x);
    return fw->trusted_n && cidr_any(fw->trusted, fw->trusted_n, &x->facts->peer);
}

void forward_identify(struct exchange *x)
{
    const struct forwarding *fw = forwarding_of(x);
    const bool trusted = forward_peer_trusted(x);
    if (trusted) {
        struct forwarded_from from;
        forwarded_read(&x->request.fields, (enum forwarded_style)fw->style, &x->facts->peer,
                       fw->trusted, fw->trusted_n, &from);
        x->source = from.client;
        if (from.proto.n)
            x->scheme = from.proto;
    }
    if (!fw->request_id)
        return;
    const struct slice given = fields_get_token(&x->request.fields, TOKEN_X_REQUEST_ID);
    if (trusted && request_id_ok(given)) {
        x->request_id = given;
        return;
    }
    char *made = arena_alloc(&x->arena, 32);
    random_hex32(&x->w->random, made);
    x->request_id = slice_of(made, 32);
}

/* "1.1 weir" (RFC 9110 7.6.3), a line of its own behind those that came. */
static void add_via(struct exchange *x, struct fields *f, uint8_t major, uint8_t minor)
{
    const struct slice name = forwarding_of(x)->name;
    char *p = arena_alloc(&x->arena, name.n + 4);
    memcpy(p, major == 2 ? "2.0 " : minor ? "1.1 " : "1.0 ", 4);
    memcpy(p + 4, name.p, name.n);
    fields_add_token(f, &x->arena, TOKEN_VIA, slice_of(p, name.n + 4));
}

/* RFC 9112 3.2: an HTTP/1.1 request has exactly one Host, empty when there is no authority. */
static void set_host(struct exchange *x, struct fields *f)
{
    struct slice host = x->route->conf->rewrite.host;
    if (!host.n)
        host = x->target.authority;
    if (!host.n && fields_find_token(f, TOKEN_HOST))
        return;
    fields_set(f, &x->arena, token_name(TOKEN_HOST), host);
}

static struct slice asked_upgrade(const struct exchange *x)
{
    if (!x->request.upgrade)
        return slice_of(NULL, 0);
    const struct slice to = fields_get_token(&x->request.fields, TOKEN_UPGRADE);
    /* HTTP/2 over cleartext is spoken with prior knowledge or not at all (RFC 9113 3.1). */
    return slice_list_has(to, SLICE("h2c")) ? slice_of(NULL, 0) : to;
}

void forward_request(struct exchange *x)
{
    const struct request_head *h = &x->request;
    const struct forwarding *fw = forwarding_of(x);
    struct plan *p = &x->plan;
    p->method = h->method;
    p->target = route_target(x->route->conf, &x->target, h->target, &x->arena);
    p->body = h->body;
    p->content_length = h->content_length;
    p->upgrade = asked_upgrade(x);
    p->te_trailers = h->te_trailers;
    p->expect_continue = h->expect_continue && h->minor >= 1;
    hop_strip(&h->fields, &p->fields, &x->arena, FIELDS_GAINED);
    set_host(x, &p->fields);
    if (!p->expect_continue)
        fields_remove_token(&p->fields, TOKEN_EXPECT);
    const struct forwarded_facts facts = {
        .peer = &x->facts->peer,
        .peer_trusted = forward_peer_trusted(x),
        .proto = x->facts->scheme,
        .host = x->target.authority.n ? x->target.authority
                                      : fields_get_token(&h->fields, TOKEN_HOST),
        .port = addr_port(x->facts->local),
    };
    forwarded_write(&p->fields, &x->arena, (enum forwarded_style)fw->style, &facts);
    if (x->facts->tls)
        client_cert_write(&p->fields, &x->arena, (enum client_certificate)fw->client_certificate,
                          x->facts->tls->peer);
    if (fw->request_id)
        fields_set(&p->fields, &x->arena, token_name(TOKEN_X_REQUEST_ID), x->request_id);
    if (fw->via)
        add_via(x, &p->fields, h->major, h->minor);
}

/* RFC 6797 6.1: one field. An origin that sends its own knows its subdomains better. */
static void add_hsts(struct exchange *x, struct fields *f)
{
    const struct slice name = SLICE("strict-transport-security");
    const struct slice value = x->w->g->config->listeners[x->facts->listener].hsts.value;
    if (value.n && slice_eq(x->scheme, SLICE("https")) && !fields_find(f, name))
        fields_add(f, &x->arena, name, value);
}

void forward_response(struct exchange *x, const struct attempt *at)
{
    const struct response_head *h = &at->head;
    struct reply *r = &x->reply;
    r->status = h->status;
    r->reason = h->reason;
    r->body = h->body;
    r->has_length = h->has_length;
    r->content_length = h->content_length;
    if (h->status == 101)
        r->upgrade = fields_get_token(&h->fields, TOKEN_UPGRADE);
    hop_strip(&h->fields, &r->fields, &x->arena, FIELDS_GAINED);
    if (h->status == 101 && x->request.major == 2) { /* RFC 8441 5 */
        r->status = 200;
        fields_remove(&r->fields, SLICE("sec-websocket-accept"));
    }
    /* RFC 9110 6.6.1: a recipient with a clock adds the Date that is missing. */
    if (!fields_find_token(&r->fields, TOKEN_DATE))
        fields_add_token(&r->fields, &x->arena, TOKEN_DATE, clock_date(&x->w->loop->clock));
    add_hsts(x, &r->fields);
    pick_key_tell(x);
    if (forwarding_of(x)->via)
        add_via(x, &r->fields, h->major, h->minor);
}
