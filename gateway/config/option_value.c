/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of the option tables: text to number and back, one kind after the other, and the
 * two halves of every message about a bad one: what was found and what is allowed.
 *
 * A default is written in the table as an operator would write it and goes through the same
 * parsers; a default that doesn't parse is a mistake of ours and stops the program. */
#include "config/option_value.h"

#include <inttypes.h>

#include "base/check.h"

struct unit {
    struct slice suffix;
    uint64_t factor;
};

/* Ascending: the way back takes the last one that divides. */
static const struct unit ms_units[] = {
    {SLICE_INIT("ms"), 1},      {SLICE_INIT("s"), 1000},     {SLICE_INIT("m"), 60000},
    {SLICE_INIT("h"), 3600000}, {SLICE_INIT("d"), 86400000},
};
static const struct unit size_units[] = {
    {SLICE_INIT(""), 1},
    {SLICE_INIT("k"), 1u << 10},
    {SLICE_INIT("m"), 1u << 20},
    {SLICE_INIT("g"), 1u << 30},
};

static bool parse_unit(struct slice text, const struct unit *units, size_t n, uint64_t *out);
static void print_unit(struct text *t, uint64_t v, const struct unit *units, size_t n);
static bool store_number(const struct option *o, uint64_t v, void *field);
static bool store_text(const struct option *o, struct slice text, void *field);
static bool store_preset(const struct option *o, void *field);
static void describe_text(struct text *t, const char *s);

/* -- text to number and back ----------------------------------------------------------------- */

bool option_parse_ms(struct slice text, uint64_t *ms)
{
    return parse_unit(text, ms_units, array_n(ms_units), ms);
}

bool option_parse_size(struct slice text, uint64_t *bytes)
{
    return parse_unit(text, size_units, array_n(size_units), bytes);
}

static bool parse_unit(struct slice text, const struct unit *units, size_t n, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    uint64_t v;
    if (!slice_to_u64(slice_of(text.p, digits), &v))
        return false;
    struct slice suffix = slice_from(text, digits);
    for (size_t i = 0; i < n; i++)
        if (slice_eq(suffix, units[i].suffix))
            return !__builtin_mul_overflow(v, units[i].factor, out);
    return false;
}

/* Four decimals of a percent are one millionth; more would be rounded in silence. */
bool option_parse_percent(struct slice text, uint32_t *millionths)
{
    enum { DECIMALS = 4 };
    if (!slice_ends(text, SLICE("%")))
        return false;
    struct slice fraction = slice_of(text.p, text.n - 1);
    struct slice whole = slice_cut(&fraction, '.');
    uint64_t v, part = 0;
    if (!slice_to_u64(whole, &v) || v > 100)
        return false;
    if (fraction.p && (fraction.n > DECIMALS || !slice_to_u64(fraction, &part)))
        return false;
    for (size_t i = fraction.p ? fraction.n : DECIMALS; i < DECIMALS; i++)
        part *= 10;
    v = v * 10000 + part;
    if (v > 1000000)
        return false;
    *millionths = (uint32_t)v;
    return true;
}

void option_print_ms(struct text *t, uint64_t ms)
{
    if (ms == 0)
        text_str(t, "0s");
    else
        print_unit(t, ms, ms_units, array_n(ms_units));
}

void option_print_size(struct text *t, uint64_t bytes)
{
    print_unit(t, bytes, size_units, array_n(size_units));
}

static void print_unit(struct text *t, uint64_t v, const struct unit *units, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && (v == 0 || v % units[i].factor != 0))
        i--;
    text_uint(t, v / units[i].factor);
    text_add(t, units[i].suffix);
}

/* -- values into fields ---------------------------------------------------------------------- */

bool option_value_read(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_BOOL:
        if (o->kind != OPTION_KIND_BOOL)
            return false;
        *(bool *)field = config_setting_get_bool(s);
        return true;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: {
        long long v = config_setting_get_int64(s);
        if (o->kind == OPTION_KIND_INT && v >= o->min && v <= o->max) {
            *(int64_t *)field = v;
            return true;
        }
        return o->kind == OPTION_KIND_SIZE && v >= 0 && store_number(o, (uint64_t)v, field);
    }
    case CONFIG_TYPE_STRING: {
        struct slice text = slice_str(config_setting_get_string(s));
        if (o->kind == OPTION_KIND_TEXT)
            text = arena_dup(r->arena, text);
        return o->kind != OPTION_KIND_BOOL && o->kind != OPTION_KIND_INT &&
               store_text(o, text, field);
    }
    default:
        return false;
    }
}

void option_value_preset(const struct option *o, void *field)
{
    must(!o->preset || store_preset(o, field));
}

bool option_preset_ok(const struct option *o)
{
    uint64_t room[2];
    _Static_assert(sizeof room >= sizeof(struct slice), "any scalar fits");
    return !o->preset || store_preset(o, room);
}

static bool store_preset(const struct option *o, void *field)
{
    struct slice text = slice_str(o->preset);
    uint64_t v = 0;
    switch (o->kind) {
    case OPTION_KIND_BOOL:
        *(bool *)field = slice_eq(text, SLICE("true"));
        return *(bool *)field || slice_eq(text, SLICE("false"));
    case OPTION_KIND_INT:
        if (!slice_to_u64(text, &v) || v > INT64_MAX || (int64_t)v < o->min || (int64_t)v > o->max)
            return false;
        *(int64_t *)field = (int64_t)v;
        return true;
    default:
        return store_text(o, text, field);
    }
}

/* MS and SIZE: in range, then stored. */
static bool store_number(const struct option *o, uint64_t v, void *field)
{
    if (v < (uint64_t)o->min || v > (uint64_t)o->max)
        return false;
    *(uint64_t *)field = v;
    return true;
}

/* The kinds that are written as text. TEXT keeps the slice: the caller has copied it. */
static bool store_text(const struct option *o, struct slice text, void *field)
{
    uint64_t v;
    switch (o->kind) {
    case OPTION_KIND_TEXT:
        *(struct slice *)field = text;
        return true;
    case OPTION_KIND_MS:
        return option_parse_ms(text, &v) && store_number(o, v, field);
    case OPTION_KIND_SIZE:
        return option_parse_size(text, &v) && store_number(o, v, field);
    case OPTION_KIND_PERCENT:
        return option_parse_percent(text, field);
    case OPTION_KIND_CHOICE:
        for (int i = 0; o->names[i]; i++)
            if (slice_eq(text, slice_str(o->names[i]))) {
                *(int *)field = i;
                return true;
            }
        return false;
    default:
        return false;
    }
}

/* -- messages -------------------------------------------------------------------------------- */

void option_value_describe(struct text *t, const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_GROUP:
        text_str(t, "a group");
        break;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        text_str(t, config_setting_length(s) ? "a list" : "an empty list");
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        text_int(t, config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_FLOAT:
        text_printf(t, "%g", config_setting_get_float(s));
        break;
    case CONFIG_TYPE_BOOL:
        text_str(t, config_setting_get_bool(s) ? "true" : "false");
        break;
    default:
        describe_text(t, config_setting_get_string(s));
    }
}

/* In quotes, on one line, and not longer than a message bears. */
static void describe_text(struct text *t, const char *s)
{
    enum { SHOWN_MAX = 80 };
    struct slice all = slice_str(s);
    text_char(t, '"');
    for (size_t i = 0; i < all.n && i < SHOWN_MAX; i++) {
        unsigned char c = (unsigned char)all.p[i];
        if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\x%02x", c);
        else
            text_char(t, (char)c);
    }
    text_str(t, all.n > SHOWN_MAX ? "...\"" : "\"");
}

static void add_names(struct text *t, const char *const *names)
{
    text_str(t, "one of ");
    for (size_t i = 0; names[i]; i++) {
        if (i > 0)
            text_str(t, names[i + 1] ? ", " : " or ");
        text_printf(t, "\"%s\"", names[i]);
    }
}

static void add_range(struct text *t, const struct option *o,
                      void (*print)(struct text *t, uint64_t v))
{
    text_str(t, ", from ");
    print(t, (uint64_t)o->min);
    text_str(t, " to ");
    print(t, (uint64_t)o->max);
}

void option_value_allowed(struct text *t, const struct option *o)
{
    if (o->form) {
        text_str(t, o->form);
        return;
    }
    switch (o->kind) {
    case OPTION_KIND_BOOL:
        text_str(t, "true or false");
        break;
    case OPTION_KIND_INT:
        text_printf(t, "a whole number from %" PRId64 " to %" PRId64, o->min, o->max);
        break;
    case OPTION_KIND_MS:
        text_str(t, "a duration such as \"250ms\", \"3s\" or \"5m\"");
        add_range(t, o, option_print_ms);
        break;
    case OPTION_KIND_SIZE:
        text_str(t, "a size such as 8192, \"64k\" or \"1m\"");
        add_range(t, o, option_print_size);
        break;
    case OPTION_KIND_PERCENT:
        text_str(t, "a percentage from \"0%\" to \"100%\", such as \"2.5%\"");
        break;
    case OPTION_KIND_CHOICE:
        add_names(t, o->names);
        break;
    case OPTION_KIND_TEXTS:
        text_str(t, "a text or a list of texts: [ \"a\", \"b\" ]");
        break;
    case OPTION_KIND_GROUP:
        text_str(t, "a group: { ... }");
        break;
    case OPTION_KIND_LIST:
        text_str(t, "a list of groups: ( { ... }, { ... } )");
        break;
    case OPTION_KIND_MAP:
        text_str(t, "a group of named groups: { name = { ... }; }");
        break;
    default:
        text_str(t, "a text in quotes");
    }
}
