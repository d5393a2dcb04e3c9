/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and content. */
#include <criterion/criterion.h>

#include "control/health/health_match.h"

Test(health_match, a_status_is_in_one_of_the_ranges)
{
    struct health_range ranges[] = {{200, 200}, {300, 399}};
    const struct health_conf conf = {.expect = {ranges, 2}};
    const int good[] = {200, 300, 399}, bad[] = {0, 199, 201, 299, 400, 999};
    for (size_t i = 0; i < 3; i++)
        cr_assert(health_status_ok(&conf, good[i]), "%d", good[i]);
    for (size_t i = 0; i < 6; i++)
        cr_assert_not(health_status_ok(&conf, bad[i]), "%d", bad[i]);
}

Test(health_match, a_text_is_found_anywhere)
{
    const struct slice content = SLICE("all is ok.\0then");
    cr_assert(health_contains(content, SLICE("")));
    cr_assert(health_contains(content, SLICE("all")));
    cr_assert(health_contains(content, SLICE("then")), "a NUL ends nothing");
    cr_assert_not(health_contains(content, SLICE("OK")));
    cr_assert_not(health_contains(SLICE(""), SLICE("ok")));
}

static bool matches(const char *regex, struct slice content)
{
    char memory[128];
    snprintf(memory, sizeof memory, HEALTH_BODY_REGEX, (int)strlen(regex), regex);
    const struct health_conf conf = {.body_regex = slice_str(memory)};
    struct health_matcher m;
    health_matcher_init(&m, &conf);
    const bool ok = health_body_ok(&m, &conf, content);
    health_matcher_fini(&m);
    return ok;
}

Test(health_match, an_expression_is_found_anywhere)
{
    cr_assert(matches("o+k", SLICE("first\nall is oook\nlast\n")));
    cr_assert(matches("a|b", SLICE("\nb")));
    cr_assert(matches("(?i)OK", SLICE("ok")));
    cr_assert(matches("^first", SLICE("first\n")));
    cr_assert_not(matches("^last", SLICE("first\nlast")));
    cr_assert_not(matches("o+k", SLICE("kooo")));
    cr_assert_not(matches("o+k", SLICE("")));
}

Test(health_match, long_content_is_searched_to_its_end)
{
    static char content[65536];
    memset(content, 'o', sizeof content);
    memcpy(content + sizeof content - 4, "fine", 4);
    cr_assert(matches("fi[no]e", slice_of(content, sizeof content)));
    cr_assert_not(matches("fi[no]x", slice_of(content, sizeof content)));
}

Test(health_match, without_conditions_any_content_is_good)
{
    const struct health_conf conf = {0};
    struct health_matcher m;
    health_matcher_init(&m, &conf);
    cr_assert(health_body_ok(&m, &conf, SLICE("")));
    health_matcher_fini(&m);
}

Test(health_match, every_result_has_a_word)
{
    cr_assert_str_eq(health_result_word(HEALTH_PASSED), "passed");
    cr_assert_str_eq(health_result_word(HEALTH_NOT_MADE), "not_made");
}
