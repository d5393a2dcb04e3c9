/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_ADMIN_PEER_H
#define WEIR_TESTS_UNIT_ADMIN_PEER_H

/* An admin server with a table of the test's own, and its clients, over memory links. The clock
 * stands unless a test moves it. */

#include "tests/lib/fini.h"
#include "control/admin/admin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: x\r\n\r\n"

static struct loop lp;
static struct admin *admin;

static inline void admin_begin(const struct admin_row *table, size_t n)
{
    loop_init(&lp, 0);
    clock_set(&lp.clock, 1000000, UINT64_C(784111777) * 1000000);
    admin = admin_new(&lp, table, n);
}

static inline void admin_finish(void)
{
    admin_free(admin);
    admin_free(NULL);
    loop_turn(&lp);
    FINI_EXPECT(lp.stock.blocks.slab.used == 0, "blocks are held");
    FINI_EXPECT(lp.links.used == 0, "links are left");
    loop_fini(&lp);
    fini_verdict();
}

/* The client's side of a link. */
struct peer {
    struct link *link;
    struct text heard;
    bool eof, failed, deaf;
};

static inline void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct peer *p = l->owner;
    (void)b;
    text_add(&p->heard, s);
}

static inline void on_eof(struct link *l)
{
    ((struct peer *)l->owner)->eof = true;
}

static inline void on_fail(struct link *l, int err)
{
    (void)err;
    ((struct peer *)l->owner)->failed = true;
}

static const struct link_events events = {
    .on_bytes = on_bytes, .on_eof = on_eof, .on_fail = on_fail};

static inline void open_peer_who(struct peer *p, size_t capacity, bool may_change)
{
    struct link *other;
    *p = (struct peer){0};
    text_init(&p->heard);
    link_memory_pair(&lp, capacity, &p->link, &other);
    link_start(p->link, &events, p);
    admin_add(admin, other, may_change);
}

/* May change nothing. */
static inline void open_peer(struct peer *p, size_t capacity)
{
    open_peer_who(p, capacity, false);
}

static inline void close_peer(struct peer *p)
{
    link_close(p->link);
    text_fini(&p->heard);
    loop_turn(&lp);
}

static inline void say(struct peer *p, const char *text)
{
    cr_assert(bytes_copy(&p->link->out, slice_str(text)));
    link_send(p->link);
    loop_turn(&lp);
}

/* What has come since the last time, NUL-terminated. */
static inline const char *hear(struct peer *p)
{
    static char got[16384];
    cr_assert(p->heard.n < sizeof got);
    if (p->heard.n)
        memcpy(got, p->heard.p, p->heard.n);
    got[p->heard.n] = '\0';
    p->heard.n = 0;
    return got;
}

static inline void pass_ms(uint64_t ms)
{
    clock_set(&lp.clock, lp.clock.mono_us + ms * 1000, lp.clock.wall_us + ms * 1000);
    loop_turn(&lp);
}

/* The last answer begins so. */
static inline void starts(struct peer *p, const char *with)
{
    const char *got = hear(p);
    cr_assert(strncmp(got, with, strlen(with)) == 0, "%s", got);
}

#endif
