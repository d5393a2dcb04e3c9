/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known of a client's connection to a PROXY header. Our own TLS says more than what a
 * load balancer told of the client's, and where there is none of our own the load balancer's is
 * passed on, so that a chain of proxies loses nothing. */
#include "upstream/proxy_out.h"

#include "base/text.h"
#include "io/proxy_header.h"
#include "io/tls.h"

enum { CN_MAX = PROXY_TEXT_MAX };

static struct addr addr_of(const struct ip *ip, uint16_t port)
{
    struct addr a = {0};
    if (ip_is_v4(ip)) {
        a.in4.sin_family = AF_INET;
        a.in4.sin_port = htons(port);
        memcpy(&a.in4.sin_addr, ip->b + 12, 4);
        a.len = sizeof a.in4;
    } else {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons(port);
        memcpy(&a.in6.sin6_addr, ip->b, sizeof ip->b);
        a.len = sizeof a.in6;
    }
    return a;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a value of RFC 2253, unescaped; returns how many bytes it took. */
static size_t take_character(struct slice s, char *out)
{
    *out = s.p[0];
    if (s.p[0] != '\\' || s.n < 2)
        return 1;
    *out = s.p[1];
    const int high = hex_of(s.p[1]), low = s.n > 2 ? hex_of(s.p[2]) : -1;
    if (high < 0 || low < 0)
        return 2;
    *out = (char)(high << 4 | low);
    return 3;
}

/* The first Common Name of a subject as RFC 2253 writes it, the most specific one. */
static struct slice common_name(struct slice subject, char memory[CN_MAX])
{
    bool begins = true;
    for (size_t i = 0; i < subject.n;) {
        struct slice rest = slice_from(subject, i);
        if (begins && slice_starts(rest, SLICE("CN="))) {
            size_t n = 0;
            rest = slice_from(rest, 3);
            while (rest.n && rest.p[0] != ',' && rest.p[0] != '+' && n < CN_MAX)
                rest = slice_from(rest, take_character(rest, &memory[n++]));
            return slice_of(memory, n);
        }
        begins = rest.p[0] == ',' || rest.p[0] == '+';
        i += rest.p[0] == '\\' ? 2 : 1;
    }
    return slice_of(NULL, 0);
}

static void add_tls(struct proxy_header *h, const struct client_facts *facts, char memory[CN_MAX])
{
    const struct tls_facts *own = facts->tls;
    if (own) {
        h->alpn = own->alpn;
        h->authority = own->server_name;
        h->tls = (struct proxy_tls){
            .used = true,
            .certificate = own->peer,
            .verified = own->peer, /* facts have no other */
            .version = own->version,
            .cipher = own->cipher,
        };
        if (own->peer)
            h->tls.cn = common_name(own->peer->subject, memory);
    } else if (facts->proxy) {
        h->alpn = facts->proxy->alpn;
        h->authority = facts->proxy->authority;
        h->tls = facts->proxy->tls;
    }
    if (facts->proxy)
        h->unique_id = facts->proxy->unique_id;
}

bool proxy_out(struct bytes *out, const struct exchange *x, enum proxy_protocol version)
{
    const struct client_facts *facts = x->facts;
    static const struct ip from_unix;
    struct proxy_header h = {
        .version = version == PROXY_PROTOCOL_V1 ? 1 : 2,
        .addressed = memcmp(&facts->peer, &from_unix, sizeof from_unix) != 0,
        .source = addr_of(&facts->peer, facts->peer_port),
        .destination = *facts->local,
    };
    char memory[PROXY_WRITE_MAX], cn[CN_MAX];
    struct text t;
    add_tls(&h, facts, cn);
    text_init_fixed(&t, memory, sizeof memory);
    proxy_header_write(&t, &h);
    must(!t.cut);
    return bytes_copy(out, text_slice(&t));
}
