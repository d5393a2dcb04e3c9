/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of dark launches that can't be meant are refused, each with what is wrong; and nothing
 * else of a configuration can name the cluster of a dark version. */
#include "tests/scenario/dark_case.h"

#include <unistd.h>

#include "tests/lib/certs.h"

DARK_SUITE(dark_config);

static void refused(const char *top, const char *clusters, const char *routes, const char *says)
{
    rig_write_conf((struct rig_conf){.top = top, .clusters = clusters, .routes = routes});
    remove(rig_path("output"));
    cr_assert_eq(rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL}), 1, "%s",
                 says);
    char *said = rig_read("output");
    cr_assert(strstr(said, says), "expected: %s\n%s", says, said);
    free(said);
}

Test(dark_config, that_cant_be_meant_is_refused)
{
    static const struct {
        const char *settings, *says;
    } wrong[] = {
        {"grants = false;", "lets nobody in"},
        {"claim = \"groups\";", "claim needs any_of"},
        {"any_of = [ \"x\" ];", "any_of needs a claim"},
        {"subjects = [ \"\" ];", "subjects has an empty one"},
        {"certificate_sans = [ \"*.x\" ];", "has a wildcard"},
        {"opt_in = true;", "opt_in needs a choose_header"},
        {"choose_header = \"x-weir-grant\";", "need different names"},
        {"choose_cookie = \"weir-grant\";", "need different names"},
        {"choose_header = \"Connection\";", "choose_header is no name"},
        {"choose_cookie = \"a=b\";", "choose_cookie is no name"},
        {"versions = ( { name = \"v\"; cluster = \"two\"; } );", "both cluster and versions"},
        {"on_unavailable = \"maybe\";", "on_unavailable"},
        {"list_file = \"$dir/none\";", "No such file"},
        {"list_file = \"$dir/wrong\";", "line 2 of"},
        {"list_limit = 8;", "list_limit"},
        {"subject = [ \"a\" ];", "did you mean \"subjects\"?"},
    };
    rig_write_file("wrong", "alice\nbo\x01\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char routes[512];
        snprintf(routes, sizeof routes, DARK_ROUTES("%s"), wrong[i].settings);
        refused("", DARK_CLUSTERS " two = { endpoints = [ \"$app\" ]; };", routes, wrong[i].says);
    }
#define WITH_VERSIONS(list) "( { cluster = \"app\"; dark_launch = { versions = (" list "); }; } )"
    refused("", DARK_CLUSTERS, WITH_VERSIONS("{ name = \"none\"; cluster = \"dark\"; }"),
            "\"none\"");
    refused("", DARK_CLUSTERS, WITH_VERSIONS("{ name = \"a b\"; cluster = \"dark\"; }"),
            "one word");
    refused("", DARK_CLUSTERS,
            WITH_VERSIONS(
                "{ name = \"v\"; cluster = \"dark\"; }, { name = \"v\"; cluster = \"dark\"; }"),
            "two with the name");
    refused("", DARK_CLUSTERS, "( { cluster = \"app\"; dark_launch = { }; } )", "needs a cluster");
    refused(
        "", DARK_CLUSTERS,
        "( { respond = { }; dark_launch = { cluster = \"dark\"; on_failure = \"normal\"; }; } )",
        "only on routes with a cluster");
}

Test(dark_config, of_grants_that_cant_be_meant_is_refused)
{
    static const struct {
        const char *settings, *says;
    } wrong[] = {
        {"grant_key_file = \"$dir/none\";", "No such file"},
        {"grant_key_file = \"$dir/short\";", "has 31 bytes; a key has 32 to 4096"},
        {"grant_key_file = \"$dir/long\";", "has over 4096 bytes"},
        {"grants_file = \"$dir/g\";", "needs a grant_key_file"},
        {"grant_key_file = \"$dir/key\"; grants_file = \"$dir/short\";", "line 1"},
        {"grants = 0;", "grants"},
        {"grants = 16385;", "grants"},
        {"max_ttl = \"1s\";", "max_ttl"},
        {"grant_cookie = \"a;b\";", "grant_cookie is no name"},
        {"grant_header = \"Host\";", "grant_header is no name"},
        {"grant_cookie = \"\"; grant_header = \"\";", "neither grant_cookie nor grant_header"},
    };
    char *huge = malloc(4098);
    memset(huge, 'k', 4097);
    huge[4097] = 0;
    rig_write_file("long", huge);
    free(huge);
    rig_write_file("short", "0123456789abcdef0123456789abcde");
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char top[512];
        snprintf(top, sizeof top, DARK_MODULES("%s"), wrong[i].settings);
        refused(top, DARK_CLUSTERS, DARK_ROUTES(""), wrong[i].says);
    }
}

/* The cluster of a dark version has no other door. */
Test(dark_config, keeps_clusters_to_the_dark_launch)
{
    refused("", DARK_CLUSTERS,
            "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; }; },"
            "  { name = \"door\"; match = { path = \"/door\"; }; cluster = \"dark\"; } )",
            "dark_launch");
    refused("", DARK_CLUSTERS,
            "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; }; },"
            "  { name = \"door\"; match = { path = \"/door\"; }; canary = { split = ("
            "    { cluster = \"app\"; weight = 1; }, { cluster = \"dark\"; weight = 1; } ); }; } )",
            "dark_launch");
    refused("", DARK_CLUSTERS,
            "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; }; },"
            "  { name = \"door\"; match = { path = \"/door\"; }; cluster = \"app\";"
            "    mirror = ( { cluster = \"dark\"; } ); } )",
            "dark_launch");
    refused("", DARK_CLUSTERS,
            "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; }; },"
            "  { name = \"door\"; match = { path = \"/door\"; }; cluster = \"app\";"
            "    retry = { then = { cluster = \"dark\"; }; }; } )",
            "dark_launch");
    refused("",
            DARK_CLUSTERS "other = { endpoints = [ \"10.0.0.1:80\" ];"
                          "  breaker = { circuit = { }; fallback = { cluster = \"dark\"; }; }; };",
            "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; }; } )",
            "dark_launch");
    refused("", DARK_CLUSTERS, "( { cluster = \"dark\"; dark_launch = { cluster = \"dark\"; }; } )",
            "where all requests of this route go");
}

/* What conf/examples says, with the files that it names. */
Test(dark_config, of_the_example_is_good)
{
    rig_write_file("testers.list", "alice@example.com\n");
    rig_write_file("dark_launch.key", "0123456789abcdef0123456789abcdef");
    chmod(rig_path("dark_launch.key"), 0600);
    mkdir(rig_path("tls"), 0755);
    certs_begin();
    certs_make(&(struct cert_spec){.name = "www", .dns = {"www.example.com"}});
    certs_make(&(struct cert_spec){.name = "staff-ca", .ca = true});
    chmod(certs_path("www.key"), 0600);
    static const char *const files[] = {"www.crt", "www.key", "staff-ca.crt"};
    for (size_t i = 0; i < 3; i++) {
        char to[64];
        snprintf(to, sizeof to, "tls/%s", files[i]);
        cr_assert_eq(symlink(certs_path(files[i]), rig_path(to)), 0);
    }
    cr_assert_eq(symlink(TEST_SRCDIR "/conf/examples/dark_launch.conf", rig_path("example.conf")),
                 0);
    rig_write_conf((struct rig_conf){.whole = "module_folders = [ \"" WEIR_MODULES "\" ];\n"
                                              "@include \"example.conf\"\n"});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    char *said = rig_read("output");
    cr_expect_eq(status, 0, "%s", said);
    cr_expect(!strstr(said, ": warning:"), "%s", said);
    free(said);
    certs_end();
}
