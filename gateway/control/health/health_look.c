/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of health checks, for who asks: the admin socket and the metrics page. */
#include "control/health/health_parts.h"

struct health_facts health_facts(const struct health *h, uint32_t cluster, struct slice endpoint)
{
    for (size_t i = 0; h && i < h->n; i++) {
        const struct checked *hc = &h->clusters[i];
        for (size_t k = 0; hc->index == cluster && k < hc->n; k++) {
            const struct probe *p = hc->probes[k];
            if (!slice_eq(slice_str(p->ep->name), endpoint))
                continue;
            struct health_facts f = p->facts;
            f.passed = p->state.passed;
            f.failed = p->state.failed;
            f.followed = p->share.follows;
            return f;
        }
    }
    return (struct health_facts){0};
}

size_t health_clusters_n(const struct health *h)
{
    return h ? h->n : 0;
}

struct health_totals health_totals(const struct health *h, size_t i)
{
    struct health_totals t = h->clusters[i].totals;
    t.endpoints = h->clusters[i].n;
    t.shared = health_checkers(h, i) > 0;
    for (size_t k = 0; k < t.endpoints; k++)
        t.followed += h->clusters[i].probes[k]->share.follows;
    return t;
}

bool health_endpoint(const struct health *h, size_t i, size_t at, struct slice *name,
                     enum endpoint_health *health)
{
    const struct checked *hc = &h->clusters[i];
    if (at >= hc->n)
        return false;
    *name = slice_str(hc->probes[at]->ep->name);
    *health = hc->probes[at]->state.health;
    return true;
}

size_t health_running(const struct health *h)
{
    return h->running;
}

uint64_t health_delayed(const struct health *h)
{
    return h->delayed;
}
