/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

/* Socket addresses as values: IPv4, IPv6 and unix, parsed and printed; and CIDR ranges. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/slice.h"

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t len; /* 0: no address */
};

/* An IP without its port, 16 bytes, IPv4 as ::ffff:a.b.c.d: small enough for every connection
 * to keep. All zero for unix sockets. */
struct ip {
    uint8_t b[16];
};

struct cidr {
    struct ip ip;
    uint8_t bits; /* of 128 */
};

enum { ADDR_TEXT_MAX = 128 };

/* "10.0.0.1:80", "[::1]:80", "*:80" (any IPv4), "[::]:80", "unix:/path", "unix:@abstract".
 * A port of 0 is allowed: the kernel chooses. False on anything else (host names too). */
bool addr_parse(struct slice text, struct addr *out) nodiscard;
/* Splits "name:port" and "[v6]:port" without looking at what the host is; the port must be
 * 1-65535. `default_port` 0 means that the port must be there. */
bool addr_split(struct slice text, struct slice *host, uint16_t *port,
                uint16_t default_port) nodiscard;
/* An IP literal (no brackets needed) and a port. */
bool addr_from_ip(struct slice ip, uint16_t port, struct addr *out) nodiscard;
/* NUL-terminated, in addr_parse's form ("0.0.0.0:80" for any IPv4). Returns the length. */
size_t addr_print(const struct addr *a, char out[ADDR_TEXT_MAX]);
bool addr_eq(const struct addr *a, const struct addr *b);
uint16_t addr_port(const struct addr *a); /* host order; 0 for unix */
/* Unix sockets have none. */
void addr_set_port(struct addr *a, uint16_t port);

struct ip addr_ip(const struct addr *a);
/* IPv4 in dotted form, IPv6 without brackets, "unix" for the zero address; returns the length. */
size_t ip_print(const struct ip *ip, char out[ADDR_TEXT_MAX]);
bool ip_is_v4(const struct ip *ip);
bool ip_parse(struct slice text, struct ip *out) nodiscard;

/* "10.0.0.0/8", "::1/128", "10.0.0.1" (one address), "unix" (peers on unix sockets). Bits behind
 * the prefix are cleared. */
bool cidr_parse(struct slice text, struct cidr *out) nodiscard;
/* A range of one family holds nothing of another: "::/0" is every IPv6 address, but no IPv4
 * address and no unix peer. */
bool cidr_has(const struct cidr *c, const struct ip *ip);
bool cidr_any(const struct cidr *list, size_t n, const struct ip *ip);

#endif
