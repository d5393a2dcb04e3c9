/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through JSON without making a tree of it: the effective configuration of ten thousand
 * routes has megabytes, and all that is wanted is one value. It is our own text, without blanks, so
 * values are compared as they stand. Names of routes and clusters need no escapes in JSON; what
 * does is not found. */
#include "control/overrides/override_setting.h"

#include <stdio.h>
#include <string.h>

/* -- patterns ---------------------------------------------------------------------------------- */

/* What would end its part of the path is written as in URLs: addresses have colons. */
static bool add_value(struct text *t, const json_t *value)
{
    const struct slice s =
        slice_of(json_string_value(value), value ? json_string_length(value) : 0);
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || strchr("\"\\", s.p[i]))
            return false;
        if (strchr("/:%", s.p[i]))
            text_printf(t, "%%%02X", (unsigned char)s.p[i]);
        else
            text_char(t, s.p[i]);
    }
    return s.n > 0;
}

/* The next character of what add_value() has written. */
static char value_char(const char **p)
{
    unsigned code;
    if (**p == '%' && sscanf(*p + 1, "%2X", &code) == 1) {
        *p += 3;
        return (char)code;
    }
    return *(*p)++;
}

static bool add_member(struct text *t, const json_t *asked, const char **p)
{
    const char *end = strchr(*p, '}');
    char name[64];
    must(end && (size_t)(end - *p) < sizeof name);
    memcpy(name, *p + 1, (size_t)(end - *p - 1));
    name[end - *p - 1] = '\0';
    *p = end;
    return add_value(t, json_object_get(asked, name));
}

bool setting_fill(const char *pattern, const json_t *asked, char to[SETTING_MAX + 1])
{
    struct text t;
    bool ok = true, path = true;
    text_init_fixed(&t, to, SETTING_MAX);
    for (const char *p = pattern; ok && *p; p++) {
        path = path && *p != ':';
        if (*p == '{')
            ok = add_member(&t, asked, &p);
        else
            text_char(&t, path && *p == '.' ? '/' : *p);
    }
    to[t.n] = '\0';
    return ok && !t.cut;
}

/* -- JSON -------------------------------------------------------------------------------------- */

/* Behind a text that begins at i. */
static size_t end_of_text(struct slice s, size_t i)
{
    for (i++; i < s.n && s.p[i] != '"'; i++)
        i += s.p[i] == '\\';
    return i < s.n ? i + 1 : s.n;
}

static bool ends_value(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n';
}

/* Behind a value that begins at i. */
static size_t end_of_value(struct slice s, size_t i)
{
    size_t depth = 0;
    while (i < s.n) {
        const char c = s.p[i];
        if (c == '"')
            i = end_of_text(s, i);
        else if (c == '{' || c == '[')
            depth++, i++;
        else if (c == '}' || c == ']')
            depth -= depth > 0, i++;
        else
            i++;
        if (!depth && (c == '"' || c == '}' || c == ']' || i >= s.n || ends_value(s.p[i])))
            break;
    }
    return i;
}

static size_t skip(struct slice s, size_t i)
{
    while (i < s.n && strchr(" \n,:", s.p[i]))
        i++;
    return i;
}

/* The next thing in an object or a list that begins at *at; false: there is none. */
static bool next(struct slice s, size_t *at, struct slice *out)
{
    const size_t from = skip(s, *at);
    if (from >= s.n || s.p[from] == '}' || s.p[from] == ']')
        return false;
    *at = end_of_value(s, from);
    *out = slice_of(s.p + from, *at - from);
    return true;
}

/* Is this text what a part of a path stands for? */
static bool is_part(struct slice value, struct slice part)
{
    size_t at = 1;
    if (value.n < 2 || value.p[0] != '"')
        return false;
    for (const char *p = part.p; p < part.p + part.n; at++)
        if (value_char(&p) != value.p[at])
            return false;
    return at + 1 == value.n;
}

/* No value: it isn't there. */
static struct slice member(struct slice object, struct slice name)
{
    struct slice key, value;
    size_t at = 1;
    if (!object.n || object.p[0] != '{')
        return slice_of(NULL, 0);
    while (next(object, &at, &key) && next(object, &at, &value))
        if (is_part(key, name))
            return value;
    return slice_of(NULL, 0);
}

/* By its name, its address, or as it stands: endpoints may be mere texts. */
static bool is_called(struct slice element, struct slice part)
{
    return is_part(member(element, SLICE("name")), part) ||
           is_part(member(element, SLICE("address")), part) || is_part(element, part);
}

/* A list of one may be written without its brackets. */
static struct slice step(struct slice value, struct slice part)
{
    struct slice element = member(value, part);
    size_t at = 1;
    if (!element.n && is_called(value, part))
        return value;
    if (!value.n || value.p[0] != '[')
        return element;
    while (next(value, &at, &element))
        if (is_called(element, part))
            return element;
    return slice_of(NULL, 0);
}

/* -- what counts ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3; /* FNV-1a */
    return (h ^ 0xff) * 0x100000001b3;                   /* the end: no text has that byte */
}

/* Members with a default are always there. */
static uint64_t mix_members(uint64_t h, struct slice object, struct slice members, bool *any)
{
    while (members.n) {
        struct slice preset = slice_cut(&members, ',');
        const struct slice name = slice_cut(&preset, '=');
        const struct slice value = member(object, name);
        *any = *any || value.n || preset.n;
        h = mix(h, value.n ? value : preset);
    }
    return h;
}

static uint64_t mix_elements(uint64_t h, struct slice list, struct slice members, bool *any)
{
    struct slice element;
    size_t at = 1;
    *any = true;
    while (next(list, &at, &element))
        h = mix_members(h, element, members, any);
    return h;
}

uint64_t setting_digest(struct slice effective, const char *setting)
{
    struct slice rest = slice_str(setting), value = effective;
    struct slice path = slice_cut(&rest, ':');
    const bool some = rest.p, nothing = some && !rest.n;
    uint64_t h = 0xcbf29ce484222325;
    bool any = false;
    while (path.n && value.n)
        value = step(value, slice_cut(&path, '/'));
    if (!some || nothing)
        any = value.n > 0;
    if (!some)
        h = mix(h, value);
    else if (value.n && value.p[0] == '[')
        h = mix_elements(h, value, rest, &any);
    else
        h = mix_members(h, value, rest, &any);
    return any ? h | 1 : 0;
}

/* -- showing ----------------------------------------------------------------------------------- */

void setting_show(const char *setting, struct text *out)
{
    for (const char *p = setting; *p && *p != ':';) {
        const bool ends = *p == '/';
        const char c = value_char(&p);
        text_char(out, ends ? '.' : c);
    }
}
