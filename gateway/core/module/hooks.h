/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_HOOKS_H
#define WEIR_CORE_HOOKS_H

/* Running the hooks of modules at the moments of an exchange. Which uses there are stands in its
 * chains, which are set as the exchange learns where it goes:
 *
 *     IDENTIFY   when somebody asks for the identity     the generation's module_plan.identify
 *     ROUTE      when the route is found                 module_plan.routes
 *     CHOICE     weir_chain_use(), in on_plan            settings within a module's
 *     CLUSTER    when the cluster is final               module_plan.clusters
 *
 * One moment is run over all of them in this order. A hook that waits stops the run: the exchange
 * stays in its step, other things wake it in vain, and after weir_resume() the same hook is called
 * again, then those behind it.
 *
 * Every use of a chain that was set gets on_done exactly once, also when another chain has taken
 * its place meanwhile.
 *
 * What is not asked for costs a test: hooks_any() looks at one bit of exchange.moments. */

#include "core/attempt.h"
#include "core/exchange.h"
#include "core/module/module.h"

enum hooks_end { HOOKS_DONE, HOOKS_WAIT, HOOKS_ANSWERED, HOOKS_RETRY /* of UNAVAILABLE */ };

/* A hook has waited: once for each time from its first WAIT until it was no longer asked again at
 * once. In the exchange's arena. */
struct hook_wait {
    struct hook_wait *next;
    const struct module_use *use;
    enum moment moment;
    uint64_t began_us, ended_us; /* the loop's clock; ended_us 0: it still waits */
};

static inline bool hooks_any(const struct exchange *x, enum moment m)
{
    return unlikely(x->moments >> m & 1);
}

/* Takes off the fields that no client may send. */
static inline void hooks_strip(const struct exchange *x, struct fields *f)
{
    const struct module_plan *m = x->w->g->modules;
    for (size_t i = 0; unlikely(m != NULL) && i < m->strip.n; i++)
        fields_remove(f, m->strip.v[i]);
}

/* The chain of x's route, of the plan's cluster; NULL: no modules there. */
static inline const struct chain *hooks_of_route(const struct exchange *x)
{
    const struct module_plan *m = x->w->g->modules;
    return m && m->routes ? m->routes[x->route->index] : NULL;
}
static inline const struct chain *hooks_of_cluster(const struct exchange *x)
{
    const struct module_plan *m = x->w->g->modules;
    return m && m->clusters ? m->clusters[x->plan.cluster->conf->place.index] : NULL;
}

/* Makes `c` (NULL: none) the chain in this place (CHAIN_...), with zeroed state and log fields. */
void hooks_set(struct exchange *x, unsigned where, const struct chain *c);

/* Of hooks_run(). */
enum hooks_end hooks_run_all(struct exchange *x, enum moment m);
/* IDENTIFY, REQUEST, PLAN, ENTER, FORWARD. After HOOKS_ANSWERED x says what the client gets: x->why or
 * x->answer. The first wait starts the exchange's deadline, if it isn't running. */
static inline enum hooks_end hooks_run(struct exchange *x, enum moment m)
{
    return hooks_any(x, m) ? hooks_run_all(x, m) : HOOKS_DONE;
}
/* Nobody waits for the hook any more: the exchange has failed meanwhile. Harmless when none waits. */
void hooks_wait_over(struct exchange *x);
/* FORWARD again, of the chains that go with the cluster: after a retry has changed it. */
enum hooks_end hooks_run_moved(struct exchange *x);
/* Does any hook want to be asked about an endpoint that was picked? Whether it is guarded is known
 * then and not before: picking is what brings the news. */
static inline bool hooks_asks(const struct exchange *x, const struct endpoint *ep)
{
    return unlikely(x->moments & (1u << MOMENT_PICK | CHAIN_GUARDS)) &&
           (hooks_any(x, MOMENT_PICK) || ep->guarded);
}
/* False: a hook vetoes; those that were asked before it have been told. */
bool hooks_pick(struct exchange *x, const struct endpoint *ep);
void hooks_attempt(struct exchange *x, struct attempt *at);
/* No attempt can start. HOOKS_DONE: nobody minds; HOOKS_RETRY: x->retry has another cluster. */
enum hooks_end hooks_unavailable(struct exchange *x);
/* Is one of the words set for which hooks hear of attempts that went well? */
bool hooks_word_set(const struct exchange *x);
/* Does any hook want to hear of this attempt, which has come to its head or its end? */
static inline bool hooks_judge(const struct exchange *x, const struct attempt *at)
{
    return unlikely(x->moments & (1u << MOMENT_RESULT | 1u << MOMENT_END)) &&
           (attempt_failed(at) || x->moments & CHAIN_ALL_RESULTS ||
            (x->moments & CHAIN_SOME_RESULTS && hooks_word_set(x)));
}
/* Does any hook want to hear how the content of this attempt has ended? If it has heard of its head,
 * or when it has failed since. */
static inline bool hooks_want_end(const struct exchange *x, const struct attempt *at)
{
    return hooks_any(x, MOMENT_END) && at->goes_on && (at->told || attempt_failed(at));
}
/* All hooks that could hear of its head hear of its end. */
void hooks_ended(struct exchange *x, struct attempt *at);
/* All hooks hear of the attempt; true: one of them has arranged for a retry (x->retry). */
bool hooks_result(struct exchange *x, struct attempt *at);
void hooks_response(struct exchange *x);
/* One piece of content, for one use. */
void hooks_content(struct exchange *x, const struct module_use *use, void *state, int direction,
                   struct slice piece, bool last);
/* At the end. */
void hooks_done(struct exchange *x);

const char *moment_name(enum moment m); /* "on_plan" */
/* A line of the error log about what the module of x->hook has done wrong. `what` is static. */
void hooks_mistake(const struct exchange *x, const char *what);

#endif
