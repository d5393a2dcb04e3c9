/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_WEBSOCKET_H
#define WEIR_HTTP_WEBSOCKET_H

/* The opening handshake of WebSocket (RFC 6455 4), where it has to be made up because HTTP/2 has
 * none (RFC 8441 5.1): a key on the way to an HTTP/1.1 origin, an accept value on the way to an
 * HTTP/1.1 client. */

#include <stdbool.h>

#include "base/slice.h"

enum { WEBSOCKET_KEY = 24, WEBSOCKET_ACCEPT = 28 };

/* 16 random bytes in base64. */
void websocket_key(const uint8_t random[16], char out[WEBSOCKET_KEY]);
/* Sec-WebSocket-Accept for a key. */
void websocket_accept(struct slice key, char out[WEBSOCKET_ACCEPT]);

#endif
