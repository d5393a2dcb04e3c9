/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_CLIENT_CERT_H
#define WEIR_CORE_CLIENT_CERT_H

/* What backends are told about the certificate that a client proved to have:
 *
 *     xfcc       X-Forwarded-Client-Cert: Hash=...;Subject="...";URI=...;DNS=...     as Envoy does
 *     standard   Client-Cert: :MIIB...=:                                             RFC 9440
 *
 * What a client claims in these fields itself is taken out by forwarded_write(). */

#include "config/config.h"
#include "http/fields.h"

struct tls_peer;

/* Adds what `style` says of the certificate to the head of a request on its way inward. `peer` is
 * verified; NULL: there is none, and nothing is added. A field that is there came from a trusted
 * proxy: X-Forwarded-Client-Cert is appended to, Client-Cert, which has room for one, stays. */
void client_cert_write(struct fields *f, struct arena *a, enum client_certificate style,
                       const struct tls_peer *peer);

#endif
