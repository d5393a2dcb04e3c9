/* SPDX-License-Identifier: Apache-2.0 */
/* Values of fields: what is a credential, what is malformed, and how challenges are written. */
#include "auth/credentials.h"
#include "tests/unit/auth_case.h"

TestSuite(auth_credentials, .init = auth_begin, .fini = auth_end);

static void expect(const char *value, enum credentials_kind kind, const char *token)
{
    const struct credentials c = credentials_read(text(value));
    cr_assert_eq(c.kind, kind, "%s", value);
    cr_assert_str_eq(printed("%.*s", (int)c.token.n, c.token.p ? c.token.p : ""), token);
}

static void expect_basic(const char *pair, size_t n, bool good)
{
    struct credentials_basic b;
    char *base64 = arena_alloc(&arena, n * 4 / 3 + 5);
    EVP_EncodeBlock((uint8_t *)base64, (const uint8_t *)pair, (int)n);
    cr_assert_eq(credentials_basic(text(base64), &b), good, "%s", base64);
    cr_assert(good || !b.user.p);
}

/* -- Authorization ----------------------------------------------------------------------------- */

Test(auth_credentials, reads_bearer_and_basic_in_any_case)
{
    expect("Bearer abc.DEF-_~+/=", CREDENTIALS_BEARER, "abc.DEF-_~+/=");
    expect("bearer   x", CREDENTIALS_BEARER, "x");
    expect("BASIC eDp5", CREDENTIALS_BASIC, "eDp5");
}

Test(auth_credentials, leaves_other_schemes_to_others)
{
    expect("", CREDENTIALS_NONE, "");
    expect("Negotiate abc", CREDENTIALS_NONE, "");
    expect("Bearerabc", CREDENTIALS_NONE, "");
    expect(" Bearer abc", CREDENTIALS_NONE, "");
    cr_assert_eq(credentials_read((struct weir_slice){0}).kind, CREDENTIALS_NONE);
}

Test(auth_credentials, calls_malformed_what_is_no_token)
{
    static const char *const values[] = {
        "Bearer",     "Bearer ",          "Bearer a b",  "Bearer =",  "Bearer a=b", "Bearer \ta",
        "Bearer a,b", "Bearer a\xc3\xa4", "Basic \"a\"", "Bearer a ", "Basic",      "Bearer a\x01"};
    for (size_t i = 0; i < array_n(values); i++)
        expect(values[i], CREDENTIALS_MALFORMED, "");
}

Test(auth_credentials, reads_a_cookie_with_and_without_quotes)
{
    struct credentials c = credentials_cookie(text("\"a.b.c\""));
    cr_assert(c.kind == CREDENTIALS_BEARER && c.token.n == 5);
    c = credentials_cookie(text("a.b.c"));
    cr_assert(c.kind == CREDENTIALS_BEARER && c.token.n == 5);
    cr_assert_eq(credentials_cookie((struct weir_slice){0}).kind, CREDENTIALS_NONE);
    static const char *const values[] = {"", "\"", "\"\"", "\"a", "a\"", "a b"};
    for (size_t i = 0; i < array_n(values); i++)
        cr_assert_eq(credentials_cookie(text(values[i])).kind, CREDENTIALS_MALFORMED, "%s",
                     values[i]);
}

Test(auth_credentials, takes_api_keys_of_visible_characters)
{
    char key[CREDENTIALS_API_KEY_MAX + 1];
    memset(key, 'k', sizeof key);
    cr_assert_eq(credentials_api_key(text("k!~=,;")).n, 6);
    cr_assert_eq(credentials_api_key((struct weir_slice){key, sizeof key - 1}).n, sizeof key - 1);
    cr_assert_null(credentials_api_key((struct weir_slice){key, sizeof key}).p);
    static const char *const values[] = {"", "a b", " a", "a\t", "\x7f", "\xc3\xa4", "a\x01"};
    for (size_t i = 0; i < array_n(values); i++)
        cr_assert_null(credentials_api_key(text(values[i])).p, "%s", values[i]);
    cr_assert_null(credentials_api_key((struct weir_slice){0}).p);
}

/* -- Basic ------------------------------------------------------------------------------------- */

/* The example of RFC 7617 2, and that of 2.1 with what isn't ASCII. */
Test(auth_credentials, decodes_the_examples_of_rfc_7617)
{
    struct credentials_basic b;
    cr_assert(credentials_basic(text("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), &b));
    cr_assert(b.user.n == 7 && memcmp(b.user.p, "Aladdin", 7) == 0);
    cr_assert(b.password.n == 11 && memcmp(b.password.p, "open sesame", 11) == 0);
    cr_assert(credentials_basic(text("dGVzdDoxMjPCow=="), &b));
    cr_assert(b.password.n == 5 && memcmp(b.password.p, "123\xc2\xa3", 5) == 0);
    credentials_basic_wipe(&b);
    cr_assert_null(b.password.p);
    cr_assert_eq(b.text[5], 0);
}

Test(auth_credentials, lets_a_password_have_colons_or_nothing)
{
    struct credentials_basic b;
    cr_assert(credentials_basic(text("YTpiOmM="), &b)); /* a:b:c */
    cr_assert(b.user.n == 1 && b.password.n == 3);
    cr_assert(credentials_basic(text("YTo="), &b)); /* a: */
    cr_assert(b.password.p && b.password.n == 0);
}

Test(auth_credentials, refuses_what_is_no_user_and_password)
{
    expect_basic("nocolon", 7, false);
    expect_basic(":password", 9, false);
    expect_basic("", 0, false);
    expect_basic("a:b\0c", 5, false);
    expect_basic("a\0:b", 4, false);
    expect_basic("a:b\n", 4, false);
    expect_basic("a\x1f:b", 4, false);
    expect_basic("a:\x7f", 3, false);
    expect_basic("a:b", 3, true);
    struct credentials_basic b;
    cr_assert_not(credentials_basic(text("YTpi="), &b));
    cr_assert_not(credentials_basic(text("YTo"), &b));
    cr_assert_not(credentials_basic(text("YT-_"), &b));
}

Test(auth_credentials, has_limits_for_user_and_password)
{
    enum { USER = CREDENTIALS_USER_MAX, PASSWORD = CREDENTIALS_PASSWORD_MAX };
    char pair[USER + 1 + PASSWORD + 9];
    memset(pair, 'x', sizeof pair);
    pair[USER] = ':';
    expect_basic(pair, USER + 1 + PASSWORD, true);
    expect_basic(pair, USER + 1 + PASSWORD + 1, false);
    expect_basic(pair, sizeof pair, false);
    pair[USER] = 'x';
    pair[USER + 1] = ':';
    expect_basic(pair, USER + 2, false);
    pair[USER + 1] = 'x';
    pair[1] = ':';
    expect_basic(pair, 2 + PASSWORD, true);
    expect_basic(pair, 2 + PASSWORD + 1, false);
}

/* -- challenges -------------------------------------------------------------------------------- */

static const char *challenge(const struct credentials_challenge *v, size_t n)
{
    char to[512];
    const size_t len = credentials_challenge_write(v, n, to, sizeof to);
    /* Whatever has less room than it needs is not written. */
    for (size_t room = 0; room < len; room++)
        cr_assert_eq(credentials_challenge_write(v, n, to, room), 0);
    cr_assert_eq(credentials_challenge_write(v, n, to, len), len);
    return printed("%.*s", (int)len, to);
}

Test(auth_credentials, writes_challenges_as_the_standards_do)
{
    struct credentials_challenge c = {CREDENTIALS_BEARER, text("example"), CREDENTIALS_NO_ERROR,
                                      NULL};
    cr_assert_str_eq(challenge(&c, 1), "Bearer realm=\"example\"");
    c.error = CREDENTIALS_INVALID_TOKEN;
    cr_assert_str_eq(challenge(&c, 1), "Bearer realm=\"example\", error=\"invalid_token\"");
    c.description = jwt_fault_text(JWT_EXPIRED);
    cr_assert_str_eq(challenge(&c, 1), "Bearer realm=\"example\", error=\"invalid_token\", "
                                       "error_description=\"the token has expired\"");
    c = (struct credentials_challenge){CREDENTIALS_BASIC, text("foo"), CREDENTIALS_NO_ERROR, NULL};
    cr_assert_str_eq(challenge(&c, 1), "Basic realm=\"foo\", charset=\"UTF-8\"");
    c.scheme = CREDENTIALS_API_KEY;
    cr_assert_str_eq(challenge(&c, 1), "ApiKey realm=\"foo\"");
}

Test(auth_credentials, writes_several_challenges_in_one_line)
{
    const struct credentials_challenge v[] = {
        {CREDENTIALS_BEARER, text("a"), CREDENTIALS_INSUFFICIENT_SCOPE, NULL},
        {CREDENTIALS_BASIC, text("b"), CREDENTIALS_NO_ERROR, NULL},
        {CREDENTIALS_BEARER, text("c"), CREDENTIALS_INVALID_REQUEST, NULL}};
    cr_assert_str_eq(challenge(v, 3), "Bearer realm=\"a\", error=\"insufficient_scope\", "
                                      "Basic realm=\"b\", charset=\"UTF-8\", "
                                      "Bearer realm=\"c\", error=\"invalid_request\"");
    cr_assert_str_eq(challenge(v, 0), "");
}

Test(auth_credentials, quotes_the_realm)
{
    char realm[CREDENTIALS_REALM_MAX + 1];
    memset(realm, 'r', sizeof realm);
    struct credentials_challenge c = {CREDENTIALS_BASIC, text("a \"b\" \\c"), CREDENTIALS_NO_ERROR,
                                      NULL};
    cr_assert_str_eq(challenge(&c, 1), "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"");
    cr_assert(credentials_realm_ok((struct weir_slice){realm, sizeof realm - 1}));
    cr_assert_not(credentials_realm_ok((struct weir_slice){realm, sizeof realm}));
    cr_assert_not(credentials_realm_ok(text("a\r\nSet-Cookie: b")));
}

Test(auth_credentials, writes_nothing_that_could_end_a_line_or_a_string)
{
    char to[512];
    struct credentials_challenge c = {CREDENTIALS_BEARER, text("a\nb"), CREDENTIALS_NO_ERROR, NULL};
    cr_assert_eq(credentials_challenge_write(&c, 1, to, sizeof to), 0);
    static const char *const texts[] = {"a\nb", "say \"x\"", "a\\b", "\xc3\xa4"};
    for (size_t i = 0; i < array_n(texts); i++) {
        c = (struct credentials_challenge){CREDENTIALS_BEARER, text("r"), CREDENTIALS_INVALID_TOKEN,
                                           texts[i]};
        cr_assert_eq(credentials_challenge_write(&c, 1, to, sizeof to), 0, "%s", texts[i]);
    }
}
