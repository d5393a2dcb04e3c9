/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards origins: they are verified unless told otherwise, and sessions are used again. */
#include "tests/lib/certs.h"
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "strange", .ca = true});
    certs_make(&(struct cert_spec){
        .name = "origin", .issuer = "root", .dns = {"app.test"}, .ip = "127.0.0.1"});
    certs_make(&(struct cert_spec){.name = "named", .issuer = "root", .dns = {"app.test"}});
    certs_make(&(struct cert_spec){
        .name = "late", .issuer = "root", .days_from = -300, .days_to = -1, .ip = "127.0.0.1"});
    certs_make(&(struct cert_spec){.name = "gateway", .issuer = "root"});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(tls_upstream, .init = begin, .fini = end, .timeout = 120);

static void origin_with(const char *certificate)
{
    app = origin_start_with(
        (struct origin_spec){.name = "app", .tls = true, .certificate = certificate});
}

#define CA "ca = \"$certs/root.crt\"; "

static void expect_untrusted(void)
{
    cr_assert_eq(get("/")->status, 502);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":502"), "outcome"), "tls");
    cr_assert_eq(origin_requests(app), 0, "and nothing was said to it");
}

Test(tls_upstream, is_verified_by_address)
{
    origin_with("origin");
    rig_start(.cluster = "tls = { " CA "};");
    for (int i = 0; i < 3; i++)
        cr_assert(body_is(get("/"), "app\n"));
}

Test(tls_upstream, of_an_unknown_ca_is_refused)
{
    origin_with("origin");
    rig_start(.cluster = "tls = { ca = \"$certs/strange.crt\"; };");
    expect_untrusted();
}

Test(tls_upstream, is_verified_by_the_systems_cas_unless_told_otherwise)
{
    origin_with("origin");
    rig_start(.cluster = "tls = { };");
    expect_untrusted();
}

Test(tls_upstream, of_another_name_is_refused)
{
    origin_with("named");
    rig_start(.cluster = "tls = { " CA "};");
    expect_untrusted();
}

Test(tls_upstream, is_verified_by_the_name_that_is_given)
{
    origin_with("named");
    rig_start(.cluster = "tls = { " CA "server_name = \"app.test\"; };");
    cr_assert(body_is(get("/"), "app\n"));
    cr_assert(rig_reload(.cluster = "tls = { " CA "server_name = \"other.test\"; };"));
    rig_await_log("generation_ended generation=1");
    cr_assert_eq(get("/")->status, 502);
}

Test(tls_upstream, that_has_expired_is_refused)
{
    origin_with("late");
    rig_start(.cluster = "tls = { " CA "};");
    expect_untrusted();
}

Test(tls_upstream, need_not_be_verified)
{
    origin_with("late");
    rig_start(.cluster = "tls = { verify = false; };");
    cr_assert(body_is(get("/"), "app\n"));
}

Test(tls_upstream, gets_the_gateways_certificate)
{
    app = origin_start_with(
        (struct origin_spec){.name = "app", .tls = true, .client_ca = "root.crt"});
    rig_start(.cluster = "tls = { " CA "certificate = \"$certs/gateway.crt\"; "
                         "key = \"$certs/gateway.key\"; };");
    for (int i = 0; i < 3; i++)
        cr_assert(body_is(get("/"), "app\n"));
    cr_assert(rig_reload(.cluster = "tls = { " CA "};"));
    rig_await_log("generation_ended generation=1");
    const int status = get("/")->status;
    cr_assert_eq(status, 502, "%d without one", status);
}

/* It waits for the rest of what it takes for a request: nobody shakes hands. */
Test(tls_upstream, that_speaks_no_tls_costs_the_connect_timeout)
{
    app = origin_start("app");
    rig_start(.cluster = "tls = { " CA "}; timeouts = { connect = \"200ms\"; };");
    cr_assert_eq(get("/")->status, 503);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":503"), "outcome"), "timeout_connect");
    cr_assert_eq(origin_requests(app), 0);
    AWAIT(origin_open(app) == 0);
}

/* Full handshakes are dear: all but the first of a worker take the session up again. */
Test(tls_upstream, sessions_are_used_again)
{
    enum { TIMES = 10 };
    origin_with("origin");
    origin_script(app, "close");
    rig_start(.cluster = "tls = { " CA "};");
    for (int i = 0; i < TIMES; i++)
        cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_connections(app), TIMES);
    char *page = rig_metrics();
    const char *at = strstr(page, "\nweir_endpoint_tls_resumed_total{");
    cr_assert(at, "there is a counter");
    cr_assert_eq(atoi(strchr(at, ' ')), TIMES - 1, "%.200s", at);
    free(page);
}

Test(tls_upstream, carries_load_and_reloads)
{
    origin_with("origin");
    rig_start(.workers = 2, .cluster = "tls = { " CA "};");
    load_start(.clients = 8, .request = "GET /?size=50000 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        load_await(30);
        cr_assert(rig_reload(.workers = 2, .cluster = "tls = { " CA "};"));
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
}
