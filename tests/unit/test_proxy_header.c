/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol: what is taken, what is refused and why, cut at every byte; and that what is
 * written is read again as it was meant. */
#include "io/proxy_header.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"

static struct proxy_header h;
static enum proxy_fault fault;

static ssize_t parse(struct slice in)
{
    return proxy_header_parse(in, &h, &fault);
}

static const char *shown(const struct addr *a)
{
    static char text[2][ADDR_TEXT_MAX];
    static int turn;
    turn = !turn;
    addr_print(a, text[turn]);
    return text[turn];
}

/* Every beginning asks for more, and what follows is left alone. */
static void check_taken(struct slice in)
{
    char longer[PROXY_WRITE_MAX + 8];
    for (size_t n = 0; n < in.n; n++) {
        cr_assert_eq(parse(slice_of(in.p, n)), 0, "at byte %zu", n);
        cr_assert_eq(fault, PROXY_FAULT_NONE);
    }
    memcpy(longer, in.p, in.n);
    memcpy(longer + in.n, "GET /", 5);
    cr_assert_eq(parse(slice_of(longer, in.n + 5)), (ssize_t)in.n, "%s", proxy_fault_word(fault));
    cr_assert_eq(parse(in), (ssize_t)in.n);
}

/* No beginning of it is ever taken for a header. */
static void check_refused(struct slice in, enum proxy_fault want)
{
    for (size_t n = 0; n < in.n; n++)
        cr_assert_leq(parse(slice_of(in.p, n)), 0);
    cr_assert_lt(parse(in), 0, "%.*s", SLICE_ARG(in));
    cr_assert_eq(fault, want, "%.*s: %s, not %s", SLICE_ARG(in), proxy_fault_word(fault),
                 proxy_fault_word(want));
}

/* -- version 1 --------------------------------------------------------------------------------- */

Test(proxy_header, reads_version_1)
{
    check_taken(SLICE("PROXY TCP4 192.0.2.1 10.0.0.1 40000 443\r\n"));
    cr_assert(h.version == 1 && h.addressed && !h.local);
    cr_assert_str_eq(shown(&h.source), "192.0.2.1:40000");
    cr_assert_str_eq(shown(&h.destination), "10.0.0.1:443");
    check_taken(SLICE("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n"));
    cr_assert_str_eq(shown(&h.source), "[2001:db8::1]:65535");
    cr_assert_str_eq(shown(&h.destination), "[2001:db8::2]:0");
}

Test(proxy_header, takes_a_line_of_107_bytes_and_none_that_is_longer)
{
    char line[128];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + 105, "\r\n", 2);
    check_taken(slice_of(line, 107));
    cr_assert(!h.addressed && !h.local);
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + 106, "\r\n", 2);
    check_refused(slice_of(line, 107), PROXY_FAULT_LINE);
}

Test(proxy_header, knows_no_addresses_of_an_unknown_connection)
{
    check_taken(SLICE("PROXY UNKNOWN\r\n"));
    cr_assert(!h.addressed && h.version == 1);
    check_taken(SLICE("PROXY UNKNOWN ffff:f::1 ffff::2 65535 65535\r\n"));
    cr_assert(!h.addressed);
}

Test(proxy_header, refuses_what_version_1_does_not_allow)
{
    static const struct {
        struct slice in;
        enum proxy_fault fault;
    } cases[] = {
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 40000 443\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 40000\r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 40000 443 1\r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 40000 443 \r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY  TCP4 192.0.2.1 10.0.0.1 1 443\r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP4  192.0.2.1 10.0.0.1 1 443\r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP5 192.0.2.1 10.0.0.1 1 443\r\n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY \n"), PROXY_FAULT_LINE},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 040 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP4 192.0.2.256 10.0.0.1 1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP4 ::1 ::2 1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP6 192.0.2.1 10.0.0.1 1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP6 :: ::1 1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("PROXY TCP4 host 10.0.0.1 1 443\r\n"), PROXY_FAULT_ADDRESS},
        {SLICE_INIT("proxy "), PROXY_FAULT_SIGNATURE},
        {SLICE_INIT("PROXYX"), PROXY_FAULT_SIGNATURE},
        {SLICE_INIT("GET / HTTP/1.1\r\n"), PROXY_FAULT_SIGNATURE},
        {SLICE_INIT("\x16\x03\x01"), PROXY_FAULT_SIGNATURE},
    };
    for (size_t i = 0; i < array_n(cases); i++)
        check_refused(cases[i].in, cases[i].fault);
}

Test(proxy_header, sees_with_the_first_byte_that_it_is_none)
{
    cr_assert_lt(parse(SLICE("G")), 0);
    cr_assert_lt(parse(SLICE("PX")), 0);
    cr_assert_lt(parse(SLICE("\r\n\r\nX")), 0);
}

/* -- version 2 --------------------------------------------------------------------------------- */

#define TCP4                                                                                       \
    "\x0A\x00\x00\x07\xC0\x00\x02\x01\x9C\x40\x01\xBB" /* 10.0.0.7:40000 to 192.0.2.1:443 */

Test(proxy_header, reads_version_2)
{
    check_taken(SLICE(SIG "\x21\x11\x00\x0C" TCP4));
    cr_assert(h.version == 2 && h.addressed && !h.local);
    cr_assert_str_eq(shown(&h.source), "10.0.0.7:40000");
    cr_assert_str_eq(shown(&h.destination), "192.0.2.1:443");
    check_taken(SLICE(SIG "\x21\x21\x00\x24"
                          "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                          "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x50\x01\xBB"));
    cr_assert_str_eq(shown(&h.source), "[2001:db8::1]:80");
    cr_assert_str_eq(shown(&h.destination), "[2001:db8::2]:443");
}

Test(proxy_header, reads_unix_addresses)
{
    char in[16 + 216] = SIG "\x21\x31\x00\xd8/run/a.sock";
    memcpy(in + 16 + 108, "\0abstract", 9);
    check_taken(slice_of(in, sizeof in));
    cr_assert(h.addressed && h.source.sa.sa_family == AF_UNIX);
    cr_assert_str_eq(h.source.un.sun_path, "/run/a.sock");
    cr_assert_str_eq(h.destination.un.sun_path + 1, "abstract");
    cr_assert_eq(addr_port(&h.destination), 0);
}

Test(proxy_header, takes_nothing_from_a_local_or_unspecified_one)
{
    check_taken(SLICE(SIG "\x20\x11\x00\x0C" TCP4));
    cr_assert(h.local && !h.addressed);
    check_taken(SLICE(SIG "\x20\xff\x00\x03\xff\xff\xff"));
    cr_assert(h.local && !h.addressed);
    check_taken(SLICE(SIG "\x21\x00\x00\x05\x02\x00\x02hi"));
    cr_assert(!h.local && !h.addressed);
    cr_assert(slice_eq(h.authority, SLICE("hi")));
}

Test(proxy_header, reads_what_was_told_besides)
{
    check_taken(SLICE(SIG "\x21\x11\x00\x4F" TCP4 "\x01\x00\x02h2"
                          "\x02\x00\x07"
                          "a.b.com"
                          "\x04\x00\x01x"
                          "\xEA\x00\x01x"
                          "\x05\x00\x02id"
                          "\x20\x00\x24\x05\x00\x00\x00\x00"
                          "\x21\x00\x07TLSv1.3"
                          "\x22\x00\x03"
                          "bob"
                          "\x23\x00\x06"
                          "AES256"
                          "\x24\x00\x03"
                          "RSA"));
    cr_assert(slice_eq(h.alpn, SLICE("h2")));
    cr_assert(slice_eq(h.authority, SLICE("a.b.com")));
    cr_assert(slice_eq(h.unique_id, SLICE("id")));
    cr_assert(h.tls.used && h.tls.certificate && h.tls.verified);
    cr_assert(slice_eq(h.tls.version, SLICE("TLSv1.3")));
    cr_assert(slice_eq(h.tls.cn, SLICE("bob")));
    cr_assert(slice_eq(h.tls.cipher, SLICE("AES256")));
}

Test(proxy_header, believes_no_certificate_that_was_not_verified)
{
    check_taken(SLICE(SIG "\x21\x11\x00\x14" TCP4 "\x20\x00\x05\x03\x00\x00\x00\x01"));
    cr_assert(h.tls.used && h.tls.certificate && !h.tls.verified);
    check_taken(SLICE(SIG "\x21\x11\x00\x14" TCP4 "\x20\x00\x05\x01\x00\x00\x00\x00"));
    cr_assert(h.tls.used && !h.tls.certificate && !h.tls.verified);
    check_taken(SLICE(SIG "\x21\x11\x00\x14" TCP4 "\x20\x00\x05\x06\x00\x00\x00\x00"));
    cr_assert(!h.tls.used && !h.tls.certificate && !h.tls.verified);
}

Test(proxy_header, checks_a_checksum)
{
    char in[] = SIG "\x21\x11\x00\x15" TCP4 "\x03\x00\x04\0\0\0\0\x04\x00\x00";
    const size_t n = sizeof in - 1, at = 16 + 12 + 3;
    in[15] = (char)(n - 16);
    check_refused(slice_of(in, n), PROXY_FAULT_CHECKSUM);
    const uint32_t crc = proxy_crc32c(0, slice_of(in, n));
    for (int i = 0; i < 4; i++)
        in[at + (size_t)i] = (char)(crc >> (24 - 8 * i));
    check_taken(slice_of(in, n));
    for (size_t i = 16; i < n; i++) { /* whatever changes is noticed, one way or another */
        if (i == at - 3)
            continue; /* the type of the sum itself: then it is none */
        in[i] ^= 1;
        cr_assert_lt(parse(slice_of(in, n)), 0, "byte %zu", i);
        in[i] ^= 1;
    }
}

Test(proxy_header, has_the_checksum_of_the_rfc)
{
    cr_assert_eq(proxy_crc32c(0, SLICE("123456789")), 0xe3069283);
    cr_assert_eq(proxy_crc32c(proxy_crc32c(0, SLICE("1234")), SLICE("56789")), 0xe3069283);
}

Test(proxy_header, refuses_what_version_2_does_not_allow)
{
    static const struct {
        struct slice in;
        enum proxy_fault fault;
    } cases[] = {
        {SLICE_INIT(SIG "\x11\x11\x00\x0C"), PROXY_FAULT_VERSION},
        {SLICE_INIT(SIG "\x31\x11\x00\x0C"), PROXY_FAULT_VERSION},
        {SLICE_INIT(SIG "\x22\x11\x00\x0C"), PROXY_FAULT_COMMAND},
        {SLICE_INIT(SIG "\x21\x12\x00\x0C"), PROXY_FAULT_FAMILY},
        {SLICE_INIT(SIG "\x21\x32\x00\xd8"), PROXY_FAULT_FAMILY},
        {SLICE_INIT(SIG "\x21\x41\x00\x0C"), PROXY_FAULT_FAMILY},
        {SLICE_INIT(SIG "\x21\x11\x00\x0B"), PROXY_FAULT_LENGTH},
        {SLICE_INIT(SIG "\x21\x21\x00\x23"), PROXY_FAULT_LENGTH},
        {SLICE_INIT(SIG "\x21\x31\x00\xd7"), PROXY_FAULT_LENGTH},
        {SLICE_INIT(SIG "\x21\x11\x10\x01"), PROXY_FAULT_LENGTH},
        {SLICE_INIT(SIG "\x20\x00\xff\xff"), PROXY_FAULT_LENGTH},
        {SLICE_INIT(SIG "\x21\x11\x00\x0D" TCP4 "\x04"), PROXY_FAULT_TLV},
        {SLICE_INIT(SIG "\x21\x11\x00\x0F" TCP4 "\x04\x00\x01"), PROXY_FAULT_TLV},
        {SLICE_INIT(SIG "\x21\x11\x00\x13" TCP4 "\x20\x00\x04\x01\0\0\0"), PROXY_FAULT_TLV},
        {SLICE_INIT(SIG "\x21\x11\x00\x15" TCP4 "\x20\x00\x06\x01\0\0\0\0\x21"), PROXY_FAULT_TLV},
        {SLICE_INIT(SIG "\x21\x11\x00\x10" TCP4 "\x03\x00\x01\0"), PROXY_FAULT_TLV},
        {SLICE_INIT(SIG "\x21\x11\x00\x14" TCP4 "\x02\x00\x01"
                        "a\x02\x00\x01"
                        "b"),
         PROXY_FAULT_TLV_TWICE},
        {SLICE_INIT(SIG "\x21\x11\x00\x1C" TCP4 "\x20\x00\x05\x01\0\0\0\0\x20\x00\x05\x01\0\0\0\0"),
         PROXY_FAULT_TLV_TWICE},
    };
    for (size_t i = 0; i < array_n(cases); i++)
        check_refused(cases[i].in, cases[i].fault);
}

/* -- writing ----------------------------------------------------------------------------------- */

static struct slice write_header(const struct proxy_header *out)
{
    static char memory[PROXY_WRITE_MAX];
    struct text t;
    text_init_fixed(&t, memory, sizeof memory);
    proxy_header_write(&t, out);
    cr_assert(!t.cut);
    return text_slice(&t);
}

static struct proxy_header between(const char *source, const char *destination, uint8_t version)
{
    struct proxy_header out = {.version = version, .addressed = true};
    cr_assert(addr_parse(slice_str(source), &out.source));
    cr_assert(addr_parse(slice_str(destination), &out.destination));
    return out;
}

Test(proxy_header, writes_version_1)
{
    static const struct {
        const char *source, *destination, *line;
    } cases[] = {
        {"10.0.0.1:1", "10.0.0.2:65535", "PROXY TCP4 10.0.0.1 10.0.0.2 1 65535\r\n"},
        {"[2001:db8::1]:1", "[::1]:2", "PROXY TCP6 2001:db8::1 ::1 1 2\r\n"},
        {"10.0.0.1:1", "[2001:db8::1]:2", "PROXY TCP6 ::ffff:10.0.0.1 2001:db8::1 1 2\r\n"},
        {"unix:/a", "unix:/b", "PROXY UNKNOWN\r\n"},
        {"10.0.0.1:1", "unix:/b", "PROXY UNKNOWN\r\n"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        const struct proxy_header out = between(cases[i].source, cases[i].destination, 1);
        const struct slice line = write_header(&out);
        cr_assert(slice_eq(line, slice_str(cases[i].line)), "%.*s", SLICE_ARG(line));
        check_taken(line);
    }
    const struct proxy_header local = {.version = 1, .local = true};
    cr_assert(slice_eq(write_header(&local), SLICE("PROXY UNKNOWN\r\n")));
}

Test(proxy_header, reads_what_it_wrote)
{
    static const char *const ends[] = {"10.0.0.1:1", "[2001:db8::1]:65535", "unix:/run/x",
                                       "unix:@abstract"};
    for (size_t i = 0; i < array_n(ends); i++)
        for (size_t k = 0; k < array_n(ends); k++) {
            struct proxy_header out = between(ends[i], ends[k], 2);
            out.alpn = SLICE("h2");
            out.authority = SLICE("example.com");
            out.unique_id = SLICE("\x00\xff");
            out.tls = (struct proxy_tls){.used = true,
                                         .certificate = true,
                                         .verified = i % 2,
                                         .version = SLICE("TLSv1.2"),
                                         .cn = SLICE("c"),
                                         .cipher = SLICE("x")};
            check_taken(write_header(&out));
            const bool mixed = (i < 2) != (k < 2);
            cr_assert_eq(h.addressed, !mixed, "%s %s", ends[i], ends[k]);
            const struct ip was = addr_ip(&out.source), is = addr_ip(&h.source);
            cr_assert(mixed || memcmp(&was, &is, sizeof was) == 0);
            cr_assert(mixed || addr_port(&h.destination) == addr_port(&out.destination));
            cr_assert(slice_eq(h.alpn, out.alpn) && slice_eq(h.authority, out.authority));
            cr_assert(slice_eq(h.unique_id, out.unique_id) && slice_eq(h.tls.cn, out.tls.cn));
            cr_assert(h.tls.verified == out.tls.verified && h.tls.certificate);
            cr_assert(slice_eq(h.tls.version, out.tls.version));
            cr_assert(slice_eq(h.tls.cipher, out.tls.cipher));
        }
}

Test(proxy_header, leaves_out_texts_that_are_too_long_to_write)
{
    char longer[PROXY_TEXT_MAX + 1];
    memset(longer, 'a', sizeof longer);
    struct proxy_header out = between("10.0.0.1:1", "10.0.0.2:2", 2);
    out.authority = slice_of(longer, PROXY_TEXT_MAX);
    out.alpn = slice_of(longer, PROXY_TEXT_MAX + 1);
    check_taken(write_header(&out));
    cr_assert(slice_eq(h.authority, out.authority) && h.alpn.n == 0);
}

Test(proxy_header, writes_a_local_one_without_anything)
{
    const struct proxy_header out = {.version = 2, .local = true, .authority = SLICE("x")};
    cr_assert(slice_eq(write_header(&out), SLICE(SIG "\x20\x00\x00\x00")));
}

Test(proxy_header, keeps_a_copy_that_needs_nothing_else)
{
    char in[] = SIG "\x21\x11\x00\x11" TCP4 "\x02\x00\x02hi";
    cr_assert_gt(parse(slice_of(in, sizeof in - 1)), 0);
    struct proxy_header *kept = proxy_header_keep(&h);
    memset(in, 0, sizeof in);
    memset(&h, 0, sizeof h);
    cr_assert(kept && slice_eq(kept->authority, SLICE("hi")));
    cr_assert_str_eq(shown(&kept->source), "10.0.0.7:40000");
    cr_assert(kept->alpn.n == 0);
    free(kept);
}
