/* SPDX-License-Identifier: Apache-2.0 */
/* What origins are told about the client, and whose word is taken for it. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(forwarding, .init = begin, .fini = rig_end, .timeout = 120);

static char sent[65536]; /* what the origin got, in lower case */

static const char *forwarded(const char *fields)
{
    const struct response *r = ask("GET /?echo HTTP/1.1\r\nHost: Shop.Example\r\n%s\r\n", fields);
    cr_assert_eq(r->status, 200);
    snprintf(sent, sizeof sent, "%s", r->body.p);
    for (char *p = sent; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return sent;
}

static bool has(const char *line)
{
    char text[256];
    snprintf(text, sizeof text, "\n%s\r\n", line);
    return strstr(sent, text) != NULL;
}

static bool mentions(const char *word)
{
    return strstr(sent, word) != NULL;
}

Test(forwarding, tells_who_asked_and_drops_what_strangers_say)
{
    char port[64];
    rig_start();
    forwarded("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
              "X-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\n");
    snprintf(port, sizeof port, "x-forwarded-port: %u", rig_port("port"));
    cr_assert(has("x-forwarded-for: 127.0.0.1"), "%s", sent);
    cr_assert(has("x-forwarded-proto: http"));
    cr_assert(has("x-forwarded-host: shop.example"));
    cr_assert(has(port));
    cr_assert(has("via: 1.1 weir"));
    cr_assert(has("host: shop.example"));
    cr_assert(!mentions("6.6.6.6") && !mentions("evil") && !mentions("mine"), "%s", sent);
}

Test(forwarding, believes_trusted_proxies_and_adds_to_what_they_say)
{
    rig_start(.top = "forwarding = { trusted_proxies = [ \"127.0.0.0/8\", \"10.0.0.0/8\" ]; };");
    forwarded("X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.1.1\r\nX-Forwarded-Proto: https\r\n"
              "X-Request-Id: abc-123\r\n");
    cr_assert(has("x-forwarded-for: 6.6.6.6, 203.0.113.9, 10.1.1.1, 127.0.0.1"), "%s", sent);
    cr_assert(has("x-forwarded-proto: https"), "%s", sent);
    cr_assert(has("x-request-id: abc-123"));
    const char *line = rig_await_access("abc-123");
    cr_assert_str_eq(json_of(line, "source"), "203.0.113.9", "the nearest that nobody vouches for");
    cr_assert_str_eq(json_of(line, "client"), "127.0.0.1");
}

Test(forwarding, speaks_the_standard_field)
{
    rig_start(.top = "forwarding = { style = \"standard\"; };");
    forwarded("");
    cr_assert(mentions("\nforwarded: "), "%s", sent);
    cr_assert(mentions("for=127.0.0.1") && mentions("proto=http") && mentions("host=shop.example"));
    cr_assert(!mentions("x-forwarded-"));
}

Test(forwarding, can_be_both_or_nothing)
{
    rig_start(.listener = "forwarding = { style = \"both\"; };",
              .listeners = ", { name = \"bare\"; bind = \"127.0.0.1:$port_bare\"; forwarding = {"
                           " style = \"none\"; via = false; request_id = false; }; }");
    forwarded("");
    cr_assert(mentions("\nforwarded: ") && mentions("\nx-forwarded-for: "), "%s", sent);
    struct talk *t = talk_open_port(rig_port("port_bare"));
    talk_send(t, "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(!strcasestr(r->body.p, "forwarded"), "%s", r->body.p);
    cr_assert(!strcasestr(r->body.p, "via:") && !strcasestr(r->body.p, "x-request-id"));
    cr_assert_eq(field_count(r, "via"), 0);
}

Test(forwarding, makes_a_request_id_that_log_and_origin_share)
{
    char first[64];
    rig_start();
    forwarded("");
    const char *at = strstr(sent, "\nx-request-id: ");
    cr_assert(at);
    snprintf(first, sizeof first, "%.32s", at + 15);
    cr_assert_eq(strspn(first, "0123456789abcdef"), 32);
    cr_assert_str_eq(json_of(rig_await_access(first), "request_id"), first);
    forwarded("");
    cr_assert(!mentions(first), "each request has its own");
}

Test(forwarding, refuses_request_ids_that_could_break_a_log)
{
    rig_start(.top = "forwarding = { trusted_proxies = \"127.0.0.1\"; };");
    forwarded("X-Request-Id: a\"b c\r\n");
    cr_assert(!mentions("a\"b"), "%s", sent);
}

Test(forwarding, adds_via_to_responses_and_names_itself_in_its_own)
{
    rig_start(.top = "forwarding = { name = \"edge-7\"; };");
    cr_assert_str_eq(field_of(get("/"), "via"), "1.1 edge-7");
    const struct response *r = ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_str_eq(field_of(r, "server"), "edge-7");
}
