/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UPSTREAM_PROXY_OUT_H
#define WEIR_UPSTREAM_PROXY_OUT_H

/* PROXY headers towards clusters (clusters.NAME.proxy_protocol): what is written first on a new
 * connection, before TLS. It names one client, so such a connection serves the requests of one
 * client's connection only. */

#include "config/config.h"
#include "core/exchange.h"

/* Appends the header that names the client of x. The client is who connected to us, or to a load
 * balancer that we trust to say so in a PROXY header; what fields of a request say is about that
 * request alone. False: no block was to be had. */
bool proxy_out(struct bytes *out, const struct exchange *x, enum proxy_protocol version) nodiscard;

/* Whose connection it is. */
struct proxy_client {
    uint64_t connection;
    uint32_t listener;
};
static inline struct proxy_client proxy_client_of(const struct exchange *x)
{
    return (struct proxy_client){x->facts->connection, x->facts->listener};
}
static inline bool proxy_client_eq(struct proxy_client a, struct proxy_client b)
{
    return a.connection == b.connection && a.listener == b.listener;
}

#endif
