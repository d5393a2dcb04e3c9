/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 by hand. Frames are put together and taken apart here; only header blocks that come are
 * decoded by nghttp2. */
#include "tests/lib/h2_raw.h"

#include "tests/lib/wait.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 9, PIECE = 16 * 1024 };

static struct h2_raw *raws;

/* -- connections ------------------------------------------------------------------------------- */

struct h2_raw *raw_open_on(struct talk *t)
{
    struct h2_raw *c = calloc(1, sizeof *c);
    c->t = t;
    c->goaway = H2_NOTHING;
    text_init(&c->out);
    text_init(&c->head);
    text_init(&c->block);
    cr_assert_eq(nghttp2_hd_inflate_new(&c->inflater), 0);
    c->next = raws;
    raws = c;
    return c;
}

struct h2_raw *raw_open_port(uint16_t port)
{
    return raw_open_on(talk_open_port(port));
}

struct h2_raw *raw_open(void)
{
    struct h2_raw *c = raw_open_on(talk_open());
    raw_greet(c);
    return c;
}

static void forget(struct h2_raw *c)
{
    nghttp2_hd_inflate_del(c->inflater);
    text_fini(&c->out);
    text_fini(&c->head);
    text_fini(&c->block);
    free(c);
}

void raw_close(struct h2_raw *c)
{
    for (struct h2_raw **at = &raws; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    talk_close(c->t);
    forget(c);
}

/* The talks end on their own. */
void raws_end(void)
{
    for (struct h2_raw *c; (c = raws);) {
        raws = c->next;
        forget(c);
    }
}

void raw_put_preface(struct h2_raw *c)
{
    text_str(&c->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

void raw_greet(struct h2_raw *c)
{
    raw_put_preface(c);
    raw_put(c, H2_SETTINGS, 0, 0, NULL, 0);
    cr_assert(raw_send(c));
    cr_assert(raw_await(c, &c->settings, 1), "no SETTINGS came");
    cr_assert(raw_await(c, &c->settings_acks, 1), "our SETTINGS were not acknowledged");
    cr_assert(raw_send(c));
}

/* -- frames ------------------------------------------------------------------------------------ */

static void put_number(struct text *t, uint64_t v, int bytes)
{
    while (bytes-- > 0)
        text_char(t, (char)(v >> (8 * bytes)));
}

void raw_put_head(struct h2_raw *c, size_t length, unsigned type, unsigned flags, uint32_t stream)
{
    if (type == H2_HEADERS && c->reply.stream != stream)
        c->reply = (struct h2_reply){.stream = stream, .reset = H2_NOTHING};
    put_number(&c->out, length, 3);
    put_number(&c->out, type, 1);
    put_number(&c->out, flags, 1);
    put_number(&c->out, stream, 4);
}

void raw_put(struct h2_raw *c, unsigned type, unsigned flags, uint32_t stream, const void *payload,
             size_t n)
{
    raw_put_head(c, n, type, flags, stream);
    text_add(&c->out, slice_of(payload, n));
}

void raw_put_u32(struct h2_raw *c, unsigned type, unsigned flags, uint32_t stream, uint32_t v)
{
    raw_put_head(c, 4, type, flags, stream);
    put_number(&c->out, v, 4);
}

void raw_put_setting(struct h2_raw *c, unsigned id, uint32_t v)
{
    raw_put_head(c, 6, H2_SETTINGS, 0, 0);
    put_number(&c->out, id, 2);
    put_number(&c->out, v, 4);
}

void raw_put_block(struct h2_raw *c, uint32_t stream, unsigned flags, const struct text *block)
{
    raw_put(c, H2_HEADERS, flags | H2_END_HEADERS, stream, block->p, block->n);
}

void raw_request(struct h2_raw *c, uint32_t stream, const char *method, const char *path,
                 unsigned flags)
{
    struct text b;
    text_init(&b);
    hpack_request(&b, method, path);
    raw_put_block(c, stream, flags, &b);
    text_fini(&b);
}

/* The deadline counts from the last progress. What is acknowledged meanwhile is for the next time.
 */
bool raw_send(struct h2_raw *c)
{
    struct text out = c->out;
    size_t at = 0;
    uint64_t end = now_ms() + c->t->deadline_ms;
    text_init(&c->out);
    while (at < out.n && !c->ended) {
        struct pollfd p = {.fd = c->t->wire.fd,
                           .events = (short)(POLLOUT | (c->deaf ? 0 : POLLIN))};
        const ssize_t k =
            wire_write_some(&c->t->wire, out.p + at, out.n - at < PIECE ? out.n - at : PIECE);
        if (k < 0 || (k == 0 && now_ms() >= end))
            break;
        at += (size_t)k;
        if (k)
            end = now_ms() + c->t->deadline_ms;
        else
            poll(&p, 1, 100);
        if (!c->deaf)
            raw_look(c);
    }
    const bool ok = at == out.n;
    text_fini(&out);
    return ok;
}

/* -- header blocks ----------------------------------------------------------------------------- */

void hpack_number(struct text *b, uint8_t first, unsigned prefix_bits, uint64_t n)
{
    const uint64_t most = (1u << prefix_bits) - 1;
    if (n < most) {
        text_char(b, (char)(first | n));
        return;
    }
    text_char(b, (char)(first | most));
    for (n -= most; n >= 128; n >>= 7)
        text_char(b, (char)(128 | (n & 127)));
    text_char(b, (char)n);
}

static void put_string(struct text *b, const void *p, size_t n)
{
    hpack_number(b, 0, 7, n);
    text_add(b, slice_of(p, n));
}

void hpack_literal_n(struct text *b, const void *name, size_t name_n, const void *value,
                     size_t value_n)
{
    text_char(b, 0);
    put_string(b, name, name_n);
    put_string(b, value, value_n);
}

void hpack_literal(struct text *b, const char *name, const char *value)
{
    hpack_literal_n(b, name, strlen(name), value, strlen(value));
}

void hpack_keep(struct text *b, const char *name, const char *value)
{
    text_char(b, 0x40);
    put_string(b, name, strlen(name));
    put_string(b, value, strlen(value));
}

void hpack_index(struct text *b, uint64_t index)
{
    hpack_number(b, 0x80, 7, index);
}

void hpack_table_size(struct text *b, uint64_t n)
{
    hpack_number(b, 0x20, 5, n);
}

void hpack_request(struct text *b, const char *method, const char *path)
{
    hpack_literal(b, ":method", method);
    hpack_literal(b, ":scheme", "http");
    hpack_literal(b, ":authority", "a");
    hpack_literal(b, ":path", path);
}

/* -- reading ----------------------------------------------------------------------------------- */

static uint32_t number(const uint8_t *p, int bytes)
{
    uint32_t v = 0;
    while (bytes-- > 0)
        v = v << 8 | *p++;
    return v;
}

static void decode(struct h2_raw *c)
{
    const uint8_t *p = (const uint8_t *)c->block.p;
    size_t n = c->block.n;
    int flags = 0;
    c->head.n = 0;
    while (n && !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv nv;
        const ssize_t used = nghttp2_hd_inflate_hd2(c->inflater, &nv, &flags, p, n, 1);
        if (used < 0) {
            c->bad_head = true;
            break;
        }
        p += used;
        n -= (size_t)used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            text_printf(&c->head, "%.*s: %.*s\n", (int)nv.namelen, nv.name, (int)nv.valuelen,
                        nv.value);
    }
    nghttp2_hd_inflate_end_headers(c->inflater);
    c->block.n = 0;
    text_char(&c->head, 0);
}

static void take_block(struct h2_raw *c)
{
    const struct h2_frame *f = &c->f;
    size_t skip = 0, pad = 0;
    if (f->type == H2_HEADERS && f->flags & H2_PADDED)
        pad = f->payload[skip++];
    if (f->type == H2_HEADERS && f->flags & H2_PRIORITY_FLAG)
        skip += 5;
    cr_assert_leq(skip + pad, f->length);
    text_add(&c->block, slice_of((const char *)f->payload + skip, f->length - skip - pad));
    if (f->flags & H2_END_HEADERS)
        decode(c);
}

static void take_reply(struct h2_raw *c)
{
    const struct h2_frame *f = &c->f;
    struct h2_reply *r = &c->reply;
    if (f->stream != r->stream)
        return;
    if (f->type == H2_HEADERS && f->flags & H2_END_HEADERS && atoi(raw_field(c, ":status")))
        r->status = atoi(raw_field(c, ":status"));
    if (f->type == H2_DATA)
        r->body += f->length;
    if (f->type == H2_RST_STREAM)
        r->reset = number(f->payload, 4);
    r->ended =
        r->ended || f->type == H2_RST_STREAM || (f->type <= H2_HEADERS && f->flags & H2_END_STREAM);
}

static void take_ack(struct h2_raw *c, uint32_t *acks)
{
    const struct h2_frame *f = &c->f;
    if (f->flags & H2_ACK)
        (*acks)++;
    else if (!c->deaf)
        raw_put(c, f->type, H2_ACK, 0, f->payload, f->type == H2_PING ? f->length : 0);
}

static void take(struct h2_raw *c)
{
    const struct h2_frame *f = &c->f;
    if (f->type == H2_HEADERS || f->type == H2_CONTINUATION)
        take_block(c);
    c->heads += f->type == H2_HEADERS;
    c->settings += f->type == H2_SETTINGS && !(f->flags & H2_ACK);
    if (f->type == H2_SETTINGS)
        take_ack(c, &c->settings_acks);
    if (f->type == H2_PING)
        take_ack(c, &c->pings);
    if (f->type == H2_RST_STREAM) {
        c->resets++;
        c->other_resets += number(f->payload, 4) != H2_REFUSED_STREAM;
    }
    if (f->type == H2_GOAWAY && f->length >= 8) {
        c->last_stream = number(f->payload, 4);
        c->goaway = number(f->payload + 4, 4);
    }
    take_reply(c);
}

/* A whole frame of what was read. */
static bool parse(struct h2_raw *c)
{
    const struct slice s = talk_rest(c->t);
    const uint8_t *p = (const uint8_t *)s.p;
    if (s.n < HEAD || s.n < HEAD + number(p, 3))
        return false;
    c->f = (struct h2_frame){.length = number(p, 3),
                             .type = p[3],
                             .flags = p[4],
                             .stream = number(p + 5, 4),
                             .payload = p + HEAD};
    talk_skip(c->t, HEAD + c->f.length);
    take(c);
    return true;
}

bool raw_next(struct h2_raw *c)
{
    const uint64_t end = now_ms() + c->t->deadline_ms;
    while (!parse(c)) {
        const uint64_t now = now_ms();
        const int got = c->ended ? 0 : now < end ? talk_pull(c->t, (int)(end - now)) : -1;
        c->ended = c->ended || got == 0;
        if (got <= 0)
            return false;
    }
    return true;
}

bool raw_await(struct h2_raw *c, const uint32_t *count, uint32_t n)
{
    const uint64_t end = now_ms() + c->t->deadline_ms;
    while (*count < n && now_ms() < end && raw_next(c))
        ;
    return *count >= n;
}

void raw_look(struct h2_raw *c)
{
    int got = 1;
    while (got > 0) {
        while (parse(c))
            ;
        got = c->ended ? 0 : talk_pull(c->t, 0);
        c->ended = c->ended || got == 0;
    }
}

struct h2_reply raw_await_reply(struct h2_raw *c, uint32_t stream)
{
    const uint64_t end = now_ms() + c->t->deadline_ms;
    size_t given = 0;
    cr_assert_eq(c->reply.stream, stream);
    while (!c->reply.ended && now_ms() < end) {
        if (c->reply.body - given >= 16 * 1024) {
            raw_put_u32(c, H2_WINDOW_UPDATE, 0, stream, (uint32_t)(c->reply.body - given));
            raw_put_u32(c, H2_WINDOW_UPDATE, 0, 0, (uint32_t)(c->reply.body - given));
            given = c->reply.body;
        }
        if (c->out.n)
            raw_send(c); /* may read the next frames */
        else if (!raw_next(c))
            break;
    }
    return c->reply;
}

uint32_t raw_outcome(struct h2_raw *c)
{
    const uint64_t end = now_ms() + c->t->deadline_ms;
    while (now_ms() < end && raw_next(c))
        ;
    return c->goaway;
}

bool raw_is_served(struct h2_raw *c, uint32_t stream)
{
    raw_request(c, stream, "GET", "/", H2_END_STREAM);
    if (!raw_send(c))
        return false;
    const struct h2_reply r = raw_await_reply(c, stream);
    return r.status == 200 && r.ended && r.reset == H2_NOTHING;
}

const char *raw_field(const struct h2_raw *c, const char *name)
{
    static char value[1024];
    const size_t n = strlen(name);
    value[0] = 0;
    for (const char *p = c->head.n ? c->head.p : ""; *p; p = strchr(p, '\n') + 1)
        if (!strncmp(p, name, n) && !strncmp(p + n, ": ", 2)) {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(p + n + 2, "\n"), p + n + 2);
            break;
        }
    return value;
}
