/* SPDX-License-Identifier: Apache-2.0 */
/* The settings `tls` and `protocols`: defaults, values, and what doesn't go together. */
#include "config_case.h"

#define CERT "certificates = ( { certificate = \"/t/a.pem\"; } ); "

static const struct tls_server_conf *server_of(const struct config *c)
{
    return &c->listeners[0].tls;
}

Test(config_tls, is_off_when_absent)
{
    struct config *c = conf_of(WITH_LISTENER(""));
    cr_assert(!c->listeners[0].tls.set && !c->clusters[0].tls.set);
    cr_assert(c->listeners[0].protocols.h1 && !c->listeners[0].protocols.h2);
    cr_assert_eq(c->clusters[0].protocol, PROTOCOL_H1);
    config_free(c);
}

Test(config_tls, a_listener_has_defaults)
{
    struct config *c = conf_of(WITH_LISTENER("tls = { " CERT "};"));
    const struct tls_server_conf *t = server_of(c);
    cr_assert(t->set);
    cr_assert_eq(t->place.line, 2);
    cr_assert_slice(t->listener, "a");
    cr_assert_eq(t->certificates_n, 1);
    cr_assert_slice(t->certificates[0].certificate, "/t/a.pem");
    cr_assert_eq(t->certificates[0].key.n + t->certificates[0].ocsp.n, 0);
    cr_assert_eq(t->certificates[0].place.line, 2);
    cr_assert_eq(t->profile, TLS_PROFILE_INTERMEDIATE);
    cr_assert_eq(t->ciphers.n + t->ciphersuites.n + t->groups.n, 0);
    cr_assert(!t->strict_sni);
    cr_assert_eq(t->tickets, 2);
    cr_assert_eq(t->ticket_lifetime, 12 * 3600 * 1000);
    cr_assert_eq(t->client.verify, TLS_VERIFY_OFF);
    cr_assert_eq(t->client.depth, 4);
    cr_assert(c->listeners[0].protocols.h1 && c->listeners[0].protocols.h2);
    config_free(c);
}

Test(config_tls, a_listener_takes_all_of_its_settings)
{
    struct config *c = conf_of(WITH_LISTENER(
        "protocols = [ \"h2\" ]; tls = { certificates = ( { certificate = \"/t/a\"; key = "
        "\"/t/k\"; "
        "ocsp = \"/t/o\"; names = [ \"A.Example.com.\", \"*.Example.com\" ]; }, "
        "{ certificate = \"/t/b\"; names = \"b\"; } ); profile = \"modern\"; "
        "ciphersuites = \"TLS_AES_128_GCM_SHA256\"; groups = \"X25519\"; strict_sni = true; "
        "tickets = 0; ticket_lifetime = \"1h\"; client_certificates = { verify = \"required\"; "
        "ca = \"/t/ca\"; crl = \"/t/crl\"; depth = 1; }; };"));
    const struct tls_server_conf *t = server_of(c);
    cr_assert(c->listeners[0].protocols.h2 && !c->listeners[0].protocols.h1);
    cr_assert_eq(t->certificates_n, 2);
    cr_assert_slice(t->certificates[0].key, "/t/k");
    cr_assert_slice(t->certificates[0].ocsp, "/t/o");
    cr_assert_slice(t->certificates[0].names.v[0], "a.example.com");
    cr_assert_slice(t->certificates[0].names.v[1], "*.example.com");
    cr_assert_slice(t->certificates[1].names.v[0], "b");
    cr_assert_eq(t->profile, TLS_PROFILE_MODERN);
    cr_assert_slice(t->ciphersuites, "TLS_AES_128_GCM_SHA256");
    cr_assert_slice(t->groups, "X25519");
    cr_assert(t->strict_sni);
    cr_assert_eq(t->tickets, 0);
    cr_assert_eq(t->ticket_lifetime, 3600 * 1000);
    cr_assert_eq(t->client.verify, TLS_VERIFY_REQUIRED);
    cr_assert_slice(t->client.ca, "/t/ca");
    cr_assert_slice(t->client.crl, "/t/crl");
    cr_assert_eq(t->client.depth, 1);
    config_free(c);
}

Test(config_tls, what_is_wrong_on_a_listener)
{
    CONF_CASES(
        {WITH_LISTENER("tls = { };"),
         "t.conf:2: error: listeners[0].tls.certificates is missing: who the listener is"},
        {WITH_LISTENER("tls = { certificates = ( ); };"),
         "t.conf:2: error: listeners[0].tls.certificates is empty: who the listener is"},
        {WITH_LISTENER("tls = { certificates = ( { key = \"/k\"; } ); };"),
         "t.conf:2: error: listeners[0].tls.certificates[0].certificate is missing: PEM: the "
         "certificate, then its chain"},
        {WITH_LISTENER("tls = { certificates = ( { certificate = \"\"; } ); };"),
         "t.conf:2: error: listeners[0].tls.certificates[0].certificate is \"\"; a path; a relative "
         "one starts in the folder of the main file"},
        {WITH_LISTENER("tls = { " CERT "profile = \"modren\"; };"),
         "t.conf:2: error: listeners[0].tls.profile is \"modren\"; one of \"intermediate\" or "
         "\"modern\"; "
         "did you mean \"modern\"?"},
        {WITH_LISTENER("tls = { " CERT "profile = \"modern\"; ciphers = \"ALL\"; };"),
         "t.conf:2: error: listeners[0].tls.ciphers is for TLS 1.2, which the profile \"modern\" "
         "doesn't speak"},
        {WITH_LISTENER("tls = { " CERT "client_certificates = { verify = \"optional\"; }; };"),
         "t.conf:2: error: listeners[0].tls.client_certificates.ca is missing: verify needs to "
         "know who may have signed"},
        {WITH_LISTENER("tls = { " CERT "client_certificates = { ca = \"/ca\"; }; };"),
         "t.conf:2: error: listeners[0].tls.client_certificates has a ca or a crl, but verify is "
         "\"off\"; \"optional\" or \"required\""},
        {WITH_LISTENER("tls = { " CERT "tickets = 17; };"),
         "t.conf:2: error: listeners[0].tls.tickets is 17; a whole number from 0 to 16"},
        {WITH_LISTENER("protocols = [ ];"),
         "t.conf:2: error: listeners[0].protocols is empty; at least one of \"h2\" and "
         "\"http/1.1\""},
        {WITH_LISTENER("protocols = [ \"http/1.1\", \"http/2\" ];"),
         "t.conf:2: error: listeners[0].protocols[1] is \"http/2\"; \"h2\" or \"http/1.1\""},
        {WITH_LISTENER("tls = { certificates = ( { certificate = \"/a\"; names = [ \"a.*.b\" ]; } "
                       "); };"),
         "t.conf:2: error: listeners[0].tls.certificates[0].names[0] is \"a.*.b\"; a host name, or "
         "one with \"*\" for its first label: \"*.example.com\""});
}

Test(config_tls, an_empty_group_turns_it_on_for_a_cluster)
{
    struct config *c = conf_of(WITH_CLUSTER("endpoints = [ \"a.test:443\" ]; tls = { };"));
    const struct tls_client_conf *t = &c->clusters[0].tls;
    cr_assert(t->set && t->verify && t->resume);
    cr_assert_eq(t->place.line, 2);
    cr_assert_eq(t->server_name.n + t->ca.n + t->crl.n + t->certificate.n + t->key.n, 0);
    cr_assert_eq(t->profile, TLS_PROFILE_INTERMEDIATE);
    config_free(c);
}

Test(config_tls, a_cluster_takes_all_of_its_settings)
{
    struct config *c = conf_of(WITH_CLUSTER(
        "endpoints = [ \"a.test:443\" ]; protocol = \"auto\"; tls = { server_name = "
        "\"B.Test\"; ca = \"/ca\"; crl = \"/crl\"; certificate = \"/c\"; key = \"/k\"; "
        "ciphers = \"AES\"; ciphersuites = \"S\"; groups = \"G\"; resume = false; };"));
    const struct tls_client_conf *t = &c->clusters[0].tls;
    cr_assert_eq(c->clusters[0].protocol, PROTOCOL_AUTO);
    cr_assert_slice(t->server_name, "b.test");
    cr_assert_slice(t->ca, "/ca");
    cr_assert_slice(t->crl, "/crl");
    cr_assert_slice(t->certificate, "/c");
    cr_assert_slice(t->key, "/k");
    cr_assert_slice(t->ciphers, "AES");
    cr_assert(!t->resume);
    config_free(c);
    c = conf_of(WITH_CLUSTER("endpoints = [ \"a.test:443\" ]; protocol = \"h2\"; "
                             "tls = { server_name = \"2001:db8::1\"; };"));
    cr_assert_eq(c->clusters[0].protocol, PROTOCOL_H2);
    cr_assert_slice(c->clusters[0].tls.server_name, "2001:db8::1");
    config_free(c);
}

#define ENDPOINT "endpoints = [ \"a.test:443\" ]; "
Test(config_tls, what_is_wrong_on_a_cluster)
{
    CONF_CASES(
        {WITH_CLUSTER(ENDPOINT "tls = { verify = false; };"),
         "t.conf:2: warning: clusters.b.tls.verify is false: whoever answers at an endpoint's "
         "address is believed"},
        {WITH_CLUSTER(ENDPOINT "tls = { verify = false; ca = \"/ca\"; };"),
         "t.conf:2: error: clusters.b.tls.verify is false, so ca and crl would do nothing"},
        {WITH_CLUSTER(ENDPOINT "tls = { key = \"/k\"; };"),
         "t.conf:2: error: clusters.b.tls.key has no certificate to go with it"},
        {WITH_CLUSTER(ENDPOINT "tls = { server_name = \"a b\"; };"),
         "t.conf:2: error: clusters.b.tls.server_name is \"a b\"; a host name or an address, "
         "without a port"},
        {WITH_CLUSTER(ENDPOINT "tls = { server_name = \"a.test:443\"; };"),
         "t.conf:2: error: clusters.b.tls.server_name is \"a.test:443\"; a host name or an "
         "address, "
         "without a port"},
        {WITH_CLUSTER("endpoints = [ \"unix:/run/a\" ]; tls = { };"),
         "t.conf:2: error: clusters.b.tls.server_name is missing: the endpoint unix:/run/a has no "
         "host name"},
        {WITH_CLUSTER(ENDPOINT "protocol = \"h3\";"),
         "t.conf:2: error: clusters.b.protocol is \"h3\"; one of \"http/1.1\", \"h2\" or \"auto\"; "
         "did "
         "you "
         "mean \"h2\"?"});
}
