/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of responses over HTTP/2, and trailers. */
#include "tests/unit/h2_case.h"

TestSuite(h2_response, .init = h2_case_begin, .fini = h2_case_end);

static enum h2_fault judge(const char *lines, bool ended, enum method m, bool tunnel,
                           struct response_head *h)
{
    struct slice raw;
    h2_fill(lines);
    const enum h2_fault f = h2_block_response(&block, ended, m, tunnel, h, &raw);
    for (uint16_t i = 0; i < h->fields.n; i++)
        cr_assert(h2_inside(h->fields.v[i].name, raw) && h2_inside(h->fields.v[i].value, raw));
    cr_assert(h2_inside(h->reason, raw));
    return f;
}

static struct response_head good(const char *lines, bool ended, enum method m)
{
    struct response_head h;
    const enum h2_fault f = judge(lines, ended, m, false, &h);
    cr_assert_eq(f, H2_FAULT_NONE, "%s: %s", lines, h2_fault_name(f));
    return h;
}

static void bad(const char *lines, bool ended, enum method m, enum h2_fault want)
{
    struct response_head h;
    const enum h2_fault f = judge(lines, ended, m, false, &h);
    cr_assert_eq(f, want, "%s: %s, not %s", lines, h2_fault_name(f), h2_fault_name(want));
}

Test(h2_response, makes_the_head_that_http_1_would_have)
{
    const struct response_head h =
        good(":status: 200\ncontent-length: 5\nset-cookie: a\nset-cookie: b\n", false, METHOD_GET);
    cr_assert(h.status == 200 && h.major == 2 && h.minor == 1 && h.keep_alive);
    cr_assert(h.body == BODY_LENGTH && h.has_length && h.content_length == 5);
    cr_assert_str_eq(h2_lines(&h.fields), "content-length: 5|set-cookie: a|set-cookie: b|");
}

Test(h2_response, finds_how_the_content_ends)
{
    cr_assert_eq(good(":status: 200\n", false, METHOD_GET).body, BODY_CHUNKED);
    struct response_head h = good(":status: 200\n", true, METHOD_GET);
    cr_assert(h.body == BODY_LENGTH && h.has_length && h.content_length == 0);
    h = good(":status: 200\ncontent-length: 7\n", true, METHOD_HEAD);
    cr_assert(h.body == BODY_NONE && h.has_length && h.content_length == 7);
    h = good(":status: 304\ncontent-length: 7\n", true, METHOD_GET);
    cr_assert(h.body == BODY_NONE && h.has_length && h.content_length == 7);
    h = good(":status: 204\n", true, METHOD_GET);
    cr_assert(h.body == BODY_NONE && !h.has_length);
    cr_assert_eq(good(":status: 103\nlink: x\n", false, METHOD_GET).body, BODY_NONE);
}

Test(h2_response, refuses_lengths_that_can_not_be)
{
    bad(":status: 200\ncontent-length: 1\ncontent-length: 1\n", false, METHOD_GET, H2_FAULT_LENGTH);
    bad(":status: 200\ncontent-length: x\n", false, METHOD_GET, H2_FAULT_LENGTH);
    bad(":status: 200\ncontent-length: 5\n", true, METHOD_GET, H2_FAULT_LENGTH);
    bad(":status: 204\ncontent-length: 5\n", false, METHOD_GET, H2_FAULT_LENGTH);
    bad(":status: 103\ncontent-length: 5\n", false, METHOD_GET, H2_FAULT_LENGTH);
    bad(":status: 103\n", true, METHOD_GET, H2_FAULT_LENGTH);
    cr_assert(good(":status: 204\ncontent-length: 0\n", true, METHOD_GET).has_length);
}

Test(h2_response, wants_one_status_of_three_digits)
{
    static const char *const statuses[] = {"20", "2000", "+20", "099", "abc", "101", "2 0"};
    for (size_t i = 0; i < array_n(statuses); i++) {
        char line[32];
        snprintf(line, sizeof line, ":status: %s\n", statuses[i]);
        bad(line, false, METHOD_GET, H2_FAULT_STATUS);
    }
    bad("x-a: 1\n", false, METHOD_GET, H2_FAULT_PSEUDO_MISSING);
    bad(":status: 200\n:status: 200\n", false, METHOD_GET, H2_FAULT_PSEUDO);
    bad(":status: 200\n:path: /\n", false, METHOD_GET, H2_FAULT_PSEUDO);
    bad("x-a: 1\n:status: 200\n", false, METHOD_GET, H2_FAULT_PSEUDO);
    cr_assert_eq(good(":status: 999\n", false, METHOD_GET).status, 999);
}

Test(h2_response, refuses_connection_fields_and_bad_lines)
{
    bad(":status: 200\nconnection: close\n", false, METHOD_GET, H2_FAULT_CONNECTION_FIELD);
    bad(":status: 200\ntransfer-encoding: chunked\n", false, METHOD_GET, H2_FAULT_CONNECTION_FIELD);
    bad(":status: 200\nupgrade: x\n", false, METHOD_GET, H2_FAULT_CONNECTION_FIELD);
    bad(":status: 200\nX-A: x\n", false, METHOD_GET, H2_FAULT_NAME);
    bad(":status: 200\nx-a: x\rset-cookie: a\n", false, METHOD_GET, H2_FAULT_VALUE);
}

Test(h2_response, makes_101_of_success_to_an_extended_connect)
{
    struct response_head h;
    cr_assert_eq(judge(":status: 200\nsec-websocket-protocol: chat\n", false, METHOD_GET, true, &h),
                 H2_FAULT_NONE);
    cr_assert(h.status == 101 && h.body == BODY_TUNNEL && !h.has_length);
    cr_assert_str_eq(h2_lines(&h.fields), "sec-websocket-protocol: chat|upgrade: websocket|");
    cr_assert_eq(judge(":status: 403\n", false, METHOD_GET, true, &h), H2_FAULT_NONE);
    cr_assert(h.status == 403 && h.body == BODY_CHUNKED);
}

Test(h2_response, leaves_out_trailers_that_may_not_be)
{
    struct fields f;
    h2_fill("grpc-status: 0\ncontent-length: 5\nx-sum: 12\nauthorization: me\n");
    cr_assert_eq(h2_block_trailers(&block, &arena, &f), H2_FAULT_NONE);
    h2_fill("grpc-status: 9\n"); /* it was copied */
    cr_assert_str_eq(h2_lines(&f), "grpc-status: 0|x-sum: 12|");
}

Test(h2_response, refuses_bad_trailers)
{
    struct fields f;
    h2_fill("x-a: 1\n:status: 200\n");
    cr_assert_eq(h2_block_trailers(&block, &arena, &f), H2_FAULT_PSEUDO);
    h2_fill(":status: 200\n");
    cr_assert_eq(h2_block_trailers(&block, &arena, &f), H2_FAULT_PSEUDO);
    h2_fill("connection: close\n");
    cr_assert_eq(h2_block_trailers(&block, &arena, &f), H2_FAULT_CONNECTION_FIELD);
    h2_fill("X-A: close\n");
    cr_assert_eq(h2_block_trailers(&block, &arena, &f), H2_FAULT_NAME);
    cr_assert_eq(f.n, 0);
}
