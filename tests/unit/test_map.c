/* SPDX-License-Identifier: Apache-2.0 */
/* The map: against a plain array under random operations, and the small cases by name. */

#include "base/map.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "base/random.h"

static int values[2000];

Test(map, an_empty_map_answers)
{
    struct map m;
    size_t at = 0;

    map_init(&m);
    cr_assert_null(map_find(&m, SLICE("a")));
    cr_assert_null(map_remove(&m, SLICE("a")));
    cr_assert_null(map_next(&m, &at));
    map_fini(&m);
}

Test(map, set_find_replace_remove)
{
    struct map m;

    map_init(&m);
    cr_assert_null(map_set(&m, SLICE("a"), &values[1]));
    cr_assert_null(map_set(&m, SLICE(""), &values[2]));
    cr_assert_eq(map_find(&m, SLICE("a")), &values[1]);
    cr_assert_eq(map_find(&m, slice_of(NULL, 0)), &values[2]);
    cr_assert_null(map_find(&m, SLICE("A")));
    cr_assert_eq(map_set(&m, SLICE("a"), &values[3]), &values[1]);
    cr_assert_eq(map_find(&m, SLICE("a")), &values[3]);
    cr_assert_eq(m.n, 2);
    cr_assert_eq(map_remove(&m, SLICE("a")), &values[3]);
    cr_assert_null(map_remove(&m, SLICE("a")));
    cr_assert_null(map_find(&m, SLICE("a")));
    cr_assert_eq(m.n, 1);
    map_fini(&m);
}

Test(map, a_replaced_entry_borrows_the_new_key)
{
    struct map m;
    char old[] = "key", new[] = "key";

    map_init(&m);
    map_set(&m, slice_str(old), &values[0]);
    map_set(&m, slice_str(new), &values[1]);
    old[0] = 'x'; /* goes with its value */
    cr_assert_eq(map_find(&m, SLICE("key")), &values[1]);
    map_fini(&m);
}

Test(map, null_is_no_value, .signal = SIGABRT)
{
    struct map m;

    map_init(&m);
    map_set(&m, SLICE("a"), NULL);
}

static void check_against(const struct map *m, char keys[][16], const bool *there, size_t n)
{
    size_t count = 0, walked = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        const void *found = map_find(m, slice_str(keys[i]));
        cr_assert_eq(found, there[i] ? &values[i] : NULL);
        count += there[i];
    }
    cr_assert_eq(m->n, count);
    cr_assert(m->cap == 0 || (m->n * 2 <= m->cap && (m->cap & (m->cap - 1)) == 0));
    for (const struct map_entry *e; (e = map_next(m, &at)); walked++)
        cr_assert(there[(int *)e->value - values]);
    cr_assert_eq(walked, count);
}

/* The gap that a removal leaves is the part that is easy to get wrong: many maps, small enough
 * that runs wrap around the end of the table. */
Test(map, random_operations_agree_with_an_array)
{
    enum { KEYS = 40, MAPS = 60, STEPS = 200 };
    static char keys[KEYS][16];
    struct random r;

    random_seed(&r, 7);
    for (int k = 0; k < KEYS; k++)
        snprintf(keys[k], sizeof keys[k], "k%d", k);
    for (int round = 0; round < MAPS; round++) {
        struct map m;
        bool there[KEYS] = {false};
        slice_hash_seed(random_u64(&r), random_u64(&r));
        map_init(&m);
        for (int step = 0; step < STEPS; step++) {
            const size_t k = random_below(&r, KEYS);
            void *before = there[k] ? &values[k] : NULL;
            if (random_below(&r, 2))
                cr_assert_eq(map_remove(&m, slice_str(keys[k])), before);
            else
                cr_assert_eq(map_set(&m, slice_str(keys[k]), &values[k]), before);
            there[k] = map_find(&m, slice_str(keys[k])) != NULL;
            if (step % 10 == 0)
                check_against(&m, keys, there, KEYS);
        }
        check_against(&m, keys, there, KEYS);
        map_fini(&m);
    }
}

Test(map, two_thousand_keys)
{
    static char keys[2000][16];
    static bool there[2000];
    struct map m;

    map_init(&m);
    for (int i = 0; i < 2000; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        cr_assert_null(map_set(&m, slice_str(keys[i]), &values[i]));
        there[i] = true;
    }
    check_against(&m, keys, there, 2000);
    for (int i = 0; i < 2000; i += 2) {
        cr_assert_eq(map_remove(&m, slice_str(keys[i])), &values[i]);
        there[i] = false;
    }
    check_against(&m, keys, there, 2000);
    map_fini(&m);
}
