/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TOP_TERM_H
#define WEIR_WEIRCTL_TOP_TERM_H

/* The terminal of weirctl top: keys as they are pressed, a screen of its own, and everything as it
 * was at the end, however that comes. By termios(3) and the control sequences that all terminals of
 * today have (ECMA-48; xterm's 1049 for the other screen). */

#include <stdbool.h>
#include <stddef.h>

#include "weirctl/top_draw.h"

enum top_wake {
    TOP_WAKE_TIME,   /* it is over */
    TOP_WAKE_KEYS,   /* some have come */
    TOP_WAKE_RESIZE, /* or it was stopped and goes on: everything is to be drawn again */
    TOP_WAKE_END,    /* by a signal, or the terminal is gone */
};

struct top_keys {
    char p[64];
    size_t n;
};

/* Takes the terminal over. False: standard input or output isn't one. */
bool top_term_begin(void);
/* Gives it back. Harmless when it wasn't taken. */
void top_term_end(void);
/* The signal that ended it; 0: none. */
int top_term_signal(void);
/* Its size now. */
void top_term_size(unsigned *columns, unsigned *lines);
/* In one write, each line over what stood there: nothing is cleared before, so nothing flickers. */
void top_term_draw(const struct top_lines *l);
enum top_wake top_term_wait(unsigned ms, struct top_keys *keys);

#endif
