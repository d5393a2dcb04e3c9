/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TABLE_H
#define WEIR_WEIRCTL_TABLE_H

/* Aligned columns for people. Cells are written one after the other, row by row:
 *
 *     static const char *const heads[] = {"VARIANT", ">WEIGHT", NULL};     '>': to the right
 *     struct table t;
 *     table_init(&t, heads);
 *     text_str(table_cell(&t), "reviews-v1");
 *     text_uint(table_cell(&t), 95);
 *     table_write(&t, out);                                                ends it, too
 */

#include "base/text.h"

struct table {
    const char *const *heads; /* borrowed; NULL-terminated */
    size_t columns;
    struct text cells; /* each with a NUL before it */
};

enum { TABLE_COLUMNS = 16 };

void table_init(struct table *t, const char *const *heads);
/* Where the next cell is written to; what comes from outside through answer.h. Valid until the next
 * call. */
struct text *table_cell(struct table *t);
/* Whole rows, heads first; frees the cells. */
void table_write(struct table *t, struct text *out);

#endif
