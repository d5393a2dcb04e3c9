/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_TCP_H
#define WEIR_CONTROL_HEALTH_TCP_H

/* A check over a plain connection, or one over TLS: connects, sends what is to be sent, and waits
 * until what is to come has come, wherever in it that stands.
 *
 *     health_tcp_init(&c, &loop, done);
 *     if (health_tcp_start(&c, &how)) ... done(&c, result) comes from the loop, once ...
 *     health_tcp_cancel(&c);                       harmless at any time; `done` doesn't come then
 */

#include "base/text.h"
#include "config/config.h"
#include "control/health/health_match.h"
#include "io/link.h"

struct health_tcp_how {
    const struct health_conf *conf; /* borrowed: send, receive, body_size, timeout */
    struct addr to;
    const struct tls_client *tls; /* borrowed; NULL: none */
    struct slice tls_name;        /* borrowed: what the certificate must be for */
    int proxy_protocol;           /* enum proxy_protocol: begins with a header that names nobody */
};

struct health_tcp {
    struct loop *loop; /* borrowed */
    const struct health_conf *conf;
    struct link *link; /* owned; NULL: no check is under way */
    struct timer timer;
    struct text in; /* what has come, up to conf->body_size */
    bool open;
    void (*done)(struct health_tcp *c, enum health_result result);
};

void health_tcp_init(struct health_tcp *c, struct loop *lp,
                     void (*done)(struct health_tcp *c, enum health_result result));
/* False: no descriptor or memory was to be had, and nothing will come. */
bool health_tcp_start(struct health_tcp *c, const struct health_tcp_how *how) nodiscard;
/* The same on a link that is not open yet (tests: one in memory), which it takes over. */
bool health_tcp_start_on(struct health_tcp *c, const struct health_tcp_how *how,
                         struct link *link) nodiscard;
void health_tcp_cancel(struct health_tcp *c);

#endif
