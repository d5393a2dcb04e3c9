/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: the chairman assignment problem, solved as R. Tijdeman does (Discrete Mathematics
 * 32, 1980, 323-330). Of k variants the one with weight w has got x of the tickets before the m-th,
 * and D = 2k-2. It is ready for the m-th when its ideal m*w/W has come at least 1/D ahead of x; its
 * deadline is the m at which the ideal would be more than 1 - 1/D ahead. Of those that are ready
 * the one with the earliest deadline gets the ticket. The paper proves that one is always ready and
 * that no deadline is ever missed, which is the bound: |x - m*w/W| <= 1 - 1/D. (With one variant
 * there is nothing to decide.)
 *
 * Multiplied out there are integers only: it is ready when D*w*m >= W*(D*x + 1), and its deadline
 * is W*(D*x + D-1) / (D*w), in which W and D are the same for all. With W up to 2^14 and k up to
 * 255 no product exceeds 2^38.
 *
 * At the end of the table every ideal is a whole number, so every count equals it (they differ by
 * less than one), and the table may begin again. */

#include "canary/schedule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* One variant that has a weight, while the table is built. */
struct share {
    uint8_t variant;
    uint64_t weight, got;
};

static uint64_t divisor(uint64_t a, uint64_t b);
static size_t next(const struct share *shares, size_t k, uint64_t total, uint64_t m);

static bool __attribute__((format(printf, 2, 3)))
refuse(char reason[SCHEDULE_REASON], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, SCHEDULE_REASON, fmt, args);
    va_end(args);
    return false;
}

/* The sum of the weights after they were divided by *by, their greatest common divisor. */
static uint64_t reduced_sum(const uint32_t *weights, size_t n, uint64_t *by)
{
    uint64_t sum = 0;
    *by = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        *by = divisor(weights[i], *by);
    }
    return *by ? sum / *by : 0;
}

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool schedule_check(const uint32_t *weights, size_t n, uint32_t *length,
                    char reason[SCHEDULE_REASON])
{
    if (n > SCHEDULE_VARIANTS)
        return refuse(reason, "there are %zu variants: %d is the most", n, SCHEDULE_VARIANTS);
    uint64_t by;
    const uint64_t sum = reduced_sum(weights, n, &by);
    if (!sum)
        return refuse(reason, "the weights sum up to 0: give one variant at least 1");
    if (sum > SCHEDULE_MAX)
        return refuse(reason,
                      "exact shares repeat only after %" PRIu64
                      " requests, and %d is the most: make "
                      "all weights multiples of one step, of 0.01 %% of their sum or more",
                      sum, SCHEDULE_MAX);
    if (length)
        *length = (uint32_t)sum;
    return true;
}

bool schedule_build(struct schedule *s, const uint32_t *weights, size_t n,
                    char reason[SCHEDULE_REASON])
{
    if (!schedule_check(weights, n, &s->length, reason))
        return false;
    uint64_t by;
    (void)reduced_sum(weights, n, &by);
    struct share shares[SCHEDULE_VARIANTS];
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (weights[i])
            shares[k++] = (struct share){.variant = (uint8_t)i, .weight = weights[i] / by};
    for (uint64_t m = 1; m <= s->length; m++) {
        struct share *chosen = &shares[next(shares, k, s->length, m)];
        chosen->got++;
        s->of[m - 1] = chosen->variant;
    }
    return true;
}

/* Who gets the m-th ticket, from 1. Of equal deadlines the first in the list comes first. */
static size_t next(const struct share *shares, size_t k, uint64_t total, uint64_t m)
{
    const uint64_t d = k > 1 ? 2 * k - 2 : 1;
    size_t best = k;
    for (size_t i = 0; i < k; i++) {
        const struct share *a = &shares[i], *b = &shares[best];
        if (d * a->weight * m < total * (d * a->got + 1))
            continue;
        if (best == k || (d * a->got + d - 1) * b->weight < (d * b->got + d - 1) * a->weight)
            best = i;
    }
    return best < k ? best : 0; /* never the latter, says the paper */
}

uint64_t schedule_count(const struct schedule *s, uint64_t position, unsigned variant)
{
    const uint64_t rounds = position / s->length, rest = position % s->length;
    uint64_t all = 0, begun = 0;
    for (uint32_t i = 0; i < s->length; i++) {
        const bool hit = s->of[i] == variant;
        all += hit;
        begun += hit && i < rest;
    }
    return rounds * all + begun;
}
