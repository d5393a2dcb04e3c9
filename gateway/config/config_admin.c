/* SPDX-License-Identifier: Apache-2.0 */
/* The group `admin`: sockets for operators. It is a listener by itself, and may have more in a
 * list; all have the same settings.
 *
 * On a unix socket the rights of its path say who may come. On TCP nobody is known by where he is,
 * so whoever shows nothing gets no more than the metrics unless the file says otherwise, never the
 * right to change something; and an address that others than this machine reach needs clients'
 * certificates, since those are asked for before a stranger is read at all, and can't be guessed,
 * nor be had by whoever once saw one. */
#include "config/sections.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "http/target.h"

static void read_hosts(struct option_reader *r, const config_setting_t *s, void *field);
static void token_check(struct option_reader *r, const config_setting_t *s, void *element);
static void prepare_one(struct option_reader *r, void *element);
static void check_further(struct option_reader *r, const config_setting_t *s, void *element);

/* In the order of enum admin_role. */
static const char *const roles[] = {"none", "metrics", "read-only", "read-write", NULL};
_Static_assert(ADMIN_ROLE_NONE == 0 && ADMIN_ROLE_METRICS == 1 && ADMIN_ROLE_READ == 2 &&
                   ADMIN_ROLE_CHANGE == 3,
               "roles[] follows enum admin_role");

#define GROUPS_AT(list)                                                                            \
    _Static_assert(offsetof(struct admin_listener_conf, list##_n) ==                               \
                       offsetof(struct admin_listener_conf, list) + offsetof(struct groups, n),    \
                   "a LIST fills pointer and count")
GROUPS_AT(tokens);
GROUPS_AT(clients);
_Static_assert(offsetof(struct admin_conf, more_n) ==
                   offsetof(struct admin_conf, more) + offsetof(struct groups, n),
               "a LIST fills pointer and count");
_Static_assert(offsetof(struct admin_conf, own) == 0, "the rows of a listener are the group's too");

enum { ROLE_BY_ADDRESS = -1, TOKEN_MIN = 16, TOKEN_MAX = 512 };
#define FORM_VARIABLE "the name of an environment variable"
#define FORM_HOSTS "one or a list of host names, without ports"
#define FORM_ADMIN                                                                                 \
    "\"unix:/path\", or an address of the loopback with a port (others need tls with "             \
    "client_certificates.verify = \"required\")"
#define FORM_TOKEN                                                                                 \
    "a token of 16 to 512 letters, digits and \"-._~+/=\", such as \"openssl rand -hex 32\" gives"

static const struct option token_options[] = {
    OPTION_CUSTOM("name", struct admin_token_conf, name, read_name, NULL, FORM_NAME,
                  "what whoever comes with it is called in logs", .required = true),
    OPTION_CUSTOM("file", struct admin_token_conf, file, read_path, "", FORM_PATH,
                  "a file that has the token in its only line; read by the master at each load"),
    OPTION_TEXT("env", struct admin_token_conf, env, "",
                "the environment variable that has it, instead", .form = FORM_VARIABLE),
    OPTION_CHOICE("role", struct admin_token_conf, role, "read-only", roles, "what it allows"),
    OPTION_END,
};

static const struct option admin_client_options[] = {
    OPTION_TEXTS("subjects", struct admin_client_conf, subjects,
                 "whole subjects as RFC 2253 writes them, such as \"CN=ops,O=Example\""),
    OPTION_TEXTS("names", struct admin_client_conf, names,
                 "subjectAltNames, such as \"spiffe://example/ops\" or \"ops.example.com\""),
    OPTION_CHOICE("role", struct admin_client_conf, role, "read-only", roles,
                  "what a certificate allows that has one of these; without both lists: any"),
    OPTION_END,
};

/* Offsets are of the listener, which is the first thing in struct admin_conf. */
#define LISTENER_ROWS                                                                              \
    OPTION_CUSTOM("bind", struct admin_listener_conf, bind, read_socket, NULL, FORM_ADMIN,         \
                  "where the admin API and the metrics are; absent: nowhere"),                     \
        OPTION_CUSTOM("unix_mode", struct admin_listener_conf, unix_mode, read_mode, "0660",       \
                      FORM_MODE, "permissions of a unix socket"),                                  \
        OPTION_TEXT("unix_group", struct admin_listener_conf, unix_group, "",                      \
                    "group of a unix socket, by name or number; empty: the master's"),             \
        OPTION_CHOICE("role", struct admin_listener_conf, role, NULL, roles,                       \
                      "what those may do who show nothing else; default: read-write on a unix "    \
                      "socket, read-only on an abstract one, metrics on TCP"),                     \
        OPTION_LIST("tokens", struct admin_listener_conf, tokens, token_options,                   \
                    struct admin_token_conf, NULL, "bearer tokens, and what each allows",          \
                    .check = token_check),                                                         \
        OPTION_LIST("clients", struct admin_listener_conf, clients, admin_client_options,          \
                    struct admin_client_conf, NULL,                                                \
                    "whose certificates allow what; the first that fits counts"),                  \
        OPTION_CUSTOM("hosts", struct admin_listener_conf, hosts, read_hosts, "[ ]", FORM_HOSTS,   \
                      "on TCP: names by which it may be called; addresses and localhost are "      \
                      "always taken"),                                                             \
        OPTION_GROUP("tls", struct admin_listener_conf, tls, tls_server_options,                   \
                     "TLS on this socket; absent: none", .check = tls_server_check)

static const struct option further_options[] = {LISTENER_ROWS, OPTION_END};

const struct option admin_options[] = {
    LISTENER_ROWS,
    OPTION_LIST("listeners", struct admin_conf, more, further_options, struct admin_listener_conf,
                prepare_one, "further sockets, with settings of their own", .check = check_further),
    OPTION_INT("overrides", struct admin_conf, overrides, "256", 1, 1024,
               "settings that may be overridden at run time at once; more are refused"),
    OPTION_END,
};

void admin_prepare(struct admin_listener_conf *lc)
{
    lc->unix_mode = 0660;
    lc->unix_gid = (unsigned)-1;
    lc->role = ROLE_BY_ADDRESS;
}

static void prepare_one(struct option_reader *r, void *element)
{
    (void)r;
    admin_prepare(element);
}

static void read_hosts(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    struct host host;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++) {
        if (host_parse(texts.v[i], r->arena, &host) && host.port == 0 && host.name.n)
            texts.v[i] = host.name;
        else
            option_wrong(r, text_at(s, i), FORM_HOSTS);
    }
    *(struct texts *)field = texts;
}

/* -- tokens ------------------------------------------------------------------------------------ */

/* RFC 6750 2.1: b64token. */
static bool is_bearer(struct slice text)
{
    size_t n = text.n;
    while (n > 0 && text.p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        const char c = ascii_lower(text.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (!c || !strchr("-._~+/", c)))
            return false;
    }
    return n > 0 && text.n >= TOKEN_MIN && text.n <= TOKEN_MAX;
}

/* The message says nothing of what was found. */
static void keep_token(struct option_reader *r, const config_setting_t *s, struct slice text,
                       struct admin_token_conf *t)
{
    if (!is_bearer(text))
        option_fault(r, s, "%s: what is there is no token; " FORM_TOKEN, option_path(r, s));
    else if (!secret_digest(text, &t->secret))
        option_fault(r, s, "%s: OpenSSL makes no digest of it", option_path(r, s));
}

static void read_token_file(struct option_reader *r, const config_setting_t *s,
                            struct admin_token_conf *t)
{
    struct secret_line line;
    struct stat st;
    const char *wrong = secret_line_read(t->file.p, &line);
    if (wrong)
        option_fault(r, s, "%s is \"%.*s\": %s; a file that has the token in its only line",
                     option_path(r, s), SLICE_ARG(t->file), wrong);
    else
        keep_token(r, s, line.text, t);
    secret_line_wipe(&line);
    if (!wrong && stat(t->file.p, &st) == 0 && st.st_mode & S_IROTH)
        option_warn(r, s, "%s is \"%.*s\", which everybody on this machine can read: chmod o-r",
                    option_path(r, s), SLICE_ARG(t->file));
}

static void token_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct admin_token_conf *t = element;
    const config_setting_t *env = config_setting_get_member(s, "env");
    if (t->file.n && t->env.n)
        option_fault(r, env, "%s has both file and env; the token comes from one of them",
                     option_path(r, s));
    else if (t->file.n)
        read_token_file(r, member_or(s, "file"), t);
    else if (!t->env.n)
        option_fault(r, s, "%s needs one of file and env: where the token is", option_path(r, s));
    else if (!getenv(t->env.p))
        option_fault(r, env, "%s is \"%.*s\": there is no such variable in the environment",
                     option_path(r, env), SLICE_ARG(t->env));
    else
        keep_token(r, env, slice_str(getenv(t->env.p)), t);
}

/* Who came with a token must be known by its name, and two of one secret would be one. */
static void tokens_check(struct option_reader *r, const config_setting_t *s,
                         const struct admin_listener_conf *lc)
{
    static const struct secret unread;
    for (size_t i = 1; i < lc->tokens_n; i++) {
        const struct admin_token_conf *t = &lc->tokens[i];
        const config_setting_t *list = config_setting_get_member(s, "tokens");
        for (size_t j = 0; j < i; j++) {
            const bool name = slice_eq(t->name, lc->tokens[j].name) && t->name.n;
            const bool secret = secret_eq(&t->secret, &lc->tokens[j].secret);
            if (name || (secret && !secret_eq(&t->secret, &unread)))
                option_fault(r, config_setting_get_elem(list, (unsigned)i),
                             "%s.tokens[%zu] has the same %s as tokens[%zu]", option_path(r, s), i,
                             name ? "name" : "token", j);
        }
    }
}

/* -- one socket -------------------------------------------------------------------------------- */

static bool is_unix(const struct admin_listener_conf *lc)
{
    return lc->bind.sa.sa_family == AF_UNIX;
}

static bool has_path(const struct admin_listener_conf *lc)
{
    return is_unix(lc) && lc->bind.un.sun_path[0];
}

static bool is_loopback(const struct addr *a)
{
    const struct ip ip = addr_ip(a);
    struct cidr v4, v6;
    must(cidr_parse(SLICE("127.0.0.0/8"), &v4) && cidr_parse(SLICE("::1"), &v6));
    return cidr_has(&v4, &ip) || cidr_has(&v6, &ip);
}

/* Does everybody who gets so far as to be read have a certificate? */
static bool wants_certificates(const struct admin_listener_conf *lc)
{
    return lc->tls.set && lc->tls.client.verify == TLS_VERIFY_REQUIRED;
}

static void group_check(struct option_reader *r, const config_setting_t *s,
                        struct admin_listener_conf *lc)
{
    const config_setting_t *at = member_or(s, "unix_group");
    char *end = NULL;
    if (!lc->unix_group.n)
        return;
    const unsigned long number = strtoul(lc->unix_group.p, &end, 10);
    const struct group *gr = getgrnam(lc->unix_group.p);
    if (gr)
        lc->unix_gid = gr->gr_gid;
    else if (lc->unix_group.p[0] >= '0' && lc->unix_group.p[0] <= '9' && !*end &&
             number < (unsigned)-1)
        lc->unix_gid = (unsigned)number;
    else
        option_wrong(r, at, "the name or number of a group that exists on this machine");
    if (!has_path(lc))
        option_fault(r, at, "%s.unix_group is for a unix socket with a path", option_path(r, s));
}

static void unix_check(struct option_reader *r, const config_setting_t *s,
                       struct admin_listener_conf *lc)
{
    if (lc->role == ROLE_BY_ADDRESS)
        lc->role = has_path(lc) ? ADMIN_ROLE_CHANGE : ADMIN_ROLE_READ;
    if (lc->role == ADMIN_ROLE_CHANGE && !has_path(lc))
        option_fault(
            r, member_or(s, "role"),
            "%s.role is \"read-write\", but an abstract socket has no permissions: "
            "whoever is on this machine could change everything; \"unix:/path\", or tokens",
            option_path(r, s));
    if (lc->tls.set)
        option_fault(r, member_or(s, "tls"),
                     "%s.tls is for TCP: nobody listens in on a unix socket", option_path(r, s));
    if (lc->hosts.n)
        option_fault(r, member_or(s, "hosts"),
                     "%s.hosts is for TCP: no browser reaches a unix socket", option_path(r, s));
}

static void tcp_check(struct option_reader *r, const config_setting_t *s,
                      struct admin_listener_conf *lc)
{
    if (lc->role == ROLE_BY_ADDRESS)
        lc->role = ADMIN_ROLE_METRICS;
    if (lc->role == ADMIN_ROLE_CHANGE && !wants_certificates(lc))
        option_fault(r, member_or(s, "role"),
                     "%s.role is \"read-write\", so whoever is on this machine could change "
                     "everything; give that role to tokens or clients",
                     option_path(r, s));
    if (!is_loopback(&lc->bind) && !wants_certificates(lc))
        option_wrong(r, member_or(s, "bind"), FORM_ADMIN);
}

static void who_check(struct option_reader *r, const config_setting_t *s,
                      const struct admin_listener_conf *lc)
{
    if (lc->clients_n && (!lc->tls.set || lc->tls.client.verify == TLS_VERIFY_OFF))
        option_fault(r, member_or(s, "clients"),
                     "%s.clients needs tls with client_certificates.verify = \"required\" or "
                     "\"optional\": nobody shows a certificate otherwise",
                     option_path(r, s));
    if (lc->role == ADMIN_ROLE_NONE && !lc->tokens_n && !lc->clients_n)
        option_fault(r, member_or(s, "role"),
                     "%s.role is \"none\", and there are no tokens and no clients: nobody could do "
                     "anything",
                     option_path(r, s));
}

static void check_one(struct option_reader *r, const config_setting_t *s,
                      struct admin_listener_conf *lc)
{
    lc->place = option_place(r, s);
    if (is_unix(lc))
        unix_check(r, s, lc);
    else
        tcp_check(r, s, lc);
    group_check(r, s, lc);
    who_check(r, s, lc);
    tokens_check(r, s, lc);
    lc->tls.tickets = 0; /* who comes is looked at each time, by the files of this generation */
}

static void check_further(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct admin_listener_conf *lc = element;
    if (!config_setting_get_member(s, "bind"))
        option_fault(r, s, "%s.bind is missing: where it listens", option_path(r, s));
    if (lc->bind.len)
        check_one(r, s, lc);
}

/* -- all of them ------------------------------------------------------------------------------- */

static void add(struct option_reader *r, const config_setting_t *s, struct admin_conf *c,
                struct admin_listener_conf *lc)
{
    if (!lc->bind.len)
        return;
    const bool chosen_by_kernel = !is_unix(lc) && addr_port(&lc->bind) == 0;
    for (size_t i = 0; !chosen_by_kernel && i < c->listeners_n; i++)
        if (addr_eq(&c->listeners[i]->bind, &lc->bind))
            option_fault(r, s, "%s.bind: the admin socket of %s has that address already",
                         option_path(r, s), place_text(r, s, &c->listeners[i]->place));
    /* No name of a listener of clients' can be so. */
    lc->tls.listener = slice_str(arena_printf(r->arena, "admin[%zu]", c->listeners_n));
    c->listeners[c->listeners_n++] = lc;
}

void admin_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct admin_conf *c = base;
    const config_setting_t *list = s ? config_setting_get_member(s, "listeners") : NULL;
    if (!s)
        return;
    if (c->own.bind.len)
        check_one(r, s, &c->own);
    c->listeners = ARENA_ARRAY(r->arena, struct admin_listener_conf *, c->more_n + 1);
    add(r, s, c, &c->own);
    for (size_t i = 0; i < c->more_n; i++)
        add(r, config_setting_get_elem(list, (unsigned)i), c, &c->more[i]);
}
