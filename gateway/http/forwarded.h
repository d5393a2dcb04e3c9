/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FORWARDED_H
#define WEIR_HTTP_FORWARDED_H

/* Who the client is behind proxies, and what the next hop is told about it: X-Forwarded-* and
 * Forwarded (RFC 7239). Pure functions over fields: which peers are believed is the caller's to
 * say. An address in a field is believed only as far as an unbroken chain of trusted addresses
 * reaches from the peer backwards; the first untrusted one is the client. */

#include "base/addr.h"
#include "http/fields.h"

/* Which fields are read and written. A proxy in front of us appends to the fields that it knows
 * and passes on the others as any client sent them; so only those that the configuration names are
 * believed, and the others are never passed inward. */
enum forwarded_style {
    FORWARDED_NONE = 0,
    FORWARDED_X = 1,        /* X-Forwarded-For, -Proto, -Host, -Port */
    FORWARDED_STANDARD = 2, /* Forwarded */
    FORWARDED_BOTH = 3,     /* reading: Forwarded only where X-Forwarded-For is absent */
};

struct forwarded_from {
    struct ip client;   /* the peer itself when nothing could be believed */
    struct slice proto; /* "http" or "https" as the trusted proxy said; empty: not said */
    struct slice host;  /* X-Forwarded-Host / host=, a valid host; empty: not said */
    struct slice port;  /* X-Forwarded-Port, 1 to 65535; empty: not said */
};

/* `peer` is the connection's other end. When it isn't trusted, the fields are not looked at.
 * Where a field has several values, the last one counts: the nearest proxy said it. Slices point
 * into `f`'s values or are static. */
void forwarded_read(const struct fields *f, enum forwarded_style style, const struct ip *peer,
                    const struct cidr *trusted, size_t trusted_n, struct forwarded_from *out);

struct forwarded_facts {
    const struct ip *peer;
    bool peer_trusted;  /* then incoming values are kept and appended to, else replaced */
    struct slice proto; /* how this request came in: "http" or "https" */
    struct slice host;  /* the Host as received; empty: none */
    uint16_t port;      /* of the listener; 0: it is a unix socket */
};

/* Brings the forwarding fields of `f` (a request on its way inward) to what the next hop shall
 * see. From an untrusted peer every X-Forwarded-*, Forwarded, Client-Cert and Client-Cert-Chain is
 * removed, and ours are added.
 * From a trusted one the addresses are appended to, as one line; Proto, Host and Port stay what
 * forwarded_read() makes of them, else become ours; fields of a style that isn't ours are removed
 * (with FORWARDED_NONE all are kept as they are). A peer on a unix socket has no address: it is a
 * part of this machine, and a list that it passed on stays as it is. */
void forwarded_write(struct fields *f, struct arena *a, enum forwarded_style style,
                     const struct forwarded_facts *facts);

/* May an incoming X-Request-Id be kept: 1 to 128 characters of [A-Za-z0-9._:/+=@-]? */
bool request_id_ok(struct slice id);

#endif
