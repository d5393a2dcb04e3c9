/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_SLICE_H
#define WEIR_MIRROR_SLICE_H

/* The few things that this module does with slices. */

#include <string.h>
#include <strings.h>

#include <weir/module.h>

static inline bool same(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal without regard to ASCII case. */
static inline bool same_word(struct weir_slice a, struct weir_slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline struct weir_slice slice_str(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

#endif
