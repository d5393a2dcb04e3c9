/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and replies over one link. Who waits for a reply stands in a ring, in the order of the
 * commands; what is published comes between replies and is known by its form ("message"), once
 * there is a subscription.
 *
 * One timer watches over everything that has to come: the connection, then each next whole reply.
 * Bytes alone don't push it out, so a peer that drips doesn't live longer than one that is silent.
 *
 * A call of the owner's may close or even fini the connection: after each of them c->reader is
 * looked at again. Invariant: link and reader are both there or both NULL. */
#include "redis/redis_conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis/redis_reply.h"

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void take_reply(struct redis_conn *c, const struct redis_reply *r);
static bool asked_push(struct redis_conn *c, redis_fn *fn, void *ctx);
static bool asked_take(struct redis_conn *c, struct redis_asked *out);

static const struct link_events link_events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_fail = on_fail,
};

void redis_conn_init(struct redis_conn *c, struct loop *lp, const struct redis_conn_events *events)
{
    *c = (struct redis_conn){.events = events, .loop = lp};
    timer_init(&c->timer, on_timer);
}

bool redis_conn_start(struct redis_conn *c, const struct redis_conn_how *how)
{
    c->why[0] = '\0';
    c->reader = redis_reader_new(&c->items);
    c->link = c->reader ? link_connect(c->loop, how->to, NULL) : NULL;
    if (c->link && how->tls)
        c->link = link_tls_connect(c->link, how->tls, how->name, NULL);
    if (!c->link) {
        snprintf(c->why, sizeof c->why, "can't connect: %s", strerror(errno));
        redis_conn_close(c);
        return false;
    }
    c->timeout = how->timeout;
    c->reply_size = how->reply_size;
    c->unfinished = c->items = 0;
    link_start(c->link, &link_events, c);
    timer_start(c->loop, &c->timer, c->timeout);
    return true;
}

static void let_go(struct redis_conn *c)
{
    redis_conn_bytes(c, &c->bytes_in, &c->bytes_out);
    timer_stop(&c->timer);
    if (c->link)
        link_close(c->link);
    if (c->reader)
        redisReaderFree(c->reader);
    c->link = NULL;
    c->reader = NULL;
    c->open = c->listening = false;
}

void redis_conn_close(struct redis_conn *c)
{
    struct redis_asked asked;
    let_go(c);
    while (asked_take(c, &asked))
        asked.fn(asked.ctx, NULL);
}

void redis_conn_fini(struct redis_conn *c)
{
    let_go(c);
    c->events = NULL;
    free(c->asked);
    c->asked = NULL;
    c->n = c->cap = 0;
}

void redis_conn_end(struct redis_conn *c, const char *fmt, ...)
{
    va_list args;
    if (!c->link)
        return;
    va_start(args, fmt);
    vsnprintf(c->why, sizeof c->why, fmt, args);
    va_end(args);
    for (char *p = c->why; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    redis_conn_close(c);
    if (c->events) /* else one of those who waited has freed it */
        c->events->ended(c, c->why);
}

void redis_conn_bytes(const struct redis_conn *c, uint64_t *in, uint64_t *out)
{
    *in = c->bytes_in + (c->link ? c->link->bytes_in : 0);
    *out = c->bytes_out + (c->link ? c->link->bytes_out : 0);
}

/* -- commands --------------------------------------------------------------------------------- */

static bool send_command(struct redis_conn *c, size_t n, const char **argv, size_t *lens,
                         const struct slice *args)
{
    char *command = NULL;
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].n ? args[i].p : "";
        lens[i] = args[i].n;
    }
    const long long len = redisFormatCommandArgv(&command, (int)n, argv, lens);
    const bool sent = len > 0 && bytes_copy(&c->link->out, slice_of(command, (size_t)len));
    if (len > 0)
        redisFreeCommand(command);
    if (sent)
        link_send(c->link);
    return sent;
}

bool redis_conn_ask(struct redis_conn *c, redis_fn *fn, void *ctx, size_t n,
                    const struct slice *args)
{
    if (!c->open || c->n >= REDIS_ASKED_MAX || link_unsent(c->link) > REDIS_UNSENT_MAX)
        return false;
    const char **argv = calloc(n, sizeof *argv);
    size_t *lens = calloc(n, sizeof *lens);
    const bool ok = argv && lens && asked_push(c, fn, ctx);
    const bool sent = ok && send_command(c, n, argv, lens, args);
    if (ok && !sent)
        c->n--;
    free(argv);
    free(lens);
    if (sent && !timer_running(&c->timer))
        timer_start(c->loop, &c->timer, c->timeout);
    return sent;
}

static void ignore(void *ctx, const struct redis_reply *reply)
{
    (void)ctx, (void)reply;
}

static bool asked_grow(struct redis_conn *c)
{
    const size_t cap = c->cap ? c->cap * 2 : 64;
    struct redis_asked *ring = calloc(cap, sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < c->n; i++)
        ring[i] = c->asked[(c->first + i) % c->cap];
    free(c->asked);
    c->asked = ring;
    c->first = 0;
    c->cap = cap;
    return true;
}

static bool asked_push(struct redis_conn *c, redis_fn *fn, void *ctx)
{
    if (c->n == c->cap && !asked_grow(c))
        return false;
    c->asked[(c->first + c->n) % c->cap] = (struct redis_asked){fn ? fn : ignore, ctx};
    c->n++;
    return true;
}

static bool asked_take(struct redis_conn *c, struct redis_asked *out)
{
    if (c->n == 0)
        return false;
    *out = c->asked[c->first];
    c->first = (c->first + 1) % c->cap;
    c->n--;
    return true;
}

/* -- events ------------------------------------------------------------------------------------ */

static void on_open(struct link *l)
{
    struct redis_conn *c = l->owner;
    timer_stop(&c->timer);
    c->open = true;
    c->events->opened(c);
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct redis_conn *c = l->owner;
    (void)b;
    if (!c->reader) /* the rest of a read whose beginning has ended it */
        return;
    c->unfinished += s.n;
    void *raw = NULL;
    int status = redisReaderFeed(c->reader, s.p, s.n);
    while (status == REDIS_OK && c->reader &&
           (status = redisReaderGetReply(c->reader, &raw)) == REDIS_OK && raw) {
        const struct redis_reply r = redis_reply_of(raw);
        c->unfinished = c->items = 0;
        take_reply(c, &r);
        freeReplyObject(raw);
    }
    if (!c->reader)
        return;
    if (c->items > REDIS_ITEMS_MAX)
        redis_conn_end(c, "a reply has more than %d items", REDIS_ITEMS_MAX);
    else if (status != REDIS_OK)
        redis_conn_end(c, "it doesn't speak RESP: %s", c->reader->errstr);
    else if (c->unfinished > c->reply_size)
        redis_conn_end(c, "a reply has more than %llu bytes (redis.reply_size)",
                       (unsigned long long)c->reply_size);
}

static bool is_message(const struct redis_conn *c, const struct redis_reply *r)
{
    const struct redis_reply first = redis_item(r, 0);
    return c->listening && first.kind == REDIS_TEXT && slice_eq(first.text, SLICE("message"));
}

static void take_reply(struct redis_conn *c, const struct redis_reply *r)
{
    struct redis_asked asked;
    c->errors += r->kind == REDIS_ERROR;
    if (is_message(c, r)) {
        const struct redis_reply text = redis_item(r, 2);
        if (text.kind == REDIS_TEXT)
            c->events->published(c, text.text);
        return;
    }
    if (!asked_take(c, &asked)) {
        redis_conn_end(c, "it answers what nobody has asked%s%.*s",
                       r->kind == REDIS_ERROR ? ": " : "",
                       r->kind == REDIS_ERROR ? (int)r->text.n : 0, r->text.p ? r->text.p : "");
        return;
    }
    if (c->n == 0)
        timer_stop(&c->timer);
    else
        timer_start(c->loop, &c->timer, c->timeout);
    asked.fn(asked.ctx, r);
}

static void on_eof(struct link *l)
{
    redis_conn_end(l->owner, "it has closed the connection");
}

static void on_fail(struct link *l, int err)
{
    struct redis_conn *c = l->owner;
    const char *tls = link_tls_fault(l);
    if (*tls)
        redis_conn_end(c, "TLS: %s", tls);
    else
        redis_conn_end(c, "%s: %s", c->open ? "the connection broke" : "can't connect",
                       strerror(err));
}

static void on_timer(struct timer *t)
{
    struct redis_conn *c = container_of(t, struct redis_conn, timer);
    redis_conn_end(c, "%s within %llu ms", c->open ? "no answer" : "no connection",
                   (unsigned long long)c->timeout);
}
