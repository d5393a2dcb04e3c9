/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of bytes under random operations, against plain buffers that do the same by memcpy. Three
 * queues share blocks and pass bytes to each other; in some runs the stock is too small, so that
 * every failure path is taken. A seed and a step are all that is needed to see a failure again. */

#include "base/bytes.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/random.h"

static struct bytes_stock stock;

/* Everything that is queued, by way of bytes_iov. */
static struct slice flat(const struct bytes *from)
{
    static char text[1 << 20];
    static struct iovec iov[4096];
    size_t n = 0;
    const int count = bytes_iov(from, iov, 4096);

    for (int i = 0; i < count; i++) {
        cr_assert_gt(iov[i].iov_len, 0);
        memcpy(text + n, iov[i].iov_base, iov[i].iov_len);
        n += iov[i].iov_len;
    }
    cr_assert_eq(n, from->n);
    return slice_of(text, n);
}

enum { QUEUES = 3, MODEL_MAX = 400000 };

static struct model {
    struct bytes q;
    char *text;
    size_t n;
} models[QUEUES];
static struct random rnd;
static char source[40000];
static char counter;
static uint64_t refused;

static size_t below(size_t n)
{
    return (size_t)random_below(&rnd, n);
}

/* Mostly small, sometimes up to 40,000. */
static size_t some_length(void)
{
    static const size_t limits[] = {4, 200, 3000, 17000, sizeof source};
    return below(limits[below(5)]);
}

/* Fresh bytes that no other operation has written. */
static struct slice some_bytes(size_t n)
{
    for (size_t i = 0; i < n; i++)
        source[i] = counter++;
    return slice_of(source, n);
}

static void model_add(struct model *m, struct slice s)
{
    cr_assert_leq(m->n + s.n, MODEL_MAX);
    if (s.n)
        memcpy(m->text + m->n, s.p, s.n);
    m->n += s.n;
}

static void model_drop(struct model *m, size_t n)
{
    memmove(m->text, m->text + n, m->n - n);
    m->n -= n;
}

static void do_append(struct model *m)
{
    struct block *b = block_get(&stock.blocks);

    if (!b)
        return;
    const size_t n = 1 + below(BLOCK_SIZE), from = below(n), len = below(n - from + 1);
    memcpy(b->data, some_bytes(n).p, n);
    b->used = (uint32_t)n;
    if (bytes_append(&m->q, b, slice_of(b->data + from, len)))
        model_add(m, slice_of(b->data + from, len));
    if (below(2)) { /* the rest, perhaps to another queue */
        struct model *other = &models[below(QUEUES)];
        const struct slice rest = slice_between(b->data + from + len, b->data + n);
        if (bytes_append(&other->q, b, rest))
            model_add(other, slice_of(source + from + len, rest.n));
    }
    block_unref(b);
}

static void do_reserve(struct model *m)
{
    const size_t n = below(BLOCK_SIZE + 1), fill = below(2) ? below(n + 1) : 0;
    char *p = bytes_reserve(&m->q, n);

    if (!p)
        return;
    if (fill)
        memcpy(p, some_bytes(fill).p, fill);
    bytes_commit(&m->q, fill);
    model_add(m, slice_of(source, fill));
}

static void do_move(struct model *to, struct model *from)
{
    const size_t n = below(2) ? from->n : below(from->n + 10);

    if (to == from)
        return;
    if (n == from->n)
        bytes_move(&to->q, &from->q);
    else if (!bytes_move_n(&to->q, &from->q, n))
        return;
    const size_t moved = n < from->n ? n : from->n;
    model_add(to, slice_of(from->text, moved));
    model_drop(from, moved);
}

static void do_something(struct model *m)
{
    static const char constant[] = "a string constant of some length, never changed";
    const size_t n = some_length();

    switch (m->n > MODEL_MAX / QUEUES / 2 ? 4 : below(8)) {
    case 0:
        do_append(m);
        break;
    case 1:
        if (bytes_copy(&m->q, some_bytes(n)))
            model_add(m, slice_of(source, n));
        break;
    case 2:
        if (bytes_static(&m->q, slice_of(constant, n % sizeof constant)))
            model_add(m, slice_of(constant, n % sizeof constant));
        break;
    case 3:
        do_reserve(m);
        break;
    case 4: {
        const size_t drop = below(m->n + 1);
        bytes_consume(&m->q, drop);
        model_drop(m, drop);
        break;
    }
    case 5: {
        const size_t run = below(BLOCK_SIZE + 1);
        if (bytes_flatten(&m->q, run))
            cr_assert_geq(bytes_front(&m->q).n, run < m->n ? run : m->n);
        break;
    }
    default:
        do_move(m, &models[below(QUEUES)]);
    }
}

static void run_model(uint64_t seed, size_t block_limit, size_t piece_limit, int steps)
{
    bytes_stock_init(&stock, 0);
    random_seed(&rnd, seed);
    slab_set_limit(&stock.blocks.slab, block_limit);
    slab_set_limit(&stock.pieces, piece_limit);
    for (int i = 0; i < QUEUES; i++) {
        bytes_init(&models[i].q, &stock);
        models[i].text = malloc(MODEL_MAX);
        models[i].n = 0;
    }
    for (int step = 0; step < steps; step++) {
        do_something(&models[below(QUEUES)]);
        for (int i = 0; i < QUEUES; i++)
            if (!slice_eq(flat(&models[i].q), slice_of(models[i].text, models[i].n)))
                cr_assert_fail("seed %d step %d queue %d", (int)seed, step, i);
    }
    for (int i = 0; i < QUEUES; i++) {
        bytes_clear(&models[i].q);
        free(models[i].text);
    }
    cr_assert_eq(stock.blocks.slab.used, 0);
    cr_assert_eq(stock.pieces.used, 0);
    refused += stock.blocks.refused;
    bytes_stock_fini(&stock);
}

Test(bytes_model, random_operations_agree_with_plain_buffers)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        run_model(seed, 0, 0, 400);
}

Test(bytes_model, random_operations_agree_when_memory_is_short)
{
    for (uint64_t seed = 100; seed <= 110; seed++)
        run_model(seed, 6, 0, 400);
    cr_assert_gt(refused, 100);
    for (uint64_t seed = 200; seed <= 210; seed++)
        run_model(seed, 12, 8, 400);
}
