/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS contexts of a generation: what is read, what fails, and what is kept over a reload; and
 * the example, with the files that it names. */
#include "core/generation.h"
#include "io/shm.h"
#include "tests/lib/tls_pair.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct shm *shm;

static void begin(void)
{
    tls_case_begin();
    shm = shm_create(16 << 20);
    cr_assert(shm);
    certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test"}});
    certs_make(&(struct cert_spec){.name = "b", .dns = {"b.test"}});
}

static void end(void)
{
    shm_detach(shm);
    tls_case_end();
}

TestSuite(generation_tls, .init = begin, .fini = end);

/* Two listeners with TLS and one without; `tls` stands in the group of the first. */
static struct generation *build(const char *tls, const char *cluster, struct shm *to,
                                uint64_t number)
{
    static char text[4096];
    snprintf(
        text, sizeof text,
        "listeners = ( { name = \"plain\"; bind = \"127.0.0.1:8080\"; },\n"
        "{ name = \"one\"; bind = \"127.0.0.1:8441\"; tls = { certificates = ( { certificate = "
        "\"%s\"; key = \"%s\"; } ); %s }; },\n"
        "{ name = \"two\"; bind = \"127.0.0.1:8442\"; tls = { certificates = ( { certificate = "
        "\"%s\"; key = \"%s\"; } ); ticket_lifetime = \"2h\"; }; } );\n"
        "clusters = { c = { endpoints = [ \"10.0.0.1:443\" ]; %s }; "
        "d = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
        "routes = ( { cluster = \"c\"; } );\n",
        certs_path("a.crt"), certs_path("a.key"), tls, certs_path("b.crt"), certs_path("b.key"),
        cluster);
    struct config *c = config_parse(text, "t.conf", NULL, &tls_faults);
    tls_case_print();
    cr_assert(c);
    struct generation *g = generation_build(c, to, number, &tls_faults);
    tls_case_print();
    return g;
}

Test(generation_tls, has_contexts_where_tls_is)
{
    struct generation *g = build("", "tls = { };", shm, 1);
    cr_assert(g);
    cr_assert_eq(tls_faults.warnings, 0);
    cr_assert(!g->tls_servers[0] && g->tls_servers[1] && g->tls_servers[2]);
    cr_assert(g->tls_clients[0] && !g->tls_clients[1]);
    generation_free(g);
}

static struct generation *build_fleet(const char *tls)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "fleet = { redis = { address = \"redis.test\"; %s }; };\n"
             "listeners = ( { name = \"plain\"; bind = \"127.0.0.1:8080\"; } );\n"
             "routes = ( { respond = { status = 204; }; } );\n",
             tls);
    struct config *c = config_parse(text, "t.conf", NULL, &tls_faults);
    tls_case_print();
    cr_assert(c);
    return generation_build(c, shm, 1, &tls_faults);
}

Test(generation_tls, has_a_context_for_redis)
{
    struct generation *g = build_fleet("tls = { };");
    cr_assert(g && g->fleet_tls);
    generation_free(g);
    g = build_fleet("");
    cr_assert(g && !g->fleet_tls);
    generation_free(g);
    cr_assert_null(build_fleet("tls = { ca = \"/nonexistent/ca\"; };"));
    cr_assert_eq(tls_case_said("t.conf:1: error: ca /nonexistent/ca: No such file"), 1);
}

Test(generation_tls, the_keys_of_tickets_outlive_a_generation)
{
    struct generation *g = build("", "", shm, 1);
    cr_assert_eq(g->tickets, shm_find(shm, SLICE("tls/tickets"), NULL));
    cr_assert_gt(g->tickets->keys[0].made_s, 0);
    cr_assert_eq(g->ticket_lifetime_s, 7200, "the shortest counts");
    const struct tls_ticket_key key = g->tickets->keys[0];
    struct generation *next = build("ticket_lifetime = \"1h\";", "", shm, 2);
    cr_assert_eq(next->tickets, g->tickets);
    cr_assert_eq(next->ticket_lifetime_s, 3600);
    cr_assert_eq(memcmp(&key, &next->tickets->keys[0], sizeof key), 0);
    generation_free(g);
    shm_forget(shm, 2);
    cr_assert_eq(memcmp(&key, &next->tickets->keys[0], sizeof key), 0);
    generation_free(next);
}

Test(generation_tls, a_check_reads_everything_and_makes_no_keys)
{
    struct generation *g = build("", "tls = { };", NULL, 1);
    cr_assert(g && g->tls_servers[1] && g->tls_clients[0]);
    cr_assert_null(g->tickets);
    generation_free(g);
}

Test(generation_tls, certificates_are_read_anew)
{
    struct generation *g = build("", "", shm, 1);
    certs_make(&(struct cert_spec){.name = "a", .common = "new", .dns = {"a.test"}});
    struct generation *next = build("", "", shm, 2);
    const struct {
        const struct generation *g;
        const char *shown;
    } cases[] = {{g, "a"}, {next, "new"}};
    for (size_t i = 0; i < 2; i++) {
        SSL *server = tls_server_ssl(cases[i].g->tls_servers[1]), *client = tls_case_client(NULL);
        cr_assert(tls_shake(server, client));
        cr_assert_str_eq(tls_shown_name(client), cases[i].shown);
        tls_free(server, client);
    }
    generation_free(g);
    generation_free(next);
}

Test(generation_tls, all_files_that_are_bad_are_named)
{
    certs_write("a.crt", "junk");
    unlink(certs_path("b.key"));
    cr_assert_null(build("", "tls = { ca = \"/nonexistent/ca\"; };", shm, 1));
    cr_assert_eq(tls_faults.errors, 3);
    cr_assert_eq(tls_case_said("t.conf:2: error: certificate /tmp/"), 1);
    cr_assert_eq(tls_case_said("t.conf:3: error: key /tmp/"), 1);
    cr_assert_eq(tls_case_said("t.conf:4: error: ca /nonexistent/ca: No such file"), 1);
}

/* -- the example ----------------------------------------------------------------------------- */

static void copy_example(void)
{
    char page[8192];
    FILE *f = fopen(TEST_SRCDIR "/conf/examples/tls.conf", "r");
    cr_assert(f);
    page[fread(page, 1, sizeof page - 1, f)] = 0;
    fclose(f);
    certs_write("tls.conf", page);
    cr_assert_eq(mkdir(certs_path("tls"), 0700), 0);
}

static void remove_files(void)
{
    DIR *d = opendir(certs_path("tls"));
    for (struct dirent *e; (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", certs_path("tls"), e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    closedir(d);
    rmdir(certs_path("tls"));
}

Test(generation_tls, the_example_loads_with_the_files_that_it_names)
{
    copy_example();
    certs_make(&(struct cert_spec){.name = "tls/www-ecdsa", .dns = {"www.example.com"}});
    certs_make(
        &(struct cert_spec){.name = "tls/www-rsa", .key = CERT_RSA, .dns = {"www.example.com"}});
    certs_make(
        &(struct cert_spec){.name = "tls/s", .dns = {"shop.example.com", "*.shop.example.com"}});
    certs_join("tls/shop.pem", (const char *[]){"tls/s.crt", "tls/s.key", NULL});
    certs_make(&(struct cert_spec){.name = "tls/api", .dns = {"api.example.com"}});
    certs_make(&(struct cert_spec){.name = "tls/partners-ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "tls/internal-ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "tls/weir", .issuer = "tls/internal-ca"});
    struct config *c = config_load(certs_path("tls.conf"), NULL, &tls_faults);
    struct generation *g = c ? generation_build(c, shm, 1, &tls_faults) : NULL;
    tls_case_print();
    cr_assert(g);
    cr_assert_eq(tls_faults.warnings, 0);
    SSL *server = tls_server_ssl(g->tls_servers[0]),
        *client = tls_case_client("x.shop.example.com");
    cr_assert(tls_shake(server, client));
    cr_assert_str_eq(tls_shown_name(client), "tls/s");
    tls_free(server, client);
    generation_free(g);
    remove_files();
}
