/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a configuration. All of them are read here before libconfig sees any: it gets the
 * main file as a text and opens included ones again by itself, but by then they are known to be
 * there, to be texts, and not to include themselves. That is more than politeness: libconfig 1.5
 * ends the process when reading an included file fails, and a reload must survive any mistake.
 *
 * Texts that are kept are checked in the same way. libconfig then opens memfds that have them: in
 * each text the paths after @include are replaced by those of the descriptors, in the same line. */
#include "config/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/syntax.h"

/* 10,000 routes are about 2 MiB; libconfig's own limit of depth is 10. */
enum { FILES_SIZE_MAX = 256 * 1024 * 1024, INCLUDE_DEPTH_MAX = 8 };
#define FD_PATHS "/proc/self/fd/"

/* What an include found in `file` needs. */
struct including {
    struct conf_files *ss;
    struct conf_file *file;
};

static bool file_add(struct conf_files *ss, const struct conf_file *parent, const char *path,
                     const char *shown, int line);
static bool file_read(const char *path, bool included, struct text *out, const char **why);
static bool file_recall(const struct conf_texts *kept, const char *shown, struct text *out,
                        const char **why);
static bool redirect(struct conf_files *ss);
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

bool conf_files_recall(struct conf_files *ss, struct conf_texts *kept)
{
    const char *path = kept->v[0].shown.p, *slash = strrchr(path, '/');
    ss->kept = kept;
    ss->prefix = slash ? arena_dup(ss->arena, slice_between(path, slash + 1)) : SLICE("");
    ss->folder = kept->folder;
    ss->last = &ss->first;
    return file_add(ss, NULL, path, path, 0) && redirect(ss);
}

struct conf_texts *conf_files_keep(const struct conf_files *ss)
{
    struct conf_texts *t = ss->kept ? conf_texts_hold(ss->kept) : conf_texts_new(ss->folder);
    for (const struct conf_file *s = ss->first; s; s = s->next)
        if (!conf_texts_find(t, slice_str(s->shown)))
            conf_texts_add(t, slice_str(s->shown), text_slice(&s->text));
    return t;
}

const char *conf_files_main(const struct conf_files *ss)
{
    return ss->kept ? ss->main.p : ss->first->text.p;
}

bool conf_files_take(struct conf_files *ss, const char *text, const char *name)
{
    const struct syntax sx = {.text = slice_str(text), .file = name, .faults = ss->faults};
    struct conf_file *main_text = ARENA_NEW(ss->arena, struct conf_file);
    main_text->shown = name;
    main_text->fd = -1;
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
    for (struct conf_file *s = ss->first; s; s = s->next) {
        text_fini(&s->text);
        if (s->fd >= 0)
            close(s->fd);
    }
    text_fini(&ss->main);
}

/* -- files ----------------------------------------------------------------------------------- */

/* The fault stands where the file is asked for: at the @include, or nowhere for the main file. */
static bool file_add(struct conf_files *ss, const struct conf_file *parent, const char *path,
                     const char *shown, int line)
{
    struct conf_file *s = ARENA_NEW(ss->arena, struct conf_file);
    *s = (struct conf_file){.parent = parent, .path = path, .shown = shown, .fd = -1};
    s->last = &s->includes;
    text_init(&s->text);
    *ss->last = s;
    ss->last = &s->next;
    const char *why = NULL;
    const bool read = ss->kept ? file_recall(ss->kept, shown, &s->text, &why)
                               : file_read(path, parent != NULL, &s->text, &why);
    if (!read) {
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

/* -- texts that are kept ----------------------------------------------------------------------- */

static bool file_recall(const struct conf_texts *kept, const char *shown, struct text *out,
                        const char **why)
{
    const struct conf_text *t = conf_texts_find(kept, slice_str(shown));
    *why = t ? NULL : "it isn't among the texts that are kept";
    text_add(out, t ? t->text : (struct slice){0});
    text_char(out, 0);
    out->n--;
    return t;
}

/* With other paths. */
static void rewrite(const struct conf_file *s, struct text *to)
{
    const struct slice text = text_slice(&s->text);
    size_t done = 0;
    for (const struct conf_include *in = s->includes; in; in = in->next) {
        text_add(to, slice_of(text.p + done, in->at - done));
        text_printf(to, FD_PATHS "%d", in->file->fd);
        done = in->at + in->n;
    }
    text_add(to, slice_from(text, done));
}

static bool make_fd(struct conf_file *s)
{
    struct text t;
    text_init(&t);
    rewrite(s, &t);
    s->fd = memfd_create("weir-config", MFD_CLOEXEC);
    size_t done = 0;
    for (ssize_t n = 1; s->fd >= 0 && n > 0 && done<t.n; done += n> 0 ? (size_t)n : 0)
        n = write(s->fd, t.p + done, t.n - done);
    const bool whole = s->fd >= 0 && done == t.n;
    text_fini(&t);
    return whole;
}

/* Those that a file includes come first; how deep they do was checked. */
static bool redirect_includes(const struct conf_file *s)
{
    for (const struct conf_include *in = s->includes; in; in = in->next)
        if (!redirect_includes(in->file) || !make_fd(in->file))
            return false;
    return true;
}

static bool redirect(struct conf_files *ss)
{
    const bool ok = redirect_includes(ss->first);
    if (!ok)
        faults_add(ss->faults, ss->first->shown, 0, "can't keep an included file in memory: %s",
                   strerror(errno));
    text_init(&ss->main);
    rewrite(ss->first, &ss->main);
    text_char(&ss->main, 0);
    return ok;
}

/* -- includes ---------------------------------------------------------------------------------- */

static bool include(struct conf_files *ss, struct conf_file *s, struct slice path,
                    const char *opened, const char *shown, int line)
{
    struct conf_include *in = ARENA_NEW(ss->arena, struct conf_include);
    struct conf_file **place = ss->last; /* files that it includes come behind it */
    *in = (struct conf_include){.at = (size_t)(path.p - s->text.p), .n = path.n};
    *s->last = in;
    s->last = &in->next;
    const bool ok = file_add(ss, s, opened, shown, line);
    in->file = *place;
    return ok;
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
        return include(ss, in->file, path, opened, shown, line);
    return false;
}

/* -- names ----------------------------------------------------------------------------------- */

/* libconfig 1.5 says what stands after @include; later versions put the folder before it. */
const char *conf_file_shown(const struct conf_files *ss, const char *theirs, struct arena *a)
{
    if (!theirs)
        return ss->kept ? arena_strdup(a, ss->first->shown) : ss->first->shown;
    struct slice name = slice_str(theirs), number = slice_from(name, strlen(FD_PATHS));
    uint64_t fd;
    if (ss->kept && slice_starts(name, SLICE(FD_PATHS)) && slice_to_u64(number, &fd))
        for (const struct conf_file *s = ss->first; s; s = s->next)
            if (s->fd >= 0 && (uint64_t)s->fd == fd)
                return arena_strdup(a, s->shown);
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
