/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens against the real binary: who gets in, and all who would like to. */
#include "tests/scenario/auth_case.h"

AUTH_SUITE(auth_jwt);

#define FORWARD "forward = ( { claim = \"sub\"; header = \"X-User\"; } );"
#define ALL_ALGS                                                                                   \
    "algorithms = [ \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"ES256\", \"ES384\", \"EdDSA\","  \
    " \"HS256\" ];"

static void expect_reason(const char *want, const char *t)
{
    static unsigned n;
    const char *path = printed("/reason/%u", n++);
    EXPECT(401, path, bearer(t));
    const char *line = rig_await_access(printed("%s\"", path));
    cr_assert_str_eq(json_of(line, "auth.failure"), want);
}

/* -- good ones --------------------------------------------------------------------------------- */

Test(auth_jwt, takes_every_algorithm_that_is_allowed)
{
    EVP_PKEY *keys[JWT_ALGS_N];
    const char *list = "";
    for (int i = 0; i < JWT_ALGS_N; i++) {
        keys[i] = key_for((enum jwt_alg)i);
        list = printed("%s%s{%s}", list, i ? "," : "", jwk(keys[i], printed("k%d", i)));
    }
    put_file("jwks", printed("{\"keys\":[%s]}", list));
    rig_start(.top = MODULES(JWT_WITH("jwks_file = \"$dir/jwks\";" ALL_ALGS)), .routes = ROUTE(""));
    for (int i = 0; i < JWT_ALGS_N; i++)
        EXPECT(200, "/", bearer(token(keys[i], (enum jwt_alg)i, printed("k%d", i), NULL)));
    cr_assert_eq(rig_metric("weir_auth_identified_total{method=\"jwt\"}"), JWT_ALGS_N);
    cr_assert_eq(rig_metric("weir_auth_cache_misses_total"), JWT_ALGS_N);
}

Test(auth_jwt, checks_a_token_once_as_long_as_it_is_remembered)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES256);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_FILE FORWARD), .routes = ROUTE(""));
    const char *line = bearer(token(key, JWT_ALG_ES256, "1", NULL));
    for (int i = 0; i < 5; i++) {
        EXPECT(200, "/?echo", line);
        cr_assert(body_has(got, "X-User: anna"));
    }
    cr_assert_eq(rig_metric("weir_auth_cache_hits_total"), 4);
    cr_assert_eq(rig_metric("weir_auth_cache_misses_total"), 1);
}

Test(auth_jwt, finds_tokens_in_cookies_and_fields_of_their_own)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_WITH("jwks_file = \"$dir/jwks\"; header = \"X-Token\";"
                                      " cookie = \"session\";")),
              .routes = ROUTE(""));
    const char *t = token(key, JWT_ALG_EdDSA, "1", NULL);
    EXPECT(200, "/", printed("Cookie: a=b; session=%s\r\n", t));
    EXPECT(200, "/", printed("X-Token: %s\r\n", t));
    EXPECT(200, "/", printed("X-Token: Bearer %s\r\n", t));
    EXPECT(401, "/", bearer(t));
    EXPECT(401, "/", printed("X-Token: a.b.c\r\nCookie: session=%s\r\n", t));
    EXPECT(401, "/", printed("X-Token: %s\r\nX-Token: %s\r\n", t, t));
    EXPECT(401, "/", "Cookie: session=\r\n");
}

Test(auth_jwt, asks_one_issuer_after_the_other)
{
    EVP_PKEY *first = key_for(JWT_ALG_EdDSA), *second = key_for(JWT_ALG_ES256);
    put_file("one", jwks_text(jwk(first, "1"), NULL));
    put_file("two", jwks_text(jwk(second, "2"), NULL));
    rig_start(.top =
                  MODULES("jwt = ( { name = \"one\"; issuer = \"https://one\"; audience = \"shop\";"
                          "  jwks_file = \"$dir/one\"; algorithms = \"EdDSA\"; },"
                          " { name = \"two\"; issuer = \"https://id.test\"; audience = \"shop\";"
                          "  jwks_file = \"$dir/two\"; cookie = \"session\"; } );"),
              .routes = ROUTE(""));
    const char *t = token(second, JWT_ALG_ES256, "2", NULL);
    EXPECT(200, "/", bearer(t));
    EXPECT(200, "/", bearer(t));
    expect_reason("issuer", token(first, JWT_ALG_EdDSA, "1", NULL));
    /* Only the second one has a cookie. */
    EXPECT(200, "/", printed("Cookie: session=%s\r\n", t));
    EXPECT(401, "/", printed("Cookie: session=%s\r\n", token(first, JWT_ALG_EdDSA, "1", NULL)));
}

/* -- bad ones ---------------------------------------------------------------------------------- */

/* The key that everybody knows, taken for a secret; no signature at all; a key of another type. */
Test(auth_jwt, is_not_confused_about_algorithms)
{
    EVP_PKEY *rsa = key_for(JWT_ALG_RS256), *ec = key_for(JWT_ALG_ES256);
    uint8_t *der = NULL;
    const int n = i2d_PUBKEY(rsa, &der);
    BIO *pem = BIO_new(BIO_s_mem());
    char *pem_text;
    PEM_write_bio_PUBKEY(pem, rsa);
    const long pem_n = BIO_get_mem_data(pem, &pem_text);
    put_file("jwks", jwks_text(jwk(rsa, "1"), jwk(ec, "2")));
    rig_start(.top = MODULES(JWT_WITH("jwks_file = \"$dir/jwks\";" ALL_ALGS)), .routes = ROUTE(""));
    const char *good = token(rsa, JWT_ALG_RS256, "1", NULL);
    EXPECT(200, "/", bearer(good));
    expect_reason("key", token(new_secret(der, (size_t)n), JWT_ALG_HS256, "1", NULL));
    expect_reason("key", token(new_secret(pem_text, (size_t)pem_n), JWT_ALG_HS256, "1", NULL));
    expect_reason("key", token(ec, JWT_ALG_ES256, "1", NULL));
    expect_reason("signature", token(key_for(JWT_ALG_ES256), JWT_ALG_ES256, "2", NULL));
    const char *payload = strchr(good, '.') + 1;
    static const char *const nones[] = {"none", "None", "NONE", "", "RS256 "};
    for (size_t i = 0; i < array_n(nones); i++) {
        const char *head = base64url_text(printed("{\"alg\":\"%s\",\"kid\":\"1\"}", nones[i]));
        expect_reason("alg", printed("%s.%s", head, payload));
        expect_reason("malformed",
                      printed("%s.%.*s.", head, (int)(strchr(payload, '.') - payload), payload));
    }
    OPENSSL_free(der);
    BIO_free(pem);
}

Test(auth_jwt, says_what_is_wrong_with_a_token)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(
                  JWT_WITH("jwks_file = \"$dir/jwks\"; max_size = \"1k\"; max_claims = 9;")),
              .routes = ROUTE(""));
    const char *head = "{\"alg\":\"EdDSA\",\"kid\":\"1\"}";
    const long long now = time(NULL);
#define SIGNED(...) token_with(key, JWT_ALG_EdDSA, head, printed(__VA_ARGS__))
#define CLAIMS "\"iss\":\"https://id.test\",\"aud\":\"shop\",\"sub\":\"anna\""
    EXPECT(200, "/", bearer(SIGNED("{" CLAIMS ",\"exp\":%lld}", now - 20)));
    expect_reason("expired", SIGNED("{" CLAIMS ",\"exp\":%lld}", now - 31));
    expect_reason("early", SIGNED("{" CLAIMS ",\"exp\":%lld,\"nbf\":%lld}", now + 99, now + 40));
    expect_reason("endless", SIGNED("{" CLAIMS "}"));
    expect_reason("issuer", SIGNED("{\"iss\":\"x\",\"aud\":\"shop\",\"exp\":%lld}", now + 9));
    expect_reason("audience",
                  SIGNED("{\"iss\":\"https://id.test\",\"aud\":[\"x\"],\"exp\":%lld}", now + 9));
    expect_reason("token_nobody",
                  SIGNED("{\"iss\":\"https://id.test\",\"aud\":\"shop\",\"exp\":%lld}", now + 9));
    expect_reason("claims_too_many",
                  SIGNED("{" CLAIMS ",\"exp\":%lld,\"g\":[1,2,3,4,5,6]}", now + 9));
    expect_reason("too_long", SIGNED("{" CLAIMS ",\"exp\":%lld,\"g\":\"%0900d\"}", now + 9, 0));
    expect_reason("crit", token_with(key, JWT_ALG_EdDSA,
                                     "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"exp\":1}", "{}"));
    expect_reason("key", token(key, JWT_ALG_EdDSA, "2", NULL));
}

Test(auth_jwt, ends_with_the_token_although_it_is_remembered)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_WITH("jwks_file = \"$dir/jwks\"; skew = \"0s\";")),
              .routes = ROUTE(""));
    const char *t = token_with(key, JWT_ALG_EdDSA, "{\"alg\":\"EdDSA\",\"kid\":\"1\"}",
                               printed("{" CLAIMS ",\"exp\":%lld}", (long long)time(NULL) + 2));
    EXPECT(200, "/", bearer(t));
    AWAIT(asked("/", bearer(t)) == 401);
    cr_assert(strstr(challenge(), "the token has expired"));
}

/* -- keys in a file ---------------------------------------------------------------------------- */

Test(auth_jwt, takes_new_keys_from_a_file_that_changes)
{
    EVP_PKEY *old = key_for(JWT_ALG_ES256), *new = key_for(JWT_ALG_ES256);
    put_file("jwks", jwks_text(jwk(old, "old"), NULL));
    rig_start(.workers = 2, .top = MODULES(JWT_FILE), .routes = ROUTE(""));
    const char *before = bearer(token(old, JWT_ALG_ES256, "old", NULL)),
               *after = bearer(token(new, JWT_ALG_ES256, "new", NULL));
    EXPECT(200, "/", before);
    EXPECT(401, "/", after);
    put_file("jwks", jwks_text(jwk(old, "old"), jwk(new, "new")));
    AWAIT(asked("/", before) == 200 && asked("/", after) == 200);
    for (int i = 0; i < 8; i++) {
        EXPECT(200, "/", before);
        EXPECT(200, "/", after);
    }
}

Test(auth_jwt, forgets_keys_that_are_taken_out_of_a_file)
{
    EVP_PKEY *old = key_for(JWT_ALG_ES256), *new = key_for(JWT_ALG_ES256);
    put_file("jwks", jwks_text(jwk(old, "old"), jwk(new, "new")));
    rig_start(.workers = 2, .top = MODULES(JWT_FILE), .routes = ROUTE(""));
    const char *before = bearer(token(old, JWT_ALG_ES256, "old", NULL));
    for (int i = 0; i < 4; i++)
        EXPECT(200, "/", before);
    put_file("jwks", jwks_text(jwk(new, "new"), NULL));
    AWAIT(asked("/", before) == 401);
    for (int i = 0; i < 8; i++)
        EXPECT(401, "/", before);
}

Test(auth_jwt, keeps_its_keys_when_the_file_is_spoilt)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES256);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.workers = 2, .top = MODULES(JWT_FILE), .routes = ROUTE(""));
    put_file("jwks", "{\"keys\":[");
    cr_assert(strstr(rig_await_log("auth_file_wrong"), "jwks"));
    for (int i = 0; i < 8; i++)
        EXPECT(200, "/", bearer(token(key, JWT_ALG_ES256, "1", NULL)));
    cr_assert_eq(rig_log_count("auth_file_wrong"), 1);
    cr_assert_eq(rig_metric("weir_auth_files_wrong_total"), 1);
}
