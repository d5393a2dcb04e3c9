/* SPDX-License-Identifier: Apache-2.0 */
/* The settings `tls` of a listener and of a cluster, and which protocols are spoken there. What is
 * checked here needs no file: that settings fit together, and names. The files are read when a
 * generation is built (core/generation_tls.c), by weir -t too. */
#include "config/sections.h"

#include "http/target.h"

enum { MINUTE_MS = 60 * 1000, DAYS_MAX = 7 }; /* RFC 8446 4.6.1: tickets live 7 days at most */
#define DAY_MS (24 * 60 * MINUTE_MS)

/* In the order of enum tls_profile, enum tls_verify and enum cluster_protocol. */
static const char *const profiles[] = {"intermediate", "modern", NULL};
static const char *const verifies[] = {"off", "optional", "required", NULL};
const char *const cluster_protocols[] = {"http/1.1", "h2", "auto", NULL};

_Static_assert(TLS_PROFILE_INTERMEDIATE == 0 && TLS_PROFILE_MODERN == 1,
               "profiles[] follows enum tls_profile");
_Static_assert(TLS_VERIFY_OFF == 0 && TLS_VERIFY_OPTIONAL == 1 && TLS_VERIFY_REQUIRED == 2,
               "verifies[] follows enum tls_verify");
_Static_assert(PROTOCOL_H1 == 0 && PROTOCOL_H2 == 1 && PROTOCOL_AUTO == 2,
               "cluster_protocols[] follows enum cluster_protocol");
_Static_assert(offsetof(struct tls_server_conf, certificates_n) ==
                   offsetof(struct tls_server_conf, certificates) + offsetof(struct groups, n),
               "certificates is read as a struct groups");

static void certificate_check(struct option_reader *r, const config_setting_t *s, void *element);
static void read_server_name(struct option_reader *r, const config_setting_t *s, void *field);

#define FORM_SERVER_NAME "a host name or an address, without a port"
#define PROFILE(type)                                                                              \
    OPTION_CHOICE("profile", type, profile, "intermediate", profiles,                              \
                  "Mozilla's recommendations: TLS 1.2 and 1.3, or TLS 1.3 alone (modern)"),        \
        OPTION_TEXT("ciphers", type, ciphers, "",                                                  \
                    "of TLS 1.2, as OpenSSL writes lists; empty: the profile's"),                  \
        OPTION_TEXT("ciphersuites", type, ciphersuites, "", "of TLS 1.3; empty: the profile's"),   \
        OPTION_TEXT("groups", type, groups, "", "for the key exchange; empty: the profile's")

static const struct option certificate_options[] = {
    OPTION_CUSTOM("certificate", struct tls_certificate_conf, certificate, read_path, NULL,
                  FORM_PATH, "PEM: the certificate, then its chain", .required = true),
    OPTION_CUSTOM("key", struct tls_certificate_conf, key, read_path, "", FORM_PATH,
                  "PEM, not encrypted; empty: it stands in the certificate's file"),
    OPTION_CUSTOM("ocsp", struct tls_certificate_conf, ocsp, read_path, "", FORM_PATH,
                  "an OCSP response in DER that is stapled; empty: none"),
    OPTION_TEXTS("names", struct tls_certificate_conf, names,
                 "which server names get it, such as \"a.example.com\" or \"*.example.com\"; none: "
                 "those of the certificate"),
    OPTION_END,
};

static const struct option client_options[] = {
    OPTION_CHOICE("verify", struct tls_server_conf, client.verify, "off", verifies,
                  "whether clients are asked for a certificate, and have to show a good one"),
    OPTION_CUSTOM("ca", struct tls_server_conf, client.ca, read_path, "", FORM_PATH,
                  "PEM: who may have signed it"),
    OPTION_CUSTOM("crl", struct tls_server_conf, client.crl, read_path, "", FORM_PATH,
                  "PEM: revocation lists; empty: none"),
    OPTION_INT("depth", struct tls_server_conf, client.depth, "4", 0, 100,
               "certificates between the client's and one in ca, at most"),
    OPTION_END,
};

const struct option tls_server_options[] = {
    OPTION_LIST("certificates", struct tls_server_conf, certificates, certificate_options,
                struct tls_certificate_conf, NULL,
                "who the listener is, by server name; the first is the default",
                .check = certificate_check),
    PROFILE(struct tls_server_conf),
    OPTION_BOOL("strict_sni", struct tls_server_conf, strict_sni, "false",
                "refuse clients that send no server name, or one that no certificate is for"),
    OPTION_INT("tickets", struct tls_server_conf, tickets, "2", 0, 16,
               "session tickets that a client gets after a full handshake; 0: no resumption"),
    OPTION_MS("ticket_lifetime", struct tls_server_conf, ticket_lifetime, "12h", MINUTE_MS,
              DAYS_MAX *DAY_MS,
              "how long a ticket is good, and after which its key is replaced; the shortest of all "
              "listeners counts for the keys"),
    OPTION_SUB("client_certificates", client_options, "what clients show of themselves"),
    OPTION_END,
};

const struct option tls_client_options[] = {
    OPTION_CUSTOM("server_name", struct tls_client_conf, server_name, read_server_name, "",
                  FORM_SERVER_NAME,
                  "sent as SNI, and what the certificate must be for; empty: the endpoint's host"),
    OPTION_BOOL("verify", struct tls_client_conf, verify, "true",
                "check the endpoints' certificates"),
    OPTION_CUSTOM("ca", struct tls_client_conf, ca, read_path, "", FORM_PATH,
                  "PEM: who may have signed them; empty: the system's authorities"),
    OPTION_CUSTOM("crl", struct tls_client_conf, crl, read_path, "", FORM_PATH,
                  "PEM: revocation lists; empty: none"),
    OPTION_CUSTOM("certificate", struct tls_client_conf, certificate, read_path, "", FORM_PATH,
                  "PEM: who Weir is, for endpoints that ask; empty: nobody"),
    OPTION_CUSTOM("key", struct tls_client_conf, key, read_path, "", FORM_PATH,
                  "PEM, not encrypted; empty: it stands in the certificate's file"),
    PROFILE(struct tls_client_conf),
    OPTION_BOOL("resume", struct tls_client_conf, resume, "true",
                "keep the last session of each endpoint, for a shorter handshake"),
    OPTION_END,
};

/* -- protocols of a listener ------------------------------------------------------------------- */

void read_protocols(struct option_reader *r, const config_setting_t *s, void *field)
{
    static const char *const names[] = {"h2", "http/1.1", NULL};
    struct listener_conf *lc = container_of(field, struct listener_conf, protocols);
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++) {
        const bool h2 = slice_eq(texts.v[i], SLICE("h2")),
                   h1 = slice_eq(texts.v[i], SLICE("http/1.1"));
        if (!h2 && !h1)
            option_wrong(r, text_at(s, i), "\"h2\" or \"http/1.1\"%s",
                         option_hint(r, texts.v[i], names));
        lc->protocols.h2 = lc->protocols.h2 || h2;
        lc->protocols.h1 = lc->protocols.h1 || h1;
    }
    if (texts.n == 0)
        option_fault(r, s, "%s is empty; at least one of \"h2\" and \"http/1.1\"",
                     option_path(r, s));
}

/* -- names ------------------------------------------------------------------------------------- */

/* Lower case, without a trailing dot; empty when it isn't a host name (with a wildcard for its
 * first label, when that is allowed). */
static struct slice plain_name(struct option_reader *r, struct slice text, bool wildcard)
{
    struct slice host = wildcard && slice_starts(text, SLICE("*.")) ? slice_from(text, 2) : text;
    struct host parsed;
    if (!host_parse(host, r->arena, &parsed) || parsed.port != 0 || parsed.name.n == 0)
        return slice_of(NULL, 0);
    return slice_str(
        arena_printf(r->arena, "%s%.*s", host.n < text.n ? "*." : "", SLICE_ARG(parsed.name)));
}

static void certificate_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct tls_certificate_conf *cc = element;
    const config_setting_t *names = member_or(s, "names");
    const config_setting_t *file = config_setting_get_member(s, "certificate");
    size_t n = 0;
    if (file && config_setting_type(file) == CONFIG_TYPE_STRING && !cc->certificate.n)
        option_wrong(r, file, FORM_PATH);
    for (size_t i = 0; i < cc->names.n; i++) {
        struct slice name = plain_name(r, cc->names.v[i], true);
        if (name.n)
            cc->names.v[n++] = name;
        else
            option_wrong(r, text_at(names, i),
                         "a host name, or one with \"*\" for its first label: \"*.example.com\"");
    }
    cc->names.n = n;
}

static void read_server_name(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_SERVER_NAME, &text) || text.n == 0)
        return;
    struct ip ip;
    struct slice name = plain_name(r, text, false);
    if (name.n || ip_parse(text, &ip))
        *(struct slice *)field = name.n ? name : text;
    else
        option_wrong(r, s, FORM_SERVER_NAME);
}

/* -- settings that go together ----------------------------------------------------------------- */

static void profile_check(struct option_reader *r, const config_setting_t *s, int profile,
                          struct slice ciphers)
{
    if (profile == TLS_PROFILE_MODERN && ciphers.n)
        option_fault(r, member_or(s, "ciphers"),
                     "%s.ciphers is for TLS 1.2, which the profile \"modern\" doesn't speak",
                     option_path(r, s));
}

static void clients_check(struct option_reader *r, const config_setting_t *s,
                          const struct tls_server_conf *c)
{
    const config_setting_t *group = config_setting_get_member(s, "client_certificates");
    const char *path = group ? option_path(r, group) : "";
    if (c->client.verify == TLS_VERIFY_OFF && (c->client.ca.n || c->client.crl.n))
        option_fault(r, group,
                     "%s has a ca or a crl, but verify is \"off\"; \"optional\" or \"required\"",
                     path);
    if (c->client.verify != TLS_VERIFY_OFF && !c->client.ca.n)
        option_fault(r, group, "%s.ca is missing: verify needs to know who may have signed", path);
}

void tls_server_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct tls_server_conf *c = base;
    c->set = s != NULL;
    if (!s)
        return;
    c->place = option_place(r, s);
    const config_setting_t *list = config_setting_get_member(s, "certificates");
    if (!list || config_setting_length(list) == 0)
        option_fault(r, list ? list : s, "%s.certificates is %s: who the listener is",
                     option_path(r, s), list ? "empty" : "missing");
    profile_check(r, s, c->profile, c->ciphers);
    clients_check(r, s, c);
}

void tls_client_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct tls_client_conf *c = base;
    c->set = s != NULL;
    if (!s)
        return;
    c->place = option_place(r, s);
    const char *path = option_path(r, s);
    profile_check(r, s, c->profile, c->ciphers);
    if (c->key.n && !c->certificate.n)
        option_fault(r, member_or(s, "key"), "%s.key has no certificate to go with it", path);
    if (!c->verify && (c->ca.n || c->crl.n))
        option_fault(r, member_or(s, "verify"),
                     "%s.verify is false, so ca and crl would do nothing", path);
    else if (!c->verify)
        option_warn(r, member_or(s, "verify"),
                    "%s.verify is false: whoever answers at an endpoint's address is believed",
                    path);
}

/* An endpoint without a host has nothing that its certificate could be for. */
void tls_cluster_check(struct option_reader *r, const config_setting_t *s,
                       const struct cluster_conf *cl)
{
    for (size_t i = 0; cl->tls.set && !cl->tls.server_name.n && i < cl->endpoints_n; i++) {
        if (cl->endpoints[i].addr.len == 0 || cl->endpoints[i].addr.sa.sa_family != AF_UNIX)
            continue;
        option_fault(r, member_or(s, "tls"),
                     "%s.tls.server_name is missing: the endpoint %.*s has no host name",
                     option_path(r, s), SLICE_ARG(cl->endpoints[i].address));
        return;
    }
}
