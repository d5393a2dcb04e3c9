/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector is sent: OpenTelemetry's messages, by their names, and what stands in them. */
#include "tracing/otlp.h"

#include "common/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/otlp_proto.h"
#include "tracing/record.h"

static char bytes[3000];
static struct record_writer w;
static json_t *root;

static struct record_request usual(void)
{
    return (struct record_request){
        .high = 0x4bf92f3577b34da6,
        .low = 0xa3ce929d0e0e4736,
        .span = 0xf067aa0ba902b7,
        .flags = 3,
        .began_us = 1700000000000001,
        .took_us = 2500,
        .status = 200,
        .version = 11,
        .method = WEIR_SLICE("GET"),
        .scheme = WEIR_SLICE("https"),
        .host = WEIR_SLICE("shop.test"),
        .path = WEIR_SLICE("/a/b"),
        .client = WEIR_SLICE("192.0.2.1"),
        .agent = WEIR_SLICE("curl/8"),
        .route = WEIR_SLICE("shop"),
        .cluster = WEIR_SLICE("app"),
    };
}

static void begin(const struct record_request *r)
{
    record_begin(&w, bytes, sizeof bytes, r);
}

/* The spans of the record as they are sent; they are held to the messages. */
static json_t *spans(void)
{
    struct otlp o;
    char fault[200];
    json_t *resource = json_array();
    otlp_text(resource, "service.name", WEIR_SLICE("edge"));
    otlp_begin(&o, resource);
    otlp_add(&o, (struct weir_slice){bytes, w.n});
    char *text = otlp_end(&o);
    json_decref(resource);
    json_decref(root);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(otlp_check(root, fault, sizeof fault), "%s: %s", fault, text);
    free(text);
    json_t *scopes =
        json_object_get(json_array_get(json_object_get(root, "resourceSpans"), 0), "scopeSpans");
    return json_object_get(json_array_get(scopes, 0), "spans");
}

static json_t *span(size_t i)
{
    return json_array_get(spans(), i);
}

static void end(void)
{
    json_decref(root);
    root = NULL;
}

TestSuite(tracing_otlp, .fini = end);

static const char *member(const json_t *span_, const char *name)
{
    const char *text = json_string_value(json_object_get(span_, name));
    return text ? text : "";
}

#define HAS(span_, key, text) cr_assert_str_eq(otlp_attribute(span_, key), text)

/* -- the request ------------------------------------------------------------------------------- */

Test(tracing_otlp, has_a_server_span_for_a_request)
{
    struct record_request r = usual();
    begin(&r);
    const json_t *s = span(0);
    cr_assert_str_eq(member(s, "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    cr_assert_str_eq(member(s, "spanId"), "00f067aa0ba902b7");
    cr_assert_null(json_object_get(s, "parentSpanId"));
    cr_assert_null(json_object_get(s, "traceState"));
    cr_assert_null(json_object_get(s, "status"));
    cr_assert_str_eq(member(s, "name"), "GET shop");
    cr_assert_eq(json_integer_value(json_object_get(s, "kind")), 2);
    cr_assert_eq(json_integer_value(json_object_get(s, "flags")), 0x103);
    cr_assert_str_eq(member(s, "startTimeUnixNano"), "1700000000000001000");
    cr_assert_str_eq(member(s, "endTimeUnixNano"), "1700000000002501000");
}

Test(tracing_otlp, has_attributes_by_the_conventions_for_http)
{
    struct record_request r = usual();
    r.variant = WEIR_SLICE("next");
    r.request_id = WEIR_SLICE("0a0b");
    begin(&r);
    const json_t *s = span(0);
    HAS(s, "http.request.method", "GET");
    HAS(s, "http.request.method_original", "");
    HAS(s, "url.scheme", "https");
    HAS(s, "url.path", "/a/b");
    HAS(s, "server.address", "shop.test");
    HAS(s, "client.address", "192.0.2.1");
    HAS(s, "user_agent.original", "curl/8");
    HAS(s, "network.protocol.version", "1.1");
    HAS(s, "http.response.status_code", "int 200");
    HAS(s, "error.type", "");
    HAS(s, "weir.route", "shop");
    HAS(s, "weir.cluster", "app");
    HAS(s, "weir.variant", "next");
    HAS(s, "weir.outcome", "ok");
    HAS(s, "weir.request_id", "0a0b");
}

Test(tracing_otlp, says_what_version_was_spoken)
{
    struct record_request r = usual();
    r.version = 20;
    begin(&r);
    HAS(span(0), "network.protocol.version", "2");
    r.version = 10;
    begin(&r);
    HAS(span(0), "network.protocol.version", "1.0");
}

Test(tracing_otlp, names_the_parent_and_hands_its_state_on)
{
    struct record_request r = usual();
    r.parent = 0xb7ad6b7169203331;
    r.state = WEIR_SLICE("congo=t61");
    begin(&r);
    const json_t *s = span(0);
    cr_assert_str_eq(member(s, "parentSpanId"), "b7ad6b7169203331");
    cr_assert_str_eq(member(s, "traceState"), "congo=t61");
    cr_assert_eq(json_integer_value(json_object_get(s, "flags")), 0x303, "the parent is remote");
}

Test(tracing_otlp, says_how_grpc_ended)
{
    struct record_request r = usual();
    begin(&r);
    HAS(span(0), "rpc.grpc.status_code", "");
    r.grpc = 1;
    begin(&r);
    HAS(span(0), "rpc.grpc.status_code", "int 0");
    r.grpc = 15;
    r.failed = true;
    begin(&r);
    HAS(span(0), "rpc.grpc.status_code", "int 14");
    HAS(span(0), "error.type", "14");
}

Test(tracing_otlp, says_what_failed)
{
    struct record_request r = usual();
    r.status = 504;
    r.failed = true;
    r.why = WEIR_SLICE("timeout_request");
    begin(&r);
    const json_t *s = span(0), *status = json_object_get(s, "status");
    cr_assert_eq(json_integer_value(json_object_get(status, "code")), 2);
    cr_assert_str_eq(member(status, "message"), "timeout_request");
    HAS(s, "error.type", "timeout_request");
    HAS(s, "weir.outcome", "timeout_request");
    r.why.n = 0;
    begin(&r);
    HAS(span(0), "error.type", "504");
}

Test(tracing_otlp, has_no_names_that_clients_make_up)
{
    struct record_request r = usual();
    r.method = WEIR_SLICE("BREW");
    begin(&r);
    const json_t *s = span(0);
    cr_assert_str_eq(member(s, "name"), "HTTP shop");
    HAS(s, "http.request.method", "_OTHER");
    HAS(s, "http.request.method_original", "BREW");
}

Test(tracing_otlp, marks_what_is_no_utf_8)
{
    struct record_request r = usual();
    r.agent = WEIR_SLICE("caf\xe9 x");
    r.path = WEIR_SLICE("/\xc3\xa4\xe2\x82"); /* cut within the second */
    begin(&r);
    HAS(span(0), "user_agent.original", "caf\xef\xbf\xbd x");
    HAS(span(0), "url.path", "/\xc3\xa4");
}

/* -- its parts --------------------------------------------------------------------------------- */

static const json_t *attempt(const char *endpoint, unsigned number, unsigned status,
                             const char *why)
{
    struct record_request r = usual();
    begin(&r);
    record_add_attempt(&w, &(struct record_attempt){.span = 0xab,
                                                    .after_us = 100,
                                                    .took_us = 2000,
                                                    .number = number,
                                                    .status = (uint16_t)status,
                                                    .endpoint = slice_str(endpoint),
                                                    .cluster = WEIR_SLICE("app"),
                                                    .why = slice_str(why)});
    return span(1);
}

Test(tracing_otlp, has_a_client_span_for_an_attempt)
{
    const json_t *s = attempt("10.0.0.7:8080", 1, 200, "");
    cr_assert_str_eq(member(s, "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    cr_assert_str_eq(member(s, "spanId"), "00000000000000ab");
    cr_assert_str_eq(member(s, "parentSpanId"), "00f067aa0ba902b7");
    cr_assert_str_eq(member(s, "name"), "GET app");
    cr_assert_eq(json_integer_value(json_object_get(s, "kind")), 3);
    cr_assert_eq(json_integer_value(json_object_get(s, "flags")), 0x103);
    cr_assert_str_eq(member(s, "startTimeUnixNano"), "1700000000000101000");
    cr_assert_str_eq(member(s, "endTimeUnixNano"), "1700000000002101000");
    cr_assert_null(json_object_get(s, "status"));
    HAS(s, "http.request.method", "GET");
    HAS(s, "server.address", "10.0.0.7");
    HAS(s, "server.port", "int 8080");
    HAS(s, "http.request.resend_count", "");
    HAS(s, "http.response.status_code", "int 200");
    HAS(s, "weir.endpoint", "10.0.0.7:8080");
    HAS(s, "weir.cluster", "app");
}

Test(tracing_otlp, counts_attempts_that_were_sent_again)
{
    HAS(attempt("10.0.0.7:8080", 3, 200, ""), "http.request.resend_count", "int 2");
}

Test(tracing_otlp, tells_addresses_from_ports)
{
    HAS(attempt("[2001:db8::1]:443", 1, 200, ""), "server.address", "2001:db8::1");
    HAS(span(1), "server.port", "int 443");
    HAS(attempt("unix:/run/app.sock", 1, 200, ""), "server.address", "/run/app.sock");
    HAS(span(1), "server.port", "");
    HAS(attempt("unix:/run/app:80", 1, 200, ""), "server.address", "/run/app");
    HAS(attempt("12", 1, 200, ""), "server.address", "12");
    HAS(attempt("", 1, 200, ""), "server.address", "");
}

Test(tracing_otlp, says_which_attempts_failed)
{
    const json_t *s = attempt("10.0.0.7:80", 1, 0, "connect");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(s, "status"), "code")), 2);
    HAS(s, "error.type", "connect");
    HAS(s, "weir.why", "connect");
    s = attempt("10.0.0.7:80", 1, 404, "");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(s, "status"), "code")), 2);
    HAS(s, "error.type", "404");
    s = attempt("10.0.0.7:80", 1, 0, "hedge_lost");
    cr_assert_null(json_object_get(s, "status"), "nothing went wrong there");
    HAS(s, "weir.why", "hedge_lost");
}

Test(tracing_otlp, has_an_internal_span_for_a_wait)
{
    struct record_request r = usual();
    begin(&r);
    record_add_wait(&w, &(struct record_wait){.span = 5,
                                              .after_us = 1,
                                              .took_us = 2,
                                              .module = WEIR_SLICE("auth"),
                                              .hook = WEIR_SLICE("on_identify")});
    const json_t *s = span(1);
    cr_assert_str_eq(member(s, "name"), "auth on_identify");
    cr_assert_eq(json_integer_value(json_object_get(s, "kind")), 1);
    cr_assert_str_eq(member(s, "parentSpanId"), "00f067aa0ba902b7");
    HAS(s, "weir.module", "auth");
    HAS(s, "weir.hook", "on_identify");
}

/* -- the table that this is held to ------------------------------------------------------------ */

static bool is_taken(const char *spans_)
{
    char text[1000], fault[200];
    snprintf(text, sizeof text,
             "{\"resourceSpans\":[{\"resource\":{\"attributes\":[]},\"scopeSpans\":[{\"spans\":[%s]"
             "}]}]}",
             spans_);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert(j, "%s", text);
    const bool good = otlp_check(j, fault, sizeof fault);
    json_decref(j);
    return good;
}

#define SPAN(ids, rest)                                                                            \
    "{" ids "\"name\":\"x\",\"kind\":2,\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\"" rest \
    "}"
#define IDS "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00f067aa0ba902b7\","

Test(tracing_otlp, is_held_to_a_table_that_refuses_what_is_wrong)
{
    cr_assert(is_taken(SPAN(IDS, "")));
    cr_assert(!is_taken(SPAN("", "")), "ids are missing");
    cr_assert(!is_taken(SPAN(IDS, ",\"trace_state\":\"a=1\"")), "not in camel case");
    cr_assert(!is_taken(SPAN(IDS, ",\"status\":{\"code\":\"STATUS_CODE_ERROR\"}")), "no number");
    cr_assert(!is_taken(SPAN(IDS, ",\"status\":{\"code\":3}")));
    cr_assert(!is_taken(SPAN(IDS, ",\"attributes\":{\"a\":1}")));
    cr_assert(!is_taken(SPAN(IDS, ",\"attributes\":[{\"key\":\"a\",\"value\":{\"intValue\":1}}]")));
    cr_assert(!is_taken(SPAN(IDS, ",\"attributes\":[{\"key\":\"a\",\"value\":{}}]")));
    cr_assert(!is_taken(SPAN(
                  "\"traceId\":\"S/kvNXezTaajzpKdDg5HNg==\",\"spanId\":\"00f067aa0ba902b7\",", "")),
              "ids are no base64");
}
