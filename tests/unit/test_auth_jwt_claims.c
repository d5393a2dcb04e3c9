/* SPDX-License-Identifier: Apache-2.0 */
/* What a token with a right signature says: times to the second, types, issuer and audience. */
#include "tests/unit/auth_case.h"

enum { NOW = 1000000, SKEW = 30 };

static EVP_PKEY *key;
static const struct jwks *keys;
static struct jwt_rules rules;

static void set_up(void)
{
    auth_begin();
    key = key_for(JWT_ALG_HS256);
    keys = set_of(jwk_members(key), NULL);
    rules = (struct jwt_rules){.algs = JWT_ALGS_ALL, .endless = true, .skew_s = SKEW};
}

TestSuite(auth_jwt_claims, .init = set_up, .fini = auth_end);

static enum jwt_fault verify(const char *payload, uint64_t *exp_s)
{
    struct jwt_token out;
    const enum jwt_fault f =
        jwt_verify(text(token_of(key, JWT_ALG_HS256, payload)), keys, &rules, NOW, &out);
    *exp_s = out.exp_s;
    jwt_token_free(&out);
    return f;
}

static void expect(enum jwt_fault want, const char *payload)
{
    uint64_t exp_s;
    const enum jwt_fault f = verify(payload, &exp_s);
    cr_assert_eq(f, want, "%s, not %s: %s", jwt_fault_word(f), jwt_fault_word(want), payload);
}

static void expect_exp(uint64_t want, const char *payload)
{
    uint64_t exp_s;
    cr_assert_eq(verify(payload, &exp_s), JWT_OK, "%s", payload);
    cr_assert_eq(exp_s, want, "%s: %lu", payload, exp_s);
}

Test(auth_jwt_claims, expire_at_exp_and_skew)
{
    expect(JWT_OK, printed("{\"exp\":%d}", NOW - SKEW + 1));
    expect(JWT_EXPIRED, printed("{\"exp\":%d}", NOW - SKEW));
    expect(JWT_OK, printed("{\"exp\":%d.5}", NOW - SKEW));
    rules.skew_s = 0;
    expect(JWT_OK, printed("{\"exp\":%d}", NOW + 1));
    expect(JWT_EXPIRED, printed("{\"exp\":%d}", NOW));
    expect(JWT_EXPIRED, "{\"exp\":0}");
    expect(JWT_EXPIRED, "{\"exp\":-9223372036854775808}");
    expect(JWT_EXPIRED, "{\"exp\":-1e300}");
}

Test(auth_jwt_claims, begin_at_nbf_less_skew)
{
    expect(JWT_OK, printed("{\"nbf\":%d}", NOW + SKEW));
    expect(JWT_EARLY, printed("{\"nbf\":%d}", NOW + SKEW + 1));
    expect(JWT_EARLY, printed("{\"nbf\":%d.5}", NOW + SKEW));
    rules.skew_s = 0;
    expect(JWT_OK, printed("{\"nbf\":%d}", NOW));
    expect(JWT_EARLY, printed("{\"nbf\":%d}", NOW + 1));
    expect(JWT_EARLY, "{\"nbf\":1e300}");
}

Test(auth_jwt_claims, say_when_they_expire)
{
    expect_exp(2000000, "{\"exp\":2000000}");
    expect_exp(2000000, "{\"exp\":2000000.75}");
    expect_exp(UINT64_MAX, "{}");
    expect_exp(UINT64_MAX, "{\"exp\":9223372036854775807}");
    expect_exp(UINT64_MAX, "{\"exp\":1e300}");
    rules.skew_s = UINT64_MAX;
    expect_exp(0, "{\"exp\":-5}");
}

Test(auth_jwt_claims, have_an_end_unless_that_is_allowed)
{
    rules.endless = false;
    expect(JWT_ENDLESS, "{}");
    expect(JWT_ENDLESS, printed("{\"nbf\":%d}", NOW));
    expect(JWT_OK, printed("{\"exp\":%d}", NOW + 1));
}

Test(auth_jwt_claims, have_times_that_are_numbers)
{
    static const char *const names[] = {"exp", "nbf", "iat"};
    static const char *const values[] = {"\"1000\"", "null", "true", "[2000000]", "{}"};
    for (size_t i = 0; i < array_n(names); i++)
        for (size_t k = 0; k < array_n(values); k++)
            expect(JWT_CLAIM, printed("{\"%s\":%s}", names[i], values[k]));
    expect(JWT_OK, "{\"iat\":5e9}");
    expect(JWT_PAYLOAD, "{\"exp\":1e999}");
    expect(JWT_PAYLOAD, "{\"exp\":99999999999999999999}");
    expect(JWT_PAYLOAD, "{\"exp\":NaN}");
}

Test(auth_jwt_claims, are_one_object_without_duplicates)
{
    expect(JWT_PAYLOAD, "[]");
    expect(JWT_PAYLOAD, "7");
    expect(JWT_PAYLOAD, "{\"sub\":\"a\",\"sub\":\"b\"}");
    expect(JWT_PAYLOAD, "{\"a\":{\"b\":1,\"b\":2}}");
    expect(JWT_PAYLOAD, "{\"a\":1} {}");
    expect(JWT_PAYLOAD, "{\"a\":\"\\u0000\"}");
    expect(JWT_PAYLOAD, "{\"a\":\"\xc3\"}");
}

Test(auth_jwt_claims, name_the_issuer_exactly)
{
    expect(JWT_OK, "{\"iss\":\"anybody\"}");
    rules.issuer = text("https://id.example.com");
    expect(JWT_OK, "{\"iss\":\"https://id.example.com\"}");
    expect(JWT_ISSUER, "{\"iss\":\"https://id.example.com/\"}");
    expect(JWT_ISSUER, "{\"iss\":\"https://ID.example.com\"}");
    expect(JWT_ISSUER, "{\"iss\":\"\"}");
    expect(JWT_ISSUER, "{}");
    expect(JWT_CLAIM, "{\"iss\":[\"https://id.example.com\"]}");
}

Test(auth_jwt_claims, name_one_of_our_audiences)
{
    const struct weir_slice ours[] = {text("api"), text("admin")};
    expect(JWT_OK, "{\"aud\":\"anybody\"}");
    rules.audiences = ours;
    rules.audiences_n = 2;
    expect(JWT_OK, "{\"aud\":\"api\"}");
    expect(JWT_OK, "{\"aud\":\"admin\"}");
    expect(JWT_OK, "{\"aud\":[\"web\",\"admin\"]}");
    expect(JWT_AUDIENCE, "{\"aud\":\"web\"}");
    expect(JWT_AUDIENCE, "{\"aud\":\"api \"}");
    expect(JWT_AUDIENCE, "{\"aud\":\"\"}");
    expect(JWT_AUDIENCE, "{\"aud\":[]}");
    expect(JWT_AUDIENCE, "{\"aud\":[\"web\",\"ap\"]}");
    expect(JWT_AUDIENCE, "{}");
    expect(JWT_CLAIM, "{\"aud\":[\"api\",7]}");
    expect(JWT_CLAIM, "{\"aud\":{\"api\":true}}");
    expect(JWT_CLAIM, "{\"aud\":null}");
}

Test(auth_jwt_claims, have_a_subject_that_is_a_text)
{
    expect(JWT_OK, "{\"sub\":\"anna\"}");
    expect(JWT_CLAIM, "{\"sub\":7}");
    expect(JWT_CLAIM, "{\"sub\":null}");
}
