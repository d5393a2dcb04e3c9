/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies of splits: ids, signatures, and how they are sent. */

#include "canary/cookie.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct weir_slice key = WEIR_SLICE("0123456789abcdef0123456789abcdef"),
                               name = WEIR_SLICE("canary");

static struct weir_slice text(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

Test(canary_cookie, makes_ids_of_128_bits_that_differ)
{
    char ids[64][COOKIE_ID];
    for (unsigned i = 0; i < 64; i++) {
        cr_assert(cookie_new_id(ids[i]));
        cr_assert(cookie_value_ok((struct weir_slice){ids[i], COOKIE_ID}));
        for (unsigned k = 0; k < i; k++)
            cr_assert(memcmp(ids[i], ids[k], COOKIE_ID) != 0);
    }
}

/* HMAC-SHA-256 of "weir canary cookie\ncanary\nAAAA...", as Python's hmac has it. */
Test(canary_cookie, signs_as_written_down)
{
    char value[COOKIE_SIGNED];
    cr_assert(cookie_sign(key, name, "AAAAAAAAAAAAAAAAAAAAAA", value));
    cr_assert_eq(memcmp(value, "AAAAAAAAAAAAAAAAAAAAAA.8yhLziXAOrOiBjjQtSaD9w", COOKIE_SIGNED), 0,
                 "%.*s", COOKIE_SIGNED, value);
}

Test(canary_cookie, takes_only_what_it_has_signed_for_this_cookie)
{
    static const struct weir_slice other_key = WEIR_SLICE("0123456789abcdef0123456789abcdeg");
    char value[COOKIE_SIGNED + 1];
    struct weir_slice id, good = {value, COOKIE_SIGNED};
    cr_assert(cookie_sign(key, name, "0123456789-_abcdefABCD", value));
    cr_assert(cookie_verify(key, name, good, &id));
    cr_assert(id.n == COOKIE_ID && memcmp(id.p, "0123456789-_abcdefABCD", COOKIE_ID) == 0);
    cr_assert(!cookie_verify(other_key, name, good, &id));
    cr_assert(!cookie_verify(key, text("canarz"), good, &id), "of another split");
    for (size_t n = 0; n < COOKIE_SIGNED; n++)
        cr_assert(!cookie_verify(key, name, (struct weir_slice){value, n}, &id));
    value[COOKIE_SIGNED] = 'A';
    cr_assert(!cookie_verify(key, name, (struct weir_slice){value, COOKIE_SIGNED + 1}, &id));
    for (size_t i = 0; i < COOKIE_SIGNED; i++)
        for (int bit = 0; bit < 8; bit++) {
            value[i] ^= (char)(1 << bit);
            cr_assert(!cookie_verify(key, name, good, &id), "byte %zu, bit %d", i, bit);
            value[i] ^= (char)(1 << bit);
        }
    cr_assert(cookie_verify(key, name, good, &id));
    cr_assert(!cookie_verify(key, name, (struct weir_slice){NULL, 0}, &id));
}

static const char *sent(struct cookie_attributes a, bool https)
{
    static char to[512];
    size_t n;
    cr_assert(cookie_text(to, sizeof to, &n, name, text("v1"), &a, https));
    cr_assert_eq(n, strlen(to));
    return to;
}

Test(canary_cookie, is_sent_with_its_attributes)
{
    const struct cookie_attributes plain = {.path = text("/")};
    cr_assert_str_eq(sent(plain, false), "canary=v1; Path=/; SameSite=Lax");
    cr_assert_str_eq(sent(plain, true), "canary=v1; Path=/; Secure; SameSite=Lax");
    cr_assert_str_eq(sent((struct cookie_attributes){.path = text("/a"),
                                                     .domain = text("example.com"),
                                                     .max_age_s = 2592000,
                                                     .secure = true,
                                                     .http_only = true,
                                                     .same_site = SAME_SITE_NONE},
                          false),
                     "canary=v1; Path=/a; Domain=example.com; Max-Age=2592000; Secure; HttpOnly; "
                     "SameSite=None");
    cr_assert(strstr(
        sent((struct cookie_attributes){.path = text("/"), .same_site = SAME_SITE_STRICT}, false),
        "SameSite=Strict"));
}

Test(canary_cookie, that_is_too_long_is_not_sent)
{
    const struct cookie_attributes a = {.path = text("/")};
    char to[31];
    size_t n;
    cr_assert(cookie_text(to, sizeof to, &n, name, text("v"), &a, false));
    cr_assert_eq(n, 30);
    cr_assert(!cookie_text(to, sizeof to, &n, name, text("v1"), &a, false));
}

static const char *refusal(const char *of, struct cookie_attributes a)
{
    static char reason[COOKIE_REASON];
    if (!a.path.p)
        a.path = text("/");
    reason[0] = '\0';
    return cookie_ok(text(of), &a, reason) ? "" : reason;
}

Test(canary_cookie, has_a_name_and_attributes_that_browsers_take)
{
    static const char *const bad[] = {"", "a b", "a=b", "a;b", "a\"", "a\xc3\xa9", "a\tb"};
    cr_assert_str_eq(refusal("canary", (struct cookie_attributes){0}), "");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(strstr(refusal(bad[i], (struct cookie_attributes){0}), "can't be the name"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.path = text("x")}), "path"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.path = text("/;x")}), "path"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.path = text("/\n")}), "path"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.domain = text("a b")}), "domain"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.domain = text("a;b")}), "domain"));
    cr_assert(
        strstr(refusal("a", (struct cookie_attributes){.same_site = SAME_SITE_NONE}), "secure"));
    cr_assert_str_eq(
        refusal("a", (struct cookie_attributes){.same_site = SAME_SITE_NONE, .secure = true}), "");
    cr_assert(strstr(refusal("__Secure-a", (struct cookie_attributes){0}), "secure = true"));
    cr_assert(strstr(refusal("__Host-a", (struct cookie_attributes){0}), "secure = true"));
    cr_assert(strstr(
        refusal("__Host-a", (struct cookie_attributes){.secure = true, .domain = text("a.test")}),
        "without domain"));
    cr_assert_str_eq(refusal("__Host-a", (struct cookie_attributes){.secure = true}), "");
}

/* What is not sent can't keep anybody where they are; so it is an error, and not found out later. */
Test(canary_cookie, has_attributes_as_short_as_browsers_want_them)
{
    static char longest[1025], longer[1026];
    memset(longest, '/', 1024);
    memset(longer, '/', 1025);
    cr_assert_str_eq(refusal("a", (struct cookie_attributes){.path = text(longest)}), "");
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.path = text(longer)}), "1024"));
    cr_assert(strstr(refusal("a", (struct cookie_attributes){.domain = text(longer)}), "1024"));
}

Test(canary_cookie, has_a_value_without_what_would_end_it)
{
    static const char *const bad[] = {"",     " ",    "a b",    "a,b", "a;b",
                                      "a\"b", "a\\b", "a\r\nb", "\x7f"};
    cr_assert(cookie_value_ok(text("reviews-v2")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!cookie_value_ok(text(bad[i])), "%s", bad[i]);
    cr_assert(!cookie_value_ok((struct weir_slice)WEIR_SLICE("a\0b")));
}
