/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions match whole values, compile once, and give up at their limits. */

#include "core/route/route_regex.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct faults faults;
static struct regex_set set;
static struct regex_scratch scratch;
static const struct place place = {.file = "weir.conf", .line = 12};

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
    faults_init(&faults);
    regex_set_init(&set);
    regex_scratch_init(&scratch, REGEX_STEPS_DEFAULT);
}

static void tear_down(void)
{
    regex_scratch_fini(&scratch);
    regex_set_fini(&set);
    faults_fini(&faults);
    arena_fini(&arena);
}

TestSuite(route_regex, .init = set_up, .fini = tear_down);

static const struct regex *get(const char *text)
{
    return regex_get(&set, arena_dup(&arena, slice_str(text)), "match.path_regex", &place, &arena,
                     &faults);
}

static bool matches(const char *text, const char *value)
{
    const struct regex *re = get(text);
    cr_assert(re, "%s", text);
    return regex_match(re, &scratch, slice_str(value));
}

Test(route_regex, matches_the_whole_value)
{
    cr_assert(matches("v[12]", "v1"));
    cr_assert_not(matches("v[12]", "v10"));
    cr_assert_not(matches("v[12]", "xv1"));
    cr_assert(matches("a|ab", "ab")); /* not content with the first alternative */
    cr_assert(matches("^/api/.*$", "/api/x"));
    cr_assert(matches("", ""));
    cr_assert_not(matches("", "a"));
    cr_assert_not(matches("a$", "a\n"));
    cr_assert(matches("(a)(b)\\1", "aba")); /* more groups than there is room for */
}

Test(route_regex, takes_an_empty_value_without_a_pointer)
{
    cr_assert(regex_match(get(".*"), &scratch, slice_of(NULL, 0)));
    cr_assert_not(regex_match(get(".+"), &scratch, slice_of(NULL, 0)));
}

Test(route_regex, matches_bytes_whatever_they_are)
{
    cr_assert(regex_match(get("a.c"), &scratch, SLICE("a\0c")));
    cr_assert(regex_match(get("a.c"), &scratch, SLICE("a\377c"))); /* no UTF-8 */
    cr_assert_not(
        regex_match(get("a.c"), &scratch, SLICE("a\303\251c"))); /* one letter, two bytes */
}

Test(route_regex, compiles_each_text_once)
{
    cr_assert_eq(get("a+"), get("a+"));
    cr_assert_neq(get("a+"), get("b+"));
    cr_assert_eq(set.by_text.n, 2);
}

Test(route_regex, names_place_and_reason_of_a_bad_expression)
{
    cr_assert_null(get("a(b"));
    cr_assert_eq(faults.errors, 1);
    cr_assert_str_eq(faults.first->file, "weir.conf");
    cr_assert_eq(faults.first->line, 12);
    cr_assert(strstr(faults.first->text, "match.path_regex: \"a(b\""), "%s", faults.first->text);
    cr_assert(strstr(faults.first->text, "parenthesis"), "%s", faults.first->text);
    cr_assert(strstr(faults.first->text, "offset 3"), "%s", faults.first->text);
}

Test(route_regex, refuses_to_leave_bytes_for_characters)
{
    cr_assert_null(get("(*UTF)a"));
    cr_assert_null(get("(*UCP)a"));
    cr_assert_null(get("a\\Cb"));
    cr_assert_eq(faults.errors, 3);
}

/* Many times "a", then "ba": (a|a)*b doesn't match it, which takes 2^n steps to find out. */
static void fill(char value[4000])
{
    memset(value, 'a', 4000);
    memcpy(value + 3997, "ba", 3);
}

Test(route_regex, gives_up_at_the_step_limit_and_counts_it)
{
    char value[4000];
    fill(value);
    cr_assert(matches("a*ba", value));
    cr_assert_eq(scratch.limit_hits, 0);
    cr_assert_not(matches("(a|a)*b", value));
    cr_assert_eq(scratch.limit_hits, 1);
    cr_assert_not(matches("(a|a)*b", value));
    cr_assert_eq(scratch.limit_hits, 2);
    cr_assert(matches("a*ba", value)); /* and is as good as before */
    cr_assert_eq(scratch.limit_hits, 2);
}

Test(route_regex, takes_as_many_steps_as_it_is_told)
{
    regex_scratch_fini(&scratch);
    regex_scratch_init(&scratch, 1000);
    cr_assert_not(matches("(a|b|ab)*c", "abababaca")); /* 2^3 ways */
    cr_assert_eq(scratch.limit_hits, 0);
    cr_assert_not(matches("(a|b|ab)*c", "ababababababababababababca"));
    cr_assert_eq(scratch.limit_hits, 1);
    regex_scratch_fini(&scratch);
    regex_scratch_init(&scratch, 50000000);
    cr_assert_not(matches("(a|b|ab)*c", "ababababababababababababca"));
    cr_assert_eq(scratch.limit_hits, 0);
}

Test(route_regex, is_bounded_without_jit_too)
{
    char value[4000];
    fill(value);
    cr_assert(matches("(*NO_JIT)v[12]", "v1"));
    cr_assert_not(matches("(*NO_JIT)(a|a)*b", value));
    cr_assert_eq(scratch.limit_hits, 1);
}

Test(route_regex, does_not_count_an_ordinary_failure)
{
    cr_assert_not(matches("a", "b"));
    cr_assert_eq(scratch.limit_hits, 0);
}

/* -- groups ------------------------------------------------------------------------------------ */

static bool captures(const char *text, const char *value, struct slice *groups)
{
    const struct regex *re = get(text);
    cr_assert(re, "%s", text);
    return regex_captures(re, &scratch, slice_str(value), groups);
}

Test(route_regex, gives_the_groups_of_a_match)
{
    struct slice groups[REGEX_GROUPS];
    cr_assert(captures("/(v[0-9]+)/(x)?(.*)/(e*)", "/v12/abc/", groups));
    cr_assert(slice_eq(groups[0], SLICE("v12")));
    cr_assert(!groups[1].p);
    cr_assert(slice_eq(groups[2], SLICE("abc")));
    cr_assert(groups[3].p && groups[3].n == 0);
    for (int i = 4; i < REGEX_GROUPS; i++)
        cr_assert(!groups[i].p);
    cr_assert(captures("none", "none", groups) && !groups[0].p);
}

Test(route_regex, gives_no_groups_when_it_does_not_match_or_gives_up)
{
    struct slice groups[REGEX_GROUPS];
    char value[4000];
    fill(value);
    cr_assert(captures("(a)b", "ab", groups) && groups[0].p);
    cr_assert_not(captures("(a)b", "ac", groups));
    cr_assert(!groups[0].p);
    cr_assert_not(captures("(a|a)*b", value, groups));
    cr_assert_eq(scratch.limit_hits, 1);
}

Test(route_regex, gives_nine_groups_of_more)
{
    struct slice groups[REGEX_GROUPS];
    cr_assert(captures("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "0123456789a", groups));
    cr_assert(slice_eq(groups[0], SLICE("0")) && slice_eq(groups[8], SLICE("8")));
    cr_assert(captures("(*NO_JIT)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "0123456789a", groups));
    cr_assert(slice_eq(groups[8], SLICE("8")));
}

Test(route_regex, knows_its_groups_by_number_and_name)
{
    cr_assert_eq(regex_groups(get("abc")), 0);
    const struct regex *re = get("(a)(?<name>b)(?:c)(?P<other>d)");
    cr_assert_eq(regex_groups(re), 3);
    cr_assert_eq(regex_group_named(re, "name"), 2);
    cr_assert_eq(regex_group_named(re, "other"), 3);
    cr_assert_eq(regex_group_named(re, "nobody"), 0);
    cr_assert_eq(regex_group_named(get("(?J)(?<n>a)|(?<n>b)"), "n"), 0); /* which of them? */
}
