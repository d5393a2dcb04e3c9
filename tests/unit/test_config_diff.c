/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of two configurations. */
#include "weirctl/config_diff.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *from, const char *to, size_t n, const char *expected)
{
    json_t *a = json_loads(from, 0, NULL), *b = json_loads(to, 0, NULL);
    struct text t;
    cr_assert(a && b, "the test is wrong");
    text_init(&t);
    cr_assert_eq(config_diff(a, b, &t), n, "%.*s", (int)t.n, t.p);
    text_char(&t, '\0');
    cr_assert_str_eq(t.p, expected);
    text_fini(&t);
    json_decref(a);
    json_decref(b);
}

Test(config_diff, is_empty_where_nothing_has_changed)
{
    check("{\"a\":1,\"b\":[1,{\"name\":\"x\"}]}", "{\"b\":[1,{\"name\":\"x\"}],\"a\":1}", 0, "");
}

Test(config_diff, names_what_has_changed_come_and_gone)
{
    check("{\"a\":{\"b\":1,\"c\":\"x\"},\"d\":true}", "{\"a\":{\"b\":2,\"e\":null},\"d\":true}", 3,
          "~ a.b: 1 -> 2\n- a.c\n+ a.e: null\n");
    check("{\"a\":1}", "{\"a\":{\"b\":1},\"c\":{\"d\":2}}", 2, "~ a: 1 -> {\"b\":1}\n+ c\n");
}

Test(config_diff, compares_groups_with_names_whatever_their_order)
{
    check(
        "{\"routes\":[{\"name\":\"a\",\"t\":1},{\"name\":\"b\",\"t\":1}]}",
        "{\"routes\":[{\"name\":\"b\",\"t\":2},{\"name\":\"c\",\"t\":1},{\"name\":\"a\",\"t\":1}]}",
        2, "~ routes.b.t: 1 -> 2\n+ routes.c\n");
}

Test(config_diff, calls_what_has_no_name_after_its_cluster)
{
    check("{\"split\":[{\"cluster\":\"a\",\"name\":\"\",\"w\":100},{\"cluster\":\"b\",\"name\":"
          "\"\",\"w\":0}]}",
          "{\"split\":[{\"cluster\":\"b\",\"name\":\"\",\"w\":50},{\"cluster\":\"a\",\"name\":\"\","
          "\"w\":50}]}",
          2, "~ split.a.w: 100 -> 50\n~ split.b.w: 0 -> 50\n");
    check("{\"l\":[{\"name\":\"x\",\"n\":1},{\"name\":\"x\",\"n\":2}]}",
          "{\"l\":[{\"name\":\"x\",\"n\":1},{\"name\":\"x\",\"n\":3}]}", 1, "~ l.1.n: 2 -> 3\n");
}

Test(config_diff, compares_other_lists_by_position)
{
    check("{\"l\":[1,2]}", "{\"l\":[1,3,4]}", 2, "~ l.1: 2 -> 3\n+ l.2: 4\n");
    check("{\"l\":[1,2]}", "{\"l\":[]}", 2, "- l.0\n- l.1\n");
}

Test(config_diff, cuts_long_values_and_shows_no_controls)
{
    char from[512];
    memset(from, 'x', sizeof from);
    memcpy(from, "{\"a\":\"", 6);
    memcpy(from + sizeof from - 3, "\"}", 3);
    char expected[256];
    snprintf(expected, sizeof expected, "~ a: \"%.*s... -> \"\\u001B[2J\"\n", 79, from + 6);
    check(from, "{\"a\":\"\\u001b[2J\"}", 1, expected);
}
