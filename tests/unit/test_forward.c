/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on their way through: what an origin hears of a request, and a client of a response. The
 * codecs of the fields have tests of their own; here they are seen at work together. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/exchange.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define CLUSTERS "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
#define ALL "routes = ( { cluster = \"one\"; } );\n"
#define BARE "forwarding = { style = \"none\"; via = false; request_id = false; };\n"
#define TRUSTING "forwarding = { trusted_proxies = [ \"192.0.2.0/24\" ]; };\n"

static struct stack *s;
static struct peer *c;

static void begin(const char *conf)
{
    s = stack_new(conf);
    c = stack_client(s); /* from 192.0.2.1 */
}

static struct peer *inward(const char *request)
{
    peer_says(c, request);
    struct peer *o = stack_origin(s, stack_origins(s) - 1);
    cr_assert(o);
    return o;
}

/* The value of a field of what was heard; "" when it isn't there, "(twice)" when it is. */
static const char *field(const struct peer *p, const char *name)
{
    static char value[256];
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strcasestr(p->heard, start);
    if (!at)
        return "";
    at += strlen(start);
    if (strcasestr(at, start))
        return "(twice)";
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static bool is_hex32(const char *id)
{
    return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

Test(forward, tells_the_origin_who_asked_for_what)
{
    begin(CLUSTERS ALL);
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n");
    cr_assert_str_eq(field(o, "Host"), "shop.example:8080");
    cr_assert_str_eq(field(o, "X-Forwarded-For"), "192.0.2.1");
    cr_assert_str_eq(field(o, "X-Forwarded-Proto"), "http");
    cr_assert_str_eq(field(o, "X-Forwarded-Host"), "shop.example:8080");
    cr_assert_str_eq(field(o, "Via"), "1.1 weir");
    cr_assert(is_hex32(field(o, "X-Request-Id")), "%s", field(o, "X-Request-Id"));
    stack_free(s);
}

Test(forward, gives_every_request_an_id_of_its_own)
{
    char first[64];
    begin(CLUSTERS ALL);
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    snprintf(first, sizeof first, "%s", field(o, "X-Request-Id"));
    peer_says(o, "HTTP/1.1 204 No Content\r\n\r\n");
    peer_take(o);
    inward("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(is_hex32(field(o, "X-Request-Id")));
    cr_assert_str_neq(field(o, "X-Request-Id"), first);
    stack_free(s);
}

static const char claims[] = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.7\r\n"
                             "X-Forwarded-Proto: https\r\nX-Request-Id: given-1\r\n\r\n";

Test(forward, believes_nothing_of_what_a_stranger_says)
{
    begin(CLUSTERS ALL);
    struct peer *o = inward(claims);
    cr_assert_str_eq(field(o, "X-Forwarded-For"), "192.0.2.1");
    cr_assert_str_eq(field(o, "X-Forwarded-Proto"), "http");
    cr_assert(is_hex32(field(o, "X-Request-Id")));
    stack_free(s);
}

Test(forward, goes_on_with_what_a_trusted_proxy_says)
{
    begin(CLUSTERS ALL TRUSTING);
    struct peer *o = inward(claims);
    cr_assert_str_eq(field(o, "X-Forwarded-For"), "198.51.100.7, 192.0.2.1");
    cr_assert_str_eq(field(o, "X-Forwarded-Proto"), "https");
    cr_assert_str_eq(field(o, "X-Request-Id"), "given-1");
    const struct exchange *x = list_entry(stack_worker(s)->active.next, struct exchange, node);
    char text[ADDR_TEXT_MAX];
    ip_print(&x->source, text);
    cr_assert_str_eq(text, "198.51.100.7", "and routes by that address");
    stack_free(s);
}

Test(forward, makes_an_id_anew_when_even_a_trusted_one_is_unusable)
{
    begin(CLUSTERS ALL TRUSTING);
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: a\"b c\r\n\r\n");
    cr_assert(is_hex32(field(o, "X-Request-Id")));
    stack_free(s);
}

Test(forward, passes_on_no_field_of_one_hop_in_either_direction)
{
    begin(CLUSTERS ALL BARE);
    struct peer *o =
        inward("GET / HTTP/1.1\r\nHost: h\r\nConnection: x-hop, keep-alive\r\n"
               "X-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nX-End: 2\r\n\r\n");
    cr_assert_str_eq(peer_take(o), "GET / HTTP/1.1\r\nHost: h\r\nX-End: 2\r\n\r\n");
    peer_says(o, "HTTP/1.1 204 No Content\r\nDate: x\r\nConnection: x-hop\r\nX-Hop: 1\r\n"
                 "Keep-Alive: timeout=5\r\nX-End: 2\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 204 No Content\r\nDate: x\r\nX-End: 2\r\n\r\n");
    stack_free(s);
}

Test(forward, sends_exactly_one_host)
{
    begin(CLUSTERS ALL BARE);
    struct peer *o = inward("GET http://real.example/a HTTP/1.1\r\nHost: other.example\r\n\r\n");
    cr_assert_str_eq(field(o, "Host"), "real.example");
    cr_assert(!strncmp(peer_take(o), "GET /a HTTP/1.1\r\n", 17), "in origin form");
    peer_says(o, "HTTP/1.1 204 No Content\r\n\r\n");
    inward("GET /b HTTP/1.0\r\n\r\n");
    cr_assert_str_eq(field(o, "Host"), "");
    cr_assert(strcasestr(o->heard, "\r\nHost:"),
              "an HTTP/1.1 request has one, if only an empty one");
    stack_free(s);
}

Test(forward, sends_the_host_that_the_route_says)
{
    begin(CLUSTERS BARE
          "routes = ( { cluster = \"one\"; rewrite = { host = \"inner.example:81\"; }; } );");
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_str_eq(field(o, "Host"), "inner.example:81");
    stack_free(s);
}

Test(forward, passes_on_an_expectation_but_not_for_http_1_0)
{
    begin(CLUSTERS ALL BARE);
    struct peer *o = inward("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                            "Expect: 100-continue\r\n\r\n");
    cr_assert_str_eq(field(o, "Expect"), "100-continue");
    c = stack_client(s);
    o = inward("PUT / HTTP/1.0\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi");
    cr_assert_eq(stack_origins(s), 2);
    cr_assert_str_eq(field(o, "Expect"), "");
    cr_assert(peer_heard(o, "\r\n\r\nhi"));
    stack_free(s);
}

Test(forward, asks_for_an_upgrade_but_not_to_h2c)
{
    begin(CLUSTERS ALL BARE);
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                            "Upgrade: websocket\r\n\r\n");
    cr_assert_str_eq(field(o, "Upgrade"), "websocket");
    c = stack_client(s);
    o = inward("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, http2-settings\r\n"
               "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
    cr_assert_eq(stack_origins(s), 2);
    cr_assert_str_eq(peer_take(o), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    stack_free(s);
}

Test(forward, brings_a_response_up_to_date)
{
    begin(CLUSTERS ALL
          "forwarding = { style = \"none\"; request_id = false; name = \"edge-1\"; };");
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_says(o, "HTTP/1.0 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nhi");
    const char *first = strcasestr(c->heard, "\r\nVia: 1.1 inner\r\n");
    cr_assert(first && strcasestr(first, "\r\nVia: 1.0 edge-1\r\n"), "%s", c->heard);
    cr_assert_eq(strlen(field(c, "Date")), 29, "%s", c->heard);
    stack_free(s);
}

Test(forward, leaves_the_date_that_an_origin_gave)
{
    begin(CLUSTERS ALL BARE);
    struct peer *o = inward("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_says(o, "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    cr_assert_str_eq(field(c, "Date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    stack_free(s);
}
