/* SPDX-License-Identifier: Apache-2.0 */
/* Checks over a connection, by its events. The first thing that decides ends the check and closes
 * the connection; whatever else would come is not looked at. */
#include "control/health/health_tcp.h"

#include "io/proxy_header.h"

#include <errno.h>

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);

static const struct link_events events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

void health_tcp_init(struct health_tcp *c, struct loop *lp,
                     void (*done)(struct health_tcp *c, enum health_result result))
{
    *c = (struct health_tcp){.loop = lp, .done = done};
    timer_init(&c->timer, on_timer);
    text_init(&c->in);
}

void health_tcp_cancel(struct health_tcp *c)
{
    timer_stop(&c->timer);
    text_fini(&c->in);
    text_init(&c->in);
    if (c->link)
        link_close(c->link);
    c->link = NULL;
    c->open = false;
}

static void end(struct health_tcp *c, enum health_result result)
{
    health_tcp_cancel(c);
    c->done(c, result);
}

/* It is nobody's connection: the command LOCAL, or UNKNOWN. */
static bool begin_proxied(struct link *link, int version)
{
    const struct proxy_header h = {.version = version == PROXY_PROTOCOL_V1 ? 1 : 2, .local = true};
    char memory[PROXY_WRITE_MAX];
    struct text t;
    if (version == PROXY_PROTOCOL_OFF)
        return true;
    text_init_fixed(&t, memory, sizeof memory);
    proxy_header_write(&t, &h);
    if (!bytes_copy(&link->out, text_slice(&t)))
        return false;
    link_send(link);
    return true;
}

bool health_tcp_start(struct health_tcp *c, const struct health_tcp_how *how)
{
    struct link *link = link_connect(c->loop, &how->to, NULL);
    return link && health_tcp_start_on(c, how, link);
}

bool health_tcp_start_on(struct health_tcp *c, const struct health_tcp_how *how, struct link *link)
{
    if (!begin_proxied(link, how->proxy_protocol)) {
        link_close(link);
        return false;
    }
    if (how->tls)
        link = link_tls_connect(link, how->tls, how->tls_name, NULL);
    if (!link)
        return false;
    if (how->conf->send.n && !bytes_copy(&link->out, how->conf->send)) {
        link_close(link);
        return false;
    }
    c->link = link;
    c->conf = how->conf;
    link_start(link, &events, c);
    timer_start(c->loop, &c->timer, how->conf->timeout);
    return true;
}

/* -- events ------------------------------------------------------------------------------------ */

static void on_open(struct link *l)
{
    struct health_tcp *c = l->owner;
    c->open = true;
    if (l->out.n)
        link_send(l);
    else if (!c->conf->receive.n)
        end(c, HEALTH_PASSED);
}

/* Of a PROXY header it tells, too, before the connection is open to us. */
static void on_drained(struct link *l)
{
    struct health_tcp *c = l->owner;
    if (c->open && !c->conf->receive.n)
        end(c, HEALTH_PASSED);
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct health_tcp *c = l->owner;
    const size_t room = c->conf->body_size - c->in.n;
    (void)b;
    if (!c->conf->receive.n) /* what it says unasked */
        return;
    text_add(&c->in, slice_of(s.p, s.n < room ? s.n : room));
    if (health_contains(text_slice(&c->in), c->conf->receive))
        end(c, HEALTH_PASSED);
    else if (s.n >= room)
        end(c, HEALTH_BODY);
}

/* An end before anything that was waited for. */
static void on_eof(struct link *l)
{
    struct health_tcp *c = l->owner;
    if (c->conf->receive.n)
        end(c, c->in.n ? HEALTH_BODY : HEALTH_RESPONSE);
}

static void on_fail(struct link *l, int err)
{
    struct health_tcp *c = l->owner;
    enum health_result result = c->open ? HEALTH_RESPONSE : HEALTH_CONNECT;
    if (*link_tls_fault(l))
        result = HEALTH_TLS;
    else if (err == ETIMEDOUT)
        result = HEALTH_TIMEOUT;
    end(c, result);
}

static void on_timer(struct timer *t)
{
    end(container_of(t, struct health_tcp, timer), HEALTH_TIMEOUT);
}
