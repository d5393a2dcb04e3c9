/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

/* What fuzz targets share. A target checks properties with must(), which aborts: that is what a
 * fuzzer reports. Choices (where to cut, for instance) are drawn from the input itself, so that a
 * corpus file is plain input and a finding stays one. */

#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A number that depends on every byte (FNV-1a). */
static inline uint64_t fuzz_number(struct slice in)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < in.n; i++)
        h = (h ^ (uint8_t)in.p[i]) * 0x100000001b3;
    return h ^ h >> 32;
}

/* A copy that ends where the input ends, so that a read beyond is seen; for free(). */
static inline char *fuzz_copy(struct slice in)
{
    char *p = malloc(in.n ? in.n : 1);
    must(p);
    if (in.n)
        memcpy(p, in.p, in.n);
    return p;
}

/* All that is queued, in one piece from the arena. */
static inline struct slice fuzz_drain(struct bytes *q, struct arena *a)
{
    size_t n = 0, all = q->n;
    char *p = arena_alloc(a, all);
    while (q->n) {
        struct slice front = bytes_front(q);
        memcpy(p + n, front.p, front.n);
        n += front.n;
        bytes_consume(q, front.n);
    }
    must(n == all);
    return slice_of(p, n);
}

#endif
