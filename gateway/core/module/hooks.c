/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of hooks. It keeps one position per exchange (x->hooks_at), which only matters while a
 * hook waits: there is never more than one run under way.
 *
 * A module may answer wrongly, and nothing bad may come of it: what a moment doesn't allow counts
 * as NEXT; but who says that the client is answered, and has not said what with, is taken at its
 * word: the request doesn't go on. */
#include "core/module/hooks.h"

#include <limits.h>

#include "base/log.h"
#include "core/answer.h"

const char *moment_name(enum moment m)
{
    static const char *const names[] = {
#define M(id, hook) #hook,
        MOMENT_LIST(M)
#undef M
    };
    return m < MOMENT_N ? names[m] : "-";
}

void hooks_mistake(const struct exchange *x, const char *what)
{
    log_error("module_mistake", KV("module", x->hook ? x->hook->module->desc->name : "-"),
              KV("hook", x->hook ? moment_name((enum moment)x->moment) : "-"), KV("text", what));
}

/* -- chains ------------------------------------------------------------------------------------ */

/* Who identifies has a chain of its own, for that moment alone: the same modules may have uses on
 * the route, and those are other uses, for all other moments. */
enum { IDENTIFY_MOMENTS = 1u << MOMENT_IDENTIFY | 1u << MOMENT_DONE };

static uint32_t moments_in(const struct exchange *x, unsigned where, const struct chain *c)
{
    const uint32_t all = c->moments | (unlikely(x->awake) ? c->late_moments : 0);
    const uint32_t others = where == CHAIN_CLUSTER ? 1u << MOMENT_IDENTIFY
                                                   : 1u << MOMENT_IDENTIFY | 1u << MOMENT_ENTER;
    return where == CHAIN_IDENTIFY ? all & IDENTIFY_MOMENTS : all & ~others;
}

static bool takes_part(const struct exchange *x, unsigned where, const struct chain *c,
                       enum moment m)
{
    const uint32_t bits = m == MOMENT_PICK ? 1u << MOMENT_PICK | CHAIN_GUARDS : 1u << m;
    return c && moments_in(x, where, c) & bits;
}

static void sum_moments(struct exchange *x)
{
    x->moments = x->past ? 1u << MOMENT_DONE | 1u << MOMENT_END : 0;
    for (unsigned i = 0; i < CHAIN_N; i++)
        if (x->chains[i].chain)
            x->moments |= moments_in(x, i, x->chains[i].chain);
}

void hooks_set(struct exchange *x, unsigned where, const struct chain *c)
{
    struct chain_run *run = &x->chains[where];
    const bool first = !run->chain;
    const uint32_t owed = 1u << MOMENT_DONE | 1u << MOMENT_END;
    if (run->chain && moments_in(x, where, run->chain) & owed) {
        struct chain_past *past = ARENA_NEW(&x->arena, struct chain_past);
        past->run = *run;
        past->until = x->attempts_n;
        struct chain_past **last = &x->past;
        while (*last)
            last = &(*last)->next;
        *last = past;
    }
    run->chain = c;
    if (!first) {
        run->state = NULL;
        run->log = NULL;
        run->since = x->attempts_n;
        sum_moments(x);
    } else if (c)
        x->moments |= moments_in(x, where, c);
}

/* From the first failure on, those take part that come late. */
static void wake_up(struct exchange *x)
{
    x->awake = true;
    sum_moments(x);
}

/* -- one call ---------------------------------------------------------------------------------- */

/* What a hook is about, besides the exchange. */
struct subject {
    const struct endpoint *endpoint;
    struct attempt *attempt;
    int direction;
    struct slice piece;
    bool last;
};

static enum weir_verdict call_hook(struct exchange *x, enum moment m, const struct weir_use *u,
                                   const struct subject *about)
{
    const struct weir_module *desc = x->hook->module->desc;
    struct weir_exchange *const wx = (struct weir_exchange *)x;
    switch (m) {
    case MOMENT_IDENTIFY:
        return desc->on_identify(wx, u);
    case MOMENT_REQUEST:
        return desc->on_request(wx, u);
    case MOMENT_PLAN:
        return desc->on_plan(wx, u);
    case MOMENT_ENTER:
        return desc->on_enter(wx, u);
    case MOMENT_FORWARD:
        return desc->on_forward(wx, u);
    case MOMENT_PICK:
        return desc->on_pick(wx, u, (const struct weir_endpoint *)about->endpoint);
    case MOMENT_UNPICK:
        desc->on_unpick(wx, u, (const struct weir_endpoint *)about->endpoint);
        break;
    case MOMENT_ATTEMPT:
        desc->on_attempt(wx, u, (struct weir_attempt *)about->attempt);
        break;
    case MOMENT_UNAVAILABLE:
        return desc->on_unavailable(wx, u);
    case MOMENT_RESULT:
        return desc->on_result(wx, u, (const struct weir_attempt *)about->attempt);
    case MOMENT_RESPONSE:
        desc->on_response(wx, u);
        break;
    case MOMENT_CONTENT:
        desc->on_content(wx, u, about->direction,
                         (struct weir_slice){about->piece.p, about->piece.n}, about->last);
        break;
    case MOMENT_END:
        desc->on_end(wx, u, (const struct weir_attempt *)about->attempt);
        break;
    case MOMENT_DONE:
        desc->on_done(wx, u);
        break;
    case MOMENT_N:
        break;
    }
    return WEIR_NEXT;
}

static bool is_allowed(enum moment m, enum weir_verdict v)
{
    static const uint8_t allowed[MOMENT_N] = {
        [MOMENT_IDENTIFY] = 1u << WEIR_WAIT,
        [MOMENT_REQUEST] = 1u << WEIR_WAIT | 1u << WEIR_ANSWERED,
        [MOMENT_PLAN] = 1u << WEIR_WAIT | 1u << WEIR_ANSWERED,
        [MOMENT_ENTER] = 1u << WEIR_WAIT | 1u << WEIR_ANSWERED,
        [MOMENT_FORWARD] = 1u << WEIR_ANSWERED,
        [MOMENT_PICK] = 1u << WEIR_VETO,
        [MOMENT_UNAVAILABLE] = 1u << WEIR_ANSWERED | 1u << WEIR_RETRY,
        [MOMENT_RESULT] = 1u << WEIR_RETRY,
    };
    return v == WEIR_NEXT || ((unsigned)v <= WEIR_RETRY && allowed[m] >> v & 1);
}

static enum weir_verdict call(struct exchange *x, enum moment m, const struct module_use *use,
                              void *state, const struct subject *about)
{
    const struct weir_use u = {
        .conf = use->settings,
        .global = use->global,
        .local = x->w->locals ? x->w->locals[use->index] : NULL,
        .state = state,
    };
    struct exchange *const outer = x->w->current; /* content comes while others run */
    x->w->current = x;
    x->hook = use;
    x->hook_state = state;
    x->moment = (uint8_t)m;
    enum weir_verdict v = call_hook(x, m, &u, about);
    if (unlikely(!is_allowed(m, v))) {
        hooks_mistake(x, "this hook may not answer that; it counts as NEXT");
        v = WEIR_NEXT;
    }
    if ((m <= MOMENT_FORWARD || m == MOMENT_UNAVAILABLE) && v != WEIR_ANSWERED)
        x->answer = NULL; /* who goes on has taken back what it may have said */
    if (v == WEIR_ANSWERED)
        x->answered_by = slice_str(use->module->desc->name);
    x->hook = NULL;
    x->w->current = outer;
    return v;
}

/* Made when the first of them is asked. */
static void *state_of(struct exchange *x, struct chain_run *run, const struct module_use *use)
{
    if (!run->chain->state_size)
        return NULL;
    if (!run->state)
        run->state = arena_zalloc(&x->arena, run->chain->state_size);
    return run->state + use->state_at;
}

/* -- a moment ---------------------------------------------------------------------------------- */

static bool is_set(const _Atomic uint32_t *word)
{
    return word && atomic_load_explicit(word, memory_order_relaxed);
}

bool hooks_word_set(const struct exchange *x)
{
    for (unsigned where = 0; where < CHAIN_N; where++) {
        const struct chain *c = x->chains[where].chain;
        for (uint32_t i = 0; c && i < c->words_n; i++)
            if (is_set(c->words[i]))
                return true;
    }
    return false;
}

/* Is this use not interested in what the moment is about? */
static bool is_left_out(const struct exchange *x, const struct module_use *use, enum moment m,
                        const struct subject *about)
{
    if (use->late && !x->awake && !(MOMENTS_WAKING >> m & 1))
        return true;
    if (m == MOMENT_PICK || m == MOMENT_UNPICK)
        return use->module->desc->guards && !about->endpoint->guarded;
    return (m == MOMENT_RESULT || m == MOMENT_END) && !use->all_results &&
           !is_set(use->results_while) && !attempt_failed(about->attempt);
}

/* What a moment's verdicts make of the rest of its run. */
static bool ends_run(enum moment m, enum weir_verdict v)
{
    return v != WEIR_NEXT && m != MOMENT_RESULT; /* everybody hears of every attempt */
}

/* From the position on; where it stops, the position is that of the hook that said so. Gives the
 * last verdict that was not NEXT. */
static enum weir_verdict run_from(struct exchange *x, enum moment m, struct hooks_at *at,
                                  const struct subject *about)
{
    enum weir_verdict said = WEIR_NEXT;
    for (; at->chain < CHAIN_N; at->chain++, at->use = 0) {
        struct chain_run *run = &x->chains[at->chain];
        if (!takes_part(x, at->chain, run->chain, m))
            continue;
        if (m == MOMENT_FORWARD && at->chain >= CHAIN_CHOICE)
            plan_keep_head(x);
        for (; at->use < run->chain->at[m].n; at->use++) {
            const struct module_use *use = run->chain->at[m].v[at->use];
            if (is_left_out(x, use, m, about))
                continue;
            if (unlikely(use->late && !x->awake))
                wake_up(x);
            if (m <= MOMENT_ENTER)
                x->resumed = false;
            const enum weir_verdict v = call(x, m, use, state_of(x, run, use), about);
            if (ends_run(m, v))
                return v;
            said = v == WEIR_NEXT ? said : v;
        }
    }
    return said;
}

static enum weir_verdict run_all(struct exchange *x, enum moment m, const struct subject *about)
{
    struct hooks_at at = {0};
    return run_from(x, m, &at, about);
}

/* A hook that waits again as soon as it is asked goes on with the wait that it had. */
static void note_wait(struct exchange *x, enum moment m)
{
    const struct hooks_at *at = &x->hooks_at;
    const struct module_use *use = x->chains[at->chain].chain->at[m].v[at->use];
    const uint64_t now_us = x->w->loop->clock.mono_us;
    struct hook_wait **last = &x->waits;
    while (*last && (*last)->next)
        last = &(*last)->next;
    if (*last && (*last)->use == use && (*last)->moment == m && (*last)->ended_us == now_us) {
        (*last)->ended_us = 0;
        return;
    }
    struct hook_wait *wait = ARENA_NEW(&x->arena, struct hook_wait);
    *wait = (struct hook_wait){.use = use, .moment = m, .began_us = now_us};
    *(*last ? &(*last)->next : last) = wait;
}

void hooks_wait_over(struct exchange *x)
{
    if (!x->waiting)
        return;
    x->waiting = false;
    for (struct hook_wait *wait = x->waits; wait; wait = wait->next)
        if (!wait->ended_us)
            wait->ended_us = x->w->loop->clock.mono_us;
}

/* Time runs while modules wait. What the route says of it counts as soon as it is known. */
static void wait_begins(struct exchange *x, enum moment m)
{
    x->waiting = true;
    note_wait(x, m);
    if (timer_running(&x->deadline))
        return;
    const uint64_t ms = x->route ? plan_timeout_ms(x) : exchange_timeouts(x)->request;
    if (ms)
        timer_start(x->w->loop, &x->deadline, ms);
}

static enum hooks_end run_ended(struct exchange *x, enum moment m, enum weir_verdict v)
{
    if (v == WEIR_WAIT) {
        wait_begins(x, m);
        return HOOKS_WAIT;
    }
    x->hooks_at = (struct hooks_at){0};
    if (v == WEIR_ANSWERED) {
        answer_take(x);
        return HOOKS_ANSWERED;
    }
    return HOOKS_DONE;
}

enum hooks_end hooks_run_all(struct exchange *x, enum moment m)
{
    if (x->waiting && !x->resumed)
        return HOOKS_WAIT;
    hooks_wait_over(x);
    return run_ended(x, m, run_from(x, m, &x->hooks_at, NULL));
}

enum hooks_end hooks_run_moved(struct exchange *x)
{
    x->hooks_at = (struct hooks_at){.chain = CHAIN_CHOICE};
    return run_ended(x, MOMENT_FORWARD, run_from(x, MOMENT_FORWARD, &x->hooks_at, NULL));
}

/* Those that were asked before the one at `end` hear that nothing came of it. */
static void unpick(struct exchange *x, struct hooks_at end, const struct subject *about)
{
    for (uint32_t c = 0; c <= end.chain; c++) {
        struct chain_run *run = &x->chains[c];
        const struct moment_uses *asked = run->chain ? &run->chain->at[MOMENT_PICK] : NULL;
        for (uint32_t i = 0; asked && i < (c == end.chain ? end.use : asked->n); i++)
            if (asked->v[i]->module->desc->on_unpick && !is_left_out(x, asked->v[i], MOMENT_PICK, about))
                call(x, MOMENT_UNPICK, asked->v[i], state_of(x, run, asked->v[i]), about);
    }
}

bool hooks_pick(struct exchange *x, const struct endpoint *ep)
{
    const struct subject about = {.endpoint = ep};
    struct hooks_at at = {0};
    if (run_from(x, MOMENT_PICK, &at, &about) != WEIR_VETO)
        return true;
    unpick(x, at, &about);
    return false;
}

void hooks_attempt(struct exchange *x, struct attempt *at)
{
    run_all(x, MOMENT_ATTEMPT, &(struct subject){.attempt = at});
}

enum hooks_end hooks_unavailable(struct exchange *x)
{
    struct hooks_at at = {0};
    const enum weir_verdict v = run_from(x, MOMENT_UNAVAILABLE, &at, NULL);
    if (v == WEIR_ANSWERED)
        answer_take(x);
    return v == WEIR_ANSWERED ? HOOKS_ANSWERED : v == WEIR_RETRY ? HOOKS_RETRY : HOOKS_DONE;
}

bool hooks_result(struct exchange *x, struct attempt *at)
{
    return run_all(x, MOMENT_RESULT, &(struct subject){.attempt = at}) == WEIR_RETRY;
}

void hooks_response(struct exchange *x)
{
    run_all(x, MOMENT_RESPONSE, NULL);
}

void hooks_content(struct exchange *x, const struct module_use *use, void *state, int direction,
                   struct slice piece, bool last)
{
    const struct subject about = {.direction = direction, .piece = piece, .last = last};
    const struct module_use *const outer = x->hook;
    void *const outer_state = x->hook_state;
    const uint8_t outer_moment = x->moment;
    call(x, MOMENT_CONTENT, use, state, &about);
    x->hook = outer;
    x->hook_state = outer_state;
    x->moment = outer_moment;
}

static void tell_end(struct exchange *x, struct chain_run *run, unsigned until, struct attempt *at)
{
    const struct subject about = {.attempt = at};
    const struct moment_uses *uses = &run->chain->at[MOMENT_END];
    if (at->number <= run->since || at->number > until)
        return;
    for (uint32_t i = 0; i < uses->n; i++) {
        if (is_left_out(x, uses->v[i], MOMENT_END, &about))
            continue;
        if (unlikely(uses->v[i]->late && !x->awake))
            wake_up(x);
        call(x, MOMENT_END, uses->v[i], state_of(x, run, uses->v[i]), &about);
    }
}

void hooks_ended(struct exchange *x, struct attempt *at)
{
    for (struct chain_past *past = x->past; past; past = past->next)
        tell_end(x, &past->run, past->until, at);
    for (unsigned i = CHAIN_ROUTE; i < CHAIN_N; i++)
        if (x->chains[i].chain)
            tell_end(x, &x->chains[i], UINT_MAX, at);
}

void hooks_done(struct exchange *x)
{
    for (struct chain_past *past = x->past; past; past = past->next) {
        const struct moment_uses *uses = &past->run.chain->at[MOMENT_DONE];
        for (uint32_t i = 0; i < uses->n; i++)
            if (!uses->v[i]->late || x->awake)
                call(x, MOMENT_DONE, uses->v[i], state_of(x, &past->run, uses->v[i]), NULL);
    }
    run_all(x, MOMENT_DONE, NULL);
}
