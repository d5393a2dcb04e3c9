/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters: values, endpoints in all their forms, inheritance and duplicates. */
#include "config_case.h"

Test(config_cluster, defaults_and_inheritance)
{
    struct config *c = conf_of("timeouts = { connect = \"1s\"; body_idle = \"2s\"; };"
                               "limits = { queue = \"32k\"; };" LISTENERS
                               "clusters = { a = { endpoints = [ \"10.0.0.1:80\" ]; timeouts = { "
                               "connect = \"5s\"; }; limits = { head_size = \"4k\"; }; }; b = { "
                               "endpoints = [ \"10.0.0.1:80\" ]; }; };" ROUTES);
    const struct cluster_conf *a = &c->clusters[0], *b = &c->clusters[1];
    cr_assert_slice(a->place.name, "a");
    cr_assert_slice(b->place.name, "b");
    cr_assert_eq(b->place.index, 1);
    cr_assert_eq(a->timeouts.connect, 5000);
    cr_assert_eq(a->timeouts.body_idle, 2000);
    cr_assert_eq(b->timeouts.connect, 1000);
    cr_assert_eq(a->limits.head_size, 4096);
    cr_assert_eq(a->limits.queue, 32768);
    cr_assert_eq(b->balance, BALANCE_ROUND_ROBIN);
    cr_assert_eq(b->proxy_protocol, PROXY_PROTOCOL_OFF);
    cr_assert_eq(b->pool.max_idle, 256);
    cr_assert_eq(b->pool.idle_timeout, 50000);
    cr_assert_eq(b->pool.max_requests, 0);
    cr_assert_eq(b->pool.streams, 100);
    cr_assert_eq(b->pool.connections, 8);
    cr_assert_eq(b->pool.waiting, 1024);
    cr_assert_eq(b->h2.stream_window, 65536);
    cr_assert_eq(b->h2.connection_window, 1048576);
    cr_assert_eq(b->h2.ping_interval, 0);
    cr_assert_eq(b->h2.ping_timeout, 10000);
    cr_assert_eq(b->h2.control_frames, 1000);
    cr_assert_eq(b->dns.capacity, 64);
    cr_assert_eq(b->dns.min_ttl, 1000);
    cr_assert_eq(b->dns.max_ttl, 300000);
    cr_assert_eq(b->dns.retry, 5000);
    cr_assert_eq(b->dns.family, 0);
    config_free(c);
}

Test(config_cluster, values_are_stored)
{
    struct config *c = conf_of(WITH_CLUSTER(
        "endpoints = [ \"a:1\" ]; balance = \"least_request\"; proxy_protocol = \"v2\"; pool = { max_idle = 0; "
        "idle_timeout = \"1ms\"; max_requests = 9; streams = 2; connections = 3; waiting = 1; }; "
        "h2 = { stream_window = 65535; connection_window = \"2m\"; ping_interval = \"3s\"; "
        "ping_timeout = \"1s\"; control_frames = 10; }; dns = { capacity = 1; min_ttl = \"2s\"; "
        "max_ttl = \"2s\"; retry = \"1s\"; family = \"ipv6\"; };"));
    const struct cluster_conf *b = c->clusters;
    cr_assert_eq(b->balance, BALANCE_LEAST_REQUEST);
    cr_assert_eq(b->proxy_protocol, PROXY_PROTOCOL_V2);
    cr_assert_eq(b->pool.max_idle, 0);
    cr_assert_eq(b->pool.idle_timeout, 1);
    cr_assert_eq(b->pool.max_requests, 9);
    cr_assert_eq(b->pool.streams, 2);
    cr_assert_eq(b->pool.connections, 3);
    cr_assert_eq(b->pool.waiting, 1);
    cr_assert_eq(b->h2.stream_window, 65535);
    cr_assert_eq(b->h2.connection_window, 2097152);
    cr_assert_eq(b->h2.ping_interval, 3000);
    cr_assert_eq(b->h2.ping_timeout, 1000);
    cr_assert_eq(b->h2.control_frames, 10);
    cr_assert_eq(b->dns.capacity, 1);
    cr_assert_eq(b->dns.min_ttl, 2000);
    cr_assert_eq(b->dns.family, 2);
    config_free(c);
}

Test(config_cluster, endpoints_are_addresses_and_names)
{
    struct config *c =
        conf_of(WITH_CLUSTER("endpoints = (\n\"10.0.0.1:80\", \"[2001:db8::1]:81\", { address = "
                             "\"unix:/run/a\"; weight = "
                             "3; }, { address = \"API.Internal.:82\"; weight = 0; } );"));
    const struct endpoint_conf *ep = c->clusters[0].endpoints;
    cr_assert_eq(c->clusters[0].endpoints_n, 4);
    cr_assert_slice(ep[0].address, "10.0.0.1:80");
    cr_assert_eq(ep[0].addr.sa.sa_family, AF_INET);
    cr_assert_eq(ep[0].port, 80);
    cr_assert_eq(ep[0].weight, 1);
    cr_assert_eq(ep[0].place.line, 3);
    cr_assert_eq(ep[0].host.n, 0);
    cr_assert_eq(ep[1].addr.sa.sa_family, AF_INET6);
    cr_assert_eq(ep[2].addr.sa.sa_family, AF_UNIX);
    cr_assert_eq(ep[2].weight, 3);
    cr_assert_eq(ep[3].addr.len, 0);
    cr_assert_slice(ep[3].address, "API.Internal.:82");
    cr_assert_slice(ep[3].host, "api.internal");
    cr_assert_eq(ep[3].port, 82);
    cr_assert_eq(ep[3].weight, 0);
    cr_assert_eq(ep[3].place.index, 3);
    config_free(c);
}

#define ADDRESS                                                                                    \
    "an address with its port, such as \"10.0.0.1:8080\", \"[2001:db8::1]:8080\", "                \
    "\"api.internal:80\" or \"unix:/run/app.sock\""
Test(config_cluster, what_is_no_endpoint_is_refused)
{
    const char *const bad[] = {
        "",        "10.0.0.1",      "10.0.0.1:0",  "0.0.0.0:80", "*:80",
        "[::]:80", "10.0.0.256:80", "10.1:80",     "name",       "name:",
        "name:0",  "name:65536",    "na me:80",    "name:80:80", "[::1]",
        "::1:80",  "[name]:80",     "http://a:80", "a/b:80",     "*.example.com:80",
        "1234:80", "unix:",         ":80"};
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[1024], expected[1024];
        snprintf(text, sizeof text,
                 "clusters = { b = { endpoints = [ \"%s\" ]; }; };" LISTENERS ROUTES, bad[i]);
        snprintf(expected, sizeof expected,
                 "t.conf:1: error: clusters.b.endpoints[0] is \"%s\"; " ADDRESS, bad[i]);
        conf_says(text, expected);
    }
}

Test(config_cluster, values_are_checked)
{
    CONF_CASES(
        {WITH_CLUSTER(""), "t.conf:2: error: clusters.b.endpoints is missing: where requests go"},
        {WITH_CLUSTER("endpoints = [ ];"),
         "t.conf:2: error: clusters.b.endpoints is empty; at least one endpoint"},
        {WITH_CLUSTER("endpoints = \"10.0.0.1:80\";"),
         "t.conf:2: error: clusters.b.endpoints is \"10.0.0.1:80\"; a list of addresses, [ "
         "\"10.0.0.1:8080\" ], or of groups, ( { address = \"10.0.0.1:8080\"; weight = 2; } )"},
        {WITH_CLUSTER("endpoints = ( 80 );"),
         "t.conf:2: error: clusters.b.endpoints[0] is 80; " ADDRESS},
        {WITH_CLUSTER("endpoints = ( { weight = 2; } );"),
         "t.conf:2: error: clusters.b.endpoints[0].address is missing: address or name, and port"},
        {WITH_CLUSTER("endpoints = ( { address = \"a:1\"; wieght = 2; } );"),
         "t.conf:2: error: unknown setting clusters.b.endpoints[0].wieght; did you mean "
         "\"weight\"?"},
        {WITH_CLUSTER("endpoints = ( { address = \"a:1\"; weight = 65536; } );"),
         "t.conf:2: error: clusters.b.endpoints[0].weight is 65536; a whole number from 0 to "
         "65535"},
        {WITH_CLUSTER("endpoints = ( { address = \"a:1\"; weight = 0; } );"),
         "t.conf:2: warning: clusters.b.endpoints: no endpoint has a weight above 0, so the "
         "cluster serves nothing"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; balance = \"least_requests\";"),
         "t.conf:2: error: clusters.b.balance is \"least_requests\"; one of \"round_robin\", "
         "\"least_request\", \"random\", \"ring_hash\", \"maglev\" or \"peak_ewma\"; did you mean \"least_request\"?"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; dns = { min_ttl = \"10m\"; };"),
         "t.conf:2: error: clusters.b.dns.min_ttl is more than max_ttl"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; breaker = { };"),
         "t.conf:2: error: unknown setting clusters.b.breaker; known here: endpoints, balance, "
         "least_request, hash, ewma_decay, panic, overprovision, zone_aware, slow_start, protocol, "
         "tls, proxy_protocol, timeouts, limits, pool, h2, retry_budget, hedge_budget, dns, "
         "health, and settings of installed modules, by their names (weir -m lists "
         "them)"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; timeouts = { keep_alive = \"1s\"; };"),
         "t.conf:2: error: unknown setting clusters.b.timeouts.keep_alive; known here: body_idle, "
         "tunnel_idle, connect, response_head"});
}

#define AGAIN " has that endpoint already (for a larger share give it a weight)"
Test(config_cluster, duplicates_name_both_lines)
{
    CONF_CASES({WITH_CLUSTER("endpoints = [ \"a:1\",\n \"b:1\", \"A.:1\" ];"),
                "t.conf:3: error: clusters.b.endpoints[2] is \"A.:1\"; line 2" AGAIN},
               {WITH_CLUSTER("endpoints = [ \"[::1]:1\",\n \"[0::0:1]:1\", \"b:1\" ];"),
                "t.conf:3: error: clusters.b.endpoints[1] is \"[0::0:1]:1\"; line 2" AGAIN},
               {"clusters = {\nb = { endpoints = [ \"a:1\" ]; };\nb = { }; };" LISTENERS ROUTES,
                "t.conf:3: error: b is set twice in its group; first in line 2"});
    config_free(
        conf_of(WITH_CLUSTER("endpoints = [ \"a:1\", \"a:2\", \"b:1\" ]; }; c = { endpoints "
                             "= [ \"a:1\" ];")));
}

Test(config_cluster, names_are_plain)
{
    CONF_CASES({"clusters = { b = { endpoints = [ \"a:1\" ]; };\n b* = { endpoints = [ \"a:1\" ]; "
                "}; };" LISTENERS ROUTES,
                "t.conf:2: error: the cluster name \"b*\" is not one; 1 to 64 letters, digits, "
                "\".\", \"_\" and \"-\""});
}

Test(config_cluster, hedge_budget_is_small_by_default)
{
    struct config *c = conf_of(WITH_CLUSTER("endpoints = [ \"a:1\" ];"));
    const struct budget_conf *b = &c->clusters[0].hedge_budget;
    cr_assert(b->percent == 20000 && b->min_per_second == 0 && b->window == 10000);
    config_free(c);
}

Test(config_cluster, retry_budget_has_defaults_and_ranges)
{
    struct config *c = conf_of(WITH_CLUSTER("endpoints = [ \"a:1\" ];"));
    const struct budget_conf *b = &c->clusters[0].retry_budget;
    cr_assert_eq(b->percent, 200000);
    cr_assert_eq(b->min_per_second, 10);
    cr_assert_eq(b->window, 10000);
    config_free(c);
    c = conf_of(WITH_CLUSTER("endpoints = [ \"a:1\" ]; retry_budget = { percent = \"0%\"; "
                             "min_per_second = 0; window = \"60s\"; };"));
    b = &c->clusters[0].retry_budget;
    cr_assert_eq(b->percent + (uint64_t)b->min_per_second, 0);
    cr_assert_eq(b->window, 60000);
    config_free(c);
    CONF_CASES({WITH_CLUSTER("endpoints = [ \"a:1\" ]; retry_budget = { window = \"61s\"; };"),
                "t.conf:2: error: clusters.b.retry_budget.window is \"61s\"; a duration such as "
                "\"250ms\", \"3s\" or \"5m\", from 1s to 1m"});
}

Test(config_cluster, retry_budget_may_be_shared_in_a_fleet)
{
    struct config *c =
        conf_of("fleet = { redis = { address = \"127.0.0.1\"; }; };" WITH_CLUSTER(
            "endpoints = [ \"a:1\" ]; retry_budget = { shared = true; };"));
    cr_assert(c->clusters[0].retry_budget.shared);
    cr_assert_not(c->clusters[0].hedge_budget.shared);
    config_free(c);
    conf_says(WITH_CLUSTER("endpoints = [ \"a:1\" ]; retry_budget = { shared = true; };"),
              "t.conf:2: warning: clusters.b.retry_budget.shared does nothing: there is no group "
              "fleet, so there are no other instances");
}
