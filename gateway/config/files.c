/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a configuration. All of them are read here before libconfig sees any: it gets the
 * main file as a text and opens included ones again by itself, but by then they are known to be
 * there, to be texts, and not to include themselves. That is more than politeness: libconfig 1.5
 * ends the process when reading an included file fails, and a reload must survive any mistake. */
#include "config/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/syntax.h"

/* 10,000 routes are about 2 MiB; libconfig's own limit of depth is 10. */
enum { FILES_SIZE_MAX = 256 * 1024 * 1024, INCLUDE_DEPTH_MAX = 8 };

/* What an include found in `file` needs. */
struct including {
    struct conf_files *ss;
    const struct conf_file *file;
};

static bool file_add(struct conf_files *ss, const struct conf_file *parent, const char *path,
                     const char *shown, int line);
static bool file_read(const char *path, bool included, struct text *out, const char **why);
static bool on_include(void *ctx, struct slice path, int line);

bool conf_files_open(struct conf_files *ss, const char *path)
{
    const char *slash = strrchr(path, '/');
    ss->prefix = slash ? arena_dup(ss->arena, slice_between(path, slash + 1)) : SLICE("");
    char *absolute = realpath(ss->prefix.n > 0 ? ss->prefix.p : ".", NULL);
    ss->folder = arena_dup(ss->arena, absolute ? slice_str(absolute) : ss->prefix);
    free(absolute);
    ss->last = &ss->first;
    return file_add(ss, NULL, path, path, 0);
}

bool conf_files_take(struct conf_files *ss, const char *text, const char *name)
{
    const struct syntax sx = {.text = slice_str(text), .file = name, .faults = ss->faults};
    struct conf_file *main_text = ARENA_NEW(ss->arena, struct conf_file);
    main_text->shown = name;
    text_init(&main_text->text);
    text_str(&main_text->text, text);
    text_char(&main_text->text, 0);
    main_text->text.n--;
    ss->first = main_text;
    return syntax_check(&sx);
}

uint64_t conf_files_digest(const struct conf_files *ss)
{
    uint64_t h = 0xcbf29ce484222325;
    for (const struct conf_file *s = ss->first; s; s = s->next)
        for (size_t i = 0; i < s->text.n; i++)
            h = (h ^ (unsigned char)s->text.p[i]) * 0x100000001b3;
    return h;
}

void conf_files_close(struct conf_files *ss)
{
    for (struct conf_file *s = ss->first; s; s = s->next)
        text_fini(&s->text);
}

/* -- files ----------------------------------------------------------------------------------- */

/* The fault stands where the file is asked for: at the @include, or nowhere for the main file. */
static bool file_add(struct conf_files *ss, const struct conf_file *parent, const char *path,
                     const char *shown, int line)
{
    struct conf_file *s = ARENA_NEW(ss->arena, struct conf_file);
    *s = (struct conf_file){.parent = parent, .path = path, .shown = shown};
    text_init(&s->text);
    *ss->last = s;
    ss->last = &s->next;
    const char *why = NULL;
    if (!file_read(path, parent != NULL, &s->text, &why)) {
        if (parent)
            faults_add(ss->faults, parent->shown, line, "cannot include %s: %s", shown, why);
        else
            faults_add(ss->faults, path, 0, "cannot read the configuration: %s", why);
        return false;
    }
    ss->total += s->text.n;
    if (ss->total > FILES_SIZE_MAX) {
        faults_add(ss->faults, shown, 0, "the configuration has more than %d MiB",
                   FILES_SIZE_MAX >> 20);
        return false;
    }
    struct including in = {.ss = ss, .file = s};
    const struct syntax sx = {.text = text_slice(&s->text),
                              .file = shown,
                              .faults = ss->faults,
                              .include = on_include,
                              .ctx = &in};
    return syntax_check(&sx);
}

/* What is included is opened twice, so it can't be a pipe; the main file can. */
static const char *why_not(const char *path, bool included)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return strerror(errno);
    if (S_ISDIR(st.st_mode))
        return strerror(EISDIR);
    return included && !S_ISREG(st.st_mode) ? "it isn't a regular file" : NULL;
}

static bool file_read(const char *path, bool included, struct text *out, const char **why)
{
    enum { PIECE = 65536 };
    *why = why_not(path, included);
    FILE *f = *why ? NULL : fopen(path, "re");
    if (!*why && !f)
        *why = strerror(errno);
    for (size_t n = 1; !*why && n > 0 && out->n <= FILES_SIZE_MAX;) {
        must(text_need(out, PIECE));
        n = fread(out->p + out->n, 1, PIECE, f);
        out->n += n;
        if (ferror(f))
            *why = strerror(errno);
    }
    if (!*why && memchr(out->p, 0, out->n))
        *why = "it isn't a text: it has a NUL byte";
    if (f)
        fclose(f);
    text_char(out, 0);
    out->n--;
    return !*why;
}

/* Paths after @include are relative, because libconfig 1.5 puts the folder before absolute ones,
 * too. */
static bool on_include(void *ctx, struct slice path, int line)
{
    const struct including *in = ctx;
    struct conf_files *ss = in->ss;
    const char *shown = arena_printf(ss->arena, "%.*s%.*s", SLICE_ARG(ss->prefix), SLICE_ARG(path));
    const char *opened =
        arena_printf(ss->arena, "%.*s/%.*s", SLICE_ARG(ss->folder), SLICE_ARG(path));
    int depth = 0;
    bool circle = false;
    for (const struct conf_file *s = in->file; s; s = s->parent, depth++)
        circle = circle || strcmp(s->shown, shown) == 0;
    if (path.n == 0 || path.p[0] == '/')
        faults_add(ss->faults, in->file->shown, line,
                   "cannot include \"%.*s\": the path starts in the folder of the main file",
                   SLICE_ARG(path));
    else if (circle)
        faults_add(ss->faults, in->file->shown, line, "%s includes itself", shown);
    else if (depth > INCLUDE_DEPTH_MAX)
        faults_add(ss->faults, in->file->shown, line, "files include files more than %d deep",
                   INCLUDE_DEPTH_MAX);
    else
        return file_add(ss, in->file, opened, shown, line);
    return false;
}

/* -- names ----------------------------------------------------------------------------------- */

/* libconfig 1.5 says what stands after @include; later versions put the folder before it. */
const char *conf_file_shown(const struct conf_files *ss, const char *theirs, struct arena *a)
{
    if (!theirs)
        return ss->first->shown;
    struct slice name = slice_str(theirs);
    if (ss->folder.n > 0 && slice_starts(name, ss->folder) && name.p[ss->folder.n] == '/')
        name = slice_from(name, ss->folder.n + 1);
    if (slice_starts(name, SLICE("/")))
        return arena_strdup(a, theirs);
    return arena_printf(a, "%.*s%.*s", SLICE_ARG(ss->prefix), SLICE_ARG(name));
}

struct slice conf_file_text(const struct conf_files *ss, const char *shown)
{
    for (const struct conf_file *s = ss->first; s; s = s->next)
        if (strcmp(s->shown, shown) == 0)
            return text_slice(&s->text);
    return (struct slice){0};
}
