/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: what is accepted and what it then says, every fault by its name for requests and for
 * responses, and that it never matters where the network cuts the bytes. */
#include "http/h1_parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_limits limits = {.head_size = 2048, .target_size = 256, .field_count = 12};

struct parse {
    struct field room[64];
    struct h1_parser p;
    struct request_head q;
    struct response_head r;
    enum method method; /* of the request that the response answers */
    bool upgrade;
    bool response;
    ssize_t n;
};

static struct parse parse_new(bool response)
{
    return (struct parse){.p = {.limits = &limits}, .method = METHOD_GET, .response = response};
}

static ssize_t feed(struct parse *t, struct slice in)
{
    t->p.fields = t->room;
    t->n = t->response ? h1_parse_response(&t->p, in, t->method, t->upgrade, &t->r)
                       : h1_parse_request(&t->p, in, &t->q);
    return t->n;
}

/* A copy in memory that ends where the input ends, so that a sanitizer sees a read beyond it. */
static struct slice exact(struct slice s)
{
    char *p = malloc(s.n ? s.n : 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

static ssize_t feed_exact(struct parse *t, struct slice in)
{
    struct slice copy = exact(in);
    ssize_t n = feed(t, copy);
    free((char *)copy.p);
    return n;
}

/* The same answer when the first `k` bytes come alone, for every k: in two pieces, and never an
 * answer for the first piece that the whole contradicts. */
static void expect_same_when_cut(const struct parse *whole, struct slice in)
{
    for (size_t k = 0; k < in.n; k++) {
        struct parse t = parse_new(whole->response);
        t.method = whole->method;
        t.upgrade = whole->upgrade;
        ssize_t n = feed_exact(&t, slice_of(in.p, k));
        if (n == 0) {
            n = feed_exact(&t, in);
        } else if (n > 0) {
            cr_assert_eq(n, (ssize_t)k);
        }
        cr_assert_eq(n, whole->n, "cut at %zu of %.*s: %zd instead of %zd", k, SLICE_ARG(in), n,
                     whole->n);
        cr_assert_eq(t.p.fault, whole->p.fault, "cut at %zu of %.*s: %s", k, SLICE_ARG(in),
                     h1_fault_name(t.p.fault));
    }
}

/* One byte at a time, always from the same parser. */
static void expect_same_when_dripped(const struct parse *whole, struct slice in)
{
    struct parse t = parse_new(whole->response);
    t.method = whole->method;
    t.upgrade = whole->upgrade;
    for (size_t k = 1; k <= in.n && t.n == 0; k++)
        feed_exact(&t, slice_of(in.p, k));
    cr_assert_eq(t.n, whole->n, "dripped %.*s: %zd instead of %zd", SLICE_ARG(in), t.n, whole->n);
    cr_assert_eq(t.p.fault, whole->p.fault);
}

static struct parse accept_request(const char *text)
{
    struct slice in = slice_str(text);
    struct parse t = parse_new(false);
    feed(&t, in);
    cr_assert_eq(t.n, (ssize_t)in.n, "%s: %zd, %s", text, t.n, h1_fault_name(t.p.fault));
    expect_same_when_cut(&t, in);
    expect_same_when_dripped(&t, in);
    return t;
}

static struct parse accept_response_to(const char *text, enum method m, bool upgrade)
{
    struct slice in = slice_str(text);
    struct parse t = parse_new(true);
    t.method = m;
    t.upgrade = upgrade;
    feed(&t, in);
    cr_assert_eq(t.n, (ssize_t)in.n, "%s: %zd, %s", text, t.n, h1_fault_name(t.p.fault));
    expect_same_when_cut(&t, in);
    expect_same_when_dripped(&t, in);
    return t;
}

static struct parse accept_response(const char *text)
{
    return accept_response_to(text, METHOD_GET, false);
}

static void expect_fault(struct parse *t, struct slice in, enum h1_fault want)
{
    feed_exact(t, in);
    cr_assert_eq(t->n, -1, "accepted: %.*s (%zd)", SLICE_ARG(in), t->n);
    cr_assert_eq(t->p.fault, want, "%.*s: %s instead of %s", SLICE_ARG(in),
                 h1_fault_name(t->p.fault), h1_fault_name(want));
    expect_same_when_cut(t, in);
}

static void refuse_request_n(struct slice in, enum h1_fault want)
{
    struct parse t = parse_new(false);
    expect_fault(&t, in, want);
}

static void refuse_request(const char *text, enum h1_fault want)
{
    refuse_request_n(slice_str(text), want);
}

static void refuse_response_to(const char *text, enum method m, bool upgrade, enum h1_fault want)
{
    struct parse t = parse_new(true);
    t.method = m;
    t.upgrade = upgrade;
    expect_fault(&t, slice_str(text), want);
}

static void refuse_response(const char *text, enum h1_fault want)
{
    refuse_response_to(text, METHOD_GET, false, want);
}

#define REQUEST(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define POST(fields) "POST /p HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define RESPONSE(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

/* -- what is accepted ------------------------------------------------------------------------- */
Test(h1_parse, gives_the_parts_of_a_request)
{
    struct parse t = accept_request("PATCH /a/b?c=d HTTP/1.1\r\n"
                                    "Host: example.com:8080\r\n"
                                    "X-Empty:\r\n"
                                    "x-Spaced: \t  two  words\t \r\n"
                                    "Accept-Encoding:gzip\r\n"
                                    "Bytes: \xff\xc3\xa4\r\n"
                                    "\r\n");
    cr_assert(slice_eq(t.q.method, SLICE("PATCH")));
    cr_assert_eq(t.q.method_id, METHOD_PATCH);
    cr_assert(slice_eq(t.q.target, SLICE("/a/b?c=d")));
    cr_assert_eq(t.q.minor, 1);
    cr_assert_eq(t.q.fields.n, 5);
    cr_assert_eq(t.q.fields.v[0].token, TOKEN_HOST);
    cr_assert(slice_eq(t.q.fields.v[0].value, SLICE("example.com:8080")));
    cr_assert(slice_eq(t.q.fields.v[1].name, SLICE("X-Empty")));
    cr_assert_eq(t.q.fields.v[1].value.n, 0);
    cr_assert(slice_eq(t.q.fields.v[2].name, SLICE("x-Spaced")));
    cr_assert(slice_eq(t.q.fields.v[2].value, SLICE("two  words")));
    cr_assert_eq(t.q.fields.v[2].token, TOKEN_OTHER);
    cr_assert_eq(t.q.fields.v[3].token, TOKEN_ACCEPT_ENCODING);
    cr_assert(slice_eq(t.q.fields.v[3].value, SLICE("gzip")));
    cr_assert(slice_eq(t.q.fields.v[4].value, SLICE("\xff\xc3\xa4")));
    cr_assert_eq(t.q.body, BODY_NONE);
    cr_assert(t.q.keep_alive);
    cr_assert(!t.q.expect_continue && !t.q.upgrade && !t.q.te_trailers);
}

Test(h1_parse, takes_one_head_and_leaves_what_follows)
{
    struct slice in = SLICE(REQUEST("") "GET /second HTTP/1.1\r\nHost: b\r\n\r\n");
    struct parse t = parse_new(false);
    ssize_t first = feed(&t, in);
    cr_assert_eq(first, (ssize_t)sizeof(REQUEST("")) - 1);
    ssize_t second = feed(&t, slice_from(in, (size_t)first));
    cr_assert_eq((size_t)(first + second), in.n);
    cr_assert(slice_eq(t.q.target, SLICE("/second")));
}

Test(h1_parse, reads_every_method_and_unknown_ones)
{
#define M(name)                                                                                    \
    cr_assert_eq(accept_request(#name " /x HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id,              \
                 METHOD_##name);
    METHOD_LIST(M)
#undef M
    cr_assert_eq(accept_request("get / HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id, METHOD_OTHER);
    cr_assert_eq(accept_request("!#$%&'*+-.^_`|~9Az / HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id,
                 METHOD_OTHER);
}

Test(h1_parse, reads_every_form_of_target)
{
    static const char *const targets[] = {
        "/",
        "/a%20b",
        "*",
        "http://example.com/a?b",
        "example.com:443",
        "//",
        "/[::1]/(a)!$&'*+,;=:@",
    };
    for (size_t i = 0; i < array_n(targets); i++) {
        char text[128];
        snprintf(text, sizeof text, "OPTIONS %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i]);
        cr_assert(slice_eq(accept_request(text).q.target, slice_str(targets[i])), "%s", targets[i]);
    }
}

Test(h1_parse, reads_later_minor_versions_as_what_it_is)
{
    cr_assert_eq(accept_request("GET / HTTP/1.0\r\n\r\n").q.minor, 0);
    cr_assert_eq(accept_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_request("GET / HTTP/1.2\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_request("GET / HTTP/1.9\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_response("HTTP/1.0 200 OK\r\n\r\n").r.minor, 0);
    cr_assert_eq(accept_response("HTTP/1.7 200 OK\r\n\r\n").r.minor, 1);
}

Test(h1_parse, skips_a_few_empty_lines_before_a_request)
{
    accept_request("\r\n" REQUEST(""));
    accept_request("\r\n\r\n\r\n\r\n" REQUEST(""));
    refuse_request("\r\n\r\n\r\n\r\n\r\n" REQUEST(""), H1_START_LINE);
    refuse_request("\n" REQUEST(""), H1_BARE_LF);
    refuse_request("\r" REQUEST(""), H1_BARE_CR);
}

Test(h1_parse, knows_who_keeps_the_connection)
{
    cr_assert(accept_request(REQUEST("")).q.keep_alive);
    cr_assert(accept_request(REQUEST("Connection: foo\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: close\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("connection: a, CLOSE ,b\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: a\r\nConnection: close\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: keep-alive, close\r\n")).q.keep_alive);
    cr_assert(!accept_request("GET / HTTP/1.0\r\n\r\n").q.keep_alive);
    cr_assert(accept_request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").q.keep_alive);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nConnection: keep-alive,close\r\n\r\n").q.keep_alive);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n").q.keep_alive);
}

Test(h1_parse, accepts_empty_members_of_connection)
{
    accept_request(REQUEST("Connection:\r\n"));
    accept_request(REQUEST("Connection: , ,\r\n"));
    cr_assert(!accept_request(REQUEST("Connection: ,close,\r\n")).q.keep_alive);
}

Test(h1_parse, reads_the_framing_of_requests)
{
    struct parse t = accept_request(POST("Content-Length: 12\r\n"));
    cr_assert_eq(t.q.body, BODY_LENGTH);
    cr_assert_eq(t.q.content_length, 12);
    t = accept_request(POST("Content-Length: 0\r\n"));
    cr_assert_eq(t.q.body, BODY_LENGTH);
    cr_assert_eq(t.q.content_length, 0);
    t = accept_request(POST("Content-Length: 9223372036854775807\r\n"));
    cr_assert_eq(t.q.content_length, (uint64_t)INT64_MAX);
    t = accept_request(POST("Transfer-Encoding: chunked\r\n"));
    cr_assert_eq(t.q.body, BODY_CHUNKED);
    t = accept_request(POST("transfer-ENCODING: \tChUnKeD \t\r\n"));
    cr_assert_eq(t.q.body, BODY_CHUNKED);
    cr_assert_eq(accept_request(POST("")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(REQUEST("Content-Length: 3\r\n")).q.body, BODY_LENGTH);
}

Test(h1_parse, hears_100_continue_only_where_content_follows)
{
    cr_assert(
        accept_request(POST("Expect: 100-Continue\r\nContent-Length: 1\r\n")).q.expect_continue);
    cr_assert(accept_request(POST("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"))
                  .q.expect_continue);
    cr_assert(!accept_request(POST("Expect: 100-continue\r\n")).q.expect_continue);
    cr_assert(
        !accept_request(POST("Expect: 100-continue\r\nContent-Length: 0\r\n")).q.expect_continue);
    cr_assert(
        !accept_request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
             .q.expect_continue);
}

Test(h1_parse, hears_upgrade_when_both_fields_say_so)
{
    cr_assert(accept_request(REQUEST("Connection: Upgrade\r\nUpgrade: websocket\r\n")).q.upgrade);
    cr_assert(
        accept_request(REQUEST("Upgrade: foo\r\nConnection: keep-alive, upgrade\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Upgrade: websocket\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Connection: upgrade\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Connection: upgrade\r\nUpgrade:\r\n")).q.upgrade);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").q.upgrade);
}

Test(h1_parse, hears_te_trailers)
{
    cr_assert(accept_request(REQUEST("TE: trailers\r\n")).q.te_trailers);
    cr_assert(accept_request(REQUEST("TE: gzip;q=0.5, Trailers\r\n")).q.te_trailers);
    cr_assert(!accept_request(REQUEST("TE: gzip\r\n")).q.te_trailers);
    cr_assert(!accept_request("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n").q.te_trailers);
}

Test(h1_parse, wants_one_good_host)
{
    accept_request("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    accept_request("GET / HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n");
    accept_request("GET / HTTP/1.0\r\n\r\n");
    refuse_request("GET / HTTP/1.1\r\n\r\n", H1_HOST_MISSING);
    refuse_request("GET http://a/ HTTP/1.1\r\n\r\n", H1_HOST_MISSING);
    refuse_request("GET / HTTP/1.2\r\n\r\n", H1_HOST_MISSING);
    refuse_request(REQUEST("Host: a\r\n"), H1_HOST_TWICE);
    refuse_request(REQUEST("host: b\r\n"), H1_HOST_TWICE);
    refuse_request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", H1_HOST_TWICE);
    static const char *const bad[] = {"a b",  "a/b", "a@b", "a:b", "a:99999999",
                                      "[::1", "a?b", "a#b", "a\\b"};
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[64];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        refuse_request(text, H1_HOST_BAD);
    }
    refuse_request("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", H1_HOST_BAD);
}

/* -- what is refused -------------------------------------------------------------------------- */
struct bad {
    const char *text;
    enum h1_fault fault;
};

static void refuse_requests(const struct bad *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        refuse_request(v[i].text, v[i].fault);
}

Test(h1_parse, refuses_bad_start_lines)
{
    static const struct bad bad[] = {
        {" GET / HTTP/1.1\r\n\r\n", H1_START_LINE},
        {"\tGET / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G\tT / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"GET\t/ HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G(T / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G\xc3\xa4T / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"\x16\x03\x01\x02", H1_METHOD},
        {"GET\r\n\r\n", H1_START_LINE},
        {"GET\n\n", H1_BARE_LF},
        {"GET  / HTTP/1.1\r\n\r\n", H1_START_LINE},
        {"GET /\r\n\r\n", H1_START_LINE},
        {"GET /\n", H1_BARE_LF},
        {"GET /\t HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a#b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\x7f HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\x01 HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a\"b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a<b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a\\b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a{b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET / \r\n\r\n", H1_VERSION},
        {"GET /  HTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / b HTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / http/1.1\r\n\r\n", H1_VERSION},
        {"GET / Http/1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/11.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.10\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1 \r\n\r\n", H1_VERSION},
        {"GET / HTTP/-1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP 1.1\r\n\r\n", H1_VERSION},
        {"GET / XTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / ICAP/1.0\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1\n\n", H1_BARE_LF},
        {"GET / HTTP/1.1\r\r\n\r\n", H1_BARE_CR},
        {"GET / HTTP\n", H1_BARE_LF},
        {"GET / HTTP/2.0\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"GET / HTTP/0.9\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"GET / HTTP/3.0\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H1_VERSION_UNSUPPORTED},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE("GET /\0 HTTP/1.1\r\n\r\n"), H1_TARGET);
    refuse_request_n(SLICE("\0GET / HTTP/1.1\r\n\r\n"), H1_METHOD);
}

Test(h1_parse, refuses_bad_field_lines)
{
    static const struct bad bad[] = {
        {REQUEST("A: b\n"), H1_BARE_LF},
        {REQUEST("A: b\nC: d\r\n"), H1_BARE_LF},
        {REQUEST("A\n"), H1_BARE_LF},
        {REQUEST("A: b\rC: d\r\n"), H1_BARE_CR},
        {REQUEST("A: b\r\r\n"), H1_BARE_CR},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", H1_BARE_LF},
        {"GET / HTTP/1.1\r\nHost: a\r\n\rX", H1_BARE_CR},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", H1_BARE_LF},
        {REQUEST("A: b\r\n c\r\n"), H1_OBS_FOLD},
        {REQUEST("A: b\r\n\tc\r\n"), H1_OBS_FOLD},
        {REQUEST("A: b\r\n \r\n"), H1_OBS_FOLD},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", H1_OBS_FOLD},
        {REQUEST("A : b\r\n"), H1_FIELD_SPACE},
        {REQUEST("A\t: b\r\n"), H1_FIELD_SPACE},
        {REQUEST("Transfer-Encoding : chunked\r\n"), H1_FIELD_SPACE},
        {REQUEST("Content-Length : 5\r\n"), H1_FIELD_SPACE},
        {REQUEST("A b: c\r\n"), H1_FIELD_SPACE},
        {REQUEST(": b\r\n"), H1_FIELD_NAME},
        {REQUEST(":\r\n"), H1_FIELD_NAME},
        {REQUEST("A\r\n"), H1_FIELD_NAME},
        {REQUEST("A=b: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A(b): c\r\n"), H1_FIELD_NAME},
        {REQUEST("\"A\": c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\x01: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\x7f: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\xc3\xa4: c\r\n"), H1_FIELD_NAME},
        {REQUEST("\x0b"
                 "Transfer-Encoding: chunked\r\n"),
         H1_FIELD_NAME},
        {REQUEST("A: \x01\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x0b\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x0c"
                 "c\r\n"),
         H1_FIELD_VALUE},
        {REQUEST("A: b\x1f\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x7f\r\n"), H1_FIELD_VALUE},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE(REQUEST("A: \0\r\n")), H1_FIELD_VALUE);
    refuse_request_n(SLICE(REQUEST("A\0: b\r\n")), H1_FIELD_NAME);
    refuse_request_n(SLICE(REQUEST("A: b\r\0\n")), H1_BARE_CR);
}

/* What is known of request smuggling: each of these was a message with two meanings to some pair
 * of servers. */
Test(h1_parse, refuses_framing_with_two_meanings)
{
    static const struct bad bad[] = {
        {POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), H1_LENGTH_AND_CODING},
        {POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), H1_LENGTH_AND_CODING},
        {POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), H1_LENGTH_AND_CODING},
        {POST("Content-Length: 5\r\nContent-Length: 6\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 0\r\ncontent-length: 5\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 5,5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5, 5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5 5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: +5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: -5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 0x5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5.0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5e0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 1_0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: five\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: \"5\"\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5;\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length:\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: ,\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 9223372036854775808\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 18446744073709551616\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 18446744073709551621\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: \xef\xbc\x95\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length:\x0b"
              "5\r\n"),
         H1_FIELD_VALUE},
        {POST("Content_Length: 5\r\nContent-Length: x\r\n"), H1_LENGTH_BAD},
        {POST("Transfer-Encoding: xchunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunkedx\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunke\r\n"), H1_CODING},
        {POST("Transfer-Encoding:\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: gzip\r\n"), H1_CODING},
        {POST("Transfer-Encoding: gzip, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked, identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: , chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked,\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked;q=1\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked;\r\n"), H1_CODING},
        {POST("Transfer-Encoding: \"chunked\"\r\n"), H1_CODING},
        {POST("Transfer-Encoding: 'chunked'\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked foo\r\n"), H1_CODING},
        {POST("Transfer-Encoding: : chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: \xff"
              "chunked\r\n"),
         H1_CODING},
        {POST("Transfer-Encoding: chunked\xa0\r\n"), H1_CODING},
        {POST("Transfer-Encoding:\x0b"
              "chunked\r\n"),
         H1_FIELD_VALUE},
        {POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding\t: chunked\r\n"), H1_FIELD_SPACE},
        {POST("Transfer-Encoding\r\n : chunked\r\n"), H1_FIELD_NAME},
        {POST("Transfer-Encoding:\r\n chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked\r\n foo\r\n"), H1_OBS_FOLD},
        {POST(" Transfer-Encoding: chunked\r\n"), H1_OBS_FOLD},
        {POST("X: y\rTransfer-Encoding: chunked\r\n"), H1_BARE_CR},
        {POST("X: y\nTransfer-Encoding: chunked\r\n"), H1_BARE_LF},
        {POST("[Transfer-Encoding: chunked\r\n"), H1_FIELD_NAME},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CODING_VERSION},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         H1_CODING_VERSION},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE(POST("Transfer-Encoding: chunked\0\r\n")), H1_FIELD_VALUE);
    refuse_request_n(SLICE(POST("Content-Length: 5\0\r\n")), H1_FIELD_VALUE);
}

Test(h1_parse, frames_nothing_by_names_that_merely_look_alike)
{
    cr_assert_eq(accept_request(POST("Transfer_Encoding: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("X-Transfer-Encoding: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Transfer-Encodin: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Content_Length: 5\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Content-Lengths: 5\r\n")).q.body, BODY_NONE);
}

Test(h1_parse, refuses_other_expectations)
{
    refuse_request(POST("Expect: 200-ok\r\n"), H1_EXPECT);
    refuse_request(POST("Expect:\r\n"), H1_EXPECT);
    refuse_request(POST("Expect: 100-continue, 100-continue\r\n"), H1_EXPECT);
    refuse_request("POST / HTTP/1.0\r\nExpect: x\r\n\r\n", H1_EXPECT);
}

Test(h1_parse, refuses_a_connection_field_that_is_no_list)
{
    refuse_request(REQUEST("Connection: a b\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: close;x\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: \"close\"\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: x\r\nConnection: @\r\n"), H1_CONNECTION_BAD);
}

static void add_options(char *to, int n)
{
    strcpy(to, "GET / HTTP/1.1\r\nHost: a\r\nConnection: o");
    for (int i = 1; i < n; i++)
        strcat(to, ",o");
    strcat(to, "\r\n\r\n");
}

Test(h1_parse, bounds_the_members_of_connection)
{
    char text[256];
    add_options(text, H1_OPTIONS_MAX);
    accept_request(text);
    add_options(text, H1_OPTIONS_MAX + 1);
    refuse_request(text, H1_CONNECTION_BAD);
}

/* -- limits ----------------------------------------------------------------------------------- */
Test(h1_parse, bounds_the_target)
{
    char text[512];
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 255, 0);
    cr_assert_eq(accept_request(text).q.target.n, limits.target_size);
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 256, 0);
    refuse_request(text, H1_TARGET_LONG);
    snprintf(text, sizeof text, "GET /%0*d", 256, 0); /* its end isn't waited for */
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_TARGET_LONG);
}

Test(h1_parse, bounds_the_count_of_fields)
{
    char text[256] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < limits.field_count; i++)
        strcat(text, "A: b\r\n");
    size_t n = strlen(text);
    strcpy(text + n, "\r\n");
    cr_assert_eq(accept_request(text).q.fields.n, limits.field_count);
    strcpy(text + n, "C: d\r\n\r\n");
    refuse_request(text, H1_FIELDS_MANY);
}

Test(h1_parse, bounds_the_head)
{
    char text[4096];
    int room = (int)(limits.head_size - sizeof(REQUEST("A: \r\n")) + 1);
    snprintf(text, sizeof text, REQUEST("A: %0*d\r\n"), room, 0);
    cr_assert_eq(strlen(text), limits.head_size);
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), (ssize_t)limits.head_size);

    snprintf(text, sizeof text, REQUEST("A: %0*d\r\n"), room + 1, 0);
    t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
    t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(text, limits.head_size - 1)), 0);
    cr_assert_eq(feed(&t, slice_of(text, limits.head_size)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
}

Test(h1_parse, takes_a_large_head_out_of_a_larger_input)
{
    char text[8192];
    size_t head = sizeof(REQUEST("")) - 1;
    memset(text, 'x', sizeof text);
    memcpy(text, REQUEST(""), head);
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(text, sizeof text)), (ssize_t)head);
}

/* -- trickling heads -------------------------------------------------------------------------- */
static size_t looked_at; /* bytes given to the counting scans */

static const char *count_value(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && byte_class[(uint8_t)*p] & BYTE_VALUE)
        p++;
    looked_at += (size_t)(p - from) + 1;
    return p;
}

static const char *count_token(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && byte_class[(uint8_t)*p] & BYTE_TCHAR)
        p++;
    looked_at += (size_t)(p - from) + 1;
    return p;
}

Test(h1_parse, costs_linear_work_however_slowly_a_head_comes)
{
    static const struct h1_limits large = {65536, 8192, 64};
    static char text[40000] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t n = strlen(text);
    for (int i = 0; i < 50; i++)
        n += (size_t)sprintf(text + n, "Field-%d: %0*d\r\n", i, 700, 0);
    h1_scan_value = count_value;
    h1_scan_token = count_token;
    struct field room[64];
    struct h1_parser p = {.limits = &large, .fields = room};
    struct request_head h;
    for (size_t k = 1; k <= n; k++)
        cr_assert_eq(h1_parse_request(&p, slice_of(text, k), &h), 0);
    cr_assert_lt(looked_at, 5 * n, "%zu for %zu bytes", looked_at, n);
    memcpy(text + n, "\r\n", 2);
    cr_assert_eq(h1_parse_request(&p, slice_of(text, n + 1), &h), 0);
    cr_assert_eq(h1_parse_request(&p, slice_of(text, n + 2), &h), (ssize_t)n + 2);
}

Test(h1_parse, gives_up_at_once_on_a_bare_lf_that_trickles_in)
{
    struct slice in = SLICE("GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n");
    struct parse t = parse_new(false);
    for (size_t k = 1; k < in.n - 1; k++)
        cr_assert_eq(feed(&t, slice_of(in.p, k)), 0);
    cr_assert_eq(feed(&t, slice_of(in.p, in.n - 1)), -1);
    cr_assert_eq(t.p.fault, H1_BARE_LF);
}

/* The parser keeps nothing that points into an earlier input, nor into the list of fields. */
Test(h1_parse, goes_on_when_bytes_and_room_have_moved)
{
    struct slice in = SLICE(POST("Content-Length: 7\r\nConnection: close\r\n"));
    for (size_t k = 1; k < in.n; k++) {
        struct field first[12], second[12];
        struct request_head a, b;
        struct h1_parser p = {.limits = &limits, .fields = first};
        struct slice part = exact(slice_of(in.p, k));
        cr_assert_eq(h1_parse_request(&p, part, &a), 0);
        memset((char *)part.p, 0, part.n);
        free((char *)part.p);
        memset(first, 0, sizeof first);
        p.fields = second;
        cr_assert_eq(h1_parse_request(&p, in, &b), (ssize_t)in.n);
        cr_assert_eq(b.content_length, 7);
        cr_assert(!b.keep_alive);
        cr_assert_eq(b.fields.v, second);
    }
}

/* -- responses -------------------------------------------------------------------------------- */
Test(h1_parse, gives_the_parts_of_a_response)
{
    struct parse t = accept_response("HTTP/1.1 404 Not \xc3\xa4 Found\r\n"
                                     "Content-Type: text/plain\r\n"
                                     "Content-Length: 5\r\n"
                                     "\r\n");
    cr_assert_eq(t.r.status, 404);
    cr_assert(slice_eq(t.r.reason, SLICE("Not \xc3\xa4 Found")));
    cr_assert_eq(t.r.minor, 1);
    cr_assert_eq(t.r.body, BODY_LENGTH);
    cr_assert_eq(t.r.content_length, 5);
    cr_assert(t.r.has_length);
    cr_assert(t.r.keep_alive);
    cr_assert_eq(t.r.fields.n, 2);
    cr_assert_eq(t.r.fields.v[0].token, TOKEN_CONTENT_TYPE);
}

Test(h1_parse, accepts_a_missing_reason)
{
    cr_assert_eq(accept_response("HTTP/1.1 200 \r\n\r\n").r.reason.n, 0);
    cr_assert_eq(accept_response("HTTP/1.1 200\r\n\r\n").r.reason.n, 0);
    cr_assert_eq(accept_response("HTTP/1.1 999 \r\n\r\n").r.status, 999);
}

Test(h1_parse, frames_a_response_by_status_and_method)
{
    static const struct {
        const char *text;
        enum method method;
        enum body_kind body;
        bool keep_alive;
    } cases[] = {
        {RESPONSE("Content-Length: 5\r\n"), METHOD_GET, BODY_LENGTH, true},
        {RESPONSE("Transfer-Encoding: chunked\r\n"), METHOD_GET, BODY_CHUNKED, true},
        {RESPONSE(""), METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE("Connection: keep-alive\r\n"), METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE("Content-Length: 5\r\n"), METHOD_HEAD, BODY_NONE, true},
        {RESPONSE("Transfer-Encoding: chunked\r\n"), METHOD_HEAD, BODY_NONE, true},
        {RESPONSE(""), METHOD_HEAD, BODY_NONE, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", METHOD_POST, BODY_NONE, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", METHOD_GET, BODY_LENGTH, true},
        {RESPONSE("Connection: close\r\nContent-Length: 5\r\n"), METHOD_GET, BODY_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", METHOD_GET, BODY_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", METHOD_GET,
         BODY_LENGTH, true},
        {"HTTP/1.0 200 OK\r\n\r\n", METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE(""), METHOD_CONNECT, BODY_TUNNEL, false},
        {RESPONSE("Content-Length: 5\r\n"), METHOD_CONNECT, BODY_TUNNEL, false},
        {"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", METHOD_CONNECT, BODY_LENGTH, true},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        struct parse t = accept_response_to(cases[i].text, cases[i].method, false);
        cr_assert_eq(t.r.body, cases[i].body, "%s: %d", cases[i].text, t.r.body);
        cr_assert_eq(t.r.keep_alive, cases[i].keep_alive, "%s", cases[i].text);
    }
}

Test(h1_parse, remembers_a_length_where_there_is_no_content)
{
    struct parse t = accept_response_to(RESPONSE("Content-Length: 5\r\n"), METHOD_HEAD, false);
    cr_assert(t.r.has_length);
    cr_assert_eq(t.r.content_length, 5);
    t = accept_response_to(RESPONSE(""), METHOD_HEAD, false);
    cr_assert(!t.r.has_length);
    cr_assert_eq(t.r.content_length, 0);
}

Test(h1_parse, switches_protocols_only_when_asked)
{
    static const char yes[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    struct parse t = accept_response_to(yes, METHOD_GET, true);
    cr_assert_eq(t.r.body, BODY_TUNNEL);
    cr_assert(!t.r.keep_alive);
    refuse_response_to(yes, METHOD_GET, false, H1_SWITCH);
    refuse_response_to("HTTP/1.1 101 x\r\n\r\n", METHOD_GET, true, H1_SWITCH);
    refuse_response_to("HTTP/1.0 101 x\r\nUpgrade: a\r\n\r\n", METHOD_GET, true, H1_SWITCH);
}

Test(h1_parse, refuses_bad_responses)
{
    static const struct bad bad[] = {
        {"HTTP/1.1 99 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 099 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 000 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 1000 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 20 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 2xx x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 -20 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1  200 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 200\tOK\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 20\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 200\n\n", H1_BARE_LF},
        {"HTTP/1.1 20\n\n", H1_BARE_LF},
        {"HTTP/1.1 200\rX", H1_BARE_CR},
        {"HTTP/1.1 200 OK\n\n", H1_BARE_LF},
        {"HTTP/1.1 200 O\rK\r\n\r\n", H1_BARE_CR},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", H1_START_LINE},
        {"HTTP/1.1\r\n\r\n", H1_VERSION},
        {"HTTP/1.1\n", H1_BARE_LF},
        {"HTTP/1.1\t200 OK\r\n\r\n", H1_VERSION},
        {"HTTP/1.12 200 OK\r\n\r\n", H1_VERSION},
        {"http/1.1 200 OK\r\n\r\n", H1_VERSION},
        {"ICY 200 OK\r\n\r\n", H1_VERSION},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", H1_VERSION},
        {" HTTP/1.1 200 OK\r\n\r\n", H1_VERSION},
        {"0\r\n\r\n", H1_VERSION},
        {"HTTP/2.0 200 OK\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {RESPONSE("A: b\n"), H1_BARE_LF},
        {RESPONSE("A: b\rC: d\r\n"), H1_BARE_CR},
        {RESPONSE("A: b\r\n c\r\n"), H1_OBS_FOLD},
        {RESPONSE("A : b\r\n"), H1_FIELD_SPACE},
        {RESPONSE("A\r\n"), H1_FIELD_NAME},
        {RESPONSE(": b\r\n"), H1_FIELD_NAME},
        {RESPONSE("A: \x02\r\n"), H1_FIELD_VALUE},
        {RESPONSE("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_LENGTH_TWICE},
        {RESPONSE("Content-Length: 5, 5\r\n"), H1_LENGTH_BAD},
        {RESPONSE("Content-Length: -1\r\n"), H1_LENGTH_BAD},
        {RESPONSE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), H1_LENGTH_AND_CODING},
        {RESPONSE("Transfer-Encoding: gzip, chunked\r\n"), H1_CODING},
        {RESPONSE("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CODING_VERSION},
        {RESPONSE("Connection: a b\r\n"), H1_CONNECTION_BAD},
        {"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n", H1_SWITCH},
    };
    for (size_t i = 0; i < array_n(bad); i++)
        refuse_response(bad[i].text, bad[i].fault);
    refuse_response_to(RESPONSE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), METHOD_HEAD,
                       false, H1_LENGTH_AND_CODING);
}

Test(h1_parse, bounds_responses_too)
{
    char text[4096] = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i <= limits.field_count; i++)
        strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    refuse_response(text, H1_FIELDS_MANY);
    struct parse t = parse_new(true);
    snprintf(text, sizeof text, "HTTP/1.1 200 %0*d", (int)limits.head_size, 0);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
}

Test(h1_parse, asks_nothing_of_request_fields_in_a_response)
{
    accept_response(RESPONSE("Host: a\r\nHost: b c\r\nExpect: x\r\nContent-Length: 0\r\n"));
}

/* -- field sections and names of faults ------------------------------------------------------- */
Test(h1_parse, reads_field_lines_alone)
{
    struct field room[12];
    struct fields out;
    struct slice in = SLICE("A: b\r\nC: d\r\n\r\nrest");
    for (size_t k = 0; k <= in.n; k++) {
        struct h1_parser p = {.limits = &limits, .fields = room};
        ssize_t n = h1_parse_fields(&p, slice_of(in.p, k), &out);
        cr_assert_eq(n, k < in.n - 4 ? 0 : (ssize_t)in.n - 4);
        if (n == 0)
            cr_assert_eq(h1_parse_fields(&p, in, &out), (ssize_t)in.n - 4);
        cr_assert_eq(out.n, 2);
    }
    struct h1_parser p = {.limits = &limits, .fields = room};
    cr_assert_eq(h1_parse_fields(&p, SLICE("\r"), &out), 0);
    cr_assert_eq(h1_parse_fields(&p, SLICE("\r\n"), &out), 2);
    cr_assert_eq(out.n, 0);
    cr_assert_eq(h1_parse_fields(&p, SLICE("A\r\n\r\n"), &out), -1);
    cr_assert_eq(p.fault, H1_FIELD_NAME);
}

Test(h1_parse, names_faults_in_lower_case)
{
    cr_assert_str_eq(h1_fault_name(H1_BARE_LF), "bare_lf");
    cr_assert_str_eq(h1_fault_name(H1_NONE), "none");
    for (enum h1_fault f = H1_NONE; f < H1_FAULT_N; f++) {
        const char *name = h1_fault_name(f);
        cr_assert(*name && *h1_fault_text(f));
        for (; *name; name++)
            cr_assert(*name == '_' || (*name >= 'a' && *name <= 'z'), "%s", h1_fault_name(f));
        uint16_t status = h1_fault_status(f);
        cr_assert(status == 0 || (status >= 400 && status < 600));
    }
    cr_assert_eq(h1_fault_status(H1_VERSION_UNSUPPORTED), 505);
    cr_assert_str_eq(h1_fault_name(H1_VERSION_UNSUPPORTED), "version_unsupported");
    cr_assert_str_eq(h1_fault_name(H1_CONTENT_UNEXPECTED), "content_unexpected");
}
