/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a connection, until it is known what it speaks: the TLS handshake, and whether
 * HTTP/1.1 or HTTP/2 follows. TLS says that by ALPN; without TLS a listener that serves both waits
 * for the first bytes, which in HTTP/2 are a preface that no HTTP/1.1 request begins with (RFC 9113
 * 3.3, 3.4). A plain HTTP/1.1 listener has nothing to wait for.
 *
 *     link ──► TLS ──┬─ ALPN "h2" ───────────────► client_h2
 *       │            └─ "http/1.1", or none ─────► client_h1
 *       └──► first bytes ── the preface ─────────► client_h2
 *                        └─ anything else ───────► client_h1 */
#include "edge/client.h"

#include "base/log.h"
#include "core/stats.h"
#include "edge/listener.h"

static const struct slice preface = SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);

static const struct link_events greeting_events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_fail = on_fail,
};

static const struct listener_conf *conf_of(const struct client *c)
{
    return c->listener->conf;
}

static void go_on(struct client *c, const struct client_protocol *with)
{
    timer_stop(&c->timer);
    client_become(c, with);
}

static void give_up(struct client *c)
{
    timer_stop(&c->timer);
    if (c->greeting_tls)
        c->listener->handshakes_n--;
    client_free(c);
}

/* -- TLS ------------------------------------------------------------------------------------------- */

/* False: the client is gone. */
static bool begin_tls(struct client *c)
{
    struct listener *l = c->listener;
    if (l->handshakes_n >= (uint64_t)l->conf->limits.handshakes) {
        l->stats->handshakes_refused++;
        client_free(c);
        return false;
    }
    c->link = link_tls_accept(c->link, l->w->g->tls_servers[l->index]);
    if (!c->link) {
        client_free(c);
        return false;
    }
    c->link->out_high = (uint32_t)l->conf->limits.queue;
    c->greeting_tls = true;
    l->handshakes_n++;
    return true;
}

static void on_open(struct link *link)
{
    struct client *c = link->owner;
    struct listener *l = c->listener;
    c->greeting_tls = false;
    l->handshakes_n--;
    l->stats->handshakes++;
    c->tls = link_tls_take_facts(link);
    c->facts.tls = c->tls;
    c->facts.scheme = SLICE("https");
    l->stats->handshakes_resumed += c->tls && c->tls->resumed;
    go_on(c, c->tls && slice_eq(c->tls->alpn, SLICE("h2")) ? &client_h2 : &client_h1);
}

static void on_fail(struct link *link, int err)
{
    struct client *c = link->owner;
    if (c->greeting_tls) {
        char peer[ADDR_TEXT_MAX];
        c->listener->stats->handshakes_failed++;
        ip_print(&c->facts.peer, peer);
        log_trace("handshake_failed", KV_SLICE("listener", conf_of(c)->name), KV("client", peer),
                  KV("reason", link_tls_fault(link)), KV_ERRNO(err));
    }
    give_up(c);
}

/* -- the first bytes ------------------------------------------------------------------------------- */

static void on_bytes(struct link *link, struct block *b, struct slice s)
{
    struct client *c = link->owner;
    if (!bytes_append(&c->in, b, s) || (c->in.n > s.n && !bytes_flatten(&c->in, BLOCK_SIZE))) {
        give_up(c);
        return;
    }
    const struct slice first = bytes_front(&c->in);
    const size_t n = first.n < preface.n ? first.n : preface.n;
    if (memcmp(first.p, preface.p, n) != 0)
        go_on(c, &client_h1);
    else if (n == preface.n)
        go_on(c, conf_of(c)->protocols.h2 ? &client_h2 : &client_h1);
}

static void on_eof(struct link *link)
{
    give_up(link->owner);
}

/* -- life -------------------------------------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
    struct client *c = container_of(t, struct client, timer);
    c->listener->stats->timeout_handshake += c->greeting_tls;
    give_up(c);
}

static void start(struct client *c)
{
    const struct listener_conf *conf = conf_of(c);
    if (!conf->tls.set && !conf->protocols.h2) {
        client_become(c, &client_h1);
        return;
    }
    if (!conf->tls.set && !conf->protocols.h1) {
        client_become(c, &client_h2);
        return;
    }
    if (conf->tls.set && !begin_tls(c))
        return;
    timer_init(&c->timer, on_timer);
    timer_start(c->listener->w->loop, &c->timer,
                conf->tls.set ? conf->timeouts.handshake : conf->timeouts.head);
    link_start(c->link, &greeting_events, c);
}

/* What a client that is just arriving will ask for is served by whoever it turns out to be. */
static void drain(struct client *c)
{
    (void)c;
}

static void close_now(struct client *c, enum why why)
{
    (void)why;
    give_up(c);
}

const struct client_protocol client_greeting = {.start = start, .drain = drain, .close = close_now};
