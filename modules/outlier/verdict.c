/* SPDX-License-Identifier: Apache-2.0 */
#include "outlier/verdict.h"

#include <math.h>

static const double WHOLE = 1000000, ROUNDING = 1e-9;

uint32_t verdict_share(uint64_t part, uint64_t whole)
{
    return whole ? (uint32_t)((double)part * WHOLE / (double)whole + 0.5) : 0;
}

static double success(const struct figures *f)
{
    return (double)(f->total - f->failed) / (double)f->total;
}

static bool is_judged(const struct figures *f, uint64_t min_requests)
{
    return f->total > 0 && f->total >= min_requests;
}

/* Keeps out[0..out_n) sorted, the lowest success first; the pools are small. */
static void add(const struct figures *f, size_t *out, struct verdict *v, size_t i)
{
    size_t at = v->out_n++;
    for (; at > 0 && success(&f[out[at - 1]]) > success(&f[i]); at--)
        out[at] = out[at - 1];
    out[at] = i;
}

static size_t count_judged(const struct figures *f, size_t n, uint64_t min_requests)
{
    size_t hosts = 0;
    for (size_t i = 0; i < n; i++)
        hosts += is_judged(&f[i], min_requests);
    return hosts;
}

/* -- by deviation ---------------------------------------------------------------------------- */

static double mean_of(const struct figures *f, size_t n, const struct rate_rules *r, size_t hosts)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += is_judged(&f[i], r->min_requests) ? success(&f[i]) : 0;
    return sum / (double)hosts;
}

static double deviation_of(const struct figures *f, size_t n, const struct rate_rules *r,
                           size_t hosts, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double off = is_judged(&f[i], r->min_requests) ? success(&f[i]) - mean : 0;
        sum += off * off;
    }
    return sqrt(sum / (double)hosts);
}

void verdict_success_rate(const struct figures *f, size_t n, const struct rate_rules *r,
                          size_t *out, struct verdict *v)
{
    *v = (struct verdict){.hosts = count_judged(f, n, r->min_requests)};
    if (v->hosts == 0 || v->hosts < r->min_hosts)
        return;
    const double mean = mean_of(f, n, r, v->hosts);
    const double off = deviation_of(f, n, r, v->hosts, mean) * r->stdev_factor / 1000;
    const double margin = r->margin / WHOLE;
    const double threshold = mean - (off > margin ? off : margin);
    v->mean = (uint32_t)(mean * WHOLE + 0.5);
    v->threshold = threshold > 0 ? (uint32_t)(threshold * WHOLE + 0.5) : 0;
    for (size_t i = 0; i < n; i++)
        if (is_judged(&f[i], r->min_requests) && success(&f[i]) < threshold - ROUNDING)
            add(f, out, v, i);
}

uint32_t verdict_hosts_needed(uint32_t stdev_factor)
{
    const uint64_t square = (uint64_t)stdev_factor * stdev_factor;
    return (uint32_t)(square / 1000000 + 2); /* the smallest n with n - 1 > factor^2 */
}

/* -- by percentage --------------------------------------------------------------------------- */

static bool is_over(const struct figures *f, const struct percentage_rules *r)
{
    return (double)f->failed * WHOLE >= (double)f->total * r->threshold;
}

void verdict_failure_percentage(const struct figures *f, size_t n, const struct percentage_rules *r,
                                size_t *out, struct verdict *v)
{
    *v = (struct verdict){.hosts = count_judged(f, n, r->min_requests), .threshold = r->threshold};
    if (v->hosts == 0 || v->hosts < r->min_hosts)
        return;
    for (size_t i = 0; i < n; i++)
        if (is_judged(&f[i], r->min_requests) && f[i].failed && is_over(&f[i], r))
            add(f, out, v, i);
}

/* -- how many -------------------------------------------------------------------------------- */

size_t verdict_cap(const struct pool *p, uint32_t share, size_t min_left)
{
    const size_t by_share = (size_t)((uint64_t)p->n * share / 1000000);
    const size_t spare = p->usable > min_left ? p->usable - min_left : 0;
    const size_t cap = by_share ? by_share : 1;
    return cap < spare ? cap : spare;
}
