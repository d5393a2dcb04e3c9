/* SPDX-License-Identifier: Apache-2.0 */
/* A place among the ejected is taken before the transition and given back when the transition was
 * somebody else's, so there are never more endpoints out than places; what a killed process has
 * taken, tick.c gives back.
 *
 * What the core is told (share, guard) follows from the state and is written after it; who has
 * written looks whether the state is still the same, so the last state is what stays, in whatever
 * order processes come to it. */
#include "outlier/act.h"

#include <stdio.h>

enum { TELL_MS = 60000 };

static uint64_t now_ms(const struct subject *s)
{
    return weir_now_us(s->p) / 1000;
}

static void count_kind(const struct subject *s, enum kind kind, enum kind_count what)
{
    weir_count(s->p, s->o->kinds[kind], what, 1);
}

/* -- the core ---------------------------------------------------------------------------------- */

/* In an order in which nobody picks it unasked in between: guarded before it has a share, and with
 * its new share before it isn't guarded any more. */
static void apply(const struct subject *s)
{
    struct ejection_state st;
    do {
        st = ejection_look(&s->cell->ejection);
        if (ejection_guarded(st.phase))
            weir_endpoint_guard_set(s->o->cells, s->slot, true);
        weir_endpoint_share_set(s->o->cells, s->slot, ejection_share(st.phase));
        if (!ejection_guarded(st.phase))
            weir_endpoint_guard_set(s->o->cells, s->slot, false);
        atomic_store(&s->cell->applied, st.round);
    } while (ejection_look(&s->cell->ejection).round != st.round);
}

void outlier_mend(const struct subject *s)
{
    if (atomic_load(&s->cell->applied) != ejection_look(&s->cell->ejection).round)
        apply(s);
}

/* -- places ------------------------------------------------------------------------------------ */

struct pool outlier_pool(struct weir_process *p, const struct outlier *o)
{
    struct weir_endpoint_info info;
    struct pool pool = {0};
    for (size_t at = 0; weir_endpoint_each(p, o->cluster, &at, &info);) {
        pool.n += info.weight > 0;
        pool.usable += info.weight > 0 && info.healthy && !info.draining;
    }
    return pool;
}

size_t outlier_cap(const struct outlier *o, const struct pool *pool)
{
    return verdict_cap(pool, o->max_ejected, (size_t)o->min_left);
}

static bool take_place(const struct outlier *o, size_t cap)
{
    uint32_t had = atomic_load(&o->shared->ejected);
    do {
        if (had >= cap)
            return false;
    } while (!atomic_compare_exchange_weak(&o->shared->ejected, &had, had + 1));
    return true;
}

static void give_place(const struct outlier *o)
{
    uint32_t had = atomic_load(&o->shared->ejected);
    while (had && !atomic_compare_exchange_weak(&o->shared->ejected, &had, had - 1))
        ;
}

bool outlier_is_current(const struct outlier *o)
{
    return o->generation >= atomic_load(&o->shared->current);
}

/* -- transitions ------------------------------------------------------------------------------- */

/* Results that matter from now on are the good ones, too. */
static void watch(const struct outlier *o)
{
    if (!atomic_load(&o->shared->watch))
        atomic_store(&o->shared->watch, 1);
}

static void log_out(const struct subject *s, const struct ejection_change *c, const char *figures)
{
    const uint64_t ms = c->to.at_ms - now_ms(s);
    weir_event(WEIR_LOG_WARN, "outlier_ejected",
               WEIR_FACTS(WEIR_FACT("cluster", s->o->name), WEIR_FACT("endpoint", s->name),
                          WEIR_NUMBER("ms", ms), WEIR_FACT("why", slice_str(figures)),
                          WEIR_NUMBER("in_a_row", c->to.count)),
               "cluster %.*s: %.*s is %s for %llu ms: %s; ejections in a row: %u; out are %u",
               SLICE_ARG(s->o->name), SLICE_ARG(s->name),
               c->to.held ? "ejected" : "refused, as the only endpoint,", (unsigned long long)ms,
               figures, c->to.count, atomic_load(&s->o->shared->ejected));
}

static void went_out(const struct subject *s, const struct ejection_change *c, enum kind kind,
                     const char *figures)
{
    runs_clear(&s->cell->runs);
    apply(s);
    atomic_fetch_add(&s->cell->ejections, 1);
    count_kind(s, kind, COUNT_EJECTIONS);
    log_out(s, c, figures);
}

static void came_back(const struct subject *s, const struct ejection_change *c, const char *why)
{
    const bool ramp = c->to.phase == EJECTION_RAMP_10;
    runs_clear(&s->cell->runs);
    atomic_store(&s->cell->back_ms, now_ms(s));
    weir_count(s->p, s->o->counters, COUNT_RETURNED, 1);
    weir_event(WEIR_LOG_INFO, "outlier_returned",
               WEIR_FACTS(WEIR_FACT("cluster", s->o->name), WEIR_FACT("endpoint", s->name),
                          WEIR_FACT("why", slice_str(why))),
               "cluster %.*s: %.*s is back: %s%s", SLICE_ARG(s->o->name), SLICE_ARG(s->name), why,
               ramp ? "; its share grows from 10 %" : "");
}

/* Of any other transition. */
static void moved(const struct subject *s, const struct ejection_change *c, const char *why)
{
    const bool was_away = !ejection_possible(c->from.phase);
    if (c->from.held && !c->to.held)
        give_place(s->o);
    if (was_away && ejection_possible(c->to.phase))
        came_back(s, c, why);
    if (c->from.phase == EJECTION_HALF_OPEN && c->to.phase == EJECTION_HALF_OPEN)
        weir_count(s->p, s->o->counters, COUNT_PROBES_LOST, 1);
    apply(s);
}

static uint64_t jitter(const struct subject *s)
{
    return s->o->jitter_ms ? weir_random(s->p) % (s->o->jitter_ms + 1) : 0;
}

/* -- out --------------------------------------------------------------------------------------- */

static void begin(const struct subject *s, const struct reason *why, bool held)
{
    const struct ejection_order order = {
        .cause = why->kind, .held = held, .now_ms = now_ms(s), .jitter_ms = jitter(s)};
    struct ejection_change c;
    if (ejection_begin(&s->cell->ejection, &s->o->rules, &order, &c))
        went_out(s, &c, why->kind, why->figures);
    else if (held)
        give_place(s->o);
}

/* Once a minute: a cluster that fails as a whole would fill the log. */
static void tell_overflow(const struct subject *s, const struct reason *why, size_t cap)
{
    const uint64_t now = now_ms(s);
    uint64_t told = atomic_load(&s->o->shared->told_ms);
    if ((told && now - told < TELL_MS) ||
        !atomic_compare_exchange_strong(&s->o->shared->told_ms, &told, now))
        return;
    weir_event(WEIR_LOG_WARN, "outlier_overflow",
               WEIR_FACTS(WEIR_FACT("cluster", s->o->name), WEIR_FACT("endpoint", s->name),
                          WEIR_FACT("why", slice_str(why->figures)), WEIR_NUMBER("allowed", cap)),
               "cluster %.*s: %.*s stays in use, though it should be ejected (%s): "
               "max_ejection_percent and min_left allow for %zu at a time",
               SLICE_ARG(s->o->name), SLICE_ARG(s->name), why->figures, cap);
}

static void leave(const struct subject *s, enum kind kind, enum kind_count counted_as)
{
    runs_clear(&s->cell->runs);
    count_kind(s, kind, counted_as);
}

void outlier_eject(const struct subject *s, const struct reason *why)
{
    const struct outlier *o = s->o;
    const struct ejection_state st = ejection_look(&s->cell->ejection);
    if (!ejection_possible(st.phase) || !outlier_is_current(o))
        return;
    if (weir_random(s->p) % 1000000 >= why->enforcing) {
        leave(s, why->kind, COUNT_NOT_ENFORCED);
        return;
    }
    const struct pool pool = outlier_pool(s->p, o);
    const size_t cap = outlier_cap(o, &pool);
    if (take_place(o, cap))
        begin(s, why, true);
    else if (pool.n == 1 && o->single == SINGLE_REFUSE)
        begin(s, why, false);
    else if (pool.n == 1)
        leave(s, why->kind, COUNT_SINGLE);
    else {
        leave(s, why->kind, COUNT_OVERFLOW);
        tell_overflow(s, why, cap);
    }
}

const char *outlier_eject_by_hand(const struct subject *s, uint64_t for_ms, bool force)
{
    const struct pool pool = outlier_pool(s->p, s->o);
    const struct ejection_order order = {
        .cause = KIND_OPERATOR, .held = true, .now_ms = now_ms(s), .for_ms = for_ms};
    struct ejection_change c;
    if (!take_place(s->o, force ? SIZE_MAX : outlier_cap(s->o, &pool)))
        return "as many are out as max_ejection_percent and min_left allow for; \"force\": true "
               "ejects it all the same";
    if (!ejection_begin(&s->cell->ejection, &s->o->rules, &order, &c)) {
        give_place(s->o);
        return "it is ejected already, or on its way back";
    }
    went_out(s, &c, KIND_OPERATOR, "by an operator");
    return NULL;
}

/* -- probes ------------------------------------------------------------------------------------ */

bool outlier_probe_failed(const struct subject *s, unsigned round, const char *figures)
{
    const struct ejection_order order = {
        .cause = KIND_PROBE, .now_ms = now_ms(s), .jitter_ms = jitter(s)};
    struct ejection_change c;
    if (!ejection_probe_bad(&s->cell->ejection, &s->o->rules, round, &order, &c))
        return false;
    went_out(s, &c, KIND_PROBE, figures);
    return true;
}

void outlier_probe_succeeded(const struct subject *s, unsigned round)
{
    struct ejection_change c;
    if (ejection_probe_good(&s->cell->ejection, &s->o->rules, round, now_ms(s), &c))
        moved(s, &c, "its probes have succeeded");
}

/* -- back -------------------------------------------------------------------------------------- */

bool outlier_return(const struct subject *s, const char *why)
{
    struct ejection_change c;
    if (!ejection_end(&s->cell->ejection, &s->o->rules, now_ms(s), &c))
        return false;
    moved(s, &c, why);
    return true;
}

/* Of what time alone brings. */
static void log_step(const struct subject *s, const struct ejection_change *c)
{
    const bool half_open = c->to.phase == EJECTION_HALF_OPEN;
    if (c->from.phase == c->to.phase || !(half_open || c->to.phase == EJECTION_IN))
        return;
    weir_event(WEIR_LOG_INFO, half_open ? "outlier_half_open" : "outlier_in",
               WEIR_FACTS(WEIR_FACT("cluster", s->o->name), WEIR_FACT("endpoint", s->name)),
               "cluster %.*s: %.*s %s", SLICE_ARG(s->o->name), SLICE_ARG(s->name),
               half_open ? "is half-open: a few requests go there to see whether it works again"
                         : "has its whole share again");
}

bool outlier_step(const struct subject *s)
{
    struct ejection_change c;
    if (!ejection_step(&s->cell->ejection, &s->o->rules, now_ms(s), &c))
        return false;
    if (c.to.phase == EJECTION_HALF_OPEN)
        watch(s->o);
    moved(s, &c, "");
    log_step(s, &c);
    return true;
}

void outlier_hear_checks(const struct subject *s, uint32_t passed)
{
    const struct ejection_state st = ejection_look(&s->cell->ejection);
    struct ejection_change c;
    if (!ejection_is_out(st.phase) || st.cause == KIND_OPERATOR ||
        !passes_enough(&s->cell->passes, &st, passed) ||
        !ejection_wake(&s->cell->ejection, st.round, &c))
        return;
    watch(s->o);
    moved(s, &c, "");
    weir_count(s->p, s->o->counters, COUNT_CHECKED, 1);
    weir_event(WEIR_LOG_INFO, "outlier_checked",
               WEIR_FACTS(WEIR_FACT("cluster", s->o->name), WEIR_FACT("endpoint", s->name)),
               "cluster %.*s: %.*s is half-open %llu ms early: it has passed %u health check%s",
               SLICE_ARG(s->o->name), SLICE_ARG(s->name),
               (unsigned long long)(st.at_ms > now_ms(s) ? st.at_ms - now_ms(s) : 0), st.count,
               st.count == 1 ? "" : "s");
}
