/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_SLICE_H
#define WEIR_COMMON_SLICE_H

/* What modules do with slices, once for all of them. Names are those that the gateway has for its
 * own slices, which modules don't see. None of this takes the same time for all inputs: what is
 * secret is compared by CRYPTO_memcmp, where it stands. Any process. */

#include <string.h>
#include <strings.h>

#include <weir/module.h>

/* One of ASCII's ten, whatever the locale. */
static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* For "%.*s". */
#define SLICE_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct weir_slice slice_str(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

/* -- comparing -------------------------------------------------------------------------------- */

static inline bool slice_eq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal without regard to ASCII case. */
static inline bool slice_ieq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* memcmp's order, the shorter first among equals. */
static inline int slice_cmp(struct weir_slice a, struct weir_slice b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool slice_starts(struct weir_slice s, struct weir_slice with)
{
    return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

static inline bool slice_ends(struct weir_slice s, struct weir_slice with)
{
    return s.n >= with.n && (with.n == 0 || memcmp(s.p + s.n - with.n, with.p, with.n) == 0);
}

static inline bool slice_among(const struct weir_texts *texts, struct weir_slice s)
{
    for (size_t i = 0; i < texts->n; i++)
        if (slice_eq(texts->v[i], s))
            return true;
    return false;
}

/* -- looking ---------------------------------------------------------------------------------- */

static inline size_t slice_count(struct weir_slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* Is there a byte below space, or DEL? */
static inline bool slice_has_control(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

/* May it be the name of a header field, or of a cookie? RFC 9110 5.6.2. */
static inline bool slice_is_token(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i], lower = (char)(c | 0x20);
        const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

/* -- cutting ---------------------------------------------------------------------------------- */

/* Without its first `at` bytes. */
static inline struct weir_slice slice_from(struct weir_slice s, size_t at)
{
    return (struct weir_slice){s.p + at, s.n - at};
}

/* Cuts what stands before the first `sep` off *rest. Without one that is all, and *rest becomes
 * absent, which ends a loop. */
static inline struct weir_slice slice_cut(struct weir_slice *rest, char sep)
{
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    struct weir_slice first = *rest;
    *rest = (struct weir_slice){0};
    if (at) {
        *rest = slice_from(first, (size_t)(at - first.p) + 1);
        first.n = (size_t)(at - first.p);
    }
    return first;
}

static inline struct weir_slice slice_trim_of(struct weir_slice s, const char *what)
{
    while (s.n && s.p[0] && strchr(what, s.p[0]))
        s = slice_from(s, 1);
    while (s.n && s.p[s.n - 1] && strchr(what, s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Without white space at both ends: spaces and tabs, RFC 9110 5.6.3. */
static inline struct weir_slice slice_trim(struct weir_slice s)
{
    return slice_trim_of(s, " \t");
}

/* The same for a line of a file, which may end with a carriage return. */
static inline struct weir_slice slice_trim_line(struct weir_slice s)
{
    return slice_trim_of(s, " \t\r");
}

#endif
