/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/check.h"

void websocket_key(const uint8_t random[16], char out[WEBSOCKET_KEY])
{
    unsigned char text[WEBSOCKET_KEY + 1];
    EVP_EncodeBlock(text, random, 16);
    memcpy(out, text, WEBSOCKET_KEY);
}

void websocket_accept(struct slice key, char out[WEBSOCKET_ACCEPT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20], text[WEBSOCKET_ACCEPT + 1];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    must(md && EVP_DigestInit_ex(md, EVP_sha1(), NULL) && EVP_DigestUpdate(md, key.p, key.n) &&
         EVP_DigestUpdate(md, guid, sizeof guid - 1) && EVP_DigestFinal_ex(md, digest, NULL));
    EVP_MD_CTX_free(md);
    EVP_EncodeBlock(text, digest, sizeof digest);
    memcpy(out, text, WEBSOCKET_ACCEPT);
}
