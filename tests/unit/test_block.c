/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: counting, coming back, and the limit of the stock. */

#include "base/block.h"

#include <criterion/criterion.h>

Test(block, starts_empty_with_one_reference)
{
    struct stock st;

    stock_init(&st, 0);
    struct block *b = block_get(&st);
    cr_assert_not_null(b);
    cr_assert_eq(b->refs, 1);
    cr_assert_eq(b->used, 0);
    cr_assert_eq(block_room(b), BLOCK_SIZE);
    memset(b->data, 0xff, BLOCK_SIZE);
    b->used = BLOCK_SIZE;
    cr_assert_eq(block_room(b), 0);
    block_unref(b);
    cr_assert_eq(st.slab.used, 0);
    stock_fini(&st);
}

Test(block, goes_back_with_the_last_reference)
{
    struct stock st;

    stock_init(&st, 0);
    struct block *b = block_get(&st);
    cr_assert_eq(block_ref(b), b);
    block_unref(b);
    cr_assert_eq(st.slab.used, 1);
    cr_assert_eq(b->refs, 1);
    block_unref(b);
    cr_assert_eq(st.slab.used, 0);
    stock_fini(&st);
}

Test(block, a_used_block_comes_back_as_new)
{
    struct stock st;

    stock_init(&st, 1);
    struct block *b = block_get(&st);
    b->used = 1000;
    block_unref(b);
    b = block_get(&st);
    cr_assert_eq(b->used, 0);
    cr_assert_eq(b->refs, 1);
    block_unref(b);
    stock_fini(&st);
}

Test(block, the_limit_is_counted_and_passes)
{
    struct stock st;

    stock_init(&st, 2);
    struct block *a = block_get(&st), *b = block_get(&st);
    cr_assert(a && b && a != b);
    cr_assert_null(block_get(&st));
    cr_assert_null(block_get(&st));
    cr_assert_eq(st.refused, 2);
    block_unref(a);
    a = block_get(&st);
    cr_assert_not_null(a);
    cr_assert_eq(st.refused, 2);
    block_unref(a);
    block_unref(b);
    stock_fini(&st);
}

Test(block, unref_of_null_is_harmless)
{
    block_unref(NULL);
}
