/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_WEIGHTS_H
#define WEIR_CANARY_WEIGHTS_H

/* Weights as an operator writes them, 99.99 and 0.01, as the integers that schedules are made of.
 * Pure; any process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIGHT_DECIMALS = 6 };
static const double WEIGHT_MAX = 1000000;

/* units / 10^decimals: 0.01 is 1 and 2. */
struct weight {
    uint64_t units;
    unsigned decimals;
};

/* With as few decimals as say it. False: below 0, above WEIGHT_MAX, or more than WEIGHT_DECIMALS
 * places behind the point. */
bool weight_of(double v, struct weight *out);
double weight_number(uint64_t units, unsigned decimals);
/* All n in units of the one with the most decimals, which *decimals gets. False: one is too large
 * for that. */
bool weights_align(const struct weight *w, size_t n, uint32_t *units, unsigned *decimals);

#endif
