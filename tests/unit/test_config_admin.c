/* SPDX-License-Identifier: Apache-2.0 */
/* The group `admin`: who may come where, and what a file must not say. */
#include "tests/unit/config_case.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-admin-XXXXXX";

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    setenv("WEIR_TEST_TOKEN", "0123456789abcdef", 1);
    unsetenv("WEIR_TEST_NONE");
}

static void end(void)
{
    rmdir(folder);
}

TestSuite(config_admin, .init = begin, .fini = end);

static const char *const roles[] = {"none", "metrics", "read-only", "read-write"};

static struct config *conf_with(const char *admin)
{
    static char text[4096];
    snprintf(text, sizeof text, WITH_TOP("admin = { %s };"), admin);
    return conf_of(text);
}

Test(config_admin, may_be_on_any_loopback_address)
{
    static const struct {
        const char *bind;
        int role;
    } good[] = {{"127.0.0.1:1", ADMIN_ROLE_METRICS},
                {"127.9.9.9:0", ADMIN_ROLE_METRICS},
                {"[::1]:9901", ADMIN_ROLE_METRICS},
                {"unix:/run/a.sock", ADMIN_ROLE_CHANGE},
                {"unix:@weir", ADMIN_ROLE_READ}};
    for (size_t i = 0; i < array_n(good); i++) {
        char text[128];
        snprintf(text, sizeof text, "bind = \"%s\";", good[i].bind);
        struct config *c = conf_with(text);
        cr_assert_eq(c->admin.listeners_n, 1);
        cr_assert_eq(c->admin.listeners[0]->role, good[i].role, "%s", good[i].bind);
        cr_assert_eq(c->admin.listeners[0]->unix_mode, 0660);
        cr_assert_eq(c->admin.listeners[0]->unix_gid, (unsigned)-1);
        config_free(c);
    }
}

Test(config_admin, has_as_many_sockets_as_the_list_says)
{
    struct config *c = conf_with(
        "bind = \"unix:/run/a.sock\"; unix_mode = \"0600\"; unix_group = \"0\"; listeners = ("
        "{ bind = \"unix:/run/b.sock\"; role = \"read-only\"; },"
        "{ bind = \"127.0.0.1:9901\"; role = \"none\"; hosts = [ \"Weir.Internal\" ];"
        "  tokens = ( { name = \"ops\"; env = \"WEIR_TEST_TOKEN\"; role = \"read-write\"; } ); } "
        ");");
    cr_assert_eq(c->admin.listeners_n, 3);
    cr_assert_eq(c->admin.listeners[0]->unix_gid, 0);
    cr_assert_eq(c->admin.listeners[0]->unix_mode, 0600);
    cr_assert_eq(c->admin.listeners[1]->role, ADMIN_ROLE_READ);
    cr_assert_eq(c->admin.listeners[1]->unix_mode, 0660);
    const struct admin_listener_conf *tcp = c->admin.listeners[2];
    cr_assert_eq(tcp->role, ADMIN_ROLE_NONE);
    cr_assert_slice(tcp->hosts.v[0], "weir.internal");
    cr_assert_eq(tcp->tokens[0].role, ADMIN_ROLE_CHANGE);
    struct secret expected;
    cr_assert(secret_digest(SLICE("0123456789abcdef"), &expected));
    cr_assert(secret_eq(&tcp->tokens[0].secret, &expected));
    config_free(c);
    c = conf_with("listeners = ( { bind = \"unix:/run/b.sock\"; } );");
    cr_assert_eq(c->admin.listeners_n, 1);
    config_free(c);
}

Test(config_admin, knows_each_role)
{
    for (size_t i = 1; i < array_n(roles); i++) {
        char text[128];
        snprintf(text, sizeof text, "bind = \"unix:/a\"; role = \"%s\";", roles[i]);
        struct config *c = conf_with(text);
        cr_assert_eq(c->admin.listeners[0]->role, (int)i);
        config_free(c);
    }
}

#define TLS_ONLY "tls = { certificates = ( { certificate = \"a\"; } ); "
#define MUTUAL TLS_ONLY "client_certificates = { verify = \"required\"; ca = \"b\"; }; }; "

Test(config_admin, may_be_anywhere_with_clients_certificates)
{
    struct config *c = conf_with("bind = \"0.0.0.0:9901\"; " MUTUAL
                                 "clients = ( { subjects = \"CN=a\"; names = [ \"b\", \"c\" ]; "
                                 "role = \"read-write\"; }, { } );");
    const struct admin_listener_conf *lc = c->admin.listeners[0];
    cr_assert_eq(lc->role, ADMIN_ROLE_METRICS);
    cr_assert_eq(lc->clients_n, 2);
    cr_assert_eq(lc->clients[0].role, ADMIN_ROLE_CHANGE);
    cr_assert_eq(lc->clients[0].names.n, 2);
    cr_assert_eq(lc->clients[1].role, ADMIN_ROLE_READ);
    cr_assert_eq(lc->tls.tickets, 0, "no session goes on with what is said no more");
    cr_assert_slice(lc->tls.listener, "admin[0]");
    config_free(c);
    c = conf_with("bind = \"127.0.0.1:9901\"; role = \"read-write\"; " MUTUAL);
    cr_assert_eq(c->admin.listeners[0]->role, ADMIN_ROLE_CHANGE);
    config_free(c);
}

#define ADMIN(text) WITH_TOP("admin = { " text " };")
#define FORM                                                                                       \
    "\"unix:/path\", or an address of the loopback with a port (others need tls with "             \
    "client_certificates.verify = \"required\")"
#define E "t.conf:1: error: "

Test(config_admin, is_kept_to_this_machine)
{
    CONF_CASES(
        {ADMIN("bind = \"0.0.0.0:9901\";"), E "admin.bind is \"0.0.0.0:9901\"; " FORM},
        {ADMIN("bind = \"[::]:9901\";"), E "admin.bind is \"[::]:9901\"; " FORM},
        {ADMIN("bind = \"10.0.0.1:9901\"; " TLS_ONLY "}; tokens = ( { name = \"a\"; "
               "env = \"WEIR_TEST_TOKEN\"; } );"),
         E "admin.bind is \"10.0.0.1:9901\"; " FORM},
        {ADMIN("bind = \"10.0.0.1:9901\"; " TLS_ONLY
               "client_certificates = { verify = \"optional\"; ca = \"b\"; }; };"),
         E "admin.bind is \"10.0.0.1:9901\"; " FORM},
        {ADMIN("bind = \"localhost:9901\";"),
         E "admin.bind is \"localhost:9901\"; an address with a port, such as \"0.0.0.0:8080\", "
           "\"[::]:8080\" or \"unix:/run/weir.sock\""});
}

Test(config_admin, modes_and_groups_are_checked)
{
    CONF_CASES(
        {ADMIN("unix_mode = \"0888\";"),
         E "admin.unix_mode is \"0888\"; octal permission bits such as \"0660\""},
        {ADMIN("unix_mode = \"1777\";"),
         E "admin.unix_mode is \"1777\"; octal permission bits such as \"0660\""},
        {ADMIN("unix_mode = \"\";"),
         E "admin.unix_mode is \"\"; octal permission bits such as \"0660\""},
        {ADMIN("unix_mode = 660;"),
         E "admin.unix_mode is 660; octal permission bits such as \"0660\""},
        {ADMIN("bind = \"unix:/a\"; unix_group = \"no such group\";"),
         E "admin.unix_group is \"no such group\"; the name or number of a group that exists on "
           "this machine"},
        {ADMIN("bind = \"unix:/a\"; unix_group = \"-1\";"),
         E "admin.unix_group is \"-1\"; the name or number of a group that exists on this machine"},
        {ADMIN("bind = \"unix:/a\"; unix_group = \"4294967295\";"),
         E "admin.unix_group is \"4294967295\"; the name or number of a group that exists on this "
           "machine"},
        {ADMIN("bind = \"unix:@a\"; unix_group = \"0\";"),
         E "admin.unix_group is for a unix socket with a path"},
        {ADMIN("bind = \"127.0.0.1:1\"; unix_group = \"0\";"),
         E "admin.unix_group is for a unix socket with a path"});
}

Test(config_admin, nobody_may_change_something_unseen)
{
    CONF_CASES(
        {ADMIN("bind = \"unix:@a\"; role = \"read-write\";"),
         E "admin.role is \"read-write\", but an abstract socket has no permissions: whoever is on "
           "this machine could change everything; \"unix:/path\", or tokens"},
        {ADMIN("bind = \"127.0.0.1:1\"; role = \"read-write\";"),
         E "admin.role is \"read-write\", so whoever is on this machine could change everything; "
           "give that role to tokens or clients"},
        {ADMIN("bind = \"127.0.0.1:1\"; role = \"none\";"),
         E "admin.role is \"none\", and there are no tokens and no clients: nobody could do "
           "anything"},
        {ADMIN("bind = \"127.0.0.1:1\"; role = \"admin\";"), E
         "admin.role is \"admin\"; one of \"none\", \"metrics\", \"read-only\" or \"read-write\""},
        {ADMIN("bind = \"127.0.0.1:1\"; clients = ( { } );"), E
         "admin.clients needs tls with client_certificates.verify = \"required\" or \"optional\": "
         "nobody shows a certificate otherwise"});
}

Test(config_admin, sockets_are_checked)
{
    CONF_CASES({ADMIN("listeners = ( { unix_mode = \"0600\"; } );"),
                E "admin.listeners[0].bind is missing: where it listens"},
               {ADMIN("bind = \"unix:/a\"; listeners = ( { bind = \"unix:/a\"; } );"),
                E "admin.listeners[0].bind: the admin socket of line 1 has that address already"},
               {"admin = { bind = \"127.0.0.1:8080\"; };" LISTENERS CLUSTERS ROUTES,
                E "listeners[0].bind: the admin socket of line 1 is there"},
               {ADMIN("bind = \"unix:/a\"; " TLS_ONLY "};"),
                E "admin.tls is for TCP: nobody listens in on a unix socket"},
               {ADMIN("bind = \"unix:/a\"; hosts = \"a\";"),
                E "admin.hosts is for TCP: no browser reaches a unix socket"},
               {ADMIN("bind = \"127.0.0.1:1\"; hosts = [ \"a\", \"b:1\" ];"),
                E "admin.hosts[1] is \"b:1\"; one or a list of host names, without ports"});
}

#define TOKENS(text) ADMIN("bind = \"127.0.0.1:1\"; tokens = ( { name = \"ops\"; " text " } );")
#define FORM_TOKEN                                                                                 \
    "a token of 16 to 512 letters, digits and \"-._~+/=\", such as \"openssl rand -hex 32\" gives"

Test(config_admin, tokens_are_checked)
{
    setenv("WEIR_TEST_SHORT", "0123456789abcde", 1);
    setenv("WEIR_TEST_SPACE", "0123456789 abcdef", 1);
    CONF_CASES(
        {TOKENS(""), E "admin.tokens[0] needs one of file and env: where the token is"},
        {TOKENS("env = \"WEIR_TEST_TOKEN\"; file = \"/a\";"),
         E "admin.tokens[0] has both file and env; the token comes from one of them"},
        {TOKENS("env = \"WEIR_TEST_NONE\";"),
         E "admin.tokens[0].env is \"WEIR_TEST_NONE\": there is no such variable in the "
           "environment"},
        {TOKENS("env = \"WEIR_TEST_SHORT\";"),
         E "admin.tokens[0].env: what is there is no token; " FORM_TOKEN},
        {TOKENS("env = \"WEIR_TEST_SPACE\";"),
         E "admin.tokens[0].env: what is there is no token; " FORM_TOKEN},
        {TOKENS("file = \"/nonexistent/t\";"),
         E "admin.tokens[0].file is \"/nonexistent/t\": No such file or directory; a file that has "
           "the token in its only line"},
        {ADMIN("bind = \"127.0.0.1:1\"; tokens = ( { env = \"WEIR_TEST_TOKEN\"; } );"),
         E "admin.tokens[0].name is missing: what whoever comes with it is called in logs"},
        {ADMIN("bind = \"127.0.0.1:1\"; tokens = ( { name = \"a\"; env = \"WEIR_TEST_TOKEN\"; }, "
               "{ name = \"b\"; env = \"WEIR_TEST_TOKEN\"; } );"),
         E "admin.tokens[1] has the same token as tokens[0]"});
}

Test(config_admin, two_tokens_have_two_names)
{
    setenv("WEIR_TEST_OTHER", "0123456789abcdefg", 1);
    conf_says(ADMIN("bind = \"127.0.0.1:1\"; tokens = ( { name = \"a\"; env = \"WEIR_TEST_TOKEN\"; "
                    "}, { name = \"a\"; env = \"WEIR_TEST_OTHER\"; } );"),
              E "admin.tokens[1] has the same name as tokens[0]");
}

static void write_token(const char *path, const char *content, mode_t mode)
{
    FILE *f = fopen(path, "we");
    cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(config_admin, a_token_lies_in_a_file_that_not_everybody_can_read)
{
    char path[64], text[512], expected[512];
    struct secret secret;
    snprintf(path, sizeof path, "%s/token", folder);
    snprintf(text, sizeof text,
             "bind = \"127.0.0.1:1\"; tokens = ( { name = \"a\"; file = \"%s\"; } );", path);
    write_token(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~+/==\n", 0640);
    struct config *c = conf_with(text);
    cr_assert(secret_digest(SLICE("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~+/=="),
                            &secret));
    cr_assert(secret_eq(&secret, &c->admin.listeners[0]->tokens[0].secret));
    config_free(c);
    cr_assert_eq(chmod(path, 0644), 0);
    char whole[1024];
    snprintf(whole, sizeof whole, WITH_TOP("admin = { %s };"), text);
    snprintf(expected, sizeof expected,
             "t.conf:1: warning: admin.tokens[0].file is \"%s\", which everybody on this machine "
             "can read: chmod o-r",
             path);
    conf_says(whole, expected);
    write_token(path, "short-secret\n", 0600);
    snprintf(expected, sizeof expected,
             E "admin.tokens[0].file: what is there is no token; " FORM_TOKEN);
    conf_says(whole, expected);
    unlink(path);
}

Test(config_admin, says_how_much_may_be_overridden)
{
    struct config *c = conf_with("");
    cr_assert_eq(c->admin.overrides, 256);
    config_free(c);
    c = conf_with("overrides = 1;");
    cr_assert_eq(c->admin.overrides, 1);
    config_free(c);
    c = conf_with("overrides = 1024;");
    cr_assert_eq(c->admin.overrides, 1024);
    config_free(c);
    conf_says(ADMIN("overrides = 0;"), E "admin.overrides is 0; a whole number from 1 to 1024");
    conf_says(ADMIN("overrides = 1025;"),
              E "admin.overrides is 1025; a whole number from 1 to 1024");
}
