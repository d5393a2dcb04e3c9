/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of bytes: a singly linked list of pieces, each a slice of a counted block (or of a
 * string constant, with no block).
 *
 *     first -> [block A, p, n] -> [static, p, n] -> [block B, p, n] <- last
 *                                                                 `- ends at B->used? then small
 *                                                                    bytes are copied in behind it
 *
 * Room behind the last piece may be filled when that piece ends where its block's claimed bytes
 * end: then nobody else's bytes lie there. Filling claims it by advancing block->used, so a second
 * queue whose last piece ended at the same place sees that the room is gone.
 *
 * Invariant: no piece is empty, except the last between bytes_reserve() and bytes_commit(). Every
 * function that can fail does so before it has changed anything. */

#include "base/bytes.h"

struct piece {
    struct piece *next;
    struct block *block; /* counted; NULL: static bytes */
    const char *p;
    size_t n;
};

void bytes_stock_init(struct bytes_stock *bs, size_t block_limit)
{
    stock_init(&bs->blocks, block_limit);
    slab_init(&bs->pieces, sizeof(struct piece), 0);
}

void bytes_stock_fini(struct bytes_stock *bs)
{
    slab_fini(&bs->pieces);
    stock_fini(&bs->blocks);
}

void bytes_init(struct bytes *q, struct bytes_stock *bs)
{
    *q = (struct bytes){.stock = bs};
}

/* Takes the first piece off and drops it. */
static inline void drop_first(struct bytes *q)
{
    struct piece *piece = q->first;

    q->first = piece->next;
    if (!q->first)
        q->last = NULL;
    block_unref(piece->block);
    slab_put(&q->stock->pieces, piece);
}

void bytes_clear(struct bytes *q)
{
    while (q->first)
        drop_first(q);
    q->n = 0;
}

/* -- appending ---------------------------------------------------------------------------------*/

/* Free bytes behind the last piece that are the queue's to claim. */
static inline size_t tail_room(const struct bytes *q)
{
    const struct piece *last = q->last;

    if (!last || !last->block || last->p + last->n != last->block->data + last->block->used)
        return 0;
    return block_room(last->block);
}

/* Copies into the room that tail_room() found. */
static inline void tail_fill(struct bytes *q, const char *p, size_t n)
{
    struct block *b = q->last->block;

    memcpy(b->data + b->used, p, n);
    b->used += (uint32_t)n;
    q->last->n += n;
    q->n += n;
}

/* A small slice that fits goes in by copy. */
static inline bool tail_copy(struct bytes *q, struct slice s)
{
    if (s.n > BYTES_COPY_MAX || tail_room(q) < s.n)
        return false;
    tail_fill(q, s.p, s.n);
    return true;
}

static inline void link_pieces(struct bytes *q, struct piece *first, struct piece *last)
{
    if (q->last)
        q->last->next = first;
    else
        q->first = first;
    q->last = last;
    last->next = NULL;
}

/* A new piece at the end, which takes over the caller's reference to `b`. False: out of memory,
 * and the reference is still the caller's. */
static inline bool push(struct bytes *q, struct block *b, const char *p, size_t n)
{
    struct piece *piece = slab_get(&q->stock->pieces);

    if (unlikely(!piece))
        return false;
    piece->block = b;
    piece->p = p;
    piece->n = n;
    link_pieces(q, piece, piece);
    q->n += n;
    return true;
}

bool bytes_append(struct bytes *q, struct block *b, struct slice s)
{
    struct piece *last = q->last;

    if (!s.n)
        return true;
    must(s.p >= b->data && s.p + s.n <= b->data + b->used);
    if (last && last->block == b && last->p + last->n == s.p) { /* the next bytes of one read */
        last->n += s.n;
        q->n += s.n;
        return true;
    }
    if (tail_copy(q, s))
        return true;
    if (!push(q, b, s.p, s.n))
        return false;
    block_ref(b);
    return true;
}

bool bytes_static(struct bytes *q, struct slice s)
{
    return !s.n || tail_copy(q, s) || push(q, NULL, s.p, s.n);
}

/* An empty piece in a fresh block at the end. */
static bool push_block(struct bytes *q)
{
    struct block *b = block_get(&q->stock->blocks);

    if (!b)
        return false;
    if (!push(q, b, b->data, 0)) {
        block_unref(b);
        return false;
    }
    return true;
}

bool bytes_copy(struct bytes *q, struct slice s)
{
    const size_t room = tail_room(q);
    const size_t here = s.n < room ? s.n : room;
    struct bytes
        more; /* what doesn't fit behind the last piece; nothing is appended until it is had */

    bytes_init(&more, q->stock);
    for (size_t at = here; at < s.n;) {
        const size_t left = s.n - at;
        const size_t n = left < BLOCK_SIZE ? left : BLOCK_SIZE;
        if (!push_block(&more)) {
            bytes_clear(&more);
            return false;
        }
        tail_fill(&more, s.p + at, n);
        at += n;
    }
    if (here)
        tail_fill(q, s.p, here);
    if (more.first)
        link_pieces(q, more.first, more.last);
    q->n += more.n;
    return true;
}

bool bytes_copy_aside(struct bytes *q, struct block **aside, struct slice s)
{
    if (!s.n)
        return true;
    if (s.n > BYTES_COPY_MAX)
        return bytes_copy(q, s);
    if (!*aside || block_room(*aside) < s.n) {
        struct block *b = block_get(&q->stock->blocks);
        if (!b)
            return false;
        block_unref(*aside);
        *aside = b;
    }
    struct block *b = *aside;
    char *p = b->data + b->used;
    memcpy(p, s.p, s.n);
    b->used += (uint32_t)s.n;
    return bytes_append(q, b, slice_of(p, s.n));
}

char *bytes_reserve(struct bytes *q, size_t n)
{
    must(n <= BLOCK_SIZE);
    /* n == 0 needs a place too: commit looks at the last piece. */
    if ((tail_room(q) < n || !tail_room(q)) && !push_block(q))
        return NULL;
    return q->last->block->data + q->last->block->used;
}

/* Drops the empty piece that a reservation left at the end. */
static void drop_last(struct bytes *q)
{
    struct piece *before = q->first;

    if (before == q->last) {
        drop_first(q);
        return;
    }
    while (before->next != q->last)
        before = before->next;
    block_unref(q->last->block);
    slab_put(&q->stock->pieces, q->last);
    before->next = NULL;
    q->last = before;
}

void bytes_commit(struct bytes *q, size_t n)
{
    must(n <= tail_room(q));
    q->last->block->used += (uint32_t)n;
    q->last->n += n;
    q->n += n;
    if (!q->last->n)
        drop_last(q);
}

/* -- taking ------------------------------------------------------------------------------------*/

struct slice bytes_front(const struct bytes *q)
{
    return q->first ? slice_of(q->first->p, q->first->n) : slice_of(NULL, 0);
}

struct block *bytes_front_block(const struct bytes *q)
{
    return q->first ? q->first->block : NULL;
}

int bytes_iov(const struct bytes *q, struct iovec *iov, int max)
{
    int n = 0;

    for (const struct piece *piece = q->first; piece && n < max; piece = piece->next)
        iov[n++] = (struct iovec){.iov_base = (void *)piece->p, .iov_len = piece->n};
    return n;
}

void bytes_consume(struct bytes *q, size_t n)
{
    must(n <= q->n);
    q->n -= n;
    while (n) {
        struct piece *piece = q->first;
        if (piece->n > n) {
            piece->p += n;
            piece->n -= n;
            return;
        }
        n -= piece->n;
        drop_first(q);
    }
}

/* Copies the first n bytes of `from` behind the last piece of `to`, when they are few and fit. */
static bool copy_over(struct bytes *to, struct bytes *from, size_t n)
{
    if (n > BYTES_COPY_MAX || tail_room(to) < n)
        return false;
    for (size_t left = n; left;) {
        const size_t part = left < from->first->n ? left : from->first->n;
        tail_fill(to, from->first->p, part);
        bytes_consume(from, part);
        left -= part;
    }
    return true;
}

void bytes_move(struct bytes *to, struct bytes *from)
{
    must(to != from && to->stock == from->stock);
    if (!from->n || copy_over(to, from, from->n))
        return;
    link_pieces(to, from->first, from->last);
    to->n += from->n;
    bytes_init(from, from->stock);
}

bool bytes_move_n(struct bytes *to, struct bytes *from, size_t n)
{
    struct piece *before = NULL, *cut = from->first; /* the piece that the n-th byte lies behind */
    size_t whole = 0;

    if (n >= from->n) {
        bytes_move(to, from);
        return true;
    }
    must(to != from && to->stock == from->stock);
    if (!n || copy_over(to, from, n))
        return true;
    for (; whole + cut->n <= n; before = cut, cut = cut->next)
        whole += cut->n;

    struct piece *half = NULL;
    if (n > whole) {
        half = slab_get(&to->stock->pieces);
        if (!half)
            return false;
        *half = (struct piece){.block = cut->block, .p = cut->p, .n = n - whole};
        if (half->block)
            block_ref(half->block);
        cut->p += half->n;
        cut->n -= half->n;
    }
    if (before)
        link_pieces(to, from->first, before);
    if (half)
        link_pieces(to, half, half);
    from->first = cut;
    to->n += n;
    from->n -= n;
    return true;
}

bool bytes_share(struct bytes *to, const struct bytes *from)
{
    struct bytes copy;

    must(to->stock == from->stock);
    bytes_init(&copy, to->stock);
    for (const struct piece *piece = from->first; piece; piece = piece->next) {
        if (!push(&copy, piece->block, piece->p, piece->n)) {
            bytes_clear(&copy);
            return false;
        }
        if (piece->block)
            block_ref(piece->block);
    }
    bytes_move(to, &copy);
    return true;
}

/* -- one run ----------------------------------------------------------------------------------- */

bool bytes_flatten(struct bytes *q, size_t n)
{
    const size_t want = n < q->n ? n : q->n;
    must(n <= BLOCK_SIZE);
    if (!q->first || q->first->n >= want)
        return true;
    struct bytes flat;
    bytes_init(&flat, q->stock);
    char *to = bytes_reserve(&flat, want);
    if (!to)
        return false;
    for (size_t left = want; left;) {
        const struct slice front = bytes_front(q);
        const size_t here = front.n < left ? front.n : left;
        memcpy(to, front.p, here);
        to += here;
        left -= here;
        bytes_consume(q, here);
    }
    bytes_commit(&flat, want);
    bytes_move(&flat, q);
    *q = flat;
    return true;
}
