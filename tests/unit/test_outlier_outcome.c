/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt says about its endpoint. */
#include "outlier/outcome.h"

#include <criterion/criterion.h>
#include <string.h>

Test(outlier_outcome, of_statuses_is_good_but_for_server_errors)
{
    for (int status = 100; status < 1000; status++) {
        const bool gateway = status == 502 || status == 503 || status == 504;
        const enum outcome bad = gateway ? OUTCOME_GATEWAY : OUTCOME_5XX;
        cr_assert_eq(outcome_of(WEIR_FAILURE_NONE, status, false),
                     status < 500 ? OUTCOME_GOOD : bad, "%d", status);
    }
}

Test(outlier_outcome, without_a_response_is_a_failure)
{
    cr_assert_eq(outcome_of(WEIR_FAILURE_CONNECT, 0, false), OUTCOME_FAILURE);
    cr_assert_eq(outcome_of(WEIR_FAILURE_TIMEOUT_HEAD, 0, false), OUTCOME_FAILURE);
    cr_assert_eq(outcome_of(WEIR_FAILURE_TRUNCATED, 200, false), OUTCOME_FAILURE,
                 "a head was not enough");
}

Test(outlier_outcome, says_nothing_when_the_origin_is_not_to_blame)
{
    cr_assert_eq(outcome_of(WEIR_FAILURE_CLIENT, 0, true), OUTCOME_NONE);
    cr_assert_eq(outcome_of(WEIR_FAILURE_RESET, 0, true), OUTCOME_NONE, "an injected fault");
    cr_assert_eq(outcome_of(WEIR_FAILURE_NONE, 503, true), OUTCOME_NONE, "an injected status");
    cr_assert_eq(outcome_of(WEIR_FAILURE_NONE, 200, true), OUTCOME_NONE);
    cr_assert_eq(outcome_of(WEIR_FAILURE_NONE, 0, false), OUTCOME_NONE);
}

Test(outlier_outcome, is_bad_when_it_counts_against_the_endpoint)
{
    cr_assert(outcome_is_bad(OUTCOME_FAILURE) && outcome_is_bad(OUTCOME_GATEWAY));
    cr_assert(outcome_is_bad(OUTCOME_5XX));
    cr_assert(!outcome_is_bad(OUTCOME_NONE) && !outcome_is_bad(OUTCOME_GOOD));
}

static int grpc(const char *text)
{
    return outcome_grpc((struct weir_slice){text, strlen(text)});
}

Test(outlier_outcome, of_grpc_is_the_status_that_it_stands_for)
{
    cr_assert(grpc("14") == 503 && grpc("4") == 504 && grpc("12") == 501);
    cr_assert(grpc("2") == 500 && grpc("13") == 500 && grpc("15") == 500);
    cr_assert(grpc("0") == 200 && grpc("5") == 200 && grpc("16") == 200 && grpc("99") == 200);
    cr_assert(grpc("") == 200 && grpc("x") == 200 && grpc("-1") == 200 && grpc("014") == 200);
    cr_assert_eq(outcome_grpc((struct weir_slice){NULL, 0}), 200);
}
