/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/context.h"

#include <endian.h>

#include "common/slice.h"

enum { ID_DIGITS = 16 };

/* -- digits ------------------------------------------------------------------------------------ */

static int value_of(char c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(const char *p, unsigned digits, uint64_t *out)
{
    uint64_t v = 0;
    int wrong = 0;
    for (unsigned i = 0; i < digits; i++) {
        const int one = value_of(p[i]);
        wrong |= one;
        v = v << 4 | (unsigned)(one & 15);
    }
    *out = v;
    return wrong >= 0;
}

/* Eight digits at once, since ids are written for every request: each gets a byte of its own, the
 * most significant one on top. */
static void write_half(char *to, uint32_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = v;
    x = (x & 0xffff0000) << 16 | (x & 0xffff);
    x = (x & UINT64_C(0x0000ff000000ff00)) << 8 | (x & UINT64_C(0x000000ff000000ff));
    x = (x & UINT64_C(0x00f000f000f000f0)) << 4 | (x & UINT64_C(0x000f000f000f000f));
    const uint64_t letters = (x + 6 * ones) >> 4 & ones;
    x = htobe64(x + '0' * ones + letters * ('a' - '0' - 10));
    memcpy(to, &x, sizeof x);
}

void hex_write(char *to, uint64_t v)
{
    write_half(to, (uint32_t)(v >> 32));
    write_half(to + 8, (uint32_t)v);
}

/* -- traceparent ------------------------------------------------------------------------------- */

/* VERSION "-" TRACE "-" SPAN "-" FLAGS; a later version may have more behind another "-". */
enum { AT_TRACE = 3, AT_SPAN = 36, AT_FLAGS = 53 };

static bool has_form(struct weir_slice s, uint64_t version)
{
    if (s.p[2] != '-' || s.p[AT_SPAN - 1] != '-' || s.p[AT_FLAGS - 1] != '-' || version == 0xff)
        return false;
    return s.n == TRACEPARENT_N || (version > 0 && s.p[TRACEPARENT_N] == '-');
}

bool traceparent_read(struct weir_slice s, struct trace_context *out)
{
    struct trace_context c = {.decided = true};
    uint64_t version, flags;
    if (s.n < TRACEPARENT_N || !hex_read(s.p, 2, &version) || !has_form(s, version))
        return false;
    if (!hex_read(s.p + AT_TRACE, ID_DIGITS, &c.high) ||
        !hex_read(s.p + AT_TRACE + ID_DIGITS, ID_DIGITS, &c.low) ||
        !hex_read(s.p + AT_SPAN, ID_DIGITS, &c.span) || !hex_read(s.p + AT_FLAGS, 2, &flags))
        return false;
    if (!(c.high | c.low) || !c.span)
        return false;
    c.flags = (uint8_t)(flags & (TRACE_SAMPLED | TRACE_RANDOM));
    *out = c;
    return true;
}

void traceparent_write(char to[TRACEPARENT_N], const struct trace_context *c)
{
    memcpy(to, "00-", AT_TRACE);
    hex_write(to + AT_TRACE, c->high);
    hex_write(to + AT_TRACE + ID_DIGITS, c->low);
    to[AT_SPAN - 1] = '-';
    hex_write(to + AT_SPAN, c->span);
    to[AT_FLAGS - 1] = '-';
    to[AT_FLAGS] = '0';
    to[AT_FLAGS + 1] = (char)('0' + (c->flags & (TRACE_SAMPLED | TRACE_RANDOM)));
}

/* -- B3 ---------------------------------------------------------------------------------------- */

/* Older senders have trace ids of one half, which is the lower one. */
static bool read_ids(struct weir_slice trace, struct weir_slice span, struct trace_context *c)
{
    if ((trace.n != ID_DIGITS && trace.n != 2 * ID_DIGITS) || span.n != ID_DIGITS)
        return false;
    if (trace.n > ID_DIGITS && !hex_read(trace.p, ID_DIGITS, &c->high))
        return false;
    return hex_read(trace.p + trace.n - ID_DIGITS, ID_DIGITS, &c->low) &&
           hex_read(span.p, ID_DIGITS, &c->span) && c->high | c->low && c->span;
}

/* "d" is a request to look closely, which is one to sample, too. */
static bool read_decision(struct weir_slice s, struct trace_context *c)
{
    if (s.n != 1 || (s.p[0] != '0' && s.p[0] != '1' && s.p[0] != 'd'))
        return false;
    c->decided = true;
    c->flags = s.p[0] == '0' ? 0 : TRACE_SAMPLED;
    return true;
}

bool b3_read(struct weir_slice s, struct trace_context *out)
{
    struct trace_context c = {0};
    uint64_t unused;
    if (s.n == 1) {
        if (!read_decision(s, &c))
            return false;
        *out = c;
        return true;
    }
    const struct weir_slice trace = slice_cut(&s, '-'), span = slice_cut(&s, '-');
    if (!read_ids(trace, span, &c) || (s.p && !read_decision(slice_cut(&s, '-'), &c)))
        return false;
    if (s.p && (s.n != ID_DIGITS || !hex_read(s.p, ID_DIGITS, &unused)))
        return false;
    *out = c;
    return true;
}

/* "true" and "false" are what some senders say, and the specification asks to take. */
static bool read_sampled(struct weir_slice s, struct trace_context *c)
{
    if (slice_ieq(s, WEIR_SLICE("true")))
        s = WEIR_SLICE("1");
    if (slice_ieq(s, WEIR_SLICE("false")))
        s = WEIR_SLICE("0");
    return read_decision(s, c);
}

bool b3_read_fields(const struct b3_fields *f, struct trace_context *out)
{
    struct trace_context c = {0};
    if ((f->trace.p || f->span.p) && !read_ids(f->trace, f->span, &c))
        return false;
    if (f->sampled.p && !read_sampled(f->sampled, &c))
        return false;
    if (slice_eq(f->flags, WEIR_SLICE("1"))) {
        c.decided = true;
        c.flags = TRACE_SAMPLED;
    }
    if (!f->trace.p && !c.decided)
        return false;
    *out = c;
    return true;
}
