/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a connection, until it is known whose it is and what it speaks: the PROXY header
 * of a load balancer in front, the TLS handshake, and whether HTTP/1.1 or HTTP/2 follows. TLS says
 * that by ALPN; without TLS a listener that serves both waits for the first bytes, which in HTTP/2
 * are a preface that no HTTP/1.1 request begins with (RFC 9113 3.3, 3.4). A plain HTTP/1.1 listener
 * has nothing to wait for.
 *
 *     link ─┬──────────────────┬──► TLS ──┬─ ALPN "h2" ─────────────► client_h2
 *           └─► PROXY header ──┤          └─ "http/1.1", or none ───► client_h1
 *                              └──► first bytes ── the preface ─────► client_h2
 *                                               └─ anything else ───► client_h1
 *
 * A PROXY header stands before everything else, TLS included, and comes from the peers that
 * listeners[].proxy_protocol names and from nobody else: a header is an address that its sender
 * chose. So it is never looked for elsewhere, where it is a malformed request; and where it is
 * expected nothing else will do, or a peer that forgot to send it would lend its own address to
 * every client behind it. */
#include "edge/client.h"

#include "base/log.h"
#include "core/stats/stats.h"
#include "edge/listener.h"
#include "io/proxy_header.h"

static const struct slice preface = SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void on_proxy_bytes(struct link *l, struct block *b, struct slice s);
static void on_proxy_eof(struct link *l);
static void begin_speech(struct client *c);
static void judge_first(struct client *c);

static const struct link_events proxy_events = {
    .on_bytes = on_proxy_bytes,
    .on_eof = on_proxy_eof,
    .on_fail = on_fail,
};

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

/* -- the PROXY header -------------------------------------------------------------------------- */

static bool proxy_expected(const struct client *c)
{
    const struct listener_conf *conf = conf_of(c);
    return conf->proxy_from_n && cidr_any(conf->proxy_from, conf->proxy_from_n, &c->facts.direct);
}

static void refuse_proxy(struct client *c, const char *reason)
{
    char peer[ADDR_TEXT_MAX];
    ip_print(&c->facts.direct, peer);
    c->listener->stats->proxy_faults++;
    log_trace("proxy_header_refused", KV_SLICE("listener", conf_of(c)->name), KV("peer", peer),
              KV("reason", reason));
    give_up(c);
}

/* What the header says takes the place of what the socket says. False: no memory. */
static bool take_proxy(struct client *c, const struct proxy_header *h)
{
    c->listener->stats->proxy_headers++;
    if (h->local)
        return true; /* a health check of the peer's own */
    c->proxy = proxy_header_keep(h);
    if (!c->proxy)
        return false;
    c->facts.proxy = c->proxy;
    if (h->addressed) {
        c->facts.peer = addr_ip(&h->source);
        c->facts.peer_port = addr_port(&h->source);
        c->facts.local = &c->proxy->destination;
    }
    if (h->tls.used)
        c->facts.scheme = SLICE("https");
    return true;
}

static void on_proxy_bytes(struct link *link, struct block *b, struct slice s)
{
    struct client *c = link->owner;
    struct proxy_header h;
    enum proxy_fault fault;
    if (!bytes_append(&c->in, b, s) || !bytes_flatten(&c->in, BLOCK_SIZE)) {
        give_up(c);
        return;
    }
    const ssize_t n = proxy_header_parse(bytes_front(&c->in), &h, &fault);
    if (n == 0)
        return;
    if (n < 0) {
        refuse_proxy(c, proxy_fault_word(fault));
        return;
    }
    if (!take_proxy(c, &h)) {
        give_up(c);
        return;
    }
    bytes_consume(&c->in, (size_t)n);
    c->greeting_proxy = false;
    begin_speech(c);
}

static void on_proxy_eof(struct link *link)
{
    refuse_proxy(link->owner, "closed");
}

/* -- TLS --------------------------------------------------------------------------------------- */

/* What came behind a PROXY header belongs to the handshake. */
static bool hand_over_early(struct client *c)
{
    while (c->in.n) {
        const struct slice front = bytes_front(&c->in);
        if (!link_tls_early(c->link, bytes_front_block(&c->in), front))
            return false;
        bytes_consume(&c->in, front.n);
    }
    return true;
}

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
    if (!c->link || !hand_over_early(c)) {
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
    if (!c->tls) { /* no memory: nobody is served without what is known of him */
        give_up(c);
        return;
    }
    c->facts.tls = c->tls;
    c->facts.scheme = SLICE("https");
    l->stats->handshakes_resumed += c->tls->resumed;
    go_on(c, slice_eq(c->tls->alpn, SLICE("h2")) ? &client_h2 : &client_h1);
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
    } else if (c->greeting_proxy) {
        refuse_proxy(c, "reset");
        return;
    }
    give_up(c);
}

/* -- the first bytes --------------------------------------------------------------------------- */

static void on_bytes(struct link *link, struct block *b, struct slice s)
{
    struct client *c = link->owner;
    if (!bytes_append(&c->in, b, s) || (c->in.n > s.n && !bytes_flatten(&c->in, BLOCK_SIZE)))
        give_up(c);
    else
        judge_first(c);
}

/* Only where both are spoken. */
static void judge_first(struct client *c)
{
    const struct slice first = bytes_front(&c->in);
    const size_t n = first.n < preface.n ? first.n : preface.n;
    if (memcmp(first.p, preface.p, n) != 0)
        go_on(c, &client_h1);
    else if (n == preface.n)
        go_on(c, &client_h2);
}

static void on_eof(struct link *link)
{
    give_up(link->owner);
}

/* -- life -------------------------------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
    struct client *c = container_of(t, struct client, timer);
    c->listener->stats->timeout_handshake += c->greeting_tls || c->greeting_proxy;
    give_up(c);
}

static void time_out(struct client *c, uint64_t ms)
{
    timer_init(&c->timer, on_timer);
    timer_start(c->listener->w->loop, &c->timer, ms);
}

/* The time for a handshake runs since the connection was made, with a PROXY header or without. */
static void await_tls(struct client *c)
{
    if (!begin_tls(c))
        return;
    if (!timer_running(&c->timer))
        time_out(c, conf_of(c)->timeouts.handshake);
    link_start(c->link, &greeting_events, c);
}

/* What lies in c->in came behind a PROXY header. */
static void begin_speech(struct client *c)
{
    const struct listener_conf *conf = conf_of(c);
    if (conf->tls.set) {
        await_tls(c);
    } else if (!conf->protocols.h2) {
        go_on(c, &client_h1);
    } else if (!conf->protocols.h1) {
        go_on(c, &client_h2);
    } else {
        timer_stop(&c->timer);
        time_out(c, conf->timeouts.head);
        link_start(c->link, &greeting_events, c);
        if (c->in.n)
            judge_first(c);
    }
}

static void start(struct client *c)
{
    if (!proxy_expected(c)) {
        begin_speech(c);
        return;
    }
    c->greeting_proxy = true;
    time_out(c, conf_of(c)->timeouts.handshake);
    link_start(c->link, &proxy_events, c);
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
