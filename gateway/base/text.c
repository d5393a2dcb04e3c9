/* SPDX-License-Identifier: Apache-2.0 */
/* Text being written, escaped where it has to be, and JSON.
 *
 * Most bytes need no escape, so the escapers look for the end of a clean run (eight bytes at a
 * time) and copy it whole; only what stops a run is looked at alone. What can't be split, an
 * escape or a UTF-8 character, goes in whole or not at all.
 *
 * Invariant: once a fixed text is cut, nothing is added behind the cut. */

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAP_FIRST = 256 };

void text_init_fixed(struct text *t, char *memory, size_t cap)
{
    *t = (struct text){.p = memory, .cap = cap};
}

void text_init(struct text *t)
{
    *t = (struct text){.grows = true};
}

void text_fini(struct text *t)
{
    if (t->grows)
        free(t->p);
    *t = (struct text){0};
}

static bool need_slow(struct text *t, size_t n)
{
    if (!t->grows) {
        t->cut = true;
        return false;
    }
    size_t cap = t->cap ? t->cap : CAP_FIRST;
    must(n <= SIZE_MAX / 4 && t->n <= SIZE_MAX / 4);
    while (cap - t->n < n)
        cap *= 2;
    char *p = realloc(t->p, cap);
    must(p);
    t->p = p;
    t->cap = cap;
    return true;
}

static inline bool need(struct text *t, size_t n)
{
    if (likely(t->cap - t->n >= n && !t->cut))
        return true;
    return need_slow(t, n);
}

bool text_need(struct text *t, size_t n)
{
    return need(t, n);
}

/* -- plain -------------------------------------------------------------------------------------*/

void text_add(struct text *t, struct slice s)
{
    if (!s.n || t->cut)
        return;
    if (unlikely(!need(t, s.n)))
        s.n = t->cap - t->n;
    if (s.n)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

void text_str(struct text *t, const char *s)
{
    text_add(t, slice_str(s));
}

void text_char(struct text *t, char c)
{
    if (need(t, 1))
        t->p[t->n++] = c;
}

/* Adds all of it or, when it doesn't fit, nothing. */
static void add_whole(struct text *t, const char *p, size_t n)
{
    if (!need(t, n))
        return;
    memcpy(t->p + t->n, p, n);
    t->n += n;
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* How many decimal digits. */
static inline size_t width(uint64_t v)
{
    size_t n = 1;

    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

void text_uint(struct text *t, uint64_t v)
{
    const size_t n = width(v);

    if (!need(t, n))
        return;
    t->n += n;
    char *at = t->p + t->n;
    for (; v >= 100; v /= 100)
        memcpy(at -= 2, pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(at - 2, pairs + 2 * v, 2);
    else
        at[-1] = (char)('0' + v);
}

void text_int(struct text *t, int64_t v)
{
    if (v < 0)
        text_char(t, '-');
    text_uint(t, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list ap;

    if (t->cut)
        return;
    va_start(ap, fmt);
    const int n = vsnprintf(t->p ? t->p + t->n : NULL, t->cap - t->n, fmt, ap);
    va_end(ap);
    must(n >= 0);
    if ((size_t)n < t->cap - t->n) { /* vsnprintf needs room for its NUL too */
        t->n += (size_t)n;
        return;
    }
    if (!t->grows) {
        t->cut = true;
        t->n = t->cap ? t->cap - 1 : 0;
        return;
    }
    need(t, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(t->p + t->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->n += (size_t)n;
}

/* -- escaped -----------------------------------------------------------------------------------*/

/* The languages that text is escaped for; each byte's mask says where it is not clean. */
enum { IN_JSON = 1, IN_LABEL = 2, IN_HTML = 4, IN_UTF8 = IN_JSON | IN_LABEL };

static const uint8_t dirty[256] = {
    [0 ... 9] = IN_JSON,     ['\n'] = IN_JSON | IN_LABEL,
    [11 ... 31] = IN_JSON,   ['"'] = IN_JSON | IN_LABEL | IN_HTML,
    ['&'] = IN_HTML,         ['\''] = IN_HTML,
    ['<'] = IN_HTML,         ['>'] = IN_HTML,
    ['\\'] = IN_UTF8,        [127] = IN_JSON,
    [128 ... 255] = IN_UTF8,
};

/* memcpy() without the call for the lengths that most values have. */
static inline void copy_short(char *to, struct slice s)
{
    if (s.n > 16)
        memcpy(to, s.p, s.n);
    else if (s.n >= 8) {
        memcpy(to, s.p, 8);
        memcpy(to + s.n - 8, s.p + s.n - 8, 8);
    } else if (s.n >= 4) {
        memcpy(to, s.p, 4);
        memcpy(to + s.n - 4, s.p + s.n - 4, 4);
    } else
        for (size_t i = 0; i < s.n; i++)
            to[i] = s.p[i];
}

static inline uint64_t has_byte(uint64_t v, unsigned char c)
{
    const uint64_t ones = 0x0101010101010101;
    const uint64_t x = v ^ (ones * c);
    return (x - ones) & ~x & (ones * 0x80);
}

/* Are these eight bytes printable ASCII with no quote and no backslash, so clean in JSON and in a
 * label? (Borrows between bytes can only follow a byte that isn't clean itself.) */
static inline bool clean8(const char *p)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t v;

    memcpy(&v, p, sizeof v);
    const uint64_t control = (v - ones * 0x20) | v;
    return !((control & (ones * 0x80)) | has_byte(v, '"') | has_byte(v, '\\') | has_byte(v, 127));
}

/* Is a whole text clean? The last eight bytes may overlap those before; what is clean here
 * is clean in JSON and in a label. */
static inline bool clean_whole(struct slice s)
{
    if (s.n < 8) {
        for (size_t i = 0; i < s.n; i++)
            if (dirty[(unsigned char)s.p[i]] & IN_UTF8)
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < s.n; i += 8)
        if (!clean8(s.p + i))
            return false;
    return clean8(s.p + s.n - 8);
}

/* How many bytes at the front of `s` are clean in `language`. */
static inline size_t clean_run(struct slice s, uint8_t language)
{
    size_t i = 0;

    for (;;) {
        while (language != IN_HTML && s.n - i >= 8 && clean8(s.p + i))
            i += 8;
        const size_t stop = s.n - i > 8 ? i + 8 : s.n;
        while (i < stop && !(dirty[(unsigned char)s.p[i]] & language))
            i++;
        if (i < stop || i == s.n)
            return i;
    }
}

/* The length of the UTF-8 character at the front of `s` (not empty, first byte above 127), or
 * minus the number of bytes that one U+FFFD stands for (Unicode 3.9, maximal subparts). */
static int utf8_length(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    int n;

    if (p[0] < 0xc2 || p[0] > 0xf4)
        return -1;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0) /* longer than need be */
        low = 0xa0;
    else if (p[0] == 0xed) /* surrogates */
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4) /* above U+10FFFF */
        high = 0x8f;
    for (int i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if ((size_t)i >= s.n || p[i] < low || p[i] > high)
            return -i;
    return n;
}

static size_t add_utf8(struct text *t, struct slice s)
{
    const int n = utf8_length(s);

    if (n < 0) {
        add_whole(t, "\xef\xbf\xbd", 3);
        return (size_t)-n;
    }
    add_whole(t, s.p, (size_t)n);
    return (size_t)n;
}

static void add_json_escape(struct text *t, unsigned char c)
{
    static const char hex[16] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    const char letter = c < 32 ? letters[c] : c == 127 ? '\0' : (char)c;

    if (letter)
        add_whole(t, (char[]){'\\', letter}, 2);
    else
        add_whole(t, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void text_json_escaped(struct text *t, struct slice s)
{
    for (;;) {
        const size_t run = clean_run(s, IN_JSON);
        text_add(t, slice_of(s.p, run));
        s = slice_from(s, run);
        if (!s.n)
            return;
        size_t done = 1;
        if ((unsigned char)*s.p > 127)
            done = add_utf8(t, s);
        else
            add_json_escape(t, (unsigned char)*s.p);
        s = slice_from(s, done);
    }
}

void text_label_escaped(struct text *t, struct slice s)
{
    for (;;) {
        const size_t run = clean_run(s, IN_LABEL);
        text_add(t, slice_of(s.p, run));
        s = slice_from(s, run);
        if (!s.n)
            return;
        size_t done = 1;
        if ((unsigned char)*s.p > 127)
            done = add_utf8(t, s);
        else
            add_whole(t, (char[]){'\\', *s.p == '\n' ? 'n' : *s.p}, 2);
        s = slice_from(s, done);
    }
}

static struct slice html_entity(char c)
{
    switch (c) {
    case '&':
        return SLICE("&amp;");
    case '<':
        return SLICE("&lt;");
    case '>':
        return SLICE("&gt;");
    case '"':
        return SLICE("&quot;");
    default:
        return SLICE("&#39;");
    }
}

void text_html_escaped(struct text *t, struct slice s)
{
    for (;;) {
        const size_t run = clean_run(s, IN_HTML);
        text_add(t, slice_of(s.p, run));
        s = slice_from(s, run);
        if (!s.n)
            return;
        const struct slice entity = html_entity(*s.p);
        add_whole(t, entity.p, entity.n);
        s = slice_from(s, 1);
    }
}

/* -- JSON --------------------------------------------------------------------------------------*/

/* Before a value or a key: a comma when something stands before it on the same level. */
static inline void separate(struct text *t)
{
    if (t->comma)
        text_char(t, ',');
    t->comma = true;
}

void json_open(struct text *t, char bracket)
{
    separate(t);
    text_char(t, bracket);
    t->comma = false;
}

void json_close(struct text *t, char bracket)
{
    text_char(t, bracket);
    t->comma = true;
}

void json_key(struct text *t, const char *key)
{
    json_slice(t, slice_str(key));
    text_char(t, ':');
    t->comma = false;
}

void json_slice(struct text *t, struct slice s)
{
    /* The usual value needs no escape and fits: one look, one copy. */
    if (likely(t->cap - t->n >= s.n + 3 && !t->cut && clean_whole(s))) {
        char *at = t->p + t->n;
        *at = ',';
        at += t->comma;
        *at++ = '"';
        copy_short(at, s);
        at[s.n] = '"';
        t->n = (size_t)(at + s.n + 1 - t->p);
        t->comma = true;
        return;
    }
    separate(t);
    text_char(t, '"');
    text_json_escaped(t, s);
    text_char(t, '"');
}

void json_str(struct text *t, const char *s)
{
    if (s) {
        json_slice(t, slice_str(s));
        return;
    }
    separate(t);
    text_add(t, SLICE("null"));
}

void json_uint(struct text *t, uint64_t v)
{
    separate(t);
    text_uint(t, v);
}

void json_int(struct text *t, int64_t v)
{
    separate(t);
    text_int(t, v);
}

void json_raw(struct text *t, struct slice json)
{
    separate(t);
    text_add(t, json);
}

void json_bool(struct text *t, bool v)
{
    separate(t);
    text_add(t, v ? SLICE("true") : SLICE("false"));
}
