/* SPDX-License-Identifier: Apache-2.0 */
/* The overview as server-sent events: one object a second for all readers, none for nobody, and
 * what becomes of readers that are slow. */

#include "control/show/overview_stream.h"

#include "admin_peer.h"

static struct overview_stream *stream;
static unsigned made;
static size_t padding; /* bytes that an object has more */

static void make(void *ctx, struct text *t)
{
    (void)ctx;
    text_printf(t, "{\"n\":%u,\"x\":\"", ++made);
    for (size_t i = 0; i < padding; i++)
        text_char(t, 'x');
    text_str(t, "\"}");
}

static void answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    overview_stream_answer(stream, rq, out);
}

static const struct admin_row rows[] = {
    {"/stream", answer, NULL, .methods = ADMIN_GET | ADMIN_POST}};

static void begin(void)
{
    made = 0;
    padding = 0;
    admin_begin(rows, 1);
    stream = overview_stream_new(&lp, make, NULL);
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        loop_turn(&lp);
}

static void end(void)
{
    overview_stream_quiesce(stream);
    turn();
    overview_stream_free(stream);
    overview_stream_free(NULL);
    admin_finish();
}

TestSuite(overview_stream, .init = begin, .fini = end);

static void ask(struct peer *p)
{
    open_peer(p, 1 << 14);
    cr_assert(bytes_copy(&p->link->out, SLICE("GET /stream HTTP/1.0\r\n" HOST)));
    link_send(p->link);
    turn();
}

/* A little more than one: timers are rounded up. */
static void second(void)
{
    for (int i = 0; i < 53; i++)
        pass_ms(20);
    turn();
}

static void leave(struct peer *p)
{
    close_peer(p);
    turn();
}

/* How often this stands in what was heard; nothing is forgotten. */
static size_t times(struct peer *p, const char *what)
{
    size_t n = 0;
    text_char(&p->heard, '\0');
    p->heard.n--;
    for (const char *at = p->heard.p; (at = strstr(at, what)); at++)
        n++;
    return n;
}

Test(overview_stream, sends_an_event_at_once_and_then_each_second)
{
    struct peer p;
    ask(&p);
    cr_assert_eq(times(&p, "text/event-stream"), 1);
    cr_assert_eq(times(&p, "\r\n\r\nevent: overview\ndata: {\"n\":1,\"x\":\"\"}\n\n"), 1);
    second();
    cr_assert_eq(times(&p, "event: overview\ndata: {\"n\":2,\"x\":\"\"}\n\n"), 1);
    second(), second();
    cr_assert_eq(times(&p, "event: overview\n"), 4);
    leave(&p);
}

Test(overview_stream, makes_one_object_for_all_readers)
{
    struct peer a, b;
    ask(&a);
    pass_ms(500);
    ask(&b);
    cr_assert_eq(made, 1, "who comes between two gets the last one");
    cr_assert_eq(times(&b, "\"n\":1,"), 1);
    second(), second();
    cr_assert_eq(made, 3);
    cr_assert(times(&a, "event:") == 3 && times(&b, "event:") == 3);
    leave(&a), leave(&b);
}

Test(overview_stream, makes_none_while_nobody_reads)
{
    struct peer p;
    second();
    cr_assert_eq(made, 0);
    ask(&p);
    leave(&p);
    const unsigned then = made;
    second(), second();
    cr_assert_eq(made, then);
    ask(&p);
    cr_assert_eq(times(&p, "\"n\":2,"), 1, "a new reader gets a new object");
    leave(&p);
}

/* More than the queue of a link takes at once. */
Test(overview_stream, sends_large_events_whole)
{
    struct peer p;
    padding = 300000;
    ask(&p);
    second();
    second();
    cr_assert_geq(times(&p, "event: overview\n"), 2);
    cr_assert_geq(times(&p, "\"}\n\n"), 2);
    cr_assert_gt(times(&p, "x"), 2 * padding);
    leave(&p);
}

Test(overview_stream, skips_events_for_a_reader_that_is_slow_and_goes_on_then)
{
    struct peer p, quick;
    padding = 200000;
    ask(&quick);
    ask(&p);
    link_pause(p.link);
    for (int i = 0; i < 4; i++)
        second();
    cr_assert_eq(times(&p, "\n\nevent: overview\n"), 0, "it has not got all of the first one");
    cr_assert_eq(times(&quick, "event: overview\n"), 5);
    link_resume(p.link);
    second(), second();
    cr_assert_eq(times(&p, "\"n\":1,"), 1);
    cr_assert_eq(times(&p, "\"n\":2,") + times(&p, "\"n\":3,") + times(&p, "\"n\":4,"), 0);
    cr_assert_geq(times(&p, "\"n\":7,"), 1);
    leave(&p), leave(&quick);
}

Test(overview_stream, ends_for_all_when_it_is_told_to)
{
    struct peer a, b;
    padding = 200000;
    ask(&a), ask(&b);
    overview_stream_quiesce(stream);
    turn();
    const unsigned then = made;
    second();
    cr_assert(a.eof && b.eof);
    cr_assert_eq(made, then);
    leave(&a), leave(&b);
}
