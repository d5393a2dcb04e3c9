/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol as bytes. Reading is strict: a header comes from a machine of ours, so one
 * that has a flaw is a fault of the set-up, and guessing what it meant would put a wrong address
 * into every log and every rule that looks at one.
 *
 * Version 1 is text and ends with its line; version 2 says its length in its first 16 bytes. They
 * are told apart by their first byte, so a client that speaks something else is known at once. */
#include "io/proxy_header.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

enum {
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_UNSPEC = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    FAMILY_UNIX = 0x31,
    UNIX_PATH = 108, /* bytes of a path in a header of version 2 */
};

/* Types of TLVs (2.2). */
enum {
    TLV_ALPN = 0x01,
    TLV_AUTHORITY = 0x02,
    TLV_CRC32C = 0x03,
    TLV_UNIQUE_ID = 0x05,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
};

/* Bits of the first byte of TLV_SSL (2.2.6). */
enum { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };

static const char signature_bytes[] = "\r\n\r\n\0\r\nQUIT\n";
static const struct slice signature = {signature_bytes, sizeof signature_bytes - 1};
static const struct slice word = SLICE_INIT("PROXY ");

const char *proxy_fault_word(enum proxy_fault f)
{
    static const char *const words[] = {
#define F(id, word) word,
        PROXY_FAULT_LIST(F)
#undef F
    };
    return words[f];
}

static uint16_t get16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static uint32_t get32(const char *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Four bits at a time: a table of 16 words, and a header is short. */
uint32_t proxy_crc32c(uint32_t crc, struct slice s)
{
    static const uint32_t nibbles[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                         0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                         0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                         0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

    crc = ~crc;
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (uint8_t)s.p[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

/* -- version 1 --------------------------------------------------------------------------------- */

/* Decimal, without zeros in front (2.1). */
static bool port_parse(struct slice text, uint16_t *port)
{
    uint64_t v;
    if (text.n > 5 || (text.n > 1 && text.p[0] == '0') || !slice_to_u64(text, &v) || v > UINT16_MAX)
        return false;
    *port = (uint16_t)v;
    return true;
}

/* All zero stands for a peer on a unix socket where addresses are compared; no connection comes
 * from there. */
static bool is_nowhere(const struct addr *a)
{
    static const struct ip zero;
    const struct ip ip = addr_ip(a);
    return a->sa.sa_family != AF_UNIX && memcmp(&ip, &zero, sizeof zero) == 0;
}

static bool end_parse(struct slice ip, struct slice port, int family, struct addr *out)
{
    uint16_t number;
    return port_parse(port, &number) && addr_from_ip(ip, number, out) &&
           out->sa.sa_family == family;
}

/* "TCP4 192.0.2.1 10.0.0.1 40000 443" */
static enum proxy_fault line_parse(struct slice line, struct proxy_header *out)
{
    const struct slice kind = slice_cut(&line, ' ');
    if (slice_eq(kind, SLICE("UNKNOWN")))
        return PROXY_FAULT_NONE; /* what follows is to be ignored (2.1) */
    const bool v6 = slice_eq(kind, SLICE("TCP6"));
    if (!v6 && !slice_eq(kind, SLICE("TCP4")))
        return PROXY_FAULT_LINE;
    const int family = v6 ? AF_INET6 : AF_INET;
    struct slice parts[4];
    for (size_t i = 0; i < array_n(parts); i++)
        parts[i] = slice_cut(&line, ' ');
    if (line.p || !parts[3].n)
        return PROXY_FAULT_LINE;
    if (!end_parse(parts[0], parts[2], family, &out->source) ||
        !end_parse(parts[1], parts[3], family, &out->destination) || is_nowhere(&out->source))
        return PROXY_FAULT_ADDRESS;
    out->addressed = true;
    return PROXY_FAULT_NONE;
}

static ssize_t parse_v1(struct slice in, struct proxy_header *out, enum proxy_fault *fault)
{
    const struct slice most = slice_of(in.p, in.n < PROXY_V1_MAX ? in.n : PROXY_V1_MAX);
    const size_t end = slice_find(most, '\n');
    out->version = 1;
    if (end == most.n) {
        *fault = most.n == PROXY_V1_MAX ? PROXY_FAULT_LINE : PROXY_FAULT_NONE;
        return *fault ? -1 : 0;
    }
    if (in.p[end - 1] != '\r') /* the word before it isn't empty */
        *fault = PROXY_FAULT_LINE;
    else
        *fault = line_parse(slice_between(in.p + word.n, in.p + end - 1), out);
    return *fault ? -1 : (ssize_t)end + 1;
}

/* -- version 2: TLVs --------------------------------------------------------------------------- */

struct tlv {
    uint8_t type;
    struct slice value;
};

/* Cuts one off the front of *rest; false when it isn't whole. */
static bool tlv_cut(struct slice *rest, struct tlv *out)
{
    if (rest->n < 3 || rest->n - 3 < get16(rest->p + 1))
        return false;
    *out = (struct tlv){(uint8_t)rest->p[0], slice_of(rest->p + 3, get16(rest->p + 1))};
    *rest = slice_from(*rest, 3 + out->value.n);
    return true;
}

/* Takes a value that may be there once; an empty one says nothing. */
static enum proxy_fault take(struct slice *slot, struct slice value)
{
    if (slot->p)
        return PROXY_FAULT_TLV_TWICE;
    *slot = value;
    return PROXY_FAULT_NONE;
}

static enum proxy_fault tls_parse(struct slice value, struct proxy_tls *out)
{
    if (out->used || out->certificate)
        return PROXY_FAULT_TLV_TWICE;
    if (value.n < 5)
        return PROXY_FAULT_TLV;
    const uint8_t client = (uint8_t)value.p[0];
    out->used = client & CLIENT_SSL;
    out->certificate = out->used && client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS);
    out->verified = out->certificate && get32(value.p + 1) == 0;
    for (struct slice rest = slice_from(value, 5); rest.n;) {
        struct tlv one;
        enum proxy_fault fault = PROXY_FAULT_NONE;
        if (!tlv_cut(&rest, &one))
            return PROXY_FAULT_TLV;
        if (one.type == TLV_SSL_VERSION)
            fault = take(&out->version, one.value);
        else if (one.type == TLV_SSL_CN)
            fault = take(&out->cn, one.value);
        else if (one.type == TLV_SSL_CIPHER)
            fault = take(&out->cipher, one.value);
        if (fault)
            return fault;
    }
    return PROXY_FAULT_NONE;
}

/* Over the whole header, with zeros where the sum itself stands (2.2.3). */
static enum proxy_fault check_sum(struct slice whole, struct slice sum)
{
    if (sum.n != 4)
        return PROXY_FAULT_TLV;
    uint32_t crc = proxy_crc32c(0, slice_between(whole.p, sum.p));
    crc = proxy_crc32c(crc, slice_of("\0\0\0\0", 4));
    crc = proxy_crc32c(crc, slice_between(sum.p + 4, whole.p + whole.n));
    return crc == get32(sum.p) ? PROXY_FAULT_NONE : PROXY_FAULT_CHECKSUM;
}

static enum proxy_fault tlv_take(const struct tlv *one, struct slice whole, struct slice *sum,
                                 struct proxy_header *out)
{
    switch (one->type) {
    case TLV_ALPN:
        return take(&out->alpn, one->value);
    case TLV_AUTHORITY:
        return take(&out->authority, one->value);
    case TLV_UNIQUE_ID:
        return one->value.n > PROXY_ID_MAX ? PROXY_FAULT_TLV : take(&out->unique_id, one->value);
    case TLV_SSL:
        return tls_parse(one->value, &out->tls);
    case TLV_CRC32C: {
        const enum proxy_fault twice = take(sum, one->value);
        return twice ? twice : check_sum(whole, one->value);
    }
    default: /* padding, the network namespace, what a vendor adds (2.2.8) */
        return PROXY_FAULT_NONE;
    }
}

static enum proxy_fault tlvs_parse(struct slice whole, struct slice rest, struct proxy_header *out)
{
    struct slice sum = {0};
    while (rest.n) {
        struct tlv one;
        if (!tlv_cut(&rest, &one))
            return PROXY_FAULT_TLV;
        const enum proxy_fault fault = tlv_take(&one, whole, &sum, out);
        if (fault)
            return fault;
    }
    return PROXY_FAULT_NONE;
}

/* -- version 2 --------------------------------------------------------------------------------- */

static void addr4(struct addr *a, const char *ip, const char *port)
{
    *a = (struct addr){.in4.sin_family = AF_INET, .len = sizeof a->in4};
    memcpy(&a->in4.sin_addr, ip, 4);
    memcpy(&a->in4.sin_port, port, 2);
}

static void addr6(struct addr *a, const char *ip, const char *port)
{
    *a = (struct addr){.in6.sin6_family = AF_INET6, .len = sizeof a->in6};
    memcpy(&a->in6.sin6_addr, ip, 16);
    memcpy(&a->in6.sin6_port, port, 2);
}

/* The whole field: an abstract name begins with a NUL, a path ends before one. */
static void addr_unix(struct addr *a, const char *path)
{
    *a = (struct addr){.un.sun_family = AF_UNIX, .len = sizeof a->un};
    memcpy(a->un.sun_path, path, UNIX_PATH);
}
_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == UNIX_PATH, "a path fits");

static size_t addresses_size(uint8_t family)
{
    switch (family) {
    case FAMILY_TCP4:
        return 12;
    case FAMILY_TCP6:
        return 36;
    case FAMILY_UNIX:
        return 2 * UNIX_PATH;
    default:
        return 0;
    }
}

static enum proxy_fault addresses_parse(uint8_t family, const char *p, struct proxy_header *out)
{
    if (family == FAMILY_UNSPEC)
        return PROXY_FAULT_NONE;
    if (family == FAMILY_TCP4) {
        addr4(&out->source, p, p + 8);
        addr4(&out->destination, p + 4, p + 10);
    } else if (family == FAMILY_TCP6) {
        addr6(&out->source, p, p + 32);
        addr6(&out->destination, p + 16, p + 34);
    } else {
        addr_unix(&out->source, p);
        addr_unix(&out->destination, p + UNIX_PATH);
    }
    out->addressed = true;
    return is_nowhere(&out->source) ? PROXY_FAULT_ADDRESS : PROXY_FAULT_NONE;
}

/* The 16 bytes that are there in any case. */
static enum proxy_fault check_fixed(struct slice in)
{
    const uint8_t what = (uint8_t)in.p[12], family = (uint8_t)in.p[13];
    const uint16_t size = get16(in.p + 14);
    if (what >> 4 != 2)
        return PROXY_FAULT_VERSION;
    if ((what & 15) > COMMAND_PROXY)
        return PROXY_FAULT_COMMAND;
    if (size > PROXY_V2_MAX)
        return PROXY_FAULT_LENGTH;
    if ((what & 15) == COMMAND_LOCAL) /* its family is to be ignored (2.2) */
        return PROXY_FAULT_NONE;
    if (family != FAMILY_UNSPEC && !addresses_size(family))
        return PROXY_FAULT_FAMILY;
    return size < addresses_size(family) ? PROXY_FAULT_LENGTH : PROXY_FAULT_NONE;
}

static ssize_t parse_v2(struct slice in, struct proxy_header *out, enum proxy_fault *fault)
{
    if (in.n < PROXY_V2_FIXED)
        return 0;
    out->version = 2;
    *fault = check_fixed(in);
    if (*fault)
        return -1;
    const uint8_t family = (uint8_t)in.p[13];
    const size_t size = PROXY_V2_FIXED + get16(in.p + 14);
    if (in.n < size)
        return 0;
    out->local = (in.p[12] & 15) == COMMAND_LOCAL;
    if (out->local)
        return (ssize_t)size;
    const struct slice whole = slice_of(in.p, size);
    *fault = addresses_parse(family, in.p + PROXY_V2_FIXED, out);
    if (!*fault)
        *fault = tlvs_parse(whole, slice_from(whole, PROXY_V2_FIXED + addresses_size(family)), out);
    return *fault ? -1 : (ssize_t)size;
}

/* Does `in` begin with `start`, as far as both go? */
static bool may_be(struct slice in, struct slice start)
{
    const size_t n = in.n < start.n ? in.n : start.n;
    return n == 0 || memcmp(in.p, start.p, n) == 0;
}

ssize_t proxy_header_parse(struct slice in, struct proxy_header *out, enum proxy_fault *fault)
{
    *out = (struct proxy_header){0};
    *fault = PROXY_FAULT_NONE;
    if (may_be(in, word))
        return in.n < word.n ? 0 : parse_v1(in, out, fault);
    if (may_be(in, signature))
        return parse_v2(in, out, fault);
    *fault = PROXY_FAULT_SIGNATURE;
    return -1;
}

struct proxy_header *proxy_header_keep(const struct proxy_header *h)
{
    struct proxy_header kept = *h;
    struct slice *texts[] = {&kept.alpn,        &kept.authority,  &kept.unique_id,
                             &kept.tls.version, &kept.tls.cipher, &kept.tls.cn};
    size_t n = 0;
    for (size_t i = 0; i < array_n(texts); i++)
        n += texts[i]->n;
    struct proxy_header *out = malloc(sizeof *out + n);
    if (!out)
        return NULL;
    char *at = (char *)(out + 1);
    for (size_t i = 0; i < array_n(texts); i++) {
        if (texts[i]->n)
            memcpy(at, texts[i]->p, texts[i]->n);
        *texts[i] = slice_of(at, texts[i]->n);
        at += texts[i]->n;
    }
    *out = kept;
    return out;
}

/* -- writing ----------------------------------------------------------------------------------- */

/* What both ends can be written as: AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC. */
static int common_family(const struct proxy_header *h)
{
    const int a = h->source.sa.sa_family, b = h->destination.sa.sa_family;
    if (!h->addressed || h->local || !h->source.len || !h->destination.len)
        return AF_UNSPEC;
    if (a == b)
        return a;
    return a == AF_UNIX || b == AF_UNIX ? AF_UNSPEC : AF_INET6;
}

static void put16(struct text *out, size_t v)
{
    text_char(out, (char)(v >> 8));
    text_char(out, (char)v);
}

/* IPv6 here is also IPv4 in its mapped form. */
static void put_ip(struct text *out, const struct addr *a, int family)
{
    const struct ip ip = addr_ip(a);
    const size_t skip = family == AF_INET ? 12 : 0;
    text_add(out, slice_of((const char *)ip.b + skip, sizeof ip.b - skip));
}

static void put_unix(struct text *out, const struct addr *a)
{
    static const char zeros[UNIX_PATH];
    const size_t n = a->len - offsetof(struct sockaddr_un, sun_path);
    text_add(out, slice_of(a->un.sun_path, n));
    text_add(out, slice_of(zeros, UNIX_PATH - n));
}

static void write_v1(struct text *out, const struct proxy_header *h)
{
    const int family = common_family(h);
    char memory[ADDR_TEXT_MAX];
    if (family != AF_INET && family != AF_INET6) {
        text_str(out, "PROXY UNKNOWN\r\n");
        return;
    }
    const struct addr *ends[] = {&h->source, &h->destination};
    text_str(out, family == AF_INET ? "PROXY TCP4" : "PROXY TCP6");
    for (size_t i = 0; i < array_n(ends); i++) {
        const struct ip ip = addr_ip(ends[i]);
        text_str(out, family == AF_INET6 && ip_is_v4(&ip) ? " ::ffff:" : " ");
        text_add(out, slice_of(memory, ip_print(&ip, memory)));
    }
    for (size_t i = 0; i < array_n(ends); i++) {
        text_char(out, ' ');
        text_uint(out, addr_port(ends[i]));
    }
    text_str(out, "\r\n");
}

static void put_tlv(struct text *out, uint8_t type, struct slice value, size_t most)
{
    if (!value.n || value.n > most)
        return;
    text_char(out, (char)type);
    put16(out, value.n);
    text_add(out, value);
}

static void put_length(struct text *out, size_t at, size_t n)
{
    out->p[at] = (char)(n >> 8);
    out->p[at + 1] = (char)n;
}

static void put_tls(struct text *out, const struct proxy_tls *t)
{
    if (!t->used)
        return;
    text_char(out, TLV_SSL);
    const size_t length_at = out->n;
    put16(out, 0);
    text_char(out, (char)(CLIENT_SSL | (t->certificate ? CLIENT_CERT_CONN | CLIENT_CERT_SESS : 0)));
    put16(out, 0);
    put16(out, t->verified ? 0 : 1);
    put_tlv(out, TLV_SSL_VERSION, t->version, PROXY_TEXT_MAX);
    put_tlv(out, TLV_SSL_CN, t->cn, PROXY_TEXT_MAX);
    put_tlv(out, TLV_SSL_CIPHER, t->cipher, PROXY_TEXT_MAX);
    put_length(out, length_at, out->n - length_at - 2);
}

static void write_v2(struct text *out, const struct proxy_header *h)
{
    const int family = common_family(h);
    text_add(out, signature);
    text_char(out, (char)(0x20 | (h->local ? COMMAND_LOCAL : COMMAND_PROXY)));
    text_char(out, (char)(family == AF_INET    ? FAMILY_TCP4
                          : family == AF_INET6 ? FAMILY_TCP6
                          : family == AF_UNIX  ? FAMILY_UNIX
                                               : FAMILY_UNSPEC));
    const size_t length_at = out->n;
    put16(out, 0);
    if (family == AF_UNIX) {
        put_unix(out, &h->source);
        put_unix(out, &h->destination);
    } else if (family != AF_UNSPEC) {
        put_ip(out, &h->source, family);
        put_ip(out, &h->destination, family);
        put16(out, addr_port(&h->source));
        put16(out, addr_port(&h->destination));
    }
    if (!h->local) {
        put_tlv(out, TLV_ALPN, h->alpn, PROXY_TEXT_MAX);
        put_tlv(out, TLV_AUTHORITY, h->authority, PROXY_TEXT_MAX);
        put_tlv(out, TLV_UNIQUE_ID, h->unique_id, PROXY_ID_MAX);
        put_tls(out, &h->tls);
    }
    put_length(out, length_at, out->n - length_at - 2);
}

void proxy_header_write(struct text *out, const struct proxy_header *h)
{
    if (!text_need(out, PROXY_WRITE_MAX))
        return;
    if (h->version == 1)
        write_v1(out, h);
    else
        write_v2(out, h);
}
