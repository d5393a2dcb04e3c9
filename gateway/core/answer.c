/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway says itself. Every answer is made here from facts that stand in tables: a
 * reason (core/why.h), or the redirect or fixed response of a route.
 *
 * The content says three things, in the form that the client accepts: the status, the reason's
 * word and sentence, and the id under which the access log knows the request. Nothing that the
 * client sent is repeated but the request id, which is checked when it is taken, and escaped all
 * the same.
 *
 * An answer must be possible when memory is short, because that may be what it is about: when no
 * block is to be had for the content, the answer goes out without. */

#include "core/answer.h"

#include "base/text.h"
#include "core/exchange.h"
#include "core/grpc.h"
#include "core/module/hooks.h"
#include "core/route/route.h"
#include "http/status.h"

/* What this gateway serves: all it knows but CONNECT and TRACE. A route's own conditions on methods
 * are not told: they decide between routes and don't forbid. */
#define ALLOWED_METHODS "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"

enum {
    FIELDS_MAX = 8,    /* of one answer */
    FRAME_MAX = 768,   /* a reason's page without the request id: 330 bytes of frame, and texts */
    ESCAPED_MAX = 6,   /* bytes that one byte may become */
    RETRY_AFTER_S = 1, /* 503 is about connections that fail or a moment's overload */
};

static void begin(struct exchange *x, uint16_t status);
static void add_content(struct exchange *x, struct slice type, struct slice content,
                        bool (*append)(struct bytes *q, struct slice s));
static void write_reason(struct text *t, enum answer_type type, const struct why_facts *why,
                         struct slice id);
static void write_redirect(struct text *t, enum answer_type type, uint16_t status,
                           struct slice location);

static const struct slice types[] = {
    [ANSWER_TEXT] = SLICE_INIT("text/plain; charset=utf-8"),
    [ANSWER_HTML] = SLICE_INIT("text/html; charset=utf-8"),
    [ANSWER_JSON] = SLICE_INIT("application/json"),
};

static void add(struct exchange *x, enum token name, struct slice value)
{
    fields_add_token(&x->reply.fields, &x->arena, name, value);
}

/* -- of modules -------------------------------------------------------------------------------- */

struct module_answer *answer_of_module(struct exchange *x)
{
    if (!x->answer)
        x->answer = ARENA_NEW(&x->arena, struct module_answer);
    return x->answer;
}

void answer_take(struct exchange *x)
{
    struct module_answer *a = answer_of_module(x);
    if (a->why == WHY_NONE && a->status == 0) {
        a->why = WHY_MODULE_UNAVAILABLE;
        a->detail = "no_answer";
    }
    if (a->why)
        exchange_blame(x, a->why, a->detail);
}

bool answer_is_hidden(const struct exchange *x)
{
    return x->why == WHY_NO_ROUTE;
}

/* What the module said belongs to its own answer or reason, and to no other that came first. */
static void add_fields_of_module(struct exchange *x)
{
    const struct module_answer *a = x->answer;
    if (!a || a->why != x->why || answer_is_hidden(x))
        return;
    for (uint16_t i = 0; i < a->fields.n; i++)
        fields_add(&x->reply.fields, &x->arena, a->fields.v[i].name, a->fields.v[i].value);
}

/* Has the module said itself when to come again? */
static bool says_retry_after(const struct exchange *x)
{
    const struct module_answer *a = x->answer;
    return a && a->why == x->why && fields_find(&a->fields, SLICE("retry-after"));
}

/* The message is printable text or percent-encoded here. */
static void answer_grpc(struct exchange *x, enum grpc_code code, struct slice message)
{
    struct text t;
    const size_t room = 3 * (message.n < GRPC_MESSAGE_MAX ? message.n : GRPC_MESSAGE_MAX);
    begin(x, 200);
    x->grpc_code = (uint8_t)code;
    add(x, TOKEN_CONTENT_TYPE, SLICE("application/grpc"));
    fields_add(&x->reply.fields, &x->arena, SLICE("grpc-status"),
               slice_str(arena_printf(&x->arena, "%d", code)));
    if (!message.n)
        return;
    text_init_fixed(&t, arena_alloc(&x->arena, room), room);
    grpc_message(&t, message);
    fields_add(&x->reply.fields, &x->arena, SLICE("grpc-message"), text_slice(&t));
}

void answer_module(struct exchange *x)
{
    const struct module_answer *a = x->answer;
    if (x->grpc) {
        answer_grpc(x, grpc_code_of_status(a->status), a->body);
        return;
    }
    begin(x, a->status);
    /* Its memory is the exchange's, which may end before the client has taken all of it. */
    add_content(x, a->type, a->body, bytes_copy);
}

void answer_why(struct exchange *x)
{
    const struct why_facts *why = why_facts(x->why);
    const enum answer_type type = answer_type_for(&x->request.fields);
    const size_t room = FRAME_MAX + x->request_id.n * ESCAPED_MAX;
    struct text t;

    must(x->why != WHY_NONE && why->status != 0);
    if (x->grpc) {
        answer_grpc(x, grpc_code_of_why(x->why), slice_str(why->text));
        return;
    }
    begin(x, why->status);
    add(x, TOKEN_CACHE_CONTROL, SLICE("no-store"));
    if (why->status == 503 && !says_retry_after(x))
        fields_add_token(&x->reply.fields, &x->arena, TOKEN_RETRY_AFTER,
                         slice_str(arena_printf(&x->arena, "%d", RETRY_AFTER_S)));
    if (why->status == 405)
        fields_add(&x->reply.fields, &x->arena, SLICE("allow"), SLICE(ALLOWED_METHODS));
    text_init_fixed(&t, arena_alloc(&x->arena, room), room);
    write_reason(&t, type, why, x->request_id);
    must(!t.cut);
    add_content(x, types[type], text_slice(&t), bytes_copy);
}

static void answer_redirect(struct exchange *x, const struct route_conf *rc)
{
    const uint16_t status = (uint16_t)rc->redirect.status;
    const enum answer_type type = answer_type_for(&x->request.fields);
    const struct slice location =
        route_location(rc, &x->target, x->facts->scheme, &x->host, &x->arena);
    struct text t;

    begin(x, status);
    x->grpc_code = (uint8_t)grpc_code_of_status(status);
    add(x, TOKEN_LOCATION, location);
    text_init(&t);
    write_redirect(&t, type, status, location);
    add_content(x, types[type], text_slice(&t), bytes_copy);
    text_fini(&t);
}

void answer_https(struct exchange *x)
{
    const struct https_redirect_conf *h = &x->w->g->config->listeners[x->facts->listener].to_https;
    const struct route_conf same = {
        .redirect = {.scheme = SLICE("https"), .port = h->port, .status = h->status, .set = true}};
    answer_redirect(x, &same);
}

void answer_route(struct exchange *x)
{
    const struct route_conf *rc = x->route->conf;

    if (rc->action == ACTION_REDIRECT) {
        answer_redirect(x, rc);
        return;
    }
    must(rc->action == ACTION_RESPOND);
    if (x->grpc) {
        answer_grpc(x, grpc_code_of_status((uint16_t)rc->respond.status), rc->respond.body);
        return;
    }
    begin(x, (uint16_t)rc->respond.status);
    add_content(x, rc->respond.type, rc->respond.body, bytes_static); /* of the configuration */
}

void answer_options(struct exchange *x)
{
    begin(x, 200);
    fields_add(&x->reply.fields, &x->arena, SLICE("allow"), SLICE(ALLOWED_METHODS));
    add_content(x, slice_of(NULL, 0), slice_of(NULL, 0), bytes_static);
}

/* -- heads and content ------------------------------------------------------------------------- */

/* A reply without content; Date and Server are what an origin server says (RFC 9110 6.6.1). */
static void begin(struct exchange *x, uint16_t status)
{
    const struct listener_conf *lc = &x->w->g->config->listeners[x->facts->listener];

    bytes_clear(&x->own);
    x->reply = (struct reply){
        .status = status,
        .reason = status_reason(status),
        .body = BODY_NONE,
        .has_length = true,
    };
    const uint16_t more = x->answer ? x->answer->fields.n : 0;
    fields_init(&x->reply.fields, &x->arena, FIELDS_MAX + more);
    add(x, TOKEN_SERVER, lc->forwarding.name);
    add(x, TOKEN_DATE, arena_dup(&x->arena, clock_date(&x->w->loop->clock)));
    if (lc->hsts.value.n && slice_eq(x->scheme, SLICE("https")))
        fields_add(&x->reply.fields, &x->arena, SLICE("strict-transport-security"), lc->hsts.value);
    add_fields_of_module(x);
}

/* The content, unless this is an answer that has none: to HEAD only its length is told, and 204
 * and 304 don't even have that (RFC 9110 8.6). */
static void add_content(struct exchange *x, struct slice type, struct slice content,
                        bool (*append)(struct bytes *q, struct slice s))
{
    struct reply *r = &x->reply;

    if (r->status == 204 || r->status == 304 || r->status < 200) {
        r->has_length = false;
        return;
    }
    if (r->status == 205 || !content.n) /* 205 tells that it is empty (RFC 9110 15.3.6) */
        return;
    if (x->request.method_id != METHOD_HEAD) {
        if (!append(&x->own, content))
            return;
        r->body = BODY_LENGTH;
    }
    r->content_length = content.n;
    if (type.n)
        add(x, TOKEN_CONTENT_TYPE, type);
}

/* "404 Not Found" */
static void write_status(struct text *t, uint16_t status)
{
    text_uint(t, status);
    text_char(t, ' ');
    text_add(t, status_reason(status));
}

static void html_begin(struct text *t, uint16_t status)
{
    text_str(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    write_status(t, status);
    text_str(t, "</title></head>\n<body>\n<h1>");
    write_status(t, status);
    text_str(t, "</h1>\n<p>");
}

static void write_reason(struct text *t, enum answer_type type, const struct why_facts *why,
                         struct slice id)
{
    if (type == ANSWER_JSON) {
        json_open(t, '{');
        json_key(t, "error");
        json_str(t, why->word);
        json_key(t, "status");
        json_uint(t, why->status);
        json_key(t, "message");
        json_str(t, why->text);
        if (id.n) {
            json_key(t, "request_id");
            json_slice(t, id);
        }
        json_close(t, '}');
        text_char(t, '\n');
    } else if (type == ANSWER_HTML) {
        html_begin(t, why->status);
        text_str(t, why->text);
        text_str(t, "</p>\n<p>reason: ");
        text_str(t, why->word);
        if (id.n) {
            text_str(t, "<br>request: ");
            text_html_escaped(t, id);
        }
        text_str(t, "</p>\n</body>\n</html>\n");
    } else {
        write_status(t, why->status);
        text_char(t, '\n');
        text_str(t, why->text);
        text_str(t, "\nreason: ");
        text_str(t, why->word);
        if (id.n) {
            text_str(t, "\nrequest: ");
            text_add(t, id);
        }
        text_char(t, '\n');
    }
}

/* The short note for who doesn't follow by itself (RFC 9110 15.4.2). */
static void write_redirect(struct text *t, enum answer_type type, uint16_t status,
                           struct slice location)
{
    if (type == ANSWER_JSON) {
        json_open(t, '{');
        json_key(t, "status");
        json_uint(t, status);
        json_key(t, "location");
        json_slice(t, location);
        json_close(t, '}');
        text_char(t, '\n');
    } else if (type == ANSWER_HTML) {
        html_begin(t, status);
        text_str(t, "<a href=\"");
        text_html_escaped(t, location);
        text_str(t, "\">");
        text_html_escaped(t, location);
        text_str(t, "</a></p>\n</body>\n</html>\n");
    } else {
        write_status(t, status);
        text_char(t, '\n');
        text_add(t, location);
        text_char(t, '\n');
    }
}
