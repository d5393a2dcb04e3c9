/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_LINK_KIND_H
#define WEIR_IO_LINK_KIND_H

/* What the kinds of links (plain, memory, TLS) share, for their own files only: owners of
 * links include io/link.h. A kind embeds struct link, fills in a struct link_ops, moves the bytes,
 * and reports what happened through these. Any of them may call the owner, and the owner may close
 * the link from there: look at link_alive() afterwards. */

#include "io/link.h"

void link_init(struct link *l, const struct link_ops *ops, struct loop *lp);

/* May events still be delivered? */
static inline bool link_alive(const struct link *l)
{
    return !l->failed && !l->closed;
}

/* Counts and delivers `s`. Nothing happens when the link has died meanwhile. */
void link_bytes(struct link *l, struct block *b, struct slice s);
void link_eof(struct link *l);
/* Drops what is queued and reports the end; the kind has stopped its watchers. */
void link_fail(struct link *l, int err);
/* n bytes from the front of `out` have left. */
void link_sent(struct link *l, size_t n);
/* Less was queued, or less is beneath: half-close and on_room, as they are due. */
void link_taken(struct link *l);
/* The end of a flush that has sent `n` bytes: half-close, on_room, on_stall, on_drained, as they are
 * due. */
void link_flushed(struct link *l, size_t n);

#endif
