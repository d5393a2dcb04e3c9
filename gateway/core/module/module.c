/* SPDX-License-Identifier: Apache-2.0 */
/* Modules that are loaded, and finding more of them. A module is looked for when a configuration
 * names it: in the folders that the configuration gives, then in that of the installation. What is
 * found is checked once, so that nothing later has to ask whether a descriptor makes sense; what
 * fails a check is unloaded again and may be there in a better version at the next reload.
 *
 * A shared object's constructors run when it is opened: who may write to a folder of modules may do
 * what the master may. */
#include "core/module/module.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/module/module_file.h"

static void on_begin(struct module_source *src, const struct texts *folders);
static const struct option *on_find(struct module_source *src, struct slice name,
                                    enum module_scope scope, const struct place *place,
                                    struct faults *faults, struct module **module);
static struct module *on_module(struct module_source *src, struct slice name,
                                const struct place *place, struct faults *faults);
static const struct option *on_row(const struct module *m, enum module_scope scope);
static const char *const *on_names(struct module_source *src);
static bool on_ends_route(const struct module *m);
static struct module *load(struct module_set *s, struct slice name, const char *path,
                           const struct place *place, struct faults *faults);
static bool desc_ok(const struct weir_module *desc, const char *path, const struct place *place,
                    struct faults *faults);

void module_set_init(struct module_set *s)
{
    *s = (struct module_set){.source = {.begin = on_begin,
                                        .find = on_find,
                                        .module = on_module,
                                        .row = on_row,
                                        .forget = modules_forget,
                                        .names = on_names,
                                        .ends_route = on_ends_route},
                             .installed = SLICE(WEIR_MODULEDIR)};
    arena_init(&s->arena, NULL, 0);
    arena_init(&s->reading, NULL, 0);
    list_init(&s->modules);
    on_begin(&s->source, &(struct texts){0});
    s->began = false;
}

void module_set_fini(struct module_set *s)
{
    struct list *node;
    while ((node = list_take(&s->modules))) {
        struct module *m = list_entry(node, struct module, node);
        if (m->handle)
            dlclose(m->handle);
    }
    arena_fini(&s->reading);
    arena_fini(&s->arena);
}

bool module_name_ok(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.p[i];
        const bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '_')))
            return false;
    }
    return name.n > 0 && name.n <= MODULE_NAME_MAX;
}

/* -- for config_load() ------------------------------------------------------------------------- */

static void on_begin(struct module_source *src, const struct texts *folders)
{
    struct module_set *s = (struct module_set *)src;
    arena_fini(&s->reading);
    arena_init(&s->reading, NULL, 0);
    s->names = NULL;
    s->folders.v = ARENA_ARRAY(&s->reading, struct slice, folders->n + 1);
    s->folders.n = folders->n + (s->installed.n > 0);
    for (size_t i = 0; i < folders->n; i++)
        s->folders.v[i] = arena_dup(&s->reading, folders->v[i]);
    s->folders.v[folders->n] = s->installed;
    s->began = true;
}

static struct module *on_module(struct module_source *src, struct slice name,
                                const struct place *place, struct faults *faults)
{
    return module_set_find((struct module_set *)src, name, place, faults);
}

static const struct option *on_find(struct module_source *src, struct slice name,
                                    enum module_scope scope, const struct place *place,
                                    struct faults *faults, struct module **module)
{
    static const char *const where[] = {"under `modules`", "on routes", "on clusters"};
    struct module *m = module_set_find((struct module_set *)src, name, place, faults);
    if (!m)
        return NULL;
    *module = m;
    const struct option *row = on_row(m, scope);
    if (row)
        return row;
    struct text others;
    text_init(&others);
    for (int i = 0; i < MODULE_SCOPE_N; i++)
        if (on_row(m, (enum module_scope)i))
            text_printf(&others, "%s%s", others.n ? " and " : "", where[i]);
    faults_add(faults, place->file, place->line, "the module %s has no settings %s, but %.*s",
               m->desc->name, where[scope],
               SLICE_ARG(others.n ? text_slice(&others) : SLICE("nowhere else either")));
    text_fini(&others);
    return NULL;
}

static const struct option *on_row(const struct module *m, enum module_scope scope)
{
    return m->rows[scope].kind == OPTION_KIND_END ? NULL : &m->rows[scope];
}

static const char *const *on_names(struct module_source *src)
{
    return module_set_names((struct module_set *)src);
}

static bool on_ends_route(const struct module *m)
{
    return m->desc->ends_route;
}

/* -- what is installed ------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds the names in a folder, up to `room`. */
static size_t names_in(struct module_set *s, const char *folder, const char **names, size_t room)
{
    DIR *d = opendir(folder);
    size_t n = 0;
    for (const struct dirent *e; d && n < room && (e = readdir(d));) {
        struct slice name = slice_str(e->d_name);
        if (!slice_ends(name, SLICE(".so")))
            continue;
        name.n -= strlen(".so");
        if (module_name_ok(name))
            names[n++] = arena_dup(&s->reading, name).p;
    }
    if (d)
        closedir(d);
    return n;
}

const char *const *module_set_names(struct module_set *s)
{
    enum { NAMES_MAX = 1024 }; /* of files; a folder with more of them isn't one of modules */
    size_t n = 0, kept = 0;
    if (s->names)
        return s->names;
    const char **names = ARENA_ARRAY(&s->reading, const char *, NAMES_MAX + MODULES_MAX + 1);
    list_each (node, &s->modules)
        names[n++] = list_entry(node, struct module, node)->desc->name;
    for (size_t i = 0; i < s->folders.n; i++)
        n += names_in(s, s->folders.v[i].p, names + n, NAMES_MAX + MODULES_MAX - n);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    names[kept] = NULL;
    return s->names = names;
}

struct module *module_set_find(struct module_set *s, struct slice name, const struct place *place,
                               struct faults *faults)
{
    list_each (node, &s->modules) {
        struct module *m = list_entry(node, struct module, node);
        if (slice_eq(slice_str(m->desc->name), name))
            return m;
    }
    for (size_t i = 0; module_name_ok(name) && i < s->folders.n; i++) {
        const char *path =
            arena_printf(&s->reading, "%.*s/%.*s.so", SLICE_ARG(s->folders.v[i]), SLICE_ARG(name));
        struct stat st;
        if (lstat(path, &st) == 0) /* a link to nowhere is there, too, and can't be loaded */
            return load(s, name, path, place, faults);
    }
    return NULL;
}

/* -- loading ----------------------------------------------------------------------------------- */

#define REFUSE(...) (faults_add(faults, place->file, place->line, __VA_ARGS__), false)

static struct module *load(struct module_set *s, struct slice name, const char *path,
                           const struct place *place, struct faults *faults)
{
    const char *fault = module_file_fault(path);
    if (fault) {
        (void)REFUSE("module %.*s can't be loaded: %s %s", SLICE_ARG(name), path, fault);
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        (void)REFUSE("module %.*s can't be loaded: %s", SLICE_ARG(name), dlerror());
        return NULL;
    }
    const struct weir_module *desc = dlsym(handle, "weir_module");
    struct module *m = NULL;
    if (!desc)
        (void)REFUSE("%s is no module: it has no symbol weir_module (see docs/modules.md)", path);
    else if (desc->abi != WEIR_ABI)
        (void)REFUSE("module %.*s (%s) was built for interface %u, this gateway has %u: rebuild it "
                     "against its <weir/module.h>",
                     SLICE_ARG(name), path, desc->abi, WEIR_ABI);
    else if (!desc->name || !slice_eq(slice_str(desc->name), name))
        (void)REFUSE("%s says that it is the module %s: the file must be called %s.so", path,
                     desc->name ? desc->name : "without a name", desc->name ? desc->name : "NAME");
    else
        m = module_set_add(s, desc, path, handle, place, faults);
    if (!m)
        dlclose(handle);
    return m;
}

struct module *module_set_add(struct module_set *s, const struct weir_module *desc,
                              const char *path, void *handle, const struct place *place,
                              struct faults *faults)
{
    if (!desc_ok(desc, path, place, faults))
        return NULL;
    if (s->n == MODULES_MAX) {
        (void)REFUSE("module %s is one too many: at most %d may be loaded", desc->name,
                     MODULES_MAX);
        return NULL;
    }
    struct module *m = ARENA_NEW(&s->arena, struct module);
    m->desc = desc;
    m->path = arena_dup(&s->arena, slice_str(path));
    if (!module_rows_make(s, m, place, faults))
        return NULL;
    m->handle = handle;
    list_init(&m->node);
    list_push(&s->modules, &m->node);
    s->n++;
    s->names = NULL;
    return m;
}

/* What stands in the descriptor itself; its tables are module_rows_make()'s. */
static bool desc_ok(const struct weir_module *desc, const char *path, const struct place *place,
                    struct faults *faults)
{
    if (desc->abi != WEIR_ABI)
        return REFUSE("module %s (%s) was built for interface %u, this gateway has %u: rebuild it "
                      "against its <weir/module.h>",
                      desc->name, path, desc->abi, WEIR_ABI);
    if (!module_name_ok(slice_str(desc->name)))
        return REFUSE("module \"%s\" (%s): a name is 1 to %d lower-case letters, digits and \"_\", "
                      "and begins with a letter",
                      desc->name, path, MODULE_NAME_MAX);
    if (!desc->summary)
        return REFUSE("module %s (%s) has no summary", desc->name, path);
    if (desc->ends_route && (!desc->on_plan || !desc->route.rows))
        return REFUSE(
            "module %s (%s) has ends_route without on_plan or settings of a route: nothing "
            "would choose the cluster",
            desc->name, path);
    for (const struct weir_command *c = desc->commands; c && c->name; c++)
        if (!module_name_ok(slice_str(c->name)) || !c->run || !c->help)
            return REFUSE("module %s (%s): the command \"%s\" lacks a lower-case name, run or help",
                          desc->name, path, c->name);
    for (const struct weir_counter *c = desc->counters; c && c->name; c++)
        if (!module_name_ok(slice_str(c->name)) || !c->help)
            return REFUSE("module %s (%s): the counter \"%s\" lacks a lower-case name or help",
                          desc->name, path, c->name);
    for (const char *const *f = desc->log_fields; f && *f; f++)
        if (!module_name_ok(slice_str(*f)))
            return REFUSE("module %s (%s): the log field \"%s\" has no lower-case name", desc->name,
                          path, *f);
    return true;
}
