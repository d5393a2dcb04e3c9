/* SPDX-License-Identifier: Apache-2.0 */
#include "weirctl/config_diff.h"

#include <stdlib.h>
#include <string.h>

#include "weirctl/answer.h"

enum { VALUE_MAX = 80, PATH_MAX_BYTES = 512 };

struct diff {
    struct text *out;
    char path[PATH_MAX_BYTES];
    size_t n; /* differences */
};

static void compare(struct diff *d, size_t at, const json_t *from, const json_t *to);

/* -- writing ----------------------------------------------------------------------------------- */

static void write_value(struct text *out, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    const size_t n = text ? strlen(text) : 0;
    char cut[VALUE_MAX + 1];
    snprintf(cut, sizeof cut, "%s", text ? text : "-");
    answer_plain(out, cut);
    text_str(out, n > VALUE_MAX ? "..." : "");
    free(text);
}

static void begin_line(struct diff *d, char sign)
{
    d->n++;
    text_printf(d->out, "%c ", sign);
    answer_plain(d->out, d->path);
}

static void write_change(struct diff *d, const json_t *from, const json_t *to)
{
    begin_line(d, from && to ? '~' : to ? '+' : '-');
    if (from && to) {
        text_str(d->out, ": ");
        write_value(d->out, from);
        text_str(d->out, " -> ");
        write_value(d->out, to);
    } else if (to && !json_is_object(to)) {
        text_str(d->out, ": ");
        write_value(d->out, to);
    }
    text_char(d->out, '\n');
}

/* The path with one more member; where the old one ended is `at`. */
static size_t enter(struct diff *d, size_t at, const char *name)
{
    const int n = snprintf(d->path + at, sizeof d->path - at, "%s%s", at ? "." : "", name);
    const size_t end = at + (n > 0 ? (size_t)n : 0);
    return end < sizeof d->path ? end : sizeof d->path - 1;
}

/* -- comparing --------------------------------------------------------------------------------- */

static void compare_objects(struct diff *d, size_t at, const json_t *from, const json_t *to)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)from, name, v)
    {
        compare(d, enter(d, at, name), v, json_object_get(to, name));
        d->path[at] = '\0';
    }
    json_object_foreach((json_t *)to, name, v)
    {
        if (json_object_get(from, name))
            continue;
        compare(d, enter(d, at, name), NULL, v);
        d->path[at] = '\0';
    }
}

/* What has no name of its own is called after the cluster that it is about. NULL: nothing. */
static const char *name_of(const json_t *element)
{
    const char *name = json_string_value(json_object_get(element, "name"));
    if (name && *name)
        return name;
    const char *cluster = json_string_value(json_object_get(element, "cluster"));
    return cluster && *cluster ? cluster : NULL;
}

/* Each by a name that no other one has. */
static bool all_named(const json_t *list)
{
    json_t *names = json_object();
    const json_t *e;
    size_t i;
    json_array_foreach(list, i, e)
    {
        if (name_of(e))
            json_object_set_new(names, name_of(e), json_true());
    }
    const bool all = json_object_size(names) == json_array_size(list) && json_array_size(list);
    json_decref(names);
    return all;
}

static json_t *by_name(const json_t *list)
{
    json_t *o = json_object(), *e;
    size_t i;
    json_array_foreach(list, i, e) json_object_set(o, name_of(e), e);
    return o;
}

static void compare_lists(struct diff *d, size_t at, const json_t *from, const json_t *to)
{
    const size_t from_n = json_array_size(from), to_n = json_array_size(to);
    if (all_named(from) && all_named(to)) {
        json_t *a = by_name(from), *b = by_name(to);
        compare_objects(d, at, a, b);
        json_decref(a);
        json_decref(b);
        return;
    }
    for (size_t i = 0; i < from_n || i < to_n; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        compare(d, enter(d, at, index), json_array_get(from, i), json_array_get(to, i));
        d->path[at] = '\0';
    }
}

static void compare(struct diff *d, size_t at, const json_t *from, const json_t *to)
{
    if (json_is_object(from) && json_is_object(to))
        compare_objects(d, at, from, to);
    else if (json_is_array(from) && json_is_array(to))
        compare_lists(d, at, from, to);
    else if (!from || !to || !json_equal(from, to))
        write_change(d, from, to);
}

size_t config_diff(const json_t *from, const json_t *to, struct text *out)
{
    struct diff d = {.out = out};
    compare(&d, 0, from, to);
    return d.n;
}
