/* SPDX-License-Identifier: Apache-2.0 */
/* What weirctl shows to people: tables, spans and moments of time, members of answers. */

#include "weirctl/answer.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

#include <criterion/criterion.h>

static struct text t;

static void begin(void)
{
    text_init(&t);
}

static void end(void)
{
    text_fini(&t);
}

TestSuite(weirctl_text, .init = begin, .fini = end);

/* What was written, which is forgotten. */
static const char *said(void)
{
    text_char(&t, '\0');
    t.n = 0;
    return t.p;
}

Test(weirctl_text, has_columns_that_are_aligned)
{
    static const char *const heads[] = {"NAME", ">N", "LAST", NULL};
    static const char *const cells[] = {
        "a", "1", "x", "a longer one", "12345", "", "\xc3\xa4\xc3\xb6", "-", "y"};
    struct table table;
    table_init(&table, heads);
    for (size_t i = 0; i < array_n(cells); i++)
        text_str(table_cell(&table), cells[i]);
    table_write(&table, &t);
    cr_assert_str_eq(said(), "NAME              N  LAST\n"
                             "a                 1  x\n"
                             "a longer one  12345  \n"
                             "\xc3\xa4\xc3\xb6                -  y\n");
    table_init(&table, heads);
    table_write(&table, &t);
    cr_assert_str_eq(said(), "NAME  N  LAST\n");
}

Test(weirctl_text, reads_durations_of_whole_seconds)
{
    static const struct {
        const char *text;
        uint64_t seconds; /* 0: refused */
    } cases[] = {{"2h", 7200},
                 {"30m", 1800},
                 {"7d", 604800},
                 {"90s", 90},
                 {"2000ms", 2},
                 {"0s", 0},
                 {"1500ms", 0},
                 {"", 0},
                 {"2", 0},
                 {"h", 0},
                 {"-2h", 0},
                 {"2 h", 0},
                 {"99999999999999999999d", 0},
                 {"2hours", 0}};
    for (size_t i = 0; i < array_n(cases); i++) {
        uint64_t got = 0;
        cr_assert(duration_parse(cases[i].text, &got) == (cases[i].seconds > 0), "%s",
                  cases[i].text);
        cr_assert_eq(got, cases[i].seconds);
    }
}

Test(weirctl_text, shows_durations_with_two_units)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0s"},       {-5, "0s"},      {0.9, "0s"},      {45, "45s"},
                 {60, "1m"},      {7199, "1h59m"}, {7200, "2h"},     {7201, "2h"},
                 {90000, "1d1h"}, {259200, "3d"},  {1e300, "36525d"}};
    for (size_t i = 0; i < array_n(cases); i++) {
        duration_text(&t, cases[i].seconds);
        cr_assert_str_eq(said(), cases[i].text);
    }
}

Test(weirctl_text, shows_moments_of_this_calendar)
{
    moment_text(&t, 1764100000.123);
    cr_assert_str_eq(said(), "2025-11-25 19:46:40 UTC");
    moment_text(&t, 253402300799.0);
    cr_assert_str_eq(said(), "9999-12-31 23:59:59 UTC");
    moment_text(&t, -1);
    cr_assert_str_eq(said(), "-");
    moment_text(&t, 1e18);
    cr_assert_str_eq(said(), "-");
}

Test(weirctl_text, leaves_no_control_character_to_the_terminal)
{
    answer_plain(&t, "a\x1b[31m\r\n\x7f\xc2\x9b\xc2\xa0\xc3\xa4");
    cr_assert_str_eq(said(), "a\\x1b[31m\\x0d\\x0a\\x7f\\x9b\xc2\xa0\xc3\xa4");
}

Test(weirctl_text, shows_members_of_any_type_and_those_that_are_missing)
{
    json_t *o =
        json_loads("{\"s\": \"te\\u001bxt\", \"i\": -3, \"r\": 0.01, \"b\": true, \"n\": null,"
                   " \"l\": [1], \"share\": 0.9501, \"small\": 0.0001, \"ms\": 60001}",
                   0, NULL);
    static const char *const cases[][2] = {{"s", "te\\x1bxt"}, {"i", "-3"}, {"r", "0.01"},
                                           {"b", "yes"},       {"n", "-"},  {"l", "-"},
                                           {"absent", "-"}};
    for (size_t i = 0; i < array_n(cases); i++) {
        answer_add(&t, o, cases[i][0]);
        cr_assert_str_eq(said(), cases[i][1]);
    }
    answer_share(&t, o, "share");
    answer_share(&t, o, "small");
    answer_share(&t, o, "s");
    cr_assert_str_eq(said(), "95.01%0.01%-");
    answer_tenths(&t, o, "i");
    answer_tenths(&t, o, "n");
    cr_assert_str_eq(said(), "-3.0-");
    answer_left(&t, o, "ms");
    answer_left(&t, o, "i");
    answer_left(&t, o, "n");
    cr_assert_str_eq(said(), "1m1s0s-");
    answer_moment(&t, o, "s");
    answer_add(&t, NULL, "s");
    cr_assert_str_eq(said(), "te\\x1bxt-");
    cr_assert_eq(json_array_size(answer_list(o, "l")), 1);
    cr_assert(!answer_list(o, "s") && !answer_list(NULL, "l"));
    json_decref(o);
}
