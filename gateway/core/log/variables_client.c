/* SPDX-License-Identifier: Apache-2.0 */
/* Variables about the connection beneath a request: who connected, TLS, the client's certificate,
 * and what a PROXY header said. What a trusted load balancer tells of the client's TLS stands in
 * where the gateway has none of its own. */

#include "base/text.h"
#include "core/log/variables_parts.h"
#include "io/proxy_header.h"
#include "io/tls.h"

/* -- who --------------------------------------------------------------------------------------- */

static bool give_ip(struct variable_value *v, const struct ip *ip)
{
    if (!ip_is_v4(ip))
        return give_text(v, slice_of(v->memory, ip_print(ip, v->memory)));
    char *at = v->memory;
    for (int i = 12; i < 16; i++) { /* inet_ntop prints with sprintf: too slow for each request */
        const unsigned b = ip->b[i];
        if (b >= 100)
            *at++ = (char)('0' + b / 100);
        if (b >= 10)
            *at++ = (char)('0' + b / 10 % 10);
        *at++ = (char)('0' + b % 10);
        *at++ = '.';
    }
    return give_text(v, slice_between(v->memory, at - 1));
}

VARIABLE(client)
{
    UNUSED;
    return give_ip(v, &x->facts->peer);
}

VARIABLE(peer)
{
    UNUSED;
    const struct ip *direct = &x->facts->direct;
    return x->facts->proxy && give_text(v, slice_of(v->memory, ip_print(direct, v->memory)));
}

VARIABLE(source)
{
    UNUSED;
    return give_ip(v, &x->source);
}

VARIABLE(connection)
{
    UNUSED;
    return give_number(v, x->facts->connection);
}

VARIABLE(listener)
{
    UNUSED;
    return give_text(v, x->w->g->config->listeners[x->facts->listener].name);
}

/* -- TLS and PROXY header ---------------------------------------------------------------------- */

/* Of our own TLS, else of the PROXY header's. */
static bool give_either(const struct exchange *x, struct variable_value *v, struct slice own,
                        struct slice told)
{
    return give_text(v, x->facts->tls ? own : x->facts->proxy ? told : slice_of(NULL, 0));
}

#define OWN(member) (x->facts->tls ? x->facts->tls->member : (struct slice){0})
#define TOLD(member) (x->facts->proxy ? x->facts->proxy->member : (struct slice){0})

VARIABLE(tls_version)
{
    UNUSED;
    return give_either(x, v, OWN(version), TOLD(tls.version));
}

VARIABLE(tls_cipher)
{
    UNUSED;
    return give_either(x, v, OWN(cipher), TOLD(tls.cipher));
}

VARIABLE(tls_server_name)
{
    UNUSED;
    return give_either(x, v, OWN(server_name), TOLD(authority));
}

VARIABLE(tls_alpn)
{
    UNUSED;
    return give_either(x, v, OWN(alpn), TOLD(alpn));
}

VARIABLE(tls_resumed)
{
    UNUSED;
    v->number = x->facts->tls && x->facts->tls->resumed;
    return x->facts->tls;
}

static const struct tls_peer *certificate(const struct exchange *x)
{
    return x->facts->tls ? x->facts->tls->peer : NULL;
}

/* A PROXY header tells the common name alone. */
VARIABLE(client_subject)
{
    UNUSED;
    const struct tls_peer *peer = certificate(x);
    if (peer)
        return give_text(v, peer->subject);
    const struct slice cn = TOLD(tls.cn);
    if (x->facts->tls || !cn.n || !x->facts->proxy->tls.verified)
        return false;
    struct text t;
    text_init_fixed(&t, v->memory, sizeof v->memory);
    text_str(&t, "CN=");
    text_add(&t, cn);
    return give_text(v, text_slice(&t));
}

VARIABLE(client_fingerprint)
{
    UNUSED;
    const struct tls_peer *peer = certificate(x);
    return peer && give_text(v, peer->fingerprint);
}
