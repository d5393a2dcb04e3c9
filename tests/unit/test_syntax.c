/* SPDX-License-Identifier: Apache-2.0 */
/* The look at a text before libconfig: what it refuses, at which line, and what it lets through. */
#include "config/syntax.h"

#include <criterion/criterion.h>

#include "base/check.h"

static bool included(void *ctx, struct slice path, int line)
{
    (void)path;
    *(int *)ctx = line;
    return true;
}

static const char *refusal(const char *text, struct faults *faults)
{
    const struct syntax sx = {.text = slice_str(text), .file = "f", .faults = faults};
    faults_init(faults);
    if (syntax_check(&sx))
        return "";
    cr_assert_eq(faults->errors, 1, "%s", text);
    return fault_line(faults->first, &faults->arena);
}

Test(syntax, what_libconfig_reports_badly_is_refused_with_its_line)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"a = {\nb = 1;\n", "f:1: error: the bracket that opens here is never closed: \"}\" is "
                            "missing"},
        {"a = 1;\n};", "f:2: error: \"}\" closes a bracket that was never opened"},
        {"a = ( {\n 1\n ) }", "f:3: error: \")\" where \"}\" should close the bracket of line 1"},
        {"a = [ 1\n}", "f:2: error: \"}\" where \"]\" should close the bracket of line 1"},
        {"\na = \"b;\nc = 1;", "f:2: error: the text that begins here has no closing quote"},
        {"\na = \"b\\\"", "f:2: error: the text that begins here has no closing quote"},
        {"a = \"\\", "f:1: error: the text that begins here has no closing quote"},
        {"a = 1; /* b\n*\n/", "f:1: error: the comment that begins here is never closed"},
        {"/* a */\n@include \"b\"", "f:2: error: @include is only possible in a file"},
        {"a = @b", "f:1: error: an @ that begins no @include \"file\" on a line of its own"},
        {"a = 1; @include \"b\"",
         "f:1: error: an @ that begins no @include \"file\" on a line of its own"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        struct faults faults;
        cr_assert_str_eq(refusal(cases[i].text, &faults), cases[i].expected);
        faults_fini(&faults);
    }
}

Test(syntax, brackets_quotes_and_ats_in_texts_and_comments_mean_nothing)
{
    const char *const good[] = {
        "",
        "a = \"}])@include\";",
        "# }\na = 1;",
        "// ( \"\na = 1;",
        "/* { \" @ */ a = 1;",
        "a = \"\\\"}\"; b = { };",
        "a = ( [ ], { b = 1; } );",
        "a = \"/* \"; b = { };",
        "a/b",
        "a = \"x\\\ny\"; # \"",
    };
    for (size_t i = 0; i < array_n(good); i++) {
        struct faults faults;
        cr_assert_str_eq(refusal(good[i], &faults), "", "%s", good[i]);
        faults_fini(&faults);
    }
}

Test(syntax, nesting_is_bounded)
{
    char text[2 * NESTING_MAX + 3];
    struct faults faults;
    memset(text, '(', NESTING_MAX);
    memset(text + NESTING_MAX, ')', NESTING_MAX);
    text[2 * NESTING_MAX] = 0;
    cr_assert_str_eq(refusal(text, &faults), "");
    faults_fini(&faults);
    memset(text, '(', NESTING_MAX + 1);
    memset(text + NESTING_MAX + 1, ')', NESTING_MAX + 1);
    text[2 * NESTING_MAX + 2] = 0;
    cr_assert_str_eq(refusal(text, &faults), "f:1: error: brackets are nested more than 32 deep");
    faults_fini(&faults);
}

Test(syntax, numbers_that_libconfig_would_cut_are_refused)
{
    const char *const good[] = {"a = 2147483647;",
                                "a = -2147483647;",
                                "a = 5000000000L;",
                                "a = 999999999999999999L;",
                                "a = 0x7ffffff;",
                                "a = 0xffffffffL;",
                                "a = 12345678901.5;",
                                "a = 1e99;",
                                "a = \"99999999999\";",
                                "a99999999999 = 1;",
                                "a-99999999999 = 1;",
                                "# 99999999999",
                                "a = [ 1, 2, 3 ];",
                                "a = -",
                                "a = +"};
    const char *const bad[] = {"a = 2147483648;",           "a = 99999999999999999999999;",
                               "a = [ 3000000000 ];",       "a = 0xffffffff;",
                               "a = 9999999999999999999L;", "a = 3000000000b = 1;",
                               "a = -3000000000;",          "a = 0x12345678901234567L;"};
    for (size_t i = 0; i < array_n(good); i++) {
        struct faults faults;
        cr_assert_str_eq(refusal(good[i], &faults), "", "%s", good[i]);
        faults_fini(&faults);
    }
    for (size_t i = 0; i < array_n(bad); i++) {
        struct faults faults;
        cr_assert(strstr(refusal(bad[i], &faults), " is too large; "), "%s", bad[i]);
        faults_fini(&faults);
    }
}

Test(syntax, numbers_that_could_be_octal_are_refused)
{
    const char *const good[] = {"a = 0;",  "a = -0;",   "a = 0L;",      "a = 0x010;",
                                "a = 10;", "a = 00.5;", "a = \"010\";", "a01 = 1;"};
    const char *const bad[] = {"a = 010;", "a = -010;", "a = 00;", "a = [ 1, 08 ];", "a = 010L;"};
    struct faults faults;
    for (size_t i = 0; i < array_n(good); i++) {
        cr_assert_str_eq(refusal(good[i], &faults), "", "%s", good[i]);
        faults_fini(&faults);
    }
    for (size_t i = 0; i < array_n(bad); i++) {
        cr_assert(strstr(refusal(bad[i], &faults), " begins with a 0, "), "%s", bad[i]);
        faults_fini(&faults);
    }
}

Test(syntax, an_include_is_handed_on_with_its_line)
{
    const char *const good[] = {"a = 1;\n@include \"b\"\n", "{\n \t@include\t \"b\" c = 1; }"};
    for (size_t i = 0; i < array_n(good); i++) {
        struct faults faults;
        int line = 0;
        faults_init(&faults);
        const struct syntax sx = {.text = slice_str(good[i]),
                                  .file = "f",
                                  .faults = &faults,
                                  .include = included,
                                  .ctx = &line};
        cr_assert(syntax_check(&sx));
        cr_assert_eq(line, 2);
        faults_fini(&faults);
    }
    const char *const bad[] = {"@include",         "@include b",          "@include \"b",
                               "@include \"b\n\"", "@include \"b\\\\c\"", "@includes \"b\"",
                               "@include\n\"b\""};
    for (size_t i = 0; i < array_n(bad); i++) {
        struct faults faults;
        int line = 0;
        faults_init(&faults);
        const struct syntax sx = {.text = slice_str(bad[i]),
                                  .file = "f",
                                  .faults = &faults,
                                  .include = included,
                                  .ctx = &line};
        cr_assert(!syntax_check(&sx), "%s", bad[i]);
        cr_assert_eq(line, 0);
        faults_fini(&faults);
    }
}

Test(syntax, a_setting_that_stands_twice_in_its_group_is_found)
{
    struct twice t;
    cr_assert(syntax_twice(SLICE("a = 1;\nb = 2;\na = 3;"), &t));
    cr_assert(slice_eq(t.name, SLICE("a")));
    cr_assert(t.first == 1 && t.second == 3);
    cr_assert(syntax_twice(SLICE("g = { a = 1; };\nh = {\n x = \"a\";\n x : 2; };"), &t));
    cr_assert(slice_eq(t.name, SLICE("x")));
    cr_assert(t.first == 3 && t.second == 4);
}

Test(syntax, one_name_in_two_groups_is_not_twice)
{
    struct twice t;
    cr_assert(!syntax_twice(SLICE("a = { a = { a = 1; }; }; b = ( { c = a; }, { c = 2; } );"), &t));
    cr_assert(!syntax_twice(SLICE("a = 1; # a = 2\n"), &t));
}
