/* SPDX-License-Identifier: Apache-2.0 */
/* Peak EWMA (as Finagle has it): what attempts on an endpoint are expected to take, from what the
 * last ones took. A longer time than expected is believed at once, a shorter one by and by: weights
 * of old times fall by e in each `decay`. What is expected falls in the same way when nothing is
 * heard, so that an endpoint that was slow once is asked again.
 *
 * The cost of an endpoint is that time, once for each attempt in flight and for the one to come,
 * by its weight. Each worker knows its own attempts only. */
#include "core/cluster/cluster.h"

#include <math.h>

enum {
    BAD_LEAST_US = 1000, /* what is no good is never quick: else the dead get everything */
    EWMA_MAX_US = 60 * 1000000,
};

static double remembered(const struct endpoint *ep, const struct ewma *how)
{
    const uint64_t passed = how->now_us > ep->ewma_at_us ? how->now_us - ep->ewma_at_us : 0;
    return exp(-(double)passed / (double)how->decay_us);
}

double ewma_expected(const struct endpoint *ep, const struct ewma *how)
{
    return ep->ewma_at_us ? ep->ewma_us * remembered(ep, how) : 0;
}

static bool is_bad(enum took it)
{
    return it == TOOK_TO_ERR || it == TOOK_TO_FAIL;
}

/* However soon it came, a failure counts as twice what was expected. So does a server error behind
 * another one; one alone counts as what was expected: it says nothing about other requests. */
static double sample_of(const struct endpoint *ep, uint64_t took_us, enum took it)
{
    double took = (double)took_us;
    if (is_bad(it)) {
        const bool twice = it == TOOK_TO_FAIL || ep->ewma_bad;
        const double least = twice ? 2 * ep->ewma_us : ep->ewma_us;
        took = took > least ? took : least;
        took = took > BAD_LEAST_US ? took : BAD_LEAST_US;
    }
    return took < EWMA_MAX_US ? took : EWMA_MAX_US;
}

void ewma_add(struct endpoint *ep, const struct ewma *how, uint64_t took_us, enum took it)
{
    const double took = sample_of(ep, took_us, it);
    const bool longer = took > ewma_expected(ep, how);
    if (it == TOOK_LONGER && !longer)
        return;
    if (it != TOOK_LONGER)
        ep->ewma_bad = is_bad(it);
    if (!ep->ewma_at_us || longer) {
        ep->ewma_us = took;
    } else {
        const double old = remembered(ep, how);
        ep->ewma_us = ep->ewma_us * old + took * (1 - old);
    }
    ep->ewma_at_us = how->now_us ? how->now_us : 1;
}

/* One of which nothing is known, but that has an attempt already, waits for its outcome. */
static double cost(const struct endpoint *ep, const struct ewma *how)
{
    const double expected = ewma_expected(ep, how);
    const double us = !ep->ewma_at_us && ep->active ? EWMA_MAX_US : expected;
    return (us + 1) * (ep->active + 1) / ep->weight;
}

size_t balance_peak_ewma(struct endpoint *const *eps, size_t n, int64_t total_weight,
                         const struct ewma *how, struct random *r)
{
    if (total_weight <= 0)
        return n;
    const size_t a = balance_draw(eps, n, (uint64_t)total_weight, NULL, 0, r);
    const uint64_t rest = (uint64_t)total_weight - eps[a]->weight;
    if (!rest)
        return a;
    const size_t b = balance_draw(eps, n, rest, &a, 1, r);
    return cost(eps[b], how) < cost(eps[a], how) ? b : a;
}
