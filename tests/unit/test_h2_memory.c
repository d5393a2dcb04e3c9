/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for nghttp2, through the functions that nghttp2 is given. */
#include "http/h2_memory.h"

#include <criterion/criterion.h>
#include <stdint.h>

static struct h2_memory m;

static void setup(void)
{
    h2_memory_init(&m);
}

static void teardown(void)
{
    h2_memory_fini(&m);
}

TestSuite(h2_memory, .init = setup, .fini = teardown);

static size_t objects_out(void)
{
    size_t n = 0;
    for (size_t i = 0; i < H2_MEMORY_CLASSES; i++)
        n += m.classes[i].used;
    return n;
}

Test(h2_memory, small_things_are_of_slabs_and_aligned)
{
    static const size_t sizes[] = {1, 32, 33, 512, 3072, 4096, 8201, 16400};
    void *p[8];
    for (size_t i = 0; i < 8; i++) {
        p[i] = m.mem.malloc(sizes[i], m.mem.mem_user_data);
        cr_assert_eq((uintptr_t)p[i] % 16, 0);
        memset(p[i], 0xff, sizes[i]);
    }
    cr_assert_eq(objects_out(), 8);
    for (size_t i = 0; i < 8; i++)
        m.mem.free(p[i], m.mem.mem_user_data);
    cr_assert_eq(objects_out(), 0);
}

Test(h2_memory, large_and_wasteful_sizes_are_of_malloc)
{
    void *large = h2_alloc(&m, 16401), *half = h2_alloc(&m, 8200);
    cr_assert(large && half);
    cr_assert_eq(objects_out(), 0);
    h2_release(&m, large);
    h2_release(&m, half);
    h2_release(&m, NULL);
}

Test(h2_memory, grows_and_keeps_what_was_written)
{
    char *p = m.mem.realloc(NULL, 10, m.mem.mem_user_data);
    memcpy(p, "0123456789", 10);
    char *same = m.mem.realloc(p, 30, m.mem.mem_user_data);
    cr_assert_eq(same, p);
    for (size_t n = 100; n < 100000; n *= 3) {
        p = m.mem.realloc(same, n, m.mem.mem_user_data);
        cr_assert_arr_eq(p, "0123456789", 10);
        same = p;
    }
    m.mem.free(same, m.mem.mem_user_data);
}

Test(h2_memory, calloc_clears_and_sees_sizes_that_no_number_holds)
{
    void *user = m.mem.mem_user_data;
    char *p = m.mem.malloc(64, user);
    memset(p, 0xff, 64);
    m.mem.free(p, user);
    p = m.mem.calloc(4, 16, user);
    for (size_t i = 0; i < 64; i++)
        cr_assert_eq(p[i], 0);
    m.mem.free(p, user);
    cr_assert_null(m.mem.calloc(SIZE_MAX / 2, 4, user));
    cr_assert_null(m.mem.malloc(SIZE_MAX - 8, user));
}
