/* SPDX-License-Identifier: Apache-2.0 */
/* The client's hello, before OpenSSL looks at sessions: which name it asks for (SNI, RFC 6066 3)
 * decides the context and which sessions may be resumed. That is why it is done here and not in
 * OpenSSL's callback for server names, which comes after a ticket was taken: a session may only
 * be resumed under the name, the certificates and the rules for clients' certificates that it was
 * made under.
 *
 * Names are compared in lower case, without a trailing dot. The default, and a listener of one
 * certificate, cost no change of context. */
#include "io/tls_parts.h"

#include <stdlib.h>

enum { NAME_MAX_LEN = 255 };

static int hello_index(void);
static bool find_name(SSL *ssl, struct slice *name);
static struct tls_hello *keep(SSL *ssl, struct slice name);

static int refuse(SSL *ssl, const char *word, int alert, int *al)
{
    SSL_set_app_data(ssl, (void *)word);
    *al = alert;
    return SSL_CLIENT_HELLO_ERROR;
}

static int on_hello(SSL *ssl, int *al, void *arg)
{
    const struct tls_hello_rules *rules = arg;
    const struct tls_choice *c = NULL;
    struct slice name;
    if (!find_name(ssl, &name))
        return refuse(ssl, "protocol", SSL_AD_DECODE_ERROR, al);
    struct tls_hello *h = keep(ssl, name);
    if (name.n && !h)
        return refuse(ssl, "no_memory", SSL_AD_INTERNAL_ERROR, al);
    if (h) {
        c = tls_names_find(rules->names, slice_of(h->name, h->n));
        h->known = c != NULL;
    }
    const unsigned char *list;
    size_t n;
    if (!c && rules->strict)
        return refuse(ssl, "unknown_name", SSL_AD_UNRECOGNIZED_NAME, al);
    if (rules->need_alpn && !SSL_client_hello_get0_ext(
                                ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list, &n))
        return refuse(ssl, "no_protocol", SSL_AD_NO_APPLICATION_PROTOCOL, al);
    if (!c)
        c = &rules->names->fallback;
    if (!SSL_set_SSL_CTX(ssl, c->ctx) ||
        !SSL_set_session_id_context(ssl, c->session_id, sizeof c->session_id))
        return refuse(ssl, "no_memory", SSL_AD_INTERNAL_ERROR, al);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* Says in the server's hello that the name was used (RFC 6066 3). */
static int on_server_name(SSL *ssl, int *al, void *arg)
{
    (void)al, (void)arg;
    const struct tls_hello *h = tls_hello_of(ssl);
    return h && h->known ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void tls_hello_use(SSL_CTX *ctx, const struct tls_hello_rules *rules)
{
    (void)hello_index();
    SSL_CTX_set_client_hello_cb(ctx, on_hello, (void *)rules);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
}

const struct tls_hello *tls_hello_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, hello_index());
}

const char *tls_hello_refused(const SSL *ssl)
{
    return SSL_is_server(ssl) ? SSL_get_app_data(ssl) : NULL;
}

/* -- the extension ----------------------------------------------------------------------------- */

static size_t take_u16(const unsigned char *p)
{
    return (size_t)(p[0] << 8 | p[1]);
}

/* struct { NameType name_type; opaque HostName<1..2^16-1>; } ServerNameList<1..2^16-1>, of which
 * only host_name (0) was ever defined, once. Empty when there is no such extension; false when it
 * isn't well formed. */
static bool find_name(SSL *ssl, struct slice *name)
{
    enum { LIST_HEAD = 2, NAME_HEAD = 3 };
    const unsigned char *p;
    size_t n;
    *name = slice_of(NULL, 0);
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n))
        return true;
    if (n < LIST_HEAD + NAME_HEAD || take_u16(p) != n - LIST_HEAD ||
        p[LIST_HEAD] != TLSEXT_NAMETYPE_host_name ||
        take_u16(p + LIST_HEAD + 1) != n - LIST_HEAD - NAME_HEAD)
        return false;
    *name = slice_of((const char *)p + LIST_HEAD + NAME_HEAD, n - LIST_HEAD - NAME_HEAD);
    return name->n > 0 && name->n <= NAME_MAX_LEN && slice_find(*name, 0) == name->n;
}

/* -- what is kept ------------------------------------------------------------------------------ */

static void on_free(void *parent, void *p, CRYPTO_EX_DATA *data, int index, long l, void *arg)
{
    (void)parent, (void)data, (void)index, (void)l, (void)arg;
    free(p);
}

static int hello_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_free);
    return index;
}

/* NULL: no name, or no memory. A second hello (after a retry request) replaces the first. */
static struct tls_hello *keep(SSL *ssl, struct slice name)
{
    free(SSL_get_ex_data(ssl, hello_index()));
    struct tls_hello *h = name.n ? malloc(sizeof *h + name.n + 1) : NULL;
    if (h) {
        *h = (struct tls_hello){.n = (uint16_t)name.n};
        for (size_t i = 0; i < name.n; i++)
            h->name[i] = ascii_lower(name.p[i]);
        h->n -= name.n > 1 && name.p[name.n - 1] == '.';
        h->name[h->n] = 0;
    }
    if (SSL_set_ex_data(ssl, hello_index(), h))
        return h;
    free(h);
    return NULL;
}
