/* SPDX-License-Identifier: Apache-2.0 */
/* Names: every known one is found in any case, and nothing that is nearly one is. */
#include "http/token.h"

#include <criterion/criterion.h>

#include "base/check.h"

Test(token, finds_every_name_in_any_case)
{
    for (enum token t = TOKEN_OTHER + 1; t < TOKEN_N; t++) {
        struct slice name = token_name(t);
        char upper[32], title[32];
        for (size_t i = 0; i < name.n; i++) {
            char c = name.p[i];
            upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
            title[i] = i == 0 || name.p[i - 1] == '-' ? upper[i] : c;
        }
        cr_assert_eq(token_of(name), t, "%s", name.p);
        cr_assert_eq(token_of(slice_of(upper, name.n)), t, "%s", name.p);
        cr_assert_eq(token_of(slice_of(title, name.n)), t, "%s", name.p);
    }
}

/* Every byte of every name replaced by every other one; only the other case is the same name. */
Test(token, finds_nothing_that_differs_in_one_byte)
{
    for (enum token t = TOKEN_OTHER + 1; t < TOKEN_N; t++) {
        struct slice name = token_name(t);
        char text[32];
        for (size_t at = 0; at < name.n; at++)
            for (unsigned c = 0; c < 256; c++) {
                memcpy(text, name.p, name.n);
                text[at] = (char)c;
                bool same = ascii_lower((char)c) == name.p[at];
                enum token got = token_of(slice_of(text, name.n));
                cr_assert_eq(got, same ? t : TOKEN_OTHER, "%s: byte %zu is %u", name.p, at, c);
            }
    }
}

Test(token, finds_nothing_that_is_shorter_or_longer)
{
    for (enum token t = TOKEN_OTHER + 1; t < TOKEN_N; t++) {
        struct slice name = token_name(t);
        char text[32] = {0};
        memcpy(text, name.p, name.n);
        text[name.n] = 's';
        cr_assert_eq(token_of(slice_of(text, name.n - 1)), TOKEN_OTHER, "%s", name.p);
        cr_assert_eq(token_of(slice_of(text, name.n + 1)), TOKEN_OTHER, "%s", name.p);
    }
    cr_assert_eq(token_of(slice_of(NULL, 0)), TOKEN_OTHER);
    cr_assert_eq(token_of(SLICE("a")), TOKEN_OTHER);
    cr_assert_eq(token_of(SLICE("a-name-that-is-longer-than-all-the-others")), TOKEN_OTHER);
}

Test(token, names_tokens_in_lower_case)
{
    cr_assert(slice_eq(token_name(TOKEN_CONTENT_LENGTH), SLICE("content-length")));
    cr_assert_eq(token_name(TOKEN_OTHER).n, 0);
}

Test(token, knows_methods_by_case)
{
    for (enum method m = METHOD_OTHER + 1; m < METHOD_N; m++)
        cr_assert_eq(method_of(slice_str(method_name(m))), m, "%s", method_name(m));
    static const char *const others[] = {
        "get",    "Get",      "GE",   "GETT", "PU",    "POSTS", "HEADS",    "PURGE", "DELETED",
        "OPTION", "CONNECTS", "HEAP", "GOT",  "TRACK", "OTHER", "PROPFIND", "X",     "POSt"};
    for (size_t i = 0; i < array_n(others); i++)
        cr_assert_eq(method_of(slice_str(others[i])), METHOD_OTHER, "%s", others[i]);
    cr_assert_eq(method_of(slice_of(NULL, 0)), METHOD_OTHER);
    cr_assert_str_eq(method_name(METHOD_OTHER), "OTHER");
}

Test(token, knows_what_may_be_repeated)
{
    static const struct {
        enum method m;
        bool safe, idempotent;
    } want[] = {
        {METHOD_OTHER, false, false},   {METHOD_GET, true, true},     {METHOD_HEAD, true, true},
        {METHOD_POST, false, false},    {METHOD_PUT, false, true},    {METHOD_DELETE, false, true},
        {METHOD_CONNECT, false, false}, {METHOD_OPTIONS, true, true}, {METHOD_TRACE, true, true},
        {METHOD_PATCH, false, false},
    };
    cr_assert_eq(array_n(want), METHOD_N);
    for (size_t i = 0; i < array_n(want); i++) {
        cr_assert_eq(method_is_safe(want[i].m), want[i].safe);
        cr_assert_eq(method_is_idempotent(want[i].m), want[i].idempotent);
    }
}

Test(token, knows_what_a_token_is)
{
    cr_assert(is_token(SLICE("!#$%&'*+-.^_`|~0123456789azAZ")));
    cr_assert(!is_token(slice_of(NULL, 0)));
    static const char *const bad[] = {"a b", "a:",    "a\t", "(a)",      "a,b", "a/b",
                                      "a;b", "<a>",   "a=b", "a?",       "@a",  "[a]",
                                      "{a}", "\"a\"", "a\\", "\xc3\xa4", "\x7f"};
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert(!is_token(slice_str(bad[i])), "%s", bad[i]);
    cr_assert(!is_token(SLICE("a\0b")));
}
