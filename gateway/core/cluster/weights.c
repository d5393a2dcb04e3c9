/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and weights. Everything is added up by (level, tier), and from the sums follows what each
 * group gets; numbers of groups are given in the order of use, so that group 0 is that of the
 * healthy endpoints of the first level when there are any. */
#include "core/cluster/weights.h"

#include <math.h>
#include <string.h>

enum { ALL = 1000000, ZONES_MAX = 64, RAMP_STEPS = 100 };

enum tier { HEALTHY, DEGRADED, TIERS };

struct sums {
    uint64_t all[PRIORITIES_MAX];           /* weight of what isn't draining */
    uint64_t usable[PRIORITIES_MAX][TIERS];
    uint64_t own[PRIORITIES_MAX][TIERS];    /* of it in the own zone */
    size_t count[PRIORITIES_MAX][TIERS];
    uint64_t zones[PRIORITIES_MAX];         /* bit per zone that has an endpoint there */
};

/* What a tier of a level gets, and how much of it stays in the own zone, in millionths. */
struct loads {
    uint32_t of[PRIORITIES_MAX][TIERS];
    uint32_t own[PRIORITIES_MAX][TIERS];
    bool panic;
};

static bool counts(const struct weight_facts *f)
{
    return f->weight && !f->draining && f->priority < PRIORITIES_MAX;
}

static bool is_usable(const struct weight_facts *f)
{
    return !f->down && f->share;
}

static enum tier tier_of(const struct weight_facts *f, bool panic)
{
    return f->degraded && !panic ? DEGRADED : HEALTHY;
}

/* In panic everything that counts is usable. */
static void add_up(const struct weight_facts *facts, size_t n, bool panic, struct sums *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < n; i++) {
        const struct weight_facts *f = &facts[i];
        if (!counts(f))
            continue;
        const enum tier tier = tier_of(f, panic);
        s->all[f->priority] += f->weight;
        s->zones[f->priority] |= UINT64_C(1) << (f->zone < ZONES_MAX ? f->zone : ZONES_MAX - 1);
        if (!panic && !is_usable(f))
            continue;
        s->usable[f->priority][tier] += f->weight;
        s->own[f->priority][tier] += f->zone == 0 ? f->weight : 0;
        s->count[f->priority][tier]++;
    }
}

static uint32_t health(const struct sums *s, unsigned p, enum tier tier, uint32_t factor)
{
    if (!s->all[p])
        return 0;
    const uint64_t h = s->usable[p][tier] * ALL / 100 * factor / s->all[p];
    const uint32_t least = s->usable[p][tier] ? 1 : 0; /* one of very many is still one */
    return h > ALL ? ALL : h < least ? least : (uint32_t)h;
}

/* By health, in order. */
static void share_out(const struct sums *s, uint32_t factor, struct loads *l, uint64_t *reach)
{
    uint64_t sum = 0, left = ALL;
    for (int tier = 0; tier < TIERS; tier++)
        for (unsigned p = 0; p < PRIORITIES_MAX; p++)
            sum += health(s, p, (enum tier)tier, factor);
    *reach = sum > ALL ? ALL : sum;
    if (!*reach)
        return;
    for (int tier = 0; tier < TIERS; tier++)
        for (unsigned p = 0; p < PRIORITIES_MAX; p++) {
            uint64_t part = (uint64_t)health(s, p, (enum tier)tier, factor) * ALL / *reach;
            part = part > left ? left : part;
            l->of[p][tier] = (uint32_t)part;
            left -= part;
        }
}

static bool is_panic(const struct sums *s, const struct weight_rules *rules, uint64_t reach)
{
    uint64_t all = 0, usable = 0;
    for (unsigned p = 0; p < PRIORITIES_MAX; p++) {
        all += s->all[p];
        usable += s->usable[p][HEALTHY] + s->usable[p][DEGRADED];
    }
    return reach < ALL && all && usable * ALL < all * rules->panic;
}

/* Everything there is, by weight. */
static void share_out_all(const struct sums *s, struct loads *l)
{
    uint64_t all = 0;
    memset(l, 0, sizeof *l);
    l->panic = true;
    for (unsigned p = 0; p < PRIORITIES_MAX; p++)
        all += s->all[p];
    for (unsigned p = 0; p < PRIORITIES_MAX && all; p++)
        l->of[p][HEALTHY] = (uint32_t)(s->all[p] * ALL / all);
}

static void split_zones(const struct sums *s, const struct weight_rules *rules, struct loads *l)
{
    for (unsigned p = 0; p < PRIORITIES_MAX; p++)
        for (int tier = 0; tier < TIERS; tier++) {
            const uint64_t zones = (uint64_t)__builtin_popcountll(s->zones[p]);
            const bool prefer = rules->zones && s->own[p][tier] && zones > 1 &&
                                s->count[p][tier] >= rules->zone_endpoints;
            if (!prefer)
                continue;
            const uint64_t own = zones * s->own[p][tier] * ALL / s->usable[p][tier];
            l->own[p][tier] = own > ALL ? ALL : (uint32_t)own;
        }
}

/* -- groups ------------------------------------------------------------------------------------ */

struct numbers {
    uint8_t of[PRIORITIES_MAX][TIERS][2]; /* [0]: own zone, or all; [1]: other zones */
};

static uint8_t add_group(struct weight_groups *g, uint64_t load)
{
    const uint32_t before = g->n ? g->upto[g->n - 1] : 0;
    g->upto[g->n] = before + (uint32_t)load;
    return (uint8_t)g->n++;
}

static void number_tier(const struct sums *s, const struct loads *l, unsigned p, enum tier tier,
                        struct weight_groups *g, uint8_t *number)
{
    const uint64_t load = l->of[p][tier], own = load * l->own[p][tier] / ALL;
    number[0] = number[1] = GROUP_NONE;
    if (!s->usable[p][tier])
        return;
    if (!l->own[p][tier]) {
        number[0] = number[1] = add_group(g, load);
        return;
    }
    number[0] = add_group(g, own);
    number[1] = s->usable[p][tier] > s->own[p][tier] ? add_group(g, load - own) : GROUP_NONE;
}

/* What rounding has lost goes to the last that gets something. */
static void round_off(struct weight_groups *g)
{
    const uint32_t reached = g->n ? g->upto[g->n - 1] : 0;
    for (size_t i = g->n; i && g->upto[i - 1] == reached; i--)
        g->upto[i - 1] = ALL;
}

static void number_groups(const struct sums *s, const struct loads *l, struct weight_groups *g,
                          struct numbers *numbers)
{
    g->n = 0;
    g->panic = l->panic;
    for (int tier = 0; tier < TIERS; tier++)
        for (unsigned p = 0; p < PRIORITIES_MAX; p++)
            number_tier(s, l, p, (enum tier)tier, g, numbers->of[p][tier]);
    round_off(g);
}

static uint32_t weight_of(const struct weight_facts *f, bool panic)
{
    const uint32_t share = panic && !f->share ? ALL : f->share;
    const uint64_t whole = (uint64_t)f->weight * WEIGHT_ONE;
    const uint64_t w = whole * share / ALL * f->ramp / ALL;
    return w ? (uint32_t)w : 1;
}

void weights_make(const struct weight_facts *facts, size_t n, const struct weight_rules *rules,
                  struct weight_result *results, struct weight_groups *groups)
{
    struct sums s;
    struct loads l = {0};
    struct numbers numbers;
    uint64_t reach;
    add_up(facts, n, false, &s);
    share_out(&s, rules->overprovision, &l, &reach);
    if (is_panic(&s, rules, reach)) {
        add_up(facts, n, true, &s);
        share_out_all(&s, &l);
    } else {
        split_zones(&s, rules, &l);
    }
    number_groups(&s, &l, groups, &numbers);
    for (size_t i = 0; i < n; i++) {
        const struct weight_facts *f = &facts[i];
        results[i] = (struct weight_result){.group = GROUP_NONE};
        if (!counts(f) || (!l.panic && !is_usable(f)))
            continue;
        results[i].group = numbers.of[f->priority][tier_of(f, l.panic)][f->zone != 0];
        if (results[i].group != GROUP_NONE)
            results[i].weight = weight_of(f, l.panic);
    }
}

/* -- slow start -------------------------------------------------------------------------------- */

static bool is_ramping(const struct slow_start *s, uint64_t joined_us, uint64_t now_us)
{
    return joined_us && s->window_us && now_us < joined_us + s->window_us;
}

uint32_t weights_ramp(const struct slow_start *s, uint64_t joined_us, uint64_t now_us)
{
    if (!is_ramping(s, joined_us, now_us))
        return ALL;
    const double passed = now_us > joined_us ? (double)(now_us - joined_us) : 0;
    const double part = pow(passed / (double)s->window_us, 100.0 / s->aggression);
    const uint32_t share = (uint32_t)(part * ALL);
    const uint32_t least = s->min_share ? s->min_share : 1;
    return share < least ? least : share;
}

uint64_t weights_ramp_due(const struct slow_start *s, uint64_t joined_us, uint64_t now_us)
{
    if (!is_ramping(s, joined_us, now_us))
        return UINT64_MAX;
    const uint64_t end = joined_us + s->window_us, step = s->window_us / RAMP_STEPS + 1;
    return now_us + step < end ? now_us + step : end;
}
