/* SPDX-License-Identifier: Apache-2.0 */
/* Abuse by what is not taken: windows that stay shut, answers read a byte at a time, and more streams
 * than there may be. */
#include "tests/scenario/h2_abuse_case.h"

TestSuite(h2_abuse_windows, .init = begin, .fini = end, .timeout = 120);

/* -- windows ----------------------------------------------------------------------------------- */

/* 100 responses of 10 MB each, and no window to send any of it. */
static void stall(const char *what, uint32_t window)
{
    enum { STREAMS = 100 };
    start("};");
    struct h2_raw *c = raw_open();
    raw_put_setting(c, H2_INITIAL_WINDOW, window);
    for (unsigned i = 0; i < STREAMS; i++)
        put_request(c, i, "/?size=10000000");
    cr_assert(raw_send(c));
    cr_assert(raw_await(c, &c->heads, STREAMS), "each gets its head: %u", c->heads);
    load_await(300);
    raw_look(c);
    cr_assert(!c->ended);
    for (int i = 0; i < 10; i++)
        cr_assert(neighbour_is_served());
    finish(what, STREAMS * A_STREAM);
}

Test(h2_abuse_windows, by_a_window_of_zero)
{
    stall("zero window", 0);
}

/* The streams' windows are open, the connection's is not: what one stream doesn't get must not lie
 * a hundred times in the gateway. */
Test(h2_abuse_windows, by_a_connection_window_that_never_opens)
{
    stall("closed connection window", 1000000);
}

/* A byte at a time, on each of many streams. */
Test(h2_abuse_windows, by_reading_a_byte_at_a_time_on_many_streams)
{
    enum { STREAMS = 100, ROUNDS = 50 };
    start("};");
    struct h2_raw *c = raw_open();
    raw_put_setting(c, H2_INITIAL_WINDOW, 1);
    for (unsigned i = 0; i < STREAMS; i++)
        put_request(c, i, "/?size=10000000");
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < STREAMS; i++)
            raw_put_u32(c, H2_WINDOW_UPDATE, 0, 2 * i + 1, 1);
        if (!raw_send(c))
            break;
        raw_look(c);
        sleep_ms(2);
    }
    finish("a byte at a time", STREAMS * A_STREAM);
}

/* -- streams ----------------------------------------------------------------------------------- */

/* Who doesn't know the limit yet is told by REFUSED_STREAM, who does (it has acknowledged the
 * settings) loses the connection for it. */
static struct h2_raw *ask_too_much(bool knows, unsigned streams)
{
    struct h2_raw *c = raw_open_on(talk_open());
    if (knows)
        raw_greet(c);
    c->deaf = true; /* acknowledges nothing */
    if (!knows) {
        raw_put_preface(c);
        raw_put(c, H2_SETTINGS, 0, 0, NULL, 0);
    }
    for (unsigned i = 0; i < streams; i++)
        put_request(c, i, "/?hang");
    cr_assert(raw_send(c));
    return c;
}

Test(h2_abuse_windows, by_more_streams_than_allowed_has_them_refused)
{
    enum { STREAMS = 150, LIMIT = 50 };
    start("}; h2 = { streams = 50; };");
    struct h2_raw *c = ask_too_much(false, STREAMS);
    cr_assert(raw_await(c, &c->resets, STREAMS - LIMIT), "%u refused, GOAWAY %u", c->resets,
              c->goaway);
    cr_assert_eq(c->other_resets, 0);
    AWAIT(counted("h2_streams_refused") == STREAMS - LIMIT);
    AWAIT(rig_metric("weir_exchanges_active") >= LIMIT);
    c = ask_too_much(true, STREAMS);
    cr_assert_eq(raw_outcome(c), H2_ENHANCE_YOUR_CALM);
    AWAIT(counted("h2_calm_streams") == 1);
    finish("streams above the limit", LITTLE);
}
