/* SPDX-License-Identifier: Apache-2.0 */
/* The reader behind the option tables: walks a libconfig group and a table side by side, stores
 * what is right, gives the rest its default and adds a fault for everything that is wrong.
 *
 * Names are looked for from the file's side first, so that a group costs its members times its
 * rows and no search by name in libconfig; values are then stored in the order of the rows, so
 * that a table decides what is read before what (a listener inherits what the top said, wherever
 * in the file the top said it). Paths such as "routes[2].match" are only made for messages. */
#include "config/option.h"

#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "config/option_echo.h"
#include "config/option_value.h"

static void find_rows(struct option_reader *r, const config_setting_t *s, const struct option *rows,
                      const config_setting_t **found);
static void read_member(struct option_reader *r, const config_setting_t *group,
                        const struct option *o, const config_setting_t *s, void *field);
static void read_value(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field);
static void read_custom(struct option_reader *r, const struct option *o, const config_setting_t *s,
                        void *field);
static void read_rest(struct option_reader *r, const config_setting_t *group,
                      const struct option *rows, const struct option *rest, void *field);
static void read_group(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field);
static void read_groups(struct option_reader *r, const struct option *o, const config_setting_t *s,
                        void *field);
static void read_element(struct option_reader *r, const struct option *o, const config_setting_t *s,
                         size_t index, char *element);
static void report_unknown(struct option_reader *r, const config_setting_t *s,
                           const struct option *rows);
static void report_value(struct option_reader *r, const struct option *o,
                         const config_setting_t *s);

/* -- reading --------------------------------------------------------------------------------- */

void option_read(struct option_reader *r, const config_setting_t *s, const struct option *rows,
                 void *base)
{
    const config_setting_t *found[OPTION_ROWS_MAX] = {0};
    if (s)
        find_rows(r, s, rows, found);
    echo_open(r, '{');
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++) {
        void *field = (char *)base + rows[i].offset;
        if (rows[i].kind != OPTION_KIND_REST)
            read_member(r, s, &rows[i], found[i], field);
        else if (found[i])
            read_rest(r, s, rows, &rows[i], field);
    }
    echo_close(r, '}');
}

/* What isn't there, and wouldn't be there by default, isn't shown. */
static void read_member(struct option_reader *r, const config_setting_t *group,
                        const struct option *o, const config_setting_t *s, void *field)
{
    struct text *echo = r->echo;
    if (o->optional && !s)
        r->echo = NULL;
    echo_key(r, o->name);
    option_read_row(r, group, o, s, field);
    r->echo = echo;
}

/* The row of this name; else that of the rest; else the end. */
static size_t row_of(const struct option *rows, const char *name)
{
    size_t row = 0, rest = SIZE_MAX;
    while (rows[row].kind != OPTION_KIND_END && strcmp(rows[row].name, name) != 0) {
        if (rows[row].kind == OPTION_KIND_REST)
            rest = row;
        row++;
    }
    must(row < OPTION_ROWS_MAX);
    return rows[row].kind == OPTION_KIND_END && rest != SIZE_MAX ? rest : row;
}

static void find_rows(struct option_reader *r, const config_setting_t *s, const struct option *rows,
                      const config_setting_t **found)
{
    unsigned n = (unsigned)config_setting_length(s);
    for (unsigned i = 0; i < n; i++) {
        const config_setting_t *member = config_setting_get_elem(s, i);
        const size_t row = row_of(rows, config_setting_name(member));
        if (rows[row].kind == OPTION_KIND_END)
            report_unknown(r, member, rows);
        else
            found[row] = member;
    }
}

/* Only called when there is such a member. */
static void read_rest(struct option_reader *r, const config_setting_t *group,
                      const struct option *rows, const struct option *rest, void *field)
{
    const unsigned n = (unsigned)config_setting_length(group);
    const struct option *outer = r->row;
    r->row = rest;
    for (unsigned i = 0; i < n; i++) {
        const config_setting_t *member = config_setting_get_elem(group, i);
        if (&rows[row_of(rows, config_setting_name(member))] == rest &&
            !rest->take(r, member, field))
            report_unknown(r, member, rows);
    }
    r->row = outer;
}

void option_read_row(struct option_reader *r, const config_setting_t *group, const struct option *o,
                     const config_setting_t *s, void *field)
{
    const struct option *outer = r->row;
    r->row = o;
    if (!s && group && o->required) { /* without the group there is nothing to stand in */
        const char *path = option_path(r, group);
        option_fault(r, group, "%s%s%s is missing: %s", path, *path ? "." : "", o->name, o->help);
    }
    read_value(r, o, s, field);
    r->row = outer;
}

static void read_value(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field)
{
    switch (o->kind) {
    case OPTION_KIND_GROUP:
        read_group(r, o, s, field);
        return;
    case OPTION_KIND_LIST:
    case OPTION_KIND_MAP:
        read_groups(r, o, s, field);
        return;
    case OPTION_KIND_CUSTOM:
        read_custom(r, o, s, field);
        return;
    case OPTION_KIND_TEXTS:
        if (s && !option_read_texts(r, s, field))
            memset(field, 0, sizeof(struct texts));
        break;
    default:
        if (s && option_value_read(r, o, s, field))
            break;
        if (s)
            report_value(r, o, s);
        option_value_preset(o, field);
        break;
    }
    echo_value(r, o, field);
}

/* What the function makes of it can't be shown, but what it was given can. */
static void read_custom(struct option_reader *r, const struct option *o, const config_setting_t *s,
                        void *field)
{
    struct text *echo = r->echo;
    r->echo = NULL;
    o->read(r, s, field);
    r->echo = echo;
    echo_setting(r, o, s);
}

/* A group of the wrong type is read as if it were absent, so that its fields have their defaults.
 */
static void read_group(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field)
{
    if (s && !config_setting_is_group(s)) {
        report_value(r, o, s);
        s = NULL;
    }
    option_read(r, s, o->rows, field);
    if (o->check)
        o->check(r, s, field);
}

static void read_groups(struct option_reader *r, const struct option *o, const config_setting_t *s,
                        void *field)
{
    struct groups out = {0};
    int type = s ? config_setting_type(s) : CONFIG_TYPE_NONE;
    bool fits = o->kind == OPTION_KIND_MAP ? type == CONFIG_TYPE_GROUP
                                           : type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
    if (s && !fits)
        report_value(r, o, s);
    echo_open(r, o->kind == OPTION_KIND_MAP ? '{' : '[');
    if (fits) {
        out.n = (size_t)config_setting_length(s);
        out.v = arena_zalloc(r->arena, out.n * o->size);
        memcpy(field, &out, sizeof out);
        for (size_t i = 0; i < out.n; i++)
            read_element(r, o, config_setting_get_elem(s, (unsigned)i), i,
                         (char *)out.v + i * o->size);
    } else {
        memcpy(field, &out, sizeof out);
    }
    echo_close(r, o->kind == OPTION_KIND_MAP ? '}' : ']');
}

static void read_element(struct option_reader *r, const struct option *o, const config_setting_t *s,
                         size_t index, char *element)
{
    struct place *place = (struct place *)element;
    *place = option_place(r, s);
    place->index = index;
    if (o->kind == OPTION_KIND_MAP)
        echo_key(r, config_setting_name(s));
    if (o->kind == OPTION_KIND_MAP)
        place->name = arena_dup(r->arena, slice_str(config_setting_name(s)));
    if (o->prepare)
        o->prepare(r, element);
    if (config_setting_is_group(s)) {
        option_read(r, s, o->rows, element);
        if (o->check)
            o->check(r, s, element);
    } else {
        echo_setting(r, o, s);
        option_wrong(r, s, "a group: { ... }");
    }
}

bool option_read_texts(struct option_reader *r, const config_setting_t *s, struct texts *out)
{
    *out = (struct texts){0};
    if (config_setting_type(s) == CONFIG_TYPE_STRING) {
        out->v = ARENA_NEW(r->arena, struct slice);
        out->v[out->n++] = arena_dup(r->arena, slice_str(config_setting_get_string(s)));
        return true;
    }
    if (config_setting_type(s) != CONFIG_TYPE_LIST && config_setting_type(s) != CONFIG_TYPE_ARRAY) {
        option_wrong(r, s, "a text or a list of texts: [ \"a\", \"b\" ]");
        return false;
    }
    size_t n = (size_t)config_setting_length(s);
    size_t wrong = r->faults->errors;
    out->v = ARENA_ARRAY(r->arena, struct slice, n);
    for (size_t i = 0; i < n; i++)
        if (option_read_text(r, config_setting_get_elem(s, (unsigned)i), "a text in quotes",
                             &out->v[out->n]))
            out->n++;
    return r->faults->errors == wrong;
}

bool option_read_text(struct option_reader *r, const config_setting_t *s, const char *form,
                      struct slice *out)
{
    if (config_setting_type(s) != CONFIG_TYPE_STRING) {
        option_wrong(r, s, "%s", form);
        return false;
    }
    *out = arena_dup(r->arena, slice_str(config_setting_get_string(s)));
    return true;
}

/* -- places ---------------------------------------------------------------------------------- */

static void add_path(struct text *t, const config_setting_t *s)
{
    if (!s || !config_setting_parent(s))
        return;
    add_path(t, config_setting_parent(s));
    if (config_setting_name(s))
        text_printf(t, "%s%s", t->n ? "." : "", config_setting_name(s));
    else
        text_printf(t, "[%d]", config_setting_index(s));
}

const char *option_path(struct option_reader *r, const config_setting_t *s)
{
    struct text t;
    text_init(&t);
    add_path(&t, s);
    const char *path = arena_dup(&r->faults->arena, text_slice(&t)).p;
    text_fini(&t);
    return path;
}

/* libconfig's file names go with its tree, so they are copied, once per file as a rule. It has none
 * for what came from memory, which is how the main file is read. */
struct place option_place(struct option_reader *r, const config_setting_t *s)
{
    const char *theirs = s ? config_setting_source_file(s) : NULL;
    struct place place = {.file = r->file, .line = s ? (int)config_setting_source_line(s) : 0};
    if (!theirs)
        return place;
    if (theirs != r->name.theirs) {
        r->name.theirs = theirs;
        r->name.ours = r->file_name ? r->file_name(r, theirs) : arena_strdup(r->arena, theirs);
    }
    place.file = r->name.ours;
    return place;
}

/* -- messages -------------------------------------------------------------------------------- */

static void report(struct option_reader *r, const config_setting_t *s, bool warning,
                   const char *message)
{
    struct place place = option_place(r, s);
    if (warning)
        faults_warn(r->faults, place.file, place.line, "%s", message);
    else
        faults_add(r->faults, place.file, place.line, "%s", message);
}

void option_fault(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(r, s, false, arena_vprintf(&r->faults->arena, fmt, ap));
    va_end(ap);
}

void option_warn(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(r, s, true, arena_vprintf(&r->faults->arena, fmt, ap));
    va_end(ap);
}

void option_wrong(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
{
    struct text found;
    text_init(&found);
    if (r->row && r->row->secret)
        text_str(&found, "wrong (it is secret and not shown)");
    else
        option_value_describe(&found, s);
    va_list ap;
    va_start(ap, fmt);
    const char *allowed = arena_vprintf(&r->faults->arena, fmt, ap);
    va_end(ap);
    option_fault(r, s, "%s is %.*s; %s", option_path(r, s), SLICE_ARG(text_slice(&found)), allowed);
    text_fini(&found);
}

const char *option_hint(struct option_reader *r, struct slice word, const char *const *names)
{
    bool search = r->hints < HINTS_MAX && word.n > 1; /* any one letter is near any other */
    const char *near = search ? nearest_name(word, names) : NULL;
    if (!near)
        return "";
    r->hints++;
    return arena_printf(&r->faults->arena, "; did you mean \"%s\"?", near);
}

static void report_value(struct option_reader *r, const struct option *o, const config_setting_t *s)
{
    const char *hint = "";
    if (o->kind == OPTION_KIND_CHOICE && !o->secret && config_setting_type(s) == CONFIG_TYPE_STRING)
        hint = option_hint(r, slice_str(config_setting_get_string(s)), o->names);
    if (o->kind == OPTION_KIND_MS && config_setting_is_number(s))
        hint = " (a number alone has no unit)";
    struct text allowed;
    text_init(&allowed);
    option_value_allowed(&allowed, o);
    option_wrong(r, s, "%.*s%s", SLICE_ARG(text_slice(&allowed)), hint);
    text_fini(&allowed);
}

/* Those of the rows, and those that the row for the rest knows. */
static const char *const *known_names(struct option_reader *r, const struct option *rows)
{
    const char *const *others = NULL;
    size_t n = 0, more = 0;
    if (r->known.rows == rows)
        return r->known.names;
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++)
        if (rows[i].kind == OPTION_KIND_REST)
            others = rows[i].others(r);
    while (others && others[more])
        more++;
    const char **names = ARENA_ARRAY(&r->faults->arena, const char *, OPTION_ROWS_MAX + more + 1);
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++)
        if (rows[i].kind != OPTION_KIND_REST)
            names[n++] = rows[i].name;
    for (size_t i = 0; i < more; i++)
        names[n++] = others[i];
    r->known.rows = rows;
    return r->known.names = names;
}

/* The nearest name, or, when none is near, all that there are. */
static void report_unknown(struct option_reader *r, const config_setting_t *s,
                           const struct option *rows)
{
    const char *const *names = known_names(r, rows);
    const char *hint = option_hint(r, slice_str(config_setting_name(s)), names);
    const char *path = option_path(r, s);
    if (*hint) {
        option_fault(r, s, "unknown setting %s%s", path, hint);
        return;
    }
    struct text known;
    text_init(&known);
    for (size_t i = 0; names[i]; i++)
        text_printf(&known, "%s%s", i ? ", " : "", names[i]);
    for (const struct option *o = rows; o->kind != OPTION_KIND_END; o++)
        if (o->kind == OPTION_KIND_REST)
            text_printf(&known, "%s%s", known.n ? ", and " : "", o->help);
    option_fault(r, s, "unknown setting %s; known here: %.*s", path,
                 SLICE_ARG(known.n ? text_slice(&known) : SLICE("nothing")));
    text_fini(&known);
}
