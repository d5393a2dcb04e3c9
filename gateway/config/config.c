/* SPDX-License-Identifier: Apache-2.0 */
/* From a file to checked values: reads the text, lets libconfig make a tree of it, reads the tree
 * by the option tables, and sorts what was found wrong into the order of the file.
 *
 * The main file is read here and given to libconfig as a text, so that a file that is missing, too
 * large or not a text has a message of its own; included files are opened by libconfig. The tree
 * lives no longer than config_load(): every value is copied into the configuration's arena. */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "config/sections.h"

enum { FILE_MAX = 64 * 1024 * 1024 }; /* 10,000 routes are about 2 MiB */

static bool file_read(const char *path, struct text *out, struct faults *faults);
static struct slice folder_of(const char *path, struct arena *a);
static struct config *text_load(struct slice text, const char *name, struct slice folder,
                                struct faults *faults);
static bool tree_read(struct loading *l, config_t *tree, struct slice text, struct slice folder);
static void whole_check(struct loading *l);
static void faults_sort(struct faults *faults, struct fault **from, const char *main_file);

struct config *config_load(const char *path, struct faults *faults)
{
    struct text text;
    text_init(&text);
    struct config *c = NULL;
    if (file_read(path, &text, faults)) {
        struct slice folder = folder_of(path, &faults->arena);
        c = text_load(text_slice(&text), path, folder, faults);
    }
    text_fini(&text);
    return c;
}

struct config *config_parse(const char *text, const char *name, struct faults *faults)
{
    return text_load(slice_str(text), name, (struct slice){0}, faults);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_fini(&c->arena);
    free(c);
}

/* -- the file -------------------------------------------------------------------------------- */

static bool file_read(const char *path, struct text *out, struct faults *faults)
{
    enum { PIECE = 65536 };
    FILE *f = fopen(path, "re");
    size_t n = 0;
    if (f) {
        do {
            if (!text_need(out, PIECE))
                break;
            n = fread(out->p + out->n, 1, PIECE, f);
            out->n += n;
        } while (n > 0 && out->n <= FILE_MAX);
    }
    if (!f || ferror(f))
        faults_add(faults, path, 0, "cannot read the configuration: %s", strerror(errno));
    else if (out->n > FILE_MAX)
        faults_add(faults, path, 0, "the file has more than %d MiB", FILE_MAX >> 20);
    else if (memchr(out->p, 0, out->n))
        faults_add(faults, path, 0, "the file is not a text: it has a NUL byte");
    bool ok = f && !ferror(f) && out->n <= FILE_MAX && !memchr(out->p, 0, out->n);
    if (f)
        fclose(f);
    text_char(out, 0); /* for libconfig */
    out->n--;
    return ok;
}

/* Absolute, so that the configuration means the same whatever folder the process is in later. */
static struct slice folder_of(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    const char *folder = !slash          ? "."
                         : slash == path ? "/"
                                         : arena_dup(a, slice_between(path, slash)).p;
    char *absolute = realpath(folder, NULL);
    struct slice out = arena_dup(a, slice_str(absolute ? absolute : folder));
    free(absolute);
    return out;
}

/* -- the tree -------------------------------------------------------------------------------- */

static struct config *config_new(const char *name)
{
    struct config *c = calloc(1, sizeof *c);
    must(c);
    arena_init(&c->arena, NULL, 0);
    c->file = arena_dup(&c->arena, slice_str(name));
    c->admin.unix_mode = 0660;
    return c;
}

static struct config *text_load(struct slice text, const char *name, struct slice folder,
                                struct faults *faults)
{
    size_t errors = faults->errors;
    struct fault **from = faults->last;
    struct config *c = config_new(name);
    struct loading l = {
        .r = {.arena = &c->arena, .faults = faults, .root = c, .file = c->file.p},
        .c = c,
        .folder = folder,
    };
    config_t tree;
    config_init(&tree);
    if (syntax_check(text, name, folder.n > 0, faults) && tree_read(&l, &tree, text, folder)) {
        struct map *const maps[] = {&l.listeners, &l.binds, &l.clusters, &l.routes};
        for (size_t i = 0; i < array_n(maps); i++)
            map_init(maps[i]);
        option_read(&l.r, config_root_setting(&tree), top_options, c);
        whole_check(&l);
        for (size_t i = 0; i < array_n(maps); i++)
            map_fini(maps[i]);
    }
    config_destroy(&tree);
    faults_sort(faults, from, name);
    if (faults->errors == errors)
        return c;
    config_free(c);
    return NULL;
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

static bool tree_read(struct loading *l, config_t *tree, struct slice text, struct slice folder)
{
    if (folder.n > 0)
        config_set_include_dir(tree, folder.p);
    if (config_read_string(tree, text.p))
        return true;
    const char *file = config_error_file(tree);
    int line = config_error_line(tree);
    struct slice shown = file ? (struct slice){0} : line_at(text, line);
    if (shown.n > 0)
        faults_add(l->r.faults, l->r.file, line, "%s; the line reads: %.*s",
                   config_error_text(tree), SLICE_ARG(shown));
    else
        faults_add(l->r.faults, file ? file : l->r.file, line, "%s", config_error_text(tree));
    return false;
}

/* What only shows when everything was read. */
static void whole_check(struct loading *l)
{
    if (l->c->listeners_n == 0)
        option_fault(&l->r, NULL, "there is no listener; at least one stands in listeners");
    if (l->c->routes_n == 0)
        option_warn(&l->r, NULL, "there is no route: every request will be answered with 404");
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
