/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of a cluster's uses. An exchange meets them so:
 *
 *     on_enter        room among max_requests is taken, or waited for
 *     on_pick         may an attempt start there? circuit, then room, then room for a retry
 *     on_attempt      it starts: what was taken is the attempt's now
 *     on_unpick       somebody else has vetoed: what was taken is given back
 *     on_result       how it went: that is the circuit's, and an attempt that failed gives its room
 *     on_end          how a response ended that had begun well: the circuit's, too
 *     on_unavailable  none could start: the fallback, or the refusal
 *     on_done         whatever is still held is given back
 *
 * An attempt holds its room until its response is through, or it has failed; so a backend never has
 * more than max_requests in hand, hedges and retries included. A response that a retry replaces
 * leaves its room to the retry. */
#include "breaker/breaker.h"
#include "common/slice.h"

static const struct weir_slice no_endpoint = {NULL, 0};

static void note(struct weir_exchange *x, const struct weir_use *u, const char *decision)
{
    weir_log_set(x, u, LOG_DECISION, slice_str(decision));
}

bool breaker_circuit_at(const struct breaker *b, weir_slot slot, struct circuit *out)
{
    *out = (struct circuit){b->machine, b->window, &b->circuit};
    if (b->has_circuit && b->per_endpoint && b->machines && b->windows) {
        out->machine = weir_endpoint_cell(b->machines, slot);
        out->window = weir_endpoint_cell(b->windows, slot);
    }
    return b->has_circuit && out->machine && out->window;
}

/* -- priorities ------------------------------------------------------------------------------ */

/* A route says it, and the cluster's use asks for it. */
static void learn_class(const struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    const struct breaker_global *g = u->global;
    struct breaker_state *st = u->state;
    const weir_route route = weir_route_of(x);
    if (g->high && b->limits[CLASS_HIGH].place.file && route != WEIR_NO_ROUTE)
        st->class = g->high[route] ? CLASS_HIGH : CLASS_USUAL;
}

/* -- room ------------------------------------------------------------------------------------ */

static void release(const struct weir_use *u, struct try_state *t)
{
    const struct breaker_state *st = u->state;
    if (!t->used)
        return;
    if (t->retry && !t->from_retry)
        breaker_give(u, st->class, LIMITS_RETRIES);
    if (t->from) { /* nothing came of it: whose it was has it back */
        t->from->used = true;
        t->from->retry = t->from_retry;
    } else {
        breaker_give(u, st->class, LIMITS_REQUESTS);
    }
    t->used = t->retry = t->from_retry = false;
    t->from = NULL;
}

/* A response that has begun, and is replaced by what is picked now, leaves its room to that. */
static bool take_over(const struct weir_use *u, struct try_state *t)
{
    struct breaker_state *st = u->state;
    for (struct try_state *f = st->tries; f < st->tries + TRIES; f++) {
        if (!f->headed || !f->used)
            continue;
        t->from = f;
        t->retry = t->from_retry = f->retry;
        f->used = f->retry = false;
        return true;
    }
    return false;
}

static bool take_request(const struct weir_use *u, struct try_state *t)
{
    struct breaker_state *st = u->state;
    if (st->reserved) {
        st->reserved = false;
        return true;
    }
    return take_over(u, t) || breaker_take(u, st->class, LIMITS_REQUESTS);
}

static bool take_room(const struct weir_use *u, struct try_state *t)
{
    struct breaker_state *st = u->state;
    if (!take_request(u, t)) {
        st->refused = 1 + REJECT_REQUESTS;
        return false;
    }
    t->used = true;
    if (!st->started || t->retry)
        return true;
    t->retry = breaker_take(u, st->class, LIMITS_RETRIES);
    if (t->retry)
        return true;
    st->refused = 1 + REJECT_RETRIES;
    release(u, t);
    return false;
}

/* -- on_enter -------------------------------------------------------------------------------- */

static void waited(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker_state *st = u->state;
    const uint64_t us = weir_now_us(weir_process_of(x)) - st->waiter.since_us;
    weir_log_set(x, u, LOG_WAITED, weir_printf(x, "%llu", (unsigned long long)(us / 1000)));
}

/* After a wait: has it come to something? */
static enum weir_verdict enter_again(struct weir_exchange *x, const struct weir_use *u)
{
    struct breaker_state *st = u->state;
    if (!st->waiter.granted && !st->waiter.late)
        return WEIR_WAIT;
    st->reserved = st->waiter.granted;
    st->waiter.granted = false;
    waited(x, u);
    breaker_wait_end(u);
    if (!st->reserved)
        return breaker_refuse(x, u, REJECT_TIMEOUT);
    note(x, u, "queued");
    return WEIR_NEXT;
}

/* Who would be refused anyway doesn't wait for room first. */
static bool is_open(struct weir_exchange *x, const struct breaker *b)
{
    struct circuit c;
    return !b->per_endpoint && breaker_circuit_at(b, WEIR_NO_SLOT, &c) &&
           machine_is_open(c.machine, weir_now_us(weir_process_of(x)) / 1000);
}

enum weir_verdict breaker_cluster_enter(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    if (st->waiter.x)
        return enter_again(x, u);
    if (!breaker_is_on(b) || !b->gauges || is_open(x, b))
        return WEIR_NEXT;
    learn_class(x, u);
    st->reserved =
        !breaker_anybody_waits(u, st->class) && breaker_take(u, st->class, LIMITS_REQUESTS);
    if (st->reserved)
        return WEIR_NEXT;
    if (breaker_wait(x, u)) {
        weir_count(weir_process_of(x), b->counters, COUNT_QUEUED, 1);
        return WEIR_WAIT;
    }
    return breaker_refuse(x, u,
                          b->limits[st->class].max_pending ? REJECT_PENDING : REJECT_REQUESTS);
}

/* -- on_pick --------------------------------------------------------------------------------- */

static void ask_circuit(struct weir_exchange *x, const struct weir_use *u,
                        const struct weir_endpoint *ep, struct try_state *t)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct weir_process *p = weir_process_of(x);
    const struct machine_clock clock = breaker_clock(p);
    struct circuit c;
    struct circuit_event event;
    if (!breaker_circuit_at(b, t->slot, &c))
        return;
    const enum machine_says says = circuit_ask(c, clock, &t->ticket, &event);
    breaker_report(p, b, b->per_endpoint ? weir_endpoint_name(ep) : no_endpoint, &event);
    t->asked = machine_lets(says);
    if (t->asked)
        return;
    const struct machine_view v = machine_look(c.machine);
    st->refused = (uint8_t)(1 + breaker_reject_of(says));
    st->open_ms = v.until_ms > clock.now_ms ? v.until_ms - clock.now_ms : 1;
    if (b->per_endpoint)
        weir_count(p, b->counters, COUNT_PASSED_OVER, 1);
}

/* A probe that didn't go out. */
static void take_back(const struct weir_use *u, struct try_state *t)
{
    struct circuit c;
    if (t->asked && breaker_circuit_at(u->conf, t->slot, &c))
        machine_back(c.machine, t->ticket);
    t->asked = false;
    release(u, t);
}

enum weir_verdict breaker_cluster_pick(struct weir_exchange *x, const struct weir_use *u,
                                       const struct weir_endpoint *ep)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct try_state *t = &st->picked;
    take_back(u, t);
    *t = (struct try_state){.slot = weir_endpoint_slot(ep)};
    st->refused = 0;
    if (!breaker_is_on(b))
        return WEIR_NEXT;
    learn_class(x, u);
    ask_circuit(x, u, ep, t);
    if (st->refused)
        return weir_veto(x, "breaker_open");
    if (take_room(u, t))
        return WEIR_NEXT;
    take_back(u, t);
    return weir_veto(x, "breaker_limit");
}

void breaker_cluster_unpick(const struct weir_use *u)
{
    struct breaker_state *st = u->state;
    take_back(u, &st->picked);
}

/* -- attempts -------------------------------------------------------------------------------- */

static struct try_state *try_of(const struct weir_use *u, const struct weir_attempt *at)
{
    struct breaker_state *st = u->state;
    return &st->tries[weir_attempt_number(at) % TRIES];
}

void breaker_cluster_attempt(struct weir_exchange *x, const struct weir_use *u,
                             const struct weir_attempt *at)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct try_state *t = try_of(u, at);
    take_back(u, t); /* of an attempt long ago: nothing is left of it */
    *t = st->picked;
    t->from = NULL; /* it is its own now */
    t->from_retry = false;
    t->number = weir_attempt_number(at);
    st->picked = (struct try_state){0};
    st->started = true;
    if (!t->asked)
        return;
    weir_log_set(x, u, LOG_STATE,
                 slice_str(machine_state_name((enum machine_state)t->ticket.state)));
    if (t->ticket.says == MACHINE_PROBE) {
        weir_count(weir_process_of(x), b->counters, COUNT_PROBES, 1);
        note(x, u, "probe");
    }
}

static void tell_circuit(struct weir_exchange *x, const struct breaker *b,
                         const struct weir_attempt *at, struct try_state *t)
{
    struct weir_process *p = weir_process_of(x);
    struct circuit c;
    struct circuit_event event;
    if (!t->asked || !breaker_circuit_at(b, t->slot, &c))
        return;
    t->asked = false;
    const enum judgement j = breaker_judge_head(b, at);
    if (j == SAYS_NOTHING) {
        machine_back(c.machine, t->ticket);
        return;
    }
    t->open = j == WENT_WELL && weir_attempt_goes_on(at);
    t->where = circuit_result(c, breaker_clock(p), t->ticket,
                              (struct circuit_call){.failed = j == HAS_FAILED,
                                                    .open = t->open,
                                                    .took_us = weir_attempt_took_us(at)},
                              &event);
    breaker_report(p, b, b->per_endpoint ? weir_attempt_endpoint(at) : no_endpoint, &event);
}

void breaker_cluster_result(struct weir_exchange *x, const struct weir_use *u,
                            const struct weir_attempt *at)
{
    const struct breaker *b = u->conf;
    struct breaker_state *st = u->state;
    struct try_state *t = try_of(u, at);
    tell_circuit(x, b, at, t);
    if (weir_attempt_failure(at))
        release(u, t);
    else
        t->headed = st->has_head = true;
}

void breaker_cluster_end(struct weir_exchange *x, const struct weir_use *u,
                         const struct weir_attempt *at)
{
    const struct breaker *b = u->conf;
    struct weir_process *p = weir_process_of(x);
    struct try_state *t = try_of(u, at);
    struct circuit c;
    struct circuit_event event;
    if (!t->open || t->number != weir_attempt_number(at) || !breaker_circuit_at(b, t->slot, &c))
        return;
    t->open = false;
    const enum judgement j = breaker_judge_end(b, at);
    if (j == SAYS_NOTHING)
        return;
    circuit_end(c, breaker_clock(p), t->ticket,
                (struct circuit_ended){.failed = j == HAS_FAILED, .where = t->where}, &event);
    breaker_report(p, b, b->per_endpoint ? weir_attempt_endpoint(at) : no_endpoint, &event);
}

/* -- the end --------------------------------------------------------------------------------- */

static enum weir_verdict fall_back(struct weir_exchange *x, const struct weir_use *u,
                                   enum breaker_reject why)
{
    const struct breaker *b = u->conf;
    const struct weir_retry r = {.cluster = b->fallback.cluster};
    if (why > REJECT_RAMP || !b->fallback.place.file || b->fallback.cluster == WEIR_NO_CLUSTER ||
        weir_retry(x, &r) != WEIR_RETRY)
        return WEIR_NEXT;
    weir_count(weir_process_of(x), b->rejects[why], 0, 1);
    weir_count(weir_process_of(x), b->counters, COUNT_FELL_BACK, 1);
    note(x, u, "fallback");
    return WEIR_RETRY;
}

static void release_all(const struct weir_use *u)
{
    struct breaker_state *st = u->state;
    breaker_wait_end(u);
    if (st->reserved || st->waiter.granted)
        breaker_give(u, st->class, LIMITS_REQUESTS);
    st->reserved = st->waiter.granted = false;
    take_back(u, &st->picked);
    for (unsigned i = 0; i < TRIES; i++)
        take_back(u, &st->tries[i]);
}

enum weir_verdict breaker_cluster_unavailable(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    const struct breaker_state *st = u->state;
    if (!st->refused)
        return WEIR_NEXT;
    const enum breaker_reject why = (enum breaker_reject)(st->refused - 1);
    if (fall_back(x, u, why) == WEIR_RETRY) {
        release_all(u);
        return WEIR_RETRY;
    }
    if (!st->has_head)
        return breaker_refuse(x, u, why);
    /* The retry is refused, and the client gets what the attempt before it has got. */
    weir_count(weir_process_of(x), b->rejects[why], 0, 1);
    note(x, u, breaker_reject_name(why));
    return WEIR_NEXT;
}

void breaker_cluster_done(const struct weir_use *u)
{
    release_all(u);
}
