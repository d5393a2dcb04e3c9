/* SPDX-License-Identifier: Apache-2.0 */
/* Which outcomes count as failures. */

#include "breaker/outcomes.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/why.h"

static bool add(struct outcomes *o, const char *word)
{
    return outcomes_add(o, (struct weir_slice){word, strlen(word)});
}

static bool has_grpc(const struct outcomes *o, const char *status)
{
    return outcomes_has_grpc(o, (struct weir_slice){status, strlen(status)});
}

Test(breaker_outcomes, are_statuses_classes_and_kinds)
{
    struct outcomes o = {0};
    cr_assert(add(&o, "429") && add(&o, "5xx") && add(&o, "timeout"));
    for (int status = -1; status < 700; status++)
        cr_assert_eq(outcomes_has_status(&o, status),
                     status == 429 || (status >= 500 && status < 600));
    cr_assert(outcomes_has_failure(&o, WEIR_FAILURE_TIMEOUT_HEAD) &&
              outcomes_has_failure(&o, WEIR_FAILURE_TIMEOUT_CONNECT));
    cr_assert(!outcomes_has_failure(&o, WEIR_FAILURE_CONNECT) &&
              !outcomes_has_failure(&o, WEIR_FAILURE_NONE));
}

Test(breaker_outcomes, are_statuses_of_grpc_where_they_are_named)
{
    struct outcomes o = {0};
    cr_assert_not(has_grpc(&o, "14"));
    cr_assert(add(&o, "grpc_unavailable") && add(&o, "grpc_internal"));
    cr_assert(has_grpc(&o, "14") && has_grpc(&o, "13"));
    static const char *const others[] = {"", "0", "1", "16", "99", "1x", "014", "-1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(has_grpc(&o, others[i]), "%s", others[i]);
}

Test(breaker_outcomes, by_default_are_5xx_and_whatever_an_origin_can_do_wrong)
{
    static const enum why theirs[] = {WHY_CONNECT,
                                      WHY_TIMEOUT_CONNECT,
                                      WHY_TLS,
                                      WHY_REFUSED,
                                      WHY_CLOSED,
                                      WHY_RESET,
                                      WHY_TRUNCATED,
                                      WHY_BAD_RESPONSE,
                                      WHY_TIMEOUT_RESPONSE_HEAD,
                                      WHY_TIMEOUT_RESPONSE_BODY,
                                      WHY_TIMEOUT_TRY,
                                      WHY_TIMEOUT_REQUEST};
    struct outcomes o = {0};
    unsigned n = 0;
    outcomes_preset(&o);
    for (unsigned why = 1; why < WHY_N; why++) {
        bool is_theirs = false;
        for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
            is_theirs = is_theirs || why == theirs[i];
        const struct why_facts *facts = why_facts((enum why)why);
        cr_assert_eq(outcomes_has_failure(&o, facts->failure), is_theirs, "%s", facts->word);
        n += is_theirs;
    }
    cr_assert_eq(n, sizeof theirs / sizeof theirs[0]);
    cr_assert(outcomes_has_status(&o, 503) && !outcomes_has_status(&o, 429));
}

Test(breaker_outcomes, have_words_that_are_known)
{
    static const char *const wrong[] = {"",    "6xx",     "0xx",  "5x",      "5xxx",
                                        "50a", "grpc_ok", "grpc", "Timeout", "no_endpoint"};
    struct outcomes o = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(add(&o, wrong[i]), "%s", wrong[i]);
    cr_assert_not(outcomes_has_status(&o, 500));
}
