/* SPDX-License-Identifier: Apache-2.0 */
/* An address is taken as it is; a name is asked for, IPv4 first, and IPv6 when it has none. It is
 * asked again for each attempt to connect, so whoever moves Redis by moving its name is followed.
 */
#include "redis/redis_where.h"

static void on_later(struct later *l);
static void on_dns(struct dns_query *q);
static void ask(struct redis_where *w, int family);
static bool is_literal(struct redis_where *w, struct slice text, uint16_t default_port);

void redis_where_init(struct redis_where *w, struct loop *lp, struct dns *dns,
                      void (*fn)(struct redis_where *w))
{
    *w = (struct redis_where){.loop = lp, .dns = dns, .fn = fn};
    later_init(&w->later, on_later);
    dns_query_init(&w->query, on_dns);
}

void redis_where_fini(struct redis_where *w)
{
    later_cancel(&w->later);
    dns_query_fini(&w->query);
    w->n = 0;
}

void redis_where_ask(struct redis_where *w, struct slice text, uint16_t default_port)
{
    struct slice host;
    redis_where_fini(w);
    w->why = NULL;
    w->host[0] = '\0';
    if (is_literal(w, text, default_port)) {
        w->addrs = &w->literal;
        w->n = 1;
        loop_later(w->loop, &w->later);
    } else if (!w->dns || !addr_split(text, &host, &w->port, default_port) ||
               host.n > REDIS_NAME_MAX) {
        w->why = "its name can't be looked up";
        loop_later(w->loop, &w->later);
    } else {
        memcpy(w->host, host.p, host.n);
        w->host[host.n] = '\0';
        ask(w, AF_INET);
    }
}

/* With TLS the certificate has to be for what is left in w->host. */
static bool is_literal(struct redis_where *w, struct slice text, uint16_t default_port)
{
    struct slice host;
    if (slice_starts(text, SLICE("unix:")))
        return addr_parse(text, &w->literal);
    if (!addr_split(text, &host, &w->port, default_port) ||
        !addr_from_ip(host, w->port, &w->literal))
        return false;
    const struct ip ip = addr_ip(&w->literal);
    _Static_assert(sizeof w->host >= ADDR_TEXT_MAX, "an address is shorter than a name may be");
    ip_print(&ip, w->host);
    return true;
}

static void ask(struct redis_where *w, int family)
{
    w->family = family;
    dns_ask(w->dns, &w->query, w->host, w->port, family);
}

static void on_dns(struct dns_query *q)
{
    struct redis_where *w = container_of(q, struct redis_where, query);
    if (q->outcome != DNS_FOUND && w->family == AF_INET) {
        ask(w, AF_INET6);
        return;
    }
    w->addrs = q->addrs;
    w->n = q->outcome == DNS_FOUND ? q->n : 0;
    w->why = q->reason ? q->reason : "its name has no address";
    w->fn(w);
}

static void on_later(struct later *l)
{
    struct redis_where *w = container_of(l, struct redis_where, later);
    w->fn(w);
}
