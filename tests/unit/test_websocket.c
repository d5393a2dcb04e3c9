/* SPDX-License-Identifier: Apache-2.0 */
/* The values of WebSocket's opening handshake; the examples are those of RFC 6455 1.3. */
#include "http/websocket.h"

#include <criterion/criterion.h>

Test(websocket, makes_a_key_of_random_bytes)
{
    char key[WEBSOCKET_KEY];
    websocket_key((const uint8_t *)"the sample nonce", key);
    cr_assert(slice_eq(slice_of(key, sizeof key), SLICE("dGhlIHNhbXBsZSBub25jZQ==")));
}

Test(websocket, answers_a_key)
{
    char accept[WEBSOCKET_ACCEPT];
    websocket_accept(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    cr_assert(slice_eq(slice_of(accept, sizeof accept), SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    websocket_accept(SLICE("dGhlIHNhbXBsZSBub25jZR=="), accept);
    cr_assert(!slice_eq(slice_of(accept, sizeof accept), SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
}
