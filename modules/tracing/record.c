/* SPDX-License-Identifier: Apache-2.0 */
/* An item is its kind, its length and its members in their order: numbers as they lie in memory,
 * texts with a length of two bytes. The length lets who reads it see that all was read, and no
 * more. */
#include "tracing/record.h"

#include "common/slice.h"

/* -- writing ----------------------------------------------------------------------------------- */

static void put(struct record_writer *w, const void *p, size_t n)
{
    if (n && w->n + n <= w->cap)
        memcpy(w->p + w->n, p, n);
    w->n += n; /* over the end: it is taken back as a whole */
}
#define PUT(w, v) put(w, &(v), sizeof(v))

static void put_text(struct record_writer *w, struct weir_slice s, size_t most)
{
    const uint16_t n = (uint16_t)(s.n < most ? s.n : most);
    PUT(w, n);
    put(w, s.p, n);
}

static size_t begin_item(struct record_writer *w, enum record_kind kind)
{
    const uint8_t byte = (uint8_t)kind;
    const uint16_t later = 0;
    const size_t at = w->n;
    PUT(w, byte);
    PUT(w, later);
    return at;
}

static void end_item(struct record_writer *w, size_t at)
{
    if (w->n > w->cap) {
        w->n = at;
        w->left_out++;
        return;
    }
    const uint16_t n = (uint16_t)(w->n - at);
    memcpy(w->p + at + 1, &n, sizeof n);
    w->spans++;
}

void record_begin(struct record_writer *w, char *to, size_t cap, const struct record_request *r)
{
    static const struct weir_slice none;
    const uint8_t version = RECORD_VERSION;
    *w = (struct record_writer){.p = to, .cap = cap};
    const size_t at = begin_item(w, RECORD_REQUEST);
    PUT(w, version);
    PUT(w, r->high);
    PUT(w, r->low);
    PUT(w, r->span);
    PUT(w, r->parent);
    PUT(w, r->flags);
    PUT(w, r->began_us);
    PUT(w, r->took_us);
    PUT(w, r->status);
    PUT(w, r->version);
    PUT(w, r->failed);
    PUT(w, r->grpc);
    put_text(w, r->method, RECORD_TEXT);
    put_text(w, r->scheme, RECORD_TEXT);
    put_text(w, r->host, RECORD_TEXT);
    put_text(w, r->path, RECORD_PATH);
    put_text(w, r->client, RECORD_TEXT);
    put_text(w, r->agent, RECORD_AGENT);
    put_text(w, r->route, RECORD_TEXT);
    put_text(w, r->cluster, RECORD_TEXT);
    put_text(w, r->variant, RECORD_TEXT);
    put_text(w, r->why, RECORD_TEXT);
    put_text(w, r->request_id, RECORD_TEXT);
    put_text(w, r->state.n <= RECORD_STATE ? r->state : none, RECORD_STATE);
    end_item(w, at);
}

void record_add_attempt(struct record_writer *w, const struct record_attempt *a)
{
    const size_t at = begin_item(w, RECORD_ATTEMPT);
    PUT(w, a->span);
    PUT(w, a->after_us);
    PUT(w, a->took_us);
    PUT(w, a->number);
    PUT(w, a->status);
    put_text(w, a->endpoint, RECORD_TEXT);
    put_text(w, a->cluster, RECORD_TEXT);
    put_text(w, a->why, RECORD_TEXT);
    end_item(w, at);
}

void record_add_wait(struct record_writer *w, const struct record_wait *wait)
{
    const size_t at = begin_item(w, RECORD_WAIT);
    PUT(w, wait->span);
    PUT(w, wait->after_us);
    PUT(w, wait->took_us);
    put_text(w, wait->module, RECORD_TEXT);
    put_text(w, wait->hook, RECORD_TEXT);
    end_item(w, at);
}

/* -- reading ----------------------------------------------------------------------------------- */

struct reader {
    struct weir_slice rest; /* of the item */
    bool wrong;
};

static void get(struct reader *r, void *to, size_t n)
{
    if (r->rest.n < n) {
        r->wrong = true;
        memset(to, 0, n);
        return;
    }
    memcpy(to, r->rest.p, n);
    r->rest = slice_from(r->rest, n);
}
#define GET(r, v) get(r, &(v), sizeof(v))

static struct weir_slice get_text(struct reader *r)
{
    uint16_t n;
    GET(r, n);
    if (r->rest.n < n) {
        r->wrong = true;
        n = 0;
    }
    const struct weir_slice s = {r->rest.p, n};
    r->rest = slice_from(r->rest, n);
    return s;
}

static void get_request(struct reader *r, struct record_request *to)
{
    uint8_t version, failed;
    GET(r, version);
    GET(r, to->high);
    GET(r, to->low);
    GET(r, to->span);
    GET(r, to->parent);
    GET(r, to->flags);
    GET(r, to->began_us);
    GET(r, to->took_us);
    GET(r, to->status);
    GET(r, to->version);
    GET(r, failed);
    GET(r, to->grpc);
    to->failed = failed;
    to->method = get_text(r);
    to->scheme = get_text(r);
    to->host = get_text(r);
    to->path = get_text(r);
    to->client = get_text(r);
    to->agent = get_text(r);
    to->route = get_text(r);
    to->cluster = get_text(r);
    to->variant = get_text(r);
    to->why = get_text(r);
    to->request_id = get_text(r);
    to->state = get_text(r);
    r->wrong = r->wrong || version != RECORD_VERSION || failed > 1 || !to->span;
}

static void get_attempt(struct reader *r, struct record_attempt *to)
{
    GET(r, to->span);
    GET(r, to->after_us);
    GET(r, to->took_us);
    GET(r, to->number);
    GET(r, to->status);
    to->endpoint = get_text(r);
    to->cluster = get_text(r);
    to->why = get_text(r);
}

static void get_wait(struct reader *r, struct record_wait *to)
{
    GET(r, to->span);
    GET(r, to->after_us);
    GET(r, to->took_us);
    to->module = get_text(r);
    to->hook = get_text(r);
}

/* Cuts the item off *rest: its kind, and its members in *r. */
static enum record_kind cut(struct weir_slice *rest, struct reader *r)
{
    uint8_t kind;
    uint16_t n;
    if (!rest->n)
        return RECORD_END;
    *r = (struct reader){.rest = *rest};
    GET(r, kind);
    GET(r, n);
    if (r->wrong || n < 3 || n > rest->n || kind == RECORD_END || kind >= RECORD_SPOILED)
        return RECORD_SPOILED;
    r->rest.n = n - 3u;
    *rest = slice_from(*rest, n);
    return kind;
}

void record_next(struct weir_slice *rest, struct record_item *out)
{
    struct reader r = {0};
    *out = (struct record_item){.kind = cut(rest, &r)};
    if (out->kind == RECORD_REQUEST)
        get_request(&r, &out->request);
    else if (out->kind == RECORD_ATTEMPT)
        get_attempt(&r, &out->attempt);
    else if (out->kind == RECORD_WAIT)
        get_wait(&r, &out->wait);
    if (r.wrong || (out->kind != RECORD_SPOILED && r.rest.n))
        out->kind = RECORD_SPOILED;
}

unsigned record_spans(struct weir_slice record)
{
    struct record_item item;
    unsigned n = 0;
    for (record_next(&record, &item); item.kind != RECORD_END; record_next(&record, &item)) {
        if (item.kind == RECORD_SPOILED || (item.kind == RECORD_REQUEST) != (n == 0))
            return 0;
        n++;
    }
    return n;
}
