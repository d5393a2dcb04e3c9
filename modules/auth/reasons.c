/* SPDX-License-Identifier: Apache-2.0 */
/* One table of all words. */
#include "auth/reasons.h"

#include <string.h>

#include "auth/claims.h"
#include "auth/jwt.h"

#define REASON(name, word, text) const char AUTH_REASON_##name[] = word;
AUTH_REASONS(REASON)
#undef REASON

static const char memory[] = "memory";

static const struct reason {
    const char *word, *text;
} reasons[] = {
#define ROW(name, word, text) {word, text},
    JWT_FAULTS(ROW) CLAIMS_FAULTS(ROW) AUTH_REASONS(ROW)
#undef ROW
};

enum { N = sizeof reasons / sizeof reasons[0] };

/* Two lists have the same word here and there, and "ok" is no reason. */
static bool is_first(size_t i)
{
    size_t first = 0;
    while (strcmp(reasons[first].word, reasons[i].word) != 0)
        first++;
    return first == i && strcmp(reasons[i].word, "ok") != 0;
}

static const struct reason *nth(size_t n)
{
    for (size_t i = 0; i < N; i++)
        if (is_first(i) && n-- == 0)
            return &reasons[i];
    return NULL;
}

size_t reasons_n(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += is_first(i);
    return n;
}

const char *reason_word(size_t i)
{
    const struct reason *r = nth(i);
    return r ? r->word : NULL;
}

size_t reason_index(const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        if (!is_first(i))
            continue;
        if (strcmp(reasons[i].word, word) == 0)
            return n;
        n++;
    }
    return n;
}

const char *reason_text(const char *word)
{
    const struct reason *r = nth(reason_index(word));
    return r ? r->text : NULL;
}

bool reason_is_ours(const char *word)
{
    return strcmp(word, AUTH_REASON_NO_KEYS) == 0 || strcmp(word, AUTH_REASON_BUSY) == 0 ||
           strcmp(word, memory) == 0;
}

/* The words of tokens and claims come first in the table. */
bool reason_is_token(const char *word)
{
    const size_t own = reason_index(AUTH_REASON_TWICE);
    return reason_index(word) < own || strcmp(word, AUTH_REASON_NOBODY) == 0;
}

bool reason_is_request(const char *word)
{
    return strcmp(word, AUTH_REASON_TWICE) == 0 || strcmp(word, AUTH_REASON_MALFORMED) == 0;
}
