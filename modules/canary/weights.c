/* SPDX-License-Identifier: Apache-2.0 */
/* From decimals to integers. What is written with up to 6 places and is not above a million has at
 * most 13 digits, so a double holds it, and
 * what it is multiplied by, to within a thousandth of the last place. */

#include "canary/weights.h"

#include <math.h>

static const uint64_t powers[WEIGHT_DECIMALS + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};

bool weight_of(double v, struct weight *out)
{
    if (!(v >= 0 && v <= WEIGHT_MAX))
        return false;
    for (unsigned d = 0; d <= WEIGHT_DECIMALS; d++) {
        const double scaled = v * (double)powers[d], whole = round(scaled);
        if (fabs(scaled - whole) > 0.001 / (double)powers[WEIGHT_DECIMALS - d])
            continue; /* more than the thousandth of a last place is more than inexactness */
        if (whole == 0 && v > 0)
            continue;
        *out = (struct weight){.units = (uint64_t)whole, .decimals = d};
        return true;
    }
    return false;
}

double weight_number(uint64_t units, unsigned decimals)
{
    return (double)units / (double)powers[decimals <= WEIGHT_DECIMALS ? decimals : 0];
}

bool weights_align(const struct weight *w, size_t n, uint32_t *units, unsigned *decimals)
{
    *decimals = 0;
    for (size_t i = 0; i < n; i++)
        *decimals = w[i].decimals > *decimals ? w[i].decimals : *decimals;
    for (size_t i = 0; i < n; i++) {
        const uint64_t scaled = w[i].units * powers[*decimals - w[i].decimals];
        if (scaled > UINT32_MAX)
            return false;
        units[i] = (uint32_t)scaled;
    }
    return true;
}
