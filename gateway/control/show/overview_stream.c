/* SPDX-License-Identifier: Apache-2.0 */
/* Readers, and the events that they are at. An event may be larger than a link's queue: then it
 * goes in pieces, as the reader takes them, and is kept as long as one reader is at it. So no more
 * events are kept than there are readers, and one. */
#include "control/show/overview_stream.h"

#include <stdlib.h>

enum {
    EVERY_MS = 1000,
    FEED_MS = 20, /* how often one looks whether there is room for more of an event */
};

struct event {
    struct text text;
    unsigned readers; /* that are at it; and 1 for being the last one made */
};

struct reader {
    struct list node;
    struct overview_stream *of;
    struct admin_stream *stream;
    struct event *event; /* NULL: it has got all of the last one */
    size_t sent;
};

struct overview_stream {
    struct loop *loop;
    void (*make)(void *ctx, struct text *t);
    void *ctx;
    struct timer every, feed;
    struct list readers;
    struct event *last; /* NULL: none was made since somebody reads */
};

static void on_every(struct timer *t);
static void on_feed(struct timer *t);

struct overview_stream *overview_stream_new(struct loop *lp,
                                            void (*make)(void *ctx, struct text *t), void *ctx)
{
    struct overview_stream *s = calloc(1, sizeof *s);

    must(s);
    *s = (struct overview_stream){.loop = lp, .make = make, .ctx = ctx};
    list_init(&s->readers);
    timer_init(&s->every, on_every);
    timer_init(&s->feed, on_feed);
    return s;
}

/* -- events ------------------------------------------------------------------------------------ */

static void event_drop(struct event *e)
{
    if (!e || --e->readers)
        return;
    text_fini(&e->text);
    free(e);
}

/* The JSON is one line, as a line of an event's data has to be. */
static void make_event(struct overview_stream *s)
{
    struct event *e = calloc(1, sizeof *e);

    must(e);
    e->readers = 1;
    text_init(&e->text);
    text_str(&e->text, "event: overview\ndata: ");
    s->make(s->ctx, &e->text);
    text_str(&e->text, "\n\n");
    event_drop(s->last);
    s->last = e;
}

/* -- readers ----------------------------------------------------------------------------------- */

static void finish(struct reader *r)
{
    event_drop(r->event);
    r->event = NULL;
    r->sent = 0;
}

/* True: it hasn't got all of its event yet. */
static bool feed(struct reader *r)
{
    while (r->event) {
        const struct slice rest = slice_from(text_slice(&r->event->text), r->sent);
        const size_t room = admin_stream_room(r->stream), n = rest.n < room ? rest.n : room;
        if (!n || !admin_stream_send(r->stream, slice_of(rest.p, n)))
            return true;
        r->sent += n;
        if (n == rest.n)
            finish(r);
    }
    return false;
}

static void begin_event(struct reader *r)
{
    if (r->event)
        return; /* too slow: this one is skipped */
    r->event = r->of->last;
    r->event->readers++;
}

static void forget(struct reader *r)
{
    struct overview_stream *s = r->of;

    finish(r);
    list_remove(&r->node);
    free(r);
    if (!list_empty(&s->readers))
        return;
    timer_stop(&s->every);
    timer_stop(&s->feed);
    event_drop(s->last);
    s->last = NULL;
}

static void on_gone(void *ctx)
{
    forget(ctx);
}

/* -- time -------------------------------------------------------------------------------------- */

static void on_feed(struct timer *t)
{
    struct overview_stream *s = container_of(t, struct overview_stream, feed);
    bool more = false;

    list_each (node, &s->readers)
        more = feed(list_entry(node, struct reader, node)) || more;
    if (more)
        timer_start(s->loop, t, FEED_MS);
}

static void on_every(struct timer *t)
{
    struct overview_stream *s = container_of(t, struct overview_stream, every);

    make_event(s);
    list_each (node, &s->readers)
        begin_event(list_entry(node, struct reader, node));
    on_feed(&s->feed);
    timer_start(s->loop, t, EVERY_MS);
}

/* -- its life ---------------------------------------------------------------------------------- */

/* Who comes between two events gets the last one, which is less than a second old. */
void overview_stream_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct overview_stream *s = ctx;
    struct reader *r = calloc(1, sizeof *r);

    must(r);
    *r = (struct reader){.of = s};
    r->stream = admin_stream_open(rq, out, SLICE("text/event-stream"), on_gone, r);
    if (!r->stream) {
        free(r);
        return;
    }
    if (list_empty(&s->readers)) {
        make_event(s);
        timer_start(s->loop, &s->every, EVERY_MS);
    }
    list_init(&r->node);
    list_push(&s->readers, &r->node);
    begin_event(r);
    if (feed(r))
        timer_start(s->loop, &s->feed, FEED_MS);
}

void overview_stream_quiesce(struct overview_stream *s)
{
    list_each_safe (node, &s->readers) {
        struct reader *r = list_entry(node, struct reader, node);
        admin_stream_end(r->stream);
        forget(r);
    }
}

void overview_stream_free(struct overview_stream *s)
{
    if (!s)
        return;
    must(list_empty(&s->readers));
    free(s);
}
