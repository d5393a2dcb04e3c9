/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: alignment, growth, texts, clean-ups. What depends on where allocations lie is tested
 * only in the ordinary build; with WEIR_MALLOC_ARENA each is a malloc of its own. */

#include "base/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>

static bool aligned(const void *p)
{
    return ((uintptr_t)p & 15) == 0;
}

Test(arena, allocations_are_aligned_apart_and_writable)
{
    struct arena a;
    unsigned char *seen[300];

    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < 300; i++) {
        seen[i] = arena_alloc(&a, i);
        cr_assert(seen[i] && aligned(seen[i]));
        memset(seen[i], (int)(i & 255), i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < i; j++)
            if (seen[i][j] != (i & 255))
                cr_assert_fail("allocation %zu was overwritten", i);
    arena_fini(&a);
}

Test(arena, zalloc_and_arrays_are_zero)
{
    struct arena a;
    _Alignas(16) char memory[256];

    memset(memory, 0xaa, sizeof memory);
    arena_init(&a, memory, sizeof memory);
    const char *p = arena_zalloc(&a, 33);
    for (int i = 0; i < 33; i++)
        cr_assert_eq(p[i], 0);
    const int *array = ARENA_ARRAY(&a, int, 7);
    for (int i = 0; i < 7; i++)
        cr_assert_eq(array[i], 0);
    cr_assert_not_null(ARENA_ARRAY(&a, int, 0));
    arena_fini(&a);
}

Test(arena, misaligned_and_tiny_memory_is_coped_with)
{
    _Alignas(16) char memory[80];
    for (size_t skip = 0; skip < 16; skip++)
        for (size_t n = 0; n <= 48; n++) {
            struct arena a;
            arena_init(&a, memory + skip, n);
            for (int i = 0; i < 4; i++) {
                char *p = arena_alloc(&a, 16);
                cr_assert(aligned(p));
                memset(p, 1, 16);
                if (p >= memory && p < memory + sizeof memory)
                    cr_assert(p >= memory + skip && p + 16 <= memory + skip + n);
            }
            arena_fini(&a);
        }
}

Test(arena, borrowed_memory_comes_first_and_costs_nothing)
{
    struct arena a;
    _Alignas(16) char memory[1024];

    arena_init(&a, memory, sizeof memory);
    for (int i = 0; i < 64; i++)
        arena_alloc(&a, 16);
    cr_assert_eq(a.total, 0);
    arena_alloc(&a, 1);
    cr_assert_gt(a.total, 0);
    arena_fini(&a);
    cr_assert_eq(a.total, 0);
}

#ifndef WEIR_MALLOC_ARENA
Test(arena, chunks_grow_from_4_to_16_kib)
{
    struct arena a;
    size_t sizes[6], n = 0, before = 0;

    arena_init(&a, NULL, 0);
    while (n < 6) {
        arena_alloc(&a, 64);
        if (a.total != before)
            sizes[n++] = a.total - before;
        before = a.total;
    }
    static const size_t expected[] = {4096, 8192, 16384, 16384, 16384, 16384};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(sizes[i], expected[i], "%zu", sizes[i]);
    arena_fini(&a);
}

Test(arena, a_large_allocation_leaves_the_current_room_alone)
{
    struct arena a;

    arena_init(&a, NULL, 0);
    char *first = arena_alloc(&a, 16);
    char *large = arena_alloc(&a, 100000);
    memset(large, 1, 100000);
    cr_assert_eq((char *)arena_alloc(&a, 16), first + 16);
    arena_fini(&a);
}

Test(arena, what_fits_exactly_fits)
{
    struct arena a;
    _Alignas(16) char memory[64];

    arena_init(&a, memory, sizeof memory);
    cr_assert_eq(arena_alloc(&a, 49), memory);
    cr_assert_neq(arena_alloc(&a, 1), memory + 64);
    arena_fini(&a);
}
#endif

Test(arena, copies_are_terminated)
{
    struct arena a;

    arena_init(&a, NULL, 0);
    const struct slice s = arena_dup(&a, slice_of("abcdef", 3));
    cr_assert_eq(s.n, 3);
    cr_assert_str_eq(s.p, "abc");
    const struct slice empty = arena_dup(&a, slice_of(NULL, 0));
    cr_assert_eq(empty.n, 0);
    cr_assert_str_eq(empty.p, "");
    const struct slice with_nul = arena_dup(&a, slice_of("a\0b", 3));
    cr_assert(slice_eq(with_nul, slice_of("a\0b", 3)));
    cr_assert_str_eq(arena_strdup(&a, "text"), "text");
    cr_assert_str_eq(arena_strdup(&a, ""), "");
    arena_fini(&a);
}

Test(arena, printf_of_any_length)
{
    struct arena a;
    char long_text[3000];

    memset(long_text, 'x', sizeof long_text);
    arena_init(&a, NULL, 0);
    cr_assert_str_eq(arena_printf(&a, "%s-%d", "name", 7), "name-7");
    cr_assert_str_eq(arena_printf(&a, "%s", ""), "");
    for (int n = 250; n < 260; n++) { /* around the size of the first attempt */
        const char *s = arena_printf(&a, "%.*s", n, long_text);
        cr_assert_eq(strlen(s), (size_t)n);
    }
    const char *s = arena_printf(&a, "%.*s!", (int)sizeof long_text, long_text);
    cr_assert_eq(strlen(s), sizeof long_text + 1);
    cr_assert_eq(s[sizeof long_text], '!');
    arena_fini(&a);
}

static int order[8], order_n;
static struct arena *again;

static void on_end(void *arg)
{
    order[order_n++] = *(int *)arg;
}

static void on_end_add_another(void *arg)
{
    on_end(arg);
    int *number = ARENA_NEW(again, int);
    *number = 9;
    arena_on_end(again, on_end, number);
}

Test(arena, clean_ups_run_newest_first_and_once)
{
    struct arena a;

    arena_init(&a, NULL, 0);
    for (int i = 1; i <= 3; i++) {
        int *number = ARENA_NEW(&a, int);
        *number = i;
        arena_on_end(&a, on_end, number);
    }
    arena_fini(&a);
    arena_fini(&a);
    cr_assert_eq(order_n, 3);
    cr_assert(order[0] == 3 && order[1] == 2 && order[2] == 1);
}

Test(arena, a_clean_up_may_register_another)
{
    struct arena a;
    int one = 1, two = 2;

    again = &a;
    arena_init(&a, NULL, 0);
    arena_on_end(&a, on_end, &one);
    arena_on_end(&a, on_end_add_another, &two);
    arena_fini(&a);
    cr_assert_eq(order_n, 3);
    cr_assert(order[0] == 2 && order[1] == 9 && order[2] == 1);
}

Test(arena, may_be_used_again_after_fini)
{
    struct arena a;

    arena_init(&a, NULL, 0);
    arena_alloc(&a, 10);
    arena_fini(&a);
    cr_assert_str_eq(arena_strdup(&a, "again"), "again");
    arena_fini(&a);
}

Test(arena, a_size_that_wraps_ends_the_process, .signal = SIGABRT)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    arena_alloc(&a, SIZE_MAX - 3);
}

Test(arena, an_array_that_overflows_ends_the_process, .signal = SIGABRT)
{
    struct arena a;
    volatile size_t count = SIZE_MAX / 4 + 2;
    arena_init(&a, NULL, 0);
    ARENA_ARRAY(&a, int, count);
}
