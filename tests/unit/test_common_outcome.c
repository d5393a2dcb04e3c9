/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/outcome.h"

Test(common_outcome, reads_statuses_and_classes_of_them)
{
    struct statuses s = {0};
    cr_assert(statuses_add_word(&s, slice_str("5xx")));
    cr_assert(statuses_add_word(&s, slice_str("404")));
    cr_assert(statuses_has(&s, 500) && statuses_has(&s, 599) && statuses_has(&s, 404));
    cr_assert_not(statuses_has(&s, 499) || statuses_has(&s, 600) || statuses_has(&s, 403));
    cr_assert_not(statuses_has(&s, -1) || statuses_has(&s, 0) || statuses_has(&s, 1000000));
    static const char *const bad[] = {"", "5x", "5xxx", "6xx", "0xx", "xxx", "5x1", "50x", "099", "600"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(statuses_add_word(&s, slice_str(bad[i])), "%s", bad[i]);
}

Test(common_outcome, finds_kinds_by_name)
{
    static const struct outcome_kind kinds[] = {{"connect", WEIR_FAILURE_CONNECT},
                                                {"reset", WEIR_FAILURE_RESET}};
    cr_assert_eq(kind_named(kinds, 2, slice_str("reset")), 1);
    cr_assert_eq(kind_named(kinds, 2, slice_str("tls")), 2);
    cr_assert_eq(kind_named(kinds, 2, slice_str("")), 2);
}

Test(common_outcome, knows_the_statuses_of_grpc)
{
    cr_assert_str_eq(grpc_name(14), "grpc_unavailable");
    cr_assert_null(grpc_name(GRPC_CODES));
    for (unsigned i = 0; i < GRPC_CODES; i++)
        cr_assert_eq(grpc_named(slice_str(grpc_name(i))), i);
    cr_assert_eq(grpc_named(slice_str("unavailable")), GRPC_CODES);
    static const struct {
        const char *text;
        int code;
    } cases[] = {{"0", 0}, {"14", 14}, {"", -1}, {"x", -1}, {"1x", -1}, {"100", -1}, {"-1", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(grpc_code(slice_str(cases[i].text)), cases[i].code, "%s", cases[i].text);
}
