/* SPDX-License-Identifier: Apache-2.0 */
/* The group `health` of a cluster: defaults, every value, and what is refused. */
#include "config_case.h"

#define EP "endpoints = [ \"a:1\" ]; "
#define WITH_HEALTH(part) WITH_CLUSTER(EP "health = { " part " };")

Test(config_health, is_off_unless_it_stands_there)
{
    struct config *c = conf_of(WITH_CLUSTER(EP));
    cr_assert_not(c->clusters[0].health.set);
    cr_assert_eq(c->health.concurrency, 64);
    config_free(c);
}

Test(config_health, an_empty_group_turns_it_on_with_defaults)
{
    struct config *c = conf_of(WITH_HEALTH(""));
    const struct health_conf *h = &c->clusters[0].health;
    cr_assert(h->set);
    cr_assert_eq(h->type, HEALTH_AUTO);
    cr_assert_slice(h->path, "/");
    cr_assert_slice(h->method, "GET");
    cr_assert_eq(h->host.n, 0);
    cr_assert_eq(h->port, 0);
    cr_assert(h->tls);
    cr_assert_eq(h->headers.n, 0);
    cr_assert_eq(h->expect.n, 1);
    cr_assert_eq(h->expect.v[0].from, 200);
    cr_assert_eq(h->expect.v[0].to, 299);
    cr_assert_eq(h->body.n + h->body_regex.n + h->service.n + h->send.n + h->receive.n, 0);
    cr_assert_eq(h->body_size, 65536);
    cr_assert_eq(h->interval, 5000);
    cr_assert_eq(h->unhealthy_interval, 1000);
    cr_assert_eq(h->no_traffic_interval, 0);
    cr_assert_eq(h->jitter, 100000);
    cr_assert_eq(h->timeout, 2000);
    cr_assert_eq(h->rise, 2);
    cr_assert_eq(h->fall, 3);
    cr_assert_eq(h->initial, HEALTH_INITIAL_UP);
    cr_assert_eq(h->header.n, 0);
    cr_assert_eq(h->header_for, 30000);
    config_free(c);
}

Test(config_health, values_of_requests_are_stored)
{
    struct config *c = conf_of(WITH_HEALTH(
        "type = \"h2\"; path = \"/h?deep=1\"; method = \"POST\"; host = \"x.example:8\"; port = 9; "
        "tls = false; headers = ( { name = \"Authorization\"; value = \"Basic x\"; } ); "
        "expect = ( 200, \"3xx\", \"401-403\" ); body = \"ok\"; body_size = 100; interval = "
        "\"10ms\"; unhealthy_interval = \"20ms\"; no_traffic_interval = \"1m\"; jitter = \"0%\"; "
        "timeout = \"1ms\"; rise = 1; fall = 1000; initial = \"down\"; header = \"X-Weir-Health\"; "
        "header_for = \"5s\";"));
    const struct health_conf *h = &c->clusters[0].health;
    cr_assert_eq(h->type, HEALTH_H2);
    cr_assert_slice(h->path, "/h?deep=1");
    cr_assert_slice(h->method, "POST");
    cr_assert_slice(h->host, "x.example:8");
    cr_assert_eq(h->port, 9);
    cr_assert_not(h->tls);
    cr_assert_slice(h->headers.v[0].name, "Authorization");
    cr_assert_slice(h->headers.v[0].value, "Basic x");
    cr_assert_eq(h->expect.n, 3);
    cr_assert(h->expect.v[0].from == 200 && h->expect.v[0].to == 200);
    cr_assert(h->expect.v[1].from == 300 && h->expect.v[1].to == 399);
    cr_assert(h->expect.v[2].from == 401 && h->expect.v[2].to == 403);
    cr_assert_slice(h->body, "ok");
    cr_assert_eq(h->body_size, 100);
    cr_assert_eq(h->interval, 10);
    cr_assert_eq(h->unhealthy_interval, 20);
    cr_assert_eq(h->no_traffic_interval, 60000);
    cr_assert_eq(h->jitter, 0);
    cr_assert_eq(h->timeout, 1);
    cr_assert_eq(h->rise, 1);
    cr_assert_eq(h->fall, 1000);
    cr_assert_eq(h->initial, HEALTH_INITIAL_DOWN);
    cr_assert_slice(h->header, "X-Weir-Health");
    cr_assert_eq(h->header_for, 5000);
    config_free(c);
}

Test(config_health, values_of_other_types_are_stored)
{
    struct config *c = conf_of("clusters = {"
                               "b = { " EP "health = { type = \"tcp\"; send = \"PING\\r\\n\"; "
                               "receive = \"+PONG\"; }; };"
                               "g = { " EP "health = { type = \"grpc\"; service = \"a.B\"; }; };"
                               "n = { " EP "health = { type = \"none\"; header = \"h\"; }; };"
                               "r = { " EP "health = { body_regex = \"a+\"; }; }; };"
                               "health = { concurrency = 3; };" LISTENERS ROUTES);
    cr_assert_slice(c->clusters[0].health.send, "PING\r\n");
    cr_assert_slice(c->clusters[0].health.receive, "+PONG");
    cr_assert_slice(c->clusters[1].health.service, "a.B");
    cr_assert_eq(c->clusters[2].health.type, HEALTH_NONE);
    cr_assert_slice(c->clusters[3].health.body_regex, "(?s:.*?)(?:a+)(?s:.*)");
    cr_assert_eq(c->health.concurrency, 3);
    config_free(c);
}

Test(config_health, checks_are_not_slower_for_an_unhealthy_endpoint_by_default)
{
    struct config *c = conf_of(WITH_HEALTH("interval = \"200ms\";"));
    cr_assert_eq(c->clusters[0].health.unhealthy_interval, 200);
    config_free(c);
}

Test(config_health, what_is_wrong_is_said)
{
    CONF_CASES(
        {WITH_HEALTH("expect = \"6xx\";"),
         "t.conf:2: error: clusters.b.health.expect is \"6xx\"; a status such as 200, a class such "
         "as \"2xx\", or a range such as \"200-299\""},
        {WITH_HEALTH("expect = ( 200, 99 );"),
         "t.conf:2: error: clusters.b.health.expect[1] is 99; a status such as 200, a class such "
         "as \"2xx\", or a range such as \"200-299\""},
        {WITH_HEALTH("expect = \"299-200\";"),
         "t.conf:2: error: clusters.b.health.expect is \"299-200\"; a status such as 200, a class "
         "such as \"2xx\", or a range such as \"200-299\""},
        {WITH_HEALTH("path = \"healthz\";"),
         "t.conf:2: error: clusters.b.health.path is \"healthz\"; a path, with its query if it has "
         "one, such as \"/healthz?deep=1\""},
        {WITH_HEALTH("method = \"CONNECT\";"),
         "t.conf:2: error: clusters.b.health.method is \"CONNECT\"; a method, such as \"GET\"; not "
         "CONNECT and not TRACE"},
        {WITH_HEALTH("method = \"HEAD\"; body = \"x\";"),
         "t.conf:2: error: clusters.b.health has method = \"HEAD\", whose responses have no "
         "content "
         "to look at"},
        {WITH_HEALTH("body = \"a\"; body_regex = \"a\";"),
         "t.conf:2: error: clusters.b.health has both body and body_regex; one of them"},
        {WITH_HEALTH("body_regex = \"a(\";"),
         "t.conf:2: error: clusters.b.health.body_regex is \"a(\"; missing closing parenthesis"},
        {WITH_HEALTH("body = \"abc\"; body_size = 2;"),
         "t.conf:2: error: clusters.b.health.body_size is less than what is looked for"},
        {WITH_HEALTH("host = \"a b\";"),
         "t.conf:2: error: clusters.b.health.host is \"a b\"; a host, with its port if it has one"},
        {WITH_HEALTH("header = \"a:b\";"),
         "t.conf:2: error: clusters.b.health.header is \"a:b\"; a name of a field, such as "
         "\"X-Weir-Health\""},
        {WITH_HEALTH("header_for = \"1s\";"),
         "t.conf:2: error: clusters.b.health.header_for has no use without header"},
        {WITH_HEALTH("type = \"none\";"), "t.conf:2: error: clusters.b.health has type = \"none\" "
                                          "and no header: it would do nothing"},
        {WITH_HEALTH("headers = ( { name = \"Host\"; } );"),
         "t.conf:2: error: clusters.b.health.headers[0].name is \"Host\"; that is not for a "
         "setting "
         "to say (for Host there is `host`)"},
        {WITH_HEALTH("headers = ( { name = \"a b\"; } );"),
         "t.conf:2: error: clusters.b.health.headers[0].name is \"a b\"; a name of a field, such "
         "as "
         "\"Authorization\""});
}

Test(config_health, a_setting_without_use_is_an_error)
{
    CONF_CASES({WITH_HEALTH("type = \"tcp\"; path = \"/\";"),
                "t.conf:2: error: clusters.b.health.path has no use with type = \"tcp\""},
               {WITH_HEALTH("send = \"x\";"),
                "t.conf:2: error: clusters.b.health.send has no use with type = \"auto\""},
               {WITH_HEALTH("type = \"grpc\"; expect = 200;"),
                "t.conf:2: error: clusters.b.health.expect has no use with type = \"grpc\""},
               {WITH_HEALTH("service = \"x\";"),
                "t.conf:2: error: clusters.b.health.service has no use with type = \"auto\""},
               {WITH_HEALTH("type = \"none\"; header = \"h\"; initial = \"down\";"),
                "t.conf:2: error: clusters.b.health.initial has no use with type = \"none\""},
               {WITH_HEALTH("type = \"none\"; header = \"h\"; rise = 1;"),
                "t.conf:2: error: clusters.b.health.rise has no use with type = \"none\""});
}

Test(config_health, over_tls_the_cluster_must_agree_on_the_protocol)
{
    CONF_CASES({WITH_CLUSTER(EP "tls = { }; health = { type = \"grpc\"; };"),
                "t.conf:2: error: clusters.b.health.type is \"grpc\", and over TLS the cluster "
                "agrees on HTTP/1.1 only; set the cluster's protocol to \"auto\" or \"h2\""},
               {WITH_CLUSTER(EP "tls = { }; protocol = \"h2\"; health = { type = \"http\"; };"),
                "t.conf:2: error: clusters.b.health.type is \"http\", and over TLS the cluster "
                "agrees on HTTP/2 only; \"auto\" or \"h2\""});
    conf_says(WITH_CLUSTER(EP "proxy_protocol = \"v2\"; health = { type = \"h2\"; };"),
              "t.conf:2: error: clusters.b.health.type is \"h2\", and the cluster has "
              "proxy_protocol, which goes with HTTP/1.1 only");
    config_free(conf_of(WITH_CLUSTER(EP "tls = { }; health = { type = \"grpc\"; tls = false; };")));
}

Test(config_health, some_of_a_fleet_may_check_for_all)
{
    struct config *c = conf_of("fleet = { redis = { address = \"127.0.0.1\"; }; };" WITH_HEALTH(
        "fleet_checkers = 16;"));
    cr_assert_eq(c->clusters[0].health.fleet_checkers, 16);
    config_free(c);
    c = conf_of(WITH_HEALTH(""));
    cr_assert_eq(c->clusters[0].health.fleet_checkers, 0);
    config_free(c);
    CONF_CASES({WITH_HEALTH("fleet_checkers = 17;"),
                "t.conf:2: error: clusters.b.health.fleet_checkers is 17; a whole number from 0 to "
                "16"},
               {WITH_HEALTH("type = \"none\"; header = \"h\"; fleet_checkers = 0;"),
                "t.conf:2: error: clusters.b.health.fleet_checkers has no use with type = \"none\""},
               {"fleet = { redis = { address = \"127.0.0.1\"; }; };" WITH_HEALTH(
                    "fleet_checkers = 1; no_traffic_interval = \"1m\";"),
                "t.conf:2: error: clusters.b.health has both fleet_checkers and "
                "no_traffic_interval; where there is silence on one instance there may be traffic "
                "on another; one of them"},
               {WITH_HEALTH("fleet_checkers = 1;"),
                "t.conf:2: warning: clusters.b.health.fleet_checkers does nothing: there is no "
                "group fleet, so there are no other instances"});
}
