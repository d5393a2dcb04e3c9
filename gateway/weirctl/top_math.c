/* SPDX-License-Identifier: Apache-2.0 */
#include "weirctl/top_math.h"

#include <math.h>
#include <string.h>

#include "weirctl/answer.h"

enum { BOUNDS_MAX = 64 };

static double number(const json_t *o, const char *key)
{
    double v;

    return answer_number(o, key, &v) ? v : 0;
}

/* A master that was started anew counts from zero; one that took over by an upgrade goes on. */
double top_seconds(const struct top_pair *p)
{
    const double ms = number(p->now, "now_ms") - number(p->before, "now_ms");

    return p->before && ms > 0 ? ms / 1000 : NAN;
}

/* One that goes back has begun anew. */
static double growth(double now, double before)
{
    return now >= before ? now - before : now;
}

double top_rate(const struct top_pair *p, const json_t *now, const json_t *before, const char *key)
{
    return growth(number(now, key), number(before, key)) / top_seconds(p);
}

static double at(const json_t *o, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(o, key), i));
}

double top_rate_at(const struct top_pair *p, const json_t *now, const json_t *before,
                   const char *key, size_t i)
{
    return growth(at(now, key, i), at(before, key, i)) / top_seconds(p);
}

/* -- durations --------------------------------------------------------------------------------- */

struct counts {
    double v[BOUNDS_MAX], sum;
    size_t n;
};

static void add_counts(struct counts *c, const json_t *now, const json_t *before)
{
    for (size_t i = 0; i < c->n; i++) {
        const double v = growth(at(now, "latency", i), at(before, "latency", i));
        c->v[i] += v;
        c->sum += v;
    }
}

/* Linear within the bucket that it falls into, as Prometheus' histogram_quantile(). */
static double share_us(const struct counts *c, const json_t *bounds, double share)
{
    double wanted = c->sum * share, low = 0;

    if (c->sum <= 0)
        return NAN;
    for (size_t i = 0; i + 1 < c->n; i++) {
        const double high = json_number_value(json_array_get(bounds, i));
        if (wanted <= c->v[i])
            return low + (high - low) * (wanted / c->v[i]);
        wanted -= c->v[i];
        low = high;
    }
    return -low;
}

double top_share_us(const struct top_pair *p, const json_t *const *now, const json_t *const *before,
                    size_t n, double share)
{
    const json_t *bounds = answer_list(p->now, "bounds_us");
    struct counts c = {.n = json_array_size(bounds) + 1};

    if (c.n > BOUNDS_MAX || isnan(top_seconds(p)))
        return NAN;
    for (size_t i = 0; i < n; i++)
        add_counts(&c, now[i], before[i]);
    return share_us(&c, bounds, share);
}

/* -- finding ----------------------------------------------------------------------------------- */

const json_t *top_find(const json_t *list, const char *key, const json_t *like, size_t first)
{
    const json_t *name = json_object_get(like, key), *one = json_array_get(list, first);
    size_t i;

    if (one && name && json_equal(json_object_get(one, key), name))
        return one;
    json_array_foreach(list, i,
                       one) if (name && json_equal(json_object_get(one, key), name)) return one;
    return NULL;
}

/* -- for people -------------------------------------------------------------------------------- */

void top_rate_text(struct text *t, double v)
{
    if (isnan(v))
        text_char(t, '-');
    else if (v >= 1e6)
        text_printf(t, "%.1fM", v / 1e6);
    else if (v >= 1e5)
        text_printf(t, "%.0fk", v / 1e3);
    else
        text_printf(t, v >= 1000 ? "%.0f" : "%.1f", v);
}

void top_us_text(struct text *t, double us)
{
    if (isnan(us)) {
        text_char(t, '-');
        return;
    }
    if (us < 0) {
        text_char(t, '>');
        us = -us;
    }
    if (us < 10e3)
        text_printf(t, "%.2fms", us / 1e3);
    else if (us < 1e6)
        text_printf(t, "%.0fms", us / 1e3);
    else
        text_printf(t, "%.1fs", us / 1e6);
}

void top_bytes_text(struct text *t, double v)
{
    if (isnan(v))
        text_char(t, '-');
    else if (v >= 1 << 30)
        text_printf(t, "%.1fG", v / (1 << 30));
    else
        text_printf(t, "%.1fM", v / (1 << 20));
}
