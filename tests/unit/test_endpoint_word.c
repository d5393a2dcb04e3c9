/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoints say of themselves: words, their end, and how seldom the cell changes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/cluster/endpoint_word.h"

enum { SLOTS = 4, FOR_MS = 10000, SECOND_US = 1000000 };

static struct endpoint_cell *cell_new(void)
{
    struct endpoint_cell *cell = aligned_alloc(64, (endpoint_cell_size(SLOTS) + 63) & ~63u);
    memset(cell, 0, endpoint_cell_size(SLOTS));
    endpoint_cell_init(cell, SLOTS);
    return cell;
}

static int parse(const char *first, const char *second)
{
    struct arena a;
    struct fields f;
    enum endpoint_word word;
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 4);
    fields_add(&f, &a, SLICE("X-Other"), SLICE("drain"));
    if (first)
        fields_add(&f, &a, SLICE("x-weir-health"), slice_str(first));
    if (second)
        fields_add(&f, &a, SLICE("X-Weir-Health"), slice_str(second));
    const bool says = endpoint_word_parse(&f, SLICE("X-Weir-Health"), &word);
    arena_fini(&a);
    return says ? (int)word : -1;
}

Test(endpoint_word, knows_three_words)
{
    cr_assert_eq(parse("ok", NULL), WORD_OK);
    cr_assert_eq(parse("Degraded", NULL), WORD_DEGRADED);
    cr_assert_eq(parse(" drain ", NULL), WORD_DRAIN);
}

Test(endpoint_word, anything_else_says_nothing)
{
    cr_assert_eq(parse(NULL, NULL), -1);
    cr_assert_eq(parse("", NULL), -1);
    cr_assert_eq(parse("drained", NULL), -1);
}

Test(endpoint_word, of_several_the_gravest_counts)
{
    cr_assert_eq(parse("drain", "ok"), WORD_DRAIN);
    cr_assert_eq(parse("ok", "degraded"), WORD_DEGRADED);
    cr_assert_eq(parse("nonsense", "ok"), WORD_OK);
}

Test(endpoint_word, is_believed_for_a_time)
{
    struct endpoint_cell *cell = cell_new();
    cr_assert(endpoint_word_note(cell, 1, WORD_DRAIN, SECOND_US, FOR_MS));
    cr_assert(endpoint_draining(cell, 1, 10 * SECOND_US));
    cr_assert_not(endpoint_draining(cell, 1, 11 * SECOND_US));
    cr_assert_not(endpoint_draining(cell, 2, 10 * SECOND_US), "another one has said nothing");
    free(cell);
}

Test(endpoint_word, one_word_ends_the_other)
{
    struct endpoint_cell *cell = cell_new();
    cr_assert(endpoint_word_note(cell, 1, WORD_DRAIN, 0, FOR_MS));
    cr_assert(endpoint_word_note(cell, 1, WORD_DEGRADED, 1, FOR_MS));
    cr_assert_not(endpoint_draining(cell, 1, 2));
    cr_assert(endpoint_degraded(cell, 1, 2));
    cr_assert(endpoint_word_note(cell, 1, WORD_OK, 3, FOR_MS));
    cr_assert_not(endpoint_degraded(cell, 1, 4));
    free(cell);
}

Test(endpoint_word, repeated_with_each_response_changes_the_cell_seldom)
{
    struct endpoint_cell *cell = cell_new();
    const uint32_t before = atomic_load(&cell->version);
    for (uint64_t now = 0; now < 60 * SECOND_US; now += SECOND_US / 100) {
        const bool news = endpoint_word_note(cell, 0, WORD_DEGRADED, now, FOR_MS);
        cr_assert_eq(news, now == 0, "it is news once");
        cr_assert(endpoint_degraded(cell, 0, now), "and never ends meanwhile");
    }
    const uint32_t changes = atomic_load(&cell->version) - before;
    cr_assert(changes >= 6 && changes <= 13, "%u", changes);
    free(cell);
}

Test(endpoint_word, an_endpoint_that_says_ok_all_the_time_changes_nothing)
{
    struct endpoint_cell *cell = cell_new();
    const uint32_t before = atomic_load(&cell->version);
    for (uint64_t now = 0; now < 100; now++)
        cr_assert_not(endpoint_word_note(cell, 0, WORD_OK, now * SECOND_US, FOR_MS));
    cr_assert_eq(atomic_load(&cell->version), before);
    free(cell);
}

Test(endpoint_word, without_a_slot_nothing_happens)
{
    struct endpoint_cell *cell = cell_new();
    cr_assert_not(endpoint_word_note(cell, NO_SLOT, WORD_DRAIN, 0, FOR_MS));
    cr_assert_not(endpoint_word_note(NULL, 0, WORD_DRAIN, 0, FOR_MS));
    free(cell);
}
