/* SPDX-License-Identifier: Apache-2.0 */
/* A connection per question, closed with the answer: questions are rare, and a connection that lies
 * idle would have to be watched. */
#include "redis/sentinel.h"

#include <stdio.h>

#include "redis/redis_login.h"

static void ask_next(struct sentinel *s);
static void on_where(struct redis_where *w);
static void on_opened(struct redis_conn *c);
static void on_ready(struct redis_conn *c);
static void on_master(void *ctx, const struct redis_reply *r);
static bool take_address(struct sentinel *s, const struct redis_reply *r);
static void on_ended(struct redis_conn *c, const char *why);

static const struct redis_conn_events events = {
    .opened = on_opened,
    .ready = on_ready,
    .ended = on_ended,
};

void sentinel_init(struct sentinel *s, struct loop *lp, struct dns *dns,
                   const struct redis_conf *conf,
                   void (*found)(struct sentinel *s, struct slice address),
                   void (*nobody)(struct sentinel *s, const char *why))
{
    *s = (struct sentinel){.loop = lp, .conf = conf, .found = found, .nobody = nobody};
    redis_where_init(&s->where, lp, dns, on_where);
    redis_conn_init(&s->conn, lp, &events);
}

void sentinel_stop(struct sentinel *s)
{
    redis_where_fini(&s->where);
    redis_conn_close(&s->conn);
}

void sentinel_fini(struct sentinel *s)
{
    redis_where_fini(&s->where);
    redis_conn_fini(&s->conn);
}

void sentinel_ask(struct sentinel *s)
{
    s->left = s->conf->sentinels.n;
    ask_next(s);
}

void sentinel_doubt(struct sentinel *s)
{
    s->at = (s->at + 1) % s->conf->sentinels.n;
}

static void ask_next(struct sentinel *s)
{
    s->left--;
    redis_where_ask(&s->where, s->conf->sentinels.v[s->at], REDIS_SENTINEL_PORT);
}

/* What this one said is kept: it is told when it was the last. */
static void refused(struct sentinel *s, const char *why)
{
    snprintf(s->why, sizeof s->why, "sentinel %.*s: %s", SLICE_ARG(s->conf->sentinels.v[s->at]),
             why);
    sentinel_doubt(s);
    if (s->left > 0)
        ask_next(s);
    else
        s->nobody(s, s->why);
}

static void on_where(struct redis_where *w)
{
    struct sentinel *s = container_of(w, struct sentinel, where);
    const struct redis_conn_how how = {
        .to = w->addrs,
        .tls = s->tls,
        .name = slice_str(w->host),
        .timeout = s->conf->timeout,
        .reply_size = s->conf->reply_size,
    };
    if (w->n == 0)
        refused(s, w->why);
    else if (!redis_conn_start(&s->conn, &how))
        refused(s, s->conn.why);
}

static void on_opened(struct redis_conn *c)
{
    const struct sentinel *s = container_of(c, struct sentinel, conn);
    redis_login(c, &(struct redis_login){.account = &s->conf->sentinel_account});
}

static void on_ready(struct redis_conn *c)
{
    struct sentinel *s = container_of(c, struct sentinel, conn);
    const struct slice question[] = {SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"),
                                     s->conf->master};
    if (!redis_conn_ask(c, on_master, s, 3, question))
        redis_conn_end(c, "no memory for its commands");
}

static void on_master(void *ctx, const struct redis_reply *r)
{
    struct sentinel *s = ctx;
    if (!r)
        return;
    if (r->kind == REDIS_ERROR) {
        redis_conn_end(&s->conn, "it refuses the question: %.*s", SLICE_ARG(r->text));
    } else if (!take_address(s, r)) {
        redis_conn_end(&s->conn, "it knows no master \"%.*s\"", SLICE_ARG(s->conf->master));
    } else {
        redis_conn_close(&s->conn);
        s->found(s, slice_str(s->address));
    }
}

static bool take_address(struct sentinel *s, const struct redis_reply *r)
{
    const struct redis_reply host = redis_item(r, 0), port = redis_item(r, 1);
    uint64_t number;
    if (host.kind != REDIS_TEXT || port.kind != REDIS_TEXT || host.text.n == 0 ||
        host.text.n > REDIS_NAME_MAX || memchr(host.text.p, '\0', host.text.n) ||
        !slice_to_u64(port.text, &number) || number == 0 || number > UINT16_MAX)
        return false;
    const bool v6 = slice_find(host.text, ':') < host.text.n;
    snprintf(s->address, sizeof s->address, v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_ARG(host.text),
             (unsigned)number);
    return true;
}

static void on_ended(struct redis_conn *c, const char *why)
{
    struct sentinel *s = container_of(c, struct sentinel, conn);
    refused(s, why);
}
