/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks by the real thing: each type before scripted origins that fail in each way, and
 * that requests go where they should. */
#include "health_case.h"

#include "tests/lib/certs.h"
#include "tests/lib/peer_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app, *spare;

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "strange", .ca = true});
    certs_make(&(struct cert_spec){.name = "origin", .issuer = "root", .ip = "127.0.0.1"});
}

static void end(void)
{
    peers_end();
    rig_end();
    certs_end();
}

TestSuite(health, .init = begin, .fini = end, .timeout = 120);

static void start_both(struct origin_spec spec)
{
    spec.name = "app";
    app = origin_start_with(spec);
    spec.name = "spare";
    spare = origin_start_with(spec);
}

/* Up, down because of `bad`, and up again, while requests are always answered 200. */
static void goes_and_comes_back(const char *good, const char *bad, const char *result)
{
    AWAIT_HEALTH(app, 1);
    AWAIT_HEALTH(spare, 1);
    origin_script(app, bad);
    AWAIT_HEALTH(app, 0);
    cr_assert_eq(answered_by("spare", 12), 12);
    cr_assert_geq(checks(result), 2);
    origin_script(app, good);
    AWAIT_HEALTH(app, 1);
    AWAIT(answered_by("app", 6) > 0);
}

Test(health, over_http1_takes_an_endpoint_out_and_back)
{
    start_both((struct origin_spec){0});
    rig_start(.workers = 2, .endpoints = BOTH, .cluster = "health = { " OFTEN "};");
    goes_and_comes_back("", "status=503", "status");
    cr_assert_eq(rig_log_count("endpoint_down"), 1);
    cr_assert_eq(rig_metric("weir_health_changes_total{cluster=\"app\",to=\"down\"}"), 1);
}

Test(health, over_http2_takes_an_endpoint_out_and_back)
{
    start_both((struct origin_spec){.protocol = ORIGIN_H2});
    rig_start(.endpoints = BOTH,
              .cluster = "protocol = \"h2\"; health = { body_regex = \"app|spa.e\"; " OFTEN "};");
    goes_and_comes_back("", "size=10", "body");
    char *head = origin_last_head(app);
    cr_assert(strstr(head, "HTTP/2.0"), "%s", head);
    free(head);
}

Test(health, over_tls_verifies_who_answers)
{
    start_both((struct origin_spec){.tls = true, .protocol = ORIGIN_ALPN});
    rig_start(.endpoints = BOTH, .cluster = "protocol = \"auto\"; tls = { ca = "
                                            "\"$certs/root.crt\"; }; health = { " OFTEN "};");
    goes_and_comes_back("", "status=500", "status");
    rig_renew(.endpoints = BOTH, .cluster = "tls = { ca = \"$certs/strange.crt\"; }; "
                                            "health = { " OFTEN "};");
    AWAIT_HEALTH(app, 0);
    cr_assert_geq(checks("tls"), 2);
}

Test(health, in_http2_beside_requests_in_http1)
{
    start_both((struct origin_spec){.protocol = ORIGIN_ALPN});
    rig_start(.endpoints = BOTH,
              .cluster = "health = { type = \"h2\"; path = \"/h?note=check\"; " OFTEN "};");
    goes_and_comes_back("", "status=500", "status");
}

Test(health, by_the_grpc_protocol)
{
    start_both((struct origin_spec){.protocol = ORIGIN_H2});
    origin_script(app, "serving=1");
    origin_script(spare, "serving=1");
    rig_start(.endpoints = BOTH, .cluster =
                                     "protocol = \"h2\"; health = { type = \"grpc\"; service "
                                     "= \"shop.Orders\"; " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    AWAIT_HEALTH(spare, 1);
    char *head = origin_last_head(app);
    cr_assert(strstr(head, "POST /grpc.health.v1.Health/Check HTTP/2.0"), "%s", head);
    cr_assert(strstr(head, "application/grpc") && strstr(head, "trailers"), "%s", head);
    free(head);
    origin_script(app, "serving=2");
    AWAIT_HEALTH(app, 0);
    cr_assert_geq(checks("not_serving"), 2);
    origin_script(app, "serving=1");
    AWAIT_HEALTH(app, 1);
    origin_script(app, "field=grpc-status:5");
    AWAIT_HEALTH(app, 0);
    origin_script(app, "status=404");
    AWAIT(checks("status") >= 1);
}

Test(health, by_the_grpc_protocol_with_a_server_of_its_own_library)
{
    static const char *const services[] = {"", "idle", "gone"};
    if (!peer_has("grpc")) {
        peers_end();
        certs_end();
        RIG_SKIP("Python has no grpc");
    }
    peer_listens(peer_start("grpc_server", NULL), "app");
    for (size_t i = 0; i < 3; i++) {
        char cluster[256];
        snprintf(cluster, sizeof cluster,
                 "protocol = \"h2\"; health = { type = \"grpc\"; service = \"%s\"; " OFTEN "};",
                 services[i]);
        if (i == 0)
            rig_start(.cluster = cluster);
        else
            rig_renew(.cluster = cluster);
        AWAIT(checks(i == 0 ? "passed" : "not_serving") >= 2);
        cr_assert_eq(checks(i == 0 ? "not_serving" : "passed"), 0);
    }
}

Test(health, by_what_comes_over_a_connection)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH,
              .cluster =
                  "health = { type = \"tcp\"; send = \"GET / HTTP/1.1\\r\\nHost: "
                  "x\\r\\n\\r\\n\"; receive = \" 200 Whatever\\r\\n\"; body_size = 100; " OFTEN
                  "};");
    goes_and_comes_back("", "status=500 size=200", "body");
}

Test(health, by_a_connection_alone)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH, .cluster = "health = { type = \"tcp\"; " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    cr_assert_eq(origin_requests(app), 0, "nothing is said");
    origin_stop(app);
    AWAIT_HEALTH(app, 0);
    cr_assert_eq(answered_by("spare", 12), 12);
    cr_assert_geq(checks("connect"), 2);
    origin_again(app);
    AWAIT_HEALTH(app, 1);
}

Test(health, by_a_connection_over_tls)
{
    start_both((struct origin_spec){.tls = true});
    rig_start(.endpoints = BOTH, .cluster =
                                     "tls = { ca = \"$certs/root.crt\"; }; health = { type = "
                                     "\"tcp\"; " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    rig_renew(.endpoints = BOTH, .cluster = "tls = { ca = \"$certs/strange.crt\"; }; health = { "
                                            "type = \"tcp\"; " OFTEN "};");
    AWAIT_HEALTH(app, 0);
    cr_assert_geq(checks("tls"), 2);
}

Test(health, a_backend_that_hangs_is_found)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH, .cluster = "health = { " OFTEN "};");
    goes_and_comes_back("", "hang", "timeout");
}

Test(health, a_backend_whose_queue_is_full_is_found)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH, .cluster = "health = { " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    origin_clog(app);
    AWAIT_HEALTH(app, 0);
    cr_assert_geq(checks("timeout"), 2);
}

Test(health, a_backend_that_resets_is_found)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH, .cluster = "health = { " OFTEN "};");
    goes_and_comes_back("", "abort", "response");
}

Test(health, another_port_may_answer_for_an_endpoint)
{
    char cluster[256];
    app = origin_start("app");
    spare = origin_start("agent");
    origin_script(app, "status=204"); /* which would pass, too: so the agent must be the one */
    snprintf(cluster, sizeof cluster,
             "health = { path = \"/?note=agent\"; host = \"agent.test\"; port = %u; " OFTEN "};",
             origin_port(spare));
    rig_start(.cluster = cluster);
    AWAIT_HEALTH(app, 1);
    cr_assert_eq(origin_requests(app), 0);
    char *head = origin_last_head(spare);
    cr_assert(strstr(head, "agent.test") && strstr(head, "weir-health/"), "%s", head);
    free(head);
    origin_script(spare, "status=500");
    AWAIT_HEALTH(app, 0);
}

Test(health, asks_what_it_is_told_to_ask_and_expects_that)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH,
              .cluster = "health = { method = \"HEAD\"; path = \"/?status=404\"; expect = ( 404 ); "
                         "headers = ( { name = \"X-Check\"; value = \"yes\"; } ); " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    char *head = origin_last_head(app);
    cr_assert(strstr(head, "HEAD /?status=404 "), "%s", head);
    cr_assert(strcasestr(head, "\r\nx-check: yes\r\n"), "%s", head);
    free(head);
}

Test(health, of_a_cluster_without_requests_may_be_seldom)
{
    start_both((struct origin_spec){0});
    rig_start(.endpoints = BOTH,
              .cluster = "health = { interval = \"30ms\"; no_traffic_interval = \"1h\"; };");
    AWAIT_HEALTH(app, 1);
    AWAIT_HEALTH(spare, 1);
    sleep_ms(200);
    cr_assert_eq(checks("passed"), 2, "the first one of each");
    cr_assert_eq(get("/")->status, 200);
    AWAIT(checks("passed") >= 6);
}

Test(health, requests_are_answered_while_endpoints_fail_in_turn)
{
    start_both((struct origin_spec){0});
    rig_start(.workers = 2, .endpoints = BOTH,
              .cluster = "health = { path = \"/?note=check\"; " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    AWAIT_HEALTH(spare, 1);
    load_start(.clients = 4, .request = "GET /?size=1000&status=200 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        struct origin *one = i % 2 ? spare : app;
        origin_script(one, "status=503"); /* the load asks for 200 by itself */
        AWAIT_HEALTH(one, 0);
        load_await(50);
        origin_script(one, "");
        AWAIT_HEALTH(one, 1);
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_eq(rig_log_count("endpoint_down"), 4);
    cr_assert_eq(rig_log_count("endpoint_up"), 6);
}
