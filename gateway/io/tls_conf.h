/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_CONF_H
#define WEIR_IO_TLS_CONF_H

/* What a configuration says about TLS, as plain values: config/config_tls.c fills them, io/tls.h
 * makes contexts of them. No OpenSSL here. Paths are absolute and NUL-terminated. */

#include <stdbool.h>
#include <stdint.h>

#include "base/place.h"

/* Mozilla's server side TLS recommendations, version 5.7. */
enum tls_profile { TLS_PROFILE_INTERMEDIATE, TLS_PROFILE_MODERN };
enum tls_verify { TLS_VERIFY_OFF, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

struct tls_certificate_conf {
    struct place place;
    struct slice certificate; /* PEM: the certificate, then its chain */
    struct slice key;         /* PEM; empty: in the same file */
    struct slice ocsp;        /* a response in DER that is stapled; empty: none */
    struct texts names;       /* which server names get it; empty: its subjectAltNames */
};

/* Of a listener. */
struct tls_server_conf {
    bool set;
    struct place place;
    struct slice listener; /* its name: sessions of one aren't resumed on another */
    /* The first is the default. Several of one name are offered by key type (ECDSA, RSA). */
    struct tls_certificate_conf *certificates;
    size_t certificates_n;
    int profile;               /* enum tls_profile: "intermediate" (default), "modern" */
    struct slice ciphers;      /* TLS 1.2, instead of the profile's; empty: the profile's */
    struct slice ciphersuites; /* TLS 1.3 */
    struct slice groups;
    bool strict_sni;          /* false: an unknown or absent server name gets the default */
    int64_t tickets;          /* 2: sent after a full handshake; 0: no resumption */
    uint64_t ticket_lifetime; /* 12h, in ms: how long a ticket's key is valid for new tickets; and
                                 as long again it is still taken */
    struct {
        int verify;       /* enum tls_verify: "off" (default), "optional", "required" */
        struct slice ca;  /* PEM: who may have signed it */
        struct slice crl; /* PEM, empty: none */
        int64_t depth;    /* 4: intermediates at most */
    } client;
};

/* Of a cluster. */
struct tls_client_conf {
    bool set;
    struct place place;
    struct slice server_name; /* SNI, and what the certificate must be for; empty: the endpoint's
                                 host name, or its address */
    bool verify;              /* true */
    struct slice ca;          /* PEM; empty: the system's */
    struct slice crl;         /* PEM; empty: none */
    struct slice certificate, key; /* our own, PEM; empty: none */
    int profile;
    struct slice ciphers, ciphersuites, groups;
    bool resume; /* true: sessions are kept per endpoint and worker */
};

#endif
