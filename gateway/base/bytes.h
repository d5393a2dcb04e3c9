/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_BYTES_H
#define WEIR_BASE_BYTES_H

/* A first-in first-out queue of bytes: slices over counted blocks, without copying, except that
 * a small slice is copied into free room at the end of the queue's own last block. So a backend
 * that drips 100 bytes at a time doesn't pin 16 KiB per drip, and a small head and a small body
 * leave as one piece.
 *
 *     struct bytes q;  bytes_init(&q, &stock);
 *     char *p = bytes_reserve(&q, 64);  ... fill ...;  bytes_commit(&q, 40);
 *     bytes_append(&q, block, slice);             takes a reference of its own
 *     n = writev(fd, iov, bytes_iov(&q, iov, 16)); bytes_consume(&q, n);
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/block.h"
#include "base/slice.h"

enum { BYTES_COPY_MAX = 2048 }; /* up to here a memcpy costs less than one more iovec */

struct piece; /* private: one slice of one block */

struct bytes {
    struct bytes_stock *stock; /* borrowed: of the worker */
    struct piece *first, *last;
    size_t n; /* bytes queued */
};

/* What queues are made from: blocks and pieces of one worker. */
struct bytes_stock {
    struct stock blocks;
    struct slab pieces;
};

void bytes_stock_init(struct bytes_stock *bs, size_t block_limit);
void bytes_stock_fini(struct bytes_stock *bs);

void bytes_init(struct bytes *q, struct bytes_stock *bs);
/* Drops everything that is queued; the queue may be used again. */
void bytes_clear(struct bytes *q);

/* Appends `s`, which lies in `b`, by reference (or by copy when small). False, with nothing
 * appended, only when memory is out. */
bool bytes_append(struct bytes *q, struct block *b, struct slice s) nodiscard;
/* Appends a copy of `s`, whatever it lies in. False when no block was to be had: then nothing
 * was appended. */
bool bytes_copy(struct bytes *q, struct slice s) nodiscard;
/* The same for small things between two runs of others' bytes, where the queue has no room behind
 * what it ends with: what is no larger than BYTES_COPY_MAX lies in *aside, a block that many queues
 * fill, instead of in one of its own. *aside is the caller's, and replaced when full; NULL: none
 * yet. */
bool bytes_copy_aside(struct bytes *q, struct block **aside, struct slice s) nodiscard;
/* Appends `s`, which must outlive the queue (a string constant), without a count; a small one is
 * copied where there is room for it. False only when memory is out. */
bool bytes_static(struct bytes *q, struct slice s) nodiscard;

/* Room for n (<= BLOCK_SIZE) contiguous bytes at the end; NULL when no block was to be had.
 * bytes_commit() says how many of them were filled (0 gives the room back) and must follow;
 * nothing else may touch q in between. */
char *bytes_reserve(struct bytes *q, size_t n) nodiscard;
void bytes_commit(struct bytes *q, size_t n);

/* The first contiguous run of queued bytes; empty when there are none. */
struct slice bytes_front(const struct bytes *q);
/* The block that bytes_front() lies in; NULL for static bytes. Borrowed. */
struct block *bytes_front_block(const struct bytes *q);
/* Makes the first min(n, q->n) bytes one contiguous run; n <= BLOCK_SIZE. Copies only when they
 * are not. False, with the queue as it was, when no block was to be had. */
bool bytes_flatten(struct bytes *q, size_t n) nodiscard;
/* Fills up to `max` vectors from the front; returns how many. */
int bytes_iov(const struct bytes *q, struct iovec *iov, int max);
/* Drops n (<= q->n) bytes from the front. */
void bytes_consume(struct bytes *q, size_t n);
/* Moves everything from `from` to the end of `to`, without copying (but for a small rest that
 * fits behind what `to` has). Same stock. */
void bytes_move(struct bytes *to, struct bytes *from);
/* Appends references to all that `from` holds, which stays as it is. Same stock. False, with
 * nothing appended, when memory is out. */
bool bytes_share(struct bytes *to, const struct bytes *from) nodiscard;
/* Moves at most n bytes from the front of `from`; false, with nothing moved, when memory is out. */
bool bytes_move_n(struct bytes *to, struct bytes *from, size_t n) nodiscard;

#endif
