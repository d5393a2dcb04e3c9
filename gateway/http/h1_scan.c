/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the first byte that ends a token, a target or a field value: where a head parser spends
 * its time. Three ways that must agree byte for byte (tests/unit/test_h1_scan.c): a table, one
 * byte at a time; SSE4.2, sixteen at a time; AVX2, thirty-two at a time.
 *
 * Membership of an ASCII set is two table look-ups in registers: pshufb by the low half of each
 * byte gives the rows (high halves) that the set has in this column, one bit each; pshufb by the
 * high half gives the bit of this row, and nothing for rows 8 to 15. The columns are filled from
 * byte_class at the first call, so a set is written down once. A field value may have bytes above
 * 0x7f; its set is three comparisons.
 *
 * Nothing beyond `end` is read: the rest that is shorter than a vector goes to the next narrower
 * way. */

#include "http/h1_parse.h"

/* -- portable --------------------------------------------------------------------------------- */
static inline const char *by_table(const char *p, const char *end, uint8_t bit)
{
    while (p < end && (byte_class[(uint8_t)*p] & bit))
        p++;
    return p;
}

static const char *value_portable(const char *p, const char *end)
{
    return by_table(p, end, BYTE_VALUE);
}

static const char *target_portable(const char *p, const char *end)
{
    return by_table(p, end, BYTE_TARGET);
}

static const char *token_portable(const char *p, const char *end)
{
    return by_table(p, end, BYTE_TCHAR);
}

#if defined(__x86_64__)
#include <immintrin.h>

/* -- sets for pshufb -------------------------------------------------------------------------- */
/* Both halves twice: a 256-bit shuffle works within each 128-bit lane. */
struct columns {
    _Alignas(32) uint8_t v[32];
};
static struct columns token_columns, target_columns;
static const struct columns row_bit = {{1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0,
                                        1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0}};

static void fill(struct columns *c, uint8_t bit)
{
    *c = (struct columns){0};
    for (unsigned b = 0; b < 128; b++)
        if (byte_class[b] & bit) {
            c->v[b & 15] |= (uint8_t)(1u << (b >> 4));
            c->v[16 + (b & 15)] |= (uint8_t)(1u << (b >> 4));
        }
}

/* -- SSE4.2 ----------------------------------------------------------------------------------- */
#define SSE42 __attribute__((target("sse4.2")))
#define AVX2 __attribute__((target("avx2,bmi")))

/* One bit for each of the 16 bytes that is not in the set. */
SSE42 static inline unsigned outside16(const char *p, const struct columns *c)
{
    const __m128i half = _mm_set1_epi8(0x0f);
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i column =
        _mm_shuffle_epi8(_mm_load_si128((const __m128i *)c->v), _mm_and_si128(v, half));
    __m128i row = _mm_shuffle_epi8(_mm_load_si128((const __m128i *)row_bit.v),
                                   _mm_and_si128(_mm_srli_epi16(v, 4), half));
    __m128i out = _mm_cmpeq_epi8(_mm_and_si128(column, row), _mm_setzero_si128());
    return (unsigned)_mm_movemask_epi8(out);
}

SSE42 static inline unsigned no_value16(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    const __m128i top = _mm_set1_epi8(0x1f);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, top), v);
    __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

SSE42 static inline const char *in_set_sse42(const char *p, const char *end,
                                             const struct columns *c, uint8_t bit)
{
    for (; end - p >= 16; p += 16) {
        unsigned out = outside16(p, c);
        if (out)
            return p + __builtin_ctz(out);
    }
    return by_table(p, end, bit);
}

SSE42 static const char *token_sse42(const char *p, const char *end)
{
    return in_set_sse42(p, end, &token_columns, BYTE_TCHAR);
}

SSE42 static const char *target_sse42(const char *p, const char *end)
{
    return in_set_sse42(p, end, &target_columns, BYTE_TARGET);
}

SSE42 static const char *value_sse42(const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned out = no_value16(p);
        if (out)
            return p + __builtin_ctz(out);
    }
    return by_table(p, end, BYTE_VALUE);
}

/* -- AVX2 ------------------------------------------------------------------------------------- */
/* For targets and values only: a field name rarely has more than 16 bytes. */
AVX2 static inline unsigned outside32(const char *p, const struct columns *c)
{
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    __m256i column =
        _mm256_shuffle_epi8(_mm256_load_si256((const __m256i *)c->v), _mm256_and_si256(v, half));
    __m256i row = _mm256_shuffle_epi8(_mm256_load_si256((const __m256i *)row_bit.v),
                                      _mm256_and_si256(_mm256_srli_epi16(v, 4), half));
    __m256i out = _mm256_cmpeq_epi8(_mm256_and_si256(column, row), _mm256_setzero_si256());
    return (unsigned)_mm256_movemask_epi8(out);
}

AVX2 static inline unsigned no_value32(const char *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    const __m256i top = _mm256_set1_epi8(0x1f);
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, top), v);
    __m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
    __m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f));
    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(tab, low), del));
}

AVX2 static const char *target_avx2(const char *p, const char *end)
{
    for (; end - p >= 32; p += 32) {
        unsigned out = outside32(p, &target_columns);
        if (out)
            return p + __builtin_ctz(out);
    }
    return target_sse42(p, end);
}

AVX2 static const char *value_avx2(const char *p, const char *end)
{
    for (; end - p >= 32; p += 32) {
        unsigned out = no_value32(p);
        if (out)
            return p + __builtin_ctz(out);
    }
    return value_sse42(p, end);
}
#endif

/* -- choice ----------------------------------------------------------------------------------- */
static const char *value_first(const char *p, const char *end)
{
    (void)h1_scan_use(H1_SCAN_AUTO);
    return h1_scan_value(p, end);
}

static const char *target_first(const char *p, const char *end)
{
    (void)h1_scan_use(H1_SCAN_AUTO);
    return h1_scan_target(p, end);
}

static const char *token_first(const char *p, const char *end)
{
    (void)h1_scan_use(H1_SCAN_AUTO);
    return h1_scan_token(p, end);
}

const char *(*h1_scan_value)(const char *p, const char *end) = value_first;
const char *(*h1_scan_target)(const char *p, const char *end) = target_first;
const char *(*h1_scan_token)(const char *p, const char *end) = token_first;

static bool use_portable(void)
{
    h1_scan_value = value_portable;
    h1_scan_target = target_portable;
    h1_scan_token = token_portable;
    return true;
}

#if defined(__x86_64__)
static bool use_sse42(void)
{
    if (!__builtin_cpu_supports("sse4.2"))
        return false;
    fill(&token_columns, BYTE_TCHAR);
    fill(&target_columns, BYTE_TARGET);
    h1_scan_value = value_sse42;
    h1_scan_target = target_sse42;
    h1_scan_token = token_sse42;
    return true;
}

static bool use_avx2(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !use_sse42())
        return false;
    h1_scan_value = value_avx2;
    h1_scan_target = target_avx2;
    return true;
}
#else
static bool use_sse42(void)
{
    return false;
}

static bool use_avx2(void)
{
    return false;
}
#endif

bool h1_scan_use(enum h1_scan which)
{
    switch (which) {
    case H1_SCAN_PORTABLE:
        return use_portable();
    case H1_SCAN_SSE42:
        return use_sse42();
    case H1_SCAN_AVX2:
        return use_avx2();
    case H1_SCAN_AUTO:
        break;
    }
    return use_avx2() || use_sse42() || use_portable();
}
