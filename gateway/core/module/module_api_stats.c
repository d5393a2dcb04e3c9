/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/report.h>: counters and variants. Counting must cost a hook next to nothing, so it checks
 * no more than what a module may well have: no counters, because there was no room for them, in a
 * generation that is only checked. */

#include "core/exchange.h"
#include "core/module/module.h"
#include "core/module/module_slice.h"
#include "core/stats/stats_module.h"

struct weir_counters *weir_counters(struct weir_load *l, const struct weir_counter *rows,
                                    const struct weir_label *labels, size_t labels_n)
{
    return counters_add(l, rows, labels, labels_n);
}

void weir_count(struct weir_process *p, struct weir_counters *c, unsigned index, uint64_t n)
{
    const struct stats *s = worker_of(p)->stats;

    if (likely(s && c && index < c->n))
        s->counters[c->index][index] += n;
}

uint64_t weir_count_sum(struct weir_process *p, const struct weir_counters *c, unsigned index)
{
    const struct stats *s = worker_of(p)->stats;

    return s && c ? counters_sum(c, s->shm, index) : 0;
}

void weir_gauge(struct weir_load *l, const struct weir_gauge *gauge, const struct weir_label *labels,
                size_t labels_n)
{
    gauge_add(l, gauge, labels, labels_n);
}

struct weir_variant *weir_variant(struct weir_load *l, struct weir_slice name)
{
    return variant_add(l, slice_in(name));
}

void weir_variant_set(struct weir_exchange *exchange, struct weir_variant *v)
{
    struct exchange *x = (struct exchange *)exchange;

    x->variant = v;
    x->plan.variant = v ? v->name : slice_of(NULL, 0);
}

struct weir_slice weir_variant_name(const struct weir_exchange *exchange)
{
    const struct weir_variant *v = ((const struct exchange *)exchange)->variant;

    return slice_out(v ? v->name : slice_of(NULL, 0));
}

void weir_variant_traffic(struct weir_process *p, const struct weir_variant *v,
                          struct weir_traffic *out)
{
    const struct stats *s = worker_of(p)->stats;
    struct traffic_stats sum = {0};

    if (s && v)
        variant_sum(v, s, &sum);
    *out = (struct weir_traffic){.requests = sum.requests};
    if (s && v) {
        out->p50_us = histogram_share_us(&sum.latency, s->bounds, 0.5);
        out->p99_us = histogram_share_us(&sum.latency, s->bounds, 0.99);
    }
    _Static_assert(sizeof out->status == sizeof sum.status, "the same classes");
    memcpy(out->status, sum.status, sizeof out->status);
}
