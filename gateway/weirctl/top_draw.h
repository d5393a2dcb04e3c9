/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TOP_DRAW_H
#define WEIR_WEIRCTL_TOP_DRAW_H

/* From two overviews to what stands on a terminal of a given size. No I/O: a test gives two objects
 * and reads lines. */

#include "weirctl/top_math.h"
#include "weirctl/top_state.h"

enum top_style { TOP_PLAIN, TOP_STRONG, TOP_HEADS, TOP_BAD };

enum { TOP_LINES_MAX = 512, TOP_COLUMNS_MAX = 512 };

struct top_lines {
    struct text text; /* that grows, the caller's: each ends with a newline */
    enum top_style styles[TOP_LINES_MAX];
    size_t n;
};

struct top_shown {
    struct top_pair pair; /* now NULL: nothing is known yet */
    const json_t *events; /* of /v1/events; NULL: none, or not asked for */
    const char *fault;    /* why the gateway doesn't answer; NULL: it does */
    const char *target;   /* whom we ask */
};

/* As many lines as there are places, none longer than `columns`; lines 0: as many as it takes. The
 * state learns what there is to scroll. */
void top_draw(struct top_state *s, const struct top_shown *shown, unsigned columns, unsigned lines,
              struct top_lines *out);

#endif
