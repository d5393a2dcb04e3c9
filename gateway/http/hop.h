/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_HOP_H
#define WEIR_HTTP_HOP_H

/* Fields that mean one hop only (RFC 9110 7.6.1): Connection and what it names, Keep-Alive,
 * Proxy-Connection, TE, Transfer-Encoding, Upgrade, HTTP2-Settings, and the framing that every hop writes anew
 * (Content-Length, Trailer stays). Host, Content-Type and the like can't be named away by a
 * Connection field: names that would change the message's meaning are kept. */

#include "http/fields.h"

/* Copies the end-to-end lines of `in` to `out` (room for in->n + spare lines is made in `a`; the
 * slices are shared). Content-Length is dropped: the writer makes it. */
void hop_strip(const struct fields *in, struct fields *out, struct arena *a, uint16_t spare);
/* May this field stand in trailers (RFC 9110 6.5.1)? Framing, routing, authentication and
 * request modifiers may not. */
bool hop_trailer_ok(const struct field *f);

#endif
