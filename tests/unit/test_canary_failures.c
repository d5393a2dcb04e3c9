/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a failure of a variant. */

#include "canary/failures.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/why.h"

static bool add(struct failures *f, const char *word)
{
    return failures_add(f, (struct weir_slice){word, strlen(word)});
}

Test(canary_failures, are_statuses_classes_and_kinds)
{
    struct failures f = {0};
    cr_assert(add(&f, "404") && add(&f, "5xx") && add(&f, "timeout"));
    for (int status = 100; status < 600; status++)
        cr_assert_eq(failures_has_status(&f, status), status == 404 || status >= 500);
    cr_assert(failures_has_failure(&f, WEIR_FAILURE_TIMEOUT_HEAD) &&
              failures_has_failure(&f, WEIR_FAILURE_TIMEOUT_CONNECT));
    cr_assert(!failures_has_failure(&f, WEIR_FAILURE_CONNECT) &&
              !failures_has_failure(&f, WEIR_FAILURE_RESET));
    cr_assert(!failures_has_failure(&f, WEIR_FAILURE_NONE));
    cr_assert(!failures_has_status(&f, 0) && !failures_has_status(&f, -1));
    cr_assert(!failures_has_status(&f, 640) && !failures_has_status(&f, 1 << 30));
}

Test(canary_failures, by_default_are_5xx_and_whatever_an_origin_can_do_wrong)
{
    static const enum why theirs[] = {WHY_NO_ENDPOINT,
                                      WHY_CONNECT,
                                      WHY_TIMEOUT_CONNECT,
                                      WHY_TLS,
                                      WHY_REFUSED,
                                      WHY_CLOSED,
                                      WHY_RESET,
                                      WHY_BAD_RESPONSE,
                                      WHY_TRUNCATED,
                                      WHY_TIMEOUT_RESPONSE_HEAD,
                                      WHY_TIMEOUT_RESPONSE_BODY,
                                      WHY_TIMEOUT_TRY,
                                      WHY_TIMEOUT_REQUEST};
    struct failures f = {0};
    failures_preset(&f);
    cr_assert(failures_has_status(&f, 500) && failures_has_status(&f, 599));
    cr_assert(!failures_has_status(&f, 499) && !failures_has_status(&f, 600));
    for (int why = WHY_NONE; why < WHY_N; why++) {
        bool is = false;
        for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
            is = is || (int)theirs[i] == why;
        const struct why_facts *facts = why_facts((enum why)why);
        cr_assert_eq(failures_has_failure(&f, facts->failure), is, "%s", facts->word);
    }
}

Test(canary_failures, are_nothing_else)
{
    static const char *const bad[] = {"",         "5",     "50",  "5xy",  "xx5",  "600",
                                      "0xx",      "6xx",   "099", "5000", "5x5",  "50x",
                                      "connects", "Reset", "5XX", " 5xx", "none", "refused"};
    struct failures f = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!add(&f, bad[i]), "%s", bad[i]);
    for (int status = 0; status < 640; status++)
        cr_assert(!failures_has_status(&f, status));
}
