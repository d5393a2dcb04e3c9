/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_PATTERN_H
#define WEIR_TESTS_LIB_PATTERN_H

/* Content whose every byte depends on its place, so that a piece that is lost, doubled or out of
 * order shows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline char pattern_at(uint64_t i)
{
    return (char)((i * 2654435761u) >> 24);
}

static inline void pattern_fill(char *p, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = pattern_at(from + i);
}

static inline bool pattern_holds(const char *p, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != pattern_at(from + i))
            return false;
    return true;
}

#endif
