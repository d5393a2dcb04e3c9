/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are fetched: from an issuer that changes them, says nonsense, comes late or goes. */
#include "tests/lib/certs.h"
#include "tests/lib/load.h"
#include "tests/scenario/auth_case.h"

static struct origin *issuer;
static EVP_PKEY *old, *new;

static void begin(void)
{
    auth_scene_begin();
    issuer = origin_start("issuer");
    origin_script(issuer, "raw");
    old = key_for(JWT_ALG_EdDSA);
    new = key_for(JWT_ALG_EdDSA);
}

TestSuite(auth_jwks, .init = begin, .fini = auth_scene_end, .timeout = 120);

#define URL "jwks_url = \"http://$issuer/jwks.json?v=1\"; "
#define FETCHED(settings) MODULES(JWT_WITH(URL settings))

/* What the issuer says from now on. */
static void says(const char *fields, const char *content)
{
    const char *all =
        printed("HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", fields,
                strlen(content), content);
    origin_raw(issuer, all, strlen(all));
}

static void has_keys(EVP_PKEY *first, EVP_PKEY *second)
{
    says("",
         jwks_text(jwk(first, first == old ? "old" : "new"), second ? jwk(second, "new") : NULL));
}

static const char *by_old(void)
{
    return bearer(token(old, JWT_ALG_EdDSA, "old", NULL));
}

static const char *by_new(void)
{
    return bearer(token(new, JWT_ALG_EdDSA, "new", NULL));
}

static double fetches(void)
{
    return rig_metric("weir_auth_jwks_fetches_total");
}

/* -- rotation ---------------------------------------------------------------------------------- */

Test(auth_jwks, are_fetched_from_the_url_as_it_stands)
{
    has_keys(old, NULL);
    rig_start(.top = FETCHED(""), .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    char *head = origin_last_head(issuer);
    cr_assert(strstr(head, "GET /jwks.json?v=1 HTTP/1.1\r\n"), "%s", head);
    cr_assert(strcasestr(head, printed("\r\nhost: 127.0.0.1:%u\r\n", origin_port(issuer))));
    cr_assert(strcasestr(head, "\r\naccept: application/jwk-set+json, application/json\r\n"));
    free(head);
}

/* The first token that is signed by the new key has its request wait until that is there; all
 * others go on as before. */
Test(auth_jwks, change_without_a_gap)
{
    has_keys(old, NULL);
    rig_start(.workers = 2, .top = FETCHED("jwks_refresh = \"1h\";"), .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    load_start(.clients = 4, .pause_ms = 5,
               .request = printed("GET /?size=100 HTTP/1.1\r\nHost: h\r\n%s\r\n", by_old()));
    load_await(20);
    has_keys(old, new);
    for (int i = 0; i < 8; i++)
        EXPECT(200, "/", by_new());
    has_keys(new, NULL);
    load_await(20);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    cr_assert_eq(fetches(), 2);
    cr_assert(rig_metric("weir_auth_waits_total") >= 1);
    cr_assert_eq(rig_metric("weir_auth_waits_in_vain_total"), 0);
}

Test(auth_jwks, that_were_taken_back_are_in_force_no_longer)
{
    has_keys(old, NULL);
    rig_start(.workers = 2, .top = FETCHED("jwks_refresh = \"1s\"; jwks_refetch = \"100ms\";"),
              .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    has_keys(new, NULL);
    AWAIT(asked("/", by_new()) == 200);
    for (int i = 0; i < 8; i++)
        EXPECT(401, "/", by_old());
}

Test(auth_jwks, are_fetched_as_often_as_max_age_wants)
{
    says("Cache-Control: public, max-age=0\r\n", jwks_text(jwk(old, "old"), NULL));
    rig_start(.top = FETCHED("jwks_refresh = \"1h\"; jwks_refetch = \"100ms\";"),
              .routes = ROUTE(""));
    AWAIT(fetches() >= 4);
    EXPECT(200, "/", by_old());
}

/* -- wrong key ids ----------------------------------------------------------------------------- */

Test(auth_jwks, are_not_fetched_for_each_key_id_that_somebody_makes_up)
{
    has_keys(old, NULL);
    rig_start(.workers = 2, .top = FETCHED("jwks_timeout = \"100ms\";"), .routes = ROUTE(""));
    AWAIT(asked("/", by_old()) == 200);
    const double waits = rig_metric("weir_auth_waits_in_vain_total");
    for (int i = 0; i < 6; i++)
        EXPECT(401, "/", bearer(token(new, JWT_ALG_EdDSA, printed("k%d", i), NULL)));
    cr_assert(strstr(challenge(), "the token's key isn't known"), "%s", challenge());
    cr_assert_eq(fetches(), 2, "the first one, and one for all of them within 10 s");
    cr_assert_eq(rig_metric("weir_auth_waits_in_vain_total"), waits + 6);
    EXPECT(200, "/", by_old());
}

Test(auth_jwks, are_waited_for_by_a_bounded_number_of_requests)
{
    origin_stop(issuer);
    rig_start(.top = MODULES(JWT_WITH(URL "jwks_timeout = \"500ms\";") "waiting = 2;"),
              .routes = ROUTE("mode = \"optional\"; on_invalid = \"anonymous\";"));
    struct talk *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = talk_open();
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", by_old());
        AWAIT(i == 2 || rig_metric("weir_auth_waits_total") == i + 1);
    }
    cr_assert_eq(talk_response(t[2])->status, 503);
    cr_assert_str_eq(field_of(&t[2]->r, "Retry-After"), "1");
    cr_assert_eq(field_count(&t[2]->r, "Retry-After"), 1);
    cr_assert_eq(rig_metric("weir_auth_waits_refused_total"), 1);
    EXPECT(200, "/", "");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(talk_response(t[i])->status, 503, "nobody is anonymous who can't be checked");
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"keys_missing\"}"), 2);
}

/* -- issuers that are away --------------------------------------------------------------------- */

Test(auth_jwks, are_waited_for_by_the_first_requests)
{
    has_keys(old, NULL);
    origin_stop(issuer);
    rig_start(.workers = 2, .top = FETCHED(""), .routes = ROUTE(""));
    struct talk *t = talk_open(), *gone = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", by_old());
    talk_send(gone, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", by_old());
    AWAIT(rig_metric("weir_auth_waits_total") == 2);
    cr_assert(strstr(rig_await_log("jwks_failed"), "jwks.json"));
    talk_reset(gone);
    origin_again(issuer);
    cr_assert_eq(talk_response(t)->status, 200);
    rig_await_log("jwks_fetched");
    cr_assert(rig_metric("weir_auth_jwks_failures_total") >= 1);
    cr_assert_eq(rig_log_count("jwks_failed"), 1);
}

Test(auth_jwks, stay_when_the_issuer_goes_also_over_a_reload)
{
    has_keys(old, NULL);
    rig_start(.top = FETCHED("jwks_refresh = \"1s\";"), .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    origin_stop(issuer);
    rig_await_log("jwks_failed");
    EXPECT(200, "/", by_old());
    cr_assert(rig_reload(.top = FETCHED("jwks_refresh = \"2s\";"), .routes = ROUTE("")));
    EXPECT(200, "/", by_old());
}

Test(auth_jwks, do_not_stay_for_ever)
{
    has_keys(old, NULL);
    rig_start(.top = FETCHED("jwks_refresh = \"1s\"; jwks_keep = \"1s\"; jwks_timeout = \"50ms\";"),
              .routes = ROUTE(""));
    AWAIT(asked("/", by_old()) == 200);
    origin_stop(issuer);
    rig_await_log("jwks_too_old");
    AWAIT(asked("/", by_old()) == 503); /* on a busy machine they may have been late before */
    origin_again(issuer);
    AWAIT(asked("/", by_old()) == 200);
}

Test(auth_jwks, that_are_none_leave_those_that_were_there)
{
    has_keys(old, NULL);
    rig_start(.top =
                  FETCHED("jwks_refresh = \"1s\"; jwks_max_size = \"1k\"; jwks_refetch = \"1s\";"),
              .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    says("", "{\"keys\":[");
    cr_assert(strstr(rig_await_log("jwks_failed"), "JSON"));
    EXPECT(200, "/", by_old());
    says("", printed("{%01024d}", 0));
    AWAIT(rig_metric("weir_auth_jwks_failures_total") >= 2);
    EXPECT(200, "/", by_old());
    cr_assert_eq(rig_log_count("jwks_failed"), 1);
}

/* -- how they come ----------------------------------------------------------------------------- */

/* What stands at a URL is no secret. */
Test(auth_jwks, are_never_secrets)
{
    EVP_PKEY *secret = key_for(JWT_ALG_HS256);
    says("", jwks_text(jwk(secret, "s"), jwk(old, "old")));
    rig_start(.top = FETCHED("jwks_timeout = \"50ms\";"), .routes = ROUTE(""));
    AWAIT(asked("/", by_old()) == 200);
    EXPECT(401, "/", bearer(token(secret, JWT_ALG_HS256, "s", NULL)));
}

static int checked(const char *settings)
{
    rig_write_conf((struct rig_conf){.top = settings, .routes = ROUTE("")});
    return rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
}

Test(auth_jwks, come_over_http_from_this_machine_alone)
{
#define FROM(url) MODULES(JWT_WITH("jwks_url = \"" url "\";"))
    static const char *const good[] = {FROM("http://127.0.0.1:81/a"), FROM("http://[::1]:81/a"),
                                       FROM("http://localhost/a"), FROM("https://id.test/a")};
    static const char *const bad[] = {FROM("http://10.0.0.1/a"), FROM("http://id.test/a"),
                                      FROM("http://localhost.id.test/a"),
                                      FROM("http://127.0.0.1.id.test/a")};
    for (size_t i = 0; i < array_n(good); i++) {
        cr_assert_eq(checked(good[i]), 0, "%s", good[i]);
        cr_assert_neq(checked(bad[i]), 0, "%s", bad[i]);
        cr_assert(strstr(output(), "weir.conf:6: error: auth.jwt.jwks_url"), "%s", output());
    }
}

Test(auth_jwks, come_over_tls_by_a_cluster_that_knows_the_authority)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "origin", .issuer = "ca", .dns = {"id.test"}});
    issuer = origin_start_with((struct origin_spec){.name = "secure", .tls = true});
    origin_script(issuer, "raw");
    has_keys(old, NULL);
    const char *clusters = "id = { endpoints = [ \"$secure\" ]; tls = { ca = \"$certs/ca.crt\";"
                           " server_name = \"id.test\"; }; };"
                           "other = { endpoints = [ \"$secure\" ]; tls = { ca = \"$certs/ca.crt\";"
                           " server_name = \"other.test\"; }; };";
    rig_start(.clusters = clusters,
              .top =
                  MODULES(JWT_WITH("jwks_url = \"https://id.test/jwks\"; jwks_cluster = \"id\";")),
              .routes = ROUTE(""));
    EXPECT(200, "/", by_old());
    char *head = origin_last_head(issuer);
    cr_assert(strcasestr(head, "\r\nhost: id.test\r\n"), "%s", head);
    free(head);
    cr_assert(
        rig_reload(.clusters = clusters,
                   .top = MODULES(JWT_WITH("jwks_url = \"https://id.test/keys\";"
                                           "jwks_cluster = \"other\"; jwks_timeout = \"50ms\";")),
                   .routes = ROUTE("")));
    rig_await_log("jwks_failed");
    AWAIT(asked("/", by_old()) == 503);
    certs_end();
}
