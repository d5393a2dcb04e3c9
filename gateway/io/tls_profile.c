/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides set on a context: versions, ciphers, groups and how OpenSSL behaves. The lists
 * are those of Mozilla's server side TLS recommendations, version 5.7; the other side's preference
 * decides among them, because all of them are good and it knows whether it has AES in hardware. */
#include "io/tls_parts.h"

#include <openssl/err.h>

static const char intermediate_ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
static const char suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:prime256v1:secp384r1";

enum { SECURITY_LEVEL = 2 }; /* 112 bits: RSA of 2048 bits, SHA-256 */

static bool use_list(int done, const char *setting, const char *list, const struct tls_say *say)
{
    if (done == 1)
        return true;
    tls_fault(say, "tls.%s is \"%s\"; OpenSSL says: %s", setting, list, tls_reason());
    return false;
}

static const char *or_preset(struct slice said, const char *preset)
{
    return said.n ? said.p : preset;
}

bool tls_profile_use(SSL_CTX *ctx, const struct tls_profile_conf *p, const struct tls_say *say)
{
    const bool modern = p->profile == TLS_PROFILE_MODERN;
    const char *list = or_preset(p->ciphers, intermediate_ciphers);
    const char *suite_list = or_preset(p->ciphersuites, suites);
    const char *group_list = or_preset(p->groups, groups);
    ERR_clear_error();
    must(SSL_CTX_set_min_proto_version(ctx, modern ? TLS1_3_VERSION : TLS1_2_VERSION));
    must(SSL_CTX_set_max_proto_version(ctx, 0));
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    bool ok = modern || use_list(SSL_CTX_set_cipher_list(ctx, list), "ciphers", list, say);
    ok = use_list(SSL_CTX_set_ciphersuites(ctx, suite_list), "ciphersuites", suite_list, say) && ok;
    ok = use_list((int)SSL_CTX_set1_groups_list(ctx, group_list), "groups", group_list, say) && ok;
    SSL_CTX_set_dh_auto(ctx, 1); /* for DHE, as strong as the certificate's key */
    SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_LEGACY_SERVER_CONNECT |
                                   SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ok;
}

unsigned tls_alpn_wire(struct tls_alpn alpn, unsigned char out[ALPN_WIRE_MAX])
{
    static const struct slice h2 = SLICE("\x02h2"), h1 = SLICE("\x08http/1.1");
    unsigned n = 0;
    if (alpn.h2) {
        memcpy(out, h2.p, h2.n);
        n += (unsigned)h2.n;
    }
    if (alpn.h1) {
        memcpy(out + n, h1.p, h1.n);
        n += (unsigned)h1.n;
    }
    return n;
}

void tls_profile_check_h2(SSL_CTX *ctx, const struct tls_say *say)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        const int exchange = SSL_CIPHER_get_kx_nid(c);
        if (SSL_CIPHER_is_aead(c) &&
            (exchange == NID_kx_ecdhe || exchange == NID_kx_dhe || exchange == NID_kx_any))
            continue;
        tls_warn(say,
                 "tls.ciphers has %s, which HTTP/2 forbids (RFC 9113, 9.2.2): clients that agree "
                 "on it and on h2 will close the connection",
                 SSL_CIPHER_get_name(c));
        return;
    }
}
