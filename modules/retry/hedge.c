/* SPDX-License-Identifier: Apache-2.0 */
/* Both forms are a number with up to four decimals, so one reader gives them in ten-thousandths. */
#include "retry/hedge.h"

#include "common/slice.h"

enum { TEN_THOUSAND = 10000, DIGITS_MAX = 7, DECIMALS_MAX = 4 };

#define HOUR_US UINT64_C(3600000000)

static const struct {
    const char *name;
    uint64_t us;
} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}};

static size_t count_digits(struct weir_slice s)
{
    size_t n = 0;
    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n;
}

/* *left: what stands behind it. */
static bool read_number(struct weir_slice s, uint64_t *n, struct weir_slice *left)
{
    const size_t digits = count_digits(s);
    uint64_t unit = TEN_THOUSAND;
    *n = 0;
    *left = slice_from(s, digits);
    if (digits == 0 || digits > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < digits; i++)
        *n = *n * 10 + (uint64_t)(s.p[i] - '0') * TEN_THOUSAND;
    if (left->n == 0 || left->p[0] != '.')
        return true;
    const struct weir_slice fraction = slice_from(*left, 1);
    const size_t decimals = count_digits(fraction);
    for (size_t i = 0; i < decimals; i++)
        *n += (uint64_t)(fraction.p[i] - '0') * (unit /= 10);
    *left = slice_from(fraction, decimals);
    return decimals > 0 && decimals <= DECIMALS_MAX;
}

static bool read_percentile(struct weir_slice s, struct hedge_delay *out)
{
    struct weir_slice left;
    uint64_t n;
    if (!read_number(s, &n, &left) || left.n)
        return false;
    out->part = (uint32_t)(n < 100 * TEN_THOUSAND ? n : 0); /* of a hundred, in ten-thousandths */
    return out->part >= 50 * TEN_THOUSAND;
}

bool hedge_delay_read(struct weir_slice text, struct hedge_delay *out)
{
    struct weir_slice left;
    uint64_t n;
    *out = (struct hedge_delay){0};
    if (text.n && text.p[0] == 'p')
        return read_percentile((struct weir_slice){text.p + 1, text.n - 1}, out);
    if (!read_number(text, &n, &left))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (slice_eq(left, slice_str(units[i].name))) {
            out->fixed_us = n * units[i].us / TEN_THOUSAND;
            return out->fixed_us > 0 && out->fixed_us <= HOUR_US;
        }
    return false;
}
