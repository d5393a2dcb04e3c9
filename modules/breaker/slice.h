/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_SLICE_H
#define WEIR_BREAKER_SLICE_H

/* The few things that this module does with slices. */

#include <string.h>

#include <weir/module.h>

#define BREAKER_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline bool breaker_eq(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct weir_slice breaker_str(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

#endif
