/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_ADMIN_CONF_H
#define WEIR_CONFIG_ADMIN_CONF_H

/* The group `admin`: where operators and their programs come in, and what each of them may do; the
 * values of config_admin.c, which docs/admin.md explains. Without it there is no admin socket. */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/place.h"
#include "io/secret.h"
#include "io/tls_conf.h"

/* Each may do what those before it may, and more. */
enum admin_role {
    ADMIN_ROLE_NONE,
    ADMIN_ROLE_METRICS, /* rows that say so: the metrics, and whether anybody is there */
    ADMIN_ROLE_READ,    /* everything that changes nothing */
    ADMIN_ROLE_CHANGE,
};

/* A bearer token (RFC 6750). What it is lies in a file or in the environment; whoever loads reads
 * it and keeps its digest. */
struct admin_token_conf {
    struct place place;
    struct slice name;      /* for logs: who comes with it */
    struct slice file, env; /* one of them */
    struct secret secret;
    int role; /* enum admin_role: "read-only" (default) */
};

/* Whose certificates, of those that tls.client_certificates takes, give which role. */
struct admin_client_conf {
    struct place place;
    struct texts subjects; /* whole, as RFC 2253 writes them */
    struct texts names;    /* subjectAltNames: of DNS, URIs, e-mail and IP addresses */
    int role;              /* as of a token. Neither subjects nor names: all of them */
};

struct admin_listener_conf {
    struct place place;
    struct addr bind;        /* len 0: none */
    int64_t unix_mode;       /* "0660" */
    struct slice unix_group; /* a name or a number; empty: the process's */
    unsigned unix_gid;       /* (unsigned)-1: leave */
    int role;           /* enum admin_role, of whoever reaches it and shows nothing else. Default:
                           "read-write" on a unix socket in the file system, "read-only" on an
                           abstract one, "metrics" on TCP */
    struct texts hosts; /* on TCP: names in Host beside addresses and "localhost"; lower case */
    struct admin_token_conf *tokens;
    size_t tokens_n;
    struct admin_client_conf *clients;
    size_t clients_n;
    struct tls_server_conf tls;
};

struct admin_conf {
    struct admin_listener_conf own; /* what stands in the group itself; `bind` may be absent */
    struct admin_listener_conf *more;
    size_t more_n;
    int64_t overrides; /* of settings at run time that may be in force; also without a socket: the
                          fleet decides, too */
    /* All of them that have an address, after the group was checked. */
    struct admin_listener_conf **listeners;
    size_t listeners_n;
};

#endif
