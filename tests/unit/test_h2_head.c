/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests over HTTP/2: which are refused and why, and what becomes of the others. */
#include "tests/unit/h2_case.h"

#define GET ":method: GET\n:scheme: https\n:authority: a.example\n:path: /x\n"
#define POST ":method: POST\n:scheme: https\n:authority: a.example\n:path: /x\n"
#define CONNECT ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /chat\n"           \
                ":authority: a.example\n"

static const char key[25] = "dGhlIHNhbXBsZSBub25jZQ==";

TestSuite(h2_head, .init = h2_case_begin, .fini = h2_case_end);

static enum h2_fault judge(const char *lines, bool ended, struct request_head *h)
{
    struct slice raw;
    h2_fill(lines);
    const enum h2_fault f = h2_block_request(&block, ended, key, h, &raw);
    cr_assert(h2_inside(h->method, raw) && h2_inside(h->target, raw));
    for (uint16_t i = 0; i < h->fields.n; i++)
        cr_assert(h2_inside(h->fields.v[i].name, raw) && h2_inside(h->fields.v[i].value, raw));
    return f;
}

static struct request_head good(const char *lines, bool ended)
{
    struct request_head h;
    const enum h2_fault f = judge(lines, ended, &h);
    cr_assert_eq(f, H2_FAULT_NONE, "%s: %s", lines, h2_fault_name(f));
    return h;
}

static void bad(const char *lines, enum h2_fault want)
{
    struct request_head h;
    for (int ended = 0; ended < 2; ended++) {
        const enum h2_fault f = judge(lines, ended, &h);
        cr_assert_eq(f, want, "%s: %s, not %s", lines, h2_fault_name(f), h2_fault_name(want));
    }
}

Test(h2_head, makes_the_head_that_http_1_would_have)
{
    const struct request_head h = good(GET "accept: text/html\nx-a: 1\nx-a: 2\n", true);
    EXPECT_SLICE(h.method, "GET");
    EXPECT_SLICE(h.target, "/x");
    cr_assert_eq(h.method_id, METHOD_GET);
    cr_assert(h.major == 2 && h.minor == 1 && h.keep_alive && !h.upgrade && !h.expect_continue);
    cr_assert(h.body == BODY_NONE && h.content_length == 0);
    cr_assert_str_eq(h2_lines(&h.fields), "host: a.example|accept: text/html|x-a: 1|x-a: 2|");
}

Test(h2_head, finds_how_the_content_ends)
{
    cr_assert_eq(good(POST, false).body, BODY_CHUNKED);
    cr_assert_eq(good(POST, true).body, BODY_NONE);
    const struct request_head h = good(POST "content-length: 12\n", false);
    cr_assert(h.body == BODY_LENGTH && h.content_length == 12);
    cr_assert_eq(good(POST "content-length: 0\n", true).body, BODY_LENGTH);
}

Test(h2_head, refuses_lengths_that_can_be_read_in_two_ways)
{
    bad(POST "content-length: 1\ncontent-length: 1\n", H2_FAULT_LENGTH);
    bad(POST "content-length: 1, 1\n", H2_FAULT_LENGTH);
    bad(POST "content-length: +1\n", H2_FAULT_LENGTH);
    bad(POST "content-length: -1\n", H2_FAULT_LENGTH);
    bad(POST "content-length: 0x1\n", H2_FAULT_LENGTH);
    bad(POST "content-length:\n", H2_FAULT_LENGTH);
    bad(POST "content-length: 9223372036854775808\n", H2_FAULT_LENGTH);
    struct request_head h;
    cr_assert_eq(judge(POST "content-length: 3\n", true, &h), H2_FAULT_LENGTH);
    cr_assert_eq(judge(POST "content-length: 3\n", false, &h), H2_FAULT_NONE);
}

Test(h2_head, wants_each_pseudo_field_once_and_first)
{
    bad(":scheme: https\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO_MISSING);
    bad(":method: GET\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO_MISSING);
    bad(":method: GET\n:scheme: https\n:authority: a\n", H2_FAULT_PSEUDO_MISSING);
    bad("", H2_FAULT_PSEUDO_MISSING);
    bad(GET ":path: /x\n", H2_FAULT_PSEUDO);
    bad(GET ":method: GET\n", H2_FAULT_PSEUDO);
    bad(GET ":status: 200\n", H2_FAULT_PSEUDO);
    bad(GET ":protocol: websocket\n", H2_FAULT_PSEUDO);
    bad(GET ":other: x\n", H2_FAULT_PSEUDO);
    bad(GET ":: x\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\nx-a: 1\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:Path: /\n", H2_FAULT_PSEUDO);
}

Test(h2_head, wants_pseudo_fields_to_be_what_they_say)
{
    bad(":method: G T\n:scheme: https\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method:\n:scheme: https\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: ftp\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme:\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path:\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path: x\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path: http://b/\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path: /a b\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path: /#f\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a\n:path: *\n", H2_FAULT_PSEUDO);
    bad(":path:\n:method: GET\n:scheme: https\n:authority: a\n:path: /\n", H2_FAULT_PSEUDO);
    EXPECT_SLICE(good(":method: OPTIONS\n:scheme: https\n:authority: a\n:path: *\n", true).target,
                 "*");
}

Test(h2_head, lets_host_stand_for_the_authority_and_refuses_two)
{
    const struct request_head h =
        good(":method: GET\n:scheme: http\n:path: /\nx-a: 1\nhost: b:80\n", true);
    cr_assert_str_eq(h2_lines(&h.fields), "x-a: 1|host: b:80|");
    const struct request_head same = good(GET "host: A.Example\n", true);
    cr_assert_str_eq(h2_lines(&same.fields), "host: A.Example|");
    bad(GET "host: b.example\n", H2_FAULT_HOST_DIFFERS);
    bad(GET "host: a.example:443\n", H2_FAULT_HOST_DIFFERS);
    bad(GET "host:\n", H2_FAULT_HOST_DIFFERS);
    bad(GET "host: a.example\nhost: a.example\n", H2_FAULT_HOST_DIFFERS);
    bad(":method: GET\n:scheme: https\n:path: /\n", H2_FAULT_PSEUDO_MISSING);
    bad(":method: GET\n:scheme: https\n:authority:\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: u@a\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: GET\n:scheme: https\n:authority: a/b\n:path: /\n", H2_FAULT_PSEUDO);
}

Test(h2_head, refuses_names_that_are_no_tokens_in_lower_case)
{
    bad(GET "X-a: 1\n", H2_FAULT_NAME);
    bad(GET "aCcept: 1\n", H2_FAULT_NAME);
    bad(GET "x a: 1\n", H2_FAULT_NAME);
    bad(GET "x\ra: 1\n", H2_FAULT_NAME);
    bad(GET "x\x80: 1\n", H2_FAULT_NAME);
    h2_fill(GET);
    cr_assert(h2_block_add(&block, SLICE(""), SLICE("x")));
    cr_assert_eq(block.fault, H2_FAULT_NAME);
}

Test(h2_head, refuses_values_with_line_ends_nul_and_outer_space)
{
    bad(GET "x-a: a\rb\n", H2_FAULT_VALUE);
    bad(GET "x-a: a\x7f\n", H2_FAULT_VALUE);
    bad(GET "x-a: \x01\n", H2_FAULT_VALUE);
    bad(GET "x-a:  a\n", H2_FAULT_VALUE);
    bad(GET "x-a: a\t\n", H2_FAULT_VALUE);
    static const struct slice values[] = {SLICE_INIT("a\nb"), SLICE_INIT("a\0b"),
                                          SLICE_INIT("a\r\nx-b: c"), SLICE_INIT("\n")};
    for (size_t i = 0; i < array_n(values); i++) {
        h2_fill(GET);
        cr_assert(h2_block_add(&block, SLICE("x-a"), values[i]));
        cr_assert_eq(block.fault, H2_FAULT_VALUE);
        h2_block_begin(&block);
        cr_assert(h2_block_add(&block, SLICE(":path"), values[i]));
        cr_assert_eq(block.fault, H2_FAULT_VALUE);
    }
    good(GET "x-a: a\tb \xc3\xa4 c\nx-b:\n", true);
}

Test(h2_head, refuses_connection_fields)
{
    bad(GET "connection: close\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "keep-alive: 5\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "proxy-connection: close\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "transfer-encoding: chunked\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "upgrade: h2c\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "te: gzip\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "te: trailers\nte: gzip\n", H2_FAULT_CONNECTION_FIELD);
    bad(GET "te: trailers, gzip\n", H2_FAULT_CONNECTION_FIELD);
    cr_assert(good(GET "te: trailers\n", true).te_trailers);
    cr_assert(!good(GET, true).te_trailers);
}

Test(h2_head, joins_cookies)
{
    struct request_head h = good(GET "cookie: a=1\n", true);
    cr_assert_str_eq(h2_lines(&h.fields), "host: a.example|cookie: a=1|");
    h = good(GET "cookie: a=1\nx-a: y\ncookie: b=2\ncookie: c=3\nx-b: z\n", true);
    cr_assert_str_eq(h2_lines(&h.fields),
                     "host: a.example|cookie: a=1; b=2; c=3|x-a: y|x-b: z|");
}

Test(h2_head, joins_cookies_that_do_not_fit_into_the_first_memory)
{
    char lines[4000] = GET, want[4000] = "host: a.example|cookie: ";
    for (int i = 0; i < 15; i++) {
        char one[128];
        snprintf(one, sizeof one, "c%02d=%090d", i, i);
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "cookie: %s\n", one);
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", i ? "; " : "", one);
    }
    snprintf(want + strlen(want), sizeof want - strlen(want), "|");
    const struct request_head h = good(lines, true);
    cr_assert_str_eq(h2_lines(&h.fields), want);
    EXPECT_SLICE(h.method, "GET");
    EXPECT_SLICE(h.target, "/x");
}

Test(h2_head, knows_one_expectation)
{
    cr_assert(good(POST "expect: 100-Continue\n", false).expect_continue);
    cr_assert(!good(POST "expect: 100-continue\n", true).expect_continue);
    cr_assert(!good(POST "content-length: 0\nexpect: 100-continue\n", false).expect_continue);
    bad(POST "expect: cake\n", H2_FAULT_EXPECT);
    bad(POST "expect: 100-continue\nexpect: cake\n", H2_FAULT_EXPECT);
}

Test(h2_head, makes_an_upgrade_of_an_extended_connect)
{
    const struct request_head h =
        good(CONNECT "sec-websocket-version: 13\nsec-websocket-key: mine\n", false);
    EXPECT_SLICE(h.method, "GET");
    EXPECT_SLICE(h.target, "/chat");
    cr_assert(h.method_id == METHOD_GET && h.upgrade && h.body == BODY_NONE);
    cr_assert_str_eq(h2_lines(&h.fields),
                     "host: a.example|sec-websocket-version: 13|upgrade: websocket|"
                     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==|");
    cr_assert(good(CONNECT, true).upgrade);
}

Test(h2_head, refuses_connect_that_is_neither_plain_nor_for_a_websocket)
{
    bad(":method: CONNECT\n:protocol: connect-udp\n:scheme: https\n:path: /\n:authority: a\n",
        H2_FAULT_PROTOCOL);
    bad(":method: CONNECT\n:protocol: websocket\n:authority: a\n", H2_FAULT_PSEUDO_MISSING);
    bad(":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /\n",
        H2_FAULT_PSEUDO_MISSING);
    bad(":method: CONNECT\n:authority: a:1\n:path: /\n", H2_FAULT_PSEUDO);
    bad(":method: CONNECT\n:authority: a:1\n:scheme: https\n", H2_FAULT_PSEUDO);
    bad(":method: CONNECT\n", H2_FAULT_PSEUDO_MISSING);
    bad(CONNECT "content-length: 1\n", H2_FAULT_LENGTH);
    const struct request_head h = good(":method: CONNECT\n:authority: a:443\n", false);
    cr_assert(h.method_id == METHOD_CONNECT && !h.upgrade);
    EXPECT_SLICE(h.target, "a:443");
}

Test(h2_head, holds_to_its_limits)
{
    char lines[8192] = GET;
    for (int i = 0; i < 20; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "x-%d: 1\n", i);
    good(lines, true);
    strcat(lines, "x-z: 1\n");
    bad(lines, H2_FAULT_FIELDS_MANY);
    snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:authority: a\n:path: /%063d\n", 0);
    good(lines, true);
    snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:authority: a\n:path: /%064d\n", 0);
    bad(lines, H2_FAULT_TARGET_LONG);
    /* 42, 44, 51 and 39 with 32 of overhead each; x-a and its own 32 */
    const int left = 4096 - (7 + 3 + 7 + 5 + 10 + 9 + 5 + 2 + 4 * 32) - 35;
    snprintf(lines, sizeof lines, GET "x-a: %0*d\n", left, 0);
    good(lines, true);
    snprintf(lines, sizeof lines, GET "x-a: %0*d\n", left + 1, 0);
    bad(lines, H2_FAULT_HEAD_LARGE);
}

Test(h2_head, gives_the_log_what_was_valid_of_a_bad_head)
{
    struct request_head h;
    cr_assert_eq(judge(GET "connection: close\n", true, &h), H2_FAULT_CONNECTION_FIELD);
    EXPECT_SLICE(h.method, "GET");
    EXPECT_SLICE(h.target, "/x");
    cr_assert_eq(judge(":method: A B\n:scheme: http\n:authority: a\n:path: x\n", true, &h),
                 H2_FAULT_PSEUDO);
    cr_assert(!h.method.p && !h.target.p);
}

Test(h2_head, forgets_a_block_with_the_next)
{
    bad(GET "X: 1\n", H2_FAULT_NAME);
    good(GET, true);
    h2_block_fini(&block);
    good(GET, true);
}

Test(h2_head, knows_what_to_answer)
{
    cr_assert_eq(h2_fault_status(H2_FAULT_NAME), 400);
    cr_assert_eq(h2_fault_status(H2_FAULT_TARGET_LONG), 414);
    cr_assert_eq(h2_fault_status(H2_FAULT_EXPECT), 417);
    cr_assert_eq(h2_fault_status(H2_FAULT_HEAD_LARGE), 431);
    cr_assert_eq(h2_fault_status(H2_FAULT_FIELDS_MANY), 431);
    cr_assert_eq(h2_fault_status(H2_FAULT_PROTOCOL), 501);
    cr_assert_str_eq(h2_fault_name(H2_FAULT_HOST_DIFFERS), "host_differs");
}
