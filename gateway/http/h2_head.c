/* SPDX-License-Identifier: Apache-2.0 */
/* Heads in HTTP/2. A block is collected line by line into one run of bytes; the lines point into
 * it, and are moved along when it grows. What can be said of a line alone is said as it comes;
 * what the block means as a whole is judged at its end, since only then is it known what has not
 * come.
 *
 * nghttp2 checks much of this too, depending on its version and options; the rules stand here
 * whole, so that what goes on to a backend doesn't depend on that. */
#include "http/h2_head.h"

#include <stdlib.h>

#include "http/h1_parse.h"
#include "http/hop.h"
#include "http/target.h"

#define BIT(t) (UINT64_C(1) << TOKEN_##t)

/* RFC 9113 8.2.2. TE has a rule of its own. */
static const uint64_t connection_tokens = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                                          BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

enum {
    TEXT_FIRST = 1024, /* most heads fit */
    LINES_FIRST = 32,
    LINE_OVERHEAD = 32, /* RFC 9113 6.5.2 */
    KEY_SIZE = 24,
};

const char *h2_fault_name(enum h2_fault f)
{
    static const char *const names[] = {
#define F(id, name) name,
        H2_FAULT_LIST(F)
#undef F
    };
    must(f < H2_FAULT_N);
    return names[f];
}

uint16_t h2_fault_status(enum h2_fault f)
{
    switch (f) {
    case H2_FAULT_TARGET_LONG:
        return 414;
    case H2_FAULT_EXPECT:
        return 417;
    case H2_FAULT_HEAD_LARGE:
    case H2_FAULT_FIELDS_MANY:
        return 431;
    case H2_FAULT_PROTOCOL:
        return 501;
    default:
        return 400;
    }
}

/* -- memory ------------------------------------------------------------------------------------ */

void h2_block_init(struct h2_block *b, const struct h2_limits *limits)
{
    *b = (struct h2_block){.limits = limits};
    h2_block_begin(b);
}

void h2_block_fini(struct h2_block *b)
{
    free(b->text);
    free(b->lines);
    h2_block_init(b, b->limits);
}

void h2_block_begin(struct h2_block *b)
{
    b->text_n = 0;
    b->n = 0;
    b->size = 0;
    b->absent = ~(UINT64_C(1) << TOKEN_OTHER);
    b->fault = H2_FAULT_NONE;
    memset(b->pseudo, 0, sizeof b->pseudo);
}

static void move(struct slice *s, const char *from, const char *to)
{
    if (s->p)
        s->p = to + (s->p - from);
}

static bool grow_text(struct h2_block *b, size_t n)
{
    size_t cap = b->text_cap ? b->text_cap : TEXT_FIRST;
    while (cap <= b->text_n + n)
        cap *= 2;
    char *to = malloc(cap);
    if (!to)
        return false;
    if (b->text_n)
        memcpy(to, b->text, b->text_n);
    for (uint16_t i = 0; i < b->n; i++) {
        move(&b->lines[i].name, b->text, to);
        move(&b->lines[i].value, b->text, to);
    }
    for (int i = 0; i < H2_PSEUDO_N; i++)
        move(&b->pseudo[i], b->text, to);
    free(b->text);
    b->text = to;
    b->text_cap = cap;
    return true;
}

/* One byte more, so that also an empty slice has a place. */
static bool room(struct h2_block *b, size_t n)
{
    return likely(b->text_cap - b->text_n > n) || grow_text(b, n);
}

static bool room_for_line(struct h2_block *b)
{
    if (likely(b->n < b->cap))
        return true;
    const uint16_t cap = b->cap ? (uint16_t)(b->cap * 2) : LINES_FIRST;
    struct field *lines = realloc(b->lines, cap * sizeof *lines);
    if (!lines)
        return false;
    b->lines = lines;
    b->cap = cap;
    return true;
}

/* There is room. */
static struct slice put(struct h2_block *b, struct slice s)
{
    char *p = b->text + b->text_n;
    if (s.n)
        memcpy(p, s.p, s.n);
    b->text_n += s.n;
    return slice_of(p, s.n);
}

/* There is room for its bytes. */
static bool put_line(struct h2_block *b, struct slice name, struct slice value, enum token t)
{
    if (!room_for_line(b))
        return false;
    struct field *f = &b->lines[b->n++];
    f->name = put(b, name);
    f->value = put(b, value);
    f->token = (uint8_t)t;
    b->absent &= ~(UINT64_C(1) << t);
    return true;
}

static bool add_line(struct h2_block *b, struct slice name, struct slice value)
{
    return room(b, name.n + value.n) && put_line(b, name, value, token_of(name));
}

/* -- one line ---------------------------------------------------------------------------------- */

/* Keeps the first fault. */
static enum h2_fault blame(struct h2_block *b, enum h2_fault f)
{
    if (b->fault == H2_FAULT_NONE)
        b->fault = (uint8_t)f;
    return (enum h2_fault)b->fault;
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9113 8.2.1. */
static bool value_ok(struct slice v)
{
    if (v.n && (is_ows(v.p[0]) || is_ows(v.p[v.n - 1])))
        return false;
    return v.n == 0 || h1_scan_value(v.p, v.p + v.n) == v.p + v.n;
}

static bool name_ok(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.p[i];
        if (!(byte_class[(uint8_t)c] & BYTE_TCHAR) || (c >= 'A' && c <= 'Z'))
            return false;
    }
    return name.n > 0;
}

static int pseudo_of(struct slice name)
{
    static const struct slice names[H2_PSEUDO_N] = {
        [H2_METHOD] = SLICE_INIT(":method"),       [H2_SCHEME] = SLICE_INIT(":scheme"),
        [H2_AUTHORITY] = SLICE_INIT(":authority"), [H2_PATH] = SLICE_INIT(":path"),
        [H2_PROTOCOL] = SLICE_INIT(":protocol"),   [H2_STATUS] = SLICE_INIT(":status"),
    };
    int i = 0;
    while (i < H2_PSEUDO_N && !slice_eq(name, names[i]))
        i++;
    return i;
}

/* RFC 9113 8.3: each once, none behind a regular field, none that nobody has defined. */
static bool add_pseudo(struct h2_block *b, struct slice name, struct slice value)
{
    const int i = pseudo_of(name);
    if (i == H2_PSEUDO_N || b->n || b->pseudo[i].p) {
        blame(b, H2_FAULT_PSEUDO);
        return true;
    }
    if (!room(b, value.n))
        return false;
    b->pseudo[i] = put(b, value);
    return true;
}

bool h2_block_add(struct h2_block *b, struct slice name, struct slice value)
{
    if (b->fault)
        return true;
    const size_t size = name.n + value.n + LINE_OVERHEAD;
    if (size > b->limits->head_size - b->size)
        return blame(b, H2_FAULT_HEAD_LARGE), true;
    b->size += (uint32_t)size;
    if (!value_ok(value))
        return blame(b, H2_FAULT_VALUE), true;
    if (name.n && name.p[0] == ':')
        return add_pseudo(b, name, value);
    if (!name_ok(name))
        return blame(b, H2_FAULT_NAME), true;
    if (b->n == b->limits->field_count)
        return blame(b, H2_FAULT_FIELDS_MANY), true;
    return add_line(b, name, value);
}

/* -- a block: what both kinds share ------------------------------------------------------------ */

static struct fields fields_of(const struct h2_block *b)
{
    return (struct fields){.v = b->lines, .n = b->n, .cap = b->cap, .absent = b->absent};
}

static bool has(const struct h2_block *b, enum h2_pseudo i)
{
    return b->pseudo[i].p != NULL;
}

/* "te: trailers" is the one thing that TE may say (RFC 9113 8.2.2). */
static enum h2_fault judge_connection(const struct h2_block *b, bool *te_trailers)
{
    const struct fields f = fields_of(b);
    if ((~b->absent & connection_tokens) != 0)
        return H2_FAULT_CONNECTION_FIELD;
    const struct field *te = fields_find_token(&f, TOKEN_TE);
    for (const struct field *one = te; one; one = fields_next(&f, one))
        if (!slice_ieq(one->value, SLICE("trailers")))
            return H2_FAULT_CONNECTION_FIELD;
    *te_trailers = te != NULL;
    return H2_FAULT_NONE;
}

/* One length, or none. The limit is that of the HTTP/1.1 parser. */
static enum h2_fault judge_length(const struct h2_block *b, bool *given, uint64_t *length)
{
    const struct fields f = fields_of(b);
    const struct field *one = fields_find_token(&f, TOKEN_CONTENT_LENGTH);
    *given = one != NULL;
    *length = 0;
    if (one && (fields_next(&f, one) || !slice_to_u64(one->value, length) || *length > INT64_MAX))
        return H2_FAULT_LENGTH;
    return H2_FAULT_NONE;
}

/* -- requests ---------------------------------------------------------------------------------- */

/* Which pseudo-fields there are (RFC 9113 8.3.1 and 8.5, RFC 8441 4). */
static enum h2_fault judge_pseudo(const struct h2_block *b, bool connect)
{
    if (has(b, H2_STATUS) || (has(b, H2_PROTOCOL) && !connect))
        return H2_FAULT_PSEUDO;
    if (!has(b, H2_METHOD))
        return H2_FAULT_PSEUDO_MISSING;
    if (connect && !has(b, H2_PROTOCOL)) {
        if (has(b, H2_SCHEME) || has(b, H2_PATH))
            return H2_FAULT_PSEUDO;
        return has(b, H2_AUTHORITY) ? H2_FAULT_NONE : H2_FAULT_PSEUDO_MISSING;
    }
    return has(b, H2_SCHEME) && has(b, H2_PATH) ? H2_FAULT_NONE : H2_FAULT_PSEUDO_MISSING;
}

/* RFC 9113 8.3.1: the origin form, or "*" for OPTIONS. Nothing else: a path that begins with
 * "http://" would be read as an absolute form by whoever gets it over HTTP/1.1. */
static enum h2_fault judge_path(const struct h2_block *b, enum method m)
{
    const struct slice path = b->pseudo[H2_PATH];
    if (path.n > b->limits->target_size)
        return H2_FAULT_TARGET_LONG;
    if (slice_eq(path, SLICE("*")) && m == METHOD_OPTIONS)
        return H2_FAULT_NONE;
    if (!path.n || path.p[0] != '/' || h1_scan_target(path.p, path.p + path.n) != path.p + path.n)
        return H2_FAULT_PSEUDO;
    return H2_FAULT_NONE;
}

static enum h2_fault judge_start(const struct h2_block *b, struct request_head *h)
{
    h->method = b->pseudo[H2_METHOD];
    h->method_id = method_of(h->method);
    const bool connect = h->method_id == METHOD_CONNECT;
    enum h2_fault f = judge_pseudo(b, connect);
    if (f != H2_FAULT_NONE)
        return f;
    if (!is_token(h->method))
        return H2_FAULT_PSEUDO;
    if (connect && !has(b, H2_PROTOCOL)) {
        h->target = b->pseudo[H2_AUTHORITY];
        return H2_FAULT_NONE;
    }
    const struct slice scheme = b->pseudo[H2_SCHEME];
    if (!slice_ieq(scheme, SLICE("http")) && !slice_ieq(scheme, SLICE("https")))
        return H2_FAULT_PSEUDO;
    f = judge_path(b, h->method_id);
    if (f == H2_FAULT_NONE)
        h->target = b->pseudo[H2_PATH];
    return f;
}

/* RFC 9113 8.3.1: one authority, said once or twice alike; http and https have one always. A Host
 * line is at hand afterwards, the first of all. */
static enum h2_fault settle_host(struct h2_block *b, bool *memory)
{
    const struct fields f = fields_of(b);
    const struct field *host = fields_find_token(&f, TOKEN_HOST);
    const struct slice authority = b->pseudo[H2_AUTHORITY];
    if (host && (fields_next(&f, host) || (authority.p && !slice_ieq(host->value, authority))))
        return H2_FAULT_HOST_DIFFERS;
    if (!host && !authority.p)
        return H2_FAULT_PSEUDO_MISSING;
    const struct slice value = host ? host->value : authority;
    if (!value.n || !host_ok(value))
        return H2_FAULT_PSEUDO;
    if (host)
        return H2_FAULT_NONE;
    *memory = room(b, 4) && room_for_line(b);
    if (!*memory)
        return H2_FAULT_NONE;
    memmove(b->lines + 1, b->lines, b->n * sizeof *b->lines);
    b->lines[0] = (struct field){put(b, SLICE("host")), b->pseudo[H2_AUTHORITY], TOKEN_HOST};
    b->n++;
    b->absent &= ~BIT(HOST);
    return H2_FAULT_NONE;
}

/* RFC 9113 8.2.3: lines that HTTP/2 split for compression's sake are one line again. */
static bool join_cookies(struct h2_block *b)
{
    struct fields f = fields_of(b);
    const struct field *first = fields_find_token(&f, TOKEN_COOKIE);
    if (!first || !fields_next(&f, first))
        return true;
    size_t n = 0;
    for (const struct field *c = first; c; c = fields_next(&f, c))
        n += c->value.n + 2;
    if (!room(b, n))
        return false;
    f = fields_of(b); /* they may have moved */
    const size_t begin = b->text_n;
    for (const struct field *c = first; c; c = fields_next(&f, c)) {
        if (c != first)
            put(b, SLICE("; "));
        put(b, c->value);
    }
    b->lines[first - f.v].value = slice_of(b->text + begin, b->text_n - begin);
    const uint16_t at = (uint16_t)(first - f.v + 1);
    uint16_t kept = at;
    for (uint16_t i = at; i < b->n; i++)
        if (b->lines[i].token != TOKEN_COOKIE)
            b->lines[kept++] = b->lines[i];
    b->n = kept;
    return true;
}

static void drop_lines(struct h2_block *b, struct slice name)
{
    struct fields f = fields_of(b);
    fields_remove(&f, name);
    b->n = f.n;
}

/* RFC 8441 5: what HTTP/1.1 says with GET, Upgrade and a key. */
static bool be_upgrade(struct h2_block *b, const char key[24], struct request_head *h)
{
    static const struct slice get = SLICE_INIT("GET"), key_name = SLICE_INIT("sec-websocket-key"),
                              upgrade = SLICE_INIT("upgrade"), websocket = SLICE_INIT("websocket");
    drop_lines(b, key_name);
    if (!room(b, get.n + key_name.n + KEY_SIZE + upgrade.n + websocket.n))
        return false;
    h->method = put(b, get);
    h->method_id = METHOD_GET;
    h->target = b->pseudo[H2_PATH];
    h->upgrade = true;
    return put_line(b, upgrade, websocket, TOKEN_UPGRADE) &&
           put_line(b, key_name, slice_of(key, KEY_SIZE), TOKEN_OTHER);
}

/* How the content ends. */
static enum h2_fault judge_request_body(const struct h2_block *b, bool ended,
                                        struct request_head *h)
{
    bool given;
    const enum h2_fault f = judge_length(b, &given, &h->content_length);
    if (f != H2_FAULT_NONE)
        return f;
    if (h->method_id == METHOD_CONNECT) /* what follows is no content (RFC 9110 9.3.6) */
        return given ? H2_FAULT_LENGTH : H2_FAULT_NONE;
    if (ended && h->content_length > 0)
        return H2_FAULT_LENGTH;
    h->body = given ? BODY_LENGTH : ended ? BODY_NONE : BODY_CHUNKED;
    return H2_FAULT_NONE;
}

static enum h2_fault judge_expect(const struct h2_block *b, struct request_head *h)
{
    const struct fields f = fields_of(b);
    const struct field *e = fields_find_token(&f, TOKEN_EXPECT);
    for (const struct field *one = e; one; one = fields_next(&f, one))
        if (!slice_ieq(one->value, SLICE("100-continue")))
            return H2_FAULT_EXPECT;
    h->expect_continue = e && (h->body == BODY_CHUNKED || h->content_length > 0);
    return H2_FAULT_NONE;
}

static enum h2_fault judge_request(struct h2_block *b, bool ended, struct request_head *h,
                                   bool *memory)
{
    enum h2_fault f = judge_start(b, h);
    if (f == H2_FAULT_NONE)
        f = judge_connection(b, &h->te_trailers);
    if (f == H2_FAULT_NONE)
        f = judge_request_body(b, ended, h);
    if (f == H2_FAULT_NONE)
        f = judge_expect(b, h);
    if (f == H2_FAULT_NONE && h->method_id == METHOD_CONNECT && has(b, H2_PROTOCOL) &&
        !slice_ieq(b->pseudo[H2_PROTOCOL], SLICE("websocket")))
        f = H2_FAULT_PROTOCOL;
    if (f == H2_FAULT_NONE)
        f = settle_host(b, memory);
    return f;
}

enum h2_fault h2_block_request(struct h2_block *b, bool ended, const char key[24],
                               struct request_head *out, struct slice *raw)
{
    bool memory = true;
    *out = (struct request_head){.major = 2, .minor = 1, .keep_alive = true};
    enum h2_fault f = (enum h2_fault)b->fault;
    if (f == H2_FAULT_NONE)
        f = judge_request(b, ended, out, &memory);
    if (f == H2_FAULT_NONE && memory) {
        memory = join_cookies(b);
        if (memory && has(b, H2_PROTOCOL))
            memory = be_upgrade(b, key, out);
    }
    if (!memory)
        f = H2_FAULT_HEAD_LARGE; /* more than there is room for */
    if (f != H2_FAULT_NONE || !out->upgrade) /* the text may have moved */
        out->method = is_token(b->pseudo[H2_METHOD]) ? b->pseudo[H2_METHOD] : slice_of(NULL, 0);
    if (out->target.p)
        out->target = b->pseudo[has(b, H2_PATH) ? H2_PATH : H2_AUTHORITY];
    out->fields = fields_of(b);
    *raw = slice_of(b->text, b->text_n);
    return blame(b, f);
}

/* -- responses --------------------------------------------------------------------------------- */

static bool has_no_content(uint16_t status)
{
    return status < 200 || status == 204;
}

static enum h2_fault judge_status(const struct h2_block *b, uint16_t *status)
{
    const struct slice s = b->pseudo[H2_STATUS];
    for (int i = 0; i < H2_STATUS; i++)
        if (has(b, (enum h2_pseudo)i))
            return H2_FAULT_PSEUDO;
    if (!s.p)
        return H2_FAULT_PSEUDO_MISSING;
    uint64_t v;
    /* RFC 9113 8.6: there is no 101. */
    if (s.n != 3 || !slice_to_u64(s, &v) || v < 100 || v == 101)
        return H2_FAULT_STATUS;
    *status = (uint16_t)v;
    return H2_FAULT_NONE;
}

static enum h2_fault judge_response_body(bool ended, enum method method, struct response_head *h)
{
    if (h->status < 200)
        return ended || h->content_length > 0 ? H2_FAULT_LENGTH : H2_FAULT_NONE;
    if (has_no_content(h->status) && h->content_length > 0)
        return H2_FAULT_LENGTH;
    if (method == METHOD_HEAD || has_no_content(h->status) || h->status == 304)
        return H2_FAULT_NONE;
    if (ended && h->content_length > 0)
        return H2_FAULT_LENGTH;
    /* Nothing follows: a length of 0 says so in every version. */
    h->has_length = h->has_length || ended;
    h->body = h->has_length ? BODY_LENGTH : BODY_CHUNKED;
    return H2_FAULT_NONE;
}

static enum h2_fault judge_response(const struct h2_block *b, bool ended, enum method method,
                                    struct response_head *h)
{
    bool ignored;
    enum h2_fault f = judge_status(b, &h->status);
    if (f == H2_FAULT_NONE)
        f = judge_connection(b, &ignored);
    if (f == H2_FAULT_NONE)
        f = judge_length(b, &h->has_length, &h->content_length);
    return f == H2_FAULT_NONE ? judge_response_body(ended, method, h) : f;
}

enum h2_fault h2_block_response(struct h2_block *b, bool ended, enum method method, bool tunnel,
                                struct response_head *out, struct slice *raw)
{
    *out = (struct response_head){.major = 2, .minor = 1, .keep_alive = true};
    enum h2_fault f = (enum h2_fault)b->fault;
    if (f == H2_FAULT_NONE)
        f = judge_response(b, ended, method, out);
    if (f == H2_FAULT_NONE && tunnel && out->status >= 200 && out->status < 300) {
        out->status = 101;
        out->body = BODY_TUNNEL;
        out->has_length = false;
        if (!add_line(b, SLICE("upgrade"), SLICE("websocket")))
            f = H2_FAULT_HEAD_LARGE;
    }
    out->fields = fields_of(b);
    *raw = slice_of(b->text, b->text_n);
    out->reason = slice_of(b->text, 0);
    return blame(b, f);
}

/* -- trailers ---------------------------------------------------------------------------------- */

enum h2_fault h2_block_trailers(struct h2_block *b, struct arena *a, struct fields *out)
{
    bool ignored;
    fields_init(out, a, 0);
    if (b->fault)
        return (enum h2_fault)b->fault;
    for (int i = 0; i < H2_PSEUDO_N; i++)
        if (has(b, (enum h2_pseudo)i))
            return blame(b, H2_FAULT_PSEUDO);
    if (judge_connection(b, &ignored) != H2_FAULT_NONE)
        return blame(b, H2_FAULT_CONNECTION_FIELD);
    for (uint16_t i = 0; i < b->n; i++) {
        const struct field *f = &b->lines[i];
        if (hop_trailer_ok(f))
            fields_add(out, a, arena_dup(a, f->name), arena_dup(a, f->value));
    }
    return H2_FAULT_NONE;
}
