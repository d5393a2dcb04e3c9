/* SPDX-License-Identifier: Apache-2.0 */
/* Workers count by the second, in the budget itself; here it is only read how much has been added
 * since the last tick. What this instance has told is remembered by the buckets of the window, so
 * that the rest of a sum is what others have told.
 *
 * A sum is asked for with each tick in which there was a retry and the one behind it, when others
 * have told what they did at the same time; and else once per bucket while there are requests. */
#include "fleet/fleet_budget.h"

#include "core/budget.h"
#include "core/generation.h"
#include "fleet/fleet_bucket.h"
#include "fleet/fleet_parts.h"

#include <stdlib.h>

enum { TOLD = 16 /* buckets; more than a window has */ };

enum { SUM_FIRSTS, SUM_RETRIES };

struct told {
    uint64_t number; /* of the second, or the bucket */
    struct budget_counts counts;
};

struct shared_budget {
    struct fleet *f;
    const struct budget *budget;
    struct budget_elsewhere *elsewhere;
    uint64_t span_ms;
    struct weir_fleet_window *window;
    struct told seen[BUDGET_BUCKETS]; /* by second: what has been read of it */
    struct told told[TOLD];           /* by bucket */
    uint64_t asked_ms, asked_bucket;
    bool again;                        /* there were retries at the last tick */
    uint32_t spent_before, spent_then; /* at the last tick; when the sum was asked for */
    struct budget_counts others;       /* as heard last */
    uint32_t spent_heard;
    bool heard;
};

struct fleet_budgets {
    struct fleet *f;
    struct shared_budget *all; /* n of them */
    size_t n;
};

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* -- what others have had ---------------------------------------------------------------------- */

/* In the buckets that a sum up to this one has. */
static struct budget_counts told_up_to(const struct shared_budget *s, uint64_t bucket)
{
    struct budget_counts sum = {0};
    for (size_t i = 0; i < TOLD; i++) {
        const struct told *t = &s->told[i];
        if (t->number > bucket || t->number + FLEET_BUCKETS <= bucket)
            continue;
        sum.firsts += t->counts.firsts;
        sum.extra += t->counts.extra;
    }
    return sum;
}

/* For the next second or two. */
static void hold(const struct shared_budget *s)
{
    const unsigned members = weir_fleet_members((struct weir_process *)s->f->w);
    if (s->heard && members)
        budget_hear(s->elsewhere, &s->others, members - 1, s->spent_heard,
                    s->f->loop->clock.mono_us);
}

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    struct shared_budget *s = ctx;
    const struct budget_counts own = told_up_to(s, s->asked_bucket);
    const struct budget_counts others = {less(all->sums[SUM_FIRSTS], own.firsts),
                                         less(all->sums[SUM_RETRIES], own.extra)};
    (void)epoch;
    s->heard = true;
    s->others = others;
    s->spent_heard = s->spent_then;
    hold(s);
}

/* -- what this instance has had ---------------------------------------------------------------- */

/* A retry that was refused after all may have been read: it counts then. */
static void read_second(struct shared_budget *s, uint32_t second, struct budget_counts *news)
{
    struct told *seen = &s->seen[second % BUDGET_BUCKETS];
    const struct budget_counts now = budget_counted(s->budget, BUDGET_RETRY, second);
    if (seen->number != second)
        *seen = (struct told){.number = second};
    news->firsts += less(now.firsts, seen->counts.firsts);
    news->extra += less(now.extra, seen->counts.extra);
    if (now.firsts > seen->counts.firsts)
        seen->counts.firsts = now.firsts;
    if (now.extra > seen->counts.extra)
        seen->counts.extra = now.extra;
}

/* Since the last time; *any: there was something in the window at all. */
static struct budget_counts read_news(struct shared_budget *s, bool *any)
{
    const uint32_t now = (uint32_t)(s->f->loop->clock.mono_us / 1000000);
    struct budget_counts news = {0};
    *any = false;
    for (uint32_t back = 0; back < s->span_ms / 1000 && back <= now; back++) {
        read_second(s, now - back, &news);
        *any |= s->seen[(now - back) % BUDGET_BUCKETS].counts.firsts > 0;
    }
    return news;
}

static void remember(struct shared_budget *s, uint64_t bucket, const struct budget_counts *news)
{
    struct told *t = &s->told[bucket % TOLD];
    if (t->number != bucket)
        *t = (struct told){.number = bucket};
    t->counts.firsts += news->firsts;
    t->counts.extra += news->extra;
}

static void tell(struct shared_budget *s, const struct budget_counts *news, bool ask)
{
    const uint64_t bucket = fleet_bucket_at(s->span_ms, fleet_redis_ms(s->f));
    const struct weir_fleet_counts counts = {
        .sums = {[SUM_FIRSTS] = news->firsts, [SUM_RETRIES] = news->extra}};
    remember(s, bucket, news);
    weir_fleet_window_add(s->window, 0, &counts, ask);
    if (!ask)
        return;
    s->asked_ms = fleet_now_ms(s->f);
    s->asked_bucket = bucket;
    s->spent_then = s->spent_before; /* others' counts are a tick old */
}

/* What is told while the last pipeline is under way leaves later, and may come to another bucket:
 * it waits here. Without requests there are no retries, so nobody has to know. */
static void tick(struct shared_budget *s)
{
    bool any;
    if (s->f->state == FLEET_JOINED && fleet_pipe_busy(s->f))
        return;
    const struct budget_counts news = read_news(s, &any);
    const bool due = fleet_now_ms(s->f) - s->asked_ms >= fleet_bucket_ms(s->span_ms);
    if (s->f->state == FLEET_JOINED && any) {
        tell(s, &news, news.extra || s->again || due);
        s->again = news.extra > 0;
        hold(s);
    } else {
        s->heard = false;
        budget_forget(s->elsewhere);
    }
    s->spent_before = atomic_load(&s->elsewhere->spent);
}

/* -- life -------------------------------------------------------------------------------------- */

/* What was counted before was told by another process, or by nobody. */
static bool open_window(struct shared_budget *s, struct fleet *f, size_t i)
{
    static const struct weir_fleet_window_ops ops = {.summed = on_summed};
    const struct cluster_conf *cl = &f->w->g->config->clusters[i];
    char name[200];
    bool any;
    *s = (struct shared_budget){
        .f = f,
        .budget = f->w->g->budgets[i],
        .elsewhere = f->w->g->elsewheres[i],
        .span_ms = cl->retry_budget.window,
    };
    snprintf(name, sizeof name, "budget/%.*s", SLICE_ARG(cl->place.name));
    s->window = weir_fleet_window_open((struct weir_process *)f->w, slice_out(slice_str(name)),
                                       s->span_ms, &ops, s);
    read_news(s, &any);
    return s->window != NULL;
}

struct fleet_budgets *fleet_budgets_start(struct fleet *f)
{
    const struct generation *g = f ? f->w->g : NULL;
    const size_t n = g && g->elsewheres ? g->config->clusters_n : 0;
    struct fleet_budgets *fb = calloc(1, sizeof *fb);
    must(fb);
    *fb = (struct fleet_budgets){.f = f, .all = calloc(n + 1, sizeof *fb->all)};
    must(fb->all);
    for (size_t i = 0; i < n; i++)
        if (g->elsewheres[i] && open_window(&fb->all[fb->n], f, i))
            fb->n++;
    if (fb->n)
        return fb;
    fleet_budgets_free(fb);
    return NULL;
}

void fleet_budgets_free(struct fleet_budgets *fb)
{
    if (!fb)
        return;
    for (size_t i = 0; i < fb->n; i++)
        weir_fleet_window_close(fb->all[i].window);
    free(fb->all);
    free(fb);
}

void fleet_budgets_tick(struct fleet_budgets *fb)
{
    for (size_t i = 0; fb && i < fb->n; i++)
        tick(&fb->all[i]);
}
