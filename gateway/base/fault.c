/* SPDX-License-Identifier: Apache-2.0 */
/* Set-up errors, kept in the order in which they were found, in an arena of their own; and the
 * guess at what a misspelt name was meant to be. */

#include "base/fault.h"

#include <stdarg.h>
#include <string.h>

void faults_init(struct faults *fs)
{
    *fs = (struct faults){.last = &fs->first};
    arena_init(&fs->arena, NULL, 0);
}

void faults_fini(struct faults *fs)
{
    arena_fini(&fs->arena);
    faults_init(fs);
}

static struct fault *add(struct faults *fs, const char *file, int line, const char *fmt, va_list ap)
{
    struct fault *f = ARENA_NEW(&fs->arena, struct fault);

    f->file = file ? arena_strdup(&fs->arena, file) : NULL;
    f->line = line;
    f->text = arena_vprintf(&fs->arena, fmt, ap);
    *fs->last = f;
    fs->last = &f->next;
    return f;
}

void faults_add(struct faults *fs, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(fs, file, line, fmt, ap);
    va_end(ap);
    fs->errors++;
}

void faults_warn(struct faults *fs, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(fs, file, line, fmt, ap)->warning = true;
    va_end(ap);
    fs->warnings++;
}

char *fault_line(const struct fault *f, struct arena *a)
{
    const char *kind = f->warning ? "warning" : "error";

    if (!f->file)
        return arena_printf(a, "%s: %s", kind, f->text);
    if (!f->line)
        return arena_printf(a, "%s: %s: %s", f->file, kind, f->text);
    return arena_printf(a, "%s:%d: %s: %s", f->file, f->line, kind, f->text);
}

/* -- misspelt names ----------------------------------------------------------------------------*/

enum { NAME_MAX_LEN = 64 }; /* longer words aren't names of ours */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters wrong, missing, extra, or swapped with their neighbour (optimal string alignment). Three
 * rows of the usual table are enough. Both are at most NAME_MAX_LEN long. */
static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.n; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            const bool same = ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 2]) &&
                ascii_lower(a.p[i - 2]) == ascii_lower(b.p[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *const oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.n];
}

/* How many mistakes a word of this length is allowed. */
static size_t tolerance(size_t n)
{
    if (n <= 3)
        return 1;
    return n / 3 > 2 ? n / 3 : 2;
}

const char *nearest_name(struct slice word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = tolerance(word.n) + 1;

    if (!word.n || word.n > NAME_MAX_LEN)
        return NULL;
    for (; *names; names++) {
        const struct slice name = slice_str(*names);
        if (name.n > NAME_MAX_LEN)
            continue;
        const size_t d = distance(word, name);
        if (d < best_distance) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}
