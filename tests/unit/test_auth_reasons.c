/* SPDX-License-Identifier: Apache-2.0 */
/* Words of why somebody isn't known. */
#include "auth/reasons.h"
#include "auth/claims.h"
#include "auth/credentials.h"
#include "tests/unit/auth_case.h"

Test(auth_reasons, stand_once_each_and_have_texts)
{
    for (size_t i = 0; i < reasons_n(); i++) {
        cr_assert_eq(reason_index(reason_word(i)), i, "%s", reason_word(i));
        cr_assert(reason_text(reason_word(i))[0]);
    }
    cr_assert_null(reason_word(reasons_n()));
    cr_assert_eq(reason_index("ok"), reasons_n());
    cr_assert_null(reason_text("ok"));
}

Test(auth_reasons, have_those_of_tokens_and_claims)
{
    for (int f = JWT_OK + 1; f < JWT_FAULTS_N; f++)
        cr_assert_str_eq(reason_text(jwt_fault_word(f)), jwt_fault_text(f));
    cr_assert_str_eq(reason_text(claims_fault_word(CLAIMS_TOO_MANY)),
                     claims_fault_text(CLAIMS_TOO_MANY));
}

Test(auth_reasons, can_all_be_told_to_a_client)
{
    char to[512];
    for (size_t i = 0; i < reasons_n(); i++) {
        const struct credentials_challenge c = {
            CREDENTIALS_BEARER, text("r"), CREDENTIALS_INVALID_TOKEN, reason_text(reason_word(i))};
        cr_assert(credentials_challenge_write(&c, 1, to, sizeof to), "%s", reason_word(i));
    }
}

Test(auth_reasons, say_whose_fault_it_is)
{
    cr_assert(reason_is_ours(AUTH_REASON_BUSY) && reason_is_ours(AUTH_REASON_NO_KEYS));
    cr_assert(reason_is_ours(jwt_fault_word(JWT_MEMORY)));
    cr_assert_not(reason_is_ours(jwt_fault_word(JWT_KEY)));
    cr_assert(reason_is_request(AUTH_REASON_TWICE) && reason_is_request(AUTH_REASON_MALFORMED));
    cr_assert_not(reason_is_request(AUTH_REASON_PASSWORD));
    cr_assert(reason_is_token(jwt_fault_word(JWT_EXPIRED)) && reason_is_token(AUTH_REASON_NOBODY));
    cr_assert(reason_is_token(claims_fault_word(CLAIMS_TOO_LONG)));
    cr_assert_not(reason_is_token(AUTH_REASON_PASSWORD) || reason_is_token(AUTH_REASON_TWICE));
}
