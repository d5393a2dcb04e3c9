/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/otlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/slice.h"
#include "tracing/record.h"

/* trace.proto: Span.SpanKind, Status.StatusCode, SpanFlags */
enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
enum { CODE_ERROR = 2 };
enum { FLAG_HAS_IS_REMOTE = 0x100, FLAG_IS_REMOTE = 0x200 };

/* -- values ------------------------------------------------------------------------------------ */

static json_t *with_marks(struct weir_slice s)
{
    char *to = malloc(s.n * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; to && i < s.n; i++) {
        const bool ascii = (unsigned char)s.p[i] < 0x80;
        memcpy(to + n, ascii ? &s.p[i] : "\xef\xbf\xbd", ascii ? 1 : 3);
        n += ascii ? 1 : 3;
    }
    json_t *j = to ? json_stringn(to, n) : NULL;
    free(to);
    return j;
}

/* One that was cut may end within a character, which goes then. */
static json_t *text_of(struct weir_slice s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    size_t n = s.n;
    while (!j && n > 0 && s.n - n < 3 && (unsigned char)s.p[n - 1] >= 0x80)
        j = json_stringn(s.p, --n);
    return j ? j : with_marks(s);
}

/* Numbers of 64 bits are texts. */
static json_t *number_of(uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, v);
    return json_string(text);
}

static void add(json_t *attributes, const char *key, const char *type, json_t *value)
{
    json_array_append_new(attributes,
                          json_pack("{s:s, s:{s:o}}", "key", key, "value", type, value));
}

void otlp_text(json_t *attributes, const char *key, struct weir_slice value)
{
    if (value.n)
        add(attributes, key, "stringValue", text_of(value));
}

static void add_number(json_t *attributes, const char *key, uint64_t value)
{
    add(attributes, key, "intValue", number_of(value));
}

/* The reason where there is one, else the status; of gRPC its own. */
static void add_error(json_t *attributes, struct weir_slice why, unsigned status)
{
    char text[8];
    snprintf(text, sizeof text, "%u", status);
    otlp_text(attributes, "error.type",
              why.n    ? why
              : status ? slice_str(text)
                       : WEIR_SLICE("_OTHER"));
}

/* -- spans ------------------------------------------------------------------------------------- */

/* What all spans of a record have in common. */
struct about {
    const struct record_request *r;
    json_t *spans;
};

struct span {
    uint64_t id, parent; /* parent 0: none */
    int kind;
    uint32_t flags;
    uint64_t after_us, took_us;
    bool failed;
    struct weir_slice why;
    json_t *attributes; /* taken over */
};

static void set_id(json_t *span, const char *key, uint64_t id)
{
    char text[16];
    hex_write(text, id);
    json_object_set_new(span, key, json_stringn(text, sizeof text));
}

static void set_trace(json_t *span, const struct record_request *r)
{
    char text[32];
    hex_write(text, r->high);
    hex_write(text + 16, r->low);
    json_object_set_new(span, "traceId", json_stringn(text, sizeof text));
}

static void add_span(const struct about *about, const struct span *s, const char *name)
{
    const struct record_request *r = about->r;
    const uint64_t began_us = r->began_us + s->after_us;
    json_t *span = json_object();
    set_trace(span, r);
    set_id(span, "spanId", s->id);
    if (s->parent)
        set_id(span, "parentSpanId", s->parent);
    if (r->state.n)
        json_object_set_new(span, "traceState", text_of(r->state));
    json_object_set_new(span, "flags", json_integer((json_int_t)(r->flags | s->flags)));
    json_object_set_new(span, "name", text_of(slice_str(name)));
    json_object_set_new(span, "kind", json_integer(s->kind));
    json_object_set_new(span, "startTimeUnixNano", number_of(began_us * 1000));
    json_object_set_new(span, "endTimeUnixNano", number_of((began_us + s->took_us) * 1000));
    json_object_set_new(span, "attributes", s->attributes);
    if (s->failed) {
        json_t *status = json_pack("{s:i}", "code", CODE_ERROR);
        if (s->why.n)
            json_object_set_new(status, "message", text_of(s->why));
        json_object_set_new(span, "status", status);
    }
    json_array_append_new(about->spans, span);
}

/* Methods that the conventions know; another one is "_OTHER", and "HTTP" in names, so that clients
 * can't make up names without end. */
static bool is_known(struct weir_slice method)
{
    static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                        "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (slice_eq(method, slice_str(known[i])))
            return true;
    return false;
}

static void add_method(json_t *attributes, struct weir_slice method)
{
    const bool known = is_known(method);
    otlp_text(attributes, "http.request.method", known ? method : WEIR_SLICE("_OTHER"));
    if (!known)
        otlp_text(attributes, "http.request.method_original", method);
}

/* "GET reviews" */
static void name_of(char to[RECORD_TEXT * 2], struct weir_slice method, struct weir_slice what)
{
    const struct weir_slice first = is_known(method) ? method : WEIR_SLICE("HTTP");
    snprintf(to, RECORD_TEXT * 2, "%.*s%s%.*s", SLICE_ARG(first), what.n ? " " : "",
             SLICE_ARG(what));
}

/* "1.0", "1.1", "2" */
static void add_version(json_t *attributes, unsigned version)
{
    const struct weir_slice text = version == 20   ? WEIR_SLICE("2")
                                   : version == 10 ? WEIR_SLICE("1.0")
                                                   : WEIR_SLICE("1.1");
    otlp_text(attributes, "network.protocol.version", text);
}

static json_t *request_attributes(const struct record_request *r)
{
    json_t *a = json_array();
    add_method(a, r->method);
    otlp_text(a, "url.scheme", r->scheme);
    otlp_text(a, "url.path", r->path);
    otlp_text(a, "server.address", r->host);
    otlp_text(a, "client.address", r->client);
    otlp_text(a, "user_agent.original", r->agent);
    add_version(a, r->version);
    if (r->status)
        add_number(a, "http.response.status_code", r->status);
    if (r->grpc)
        add_number(a, "rpc.grpc.status_code", r->grpc - 1u);
    if (r->failed)
        add_error(a, r->why, r->grpc > 1 && r->status == 200 ? r->grpc - 1u : r->status);
    otlp_text(a, "weir.route", r->route);
    otlp_text(a, "weir.cluster", r->cluster);
    otlp_text(a, "weir.variant", r->variant);
    otlp_text(a, "weir.outcome", r->why.n ? r->why : WEIR_SLICE("ok"));
    otlp_text(a, "weir.request_id", r->request_id);
    return a;
}

static void add_request(const struct about *about)
{
    const struct record_request *r = about->r;
    char name[RECORD_TEXT * 2];
    name_of(name, r->method, r->route);
    add_span(about,
             &(struct span){
                 .id = r->span,
                 .parent = r->parent,
                 .kind = KIND_SERVER,
                 .flags = FLAG_HAS_IS_REMOTE | (r->parent ? FLAG_IS_REMOTE : 0),
                 .took_us = r->took_us,
                 .failed = r->failed,
                 .why = r->why,
                 .attributes = request_attributes(r),
             },
             name);
}

/* "10.0.0.1:80", "[::1]:80", "unix:/run/app.sock" */
static void add_server(json_t *attributes, struct weir_slice endpoint)
{
    struct weir_slice host = endpoint;
    size_t colon = endpoint.n;
    while (colon > 0 && is_digit(endpoint.p[colon - 1]))
        colon--;
    uint64_t port = 0;
    if (colon > 0 && colon < endpoint.n && endpoint.n - colon <= 5 &&
        endpoint.p[colon - 1] == ':') {
        for (size_t i = colon; i < endpoint.n; i++)
            port = port * 10 + (uint64_t)(endpoint.p[i] - '0');
        host.n = colon - 1;
    }
    if (slice_starts(host, WEIR_SLICE("unix:")))
        host = slice_from(host, 5);
    otlp_text(attributes, "server.address", slice_trim_of(host, "[]"));
    if (port)
        add_number(attributes, "server.port", port);
}

/* Lost to a hedge, or to a client that went away: nothing went wrong there. */
static bool is_failure(const struct record_attempt *at)
{
    static const char *const fine[] = {"hedge_lost", "client_gone", "client_slow"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (slice_eq(at->why, slice_str(fine[i])))
            return false;
    return at->why.n || at->status >= 400;
}

static void add_attempt(const struct about *about, const struct record_attempt *at)
{
    const bool failed = is_failure(at);
    char name[RECORD_TEXT * 2];
    json_t *a = json_array();
    add_method(a, about->r->method);
    add_server(a, at->endpoint);
    if (at->number > 1)
        add_number(a, "http.request.resend_count", at->number - 1);
    if (at->status)
        add_number(a, "http.response.status_code", at->status);
    if (failed)
        add_error(a, at->why, at->status);
    otlp_text(a, "weir.cluster", at->cluster);
    otlp_text(a, "weir.endpoint", at->endpoint);
    otlp_text(a, "weir.why", at->why);
    name_of(name, about->r->method, at->cluster);
    add_span(about,
             &(struct span){
                 .id = at->span,
                 .parent = about->r->span,
                 .kind = KIND_CLIENT,
                 .flags = FLAG_HAS_IS_REMOTE,
                 .after_us = at->after_us,
                 .took_us = at->took_us,
                 .failed = failed,
                 .why = at->why,
                 .attributes = a,
             },
             name);
}

static void add_wait(const struct about *about, const struct record_wait *wait)
{
    char name[RECORD_TEXT * 2];
    json_t *a = json_array();
    otlp_text(a, "weir.module", wait->module);
    otlp_text(a, "weir.hook", wait->hook);
    snprintf(name, sizeof name, "%.*s %.*s", SLICE_ARG(wait->module), SLICE_ARG(wait->hook));
    add_span(about,
             &(struct span){
                 .id = wait->span,
                 .parent = about->r->span,
                 .kind = KIND_INTERNAL,
                 .flags = FLAG_HAS_IS_REMOTE,
                 .after_us = wait->after_us,
                 .took_us = wait->took_us,
                 .attributes = a,
             },
             name);
}

/* -- requests ---------------------------------------------------------------------------------- */

void otlp_begin(struct otlp *o, json_t *resource)
{
    o->spans = json_array();
    o->root = json_pack("{s:[{s:{s:O}, s:[{s:{s:s, s:s}, s:O}]}]}", "resourceSpans", "resource",
                        "attributes", resource, "scopeSpans", "scope", "name", "weir", "version",
                        PACKAGE_VERSION, "spans", o->spans);
}

void otlp_add(struct otlp *o, struct weir_slice record)
{
    struct record_item first, item;
    const struct about about = {.r = &first.request, .spans = o->spans};
    record_next(&record, &first);
    if (first.kind != RECORD_REQUEST)
        return;
    add_request(&about);
    for (record_next(&record, &item); item.kind != RECORD_END; record_next(&record, &item)) {
        if (item.kind == RECORD_ATTEMPT)
            add_attempt(&about, &item.attempt);
        else if (item.kind == RECORD_WAIT)
            add_wait(&about, &item.wait);
        else
            return;
    }
}

char *otlp_end(struct otlp *o)
{
    char *text = o->root ? json_dumps(o->root, JSON_COMPACT) : NULL;
    json_decref(o->root);
    json_decref(o->spans);
    *o = (struct otlp){0};
    return text;
}
