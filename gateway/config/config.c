/* SPDX-License-Identifier: Apache-2.0 */
/* From a file to checked values: has the texts read (files.c), lets libconfig make a tree of them,
 * reads the tree by the option tables, and sorts what was found wrong into the order of the file.
 *
 * The tree and the texts live no longer than config_load(): every value is copied into the
 * configuration's arena. */
#include "config/config.h"

#include <stdlib.h>

#include "config/sections.h"
#include "config/files.h"
#include "config/syntax.h"

static struct config *files_load(struct conf_files *ss, bool opened, const char *name,
                                 struct module_source *modules);
static bool tree_read(struct loading *l, config_t *tree);
static void whole_check(struct loading *l);
static void faults_sort(struct faults *faults, struct fault **from, const char *main_file);

struct config *config_load(const char *path, struct module_source *modules, struct faults *faults)
{
    struct conf_files ss = {.arena = &faults->arena, .faults = faults};
    struct fault **from = faults->last;
    struct config *c = files_load(&ss, conf_files_open(&ss, path), path, modules);
    faults_sort(faults, from, path);
    return c;
}

struct config *config_load_texts(struct conf_texts *texts, struct module_source *modules,
                                 struct faults *faults)
{
    struct conf_files ss = {.arena = &faults->arena, .faults = faults};
    struct fault **from = faults->last;
    const char *path = texts->v[0].shown.p;
    struct config *c = files_load(&ss, conf_files_recall(&ss, texts), path, modules);
    if (c)
        c->recalled = true;
    faults_sort(faults, from, path);
    return c;
}

struct config *config_parse(const char *text, const char *name, struct module_source *modules,
                            struct faults *faults)
{
    struct conf_files ss = {.arena = &faults->arena, .faults = faults};
    struct fault **from = faults->last;
    struct config *c = files_load(&ss, conf_files_take(&ss, text, name), name, modules);
    faults_sort(faults, from, name);
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    conf_texts_release(c->texts);
    arena_fini(&c->arena);
    free(c);
}

/* -- the tree -------------------------------------------------------------------------------- */

static struct config *config_new(const char *name)
{
    struct config *c = calloc(1, sizeof *c);
    must(c);
    arena_init(&c->arena, NULL, 0);
    c->file = arena_dup(&c->arena, slice_str(name));
    admin_prepare(&c->admin.own);
    return c;
}

static const char *on_file_name(struct option_reader *r, const char *theirs)
{
    return conf_file_shown(loading_of(r)->files, theirs, r->arena);
}

static struct config *files_load(struct conf_files *ss, bool opened, const char *name,
                                 struct module_source *modules)
{
    struct faults *faults = ss->faults;
    size_t errors = faults->errors;
    struct config *c = config_new(name);
    struct loading l = {
        .r = {.arena = &c->arena,
              .faults = faults,
              .root = c,
              .file = c->file.p,
              .file_name = on_file_name},
        .c = c,
        .files = ss,
        .modules = modules,
    };
    struct text echo;
    config_t tree;
    config_init(&tree);
    if (opened && tree_read(&l, &tree)) {
        c->digest = conf_files_digest(ss);
        struct map *const maps[] = {&l.listeners, &l.binds, &l.clusters, &l.routes, &l.urls};
        for (size_t i = 0; i < array_n(maps); i++)
            map_init(maps[i]);
        l.root = config_root_setting(&tree);
        text_init(&echo);
        l.r.echo = &echo;
        option_read(&l.r, l.root, top_options, c);
        l.r.echo = NULL;
        c->effective = arena_dup(&c->arena, text_slice(&echo));
        text_fini(&echo);
        modules_complete(&l);
        whole_check(&l);
        for (size_t i = 0; i < array_n(maps); i++)
            map_fini(maps[i]);
    }
    config_destroy(&tree);
    const bool good = opened && faults->errors == errors;
    if (good)
        c->texts = conf_files_keep(ss);
    conf_files_close(ss);
    if (good)
        return c;
    if (modules)
        modules->forget(c);
    config_free(c);
    return NULL;
}

/* The line without what stands in quotes: that may be a secret, and no table knows it yet. */
static struct slice line_masked(struct slice line, struct arena *a)
{
    struct text t;
    bool quoted = false;
    text_init(&t);
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '"') {
            quoted = !quoted;
            text_str(&t, quoted ? "\"..." : "\"");
        } else if (!quoted) {
            text_char(&t, line.p[i]);
        } else if (line.p[i] == '\\') {
            i++; /* what follows doesn't end the text */
        }
    }
    const struct slice masked = arena_dup(a, text_slice(&t));
    text_fini(&t);
    return masked;
}

/* The n-th line, trimmed, for a message. */
static struct slice line_at(struct slice text, int n)
{
    enum { SHOWN_MAX = 80 };
    struct slice line = {0};
    for (struct slice rest = text; rest.p && n > 0; n--)
        line = slice_trim(slice_cut(&rest, '\n'));
    line.n = n > 0 ? 0 : line.n;
    return line.n > SHOWN_MAX ? slice_of(line.p, SHOWN_MAX) : line;
}

static bool tree_read(struct loading *l, config_t *tree)
{
    const struct conf_files *ss = l->files;
    if (ss->folder.n > 0 && !ss->kept)
        config_set_include_dir(tree, ss->folder.p);
    if (config_read_string(tree, conf_files_main(ss)))
        return true;
    const char *file = conf_file_shown(ss, config_error_file(tree), l->r.arena);
    struct slice text = conf_file_text(ss, file);
    const char *what = config_error_text(tree);
    int line = config_error_line(tree);
    struct slice shown = line_masked(line_at(text, line), l->r.arena);
    struct twice twice;
    if (strcmp(what, "duplicate setting name") == 0 && syntax_twice(text, &twice))
        faults_add(l->r.faults, file, twice.second,
                   "%.*s is set twice in its group; first in line %d", SLICE_ARG(twice.name),
                   twice.first);
    else if (shown.n > 0)
        faults_add(l->r.faults, file, line, "%s; the line reads: %.*s", what, SLICE_ARG(shown));
    else
        faults_add(l->r.faults, file, line, "%s", what);
    return false;
}

static void warn_without_fleet(struct loading *l, const struct cluster_conf *cl)
{
    if (cl->retry_budget.shared)
        faults_warn(l->r.faults, cl->place.file, cl->place.line,
                    "clusters.%.*s.retry_budget.shared does nothing: there is no group fleet, so "
                    "there are no other instances",
                    SLICE_ARG(cl->place.name));
    if (cl->health.fleet_checkers)
        faults_warn(l->r.faults, cl->place.file, cl->place.line,
                    "clusters.%.*s.health.fleet_checkers does nothing: there is no group fleet, so "
                    "there are no other instances",
                    SLICE_ARG(cl->place.name));
}

/* What only shows when everything was read. */
static void whole_check(struct loading *l)
{
    const config_setting_t *listeners = config_setting_get_member(l->root, "listeners");
    if (l->c->listeners_n == 0 && (!listeners || config_setting_length(listeners) == 0))
        option_fault(&l->r, NULL, "there is no listener; at least one stands in listeners");
    if (l->c->routes_n == 0)
        option_warn(&l->r, NULL, "there is no route: every request will be answered with 404");
    for (size_t i = 0; !l->c->fleet.set && i < l->c->clusters_n; i++)
        warn_without_fleet(l, &l->c->clusters[i]);
}

/* -- faults in the order of the file --------------------------------------------------------- */

struct found {
    struct fault *fault;
    size_t order; /* of reading: decides within a line */
};

/* The main file comes first, files that it includes follow by name. */
static int fault_order(const void *a, const void *b, void *main_file)
{
    const struct found *x = a, *y = b;
    const char *fx = x->fault->file ? x->fault->file : "";
    const char *fy = y->fault->file ? y->fault->file : "";
    int by_file = strcmp(fx, fy);
    if (by_file != 0 && strcmp(fx, main_file) == 0)
        return -1;
    if (by_file != 0)
        return strcmp(fy, main_file) == 0 ? 1 : by_file;
    if (x->fault->line != y->fault->line)
        return x->fault->line < y->fault->line ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Sorts the faults from *from on; those before were there already. */
static void faults_sort(struct faults *faults, struct fault **from, const char *main_file)
{
    size_t n = 0;
    for (struct fault *f = *from; f; f = f->next)
        n++;
    if (n == 0)
        return;
    struct found *list = ARENA_ARRAY(&faults->arena, struct found, n);
    n = 0;
    for (struct fault *f = *from; f; f = f->next, n++)
        list[n] = (struct found){.fault = f, .order = n};
    qsort_r(list, n, sizeof *list, fault_order, (void *)main_file);
    for (size_t i = 0; i < n; i++) {
        *from = list[i].fault;
        from = &list[i].fault->next;
    }
    *from = NULL;
    faults->last = from;
}
