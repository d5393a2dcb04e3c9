/* SPDX-License-Identifier: Apache-2.0 */
/* Routing as configurations have it, through the whole gateway: one table of routes, one of
 * requests and where they must end up. The finer points are with the units of the router. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
    origin_start("blue");
    origin_start("green");
}

TestSuite(routing, .init = begin, .fini = rig_end, .timeout = 120);

#define TO(cluster, match) "{ match = { " match " }; cluster = \"" cluster "\"; }"
static const char clusters[] =
    "blue = { endpoints = [ \"$blue\" ]; }; green = { endpoints = [ \"$green\" ]; }";

static const struct {
    const char *target, *fields, *origin;
} cases[] = {
    {"/", "Host: exact.example\r\n", "blue\n"},
    {"/", "Host: EXACT.example:80\r\n", "blue\n"},
    {"/", "Host: a.b.wild.example\r\n", "green\n"},
    {"/", "Host: wild.example\r\n", "app\n"},
    {"/", "Host: other\r\n", "app\n"},
    {"/api", "Host: h\r\n", "blue\n"},
    {"/api/", "Host: h\r\n", "blue\n"},
    {"/api/users", "Host: h\r\n", "blue\n"},
    {"/apis", "Host: h\r\n", "app\n"},
    {"/api/v2", "Host: h\r\n", "green\n"},
    {"/x/../api/./v2/y", "Host: h\r\n", "green\n"},
    {"//api//v2", "Host: h\r\n", "green\n"},
    {"/%61pi", "Host: h\r\n", "blue\n"},
    {"/exact", "Host: h\r\n", "green\n"},
    {"/exact/more", "Host: h\r\n", "app\n"},
    {"/item/42", "Host: h\r\n", "blue\n"},
    {"/item/x", "Host: h\r\n", "app\n"},
    {"/h", "Host: h\r\nX-Version: 2\r\n", "blue\n"},
    {"/h", "Host: h\r\nx-version: 3\r\n", "app\n"},
    {"/h", "Host: h\r\nX-Version: beta-7\r\n", "green\n"},
    {"/q?color=green", "Host: h\r\n", "green\n"},
    {"/q?color=red&debug", "Host: h\r\n", "blue\n"},
    {"/q?color=red", "Host: h\r\n", "app\n"},
    {"/c", "Host: h\r\nCookie: a=1; lab=b17; c=2\r\n", "blue\n"},
    {"/c", "Host: h\r\nCookie: xlab=b17\r\n", "app\n"},
    {"/s", "Host: h\r\n", "green\n"},
    {"/s", "Host: h\r\nX-Forwarded-For: 192.0.2.7\r\n", "blue\n"},
};

Test(routing, finds_the_most_specific_route)
{
    rig_start(
            .clusters = clusters, .top = "forwarding = { trusted_proxies = \"127.0.0.1\"; };",
            .routes =
                "( { cluster = \"app\"; }," TO(
                    "blue", "host = \"exact.example\";") "," TO("green",
                                                                "host = \"*.wild.example\";") "," TO("blue", "path_"
                                                                                                             "prefi"
                                                                                                             "x = "
                                                                                                             "\"/"
                                                                                                             "api\""
                                                                                                             ";") "," TO("green",
                                                                                                                         "path_prefix = \"/api/v2/\";") "," TO("green", "path = \"/exact\";") "," TO("blue", "path_regex = \"^/item/[0-9]+$\";") "," TO("blue", "path = \"/h\"; headers = ( { name = \"x-version\"; exact = \"2\"; } );") "," TO("green",
                                                                                                                                                                                                                                                                                                                                                 "path = \"/h\"; headers = ( { name = \"X-Version\"; regex = \"beta-.*\"; } );") "," TO("green",
                                                                                                                                                                                                                                                                                                                                                                                                                                        "path = \"/q\"; query = ( { name = \"color\"; exact = \"green\"; } );") "," TO("blue",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "path = \"/q\"; query = ( { name = \"debug\"; present = true; } );") "," TO("blue",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "path = \"/c\"; cookies = ( { name = \"lab\"; prefix = \"b\"; } );") "," TO("blue",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               "path = \"/s\"; source = \"192.0.2.0/24\";") "," TO("green",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "path = \"/s\"; source = \"127.0.0.0/8\";") ")");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct response *r =
            ask("GET %s HTTP/1.1\r\n%s\r\n", cases[i].target, cases[i].fields);
        cr_expect(body_is(r, cases[i].origin), "%s with %s: %d %s", cases[i].target,
                  cases[i].fields, r->status, r->body.p);
    }
}

Test(routing, tells_listeners_and_methods_apart)
{
    rig_start(.clusters = clusters,
              .listeners = ", { name = \"inner\"; bind = \"127.0.0.1:$port_in\"; }",
              .routes = "(" TO("app", "") "," TO(
                  "blue", "listener = \"inner\"; path_prefix = "
                          "\"/x\";") "," TO("green", "method = [ \"PUT\", \"DELETE\" ];") ")");
    cr_assert(body_is(get("/x"), "app\n"));
    struct talk *t = talk_open_port(rig_port("port_in"));
    talk_send(t, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(body_is(talk_response(t), "blue\n"));
    cr_assert(body_is(ask("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"), "green\n"));
    cr_assert(body_is(ask("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), "app\n"));
}

Test(routing, answers_404_where_no_route_leads)
{
    rig_start(.routes = "(" TO("app", "path_prefix = \"/a\";") ")");
    const struct response *r =
        ask("GET /b HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
    cr_assert_eq(r->status, 404);
    cr_assert_str_eq(field_of(r, "content-type"), "application/json");
    cr_assert(body_has(r, "no_route"), "%s", r->body.p);
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/b\""), "outcome"), "no_route");
}

Test(routing, redirects_and_responds_itself)
{
    rig_start(.routes = "( { cluster = \"app\"; },"
                        "  { match = { path_prefix = \"/old\"; }; redirect = { scheme = \"https\"; "
                        "host = \"new.example\";"
                        "    prefix = \"/shop\"; status = 308; }; },"
                        "  { match = { path = \"/moved\"; }; redirect = { path = \"/here\"; }; },"
                        "  { match = { path = \"/up\"; }; respond = { status = 200; body = "
                        "\"fine\\n\"; }; },"
                        "  { match = { path = \"/down\"; }; respond = { status = 503; body = "
                        "\"{}\"; type = \"application/json\"; }; } )");
    const struct response *r = get("/old/a%20b?c=d");
    cr_assert_eq(r->status, 308);
    cr_assert_str_eq(field_of(r, "location"), "https://new.example/shop/a%20b?c=d");
    r = get("/moved?x=1");
    cr_assert_eq(r->status, 302);
    cr_assert_str_eq(field_of(r, "location"), "http://test/here?x=1");
    cr_assert(body_is(get("/up"), "fine\n"));
    r = get("/down");
    cr_assert_eq(r->status, 503);
    cr_assert_str_eq(field_of(r, "content-type"), "application/json");
    r = ask("HEAD /up HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_str_eq(field_of(r, "content-length"), "5");
}

/* A request with content that is answered here: the connection stays in step. */
Test(routing, stays_in_step_when_it_answers_a_request_with_content_itself)
{
    rig_start(.routes = "( { match = { path = \"/up\"; }; respond = { body = \"fine\\n\"; }; },"
                        "  { cluster = \"app\"; } )");
    struct talk *t = talk_open();
    talk_send(t, "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    const struct response *r = talk_response(t);
    cr_assert(body_is(r, "fine\n"));
    const bool closes = r->closes;
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    r = talk_response(t);
    cr_assert(closes ? r->status == 0 : body_is(r, "app\n"), "%d", r->status);
}

Test(routing, rewrites_prefix_path_and_host)
{
    rig_start(.routes = "( { match = { path_prefix = \"/shop\"; }; cluster = \"app\"; rewrite = { "
                        "prefix = \"/v1/s\"; }; },"
                        "  { match = { path_prefix = \"/root\"; }; cluster = \"app\"; rewrite = { "
                        "prefix = \"/\"; host = \"in.example:81\"; }; },"
                        "  { match = { path_prefix = \"/one\"; }; cluster = \"app\"; rewrite = { "
                        "path = \"/all\"; }; } )");
    cr_assert(body_has(get("/shop/a/b?echo"), "GET /v1/s/a/b?echo HTTP/1.1\r\n"));
    cr_assert(body_has(get("/shop?echo"), "GET /v1/s?echo HTTP/1.1\r\n"));
    const struct response *r = get("/root/x?echo");
    cr_assert(body_has(r, "GET /x?echo HTTP/1.1\r\n"), "%s", r->body.p);
    cr_assert(strcasestr(r->body.p, "host: in.example:81\r\n"), "%s", r->body.p);
    cr_assert(body_has(get("/one/two?echo"), "GET /all?echo HTTP/1.1\r\n"));
}

Test(routing, shares_a_cluster_by_weight)
{
    int counts[2] = {0};
    rig_start(
            .endpoints =
                "( { address = \"$blue\"; weight = 3; }, { address = \"$green\"; weight = 1; } )");
    struct talk *t = talk_open();
    for (int i = 0; i < 80; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        counts[body_is(talk_response(t), "green\n")]++;
    }
    cr_assert_eq(counts[0], 60);
    cr_assert_eq(counts[1], 20);
}
