/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_LINK_SIDE_H
#define WEIR_TESTS_LIB_LINK_SIDE_H

/* The owner of a link in tests: it writes down what the link tells, one letter per event, and does
 * in its events what a test asks for. Everything lives on one loop, `lp`, whose clock stands. */

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/link.h"

/* No test file uses all of it. */
#define HELPER static __attribute__((unused))

/* What a link has told: o open, . bytes, e eof, m room, s stall, d drained, ! fail. */
struct side {
    struct link *link;
    char seen[256];
    size_t n, largest;
    char got[64];
    int err;
    bool keep, close_on_bytes, pause_on_bytes;
    struct side *relay_to;
    struct bytes kept;
};

HELPER struct loop lp;
HELPER struct side a;
HELPER int far; /* the other end of a's socket */

HELPER void see(struct side *s, char c)
{
    size_t n = strlen(s->seen);
    if (n < sizeof s->seen - 1)
        s->seen[n] = c;
}

HELPER void on_open(struct link *l)
{
    see(l->owner, 'o');
}

HELPER void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct side *side = l->owner;
    cr_assert(s.n > 0 && s.p >= b->data && s.p + s.n <= b->data + b->used);
    if (side->n + s.n <= sizeof side->got)
        memcpy(side->got + side->n, s.p, s.n);
    side->n += s.n;
    if (s.n > side->largest)
        side->largest = s.n;
    see(side, '.');
    if (side->keep)
        cr_assert(bytes_append(&side->kept, b, s));
    if (side->relay_to) {
        cr_assert(bytes_append(&side->relay_to->link->out, b, s));
        link_send(side->relay_to->link);
    }
    if (side->pause_on_bytes)
        link_pause(l);
    if (side->close_on_bytes)
        link_close(l);
}

HELPER void on_eof(struct link *l)
{
    see(l->owner, 'e');
}

HELPER void on_room(struct link *l)
{
    see(l->owner, 'm');
}

HELPER void on_stall(struct link *l)
{
    see(l->owner, 's');
}

HELPER void on_drained(struct link *l)
{
    see(l->owner, 'd');
}

HELPER void on_fail(struct link *l, int err)
{
    struct side *side = l->owner;
    side->err = err;
    see(side, '!');
}

HELPER const struct link_events events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stall = on_stall,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

HELPER void side_start(struct side *s, struct link *l)
{
    *s = (struct side){.link = l};
    cr_assert(l);
    bytes_init(&s->kept, &lp.stock);
    link_start(l, &events, s);
}

HELPER void open_pair(struct side *s, int *other)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *other = fds[1];
    side_start(s, link_plain(&lp, fds[0]));
}

HELPER void set_up(void)
{
    loop_init(&lp, 64);
    clock_set(&lp.clock, 1000000, 0);
}

HELPER void set_up_pair(void)
{
    set_up();
    open_pair(&a, &far);
}

HELPER void tear_down(void)
{
    loop_turn(&lp);
    cr_assert_eq(lp.stock.blocks.slab.used, 0, "no block is held");
    cr_assert_eq(lp.links.used, 0, "no link is left");
    loop_fini(&lp);
}

HELPER void far_write(size_t n)
{
    static char page[65536];
    while (n > 0) {
        ssize_t w = write(far, page, n < sizeof page ? n : sizeof page);
        cr_assert_gt(w, 0);
        n -= (size_t)w;
    }
}

HELPER size_t far_read(void)
{
    static char page[65536];
    size_t total = 0;
    for (ssize_t n; (n = read(far, page, sizeof page)) > 0;)
        total += (size_t)n;
    return total;
}

HELPER void send_many(struct side *s, size_t n)
{
    static char page[4096];
    for (; n > 0; n -= n < sizeof page ? n : sizeof page)
        cr_assert(bytes_copy(&s->link->out, slice_of(page, n < sizeof page ? n : sizeof page)));
    link_send(s->link);
}

#endif
