/* SPDX-License-Identifier: Apache-2.0 */
/* After which outcomes another attempt is worth it, and for which requests. */
#include "retry/conditions.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/why.h"

static struct conditions on(const char *word)
{
    struct conditions c = {0};
    cr_assert(conditions_add(&c, (struct weir_slice){word, strlen(word)}), "%s", word);
    return c;
}

static enum worth failed(const struct conditions *c, enum weir_failure failure, bool sent)
{
    const struct outcome o = {.failure = failure, .sent = sent, .grpc = -1};
    const char *word;
    const enum worth w = conditions_match(c, &o, &word);
    cr_assert_eq(w == WORTH_NOTHING, word == NULL);
    return w;
}

static enum worth answered(const struct conditions *c, int status, int grpc, bool field)
{
    const struct outcome o = {.sent = true, .status = status, .grpc = grpc, .field = field};
    const char *word;
    return conditions_match(c, &o, &word);
}

Test(retry_conditions, by_default_are_what_cannot_have_been_processed_and_resets)
{
    struct conditions c = {0};
    conditions_preset(&c);
    for (int w = WHY_NONE + 1; w < WHY_N; w++) {
        const struct why_facts *f = why_facts((enum why)w);
        const bool safe =
            w == WHY_CONNECT || w == WHY_TIMEOUT_CONNECT || w == WHY_TLS || w == WHY_REFUSED;
        const bool reset = w == WHY_CLOSED || w == WHY_RESET;
        cr_assert_eq(failed(&c, f->failure, false), safe || reset ? WORTH_ANY : WORTH_NOTHING, "%s",
                     f->word);
        if (reset)
            cr_assert_eq(failed(&c, f->failure, true), WORTH_METHOD, "%s", f->word);
    }
    cr_assert_eq(failed(&c, WEIR_FAILURE_REFUSED, true), WORTH_ANY,
                 "the origin says that it did nothing");
    for (int status = 100; status < 600; status++)
        cr_assert_eq(answered(&c, status, -1, false), WORTH_NOTHING);
}

Test(retry_conditions, of_resets_may_ask_that_nothing_was_sent)
{
    const struct conditions c = on("reset_unsent");
    cr_assert_eq(failed(&c, WEIR_FAILURE_RESET, false), WORTH_ANY);
    cr_assert_eq(failed(&c, WEIR_FAILURE_RESET, true), WORTH_NOTHING);
}

Test(retry_conditions, of_timeouts_are_safe_only_while_nothing_was_sent)
{
    const struct conditions c = on("timeout");
    cr_assert_eq(failed(&c, WEIR_FAILURE_TIMEOUT_HEAD, true), WORTH_METHOD);
    cr_assert_eq(failed(&c, WEIR_FAILURE_TIMEOUT_HEAD, false), WORTH_ANY);
    cr_assert_eq(failed(&c, WEIR_FAILURE_TIMEOUT_CONNECT, false), WORTH_ANY);
    cr_assert_eq(failed(&c, WEIR_FAILURE_TIMEOUT_REQUEST, true), WORTH_NOTHING, "the time is up");
    cr_assert_eq(failed(&c, WEIR_FAILURE_RESET, true), WORTH_NOTHING);
}

Test(retry_conditions, of_statuses_are_classes_and_single_ones)
{
    const struct conditions all = on("5xx"), gateway = on("gateway_error"), one = on("503"),
                            four = on("4xx"), conflict = on("retriable_4xx");
    for (int s = 0; s < 700; s++) {
        cr_assert_eq(answered(&all, s, -1, false) == WORTH_METHOD, s >= 500 && s < 600, "%d", s);
        cr_assert_eq(answered(&gateway, s, -1, false) == WORTH_METHOD, s >= 502 && s <= 504);
        cr_assert_eq(answered(&one, s, -1, false) == WORTH_METHOD, s == 503);
        cr_assert_eq(answered(&four, s, -1, false) == WORTH_METHOD, s >= 400 && s < 500);
        cr_assert_eq(answered(&conflict, s, -1, false) == WORTH_METHOD, s == 409);
    }
    cr_assert_eq(answered(&all, -1, -1, false), WORTH_NOTHING);
}

Test(retry_conditions, of_5xx_and_gateway_error_take_in_attempts_without_an_answer)
{
    static const char *const groups[] = {"5xx", "gateway_error"};
    for (unsigned i = 0; i < 2; i++) {
        const struct conditions c = on(groups[i]);
        cr_assert_eq(failed(&c, WEIR_FAILURE_CONNECT, false), WORTH_ANY);
        cr_assert_eq(failed(&c, WEIR_FAILURE_RESET, true), WORTH_METHOD);
        cr_assert_eq(failed(&c, WEIR_FAILURE_BAD_RESPONSE, true), WORTH_METHOD);
        cr_assert_eq(failed(&c, WEIR_FAILURE_TIMEOUT_HEAD, true), WORTH_METHOD);
    }
    const struct conditions one = on("503");
    cr_assert_eq(failed(&one, WEIR_FAILURE_CONNECT, false), WORTH_NOTHING);
}

Test(retry_conditions, never_hold_for_what_the_gateway_or_the_client_did)
{
    static const enum why ours[] = {WHY_OVERLOAD,   WHY_CONNECTIONS,    WHY_CLIENT_GONE,
                                    WHY_HEDGE_LOST, WHY_BODY_TOO_LARGE, WHY_TIMEOUT_REQUEST,
                                    WHY_DRAIN};
    struct conditions c = on("5xx");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        cr_assert_eq(failed(&c, why_facts(ours[i])->failure, false), WORTH_NOTHING, "%s",
                     why_facts(ours[i])->word);
}

Test(retry_conditions, of_grpc_hold_whatever_the_method)
{
    struct conditions c = on("grpc_unavailable");
    cr_assert_eq(answered(&c, 200, 14, false), WORTH_ANY);
    cr_assert_eq(answered(&c, 200, 13, false), WORTH_NOTHING);
    cr_assert_eq(answered(&c, 200, 0, false), WORTH_NOTHING);
    cr_assert_eq(answered(&c, 200, 99, false), WORTH_NOTHING);
    static const struct {
        const char *word;
        int code;
    } five[] = {{"grpc_cancelled", 1},
                {"grpc_deadline_exceeded", 4},
                {"grpc_resource_exhausted", 8},
                {"grpc_internal", 13},
                {"grpc_unavailable", 14}};
    for (unsigned i = 0; i < 5; i++) {
        c = on(five[i].word);
        for (int code = 0; code < 20; code++)
            cr_assert_eq(answered(&c, 200, code, false) == WORTH_ANY, code == five[i].code);
    }
}

Test(retry_conditions, of_fields_hold_for_any_status)
{
    const struct conditions c = {0};
    cr_assert_eq(answered(&c, 200, -1, true), WORTH_METHOD);
    cr_assert_eq(answered(&c, 200, -1, false), WORTH_NOTHING);
}

Test(retry_conditions, are_nothing_else)
{
    static const char *const bad[] = {"",    "5",     "50",     "5x",  "connect", "199",
                                      "600", "099",   "5000",   "50x", "grpc_ok", "grpc_nil",
                                      "2xx", "RESET", "reset ", "-50"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct conditions c = {0};
        cr_assert(!conditions_add(&c, (struct weir_slice){bad[i], strlen(bad[i])}), "%s", bad[i]);
    }
}

Test(retry_conditions, know_names_of_methods)
{
    static const char *const good[] = {"GET", "POST", "PATCH", "M-SEARCH"};
    static const char *const bad[] = {"", "GE T", "CONNECT", "TRACE", "G\n", "\xc3\xa4"};
    for (unsigned i = 0; i < 4; i++)
        cr_assert(conditions_method_ok((struct weir_slice){good[i], strlen(good[i])}));
    for (unsigned i = 0; i < 6; i++)
        cr_assert(!conditions_method_ok((struct weir_slice){bad[i], strlen(bad[i])}));
}
