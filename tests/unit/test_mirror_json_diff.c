/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/json_diff.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char found[4096]; /* "/a /b[+] ": + only the second has it, - only the first */
static struct json_pattern ignored[4];
static size_t ignored_n;
static char memory[4][64];

static void ignore(const char *pointer)
{
    cr_assert_null(json_pattern_parse((struct weir_slice){pointer, strlen(pointer)},
                                      memory[ignored_n], &ignored[ignored_n]));
    ignored_n++;
}

static void note(void *ctx, const struct json_way *way, const json_t *a, const json_t *b)
{
    char path[256];
    (void)ctx;
    json_way_print(way, path, sizeof path);
    if (strlen(found) + strlen(path) + 8 < sizeof found)
        sprintf(found + strlen(found), "%s%s ", path, !a ? "+" : !b ? "-" : "");
}

static unsigned diff(const char *a_text, const char *b_text)
{
    json_t *a = json_loads(a_text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *b = json_loads(b_text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert(a && b);
    found[0] = 0;
    const unsigned n = json_diff(&(struct json_diff){ignored, ignored_n, note, NULL}, a, b);
    json_decref(a);
    json_decref(b);
    return n;
}

Test(mirror_json_diff, finds_none_between_equals)
{
    cr_assert_eq(
        diff("{\"a\":[1,{\"b\":null}],\"c\":\"x\"}", "{\"c\":\"x\",\"a\":[1,{\"b\":null}]}"), 0);
    cr_assert_eq(diff("[1, 2.0, -0.0]", "[1.0, 2, 0]"), 0, "numbers, however they are written");
    cr_assert_eq(diff("\"\\u0000a\"", "\"\\u0000a\""), 0);
}

Test(mirror_json_diff, says_where_and_who_has_it)
{
    cr_assert_eq(diff("{\"a\":1,\"b\":[1,2],\"c\":true}", "{\"a\":2,\"b\":[1,2,3],\"d\":0}"), 4);
    cr_assert_str_eq(found, "/a /b/2+ /c- /d+ ");
}

Test(mirror_json_diff, tells_kinds_apart)
{
    cr_assert_eq(diff("[1,\"1\",null,false,[],{}]", "[\"1\",1,false,null,{},[]]"), 6);
    cr_assert_eq(diff("3", "\"3\""), 1);
    cr_assert_str_eq(found, "/ ");
    cr_assert_eq(diff("\"\\u0000a\"", "\"\\u0000b\""), 1);
}

Test(mirror_json_diff, takes_the_order_of_elements_for_content)
{
    cr_assert_eq(diff("[1,2]", "[2,1]"), 2);
}

Test(mirror_json_diff, looks_away_where_it_is_told_to)
{
    ignore("/timestamp");
    ignore("/items/*/id");
    cr_assert_eq(diff("{\"timestamp\":1,\"items\":[{\"id\":1,\"n\":1},{\"id\":2}]}",
                      "{\"items\":[{\"id\":7,\"n\":1},{}]}"),
                 0);
    cr_assert_eq(diff("{\"items\":[{\"id\":1,\"n\":1}]}", "{\"items\":[{\"id\":2,\"n\":2}]}"), 1);
    cr_assert_str_eq(found, "/items/0/n ");
}

Test(mirror_json_diff, looks_away_from_all_that_lies_below)
{
    ignore("/meta");
    cr_assert_eq(diff("{\"meta\":{\"a\":[1]}}", "{\"meta\":{\"b\":{}}}"), 0);
}

static void nest(char *to, int depth, const char *leaf)
{
    *to = 0;
    for (int i = 0; i < depth; i++)
        strcat(to, "[");
    strcat(to, leaf);
    for (int i = 0; i < depth; i++)
        strcat(to, "]");
}

Test(mirror_json_diff, compares_what_lies_deep_as_a_whole)
{
    char a[256], b[256];
    nest(a, JSON_DEPTH + 5, "1,2");
    nest(b, JSON_DEPTH + 5, "3,4");
    cr_assert_eq(diff(a, a), 0);
    cr_assert_eq(diff(a, b), 1, "two leaves, one difference");
    nest(a, JSON_DEPTH, "1,2");
    nest(b, JSON_DEPTH, "3,4");
    cr_assert_eq(diff(a, b), 2);
}

Test(mirror_json_diff, ends_after_a_hundred)
{
    char a[2048] = "[0", b[2048] = "[1";
    for (int i = 0; i < 300; i++) {
        strcat(a, ",0");
        strcat(b, ",1");
    }
    cr_assert_eq(diff(strcat(a, "]"), strcat(b, "]")), JSON_DIFFERENCES);
}
