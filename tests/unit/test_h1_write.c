/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and chunk frames: their bytes, that what is written can be parsed, and that nothing is
 * left behind when memory runs out. */
#include "http/h1_write.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "http/h1_body.h"

static struct bytes_stock stock;
static struct bytes out;
static struct arena a;
static struct fields none;

static void begin(void)
{
    bytes_stock_init(&stock, 0);
    bytes_init(&out, &stock);
    arena_init(&a, NULL, 0);
}

static void end(void)
{
    bytes_clear(&out);
    bytes_stock_fini(&stock);
    arena_fini(&a);
}

TestSuite(h1_write, .init = begin, .fini = end);

/* All that is queued, as one slice from the arena. */
static struct slice drain(void)
{
    size_t n = 0, all = out.n;
    char *p = arena_alloc(&a, all);
    while (out.n) {
        struct slice front = bytes_front(&out);
        memcpy(p + n, front.p, front.n);
        n += front.n;
        bytes_consume(&out, front.n);
    }
    cr_assert_eq(n, all);
    return slice_of(p, n);
}

static void expect(const char *want)
{
    struct slice got = drain();
    cr_assert(slice_eq(got, slice_str(want)), "wrote: %.*s", SLICE_ARG(got));
}

static struct fields two_fields(void)
{
    struct fields f;
    fields_init(&f, &a, 2);
    fields_add(&f, &a, SLICE("Host"), SLICE("a.example"));
    fields_add(&f, &a, SLICE("X-Empty"), slice_of(NULL, 0));
    return f;
}

Test(h1_write, writes_requests)
{
    struct fields f = two_fields();
    struct h1_out o = {.body = BODY_NONE};
    cr_assert(h1_write_request(&out, SLICE("GET"), SLICE("/a?b"), &f, &o));
    expect("GET /a?b HTTP/1.1\r\nHost: a.example\r\nX-Empty: \r\n\r\n");
    cr_assert(
        h1_write_request(&out, SLICE("A-METHOD-OF-MORE-THAN-THIRTY-BYTES"), SLICE("*"), &none, &o));
    expect("A-METHOD-OF-MORE-THAN-THIRTY-BYTES * HTTP/1.1\r\n\r\n");
}

Test(h1_write, writes_responses)
{
    struct fields f = two_fields();
    struct h1_out o = {.body = BODY_NONE};
    cr_assert(h1_write_response(&out, 404, SLICE("Gone fishing"), &f, &o));
    expect("HTTP/1.1 404 Gone fishing\r\nHost: a.example\r\nX-Empty: \r\n\r\n");
    cr_assert(h1_write_response(&out, 100, slice_of(NULL, 0), &none, &o));
    expect("HTTP/1.1 100 Continue\r\n\r\n");
    cr_assert(h1_write_response(&out, 999, slice_of(NULL, 0), &none, &o));
    expect("HTTP/1.1 999 Unknown\r\n\r\n");
}

Test(h1_write, writes_framing_and_connection)
{
    static const struct {
        struct h1_out o;
        const char *want;
    } cases[] = {
        {{.body = BODY_NONE}, ""},
        {{.body = BODY_NONE, .content_length = 5}, ""},
        {{.body = BODY_NONE, .write_length = true}, "Content-Length: 0\r\n"},
        {{.body = BODY_NONE, .write_length = true, .content_length = 120},
         "Content-Length: 120\r\n"},
        {{.body = BODY_LENGTH, .content_length = 0}, "Content-Length: 0\r\n"},
        {{.body = BODY_LENGTH, .content_length = UINT64_MAX},
         "Content-Length: 18446744073709551615\r\n"},
        {{.body = BODY_CHUNKED, .content_length = 5}, "Transfer-Encoding: chunked\r\n"},
        {{.body = BODY_UNTIL_CLOSE, .close = true}, "Connection: close\r\n"},
        {{.body = BODY_NONE, .keep_alive = true}, "Connection: keep-alive\r\n"},
        {{.body = BODY_TUNNEL, .upgrade = SLICE_INIT("websocket")},
         "Connection: upgrade\r\nUpgrade: websocket\r\n"},
        {{.body = BODY_NONE, .te_trailers = true}, "Connection: te\r\nTE: trailers\r\n"},
        {{.body = BODY_CHUNKED,
          .close = true,
          .keep_alive = true,
          .upgrade = SLICE_INIT("a/1, b"),
          .te_trailers = true},
         "Transfer-Encoding: chunked\r\nConnection: close, keep-alive, upgrade, te\r\n"
         "TE: trailers\r\nUpgrade: a/1, b\r\n"},
    };
    char want[512];
    for (size_t i = 0; i < array_n(cases); i++) {
        cr_assert(h1_write_request(&out, SLICE("PUT"), SLICE("/"), &none, &cases[i].o));
        snprintf(want, sizeof want, "PUT / HTTP/1.1\r\n%s\r\n", cases[i].want);
        expect(want);
        cr_assert(h1_write_response(&out, 200, slice_of(NULL, 0), &none, &cases[i].o));
        snprintf(want, sizeof want, "HTTP/1.1 200 OK\r\n%s\r\n", cases[i].want);
        expect(want);
    }
}

Test(h1_write, appends_to_what_is_queued)
{
    struct h1_out o = {.body = BODY_LENGTH, .content_length = 2};
    cr_assert(bytes_copy(&out, SLICE("before ")));
    cr_assert(h1_write_response(&out, 200, slice_of(NULL, 0), &none, &o));
    cr_assert(bytes_copy(&out, SLICE("ok")));
    struct iovec iov[4];
    cr_assert_eq(bytes_iov(&out, iov, 4), 1, "a small head and a small body leave as one piece");
    expect("before HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

Test(h1_write, writes_chunks)
{
    static const struct {
        uint64_t n;
        const char *want;
    } cases[] = {
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {255, "ff\r\n"},
        {16384, "4000\r\n"},
        {0xabcdef, "abcdef\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        cr_assert(h1_write_chunk_begin(&out, cases[i].n));
        expect(cases[i].want);
    }
    cr_assert(h1_write_chunk_end(&out));
    expect("\r\n");
    cr_assert(h1_write_last_chunk(&out, NULL));
    expect("0\r\n\r\n");
    cr_assert(h1_write_last_chunk(&out, &none));
    expect("0\r\n\r\n");
    struct fields f = two_fields();
    cr_assert(h1_write_last_chunk(&out, &f));
    expect("0\r\nHost: a.example\r\nX-Empty: \r\n\r\n");
}

Test(h1_write, writes_what_the_reader_reads)
{
    static const struct h1_limits limits = {4096, 1024, 16};
    struct fields f;
    fields_init(&f, &a, 1);
    fields_add(&f, &a, SLICE("X-Sum"), SLICE("7"));
    cr_assert(h1_write_chunk_begin(&out, 5));
    cr_assert(bytes_copy(&out, SLICE("hello")));
    cr_assert(h1_write_chunk_end(&out));
    cr_assert(h1_write_last_chunk(&out, &f));
    struct slice in = drain(), data;
    struct h1_body b;
    h1_body_init(&b, BODY_CHUNKED, 0, &limits, &a);
    cr_assert_eq(h1_body_next(&b, &in, &data), H1_BODY_DATA);
    cr_assert(slice_eq(data, SLICE("hello")));
    cr_assert_eq(h1_body_next(&b, &in, &data), H1_BODY_END);
    cr_assert_eq(in.n, 0);
    cr_assert_eq(b.trailers.n, 1);
}

/* -- sizes and memory ------------------------------------------------------------------------- */
/* Fields with n bytes of value in all. */
static struct fields fields_of(size_t n, size_t each)
{
    struct fields f;
    fields_init(&f, &a, 8);
    while (n) {
        size_t one = n < each ? n : each;
        char *value = arena_alloc(&a, one);
        memset(value, 'v', one);
        fields_add(&f, &a, SLICE("X"), slice_of(value, one));
        n -= one;
    }
    return f;
}

static void expect_fields(const struct fields *want, const struct slice *in)
{
    static const struct h1_limits limits = {1u << 20, 1024, 1024};
    struct field *room = arena_alloc(&a, limits.field_count * sizeof *room);
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct response_head h;
    cr_assert_eq(h1_parse_response(&p, *in, METHOD_HEAD, false, &h), (ssize_t)in->n);
    cr_assert_eq(h.fields.n, want->n);
    for (uint16_t i = 0; i < want->n; i++)
        cr_assert(slice_eq(h.fields.v[i].value, want->v[i].value));
}

Test(h1_write, writes_heads_of_every_size_around_a_block)
{
    struct h1_out o = {.body = BODY_NONE};
    size_t fixed = strlen("HTTP/1.1 200 OK\r\nX: \r\n\r\n");
    for (size_t n = BLOCK_SIZE - 3; n <= BLOCK_SIZE + 3; n++) {
        struct fields f = fields_of(n - fixed, n);
        cr_assert(h1_write_response(&out, 200, slice_of(NULL, 0), &f, &o));
        cr_assert_eq(out.n, n);
        struct slice in = drain();
        expect_fields(&f, &in);
    }
}

Test(h1_write, writes_heads_of_many_blocks)
{
    struct h1_out o = {.body = BODY_NONE, .write_length = true, .content_length = 9, .close = true};
    struct fields f = fields_of(200000, 1000);
    fields_add(&f, &a, SLICE("Content-Length"), SLICE("9"));
    fields_add(&f, &a, SLICE("Connection"), SLICE("close"));
    struct fields mine = f;
    mine.n -= 2;
    cr_assert(bytes_copy(&out, SLICE("x")));
    cr_assert(h1_write_response(&out, 200, slice_of(NULL, 0), &mine, &o));
    bytes_consume(&out, 1);
    struct slice in = drain();
    expect_fields(&f, &in);
}

/* With every number of blocks from none to enough: either all or nothing is appended. */
static void expect_all_or_nothing(size_t size, size_t queued)
{
    struct h1_out o = {.body = BODY_CHUNKED};
    struct fields f = fields_of(size, 700);
    bool written = false;
    for (size_t limit = 1; !written; limit++) {
        struct bytes_stock small;
        struct bytes q;
        bytes_stock_init(&small, limit);
        bytes_init(&q, &small);
        struct fields big = fields_of(queued, queued);
        cr_assert(bytes_copy(&q, big.v[0].value));
        written = h1_write_request(&q, SLICE("GET"), SLICE("/"), &f, &o);
        if (!written) {
            cr_assert_eq(q.n, queued);
            cr_assert(slice_eq(bytes_front(&q), big.v[0].value), "and what was there is whole");
            cr_assert(limit < 10);
        } else {
            cr_assert_gt(q.n, queued + size);
            cr_assert_gt(limit, 1);
        }
        bytes_clear(&q);
        bytes_stock_fini(&small);
    }
}

Test(h1_write, appends_all_or_nothing)
{
    expect_all_or_nothing(4000, BLOCK_SIZE);
    expect_all_or_nothing(4000, BLOCK_SIZE - 1000);
    expect_all_or_nothing(40000, 1000);
    expect_all_or_nothing(100000, BLOCK_SIZE);
}

Test(h1_write, appends_no_chunk_line_without_memory)
{
    struct bytes_stock small;
    struct bytes q;
    bytes_stock_init(&small, 1);
    bytes_init(&q, &small);
    struct fields big = fields_of(BLOCK_SIZE - 1, BLOCK_SIZE);
    cr_assert(bytes_copy(&q, big.v[0].value));
    struct fields f = two_fields();
    cr_assert(!h1_write_chunk_begin(&q, 100));
    cr_assert(!h1_write_chunk_end(&q));
    cr_assert(!h1_write_last_chunk(&q, NULL));
    cr_assert(!h1_write_last_chunk(&q, &f));
    cr_assert_eq(q.n, BLOCK_SIZE - 1);
    bytes_clear(&q);
    bytes_stock_fini(&small);
}
