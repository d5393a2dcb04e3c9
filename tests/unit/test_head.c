/* SPDX-License-Identifier: Apache-2.0 */
/* Kept heads: everything points into the arena, nothing into the bytes that were parsed. */
#include "http/head.h"

#include <criterion/criterion.h>

#include "http/h1_parse.h"

static const struct h1_limits limits = {.head_size = 4096, .target_size = 1024, .field_count = 16};

Test(head, keeps_a_request_when_its_bytes_go)
{
    char text[] = "PUT /a?b HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nContent-Length: 4\r\n\r\n";
    struct field room[16];
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct request_head h;
    ssize_t n = h1_parse_request(&p, slice_str(text), &h);
    cr_assert_eq((size_t)n, strlen(text));

    struct arena a;
    arena_init(&a, NULL, 0);
    head_keep_request(&h, slice_of(text, (size_t)n), &a, 3);
    memset(text, '!', sizeof text);
    memset(room, 0, sizeof room);
    cr_assert(slice_eq(h.method, SLICE("PUT")));
    cr_assert(slice_eq(h.target, SLICE("/a?b")));
    cr_assert_eq(h.content_length, 4);
    cr_assert_eq(h.fields.n, 3);
    cr_assert_eq(h.fields.cap, 6);
    cr_assert(slice_eq(fields_get_token(&h.fields, TOKEN_HOST), SLICE("h")));
    cr_assert_eq(fields_find(&h.fields, SLICE("x-empty"))->value.n, 0);
    cr_assert(slice_eq(h.fields.v[2].name, SLICE("Content-Length")));
    cr_assert(slice_eq(h.fields.v[2].value, SLICE("4")));
    struct field *before = h.fields.v;
    for (int i = 0; i < 3; i++)
        fields_add(&h.fields, &a, SLICE("n"), SLICE("v"));
    cr_assert_eq(h.fields.v, before, "the spare room is there");
    arena_fini(&a);
}

Test(head, keeps_a_response_when_its_bytes_go)
{
    char text[] = "HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 0\r\n\r\n";
    struct field room[16];
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct response_head h;
    ssize_t n = h1_parse_response(&p, slice_str(text), METHOD_GET, false, &h);
    cr_assert_gt(n, 0);
    struct arena a;
    arena_init(&a, NULL, 0);
    head_keep_response(&h, slice_of(text, (size_t)n), &a, 0);
    memset(text, '!', sizeof text);
    cr_assert(slice_eq(h.reason, SLICE("Fine")));
    cr_assert(slice_eq(fields_get_token(&h.fields, TOKEN_SERVER), SLICE("s")));
    cr_assert_eq(h.fields.cap, 2);
    arena_fini(&a);
}

Test(head, keeps_what_has_no_bytes)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct response_head h = {.status = 200};
    head_keep_response(&h, SLICE("x"), &a, 0);
    cr_assert_null(h.reason.p);
    cr_assert_null(h.fields.v);
    head_keep_response(&h, SLICE("x"), &a, 2);
    cr_assert_eq(h.fields.cap, 2);
    arena_fini(&a);
}
