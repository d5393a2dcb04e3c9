/* SPDX-License-Identifier: Apache-2.0 */
/* Injects faults into a share of a route's requests, to see what becomes of them:
 *
 *     fault = ( { name = "slow"; percent = "1%"; delay = { fixed = "2s"; }; },
 *               { name = "broken"; percent = "0.1%"; abort = { status = 503; }; } );
 *
 * docs/fault.md is the guide. Usually a fault acts on attempts, where the endpoint would fail, so
 * that timeouts, retries and breakers are exercised by it; the gateway does that
 * (weir_attempt_fault). At the edge it acts here, before anything else is done with the request.
 *
 * Which requests, or attempts, get one is an exact schedule over all workers (ticket.h); whether
 * one acts at all is in cell.c, and can be changed at any moment. */

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault/inject.h"
#include "common/slice.h"

static const char *const log_fields[] = {
    [LOG_DELAY] = "delay",       [LOG_ABORT] = "abort",       [LOG_RATE] = "rate",
    [LOG_ATTEMPTS] = "attempts", [LOG_BAD_WISH] = "bad_wish", NULL};

static bool is_on(struct weir_exchange *x, const struct weir_use *u)
{
    return fault_state_now(u->conf, u->global, weir_process_of(x)) == STATE_ON;
}

/* -- which requests --------------------------------------------------------------------------- */

static bool is_meant(const struct weir_exchange *x, const struct who *w)
{
    const struct weir_identity *id = weir_identity(x);
    if (!match_who_any(w))
        return true;
    if (!who_counts(w, id))
        return false;
    return (!w->subjects.n && !w->claim.n) || who_has_subject(w, id->subject) ||
           who_has_claim(w, x);
}

static bool has_headers(const struct weir_exchange *x, const struct fault *f)
{
    const struct match_header *h = fault_headers(f);
    for (size_t i = 0; i < f->match.headers.n; i++)
        if (!match_value(&h[i], weir_field(x, WEIR_REQUEST, &h[i].name)))
            return false;
    return true;
}

/* application/grpc, +proto, +json, ...; not application/grpc-web. */
static bool is_grpc(const struct weir_exchange *x, const struct fault *f)
{
    static const struct weir_slice type = {"application/grpc", 16};
    const struct weir_slice v = weir_field(x, WEIR_REQUEST, &f->content_type);
    return v.n >= type.n && strncasecmp(v.p, type.p, type.n) == 0 &&
           (v.n == type.n || strchr("+; ", v.p[type.n]));
}

static bool is_for(const struct weir_exchange *x, const struct fault *f)
{
    return (!f->match.methods.n || slice_among(&f->match.methods, weir_method(x))) &&
           (f->what.abort != WEIR_ABORT_GRPC || is_grpc(x, f)) && has_headers(x, f) &&
           is_meant(x, &f->match.who);
}

/* False: the tester asks for nothing, or for something that can't be read. */
static bool read_wish(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    const struct weir_slice said = weir_field(x, WEIR_REQUEST, &f->wish_name);
    const char *wrong = said.p ? wish_parse(said, &f->wish_limits, &s->what) : NULL;
    if (!wrong)
        return said.p && (s->what.abort != WEIR_ABORT_GRPC || is_grpc(x, f));
    weir_count(weir_process_of(x), f->counters, COUNT_BAD_WISHES, 1);
    weir_log_set(x, u, LOG_BAD_WISH, slice_str(wrong));
    return false;
}

/* -- at the edge ------------------------------------------------------------------------------ */

static void on_delay_over(struct weir_timer *t)
{
    weir_resume(((struct injection *)((char *)t - offsetof(struct injection, timer)))->x);
}

static enum weir_verdict end_at_edge(struct weir_exchange *x, const struct weir_attempt_fault *w)
{
    const struct weir_slice text = WEIR_SLICE("An injected fault.\n"), none = {0};
    const bool content = w->status != 204 && w->status != 304;
    if (w->abort == WEIR_ABORT_RESET)
        return weir_abort(x, "injected");
    if (w->abort == WEIR_ABORT_STATUS)
        return weir_answer(x, w->status, WEIR_SLICE("text/plain"), content ? text : none);
    return WEIR_NEXT;
}

static enum weir_verdict begin_at_edge(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    if (!fault_draw(f->cell, f->percent) || !injection_begin(x, u))
        return WEIR_NEXT;
    if (!s->what.delay_ms)
        return end_at_edge(x, &s->what);
    s->delaying = true;
    s->x = x;
    s->timer.fn = on_delay_over;
    weir_timer_start(weir_process_of(x), &s->timer, s->what.delay_ms);
    return WEIR_WAIT;
}

/* -- hooks ------------------------------------------------------------------------------------ */

static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    if (s->delaying)
        return end_at_edge(x, &s->what);
    if (!is_on(x, u) || !is_for(x, f) || (f->wish_field.n && !read_wish(x, u)))
        return WEIR_NEXT;
    if (f->at == AT_EDGE)
        return begin_at_edge(x, u);
    s->matches = true;
    s->drawn = f->each == EACH_REQUEST && fault_draw(f->cell, f->percent);
    return WEIR_NEXT;
}

/* What testers write is between them and the gateway. */
static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    if (f->wish_field.n)
        weir_field_remove(x, WEIR_INWARD, &f->wish_name);
    return WEIR_NEXT;
}

static bool is_there(const struct fault *f, const struct weir_attempt *at)
{
    const struct fault_match *m = &f->match;
    return (m->cluster == WEIR_NO_CLUSTER || m->cluster == weir_attempt_cluster(at)) &&
           (!m->endpoints.n || slice_among(&m->endpoints, weir_attempt_endpoint(at)));
}

static void on_attempt(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    if (!s->matches || !is_there(f, at) || !is_on(x, u))
        return;
    if (f->each == EACH_REQUEST ? s->drawn : fault_draw(f->cell, f->percent))
        if (injection_begin(x, u))
            weir_attempt_fault(at, &s->what);
}

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct injection *s = u->state;
    if (s->times && f->mark.n)
        weir_field_add(x, WEIR_RESPONSE, &f->mark_name, f->name);
}

/* -- real errors ------------------------------------------------------------------------------ */

/* How a request ended for which nothing was injected, as its client sees it. One that is gone has
 * seen nothing. */
static bool has_failed(const struct weir_exchange *x)
{
    const enum weir_failure failure = weir_failure(x);
    const int status = weir_status(x);
    const bool broke_off = failure && status && !weir_own_answer(x);
    return failure != WEIR_FAILURE_CLIENT && (status >= 500 || broke_off);
}

static void trip(struct weir_exchange *x, const struct fault *f, struct real_errors_sum sum)
{
    if (!fault_trip(f->cell))
        return;
    weir_count(weir_process_of(x), f->counters, COUNT_TRIPPED, 1);
    weir_event(
        WEIR_LOG_WARN, "fault_tripped",
        WEIR_FACTS(WEIR_FACT("route", f->route), WEIR_FACT("fault", f->name),
                   WEIR_FACT("owner", f->owner), WEIR_NUMBER("errors", sum.errors),
                   WEIR_NUMBER("requests", sum.requests)),
        "route %.*s: the fault %.*s has stopped: %llu of %llu requests without it have failed "
        "in the last %llu s, more than stop_when allows%s%.*s",
        SLICE_ARG(f->route), SLICE_ARG(f->name), (unsigned long long)sum.errors,
        (unsigned long long)sum.requests, (unsigned long long)f->stop.window_ms / 1000,
        f->owner.n ? "; its owner is " : "", SLICE_ARG(f->owner));
}

static void watch(struct weir_exchange *x, const struct fault *f)
{
    struct real_errors *w = &f->cell->window;
    const uint64_t now = weir_now_us(weir_process_of(x)), length = f->stop.window_ms * 1000;
    const bool failed = has_failed(x);
    real_errors_add(w, length, now, failed);
    if (!failed)
        return;
    const struct real_errors_sum sum = real_errors_sum(w, length, now);
    if (real_errors_is_over(sum, f->stop.error_rate, (uint64_t)f->stop.min_requests))
        trip(x, f, sum);
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    injection_end(u);
    if (f->stop.error_rate && !weir_injected(x) && is_on(x, u))
        watch(x, f);
}

/* -- processes -------------------------------------------------------------------------------- */

static void enter(struct fault_process *fp)
{
    for (const struct fault *f = fp->all->first; f; f = f->next) {
        fp->rows[f->number] = places_enter(&f->cell->places, (uint32_t)getpid());
        if (fp->rows[f->number] == PLACES_NO_ROW)
            weir_log(WEIR_LOG_WARN, "fault_no_place",
                     "this worker injects nothing: %d processes do already", PLACES_ROWS);
    }
}

/* Nobody should have to find out that there are faults. */
static void tell(const struct fault_process *fp)
{
    for (const struct fault *f = fp->all->first; f; f = f->next)
        if (fault_state_now(f, fp->all, fp->p) == STATE_ON)
            weir_event(WEIR_LOG_INFO, "fault_in_force",
                       WEIR_FACTS(WEIR_FACT("route", f->route), WEIR_FACT("fault", f->name),
                                  WEIR_FACT("owner", f->owner)),
                       "route %.*s: the fault %.*s%s%.*s", SLICE_ARG(f->route), SLICE_ARG(f->name),
                       f->owner.n ? " of " : "", SLICE_ARG(f->owner));
}

static void *start(struct weir_process *p, const void *global)
{
    const struct faults *all = global;
    struct fault_process *fp = calloc(1, sizeof *fp + all->n * sizeof *fp->rows);
    if (!fp)
        return NULL;
    *fp = (struct fault_process){.p = p, .all = all, .rows = (int *)(fp + 1)};
    if (weir_is_control(p))
        tell(fp);
    else
        enter(fp);
    return fp;
}

static void stop(struct weir_process *p, void *local)
{
    struct fault_process *fp = local;
    for (const struct fault *f = fp ? fp->all->first : NULL; f; f = f->next)
        if (!weir_is_control(p))
            places_leave(&f->cell->places, fp->rows[f->number]);
    free(fp);
}

/* The end of each is told once. */
static void tick(struct weir_process *p, void *local)
{
    const struct fault_process *fp = local;
    for (const struct fault *f = fp ? fp->all->first : NULL; f; f = f->next)
        if (f->ends_s && fault_state_now(f, fp->all, p) == STATE_ENDED &&
            fault_tell_end(f->cell, f->ends_s))
            weir_event(WEIR_LOG_INFO, "fault_ended",
                       WEIR_FACTS(WEIR_FACT("route", f->route), WEIR_FACT("fault", f->name)),
                       "route %.*s: the fault %.*s is over, at %.*s", SLICE_ARG(f->route),
                       SLICE_ARG(f->name), SLICE_ARG(f->ends_text));
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "fault",
    .summary = "injects faults: delays, errors, resets, cut and slow responses",
    .order = 5,
    .global = {.rows = faults_rows, .size = sizeof(struct faults)},
    .route = {.rows = fault_rows, .size = sizeof(struct fault), .list = true},
    .state_size = sizeof(struct injection),
    .log_fields = log_fields,
    .counters = fault_counters,
    .commands = fault_commands,
    .explain = fault_explain,
    .load = fault_load,
    .load_route = fault_load_route,
    .unload_use = fault_unload_use,
    .start = start,
    .stop = stop,
    .tick = tick,
    .on_request = on_request,
    .on_forward = on_forward,
    .on_attempt = on_attempt,
    .on_response = on_response,
    .on_done = on_done,
};
