/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener says about https: the redirect of what comes without TLS, Strict-Transport-
 * Security, and 421. The client's TLS is that of a load balancer in front, which tells of it by a
 * PROXY header or by X-Forwarded-Proto. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define REST                                                                                       \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "routes = ( { match = { path_prefix = \"/app\"; }; cluster = \"one\"; },"                      \
    "{ match = { path = \"/fixed\"; }; respond = { body = \"x\"; }; } );\n"
#define PROXIED "proxy_protocol = \"192.0.2.1\"; "
#define GET(path) "GET " path " HTTP/1.1\r\nHost: shop.example\r\n\r\n"
#define HSTS "hsts = { max_age = \"1d\"; }; "

static const char over_tls[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x14\xC6\x33\x64\x07\xCB\x00\x71\x01\x9C\x41\x01\xBB"
    "\x20\x00\x05\x01\x00\x00\x00\x01";
static const char without_tls[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C\xC6\x33\x64\x07\xCB\x00\x71\x01\x9C\x41\x00\x50";

static struct stack *s;
static struct peer *c;

static void begin(const char *listener, const char *conf)
{
    s = stack_new_with(listener, conf);
    c = stack_client(s); /* from 192.0.2.1 */
}

static void comes_over_tls(void)
{
    peer_says_n(c, over_tls, sizeof over_tls - 1);
}

/* The value of a field of what the client heard; "" when it isn't there, "(twice)" when it is. */
static const char *field(const char *name)
{
    static char value[256];
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strcasestr(c->heard, start);
    if (!at)
        return "";
    at += strlen(start);
    if (strcasestr(at, start))
        return "(twice)";
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* -- redirects --------------------------------------------------------------------------------- */

Test(https, redirects_what_comes_without_tls)
{
    static const struct {
        const char *conf, *request, *status, *location;
    } cases[] = {
        {"redirect_to_https = true;", GET("/app/a%20b?x=/../y"), "308",
         "https://shop.example/app/a%20b?x=/../y"},
        {"redirect_to_https = true;",
         "POST / HTTP/1.1\r\nHost: Shop.example:80\r\nContent-Length: 0\r\n\r\n", "308",
         "https://shop.example/"},
        {"redirect_to_https = { port = 8443; status = 301; };", GET("/none"), "301",
         "https://shop.example:8443/none"},
        {"redirect_to_https = true;", "GET //evil.example/ HTTP/1.1\r\nHost: h\r\n\r\n", "308",
         "https://h/evil.example/"},
        {"redirect_to_https = true;", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "308",
         "https://[::1]/"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        begin(cases[i].conf, REST);
        peer_says(c, cases[i].request);
        cr_assert(strncmp(c->heard + 9, cases[i].status, 3) == 0, "%s", c->heard);
        cr_assert_str_eq(field("Location"), cases[i].location);
        cr_assert_eq(stack_origins(s), 0);
        stack_free(s);
    }
}

Test(https, routes_the_paths_that_are_excepted)
{
    begin("redirect_to_https = { except = [ \"/app/.well-known/\" ]; };", REST);
    peer_says(c, GET("/app/.well-known/acme-challenge/x"));
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
    begin("redirect_to_https = { except = [ \"/app/.well-known/\" ]; };", REST);
    peer_says(c, GET("/app/.well-known/../x"));
    cr_assert_str_eq(field("Location"), "https://shop.example/app/x");
    stack_free(s);
}

Test(https, redirects_nobody_without_a_host)
{
    begin("redirect_to_https = true;", REST);
    peer_says(c, "GET /app HTTP/1.0\r\n\r\n");
    cr_assert(peer_heard(c, " 400 Bad Request\r\n"), "%s", c->heard);
    stack_free(s);
}

Test(https, redirects_nobody_who_came_over_tls_to_a_proxy_in_front)
{
    begin(PROXIED "redirect_to_https = true;", REST);
    comes_over_tls();
    peer_says(c, GET("/app"));
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
    begin("forwarding = { trusted_proxies = \"192.0.2.1\"; }; redirect_to_https = true;", REST);
    peer_says(c, "GET /app HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.7\r\n"
                 "X-Forwarded-Proto: https\r\n\r\n");
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
    begin("redirect_to_https = true;", REST); /* a stranger may say what it likes */
    peer_says(c, "GET /app HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\r\n");
    cr_assert_str_eq(field("Location"), "https://h/app");
    stack_free(s);
}

/* -- Strict-Transport-Security ----------------------------------------------------------------- */

Test(https, promises_https_on_every_response_over_tls)
{
    static const char *const paths[] = {GET("/fixed"), GET("/none"), GET("/app")};
    for (size_t i = 0; i < array_n(paths); i++) {
        begin(PROXIED HSTS, REST);
        comes_over_tls();
        peer_says(c, paths[i]);
        if (stack_origins(s))
            peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        cr_assert_str_eq(field("Strict-Transport-Security"), "max-age=86400", "%s", c->heard);
        stack_free(s);
    }
}

Test(https, promises_nothing_without_tls)
{
    begin(PROXIED HSTS, REST);
    peer_says_n(c, without_tls, sizeof without_tls - 1);
    peer_says(c, GET("/fixed"));
    cr_assert(peer_heard(c, " 200 OK\r\n"));
    cr_assert_str_eq(field("Strict-Transport-Security"), "");
    stack_free(s);
}

Test(https, keeps_the_promise_that_an_origin_makes)
{
    begin(PROXIED HSTS, REST);
    comes_over_tls();
    peer_says(c, GET("/app"));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=5\r\n"
                                  "Content-Length: 0\r\n\r\n");
    cr_assert_str_eq(field("Strict-Transport-Security"), "max-age=5");
    stack_free(s);
}

/* -- 421 --------------------------------------------------------------------------------------- */

#define TWO_LISTENERS                                                                              \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "routes = ( { match = { host = \"here.example\"; path_prefix = \"/a\"; listener = \"test\"; "  \
    "}; "                                                                                          \
    "cluster = \"one\"; },"                                                                        \
    "{ match = { host = [ \"there.example\", \"*.there.example\" ]; listener = \"other\"; }; "     \
    "cluster = \"one\"; },"                                                                        \
    "{ match = { host = \"both.there.example\"; path_prefix = \"/b\"; }; cluster = \"one\"; },"    \
    "{ match = { path_prefix = \"/all\"; }; cluster = \"one\"; } );\n"

/* stack_new_with closes the first listener's braces behind what it is given. */
#define OTHER PROXIED "}, { name = \"other\"; bind = \"127.0.0.1:0\"; "

static void expect_status(const char *host, const char *path, const char *status)
{
    char request[256];
    begin(OTHER, TWO_LISTENERS);
    comes_over_tls();
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host);
    peer_says(c, request);
    cr_assert(c->heard_n > 12 && strncmp(c->heard + 9, status, 3) == 0, "%s%s: %s", host, path,
              c->heard);
    stack_free(s);
}

Test(https, sends_a_host_of_another_listener_there)
{
    expect_status("there.example", "/", "421");
    expect_status("x.y.there.example", "/", "421");
    expect_status("here.example", "/none", "404");
    expect_status("nowhere.example", "/", "404");
    expect_status("both.there.example", "/none", "404");
}

Test(https, serves_a_host_of_another_listener_where_a_route_says_so)
{
    begin(OTHER, TWO_LISTENERS);
    comes_over_tls();
    peer_says(c, "GET /all HTTP/1.1\r\nHost: there.example\r\n\r\n");
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

Test(https, sends_nobody_elsewhere_without_tls)
{
    begin(OTHER, TWO_LISTENERS);
    peer_says_n(c, without_tls, sizeof without_tls - 1);
    peer_says(c, "GET / HTTP/1.1\r\nHost: there.example\r\n\r\n");
    cr_assert(peer_heard(c, " 404 Not Found\r\n"), "%s", c->heard);
    stack_free(s);
}
