/* SPDX-License-Identifier: Apache-2.0 */
/* The intrusive list: order, and that doing things twice is harmless. */

#include "base/list.h"

#include <criterion/criterion.h>

struct item {
    int value;
    struct list link;
};

static struct list head;
static struct item items[4];

static void setup(void)
{
    list_init(&head);
    for (int i = 0; i < 4; i++) {
        items[i].value = i;
        list_init(&items[i].link);
    }
}

/* The values in order as decimal digits, read forwards; backwards must be the mirror. */
static int digits(const struct list *l)
{
    int forwards = 0, backwards = 0, scale = 1;

    list_each (node, l)
        forwards = forwards * 10 + list_entry(node, struct item, link)->value;
    for (const struct list *node = l->prev; node != l; node = node->prev, scale *= 10)
        backwards += scale * list_entry(node, const struct item, link)->value;
    cr_assert_eq(forwards, backwards);
    return forwards;
}

TestSuite(list, .init = setup);

Test(list, starts_empty)
{
    cr_assert(list_empty(&head));
    cr_assert(!list_linked(&items[0].link));
    cr_assert_null(list_take(&head));
    list_each (node, &head)
        cr_assert_fail("nothing to walk over");
}

Test(list, push_appends_and_push_front_prepends)
{
    list_push(&head, &items[2].link);
    list_push(&head, &items[3].link);
    list_push_front(&head, &items[1].link);
    cr_assert_eq(digits(&head), 123);
    cr_assert(list_linked(&items[2].link));
}

Test(list, insert_after_a_node)
{
    list_push(&head, &items[1].link);
    list_push(&head, &items[3].link);
    list_insert_after(&items[1].link, &items[2].link);
    cr_assert_eq(digits(&head), 123);
}

Test(list, take_is_first_in_first_out)
{
    for (int i = 0; i < 4; i++)
        list_push(&head, &items[i].link);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(list_take(&head), &items[i].link);
    cr_assert(list_empty(&head));
    cr_assert(!list_linked(&items[3].link));
}

Test(list, remove_twice_is_harmless)
{
    for (int i = 1; i < 4; i++)
        list_push(&head, &items[i].link);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    cr_assert_eq(digits(&head), 13);
    list_push(&head, &items[2].link);
    cr_assert_eq(digits(&head), 132);
}

Test(list, the_current_node_may_go_while_walking)
{
    for (int i = 0; i < 4; i++)
        list_push(&head, &items[i].link);
    int seen = 0;
    list_each_safe (node, &head) {
        seen++;
        if (list_entry(node, struct item, link)->value % 2 == 0)
            list_remove(node);
    }
    cr_assert_eq(seen, 4);
    cr_assert_eq(digits(&head), 13);
}

Test(list, splice_moves_everything_to_the_end)
{
    struct list other;
    list_init(&other);
    list_push(&head, &items[1].link);
    list_push(&other, &items[2].link);
    list_push(&other, &items[3].link);
    list_splice(&head, &other);
    cr_assert_eq(digits(&head), 123);
    cr_assert(list_empty(&other));
    list_splice(&head, &other);
    cr_assert_eq(digits(&head), 123);
    list_splice(&other, &head);
    cr_assert_eq(digits(&other), 123);
    cr_assert(list_empty(&head));
}
