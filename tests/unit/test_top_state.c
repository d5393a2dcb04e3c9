/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of weirctl top: what a terminal sends, and what it does. */
#include "weirctl/top_state.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/check.h"

Test(top_state, reads_keys_and_sequences_of_terminals)
{
    static const struct {
        const char *sent;
        int key;
        size_t used;
    } cases[] = {
        {"q", 'q', 1},
        {"\t", '\t', 1},
        {"\033[A", TOP_KEY_UP, 3},
        {"\033OB", TOP_KEY_DOWN, 3},
        {"\033[5~", TOP_KEY_PAGE_UP, 4},
        {"\033[6~x", TOP_KEY_PAGE_DOWN, 4},
        {"\033[1~", TOP_KEY_HOME, 4},
        {"\033[H", TOP_KEY_HOME, 3},
        {"\033[F", TOP_KEY_END, 3},
        {"\033[1;5A", TOP_KEY_UP, 6},
        {"\033[15~", TOP_KEY_HOME, 5},
        {"\033[Z", TOP_KEY_OTHER, 3},
        {"\033", TOP_KEY_OTHER, 1},
        {"\033q", TOP_KEY_OTHER, 1},
        {"\033[", TOP_KEY_OTHER, 2},
        {"", TOP_KEY_NONE, 0},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        size_t used;
        const int key = top_key_parse(cases[i].sent, strlen(cases[i].sent), &used);
        cr_assert_eq(key, cases[i].key, "%zu: %d", i, key);
        cr_assert_eq(used, cases[i].used, "%zu: %zu", i, used);
    }
}

Test(top_state, takes_any_bytes_and_always_gets_on)
{
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            const char sent[3] = {27, (char)a, (char)b}, two[2] = {(char)a, (char)b};
            struct top_state s = {.rows = 5, .room = 2, .columns = 3};
            size_t used;
            top_press(&s, top_key_parse(sent, 3, &used));
            cr_assert(used >= 1 && used <= 3);
            top_press(&s, top_key_parse(two, 2, &used));
            cr_assert(used >= 1 && used <= 2 && s.view < TOP_VIEWS && s.first <= 3);
        }
}

Test(top_state, goes_from_view_to_view)
{
    struct top_state s = {.first = 3};
    top_press(&s, 'c');
    cr_assert(s.view == TOP_CLUSTERS && s.first == 0);
    top_press(&s, '\t');
    cr_assert_eq(s.view, TOP_BREAKERS);
    top_press(&s, 'e'), top_press(&s, '\t');
    cr_assert_eq(s.view, TOP_ROUTES);
    enum top_view v;
    cr_assert(top_view_parse("workers", &v) && v == TOP_WORKERS);
    cr_assert(top_view_parse("b", &v) && v == TOP_BREAKERS);
    cr_assert(!top_view_parse("", &v) && !top_view_parse("worker", &v));
}

Test(top_state, scrolls_no_further_than_there_are_rows)
{
    struct top_state s = {.rows = 10, .room = 4};
    top_press(&s, TOP_KEY_UP);
    cr_assert_eq(s.first, 0);
    top_press(&s, 'j');
    cr_assert_eq(s.first, 1);
    top_press(&s, ' ');
    cr_assert_eq(s.first, 4);
    top_press(&s, TOP_KEY_PAGE_DOWN), top_press(&s, 'j');
    cr_assert_eq(s.first, 6);
    top_press(&s, TOP_KEY_PAGE_UP);
    cr_assert_eq(s.first, 3);
    top_press(&s, 'G');
    cr_assert_eq(s.first, 6);
    top_press(&s, 'g');
    cr_assert_eq(s.first, 0);
    s.rows = 2;
    top_press(&s, 'G');
    cr_assert_eq(s.first, 0);
}

Test(top_state, goes_round_the_columns_to_order_by)
{
    struct top_state s = {.columns = 3};
    top_press(&s, '<');
    cr_assert_eq(s.sort[TOP_ROUTES], 2);
    top_press(&s, 's');
    cr_assert_eq(s.sort[TOP_ROUTES], 0);
    top_press(&s, '>');
    cr_assert(s.sort[TOP_ROUTES] == 1 && s.sort[TOP_CLUSTERS] == 0);
    top_press(&s, 'S');
    cr_assert(s.ascending);
}

Test(top_state, pauses_helps_and_quits)
{
    struct top_state s = {0};
    top_press(&s, 'p');
    cr_assert(s.paused);
    top_press(&s, 'p'), top_press(&s, '?');
    cr_assert(!s.paused && s.help);
    top_press(&s, 'w');
    cr_assert(!s.help && !s.quit);
    top_press(&s, 'q');
    cr_assert(s.quit);
}
