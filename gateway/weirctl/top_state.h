/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TOP_STATE_H
#define WEIR_WEIRCTL_TOP_STATE_H

/* What weirctl top shows, as far as whoever looks has chosen it: view, order, where the list is
 * scrolled to. Keys change it; drawing reads it. */

#include <stdbool.h>
#include <stddef.h>

enum top_view { TOP_ROUTES, TOP_CLUSTERS, TOP_BREAKERS, TOP_WORKERS, TOP_EVENTS, TOP_VIEWS };

/* Beyond bytes. */
enum top_key {
    TOP_KEY_NONE = -1,
    TOP_KEY_UP = 256,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
    TOP_KEY_OTHER, /* a sequence that means nothing here */
};

struct top_state {
    enum top_view view;
    unsigned sort[TOP_VIEWS]; /* column that orders the rows; 0: the configuration's order */
    bool ascending;           /* smallest first; else what is largest, or first in the alphabet */
    size_t first;             /* row at the top of the list */
    bool paused, help, quit;
    /* of the last drawing */
    size_t rows, room; /* rows there are, and places for them */
    unsigned columns;  /* of the view: what sort may be */
};

const char *top_view_name(enum top_view v);
/* "clusters", or "c"; false: there is none. */
bool top_view_parse(const char *name, enum top_view *out);
void top_press(struct top_state *s, int key);
/* One key out of what a terminal sent, *used bytes of it; TOP_KEY_NONE with *used 0: nothing yet.
 */
int top_key_parse(const char *p, size_t n, size_t *used);

#endif
