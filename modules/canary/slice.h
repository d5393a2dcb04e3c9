/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_SLICE_H
#define WEIR_CANARY_SLICE_H

/* The few things that this module does with slices. */

#include <string.h>

#include <weir/module.h>

#define CANARY_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline bool canary_eq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct weir_slice canary_str(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

/* A name of a header field, a cookie: RFC 9110 5.6.2. */
static inline bool canary_is_token(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i], lower = (char)(c | 0x20);
        const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

#endif
