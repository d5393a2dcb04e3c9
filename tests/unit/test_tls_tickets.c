/* SPDX-License-Identifier: Apache-2.0 */
/* Session tickets: keys in the shared cell, and what is resumed where. */
#include "tests/lib/tls_pair.h"

#include <stdlib.h>
#include <string.h>

enum { LIFETIME = 1000, NOW = 1000000 };

static struct tls_tickets cell;
static struct tls_certificate_conf list[2];

static void begin(void)
{
    tls_case_begin();
    certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test", "*.a.test"}});
    certs_make(&(struct cert_spec){.name = "b", .dns = {"b.test"}});
    list[0] = tls_case_certificate("a", 3);
    list[1] = tls_case_certificate("b", 4);
    cr_assert(tls_tickets_prepare(&cell, NOW));
}

TestSuite(tls_tickets, .init = begin, .fini = tls_case_end);

/* -- keys ------------------------------------------------------------------------------------ */

static bool is_wiped(const struct tls_ticket_key *k)
{
    static const struct tls_ticket_key none;
    return memcmp(k, &none, sizeof none) == 0;
}

Test(tls_tickets, the_first_key_is_made_once)
{
    struct tls_tickets t = {0};
    cr_assert(tls_tickets_prepare(&t, NOW));
    cr_assert_eq(t.version, 2);
    cr_assert_eq(t.keys[0].made_s, NOW);
    cr_assert(!is_wiped(&t.keys[0]) && is_wiped(&t.keys[1]) && is_wiped(&t.keys[2]));
    const struct tls_tickets before = t;
    cr_assert(tls_tickets_prepare(&t, NOW + 5));
    cr_assert_eq(memcmp(&before, &t, sizeof t), 0);
    cr_assert_neq(memcmp(t.keys[0].cipher, t.keys[0].mac, 32), 0);
}

Test(tls_tickets, a_key_is_replaced_when_it_is_old_and_wiped_when_it_is_twice_as_old)
{
    const struct tls_ticket_key first = cell.keys[0];
    cr_assert(!tls_tickets_rotate(&cell, LIFETIME, NOW + LIFETIME - 1));
    cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW + LIFETIME));
    cr_assert_eq(cell.keys[0].made_s, NOW + LIFETIME);
    cr_assert_eq(memcmp(&cell.keys[1], &first, sizeof first), 0);
    cr_assert_neq(memcmp(cell.keys[0].name, first.name, sizeof first.name), 0);
    cr_assert_neq(memcmp(cell.keys[0].cipher, first.cipher, sizeof first.cipher), 0);
    cr_assert(!tls_tickets_rotate(&cell, LIFETIME, NOW + 2 * LIFETIME - 1));
    cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW + 2 * LIFETIME));
    cr_assert_eq(cell.keys[1].made_s, NOW + LIFETIME);
    cr_assert(is_wiped(&cell.keys[2]), "the first is twice its lifetime old");
    cr_assert_eq(cell.version % 2, 0);
}

Test(tls_tickets, a_shorter_lifetime_keeps_three_keys)
{
    cr_assert(tls_tickets_rotate(&cell, 600, NOW + 600));
    cr_assert(tls_tickets_rotate(&cell, 500, NOW + 1100) == true);
    cr_assert(is_wiped(&cell.keys[2]));
    cr_assert(tls_tickets_rotate(&cell, 300, NOW + 1400));
    cr_assert_eq(cell.keys[0].made_s, NOW + 1400);
    cr_assert_eq(cell.keys[1].made_s, NOW + 1100);
    cr_assert(is_wiped(&cell.keys[2]), "800 s old at a lifetime of 300 s");
    struct tls_tickets t = {0};
    cr_assert(tls_tickets_prepare(&t, NOW));
    cr_assert(tls_tickets_rotate(&t, 10, NOW + 10));
    cr_assert(tls_tickets_rotate(&t, 9, NOW + 19) && is_wiped(&t.keys[2]));
    cr_assert(tls_tickets_rotate(&t, 9, NOW + 28) && !tls_tickets_rotate(&t, 9, NOW + 28));
}

Test(tls_tickets, a_clock_that_is_set_back_makes_no_key_eternal)
{
    cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW - 5 * LIFETIME));
    cr_assert_eq(cell.keys[0].made_s, NOW - 5 * LIFETIME);
    cr_assert(!tls_tickets_rotate(&cell, LIFETIME, NOW - 5 * LIFETIME));
    cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW - 4 * LIFETIME));
}

Test(tls_tickets, keys_of_a_writer_that_died_are_thrown_away)
{
    const struct tls_ticket_key torn = cell.keys[0];
    cell.version++;
    cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW + 1));
    cr_assert_eq(cell.version % 2, 0);
    cr_assert_neq(memcmp(cell.keys[0].name, torn.name, sizeof torn.name), 0);
    cr_assert(is_wiped(&cell.keys[1]));
    const struct tls_ticket_key again = cell.keys[0];
    cell.version++;
    cr_assert(tls_tickets_prepare(&cell, NOW + 2));
    cr_assert_eq(cell.version % 2, 0);
    cr_assert_neq(memcmp(cell.keys[0].name, again.name, sizeof again.name), 0);
}

/* -- resumption ------------------------------------------------------------------------------ */

static struct tls_server *server_of(const struct tls_server_conf *c)
{
    struct tls_server *s = tls_server_new(c, h1_alone, &cell, &tls_faults);
    tls_case_print();
    cr_assert(s);
    return s;
}

static SSL_SESSION *newest;
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(newest);
    newest = session;
    return 1;
}

struct visit {
    const char *name;
    int version;
    SSL_SESSION *with;    /* NULL: a full handshake */
    const char *identity; /* certificate that the client shows; NULL: none */
    bool resumed, accepted;
    struct tls_facts *facts;
};

/* One connection; the session that it leaves behind (NULL: none) is the caller's. */
static SSL_SESSION *visit(const struct tls_server *s, struct visit *v)
{
    SSL *server = tls_server_ssl(s), *client = tls_case_client(v->name);
    SSL_CTX *ctx = SSL_get_SSL_CTX(client);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    SSL_set_max_proto_version(client, v->version);
    if (v->identity) {
        char file[64];
        snprintf(file, sizeof file, "%s.crt", v->identity);
        cr_assert(SSL_use_certificate_file(client, certs_path(file), SSL_FILETYPE_PEM));
        snprintf(file, sizeof file, "%s.key", v->identity);
        cr_assert(SSL_use_PrivateKey_file(client, certs_path(file), SSL_FILETYPE_PEM));
    }
    cr_assert(!v->with || SSL_set_session(client, v->with));
    newest = NULL;
    v->accepted = tls_shake(server, client);
    v->resumed = v->accepted && SSL_session_reused(server);
    v->facts = v->accepted ? tls_facts_new(server) : NULL;
    if (v->resumed && !newest && v->version == TLS1_2_VERSION)
        newest = SSL_get1_session(client); /* the callback isn't told of a renewed ticket */
    SSL_shutdown(client);
    tls_free(server, client);
    return newest;
}

static bool resumes(const struct tls_server *s, const char *name, int version, SSL_SESSION *with)
{
    struct visit v = {.name = name, .version = version, .with = with};
    SSL_SESSION_free(visit(s, &v));
    cr_assert(v.accepted);
    cr_assert_eq(v.facts->resumed, v.resumed);
    tls_facts_free(v.facts);
    return v.resumed;
}

static SSL_SESSION *session_of(const struct tls_server *s, const char *name, int version)
{
    struct visit v = {.name = name, .version = version};
    SSL_SESSION *session = visit(s, &v);
    cr_assert(v.accepted && !v.resumed && session);
    tls_facts_free(v.facts);
    return session;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

Test(tls_tickets, outlive_the_contexts_that_made_them)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    for (size_t i = 0; i < 2; i++) {
        struct tls_server *s = server_of(&c);
        SSL_SESSION *session = session_of(s, "a.test", versions[i]);
        tls_server_free(s);
        s = server_of(&c);
        cr_assert(resumes(s, "a.test", versions[i], session));
        SSL_SESSION_free(session);
        tls_server_free(s);
    }
}

Test(tls_tickets, are_taken_while_their_key_is_there)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    for (size_t i = 0; i < 2; i++) {
        const int version = versions[i];
        cell = (struct tls_tickets){0};
        cr_assert(tls_tickets_prepare(&cell, NOW));
        struct tls_server *s = server_of(&c);
        SSL_SESSION *session = session_of(s, "a.test", version);
        cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW + LIFETIME));
        struct visit v = {.name = "a.test", .version = version, .with = session};
        SSL_SESSION *renewed = visit(s, &v);
        tls_facts_free(v.facts);
        cr_assert(v.resumed);
        cr_assert(renewed, "a ticket of an older key is replaced");
        cr_assert(tls_tickets_rotate(&cell, LIFETIME, NOW + 2 * LIFETIME));
        cr_assert(!resumes(s, "a.test", version, session), "its key is gone");
        cr_assert(resumes(s, "a.test", version, renewed));
        SSL_SESSION_free(session);
        SSL_SESSION_free(renewed);
        tls_server_free(s);
    }
}

Test(tls_tickets, three_keys_are_taken)
{
    struct tls_server_conf c = tls_case_listener(list, 1);
    struct tls_server *s = server_of(&c);
    SSL_SESSION *sessions[3];
    for (int i = 0; i < 3; i++) {
        sessions[i] = session_of(s, "a.test", TLS1_3_VERSION);
        cell.keys[0].made_s = NOW - 1; /* as if the lifetime had just been made shorter */
        cr_assert(i == 2 || tls_tickets_rotate(&cell, 1, NOW));
        cell.keys[1].made_s = cell.keys[1].made_s ? NOW : 0;
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(resumes(s, "a.test", TLS1_3_VERSION, sessions[i]), "%d", i);
        SSL_SESSION_free(sessions[i]);
    }
    tls_server_free(s);
}

Test(tls_tickets, that_were_changed_are_no_sessions)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = server_of(&c);
    SSL_SESSION *session = session_of(s, "a.test", TLS1_2_VERSION);
    cell.keys[0].mac[7] ^= 1;
    cell.version += 2;
    cr_assert(!resumes(s, "a.test", TLS1_2_VERSION, session));
    SSL_SESSION_free(session);
    tls_server_free(s);
}

Test(tls_tickets, zero_means_no_resumption)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    c.tickets = 0;
    struct tls_server *s = server_of(&c);
    for (size_t i = 0; i < 2; i++) {
        struct visit v = {.name = "a.test", .version = versions[i]};
        SSL_SESSION *session = visit(s, &v);
        tls_facts_free(v.facts);
        cr_assert(v.accepted);
        cr_assert(!session || !resumes(s, "a.test", versions[i], session));
        SSL_SESSION_free(session);
    }
    tls_server_free(s);
}

static int counted;
static int on_count(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl, (void)session;
    counted++;
    return 0;
}

Test(tls_tickets, as_many_as_configured_are_sent)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    for (int n = 1; n <= 4; n += 3) {
        c.tickets = n;
        struct tls_server *s = server_of(&c);
        SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
        SSL_CTX_set_session_cache_mode(SSL_get_SSL_CTX(client), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(SSL_get_SSL_CTX(client), on_count);
        counted = 0;
        cr_assert(tls_shake(server, client));
        cr_assert_eq(counted, n);
        tls_free(server, client);
        tls_server_free(s);
    }
}

/* -- where they are not taken ---------------------------------------------------------------- */

Test(tls_tickets, of_one_name_are_not_taken_under_another)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = server_of(&c);
    for (size_t i = 0; i < 2; i++) {
        const int version = versions[i];
        SSL_SESSION *session = session_of(s, "a.test", version);
        cr_assert(!resumes(s, "b.test", version, session), "another certificate");
        cr_assert(!resumes(s, "x.a.test", version, session), "another name of the certificate");
        cr_assert(resumes(s, "A.TEST", version, session));
        SSL_SESSION_free(session);
    }
    tls_server_free(s);
}

Test(tls_tickets, of_one_listener_are_not_taken_on_another)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *one = server_of(&c);
    c.listener = SLICE("inner");
    struct tls_server *two = server_of(&c);
    for (size_t i = 0; i < 2; i++) {
        SSL_SESSION *session = session_of(one, "a.test", versions[i]);
        cr_assert(!resumes(two, "a.test", versions[i], session));
        cr_assert(resumes(one, "a.test", versions[i], session));
        SSL_SESSION_free(session);
    }
    tls_server_free(one);
    tls_server_free(two);
}

static struct tls_server *server_for(const char *ca, int verify)
{
    struct tls_server_conf c = tls_case_listener(list, 2);
    c.client.verify = verify;
    c.client.ca = ca ? certs_slice(ca) : slice_of(NULL, 0);
    return server_of(&c);
}

Test(tls_tickets, carry_an_identity_only_where_the_same_authorities_count)
{
    certs_make(&(struct cert_spec){.name = "ca1", .ca = true});
    certs_make(&(struct cert_spec){.name = "ca2", .ca = true});
    certs_make(&(struct cert_spec){.name = "alice", .issuer = "ca1"});
    struct tls_server *ours = server_for("ca1.crt", TLS_VERIFY_REQUIRED);
    struct tls_server *others[] = {
        server_for("ca2.crt", TLS_VERIFY_REQUIRED), server_for("ca2.crt", TLS_VERIFY_OPTIONAL),
        server_for("ca1.crt", TLS_VERIFY_OPTIONAL), server_for(NULL, TLS_VERIFY_OFF)};
    for (size_t i = 0; i < 2; i++) {
        struct visit v = {.name = "a.test", .version = versions[i], .identity = "alice"};
        SSL_SESSION *session = visit(ours, &v);
        cr_assert(v.accepted && session && v.facts->peer);
        tls_facts_free(v.facts);
        for (size_t k = 0; k < array_n(others); k++) {
            struct visit w = {.name = "a.test", .version = versions[i], .with = session};
            SSL_SESSION_free(visit(others[k], &w));
            cr_assert(!w.resumed);
            cr_assert(!w.facts || !w.facts->peer, "nobody is known without a certificate");
            cr_assert_eq(w.accepted, k != 0);
            tls_facts_free(w.facts);
        }
        struct visit again = {.name = "a.test", .version = versions[i], .with = session};
        SSL_SESSION_free(visit(ours, &again));
        cr_assert(again.resumed && again.facts->peer, "the identity comes with the session");
        cr_assert_eq(tls_case_said("x"), 0);
        cr_assert(slice_eq(again.facts->peer->subject, SLICE("CN=alice,O=Weir tests")));
        tls_facts_free(again.facts);
        SSL_SESSION_free(session);
    }
    for (size_t k = 0; k < array_n(others); k++)
        tls_server_free(others[k]);
    tls_server_free(ours);
}

Test(tls_tickets, are_not_taken_after_a_new_revocation_list)
{
    certs_make(&(struct cert_spec){.name = "ca1", .ca = true});
    certs_make(&(struct cert_spec){.name = "alice", .issuer = "ca1"});
    certs_crl("crl.pem", "ca1", NULL);
    struct tls_server_conf c = tls_case_listener(list, 1);
    c.client.verify = TLS_VERIFY_REQUIRED;
    c.client.ca = certs_slice("ca1.crt");
    c.client.crl = certs_slice("crl.pem");
    struct tls_server *s = server_of(&c);
    struct visit v = {.name = "a.test", .version = TLS1_3_VERSION, .identity = "alice"};
    SSL_SESSION *session = visit(s, &v);
    cr_assert(v.accepted && session);
    tls_facts_free(v.facts);
    tls_server_free(s);
    certs_crl("crl.pem", "ca1", (const char *[]){"alice", NULL});
    s = server_of(&c);
    struct visit w = {
        .name = "a.test", .version = TLS1_3_VERSION, .identity = "alice", .with = session};
    SSL_SESSION_free(visit(s, &w));
    cr_assert(!w.accepted);
    SSL_SESSION_free(session);
    tls_server_free(s);
}
