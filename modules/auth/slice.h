/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_SLICE_H
#define WEIR_AUTH_SLICE_H

/* The few things that this module does with slices. None of them takes the same time for all
 * inputs: what is secret is compared by CRYPTO_memcmp, where it stands. */

#include <string.h>
#include <strings.h>

#include <weir/module.h>

static inline bool auth_eq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal without regard to ASCII case. */
static inline bool auth_ieq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* memcmp's order, the shorter first among equals. */
static inline int auth_cmp(struct weir_slice a, struct weir_slice b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline struct weir_slice auth_str(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

/* Is there a byte below space, or DEL? */
static inline bool auth_has_control(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

static inline size_t auth_count(struct weir_slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* Cuts what stands before the first `sep` off *rest. Without one that is all, and *rest becomes
 * absent, which ends a loop. */
static inline struct weir_slice auth_cut(struct weir_slice *rest, char sep)
{
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    struct weir_slice first = *rest;
    *rest = (struct weir_slice){0};
    if (at) {
        const size_t n = (size_t)(at - first.p);
        *rest = (struct weir_slice){at + 1, first.n - n - 1};
        first.n = n;
    }
    return first;
}

/* Without spaces, tabs and carriage returns at both ends. */
static inline struct weir_slice auth_trim(struct weir_slice s)
{
    while (s.n && strchr(" \t\r", s.p[0]) && s.p[0])
        s = (struct weir_slice){s.p + 1, s.n - 1};
    while (s.n && strchr(" \t\r", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}

#endif
