/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "dark_launch/list.h"

static struct tester_list list;

static void parse_n(const char *text, size_t n)
{
    tester_list_free(&list);
    cr_assert(tester_list_parse((struct weir_slice){text, n}, &list));
}

static void parse(const char *text)
{
    parse_n(text, strlen(text));
}

static bool has(const char *subject)
{
    return tester_list_has(&list, (struct weir_slice){subject, strlen(subject)});
}

static void end(void)
{
    tester_list_free(&list);
}

TestSuite(dark_list, .fini = end);

Test(dark_list, has_a_subject_in_each_line)
{
    parse("# testers\nzoe\n\n  alice@example.com\t\r\n\t# bob\nanna b#c");
    cr_assert_eq(list.n, 3);
    cr_assert(has("zoe") && has("alice@example.com") && has("anna b#c"));
    cr_assert(!has("# bob") && !has("bob") && !has("") && !has("anna b"));
    cr_assert_eq(list.wrong, 0);
}

Test(dark_list, compares_whole_subjects)
{
    parse("alice\nbob");
    cr_assert(!has("alic") && !has("alice2") && !has("Alice") && !has("alice ") &&
              !has("alice\nbob"));
    cr_assert(!tester_list_has(&list, (struct weir_slice){"alice\0", 6}));
    cr_assert(!tester_list_has(&list, (struct weir_slice){0}));
}

Test(dark_list, may_be_empty)
{
    parse("");
    cr_assert(!has("") && !has("alice"));
    parse("\n# nobody\n\n");
    cr_assert_eq(list.n, 0);
    cr_assert(!has(""));
}

Test(dark_list, leaves_wrong_lines_out_and_says_which)
{
    char long_line[LIST_SUBJECT_MAX + 16];
    parse_n("alice\nbo\0b\ncarol\nda\x01ve\n", 23);
    cr_assert_eq(list.n, 2);
    cr_assert(has("alice") && has("carol") && !has("bo") && !has("b"));
    cr_assert_eq(list.wrong, 2);
    cr_assert_eq(list.first_wrong, 2);
    cr_assert_str_eq(list.what, "has a control character");
    memset(long_line, 'a', sizeof long_line);
    parse_n(long_line, LIST_SUBJECT_MAX);
    cr_assert_eq(list.n, 1);
    parse_n(long_line, LIST_SUBJECT_MAX + 1);
    cr_assert_eq(list.n, 0);
    cr_assert_str_eq(list.what, "is longer than 512 bytes");
}

Test(dark_list, looks_behind_a_byte_order_mark)
{
    parse("\xef\xbb\xbf"
          "alice\n");
    cr_assert(has("alice"));
}

Test(dark_list, finds_each_of_many)
{
    char *text = malloc(200000), subject[16];
    size_t n = 0;
    for (unsigned i = 0; i < 10000; i++)
        n += (size_t)sprintf(text + n, "user%u\n", i * 7919 % 10000);
    parse_n(text, n);
    free(text);
    cr_assert_eq(list.n, 10000);
    for (unsigned i = 0; i < 10000; i++) {
        sprintf(subject, "user%u", i);
        cr_assert(has(subject), "%s", subject);
    }
    cr_assert(!has("user10000"));
}
