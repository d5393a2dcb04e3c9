/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes in memory. */
#include "tests/lib/tls_pair.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct faults tls_faults;
int tls_shake_alert;
const char *tls_shake_word = "";
const struct tls_alpn both_protocols = {.h2 = true, .h1 = true}, h1_alone = {.h1 = true};

void tls_case_begin(void)
{
    umask(077); /* keys that everybody can read are warned of */
    certs_begin();
    faults_init(&tls_faults);
}

void tls_case_end(void)
{
    faults_fini(&tls_faults);
    certs_end();
}

struct tls_certificate_conf tls_case_certificate(const char *name, int line)
{
    char file[100];
    struct tls_certificate_conf c = {.place = {.file = "t.conf", .line = line}};
    snprintf(file, sizeof file, "%s.crt", name);
    c.certificate = certs_slice(file);
    snprintf(file, sizeof file, "%s.key", name);
    c.key = certs_slice(file);
    return c;
}

struct tls_server_conf tls_case_listener(struct tls_certificate_conf *certificates, size_t n)
{
    return (struct tls_server_conf){
        .set = true,
        .place = {.file = "t.conf", .line = 1},
        .listener = SLICE("public"),
        .certificates = certificates,
        .certificates_n = n,
        .tickets = 2,
        .ticket_lifetime = 12 * 3600 * 1000,
        .client = {.depth = 4},
    };
}

struct tls_client_conf tls_case_cluster(void)
{
    return (struct tls_client_conf){
        .set = true, .place = {.file = "t.conf", .line = 2}, .verify = true, .resume = true};
}

size_t tls_case_said(const char *part)
{
    size_t n = 0;
    for (const struct fault *f = tls_faults.first; f; f = f->next)
        n += strstr(fault_line(f, &tls_faults.arena), part) != NULL;
    return n;
}

void tls_case_print(void)
{
    for (const struct fault *f = tls_faults.first; f; f = f->next)
        fprintf(stderr, "  %s\n", fault_line(f, &tls_faults.arena));
}

struct tls_server *tls_case_server(const struct tls_server_conf *c, struct tls_alpn alpn)
{
    static struct tls_tickets tickets;
    cr_assert(tls_tickets_prepare(&tickets, (uint64_t)time(NULL)));
    struct tls_server *s = tls_server_new(c, alpn, &tickets, &tls_faults);
    tls_case_print();
    cr_assert(s);
    cr_assert_eq(tls_faults.errors + tls_faults.warnings, 0);
    return s;
}

static void on_info(const SSL *ssl, int where, int value)
{
    (void)ssl;
    if (where == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL)
        tls_shake_alert = value & 0xff;
}

SSL *tls_case_client(const char *name)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    cr_assert(ssl);
    SSL_set_connect_state(ssl);
    cr_assert(!name || SSL_set_tlsext_host_name(ssl, name));
    return ssl;
}

static bool go_on(SSL *ssl, bool *failed)
{
    ERR_clear_error();
    const int r = SSL_do_handshake(ssl);
    *failed = *failed || (r != 1 && SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ);
    return r == 1;
}

bool tls_shake(SSL *server, SSL *client)
{
    tls_shake_alert = 0;
    tls_shake_word = "";
    SSL_set_info_callback(client, on_info);
    if (!SSL_get_rbio(server)) {
        BIO *a, *b;
        cr_assert(BIO_new_bio_pair(&a, 65536, &b, 65536));
        SSL_set_bio(server, a, a);
        SSL_set_bio(client, b, b);
    }
    bool failed = false, done = false;
    for (int turn = 0; turn < 20 && !done && !failed; turn++) {
        const bool client_done = go_on(client, &failed);
        if (failed)
            tls_shake_word = tls_fault_word(client);
        done = go_on(server, &failed) && client_done;
        if (failed && !*tls_shake_word)
            tls_shake_word = tls_fault_word(server);
    }
    char byte;
    (void)SSL_read(client, &byte, 1); /* tickets, or the alert */
    ERR_clear_error();
    return done && !failed && tls_shake_alert == 0;
}

const char *tls_shown_name(SSL *client)
{
    static char name[100];
    X509 *x = SSL_get_peer_certificate(client);
    cr_assert(x);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
    X509_free(x);
    return name;
}

void tls_free(SSL *server, SSL *client)
{
    SSL_free(server);
    SSL_free(client);
}
