/* SPDX-License-Identifier: Apache-2.0 */
/* Links in memory, and with them what all links share: flags, back-pressure, order of events. */

#include <errno.h>

#include "tests/lib/link_side.h"

static struct side b;
static const struct link_events few_events = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_fail = on_fail,
};

static void pair_start(size_t capacity)
{
    struct link *near, *other;
    link_memory_pair(&lp, capacity, &near, &other);
    side_start(&a, near);
    side_start(&b, other);
}

static void send_text(struct side *s, const char *text)
{
    cr_assert(bytes_copy(&s->link->out, slice_str(text)));
    link_send(s->link);
}

static void close_both(void)
{
    link_close(a.link);
    link_close(b.link);
}

TestSuite(link_memory, .init = set_up, .fini = tear_down);

Test(link_memory, carries_bytes_both_ways_in_one_turn)
{
    pair_start(0);
    b.relay_to = &b;
    send_text(&a, "hello");
    cr_assert_eq(b.n, 0, "nothing is delivered from inside");
    loop_turn(&lp);
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("hello")));
    cr_assert(slice_eq(slice_of(a.got, a.n), SLICE("hello")));
    cr_assert_str_eq(a.seen, "d.");
    cr_assert_str_eq(b.seen, ".d");
    cr_assert_eq(a.link->bytes_in, 5);
    cr_assert_eq(a.link->bytes_out, 5);
    cr_assert_eq(link_fd(a.link), -1);
    close_both();
}

Test(link_memory, joins_what_was_sent_in_one_turn)
{
    pair_start(0);
    send_text(&a, "one ");
    send_text(&a, "two");
    cr_assert(bytes_static(&a.link->out, SLICE(" three")));
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".");
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("one two three")));
    close_both();
}

Test(link_memory, cuts_into_segments_on_request)
{
    pair_start(0);
    link_memory_segment(b.link, 1);
    send_text(&a, "abcdef");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "......");
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("abcdef")));
    close_both();
}

Test(link_memory, delivers_at_most_a_block_at_a_time)
{
    pair_start(0);
    send_many(&a, 3 * BLOCK_SIZE + 1);
    loop_turn(&lp);
    cr_assert_eq(b.n, 3 * BLOCK_SIZE + 1);
    cr_assert_eq(b.largest, BLOCK_SIZE);
    cr_assert_str_eq(b.seen, "....");
    close_both();
}

Test(link_memory, a_paused_end_holds_the_other_back)
{
    pair_start(1000);
    a.link->out_high = 4000;
    link_pause(b.link);
    send_many(&a, 4000);
    cr_assert_eq(link_room(a.link), 0);
    loop_turn(&lp);
    cr_assert_eq(a.link->out.n, 3000, "only the capacity left");
    cr_assert_str_eq(a.seen, "s");
    link_send(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "s", "told once, not each time the owner tries");
    cr_assert_str_eq(b.seen, "");
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_eq(b.n, 4000);
    cr_assert_str_eq(a.seen, "smssd", "room once, then drained once");
    cr_assert_eq(link_room(a.link), 4000);
    close_both();
}

Test(link_memory, room_is_told_at_half_and_only_after_the_mark_was_reached)
{
    pair_start(1000);
    a.link->out_high = 3000;
    link_pause(b.link);
    send_many(&a, 2999); /* below the mark */
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "s");
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "ssd");
    link_pause(b.link);
    send_many(&a, 3000);
    loop_turn(&lp);
    cr_assert_eq(a.link->out.n, 2000);
    cr_assert_str_eq(a.seen, "ssds", "2000 is more than half of 3000");
    link_memory_segment(b.link, 600);
    b.pause_on_bytes = true;
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_eq(a.link->out.n, 1400);
    cr_assert_str_eq(a.seen, "ssdsms");
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "ssdsmss", "no room again");
    close_both();
}

static void on_room_refill(struct link *l)
{
    see(l->owner, 'm');
    send_many(l->owner, 500);
}

Test(link_memory, what_an_owner_appends_in_on_room_is_no_stall_and_not_drained)
{
    static const struct link_events refill = {
        .on_bytes = on_bytes,
        .on_eof = on_eof,
        .on_fail = on_fail,
        .on_room = on_room_refill,
        .on_stall = on_stall,
        .on_drained = on_drained,
    };
    pair_start(0);
    link_start(a.link, &refill, &a);
    a.link->out_high = 1000;
    send_many(&a, 1000);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "md", "drained after the 500 of the second flush");
    cr_assert_eq(b.n, 1500);
    close_both();
}

Test(link_memory, closing_an_end_that_holds_the_other_back_breaks_it)
{
    pair_start(10);
    link_pause(b.link);
    send_many(&a, 100);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "s");
    link_close(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "s!");
    link_close(a.link);
}

Test(link_memory, ends_one_direction_after_what_was_queued)
{
    pair_start(10);
    send_text(&a, "more than ten bytes");
    link_end(a.link);
    loop_turn(&lp);
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("more than ten bytes")));
    cr_assert_eq(b.seen[strlen(b.seen) - 1], 'e');
    cr_assert(b.link->eof_in);
    cr_assert(a.link->eof_out);
    send_text(&b, "still open");
    loop_turn(&lp);
    cr_assert(slice_eq(slice_of(a.got, a.n), SLICE("still open")));
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_eq(a.seen[strlen(a.seen) - 1], 'e');
    close_both();
}

Test(link_memory, an_end_with_nothing_queued_is_told_too)
{
    pair_start(0);
    link_end(a.link);
    link_end(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "e", "once");
    cr_assert_str_eq(a.seen, "", "nothing was written, so nothing drained");
    close_both();
}

Test(link_memory, what_was_sent_before_a_close_arrives_before_the_end)
{
    pair_start(0);
    link_pause(b.link);
    send_text(&a, "last words");
    loop_turn(&lp);
    link_close(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "", "a paused end hears nothing");
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".e");
    link_close(b.link);
}

Test(link_memory, what_was_queued_at_a_close_is_dropped)
{
    pair_start(0);
    send_text(&a, "never");
    link_close(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "e");
    link_close(b.link);
}

Test(link_memory, a_reset_breaks_the_other_end_and_takes_what_was_on_the_way)
{
    pair_start(0);
    link_pause(b.link);
    send_text(&a, "half of a resp");
    loop_turn(&lp);
    link_reset(a.link);
    link_resume(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_eq(b.err, ECONNRESET);
    link_close(b.link);
}

Test(link_memory, closing_with_unread_bytes_is_a_reset)
{
    pair_start(0);
    link_pause(a.link);
    send_text(&b, "unread");
    loop_turn(&lp);
    link_close(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "d!");
    cr_assert_eq(b.err, ECONNRESET);
    link_close(b.link);
}

Test(link_memory, writing_to_a_closed_end_breaks_after_its_last_bytes)
{
    pair_start(0);
    link_pause(b.link);
    send_text(&a, "413");
    loop_turn(&lp);
    link_close(a.link);
    link_resume(b.link);
    send_text(&b, "more of the upload");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".e!", "the end was told in the turn before the write");
    cr_assert_eq(b.err, EPIPE);
    link_close(b.link);
}

Test(link_memory, a_paused_end_that_writes_to_a_closed_one_breaks_at_once)
{
    pair_start(0);
    link_pause(b.link);
    link_close(a.link);
    send_text(&b, "x");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_eq(b.err, EPIPE);
    send_text(&b, "the owner hasn't closed yet");
    loop_turn(&lp);
    cr_assert_eq(b.link->out.n, 0);
    cr_assert_str_eq(b.seen, "!", "no event follows");
    link_close(b.link);
}

Test(link_memory, closing_in_an_event_stops_the_rest)
{
    pair_start(0);
    b.close_on_bytes = true;
    link_memory_segment(b.link, 2);
    send_text(&a, "abcdef");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".");
    cr_assert_str_eq(a.seen, "d!", "four bytes were unread");
    link_close(a.link);
}

Test(link_memory, closing_twice_is_harmless)
{
    pair_start(0);
    link_close(a.link);
    link_close(a.link);
    link_reset(a.link);
    link_close(b.link);
}

Test(link_memory, an_owner_need_not_care_about_room_and_drained)
{
    link_memory_pair(&lp, 0, &a.link, &b.link);
    link_start(a.link, &few_events, &a);
    link_start(b.link, &few_events, &b);
    send_many(&a, 2 * LINK_OUT_HIGH);
    loop_turn(&lp);
    cr_assert_eq(b.n, 2 * LINK_OUT_HIGH);
    close_both();
}

Test(link_memory, may_be_handed_to_another_owner)
{
    struct side c = {0};
    pair_start(0);
    send_text(&a, "1");
    loop_turn(&lp);
    link_start(b.link, &few_events, &c);
    send_text(&a, "22");
    loop_turn(&lp);
    cr_assert_eq(b.n, 1);
    cr_assert_eq(c.n, 2);
    close_both();
}

static void connecting_start(int outcome)
{
    struct link *near, *other;
    link_memory_pair(&lp, 0, &near, &other);
    link_memory_connecting(near, outcome);
    side_start(&a, near);
    side_start(&b, other);
    send_text(&a, "early");
    cr_assert_str_eq(a.seen, "", "nothing from inside");
    loop_turn(&lp);
}

Test(link_memory, opens_and_sends_what_was_queued_before)
{
    connecting_start(0);
    cr_assert_str_eq(a.seen, "od");
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("early")));
    close_both();
}

Test(link_memory, may_fail_to_connect)
{
    connecting_start(ECONNREFUSED);
    send_text(&b, "x");
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ECONNREFUSED);
    cr_assert_eq(b.n, 0);
    close_both();
}

Test(link_memory, may_connect_for_ever)
{
    connecting_start(-1);
    send_text(&b, "x");
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "");
    cr_assert_eq(a.link->out.n, 5);
    cr_assert_eq(a.n + b.n, 0);
    close_both();
}

Test(link_memory, waits_for_a_block_and_goes_on)
{
    struct block *held[64];
    unsigned n = 0;
    pair_start(0);
    send_text(&a, "starved");
    while (n < array_n(held) && (held[n] = block_get(&lp.stock.blocks)))
        n++;
    loop_turn(&lp);
    cr_assert_eq(b.n, 0);
    cr_assert_eq(lp.stock.blocks.refused, 2, "no spinning");
    block_unref(held[--n]);
    loop_turn(&lp);
    cr_assert(slice_eq(slice_of(b.got, b.n), SLICE("starved")));
    while (n > 0)
        block_unref(held[--n]);
    close_both();
}
