/* SPDX-License-Identifier: Apache-2.0 */
/* The list of reasons: what every row promises to the reply, the log and the retry. */

#include "core/why.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <signal.h>
#include <string.h>

Test(why, gives_the_facts_of_a_row)
{
    const struct why_facts *f = why_facts(WHY_TIMEOUT_RESPONSE_HEAD);
    cr_assert_str_eq(f->word, "timeout_response_head");
    cr_assert_eq(f->status, 504);
    cr_assert_eq(f->again, AGAIN_NEVER);
    cr_assert_str_eq(f->text, "The backend did not respond in time.");
}

Test(why, repeats_only_what_never_reached_an_origin_or_met_a_stale_connection)
{
    for (int i = 0; i < WHY_N; i++) {
        enum again want = AGAIN_NEVER;
        if (i == WHY_CONNECT || i == WHY_TIMEOUT_CONNECT || i == WHY_TLS ||
            i == WHY_CONNECTIONS)
            want = AGAIN_UNSENT;
        if (i == WHY_CLOSED || i == WHY_RESET)
            want = AGAIN_STALE;
        if (i == WHY_REFUSED)
            want = AGAIN_REFUSED;
        cr_expect_eq(why_facts(i)->again, want, "%s", why_facts(i)->word);
    }
}

/* So none is taken for a good end, and each is one kind of failure. */
Test(why, has_one_failure_for_each_reason_and_none_for_none)
{
    cr_assert_eq(why_facts(WHY_NONE)->failure, WEIR_FAILURE_NONE);
    for (int i = WHY_NONE + 1; i < WHY_N; i++)
        cr_expect_eq(__builtin_popcount(why_facts(i)->failure), 1, "%s", why_facts(i)->word);
}

Test(why, blames_origins_for_what_modules_count_against_them)
{
    const unsigned theirs = WEIR_FAILURE_CONNECT | WEIR_FAILURE_TIMEOUT_CONNECT |
                            WEIR_FAILURE_REFUSED | WEIR_FAILURE_RESET | WEIR_FAILURE_TRUNCATED |
                            WEIR_FAILURE_BAD_RESPONSE | WEIR_FAILURE_TIMEOUT_HEAD |
                            WEIR_FAILURE_TIMEOUT_BODY | WEIR_FAILURE_TIMEOUT_REQUEST;
    for (int i = 0; i < WHY_N; i++)
        cr_expect_eq(why_facts(i)->blame != BLAME_NONE, (why_facts(i)->failure & theirs) != 0, "%s",
                     why_facts(i)->word);
}

Test(why, words_are_unique_and_fit_logs_and_metrics)
{
    for (int i = 0; i < WHY_N; i++) {
        const char *word = why_facts(i)->word;
        for (const char *c = word; i != WHY_NONE && *c; c++)
            cr_expect(islower((unsigned char)*c) || *c == '_', "%s", word);
        for (int j = 0; j < i; j++)
            cr_expect_str_neq(word, why_facts(j)->word);
    }
    cr_expect_str_eq(why_facts(WHY_NONE)->word, "-");
}

Test(why, statuses_are_errors_or_none)
{
    for (int i = 0; i < WHY_N; i++) {
        uint16_t status = why_facts(i)->status;
        cr_expect(status == 0 || (status >= 400 && status < 600), "%s", why_facts(i)->word);
        cr_expect_gt(strlen(why_facts(i)->text), 0);
    }
    cr_expect_eq(why_facts(WHY_NONE)->status, 0);
}

Test(why, refuses_what_is_no_reason, .signal = SIGABRT)
{
    why_facts(WHY_N);
}
