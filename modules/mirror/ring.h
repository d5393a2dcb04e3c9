/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_RING_H
#define WEIR_MIRROR_RING_H

/* The last few texts that any worker had to tell, in shared memory, for the control process to
 * read: a new one takes the oldest one's place. Nobody waits: who finds a slot being written to
 * gives up its text, and a reader passes over it. A writer that died in the middle holds its slot
 * for RING_STUCK_MS.
 *
 * All zeros is an empty ring. It is the same one only for the same number of slots. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum {
    RING_TEXT = 4080,     /* bytes of a text at most: a slot is a page */
    RING_STUCK_MS = 1000, /* writing takes a microsecond */
};

struct ring;

size_t ring_size(unsigned slots);
/* False: the text is too long, or the slot is taken just now. */
bool ring_write(struct ring *r, unsigned slots, uint64_t now_us, struct weir_slice text);
/* The text that is `back` before the newest, 0 being that one, into `to` of RING_TEXT bytes; gives
 * its length, 0: there is none. */
size_t ring_read(const struct ring *r, unsigned slots, unsigned back, char *to);

#endif
