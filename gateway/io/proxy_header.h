/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_PROXY_HEADER_H
#define WEIR_IO_PROXY_HEADER_H

/* The PROXY protocol, versions 1 and 2 (HAProxy's specification of it, whose sections stand in
 * parentheses): what a load balancer writes in front of everything else on a connection, to say
 * whose connection it is. A codec: bytes in, values out, and back. Whether a header may be believed
 * is the caller's to know: whoever can write one can claim any address.
 *
 *     v1   "PROXY TCP4 192.0.2.1 10.0.0.1 40000 443\r\n"
 *     v2   | 12 bytes of signature | version, command | family | length | addresses | TLVs |
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/slice.h"

struct text;

enum {
    PROXY_V1_MAX = 107,        /* of a line, CRLF included (2.1) */
    PROXY_V2_FIXED = 16,       /* before the addresses */
    PROXY_V2_MAX = 4096,       /* addresses and TLVs that are taken; a usual one has under 300 */
    PROXY_TEXT_MAX = 255,      /* of a text that is written; longer ones are left out */
    PROXY_ID_MAX = 128,        /* of a unique id (2.2.5) */
    PROXY_WRITE_MAX = 2048,    /* bytes of what proxy_header_write makes */
};

/* id, word for logs */
#define PROXY_FAULT_LIST(F)                                                                        \
    F(NONE, "none")                                                                                \
    F(SIGNATURE, "signature")   /* it is something else */                                         \
    F(LINE, "line")             /* of version 1: its grammar, or longer than it may be */          \
    F(ADDRESS, "address")       /* malformed, or of another family than was said */                \
    F(VERSION, "version")                                                                          \
    F(COMMAND, "command")                                                                          \
    F(FAMILY, "family")         /* neither stream sockets of IPv4, IPv6 and unix, nor UNSPEC */    \
    F(LENGTH, "length")         /* too short for its addresses, or beyond PROXY_V2_MAX */          \
    F(TLV, "tlv")               /* one that reaches beyond its frame, or has a wrong size */       \
    F(TLV_TWICE, "tlv_twice")   /* one that may be there once: which of the two would count? */    \
    F(CHECKSUM, "checksum")

enum proxy_fault {
#define F(id, word) PROXY_FAULT_##id,
    PROXY_FAULT_LIST(F)
#undef F
        PROXY_FAULT_N
};
const char *proxy_fault_word(enum proxy_fault f);

/* What PP2_TYPE_SSL says of the client's connection to whoever wrote the header. */
struct proxy_tls {
    bool used;            /* the client spoke TLS (PP2_CLIENT_SSL) */
    bool certificate;     /* it gave a certificate, on this connection or in its session */
    bool verified;        /* ... which was verified (verify == 0) */
    struct slice version; /* "TLSv1.3" */
    struct slice cipher;
    struct slice cn;      /* Common Name of the certificate */
};

struct proxy_header {
    uint8_t version;      /* 1 or 2 */
    /* False: LOCAL, UNKNOWN or UNSPEC. The connection is the writer's own (a health check) or its
     * ends can't be told: the addresses that the socket has are to be used. */
    bool addressed;
    bool local;           /* the command LOCAL: also no TLVs count */
    struct addr source, destination; /* only when addressed */
    /* TLVs of version 2; empty: not there. Bytes as they came: any value. */
    struct slice alpn, authority, unique_id;
    struct proxy_tls tls;
};

/* Reads a header from the front of `in`. More than 0: its length, and *out points into `in`. 0:
 * it isn't complete; call again with more (at most PROXY_V2_FIXED + PROXY_V2_MAX bytes are ever
 * asked for). Less than 0: *fault says why it is none. What is wrong is told as soon as it can be
 * seen, so that nothing waits for the rest of what never was a header. */
ssize_t proxy_header_parse(struct slice in, struct proxy_header *out, enum proxy_fault *fault) nodiscard;

/* A copy with its texts, from malloc in one piece: free() it. NULL: no memory. */
struct proxy_header *proxy_header_keep(const struct proxy_header *h) nodiscard;

/* Appends h in the form of h->version; at most PROXY_WRITE_MAX bytes. Version 1 has no TLVs and no
 * unix addresses (it says UNKNOWN). Ends of two families are written as IPv6 when both are IP, else
 * as UNSPEC. A checksum is not written: TCP has one. */
void proxy_header_write(struct text *out, const struct proxy_header *h);

/* CRC32C (RFC 3720 B.4) of `s`, continued from `crc` (0 at the start). */
uint32_t proxy_crc32c(uint32_t crc, struct slice s);

#endif
