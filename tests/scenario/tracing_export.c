/* SPDX-License-Identifier: Apache-2.0 */
/* Spans on their way to the collector, and what becomes of them when it is slow, busy or gone. */
#include "tests/lib/certs.h"
#include "tests/lib/h2_talk.h"
#include "tracing_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TRACING_SUITE(tracing_export);

static void send_many(unsigned n)
{
    struct talk *t = talk_open();
    for (unsigned i = 0; i < n; i++)
        talk_send(t, "GET /many HTTP/1.1\r\nHost: a\r\n\r\n");
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(talk_response(t)->status, 200);
    talk_close(t);
}

/* Of all spans, no two have the same id. */
static void are_different(const json_t *spans)
{
    size_t i;
    json_t *one, *seen = json_object();
    json_array_foreach(spans, i, one)
    {
        cr_assert_null(json_object_get(seen, tracing_member(one, "spanId")));
        json_object_set_new(seen, tracing_member(one, "spanId"), json_true());
    }
    json_decref(seen);
}

/* -- what is sent ------------------------------------------------------------------------------ */

Test(tracing_export, sends_a_request_and_its_attempt)
{
    tracing_start("service = \"edge\"; "
                  "resource = ( { name = \"deployment.environment.name\"; value = \"test\"; } );"
                  "headers = ( { name = \"X-Key\"; value = \"k1\"; } );",
                  "");
    cr_assert_eq(ask("GET /a/b?note=secret HTTP/1.1\r\nHost: Shop.Test:80\r\n"
                     "User-Agent: probe/1\r\n\r\n")
                     ->status,
                 200);
    tracing_await(2);
    const json_t *s = tracing_span(2, 0), *c = tracing_span(3, 0);
    cr_assert_str_eq(tracing_member(s, "name"), "GET all");
    cr_assert_str_eq(otlp_attribute(s, "url.path"), "/a/b");
    cr_assert_str_eq(otlp_attribute(s, "url.query"), "", "it may be nobody's business");
    cr_assert_str_eq(otlp_attribute(s, "server.address"), "shop.test");
    cr_assert_str_eq(otlp_attribute(s, "client.address"), "127.0.0.1");
    cr_assert_str_eq(otlp_attribute(s, "user_agent.original"), "probe/1");
    cr_assert_str_eq(otlp_attribute(s, "network.protocol.version"), "1.1");
    cr_assert_str_eq(otlp_attribute(s, "weir.outcome"), "ok");
    cr_assert_str_eq(tracing_member(c, "name"), "GET app");
    cr_assert_str_eq(tracing_member(c, "parentSpanId"), tracing_member(s, "spanId"));
    cr_assert_str_eq(tracing_member(c, "traceId"), tracing_member(s, "traceId"));
    cr_assert_str_eq(tracing_member(c, "spanId"), tracing_span_of(tracing_inward("traceparent")));
    char port[16];
    snprintf(port, sizeof port, "int %u", origin_port(tracing_app));
    cr_assert_str_eq(otlp_attribute(c, "server.port"), port);
    json_t *resource = collector_resource();
    cr_assert_str_eq(otlp_attribute(resource, "service.name"), "edge");
    cr_assert_str_eq(otlp_attribute(resource, "deployment.environment.name"), "test");
    cr_assert_str_neq(otlp_attribute(resource, "host.name"), "");
    json_decref(resource);
    cr_assert(strstr(collector_head(), "POST /v1/traces HTTP/1.1\r\n"));
    cr_assert(strcasestr(collector_head(), "\r\nx-key: k1\r\n"));
}

static unsigned long long ns(const json_t *span, const char *member)
{
    return strtoull(tracing_member(span, member), NULL, 10);
}

Test(tracing_export, has_the_times_of_what_it_tells)
{
    struct timespec before, after;
    tracing_start("", "");
    clock_gettime(CLOCK_REALTIME, &before);
    cr_assert_eq(get("/?delay=80")->status, 200);
    clock_gettime(CLOCK_REALTIME, &after);
    tracing_await(2);
    const json_t *s = tracing_span(2, 0), *c = tracing_span(3, 0);
    const unsigned long long begin = ns(s, "startTimeUnixNano"), end = ns(s, "endTimeUnixNano");
    cr_assert(end - begin >= 79000000 && end - begin < 5000000000, "%llu", end - begin);
    cr_assert_geq(begin + 100000000, (unsigned long long)before.tv_sec * 1000000000);
    cr_assert_leq(end, (unsigned long long)after.tv_sec * 1000000000 + 1100000000);
    cr_assert(ns(c, "startTimeUnixNano") >= begin && ns(c, "endTimeUnixNano") <= end);
    cr_assert_geq(ns(c, "endTimeUnixNano") - ns(c, "startTimeUnixNano"), 79000000);
}

Test(tracing_export, has_a_span_for_the_wait_of_a_module)
{
    struct rig_conf c = tracing_conf("", "");
    c.cluster = "breaker = { limits = { max_requests = 1; max_pending = 2; queue_timeout = "
                "\"5s\"; }; };";
    rig_start_with(c);
    struct talk *first = talk_open(), *second = talk_open();
    talk_send(first, "GET /first?delay=60 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(tracing_app) == 1);
    talk_send(second, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(first)->status, 200);
    cr_assert_eq(talk_response(second)->status, 200);
    tracing_await(5);
    const json_t *wait = tracing_span(1, 0), *s = tracing_span(2, 1);
    cr_assert_str_eq(tracing_member(wait, "name"), "breaker on_enter");
    cr_assert_str_eq(otlp_attribute(wait, "weir.module"), "breaker");
    cr_assert_str_eq(otlp_attribute(s, "url.path"), "/second");
    cr_assert_str_eq(tracing_member(wait, "parentSpanId"), tracing_member(s, "spanId"));
    cr_assert_gt(ns(wait, "endTimeUnixNano"), ns(wait, "startTimeUnixNano"));
}

Test(tracing_export, tells_of_requests_over_http_2)
{
    struct rig_conf c = tracing_conf("", "");
    c.listener = "protocols = [ \"h2\" ];";
    rig_start_with(c);
    struct h2_talk *t = h2_talk_open();
    cr_assert_eq(h2_answer(t, h2_ask(t, .path = "/two"))->status, 200);
    h2_talk_close(t);
    tracing_await(2);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 0), "network.protocol.version"), "2");
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 0), "url.path"), "/two");
}

static struct rig_conf only_a(const char *global)
{
    struct rig_conf c = tracing_conf(global, "");
    c.routes = "( { name = \"a\"; match = { path = \"/a\"; }; cluster = \"app\"; tracing = { }; } )";
    return c;
}

Test(tracing_export, tells_of_requests_that_no_route_takes)
{
    rig_start_with(only_a(""));
    cr_assert_eq(get("/b")->status, 404);
    tracing_await(1);
    const json_t *s = tracing_span(2, 0);
    cr_assert_str_eq(tracing_member(s, "name"), "GET");
    cr_assert_str_eq(otlp_attribute(s, "url.path"), "/b");
    cr_assert_str_eq(otlp_attribute(s, "weir.outcome"), "no_route");
    cr_assert_str_eq(otlp_attribute(s, "http.response.status_code"), "int 404");
    cr_assert_eq(ask("GET /%%zz HTTP/1.1\r\nHost: a\r\n\r\n")->status, 400);
    tracing_await(2);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 1), "weir.outcome"), "bad_target");
    cr_assert_eq(ask("nonsense\r\n\r\n")->status, 400);
    tracing_await(3);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 2), "weir.outcome"), "bad_request");
}

Test(tracing_export, leaves_them_out_where_it_is_told_to)
{
    rig_start_with(only_a("unrouted = false;"));
    cr_assert_eq(get("/b")->status, 404);
    cr_assert_eq(get("/a")->status, 200);
    tracing_await(2);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 0), "url.path"), "/a");
}

Test(tracing_export, calls_grpc_that_failed_a_failure)
{
    tracing_start("", "");
    cr_assert_eq(ask("POST /?field=grpc-status:14 HTTP/1.1\r\nHost: a\r\nContent-Type: "
                     "application/grpc\r\nContent-Length: 0\r\n\r\n")
                     ->status,
                 200);
    tracing_await(2);
    const json_t *s = tracing_span(2, 0);
    cr_assert_str_eq(otlp_attribute(s, "rpc.grpc.status_code"), "int 14");
    cr_assert_str_eq(otlp_attribute(s, "error.type"), "14");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(s, "status"), "code")), 2);
}

Test(tracing_export, tells_of_a_client_that_went_away)
{
    tracing_start("", "");
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(tracing_app) == 1);
    talk_reset(t);
    tracing_await(2);
    const json_t *s = tracing_span(2, 0);
    cr_assert_str_eq(otlp_attribute(s, "weir.outcome"), "client_gone");
    cr_assert_null(json_object_get(s, "status"), "that is no failure");
    cr_assert_null(json_object_get(tracing_span(3, 0), "status"));
}

Test(tracing_export, has_nothing_to_send_without_a_collector)
{
    rig_start(.top = "modules = { tracing = { trust = \"always\"; }; };",
              .routes = "( { name = \"all\"; cluster = \"app\"; tracing = { }; } )");
    tracing_get("traceparent: 00-" TRACE "-" SPAN "-01\r\n");
    cr_assert_str_eq(tracing_trace_of(tracing_inward("traceparent")), TRACE);
    cr_assert_eq(rig_metric("weir_tracing_queued"), -1);
}

Test(tracing_export, is_in_force_on_every_route_by_default_modules)
{
    rig_default_modules("[ \"tracing\" ]");
    struct rig_conf c = tracing_conf("", "");
    c.routes = NULL;
    rig_start_with(c);
    tracing_get("");
    tracing_await(2);
}

/* -- batches ----------------------------------------------------------------------------------- */

Test(tracing_export, sends_batches_one_after_the_other)
{
    enum { MANY = 300 };
    struct rig_conf c = tracing_conf("export = { spans = 100; delay = \"300ms\"; };", "");
    c.workers = 2;
    rig_start_with(c);
    collector_delays(20);
    for (int i = 0; i < 3; i++)
        send_many(MANY / 3);
    are_different(tracing_await(2 * MANY));
    cr_assert_eq(json_array_size(tracing_await(2 * MANY)), 2 * MANY);
    cr_assert(collector_requests() <= 10, "%u requests", collector_requests());
    cr_assert_eq(collector_most(), 1);
    AWAIT(tracing_count("exported") == 2 * MANY);
    cr_assert_eq(tracing_count("batches"), collector_requests());
    cr_assert_eq(rig_metric("weir_tracing_queued"), 0);
}

Test(tracing_export, waits_for_others_up_to_the_delay)
{
    tracing_start("export = { delay = \"400ms\"; };", "");
    const uint64_t begin = now_ms();
    tracing_get("");
    tracing_get("");
    tracing_await(4);
    cr_assert_geq(now_ms() - begin, 300);
    cr_assert_eq(collector_requests(), 1);
}

/* -- a collector in trouble -------------------------------------------------------------------- */

Test(tracing_export, drops_what_finds_no_room_and_counts_it)
{
    tracing_start("queue = 16; export = { delay = \"0s\"; spans = 2; timeout = \"20s\"; };", "");
    collector_delays(600);
    for (int i = 0; i < 5; i++)
        send_many(20);
    AWAIT(tracing_dropped("queue") > 0);
    collector_delays(0);
    AWAIT(tracing_count("exported") + tracing_dropped("queue") == 200);
    cr_assert_geq(tracing_count("exported"), 2 * 16);
    are_different(tracing_await((size_t)tracing_count("exported")));
}

Test(tracing_export, comes_again_when_it_is_told_to)
{
    tracing_start("", "");
    collector_answers(503, "Retry-After: 1\r\n", "");
    tracing_get("");
    AWAIT(collector_requests() == 1);
    const uint64_t begin = now_ms();
    rig_await_log("tracing_failed");
    collector_answers(200, "", "{}");
    are_different(tracing_await(2));
    cr_assert(now_ms() - begin >= 900, "it came after %u ms", (unsigned)(now_ms() - begin));
    cr_assert_eq(collector_requests(), 2);
    rig_await_log("tracing_recovered");
    cr_assert_eq(tracing_count("failures"), 1);
    cr_assert_eq(tracing_dropped("unreachable"), 0);
}

Test(tracing_export, gives_up_a_batch_that_nobody_takes)
{
    tracing_start("export = { delay = \"0s\"; keep = \"0s\"; };", "");
    collector_answers(0, "", "");
    tracing_get("");
    AWAIT(tracing_dropped("unreachable") == 2);
    collector_answers(200, "", "{}");
    tracing_get("");
    tracing_await(2);
    cr_assert_eq(json_array_size(tracing_await(2)), 2);
}

Test(tracing_export, drops_what_is_refused)
{
    tracing_start("", "");
    collector_answers(400, "", "{}");
    tracing_get("");
    AWAIT(tracing_dropped("refused") == 2);
    rig_await_log("its status is 400");
    collector_answers(200, "", "{}");
    tracing_get("");
    tracing_await(2);
    AWAIT(tracing_count("exported") == 2);
}

Test(tracing_export, counts_what_is_rejected_of_a_batch)
{
    tracing_start("", "");
    collector_answers(
        200, "", "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"too old\"}}");
    tracing_get("");
    AWAIT(tracing_dropped("rejected") == 1);
    AWAIT(tracing_count("exported") == 1);
    rig_await_log("1 of 2 spans: too old");
}

/* -- over TLS ---------------------------------------------------------------------------------- */

static struct rig_conf conf_of_tls(const char *cluster)
{
    return (struct rig_conf){
        .top = "modules = { tracing = { collector = \"https://$secure/v1/traces\"; "
               "collector_cluster = \"secure\"; sampling = { ratio = \"100%\"; };"
               "export = { delay = \"0s\"; }; }; };",
        .clusters = cluster,
        .routes = "( { name = \"all\"; cluster = \"app\"; tracing = { }; } )"};
}

Test(tracing_export, verifies_a_collector_over_tls)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "origin", .issuer = "root", .ip = "127.0.0.1"});
    struct origin *o = origin_start_with((struct origin_spec){.name = "secure", .tls = true});
    rig_start_with(conf_of_tls("secure = { endpoints = [ \"$secure\" ]; tls = { }; };"));
    tracing_get("");
    rig_await_log("/v1/traces: tls");
    cr_assert_eq(origin_requests(o), 0, "nothing was said to it");
    rig_renew_with(conf_of_tls("secure = { endpoints = [ \"$secure\" ]; "
                               "tls = { ca = \"$certs/root.crt\"; }; };"));
    AWAIT(tracing_count("exported") == 2);
    char *head = origin_last_head(o);
    cr_assert(strstr(head, "POST /v1/traces HTTP/1.1\r\n"), "%s", head);
    free(head);
    certs_end();
}

/* -- processes that go ------------------------------------------------------------------------- */

/* What the old control process had taken goes to the new one. */
Test(tracing_export, loses_nothing_in_a_reload)
{
    tracing_start("", "");
    collector_answers(503, "", "");
    send_many(10);
    AWAIT(collector_requests() >= 1);
    rig_renew_with(tracing_conf("service = \"other\";", ""));
    send_many(5);
    collector_answers(200, "", "{}");
    are_different(tracing_await(30));
    AWAIT(tracing_count("exported") == 30);
    json_t *resource = collector_resource();
    cr_assert_str_eq(otlp_attribute(resource, "service.name"), "other");
    json_decref(resource);
}

Test(tracing_export, loses_nothing_in_an_upgrade)
{
    tracing_start("", "");
    collector_answers(503, "", "");
    send_many(10);
    AWAIT(collector_requests() >= 1);
    cr_assert(rig_upgrade());
    for (int i = 0; i < 5; i++)
        tracing_get("");
    collector_answers(200, "", "{}");
    are_different(tracing_await(30));
}

Test(tracing_export, goes_on_when_the_control_process_dies)
{
    pid_t pid;
    tracing_start("", "");
    tracing_get("");
    tracing_await(2);
    rig_expect_deaths();
    cr_assert_eq(rig_processes("control", &pid, 1), 1);
    kill(pid, SIGKILL);
    send_many(10);
    are_different(tracing_await(22));
}

/* -- configurations ---------------------------------------------------------------------------- */

static char *said;

static int check(const char *global)
{
    char top[512];
    snprintf(top, sizeof top, "modules = { tracing = { %s }; };", global);
    rig_write_conf((struct rig_conf){
        .top = top, .routes = "( { name = \"all\"; cluster = \"app\"; tracing = { }; } )"});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    return status;
}

Test(tracing_export, refuses_settings_that_mean_nothing)
{
    static const char *const wrong[][2] = {
        {"collector = \"127.0.0.1:4318\";", "collector"},
        {"collector_cluster = \"app\";", "tracing.collector_cluster goes with collector only"},
        {"headers = ( { name = \"a\"; value = \"b\"; } );", "tracing.headers goes with collector"},
        {"collector = \"http://$collector/\"; headers = ( { name = \"Host\"; value = \"b\"; } );",
         "tracing.headers has \"Host\", which is no field that can be sent"},
        {"trust = \"all\";", "one of \"proxies\", \"always\" or \"never\""},
        {"sampling = { ratio = \"101%\"; };", "ratio"},
        {"tracestate_max = 511;", "512"},
        {"queue = 15;", "16"},
        {"export = { spans = 0; };", "1 to 10000"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(check(wrong[i][0]), 1, "%s", wrong[i][0]);
        cr_assert(strstr(said, "weir.conf:") && strstr(said, wrong[i][1]), "%s\n%s", wrong[i][0],
                  said);
    }
    cr_assert_eq(check("collector = \"http://$collector/\"; collector_cluster = \"app\";"), 0, "%s",
                 said);
    free(said);
    said = NULL;
}

/* With a free port instead of the one that it names. */
Test(tracing_export, has_an_example_that_is_good)
{
    static const char named[] = "0.0.0.0:8080";
    static char text[16 * 1024], conf[sizeof text + 1024];
    FILE *file = fopen(TEST_SRCDIR "/conf/examples/tracing.conf", "re");
    cr_assert(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *bind = strstr(text, named);
    cr_assert(bind);
    *bind = 0;
    snprintf(conf, sizeof conf, "module_folders = [ \"%s\" ];\n%s127.0.0.1:$port%s", WEIR_MODULES,
             text, bind + strlen(named));
    rig_write_conf((struct rig_conf){.whole = conf});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    said = rig_read("output");
    cr_assert(status == 0 && strstr(said, "(0 errors, 0 warnings)"), "%s", said);
    free(said);
    said = NULL;
}
