/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns: all cells lie in one text behind NULs, and are looked through twice, for the
 * widths and for the lines. A width is counted in characters of UTF-8. */

#include "weirctl/table.h"

#include <string.h>

enum { GAP = 2 };

void table_init(struct table *t, const char *const *heads)
{
    *t = (struct table){.heads = heads};
    text_init(&t->cells);
    while (heads[t->columns])
        t->columns++;
    must(t->columns && t->columns <= TABLE_COLUMNS);
    for (size_t i = 0; i < t->columns; i++)
        text_str(table_cell(t), heads[i] + (heads[i][0] == '>'));
}

struct text *table_cell(struct table *t)
{
    text_char(&t->cells, '\0');
    return &t->cells;
}

static size_t width_of(struct slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void write_cell(const struct table *t, size_t column, struct slice s, size_t width,
                       struct text *out)
{
    const bool last = column + 1 == t->columns, right = t->heads[column][0] == '>';
    const int room = (int)(width - width_of(s));

    text_printf(out, "%*s", right ? room : 0, "");
    text_add(out, s);
    if (last)
        text_char(out, '\n');
    else
        text_printf(out, "%*s", (right ? 0 : room) + GAP, "");
}

void table_write(struct table *t, struct text *out)
{
    size_t widths[TABLE_COLUMNS] = {0}, i = 0;
    const struct slice all = slice_from(text_slice(&t->cells), 1);

    for (struct slice rest = all; rest.p; i++) {
        const size_t width = width_of(slice_cut(&rest, '\0'));
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    must(i % t->columns == 0);
    i = 0;
    for (struct slice rest = all; rest.p; i++) {
        const struct slice cell = slice_cut(&rest, '\0');
        write_cell(t, i % t->columns, cell, widths[i % t->columns], out);
    }
    text_fini(&t->cells);
}
