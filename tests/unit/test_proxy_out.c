/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers towards clusters: what they say, and whom a connection serves. */
#include "upstream/proxy_out.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/stats/stats.h"
#include "io/link.h"
#include "io/proxy_header.h"
#include "io/tls.h"
#include "tests/lib/stack.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define SIG "\r\n\r\n\0\r\nQUIT\n"

static struct stack *s;

static void begin(const char *listener, const char *version)
{
    char conf[256];
    snprintf(
        conf, sizeof conf,
        "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; proxy_protocol = \"%s\"; }; };\n"
        "routes = ( { cluster = \"one\"; } );\n",
        version);
    s = stack_new_with(listener, conf);
}

Test(proxy_out, begins_a_connection_with_version_1)
{
    begin("", "v1");
    peer_says(stack_client(s), GET);
    const char *heard = stack_origin(s, 0)->heard;
    cr_assert(strncmp(heard, "PROXY TCP4 192.0.2.1 127.0.0.1 40000 ", 37) == 0, "%s", heard);
    cr_assert(strstr(heard, "\r\nGET / HTTP/1.1\r\n"), "%s", heard);
    stack_free(s);
}

Test(proxy_out, begins_a_connection_with_version_2)
{
    struct proxy_header h;
    enum proxy_fault fault;
    begin("", "v2");
    peer_says(stack_client_from(s, "2001:db8::7"), GET);
    const struct peer *o = stack_origin(s, 0);
    const ssize_t n = proxy_header_parse(slice_of(o->heard, o->heard_n), &h, &fault);
    cr_assert_eq(n, 16 + 36, "%zd %s", n, proxy_fault_word(fault));
    const struct ip ip = addr_ip(&h.source);
    char text[ADDR_TEXT_MAX];
    ip_print(&ip, text);
    cr_assert_str_eq(text, "2001:db8::7");
    cr_assert_eq(addr_port(&h.source), 40000);
    cr_assert(strncmp(o->heard + n, "GET / ", 6) == 0);
    stack_free(s);
}

Test(proxy_out, says_nothing_where_it_is_off)
{
    begin("", "off");
    peer_says(stack_client(s), GET);
    cr_assert(strncmp(stack_origin(s, 0)->heard, "GET / ", 6) == 0);
    stack_free(s);
}

Test(proxy_out, keeps_a_connection_for_the_same_client)
{
    begin("", "v1");
    struct peer *a = stack_client(s), *b = stack_client(s);
    peer_says(a, GET);
    peer_says(stack_origin(s, 0), OK);
    peer_take(stack_origin(s, 0));
    peer_says(b, GET);
    cr_assert_eq(stack_origins(s), 2, "another client gets another connection");
    peer_says(stack_origin(s, 1), OK);
    peer_take(stack_origin(s, 1));
    peer_says(a, GET);
    peer_says(b, GET);
    cr_assert_eq(stack_origins(s), 2);
    cr_assert(strncmp(stack_origin(s, 0)->heard, "GET / ", 6) == 0, "one header a connection");
    cr_assert(strncmp(stack_origin(s, 1)->heard, "GET / ", 6) == 0);
    stack_free(s);
}

Test(proxy_out, passes_on_what_a_load_balancer_said)
{
    static const char header[] =
        SIG "\x21\x11\x00\x25\xC6\x33\x64\x07\xCB\x00\x71\x01\x9C\x41\x01\xBB"
            "\x02\x00\x03"
            "a.b"
            "\x05\x00\x02"
            "id"
            "\x20\x00\x0B\x03\x00\x00\x00\x00\x22\x00\x03"
            "bob";
    struct proxy_header h;
    enum proxy_fault fault;
    begin("proxy_protocol = \"192.0.2.1\";", "v2");
    struct peer *c = stack_client(s);
    peer_says_n(c, header, sizeof header - 1);
    peer_says(c, GET);
    const struct peer *o = stack_origin(s, 0);
    cr_assert(o);
    cr_assert_gt(proxy_header_parse(slice_of(o->heard, o->heard_n), &h, &fault), 0);
    char text[ADDR_TEXT_MAX];
    addr_print(&h.source, text);
    cr_assert_str_eq(text, "198.51.100.7:40001");
    addr_print(&h.destination, text);
    cr_assert_str_eq(text, "203.0.113.1:443");
    cr_assert(slice_eq(h.authority, SLICE("a.b")) && slice_eq(h.unique_id, SLICE("id")));
    cr_assert(h.tls.used && h.tls.certificate && h.tls.verified);
    cr_assert(slice_eq(h.tls.cn, SLICE("bob")));
    stack_free(s);
}

/* -- from our own TLS, by hand ----------------------------------------------------------------- */

static struct proxy_header written(const struct client_facts *facts)
{
    static struct bytes_stock stock;
    static struct bytes out;
    const struct exchange x = {.facts = facts};
    struct proxy_header h;
    enum proxy_fault fault;
    bytes_stock_init(&stock, 0);
    bytes_init(&out, &stock);
    cr_assert(proxy_out(&out, &x, PROXY_PROTOCOL_V2));
    cr_assert_eq(proxy_header_parse(bytes_front(&out), &h, &fault), (ssize_t)out.n);
    return h;
}

Test(proxy_out, tells_of_our_own_tls)
{
    struct addr local;
    cr_assert(addr_parse(SLICE("10.0.0.1:443"), &local));
    struct tls_peer peer = {.subject = SLICE("OU=a\\,CN=no,CN=b\\2C \\\"o\\c3\\a9,O=x")};
    const struct tls_facts tls = {.version = SLICE("TLSv1.3"),
                                  .cipher = SLICE("C"),
                                  .server_name = SLICE("sni.example"),
                                  .alpn = SLICE("h2"),
                                  .peer = &peer};
    const struct client_facts facts = {.peer = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}},
                                       .peer_port = 99,
                                       .tls = &tls,
                                       .local = &local};
    const struct proxy_header h = written(&facts);
    cr_assert(h.addressed && h.tls.used && h.tls.certificate && h.tls.verified);
    cr_assert(slice_eq(h.alpn, SLICE("h2")) && slice_eq(h.authority, SLICE("sni.example")));
    cr_assert(slice_eq(h.tls.cn, SLICE("b, \"o\xc3\xa9")), "%.*s", SLICE_ARG(h.tls.cn));
}

Test(proxy_out, has_no_addresses_of_a_unix_socket)
{
    struct addr local;
    cr_assert(addr_parse(SLICE("unix:/run/x"), &local));
    const struct client_facts facts = {.local = &local};
    const struct proxy_header h = written(&facts);
    cr_assert(!h.addressed && !h.local && !h.tls.used);
}
