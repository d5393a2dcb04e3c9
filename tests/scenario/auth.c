/* SPDX-License-Identifier: Apache-2.0 */
/* What routes make of an identity: modes, challenges, conditions, and what backends are told. */
#include "tests/lib/certs.h"
#include "tests/lib/h2_talk.h"
#include "tests/lib/tls_talk.h"
#include "tests/scenario/auth_case.h"

#include <sys/stat.h>
#include <unistd.h>

AUTH_SUITE(auth);

#define KEY "abcdefghijklmnopqrstuvwxyz"
#define WITH_KEY "X-API-Key: " KEY "\r\n"
#define API_KEYS "api_keys = { file = \"$dir/keys\"; };"
#define BASIC "basic = { file = \"$dir/users\"; realm = \"the shop\"; };"
#define FORWARD                                                                                    \
    "forward = ( { claim = \"sub\"; header = \"X-User\"; },"                                       \
    " { claim = \"groups\"; header = \"X-Groups\"; } );"

/* One user by each of them: anna with a password, shop with a key. */
static void write_files(void)
{
    put_file("users", htpasswd_line("anna", "secret", 4));
    put_file("keys", api_key_line("shop", KEY, "groups=eu groups=partner tier=gold"));
}

/* -- modes ------------------------------------------------------------------------------------- */

Test(auth, lets_nobody_through_where_an_identity_is_required)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS), .routes = ROUTE(""));
    EXPECT(401, "/", "");
    cr_assert_str_eq(challenge(), "ApiKey realm=\"weir\"");
    EXPECT(401, "/", "X-API-Key: abcdefghijklmnopqrstuvwxy0\r\n");
    EXPECT(200, "/", WITH_KEY);
    EXPECT(401, "/", WITH_KEY WITH_KEY);
    EXPECT(401, "/", "X-API-Key: a b\r\n");
    const char *line = rig_await_access("\"auth.method\":\"api_key\"");
    cr_assert_str_eq(json_of(line, "auth.failure"), "");
    cr_assert_eq(rig_metric("weir_auth_identified_total{method=\"api_key\"}"), 1);
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"api_key_unknown\"}"), 1);
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"credentials_twice\"}"), 1);
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"credentials_malformed\"}"), 1);
    cr_assert_eq(rig_metric("weir_auth_refused_401_total"), 4);
}

Test(auth, logs_why_somebody_was_not_let_in)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS), .routes = ROUTE(""));
    EXPECT(401, "/", "X-API-Key: abcdefghijklmnopqrstuvwxy0\r\n");
    const char *line = rig_await_access("\"status\":401");
    cr_assert_str_eq(json_of(line, "auth.failure"), "api_key_unknown");
    cr_assert_str_eq(json_of(line, "outcome"), "unauthenticated");
    cr_assert(!strstr(line, "abcdefgh"));
}

Test(auth, takes_nobody_where_it_is_optional_but_no_wrong_credentials)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS FORWARD), .routes = ROUTE("mode = \"optional\";"));
    EXPECT(200, "/", "");
    EXPECT(401, "/", "X-API-Key: abcdefghijklmnopqrstuvwxy0\r\n");
    EXPECT(200, "/?echo", WITH_KEY);
    cr_assert(body_has(got, "\r\nX-User: shop\r\n"), "%s", got->body.p);
    cr_assert(rig_reload(.top = MODULES(API_KEYS FORWARD),
                         .routes = ROUTE("mode = \"optional\"; on_invalid = \"anonymous\";")));
    AWAIT(asked("/?echo", "X-API-Key: abcdefghijklmnopqrstuvwxy0\r\n") == 200);
    cr_assert(!body_has(got, "X-User"));
}

Test(auth, gives_nobody_an_identity_where_it_is_off)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS FORWARD), .routes = ROUTE("mode = \"off\";"));
    EXPECT(200, "/?echo", WITH_KEY "X-User: root\r\n");
    cr_assert(!body_has(got, "X-User"), "%s", got->body.p);
    cr_assert_eq(rig_metric("weir_auth_identified_total{method=\"api_key\"}"), 0);
}

/* -- methods ----------------------------------------------------------------------------------- */

Test(auth, challenges_for_all_that_the_route_takes)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    write_files();
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_FILE API_KEYS BASIC), .routes = ROUTE(""));
    EXPECT(401, "/", "");
    cr_assert_str_eq(challenge(), "Bearer realm=\"weir\", Basic realm=\"the shop\", "
                                  "charset=\"UTF-8\", ApiKey realm=\"weir\"");
    EXPECT(401, "/", bearer("a.b.c"));
    cr_assert(strstr(challenge(), "Bearer realm=\"weir\", error=\"invalid_token\", "
                                  "error_description=\"the token's header is malformed\", Basic"),
              "%s", challenge());
    EXPECT(401, "/", "Authorization: Bearer a b\r\n");
    cr_assert(strstr(challenge(), "error=\"invalid_request\""), "%s", challenge());
    EXPECT(401, "/", basic("anna", "wrong"));
    cr_assert(!strstr(challenge(), "error"), "%s", challenge());
    EXPECT(401, "/", printed("%s%s", basic("anna", "secret"), bearer("a.b.c")));
}

Test(auth, never_takes_a_method_that_the_route_leaves_out)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS BASIC FORWARD),
              .routes = "( { name = \"keys\"; match = { path = \"/keys\"; }; cluster = \"app\";"
                        "    auth = { methods = [ \"api_key\" ]; }; },"
                        "  { name = \"all\"; cluster = \"app\"; auth = { }; } )");
    EXPECT(200, "/all?echo", basic("anna", "secret"));
    EXPECT(401, "/keys", basic("anna", "secret"));
    cr_assert_str_eq(challenge(), "ApiKey realm=\"weir\"");
    EXPECT(200, "/keys?echo", printed("%s" WITH_KEY, basic("anna", "secret")));
    cr_assert(body_has(got, "X-User: shop"));
    EXPECT(200, "/all", WITH_KEY);
}

Test(auth, reads_api_keys_again_when_the_file_changes)
{
    write_files();
    rig_start(.workers = 2, .top = MODULES(API_KEYS), .routes = ROUTE(""));
    EXPECT(200, "/", WITH_KEY);
    put_file("keys", api_key_line("other", "0123456789abcdef", ""));
    AWAIT(asked("/", "X-API-Key: 0123456789abcdef\r\n") == 200);
    for (int i = 0; i < 4; i++)
        EXPECT(401, "/", WITH_KEY);
}

/* Where it comes into force by another module's choice, it comes late, and decides all the same. */
Test(auth, holds_a_version_of_a_canary_to_it)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS FORWARD),
              .routes = "( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 1;"
                        " auth = { methods = [ \"api_key\" ]; }; } ); }; } )");
    EXPECT(401, "/", "");
    EXPECT(401, "/", "X-API-Key: abcdefghijklmnopqrstuvwxy0\r\n");
    EXPECT(200, "/?echo", WITH_KEY);
    cr_assert(body_has(got, "X-User: shop"), "%s", got->body.p);
    cr_assert_eq(origin_requests(app), 1);
}

/* -- the example ------------------------------------------------------------------------------- */

static char *shipped(const char *file)
{
    FILE *f = fopen(printed("%s/%s", TEST_SRCDIR, file), "re");
    cr_assert(f);
    char *to = arena_alloc(&arena, 65536);
    to[fread(to, 1, 65535, f)] = '\0';
    fclose(f);
    return to;
}

Test(auth, loads_its_example)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "api", .dns = {"api.example.com"}});
    certs_make(&(struct cert_spec){.name = "partners-ca", .ca = true});
    cr_assert_eq(chmod(certs_path("api.key"), 0600), 0);
    cr_assert_eq(mkdir(rig_path("auth"), 0755), 0);
    cr_assert_eq(symlink(certs_path(""), rig_path("tls")), 0);
    put_file("auth/htpasswd", htpasswd_line("anna", "secret", 4));
    put_file("auth/api-keys", api_key_line("shop", KEY, "tier=gold"));
    put_file("auth/jobs.jwks", jwks_text(jwk(key_for(JWT_ALG_HS256), "1"), NULL));
    put_file("auth.conf", printed("module_folders = [ \"%s\" ];\n%s", WEIR_MODULES,
                                  shipped("conf/examples/auth.conf")));
    const int end = rig_run((const char *const[]){"-t", "-c", rig_path("auth.conf"), NULL});
    const char *said = output();
    cr_assert(end == 0 && strstr(said, "(0 errors, 0 warnings)"), "%s", said);
    certs_end();
}

/* -- conditions -------------------------------------------------------------------------------- */

#define BY_CONDITION                                                                               \
    "( { name = \"gold\"; match = { identity = ( { name = \"tier\"; exact = \"gold\"; } ); };"     \
    "    respond = { status = 201; }; auth = { methods = [ \"basic\" ]; }; },"                     \
    "  { name = \"any\"; cluster = \"app\"; auth = { mode = \"optional\"; }; } )"

/* Before the route is known anybody may turn out to be anybody; but the route has the last word. */
Test(auth, holds_a_route_that_was_found_by_identity_to_its_methods)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS BASIC), .routes = BY_CONDITION);
    EXPECT(200, "/", basic("anna", "secret"));
    EXPECT(200, "/", "");
    EXPECT(401, "/", WITH_KEY);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":401"), "detail"), "method_excluded");
}

Test(auth, forbids_who_lacks_a_claim)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    write_files();
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_FILE API_KEYS BASIC),
              .routes = ROUTE("require = ( { claim = \"groups\"; any_of = [ \"us\", \"eu\" ]; },"
                              " { claim = \"tier\"; any_of = \"gold\"; } );"));
    EXPECT(200, "/", WITH_KEY);
    EXPECT(403, "/", basic("anna", "secret"));
    cr_assert_str_eq(challenge(), "");
    const char *half = "\"groups\":[\"eu\"],\"tier\":\"silver\"";
    EXPECT(403, "/", bearer(token(key, JWT_ALG_EdDSA, "1", half)));
    cr_assert_str_eq(challenge(), "Bearer realm=\"weir\", error=\"insufficient_scope\"");
    const char *whole = "\"groups\":[\"us\",\"x\"],\"tier\":\"gold\"";
    EXPECT(200, "/", bearer(token(key, JWT_ALG_EdDSA, "1", whole)));
    EXPECT(401, "/", "");
    cr_assert_eq(rig_metric("weir_auth_refused_403_total"), 2);
}

/* -- what backends are told -------------------------------------------------------------------- */

Test(auth, takes_identity_fields_off_every_request_on_every_route)
{
    write_files();
    rig_start(.top = MODULES(API_KEYS FORWARD),
              .routes =
                  "( { name = \"plain\"; match = { path = \"/plain\"; }; cluster = \"app\"; },"
                  "  { name = \"trap\"; match = { headers = ( { name = \"X-User\"; "
                  "present = true; } ); }; respond = { status = 418; }; },"
                  "  { name = \"all\"; cluster = \"app\"; auth = { mode = \"optional\"; }; } )");
    const char *forged = "X-User: root\r\nx-user: admin\r\nX-GROUPS: admins\r\n";
    EXPECT(200, "/plain?echo", forged);
    cr_assert(!body_has(got, "root") && !body_has(got, "admin"), "%s", got->body.p);
    EXPECT(200, "/other?echo", forged);
    cr_assert(!body_has(got, "root") && !body_has(got, "admin"), "%s", got->body.p);
    EXPECT(200, "/other?echo", printed("%s" WITH_KEY, forged));
    cr_assert(body_has(got, "\r\nX-User: shop\r\n") &&
              body_has(got, "\r\nX-Groups: eu,partner\r\n"));
    cr_assert(!body_has(got, "root") && !body_has(got, "admin"), "%s", got->body.p);
}

/* With a comma in one of them, a backend would take one value for two. */
Test(auth, tells_backends_no_value_that_could_be_taken_for_another)
{
    EVP_PKEY *key = key_for(JWT_ALG_EdDSA);
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.top = MODULES(JWT_FILE "forward = ("
                                      " { claim = \"groups\"; header = \"X-Groups\"; },"
                                      " { claim = \"name\"; header = \"X-Name\"; commas = true; },"
                                      " { claim = \"evil\"; header = \"X-Evil\"; },"
                                      " { claim = \"iss\"; header = \"X-Issuer\"; } );"),
              .routes = ROUTE(""));
    EXPECT(200, "/?echo",
           bearer(token(key, JWT_ALG_EdDSA, "1",
                        "\"groups\":[\"a\",\"b,admins\",\"\",\"c\"],\"name\":\"Doe, Anna\","
                        "\"evil\":\"x\\r\\nX-Admin: yes\"")));
    cr_assert(body_has(got, "\r\nX-Groups: a,c\r\n"), "%s", got->body.p);
    cr_assert(body_has(got, "\r\nX-Name: Doe, Anna\r\n"));
    cr_assert(body_has(got, "\r\nX-Issuer: https://id.test\r\n"));
    cr_assert(!body_has(got, "X-Evil") && !body_has(got, "X-Admin"));
    cr_assert_eq(rig_metric("weir_auth_values_left_out_total"), 2);
}

/* -- connections ------------------------------------------------------------------------------- */

Test(auth, tells_streams_of_one_connection_apart)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES256);
    int32_t ids[30];
    write_files();
    put_file("jwks", jwks_text(jwk(key, "1"), NULL));
    rig_start(.listener = "protocols = [ \"h2\" ];",
              .top = MODULES(JWT_FILE API_KEYS BASIC FORWARD), .routes = ROUTE(""));
    const char *otto = strchr(basic("otto", "wrong"), ' ') + 1;
    const char *lines[] = {
        printed("authorization: Bearer %s\n", token(key, JWT_ALG_ES256, "1", "\"groups\":\"dev\"")),
        "x-api-key: " KEY "\n",
        printed("authorization: %.*s\n", (int)strcspn(otto, "\r"), otto),
        "x-user: anna\n",
        printed("authorization: Bearer %s\n", token(key, JWT_ALG_ES256, "1", NULL)),
    };
    static const char *const want[] = {"X-User: anna\r\nX-Groups: dev\r\n",
                                       "X-User: shop\r\nX-Groups: eu,partner\r\n", NULL, NULL,
                                       "X-User: anna\r\n"};
    struct h2_talk *t = h2_talk_open();
    for (size_t i = 0; i < array_n(ids); i++)
        ids[i] = h2_ask(t, .path = "/?echo", .fields = lines[i % 5]);
    for (size_t i = 0; i < array_n(ids); i++) {
        const struct h2_stream *s = h2_answer(t, ids[i]);
        cr_assert_eq(s->status, want[i % 5] ? 200 : 401, "%zu: %d", i, s->status);
        if (want[i % 5])
            cr_assert(strcasestr(s->body.p, want[i % 5]), "%zu: %s", i, s->body.p);
        if (i % 5 == 4)
            cr_assert(!strcasestr(s->body.p, "x-groups"));
    }
    h2_talks_end();
}

#define TLS                                                                                        \
    "tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } "  \
    ");"                                                                                           \
    " client_certificates = { verify = \"optional\"; ca = \"$certs/ca.crt\"; }; };"

/* The status of a request with this certificate; what backends were told in `got`. */
static int by_certificate(const char *who, const char *lines)
{
    struct talk *t = tls_talk_open(.name = "site.test",
                                   .certificate = who ? certs_path(printed("%s.crt", who)) : NULL,
                                   .key = who ? certs_path(printed("%s.key", who)) : NULL);
    talk_send(t, "GET /?echo HTTP/1.1\r\nHost: site.test\r\n%s\r\n", lines);
    got = talk_response(t);
    return got->status;
}

Test(auth, knows_clients_by_their_certificates)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "site", .dns = {"site.test"}});
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "anna", .issuer = "ca", .uri = "spiffe://test/anna"});
    certs_make(&(struct cert_spec){.name = "plain", .issuer = "ca"});
    write_files();
    rig_start(.listener = TLS,
              .top = MODULES(API_KEYS "certificate = { subject = \"san_uri\"; };"
                                      "forward = ( { claim = \"sub\"; header = \"X-User\"; },"
                                      " { claim = \"dn\"; header = \"X-Dn\"; commas = true; } );"),
              .routes = ROUTE(""));
    cr_assert_eq(by_certificate("anna", ""), 200, "%s", got->head.p);
    cr_assert(body_has(got, "X-User: spiffe://test/anna") && body_has(got, "X-Dn: CN=anna"), "%s",
              got->body.p);
    cr_assert_eq(by_certificate("plain", ""), 401, "it has no such name");
    cr_assert_eq(by_certificate("plain", WITH_KEY), 401, "and what else there is doesn't help");
    cr_assert_eq(by_certificate(NULL, WITH_KEY), 200);
    cr_assert(rig_reload(.listener = TLS,
                         .top = MODULES("certificate = { subject = \"cn\"; };"
                                        "forward = ( { claim = \"sub\"; header = \"X-User\"; } );"),
                         .routes = ROUTE("")));
    AWAIT(by_certificate("plain", "") == 200 && body_has(got, "X-User: plain"));
    cr_assert_eq(by_certificate(NULL, ""), 403, "there is no challenge for a certificate");
    certs_end();
}
