/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons of status codes, and the content type of an error by the client's Accept. */
#include "http/status.h"

#include "base/check.h"

#include <criterion/criterion.h>

Test(status, has_the_standard_reasons)
{
    cr_assert(slice_eq(status_reason(100), SLICE("Continue")));
    cr_assert(slice_eq(status_reason(200), SLICE("OK")));
    cr_assert(slice_eq(status_reason(404), SLICE("Not Found")));
    cr_assert(slice_eq(status_reason(413), SLICE("Content Too Large")));
    cr_assert(slice_eq(status_reason(504), SLICE("Gateway Timeout")));
}

Test(status, says_unknown_for_codes_without_a_reason)
{
    static const uint16_t none[] = {0, 99, 104, 299, 306, 418, 599, 600, 999, 65535};
    for (size_t i = 0; i < array_n(none); i++)
        cr_assert(slice_eq(status_reason(none[i]), SLICE("Unknown")), "%u", none[i]);
}

static enum answer_type type_for(const char *accept)
{
    struct field line = {SLICE("Accept"), slice_str(accept), TOKEN_ACCEPT};
    struct fields f = {.v = &line, .n = 1, .cap = 1};
    return answer_type_for(&f);
}

Test(status, answers_text_when_nothing_else_is_wished)
{
    struct fields none = {0};
    cr_assert_eq(answer_type_for(&none), ANSWER_TEXT);
    cr_assert_eq(type_for(""), ANSWER_TEXT);
    cr_assert_eq(type_for("*/*"), ANSWER_TEXT);
    cr_assert_eq(type_for("text/*"), ANSWER_TEXT);
    cr_assert_eq(type_for("image/png"), ANSWER_TEXT);
    cr_assert_eq(type_for("text/plain, application/json"), ANSWER_TEXT);
}

Test(status, answers_json_when_json_is_preferred)
{
    cr_assert_eq(type_for("application/json"), ANSWER_JSON);
    cr_assert_eq(type_for("Application/JSON; charset=utf-8"), ANSWER_JSON);
    cr_assert_eq(type_for("application/problem+json"), ANSWER_JSON);
    cr_assert_eq(type_for("application/vnd.api+json"), ANSWER_JSON);
    cr_assert_eq(type_for("application/json, text/plain, */*"), ANSWER_JSON);
    cr_assert_eq(type_for("*/*, application/json"), ANSWER_JSON);
    cr_assert_eq(type_for("application/*"), ANSWER_JSON);
    cr_assert_eq(type_for("text/html;q=0.4, application/json;q=0.5"), ANSWER_JSON);
    cr_assert_eq(type_for("application/+json"), ANSWER_TEXT);
    cr_assert_eq(type_for("image/svg+json"), ANSWER_TEXT);
}

Test(status, answers_html_only_when_asked_by_name)
{
    cr_assert_eq(type_for("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                 ANSWER_HTML);
    cr_assert_eq(type_for("text/html;level=1;q=0.7, */*;q=0.1"), ANSWER_HTML);
    cr_assert_eq(type_for("text/html;q=0.2, */*"), ANSWER_TEXT);
    cr_assert_eq(type_for("text/html;q=0"), ANSWER_TEXT);
    cr_assert_eq(type_for("text/html;q=0, application/json;q=0.001"), ANSWER_JSON);
}

Test(status, passes_over_members_with_a_malformed_quality)
{
    static const char *const bad[] = {"", "2", "1.001", "0.1234", "-1", "0,5", ".5", "1.x", "00"};
    for (size_t i = 0; i < array_n(bad); i++) {
        char accept[64] = "text/html;q=";
        strcat(accept, bad[i]);
        cr_assert_eq(type_for(accept), ANSWER_TEXT, "%s", accept);
    }
    cr_assert_eq(type_for("text/html; q=1.000"), ANSWER_HTML);
    cr_assert_eq(type_for("text/html; Q=0."), ANSWER_TEXT);
    cr_assert_eq(type_for(",, ,text/html ;q=0.5,"), ANSWER_HTML);
}

Test(status, reads_several_accept_lines_as_one_list)
{
    struct field lines[] = {
        {SLICE("Accept"), SLICE("text/html;q=0.5"), TOKEN_ACCEPT},
        {SLICE("Host"), SLICE("a"), TOKEN_HOST},
        {SLICE("accept"), SLICE("application/json"), TOKEN_ACCEPT},
    };
    struct fields f = {.v = lines, .n = 3, .cap = 3};
    cr_assert_eq(answer_type_for(&f), ANSWER_JSON);
}
