/* SPDX-License-Identifier: Apache-2.0 */
/* Two protobuf messages by hand. Of the wire format (protobuf.dev, "Encoding") there is what a
 * reader needs to pass over fields that it doesn't know; the last one of a number counts. */
#include "control/health/health_grpc.h"

enum { FRAME_HEAD = 5, VARINT_MAX = 10 };
enum { WIRE_VARINT, WIRE_I64, WIRE_BYTES, WIRE_GROUP, WIRE_GROUP_END, WIRE_I32 };
enum { FIELD_ONE = 1, TAG_SERVICE = FIELD_ONE << 3 | WIRE_BYTES };

static void add_varint(struct text *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        text_char(out, (char)(v | 0x80));
    text_char(out, (char)v);
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

void health_grpc_request(struct text *out, struct slice service)
{
    /* A field that has its default value is left out. */
    const size_t n = service.n ? 1 + varint_size(service.n) + service.n : 0;
    text_char(out, 0);
    for (int shift = 24; shift >= 0; shift -= 8)
        text_char(out, (char)(n >> shift));
    if (!n)
        return;
    text_char(out, TAG_SERVICE);
    add_varint(out, service.n);
    text_add(out, service);
}

static bool take_varint(struct slice *s, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s->n && i < VARINT_MAX; i++) {
        const unsigned char byte = (unsigned char)s->p[i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        *s = slice_from(*s, i + 1);
        *out = v;
        return true;
    }
    return false;
}

/* Passes over a value. */
static bool skip(struct slice *s, unsigned wire)
{
    uint64_t n = 0;
    if (wire == WIRE_VARINT)
        return take_varint(s, &n);
    if (wire == WIRE_I64)
        n = 8;
    else if (wire == WIRE_I32)
        n = 4;
    else if (wire != WIRE_BYTES || !take_varint(s, &n))
        return false;
    if (n > s->n)
        return false;
    *s = slice_from(*s, (size_t)n);
    return true;
}

static enum health_serving read_message(struct slice s)
{
    uint64_t status = HEALTH_GRPC_UNKNOWN;
    while (s.n) {
        uint64_t tag;
        if (!take_varint(&s, &tag))
            return HEALTH_GRPC_MALFORMED;
        const bool is_status = tag == (FIELD_ONE << 3 | WIRE_VARINT);
        if (is_status ? !take_varint(&s, &status) : !skip(&s, tag & 7))
            return HEALTH_GRPC_MALFORMED;
    }
    return status < HEALTH_GRPC_MALFORMED ? (enum health_serving)status : HEALTH_GRPC_UNKNOWN;
}

enum health_serving health_grpc_response(struct slice content)
{
    uint32_t n = 0;
    if (content.n < FRAME_HEAD || content.p[0] != 0) /* a compressed one was not offered */
        return HEALTH_GRPC_MALFORMED;
    for (int i = 1; i < FRAME_HEAD; i++)
        n = n << 8 | (unsigned char)content.p[i];
    if (n != content.n - FRAME_HEAD)
        return HEALTH_GRPC_MALFORMED;
    return read_message(slice_from(content, FRAME_HEAD));
}
