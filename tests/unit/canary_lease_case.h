/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_CANARY_LEASE_CASE_H
#define WEIR_TESTS_CANARY_LEASE_CASE_H

/* A lease beside a cell, in memory that is shared with children. */

#include "canary/lease_parts.h"
#include "canary_cell_case.h"

static struct split_lease *lease;
static struct split_lease_look seen;

static inline void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(p, MAP_FAILED);
    return p;
}

static inline void look_at_lease(void)
{
    split_lease_look(lease, c, &seen);
}

static inline bool take_leased(struct split_ref *ref)
{
    return split_lease_take(lease, c, ref);
}

static inline void set_up_lease(void)
{
    set_up();
    lease = shared(split_lease_size(N));
    cr_assert(split_lease_init(lease, N));
}

#endif
