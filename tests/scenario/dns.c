/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that are names: looked up in a scripted DNS server, followed when they change, and kept
 * while DNS fails. */
#include "tests/unit/dns_server.h"

#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>

static struct origin *app, *second;

static void begin(void)
{
    rig_begin();
    server_start();
    app = origin_start("app");
    second = origin_start_at("second", "127.0.0.2", origin_port(app));
    rig_name("dns", "127.0.0.1:%u", server.port);
    rig_name("name", "api.test:%u", origin_port(app));
}

static void end(void)
{
    rig_end();
    server_stop();
}

TestSuite(dns, .init = begin, .fini = end, .timeout = 120);

#define START(...)                                                                                 \
    rig_start(.workers = 2, .endpoints = "[ \"$name\" ]",                                          \
              .top = "resolver = { servers = \"$dns\"; timeout = \"200ms\"; tries = 1; };",        \
              .cluster = "dns = { min_ttl = \"50ms\"; retry = \"50ms\"; family = \"ipv4\"; "       \
                         "}; " __VA_ARGS__)

Test(dns, follows_a_name_to_another_address_when_its_time_is_up)
{
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    START();
    cr_assert(body_is(get("/"), "app\n"));
    load_start(.clients = 4);
    load_await(50);
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.2"});
    AWAIT(body_is(get("/"), "second\n"));
    load_await(50);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    for (int i = 0; i < 10; i++)
        cr_assert(body_is(get("/"), "second\n"), "every worker has followed");
}

Test(dns, spreads_requests_over_all_addresses_of_a_name)
{
    unsigned counts[2] = {0};
    SERVE(.name = "api.test", .type = A, .ttl = 60, .addrs = {"127.0.0.1", "127.0.0.2"});
    START();
    struct talk *t = talk_open();
    for (int i = 0; i < 20; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        counts[body_is(talk_response(t), "second\n")]++;
    }
    cr_assert_eq(counts[0], 10);
    cr_assert_eq(counts[1], 10);
}

Test(dns, keeps_the_old_answer_while_it_fails)
{
    static const int codes[] = {SERVFAIL, NXDOMAIN};
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    START();
    cr_assert(body_is(get("/"), "app\n"));
    for (size_t i = 0; i < 2; i++) {
        SERVE(.name = "api.test", .type = A, .rcode = codes[i]);
        const unsigned before = asked(A);
        AWAIT(asked(A) >= before + 3);
        cr_assert(body_is(get("/"), "app\n"));
    }
    SERVE(.name = "api.test", .type = A, .silent = true);
    AWAIT(rig_metric("weir_resolver_names_failing") == 1);
    cr_assert(body_is(get("/"), "app\n"));
    SERVE(.name = "api.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    AWAIT(body_is(get("/"), "second\n"));
    AWAIT(rig_metric("weir_resolver_names_failing") == 0);
}

Test(dns, answers_503_until_a_name_is_known)
{
    START();
    const struct response *r = get("/");
    cr_assert_eq(r->status, 503);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":503"), "outcome"), "no_endpoint");
    SERVE(.name = "api.test", .type = A, .ttl = 60, .addrs = {"127.0.0.1"});
    AWAIT(get("/")->status == 200);
}

Test(dns, keeps_addresses_over_a_reload_while_it_fails)
{
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    START();
    SERVE(.name = "api.test", .type = A, .rcode = SERVFAIL);
    rig_signal(SIGHUP);
    rig_await_log(" reloaded generation=2");
    rig_await_log("generation_ended generation=1");
    for (int i = 0; i < 10; i++)
        cr_assert(body_is(get("/"), "app\n"));
}

/* -- with health checks ------------------------------------------------------------------------ */

#define ONCE "interval = \"1h\"; unhealthy_interval = \"1h\"; "

static double health_of_second(void)
{
    char series[128];
    snprintf(series, sizeof series,
             "weir_endpoint_health{cluster=\"app\",endpoint=\"127.0.0.2:%u\"}", origin_port(app));
    return rig_metric(series);
}

static unsigned answers_of_second(unsigned n)
{
    unsigned by = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct response *r = get("/?status=200");
        cr_assert_eq(r->status, 200);
        by += body_is(r, "second\n");
    }
    return by;
}

Test(dns, checks_an_address_as_it_joins_and_does_not_wait_for_more_checks)
{
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    START("health = { " ONCE "};");
    origin_script(second, "status=503");
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1", "127.0.0.2"});
    AWAIT(health_of_second() == 0);
    cr_assert_eq(answers_of_second(20), 0);
}

Test(dns, gives_an_address_no_requests_before_it_has_passed_a_check_where_that_is_asked_for)
{
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    START("health = { initial = \"down\"; timeout = \"60s\"; " ONCE "};");
    AWAIT(get("/?status=200")->status == 200);
    origin_script(second, "hang");
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1", "127.0.0.2"});
    AWAIT(origin_requests(second) == 1);
    cr_assert_eq(answers_of_second(20), 0);
    cr_assert_eq(origin_requests(second), 1, "nothing but the check");
    origin_script(second, "");
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1"});
    AWAIT(origin_aborts(second) == 1);
    SERVE(.name = "api.test", .type = A, .ttl = 0, .addrs = {"127.0.0.1", "127.0.0.2"});
    AWAIT(health_of_second() == 1);
    const unsigned half = answers_of_second(20); /* each of two workers takes turns by itself */
    cr_assert(half >= 9 && half <= 11, "%u", half);
}
