/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables of modules (struct weir_setting) in the form in which the gateway reads its own
 * (struct option): so a module's settings are parsed, checked, explained and documented by the same
 * code. The tables are a stranger's; whatever the reader would stop the program for, or write
 * outside of the module's struct for, is refused here with the name of the row.
 *
 * Kinds that refer to other parts of the configuration are read by functions of config/
 * (module_conf.h). A row that is secret makes all rows within it secret. */
#include "core/module/module.h"
#include "core/log/template.h"

#define SAME(a, b, member)                                                                         \
    _Static_assert(offsetof(struct a, member) == offsetof(struct b, member) &&                     \
                       sizeof(struct a) == sizeof(struct b),                                       \
                   #a " is what the gateway calls " #b)
SAME(weir_slice, slice, n);
SAME(weir_texts, texts, n);
SAME(weir_groups, groups, n);
SAME(weir_place, place, name);
SAME(weir_url, url_conf, cluster);
SAME(weir_url, url_conf, target);

/* What the readers and checks of a row find in reader->row->more. */
struct row_source {
    const struct weir_setting *setting;
    const struct module *module;
};

/* One table on its way from the one form to the other. */
struct table {
    struct arena *arena;
    const struct module *module;
    const struct place *place; /* for faults */
    struct faults *faults;
    const char *path; /* "route.split[]" */
    size_t size;      /* of the struct that is filled */
    bool secret;
    unsigned depth;
};

static const struct option *rows_make(const struct table *t, const struct weir_setting *rows);
static bool row_make(const struct table *t, const struct weir_setting *ws, struct option *o);
static bool row_wrong(const struct table *t, const struct weir_setting *ws, const char *what);

bool module_rows_make(struct module_set *s, struct module *m, const struct place *place,
                      struct faults *faults)
{
    const struct weir_settings *const scopes[] = {&m->desc->global, &m->desc->route,
                                                  &m->desc->cluster};
    static const char *const paths[] = {"global", "route", "cluster"};
    const struct slice name = slice_str(m->desc->name);
    for (int i = 0; i < MODULE_SCOPE_N; i++) {
        const struct weir_settings *ws = scopes[i];
        m->rows[i] = (struct option){.kind = OPTION_KIND_END};
        if (!ws->rows)
            continue;
        const struct table t = {.arena = &s->arena,
                                .module = m,
                                .place = place,
                                .faults = faults,
                                .path = paths[i],
                                .size = ws->size};
        if (config_has_setting((enum module_scope)i, name))
            return row_wrong(&t, NULL, "the gateway has a setting of the module's name there");
        if (ws->list && i == MODULE_GLOBAL)
            return row_wrong(&t, NULL, "global settings can't be a list");
        m->rows[i] = (struct option){.name = m->desc->name,
                                     .kind = ws->list ? OPTION_KIND_LIST : OPTION_KIND_GROUP,
                                     .rows = rows_make(&t, ws->rows),
                                     .size = ws->size,
                                     .help = m->desc->summary};
        if (!m->rows[i].rows)
            return false;
    }
    return true;
}

/* -- tables ------------------------------------------------------------------------------------ */

static bool row_wrong(const struct table *t, const struct weir_setting *ws, const char *what)
{
    faults_add(t->faults, t->place->file, t->place->line,
               "module %s (%.*s) has a bad table: %s%s%s: %s", t->module->desc->name,
               SLICE_ARG(t->module->path), t->path, ws && ws->name && *ws->name ? "." : "",
               ws && ws->name ? ws->name : "", what);
    return false;
}

static bool name_twice(const struct weir_setting *rows, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(rows[i].name, rows[row].name) == 0)
            return true;
    return false;
}

/* NULL after a fault. */
static const struct option *rows_make(const struct table *t, const struct weir_setting *rows)
{
    enum { DEPTH_MAX = 8 }; /* the syntax bears more; a table that holds itself never ends */
    size_t n = 0;
    while (rows[n].kind != WEIR_END && n < OPTION_ROWS_MAX)
        n++;
    if (n == OPTION_ROWS_MAX || t->depth > DEPTH_MAX) {
        row_wrong(t, NULL, "it has too many rows, or doesn't end");
        return NULL;
    }
    struct option *out = ARENA_ARRAY(t->arena, struct option, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!row_make(t, &rows[i], &out[i]))
            return NULL;
    for (size_t i = 0; i < n; i++)
        if (name_twice(rows, i)) {
            row_wrong(t, &rows[i], "the name stands there twice");
            return NULL;
        }
    out[n].kind = OPTION_KIND_END;
    return out;
}

/* -- rows -------------------------------------------------------------------------------------- */

/* A name that libconfig's grammar has. */
static bool setting_name_ok(const char *name)
{
    struct slice s = slice_str(name);
    for (size_t i = 0; i < s.n; i++) {
        const char c = ascii_lower(s.p[i]);
        const bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '_' && c != '-')))
            return false;
    }
    return s.n > 0 && s.n <= MODULE_NAME_MAX;
}

static size_t size_of(const struct weir_setting *ws)
{
    switch (ws->kind) {
    case WEIR_BOOL:
        return sizeof(bool);
    case WEIR_INT:
    case WEIR_MS:
    case WEIR_SIZE:
        return sizeof(uint64_t);
    case WEIR_PERCENT:
        return sizeof(uint32_t);
    case WEIR_CHOICE:
        return sizeof(int);
    case WEIR_CLUSTER:
        return sizeof(weir_cluster);
    case WEIR_TEMPLATE:
    case WEIR_CHAIN:
        return sizeof(void *);
    case WEIR_URL:
        return sizeof(struct weir_url);
    case WEIR_GROUP:
        return 1;
    default:
        return sizeof(struct weir_slice);
    }
}

static void read_template(struct option_reader *r, const config_setting_t *s, void *field);
static void group_check(struct option_reader *r, const config_setting_t *s, void *base);

/* The kinds that the option engine doesn't have. */
static void custom(struct option *o, const struct weir_setting *ws)
{
    o->kind = OPTION_KIND_CUSTOM;
    switch (ws->kind) {
    case WEIR_CLUSTER:
        o->read = module_read_cluster;
        o->form = FORM_MODULE_CLUSTER;
        break;
    case WEIR_PATH:
        o->read = module_read_path;
        o->form = "a path; a relative one starts in the folder of the main file";
        break;
    case WEIR_URL:
        o->read = module_read_url;
        o->form = FORM_MODULE_URL;
        break;
    case WEIR_TEMPLATE:
        o->read = read_template;
        o->form = "a text, in which %{name} stands for a variable";
        break;
    default:
        o->kind = OPTION_KIND_REST;
        o->take = module_take_chain;
        o->others = module_names;
    }
}

static enum option_kind plain_kind(enum weir_kind k)
{
#define SAME_KIND(K)                                                                               \
    _Static_assert((int)WEIR_##K == (int)OPTION_KIND_##K, "the same number in both forms");
    SAME_KIND(BOOL)
    SAME_KIND(INT)
    SAME_KIND(MS)
    SAME_KIND(SIZE) SAME_KIND(PERCENT) SAME_KIND(TEXT) SAME_KIND(CHOICE) SAME_KIND(TEXTS)
        SAME_KIND(GROUP) SAME_KIND(LIST) SAME_KIND(MAP) return (enum option_kind)k;
}

/* What is within a group, a list or a map. */
static bool inner_make(const struct table *t, const struct weir_setting *ws, struct option *o)
{
    const bool many = ws->kind != WEIR_GROUP;
    const struct table inner = {
        .arena = t->arena,
        .module = t->module,
        .place = t->place,
        .faults = t->faults,
        .path = arena_printf(t->arena, "%s.%s%s", t->path, ws->name, many ? "[]" : ""),
        .size = many ? ws->size : t->size - ws->offset,
        .secret = o->secret,
        .depth = t->depth + 1};
    if (!ws->rows)
        return row_wrong(t, ws, "it has no rows");
    if (many && ws->size < sizeof(struct weir_place))
        return row_wrong(t, ws, "each element begins with a struct weir_place");
    o->rows = rows_make(&inner, ws->rows);
    return o->rows != NULL;
}

static bool preset_ok(const struct weir_setting *ws, const struct option *o)
{
    switch (ws->kind) {
    case WEIR_PATH:
    case WEIR_TEMPLATE:
        return true;
    case WEIR_CLUSTER:
    case WEIR_URL:
    case WEIR_CHAIN:
    case WEIR_TEXTS:
    case WEIR_GROUP:
    case WEIR_LIST:
    case WEIR_MAP:
        return !ws->preset;
    default:
        return option_preset_ok(o);
    }
}

static bool row_make(const struct table *t, const struct weir_setting *ws, struct option *o)
{
    const bool chain = ws->kind == WEIR_CHAIN,
               ranged = ws->kind == WEIR_INT || ws->kind == WEIR_MS || ws->kind == WEIR_SIZE;
    if (ws->kind < WEIR_BOOL || ws->kind > WEIR_CHAIN)
        return row_wrong(t, ws, "it is of no kind that there is");
    if (!ws->name || (chain ? *ws->name != 0 : !setting_name_ok(ws->name)))
        return row_wrong(t, ws, "its name can't be written in a configuration");
    if (!ws->help || !*ws->help)
        return row_wrong(t, ws, "it has no help");
    if (t->size < size_of(ws) || ws->offset > t->size - size_of(ws))
        return row_wrong(t, ws, "it lies outside of the struct");
    if (ws->kind == WEIR_CHOICE && !ws->names)
        return row_wrong(t, ws, "it has no names to choose from");
    if (ws->kind == WEIR_TEMPLATE && (ws->min < WEIR_AT_REQUEST || ws->min > WEIR_AT_DONE))
        return row_wrong(t, ws, "its moment is none that there is");
    if (ranged && (ws->min > ws->max || (ws->kind != WEIR_INT && ws->min < 0)))
        return row_wrong(t, ws, "nothing is in its range");
    struct row_source *more = ARENA_NEW(t->arena, struct row_source);
    *more = (struct row_source){.setting = ws, .module = t->module};
    *o = (struct option){.name = ws->name,
                         .offset = ws->offset,
                         .preset = ws->preset,
                         .min = ws->min,
                         .max = ws->max,
                         .names = ws->names,
                         .size = ws->size,
                         .required = ws->required,
                         .secret = ws->secret || t->secret,
                         .check = ws->check ? group_check : NULL,
                         .more = more,
                         .help = ws->help};
    if (ws->kind >= WEIR_CLUSTER)
        custom(o, ws);
    else
        o->kind = plain_kind(ws->kind);
    if (!preset_ok(ws, o))
        return row_wrong(t, ws, "its default is none of the values that it may have");
    const bool group = ws->kind == WEIR_GROUP || ws->kind == WEIR_LIST || ws->kind == WEIR_MAP;
    return !group || inner_make(t, ws, o);
}

/* -- what modules check and what is read here -------------------------------------------------- */

/* A group that isn't there has nothing to check. */
static void group_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    const struct row_source *more = r->row->more;
    struct weir_load l = {.arena = r->arena,
                          .faults = r->faults,
                          .module = more->module,
                          .reader = r,
                          .place = option_place(r, s)};
    if (s)
        more->setting->check(&l, base);
}

/* A struct template; module_api_fields.c renders it. How many groups the route's path_regex has
 * isn't known yet: a capture that it lacks is absent. */
static void read_template(struct option_reader *r, const config_setting_t *s, void *field)
{
    static const enum known_when whens[] = {[WEIR_AT_REQUEST] = KNOWN_REQUEST,
                                            [WEIR_AT_FORWARD] = KNOWN_ATTEMPT,
                                            [WEIR_AT_RESPONSE] = KNOWN_RESPONSE,
                                            [WEIR_AT_DONE] = KNOWN_END};
    const struct row_source *more = r->row->more;
    struct slice text = slice_str(r->row->preset);
    struct template *t = NULL;
    const struct place place = option_place(r, s);
    const struct template_use use = {.what = s ? option_path(r, s) : r->row->name,
                                     .place = &place,
                                     .when = whens[more->setting->min],
                                     .groups = -1};
    if (s && !option_read_text(r, s, r->row->form, &text))
        text.p = NULL;
    if (text.p && !field_value_ok(text)) /* where it is used, it could never stand */
        option_fault(r, s, "%s has a line end or another control character in it", use.what);
    else if (text.p)
        t = template_compile(text, &use, r->arena, r->faults);
    if (t && template_wants_identity(t))
        module_wants_identity(r);
    *(const struct weir_template **)field = (const struct weir_template *)t;
}
