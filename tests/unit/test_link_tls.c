/* SPDX-License-Identifier: Apache-2.0 */
/* TLS links that speak with each other, over memory with every cut and over sockets: they keep the
 * contract of all links. What goes wrong in TLS is in test_link_tls_peer.c. */

#include <errno.h>

#include "tests/lib/pattern.h"
#include "tests/lib/tls_side.h"

TestSuite(link_tls, .init = set_up_tls, .fini = tear_down_tls, .timeout = 30);

/* -- opening -------------------------------------------------------------------------------- */

static void expect_talk(void)
{
    send_text(&a, "ping");
    loop_turn(&lp);
    cr_assert(got(&b, "ping"));
    send_text(&b, "pong");
    loop_turn(&lp);
    cr_assert(got(&a, "pong"));
}

static void expect_version(struct side *s, const char *version)
{
    struct tls_facts *facts = link_tls_take_facts(s->link);
    cr_assert(facts);
    cr_assert(slice_eq(facts->version, slice_str(version)));
    tls_facts_free(facts);
}

Test(link_tls, opens_and_talks_in_both_versions)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    for (int i = 0; i < 2; i++) {
        client_max(versions[i]);
        start_memory(0);
        cr_assert_null(link_tls_take_facts(b.link), "nothing is known before");
        cr_assert_str_eq(a.seen, "", "nothing happens inside of the start");
        expect_open();
        expect_version(&a, names[i]);
        expect_version(&b, names[i]);
        cr_assert_str_eq(link_tls_fault(a.link), "");
        expect_talk();
        cr_assert_str_eq(a.seen, "d.");
        cr_assert_str_eq(b.seen, ".d");
        cr_assert_eq(a.link->bytes_in, 4);
        cr_assert_eq(a.link->bytes_out, 4);
        close_both();
    }
}

Test(link_tls, opens_and_talks_over_sockets)
{
    start_sockets();
    for (int i = 0; i < 100 && b.seen[0] == '\0'; i++)
        loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o");
    cr_assert_str_eq(b.seen, "o");
    cr_assert_geq(link_fd(a.link), 0);
    for (int i = 0; i < 100; i++) {
        a.n = b.n = 0;
        expect_talk();
    }
    close_both();
}

Test(link_tls, opens_and_talks_with_every_cut)
{
    static const size_t cuts[] = {1, 2, 3, 4, 5, 6, 7, 16, 100, 1000, 4999};
    for (unsigned version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (unsigned i = 0; i < array_n(cuts); i++) {
            client_max((int)version);
            start_memory(i % 2 ? 0 : 1 + cuts[i]);
            link_memory_segment(under_a, cuts[i]);
            link_memory_segment(under_b, cuts[array_n(cuts) - 1 - i]);
            expect_open();
            expect_talk();
            close_both();
            loop_turn(&lp);
        }
}

Test(link_tls, what_was_sent_before_it_opened_waits)
{
    start_memory(0);
    send_text(&a, "early");
    send_text(&b, "late");
    loop_turn(&lp);
    cr_assert(got(&b, "early"));
    cr_assert(got(&a, "late"));
    cr_assert_str_eq(b.seen, "o.d");
    close_both();
}

Test(link_tls, opens_on_a_connection_that_is_being_made)
{
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    link_memory_connecting(x, 0);
    start_a(x);
    start_b(y);
    expect_open();
    expect_talk();
    close_both();
}

Test(link_tls, a_connection_that_fails_is_no_fault_of_tls)
{
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    link_memory_connecting(x, ECONNREFUSED);
    start_a(x);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ECONNREFUSED);
    cr_assert_str_eq(link_tls_fault(a.link), "");
    link_close(a.link);
    link_close(y);
}

/* A link that an owner has read the beginning of, and hands over. */
static struct bytes early;

static void keep_early(struct link *l, struct block *block, struct slice s)
{
    (void)l;
    cr_assert(bytes_append(&early, block, s));
}

Test(link_tls, takes_over_a_link_and_what_was_read_from_it)
{
    static const struct link_events reader = {.on_bytes = keep_early, .on_eof = on_eof};
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    bytes_init(&early, &lp.stock);
    link_start(y, &reader, NULL);
    start_a(x);
    loop_turn(&lp);
    cr_assert_gt(early.n, 100, "the client's hello");
    link_pause(y);
    struct link *l = link_tls_accept(y, server);
    for (; early.n > 0; bytes_consume(&early, bytes_front(&early).n))
        cr_assert(link_tls_early(l, bytes_front_block(&early), bytes_front(&early)));
    side_start(&b, l);
    cr_assert_str_eq(b.seen, "");
    expect_open();
    expect_talk();
    close_both();
}

static void on_open_close(struct link *l)
{
    see(l->owner, 'o');
    link_close(l);
}

Test(link_tls, may_be_closed_in_any_event)
{
    static struct link_events closes;
    closes = events;
    closes.on_open = on_open_close;
    start_memory(0);
    link_start(b.link, &closes, &b);
    send_text(&a, "never seen");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "o");
    cr_assert_str_eq(a.seen, "ode");
    link_close(a.link);
    loop_turn(&lp);

    open_memory(0);
    b.close_on_bytes = true;
    send_many(&a, 50000);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".");
    link_close(a.link);
}

/* Who hears that it is open hands the link over, and the next owner gets what came with it. */
static struct side next_owner;

static void on_open_hand_over(struct link *l)
{
    link_start(l, &events, &next_owner);
}

Test(link_tls, is_handed_over_in_on_open)
{
    static const struct link_events greeting = {.on_open = on_open_hand_over};
    next_owner = (struct side){0};
    start_memory(0);
    link_start(b.link, &greeting, &b);
    send_text(&a, "hello");
    loop_turn(&lp);
    cr_assert(got(&next_owner, "hello"));
    cr_assert_str_eq(next_owner.seen, ".");
    close_both();
}

/* -- back-pressure -------------------------------------------------------------------------- */

Test(link_tls, a_paused_owner_hears_nothing_and_holds_the_other_back)
{
    open_memory(20000);
    a.link->out_high = 100000;
    link_pause(b.link);
    send_many(&a, 200000);
    cr_assert_eq(link_room(a.link), 0);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "");
    cr_assert_str_eq(a.seen, "ss", "twice something left: into the pipe, and what b took of it");
    cr_assert_gt(link_unsent(a.link), 200000 - 60000);
    cr_assert_leq(a.link->beneath, LINK_OUT_HIGH + 17000, "the rest isn't encrypted yet");
    cr_assert_gt(a.link->out.n, 80000);
    link_resume(b.link);
    cr_assert_str_eq(b.seen, "", "nothing comes from inside");
    loop_turn(&lp);
    cr_assert_eq(b.n, 200000);
    cr_assert_eq(link_unsent(a.link), 0);
    const char *told = a.seen + strspn(a.seen, "s");
    cr_assert(told[0] == 'm' && told[strlen(told) - 1] == 'd', "%s", a.seen);
    cr_assert_eq(strspn(told + 1, "s"), strlen(told) - 2, "room and drained once: %s", a.seen);
    close_both();
}

Test(link_tls, drained_means_that_all_has_left)
{
    open_memory(1000);
    link_pause(b.link);
    send_many(&a, 3000);
    loop_turn(&lp);
    cr_assert_eq(a.link->out.n, 0, "it is encrypted");
    cr_assert_gt(link_unsent(a.link), 1000);
    cr_assert_null(strchr(a.seen, 'd'));
    cr_assert_not_null(strchr(a.seen, 's'));
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_eq(link_unsent(a.link), 0);
    cr_assert_str_eq(strchr(a.seen, 'd'), "d");
    close_both();
}

Test(link_tls, pausing_in_the_middle_of_a_record_keeps_the_rest)
{
    open_memory(0);
    send_many(&a, 100000);
    b.pause_on_bytes = true;
    loop_turn(&lp);
    for (int i = 0; i < 100 && b.n < 100000; i++) {
        const size_t before = b.n;
        cr_assert_eq(strlen(b.seen), (size_t)i + 1, "one event each time");
        link_resume(b.link);
        loop_turn(&lp);
        cr_assert_gt(b.n, before);
    }
    cr_assert_eq(b.n, 100000);
    close_both();
}

static struct block *taken[64];
static unsigned taken_n;

static void take_all_blocks(void)
{
    for (struct block *block; (block = block_get(&lp.stock.blocks));)
        taken[taken_n++] = block;
}

static void give_blocks_back(unsigned n)
{
    while (n-- > 0 && taken_n > 0)
        block_unref(taken[--taken_n]);
}

/* Those who starve try again when the breath is drawn. */
static void breathe(void)
{
    for (int i = 0; i < 20; i++) {
        clock_set(&lp.clock, lp.clock.mono_us + 50000, 0);
        loop_turn(&lp);
    }
}

Test(link_tls, shakes_hands_when_there_are_blocks)
{
    start_memory(0);
    take_all_blocks();
    breathe();
    cr_assert_str_eq(a.seen, "");
    cr_assert_eq(lp.stock.blocks.slab.used, taken_n, "not even a hello");
    give_blocks_back(2);
    breathe();
    cr_assert_str_eq(a.seen, "o");
    cr_assert_str_eq(b.seen, "o");
    give_blocks_back(64);
    close_both();
}

Test(link_tls, tells_the_end_when_there_is_a_block)
{
    open_memory(0);
    take_all_blocks();
    link_end(a.link);
    breathe();
    cr_assert_str_eq(b.seen, "");
    give_blocks_back(3);
    breathe();
    cr_assert_str_eq(b.seen, "e");
    link_end(b.link);
    breathe();
    cr_assert_str_eq(a.seen, "e");
    give_blocks_back(64);
    close_both();
}

/* However few blocks there are, everything comes. */
Test(link_tls, goes_on_with_few_blocks)
{
    open_memory(0);
    for (unsigned spare = 3; spare < 8; spare++) {
        a.n = b.n = 0;
        send_many(&a, BLOCK_SIZE);
        send_text(&b, "back");
        take_all_blocks();
        loop_turn(&lp);
        cr_assert_eq(b.n, 0, "there is no block at all");
        give_blocks_back(spare);
        breathe();
        cr_assert_eq(b.n, BLOCK_SIZE, "%u blocks", spare);
        cr_assert(got(&a, "back"));
        give_blocks_back(64);
    }
    close_both();
}

/* -- ends ------------------------------------------------------------------------------------- */

Test(link_tls, ends_one_direction_and_goes_on_in_the_other)
{
    open_memory(0);
    send_text(&a, "request");
    link_end(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".e");
    cr_assert_str_eq(a.seen, "d");
    send_text(&b, "response");
    loop_turn(&lp);
    cr_assert(got(&a, "response"));
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "d.e");
    cr_assert_str_eq(b.seen, ".ed");
    close_both();
}

Test(link_tls, may_be_told_to_end_before_it_is_open)
{
    start_memory(100);
    link_end(a.link);
    send_text(&b, "hello");
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o.e");
    cr_assert(strchr(b.seen, 'e') && !strchr(b.seen, '!'), "%s", b.seen);
    close_both();
}

Test(link_tls, a_paused_owner_hears_of_the_end_when_it_resumes)
{
    open_memory(0);
    link_pause(b.link);
    send_text(&a, "last");
    link_end(a.link);
    loop_turn(&lp);
    link_close(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "");
    b.pause_on_bytes = true;
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".");
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".e");
    link_close(b.link);
}

Test(link_tls, closing_tells_the_end_and_resetting_breaks)
{
    open_memory(0);
    link_close(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "e");
    link_close(a.link);
    loop_turn(&lp);

    open_memory(0);
    link_reset(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ECONNRESET);
    link_close(a.link);
}

Test(link_tls, closing_with_bytes_left_is_no_end)
{
    open_memory(0);
    send_text(&b, "not sent");
    link_close(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ECONNRESET);
    cr_assert_str_eq(link_tls_fault(a.link), "closed");
    link_close(a.link);
}

Test(link_tls, writing_to_a_closed_end_fails)
{
    open_memory(0);
    link_pause(a.link);
    link_reset(b.link);
    send_text(&a, "for nobody");
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(link_unsent(a.link), 0);
    send_text(&a, "harmless");
    loop_turn(&lp);
    link_close(a.link);
}

/* -- resumption: a session is no worse for how its connection ended ------------------------- */

static bool connect_resuming(struct tls_resume *resume)
{
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    side_start(&a, link_tls_connect(x, client, site_name, resume));
    start_b(y);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o");
    struct tls_facts *facts = link_tls_take_facts(a.link);
    const bool resumed = facts->resumed;
    tls_facts_free(facts);
    link_reset(a.link);
    link_close(b.link);
    loop_turn(&lp);
    return resumed;
}

Test(link_tls, a_session_is_resumed_also_after_a_reset)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_resume resume = {0};
        client_max(version);
        cr_assert_not(connect_resuming(&resume));
        cr_assert(connect_resuming(&resume), "version %x", (unsigned)version);
        tls_resume_drop(&resume);
    }
}

/* -- both streams against a model ------------------------------------------------------------- */

struct stream {
    struct side *from, *to;
    uint64_t sent, seen;
    const uint64_t total;
    bool ended, closed;
};
static struct stream streams[2] = {{.total = 700000}, {.total = 700000}};
static unsigned dice_state;

static unsigned dice(unsigned n)
{
    dice_state = dice_state * 1103515245 + 12345;
    return (dice_state >> 16) % n;
}

static void model_bytes(struct link *l, struct block *block, struct slice s)
{
    (void)block;
    struct stream *st = &streams[l->owner == &b ? 0 : 1];
    cr_assert(pattern_holds(s.p, st->seen, s.n), "at %lu", (unsigned long)st->seen);
    st->seen += s.n;
    if (dice(4) == 0)
        link_pause(l);
}

static void model_eof(struct link *l)
{
    streams[l->owner == &b ? 0 : 1].closed = true;
}

static void model_fail(struct link *l, int err)
{
    (void)l;
    cr_assert(false, "failed: %d", err);
}

static void model_send(struct stream *st)
{
    struct link *l = st->from->link;
    static char page[40000];
    static const unsigned sizes[] = {1, 100, 2000, 17000, 40000};
    size_t n = 1 + dice(sizes[dice(5)]);
    if (n > link_room(l))
        n = link_room(l);
    if (n > st->total - st->sent)
        n = st->total - st->sent;
    pattern_fill(page, st->sent, n);
    if (!bytes_copy(&l->out, slice_of(page, n)))
        return;
    st->sent += n;
    link_send(l);
    if (st->sent == st->total && !st->ended) {
        st->ended = true;
        link_end(l);
    }
}

static void run_model(unsigned seed)
{
    static const struct link_events model = {
        .on_bytes = model_bytes, .on_eof = model_eof, .on_fail = model_fail};
    dice_state = seed;
    for (int i = 0; i < 2; i++)
        streams[i].sent = streams[i].seen = streams[i].ended = streams[i].closed = 0;
    streams[0].from = streams[1].to = &a;
    streams[1].from = streams[0].to = &b;
    link_start(a.link, &model, &a);
    link_start(b.link, &model, &b);
    for (unsigned i = 0; i < 100000 && !(streams[0].closed && streams[1].closed); i++) {
        struct stream *st = &streams[dice(2)];
        if (dice(3))
            model_send(st);
        if (dice(2))
            link_resume(st->to->link);
        if (dice(2)) {
            clock_set(&lp.clock, lp.clock.mono_us + dice(2) * 700000, 0);
            loop_turn(&lp);
        }
        cr_assert_leq(link_unsent(a.link), LINK_OUT_HIGH + 40000 + 4000);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(streams[i].closed);
        cr_assert_eq(streams[i].seen, streams[i].total);
    }
    close_both();
    loop_turn(&lp);
}

Test(link_tls, carries_both_streams_over_memory_as_they_are)
{
    static const size_t capacities[] = {0, 3000, 50000, 100};
    static const size_t cuts[] = {0, 777, 5, 16000};
    for (unsigned i = 0; i < 8; i++) {
        client_max(i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        start_memory(capacities[i % 4]);
        link_memory_segment(under_a, cuts[i / 2 % 4]);
        link_memory_segment(under_b, cuts[(i + 1) % 4]);
        expect_open();
        run_model(i);
    }
}

Test(link_tls, carries_both_streams_over_sockets_as_they_are)
{
    for (unsigned i = 0; i < 4; i++) {
        client_max(i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        start_sockets();
        for (int k = 0; k < 100 && b.seen[0] == '\0'; k++)
            loop_turn(&lp);
        run_model(100 + i);
    }
}
