/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FORWARDED_H
#define WEIR_HTTP_FORWARDED_H

/* Who the client is behind proxies, and what the next hop is told about it: X-Forwarded-* and
 * Forwarded (RFC 7239). Pure functions over fields: which peers are believed is the caller's to
 * say. An address in a field is believed only as far as an unbroken chain of trusted addresses
 * reaches from the peer backwards; the first untrusted one is the client. */

#include "base/addr.h"
#include "http/fields.h"

struct forwarded_from {
    struct ip client;     /* the peer itself when nothing could be believed */
    struct slice proto;   /* "http" or "https" as the trusted proxy said; empty: not said */
    struct slice host;    /* X-Forwarded-Host / host=; empty: not said */
    struct slice port;    /* X-Forwarded-Port, digits; empty: not said */
};

/* `peer` is the connection's other end. When it isn't trusted, the fields are not looked at. */
void forwarded_read(const struct fields *f, const struct ip *peer, const struct cidr *trusted,
                    size_t trusted_n, struct forwarded_from *out);

enum forwarded_style {
    FORWARDED_NONE = 0,
    FORWARDED_X = 1,        /* X-Forwarded-For, -Proto, -Host, -Port */
    FORWARDED_STANDARD = 2, /* Forwarded */
    FORWARDED_BOTH = 3,
};

struct forwarded_facts {
    const struct ip *peer;
    bool peer_trusted;    /* then incoming values are kept and appended to, else replaced */
    struct slice proto;   /* how this request came in: "http" or "https" */
    struct slice host;    /* the Host as received */
    uint16_t port;        /* of the listener */
};

/* Brings the forwarding fields of `f` (a request on its way inward) to what the next hop shall
 * see: untrusted incoming ones removed, ours added. */
void forwarded_write(struct fields *f, struct arena *a, enum forwarded_style style,
                     const struct forwarded_facts *facts);

/* May an incoming X-Request-Id be kept: 1 to 128 characters of [A-Za-z0-9._:/+=@-]? */
bool request_id_ok(struct slice id);

#endif
