/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_CANARY_CELL_CASE_H
#define WEIR_TESTS_CANARY_CELL_CASE_H

/* A cell of three variants, 70, 20 and 10, in memory that is shared with children. */

#include "canary/cell_parts.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

enum { N = 3 };

static const struct weir_slice names[N] = {WEIR_SLICE("v1"), WEIR_SLICE("v2"), WEIR_SLICE("v3")};
static struct split_cell *c;
static struct split_view view;
static char reason[SCHEDULE_REASON];

static inline struct split_weights set_of(const uint32_t weights[N])
{
    return (struct split_weights){names, weights, N};
}

static inline uint64_t change(const uint32_t weights[N])
{
    const struct split_weights to = set_of(weights);
    uint64_t former;
    cr_assert(split_cell_change(c, &to, 5000000, &former, reason), "%s", reason);
    return former;
}

static inline struct split_ref take(void)
{
    struct split_ref ref;
    cr_assert(split_cell_take(c, &ref));
    return ref;
}

static inline void look(uint64_t wall_us)
{
    cr_assert(split_cell_view(c, wall_us, &view));
}

/* Shared, so that a child's tickets are the parent's. */
static inline void set_up(void)
{
    const struct split_weights to = set_of((uint32_t[]){70, 20, 10});
    c = mmap(NULL, split_cell_size(N), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(c, MAP_FAILED);
    cr_assert(split_cell_init(c, &to, 1000000, reason), "%s", reason);
}

#endif
