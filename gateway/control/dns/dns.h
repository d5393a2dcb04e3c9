/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_DNS_H
#define WEIR_CONTROL_DNS_H

/* Names to addresses, with their TTL: c-ares on the loop. What stands in /etc/hosts counts before
 * DNS, with a TTL of 0; resolv.conf is read when it starts. Questions go over UDP and, for long
 * answers, over TCP.
 *
 *     static void on_answer(struct dns_query *q) { ... q->outcome, q->addrs, q->n, q->ttl_ms ... }
 *     dns_query_init(&q, on_answer);
 *     dns_ask(dns, &q, "api.internal", 80, AF_INET);
 *     dns_stop(dns); dns_query_fini(&q);
 */

#include "base/addr.h"
#include "config/config.h"
#include "io/loop.h"

struct dns;

enum dns_outcome {
    DNS_FOUND, /* at least one address */
    DNS_NONE,  /* the name, or this kind of address, does not exist */
    DNS_FAILED /* nobody could say */
};

/* A member of the object that asks. */
struct dns_query {
    struct dns *dns;
    struct dns_question *question; /* under way at c-ares; NULL: none */
    struct later later;
    void (*fn)(struct dns_query *q);
    uint16_t port;
    /* the answer, until the next dns_ask */
    enum dns_outcome outcome;
    const char *reason; /* why there is no address */
    struct addr *addrs; /* owned */
    size_t n;
    uint64_t ttl_ms; /* the smallest in the answer; 0 for /etc/hosts and localhost */
};

/* `c` has the servers (none: those of resolv.conf), timeout and tries. NULL, with a line in the
 * log, when c-ares can't be set up. */
struct dns *dns_start(struct loop *lp, const struct config *c) nodiscard;
/* Queries under way are given up without a call. Then each is dns_query_fini()ed. */
void dns_stop(struct dns *d);

void dns_query_init(struct dns_query *q, void (*fn)(struct dns_query *q));
/* At any time: a question under way is forgotten, without a call. */
void dns_query_fini(struct dns_query *q);
/* fn is called once, through the later queue. One question at a time per query. `family` is
 * AF_INET or AF_INET6. */
void dns_ask(struct dns *d, struct dns_query *q, const char *host, uint16_t port, int family);

#endif
