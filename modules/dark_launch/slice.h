/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_SLICE_H
#define WEIR_DARK_LAUNCH_SLICE_H

/* The few things that this module does with slices. None of them is for secrets. */

#include <string.h>
#include <strings.h>

#include <weir/module.h>

static inline bool dark_same(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Without regard to ASCII case. */
static inline bool dark_same_word(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool dark_starts(struct weir_slice s, struct weir_slice with)
{
    return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static inline struct weir_slice dark_from(struct weir_slice s, size_t at)
{
    return (struct weir_slice){s.p + at, s.n - at};
}

/* memcmp's order, the shorter first among equals. */
static inline int dark_order(struct weir_slice a, struct weir_slice b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool dark_among(const struct weir_texts *texts, struct weir_slice s)
{
    for (size_t i = 0; i < texts->n; i++)
        if (dark_same(texts->v[i], s))
            return true;
    return false;
}

/* Cuts what stands before the first `sep` off *rest. Without one that is all, and *rest becomes
 * absent, which ends a loop. */
static inline struct weir_slice dark_cut(struct weir_slice *rest, char sep)
{
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    struct weir_slice first = *rest;
    if (!at) {
        *rest = (struct weir_slice){0};
        return first;
    }
    first.n = (size_t)(at - first.p);
    *rest = dark_from(*rest, first.n + 1);
    return first;
}

static inline bool dark_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline struct weir_slice dark_trim(struct weir_slice s)
{
    while (s.n && dark_blank(s.p[0]))
        s = dark_from(s, 1);
    while (s.n && dark_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Is there a byte below space, or DEL? */
static inline bool dark_has_control(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

#endif
