/* SPDX-License-Identifier: Apache-2.0 */
/* Written, they are numbers and bytes by turns, as texts may have bytes that JSON can't hold:
 *
 *     FILES FOLDER\n folder   then for each   NAME TEXT\n name text      the words are lengths */
#include "config/texts.h"

#include <stdlib.h>
#include <string.h>

enum { FILES_MOST = 1 << 20 };

static struct slice copy(struct slice s)
{
    char *p = malloc(s.n + 1);
    must(p);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return slice_of(p, s.n);
}

struct conf_texts *conf_texts_new(struct slice folder)
{
    struct conf_texts *t = calloc(1, sizeof *t);
    must(t);
    t->folder = copy(folder);
    t->holders = 1;
    return t;
}

void conf_texts_add(struct conf_texts *t, struct slice shown, struct slice text)
{
    t->v = realloc(t->v, (t->n + 1) * sizeof *t->v);
    must(t->v);
    t->v[t->n++] = (struct conf_text){copy(shown), copy(text)};
}

struct conf_texts *conf_texts_hold(struct conf_texts *t)
{
    if (t)
        t->holders++;
    return t;
}

void conf_texts_release(struct conf_texts *t)
{
    if (!t || --t->holders)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free((char *)t->v[i].shown.p);
        free((char *)t->v[i].text.p);
    }
    free((char *)t->folder.p);
    free(t->v);
    free(t);
}

bool conf_texts_same(const struct conf_texts *a, const struct conf_texts *b)
{
    if (!a || !b)
        return a == b;
    bool same = a->n == b->n && slice_eq(a->folder, b->folder);
    for (size_t i = 0; same && i < a->n; i++)
        same = slice_eq(a->v[i].shown, b->v[i].shown) && slice_eq(a->v[i].text, b->v[i].text);
    return same;
}

const struct conf_text *conf_texts_find(const struct conf_texts *t, struct slice shown)
{
    for (size_t i = 0; i < t->n; i++)
        if (slice_eq(t->v[i].shown, shown))
            return &t->v[i];
    return NULL;
}

/* -- for another binary ------------------------------------------------------------------------ */

void conf_texts_write(const struct conf_texts *t, struct text *to)
{
    text_printf(to, "%zu %zu\n%.*s", t->n, t->folder.n, SLICE_ARG(t->folder));
    for (size_t i = 0; i < t->n; i++) {
        text_printf(to, "%zu %zu\n", t->v[i].shown.n, t->v[i].text.n);
        text_add(to, t->v[i].shown);
        text_add(to, t->v[i].text);
    }
}

static bool read_numbers(struct slice *from, uint64_t *a, uint64_t *b)
{
    struct slice line = slice_cut(from, '\n');
    const struct slice first = slice_cut(&line, ' ');
    return slice_to_u64(first, a) && slice_to_u64(line, b) && from->p;
}

static bool take(struct slice *from, uint64_t n, struct slice *out)
{
    if (n > from->n)
        return false;
    *out = slice_of(from->p, (size_t)n);
    *from = slice_from(*from, (size_t)n);
    return true;
}

static bool read_one(struct slice *from, struct conf_texts *to)
{
    uint64_t name_n, text_n;
    struct slice name, text;
    if (!read_numbers(from, &name_n, &text_n) || !take(from, name_n, &name) ||
        !take(from, text_n, &text))
        return false;
    conf_texts_add(to, name, text);
    return true;
}

struct conf_texts *conf_texts_read(struct slice *from)
{
    uint64_t n, folder_n;
    struct slice folder;
    if (!read_numbers(from, &n, &folder_n) || !n || n > FILES_MOST ||
        !take(from, folder_n, &folder))
        return NULL;
    struct conf_texts *t = conf_texts_new(folder);
    bool ok = true;
    while (ok && t->n < n)
        ok = read_one(from, t);
    if (ok)
        return t;
    conf_texts_release(t);
    return NULL;
}
