/* SPDX-License-Identifier: Apache-2.0 */
/* The content of an HTTP/1 message. All kinds but chunked are a count of bytes. Chunks go through
 * a machine of one byte a step, except for their content, which is handed out as it lies:
 *
 *     SIZE ──';'──► EXT… ──CR──► SIZE_LF ──LF──► DATA ──► DATA_CR ──► DATA_LF ──► SIZE
 *       └─────────────CR────────────▲   │size 0
 *                                       └──► TAIL ──CR──► TAIL_LF ──► DONE
 *                                              └─other──► TRAILERS ──────▲
 *
 * White space is allowed nowhere in a chunk line, though RFC 9112 7.1.1 lets a recipient skip it
 * around extensions: nobody needs it, and "5 " or "0 5" is where chunk readers have differed.
 * Extensions are checked against their grammar, quoted strings included, so that no line end can
 * hide in one.
 *
 * Trailers are gathered in the arena, because a line may come in pieces. */

#include "http/h1_body.h"

#include "http/hop.h"

enum state {
    SIZE,
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_VALUE_FIRST,
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPED,
    EXT_QUOTED_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TAIL,
    TAIL_LF,
    TRAILERS,
    DONE,
};

enum { TRAILERS_FIRST_CAP = 512 };

void h1_body_init(struct h1_body *b, enum body_kind kind, uint64_t content_length,
                  const struct h1_limits *limits, struct arena *a)
{
    *b = (struct h1_body){
        .kind = kind,
        .left = kind == BODY_LENGTH ? content_length : 0,
        .limits = limits,
        .arena = a,
    };
}

static bool fail(struct h1_body *b, enum h1_fault f)
{
    b->fault = f;
    return false;
}

/* -- the chunk line --------------------------------------------------------------------------- */
static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What may follow a size, an extension's name or its value: CRLF or the next extension. */
static bool end_word(struct h1_body *b, char c, enum h1_fault other)
{
    if (c == '\n')
        return fail(b, H1_BARE_LF);
    if (c != '\r' && c != ';')
        return fail(b, other);
    b->state = c == '\r' ? SIZE_LF : EXT_NAME_FIRST;
    return true;
}

static bool step_size(struct h1_body *b, char c)
{
    int digit = hex_of(c);
    if (digit < 0)
        return b->sized ? end_word(b, c, H1_CHUNK_SIZE)
                        : fail(b, c == '\n' ? H1_BARE_LF : H1_CHUNK_SIZE);
    if (b->left >> 59) /* sizes stay below 2^63, as Content-Length does */
        return fail(b, H1_CHUNK_SIZE);
    b->left = b->left << 4 | (unsigned)digit;
    b->sized = true;
    return true;
}

static bool step_extension(struct h1_body *b, char c)
{
    uint8_t class = byte_class[(uint8_t)c];
    switch (b->state) {
    case EXT_NAME_FIRST:
    case EXT_VALUE_FIRST:
        if (c == '"' && b->state == EXT_VALUE_FIRST)
            b->state = EXT_QUOTED;
        else if (class & BYTE_TCHAR)
            b->state++; /* to EXT_NAME, EXT_VALUE */
        else
            return fail(b, c == '\n' ? H1_BARE_LF : H1_CHUNK_EXTENSION);
        return true;
    case EXT_NAME:
        if (c == '=') {
            b->state = EXT_VALUE_FIRST;
            return true;
        }
        return class & BYTE_TCHAR ? true : end_word(b, c, H1_CHUNK_EXTENSION);
    case EXT_VALUE:
        return class & BYTE_TCHAR ? true : end_word(b, c, H1_CHUNK_EXTENSION);
    case EXT_QUOTED:
    case EXT_ESCAPED:
        if (!(class & BYTE_VALUE))
            return fail(b, c == '\n' ? H1_BARE_LF : H1_CHUNK_EXTENSION);
        b->state = b->state == EXT_ESCAPED ? EXT_QUOTED
                   : c == '"'              ? EXT_QUOTED_END
                   : c == '\\'             ? EXT_ESCAPED
                                           : EXT_QUOTED;
        return true;
    default: /* EXT_QUOTED_END */
        return end_word(b, c, H1_CHUNK_EXTENSION);
    }
}

/* The line is complete: to the chunk's content, or to what follows the last chunk. */
static bool end_line(struct h1_body *b)
{
    uint32_t extra = b->extra + (b->line > 16 ? b->line - 16u : 0);
    b->extra = extra < b->left ? 0 : extra - (uint32_t)b->left;
    if (b->extra > H1_CHUNK_EXTRA_MAX)
        return fail(b, H1_CHUNK_EXTENSION);
    b->state = b->left ? DATA : TAIL;
    b->line = 0;
    b->sized = false;
    return true;
}

static bool expect(struct h1_body *b, char c, char want, enum state next, enum h1_fault other)
{
    if (c != want)
        return fail(b, other);
    b->state = (uint8_t)next;
    return true;
}

/* Takes one byte of the framing. */
static bool step(struct h1_body *b, char c)
{
    switch (b->state) {
    case SIZE_LF:
        return c == '\n' ? end_line(b) : fail(b, H1_BARE_CR);
    case DATA_CR:
        return expect(b, c, '\r', DATA_LF, H1_CHUNK_END);
    case DATA_LF:
        return expect(b, c, '\n', SIZE, H1_CHUNK_END);
    case TAIL: /* CR; next_chunked() sees to the others */
        b->state = TAIL_LF;
        return true;
    case TAIL_LF:
        return expect(b, c, '\n', DONE, H1_BARE_CR);
    default:
        if (c != '\r' && c != '\n' && ++b->line > H1_CHUNK_LINE_MAX)
            return fail(b, b->state == SIZE ? H1_CHUNK_SIZE : H1_CHUNK_EXTENSION);
        return b->state == SIZE ? step_size(b, c) : step_extension(b, c);
    }
}

/* -- trailers --------------------------------------------------------------------------------- */
/* Appends to the bytes held; there is room for what limits.head_size allows. */
static void hold(struct h1_body *b, const char *p, size_t n)
{
    size_t need = b->held.n + n;
    char *memory = (char *)b->held.p;
    if (need > b->held_cap) {
        size_t cap = b->held_cap ? b->held_cap : TRAILERS_FIRST_CAP;
        while (cap < need)
            cap *= 2;
        memory = arena_alloc(b->arena, cap);
        if (b->held.n)
            memcpy(memory, b->held.p, b->held.n);
        b->held.p = memory;
        b->held_cap = cap;
    }
    memcpy(memory + b->held.n, p, n);
    b->held.n = need;
}

static enum h1_body_event end_trailers(struct h1_body *b)
{
    for (uint16_t i = 0; i < b->trailers.n; i++)
        if (!hop_trailer_ok(&b->trailers.v[i])) {
            b->fault = H1_TRAILER;
            return H1_BODY_BAD;
        }
    b->state = DONE;
    return H1_BODY_END;
}

static enum h1_body_event read_trailers(struct h1_body *b, struct slice *in)
{
    if (!b->tail.limits) {
        struct field *room = arena_alloc(b->arena, b->limits->field_count * sizeof *room);
        b->tail = (struct h1_parser){.limits = b->limits, .fields = room};
    }
    size_t had = b->held.n, room = b->limits->head_size - had;
    size_t taken = in->n < room ? in->n : room;
    hold(b, in->p, taken);
    ssize_t n = h1_parse_fields(&b->tail, b->held, &b->trailers);
    if (n < 0) {
        bool large = b->tail.fault == H1_HEAD_LARGE || b->tail.fault == H1_FIELDS_MANY;
        b->fault = large ? H1_TRAILERS_LARGE : H1_TRAILER;
        return H1_BODY_BAD;
    }
    *in = slice_from(*in, n ? (size_t)n - had : taken);
    return n ? end_trailers(b) : H1_BODY_MORE;
}

/* -- content ---------------------------------------------------------------------------------- */
/* Hands out at most b->left bytes. */
static enum h1_body_event take(struct h1_body *b, struct slice *in, struct slice *data)
{
    size_t n = in->n < b->left ? in->n : (size_t)b->left;
    *data = slice_of(in->p, n);
    *in = slice_from(*in, n);
    b->left -= n;
    b->received += n;
    return H1_BODY_DATA;
}

static enum h1_body_event next_chunked(struct h1_body *b, struct slice *in, struct slice *data)
{
    while (b->state != DONE) {
        if (in->n == 0)
            return H1_BODY_MORE;
        if (b->state == DATA) {
            take(b, in, data);
            if (b->left == 0)
                b->state = DATA_CR;
            return H1_BODY_DATA;
        }
        if (b->state == TAIL && *in->p != '\r')
            b->state = TRAILERS;
        if (b->state == TRAILERS)
            return read_trailers(b, in);
        if (!step(b, *in->p))
            return H1_BODY_BAD;
        *in = slice_from(*in, 1);
    }
    return H1_BODY_END;
}

enum h1_body_event h1_body_next(struct h1_body *b, struct slice *in, struct slice *data)
{
    *data = slice_of(NULL, 0);
    if (b->fault != H1_NONE)
        return H1_BODY_BAD;
    switch (b->kind) {
    case BODY_CHUNKED:
        return next_chunked(b, in, data);
    case BODY_LENGTH:
        if (b->left == 0)
            return H1_BODY_END;
        return in->n ? take(b, in, data) : H1_BODY_MORE;
    case BODY_UNTIL_CLOSE:
    case BODY_TUNNEL:
        b->left = in->n;
        return in->n ? take(b, in, data) : H1_BODY_MORE;
    case BODY_NONE:
        break;
    }
    return H1_BODY_END;
}

bool h1_body_eof_ok(const struct h1_body *b)
{
    if (b->fault != H1_NONE)
        return false;
    switch (b->kind) {
    case BODY_CHUNKED:
        return b->state == DONE;
    case BODY_LENGTH:
        return b->left == 0;
    default:
        return true;
    }
}
