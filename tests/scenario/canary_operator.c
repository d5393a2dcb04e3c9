/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of a split, and changes while it runs. */
#include "canary_case.h"
#include "tests/lib/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

CANARY_SUITE(canary_operator);

/* -- changes ----------------------------------------------------------------------------------- */

/* Tickets of each epoch are in the log, and of the last in the split; summed up they are all
 * requests, and each variant has got its share of each epoch, to less than one. */
Test(canary_operator, changes_weights_under_load_and_every_epoch_is_exact)
{
    static const unsigned weights[][2] = {{90, 10}, {50, 50}, {1, 99}, {0, 1}, {3, 1}, {100, 1}};
    enum { EPOCHS = sizeof weights / sizeof weights[0] };
    double share = 0, all = 0;
    char json[64];
    canary_start(4, CANARY_TWO(90, 10));
    load_start(.clients = 16);
    for (unsigned i = 1; i <= EPOCHS; i++) {
        const unsigned *was = weights[i - 1];
        double tickets;
        load_await(200);
        if (i < EPOCHS) {
            snprintf(json, sizeof json, "{\"v1\": %u, \"v2\": %u}", weights[i][0], weights[i][1]);
            canary_set(json);
            const char *line = strstr(rig_await_log("canary_changed"), "after ");
            cr_assert(line);
            tickets = strtod(line + strlen("after "), NULL);
        } else {
            const struct load_result r = load_stop();
            cr_assert_eq(r.failed, 0, "%s", r.first);
            tickets = canary_number(NULL, "position");
            cr_assert_eq(all + tickets, r.ok, "each request took one ticket");
        }
        all += tickets;
        share += tickets * was[0] / (was[0] + was[1]);
    }
    cr_assert(fabs(origin_requests(canary_v1) - share) < EPOCHS, "%u, not %.1f",
              origin_requests(canary_v1), share);
    cr_assert_eq(origin_requests(canary_v1) + origin_requests(canary_v2), all);
    AWAIT(canary_number("v1", "sent") == canary_number("v1", "assigned"));
    AWAIT(canary_number("v2", "sent") == canary_number("v2", "assigned"));
}

Test(canary_operator, drains_a_variant_at_once)
{
    canary_start(4, CANARY_TWO(1, 1));
    canary_send(50, 50, "/");
    canary_set("{\"v2\": 0}");
    const unsigned before = origin_requests(canary_v2);
    canary_send(100, 100, "/");
    cr_assert_eq(origin_requests(canary_v2), before);
    cr_assert_eq(canary_number("v1", "share"), 1);
}

Test(canary_operator, changes_only_the_weights_that_are_named)
{
    canary_start(1, CANARY_ROUTE(CANARY_ENTRY("v1", 90) ", " CANARY_ENTRY(
                        "v2", 9) ", " CANARY_ENTRY("app", 1)));
    canary_set("{\"v2\": 19}");
    const char *line = rig_await_log("canary_changed");
    cr_assert(strstr(line, "route all by an operator: from v1=90 v2=9 app=1 to v1=90 v2=19 app=1, "
                           "after 0 tickets"),
              "%s", line);
    cr_assert_eq(rig_log_count("canary_changed"), 1);
    canary_set("{\"v1\": 99.99, \"v2\": 0.01, \"app\": 0}");
    cr_assert_eq(canary_number("v1", "weight"), 99.99);
    canary_send(1000, 0, "/");
    cr_assert_leq(origin_requests(canary_v2), 1);
    cr_assert_eq(canary_number("v2", "assigned"), origin_requests(canary_v2));
    canary_set("{\"v2\": 0.03}");
    cr_assert_float_eq(canary_number("v2", "share"), 0.03 / 100.02, 1e-9);
}

Test(canary_operator, keeps_a_change_over_reloads_and_says_that_it_is_one)
{
    canary_start(2, CANARY_TWO(1, 1));
    canary_set("{\"v1\": 0}");
    cr_assert(json_is_true(json_object_get(
        json_array_get(json_object_get(operator_answer(), "splits"), 0), "override")));
    canary_send(20, 0, "/");
    canary_renew(2, CANARY_TWO(1, 1, "response_header = \"x-v\";"));
    canary_send(20, 0, "/");
    cr_assert_eq(origin_requests(canary_v2), 40);
    cr_assert_eq(canary_number(NULL, "position"), 40);
    canary_renew(2, CANARY_TWO(1, 2));
    AWAIT(canary_number("v2", "weight") == 2);
    cr_assert_eq(canary_number("v1", "weight"), 1, "a changed file counts again");
    cr_assert(json_is_false(json_object_get(
        json_array_get(json_object_get(operator_answer(), "splits"), 0), "override")));
}

Test(canary_operator, refuses_a_wrong_change_as_a_wrong_file)
{
    static const struct {
        const char *json, *member, *says;
        int status;
    } wrong[] = {
        {"{\"route\": \"all\", \"weights\": {\"v3\": 1}}", "weights", "no variant called \"v3\"",
         400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": 0, \"v2\": 0}}", "weights", "sum up to 0",
         400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": 999999}}", "weights", "multiples of one step",
         400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": -1}}", "weights", "a number from 0", 400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": 1e9}}", "weights", "a number from 0", 400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": 0.00000001}}", "weights", "places behind",
         400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": \"9\"}}", "weights", "a number from 0", 400},
        {"{\"route\": \"all\", \"weights\": {\"v1\": 1, \"v3\": 1}}", "weights", "no variant", 400},
        {"{\"route\": \"all\", \"weights\": {}}", "weights", "an object with a weight", 400},
        {"{\"route\": \"all\", \"weights\": [1]}", "weights", "an object with a weight", 400},
        {"{\"route\": \"all\"}", "weights", "an object with a weight", 400},
        {"{\"route\": \"none\", \"weights\": {\"v1\": 1}}", "route", "no route called \"none\"",
         404},
        {"{\"weights\": {\"v1\": 1}}", "route", "the name of a route", 400},
        {"{\"route\": 7, \"weights\": {\"v1\": 1}}", "route", "the name of a route", 400},
    };
    canary_start(1, CANARY_TWO(9, 1));
    canary_send(7, 0, "/");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(operator_call("canary", "set", wrong[i].json), wrong[i].status, "%s",
                     wrong[i].json);
        const char *says = json_string_value(json_object_get(operator_answer(), "error"));
        cr_assert(says && strstr(says, wrong[i].says), "%s: %s", wrong[i].json, says);
        cr_assert_str_eq(json_string_value(json_object_get(operator_answer(), "field")),
                         wrong[i].member);
    }
    cr_assert_eq(canary_number("v1", "weight"), 9);
    cr_assert_eq(canary_number(NULL, "position"), 7, "and nothing has begun anew");
    cr_assert_eq(rig_log_count("canary_changed"), 0);
}

/* -- views ------------------------------------------------------------------------------------- */

Test(canary_operator, sees_targets_counts_and_shares)
{
    canary_start(2, CANARY_TWO(3, 1));
    canary_send(101, 100, "/");
    AWAIT(canary_number("v1", "sent") + canary_number("v2", "sent") == 201);
    json_t *s = json_array_get(json_object_get(operator_answer(), "splits"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(s, "route")), "all");
    cr_assert(json_is_false(json_object_get(s, "override")));
    const double since = json_number_value(json_object_get(s, "since"));
    const double age = json_number_value(json_object_get(s, "age_s"));
    cr_assert(since > 1.7e9 && age > 0 && age < 60);
    cr_assert_eq(canary_number("v1", "target"), 150.75);
    cr_assert_eq(canary_number("v1", "assigned"), 151);
    cr_assert_eq(canary_number("v1", "placed"), 0);
    cr_assert_float_eq(canary_number("v1", "requests_share"), 151.0 / 201, 1e-9);
    cr_assert_eq(canary_number("v1", "buckets_share"), 0.75);
    cr_assert_eq(canary_number("v2", "errors"), 0);
    cr_assert_gt(canary_number("v1", "p50_ms"), 0);
    cr_assert_geq(canary_number("v1", "p99_ms"), canary_number("v1", "p50_ms"));
}

Test(canary_operator, sees_all_splits_or_one)
{
    canary_start(1,
                 "( { name = \"a\"; match = { path = \"/a\"; }; canary = { split = ( { cluster = "
                 "\"v1\"; weight = 1; } ); }; },"
                 "  { name = \"b\"; match = { path = \"/b\"; }; canary = { split = ( { cluster = "
                 "\"v2\"; weight = 1; name = \"B\"; } ); }; },"
                 "  { name = \"c\"; cluster = \"app\"; } )");
    cr_assert_eq(operator_call("canary", "get", "{}"), 200);
    cr_assert_eq(json_array_size(json_object_get(operator_answer(), "splits")), 2);
    cr_assert_eq(operator_call("canary", "get", "{\"route\": \"b\"}"), 200);
    json_t *splits = json_object_get(operator_answer(), "splits");
    cr_assert_eq(json_array_size(splits), 1);
    json_t *v = json_array_get(json_object_get(json_array_get(splits, 0), "variants"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(v, "name")), "B");
    cr_assert_str_eq(json_string_value(json_object_get(v, "cluster")), "v2");
    cr_assert_eq(operator_call("canary", "get", "{\"route\": \"c\"}"), 404);
}

Test(canary_operator, finds_variants_in_metrics_and_the_access_log)
{
    canary_start(1,
                 CANARY_ROUTE(CANARY_ENTRY("v1", 1) ", " CANARY_ENTRY("v2", 1, "name = \"new\";")));
    canary_send(4, 0, "/?size=10");
    cr_assert_eq(get("/one?status=500")->status, 500);
    cr_assert_str_eq(json_of(rig_await_access("/one"), "variant"), "v1");
    cr_assert_str_eq(json_of(rig_await_access("/one"), "canary.by"), "ticket");
    cr_assert_eq(get("/two")->status, 200);
    cr_assert_str_eq(json_of(rig_await_access("/two"), "variant"), "new");
    AWAIT(rig_metric("weir_variant_requests_total{route=\"all\",variant=\"v1\"}") == 3);
    cr_assert_eq(rig_metric("weir_variant_requests_total{route=\"all\",variant=\"new\"}"), 3);
    cr_assert_eq(
        rig_metric("weir_variant_responses_total{route=\"all\",variant=\"v1\",code_class=\"5xx\"}"),
        1);
    cr_assert_eq(rig_metric("weir_canary_errors_total{route=\"all\",variant=\"v1\"}"), 1);
    cr_assert_eq(rig_metric("weir_canary_errors_total{route=\"all\",variant=\"new\"}"), 0);
    cr_assert_eq(canary_number("v1", "errors"), 1);
}

/* -- weirctl ----------------------------------------------------------------------------------- */

static char said[16 * 1024];

static int weirctl(const char *args)
{
    char command[1024];
    snprintf(command, sizeof command, "exec 2>&1 </dev/null; timeout 30 %s -s %s %s",
             WEIRCTL_BINARY, rig_path("admin.sock"), args);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    const int status = pclose(f);
    return WEXITSTATUS(status);
}

Test(canary_operator, works_by_weirctl)
{
    canary_start(1, CANARY_TWO(95, 5));
    canary_send(20, 0, "/");
    cr_assert_eq(weirctl("canary get all"), 0, "%s", said);
    cr_assert(strstr(said, "route all: weights of the configuration, since "), "%s", said);
    cr_assert(strstr(said, ", position 20\n"), "%s", said);
    cr_assert_eq(weirctl("canary set all v1=90% v2=10%"), 0, "%s", said);
    cr_assert(strstr(said, "route all: weights set by an operator, since "), "%s", said);
    cr_assert_eq(canary_number("v2", "share"), 0.1);
    cr_assert_eq(weirctl("canary set all v1=99.99 v2=0.01"), 0, "%s", said);
    cr_assert(strstr(said, "0.01%"), "%s", said);
    cr_assert_eq(weirctl("canary set all v3=1"), 1);
    cr_assert(strstr(said, "no variant called \"v3\""), "%s", said);
    cr_assert_eq(weirctl("canary set all v1=0 v2=0"), 1);
    cr_assert(strstr(said, "sum up to 0"), "%s", said);
}

/* Over TCP anybody on this machine could. */
Test(canary_operator, is_shown_but_changes_nothing_over_tcp)
{
    rig_start(.whole = "listeners = ( { name = \"public\"; bind = \"127.0.0.1:$port\"; } );\n"
                       "module_folders = [ \"" WEIR_MODULES "\" ];\n"
                       "admin = { bind = \"127.0.0.1:$portadmin\"; role = \"read-only\"; };\n"
                       "clusters = { v1 = { endpoints = [ \"$v1\" ]; }; };\n"
                       "routes = ( { name = \"all\"; canary = { split = ( { cluster = \"v1\"; "
                       "weight = 1; } ); }; } );\n");
    struct talk *t = talk_open_port(rig_port("portadmin"));
    talk_send(t, "POST /v1/modules/canary/get HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
                 "\r\n{}");
    cr_assert_eq(talk_response(t)->status, 200);
    t = talk_open_port(rig_port("portadmin"));
    talk_send(t, "POST /v1/modules/canary/set HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
                 "\r\n{}");
    cr_assert_eq(talk_response(t)->status, 403);
}
