/* SPDX-License-Identifier: Apache-2.0 */
/* Ids: never zero, never the same ones. */
#include "tracing/ids.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MANY = 5000 };

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void are_different(uint64_t *v)
{
    qsort(v, MANY, sizeof *v, compare);
    cr_assert_neq(v[0], 0);
    for (int i = 1; i < MANY; i++)
        cr_assert_neq(v[i], v[i - 1]);
}

Test(tracing_ids, are_new_each_time)
{
    static struct id_pool p;
    static uint64_t v[MANY];
    uint64_t ones = 0, zeros = 0;
    for (int i = 0; i < MANY; i++) {
        v[i] = id_next(&p);
        ones |= v[i];
        zeros |= ~v[i];
    }
    are_different(v);
    cr_assert(ones == UINT64_MAX && zeros == UINT64_MAX, "every bit is either");
}

Test(tracing_ids, of_two_pools_have_nothing_in_common)
{
    static struct id_pool a, b;
    cr_assert_neq(id_next(&a), id_next(&b));
}

Test(tracing_ids, follow_from_a_seed_and_a_number)
{
    static uint64_t v[MANY];
    for (uint64_t i = 0; i < MANY; i++) {
        v[i] = id_of(42, i);
        cr_assert_eq(v[i], id_of(42, i));
        cr_assert_neq(v[i], id_of(43, i));
    }
    are_different(v);
    cr_assert_eq(id_of(0, 0), 1, "zero is no id");
}
