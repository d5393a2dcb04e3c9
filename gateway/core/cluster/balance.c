/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers: which of the endpoints gets the next attempt. They know nothing but weights, how much
 * is in flight, and where they stood; they never look at a clock or a table.
 *
 * Round robin is smooth: each endpoint's `current` grows by its weight with every pick, the largest
 * is picked and goes back by the sum of all. So the sum of all currents never changes, each
 * endpoint gets exactly its share in total_weight picks, and a heavy endpoint's picks are spread
 * out among the others' instead of following each other (5,1,1 gives a a b a c a a).
 *
 * Least request looks at a few endpoints only, usually two. The better of two random ones is nearly
 * as good as the best of all (Mitzenmacher, TPDS 2001), and workers that know nothing of each other
 * don't all run to the same one. */

#include "core/cluster/cluster.h"

#include <math.h>

enum { CHOICES_MAX = 64, USUAL_BIAS = 100 };

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

/* attempts^bias / weight. The usual bias needs no power; and on a tie the first one drawn wins, whose
 * chance is its weight: so an idle cluster is shared out by weight. */
static double load_of(const struct endpoint *ep, uint32_t bias)
{
    const double active = bias == USUAL_BIAS ? ep->active : pow(ep->active, bias / 100.0);
    return active / ep->weight;
}

size_t balance_least_request(struct endpoint *const *eps, size_t n, int64_t total_weight,
                             const struct draw *how, struct random *r)
{
    size_t drawn[CHOICES_MAX];
    if (total_weight <= 0)
        return n;
    uint64_t rest = (uint64_t)total_weight;
    size_t best = n;
    for (size_t k = 0; k < how->choices && k < CHOICES_MAX && rest; k++) {
        const size_t i = balance_draw(eps, n, rest, drawn, k, r);
        if (best == n || load_of(eps[i], how->bias) < load_of(eps[best], how->bias))
            best = i;
        drawn[k] = i;
        rest -= eps[i]->weight;
    }
    return best;
}

static bool is_among(size_t i, const size_t *list, size_t n)
{
    while (n && list[n - 1] != i)
        n--;
    return n != 0;
}

/* The endpoint in whose stretch of the weights, laid end to end without those of `skip`, a random
 * place lies. */
size_t balance_draw(struct endpoint *const *eps, size_t n, uint64_t total_weight,
                    const size_t *skip, size_t skip_n, struct random *r)
{
    uint64_t at = random_below(r, total_weight);
    for (size_t i = 0; i < n; i++) {
        if (is_among(i, skip, skip_n))
            continue;
        if (at < eps[i]->weight)
            return i;
        at -= eps[i]->weight;
    }
    must(!"the weights add up to their total");
    return n;
}

/* The bound is for the attempt to come, too, and rounded up: so somebody always has room. */
bool balance_has_room(const struct endpoint *ep, uint64_t active, int64_t total_weight,
                      uint32_t factor_percent)
{
    const double part = (double)ep->weight / (double)total_weight;
    return ep->active < ceil((double)(active + 1) * part * factor_percent / 100.0);
}
