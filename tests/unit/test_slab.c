/* SPDX-License-Identifier: Apache-2.0 */
/* The slab: objects are apart and reused, the limit holds, the books are right. */

#include "base/slab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>

enum { MANY = 5000 };
static unsigned char *objects[MANY];

Test(slab, objects_are_aligned_apart_and_kept)
{
    static const size_t sizes[] = {1, 16, 24, 100, 4000, 20000};

    for (size_t k = 0; k < array_n(sizes); k++) {
        struct slab s;
        const size_t size = sizes[k], n = 200;
        slab_init(&s, size, 0);
        for (size_t i = 0; i < n; i++) {
            objects[i] = slab_get(&s);
            cr_assert(objects[i] && ((uintptr_t)objects[i] & 15) == 0);
            memset(objects[i], (int)(i & 255), size);
        }
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(objects[i][0], i & 255);
            cr_assert_eq(objects[i][size - 1], i & 255);
            slab_put(&s, objects[i]);
        }
        slab_fini(&s);
    }
}

Test(slab, counts_used_and_peak)
{
    struct slab s;

    slab_init(&s, 32, 0);
    for (int i = 0; i < MANY; i++)
        cr_assert_not_null(objects[i] = slab_get(&s));
    cr_assert(s.used == MANY && s.peak == MANY);
    for (int i = 0; i < MANY; i++)
        slab_put(&s, objects[i]);
    cr_assert(s.used == 0 && s.peak == MANY);
    for (int i = 0; i < MANY; i++) /* the way back up goes by the short path */
        cr_assert_not_null(objects[i] = slab_get(&s));
    cr_assert(s.used == MANY && s.peak == MANY);
    void *one_more = slab_get(&s);
    cr_assert(s.used == MANY + 1 && s.peak == MANY + 1);
    slab_put(&s, one_more);
    for (int i = 0; i < MANY; i++)
        slab_put(&s, objects[i]);
    slab_fini(&s);
}

Test(slab, the_limit_holds_also_after_objects_came_back)
{
    struct slab s;

    slab_init(&s, 48, 3);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            cr_assert_not_null(objects[i] = slab_get(&s));
        cr_assert_null(slab_get(&s));
        cr_assert_null(slab_get(&s));
        cr_assert_eq(s.used, 3);
        for (int i = 0; i < 3; i++)
            slab_put(&s, objects[i]);
    }
    cr_assert_eq(s.peak, 3);
    slab_fini(&s);
}

#ifndef WEIR_MALLOC_ARENA
Test(slab, the_last_one_back_is_the_first_one_out)
{
    struct slab s;

    slab_init(&s, 64, 0);
    void *a = slab_get(&s), *b = slab_get(&s);
    slab_put(&s, a);
    slab_put(&s, b);
    cr_assert_eq(slab_get(&s), b);
    cr_assert_eq(slab_get(&s), a);
    slab_put(&s, a);
    slab_put(&s, b);
    slab_fini(&s);
}

Test(slab, small_objects_share_a_piece_of_64_kib)
{
    struct slab s;

    slab_init(&s, 30, 0);
    cr_assert_eq(s.size, 32);
    cr_assert_eq(s.per_piece, 2048);
    slab_fini(&s);
    slab_init(&s, 100000, 0);
    cr_assert_eq(s.per_piece, 4);
    slab_fini(&s);
}
#endif

#ifndef WEIR_MALLOC_ARENA
Test(slab, no_memory_is_an_ordinary_event)
{
    struct slab s;

    slab_init(&s, (size_t)1 << 45, 0); /* four of them are all that 47 bits of address could hold */
    cr_assert_null(slab_get(&s));
    cr_assert(s.used == 0 && s.peak == 0);
    slab_fini(&s);
}
#endif

Test(slab, the_limit_may_be_changed_while_objects_are_out)
{
    struct slab s;

    slab_init(&s, 16, 0);
    for (int i = 0; i < 4; i++)
        cr_assert_not_null(objects[i] = slab_get(&s));
    slab_set_limit(&s, 2);
    cr_assert_null(slab_get(&s));
    slab_put(&s, objects[3]);
    slab_put(&s, objects[2]);
    cr_assert_null(slab_get(&s), "two are out, though two are free");
    slab_put(&s, objects[1]);
    cr_assert_not_null(objects[1] = slab_get(&s));
    slab_set_limit(&s, 0);
    cr_assert_not_null(objects[2] = slab_get(&s));
    for (int i = 0; i < 3; i++)
        slab_put(&s, objects[i]);
    slab_fini(&s);
}

Test(slab, putting_null_is_harmless)
{
    struct slab s;

    slab_init(&s, 16, 0);
    slab_put(&s, NULL);
    cr_assert_eq(s.used, 0);
    slab_fini(&s);
}

Test(slab, an_object_still_out_at_the_end_is_a_mistake, .signal = SIGABRT)
{
    struct slab s;

    slab_init(&s, 16, 0);
    cr_assert_not_null(slab_get(&s));
    slab_fini(&s);
}
