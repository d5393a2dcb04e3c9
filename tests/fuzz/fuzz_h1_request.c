/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads. Whatever the bytes are:
 *   - each way of scanning gives the same answer;
 *   - so does each way of cutting the bytes;
 *   - what is accepted, stripped and written, is accepted again and means the same. */
#include "tests/fuzz/fuzz.h"

#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "http/hop.h"

enum { ROOM = 40 };

static const struct h1_limits limits = {.head_size = 2048, .target_size = 512, .field_count = 32};
/* For what was written: it may be a little longer. */
static const struct h1_limits wide = {.head_size = 65536, .target_size = 512, .field_count = ROOM};

struct answer {
    ssize_t n;
    enum h1_fault fault;
    struct request_head h;
    struct field room[ROOM];
};

static void ask(struct answer *a, struct h1_parser *p, struct slice in)
{
    p->fields = a->room;
    a->n = h1_parse_request(p, in, &a->h);
    a->fault = p->fault;
    must(a->n >= -1 && a->n <= (ssize_t)in.n);
    must((a->n == -1) == (a->fault != H1_NONE));
}

static struct answer ask_whole(struct slice in, const struct h1_limits *l)
{
    struct answer a;
    struct h1_parser p = {.limits = l};
    ask(&a, &p, in);
    a.h.fields.v = NULL; /* a.room moves */
    return a;
}

static void same_fields(const struct fields *a, const struct fields *b)
{
    must(a->n == b->n);
    for (uint16_t i = 0; i < a->n; i++) {
        must(slice_eq(a->v[i].name, b->v[i].name));
        must(slice_eq(a->v[i].value, b->v[i].value));
        must(a->v[i].token == b->v[i].token);
    }
}

static void same_meaning(const struct request_head *a, const struct request_head *b)
{
    must(slice_eq(a->method, b->method) && a->method_id == b->method_id);
    must(slice_eq(a->target, b->target));
    must(a->body == b->body && a->content_length == b->content_length);
    must(a->upgrade == b->upgrade && a->te_trailers == b->te_trailers);
}

/* `b` saw the same bytes, perhaps elsewhere. */
static void same(struct answer *a, struct answer *b)
{
    must(a->n == b->n && a->fault == b->fault);
    if (a->n <= 0)
        return;
    a->h.fields.v = a->room;
    b->h.fields.v = b->room;
    same_meaning(&a->h, &b->h);
    must(a->h.minor == b->h.minor && a->h.keep_alive == b->h.keep_alive);
    must(a->h.expect_continue == b->h.expect_continue);
    same_fields(&a->h.fields, &b->h.fields);
}

/* -- cutting ---------------------------------------------------------------------------------- */
/* A fault in an unfinished head may wait, but no longer than until the head has doubled. */
static void expect_late(struct answer *whole, struct h1_parser *p, struct slice in)
{
    must(whole->n == -1);
    size_t n = 2 * in.n;
    char *text = malloc(n);
    must(text);
    memcpy(text, in.p, in.n);
    memset(text + in.n, 'a', in.n);
    struct answer late;
    ask(&late, p, slice_of(text, n));
    must(late.n == -1 && late.fault == whole->fault);
    free(text);
}

/* Whether the answer to a part was final; it must be the whole's then. */
static bool part_ends(struct answer *whole, struct h1_parser *p, struct slice part)
{
    char *copy = fuzz_copy(part);
    struct answer a;
    ask(&a, p, slice_of(copy, part.n));
    if (a.n != 0)
        same(whole, &a);
    free(copy);
    return a.n != 0;
}

static void try_cuts(struct answer *whole, struct slice in)
{
    size_t cut = fuzz_number(in) % (in.n + 1);
    struct h1_parser p = {.limits = &limits};
    if (!part_ends(whole, &p, slice_of(in.p, cut)) && !part_ends(whole, &p, in) && whole->n != 0)
        expect_late(whole, &p, in);

    size_t step = 1 + fuzz_number(slice_of(in.p, in.n / 2)) % 7;
    p = (struct h1_parser){.limits = &limits};
    for (size_t k = 0; k < in.n; k += step)
        if (part_ends(whole, &p, slice_of(in.p, k)))
            return;
    if (!part_ends(whole, &p, in) && whole->n != 0)
        expect_late(whole, &p, in);
}

static void try_scans(struct answer *whole, struct slice in)
{
    static const enum h1_scan ways[] = {H1_SCAN_PORTABLE, H1_SCAN_SSE42, H1_SCAN_AVX2};
    for (size_t i = 0; i < array_n(ways); i++) {
        if (!h1_scan_use(ways[i]))
            continue;
        struct answer a = ask_whole(in, &limits);
        same(whole, &a);
    }
    (void)h1_scan_use(H1_SCAN_AUTO);
}

/* -- writing ---------------------------------------------------------------------------------- */
static void try_write(struct answer *first)
{
    struct arena a;
    struct bytes_stock stock;
    struct bytes q;
    struct fields f, again;
    arena_init(&a, NULL, 0);
    bytes_stock_init(&stock, 0);
    bytes_init(&q, &stock);

    struct request_head *h = &first->h;
    h->fields.v = first->room;
    hop_strip(&h->fields, &f, &a, 1);
    if (!fields_find_token(&f, TOKEN_HOST)) /* HTTP/1.0 */
        fields_add(&f, &a, SLICE("Host"), SLICE(""));
    struct h1_out o = {
        .body = h->body,
        .content_length = h->content_length,
        .close = !h->keep_alive,
        .upgrade = h->upgrade ? fields_get_token(&h->fields, TOKEN_UPGRADE) : slice_of(NULL, 0),
        .te_trailers = h->te_trailers,
    };
    must(h1_write_request(&q, h->method, h->target, &f, &o));
    struct slice text = fuzz_drain(&q, &a);
    struct answer second = ask_whole(text, &wide);
    second.h.fields.v = second.room;
    must(second.n == (ssize_t)text.n);
    must(second.h.keep_alive == h->keep_alive);
    same_meaning(h, &second.h);
    hop_strip(&second.h.fields, &again, &a, 0);
    same_fields(&f, &again);

    bytes_stock_fini(&stock);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n);
    struct answer whole = ask_whole(in, &limits);
    try_scans(&whole, in);
    try_cuts(&whole, in);
    if (whole.n > 0)
        try_write(&whole);
    return 0;
}
