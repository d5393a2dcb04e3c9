/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl explain ID: what has become of a request, also when its configuration or its worker is
 * gone. */
#include "tests/lib/json_schema.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app, *next;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
    next = origin_start("next");
}

TestSuite(explain_recent, .init = begin, .fini = rig_end, .timeout = 120);

#define PAIR "endpoints = [ \"$app\", \"$next\" ];"
#define NEXT "next = { endpoints = [ \"$next\" ]; };"

/* The id under which the access log knows the request with this in its target. */
static const char *id_of(const char *needle)
{
    static char id[64];
    snprintf(id, sizeof id, "%s", json_of(rig_await_access(needle), "request_id"));
    cr_assert_eq(strlen(id), 32, "%s", id);
    return id;
}

static void explain(const char *id)
{
    cr_assert_eq(weirctl_run("explain %s", id), 0, "%s", weirctl_said());
}

static void says_what_the_description_does(const char *id)
{
    json_t *document = json_load_file(TEST_SRCDIR "/docs/openapi.json", 0, NULL);
    struct text fault;
    text_init(&fault);
    cr_assert_eq(weirctl_run("--json explain %s", id), 0);
    json_t *answer = json_loads(weirctl_said(), 0, NULL);
    cr_assert(json_schema_fits(document, json_schema_at(document, "#/components/schemas/Explained"),
                               answer, &fault),
              "%.*s", (int)fault.n, fault.p);
    cr_assert_str_eq(
        json_string_value(json_object_get(json_object_get(answer, "request"), "route")), "all");
    text_fini(&fault);
    json_decref(answer);
    json_decref(document);
}

Test(explain_recent, tells_what_has_become_of_a_request)
{
    rig_start(.workers = 2);
    cr_assert_eq(get("/one?note=first")->status, 200);
    explain(id_of("note=first"));
    WEIRCTL_SAYS("Request   GET http://");
    WEIRCTL_SAYS("/one?note=first (HTTP/1.1)\n");
    WEIRCTL_SAYS("Came      by listener public from 127.0.0.1, at 20");
    WEIRCTL_SAYS("of generation 1\n");
    WEIRCTL_SAYS("Route     all, found after ");
    WEIRCTL_SAYS("Cluster   app\n");
    WEIRCTL_SAYS("first, round_robin");
    WEIRCTL_SAYS("200, given to the client");
    WEIRCTL_SAYS("Answer    200, its head after ");
    WEIRCTL_SAYS("Content   0 bytes of the request, ");
    WEIRCTL_SAYS("Now       it would go the same way\n");
    cr_assert_eq(weirctl_run("explain --request %s", id_of("note=first")), 0);
    says_what_the_description_does(id_of("note=first"));
}

Test(explain_recent, tells_of_retries)
{
    origin_script(app, "status=503");
    origin_script(next, "status=503");
    rig_start(.endpoints = "[ \"$app\", \"$next\" ]",
              .routes = "( { name = \"all\"; cluster = \"app\"; retry = { attempts = 2; on = [ "
                        "\"5xx\" ]; }; } )");
    cr_assert_eq(get("/?note=again")->status, 503);
    explain(id_of("note=again"));
    WEIRCTL_SAYS("retry by retry, round_robin");
    WEIRCTL_SAYS("503, given to the client");
}

Test(explain_recent, tells_of_hedges)
{
    origin_script(app, "delay=600");
    origin_script(next, "delay=600");
    rig_start(.endpoints = "[ \"$app\", \"$next\" ]",
              .cluster = "hedge_budget = { percent = \"100%\"; };",
              .routes = "( { name = \"all\"; cluster = \"app\"; retry = { hedge = { delay = "
                        "\"20ms\"; }; }; } )");
    cr_assert_eq(get("/?note=slow")->status, 200);
    explain(id_of("note=slow"));
    WEIRCTL_SAYS("beside the first, which took long");
    WEIRCTL_SAYS("hedge_lost");
}

Test(explain_recent, tells_why_weir_has_answered_itself)
{
    rig_start(.routes = "( { name = \"a\"; match = { path = \"/a\"; }; cluster = \"app\"; } )");
    cr_assert_eq(get("/?note=lost")->status, 404);
    explain(id_of("note=lost"));
    WEIRCTL_SAYS("Route     none");
    WEIRCTL_SAYS("Answer    404, by weir itself");
    WEIRCTL_SAYS("Because   no_route: No route leads there.\n");
    WEIRCTL_SAYS("Now       it would go the same way\n");
}

Test(explain_recent, knows_requests_of_configurations_that_are_gone)
{
    rig_start(.workers = 2);
    cr_assert_eq(get("/?note=before")->status, 200);
    const char *id = id_of("note=before");
    for (int i = 0; i < 4; i++)
        rig_renew(.workers = 2, .clusters = NEXT,
                  .routes = "( { name = \"other\"; cluster = \"next\"; } )");
    explain(id);
    WEIRCTL_SAYS("of generation 1\n");
    WEIRCTL_SAYS("Route     all, ");
    WEIRCTL_SAYS("Cluster   app\n");
    WEIRCTL_SAYS("Now       it would get route other, to next\n");
    rig_renew(.workers = 2, .routes = "( { name = \"all\"; cluster = \"app\"; }, { name = \"x\"; "
                                      "cluster = \"app\"; match = { headers = ( { name = \"x-v\"; "
                                      "exact = \"1\"; } ); }; } )");
    explain(id);
    WEIRCTL_SAYS("Now       it would go the same way, as far as is known: route x asks for header "
                 "x-v, which is not remembered\n");
}

Test(explain_recent, knows_requests_of_a_worker_that_has_died)
{
    rig_expect_deaths();
    rig_start();
    cr_assert_eq(get("/?note=dead")->status, 200);
    const char *id = id_of("note=dead");
    for (int i = 0; i < 2; i++) {
        kill(rig_worker(0), SIGKILL);
        rig_await_log("process_restarted process=worker/0");
        cr_assert_eq(get("/")->status, 200);
    }
    explain(id);
    WEIRCTL_SAYS("/?note=dead");
    cr_assert_eq(weirctl_run("explain nonsense"), 1);
    WEIRCTL_SAYS(
        "no request \"nonsense\" is remembered: of the last 3 requests the oldest began at");
}

Test(explain_recent, knows_requests_from_before_an_upgrade)
{
    rig_start();
    cr_assert_eq(get("/?note=old")->status, 200);
    const char *id = id_of("note=old");
    cr_assert(rig_upgrade());
    explain(id);
    WEIRCTL_SAYS("/?note=old");
}

static void ask_many(unsigned n)
{
    struct talk *t = talk_open();
    for (unsigned i = 0; i < n; i++) {
        cr_assert(talk_send(t, "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i));
        cr_assert_eq(talk_response(t)->status, 200);
    }
}

Test(explain_recent, forgets_the_oldest_of_thousands)
{
    rig_start(.top = "limits = { requests = 100000; };", .log = "recent = 1000;");
    cr_assert_eq(get("/?note=oldest")->status, 200);
    char *oldest = strdup(id_of("note=oldest"));
    ask_many(999);
    explain(oldest);
    ask_many(1100);
    cr_assert_eq(weirctl_run("explain %s", oldest), 1);
    WEIRCTL_SAYS("of the last 1000 requests the oldest began at");
    WEIRCTL_SAYS("log.recent says how many each worker keeps (1000)");
    cr_assert_eq(get("/?note=latest")->status, 200);
    explain(id_of("note=latest"));
    free(oldest);
}

Test(explain_recent, says_when_nothing_is_remembered)
{
    rig_start(.log = "recent = 0;");
    cr_assert_eq(get("/?note=x")->status, 200);
    cr_assert_eq(weirctl_run("explain %s", id_of("note=x")), 1);
    WEIRCTL_SAYS("no requests are remembered: log.recent is 0");
}

Test(explain_recent, does_without_when_the_region_is_small)
{
    rig_start(.log = "recent = 1000000;");
    cr_assert(rig_logged("no room in the shared region for the records of requests of 1 workers"));
    cr_assert_eq(get("/?note=x")->status, 200);
    cr_assert_eq(weirctl_run("explain %s", id_of("note=x")), 1);
}

Test(explain_recent, finds_a_request_by_its_trace)
{
    rig_start(.top = "modules = { tracing = { trust = \"always\"; }; };",
              .routes = "( { name = \"all\"; cluster = \"app\"; tracing = { }; } )");
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: "
                     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n")
                     ->status,
                 200);
    rig_await_access("4bf92f3577b34da6a3ce929d0e0e4736");
    explain("4bf92f3577b34da6a3ce929d0e0e4736");
    WEIRCTL_SAYS(", trace 4bf92f3577b34da6a3ce929d0e0e4736\n");
}

Test(explain_recent, says_what_it_needs)
{
    rig_start();
    cr_assert_eq(weirctl_run("explain"), 2);
    WEIRCTL_SAYS("METHOD URL, or the id of a request");
    cr_assert_eq(weirctl_run("explain /path"), 2);
    WEIRCTL_SAYS("is no id of a request");
    cr_assert_eq(weirctl_run("explain abc -H 'A: b'"), 2);
    WEIRCTL_SAYS("has its own headers");
    cr_assert_eq(weirctl_run("explain abc"), 1);
    WEIRCTL_SAYS("no request has ended yet");
}

Test(explain_recent, says_when_there_is_no_room_to_remember_anything)
{
    rig_start(.log = "recent = 1000000;");
    cr_assert(rig_logged("no room in the shared region for the records of requests"));
    cr_assert_eq(weirctl_run("explain abc"), 1);
    WEIRCTL_SAYS("no requests are remembered: the shared region has no room for log.recent");
}
