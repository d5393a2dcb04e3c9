/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1 head parser. It walks the bytes once, from left to right; whatever a field says about
 * framing, Host or the connection is noted in `facts` as the field passes, and judged when the
 * empty line is reached.
 *
 * Invariant: the answer for a prefix never contradicts the answer for more bytes. A fault is
 * reported at the first byte that makes the message one, and nothing behind it is looked at, so
 * it doesn't matter how the network cut the bytes.
 *
 * Functions that move over input return the place behind what they read, or NULL; then p->fault
 * says why, and H1_NONE means that the input ended. */

#include "http/h1_parse.h"

#include "http/target.h"

/* -- names of faults -------------------------------------------------------------------------- */
static const struct {
    const char *name, *text;
    uint16_t status;
} faults[H1_FAULT_N] = {
#define F(name, status, text) {#name, text, status},
    H1_FAULT_LIST(F)
#undef F
};

const char *h1_fault_name(enum h1_fault f)
{
    static char lower[H1_FAULT_N][24];
    must(f < H1_FAULT_N);
    if (!lower[f][0])
        for (size_t i = 0; faults[f].name[i] && i + 1 < sizeof lower[f]; i++)
            lower[f][i] = ascii_lower(faults[f].name[i]);
    return lower[f];
}

const char *h1_fault_text(enum h1_fault f)
{
    must(f < H1_FAULT_N);
    return faults[f].text;
}

uint16_t h1_fault_status(enum h1_fault f)
{
    must(f < H1_FAULT_N);
    return faults[f].status;
}

/* -- lines ------------------------------------------------------------------------------------ */
static inline const char *fail(struct h1_parser *p, enum h1_fault f)
{
    p->fault = f;
    return NULL;
}

/* CRLF at s, where a scan stopped; `other` is the fault when it is neither CR nor LF. */
static inline const char *line_end(struct h1_parser *p, const char *s, const char *end,
                                   enum h1_fault other)
{
    if (likely(end - s >= 2 && s[0] == '\r' && s[1] == '\n'))
        return s + 2;
    if (s == end)
        return NULL;
    if (*s == '\n')
        return fail(p, H1_BARE_LF);
    if (*s != '\r')
        return fail(p, other);
    return s + 1 == end ? NULL : fail(p, H1_BARE_CR);
}

static inline bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

/* -- version ---------------------------------------------------------------------------------- */
/* "HTTP/1.x". The minor version is capped at what we are: 1. */
static const char *read_version(struct h1_parser *p, const char *s, const char *end, uint8_t *minor)
{
    static const char pattern[8] = "HTTP/0.0"; /* a '0' is any digit */
    for (size_t i = 0; i < sizeof pattern; i++) {
        if (s + i == end)
            return NULL;
        if (pattern[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != pattern[i])
            return fail(p, s[i] == '\n' ? H1_BARE_LF : H1_VERSION);
    }
    if (s[5] != '1')
        return fail(p, H1_VERSION_UNSUPPORTED);
    *minor = s[7] == '0' ? 0 : 1;
    return s + sizeof pattern;
}

/* -- fields ----------------------------------------------------------------------------------- */
enum {
    SAW_LENGTH = 1,
    SAW_CODING = 2,
    SAW_HOST = 4,
    SAW_EXPECT = 8,
    SAW_UPGRADE = 16,  /* Upgrade */
    SAW_PROTOCOL = 32, /* and its first line, the one that is passed on, isn't empty */
    SAW_TRAILERS = 64, /* TE: trailers */
    OPTION_CLOSE = 128,
    OPTION_KEEP_ALIVE = 256,
    OPTION_UPGRADE = 512,
};

/* What the fields that passed say. */
struct facts {
    bool request;
    uint8_t minor;
    uint8_t options; /* members of Connection so far */
    unsigned saw;    /* SAW_ and OPTION_ bits */
    uint64_t length;
};

static enum h1_fault note_length(struct facts *m, struct slice value)
{
    if (m->saw & SAW_LENGTH)
        return H1_LENGTH_TWICE;
    m->saw |= SAW_LENGTH;
    /* Above INT64_MAX somebody's signed arithmetic overflows, if not ours. */
    return slice_to_u64(value, &m->length) && m->length <= INT64_MAX ? H1_NONE : H1_LENGTH_BAD;
}

/* Exactly one line, exactly "chunked": of a list, of parameters and of an empty member somebody
 * may have another opinion, and nothing but chunked is in use. */
static enum h1_fault note_coding(struct facts *m, struct slice value)
{
    if (m->minor == 0)
        return H1_CODING_VERSION;
    if (m->saw & SAW_CODING || !slice_ieq(value, SLICE("chunked")))
        return H1_CODING;
    m->saw |= SAW_CODING;
    return H1_NONE;
}

static enum h1_fault note_host(struct facts *m, struct slice value)
{
    if (m->saw & SAW_HOST)
        return H1_HOST_TWICE;
    m->saw |= SAW_HOST;
    return host_ok(value) ? H1_NONE : H1_HOST_BAD;
}

static unsigned option_of(struct slice one)
{
    if (slice_ieq(one, SLICE("keep-alive")))
        return OPTION_KEEP_ALIVE;
    if (slice_ieq(one, SLICE("close")))
        return OPTION_CLOSE;
    return slice_ieq(one, SLICE("upgrade")) ? OPTION_UPGRADE : 0;
}

static enum h1_fault note_connection(struct facts *m, struct slice value)
{
    for (struct slice rest = value; rest.p;) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        unsigned option = option_of(one);
        if (++m->options > H1_OPTIONS_MAX || (!option && one.n && !is_token(one)))
            return H1_CONNECTION_BAD;
        m->saw |= option;
    }
    return H1_NONE;
}

/* RFC 9110 10.1.1: an HTTP/1.0 client that expects 100-continue is ignored. */
static enum h1_fault note_expect(struct facts *m, struct slice value)
{
    if (!slice_ieq(value, SLICE("100-continue")))
        return H1_EXPECT;
    if (m->minor > 0)
        m->saw |= SAW_EXPECT;
    return H1_NONE;
}

static enum h1_fault note(struct facts *m, const struct field *f)
{
    switch (f->token) {
    case TOKEN_CONTENT_LENGTH:
        return note_length(m, f->value);
    case TOKEN_TRANSFER_ENCODING:
        return note_coding(m, f->value);
    case TOKEN_CONNECTION:
        return note_connection(m, f->value);
    case TOKEN_UPGRADE:
        if (!(m->saw & SAW_UPGRADE))
            m->saw |= f->value.n ? SAW_UPGRADE | SAW_PROTOCOL : SAW_UPGRADE;
        return H1_NONE;
    case TOKEN_HOST:
        return m->request ? note_host(m, f->value) : H1_NONE;
    case TOKEN_EXPECT:
        return m->request ? note_expect(m, f->value) : H1_NONE;
    case TOKEN_TE:
        m->saw |= slice_list_has(f->value, SLICE("trailers")) ? SAW_TRAILERS : 0;
        return H1_NONE;
    default:
        return H1_NONE;
    }
}

/* Why the name that begins at s doesn't end in a colon at `stop`. */
static const char *bad_name(struct h1_parser *p, const char *s, const char *stop)
{
    if (*stop == '\n')
        return fail(p, H1_BARE_LF);
    return fail(p, is_ows(*stop) && stop > s ? H1_FIELD_SPACE : H1_FIELD_NAME);
}

static inline const char *read_field(struct h1_parser *p, const char *s, const char *end,
                                     struct field *f)
{
    const char *colon = h1_scan_token(s, end);
    if (unlikely(colon == end))
        return NULL;
    if (unlikely(*colon != ':' || colon == s))
        return bad_name(p, s, colon);
    const char *v = colon + 1;
    while (v < end && is_ows(*v))
        v++;
    const char *stop = h1_scan_value(v, end);
    const char *next = line_end(p, stop, end, H1_FIELD_VALUE);
    if (unlikely(!next))
        return NULL;
    while (stop > v && is_ows(stop[-1]))
        stop--;
    f->name = slice_between(s, colon);
    f->value = slice_between(v, stop);
    f->token = (uint8_t)token_of(f->name);
    return next;
}

/* Field lines and the empty line behind them. */
static const char *read_fields(struct h1_parser *p, const char *s, const char *end,
                               struct fields *out, struct facts *m)
{
    /* All known names are absent until they pass; whether an unknown one is, no bit can say. */
    *out = (struct fields){
        .v = p->fields, .cap = p->limits->field_count, .absent = ~(UINT64_C(1) << TOKEN_OTHER)};
    for (;;) {
        if (s == end)
            return NULL;
        if (*s == '\r' || *s == '\n')
            return line_end(p, s, end, H1_NONE);
        if (is_ows(*s))
            return fail(p, H1_OBS_FOLD);
        if (out->n == out->cap)
            return fail(p, H1_FIELDS_MANY);
        struct field *f = &out->v[out->n];
        s = read_field(p, s, end, f);
        if (!s)
            return NULL;
        enum h1_fault fault = m ? note(m, f) : H1_NONE;
        if (unlikely(fault != H1_NONE))
            return fail(p, fault);
        out->absent &= ~(UINT64_C(1) << f->token);
        out->n++;
    }
}

/* -- coming back with more -------------------------------------------------------------------- */
static inline int bits_of(size_t n)
{
    return n ? 64 - __builtin_clzll(n) : 0;
}

/* After a parse that ended in want of bytes: can parsing again now give another answer? Where the
 * answer is yes for a byte, it is the end of the head or a fault, so it is given once. A fault
 * that hides in plain characters is found when the head ends or its length passes a power of two:
 * all parses together cost a small multiple of one. */
static bool worth_parsing(struct h1_parser *p, struct slice in)
{
    if (bits_of(in.n) > bits_of(p->scanned) || in.n >= p->limits->head_size)
        return true;
    const char *s = in.p + p->scanned, *end = in.p + in.n;
    while ((s = h1_scan_value(s, end)) != end) {
        if (s + 1 == end && *s == '\r')
            break;
        if (*s != '\r' || s[1] != '\n' || s == in.p || s[-1] == '\n')
            return true;
        s += 2;
    }
    p->scanned = (size_t)(s - in.p);
    return false;
}

/* The value of a parse function whose walk ended at `s`. */
static ssize_t finish(struct h1_parser *p, struct slice in, const char *s)
{
    if (s) {
        p->scanned = 0;
        return s - in.p;
    }
    if (p->fault == H1_NONE && in.n >= p->limits->head_size)
        p->fault = H1_HEAD_LARGE;
    if (p->fault != H1_NONE)
        return -1;
    p->scanned = in.n && in.p[in.n - 1] == '\r' ? in.n - 1 : in.n;
    return 0;
}

static inline const char *end_of(const struct h1_parser *p, struct slice in)
{
    return in.p + (in.n < p->limits->head_size ? in.n : p->limits->head_size);
}

/* -- requests --------------------------------------------------------------------------------- */
static const char *skip_empty_lines(struct h1_parser *p, const char *s, const char *end)
{
    for (int i = 0; s < end && (*s == '\r' || *s == '\n'); i++) {
        if (i == H1_EMPTY_LINES_MAX)
            return fail(p, H1_START_LINE);
        s = line_end(p, s, end, H1_NONE);
        if (!s)
            return NULL;
    }
    return s;
}

/* The word at [s, stop) must be there and end in a space. */
static inline bool word_ends(struct h1_parser *p, const char *s, const char *stop, const char *end,
                             enum h1_fault bad)
{
    if (stop == end)
        return false;
    if (*stop == ' ' && stop > s)
        return true;
    if (*stop == ' ' || *stop == '\r')
        bad = H1_START_LINE;
    fail(p, *stop == '\n' ? H1_BARE_LF : bad);
    return false;
}

static const char *read_request_line(struct h1_parser *p, const char *s, const char *end,
                                     struct request_head *h)
{
    const char *stop = h1_scan_token(s, end);
    if (!word_ends(p, s, stop, end, H1_METHOD))
        return NULL;
    h->method = slice_between(s, stop);
    h->method_id = method_of(h->method);
    s = stop + 1;
    stop = h1_scan_target(s, end);
    if (unlikely((size_t)(stop - s) > p->limits->target_size))
        return fail(p, H1_TARGET_LONG);
    if (!word_ends(p, s, stop, end, H1_TARGET))
        return NULL;
    h->target = slice_between(s, stop);
    h->major = 1;
    s = read_version(p, stop + 1, end, &h->minor);
    return s ? line_end(p, s, end, H1_VERSION) : NULL;
}

/* RFC 9112 6.3, and 3.2 for Host. */
static enum h1_fault judge_request(struct request_head *h, const struct facts *m)
{
    if ((m->saw & (SAW_LENGTH | SAW_CODING)) == (SAW_LENGTH | SAW_CODING))
        return H1_LENGTH_AND_CODING;
    if (h->minor > 0 && !(m->saw & SAW_HOST))
        return H1_HOST_MISSING;
    h->content_length = m->saw & SAW_LENGTH ? m->length : 0;
    h->body = m->saw & SAW_CODING ? BODY_CHUNKED : m->saw & SAW_LENGTH ? BODY_LENGTH : BODY_NONE;
    h->keep_alive = !(m->saw & OPTION_CLOSE) && (h->minor > 0 || m->saw & OPTION_KEEP_ALIVE);
    /* Nobody waits for a 100 before content that there isn't. */
    h->expect_continue = m->saw & SAW_EXPECT && (h->body == BODY_CHUNKED || h->content_length > 0);
    h->upgrade = h->minor > 0 && m->saw & OPTION_UPGRADE && m->saw & SAW_PROTOCOL;
    h->te_trailers = h->minor > 0 && m->saw & SAW_TRAILERS;
    return H1_NONE;
}

static const char *read_request(struct h1_parser *p, const char *s, const char *end,
                                struct request_head *h)
{
    s = skip_empty_lines(p, s, end);
    if (!s || !(s = read_request_line(p, s, end, h)))
        return NULL;
    struct facts m = {.request = true, .minor = h->minor};
    s = read_fields(p, s, end, &h->fields, &m);
    if (!s)
        return NULL;
    enum h1_fault fault = judge_request(h, &m);
    return fault == H1_NONE ? s : fail(p, fault);
}

ssize_t h1_parse_request(struct h1_parser *p, struct slice in, struct request_head *h)
{
    p->fault = H1_NONE;
    if (!worth_parsing(p, in))
        return 0;
    return finish(p, in, read_request(p, in.p, end_of(p, in), h));
}

/* -- responses -------------------------------------------------------------------------------- */
static const char *read_status(struct h1_parser *p, const char *s, const char *end,
                               uint16_t *status)
{
    unsigned v = 0;
    for (int i = 0; i < 3; i++, s++) {
        if (s == end)
            return NULL;
        if (*s < (i == 0 ? '1' : '0') || *s > '9')
            return fail(p, *s == '\n' ? H1_BARE_LF : H1_STATUS);
        v = v * 10 + (unsigned)(*s - '0');
    }
    *status = (uint16_t)v;
    return s;
}

/* The space before an empty reason is often left out; nobody reads such a line in two ways. */
static const char *read_status_line(struct h1_parser *p, const char *s, const char *end,
                                    struct response_head *h)
{
    h->major = 1;
    s = read_version(p, s, end, &h->minor);
    if (!s || s == end)
        return NULL;
    if (*s != ' ')
        return fail(p, *s == '\n' ? H1_BARE_LF : H1_VERSION);
    s = read_status(p, s + 1, end, &h->status);
    if (!s || s == end)
        return NULL;
    if (*s == '\r') {
        h->reason = slice_of(s, 0);
        return line_end(p, s, end, H1_STATUS);
    }
    if (*s != ' ')
        return fail(p, *s == '\n' ? H1_BARE_LF : H1_STATUS);
    const char *stop = h1_scan_value(++s, end);
    h->reason = slice_between(s, stop);
    return line_end(p, stop, end, H1_START_LINE);
}

static bool has_no_content(uint16_t status)
{
    return status < 200 || status == 204;
}

/* RFC 9112 6.3 in its order. */
static enum body_kind response_body(const struct response_head *h, const struct facts *m,
                                    enum method request_method)
{
    if (h->status == 101)
        return BODY_TUNNEL;
    if (request_method == METHOD_HEAD || has_no_content(h->status) || h->status == 304)
        return BODY_NONE;
    if (request_method == METHOD_CONNECT && h->status < 300)
        return BODY_TUNNEL;
    if (m->saw & SAW_CODING)
        return BODY_CHUNKED;
    return m->saw & SAW_LENGTH ? BODY_LENGTH : BODY_UNTIL_CLOSE;
}

/* A 1xx or 204 that announces content is refused: what follows is content to one reader and the
 * next response to another (RFC 9112 6.1, RFC 9110 8.6 forbid both; "Content-Length: 0" harms
 * nobody and is common). */
static enum h1_fault judge_response(struct response_head *h, const struct facts *m,
                                    enum method request_method, bool request_upgrade)
{
    if ((m->saw & (SAW_LENGTH | SAW_CODING)) == (SAW_LENGTH | SAW_CODING))
        return H1_LENGTH_AND_CODING;
    h->has_length = m->saw & SAW_LENGTH;
    h->content_length = h->has_length ? m->length : 0;
    if (has_no_content(h->status) && (m->saw & SAW_CODING || h->content_length > 0))
        return H1_CONTENT_UNEXPECTED;
    if (h->status == 101 && !(request_upgrade && h->minor > 0 && m->saw & SAW_PROTOCOL))
        return H1_SWITCH;
    h->body = response_body(h, m, request_method);
    h->keep_alive = h->body != BODY_UNTIL_CLOSE && h->body != BODY_TUNNEL &&
                    !(m->saw & OPTION_CLOSE) && (h->minor > 0 || m->saw & OPTION_KEEP_ALIVE);
    return H1_NONE;
}

ssize_t h1_parse_response(struct h1_parser *p, struct slice in, enum method request_method,
                          bool request_upgrade, struct response_head *h)
{
    p->fault = H1_NONE;
    if (!worth_parsing(p, in))
        return 0;
    const char *end = end_of(p, in);
    const char *s = read_status_line(p, in.p, end, h);
    if (s) {
        struct facts m = {.request = false, .minor = h->minor};
        s = read_fields(p, s, end, &h->fields, &m);
        enum h1_fault fault = s ? judge_response(h, &m, request_method, request_upgrade) : H1_NONE;
        if (fault != H1_NONE)
            s = fail(p, fault);
    }
    return finish(p, in, s);
}

/* -- trailers --------------------------------------------------------------------------------- */
ssize_t h1_parse_fields(struct h1_parser *p, struct slice in, struct fields *out)
{
    p->fault = H1_NONE;
    if (!worth_parsing(p, in))
        return 0;
    return finish(p, in, read_fields(p, in.p, end_of(p, in), out, NULL));
}
