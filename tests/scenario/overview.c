/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/overview before real traffic: numbers that readers subtract, over reloads too; and the
 * same as server-sent events. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

static json_t *seen; /* the last answer */

static void begin(void)
{
    rig_begin();
    origin_start("app");
    origin_start("v2");
}

static void end(void)
{
    json_decref(seen);
    rig_end();
}

TestSuite(overview, .init = begin, .fini = end, .timeout = 120);

#define LISTENERS ", { name = \"second\"; bind = \"127.0.0.1:$port2\"; }"
#define SPLIT                                                                                      \
    "{ name = \"split\"; match = { path_prefix = \"/split\"; }; canary = { split = ( { cluster = " \
    "\"app\"; weight = 75; }, { cluster = \"v2\"; weight = 25; } ); }; }"
#define PLAIN "{ name = \"plain\"; match = { path_prefix = \"/plain\"; }; cluster = \"app\"; }"

static const struct rig_conf usual = {
    .workers = 2,
    .listeners = LISTENERS,
    .cluster = "breaker = { circuit = { }; };",
    .clusters = "v2 = { endpoints = [ \"$v2\" ]; };",
    .routes = "( " SPLIT ", " PLAIN " )",
};

static const json_t *ask_admin(const char *path, const char *content, int status)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t,
              "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
              path, strlen(content), content);
    const struct response *r = talk_response(t);
    cr_assert(r->whole && r->status == status, "%s: %d %s", path, r->status, r->body.p);
    json_decref(seen);
    seen = json_loads(r->body.p, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(seen, "%s", r->body.p);
    talk_close(t);
    return seen;
}

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) if (!strcmp(json_string_value(json_object_get(one, "name")),
                                                 name)) return one;
    cr_assert_fail("there is no %s", name);
    return NULL;
}

/* Of the last answer: "routes", "split", "traffic", "requests". */
static json_int_t number(const char *list, const char *name, const char *part, const char *key)
{
    const json_t *one = named(json_object_get(seen, list), name);
    const json_t *n = json_object_get(part ? json_object_get(one, part) : one, key);
    cr_assert(json_is_integer(n), "%s %s %s", list, name, key);
    return json_integer_value(n);
}

static json_int_t at(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

/* Through which listener, whose port has this name, and where to. */
static void send_some(const char *port, const char *target, int n, int status)
{
    struct talk *t = talk_open_port(rig_port(port));
    for (int i = 0; i < n; i++) {
        talk_send(t, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
        cr_assert_eq(talk_response(t)->status, status);
    }
    talk_close(t);
}

static json_int_t flow(const char *listener, size_t route)
{
    return at(json_object_get(named(json_object_get(seen, "listeners"), listener), "flows"), route);
}

static void send_usual(void)
{
    send_some("port", "/split", 8, 200);
    send_some("port", "/plain?status=404", 1, 404);
    send_some("port2", "/plain", 3, 200);
    send_some("port2", "/nowhere", 2, 404);
}

/* -- numbers ----------------------------------------------------------------------------------- */

Test(overview, counts_what_listeners_routes_variants_and_endpoints_had)
{
    rig_start_with(usual);
    send_usual();
    ask_admin("/v1/overview", "{}", 200);
    cr_assert_eq(number("listeners", "public", NULL, "requests"), 9);
    cr_assert_eq(number("listeners", "second", NULL, "requests"), 5);
    cr_assert(flow("public", 0) == 8 && flow("public", 1) == 1 && flow("public", 2) == 0);
    cr_assert(flow("second", 0) == 0 && flow("second", 1) == 3 && flow("second", 2) == 2);
    cr_assert_eq(number("routes", "split", "traffic", "requests"), 8);
    cr_assert_eq(number("routes", "plain", "traffic", "requests"), 4);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(seen, "unrouted"), "requests")),
                 2);
    const json_t *variants =
        json_object_get(named(json_object_get(seen, "routes"), "split"), "variants");
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_array_get(variants, i);
        cr_assert_eq(at(json_object_get(json_object_get(v, "traffic"), "status"), 2), i ? 2 : 6);
        cr_assert_eq(json_number_value(json_object_get(v, "weight")), i ? 25 : 75);
        cr_assert_eq(json_number_value(json_object_get(v, "share")), i ? 0.25 : 0.75);
    }
    cr_assert_eq(number("clusters", "app", "traffic", "requests"), 10);
    const json_t *ep = json_array_get(
        json_object_get(named(json_object_get(seen, "clusters"), "app"), "endpoints"), 0);
    cr_assert_eq(json_integer_value(json_object_get(ep, "attempts")), 10);
    cr_assert_eq(at(json_object_get(ep, "status"), 4), 1);
    cr_assert_eq(json_array_size(json_object_get(seen, "bounds_us")) + 1,
                 json_array_size(json_object_get(ep, "latency")));
    cr_assert_eq(json_array_size(json_object_get(seen, "breakers")), 1);
    cr_assert_eq(json_array_size(json_object_get(seen, "splits")), 1);
    cr_assert(json_is_null(json_object_get(seen, "fleet")));
    cr_assert(json_is_true(json_object_get(seen, "may_change")));
}

Test(overview, shows_what_is_overridden_and_that_something_has_happened)
{
    rig_start_with(usual);
    ask_admin("/v1/overview", "{}", 200);
    const json_int_t events = json_integer_value(json_object_get(seen, "events_next"));
    cr_assert(events > 0 && json_array_size(json_object_get(seen, "overrides")) == 0);
    cr_assert_eq(weirctl_run("canary set split app=1 v2=1"), 0);
    ask_admin("/v1/overview", "{}", 200);
    cr_assert_gt(json_integer_value(json_object_get(seen, "events_next")), events);
    const json_t *overrides = json_object_get(seen, "overrides");
    cr_assert_eq(json_array_size(overrides), 1);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(overrides, 0), "key")),
                     "canary/weights/split");
    const json_t *v2 = json_array_get(
        json_object_get(named(json_object_get(seen, "routes"), "split"), "variants"), 1);
    cr_assert_eq(json_number_value(json_object_get(v2, "share")), 0.5);
}

/* The routes change places, and another comes before them. */
Test(overview, goes_on_counting_over_a_reload_that_moves_things)
{
    struct rig_conf moved = usual;
    moved.routes =
        "( { name = \"new\"; match = { path_prefix = \"/new\"; }; cluster = \"v2\"; }, " PLAIN
        ", " SPLIT " )";
    rig_start_with(usual);
    send_usual();
    rig_renew_with(moved);
    send_some("port", "/new", 1, 200);
    send_some("port2", "/plain", 1, 200);
    ask_admin("/v1/overview", "{}", 200);
    cr_assert_eq(json_integer_value(json_object_get(seen, "generation")), 2);
    cr_assert(flow("public", 0) == 1 && flow("public", 1) == 1 && flow("public", 2) == 8);
    cr_assert(flow("second", 0) == 0 && flow("second", 1) == 4 && flow("second", 3) == 2);
    cr_assert_eq(number("listeners", "public", NULL, "requests"), 10);
    cr_assert_eq(number("routes", "plain", "traffic", "requests"), 5);
}

Test(overview, counts_no_flows_above_metrics_flows_and_says_so)
{
    struct rig_conf few = usual;
    few.top = "metrics = { flows = 5; };";
    rig_start_with(few);
    send_usual();
    ask_admin("/v1/overview", "{}", 200);
    cr_assert(!json_object_get(json_array_get(json_object_get(seen, "listeners"), 0), "flows"));
    cr_assert_eq(number("listeners", "second", NULL, "requests"), 5);
    cr_assert_eq(rig_metric("weir_metrics_flows_left_out"), 6);
    cr_assert_eq(rig_metric("weir_listener_requests_total{listener=\"public\"}"), 9);
}

static const json_t *process(const char *name, json_int_t generation)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(seen, "workers"), i, one)
    {
        const json_t *g = json_object_get(one, "generation");
        if (!strcmp(json_string_value(json_object_get(one, "process")), name) &&
            json_integer_value(g) == generation)
            return one;
    }
    return NULL;
}

static bool has_state(const char *name, json_int_t generation, const char *state)
{
    ask_admin("/v1/overview/workers", "{}", 200);
    const json_t *p = process(name, generation);
    return p && !strcmp(json_string_value(json_object_get(p, "state")), state);
}

/* A request that is under way keeps the worker of the generation before. */
Test(overview, tells_which_processes_there_are_and_which_of_them_drain)
{
    rig_start_with(usual);
    send_usual();
    ask_admin("/v1/overview/workers", "{}", 200);
    cr_assert_eq(json_array_size(json_object_get(seen, "workers")), 4);
    json_int_t requests = 0;
    for (int i = 0; i < 2; i++) {
        const json_t *p = process(i ? "worker/1" : "worker/0", 1);
        requests += json_integer_value(json_object_get(p, "requests"));
        cr_assert_eq(json_integer_value(json_object_get(p, "pid")), rig_worker((unsigned)i));
        cr_assert_gt(json_integer_value(json_object_get(p, "resident")), 1 << 20);
    }
    cr_assert_eq(requests, 14);
    cr_assert(has_state("master", 1, "serving") && has_state("control", 1, "serving"));
    struct talk *t = talk_open();
    talk_send(t, "GET /plain?delay=1500 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(rig_metric("weir_exchanges_active") == 1);
    cr_assert(rig_reload_with(usual));
    AWAIT(has_state("worker/0", 1, "draining") || has_state("worker/1", 1, "draining"));
    cr_assert(has_state("worker/0", 2, "serving"));
    cr_assert_eq(talk_response(t)->status, 200);
    talk_close(t);
    AWAIT((ask_admin("/v1/overview/workers", "{}", 200),
           json_array_size(json_object_get(seen, "workers"))) == 4);
}

Test(overview, gives_one_cluster_to_who_asks_for_one)
{
    rig_start_with(usual);
    ask_admin("/v1/overview/clusters", "{\"cluster\":\"v2\"}", 200);
    cr_assert_eq(json_array_size(json_object_get(seen, "clusters")), 1);
    cr_assert_eq(number("clusters", "v2", NULL, "endpoints_n"), 1);
    ask_admin("/v1/overview/clusters", "", 200);
    cr_assert_eq(json_array_size(json_object_get(seen, "clusters")), 2);
    ask_admin("/v1/overview/clusters", "{\"cluster\":\"v3\"}", 404);
    ask_admin("/v1/overview/clusters", "{\"cluster\":3}", 400);
    ask_admin("/v1/overview/clusters", "[]", 400);
}

/* -- events ------------------------------------------------------------------------------------ */

static struct talk *open_stream(void)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t, "GET /v1/overview/stream HTTP/1.0\r\nHost: a\r\n\r\n");
    const struct response *r = talk_head(t);
    cr_assert(r->status == 200 && strstr(r->head.p, "text/event-stream"), "%s", r->head.p);
    return t;
}

/* Takes the first event out of what has come; false: not all of one has. */
static bool take_event(struct text *in)
{
    static const char head[] = "event: overview\ndata: ";
    text_char(in, '\0');
    in->n--;
    char *stop = strstr(in->p, "\n\n");
    if (!stop)
        return false;
    cr_assert(!strncmp(in->p, head, sizeof head - 1), "%.40s", in->p);
    *stop = '\0';
    json_decref(seen);
    seen = json_loads(in->p + sizeof head - 1, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(seen);
    in->n -= (size_t)(stop + 2 - in->p);
    memmove(in->p, stop + 2, in->n);
    return true;
}

static void next_event(struct talk *t, struct text *in)
{
    const uint64_t until = now_ms() + DEADLINE_MS;
    while (!take_event(in)) {
        cr_assert_lt(now_ms(), until);
        cr_assert_neq(talk_pull(t, 100), 0, "it has ended");
        const struct slice more = talk_rest(t);
        text_add(in, more);
        talk_skip(t, more.n);
    }
}

Test(overview, comes_as_events_once_a_second)
{
    struct text in, other;
    text_init(&in);
    text_init(&other);
    rig_start_with(usual);
    struct talk *t = open_stream(), *second = open_stream();
    next_event(t, &in);
    cr_assert(!json_object_get(seen, "may_change"), "it is for all");
    cr_assert_eq(number("routes", "split", "traffic", "requests"), 0);
    const json_int_t then = json_integer_value(json_object_get(seen, "now_ms"));
    send_usual();
    next_event(t, &in);
    const json_int_t later = json_integer_value(json_object_get(seen, "now_ms"));
    cr_assert(later - then >= 900, "%lld", (long long)(later - then));
    AWAIT((next_event(t, &in), number("routes", "split", "traffic", "requests")) == 8);
    next_event(second, &other);
    cr_assert_eq(json_integer_value(json_object_get(seen, "now_ms")), then, "one object for all");
    text_fini(&in);
    text_fini(&other);
}
