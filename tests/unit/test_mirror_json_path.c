/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/json_path.h"

#include <criterion/criterion.h>
#include <string.h>

static struct json_pattern pattern;
static char memory[512];

static const char *parse(const char *text)
{
    cr_assert_lt(strlen(text), sizeof memory);
    return json_pattern_parse((struct weir_slice){text, strlen(text)}, memory, &pattern);
}

static bool matches(const struct json_step *steps, unsigned n)
{
    struct json_way way = {.n = n};
    memcpy(way.steps, steps, n * sizeof *steps);
    return json_patterns_match(&pattern, 1, &way);
}
#define MATCHES(...)                                                                               \
    matches((struct json_step[]){__VA_ARGS__},                                                     \
            sizeof((struct json_step[]){__VA_ARGS__}) / sizeof(struct json_step))
#define NAME(s)                                                                                    \
    {                                                                                              \
        .name = (s)                                                                                \
    }
#define AT(i)                                                                                      \
    {                                                                                              \
        .index = (i)                                                                               \
    }

Test(mirror_json_path, matches_a_place_and_nothing_else)
{
    cr_assert_null(parse("/items/0/id"));
    cr_assert(MATCHES(NAME("items"), AT(0), NAME("id")));
    cr_assert(!MATCHES(NAME("items"), AT(1), NAME("id")));
    cr_assert(!MATCHES(NAME("items"), AT(0), NAME("ids")));
    cr_assert(!MATCHES(NAME("items"), AT(0)));
    cr_assert(!MATCHES(NAME("items"), AT(0), NAME("id"), AT(0)));
}

Test(mirror_json_path, takes_a_star_for_any_one_step)
{
    cr_assert_null(parse("/items/*/id"));
    cr_assert(MATCHES(NAME("items"), AT(712), NAME("id")));
    cr_assert(MATCHES(NAME("items"), NAME("first"), NAME("id")));
    cr_assert(!MATCHES(NAME("items"), NAME("id")));
}

Test(mirror_json_path, unescapes_names)
{
    cr_assert_null(parse("/a~1b/m~0n//"));
    cr_assert(MATCHES(NAME("a/b"), NAME("m~n"), NAME(""), NAME("")));
}

Test(mirror_json_path, takes_a_number_for_a_members_name_as_well)
{
    cr_assert_null(parse("/7"));
    cr_assert(MATCHES(AT(7)));
    cr_assert(MATCHES(NAME("7")));
    cr_assert_null(parse("/07"));
    cr_assert(!MATCHES(AT(7)));
}

Test(mirror_json_path, refuses_what_is_no_pointer)
{
    cr_assert_not_null(parse(""));
    cr_assert_not_null(parse("items"));
    cr_assert_not_null(parse("/a~"));
    cr_assert_not_null(parse("/a~2b"));
    char deep[2 * JSON_DEPTH + 3] = "";
    for (int i = 0; i < JSON_DEPTH; i++)
        strcat(deep, "/a");
    cr_assert_null(parse(deep));
    cr_assert_not_null(parse(strcat(deep, "/")));
}

static const char *printed(const struct json_way *way, size_t size)
{
    static char to[64];
    memset(to, '#', sizeof to);
    json_way_print(way, to, size);
    cr_assert_lt(strlen(to), size);
    return to;
}

Test(mirror_json_path, prints_a_way_as_a_pointer)
{
    const struct json_way way = {.steps = {NAME("a/b"), AT(3), NAME("~")}, .n = 3};
    cr_assert_str_eq(printed(&way, 64), "/a~1b/3/~0");
    cr_assert_str_eq(printed(&(struct json_way){0}, 64), "/");
    cr_assert_str_eq(printed(&way, 4), "/a~");
}

Test(mirror_json_path, prints_nothing_that_moves_a_cursor)
{
    const struct json_way way = {.steps = {NAME("a\x1b[2J\x7f\n")}, .n = 1};
    cr_assert_str_eq(printed(&way, 64), "/a?[2J??");
}

Test(mirror_json_path, cuts_between_characters)
{
    const struct json_way way = {.steps = {NAME("\u00e9\u20ac\U0001F600x")}, .n = 1}; /* 2, 3, 4 */
    cr_assert_str_eq(printed(&way, 3), "/");
    cr_assert_str_eq(printed(&way, 4), "/\u00e9");
    cr_assert_str_eq(printed(&way, 6), "/\u00e9");
    cr_assert_str_eq(printed(&way, 7), "/\u00e9\u20ac");
    cr_assert_str_eq(printed(&way, 10), "/\u00e9\u20ac");
    cr_assert_str_eq(printed(&way, 11), "/\u00e9\u20ac\U0001F600");
}
