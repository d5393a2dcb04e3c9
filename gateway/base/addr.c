/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses parsed and printed. Only literals: turning a name into addresses is the resolver's.
 *
 * IPv4 addresses are compared in their IPv6-mapped form, so a peer is the same peer whether it
 * came in on an IPv4 socket or on an IPv6 socket that takes both. */

#include "base/addr.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* -- parsing -----------------------------------------------------------------------------------*/

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t v;

    if (text.n > 5 || !slice_to_u64(text, &v) || v > UINT16_MAX)
        return false;
    *port = (uint16_t)v;
    return true;
}

/* inet_pton() of a slice. */
static bool parse_literal(int family, struct slice text, void *out)
{
    char copy[INET6_ADDRSTRLEN];

    if (!text.n || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(family, copy, out) == 1;
}

static bool parse_unix(struct slice path, struct addr *out)
{
    const bool abstract = slice_starts(path, SLICE("@"));
    struct addr a = {.un = {.sun_family = AF_UNIX}};

    if (path.n < 2 || path.n >= sizeof a.un.sun_path || memchr(path.p, '\0', path.n))
        return false;
    if (!abstract && *path.p != '/')
        return false;
    memcpy(a.un.sun_path, path.p, path.n);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
    if (abstract)
        a.un.sun_path[0] = '\0';
    else
        a.len++; /* a path counts its NUL, an abstract name has none */
    *out = a;
    return true;
}

bool addr_from_ip(struct slice ip, uint16_t port, struct addr *out)
{
    struct addr a = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)},
                     .len = sizeof a.in6};

    if (parse_literal(AF_INET6, ip, &a.in6.sin6_addr)) {
        *out = a;
        return true;
    }
    a = (struct addr){.in4 = {.sin_family = AF_INET, .sin_port = htons(port)}, .len = sizeof a.in4};
    if (!parse_literal(AF_INET, ip, &a.in4.sin_addr))
        return false;
    *out = a;
    return true;
}

/* "[host]:port" and "host:port" into their parts; `port` without its colon, p NULL without one. */
static bool split(struct slice text, struct slice *host, struct slice *port)
{
    struct slice rest = text;

    if (slice_starts(text, SLICE("["))) {
        const size_t end = slice_find(text, ']');
        if (end == text.n || end == 1)
            return false;
        *host = slice_of(text.p + 1, end - 1);
        *port = slice_from(text, end + 1);
        if (port->n && *port->p != ':')
            return false;
        *port = port->n ? slice_from(*port, 1) : slice_of(NULL, 0);
        return true;
    }
    *host = slice_cut(&rest, ':');
    *port = rest;
    return host->n && slice_find(rest, ':') == rest.n;
}

bool addr_parse(struct slice text, struct addr *out)
{
    const bool bracket = slice_starts(text, SLICE("["));
    struct slice host, port_text;
    uint16_t port;

    if (slice_starts(text, SLICE("unix:")))
        return parse_unix(slice_from(text, 5), out);
    if (!split(text, &host, &port_text) || !parse_port(port_text, &port))
        return false;
    if (slice_eq(host, SLICE("*")) && !bracket)
        host = SLICE("0.0.0.0");
    struct addr a;
    if (!addr_from_ip(host, port, &a) || (a.sa.sa_family == AF_INET6) != bracket)
        return false;
    *out = a;
    return true;
}

bool addr_split(struct slice text, struct slice *host, uint16_t *port, uint16_t default_port)
{
    struct slice name, port_text;
    uint16_t number = default_port;

    if (!split(text, &name, &port_text))
        return false;
    if (port_text.p && !parse_port(port_text, &number))
        return false;
    if (!number)
        return false;
    *host = name;
    *port = number;
    return true;
}

bool ip_parse(struct slice text, struct ip *out)
{
    struct addr a;

    if (!addr_from_ip(text, 0, &a))
        return false;
    *out = addr_ip(&a);
    return true;
}

/* -- looking -----------------------------------------------------------------------------------*/

uint16_t addr_port(const struct addr *a)
{
    if (!a->len)
        return 0;
    if (a->sa.sa_family == AF_INET)
        return ntohs(a->in4.sin_port);
    return a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET)
        a->in4.sin_port = htons(port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}

struct ip addr_ip(const struct addr *a)
{
    struct ip ip = {{0}};

    if (!a->len)
        return ip;
    if (a->sa.sa_family == AF_INET6) {
        memcpy(ip.b, &a->in6.sin6_addr, 16);
    } else if (a->sa.sa_family == AF_INET) {
        memcpy(ip.b, mapped, sizeof mapped);
        memcpy(ip.b + sizeof mapped, &a->in4.sin_addr, 4);
    }
    return ip;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->len != b->len)
        return false;
    if (!a->len)
        return true;
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    switch (a->sa.sa_family) {
    case AF_INET: /* sin_zero doesn't count */
        return a->in4.sin_port == b->in4.sin_port &&
               a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    case AF_INET6:
        return a->in6.sin6_port == b->in6.sin6_port &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
               !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
    default:
        return !memcmp(&a->un, &b->un, a->len);
    }
}

bool ip_is_v4(const struct ip *ip)
{
    return !memcmp(ip->b, mapped, sizeof mapped);
}

static bool ip_is_unix(const struct ip *ip)
{
    static const struct ip zero;
    return !memcmp(ip, &zero, sizeof zero);
}

/* -- printing ----------------------------------------------------------------------------------*/

static size_t print_unix(const struct addr *a, char *out)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t n = a->len > head ? a->len - head : 0; /* 0: a peer that never bound a name */
    const bool abstract = n && a->un.sun_path[0] == '\0';

    if (!abstract)
        n = strnlen(a->un.sun_path, n);
    memcpy(out, "unix:", 5);
    memcpy(out + 5, a->un.sun_path, n);
    if (abstract)
        out[5] = '@';
    out[5 + n] = '\0';
    return 5 + n;
}

size_t addr_print(const struct addr *a, char out[ADDR_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];

    if (!a->len) {
        out[0] = '\0';
        return 0;
    }
    if (a->sa.sa_family == AF_UNIX)
        return print_unix(a, out);
    const bool v4 = a->sa.sa_family == AF_INET;
    const void *ip = v4 ? (const void *)&a->in4.sin_addr : (const void *)&a->in6.sin6_addr;
    must(inet_ntop(a->sa.sa_family, ip, host, sizeof host));
    return (size_t)snprintf(out, ADDR_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", host, addr_port(a));
}

/* By hand: every request carries its client's address inward, and inet_ntop prints IPv4 with
 * sprintf, which costs more than parsing the request's head. */
static size_t v4_print(const uint8_t *b, char *out)
{
    char *p = out;
    for (int i = 0; i < 4; i++) {
        const unsigned v = b[i];
        if (v >= 100)
            *p++ = (char)('0' + v / 100);
        if (v >= 10)
            *p++ = (char)('0' + v / 10 % 10);
        *p++ = (char)('0' + v % 10);
        *p++ = '.';
    }
    p[-1] = 0;
    return (size_t)(p - 1 - out);
}

size_t ip_print(const struct ip *ip, char out[ADDR_TEXT_MAX])
{
    if (ip_is_v4(ip))
        return v4_print(ip->b + sizeof mapped, out);
    if (ip_is_unix(ip))
        memcpy(out, "unix", sizeof "unix");
    else
        must(inet_ntop(AF_INET6, ip->b, out, ADDR_TEXT_MAX));
    return strlen(out);
}

/* -- ranges ------------------------------------------------------------------------------------*/

static void clear_behind(struct ip *ip, unsigned bits)
{
    for (unsigned i = 0; i < sizeof ip->b; i++)
        if (bits < 8 * (i + 1))
            ip->b[i] &= bits <= 8 * i ? 0 : (uint8_t)(0xff << (8 * (i + 1) - bits));
}

bool cidr_parse(struct slice text, struct cidr *out)
{
    struct slice bits_text = text;
    const struct slice ip_text = slice_cut(&bits_text, '/');
    struct cidr c = {.bits = 128};
    uint64_t bits;

    if (slice_eq(text, SLICE("unix"))) {
        *out = c;
        return true;
    }
    if (!ip_parse(ip_text, &c.ip))
        return false;
    if (bits_text.p) {
        /* "/8" of an address that was written as IPv4 counts from behind the mapped prefix. */
        const unsigned skip = slice_find(ip_text, ':') == ip_text.n ? 96 : 0;
        if (bits_text.n > 3 || !slice_to_u64(bits_text, &bits) || bits > 128 - skip)
            return false;
        c.bits = (uint8_t)(bits + skip);
        clear_behind(&c.ip, c.bits);
    }
    *out = c;
    return true;
}

bool cidr_has(const struct cidr *c, const struct ip *ip)
{
    const unsigned whole = c->bits / 8, rest = c->bits % 8;

    if (ip_is_unix(ip))
        return c->bits == 128 && ip_is_unix(&c->ip);
    if (ip_is_v4(ip) && c->bits < 8 * sizeof mapped)
        return false;
    if (memcmp(c->ip.b, ip->b, whole) != 0)
        return false;
    return !rest || !((c->ip.b[whole] ^ ip->b[whole]) >> (8 - rest));
}

bool cidr_any(const struct cidr *list, size_t n, const struct ip *ip)
{
    for (size_t i = 0; i < n; i++)
        if (cidr_has(&list[i], ip))
            return true;
    return false;
}
