/* SPDX-License-Identifier: Apache-2.0 */
/* Whole tokens: the standards' own, and those that somebody would like to get through. Claims and
 * times are in test_auth_jwt_claims.c. */
#include "tests/unit/auth_case.h"

enum { NOW = 1300000000 }; /* before the standards' tokens expire */

TestSuite(auth_jwt, .init = auth_begin, .fini = auth_end);

#define SECRET                                                                                     \
    "\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4h" \
    "cgUuTwjAzZr1Z9CAow\""
#define RSA_2                                                                                      \
    "\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw" \
    "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0" \
    "LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Zw" \
    "Kh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"" \
    ",\"e\":\"AQAB\""
#define EC_3                                                                                       \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","      \
    "\"y\":"                                                                                       \
    "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define ED                                                                                         \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define TOKEN_1                                                                                    \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define TOKEN_2                                                                                    \
    "eyJhbGciOiJSUzI1NiJ9." JOE                                                                    \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"                            \
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO7" \
    "5vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf" \
    "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77" \
    "Rw"
#define TOKEN_3                                                                                    \
    "eyJhbGciOiJFUzI1NiJ9." JOE                                                                    \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"                            \
    "pmWQxfKTUJqPP3-Kg6NU1Q"

static struct jwt_rules rules = {.algs = JWT_ALGS_ALL, .endless = true};

static enum jwt_fault verify(const char *token, const struct jwks *keys)
{
    struct jwt_token out;
    const enum jwt_fault f = jwt_verify(text(token), keys, &rules, NOW, &out);
    cr_assert_eq(f == JWT_OK, out.claims != NULL);
    jwt_token_free(&out);
    return f;
}

static void expect(enum jwt_fault want, const char *token, const struct jwks *keys)
{
    const enum jwt_fault f = verify(token, keys);
    cr_assert_eq(f, want, "%s, not %s: %s", jwt_fault_word(f), jwt_fault_word(want), token);
}

/* -- the standards' examples ------------------------------------------------------------------- */

static void expect_joe(const char *token, const char *key, enum jwt_alg alg)
{
    struct jwt_token out;
    const enum jwt_fault f = jwt_verify(text(token), set_of(key, NULL), &rules, NOW, &out);
    cr_assert_eq(f, JWT_OK, "%s", jwt_fault_word(f));
    cr_assert_str_eq(json_string_value(json_object_get(out.claims, "iss")), "joe");
    cr_assert_eq(out.exp_s, 1300819380);
    cr_assert_eq(out.alg, alg);
    jwt_token_free(&out);
}

Test(auth_jwt, takes_the_tokens_of_rfc_7515)
{
    expect_joe(TOKEN_1, SECRET, JWT_ALG_HS256);
    expect_joe(TOKEN_2, RSA_2, JWT_ALG_RS256);
    expect_joe(TOKEN_3, EC_3, JWT_ALG_ES256);
}

Test(auth_jwt, refuses_the_tokens_of_rfc_7515_that_it_does_not_speak)
{
    const struct jwks *keys = set_of(SECRET, RSA_2);
    expect(JWT_ALG, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cw",
           keys);                                                /* A.4, shortened: ES512 */
    expect(JWT_MALFORMED, "eyJhbGciOiJub25lIn0." JOE ".", keys); /* A.5: none */
}

/* The content of RFC 8037 A.4 is no JSON: its signature is right when it gets so far. */
Test(auth_jwt, takes_the_signature_of_rfc_8037)
{
    const char *token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0Jz"
                        "lnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    char *wrong = arena_strdup(&arena, token);
    wrong[strlen(wrong) - 3] ^= 1;
    expect(JWT_PAYLOAD, token, set_of(ED, NULL));
    expect(JWT_SIGNATURE, wrong, set_of(ED, NULL));
}

/* -- algorithms -------------------------------------------------------------------------------- */

Test(auth_jwt, takes_every_algorithm_with_its_own_key_only)
{
    EVP_PKEY *keys[JWT_ALGS_N];
    const char *members[JWT_ALGS_N];
    for (int i = 0; i < JWT_ALGS_N; i++) {
        /* One key of RSA serves four. */
        keys[i] = i > JWT_ALG_RS256 && i <= JWT_ALG_PS256 ? keys[0] : key_for((enum jwt_alg)i);
        members[i] = jwk_members(keys[i]);
    }
    for (int i = 0; i < JWT_ALGS_N; i++) {
        const char *token = token_of(keys[i], (enum jwt_alg)i, "{}");
        for (int k = 0; k < JWT_ALGS_N; k++)
            expect(keys[k] == keys[i] ? JWT_OK : JWT_KEY, token, set_of(members[k], NULL));
    }
}

Test(auth_jwt, takes_only_algorithms_that_are_allowed)
{
    for (int i = 0; i < JWT_ALGS_N; i++) {
        rules.algs = jwt_alg_bit((enum jwt_alg)i);
        expect(i == JWT_ALG_HS256 ? JWT_OK : JWT_ALG, TOKEN_1, set_of(SECRET, NULL));
        expect(i == JWT_ALG_RS256 ? JWT_OK : JWT_ALG, TOKEN_2, set_of(RSA_2, NULL));
    }
    rules.algs = JWT_ALGS_PUBLIC;
    expect(JWT_ALG, TOKEN_1, set_of(SECRET, NULL));
    expect(JWT_OK, TOKEN_2, set_of(RSA_2, NULL));
}

Test(auth_jwt, takes_no_public_key_for_a_secret)
{
    EVP_PKEY *key = key_for(JWT_ALG_RS256);
    const struct jwks *keys = set_of(jwk_members(key), NULL);
    uint8_t *der = NULL;
    const int der_n = i2d_PUBKEY(key, &der);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    cr_assert(PEM_write_bio_PUBKEY(bio, key));
    const long pem_n = BIO_get_mem_data(bio, &pem);
    expect(JWT_KEY, token_of(new_secret(der, (size_t)der_n), JWT_ALG_HS256, "{}"), keys);
    expect(JWT_KEY, token_of(new_secret(pem, (size_t)pem_n), JWT_ALG_HS256, "{}"), keys);
    const struct weir_slice n = info_tail(key, 256 + 5);
    expect(JWT_KEY, token_of(new_secret(n.p, 256), JWT_ALG_HS256, "{}"), keys);
    BIO_free(bio);
    OPENSSL_free(der);
}

Test(auth_jwt, knows_no_way_without_a_signature)
{
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "none\\u0020", "null"};
    const struct jwks *keys = set_of(SECRET, RSA_2);
    for (size_t i = 0; i < array_n(names); i++) {
        const char *content =
            content_of(printed("{\"alg\":\"%s\"}", names[i]), "{\"sub\":\"root\"}");
        expect(JWT_MALFORMED, printed("%s.", content), keys);
        expect(JWT_MALFORMED, content, keys);
        expect(JWT_ALG, printed("%s.AA", content), keys);
    }
    /* The right algorithm, and nothing behind it. */
    expect(JWT_MALFORMED, printed("%s.", content_of("{\"alg\":\"HS256\"}", "{}")), keys);
}

Test(auth_jwt, wants_one_alg_that_is_a_text)
{
    static const char *const headers[] = {"{}",
                                          "{\"alg\":null}",
                                          "{\"alg\":[\"HS256\"]}",
                                          "{\"alg\":1}",
                                          "[\"HS256\"]",
                                          "\"HS256\"",
                                          "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
                                          "{\"alg\":\"HS256\\u0000\"}",
                                          "",
                                          "{\"alg\":\"HS256\"",
                                          "{\"alg\":\"HS256\"}{}",
                                          "{\"alg\":\"HS256\",\"kid\":7}",
                                          "{\"alg\":\"HS256\",\"x\":1e999}",
                                          "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
                                          "{\"alg\":\"HS256\",\"x\":99999999999999999999}"};
    EVP_PKEY *key = key_for(JWT_ALG_HS256);
    const struct jwks *keys = set_of(jwk_members(key), NULL);
    for (size_t i = 0; i < array_n(headers); i++)
        expect(headers[i][0] ? JWT_HEADER : JWT_MALFORMED,
               token_with(key, JWT_ALG_HS256, headers[i], "{}"), keys);
    expect(JWT_OK, token_with(key, JWT_ALG_HS256, " {\"alg\":\"HS256\"}\n", "{}"), keys);
}

/* -- header ------------------------------------------------------------------------------------ */

static void expect_header(enum jwt_fault want, const char *members)
{
    EVP_PKEY *key = key_for(JWT_ALG_HS256);
    expect(want, token_with(key, JWT_ALG_HS256, printed("{\"alg\":\"HS256\",%s}", members), "{}"),
           set_of(jwk_members(key), NULL));
}

Test(auth_jwt, refuses_whatever_is_critical)
{
    expect_header(JWT_CRIT, "\"crit\":[\"exp\"],\"exp\":1");
    expect_header(JWT_CRIT, "\"crit\":[\"b64\"],\"b64\":true");
    expect_header(JWT_CRIT, "\"crit\":[]");
    expect_header(JWT_CRIT, "\"crit\":null");
    expect_header(JWT_CRIT, "\"crit\":\"alg\"");
    expect_header(JWT_CRIT, "\"b64\":false");
    expect_header(JWT_CRIT, "\"b64\":0");
    expect_header(JWT_OK, "\"b64\":true");
    expect_header(JWT_OK, "\"extra\":{\"crit\":[\"x\"]}");
}

Test(auth_jwt, never_uses_keys_of_the_token_s_own)
{
    EVP_PKEY *own = key_for(JWT_ALG_ES256);
    const char *members = jwk_members(own);
    const char *header = printed("{\"alg\":\"ES256\",\"jwk\":{%s},\"jku\":\"http://127.0.0.1/\","
                                 "\"x5u\":\"http://127.0.0.1/\",\"x5c\":[\"AA\"]}",
                                 members);
    expect(JWT_SIGNATURE, token_with(own, JWT_ALG_ES256, header, "{}"), set_of(EC_3, NULL));
    expect(JWT_OK, token_with(own, JWT_ALG_ES256, header, "{}"), set_of(members, NULL));
}

Test(auth_jwt, wants_the_typ_that_is_asked_for)
{
    rules.typ = text("at+jwt");
    expect_header(JWT_OK, "\"typ\":\"at+jwt\"");
    expect_header(JWT_OK, "\"typ\":\"AT+JWT\"");
    expect_header(JWT_OK, "\"typ\":\"application/at+jwt\"");
    expect_header(JWT_TYP, "\"typ\":\"JWT\"");
    expect_header(JWT_TYP, "\"typ\":\"application/\"");
    expect_header(JWT_TYP, "\"typ\":[\"at+jwt\"]");
    expect_header(JWT_TYP, "\"kid\":\"x\"");
}

/* -- keys -------------------------------------------------------------------------------------- */

Test(auth_jwt, chooses_the_key_by_its_kid)
{
    EVP_PKEY *old = key_for(JWT_ALG_ES256), *new = key_for(JWT_ALG_ES256);
    const struct jwks *both = set_of(printed("%s,\"kid\":\"old\"", jwk_members(old)),
                                     printed("%s,\"kid\":\"new\"", jwk_members(new)));
    const char *header = "{\"alg\":\"ES256\",\"kid\":\"%s\"}";
    expect(JWT_OK, token_with(old, JWT_ALG_ES256, printed(header, "old"), "{}"), both);
    expect(JWT_OK, token_with(new, JWT_ALG_ES256, printed(header, "new"), "{}"), both);
    expect(JWT_SIGNATURE, token_with(new, JWT_ALG_ES256, printed(header, "old"), "{}"), both);
    expect(JWT_KEY, token_with(new, JWT_ALG_ES256, printed(header, "newer"), "{}"), both);
    expect(JWT_KEY, token_with(new, JWT_ALG_ES256, printed(header, ""), "{}"), both);
    expect(JWT_OK, token_of(old, JWT_ALG_ES256, "{}"), both);
    expect(JWT_OK, token_of(new, JWT_ALG_ES256, "{}"), both);
}

Test(auth_jwt, takes_a_kid_for_keys_of_that_kid_only)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES256);
    const char *named = token_with(key, JWT_ALG_ES256, "{\"alg\":\"ES256\",\"kid\":\"a\"}", "{}");
    expect(JWT_KEY, named, set_of(jwk_members(key), NULL));
    /* Two keys may share a kid when they are of different types (RFC 7517 4.5). */
    expect(JWT_OK, named,
           set_of(RSA_2 ",\"kid\":\"a\"", printed("%s,\"kid\":\"a\"", jwk_members(key))));
}

Test(auth_jwt, tries_a_bounded_number_of_keys)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    const char *list = printed("{%s}", jwk_members(key)),
               *token = token_of(key, JWT_ALG_EdDSA, "{}");
    for (int others = 1; others <= JWT_TRIES_MAX; others++) {
        struct jwks keys;
        struct auth_fault fault;
        list = printed("{" ED "},%s", list);
        cr_assert(jwks_parse(text(printed("{\"keys\":[{" RSA_2 "},%s]}", list)), JWKS_FILE, &keys,
                             &fault));
        expect(others < JWT_TRIES_MAX ? JWT_OK : JWT_KID, token, &keys);
        jwks_free(&keys);
    }
}

/* -- form -------------------------------------------------------------------------------------- */

Test(auth_jwt, refuses_other_spellings_of_a_good_token)
{
    const struct jwks *keys = set_of(SECRET, NULL);
    const char *const forms[] = {TOKEN_1 "=", TOKEN_1 "\n",    " " TOKEN_1, TOKEN_1 " ",
                                 TOKEN_1 ".", TOKEN_1 ".AAAA", "." TOKEN_1, TOKEN_1 ".AA.AA"};
    for (size_t i = 0; i < array_n(forms); i++) {
        const enum jwt_fault f = verify(forms[i], keys);
        cr_assert(f == JWT_MALFORMED || f == JWT_HEADER, "%s: %s", forms[i], jwt_fault_word(f));
    }
    /* The last character has two bits that say nothing. */
    char *bits = arena_strdup(&arena, TOKEN_1);
    bits[strlen(bits) - 1] = 'l';
    expect(JWT_MALFORMED, bits, keys);
}

Test(auth_jwt, notices_every_changed_character)
{
    const struct jwks *keys = set_of(SECRET, NULL);
    char *token = arena_strdup(&arena, TOKEN_1);
    for (size_t i = 0; token[i]; i++) {
        const char was = token[i];
        for (const char *c = "Az0-_.=\n\x01\xff"; *c; c++) {
            if (*c == was)
                continue;
            token[i] = *c;
            cr_assert_neq(verify(token, keys), JWT_OK, "%s", token);
        }
        token[i] = was;
    }
    expect(JWT_OK, token, keys);
}

Test(auth_jwt, refuses_every_beginning_of_a_token)
{
    const struct jwks *keys = set_of(SECRET, NULL);
    struct jwt_token out;
    for (size_t n = 0; n < sizeof TOKEN_1 - 1; n++)
        cr_assert_neq(jwt_verify((struct weir_slice){TOKEN_1, n}, keys, &rules, NOW, &out), JWT_OK);
    cr_assert_eq(jwt_verify((struct weir_slice){0}, keys, &rules, NOW, &out), JWT_MALFORMED);
}

Test(auth_jwt, has_a_size_limit)
{
    EVP_PKEY *key = key_for(JWT_ALG_HS256);
    const struct jwks *keys = set_of(jwk_members(key), NULL);
    rules.size_max = sizeof TOKEN_1 - 1;
    expect(JWT_OK, TOKEN_1, set_of(SECRET, NULL));
    rules.size_max--;
    expect(JWT_TOO_LONG, TOKEN_1, set_of(SECRET, NULL));
    rules.size_max = 0;
    const char *fit = token_of(key, JWT_ALG_HS256, printed("{\"x\":\"%6000d\"}", 1));
    const char *over = token_of(key, JWT_ALG_HS256, printed("{\"x\":\"%6200d\"}", 1));
    cr_assert(strlen(fit) <= JWT_SIZE_PRESET && strlen(over) > JWT_SIZE_PRESET);
    expect(JWT_OK, fit, keys);
    expect(JWT_TOO_LONG, over, keys);
}

Test(auth_jwt, survives_deep_nesting)
{
    EVP_PKEY *key = key_for(JWT_ALG_HS256);
    const struct jwks *keys = set_of(jwk_members(key), NULL);
    char deep[5001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    expect(JWT_HEADER,
           token_with(key, JWT_ALG_HS256, printed("{\"alg\":\"HS256\",\"x\":%s", deep), "{}"),
           keys);
    expect(JWT_PAYLOAD, token_of(key, JWT_ALG_HS256, deep), keys);
}

Test(auth_jwt, has_texts_that_may_stand_in_a_challenge)
{
    for (int f = 0; f < JWT_FAULTS_N; f++) {
        const char *said = jwt_fault_text((enum jwt_fault)f);
        cr_assert(said[0] && !strpbrk(said, "\"\\\n"));
        cr_assert_eq(strspn(jwt_fault_word((enum jwt_fault)f), "abcdefghijklmnopqrstuvwxyz_"),
                     strlen(jwt_fault_word((enum jwt_fault)f)));
    }
}
