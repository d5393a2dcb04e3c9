/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/json_path.h"

#include <stdio.h>

#include "common/slice.h"

/* One step from *text, which begins behind its "/". False: a "~" that escapes nothing. */
static bool parse_step(struct weir_slice *text, char **to, struct weir_slice *step)
{
    step->p = *to;
    while (text->n && text->p[0] != '/') {
        char c = text->p[0];
        if (c == '~') {
            if (text->n < 2 || (text->p[1] != '0' && text->p[1] != '1'))
                return false;
            c = text->p[1] == '0' ? '~' : '/';
            *text = (struct weir_slice){text->p + 1, text->n - 1};
        }
        *(*to)++ = c;
        *text = (struct weir_slice){text->p + 1, text->n - 1};
    }
    step->n = (size_t)(*to - step->p);
    return true;
}

const char *json_pattern_parse(struct weir_slice text, char *memory, struct json_pattern *out)
{
    out->n = 0;
    if (text.n == 0)
        return "it names the whole content; leave `json` out instead";
    while (text.n) {
        if (text.p[0] != '/')
            return "it has to begin with \"/\", as in \"/items/*/id\"";
        if (out->n == JSON_DEPTH)
            return "it has more than 32 steps, and nothing is compared that deep";
        text = (struct weir_slice){text.p + 1, text.n - 1};
        if (!parse_step(&text, &memory, &out->steps[out->n++]))
            return "\"~\" is written \"~0\" there, and \"/\" in a name \"~1\"";
    }
    return NULL;
}

static bool matches_step(struct weir_slice pattern, const struct json_step *step)
{
    char number[24];
    if (slice_eq(pattern, WEIR_SLICE("*")))
        return true;
    if (step->name)
        return slice_eq(pattern, slice_str(step->name));
    snprintf(number, sizeof number, "%zu", step->index);
    return slice_eq(pattern, slice_str(number));
}

static bool matches(const struct json_pattern *p, const struct json_way *way)
{
    if (p->n != way->n)
        return false;
    for (unsigned i = 0; i < p->n; i++)
        if (!matches_step(p->steps[i], &way->steps[i]))
            return false;
    return true;
}

bool json_patterns_match(const struct json_pattern *v, size_t n, const struct json_way *way)
{
    for (size_t i = 0; i < n; i++)
        if (matches(&v[i], way))
            return true;
    return false;
}

/* Appends one character while there is room for it and the NUL. */
static void put(char **to, const char *end, char c)
{
    if (*to < end)
        *(*to)++ = c;
}

/* Control characters come from an origin and would go to a terminal: they become "?". */
static void put_name(char **to, const char *end, const char *name)
{
    for (; *name; name++) {
        const unsigned char c = (unsigned char)*name;
        if (c == '~' || c == '/') {
            put(to, end, '~');
            put(to, end, c == '~' ? '0' : '1');
        } else {
            put(to, end, c < 0x20 || c == 0x7f ? '?' : *name);
        }
    }
}

/* A cut in the middle of a character of several bytes goes back to its begin: the rest would be no
 * UTF-8, and no JSON could hold it. */
static char *whole_characters(char *from, char *to)
{
    char *at = to;
    while (at > from && ((unsigned char)at[-1] & 0xc0) == 0x80)
        at--;
    if (at == from || !((unsigned char)at[-1] & 0x80))
        return to;
    const unsigned char lead = (unsigned char)at[-1];
    const int wants = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    return to - at < wants ? at - 1 : to;
}

void json_way_print(const struct json_way *way, char *to, size_t size)
{
    char *const begin = to, *const end = to + size - 1;
    if (way->n == 0)
        put(&to, end, '/');
    for (unsigned i = 0; i < way->n; i++) {
        char number[24];
        const struct json_step *step = &way->steps[i];
        put(&to, end, '/');
        snprintf(number, sizeof number, "%zu", step->index);
        put_name(&to, end, step->name ? step->name : number);
    }
    *whole_characters(begin, to) = 0;
}
