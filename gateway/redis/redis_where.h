/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_WHERE_H
#define WEIR_REDIS_REDIS_WHERE_H

/* From what the configuration or a sentinel calls a server to its addresses. */

#include "base/addr.h"
#include "control/dns/dns.h"

enum { REDIS_NAME_MAX = 255 };

/* A member of who asks. */
struct redis_where {
    struct loop *loop;
    struct dns *dns; /* borrowed; NULL: there is none, and names can't be looked up */
    struct dns_query query;
    struct later later;
    void (*fn)(struct redis_where *w);
    char host[REDIS_NAME_MAX + 1];
    uint16_t port;
    int family; /* that is asked for */
    struct addr literal;
    /* The answer, until the next question. */
    const struct addr *addrs;
    size_t n; /* 0: there is none, for this reason: */
    const char *why;
};

void redis_where_init(struct redis_where *w, struct loop *lp, struct dns *dns,
                      void (*fn)(struct redis_where *w));
/* `text` is "HOST", "HOST:PORT", an address, or "unix:/path". fn is called once, through the later
 * queue. One question at a time. */
void redis_where_ask(struct redis_where *w, struct slice text, uint16_t default_port);
/* The question under way is forgotten. */
void redis_where_fini(struct redis_where *w);

#endif
