/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys of a set are taken, for what, and what is said about the others. What a key is made of
 * is in test_auth_jwks_key.c. */
#include "tests/unit/auth_case.h"

TestSuite(auth_jwks, .init = auth_begin, .fini = auth_end);

#define OCT "\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\""
/* RFC 8037 A.2. */
#define ED                                                                                         \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static void expect_fault(struct weir_slice all, enum jwks_source from, const char *part)
{
    struct jwks set;
    struct auth_fault fault;
    cr_assert_not(jwks_parse(all, from, &set, &fault), "%.60s", all.p);
    cr_assert(strstr(fault.text, part), "%s", fault.text);
    cr_assert(set.n == 0 && !set.keys);
}

/* A key with a good one beside it: it is skipped, for that reason. */
static void expect_skipped(const char *members, enum jwks_source from, const char *why)
{
    struct jwks set;
    struct auth_fault fault;
    cr_assert(jwks_parse(text(jwks_text(members, ED)), from, &set, &fault), "%s", fault.text);
    cr_assert_eq(set.n, 1, "%s", members);
    cr_assert_eq(set.skipped, 1);
    cr_assert(strstr(set.skipped_why, why), "%s: %s", members, set.skipped_why);
    jwks_free(&set);
}

Test(auth_jwks, takes_every_type_of_key)
{
    const struct jwks *rsa_ec =
        set_of(jwk_members(key_for(JWT_ALG_RS256)), jwk_members(key_for(JWT_ALG_ES256)));
    const struct jwks *ec_ed = set_of(jwk_members(key_for(JWT_ALG_ES384)), ED);
    const struct jwks *oct = set_of(OCT, NULL);
    cr_assert_eq(rsa_ec->n + ec_ed->n + oct->n, 5);
    cr_assert_eq(rsa_ec->keys[0].algs, jwt_alg_set(JWT_KEY_RSA));
    cr_assert_eq(rsa_ec->keys[1].algs, jwt_alg_bit(JWT_ALG_ES256));
    cr_assert_eq(ec_ed->keys[0].algs, jwt_alg_bit(JWT_ALG_ES384));
    cr_assert_eq(ec_ed->keys[1].algs, jwt_alg_bit(JWT_ALG_EdDSA));
    cr_assert_eq(oct->keys[0].algs, jwt_alg_bit(JWT_ALG_HS256));
}

Test(auth_jwks, binds_a_key_to_its_alg_and_keeps_its_kid)
{
    const char *rsa = jwk_members(key_for(JWT_ALG_RS256));
    const struct jwks *set =
        set_of(printed("%s,\"alg\":\"PS256\",\"kid\":\"a\\u00e4\"", rsa), ED ",\"alg\":\"EdDSA\"");
    cr_assert_eq(set->keys[0].algs, jwt_alg_bit(JWT_ALG_PS256));
    cr_assert_str_eq(set->keys[0].kid, "a\xc3\xa4");
    cr_assert_null(set->keys[1].kid);
}

Test(auth_jwks, skips_keys_of_another_alg_than_their_type_s)
{
    expect_skipped(ED ",\"alg\":\"ES256\"", JWKS_FETCHED, "alg");
    expect_skipped(ED ",\"alg\":\"none\"", JWKS_FETCHED, "alg");
    expect_skipped(ED ",\"alg\":7", JWKS_FETCHED, "alg");
    expect_skipped(OCT ",\"alg\":\"RS256\"", JWKS_FILE, "alg");
}

Test(auth_jwks, skips_keys_that_are_not_for_verifying)
{
    expect_skipped(ED ",\"use\":\"enc\"", JWKS_FETCHED, "use");
    expect_skipped(ED ",\"use\":null", JWKS_FETCHED, "use");
    expect_skipped(ED ",\"key_ops\":[\"sign\",7]", JWKS_FETCHED, "key_ops");
    expect_skipped(ED ",\"key_ops\":\"verify\"", JWKS_FETCHED, "key_ops");
    expect_skipped(ED ",\"key_ops\":[]", JWKS_FETCHED, "key_ops");
    cr_assert_eq(set_of(ED ",\"use\":\"sig\",\"key_ops\":[\"sign\",\"verify\"]", NULL)->n, 1);
}

Test(auth_jwks, skips_what_it_does_not_understand)
{
    expect_skipped("\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"", JWKS_FETCHED,
                   "type");
    expect_skipped("\"kty\":\"EC\",\"crv\":\"secp256k1\"", JWKS_FETCHED, "type");
    expect_skipped("\"kty\":\"OKP\",\"crv\":\"X25519\"", JWKS_FETCHED, "type");
    expect_skipped("\"kty\":\"rsa\"", JWKS_FETCHED, "type");
    expect_skipped("\"kty\":[]", JWKS_FETCHED, "type");
    expect_skipped("", JWKS_FETCHED, "type");
    expect_skipped(ED ",\"kid\":1", JWKS_FETCHED, "kid");
    struct jwks set;
    struct auth_fault fault;
    cr_assert(
        jwks_parse(text("{\"keys\":[null,[],\"x\",{" ED "},7]}"), JWKS_FETCHED, &set, &fault));
    cr_assert(set.n == 1 && set.skipped == 4);
    jwks_free(&set);
}

Test(auth_jwks, takes_secrets_from_files_only)
{
    expect_skipped(OCT, JWKS_FETCHED, "secret");
    expect_fault(text(jwks_text(OCT, NULL)), JWKS_FETCHED, "secret");
    cr_assert_eq(set_of(OCT, NULL)->n, 1);
}

Test(auth_jwks, says_what_is_wrong_with_a_set)
{
    expect_fault(text(""), JWKS_FILE, "JSON");
    expect_fault((struct weir_slice){0}, JWKS_FILE, "JSON");
    expect_fault(text("<html>"), JWKS_FILE, "JSON");
    expect_fault(text("[]"), JWKS_FILE, "keys");
    expect_fault(text("{}"), JWKS_FILE, "keys");
    expect_fault(text("{\"keys\":{}}"), JWKS_FILE, "keys");
    expect_fault(text("{\"keys\":[]}"), JWKS_FILE, "none of its 0 keys");
    expect_fault(text("{\"keys\":[{\"kty\":\"x\"}]}"), JWKS_FILE, "type");
    expect_fault(text("{\"keys\":[{" ED "}],\"keys\":[]}"), JWKS_FILE, "JSON");
    expect_fault(text("{\"keys\":[{" ED ",\"x\":\"AA\"}]}"), JWKS_FILE, "JSON");
    expect_fault(text("{\"keys\":[{" ED "}]} more"), JWKS_FILE, "JSON");
}

Test(auth_jwks, has_at_most_64_keys)
{
    struct jwks set;
    struct auth_fault fault;
    for (int n = JWKS_KEYS_MAX; n <= JWKS_KEYS_MAX + 1; n++) {
        const char *list = "{" ED "}";
        for (int i = 1; i < n; i++)
            list = printed("%s,{%s}", list, ED);
        const struct weir_slice all = text(printed("{\"keys\":[%s]}", list));
        cr_assert_eq(jwks_parse(all, JWKS_FETCHED, &set, &fault), n == JWKS_KEYS_MAX);
        cr_assert_eq(set.n, n == JWKS_KEYS_MAX ? JWKS_KEYS_MAX : 0);
        jwks_free(&set);
    }
    cr_assert(strstr(fault.text, "65 keys"), "%s", fault.text);
}

Test(auth_jwks, survives_deep_nesting)
{
    char *all = arena_alloc(&arena, JWKS_TEXT_PRESET);
    memset(all, '[', JWKS_TEXT_PRESET);
    expect_fault((struct weir_slice){all, JWKS_TEXT_PRESET}, JWKS_FETCHED, "JSON");
}
