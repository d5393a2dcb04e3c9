/* SPDX-License-Identifier: Apache-2.0 */
/* What collectors answer, and when they are asked again. */
#include "tracing/answer.h"

#include "common/slice.h"

#include <criterion/criterion.h>

static char message[ANSWER_MESSAGE];

static uint64_t rejected(const char *body)
{
    return answer_rejected(slice_str(body), message);
}

Test(tracing_answer, is_taken_refused_or_asked_again)
{
    cr_assert_eq(answer_of(200), ANSWER_TAKEN);
    cr_assert_eq(answer_of(202), ANSWER_TAKEN);
    static const int again[] = {0, 429, 502, 503, 504};
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
        cr_assert_eq(answer_of(again[i]), ANSWER_AGAIN, "%d", again[i]);
    static const int refused[] = {301, 400, 401, 404, 413, 500, 501};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_eq(answer_of(refused[i]), ANSWER_REFUSED, "%d", refused[i]);
}

Test(tracing_answer, says_how_many_spans_were_rejected)
{
    cr_assert_eq(
        rejected("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"old\"}}"), 3);
    cr_assert_str_eq(message, "old");
    cr_assert_eq(rejected("{\"partialSuccess\":{\"rejectedSpans\":4}}"), 4);
    cr_assert_str_eq(message, "");
}

Test(tracing_answer, that_says_nothing_rejects_nothing)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "ok",
        "[]",
        "{\"partialSuccess\":{}}",
        "{\"partialSuccess\":[1]}",
        "{\"partialSuccess\":{\"rejectedSpans\":\"-3\"}}",
        "{\"partialSuccess\":{\"rejectedSpans\":true}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        cr_assert_eq(rejected(bodies[i]), 0, "%s", bodies[i]);
}

/* -- again ------------------------------------------------------------------------------------- */

static uint64_t wait_ms(unsigned failures, const char *retry_after, uint64_t random)
{
    const uint64_t wall_us = UINT64_C(784111777) * 1000000; /* Sun, 06 Nov 1994 08:49:37 GMT */
    return answer_wait_ms(failures, slice_str(retry_after), wall_us, random);
}

Test(tracing_answer, is_waited_for_longer_each_time)
{
    cr_assert_eq(wait_ms(1, "", 0), 500);
    cr_assert_eq(wait_ms(2, "", 0), 1000);
    cr_assert_eq(wait_ms(4, "", 0), 4000);
    cr_assert_eq(wait_ms(7, "", 0), 30000);
    cr_assert_eq(wait_ms(UINT32_MAX, "", 0), 30000);
    cr_assert_eq(wait_ms(1, "", 250), 250);
    for (uint64_t r = 0; r < 2000; r++)
        cr_assert(wait_ms(2, "", r) >= 500 && wait_ms(2, "", r) <= 1000);
}

Test(tracing_answer, says_when_to_come_again)
{
    cr_assert_eq(wait_ms(1, "7", 0), 7000);
    cr_assert_eq(wait_ms(1, "0", 0), 500);
    cr_assert_eq(wait_ms(4, "1", 0), 4000, "not before, but later");
    cr_assert_eq(wait_ms(1, "99999999999999999999999", 0), ANSWER_LONGEST_MS);
    cr_assert_eq(wait_ms(1, "Sun, 06 Nov 1994 08:49:47 GMT", 0), 10000);
    cr_assert_eq(wait_ms(1, "Sun, 06 Nov 1994 08:00:00 GMT", 0), 500);
    cr_assert_eq(wait_ms(1, "soon", 0), 500);
    cr_assert_eq(wait_ms(1, "-5", 0), 500);
}
