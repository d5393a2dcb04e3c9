/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each way; the name behind the colon is as the row wants it. */
#include "canary/sticky.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/slice.h"

static const struct row {
    const char *word;
    enum sticky_kind bare, named; /* STICKY_NONE: not that way */
    bool token;                   /* the name is one */
} rows[] = {
    {"cookie", STICKY_NONE, STICKY_COOKIE, true},
    {"header", STICKY_NONE, STICKY_HEADER, true},
    {"query", STICKY_NONE, STICKY_QUERY, false},
    {"source", STICKY_SOURCE, STICKY_NONE, false},
    {"identity", STICKY_IDENTITY, STICKY_CLAIM, false},
};

static bool __attribute__((format(printf, 2, 3)))
refuse(char reason[STICKY_REASON], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, STICKY_REASON, fmt, args);
    va_end(args);
    return false;
}

static const struct row *find(struct weir_slice word)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (slice_eq(word, slice_str(rows[i].word)))
            return &rows[i];
    return NULL;
}

bool sticky_parse(struct weir_slice text, struct sticky *out, char reason[STICKY_REASON])
{
    const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    const struct weir_slice word = {text.p, colon ? (size_t)(colon - text.p) : text.n};
    *out = (struct sticky){STICKY_NONE, {NULL, 0}};
    if (!text.n)
        return true;
    const struct row *row = find(word);
    if (!row)
        return refuse(reason, "allowed are \"cookie:NAME\", \"header:NAME\", \"query:NAME\", "
                              "\"source\", \"identity\" and \"identity:CLAIM\"");
    out->kind = colon ? row->named : row->bare;
    if (out->kind == STICKY_NONE)
        return refuse(reason, colon ? "\"%s\" has nothing behind it" : "it is \"%s:NAME\"",
                      row->word);
    if (colon)
        out->name = (struct weir_slice){colon + 1, text.n - word.n - 1};
    if (colon && !out->name.n)
        return refuse(reason, "the name behind \"%s:\" is missing", row->word);
    if (row->token && !slice_is_token(out->name))
        return refuse(reason, "\"%.*s\" can't be the name of a %s", SLICE_ARG(out->name),
                      row->word);
    return true;
}

struct weir_slice sticky_word(enum sticky_kind kind)
{
    static const struct weir_slice words[STICKY_KINDS] = {
        [STICKY_NONE] = WEIR_SLICE("ticket"),    [STICKY_COOKIE] = WEIR_SLICE("cookie"),
        [STICKY_HEADER] = WEIR_SLICE("header"),  [STICKY_QUERY] = WEIR_SLICE("query"),
        [STICKY_SOURCE] = WEIR_SLICE("source"),  [STICKY_IDENTITY] = WEIR_SLICE("identity"),
        [STICKY_CLAIM] = WEIR_SLICE("identity"),
    };
    return words[kind < STICKY_KINDS ? kind : STICKY_NONE];
}
