/* SPDX-License-Identifier: Apache-2.0 */
/* Response heads, as the answer to each kind of request that frames them differently. Whatever the
 * bytes are:
 *   - each way of scanning and each way of cutting the bytes gives the same answer;
 *   - what is accepted, stripped and written, is accepted again and means the same. */
#include "tests/fuzz/fuzz.h"

#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "http/hop.h"

enum { ROOM = 40 };

static const struct h1_limits limits = {.head_size = 2048, .target_size = 512, .field_count = 32};
/* For what was written: it may be a little longer. */
static const struct h1_limits wide = {.head_size = 65536, .target_size = 512, .field_count = ROOM};

static const struct question {
    enum method method;
    bool upgrade;
} questions[] = {
    {METHOD_GET, false}, {METHOD_GET, true}, {METHOD_HEAD, false}, {METHOD_CONNECT, false}};

struct answer {
    ssize_t n;
    enum h1_fault fault;
    struct response_head h;
    struct field room[ROOM];
};

static void ask(struct answer *a, struct h1_parser *p, const struct question *q, struct slice in)
{
    p->fields = a->room;
    a->n = h1_parse_response(p, in, q->method, q->upgrade, &a->h);
    a->fault = p->fault;
    must(a->n >= -1 && a->n <= (ssize_t)in.n);
    must((a->n == -1) == (a->fault != H1_NONE));
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

/* `b` saw the same bytes, perhaps elsewhere. */
static void same(const struct answer *a, const struct answer *b)
{
    must(a->n == b->n && a->fault == b->fault);
    if (a->n <= 0)
        return;
    must(a->h.status == b->h.status && a->h.minor == b->h.minor);
    must(slice_eq(a->h.reason, b->h.reason) && a->h.keep_alive == b->h.keep_alive);
    must(a->h.body == b->h.body && a->h.has_length == b->h.has_length);
    must(a->h.content_length == b->h.content_length);
    same_fields(&a->h.fields, &b->h.fields);
}

static void try_scans(const struct answer *whole, const struct question *q, struct slice in)
{
    static const enum h1_scan ways[] = {H1_SCAN_PORTABLE, H1_SCAN_SSE42, H1_SCAN_AVX2};
    for (size_t i = 0; i < array_n(ways); i++) {
        if (!h1_scan_use(ways[i]))
            continue;
        struct h1_parser p = {.limits = &limits};
        struct answer a;
        ask(&a, &p, q, in);
        same(whole, &a);
    }
    (void)h1_scan_use(H1_SCAN_AUTO);
}

/* In two pieces; a fault in an unfinished head may wait, until the head has doubled. */
static void try_cut(const struct answer *whole, const struct question *q, struct slice in)
{
    size_t cut = fuzz_number(in) % (in.n + 1);
    char *text = malloc(2 * in.n + 1), *part = fuzz_copy(slice_of(in.p, cut));
    must(text);
    memcpy(text, in.p, in.n);
    memset(text + in.n, 'a', in.n);
    struct h1_parser p = {.limits = &limits};
    struct answer a;
    ask(&a, &p, q, slice_of(part, cut));
    if (a.n == 0)
        ask(&a, &p, q, slice_of(text, in.n));
    if (a.n == 0 && whole->n != 0)
        ask(&a, &p, q, slice_of(text, 2 * in.n));
    same(whole, &a);
    free(part);
    free(text);
}

static void try_write(const struct answer *first, const struct question *q)
{
    struct arena a;
    struct bytes_stock stock;
    struct bytes out;
    struct fields f, again;
    arena_init(&a, NULL, 0);
    bytes_stock_init(&stock, 0);
    bytes_init(&out, &stock);

    const struct response_head *h = &first->h;
    hop_strip(&h->fields, &f, &a, 0);
    struct h1_out o = {
        .body = h->body == BODY_TUNNEL ? BODY_NONE : h->body,
        .content_length = h->content_length,
        .write_length = h->has_length && h->body == BODY_NONE,
        .close = !h->keep_alive && h->status != 101,
        .upgrade =
            h->status == 101 ? fields_get_token(&h->fields, TOKEN_UPGRADE) : slice_of(NULL, 0),
    };
    must(h1_write_response(&out, h->status, h->reason, &f, &o));
    struct slice text = fuzz_drain(&out, &a);
    struct answer second;
    struct h1_parser p = {.limits = &wide};
    ask(&second, &p, q, text);
    must(second.n == (ssize_t)text.n);
    must(second.h.status == h->status && second.h.body == h->body);
    must(h->reason.n == 0 || slice_eq(second.h.reason, h->reason));
    must(second.h.keep_alive == h->keep_alive);
    if (h->body != BODY_TUNNEL)
        must(second.h.content_length == h->content_length && second.h.has_length == h->has_length);
    hop_strip(&second.h.fields, &again, &a, 0);
    same_fields(&f, &again);

    bytes_stock_fini(&stock);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n);
    for (size_t i = 0; i < array_n(questions); i++) {
        struct h1_parser p = {.limits = &limits};
        struct answer whole;
        ask(&whole, &p, &questions[i], in);
        try_scans(&whole, &questions[i], in);
        try_cut(&whole, &questions[i], in);
        if (whole.n > 0)
            try_write(&whole, &questions[i]);
    }
    return 0;
}
