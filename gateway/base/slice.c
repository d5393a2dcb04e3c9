/* SPDX-License-Identifier: Apache-2.0 */
/* The functions on slices that are too long to be inline: comparison without regard to case,
 * trimming, cutting, numbers, lists, and the hash of every map.
 *
 * None of them allocates, and none reads a byte outside its slice. Comparison works on eight bytes
 * at a time because field names are compared on every request. */

#include "base/slice.h"

#include <endian.h>

/* -- comparison --------------------------------------------------------------------------------*/

static inline uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Eight bytes, equal but for the case of letters: where they differ, it is in bit 5 and of a
 * letter. Bit 7 of a byte of `letter` says that it is one; sums of seven-bit values don't carry
 * over. */
static inline bool same8(uint64_t a, uint64_t b)
{
    const uint64_t ones = 0x0101010101010101;
    const uint64_t differ = a ^ b;
    const uint64_t lower = a | (ones * 0x20);
    const uint64_t low7 = lower & (ones * 0x7f);
    const uint64_t from_a = low7 + ones * (0x80 - 'a');
    const uint64_t above_z = low7 + ones * (0x7f - 'z');
    const uint64_t letter = (from_a ^ above_z) & ~lower & (ones * 0x80);

    return !(differ & ~(letter >> 2));
}

bool slice_ieq_same(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8)
            if (!same8(load8(a + i), load8(b + i)))
                return false;
        return same8(load8(a + n - 8), load8(b + n - 8)); /* overlaps the one before */
    }
    if (n >= 4)
        return same8((uint64_t)load4(a) << 32 | load4(a + n - 4),
                     (uint64_t)load4(b) << 32 | load4(b + n - 4));
    for (size_t i = 0; i < n; i++)
        if (ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    return true;
}

int slice_cmp(struct slice a, struct slice b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int order = n ? memcmp(a.p, b.p, n) : 0;

    if (order)
        return order < 0 ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

/* -- parts -------------------------------------------------------------------------------------*/

size_t slice_find(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    while (s.n && is_blank(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
}

struct slice slice_cut(struct slice *rest, char sep)
{
    const size_t at = slice_find(*rest, sep);
    const struct slice part = {rest->p, at};

    *rest = at < rest->n ? slice_from(*rest, at + 1) : (struct slice){NULL, 0};
    return part;
}

bool slice_list_has(struct slice list, struct slice word)
{
    while (list.p) {
        const struct slice member = slice_trim(slice_cut(&list, ','));
        if (member.n && slice_ieq(member, word))
            return true;
    }
    return false;
}

bool slice_to_u64(struct slice s, uint64_t *out)
{
    uint64_t v = 0;

    if (!s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

/* -- hash --------------------------------------------------------------------------------------*/

static uint64_t key0, key1;

void slice_hash_seed(uint64_t k0, uint64_t k1)
{
    key0 = k0;
    key1 = k1;
}

static inline uint64_t turn(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v); /* the 1 of SipHash-1-3 */
    v[0] ^= word;
}

uint64_t slice_hash(struct slice s)
{
    uint64_t v[4] = {key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d,
                     key0 ^ 0x6c7967656e657261, key1 ^ 0x7465646279746573};
    const size_t whole = s.n & ~(size_t)7;
    uint64_t last = 0;

    for (size_t i = 0; i < whole; i += 8)
        sip_word(v, le64toh(load8(s.p + i)));
    if (s.n & 7)
        memcpy(&last, s.p + whole, s.n & 7);
    sip_word(v, le64toh(last) | (uint64_t)s.n << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) /* the 3 */
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
