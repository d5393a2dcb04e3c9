/* SPDX-License-Identifier: Apache-2.0 */
/* The control process's part, about every 100 ms: what the time brings (the end of an ejection,
 * steps of a ramp, what is forgotten), rates at the end of each interval, and order: what a process
 * that was killed has left, endpoints that can't stay out because others have left the pool, and
 * whether good results matter (outlier_shared.watch). Without it traffic goes on with what is
 * known. */
#include "outlier/act.h"
#include "outlier/share.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIGURES = 160 };

/* One cluster at one tick. */
struct round {
    struct weir_process *p;
    const struct outlier *o;
    struct pool pool;
    uint32_t held;        /* endpoints that have a place */
    uint32_t by_hand;     /* of them by an operator */
    bool busy;            /* good results matter */
    struct subject first; /* of those with a place, not by an operator: who would be back first */
    uint64_t first_ms;
};

static bool next(struct weir_process *p, const struct outlier *o, size_t *at,
                 struct weir_endpoint_info *info, struct subject *s)
{
    while (weir_endpoint_each(p, o->cluster, at, info)) {
        struct outlier_cell *cell = weir_endpoint_cell(o->cells, info->slot);
        *s = (struct subject){p, o, info->slot, info->name, cell};
        if (cell)
            return true;
    }
    return false;
}

/* -- every endpoint ---------------------------------------------------------------------------- */

static bool matters(const struct outlier_cell *cell)
{
    return !runs_empty(&cell->runs) || ejection_look(&cell->ejection).phase == EJECTION_HALF_OPEN;
}

static void look(struct round *r, const struct subject *s)
{
    const struct ejection_state st = ejection_look(&s->cell->ejection);
    r->busy |= matters(s->cell);
    r->held += st.held;
    r->by_hand += st.held && st.cause == KIND_OPERATOR;
    if (!st.held || st.cause == KIND_OPERATOR || (r->first.cell && st.at_ms >= r->first_ms))
        return;
    r->first = *s;
    r->first_ms = st.at_ms;
}

static void move_on(const struct round *r, const struct subject *s,
                    const struct weir_endpoint_info *info)
{
    if (!r->o->enabled) {
        outlier_return(s, "ejection was turned off");
        return;
    }
    outlier_step(s);
    if (r->o->by_checks)
        outlier_hear_checks(s, info->healthy ? info->passed : 0);
}

static void visit(struct round *r)
{
    struct weir_endpoint_info info;
    struct subject s;
    for (size_t at = 0; next(r->p, r->o, &at, &info, &s);) {
        outlier_mend(&s);
        move_on(r, &s, &info);
        r->pool.n += info.weight > 0;
        r->pool.usable += info.weight > 0 && info.healthy && !info.draining;
        look(r, &s);
    }
}

/* -- order ------------------------------------------------------------------------------------- */

/* The pool has become smaller: who is out has to help. What an operator takes out makes it smaller,
 * too, but isn't of the share that may be ejected. */
static void keep_enough(const struct round *r)
{
    struct pool rest = r->pool;
    rest.usable -= r->by_hand < rest.usable ? r->by_hand : rest.usable;
    if (r->first.cell && r->held - r->by_hand > outlier_cap(r->o, &rest))
        outlier_return(&r->first, "too few others are left");
}

/* Places that nobody has: of endpoints that are gone, of processes that were killed; and endpoints
 * that had one when they were gone, and are back. One may just be being taken, so it has to be so
 * twice. */
static void mend_places(const struct round *r, struct outlier_watch *w)
{
    uint32_t taken = atomic_load(&r->o->shared->ejected);
    const bool off = taken != r->held, again = off && w->off && w->taken == taken;
    w->off = off;
    w->taken = taken;
    if (again)
        atomic_compare_exchange_strong(&r->o->shared->ejected, &taken, r->held);
}

static bool still_matters(const struct round *r)
{
    struct weir_endpoint_info info;
    struct subject s;
    for (size_t at = 0; next(r->p, r->o, &at, &info, &s);)
        if (matters(s.cell))
            return true;
    return false;
}

/* A worker that begins a run sets the word after it has begun; so whoever clears the word looks
 * again afterwards, and one of the two sees the other. */
static void set_watch(const struct round *r)
{
    _Atomic uint32_t *watch = &r->o->shared->watch;
    if (atomic_load(watch) == r->busy)
        return;
    atomic_store(watch, r->busy);
    if (!r->busy && still_matters(r))
        atomic_store(watch, 1);
}

/* -- rates ------------------------------------------------------------------------------------- */

/* Of one interval, endpoint by endpoint. */
struct sheet {
    size_t n;
    struct subject *subjects;
    struct figures *all, *local; /* local: OUTCOME_FAILURE alone */
    size_t *out;
};

static void end_interval(struct sheet *t, size_t i, bool split)
{
    struct outlier_cell *c = t->subjects[i].cell;
    const uint64_t total = atomic_exchange(&c->total, 0);
    const uint64_t failures = atomic_exchange(&c->failures, 0);
    const uint64_t errors = atomic_exchange(&c->errors, 0);
    const uint64_t local = failures < total ? failures : total; /* they aren't read as one */
    const uint64_t seen = split ? total - local : total, bad = split ? errors : errors + failures;
    t->all[i] = (struct figures){seen, bad < seen ? bad : seen};
    t->local[i] = (struct figures){total, local};
    atomic_store(&c->last_total, total);
    atomic_store(&c->last_failures, failures);
    atomic_store(&c->last_errors, errors);
}

/* By the shares: "12.5 %". */
#define PERCENT "%u.%u %%"
#define PERCENT_ARG(millionths) (millionths) / 10000, (millionths) / 1000 % 10

static void eject(const struct sheet *t, const struct figures *f, const struct verdict *v,
                  const struct reason *why)
{
    char text[FIGURES];
    for (size_t i = 0; i < v->out_n; i++) {
        const struct figures *g = &f[t->out[i]];
        const uint32_t share = verdict_share(g->total - g->failed, g->total);
        struct reason r = *why;
        snprintf(text, sizeof text,
                 "of %llu attempts " PERCENT " have succeeded; %s " PERCENT " (%zu endpoints)",
                 (unsigned long long)g->total, PERCENT_ARG(share), why->figures,
                 PERCENT_ARG(v->threshold), v->hosts);
        r.figures = text;
        outlier_eject(&t->subjects[t->out[i]], &r);
    }
}

static void judge_rate(const struct outlier *o, const struct sheet *t, const struct figures *f,
                       enum kind kind)
{
    const struct success_rate_conf *c = &o->success_rate;
    const struct rate_rules rules = {(uint32_t)c->min_hosts, (uint64_t)c->min_requests,
                                     (uint32_t)c->stdev_factor, c->margin};
    struct verdict v;
    verdict_success_rate(f, t->n, &rules, t->out, &v);
    eject(t, f, &v, &(struct reason){kind, c->enforcing, "of all it takes"});
}

static void judge_percentage(const struct outlier *o, const struct sheet *t,
                             const struct figures *f, enum kind kind)
{
    const struct failure_percentage_conf *c = &o->failure_percentage;
    const struct percentage_rules rules = {(uint32_t)c->min_hosts, (uint64_t)c->min_requests,
                                           c->threshold};
    struct verdict v;
    verdict_failure_percentage(f, t->n, &rules, t->out, &v);
    eject(t, f, &v, &(struct reason){kind, c->enforcing, "too many failures are"});
}

static void judge(const struct outlier *o, const struct sheet *t)
{
    if (o->success_rate.present)
        judge_rate(o, t, t->all, KIND_SUCCESS_RATE);
    if (o->success_rate.present && o->split)
        judge_rate(o, t, t->local, KIND_LOCAL_SUCCESS_RATE);
    if (o->failure_percentage.present)
        judge_percentage(o, t, t->all, KIND_FAILURE_PERCENTAGE);
    if (o->failure_percentage.present && o->split)
        judge_percentage(o, t, t->local, KIND_LOCAL_FAILURE_PERCENTAGE);
}

static void free_sheet(struct sheet *t)
{
    free(t->subjects);
    free(t->all);
    free(t->local);
    free(t->out);
}

/* Without memory this interval isn't judged; its figures go into the next one. */
static void judge_interval(const struct round *r, size_t n)
{
    struct weir_endpoint_info info;
    struct subject s;
    struct sheet t = {
        .subjects = calloc(n + 1, sizeof *t.subjects),
        .all = calloc(n + 1, sizeof *t.all),
        .local = calloc(n + 1, sizeof *t.local),
        .out = calloc(n + 1, sizeof *t.out),
    };
    const bool good = t.subjects && t.all && t.local && t.out;
    for (size_t at = 0; good && t.n < n && next(r->p, r->o, &at, &info, &s);) {
        t.subjects[t.n] = s;
        end_interval(&t, t.n++, r->o->split);
    }
    if (good)
        judge(r->o, &t);
    free_sheet(&t);
}

static size_t count(const struct round *r)
{
    struct weir_endpoint_info info;
    struct subject s;
    size_t n = 0;
    for (size_t at = 0; next(r->p, r->o, &at, &info, &s);)
        n++;
    return n;
}

static void judge_when_due(const struct round *r, struct outlier_watch *w)
{
    const uint64_t now = weir_now_us(r->p) / 1000;
    if (!r->o->rates || !r->o->enabled)
        return;
    if (w->judge_ms && now >= w->judge_ms)
        judge_interval(r, count(r));
    if (!w->judge_ms || now >= w->judge_ms)
        w->judge_ms = now + r->o->interval_ms;
}

/* ---------------------------------------------------------------------------------------------- */

void outlier_tick(struct weir_process *p, void *local)
{
    struct outlier_local *mine = local;
    for (const struct outlier *o = mine ? mine->all->first : NULL; o; o = o->next) {
        struct round r = {.p = p, .o = o};
        if (!o->cells || !o->shared || !outlier_is_current(o))
            continue;
        visit(&r);
        keep_enough(&r);
        mend_places(&r, &mine->watches[o->number]);
        set_watch(&r);
        judge_when_due(&r, &mine->watches[o->number]);
        outlier_share_tick(mine->watches[o->number].share);
    }
}
