/* SPDX-License-Identifier: Apache-2.0 */
/* The scans: each way against the definition, for every byte at every place and alignment, right
 * up to a page that must not be touched. */
#include "http/h1_parse.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACES = 100 };

static const enum h1_scan ways[] = {H1_SCAN_PORTABLE, H1_SCAN_SSE42, H1_SCAN_AVX2, H1_SCAN_AUTO};

static bool in_value(unsigned c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool in_target(unsigned c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>#", (int)c);
}

static bool in_token(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && c < 0x80 && strchr("!#$%&'*+-.^_`|~", (int)c));
}

/* The last byte before a page without access. */
static char *guarded_end(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(p != MAP_FAILED);
    cr_assert_eq(mprotect(p + page, page, PROT_NONE), 0);
    return p + page;
}

/* Runs of `good` of every length up to PLACES, each byte value standing at each place; the run
 * ends at `end`, so the start goes through all alignments. */
static void expect_all(const char *(*scan)(const char *, const char *), bool (*in)(unsigned),
                       char good, char *end)
{
    for (size_t n = 0; n <= PLACES; n++) {
        char *p = end - n;
        memset(p, good, n);
        cr_assert_eq(scan(p, end), end, "a clean run of %zu", n);
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                p[at] = (char)c;
                const char *want = in(c) ? end : p + at;
                cr_assert_eq(scan(p, end), want, "byte %u at %zu of %zu", c, at, n);
            }
            p[at] = good;
        }
    }
}

static void expect_way(enum h1_scan way)
{
    if (!h1_scan_use(way))
        cr_skip_test("this processor can't");
    char *end = guarded_end();
    expect_all(h1_scan_value, in_value, 'v', end);
    expect_all(h1_scan_target, in_target, '/', end);
    expect_all(h1_scan_token, in_token, '-', end);
}

Test(h1_scan, finds_every_byte_by_table)
{
    expect_way(H1_SCAN_PORTABLE);
}

Test(h1_scan, finds_every_byte_with_sse42)
{
    expect_way(H1_SCAN_SSE42);
}

Test(h1_scan, finds_every_byte_with_avx2)
{
    expect_way(H1_SCAN_AVX2);
}

/* Not only ends that happen to be aligned: bytes of any value behind `end` change nothing. */
Test(h1_scan, stops_at_the_end_and_not_behind_it)
{
    char room[160];
    for (size_t w = 0; w < array_n(ways); w++) {
        if (!h1_scan_use(ways[w]))
            continue;
        for (size_t from = 0; from < 33; from++)
            for (size_t n = 0; n < 70; n++) {
                memset(room, '\0', sizeof room);
                memset(room + from, 'a', n);
                const char *p = room + from, *end = p + n;
                cr_assert_eq(h1_scan_value(p, end), end);
                cr_assert_eq(h1_scan_target(p, end), end);
                cr_assert_eq(h1_scan_token(p, end), end);
                cr_assert_eq(h1_scan_value(p, room + sizeof room), end);
                cr_assert_eq(h1_scan_target(p, room + sizeof room), end);
                cr_assert_eq(h1_scan_token(p, room + sizeof room), end);
            }
    }
}

/* With several hits the first one counts, whichever way is taken. */
Test(h1_scan, agrees_in_every_way_on_random_bytes)
{
    uint64_t x = 88172645463325252u;
    char text[256];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            text[i] = x % 16 == 0 ? (char)(x >> 8) : (char)('a' + (x >> 8) % 26);
        }
        size_t from = x % 40, to = 200 + (x >> 20) % 56;
        const char *found[array_n(ways)][3] = {0};
        for (size_t w = 0; w < array_n(ways); w++) {
            if (!h1_scan_use(ways[w]))
                (void)h1_scan_use(H1_SCAN_PORTABLE);
            found[w][0] = h1_scan_value(text + from, text + to);
            found[w][1] = h1_scan_target(text + from, text + to);
            found[w][2] = h1_scan_token(text + from, text + to);
            cr_assert_arr_eq(found[w], found[0], sizeof found[0]);
        }
    }
}

Test(h1_scan, chooses_at_the_first_call)
{
    const char *(*before)(const char *, const char *) = h1_scan_token;
    struct slice s = SLICE("token rest");
    cr_assert_eq(h1_scan_token(s.p, s.p + s.n), s.p + 5);
    cr_assert_neq(h1_scan_token, before);
    cr_assert(h1_scan_use(H1_SCAN_AUTO));
    cr_assert(h1_scan_use(H1_SCAN_PORTABLE));
}

Test(h1_scan, chooses_for_every_scan_at_the_first_call_of_any)
{
    struct slice s = SLICE("/target rest");
    cr_assert_eq(h1_scan_target(s.p, s.p + s.n), s.p + 7);
    cr_assert_eq(h1_scan_value(s.p, s.p + s.n), s.p + s.n);
}

Test(h1_scan, chooses_when_a_value_comes_first)
{
    struct slice s = SLICE("value\r\n");
    cr_assert_eq(h1_scan_value(s.p, s.p + s.n), s.p + 5);
}
