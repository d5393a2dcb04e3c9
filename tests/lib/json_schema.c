/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/json_schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where one is, from the inside out. */
struct path {
    const struct path *out;
    const char *name;
    size_t index; /* without a name */
};

struct look {
    const json_t *root;
    struct text *fault;
};

static bool fits(const struct look *l, const struct path *at, const json_t *schema,
                 const json_t *value);

static void write_path(struct text *t, const struct path *p)
{
    if (!p)
        return;
    write_path(t, p->out);
    if (p->name)
        text_printf(t, "/%s", p->name);
    else
        text_printf(t, "/%zu", p->index);
}

static bool say(const struct look *l, const struct path *at, const char *what, const char *more)
{
    write_path(l->fault, at);
    text_printf(l->fault, ": %s%s", what, more);
    return false;
}

const json_t *json_schema_at(const json_t *root, const char *pointer)
{
    char name[128];

    if (strncmp(pointer, "#/", 2) != 0)
        return NULL;
    for (const char *p = pointer + 2; root && p;) {
        size_t n = 0;
        for (; *p && *p != '/' && n < sizeof name - 1; p++) {
            name[n++] = p[0] == '~' ? (p[1] == '1' ? '/' : '~') : p[0];
            p += p[0] == '~' && p[1];
        }
        name[n] = '\0';
        root = json_object_get(root, name);
        p = *p == '/' ? p + 1 : NULL;
    }
    return root;
}

/* -- keywords ---------------------------------------------------------------------------------- */

static bool is_of(const json_t *value, const char *type)
{
    if (!strcmp(type, "object"))
        return json_is_object(value);
    if (!strcmp(type, "array"))
        return json_is_array(value);
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "boolean"))
        return json_is_boolean(value);
    if (!strcmp(type, "null"))
        return json_is_null(value);
    if (!strcmp(type, "number"))
        return json_is_number(value);
    return !strcmp(type, "integer") &&
           (json_is_integer(value) ||
            (json_is_real(value) && floor(json_real_value(value)) == json_real_value(value)));
}

static bool check_type(const json_t *type, const json_t *value)
{
    size_t i;
    json_t *one;

    if (json_is_string(type))
        return is_of(value, json_string_value(type));
    json_array_foreach(type, i, one)
    {
        if (is_of(value, json_string_value(one)))
            return true;
    }
    return false;
}

static bool check_enum(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one)
    {
        if (json_equal(one, value))
            return true;
    }
    return false;
}

static bool check_members(const struct look *l, const struct path *at, const json_t *schema,
                          const json_t *value)
{
    const json_t *known = json_object_get(schema, "properties"),
                 *others = json_object_get(schema, "additionalProperties");
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)value, key, member)
    {
        const struct path inside = {.out = at, .name = key};
        const json_t *own = json_object_get(known, key);
        if (!own && json_is_false(others))
            return say(l, at, "nothing is said of the member ", key);
        own = own ? own : others;
        if (json_is_object(own) && !fits(l, &inside, own, member))
            return false;
    }
    return true;
}

static bool check_required(const struct look *l, const struct path *at, const json_t *names,
                           const json_t *value)
{
    size_t i;
    json_t *one;

    json_array_foreach(names, i, one)
    {
        if (!json_object_get(value, json_string_value(one)))
            return say(l, at, "there is no member ", json_string_value(one));
    }
    return true;
}

static bool check_items(const struct look *l, const struct path *at, const json_t *items,
                        const json_t *value)
{
    size_t i;
    json_t *one;

    json_array_foreach(value, i, one)
    {
        const struct path inside = {.out = at, .index = i};
        if (!fits(l, &inside, items, one))
            return false;
    }
    return true;
}

static bool check(const struct look *l, const struct path *at, const char *keyword,
                  const json_t *rule, const json_t *value)
{
    char *text = NULL;
    bool ok = true;

    if (!strcmp(keyword, "type"))
        ok = check_type(rule, value);
    else if (!strcmp(keyword, "enum"))
        ok = check_enum(rule, value);
    else if (!strcmp(keyword, "minimum"))
        ok = !json_is_number(value) || json_number_value(value) >= json_number_value(rule);
    else if (!strcmp(keyword, "maximum"))
        ok = !json_is_number(value) || json_number_value(value) <= json_number_value(rule);
    else if (!strcmp(keyword, "required"))
        return !json_is_object(value) || check_required(l, at, rule, value);
    else if (!strcmp(keyword, "items"))
        return !json_is_array(value) || check_items(l, at, rule, value);
    else if (strcmp(keyword, "description") != 0 && strcmp(keyword, "properties") != 0 &&
             strcmp(keyword, "additionalProperties") != 0)
        return say(l, at, "the schema has an unknown keyword: ", keyword);
    if (ok)
        return true;
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    say(l, at, keyword, " doesn't allow ");
    text_str(l->fault, text ? text : "?");
    free(text);
    return false;
}

static bool fits(const struct look *l, const struct path *at, const json_t *schema,
                 const json_t *value)
{
    const json_t *to = json_object_get(schema, "$ref"), *rule;
    const char *keyword;

    if (to) {
        schema = json_schema_at(l->root, json_string_value(to));
        return schema ? fits(l, at, schema, value)
                      : say(l, at, "nothing is at ", json_string_value(to));
    }
    json_object_foreach((json_t *)schema, keyword, rule)
    {
        if (!check(l, at, keyword, rule, value))
            return false;
    }
    return !json_is_object(value) || check_members(l, at, schema, value);
}

bool json_schema_fits(const json_t *root, const json_t *schema, const json_t *value,
                      struct text *fault)
{
    const struct look l = {.root = root, .fault = fault};

    return fits(&l, NULL, schema, value);
}
