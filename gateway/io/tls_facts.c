/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a connection when its handshake is done, and words for what went wrong. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>

/* A connection without a certificate, which most are, needs one small piece of memory. */
struct facts_box {
    struct tls_facts facts;
    struct peer_box *peer;
    char alpn[16];
    char server_name[];
};

struct peer_box {
    struct tls_peer peer;
    struct arena arena;
};

static struct peer_box *peer_new(X509 *x);

/* -- facts ------------------------------------------------------------------------------------- */

static struct slice asked_name(SSL *ssl)
{
    const struct tls_hello *h = SSL_is_server(ssl) ? tls_hello_of(ssl) : NULL;
    if (h || SSL_is_server(ssl))
        return h ? slice_of(h->name, h->n) : slice_of(NULL, 0);
    return slice_str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
}

static void copy_text(struct slice *out, char *to, struct slice from)
{
    for (size_t i = 0; i < from.n; i++)
        to[i] = ascii_lower(from.p[i]);
    *out = slice_of(to, from.n);
}

/* The certificate, when it was checked and found good; a reference of the caller's. */
static X509 *verified_peer(SSL *ssl)
{
    if (!(SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) || SSL_get_verify_result(ssl) != X509_V_OK)
        return NULL;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    return SSL_get1_peer_certificate(ssl);
#else
    return SSL_get_peer_certificate(ssl);
#endif
}

struct tls_facts *tls_facts_new(SSL *ssl)
{
    const struct slice name = asked_name(ssl);
    struct facts_box *box = calloc(1, sizeof *box + name.n);
    if (!box)
        return NULL;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const unsigned char *alpn;
    unsigned alpn_n;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_n);
    box->facts.version = slice_str(SSL_get_version(ssl));
    box->facts.cipher = slice_str(cipher ? SSL_CIPHER_standard_name(cipher) : "");
    box->facts.resumed = SSL_session_reused(ssl);
    copy_text(&box->facts.server_name, box->server_name, name);
    if (alpn_n <= sizeof box->alpn)
        copy_text(&box->facts.alpn, box->alpn, slice_of((const char *)alpn, alpn_n));
    X509 *x = verified_peer(ssl);
    if (!x)
        return &box->facts;
    box->peer = peer_new(x);
    X509_free(x);
    if (!box->peer) {
        free(box);
        return NULL;
    }
    box->facts.peer = &box->peer->peer;
    return &box->facts;
}

void tls_facts_free(struct tls_facts *f)
{
    if (!f)
        return;
    struct facts_box *box = container_of(f, struct facts_box, facts);
    if (box->peer)
        arena_fini(&box->peer->arena);
    free(box->peer);
    free(box);
}

/* -- the other side's certificate -------------------------------------------------------------- */

static struct slice hex_text(struct arena *a, const uint8_t *p, size_t n, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *out = arena_alloc(a, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = 0;
    return slice_of(out, 2 * n);
}

/* Bytes that aren't printable, quotes and backslashes as \XX, so that nothing that an authority has
 * signed can break out of a field, a log line, or be taken for another name. */
static struct slice safe_text(struct arena *a, const ASN1_STRING *s)
{
    const uint8_t *p = ASN1_STRING_get0_data(s);
    const size_t n = (size_t)ASN1_STRING_length(s);
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, 3 * n + 1);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
            out[at++] = (char)p[i];
            continue;
        }
        out[at++] = '\\';
        out[at++] = digits[p[i] >> 4];
        out[at++] = digits[p[i] & 15];
    }
    out[at] = 0;
    return slice_of(out, at);
}

static struct slice ip_text(struct arena *a, const ASN1_OCTET_STRING *s)
{
    char text[INET6_ADDRSTRLEN];
    const int n = ASN1_STRING_length(s);
    if (n != 4 && n != 16)
        return hex_text(a, ASN1_STRING_get0_data(s), (size_t)n, false);
    inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), text, sizeof text);
    return arena_dup(a, slice_str(text));
}

static void add_name(struct arena *a, struct texts *to, int most, struct slice name)
{
    if (!to->v)
        to->v = ARENA_ARRAY(a, struct slice, (size_t)most);
    to->v[to->n++] = name;
}

static void read_names(struct peer_box *box, X509 *x)
{
    struct tls_peer *p = &box->peer;
    struct arena *a = &box->arena;
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    const int n = all ? sk_GENERAL_NAME_num(all) : 0;
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type == GEN_DNS)
            add_name(a, &p->dns, n, safe_text(a, one->d.dNSName));
        else if (one->type == GEN_URI)
            add_name(a, &p->uri, n, safe_text(a, one->d.uniformResourceIdentifier));
        else if (one->type == GEN_EMAIL)
            add_name(a, &p->email, n, safe_text(a, one->d.rfc822Name));
        else if (one->type == GEN_IPADD)
            add_name(a, &p->ip, n, ip_text(a, one->d.iPAddress));
    }
    GENERAL_NAMES_free(all);
    ERR_clear_error();
}

static struct slice serial_text(struct arena *a, const ASN1_INTEGER *serial)
{
    const uint8_t *p = ASN1_STRING_get0_data(serial);
    const int n = ASN1_STRING_length(serial);
    return n > 0 ? hex_text(a, p, (size_t)n, true) : slice_of("00", 2);
}

static bool read_der(struct peer_box *box, X509 *x)
{
    unsigned char *der = NULL;
    const int n = i2d_X509(x, &der);
    if (n <= 0)
        return false;
    unsigned char *text = arena_alloc(&box->arena, (size_t)(n + 2) / 3 * 4 + 1);
    const int text_n = EVP_EncodeBlock(text, der, n);
    box->peer.der_base64 = slice_of((char *)text, (size_t)text_n);
    OPENSSL_free(der);
    return true;
}

static struct peer_box *peer_new(X509 *x)
{
    struct peer_box *box = calloc(1, sizeof *box);
    uint8_t digest[TLS_DIGEST];
    if (!box)
        return NULL;
    arena_init(&box->arena, NULL, 0);
    if (!read_der(box, x) || !X509_digest(x, EVP_sha256(), digest, NULL)) {
        arena_fini(&box->arena);
        free(box);
        return NULL;
    }
    struct arena *a = &box->arena;
    const int64_t end = tls_time(X509_get0_notAfter(x));
    box->peer.subject = tls_name_text(a, X509_get_subject_name(x));
    box->peer.issuer = tls_name_text(a, X509_get_issuer_name(x));
    box->peer.serial = serial_text(a, X509_get0_serialNumber(x));
    box->peer.fingerprint = hex_text(a, digest, sizeof digest, false);
    box->peer.not_after_s = end > 0 ? (uint64_t)end : 0;
    read_names(box, x);
    return box;
}

/* -- words for what went wrong ----------------------------------------------------------------- */

static const char *reason_word(int reason)
{
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
        return "certificate";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        return "no_shared_cipher";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return "version";
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
        return "not_tls";
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return "no_protocol";
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "closed";
#endif
    default:
        return "protocol";
    }
}

const char *tls_fault_word(SSL *ssl)
{
    const char *refused = tls_hello_refused(ssl);
    const unsigned long first = ERR_peek_error();
    ERR_clear_error();
    if (refused)
        return refused;
    if (first == 0)
        return "closed";
    if (ERR_GET_LIB(first) != ERR_LIB_SSL)
        return ERR_GET_LIB(first) == ERR_LIB_X509 ? "certificate" : "protocol";
    if (ERR_GET_REASON(first) >= SSL_AD_REASON_OFFSET)
        return "alert";
    return reason_word(ERR_GET_REASON(first));
}
