/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as operators write them. */

#include "canary/weights.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Test(canary_weights, are_read_as_they_are_written)
{
    static const struct {
        double v;
        uint64_t units;
        unsigned decimals;
    } good[] = {
        {0, 0, 0},
        {1, 1, 0},
        {95, 95, 0},
        {0.01, 1, 2},
        {99.99, 9999, 2},
        {33.34, 3334, 2},
        {1000000, 1000000, 0},
        {0.000001, 1, 6},
        {1.0004, 10004, 4},
        {999999.999999, 999999999999, 6},
        {0.1 + 0.2, 3, 1},
        {90.0, 90, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct weight w;
        cr_assert(weight_of(good[i].v, &w), "%.9f", good[i].v);
        cr_assert(w.units == good[i].units && w.decimals == good[i].decimals, "%.9f: %llu / 10^%u",
                  good[i].v, (unsigned long long)w.units, w.decimals);
    }
}

/* Every text with up to 6 places that is below a million. */
Test(canary_weights, keep_what_any_text_says)
{
    srand(7);
    for (unsigned i = 0; i < 100000; i++) {
        const unsigned whole = (unsigned)rand() % 1000000, places = (unsigned)rand() % 7;
        const unsigned powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
        const unsigned part = (unsigned)rand() % powers[places];
        char text[32];
        struct weight w;
        snprintf(text, sizeof text, "%u.%0*u", whole, (int)places, part);
        cr_assert(weight_of(strtod(text, NULL), &w), "%s", text);
        cr_assert_eq(w.units * powers[6 - w.decimals],
                     (uint64_t)whole * 1000000 + (uint64_t)part * powers[6 - places], "%s", text);
    }
}

Test(canary_weights, that_are_none_are_refused)
{
    static const double bad[] = {-1, -0.0001, 1000000.000001, 1e300, 0.0000001, 1.0000001, 1.0 / 3};
    struct weight w;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!weight_of(bad[i], &w), "%.9f", bad[i]);
    cr_assert(!weight_of(NAN, &w) && !weight_of(INFINITY, &w));
}

Test(canary_weights, come_to_common_units)
{
    uint32_t units[3];
    unsigned decimals;
    cr_assert(weights_align((struct weight[]){{9999, 2}, {1, 2}, {5, 0}}, 3, units, &decimals));
    cr_assert(decimals == 2 && units[0] == 9999 && units[1] == 1 && units[2] == 500);
    cr_assert_eq(weight_number(units[0], decimals), 99.99);
    cr_assert(weights_align((struct weight[]){{4294, 0}, {1, 6}}, 2, units, &decimals));
    cr_assert(!weights_align((struct weight[]){{4295, 0}, {1, 6}}, 2, units, &decimals));
}
