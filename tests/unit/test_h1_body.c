/* SPDX-License-Identifier: Apache-2.0 */
/* Content: each kind, chunk lines by their grammar, trailers, and the same answer however the
 * bytes come. */
#include "http/h1_body.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_limits limits = {.head_size = 256, .target_size = 64, .field_count = 4};

struct read {
    struct arena a;
    struct h1_body b;
    enum h1_body_event end;
    char got[4096];
    size_t got_n, taken;
};

static void begin(struct read *r, enum body_kind kind, uint64_t length)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->a, NULL, 0);
    h1_body_init(&r->b, kind, length, &limits, &r->a);
}

/* All of `in`, from memory that ends where the input ends. */
static enum h1_body_event feed(struct read *r, struct slice in)
{
    char *copy = malloc(in.n ? in.n : 1);
    if (in.n)
        memcpy(copy, in.p, in.n);
    struct slice rest = slice_of(copy, in.n), data;
    while ((r->end = h1_body_next(&r->b, &rest, &data)) == H1_BODY_DATA) {
        cr_assert(data.n > 0 && data.p >= copy && data.p + data.n <= rest.p);
        cr_assert(r->got_n + data.n <= sizeof r->got);
        memcpy(r->got + r->got_n, data.p, data.n);
        r->got_n += data.n;
    }
    r->taken += in.n - rest.n;
    if (r->end == H1_BODY_MORE)
        cr_assert_eq(rest.n, 0);
    free(copy);
    return r->end;
}

static void end(struct read *r)
{
    arena_fini(&r->a);
}

/* In pieces of `step` bytes; with step == 0, in two pieces cut at `cut`. */
static void feed_cut(struct read *r, struct slice in, size_t cut, size_t step)
{
    struct slice rest = in;
    r->end = H1_BODY_MORE;
    while (rest.n && r->end == H1_BODY_MORE) {
        size_t n = step ? step : (rest.p == in.p ? cut : rest.n);
        struct slice part = slice_of(rest.p, n < rest.n ? n : rest.n);
        feed(r, part);
        rest = slice_from(rest, part.n);
    }
}

static void expect_content(const struct read *r, struct slice in, const char *want, size_t taken)
{
    cr_assert_eq(r->end, H1_BODY_END, "%.*s: %d, %s", SLICE_ARG(in), r->end,
                 h1_fault_name(r->b.fault));
    cr_assert(slice_eq(slice_of(r->got, r->got_n), slice_str(want)), "%.*s gave %.*s",
              SLICE_ARG(in), (int)r->got_n, r->got);
    cr_assert_eq(r->taken, taken);
    cr_assert_eq(r->b.received, r->got_n);
    cr_assert(h1_body_eof_ok(&r->b));
}

/* `text` is a chunked message, "rest" follows it. */
static void accept_chunks(const char *text, const char *want)
{
    size_t n = strlen(text);
    char all[4096];
    snprintf(all, sizeof all, "%srest", text);
    struct slice in = slice_str(all);
    for (size_t cut = 1; cut <= in.n; cut++) {
        struct read r;
        begin(&r, BODY_CHUNKED, 0);
        feed_cut(&r, in, cut, 0);
        expect_content(&r, in, want, n);
        end(&r);
        begin(&r, BODY_CHUNKED, 0);
        feed_cut(&r, in, 0, cut);
        expect_content(&r, in, want, n);
        end(&r);
    }
}

static void refuse_chunks_n(struct slice in, enum h1_fault want)
{
    for (size_t step = 1; step <= in.n; step++) {
        struct read r;
        begin(&r, BODY_CHUNKED, 0);
        feed_cut(&r, in, 0, step);
        cr_assert_eq(r.end, H1_BODY_BAD, "%.*s: accepted (%d)", SLICE_ARG(in), r.end);
        cr_assert_eq(r.b.fault, want, "%.*s: %s instead of %s", SLICE_ARG(in),
                     h1_fault_name(r.b.fault), h1_fault_name(want));
        cr_assert_eq(feed(&r, SLICE("0\r\n\r\n")), H1_BODY_BAD, "a fault stays");
        cr_assert(!h1_body_eof_ok(&r.b));
        end(&r);
    }
}

static void refuse_chunks(const char *text, enum h1_fault want)
{
    refuse_chunks_n(slice_str(text), want);
}

/* -- other kinds ------------------------------------------------------------------------------ */
Test(h1_body, ends_at_once_without_content)
{
    struct read r;
    begin(&r, BODY_NONE, 7);
    cr_assert_eq(feed(&r, SLICE("next")), H1_BODY_END);
    cr_assert_eq(r.taken, 0);
    cr_assert(h1_body_eof_ok(&r.b));
    end(&r);
    begin(&r, BODY_LENGTH, 0);
    cr_assert_eq(feed(&r, slice_of(NULL, 0)), H1_BODY_END);
    cr_assert(h1_body_eof_ok(&r.b));
    end(&r);
}

Test(h1_body, counts_bytes_of_a_length)
{
    struct slice in = SLICE("hello, world and more");
    for (size_t step = 1; step <= in.n; step++) {
        struct read r;
        begin(&r, BODY_LENGTH, 12);
        feed_cut(&r, in, 0, step);
        expect_content(&r, in, "hello, world", 12);
        cr_assert_eq(feed(&r, in), H1_BODY_END, "and stays at its end");
        cr_assert_eq(r.taken, 12);
        end(&r);
    }
}

Test(h1_body, knows_when_a_length_was_cut_short)
{
    struct read r;
    begin(&r, BODY_LENGTH, 12);
    cr_assert(!h1_body_eof_ok(&r.b));
    cr_assert_eq(feed(&r, SLICE("hello, worl")), H1_BODY_MORE);
    cr_assert(!h1_body_eof_ok(&r.b));
    cr_assert_eq(feed(&r, SLICE("d")), H1_BODY_END);
    end(&r);
}

Test(h1_body, takes_all_until_close)
{
    static const enum body_kind kinds[] = {BODY_UNTIL_CLOSE, BODY_TUNNEL};
    for (size_t i = 0; i < array_n(kinds); i++) {
        struct read r;
        begin(&r, kinds[i], 0);
        cr_assert(h1_body_eof_ok(&r.b));
        cr_assert_eq(feed(&r, SLICE("a")), H1_BODY_MORE);
        cr_assert_eq(feed(&r, slice_of(NULL, 0)), H1_BODY_MORE);
        cr_assert_eq(feed(&r, SLICE("bc")), H1_BODY_MORE);
        cr_assert(slice_eq(slice_of(r.got, r.got_n), SLICE("abc")));
        cr_assert_eq(r.b.received, 3);
        cr_assert(h1_body_eof_ok(&r.b));
        end(&r);
    }
}

/* -- chunks ----------------------------------------------------------------------------------- */
Test(h1_body, reads_chunks)
{
    accept_chunks("0\r\n\r\n", "");
    accept_chunks("5\r\nhello\r\n0\r\n\r\n", "hello");
    accept_chunks("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef");
    accept_chunks("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789");
    accept_chunks("00000000000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
    accept_chunks("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    accept_chunks("7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", "0\r\n\r\n0\r");
}

Test(h1_body, skips_extensions)
{
    accept_chunks("1;a\r\nx\r\n0\r\n\r\n", "x");
    accept_chunks("1;a=b;c;d=e\r\nx\r\n0;last=1\r\n\r\n", "x");
    accept_chunks("1;a=\"q; =,\\\"\\\\ \t\xc3\xa4\";b=\"\"\r\nx\r\n0\r\n\r\n", "x");
    accept_chunks("1;ieof\r\nx\r\n0;a=\"b\"\r\n\r\n", "x");
}

Test(h1_body, takes_the_largest_size_and_none_beyond)
{
    struct read r;
    begin(&r, BODY_CHUNKED, 0);
    cr_assert_eq(feed(&r, SLICE("7fffffffffffffff\r\nabc")), H1_BODY_MORE);
    cr_assert_eq(r.b.left, (uint64_t)INT64_MAX - 3);
    end(&r);
    refuse_chunks("8000000000000000\r\n", H1_CHUNK_SIZE);
    refuse_chunks("ffffffffffffffff\r\n", H1_CHUNK_SIZE);
    refuse_chunks("10000000000000000\r\n", H1_CHUNK_SIZE);
    refuse_chunks("10000000000000005\r\nhello\r\n", H1_CHUNK_SIZE);
    refuse_chunks("f0000000000000000000000000000000000001\r\n", H1_CHUNK_SIZE);
}

Test(h1_body, refuses_bad_chunk_sizes)
{
    static const struct {
        const char *text;
        enum h1_fault fault;
    } bad[] = {
        {"\r\n", H1_CHUNK_SIZE},           {"\n", H1_BARE_LF},
        {";a\r\n", H1_CHUNK_SIZE},         {"+5\r\nhello", H1_CHUNK_SIZE},
        {"-5\r\nhello", H1_CHUNK_SIZE},    {"0x5\r\nhello", H1_CHUNK_SIZE},
        {" 5\r\nhello", H1_CHUNK_SIZE},    {"5 \r\nhello", H1_CHUNK_SIZE},
        {"5\t\r\nhello", H1_CHUNK_SIZE},   {"5 ;a\r\nhello", H1_CHUNK_SIZE},
        {"5 5\r\nhello", H1_CHUNK_SIZE},   {"5,5\r\nhello", H1_CHUNK_SIZE},
        {"5g\r\nhello", H1_CHUNK_SIZE},    {"5\x0b\r\nhello", H1_CHUNK_SIZE},
        {"\"5\"\r\nhello", H1_CHUNK_SIZE}, {"5_0\r\n", H1_CHUNK_SIZE},
        {"G\r\n", H1_CHUNK_SIZE},          {"@\r\n", H1_CHUNK_SIZE},
        {"`\r\n", H1_CHUNK_SIZE},          {"/\r\n", H1_CHUNK_SIZE},
        {":\r\n", H1_CHUNK_SIZE},          {"\xb5\r\n", H1_CHUNK_SIZE},
        {"5\nhello", H1_BARE_LF},          {"5\rhello", H1_BARE_CR},
        {"5\r\r\nhello", H1_BARE_CR},      {"0\n\n", H1_BARE_LF},
        {"0\r\n\rX", H1_BARE_CR},          {"0\r\n\n", H1_TRAILER},
    };
    for (size_t i = 0; i < array_n(bad); i++)
        refuse_chunks(bad[i].text, bad[i].fault);
    refuse_chunks_n(SLICE("5\0\r\nhello"), H1_CHUNK_SIZE);
}

Test(h1_body, refuses_bad_extensions)
{
    static const struct {
        const char *text;
        enum h1_fault fault;
    } bad[] = {
        {"1;\r\nx", H1_CHUNK_EXTENSION},
        {"1;;a\r\nx", H1_CHUNK_EXTENSION},
        {"1;=b\r\nx", H1_CHUNK_EXTENSION},
        {"1; a\r\nx", H1_CHUNK_EXTENSION},
        {"1;a \r\nx", H1_CHUNK_EXTENSION},
        {"1;a =b\r\nx", H1_CHUNK_EXTENSION},
        {"1;a= b\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=\r\nx", H1_CHUNK_EXTENSION},
        {"1;a==b\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=b=c\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=b\"c\"\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=\"b\"c\r\nx", H1_CHUNK_EXTENSION},
        {"1;\"a\"\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=\"b\r\n\"\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=\"b\\\r\n\"\r\nx", H1_CHUNK_EXTENSION},
        {"1;a=\"b\x01\"\r\nx", H1_CHUNK_EXTENSION},
        {"1;a,b\r\nx", H1_CHUNK_EXTENSION},
        {"1;a\x7f\r\nx", H1_CHUNK_EXTENSION},
        {"1;a\xff\r\nx", H1_CHUNK_EXTENSION},
        {"1;a\nx\r\n0\r\n\r\n", H1_BARE_LF},
        {"1;a=b\nx", H1_BARE_LF},
        {"1;\nx", H1_BARE_LF},
        {"1;a=\nx", H1_BARE_LF},
        {"1;a=\"\nx", H1_BARE_LF},
        {"1;a=\"\"\nx", H1_BARE_LF},
        {"1;a\rx", H1_BARE_CR},
        {"1;a=\"b\"\r\r\n", H1_BARE_CR},
    };
    for (size_t i = 0; i < array_n(bad); i++)
        refuse_chunks(bad[i].text, bad[i].fault);
    refuse_chunks_n(SLICE("1;a\0\r\nx"), H1_CHUNK_EXTENSION);
}

Test(h1_body, refuses_chunks_that_are_longer_or_shorter_than_said)
{
    refuse_chunks("5\r\nhello!\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhello0\r\n\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhell\r\n0\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhello\n0\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhello\r0\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhello\r\r\n", H1_CHUNK_END);
    refuse_chunks("5\r\nhello\r\n\r\n0\r\n", H1_CHUNK_SIZE);
}

Test(h1_body, bounds_a_chunk_line)
{
    char text[512];
    snprintf(text, sizeof text, "1;a=%0*d\r\nx\r\n0\r\n\r\n", H1_CHUNK_LINE_MAX - 4, 0);
    accept_chunks(text, "x");
    snprintf(text, sizeof text, "1;a=%0*d\r\nx\r\n0\r\n\r\n", H1_CHUNK_LINE_MAX - 3, 0);
    refuse_chunks(text, H1_CHUNK_EXTENSION);
    snprintf(text, sizeof text, "%0*d\r\nx\r\n0\r\n\r\n", H1_CHUNK_LINE_MAX, 1);
    accept_chunks(text, "x");
    snprintf(text, sizeof text, "%0*d\r\nx\r\n0\r\n\r\n", H1_CHUNK_LINE_MAX + 1, 1);
    refuse_chunks(text, H1_CHUNK_SIZE);
}

/* How many chunks of one byte with lines of `line` bytes are taken; at most 1000. */
static int chunks_taken(int line)
{
    struct read r;
    char text[512];
    snprintf(text, sizeof text, "1;a=%0*d\r\nx\r\n", line - 4, 0);
    begin(&r, BODY_CHUNKED, 0);
    int n = 0;
    while (n < 1000 && feed(&r, slice_str(text)) == H1_BODY_MORE)
        n++;
    cr_assert(n == 1000 || r.b.fault == H1_CHUNK_EXTENSION);
    end(&r);
    return n;
}

Test(h1_body, bounds_what_extensions_cost_beyond_content)
{
    cr_assert_eq(chunks_taken(16), 1000);
    cr_assert_eq(chunks_taken(17), 1000);
    cr_assert_eq(chunks_taken(216), H1_CHUNK_EXTRA_MAX / 199);
    cr_assert_eq(chunks_taken(256), H1_CHUNK_EXTRA_MAX / 239);
}

Test(h1_body, lets_content_pay_for_extensions)
{
    struct read r;
    begin(&r, BODY_CHUNKED, 0);
    char text[1024];
    snprintf(text, sizeof text, "c8;a=%0*d\r\n%0200d\r\n", 211, 0, 0);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(feed(&r, slice_str(text)), H1_BODY_MORE, "%d", i);
        r.got_n = 0;
    }
    end(&r);
}

Test(h1_body, knows_when_chunks_were_cut_short)
{
    struct slice in = SLICE("5\r\nhello\r\n0\r\nA: b\r\n\r\n");
    for (size_t n = 0; n < in.n; n++) {
        struct read r;
        begin(&r, BODY_CHUNKED, 0);
        cr_assert_eq(feed(&r, slice_of(in.p, n)), H1_BODY_MORE);
        cr_assert(!h1_body_eof_ok(&r.b));
        end(&r);
    }
}

/* -- trailers --------------------------------------------------------------------------------- */
Test(h1_body, keeps_trailers_in_the_arena)
{
    struct slice in = SLICE("1\r\nx\r\n0\r\nX-Sum: 12 \r\nETag:\"a\"\r\n\r\nGET");
    for (size_t step = 1; step <= in.n; step++) {
        struct read r;
        begin(&r, BODY_CHUNKED, 0);
        feed_cut(&r, in, 0, step);
        expect_content(&r, in, "x", in.n - 3);
        cr_assert_eq(r.b.trailers.n, 2);
        cr_assert(slice_eq(r.b.trailers.v[0].name, SLICE("X-Sum")));
        cr_assert(slice_eq(r.b.trailers.v[0].value, SLICE("12")));
        cr_assert_eq(r.b.trailers.v[1].token, TOKEN_ETAG);
        cr_assert(slice_eq(r.b.trailers.v[1].value, SLICE("\"a\"")));
        end(&r);
    }
}

Test(h1_body, has_no_trailers_without_any)
{
    struct read r;
    begin(&r, BODY_CHUNKED, 0);
    cr_assert_eq(feed(&r, SLICE("0\r\n\r\n")), H1_BODY_END);
    cr_assert_eq(r.b.trailers.n, 0);
    cr_assert_eq(r.a.total, 0, "and costs no memory");
    end(&r);
}

Test(h1_body, refuses_bad_trailers)
{
    static const char *const bad[] = {
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: a",
        "Authorization: b",
        "Trailer: x",
        "A : b",
        "A",
        ": b",
        "A: \x01",
        "A: b\rC: d",
        "A: b\nC: d",
        " A: b",
        "A: b\r\n c",
        "Content-Type: a",
        "A: b\r\nHost: c",
    };
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[128];
        snprintf(text, sizeof text, "0\r\n%s\r\n\r\n", bad[i]);
        struct read r;
        for (size_t step = 1; step <= strlen(text); step++) {
            begin(&r, BODY_CHUNKED, 0);
            feed_cut(&r, slice_str(text), 0, step);
            cr_assert_eq(r.end, H1_BODY_BAD, "%s", text);
            cr_assert_eq(r.b.fault, H1_TRAILER, "%s: %s", text, h1_fault_name(r.b.fault));
            end(&r);
        }
    }
}

Test(h1_body, bounds_trailers_in_size_and_count)
{
    char text[512];
    int room = (int)limits.head_size - 7; /* "A: ", the value, two CRLF */
    snprintf(text, sizeof text, "0\r\nA: %0*d\r\n\r\n", room, 0);
    accept_chunks(text, "");
    snprintf(text, sizeof text, "0\r\nA: %0*d\r\n\r\n", room + 1, 0);
    refuse_chunks(text, H1_TRAILERS_LARGE);
    accept_chunks("0\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n\r\n", "");
    refuse_chunks("0\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\n\r\n", H1_TRAILERS_LARGE);
}
