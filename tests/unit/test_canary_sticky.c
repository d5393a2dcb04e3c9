/* SPDX-License-Identifier: Apache-2.0 */
/* What tells users apart: the setting `sticky`. */

#include "canary/sticky.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sticky s;
static char reason[STICKY_REASON];

static bool parse(const char *text)
{
    reason[0] = '\0';
    return sticky_parse((struct weir_slice){text, strlen(text)}, &s, reason);
}

Test(canary_sticky, is_read)
{
    static const struct {
        const char *text, *name, *word;
        enum sticky_kind kind;
    } good[] = {
        {"", "", "ticket", STICKY_NONE},
        {"cookie:session", "session", "cookie", STICKY_COOKIE},
        {"header:X-User", "X-User", "header", STICKY_HEADER},
        {"query:user id", "user id", "query", STICKY_QUERY},
        {"source", "", "source", STICKY_SOURCE},
        {"identity", "", "identity", STICKY_IDENTITY},
        {"identity:tenant", "tenant", "identity", STICKY_CLAIM},
        {"identity:https://a.test/c", "https://a.test/c", "identity", STICKY_CLAIM},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(parse(good[i].text), "%s: %s", good[i].text, reason);
        cr_assert_eq(s.kind, good[i].kind);
        cr_assert(s.name.n == strlen(good[i].name) &&
                  !memcmp(s.name.p ? s.name.p : "", good[i].name, s.name.n));
        const struct weir_slice word = sticky_word(s.kind);
        cr_assert(word.n == strlen(good[i].word) && !memcmp(word.p, good[i].word, word.n));
    }
}

Test(canary_sticky, that_is_wrong_says_what_is_right)
{
    static const char *const bad[][2] = {
        {"cookies:a", "allowed are \"cookie:NAME\""},
        {"Cookie:a", "allowed are"},
        {"cookie", "it is \"cookie:NAME\""},
        {"header", "it is \"header:NAME\""},
        {"query", "it is \"query:NAME\""},
        {"cookie:", "the name behind \"cookie:\" is missing"},
        {"identity:", "the name behind \"identity:\" is missing"},
        {"source:x", "\"source\" has nothing behind it"},
        {"cookie:a b", "\"a b\" can't be the name of a cookie"},
        {"cookie:a=b", "can't be the name of a cookie"},
        {"header:x:y", "can't be the name of a header"},
        {":a", "allowed are"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!parse(bad[i][0]), "%s", bad[i][0]);
        cr_assert(strstr(reason, bad[i][1]), "%s: %s", bad[i][0], reason);
    }
}
