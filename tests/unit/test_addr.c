/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: what parses prints the same, what is no literal doesn't parse, ranges by family. */

#include "base/addr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stddef.h>

static const char *printed(const char *text)
{
    static char out[ADDR_TEXT_MAX];
    struct addr a;

    if (!addr_parse(slice_str(text), &a))
        return "(bad)";
    cr_assert_eq(addr_print(&a, out), strlen(out));
    struct addr again;
    cr_assert(addr_parse(slice_str(out), &again), "%s", out);
    cr_assert(addr_eq(&a, &again), "%s", out);
    return out;
}

static bool bad(const char *text)
{
    struct addr a = {.len = 99};
    return !addr_parse(slice_str(text), &a) && a.len == 99;
}

Test(addr, parses_and_prints)
{
    cr_assert_str_eq(printed("10.0.0.1:80"), "10.0.0.1:80");
    cr_assert_str_eq(printed("10.0.0.1:0"), "10.0.0.1:0");
    cr_assert_str_eq(printed("255.255.255.255:65535"), "255.255.255.255:65535");
    cr_assert_str_eq(printed("*:8080"), "0.0.0.0:8080");
    cr_assert_str_eq(printed("[::1]:80"), "[::1]:80");
    cr_assert_str_eq(printed("[::]:443"), "[::]:443");
    cr_assert_str_eq(printed("[2001:DB8:0:0::1]:443"), "[2001:db8::1]:443");
    cr_assert_str_eq(printed("unix:/run/weir.sock"), "unix:/run/weir.sock");
    cr_assert_str_eq(printed("unix:@weir"), "unix:@weir");
}

Test(addr, refuses_what_is_no_literal)
{
    static const char *const texts[] = {
        "",
        ":80",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:-1",
        "10.0.0.1:8o",
        "10.0.0.1:000080",
        "10.0.0.1:80 ",
        " 10.0.0.1:80",
        "10.0.0:80",
        "10.0.0.256:80",
        "10.0.0.01:80",
        "example.com:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[::g]:80",
        "[10.0.0.1]:80",
        "[*]:80",
        "1.2.3.4:5:6",
        "unix:",
        "unix:/",
        "unix:@",
        "unix:run/weir.sock",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:80",
    };
    for (size_t i = 0; i < array_n(texts); i++)
        cr_assert(bad(texts[i]), "%s", texts[i]);
    struct addr a;
    cr_assert(!addr_parse(slice_of("1.2.3.4\0:80", 11), &a));
    cr_assert(!addr_parse(slice_of("unix:/a\0b", 9), &a));
}

Test(addr, unix_paths_up_to_what_the_kernel_takes)
{
    char text[5 + 200] = "unix:/";
    struct addr a;
    const size_t most = sizeof a.un.sun_path - 1;

    memset(text + 6, 'x', sizeof text - 6);
    cr_assert(addr_parse(slice_of(text, 5 + most), &a));
    cr_assert_eq(a.len, sizeof a.un);
    cr_assert_eq(a.un.sun_path[most], '\0');
    char out[ADDR_TEXT_MAX];
    cr_assert_eq(addr_print(&a, out), 5 + most);
    cr_assert(!addr_parse(slice_of(text, 5 + most + 1), &a));
    cr_assert(addr_parse(SLICE("unix:@ab"), &a));
    cr_assert_eq(a.len, offsetof(struct sockaddr_un, sun_path) + 3);
}

Test(addr, a_nameless_unix_peer_and_no_address_print)
{
    char out[ADDR_TEXT_MAX];
    struct addr a = {.un = {.sun_family = AF_UNIX}, .len = offsetof(struct sockaddr_un, sun_path)};

    cr_assert_eq(addr_print(&a, out), 5);
    cr_assert_str_eq(out, "unix:");
    a = (struct addr){.len = 0};
    cr_assert_eq(addr_print(&a, out), 0);
    cr_assert_str_eq(out, "");
    cr_assert_eq(addr_port(&a), 0);
}

Test(addr, equality)
{
    struct addr a, b;

    cr_assert(addr_parse(SLICE("10.0.0.1:80"), &a) && addr_parse(SLICE("10.0.0.1:80"), &b));
    cr_assert(addr_eq(&a, &b));
    b.in4.sin_zero[0] = 1;
    cr_assert(addr_eq(&a, &b));
    cr_assert(addr_parse(SLICE("10.0.0.1:81"), &b) && !addr_eq(&a, &b));
    cr_assert(addr_parse(SLICE("10.0.0.2:80"), &b) && !addr_eq(&a, &b));
    cr_assert(addr_parse(SLICE("[::1]:80"), &b) && !addr_eq(&a, &b));
    cr_assert(addr_parse(SLICE("[::1]:80"), &a) && addr_eq(&a, &b));
    b.in6.sin6_scope_id = 2;
    cr_assert(!addr_eq(&a, &b));
    cr_assert(addr_parse(SLICE("unix:/a"), &a) && addr_parse(SLICE("unix:/b"), &b));
    cr_assert(!addr_eq(&a, &b) && addr_eq(&a, &a));
    /* An abstract name of 25 characters makes an address as long as an IPv6 one. */
    cr_assert(addr_parse(SLICE("unix:@aaaaabbbbbcccccdddddeeeee"), &a) && a.len == sizeof b.in6);
    cr_assert(addr_parse(SLICE("[::1]:80"), &b) && !addr_eq(&a, &b));
    a.len = b.len = 0;
    cr_assert(addr_eq(&a, &b));
    const struct ip none = addr_ip(&a);
    cr_assert_eq(memcmp(&none, &(struct ip){{0}}, sizeof none), 0);
}

Test(addr, ports)
{
    struct addr a;

    cr_assert(addr_parse(SLICE("10.0.0.1:8080"), &a) && addr_port(&a) == 8080);
    cr_assert(addr_parse(SLICE("[::1]:443"), &a) && addr_port(&a) == 443);
    cr_assert(addr_parse(SLICE("unix:/x"), &a) && addr_port(&a) == 0);
    addr_set_port(&a, 9);
    cr_assert_eq(addr_port(&a), 0);
    cr_assert(addr_parse(SLICE("10.0.0.1:8080"), &a));
    addr_set_port(&a, 9);
    cr_assert_eq(addr_port(&a), 9);
    cr_assert(addr_parse(SLICE("[::1]:443"), &a));
    addr_set_port(&a, 65535);
    cr_assert_eq(addr_port(&a), 65535);
}

static bool splits(const char *text, uint16_t default_port, const char *host, uint16_t port)
{
    struct slice h = SLICE("?");
    uint16_t p = 0;

    if (!addr_split(slice_str(text), &h, &p, default_port)) {
        cr_assert(slice_eq(h, SLICE("?")) && p == 0);
        return false;
    }
    return slice_eq(h, slice_str(host)) && p == port;
}

Test(addr, split_takes_host_and_port_apart)
{
    cr_assert(splits("example.com:80", 0, "example.com", 80));
    cr_assert(splits("example.com", 80, "example.com", 80));
    cr_assert(splits("example.com:81", 80, "example.com", 81));
    cr_assert(splits("[::1]:80", 0, "::1", 80));
    cr_assert(splits("[::1]", 80, "::1", 80));
    cr_assert(splits("10.0.0.1:65535", 0, "10.0.0.1", 65535));
}

Test(addr, split_refuses)
{
    static const char *const texts[] = {
        "",         ":80",    "host:", "host:0", "host:65536", "::1",
        "[::1]x80", "[::1]:", "[]:80", "[::1",   "a:b:1",      "h: 1"};
    for (size_t i = 0; i < array_n(texts); i++)
        cr_assert(!splits(texts[i], 80, "", 0), "%s", texts[i]);
    cr_assert(!splits("host", 0, "", 0), "a port that has to be there");
}

static const char *ip_text(const char *text)
{
    static char out[ADDR_TEXT_MAX];
    struct ip ip;

    if (!ip_parse(slice_str(text), &ip))
        return "(bad)";
    cr_assert_eq(ip_print(&ip, out), strlen(out));
    return out;
}

Test(addr, ips)
{
    cr_assert_str_eq(ip_text("192.0.2.7"), "192.0.2.7");
    cr_assert_str_eq(ip_text("2001:db8::7"), "2001:db8::7");
    cr_assert_str_eq(ip_text("::ffff:192.0.2.7"), "192.0.2.7");
    cr_assert_str_eq(ip_text("unix"), "(bad)");
    cr_assert_str_eq(ip_text("[::1]"), "(bad)");
    cr_assert_str_eq(ip_text("192.0.2.7:80"), "(bad)");
    cr_assert_str_eq(ip_text(""), "(bad)");
    const struct ip zero = {{0}};
    char out[ADDR_TEXT_MAX];
    cr_assert_eq(ip_print(&zero, out), 4);
    cr_assert_str_eq(out, "unix");
}

Test(addr, a_peer_is_the_same_on_either_kind_of_socket)
{
    struct addr four, six, un;

    cr_assert(addr_from_ip(SLICE("192.0.2.7"), 80, &four));
    cr_assert(addr_from_ip(SLICE("::ffff:192.0.2.7"), 80, &six));
    cr_assert(addr_parse(SLICE("unix:/x"), &un));
    cr_assert_eq(six.sa.sa_family, AF_INET6);
    const struct ip a = addr_ip(&four), b = addr_ip(&six), c = addr_ip(&un);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    cr_assert(ip_is_v4(&a) && !ip_is_v4(&c));
    cr_assert_eq(memcmp(&c, &(struct ip){{0}}, sizeof c), 0);
}

static bool has(const char *range, const char *address)
{
    struct cidr c;
    struct ip ip = {{0}};

    cr_assert(cidr_parse(slice_str(range), &c), "%s", range);
    cr_assert(!strcmp(address, "unix") || ip_parse(slice_str(address), &ip), "%s", address);
    return cidr_has(&c, &ip);
}

Test(addr, ranges)
{
    cr_assert(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
    cr_assert(has("10.1.2.3/8", "10.9.9.9"), "bits behind the prefix don't count");
    cr_assert(has("192.0.2.128/25", "192.0.2.129") && !has("192.0.2.128/25", "192.0.2.127"));
    cr_assert(has("192.0.2.4/31", "192.0.2.5") && !has("192.0.2.4/31", "192.0.2.6"));
    cr_assert(has("192.0.2.1", "192.0.2.1") && !has("192.0.2.1", "192.0.2.2"));
    cr_assert(has("::1/128", "::1") && !has("::1/128", "::2"));
    cr_assert(has("2001:db8::/33", "2001:db8:7fff::1") && !has("2001:db8::/33", "2001:db8:8000::"));
    cr_assert(has("fd00::/8", "fdff::1") && !has("fd00::/8", "fe80::1"));
}

Test(addr, a_range_holds_only_its_own_family)
{
    cr_assert(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "2001:db8::1"));
    cr_assert(has("::/0", "2001:db8::1") && !has("::/0", "1.2.3.4"));
    cr_assert(has("unix", "unix") && !has("::/0", "unix") && !has("0.0.0.0/0", "unix"));
    cr_assert(!has("::/96", "unix") && !has("unix", "::1") && !has("unix", "0.0.0.0"));
    cr_assert(has("::ffff:10.0.0.0/104", "10.1.1.1"));
}

Test(addr, ranges_that_are_refused)
{
    static const char *const texts[] = {"",           "/8",         "10.0.0.0/",    "10.0.0.0/33",
                                        "10.0.0.0/x", "::/129",     "10.0.0/8",     "10.0.0.0/-1",
                                        "unix/8",     "unix:/x",    "10.0.0.0/8/8", "example.com",
                                        "::1/0128",   "10.0.0.0 /8"};
    struct cidr c = {.bits = 77};

    for (size_t i = 0; i < array_n(texts); i++)
        cr_assert(!cidr_parse(slice_str(texts[i]), &c), "%s", texts[i]);
    cr_assert_eq(c.bits, 77);
}

Test(addr, any_of_a_list)
{
    struct cidr list[2];
    struct ip in, out;

    cr_assert(cidr_parse(SLICE("10.0.0.0/8"), &list[0]) && cidr_parse(SLICE("::1"), &list[1]));
    cr_assert(ip_parse(SLICE("::1"), &in) && ip_parse(SLICE("::2"), &out));
    cr_assert(cidr_any(list, 2, &in) && !cidr_any(list, 2, &out));
    cr_assert(!cidr_any(list, 1, &in) && !cidr_any(NULL, 0, &in));
}
