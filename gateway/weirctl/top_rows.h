/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TOP_ROWS_H
#define WEIR_WEIRCTL_TOP_ROWS_H

/* The rows of a view, out of two overviews. Texts are borrowed from them, or lie in the rows. */

#include "weirctl/top_math.h"
#include "weirctl/top_state.h"

enum { TOP_CELLS = 9, TOP_NAME = 120 };

enum top_kind { TOP_TEXT, TOP_RATE, TOP_US, TOP_COUNT, TOP_PERCENT, TOP_BYTES };

struct top_column {
    const char *head;
    const char *meaning; /* for the help */
    enum top_kind kind;
    unsigned width; /* with one space before it; of the first the least one: it gets the rest */
};

struct top_cell {
    double v;         /* NAN: nothing */
    const char *text; /* of TOP_TEXT; NULL: nothing */
};

struct top_row {
    char name[TOP_NAME]; /* the first cell, without its indent */
    bool part;           /* of the last row that isn't one: indented, sorted among its like */
    bool bad;            /* worth a look: open, down, draining */
    struct top_cell cells[TOP_CELLS]; /* [0] unused */
    size_t group, order;              /* private: for sorting */
};

struct top_rows {
    const struct top_column *columns;
    size_t columns_n;
    struct top_row *v;
    size_t n, cap;
};

/* `events` is what /v1/events answered, for that view; NULL: it isn't known. */
void top_rows_make(struct top_rows *r, enum top_view view, const struct top_pair *p,
                   const json_t *events);
/* By this column; 0 leaves the order. Parts stay with what they are of. */
void top_rows_sort(struct top_rows *r, unsigned column, bool ascending);
void top_rows_free(struct top_rows *r);
const struct top_column *top_columns(enum top_view view, size_t *n);

#endif
