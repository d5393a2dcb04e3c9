/* SPDX-License-Identifier: Apache-2.0 */
/* Content. The input is read as chunks and as a length that the input chooses. However it is cut,
 * the content, the trailers, the end and what follows it are the same; content that was accepted
 * is written as chunks and read back. */
#include "tests/fuzz/fuzz.h"

#include "http/h1_body.h"
#include "http/h1_write.h"
#include "http/hop.h"

static const struct h1_limits limits = {.head_size = 512, .target_size = 64, .field_count = 8};
static const struct h1_limits wide = {.head_size = 4096, .target_size = 64, .field_count = 8};

struct reading {
    struct arena a;
    struct h1_body b;
    enum h1_body_event end;
    size_t taken;
    char *got;
    size_t got_n;
};

static void begin(struct reading *r, enum body_kind kind, uint64_t length,
                  const struct h1_limits *l, size_t room)
{
    *r = (struct reading){.end = H1_BODY_MORE, .got = malloc(room + 1)};
    must(r->got);
    arena_init(&r->a, NULL, 0);
    h1_body_init(&r->b, kind, length, l, &r->a);
}

static void end(struct reading *r)
{
    arena_fini(&r->a);
    free(r->got);
}

static void feed(struct reading *r, struct slice part)
{
    char *copy = fuzz_copy(part);
    struct slice rest = slice_of(copy, part.n), data;
    while ((r->end = h1_body_next(&r->b, &rest, &data)) == H1_BODY_DATA) {
        must(data.n > 0 && data.p >= copy && data.p + data.n <= rest.p);
        memcpy(r->got + r->got_n, data.p, data.n);
        r->got_n += data.n;
    }
    must(r->end != H1_BODY_MORE || rest.n == 0);
    must((r->end == H1_BODY_BAD) == (r->b.fault != H1_NONE));
    must(r->b.received == r->got_n);
    r->taken += part.n - rest.n;
    free(copy);
}

/* In pieces of `step` bytes, the first of `first`. */
static void feed_all(struct reading *r, struct slice in, size_t first, size_t step)
{
    size_t at = first < in.n ? first : in.n;
    feed(r, slice_of(in.p, at));
    while (r->end == H1_BODY_MORE && at < in.n) {
        size_t n = step < in.n - at ? step : in.n - at;
        feed(r, slice_of(in.p + at, n));
        at += n;
    }
}

static void same_trailers(const struct fields *a, const struct fields *b)
{
    must(a->n == b->n);
    for (uint16_t i = 0; i < a->n; i++) {
        must(slice_eq(a->v[i].name, b->v[i].name) && slice_eq(a->v[i].value, b->v[i].value));
        must(hop_trailer_ok(&a->v[i]));
    }
}

static void same(const struct reading *a, const struct reading *b)
{
    must(slice_eq(slice_of(a->got, a->got_n), slice_of(b->got, b->got_n)));
    if (a->end == H1_BODY_BAD && b->end == H1_BODY_MORE) {
        must(a->b.fault == H1_TRAILER || a->b.fault == H1_TRAILERS_LARGE);
        return; /* a fault in unfinished trailers may wait */
    }
    must(a->end == b->end && a->b.fault == b->b.fault);
    must(h1_body_eof_ok(&a->b) == h1_body_eof_ok(&b->b));
    must(a->end != H1_BODY_END || a->taken == b->taken);
    if (a->end == H1_BODY_END)
        same_trailers(&a->b.trailers, &b->b.trailers);
}

static void try_write(const struct reading *first)
{
    struct bytes_stock stock;
    struct bytes q;
    struct reading second;
    struct slice content = slice_of(first->got, first->got_n);
    bytes_stock_init(&stock, 0);
    bytes_init(&q, &stock);
    begin(&second, BODY_CHUNKED, 0, &wide, content.n);
    for (struct slice rest = content; rest.n;) {
        size_t n = 1 + fuzz_number(rest) % rest.n;
        must(h1_write_chunk_begin(&q, n) && bytes_copy(&q, slice_of(rest.p, n)));
        must(h1_write_chunk_end(&q));
        rest = slice_from(rest, n);
    }
    must(h1_write_last_chunk(&q, &first->b.trailers));
    struct slice text = fuzz_drain(&q, &second.a);
    feed_all(&second, text, text.n, 1);
    must(second.end == H1_BODY_END && second.taken == text.n);
    must(slice_eq(content, slice_of(second.got, second.got_n)));
    same_trailers(&first->b.trailers, &second.b.trailers);
    end(&second);
    bytes_stock_fini(&stock);
}

static void try_kind(enum body_kind kind, uint64_t length, struct slice in)
{
    struct reading whole, cut;
    begin(&whole, kind, length, &limits, in.n);
    feed_all(&whole, in, in.n, 1);
    uint64_t number = fuzz_number(in);
    const size_t ways[][2] = {{1, 1}, {number % (in.n + 1), in.n}, {number % 7, 1 + number % 11}};
    for (size_t i = 0; i < array_n(ways); i++) {
        begin(&cut, kind, length, &limits, in.n);
        feed_all(&cut, in, ways[i][0], ways[i][1]);
        same(&whole, &cut);
        end(&cut);
    }
    if (whole.end == H1_BODY_END)
        try_write(&whole);
    end(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n);
    try_kind(BODY_CHUNKED, 0, in);
    try_kind(BODY_LENGTH, fuzz_number(in) % (2 * n + 1), in);
    return 0;
}
