/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/list.h"

#include <stdlib.h>

#include "common/slice.h"

static int on_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct weir_slice *)a, *(const struct weir_slice *)b);
}

static const char *fault_of(struct weir_slice subject)
{
    if (subject.n > LIST_SUBJECT_MAX)
        return "is longer than 512 bytes";
    return slice_has_control(subject) ? "has a control character" : NULL;
}

static void add_line(struct tester_list *l, struct weir_slice line, int number)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    line = slice_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return;
    const char *fault = fault_of(line);
    if (!fault) {
        l->v[l->n++] = line;
        return;
    }
    if (!l->wrong++) {
        l->first_wrong = number;
        l->what = fault;
    }
}

/* Editors of other systems begin files with a byte order mark. */
static struct weir_slice without_mark(struct weir_slice text)
{
    const struct weir_slice mark = WEIR_SLICE("\xef\xbb\xbf");
    return slice_starts(text, mark) ? slice_from(text, mark.n) : text;
}

bool tester_list_parse(struct weir_slice text, struct tester_list *out)
{
    *out = (struct tester_list){0};
    if (text.n == 0)
        return true;
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    out->v = malloc(lines * sizeof *out->v + text.n);
    if (!out->v)
        return false;
    char *copy = (char *)(out->v + lines);
    memcpy(copy, text.p, text.n);
    struct weir_slice rest = without_mark((struct weir_slice){copy, text.n});
    for (int number = 1; rest.p; number++)
        add_line(out, slice_cut(&rest, '\n'), number);
    qsort(out->v, out->n, sizeof *out->v, on_order);
    return true;
}

void tester_list_free(struct tester_list *l)
{
    free(l->v);
    *l = (struct tester_list){0};
}

bool tester_list_has(const struct tester_list *l, struct weir_slice subject)
{
    return l->n && subject.n && bsearch(&subject, l->v, l->n, sizeof subject, on_order) != NULL;
}
