/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and chunk frames as bytes. A head's size is added up first, then room for all of it is
 * reserved once and the parts are copied in: no test per part, and a head leaves as one piece. A
 * head larger than a block (limits.head_size may be set so) is put together piece by piece in a
 * queue of its own, which is moved to the end of `out` when it is complete, so that a failure in
 * the middle leaves nothing behind. */

#include "http/h1_write.h"

#include "http/status.h"

/* The lines that are the writer's own, ready to be copied: everything but the value of Upgrade. */
struct own {
    char text[192];
    size_t n;
};

/* Where a head goes: to `p` when room is reserved, else to `q`. */
struct sink {
    char *p;
    struct bytes *q;
    bool failed;
};

static inline void put(struct sink *k, struct slice s)
{
    if (s.n == 0)
        return;
    if (likely(k->p != NULL)) {
        memcpy(k->p, s.p, s.n);
        k->p += s.n;
    } else if (!k->failed) {
        k->failed = !bytes_copy(k->q, s);
    }
}

#define PUT(k, literal) put((k), SLICE(literal))

/* -- own lines -------------------------------------------------------------------------------- */
static void own_add(struct own *w, struct slice s)
{
    must(w->n + s.n <= sizeof w->text);
    memcpy(w->text + w->n, s.p, s.n);
    w->n += s.n;
}

/* Decimal digits of v at the end of `room`. */
static struct slice decimal(uint64_t v, char room[20])
{
    char *p = room + 20;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return slice_between(p, room + 20);
}

static void own_length(struct own *w, uint64_t n)
{
    char room[20];
    own_add(w, SLICE("Content-Length: "));
    own_add(w, decimal(n, room));
    own_add(w, SLICE("\r\n"));
}

/* "Connection: a, b", or nothing when no option is set. */
static void own_connection(struct own *w, const struct h1_out *o)
{
    const struct {
        bool on;
        struct slice name;
    } options[] = {
        {o->close, SLICE("close")},
        {o->keep_alive, SLICE("keep-alive")},
        {o->upgrade.n > 0, SLICE("upgrade")},
        {o->te_trailers, SLICE("te")},
    };
    struct slice before = SLICE("Connection: ");
    for (size_t i = 0; i < array_n(options); i++)
        if (options[i].on) {
            own_add(w, before);
            own_add(w, options[i].name);
            before = SLICE(", ");
        }
    own_add(w, SLICE("\r\n"));
}

static struct slice own_lines(struct own *w, const struct h1_out *o)
{
    w->n = 0;
    if (o->body == BODY_LENGTH || (o->body == BODY_NONE && o->write_length))
        own_length(w, o->content_length);
    else if (o->body == BODY_CHUNKED)
        own_add(w, SLICE("Transfer-Encoding: chunked\r\n"));
    if (o->close || o->keep_alive || o->upgrade.n || o->te_trailers)
        own_connection(w, o);
    if (o->te_trailers)
        own_add(w, SLICE("TE: trailers\r\n"));
    return slice_of(w->text, w->n);
}

/* -- heads ------------------------------------------------------------------------------------ */
struct parts {
    struct slice start[4]; /* of the start line; empty ones are left out */
    const struct fields *fields;
    struct slice own, upgrade;
};

static size_t size_of(const struct parts *h)
{
    size_t n = h->own.n + 2;
    for (size_t i = 0; i < array_n(h->start); i++)
        n += h->start[i].n;
    for (uint16_t i = 0; i < h->fields->n; i++)
        n += h->fields->v[i].name.n + h->fields->v[i].value.n + 4;
    return h->upgrade.n ? n + sizeof "Upgrade: \r\n" - 1 + h->upgrade.n : n;
}

/* Does the line lie there as "Name: value", in one run? Most that came in do. */
static inline bool is_one_run(const struct field *f)
{
    const char *behind = f->name.p + f->name.n;
    return f->value.p == behind + 2 && behind[0] == ':' && behind[1] == ' ';
}

static inline void put_field(struct sink *k, const struct field *f)
{
    if (is_one_run(f)) {
        put(k, slice_of(f->name.p, f->name.n + 2 + f->value.n));
    } else {
        put(k, f->name);
        PUT(k, ": ");
        put(k, f->value);
    }
    PUT(k, "\r\n");
}

static void put_head(struct sink *k, const struct parts *h)
{
    for (size_t i = 0; i < array_n(h->start); i++)
        put(k, h->start[i]);
    for (uint16_t i = 0; i < h->fields->n; i++)
        put_field(k, &h->fields->v[i]);
    put(k, h->own);
    if (h->upgrade.n) {
        PUT(k, "Upgrade: ");
        put(k, h->upgrade);
        PUT(k, "\r\n");
    }
    PUT(k, "\r\n");
}

static bool write_large(struct bytes *out, const struct parts *h)
{
    struct bytes apart;
    bytes_init(&apart, out->stock);
    struct sink k = {.q = &apart};
    put_head(&k, h);
    if (!k.failed)
        bytes_move(out, &apart);
    bytes_clear(&apart);
    return !k.failed;
}

static bool write_head(struct bytes *out, const struct parts *h)
{
    size_t n = size_of(h);
    if (unlikely(n > BLOCK_SIZE))
        return write_large(out, h);
    struct sink k = {.p = bytes_reserve(out, n)};
    if (unlikely(!k.p))
        return false;
    put_head(&k, h);
    bytes_commit(out, n);
    return true;
}

bool h1_write_request(struct bytes *out, struct slice method, struct slice target,
                      const struct fields *f, const struct h1_out *o)
{
    struct own own;
    return write_head(out, &(struct parts){
                               .start = {method, SLICE(" "), target, SLICE(" HTTP/1.1\r\n")},
                               .fields = f,
                               .own = own_lines(&own, o),
                               .upgrade = o->upgrade,
                           });
}

bool h1_write_response(struct bytes *out, uint16_t status, struct slice reason,
                       const struct fields *f, const struct h1_out *o)
{
    must(status >= 100 && status <= 999);
    char start[] = "HTTP/1.1 000 ";
    start[9] = (char)('0' + status / 100);
    start[10] = (char)('0' + status / 10 % 10);
    start[11] = (char)('0' + status % 10);
    struct own own;
    if (reason.n == 0)
        reason = status_reason(status);
    return write_head(out, &(struct parts){
                               .start = {slice_of(start, sizeof start - 1), reason, SLICE("\r\n")},
                               .fields = f,
                               .own = own_lines(&own, o),
                               .upgrade = o->upgrade,
                           });
}

/* -- chunks ----------------------------------------------------------------------------------- */
bool h1_write_chunk_begin(struct bytes *out, uint64_t n)
{
    must(n > 0);
    char room[18], *end = room + sizeof room, *p = end;
    *--p = '\n';
    *--p = '\r';
    for (; n; n >>= 4)
        *--p = "0123456789abcdef"[n & 15];
    return bytes_copy(out, slice_between(p, end));
}

bool h1_write_chunk_end(struct bytes *out)
{
    return bytes_copy(out, SLICE("\r\n"));
}

bool h1_write_content(struct bytes *out, struct bytes *from, size_t room, bool chunked)
{
    const size_t n = from->n < room ? from->n : room;
    if (n == 0)
        return true;
    if (!chunked)
        return bytes_move_n(out, from, n);
    return h1_write_chunk_begin(out, n) && bytes_move_n(out, from, n) && h1_write_chunk_end(out);
}

bool h1_write_last_chunk(struct bytes *out, const struct fields *trailers)
{
    if (!trailers || trailers->n == 0)
        return bytes_copy(out, SLICE("0\r\n\r\n"));
    struct parts h = {.start = {SLICE("0\r\n")}, .fields = trailers};
    return write_head(out, &h);
}
