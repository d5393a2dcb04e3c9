/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the forwarding fields are believed, and what the next hop is told. Peers in 10.0.0.0/8, ::1
 * and unix sockets are trusted here. */
#include "http/forwarded.h"

#include "base/check.h"

#include <criterion/criterion.h>

static struct fields list;
static struct arena arena;
static struct cidr trusted[3];

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
    fields_init(&list, &arena, 4);
    cr_assert(cidr_parse(SLICE("10.0.0.0/8"), &trusted[0]));
    cr_assert(cidr_parse(SLICE("::1"), &trusted[1]));
    cr_assert(cidr_parse(SLICE("unix"), &trusted[2]));
}

static void tear_down(void)
{
    arena_fini(&arena);
}

TestSuite(forwarded, .init = set_up, .fini = tear_down);

static void add(const char *name, const char *value)
{
    fields_add(&list, &arena, slice_str(name), slice_str(value));
}

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    if (strcmp(text, "unix") != 0)
        cr_assert(ip_parse(slice_str(text), &ip));
    return ip;
}

static struct forwarded_from read_as(enum forwarded_style style, const char *peer)
{
    struct forwarded_from from;
    struct ip ip = ip_of(peer);
    forwarded_read(&list, style, &ip, trusted, array_n(trusted), &from);
    return from;
}

static void expect_client(enum forwarded_style style, const char *peer, const char *want)
{
    char text[ADDR_TEXT_MAX];
    struct forwarded_from from = read_as(style, peer);
    ip_print(&from.client, text);
    cr_assert_str_eq(text, want);
}

/* The client that one line gives when 10.0.0.9 is the peer. */
static void expect_from(enum forwarded_style style, const char *value, const char *want)
{
    list.n = 0;
    add(style == FORWARDED_X ? "X-Forwarded-For" : "Forwarded", value);
    char text[ADDR_TEXT_MAX];
    struct forwarded_from from = read_as(style, "10.0.0.9");
    ip_print(&from.client, text);
    cr_assert_str_eq(text, want, "%s gave %s", value, text);
}

/* -- reading X-Forwarded-* ------------------------------------------------------------------- */

Test(forwarded, believes_nobody_but_trusted_peers)
{
    add("X-Forwarded-For", "1.2.3.4");
    add("X-Forwarded-Proto", "https");
    add("Forwarded", "for=5.6.7.8");
    expect_client(FORWARDED_BOTH, "192.0.2.1", "192.0.2.1");
    cr_assert_eq(read_as(FORWARDED_X, "192.0.2.1").proto.n, 0);
    expect_client(FORWARDED_X, "10.1.1.1", "1.2.3.4");
    expect_client(FORWARDED_X, "::1", "1.2.3.4");
    expect_client(FORWARDED_X, "unix", "1.2.3.4");
    expect_client(FORWARDED_NONE, "10.1.1.1", "10.1.1.1");
}

Test(forwarded, reads_only_the_style_that_is_configured)
{
    add("Forwarded", "for=5.6.7.8;proto=http");
    expect_client(FORWARDED_X, "10.0.0.9", "10.0.0.9");
    expect_client(FORWARDED_BOTH, "10.0.0.9", "5.6.7.8");
    add("X-Forwarded-For", "1.2.3.4");
    expect_client(FORWARDED_X, "10.0.0.9", "1.2.3.4");
    expect_client(FORWARDED_STANDARD, "10.0.0.9", "5.6.7.8");
    expect_client(FORWARDED_BOTH, "10.0.0.9", "1.2.3.4");
}

Test(forwarded, walks_back_to_the_first_address_that_is_not_trusted)
{
    expect_from(FORWARDED_X, "6.6.6.6, 1.2.3.4, 10.0.0.1, 10.0.0.2", "1.2.3.4");
    expect_from(FORWARDED_X, "10.0.0.1, 10.0.0.2", "10.0.0.1");
    expect_from(FORWARDED_X, "6.6.6.6,10.0.0.1,1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_X, "1.2.3.4, ::1", "1.2.3.4");
}

Test(forwarded, stops_at_what_is_no_address)
{
    expect_from(FORWARDED_X, "1.2.3.4, unknown, 10.0.0.2", "10.0.0.2");
    expect_from(FORWARDED_X, "1.2.3.4, _hidden", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4, 10.0.0.256", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4, unix", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4, ::", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4, [::]:80", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4 10.0.0.2", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4; 10.0.0.2", "10.0.0.9");
    expect_from(FORWARDED_X, "", "10.0.0.9");
    expect_from(FORWARDED_X, ", ,", "10.0.0.9");
}

Test(forwarded, is_not_led_astray_by_garbage_in_front)
{
    expect_from(FORWARDED_X, "\", 1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_X, "\"\\\", [, ]], 1.2.3.4, 10.0.0.2", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "for=\", for=1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "for=\"\\, for=1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "=;;=\"x, for=1.2.3.4, for=\"10.0.0.2:80\"", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "for=6.6.6.6, \", for=10.0.0.2", "10.0.0.2");
}

Test(forwarded, reads_ports_and_brackets)
{
    expect_from(FORWARDED_X, "1.2.3.4:5678", "1.2.3.4");
    expect_from(FORWARDED_X, "2001:db8::1", "2001:db8::1");
    expect_from(FORWARDED_X, "[2001:db8::1]", "2001:db8::1");
    expect_from(FORWARDED_X, "[2001:db8::1]:99", "2001:db8::1");
    expect_from(FORWARDED_X, "1.2.3.4:_p", "1.2.3.4");
    expect_from(FORWARDED_X, "::ffff:1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_X, "1.2.3.4:0", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4:65536", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4:", "10.0.0.9");
    expect_from(FORWARDED_X, "1.2.3.4:x", "10.0.0.9");
    expect_from(FORWARDED_X, "[1.2.3.4]", "10.0.0.9");
    expect_from(FORWARDED_X, "[::2", "10.0.0.9");
    expect_from(FORWARDED_X, "[::2]99", "10.0.0.9");
    expect_from(FORWARDED_X, "[", "10.0.0.9");
    expect_from(FORWARDED_X, ":80", "10.0.0.9");
}

Test(forwarded, reads_several_lines_as_one_list)
{
    add("X-Forwarded-For", "6.6.6.6");
    add("Host", "example.com");
    add("x-forwarded-for", "1.2.3.4, 10.0.0.1");
    add("X-Forwarded-For", "10.0.0.2, ");
    expect_client(FORWARDED_X, "10.0.0.9", "1.2.3.4");
}

Test(forwarded, takes_the_last_proto_host_and_port)
{
    add("X-Forwarded-Proto", "gopher");
    add("X-Forwarded-Proto", "http, HTTPS");
    add("X-Forwarded-Host", "evil.example, shop.example:8443");
    add("X-Forwarded-Port", "1, 443");
    struct forwarded_from from = read_as(FORWARDED_X, "10.0.0.9");
    cr_assert(slice_eq(from.proto, SLICE("https")));
    cr_assert(slice_eq(from.host, SLICE("shop.example:8443")));
    cr_assert(slice_eq(from.port, SLICE("443")));
}

Test(forwarded, drops_values_that_are_none)
{
    add("X-Forwarded-Proto", "ftp");
    add("X-Forwarded-Host", "a b");
    add("X-Forwarded-Port", "70000");
    struct forwarded_from from = read_as(FORWARDED_X, "10.0.0.9");
    cr_assert_eq(from.proto.n, 0);
    cr_assert_eq(from.host.n, 0);
    cr_assert_eq(from.port.n, 0);
}

/* -- reading Forwarded ----------------------------------------------------------------------- */

Test(forwarded, reads_the_elements_of_rfc_7239)
{
    expect_from(FORWARDED_STANDARD, "for=1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17");
    expect_from(FORWARDED_STANDARD, "for=1.2.3.4;proto=http;by=203.0.113.43", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "proto=http ; for=\"1.2.3.4:80\" , for=10.0.0.1", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "for=6.6.6.6, ext=\"a,;\\\"b\";for=1.2.3.4", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, ";for=1.2.3.4;", "1.2.3.4");
    expect_from(FORWARDED_STANDARD, "for=1.2.3.4, for=unknown, for=10.0.0.2", "10.0.0.2");
    expect_from(FORWARDED_STANDARD, "for=1.2.3.4, for=\"_gazonk\"", "10.0.0.9");
    expect_from(FORWARDED_STANDARD, "for=1.2.3.4, proto=https", "10.0.0.9");
}

Test(forwarded, stops_at_a_malformed_element)
{
    static const char *const bad[] = {
        "1.2.3.4",
        "for",
        "for=",
        "for =1.2.3.4",
        "for=\"1.2.3.4",
        "for=1.2.3.4\"",
        "for=\"1.2.3.4\"x",
        "for=\"1.2.3.\\4\"",
        "=1.2.3.4",
        "for=1.2.3.4;for=1.2.3.4",
        "for=1.2.3.4;proto",
        "for=\"\"",
    };
    for (size_t i = 0; i < array_n(bad); i++)
        expect_from(FORWARDED_STANDARD, bad[i], "10.0.0.9");
}

Test(forwarded, takes_proto_and_host_from_the_proxy_nearest_to_the_client)
{
    add("Forwarded", "for=6.6.6.6;proto=http;host=evil.example");
    add("Forwarded", "for=1.2.3.4;proto=https;host=\"shop.example:8443\", for=10.0.0.1;proto=http");
    struct forwarded_from from = read_as(FORWARDED_STANDARD, "10.0.0.9");
    cr_assert(slice_eq(from.proto, SLICE("https")));
    cr_assert(slice_eq(from.host, SLICE("shop.example:8443")));
    cr_assert_eq(from.port.n, 0);
}

Test(forwarded, believes_the_proto_of_a_trusted_proxy_that_hides_the_address)
{
    add("Forwarded", "for=6.6.6.6;proto=http, for=_x;proto=https");
    struct forwarded_from from = read_as(FORWARDED_STANDARD, "10.0.0.9");
    cr_assert(slice_eq(from.proto, SLICE("https")));
    expect_client(FORWARDED_STANDARD, "10.0.0.9", "10.0.0.9");
}

/* -- writing --------------------------------------------------------------------------------- */

static void write_as(enum forwarded_style style, const char *peer, bool is_trusted,
                     const char *host, uint16_t port)
{
    struct ip ip = ip_of(peer);
    forwarded_write(&list, &arena, style,
                    &(struct forwarded_facts){.peer = &ip,
                                              .peer_trusted = is_trusted,
                                              .proto = SLICE("http"),
                                              .host = slice_str(host),
                                              .port = port});
}

/* Exactly one line of that name with that value; none when want is NULL. */
static void expect_line(const char *name, const char *want)
{
    const struct field *line = fields_find(&list, slice_str(name));
    cr_assert_eq(line != NULL, want != NULL, "%s", name);
    if (!want)
        return;
    cr_assert(slice_eq(line->value, slice_str(want)), "%s: %.*s", name, SLICE_ARG(line->value));
    cr_assert_null(fields_next(&list, line), "%s twice", name);
}

Test(forwarded, tells_the_next_hop_in_the_x_fields)
{
    add("Host", "shop.example");
    write_as(FORWARDED_X, "192.0.2.1", false, "shop.example", 8080);
    expect_line("X-Forwarded-For", "192.0.2.1");
    expect_line("X-Forwarded-Proto", "http");
    expect_line("X-Forwarded-Host", "shop.example");
    expect_line("X-Forwarded-Port", "8080");
    expect_line("Forwarded", NULL);
    expect_line("Host", "shop.example");
}

Test(forwarded, replaces_all_that_an_untrusted_peer_sent)
{
    add("X-Forwarded-For", "1.2.3.4");
    add("Accept", "a");
    add("x-forwarded-for", "5.6.7.8");
    add("X-FORWARDED-PROTO", "https");
    add("X-Forwarded-Host", "evil.example");
    add("X-Forwarded-Port", "1");
    add("X-Forwarded-Prefix", "/evil");
    add("X_Forwarded_For", "1.2.3.4");
    add("Forwarded", "for=1.2.3.4");
    add("X-Forward", "stays");
    write_as(FORWARDED_X, "2001:db8::1", false, "shop.example", 443);
    expect_line("X-Forwarded-For", "2001:db8::1");
    expect_line("X-Forwarded-Proto", "http");
    expect_line("X-Forwarded-Host", "shop.example");
    expect_line("X-Forwarded-Port", "443");
    expect_line("X-Forwarded-Prefix", NULL);
    expect_line("X_Forwarded_For", NULL);
    expect_line("Forwarded", NULL);
    expect_line("Accept", "a");
    expect_line("X-Forward", "stays");
}

Test(forwarded, removes_untrusted_fields_when_it_writes_none)
{
    add("X-Forwarded-For", "1.2.3.4");
    add("Forwarded", "for=1.2.3.4");
    write_as(FORWARDED_NONE, "192.0.2.1", false, "a", 80);
    cr_assert_eq(list.n, 0);
    add("X-Forwarded-For", "1.2.3.4");
    add("Forwarded", "for=1.2.3.4");
    write_as(FORWARDED_NONE, "10.0.0.9", true, "a", 80);
    cr_assert_eq(list.n, 2);
}

Test(forwarded, appends_to_what_a_trusted_peer_sent)
{
    add("X-Forwarded-For", "1.2.3.4");
    add("X-Forwarded-Proto", "https");
    add("X-Forwarded-For", "10.0.0.1");
    add("X-Forwarded-For", "");
    add("X-Forwarded-Host", "shop.example");
    add("X-Forwarded-Prefix", "/shop");
    add("X_Forwarded_Prefix", "/evil");
    add("Forwarded", "for=6.6.6.6");
    write_as(FORWARDED_X, "10.0.0.9", true, "inner.example", 8080);
    expect_line("X-Forwarded-For", "1.2.3.4, 10.0.0.1, 10.0.0.9");
    expect_line("X-Forwarded-Proto", "https");
    expect_line("X-Forwarded-Host", "shop.example");
    expect_line("X-Forwarded-Port", "8080");
    expect_line("X-Forwarded-Prefix", "/shop");
    expect_line("X_Forwarded_Prefix", NULL);
    expect_line("Forwarded", NULL);
}

Test(forwarded, passes_one_value_inward_where_a_trusted_peer_sent_several)
{
    add("X-Forwarded-Proto", "http");
    add("X-Forwarded-Proto", "gopher, https");
    add("X-Forwarded-Host", "a b");
    write_as(FORWARDED_X, "10.0.0.9", true, "shop.example", 0);
    expect_line("X-Forwarded-Proto", "https");
    expect_line("X-Forwarded-Host", "shop.example");
    expect_line("X-Forwarded-Port", NULL);
}

Test(forwarded, writes_the_standard_field)
{
    add("Forwarded", "for=6.6.6.6");
    add("X-Forwarded-For", "6.6.6.6");
    write_as(FORWARDED_STANDARD, "192.0.2.1", false, "shop.example", 80);
    expect_line("Forwarded", "for=192.0.2.1;host=shop.example;proto=http");
    expect_line("X-Forwarded-For", NULL);
    expect_line("X-Forwarded-Proto", NULL);
}

Test(forwarded, quotes_what_is_no_token)
{
    write_as(FORWARDED_STANDARD, "2001:db8::1", false, "shop.example:8080", 80);
    expect_line("Forwarded", "for=\"[2001:db8::1]\";host=\"shop.example:8080\";proto=http");
    list.n = 0;
    write_as(FORWARDED_STANDARD, "1.2.3.4", false, "a\"b\\", 80);
    expect_line("Forwarded", "for=1.2.3.4;host=\"a\\\"b\\\\\";proto=http");
    list.n = 0;
    write_as(FORWARDED_STANDARD, "1.2.3.4", false, "", 80);
    expect_line("Forwarded", "for=1.2.3.4;proto=http");
}

Test(forwarded, appends_to_the_standard_field_of_a_trusted_peer)
{
    add("Forwarded", "for=1.2.3.4;proto=https");
    add("Forwarded", "for=10.0.0.1");
    add("X-Forwarded-For", "6.6.6.6");
    write_as(FORWARDED_STANDARD, "10.0.0.9", true, "a", 80);
    expect_line("Forwarded",
                "for=1.2.3.4;proto=https, for=10.0.0.1, for=10.0.0.9;host=a;proto=http");
    expect_line("X-Forwarded-For", NULL);
    struct forwarded_from from = read_as(FORWARDED_STANDARD, "10.0.0.9");
    cr_assert(slice_eq(from.proto, SLICE("https")));
    expect_client(FORWARDED_STANDARD, "10.0.0.8", "1.2.3.4");
}

Test(forwarded, never_appends_behind_an_odd_quote)
{
    add("Forwarded", "for=\", for=1.2.3.4");
    add("Forwarded", "for=\"[::2]\"");
    write_as(FORWARDED_STANDARD, "10.0.0.9", true, "a", 80);
    expect_line("Forwarded", "for=\"[::2]\", for=10.0.0.9;host=a;proto=http");
}

Test(forwarded, writes_both_styles)
{
    write_as(FORWARDED_BOTH, "192.0.2.1", false, "a", 80);
    expect_line("Forwarded", "for=192.0.2.1;host=a;proto=http");
    expect_line("X-Forwarded-For", "192.0.2.1");
    cr_assert_eq(list.n, 5);
}

Test(forwarded, counts_a_unix_peer_as_a_part_of_this_machine)
{
    write_as(FORWARDED_BOTH, "unix", true, "", 0);
    expect_line("X-Forwarded-For", NULL);
    expect_line("X-Forwarded-Proto", "http");
    expect_line("X-Forwarded-Host", NULL);
    expect_line("X-Forwarded-Port", NULL);
    expect_line("Forwarded", "for=unknown;proto=http");
    list.n = 0;
    write_as(FORWARDED_STANDARD, "unix", false, "\"", 0);
    expect_line("Forwarded", "for=unknown;host=\"\\\"\";proto=http");
    list.n = 0;
    add("X-Forwarded-For", "1.2.3.4");
    add("Forwarded", "for=1.2.3.4;proto=https");
    write_as(FORWARDED_BOTH, "unix", true, "a", 0);
    expect_line("X-Forwarded-For", "1.2.3.4");
    expect_line("Forwarded", "for=1.2.3.4;proto=https");
}

Test(request_id, is_1_to_128_harmless_characters)
{
    char long_id[129];
    memset(long_id, 'a', sizeof long_id);
    cr_assert(request_id_ok(SLICE("a")));
    cr_assert(request_id_ok(SLICE("AZaz09._:/+=@-")));
    cr_assert(request_id_ok(slice_of(long_id, 128)));
    cr_assert_not(request_id_ok(slice_of(long_id, 129)));
    cr_assert_not(request_id_ok(SLICE("")));
    static const char *const bad[] = {"a b", "a\"", "a,b", "a;b", "\xc3\xa9", "a\n", "[", "`", "{"};
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert_not(request_id_ok(slice_str(bad[i])), "%s", bad[i]);
    cr_assert_not(request_id_ok(SLICE("a\0b")));
}
