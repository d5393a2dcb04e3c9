/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the access log about the connection beneath a request: TLS, the client's certificate,
 * and what a PROXY header said. What a trusted load balancer tells of the client's TLS stands in
 * where the gateway has none of its own. */
#include "core/access_log_parts.h"

#include "core/exchange.h"
#include "io/proxy_header.h"
#include "io/tls.h"

#define FIELD(name)                                                                                \
    bool log_get_##name(const struct exchange *x, const struct log_header *h, struct log_value *v)
#define UNUSED (void)x, (void)h, (void)v

static bool give(struct log_value *v, struct slice s)
{
    v->text = s;
    return s.n != 0;
}

/* Of our own TLS, else of the PROXY header's. */
static bool give_either(const struct exchange *x, struct log_value *v, struct slice own,
                        struct slice told)
{
    return give(v, x->facts->tls ? own : x->facts->proxy ? told : slice_of(NULL, 0));
}

#define OWN(member) (x->facts->tls ? x->facts->tls->member : (struct slice){0})
#define TOLD(member) (x->facts->proxy ? x->facts->proxy->member : (struct slice){0})

FIELD(peer)
{
    UNUSED;
    const struct ip *direct = &x->facts->direct;
    return x->facts->proxy && give(v, slice_of(v->memory, ip_print(direct, v->memory)));
}

FIELD(tls_version)
{
    UNUSED;
    return give_either(x, v, OWN(version), TOLD(tls.version));
}

FIELD(tls_cipher)
{
    UNUSED;
    return give_either(x, v, OWN(cipher), TOLD(tls.cipher));
}

FIELD(tls_server_name)
{
    UNUSED;
    return give_either(x, v, OWN(server_name), TOLD(authority));
}

FIELD(tls_alpn)
{
    UNUSED;
    return give_either(x, v, OWN(alpn), TOLD(alpn));
}

FIELD(tls_resumed)
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
FIELD(client_subject)
{
    UNUSED;
    const struct tls_peer *peer = certificate(x);
    if (peer)
        return give(v, peer->subject);
    const struct slice cn = TOLD(tls.cn);
    if (x->facts->tls || !cn.n || !x->facts->proxy->tls.verified)
        return false;
    struct text t;
    text_init_fixed(&t, v->memory, sizeof v->memory);
    text_str(&t, "CN=");
    text_add(&t, cn);
    return give(v, text_slice(&t));
}

FIELD(client_fingerprint)
{
    UNUSED;
    const struct tls_peer *peer = certificate(x);
    return peer && give(v, peer->fingerprint);
}

FIELD(grpc_status)
{
    UNUSED;
    v->number = x->grpc_code == GRPC_MISSING ? GRPC_UNKNOWN : x->grpc_code;
    return x->grpc;
}
