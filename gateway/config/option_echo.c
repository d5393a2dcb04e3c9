/* SPDX-License-Identifier: Apache-2.0 */
/* Values back to text: durations and sizes as one would write them, so that what is shown can be
 * written into a file again. */
#include "config/option_echo.h"

#include <string.h>

#include "base/text.h"

#define SECRET "***"

void echo_key(struct option_reader *r, const char *name)
{
    if (r->echo)
        json_key(r->echo, name);
}

void echo_open(struct option_reader *r, char bracket)
{
    if (r->echo)
        json_open(r->echo, bracket);
}

void echo_close(struct option_reader *r, char bracket)
{
    if (r->echo)
        json_close(r->echo, bracket);
}

/* -- what is stored ---------------------------------------------------------------------------- */

static void write_in_unit(struct text *out, const struct option *o, const void *field)
{
    struct text t;
    text_init(&t);
    if (o->kind == OPTION_KIND_MS)
        option_print_ms(&t, *(const uint64_t *)field);
    else if (o->kind == OPTION_KIND_SIZE)
        option_print_size(&t, *(const uint64_t *)field);
    else
        text_printf(&t, "%g%%", *(const uint32_t *)field / 1e4);
    json_slice(out, text_slice(&t));
    text_fini(&t);
}

static void write_texts(struct text *out, const struct texts *t)
{
    json_open(out, '[');
    for (size_t i = 0; i < t->n; i++)
        json_slice(out, t->v[i]);
    json_close(out, ']');
}

static void write_text(struct text *out, struct slice s)
{
    if (s.p)
        json_slice(out, s);
    else
        json_str(out, NULL);
}

/* None of the words is what was prepared for a choice without a default. */
static void write_choice(struct text *out, const struct option *o, int choice)
{
    json_str(out, choice < 0 ? NULL : o->names[choice]);
}

void echo_value(struct option_reader *r, const struct option *o, const void *field)
{
    if (!r->echo)
        return;
    if (o->secret) {
        json_str(r->echo, SECRET);
        return;
    }
    switch (o->kind) {
    case OPTION_KIND_BOOL:
        json_bool(r->echo, *(const bool *)field);
        break;
    case OPTION_KIND_INT:
        json_int(r->echo, *(const int64_t *)field);
        break;
    case OPTION_KIND_CHOICE:
        write_choice(r->echo, o, *(const int *)field);
        break;
    case OPTION_KIND_TEXT:
        write_text(r->echo, *(const struct slice *)field);
        break;
    case OPTION_KIND_TEXTS:
        write_texts(r->echo, field);
        break;
    default:
        write_in_unit(r->echo, o, field);
        break;
    }
}

/* -- what stands in the file ------------------------------------------------------------------- */

static const struct option *row_named(const struct option *rows, const char *name)
{
    for (const struct option *o = rows; name && o && o->kind != OPTION_KIND_END; o++)
        if (!strcmp(o->name, name))
            return o;
    return NULL;
}

static void write_setting(struct text *out, const struct option *o, const config_setting_t *s);

/* Of a group by the rows of its members, of a list by those of its elements. */
static void write_members(struct text *out, const struct option *o, const config_setting_t *s)
{
    const char bracket = config_setting_is_group(s) ? '{' : '[';
    json_open(out, bracket);
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *member = config_setting_get_elem(s, i);
        const char *name = config_setting_name(member);
        if (name)
            json_key(out, name);
        write_setting(out, name && o ? row_named(o->rows, name) : o, member);
    }
    json_close(out, bracket == '{' ? '}' : ']');
}

static void write_setting(struct text *out, const struct option *o, const config_setting_t *s)
{
    char number[40];
    if (o && o->secret) {
        json_str(out, SECRET);
        return;
    }
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_STRING:
        json_str(out, config_setting_get_string(s));
        break;
    case CONFIG_TYPE_BOOL:
        json_bool(out, config_setting_get_bool(s));
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        json_int(out, config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_FLOAT:
        snprintf(number, sizeof number, "%.15g", config_setting_get_float(s));
        json_str(out, number);
        break;
    default:
        write_members(out, o, s);
        break;
    }
}

/* Lists and truth values are written in the file as in JSON. */
static void write_preset(struct text *out, struct slice preset)
{
    const bool same = slice_starts(preset, SLICE("[")) || slice_eq(preset, SLICE("true")) ||
                      slice_eq(preset, SLICE("false"));
    if (same)
        json_raw(out, preset);
    else
        write_text(out, preset);
}

void echo_setting(struct option_reader *r, const struct option *o, const config_setting_t *s)
{
    if (!r->echo)
        return;
    if (s)
        write_setting(r->echo, o, s);
    else
        write_preset(r->echo, slice_str(o->preset));
}
