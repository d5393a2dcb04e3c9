/* SPDX-License-Identifier: Apache-2.0 */
/* The delay before a hedge, as it is written. */
#include "retry/hedge.h"

#include <criterion/criterion.h>
#include <string.h>

static bool read(const char *text, struct hedge_delay *d)
{
    return hedge_delay_read((struct weir_slice){text, strlen(text)}, d);
}

Test(retry_hedge, waits_a_time_or_a_percentile)
{
    static const struct {
        const char *text;
        uint64_t us;
        uint32_t part;
    } cases[] = {
        {"50ms", 50000, 0},   {"1s", 1000000, 0},   {"1.5s", 1500000, 0}, {"800us", 800, 0},
        {"2m", 120000000, 0}, {"0.5ms", 500, 0},    {"1us", 1, 0},        {"3600s", 3600000000, 0},
        {"p95", 0, 950000},   {"p99.9", 0, 999000}, {"p50", 0, 500000},   {"p99.9999", 0, 999999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hedge_delay d;
        cr_assert(read(cases[i].text, &d), "%s", cases[i].text);
        cr_assert_eq(d.fixed_us, cases[i].us, "%s", cases[i].text);
        cr_assert_eq(d.part, cases[i].part, "%s", cases[i].text);
    }
}

Test(retry_hedge, is_nothing_else)
{
    static const char *const bad[] = {
        "",     "50",         "ms",        "0ms", "-1ms",  "1 ms",
        "1.ms", "1..5ms",     ".5ms",      "p",   "p100",  "p49",
        "95",   "p95%",       "p99.99999", "61m", "3601s", "0.1us",
        "1h",   "99999999ms", "p9999999",  "1.5", "p95ms", "18446744073709551616s"};
    struct hedge_delay d;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!read(bad[i], &d), "%s", bad[i]);
}
