/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers on real sockets: curl's, and those that one listener's cluster sends to another
 * listener of the same gateway. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(proxy_chain, .init = begin, .fini = rig_end, .timeout = 120);

static size_t on_content(char *p, size_t size, size_t n, void *ctx)
{
    (void)p;
    (void)ctx;
    return size * n;
}

Test(proxy_chain, is_understood_from_curl)
{
    char url[64];
    long status = 0;
    rig_start(.listener = "proxy_protocol = \"127.0.0.1\";");
    CURL *easy = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", rig_port("port"));
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HAPROXYPROTOCOL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_content);
    cr_assert_eq(curl_easy_perform(easy), CURLE_OK);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    cr_assert_eq(status, 200);
    cr_assert_str_eq(json_of(rig_await_access("\"peer\":"), "peer"), "127.0.0.1");
}

Test(proxy_chain, tells_the_address_that_it_was_given)
{
    rig_start(.listener = "proxy_protocol = \"127.0.0.1\";");
    struct talk *t = talk_open();
    talk_send(t, "PROXY TCP4 198.51.100.7 203.0.113.1 40001 8443\r\n"
                 "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 200);
    cr_assert(strcasestr(r->body.p, "\r\nX-Forwarded-For: 198.51.100.7\r\n"), "%s", r->body.p);
    cr_assert_str_eq(json_of(rig_await_access("\"peer\":"), "client"), "198.51.100.7");
    t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(talk_ended(t), "without a header nothing is answered");
    cr_assert_eq(rig_metric("weir_listener_proxy_faults_total{listener=\"public\"}"), 1);
    cr_assert_eq(rig_metric("weir_listener_proxy_headers_total{listener=\"public\"}"), 1);
}

/* edge (any address) ── PROXY ──► public ──► app */
static void check_chain(const char *version)
{
    char clusters[256], line[128];
    snprintf(clusters, sizeof clusters,
             "inner = { endpoints = [ \"127.0.0.1:$port\" ]; proxy_protocol = \"%s\"; };", version);
    rig_start(.listener = "proxy_protocol = \"127.0.0.1\";",
              .listeners = ", { name = \"edge\"; bind = \"0.0.0.0:$port_edge\"; }",
              .clusters = clusters,
              .routes = "( { match = { listener = \"edge\"; }; cluster = \"inner\"; },"
                        "{ match = { listener = \"public\"; }; cluster = \"app\"; } )");
    struct talk *t = talk_open_port(rig_port("port_edge"));
    for (int i = 0; i < 3; i++) {
        talk_send(t, "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *r = talk_response(t);
        cr_assert_eq(r->status, 200, "%d", r->status);
        snprintf(line, sizeof line, "\r\nX-Forwarded-Port: %u\r\n", rig_port("port_edge"));
        cr_assert(strcasestr(r->body.p, line), "where the client connected to: %s", r->body.p);
    }
    cr_assert_eq(rig_metric("weir_listener_proxy_headers_total{listener=\"public\"}"), 1,
                 "one connection for one client");
    talk_send(talk_open_port(rig_port("port_edge")), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(rig_metric("weir_listener_proxy_headers_total{listener=\"public\"}") == 2);
    cr_assert_eq(rig_metric("weir_listener_proxy_faults_total{listener=\"public\"}"), 0);
}

Test(proxy_chain, goes_through_two_gateways_in_version_1)
{
    check_chain("v1");
}

Test(proxy_chain, goes_through_two_gateways_in_version_2)
{
    check_chain("v2");
}
