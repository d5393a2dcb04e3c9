/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of bytes: cases by name; test_bytes_model.c runs random operations. After each test
 * everything must be back in the stock: bytes_stock_fini() checks that. */

#include "base/bytes.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct bytes_stock stock;
static struct bytes q;

static void setup(void)
{
    bytes_stock_init(&stock, 0);
    bytes_init(&q, &stock);
}

static void teardown(void)
{
    bytes_clear(&q);
    bytes_stock_fini(&stock);
}

TestSuite(bytes, .init = setup, .fini = teardown);

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

static bool holds(const struct bytes *from, const char *text)
{
    return slice_eq(flat(from), slice_str(text));
}

static int pieces(const struct bytes *from)
{
    struct iovec iov[64];
    return bytes_iov(from, iov, 64);
}

/* A block as a link delivers it: filled with n bytes of `c`. */
static struct block *delivered(size_t n, char c)
{
    struct block *b = block_get(&stock.blocks);

    cr_assert_not_null(b);
    memset(b->data, c, n);
    b->used = (uint32_t)n;
    return b;
}

Test(bytes, an_empty_queue)
{
    struct iovec iov[1];

    cr_assert_eq(bytes_front(&q).n, 0);
    cr_assert_null(bytes_front_block(&q));
    cr_assert_eq(bytes_iov(&q, iov, 1), 0);
    bytes_consume(&q, 0);
    bytes_clear(&q);
    cr_assert(bytes_copy(&q, slice_of(NULL, 0)));
    cr_assert(bytes_static(&q, SLICE("")));
    cr_assert_eq(q.n, 0);
    cr_assert_eq(stock.blocks.slab.peak, 0);
}

Test(bytes, append_takes_a_reference_and_no_copy)
{
    struct block *b = delivered(100, 'a');

    cr_assert(bytes_append(&q, b, slice_of(b->data + 10, 50)));
    cr_assert_eq(b->refs, 2);
    cr_assert_eq(bytes_front(&q).p, b->data + 10);
    cr_assert_eq(bytes_front(&q).n, 50);
    cr_assert_eq(bytes_front_block(&q), b);
    block_unref(b);
    bytes_consume(&q, 50);
    cr_assert_eq(stock.blocks.slab.used, 0, "an empty queue holds no block");
}

Test(bytes, appending_nothing_takes_nothing)
{
    struct block *b = delivered(100, 'a');

    cr_assert(bytes_append(&q, b, slice_of(b->data, 0)));
    cr_assert_eq(b->refs, 1);
    cr_assert_eq(pieces(&q), 0);
    block_unref(b);
}

Test(bytes, neighbours_in_one_block_become_one_piece)
{
    struct block *b = delivered(9000, 'a');

    cr_assert(bytes_append(&q, b, slice_of(b->data, 3000)));
    cr_assert(bytes_append(&q, b, slice_of(b->data + 3000, 6000)));
    cr_assert_eq(pieces(&q), 1);
    cr_assert_eq(b->refs, 2);
    cr_assert_eq(q.n, 9000);
    block_unref(b);
}

Test(bytes, a_small_slice_is_copied_behind_the_last_piece)
{
    struct block *head = delivered(300, 'h'), *body = delivered(1000, 'b');

    cr_assert(bytes_append(&q, head, slice_of(head->data, 300)));
    cr_assert(bytes_append(&q, body, slice_of(body->data, 1000)));
    cr_assert_eq(pieces(&q), 1);
    cr_assert_eq(head->used, 1300);
    cr_assert_eq(body->refs, 1);
    cr_assert_eq(bytes_front(&q).p[1299], 'b');
    block_unref(body);
    block_unref(head);
}

Test(bytes, up_to_the_copy_limit_is_copied_and_more_is_not)
{
    struct block *head = delivered(300, 'h'), *small = delivered(BYTES_COPY_MAX, 's'),
                 *large = delivered(BYTES_COPY_MAX + 1, 'l');

    cr_assert(bytes_append(&q, head, slice_of(head->data, 300)));
    cr_assert(bytes_append(&q, small, slice_of(small->data, BYTES_COPY_MAX)));
    cr_assert_eq(pieces(&q), 1);
    cr_assert(bytes_append(&q, large, slice_of(large->data, BYTES_COPY_MAX + 1)));
    cr_assert_eq(pieces(&q), 2);
    cr_assert(small->refs == 1 && large->refs == 2);
    cr_assert(bytes_append(&q, head, slice_of(head->data, 300)));
    cr_assert_eq(pieces(&q), 2, "the next small one is copied again");
    block_unref(head);
    block_unref(small);
    block_unref(large);
}

Test(bytes, nothing_is_copied_over_bytes_of_somebody_else)
{
    struct block *b = delivered(1000, 'x'), *c = delivered(10, 'y');

    /* The piece ends before the block's used bytes do. */
    cr_assert(bytes_append(&q, b, slice_of(b->data, 500)));
    cr_assert(bytes_append(&q, c, slice_of(c->data, 10)));
    cr_assert_eq(pieces(&q), 2);
    cr_assert_eq(b->data[500], 'x');
    cr_assert_eq(b->used, 1000);
    block_unref(b);
    block_unref(c);
}

Test(bytes, of_two_queues_at_one_end_only_one_gets_the_room)
{
    struct block *b = delivered(100, 'x'), *c = delivered(10, 'y'), *d = delivered(10, 'z');
    struct bytes other;

    bytes_init(&other, &stock);
    cr_assert(bytes_append(&q, b, slice_of(b->data, 100)));
    cr_assert(bytes_append(&other, b, slice_of(b->data, 100)));
    cr_assert(bytes_append(&q, c, slice_of(c->data, 10)));
    cr_assert(bytes_append(&other, d, slice_of(d->data, 10)));
    cr_assert_eq(pieces(&q), 1);
    cr_assert_eq(pieces(&other), 2);
    cr_assert_eq(flat(&q).p[109], 'y');
    cr_assert_eq(flat(&other).p[109], 'z');
    bytes_clear(&other);
    block_unref(b);
    block_unref(c);
    block_unref(d);
}

Test(bytes, a_full_block_takes_no_more)
{
    struct block *b = delivered(BLOCK_SIZE - 5, 'x'), *c = delivered(10, 'y');

    cr_assert(bytes_append(&q, b, slice_of(b->data, BLOCK_SIZE - 5)));
    cr_assert(bytes_append(&q, c, slice_of(c->data, 6)));
    cr_assert_eq(pieces(&q), 2);
    block_unref(b);
    block_unref(c);
}

/* A backend that sends 100 bytes at a time, each read into a block of its own. */
Test(bytes, drips_do_not_pin_a_block_each)
{
    for (int i = 0; i < 1000; i++) {
        struct block *b = delivered(100, (char)('a' + i % 26));
        cr_assert(bytes_append(&q, b, slice_of(b->data, 100)));
        block_unref(b);
    }
    cr_assert_eq(q.n, 100000);
    cr_assert_leq(stock.blocks.slab.used, 7, "%zu", stock.blocks.slab.used);
    const struct slice s = flat(&q);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != (char)('a' + i / 100 % 26))
            cr_assert_fail("at %zu", i);
}

Test(bytes, drips_do_not_pin_a_block_each_through_two_queues)
{
    struct bytes first;

    bytes_init(&first, &stock);
    for (int i = 0; i < 1000; i++) {
        struct block *b = delivered(100, 'x');
        cr_assert(bytes_append(&first, b, slice_of(b->data, 100)));
        block_unref(b);
        if (i % 2)
            bytes_move(&q, &first);
        else
            cr_assert(bytes_move_n(&q, &first, 60));
    }
    cr_assert_eq(q.n + first.n, 100000);
    bytes_move(&q, &first);
    cr_assert_leq(stock.blocks.slab.used, 8, "%zu", stock.blocks.slab.used);
}

Test(bytes, copies_of_any_length)
{
    static char text[3 * BLOCK_SIZE + 100];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7);
    cr_assert(bytes_copy(&q, slice_of(text, 100)));
    cr_assert(bytes_copy(&q, slice_of(text + 100, sizeof text - 100)));
    cr_assert(slice_eq(flat(&q), slice_of(text, sizeof text)));
    cr_assert_eq(pieces(&q), 4, "each block is filled before the next is begun");
}

Test(bytes, a_copy_that_finds_no_block_leaves_the_queue_as_it_was)
{
    static char text[3 * BLOCK_SIZE];

    slab_set_limit(&stock.blocks.slab, 3);
    cr_assert(bytes_copy(&q, SLICE("before")));
    cr_assert(!bytes_copy(&q, slice_of(text, sizeof text)));
    cr_assert(holds(&q, "before"));
    cr_assert_eq(stock.blocks.slab.used, 1);
    cr_assert_eq(stock.blocks.refused, 1);
    cr_assert(bytes_copy(&q, slice_of(text, sizeof text - 6)));
    cr_assert_eq(q.n, sizeof text);
}

Test(bytes, static_bytes_have_no_block)
{
    cr_assert(bytes_static(&q, SLICE("0\r\n\r\n")));
    cr_assert_null(bytes_front_block(&q));
    cr_assert(bytes_copy(&q, SLICE("x")));
    cr_assert_eq(pieces(&q), 2, "nothing is copied behind a constant");
    cr_assert(bytes_static(&q, SLICE("yz")));
    cr_assert_eq(pieces(&q), 2, "but a constant behind a block");
    cr_assert(holds(&q, "0\r\n\r\nxyz"));
}

Test(bytes, reserved_room_is_committed_in_part)
{
    char *p = bytes_reserve(&q, 64);

    cr_assert_not_null(p);
    memcpy(p, "hello", 5);
    bytes_commit(&q, 5);
    cr_assert(holds(&q, "hello"));
    char *again = bytes_reserve(&q, 64);
    cr_assert_eq(again, p + 5);
    memcpy(again, " you", 4);
    bytes_commit(&q, 4);
    cr_assert(holds(&q, "hello you"));
    cr_assert_eq(pieces(&q), 1);
}

Test(bytes, a_reservation_may_come_to_nothing)
{
    cr_assert_not_null(bytes_reserve(&q, BLOCK_SIZE));
    bytes_commit(&q, 0);
    cr_assert_eq(stock.blocks.slab.used, 0);
    cr_assert_eq(pieces(&q), 0);

    cr_assert(bytes_static(&q, SLICE("a")));
    cr_assert(bytes_static(&q, SLICE("b")));
    cr_assert_not_null(bytes_reserve(&q, 10));
    bytes_commit(&q, 0);
    cr_assert_eq(stock.blocks.slab.used, 0);
    cr_assert(bytes_copy(&q, SLICE("c")));
    cr_assert(holds(&q, "abc"));
    cr_assert_not_null(bytes_reserve(&q, 0));
    bytes_commit(&q, 0);
    cr_assert(holds(&q, "abc"));
}

Test(bytes, a_whole_block_may_be_reserved_behind_a_partial_one)
{
    cr_assert(bytes_copy(&q, SLICE("a")));
    char *p = bytes_reserve(&q, BLOCK_SIZE);
    cr_assert_not_null(p);
    memset(p, 'b', BLOCK_SIZE);
    bytes_commit(&q, BLOCK_SIZE);
    cr_assert_eq(q.n, BLOCK_SIZE + 1);
    cr_assert_not_null(bytes_reserve(&q, 0), "a place even for nothing, in a full block");
    bytes_commit(&q, 0);
    cr_assert_eq(pieces(&q), 2);
}

Test(bytes, a_reservation_without_a_block_is_null)
{
    slab_set_limit(&stock.blocks.slab, 1);
    cr_assert(bytes_copy(&q, SLICE("a")));
    cr_assert_null(bytes_reserve(&q, BLOCK_SIZE));
    cr_assert(holds(&q, "a"));
    cr_assert_not_null(bytes_reserve(&q, BLOCK_SIZE - 1));
    bytes_commit(&q, 0);
}

Test(bytes, more_than_was_reserved_is_a_mistake, .signal = SIGABRT)
{
    cr_assert_not_null(bytes_reserve(&q, 10));
    bytes_commit(&q, BLOCK_SIZE + 1);
}

Test(bytes, more_than_is_queued_cannot_be_consumed, .signal = SIGABRT)
{
    cr_assert(bytes_static(&q, SLICE("abc")));
    bytes_consume(&q, 4);
}

Test(bytes, a_slice_must_lie_in_its_block, .signal = SIGABRT)
{
    struct block *b = delivered(10, 'a');
    cr_assert(bytes_append(&q, b, slice_of(b->data + 5, 6)));
}

Test(bytes, consume_goes_over_pieces)
{
    cr_assert(bytes_static(&q, SLICE("abc")));
    cr_assert(bytes_static(&q, SLICE("def")));
    cr_assert(bytes_static(&q, SLICE("ghi")));
    bytes_consume(&q, 1);
    cr_assert(holds(&q, "bcdefghi"));
    bytes_consume(&q, 2);
    cr_assert(holds(&q, "defghi"));
    bytes_consume(&q, 4);
    cr_assert(holds(&q, "hi"));
    bytes_consume(&q, 2);
    cr_assert_eq(q.n, 0);
    cr_assert(bytes_static(&q, SLICE("again")));
    cr_assert(holds(&q, "again"));
}

Test(bytes, room_behind_a_partly_consumed_piece_is_still_used)
{
    cr_assert(bytes_copy(&q, SLICE("abc")));
    bytes_consume(&q, 2);
    cr_assert(bytes_copy(&q, SLICE("d")));
    cr_assert(holds(&q, "cd"));
    cr_assert_eq(pieces(&q), 1);
}

Test(bytes, iov_stops_at_its_maximum)
{
    struct iovec iov[2];

    for (int i = 0; i < 3; i++)
        cr_assert(bytes_static(&q, SLICE("abc")));
    cr_assert_eq(bytes_iov(&q, iov, 2), 2);
    cr_assert_eq(bytes_iov(&q, iov, 0), 0);
}

Test(bytes, flatten_makes_one_run_of_the_front)
{
    for (size_t n = 0; n <= 12; n++) {
        cr_assert(bytes_static(&q, SLICE("abc")));
        cr_assert(bytes_static(&q, SLICE("def")));
        cr_assert(bytes_static(&q, SLICE("ghi")));
        cr_assert(bytes_flatten(&q, n));
        cr_assert_geq(bytes_front(&q).n, n < 9 ? n : 9);
        cr_assert(holds(&q, "abcdefghi"));
        bytes_clear(&q);
    }
    cr_assert(bytes_flatten(&q, 5));
    cr_assert_eq(q.n, 0);
}

Test(bytes, flatten_copies_only_when_it_must)
{
    struct block *b = delivered(8000, 'x');

    cr_assert(bytes_append(&q, b, slice_of(b->data, 8000)));
    cr_assert(bytes_static(&q, SLICE("tail")));
    cr_assert(bytes_flatten(&q, 8000));
    cr_assert_eq(bytes_front(&q).p, b->data);
    block_unref(b);
}

Test(bytes, flatten_without_a_block_changes_nothing)
{
    cr_assert(bytes_static(&q, SLICE("abc")));
    cr_assert(bytes_static(&q, SLICE("def")));
    slab_set_limit(&stock.pieces, 2);
    cr_assert(!bytes_flatten(&q, 4));
    cr_assert(holds(&q, "abcdef"));
    cr_assert_eq(stock.blocks.slab.used, 0);
    cr_assert(bytes_flatten(&q, 3), "what is one run needs no block");
}

Test(bytes, move_takes_everything_along)
{
    struct bytes from;

    bytes_init(&from, &stock);
    bytes_move(&q, &from);
    cr_assert(bytes_static(&from, SLICE("abc")));
    bytes_move(&q, &from);
    cr_assert(bytes_static(&from, SLICE("def")));
    bytes_move(&q, &from);
    cr_assert(holds(&q, "abcdef"));
    cr_assert_eq(from.n, 0);
    cr_assert_null(from.first);
    cr_assert(bytes_static(&from, SLICE("x")));
    cr_assert(holds(&from, "x"));
    bytes_clear(&from);
}

Test(bytes, move_n_splits_where_told)
{
    struct bytes from;

    bytes_init(&from, &stock);
    for (size_t n = 0; n <= 10; n++) {
        cr_assert(bytes_static(&from, SLICE("abc")));
        cr_assert(bytes_static(&from, SLICE("def")));
        cr_assert(bytes_static(&from, SLICE("ghi")));
        cr_assert(bytes_move_n(&q, &from, n));
        cr_assert(slice_eq(flat(&q), slice_of("abcdefghi", n < 9 ? n : 9)));
        cr_assert(slice_eq(flat(&from), slice_from(SLICE("abcdefghi"), n)));
        bytes_clear(&q);
        bytes_clear(&from);
    }
}

Test(bytes, move_n_without_memory_moves_nothing)
{
    struct bytes from;
    struct block *b = delivered(8000, 'x');

    bytes_init(&from, &stock);
    cr_assert(bytes_static(&from, SLICE("abc")));
    cr_assert(bytes_append(&from, b, slice_of(b->data, 8000)));
    block_unref(b);
    slab_set_limit(&stock.pieces, stock.pieces.used);
    cr_assert(!bytes_move_n(&q, &from, 4000));
    cr_assert_eq(q.n, 0);
    cr_assert_eq(from.n, 8003);
    cr_assert(bytes_move_n(&q, &from, 3), "whole pieces need no memory");
    cr_assert(holds(&q, "abc"));
    bytes_clear(&from);
}

Test(bytes, without_a_piece_nothing_is_appended)
{
    struct block *b = delivered(5000, 'x');

    cr_assert(bytes_static(&q, SLICE("a")));
    slab_set_limit(&stock.pieces, 1);
    cr_assert(!bytes_append(&q, b, slice_of(b->data, 5000)));
    cr_assert_eq(b->refs, 1);
    cr_assert(!bytes_static(&q, SLICE("b")));
    cr_assert(!bytes_copy(&q, SLICE("b")));
    cr_assert_null(bytes_reserve(&q, 1));
    cr_assert_eq(stock.blocks.slab.used, 1);
    cr_assert(holds(&q, "a"));
    block_unref(b);
}

Test(bytes, share_leaves_the_other_as_it_was)
{
    struct block *b = delivered(5000, 'x');
    struct bytes from;

    bytes_init(&from, &stock);
    cr_assert(bytes_static(&from, SLICE("abc")));
    cr_assert(bytes_append(&from, b, slice_of(b->data, 5000)));
    cr_assert(bytes_copy(&q, SLICE("first ")));
    cr_assert(bytes_share(&q, &from));
    cr_assert_eq(b->refs, 3);
    cr_assert_eq(q.n, 6 + 5003);
    cr_assert_eq(from.n, 5003);
    bytes_consume(&q, 6 + 3 + 4999);
    cr_assert(holds(&q, "x"));
    cr_assert(bytes_copy(&q, SLICE("mine")));
    cr_assert(bytes_copy(&from, SLICE("yours")));
    cr_assert(holds(&q, "xmine"), "what one of them gets is not the other's");
    bytes_consume(&from, 3 + 4999);
    cr_assert(holds(&from, "xyours"));
    slab_set_limit(&stock.pieces, stock.pieces.used);
    cr_assert(!bytes_share(&q, &from));
    cr_assert(holds(&q, "xmine"));
    bytes_clear(&from);
    block_unref(b);
}

/* As frames are queued: a head of its own between two runs of content that came in elsewhere. */
Test(bytes, copy_aside_puts_what_stands_between_into_one_block)
{
    struct block *aside = NULL, *content = delivered(4 * 4000, 'x');
    for (int i = 0; i < 4; i++) {
        cr_assert(bytes_copy_aside(&q, &aside, SLICE("head")));
        cr_assert(bytes_append(&q, content, slice_of(content->data + i * 4000, 4000)));
    }
    cr_assert_eq(stock.blocks.slab.used, 2);
    cr_assert_eq(q.n, 4 * 4004);
    for (size_t at = 0; at < q.n; at += 4004)
        cr_assert(slice_eq(slice_of(flat(&q).p + at, 5), SLICE("headx")));
    block_unref(content);
    block_unref(aside);
    cr_assert_eq(stock.blocks.slab.used, 2, "the queue has references of its own");
}

Test(bytes, copy_aside_begins_another_block_when_one_is_full)
{
    static const char text[BYTES_COPY_MAX];
    struct block *aside = NULL, *first;
    struct bytes other;
    bytes_init(&other, &stock);
    cr_assert(bytes_copy_aside(&q, &aside, slice_of(NULL, 0)));
    cr_assert_null(aside, "nothing takes no block");
    cr_assert(bytes_copy_aside(&q, &aside, SLICE("a")));
    first = aside;
    while (aside == first)
        cr_assert(bytes_copy_aside(&other, &aside, slice_of(text, sizeof text)));
    cr_assert(holds(&q, "a"));
    bytes_clear(&other);
    block_unref(aside);
}

Test(bytes, copy_aside_without_a_block_appends_nothing)
{
    struct block *aside = NULL, *last = delivered(1, 'x');
    slab_set_limit(&stock.blocks.slab, 1);
    cr_assert(!bytes_copy_aside(&q, &aside, SLICE("a")));
    cr_assert_null(aside);
    cr_assert_eq(q.n, 0);
    block_unref(last);
}
