/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers: which of the endpoints gets the next attempt. They know nothing but weights, how much
 * is in flight, and where they stood; they never look at a clock or a table.
 *
 * Round robin is smooth: each endpoint's `current` grows by its weight with every pick, the largest
 * is picked and goes back by the sum of all. So the sum of all currents never changes, each
 * endpoint gets exactly its share in total_weight picks, and a heavy endpoint's picks are spread
 * out among the others' instead of following each other (5,1,1 gives a a b a c a a).
 *
 * Least request looks at two endpoints only. The better of two random ones is nearly as good as
 * the best of all, and workers that know nothing of each other don't all run to the same one. */

#include "core/cluster.h"

static size_t draw(struct endpoint *const *eps, size_t n, uint64_t at, size_t skip);

size_t balance_round_robin(struct endpoint *const *eps, size_t n, int64_t total_weight)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        struct endpoint *ep = eps[i];
        if (!ep->weight)
            continue;
        ep->current += ep->weight;
        if (best == n || ep->current > eps[best]->current)
            best = i;
    }
    if (best < n)
        eps[best]->current -= total_weight;
    return best;
}

size_t balance_least_request(struct endpoint *const *eps, size_t n, int64_t total_weight,
                             struct random *r)
{
    if (total_weight <= 0)
        return n;
    uint64_t total = (uint64_t)total_weight;
    size_t a = draw(eps, n, random_below(r, total), n);
    uint64_t rest = total - eps[a]->weight;
    if (!rest)
        return a;
    size_t b = draw(eps, n, random_below(r, rest), a);
    /* active / weight, without the division. On a tie the first one drawn wins, whose chance is
     * its weight: so an idle cluster is shared out by weight. */
    uint64_t load_a = (uint64_t)eps[a]->active * eps[b]->weight;
    uint64_t load_b = (uint64_t)eps[b]->active * eps[a]->weight;
    return load_b < load_a ? b : a;
}

/* The endpoint in whose stretch of the weights, laid end to end without `skip`'s, `at` lies. */
static size_t draw(struct endpoint *const *eps, size_t n, uint64_t at, size_t skip)
{
    for (size_t i = 0; i < n; i++) {
        if (i == skip)
            continue;
        if (at < eps[i]->weight)
            return i;
        at -= eps[i]->weight;
    }
    must(!"the weights add up to their total");
    return n;
}
