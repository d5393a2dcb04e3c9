/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an origin's script: one table of words, each with the member that it sets. */
#include "tests/lib/origin_script.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG(word)                                                                                 \
    {                                                                                              \
#word, offsetof(struct script, word)                                                       \
    }
static const struct {
    const char *word;
    size_t at;
} flags[] = {FLAG(echo),    FLAG(count),   FLAG(trailers), FLAG(until_close), FLAG(no_length),
             FLAG(hang),    FLAG(proceed), FLAG(early),    FLAG(close),       FLAG(bye),
             FLAG(upgrade), FLAG(raw),     FLAG(abort)};

static bool set_flag(struct script *s, const char *word)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (!strcmp(flags[i].word, word))
            return *(bool *)((char *)s + flags[i].at) = true;
    return false;
}

/* "field=Name:value"; %20 is the only escape that is needed in a query. */
static void add_field(struct script *s, const char *text)
{
    size_t n = strlen(s->fields);
    for (; *text && n + 3 < sizeof s->fields; n++) {
        const bool escaped = text[0] == '%' && text[1] == '2' && text[2] == '0';
        s->fields[n] = escaped ? ' ' : *text;
        text += escaped ? 3 : 1;
    }
    memcpy(s->fields + n, "\r\n", 3);
}

static bool set_value(struct script *s, const char *word, const char *value)
{
    const uint64_t n = strtoull(value, NULL, 10);
    if (!strcmp(word, "status"))
        s->status = (int)n;
    else if (!strcmp(word, "size"))
        s->sized = true, s->size = n;
    else if (!strcmp(word, "chunked"))
        s->chunk = n;
    else if (!strcmp(word, "delay"))
        s->delay_ms = (unsigned)n;
    else if (!strcmp(word, "pause"))
        s->pause_ms = (unsigned)n;
    else if (!strcmp(word, "piece"))
        s->piece = (unsigned)n;
    else if (!strcmp(word, "interim"))
        s->interims = (unsigned)n;
    else if (!strcmp(word, "cut"))
        s->cuts = true, s->cut = n;
    else if (!strcmp(word, "reset"))
        s->resets = true, s->cut = n;
    else if (!strcmp(word, "short"))
        s->shorts = true, s->cut = n;
    else if (!strcmp(word, "sip"))
        s->sip_ms = (unsigned)n;
    else if (!strcmp(word, "refuse"))
        s->refuse = (unsigned)n;
    else if (!strcmp(word, "goaway"))
        s->goaway = (unsigned)n;
    else if (!strcmp(word, "max_streams"))
        s->max_streams = (unsigned)n;
    else if (!strcmp(word, "serving"))
        s->grpc = true, s->serving = (unsigned)n;
    else if (!strcmp(word, "flood"))
        s->flood = n;
    else if (!strcmp(word, "field"))
        add_field(s, value);
    else
        return !strcmp(word, "note");
    return true;
}

bool script_read(struct script *s, const char *words)
{
    char text[2048], *rest = text, *word;
    bool ok = strlen(words) < sizeof text;
    snprintf(text, sizeof text, "%s", words);
    while ((word = strsep(&rest, " &"))) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = 0;
        if (*word)
            ok = (value ? set_value(s, word, value) : set_flag(s, word)) && ok;
    }
    return ok;
}
