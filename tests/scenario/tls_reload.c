/* SPDX-License-Identifier: Apache-2.0 */
/* TLS and the operator: certificates that are read again, those that are broken, what weir -t says
 * of them, that no key ever gets into a log, and what a TLS site is around it: a listener that
 * sends everybody there, HSTS, 421. */
#include "tests/lib/certs.h"
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    app = origin_start("app");
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(tls_reload, .init = begin, .fini = end, .timeout = 120);

#define PAIR(name) "{ certificate = \"$certs/" name ".crt\"; key = \"$certs/" name ".key\"; }"
#define TLS_OF(name) "tls = { certificates = ( " PAIR(name) " ); };"
#define TLS TLS_OF("site")

static char *read_whole(const char *path)
{
    struct text t;
    text_init(&t);
    FILE *f = fopen(path, "re");
    for (size_t n = 1; f && n; t.n += n) {
        text_need(&t, 64 * 1024);
        n = fread(t.p + t.n, 1, 64 * 1024, f);
    }
    if (f)
        fclose(f);
    text_char(&t, 0);
    return t.p;
}

/* Lines of this key's file in any file of the rig's folder. */
static void expect_no_key(const char *key)
{
    char line[128], path[512];
    char *pem = read_whole(certs_path(key));
    const char *at = strchr(pem, '\n');
    cr_assert(at, "%s", key);
    snprintf(line, sizeof line, "%.40s", at + 1);
    cr_assert_eq(strlen(line), 40);
    DIR *d = opendir(rig_path("."));
    cr_assert(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_type != DT_REG)
            continue;
        snprintf(path, sizeof path, "%s/%s", rig_path("."), e->d_name);
        char *all = read_whole(path);
        cr_assert(!strstr(all, line), "%s has a piece of %s", e->d_name, key);
        cr_assert(!strstr(all, "PRIVATE KEY"), "%s", e->d_name);
        free(all);
    }
    closedir(d);
    free(pem);
}

static const char *peer_now(void)
{
    struct talk *t = tls_talk_open(.name = "site.test");
    static char name[256];
    snprintf(name, sizeof name, "%s", tls_peer_name(t));
    talk_close(t);
    return name;
}

static bool talk_serves(struct talk *t)
{
    return talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n") &&
           talk_response(t)->status == 200;
}

/* -- certificates that change ------------------------------------------------------------------ */

Test(tls_reload, reads_certificates_again)
{
    rig_start(.listener = TLS);
    struct talk *old = tls_talk_open(.name = "site.test");
    cr_assert(talk_serves(old));
    cr_assert_str_eq(tls_peer_name(old), "site");
    certs_make(&(struct cert_spec){.name = "site", .common = "renewed", .dns = {"site.test"}});
    cr_assert_str_eq(peer_now(), "site", "only a reload reads it");
    cr_assert(rig_reload(.listener = TLS));
    AWAIT(!strcmp(peer_now(), "renewed"));
    cr_assert(talk_serves(old), "who is there stays");
    expect_no_key("site.key");
}

/* PKCS #8, as everybody encrypts keys today. */
static void encrypt_key(const char *out, const char *from)
{
    FILE *f = fopen(certs_path(from), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    f = fopen(certs_path(out), "w");
    cr_assert(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
    fclose(f);
    EVP_PKEY_free(key);
}

static void expect_refused(const char *what, const char *listener, const char *file)
{
    cr_expect(!rig_reload(.listener = listener), "%s", what);
    const char *line = rig_await_log(file);
    fprintf(stderr, "%s: %s\n", what, line);
    cr_expect_str_eq(peer_now(), "site", "%s: the old one goes on", what);
}

Test(tls_reload, of_a_bad_certificate_fails_and_the_old_one_goes_on)
{
    certs_make(&(struct cert_spec){.name = "other", .dns = {"site.test"}});
    certs_make(&(struct cert_spec){.name = "sealed", .dns = {"site.test"}});
    certs_write("rubbish.crt", "this is no certificate\n");
    certs_write("rubbish.key", "this is no key\n");
    certs_write("empty.crt", "");
    certs_write("cut.crt", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    encrypt_key("sealed.key", "sealed.key");
    rig_start(.workers = 2, .listener = TLS);
    load_start(.clients = 4, .tls = true);
    load_await(20);
#define WITH(crt, key)                                                                             \
    "tls = { certificates = ( { certificate = \"$certs/" crt "\"; key = \"$certs/" key "\"; } ); " \
                                                                                       "};"
    expect_refused("no such file", WITH("absent.crt", "site.key"), "absent.crt");
    expect_refused("no such key", WITH("site.crt", "absent.key"), "absent.key");
    expect_refused("rubbish", WITH("rubbish.crt", "site.key"), "rubbish.crt");
    expect_refused("a key of rubbish", WITH("site.crt", "rubbish.key"), "rubbish.key");
    expect_refused("an empty file", WITH("empty.crt", "site.key"), "empty.crt");
    expect_refused("a cut file", WITH("cut.crt", "site.key"), "cut.crt");
    expect_refused("another's key", WITH("site.crt", "other.key"), "other.key");
    expect_refused("a key with a password", WITH("sealed.crt", "sealed.key"), "sealed.key");
    expect_refused("a key for a certificate", WITH("other.key", "other.key"), "other.key");
    expect_refused("a folder", WITH("", "site.key"), "certificate");
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_eq(rig_metric("weir_reloads_failed_total"), 10);
    cr_assert(rig_reload(.workers = 2, .listener = TLS));
    expect_no_key("site.key");
    expect_no_key("other.key");
}

/* -- what weir -t says ------------------------------------------------------------------------- */

static char *check(const char *tls, int *status)
{
    char text[2048];
    const char *const args[] = {"-t", "-c", rig_path("check.conf"), NULL};
    unlink(rig_path("output"));
    snprintf(text, sizeof text,
             "listeners = ( { name = \"a\"; bind = \"127.0.0.1:0\"; %s } );\n"
             "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
             "routes = ( { cluster = \"app\"; } );\n",
             tls);
    rig_write_file("check.conf", text);
    *status = rig_run(args);
    char *out = rig_read("output");
    fprintf(stderr, "%s", out);
    return out;
}

static void expect_check(const char *tls, int status, const char *file, const char *word)
{
    int got;
    char *out = check(tls, &got);
    cr_expect_eq(got != 0, status != 0, "%s: %d\n%s", tls, got, out);
    cr_expect(!file || strstr(out, file), "it names %s:\n%s", file, out);
    cr_expect(!word || strcasestr(out, word), "it says \"%s\":\n%s", word, out);
    cr_expect(!strstr(out, "PRIVATE"), "%s", out);
    free(out);
}

Test(tls_reload, checks_warn_of_what_will_go_wrong)
{
    certs_make(&(struct cert_spec){
        .name = "late", .issuer = "root", .days_from = -300, .days_to = -3, .dns = {"a.test"}});
    certs_make(&(struct cert_spec){
        .name = "soon", .issuer = "root", .days_from = -300, .days_to = 3, .dns = {"a.test"}});
    certs_make(&(struct cert_spec){
        .name = "future", .issuer = "root", .days_from = 30, .days_to = 300, .dns = {"a.test"}});
    certs_make(&(struct cert_spec){.name = "inter", .issuer = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "leaf", .issuer = "inter", .dns = {"a.test"}});
    certs_make(&(struct cert_spec){.name = "self", .dns = {"self.test"}});
    certs_join("chain.crt", (const char *const[]){"leaf.crt", "inter.crt", NULL});
    rig_start();
    int status;
    char *out = check(TLS_OF("self"), &status);
    cr_expect_eq(status, 0);
    cr_expect(!strcasestr(out, "expire"), "nothing is wrong with it:\n%s", out);
    free(out);
    expect_check(TLS_OF("late"), 0, "late.crt", "expired");
    expect_check(TLS_OF("soon"), 0, "soon.crt", "expire");
    expect_check(TLS_OF("future"), 0, "future.crt", "valid");
    expect_check(TLS_OF("leaf"), 0, "leaf.crt", "chain");
    expect_check(WITH("chain.crt", "leaf.key"), 0, NULL, NULL);
    expect_check(WITH("site.crt", "leaf.key"), 1, "leaf.key", "belong");
    expect_check(WITH("site.crt", "nowhere.key"), 1, "nowhere.key", NULL);
    expect_no_key("leaf.key");
}

/* -- load -------------------------------------------------------------------------------------- */

Test(tls_reload, ten_times_under_load_fails_no_request)
{
    rig_start(.workers = 2, .listener = TLS);
    load_start(.clients = 8, .tls = true);
    for (int i = 0; i < 10; i++) {
        load_await(30);
        cr_assert(rig_reload(.workers = 2, .listener = TLS));
    }
    load_await(30);
    const struct load_result r = load_stop();
    cr_log_info("10 reloads, %u requests on %u connections", r.ok, r.connections);
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
}

Test(tls_reload, lets_large_transfers_finish)
{
    enum { SIZE = 5 * 1000 * 1000, PIECE = 100 * 1000 };
    char *piece = malloc(PIECE);
    rig_start(.workers = 2, .listener = TLS);
    load_start(.clients = 4, .tls = true,
               .request = "GET /?size=500000 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct talk *up = tls_talk_open(.lowest = TLS1_3_VERSION),
                *down = tls_talk_open(.highest = TLS1_2_VERSION);
    talk_send(up, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", SIZE);
    talk_send(down, "GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n", SIZE);
    for (int at = 0; at < SIZE; at += PIECE) {
        pattern_fill(piece, (uint64_t)at, PIECE);
        cr_assert(talk_send_n(up, piece, PIECE));
        if (at % (10 * PIECE) == 0)
            cr_assert(rig_reload(.workers = 2, .listener = TLS));
    }
    char want[64];
    snprintf(want, sizeof want, "%d of pattern\n", SIZE);
    cr_assert(body_is(talk_response(up), want), "%s", up->r.body.p);
    const struct response *r = talk_response(down);
    cr_assert(r->whole && r->body.n == SIZE && pattern_holds(r->body.p, 0, SIZE), "%s", r->fault);
    const struct load_result l = load_stop();
    cr_assert_eq(l.failed, 0, "%u of %u failed; %s", l.failed, l.ok, l.first);
    free(piece);
}

/* -- around a site ----------------------------------------------------------------------------- */

Test(tls_reload, a_listener_can_send_everybody_to_https)
{
    rig_start(.listener = TLS " hsts = { max_age = \"365d\"; };",
              .listeners = ", { name = \"plain\"; bind = \"127.0.0.1:$port_plain\"; "
                           "redirect_to_https = true; }");
    struct talk *t = talk_open_port(rig_port("port_plain"));
    talk_send(t, "GET /a/b?c=d HTTP/1.1\r\nHost: site.test:8080\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(r->status == 301 || r->status == 308, "%d", r->status);
    const char *to = field_of(r, "location");
    cr_assert(!strncmp(to, "https://site.test", 17) && strstr(to, "/a/b?c=d"), "%s", to);
    cr_assert(!strstr(to, "8080"), "%s", to);
    cr_assert_str_eq(field_of(r, "strict-transport-security"), "", "not in clear (RFC 6797 7.2)");
    talk_send(t, "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 3\r\n\r\nabc");
    r = talk_response(t);
    cr_assert(r->status == 301 || r->status == 308, "%d", r->status);
    cr_assert_eq(origin_requests(app), 0);
    t = tls_talk_open(.name = "site.test");
    cr_assert(talk_serves(t));
    cr_assert_str_eq(field_of(&t->r, "strict-transport-security"), "max-age=31536000");
}

/* What is asked for on a connection to another name (RFC 9110 15.5.20). */
Test(tls_reload, requests_for_another_listeners_name_are_misdirected)
{
    certs_make(&(struct cert_spec){.name = "b", .issuer = "root", .dns = {"b.test"}});
    rig_start(.listener = TLS,
              .listeners = ", { name = \"b\"; bind = \"127.0.0.1:$port_b\"; " TLS_OF("b") " }",
              .routes = "( { match = { host = \"site.test\"; listener = \"public\"; };"
                        "    cluster = \"app\"; },"
                        "  { match = { host = \"b.test\"; listener = \"b\"; };"
                        "    cluster = \"app\"; } )");
    struct talk *t = tls_talk_open(.name = "site.test");
    cr_assert(talk_serves(t));
    talk_send(t, "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 421);
    talk_send(t, "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 404);
    t = tls_talk_open(.port = rig_port("port_b"), .name = "b.test");
    talk_send(t, "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200);
    cr_assert_eq(origin_requests(app), 2);
}
