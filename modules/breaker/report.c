/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about transitions and refusals. Who makes a transition is told so by the
 * compare-and-swap, and is the only one to come here with it: so there is one line for each. */
#include <stdio.h>

#include "breaker/breaker.h"
#include "common/slice.h"

enum { TEXT = 256 };

#define ROWS                                                                                       \
    [COUNT_PROBES] = {"probes", "requests that went out to see whether it works again"},           \
    [COUNT_FELL_BACK] = {"fell_back", "refused requests that went to the fallback"},               \
    [COUNT_PASSED_OVER] = {"passed_over",                                                          \
                           "endpoints that were not asked because their circuit is open"},         \
    [COUNT_QUEUED] = {"queued", "requests that had to wait for room"}
#define TRANSITIONS "transitions", "changes of a circuit's state, by the new one"
#define ADOPTIONS                                                                                  \
    "adopted", "changes of a shared circuit's state that other instances have made, by the new "   \
               "one"
#define REJECTS "rejects", "requests that were not let through, by the reason"

const struct weir_counter breaker_counters[] = {ROWS, {NULL, NULL}};
const struct weir_counter breaker_transitions[] = {{TRANSITIONS}, {NULL, NULL}};
const struct weir_counter breaker_adoptions[] = {{ADOPTIONS}, {NULL, NULL}};
const struct weir_counter breaker_rejects[] = {{REJECTS}, {NULL, NULL}};
const struct weir_counter breaker_all_counters[] = {
    ROWS, {TRANSITIONS}, {ADOPTIONS}, {REJECTS}, {NULL, NULL}};

const struct weir_counter breaker_gauges[] = {
    [GAUGE_STATE] = {"state", "0 closed, 1 closing slowly, 2 half-open, 3 open; of the worst "
                              "endpoint, where each has a circuit"},
    [GAUGE_SHARED_LED] = {"shared_led", "circuits that the fleet leads now; of the others this "
                                        "instance decides alone"},
    [GAUGE_LIMITS + LIMITS_REQUESTS] = {"requests", "requests under way, in clusters with limits"},
    [GAUGE_LIMITS + LIMITS_PENDING] = {"pending", "requests that wait for room"},
    [GAUGE_LIMITS +
        LIMITS_RETRIES] = {"retries", "further attempts under way, in clusters with limits"},
    {NULL, NULL},
};

const char *breaker_reject_name(enum breaker_reject r)
{
    static const char *const names[REJECT_N] = {"open",    "half_open",     "ramp",   "requests",
                                                "pending", "queue_timeout", "retries"};
    return r < REJECT_N ? names[r] : "?";
}

enum breaker_reject breaker_reject_of(enum machine_says says)
{
    return says == MACHINE_NO_PROBE  ? REJECT_HALF_OPEN
           : says == MACHINE_NO_RAMP ? REJECT_RAMP
                                     : REJECT_OPEN;
}

/* -- transitions ----------------------------------------------------------------------------- */

static const char *event_name(enum machine_state to)
{
    static const char *const names[MACHINE_STATES] = {"breaker_closed",    "breaker_open",
                                                      "breaker_half_open", "breaker_ramp",
                                                      "breaker_ramp",      "breaker_ramp"};
    return names[to];
}

/* ", for 5000 ms (2 in a row)" */
static void print_length(char to[TEXT], const struct machine_change *c)
{
    to[0] = '\0';
    if (c->to == MACHINE_OPEN && c->lasts_ms)
        snprintf(to, TEXT, ", for %llu ms (opening %u in a row)", (unsigned long long)c->lasts_ms,
                 c->openings);
    else if (c->mode != MACHINE_AUTO)
        snprintf(to, TEXT, ", until an operator says otherwise");
}

static void say(const struct breaker *b, struct weir_slice endpoint, const struct machine_change *c,
                const char *why)
{
    char length[TEXT];
    print_length(length, c);
    const char *owner = b->is_route ? "route" : "cluster";
    const char *from = machine_state_name(c->from), *to = machine_state_name(c->to);
    weir_event(c->to == MACHINE_OPEN ? WEIR_LOG_WARN : WEIR_LOG_INFO, event_name(c->to),
               WEIR_FACTS(WEIR_FACT(owner, b->owner), WEIR_FACT("endpoint", endpoint),
                          WEIR_FACT("from", slice_str(from)), WEIR_FACT("to", slice_str(to)),
                          WEIR_FACT("why", slice_str(why))),
               "%s %.*s%s%.*s: from %s to %s%s: %s", owner, SLICE_ARG(b->owner),
               endpoint.n ? ", endpoint " : "", SLICE_ARG(endpoint), from, to, length, why);
}

void breaker_report(struct weir_process *p, const struct breaker *b, struct weir_slice endpoint,
                    const struct circuit_event *event)
{
    const struct machine_change *c = &event->change;
    char figures[TEXT];
    if (!c->changed)
        return;
    weir_count(p, b->transitions[c->to], 0, 1);
    if (c->to != MACHINE_CLOSED && !b->is_route)
        weir_cluster_trouble_set(p, b->cluster, true);
    circuit_figures(figures, sizeof figures, &b->circuit, event);
    say(b, endpoint, c, figures);
}

void breaker_report_adopted(struct weir_process *p, const struct breaker *b,
                            struct weir_slice endpoint, const struct breaker_adopted *a)
{
    char why[2 * TEXT + 16];
    weir_count(p, b->adopted[a->change->to], 0, 1);
    if (a->change->to != MACHINE_CLOSED && !b->is_route)
        weir_cluster_trouble_set(p, b->cluster, true);
    snprintf(why, sizeof why, "by %.*s: %.*s", TEXT, *a->by ? a->by : "the fleet", TEXT,
             a->figures);
    say(b, endpoint, a->change, why);
}

/* -- refusals -------------------------------------------------------------------------------- */

static void say_retry_after(struct weir_exchange *x, uint64_t ms)
{
    static const struct weir_slice name = WEIR_SLICE("retry-after");
    const struct weir_name field = weir_name(name);
    if (ms)
        weir_answer_field(x, &field,
                          weir_printf(x, "%llu", (unsigned long long)((ms + 999) / 1000)));
}

static enum weir_verdict refuse_open(struct weir_exchange *x, const struct weir_use *u,
                                     enum breaker_reject why)
{
    const struct breaker *b = u->conf;
    const struct breaker_state *st = u->state;
    const struct fallback_group *f = &b->fallback;
    if (f->status) {
        weir_count(weir_process_of(x), b->counters, COUNT_FELL_BACK, 1);
        const enum weir_verdict v = weir_answer(x, (int)f->status, f->type, f->body);
        say_retry_after(x, st->open_ms);
        return v;
    }
    const enum weir_verdict v = weir_refuse(x, WEIR_BREAKER_OPEN, breaker_reject_name(why));
    say_retry_after(x, st->open_ms);
    return v;
}

static enum weir_verdict refuse_limit(struct weir_exchange *x, const struct weir_use *u,
                                      enum breaker_reject why)
{
    const struct breaker *b = u->conf;
    const struct breaker_state *st = u->state;
    const struct limits_group *l = &b->limits[st->class];
    const enum weir_verdict v = weir_refuse(
        x, l->over == OVER_429 ? WEIR_LIMITED : WEIR_BREAKER_LIMIT, breaker_reject_name(why));
    say_retry_after(x, l->retry_after);
    return v;
}

enum weir_verdict breaker_refuse(struct weir_exchange *x, const struct weir_use *u,
                                 enum breaker_reject why)
{
    const struct breaker *b = u->conf;
    weir_count(weir_process_of(x), b->rejects[why], 0, 1);
    weir_log_set(x, u, LOG_DECISION, slice_str(breaker_reject_name(why)));
    return why <= REJECT_RAMP ? refuse_open(x, u, why) : refuse_limit(x, u, why);
}
