/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator reads about modules: which there are (weir -m), and one module's settings,
 * commands, counters and log fields (weir --help-module, and pages of the reference), from the same
 * tables that its settings are read by. */
#include "core/module/module.h"

#include "core/stats/exposition.h"

static void settings(struct text *out, const struct module *m, int level);
static void commands(struct text *out, const struct weir_command *rows);
static void metrics(struct text *out, const struct module *m);
static void log_fields(struct text *out, const struct module *m);

/* As a sentence. */
static void sentence(struct text *out, const char *s)
{
    text_char(out, (char)(*s >= 'a' && *s <= 'z' ? *s & ~0x20 : *s));
    text_printf(out, "%s.\n", *s ? s + 1 : "");
}

static void page(struct text *out, const struct module *m, int level)
{
    text_printf(out, "%.*s Module %s\n\n", level, "######", m->desc->name);
    sentence(out, m->desc->summary);
    settings(out, m, level + 1);
    commands(out, m->desc->commands);
    metrics(out, m);
    log_fields(out, m);
}

void module_help(struct text *out, const struct module *m)
{
    page(out, m, 1);
}

void modules_reference(struct text *out, struct module_set *s)
{
    static const struct place nowhere;
    struct faults faults;
    faults_init(&faults);
    for (const char *const *name = module_set_names(s); *name; name++) {
        const struct module *m = module_set_find(s, slice_str(*name), &nowhere, &faults);
        if (m) {
            text_char(out, '\n');
            page(out, m, 2);
        }
    }
    faults_fini(&faults);
}

void module_list(struct text *out, struct module_set *s)
{
    static const struct place nowhere;
    struct faults faults;
    faults_init(&faults);
    for (const char *const *name = module_set_names(s); *name; name++) {
        const struct fault *const *last = (const struct fault *const *)faults.last;
        const struct module *m = module_set_find(s, slice_str(*name), &nowhere, &faults);
        if (m)
            text_printf(out, "%-16s %s\n%-16s %.*s\n", *name, m->desc->summary, "",
                        SLICE_ARG(m->path));
        else
            text_printf(out, "%-16s can't be used: %s\n", *name,
                        *last ? (*last)->text : "it is gone");
    }
    if (out->n == 0)
        text_str(out, "no modules\n");
    for (size_t i = 0; i < s->folders.n; i++)
        text_printf(out, "%s%.*s", i ? ", " : "folders: ", SLICE_ARG(s->folders.v[i]));
    text_char(out, '\n');
    faults_fini(&faults);
}

/* -- one page ---------------------------------------------------------------------------------- */

static void settings(struct text *out, const struct module *m, int level)
{
    static const char *const paths[] = {"modules", "routes[]", "clusters.NAME"};
    bool any = false;
    for (int i = 0; i < MODULE_SCOPE_N; i++) {
        if (m->rows[i].kind == OPTION_KIND_END)
            continue;
        struct option row = m->rows[i];
        row.help = i == MODULE_GLOBAL  ? "what counts everywhere"
                   : i == MODULE_ROUTE ? "what counts on a route"
                                       : "what counts on a cluster";
        config_reference_row(out, paths[i], &row, level);
        any = true;
    }
    if (!any)
        text_str(out, "\nIt has no settings.\n");
}

static void commands(struct text *out, const struct weir_command *rows)
{
    if (!rows || !rows->name)
        return;
    text_str(out, "\n| command | changes something | meaning |\n| --- | --- | --- |\n");
    for (; rows->name; rows++)
        text_printf(out, "| `%s` | %s | %s |\n", rows->name, rows->changes ? "yes" : "no",
                    rows->help);
}

static bool has_rows(const struct weir_counter *c)
{
    return c && c->name;
}

static void rows(struct text *out, const struct module *m, const struct weir_counter *c,
                 const char *suffix)
{
    for (; c && c->name; c++)
        text_printf(out, "| `weir_%s_%s%s` | %s |\n", m->desc->name, c->name, suffix, c->help);
}

static void metrics(struct text *out, const struct module *m)
{
    if (!has_rows(m->desc->counters) && !has_rows(m->desc->gauges))
        return;
    text_str(out, "\n| metric | meaning |\n| --- | --- |\n");
    rows(out, m, m->desc->counters, "_total");
    rows(out, m, m->desc->gauges, "");
}

static void metric_rows(struct text *out, const struct module *m, enum metric_type type,
                        const struct weir_counter *c)
{
    for (; c && c->name; c++) {
        struct metric row = {.type = type, .help = c->help};
        struct text name;
        text_init(&name);
        text_printf(&name, "weir_%s_%s", m->desc->name, c->name);
        text_char(&name, '\0');
        row.name = name.p;
        metrics_row(out, &row);
        text_fini(&name);
    }
}

void modules_metrics_reference(struct text *out, struct module_set *s)
{
    static const struct place nowhere;
    struct faults faults;
    faults_init(&faults);
    for (const char *const *name = module_set_names(s); *name; name++) {
        const struct module *m = module_set_find(s, slice_str(*name), &nowhere, &faults);
        if (!m || (!has_rows(m->desc->counters) && !has_rows(m->desc->gauges)))
            continue;
        text_printf(out, "\n## Module %s\n", *name);
        metrics_rows_begin(out);
        metric_rows(out, m, METRIC_COUNTER, m->desc->counters);
        metric_rows(out, m, METRIC_GAUGE, m->desc->gauges);
    }
    faults_fini(&faults);
}

static void log_fields(struct text *out, const struct module *m)
{
    const char *const *f = m->desc->log_fields;
    if (!f || !*f)
        return;
    text_str(out, "\nFields in the access log: ");
    for (size_t i = 0; f[i]; i++)
        text_printf(out, "%s`%s.%s`", i ? ", " : "", m->desc->name, f[i]);
    text_str(out, ".\n");
}
