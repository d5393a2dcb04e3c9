/* SPDX-License-Identifier: Apache-2.0 */
/* Injected faults: what an endpoint would do, done here. For the steps an attempt with a fault is
 * like any other; they look at the same facts. */
#include "core/attempt_fault.h"

#include "core/exchange.h"
#include "core/grpc.h"
#include "http/status.h"

/* How often a slowed response goes on; with fewer bytes a second than that, at each byte. */
enum { PORTION_MS = 50 };

static const char injected[] = "injected"; /* the log's detail */

static void on_timer(struct timer *t);
static void on_later(struct later *l);

static struct loop *loop_of(const struct attempt *at)
{
    return at->x->w->loop;
}

/* -- setting it -------------------------------------------------------------------------------- */

static uint64_t slower(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

void attempt_fault_add(struct attempt *at, const struct weir_attempt_fault *how)
{
    struct attempt_fault *f = at->fault;
    if (!f) {
        f = at->fault = ARENA_NEW(&at->x->arena, struct attempt_fault);
        f->at = at;
        timer_init(&f->timer, on_timer);
        later_init(&f->later, on_later);
        bytes_init(&f->held, &loop_of(at)->stock);
    }
    f->how.delay_ms += how->delay_ms;
    f->how.bytes_per_second = slower(f->how.bytes_per_second, how->bytes_per_second);
    if (f->how.abort)
        return;
    f->how.abort = how->abort;
    f->how.status = how->status;
    f->how.truncate_at = how->truncate_at;
}

/* -- in place of an origin --------------------------------------------------------------------- */

static void drop_body(struct attempt *at, struct bytes *from)
{
    (void)at;
    bytes_clear(from);
}

static void answer_at_end(struct attempt *at, const struct fields *trailers)
{
    (void)trailers;
    if (!at->headed)
        loop_later(loop_of(at), &at->fault->later);
}

static void resume(struct attempt *at)
{
    (void)at;
}

static void cancel(struct attempt *at)
{
    at->origin = NULL;
}

static const struct origin_ops stand_in_ops = {
    .send_body = drop_body,
    .send_end = answer_at_end,
    .resume = resume,
    .cancel = cancel,
};

static void stand_in(struct attempt *at)
{
    at->ops = &stand_in_ops;
    at->origin = at->fault;
}

/* -- before the response ----------------------------------------------------------------------- */

/* A backend reads what it is sent before it answers, as a rule, and so the client's connection
 * stays good. One that could wait for ever, or waits to be told to go on, is answered at once. */
static bool reads_request(const struct attempt *at)
{
    const struct plan *p = &at->x->plan;
    return at->fault->how.abort == WEIR_ABORT_STATUS && !at->x->grpc && !p->expect_continue &&
           !p->upgrade.n;
}

/* False: nothing is aborted before a response has come. */
static bool begin_abort(struct attempt *at)
{
    const int abort = at->fault->how.abort;
    if (abort == WEIR_ABORT_NONE || abort == WEIR_ABORT_TRUNCATE)
        return false;
    stand_in(at);
    at->opened = true;
    at->opened_us = loop_of(at)->clock.mono_us;
    if (!reads_request(at))
        loop_later(loop_of(at), &at->fault->later);
    return true;
}

bool attempt_fault_open(struct attempt *at)
{
    struct attempt_fault *f = at->fault;
    at->injected = at->x->injected = true;
    if (!f->how.delay_ms)
        return begin_abort(at);
    const uint64_t head_ms =
        attempt_ms(at->cluster->conf->timeouts.response_head, at->x->plan.try_idle_ms);
    stand_in(at);
    f->delays = true;
    timer_start(loop_of(at), &f->timer, f->how.delay_ms);
    if (head_ms)
        timer_start(loop_of(at), &at->timer, head_ms);
    return true;
}

bool attempt_fault_delays(const struct attempt *at)
{
    return at->fault->delays;
}

static void end_delay(struct attempt_fault *f)
{
    struct attempt *at = f->at;
    f->delays = false;
    timer_stop(&at->timer);
    at->origin = NULL;
    at->ops = at->x->w->origin_ops;
    if (!begin_abort(at))
        attempt_open(at);
    exchange_wake(at->x);
}

/* -- aborts ------------------------------------------------------------------------------------ */

static bool has_content(const struct attempt *at, uint16_t status)
{
    return at->x->request.method_id != METHOD_HEAD && status != 204 && status != 304;
}

static void add_grpc_status(struct attempt *at)
{
    struct fields *fields = &at->head.fields;
    struct arena *a = &at->x->arena;
    fields_init(fields, a, 3);
    fields_add_token(fields, a, TOKEN_CONTENT_TYPE, SLICE("application/grpc"));
    fields_add(fields, a, SLICE("grpc-status"),
               slice_str(arena_printf(a, "%d", at->fault->how.status)));
    fields_add(fields, a, SLICE("grpc-message"), SLICE("injected fault"));
}

/* A response without content, as an endpoint's. */
static void respond(struct attempt *at)
{
    const bool grpc = at->fault->how.abort == WEIR_ABORT_GRPC;
    const uint16_t status = grpc ? 200 : (uint16_t)at->fault->how.status;
    const bool content = has_content(at, status);
    at->head = (struct response_head){
        .status = status,
        .major = 1,
        .minor = 1,
        .keep_alive = true,
        .body = content ? BODY_LENGTH : BODY_NONE,
        .has_length = content,
        .reason = status_reason(status),
    };
    if (grpc)
        add_grpc_status(at);
    timer_stop(&at->timer);
    if (at->limit)
        timer_stop(&at->limit->timer);
    at->headed = at->answered = true;
    at->headed_us = loop_of(at)->clock.mono_us;
    attempt_on_end(at, NULL);
}

static void on_later(struct later *l)
{
    struct attempt_fault *f = container_of(l, struct attempt_fault, later);
    f->ended_here = true;
    if (f->end == FAULT_END_CUT)
        attempt_on_fail(f->at, WHY_TRUNCATED, injected);
    else if (f->how.abort == WEIR_ABORT_RESET)
        attempt_on_fail(f->at, WHY_RESET, injected);
    else
        respond(f->at);
}

/* -- content ----------------------------------------------------------------------------------- */

/* The real origin is of no more use. What is held, if anything, goes first; and so does the head,
 * which may have come just now: a response that is cut has begun. */
static void cut(struct attempt *at)
{
    if (at->origin)
        at->ops->cancel(at);
    at->fault->end = FAULT_END_CUT;
    stand_in(at);
    if (!at->fault->held.n)
        loop_later(loop_of(at), &at->fault->later);
}

/* How long one portion takes. */
static uint64_t portion_ms(const struct attempt_fault *f)
{
    const uint64_t byte_ms = 1000 / f->how.bytes_per_second;
    return byte_ms > PORTION_MS ? byte_ms : PORTION_MS;
}

static bool hold(struct attempt *at, struct block *b, struct slice s)
{
    struct attempt_fault *f = at->fault;
    if (!f->how.bytes_per_second)
        return bytes_append(&at->body, b, s);
    if (!f->held.n) {
        f->since_us = loop_of(at)->clock.mono_us;
        f->sent = 0;
        timer_start(loop_of(at), &f->timer, portion_ms(f));
    }
    return bytes_append(&f->held, b, s);
}

bool attempt_fault_body(struct attempt *at, struct block *b, struct slice s)
{
    const struct weir_attempt_fault *how = &at->fault->how;
    if (at->head.body == BODY_TUNNEL)
        return false;
    const uint64_t before = at->bytes_received - s.n;
    bool over = false;
    if (how->abort == WEIR_ABORT_TRUNCATE) {
        const uint64_t left = how->truncate_at > before ? how->truncate_at - before : 0;
        over = s.n > left;
        s.n = over ? (size_t)left : s.n;
    }
    if (s.n && !hold(at, b, s)) {
        if (at->origin)
            at->ops->cancel(at);
        attempt_on_fail(at, WHY_OVERLOAD, "blocks");
        return true;
    }
    if (over)
        cut(at);
    exchange_wake(at->x);
    return true;
}

bool attempt_fault_end(struct attempt *at, const struct fields *trailers)
{
    struct attempt_fault *f = at->fault;
    if (!f->held.n)
        return false;
    f->end = FAULT_END_WHOLE;
    if (trailers)
        f->trailers = *trailers;
    stand_in(at);
    exchange_wake(at->x);
    return true;
}

static void end_held(struct attempt_fault *f)
{
    if (f->end == FAULT_END_WHOLE)
        attempt_on_end(f->at, &f->trailers);
    else if (f->end == FAULT_END_CUT)
        on_later(&f->later);
}

/* What is due by now leaves. When there is no memory for that, it is as good a little later. */
static void pass_portion(struct attempt_fault *f)
{
    struct loop *lp = loop_of(f->at);
    const uint64_t passed_ms = (lp->clock.mono_us - f->since_us) / 1000;
    const uint64_t due = f->how.bytes_per_second * passed_ms / 1000 - f->sent;
    const size_t n = due < f->held.n ? (size_t)due : f->held.n;
    if (bytes_move_n(&f->at->body, &f->held, n))
        f->sent += n;
    if (f->held.n)
        timer_start(lp, &f->timer, portion_ms(f));
    else
        end_held(f);
    exchange_wake(f->at->x);
}

static void on_timer(struct timer *t)
{
    struct attempt_fault *f = container_of(t, struct attempt_fault, timer);
    if (f->delays)
        end_delay(f);
    else
        pass_portion(f);
}

/* -- the end ----------------------------------------------------------------------------------- */

void attempt_fault_let_go(struct attempt *at)
{
    bytes_move(&at->body, &at->fault->held);
}

void attempt_fault_stop(struct attempt *at)
{
    timer_stop(&at->fault->timer);
    later_cancel(&at->fault->later);
    bytes_clear(&at->fault->held);
}

/* When time is up, it was the fault that has taken it, or nobody can say that it wasn't. */
bool attempt_fault_is_cause(const struct attempt *at)
{
    const struct attempt_fault *f = at->fault;
    const enum why why = attempt_why(at);
    if (f->ended_here)
        return true;
    if (!f->how.delay_ms && !f->how.bytes_per_second)
        return false;
    return why == WHY_TIMEOUT_RESPONSE_HEAD || why == WHY_TIMEOUT_RESPONSE_BODY ||
           why == WHY_TIMEOUT_TRY || why == WHY_TIMEOUT_REQUEST;
}
