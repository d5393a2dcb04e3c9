/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a connection: PROXY headers, in the whole gateway over memory links. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define REST                                                                                       \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\nroutes = ( { cluster = "         \
    "\"one\"; } );\n"
#define TRUSTING "proxy_protocol = [ \"192.0.2.0/24\" ];"
#define V1 "PROXY TCP4 198.51.100.7 203.0.113.1 40001 8443\r\n"
#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

static struct stack *s;
static struct peer *c;

static void begin(const char *listener)
{
    s = stack_new_with(listener, REST);
    c = stack_client(s); /* from 192.0.2.1 */
}

static const struct listener_stats *counts(void)
{
    return stack_worker(s)->stats->listeners[0];
}

/* The value of a field that the origin heard; "" when it isn't there. */
static const char *inward(const char *name)
{
    static char value[256];
    char start[64];
    struct peer *o = stack_origin(s, 0);
    cr_assert(o, "nothing went inward");
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strcasestr(o->heard, start);
    if (!at)
        return "";
    at += strlen(start);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

Test(greeting, takes_the_client_from_a_proxy_header)
{
    begin(TRUSTING);
    peer_says(c, V1 GET);
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7");
    cr_assert_str_eq(inward("X-Forwarded-Port"), "8443");
    cr_assert_str_eq(inward("X-Forwarded-Proto"), "http");
    cr_assert_eq(counts()->proxy_headers, 1);
    cr_assert_eq(counts()->proxy_faults, 0);
    stack_free(s);
}

Test(greeting, takes_a_header_in_any_pieces)
{
    static const char all[] = V1 GET;
    for (size_t cut = 1; cut < sizeof all - 1; cut++) {
        begin(TRUSTING);
        peer_says_n(c, all, cut);
        peer_says_n(c, all + cut, sizeof all - 1 - cut);
        cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7", "cut at %zu", cut);
        stack_free(s);
    }
}

Test(greeting, takes_a_header_byte_by_byte)
{
    static const char all[] = V1 GET;
    begin(TRUSTING);
    for (size_t i = 0; i < sizeof all - 1; i++)
        peer_says_n(c, all + i, 1);
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7");
    stack_free(s);
}

Test(greeting, keeps_the_address_for_every_request_of_the_connection)
{
    begin(TRUSTING);
    peer_says(c, V1 GET);
    peer_says(stack_origin(s, 0), "HTTP/1.1 204 No Content\r\n\r\n");
    peer_take(stack_origin(s, 0));
    peer_says(c, GET);
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7");
    stack_free(s);
}

Test(greeting, judges_trusted_proxies_by_the_header)
{
    begin(TRUSTING "forwarding = { trusted_proxies = \"198.51.100.7\"; };");
    peer_says(c, V1 "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 233.252.0.1\r\n\r\n");
    cr_assert_str_eq(inward("X-Forwarded-For"), "233.252.0.1, 198.51.100.7");
    stack_free(s);
    begin(TRUSTING "forwarding = { trusted_proxies = \"192.0.2.1\"; };");
    peer_says(c, V1 "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 233.252.0.1\r\n\r\n");
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7",
                     "the header's client is a stranger");
    stack_free(s);
}

Test(greeting, says_https_when_the_header_tells_of_tls)
{
    static const char header[] =
        SIG "\x21\x11\x00\x14\xC6\x33\x64\x07\xCB\x00\x71\x01\x9C\x41\x01\xBB"
            "\x20\x00\x05\x01\x00\x00\x00\x01" GET;
    begin(TRUSTING);
    peer_says_n(c, header, sizeof header - 1);
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7");
    cr_assert_str_eq(inward("X-Forwarded-Proto"), "https");
    cr_assert_str_eq(inward("X-Forwarded-Port"), "443");
    stack_free(s);
}

Test(greeting, serves_a_local_connection_as_the_peers_own)
{
    static const char header[] = SIG "\x20\x00\x00\x00" GET;
    begin(TRUSTING);
    peer_says_n(c, header, sizeof header - 1);
    cr_assert_str_eq(inward("X-Forwarded-For"), "192.0.2.1");
    stack_free(s);
    begin(TRUSTING);
    peer_says(c, "PROXY UNKNOWN\r\n" GET);
    cr_assert_str_eq(inward("X-Forwarded-For"), "192.0.2.1");
    stack_free(s);
}

static void check_closed(const char *bytes)
{
    peer_says(c, bytes);
    cr_assert(peer_closed(c), "%s", bytes);
    cr_assert_eq(c->heard_n, 0, "not a byte is answered");
    cr_assert_eq(stack_origins(s), 0);
    cr_assert_eq(counts()->proxy_faults, 1);
    cr_assert_eq(counts()->proxy_headers, 0);
    cr_assert_eq(stack_clients(s), 0);
    stack_free(s);
}

Test(greeting, closes_when_a_header_is_missing_or_bad)
{
    static const char *const bad[] = {GET, "PROXY TCP4 1 2 3 4\r\n" GET, "\x16\x03\x01\x02"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin(TRUSTING);
        check_closed(bad[i]);
    }
}

Test(greeting, counts_a_connection_that_ends_within_its_header)
{
    begin(TRUSTING);
    peer_says(c, "PROXY TCP4 ");
    peer_ends(c);
    cr_assert(peer_closed(c));
    cr_assert_eq(counts()->proxy_faults, 1);
    stack_free(s);
    begin(TRUSTING);
    peer_says(c, "PROXY TCP4 ");
    peer_resets(c);
    cr_assert_eq(counts()->proxy_faults, 1);
    cr_assert_eq(stack_clients(s), 0);
    stack_free(s);
}

Test(greeting, waits_for_a_header_no_longer_than_for_a_handshake)
{
    begin(TRUSTING "timeouts = { handshake = \"2s\"; };");
    peer_says(c, "PROXY TCP4 ");
    stack_sleep_ms(s, 1800);
    cr_assert(!peer_closed(c));
    peer_says(c, "198.51.100.7 ");
    stack_sleep_ms(s, 400);
    cr_assert(peer_closed(c));
    cr_assert_eq(counts()->timeout_handshake, 1);
    stack_free(s);
}

Test(greeting, times_the_first_request_anew_behind_the_header)
{
    begin(TRUSTING "timeouts = { handshake = \"2s\"; head = \"5s\"; };");
    peer_says(c, V1);
    stack_sleep_ms(s, 3000);
    cr_assert(!peer_closed(c));
    peer_says(c, GET);
    cr_assert_str_eq(inward("X-Forwarded-For"), "198.51.100.7");
    stack_free(s);
}

Test(greeting, looks_for_no_header_from_strangers)
{
    s = stack_new_with(TRUSTING, REST);
    c = stack_client_from(s, "203.0.113.9");
    peer_says(c, GET);
    cr_assert_str_eq(inward("X-Forwarded-For"), "203.0.113.9");
    stack_free(s);
    s = stack_new_with(TRUSTING, REST);
    c = stack_client_from(s, "203.0.113.9");
    peer_says(c, V1 GET);
    cr_assert(peer_heard(c, "HTTP/1.1 400 "), "%s", c->heard);
    cr_assert_eq(stack_origins(s), 0);
    stack_free(s);
}

Test(greeting, gives_back_what_it_holds_when_it_is_closed)
{
    begin(TRUSTING);
    peer_says(c, "PROXY ");
    stack_free(s); /* looks what is left */
}
