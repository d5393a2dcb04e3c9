/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is needed at the end is at hand then anyway; so a request that isn't recorded
 * costs its ids and one field of its head, and one that is costs a copy more. Ids of attempts
 * follow from a number of the request's own: the first attempt's goes into the head that all
 * attempts start from, later ones set theirs. */
#include "tracing/request.h"

#include "common/slice.h"
#include "tracing/record.h"
#include "tracing/tracestate.h"

/* Ids of waits are counted from here, those of attempts from 1. */
enum { FIRST_WAIT = 1 << 16 };

/* -- what came --------------------------------------------------------------------------------- */

static bool is_trusted(const struct weir_exchange *x, const struct tracing *t)
{
    return t->trust == TRUST_ALWAYS || (t->trust == TRUST_PROXIES && weir_peer_trusted(x));
}

/* Notes a line of X-B3-...; a second one of its name makes all of them worthless. */
static void see_b3(struct b3_fields *f, struct weir_slice name, struct weir_slice value,
                   bool *twice)
{
    struct weir_slice *const to = slice_ieq(name, WEIR_SLICE("x-b3-traceid"))   ? &f->trace
                                  : slice_ieq(name, WEIR_SLICE("x-b3-spanid"))  ? &f->span
                                  : slice_ieq(name, WEIR_SLICE("x-b3-sampled")) ? &f->sampled
                                  : slice_ieq(name, WEIR_SLICE("x-b3-flags"))   ? &f->flags
                                                                                : NULL;
    *twice = *twice || (to && to->p);
    if (to)
        *to = value;
}

static bool is_b3(struct weir_slice name)
{
    return name.n > 5 && name.p[1] == '-' && name.p[4] == '-' &&
           slice_ieq((struct weir_slice){name.p, 5}, WEIR_SLICE("x-b3-"));
}

/* False: they are there, and wrong. */
static bool read_b3(const struct weir_exchange *x, const struct tracing *t, struct traced *st,
                    struct trace_context *c)
{
    const struct weir_slice single = weir_field(x, WEIR_REQUEST, &t->b3_name);
    struct b3_fields f = {0};
    struct weir_slice name, value;
    bool twice = false, many = false;
    for (size_t at = 0; weir_field_each(x, WEIR_REQUEST, &at, &name, &value);)
        if (is_b3(name)) {
            many = true;
            see_b3(&f, name, value, &twice);
        }
    st->b3 = single.p || many;
    if (!st->taken || c->span || !st->b3)
        return true;
    return single.p ? b3_read(single, c) : !twice && b3_read_fields(&f, c);
}

/* The lines of tracestate as one; a single one stays where it is. */
static void read_state(struct weir_exchange *x, const struct tracing *t, struct traced *st)
{
    struct weir_slice name, value;
    unsigned lines = 0, members = 0;
    bool good = true;
    st->state = weir_field(x, WEIR_REQUEST, &t->tracestate);
    if (!st->state.p)
        return;
    for (size_t at = 0; weir_field_each(x, WEIR_REQUEST, &at, &name, &value);) {
        if (!slice_ieq(name, t->tracestate.text))
            continue;
        good = good && tracestate_count(value, &members);
        if (lines++ && good)
            st->state = weir_printf(x, "%.*s,%.*s", SLICE_ARG(st->state), SLICE_ARG(value));
        good = good && st->state.n <= t->tracestate_max;
    }
    st->state_as_it_came = lines == 1;
    if (good)
        return;
    weir_count(weir_process_of(x), t->counts, COUNT_STATES_LEFT, 1);
    st->state = (struct weir_slice){0};
}

/* Two lines are none that means anything. */
static bool read_parent(const struct weir_exchange *x, const struct tracing *t,
                        struct weir_slice value, struct trace_context *c)
{
    struct weir_slice name, other;
    unsigned lines = 0;
    for (size_t at = 0; weir_field_each(x, WEIR_REQUEST, &at, &name, &other);)
        lines += slice_ieq(name, t->traceparent.text);
    return lines == 1 && traceparent_read(value, c);
}

static void read_context(struct weir_exchange *x, const struct tracing *t, struct traced *st,
                         struct trace_context *c)
{
    const struct weir_slice parent = weir_field(x, WEIR_REQUEST, &t->traceparent);
    bool good = true;
    st->taken = is_trusted(x, t);
    if (st->taken && parent.p) {
        good = read_parent(x, t, parent, c);
        st->taken = good;
        if (good)
            read_state(x, t, st);
    }
    if (t->b3 != B3_OFF)
        good = read_b3(x, t, st, c) && good;
    st->taken = st->taken && good; /* what stands beside it is worth no more */
    if (!good)
        weir_count(weir_process_of(x), t->counts, COUNT_INVALID, 1);
}

/* What no route took goes by what stands under `modules`. */
static const struct sampling *sampling_of(const struct weir_use *u)
{
    const struct tracing_route *r = u->conf;
    const struct tracing *t = u->global;
    return r ? &r->sampling : &t->sampling;
}

static void begin(struct weir_exchange *x, const struct weir_use *u)
{
    struct tracing_process *tp = u->local;
    struct traced *st = u->state;
    struct trace_context c = {0};
    read_context(x, u->global, st, &c);
    if (!(c.high | c.low)) {
        c.high = id_next(&tp->ids);
        c.low = id_next(&tp->ids);
        c.flags |= TRACE_RANDOM;
    }
    st->begun = true;
    st->sampled = sampling_takes(sampling_of(u), &c);
    st->flags = (uint8_t)((c.flags & TRACE_RANDOM) | (st->sampled ? TRACE_SAMPLED : 0));
    st->high = c.high;
    st->low = c.low;
    st->parent = c.span;
    st->span = id_next(&tp->ids);
    st->seed = id_next(&tp->ids);
}

/* -- what goes inward -------------------------------------------------------------------------- */

static struct weir_slice parent_of(const struct traced *st, unsigned attempt,
                                   char text[TRACEPARENT_N])
{
    const struct trace_context c = {
        .high = st->high, .low = st->low, .span = id_of(st->seed, attempt), .flags = st->flags};
    traceparent_write(text, &c);
    return (struct weir_slice){text, TRACEPARENT_N};
}

static void remove_b3(struct weir_exchange *x, const struct tracing *t)
{
    static const char *const names[] = {"x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid",
                                        "x-b3-sampled", "x-b3-flags"};
    weir_field_remove(x, WEIR_INWARD, &t->b3_name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct weir_name name = weir_name(slice_str(names[i]));
        weir_field_remove(x, WEIR_INWARD, &name);
    }
}

void traced_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct tracing *t = u->global;
    struct traced *st = u->state;
    begin(x, u);
    weir_field_set(x, WEIR_INWARD, &t->traceparent, parent_of(st, 1, st->text));
    if (!st->state.p && weir_field(x, WEIR_REQUEST, &t->tracestate).p)
        weir_field_remove(x, WEIR_INWARD, &t->tracestate);
    else if (st->state.p && !st->state_as_it_came)
        weir_field_set(x, WEIR_INWARD, &t->tracestate, st->state);
    if (st->b3 && (t->b3 == B3_READ || !st->taken))
        remove_b3(x, t);
}

void traced_attempt(struct weir_exchange *x, const struct weir_use *u,
                    const struct weir_attempt *at)
{
    const struct tracing *t = u->global;
    const unsigned number = weir_attempt_number(at);
    if (number > 1)
        weir_field_set(x, WEIR_INWARD, &t->traceparent,
                       parent_of(u->state, number, weir_alloc(x, TRACEPARENT_N)));
}

/* -- the end ----------------------------------------------------------------------------------- */

static void log_ids(struct weir_exchange *x, const struct weir_use *u)
{
    struct traced *st = u->state;
    char span[16];
    if (!st->text[0])
        parent_of(st, 1, st->text);
    hex_write(span, st->span);
    weir_log_set(x, u, TRACING_LOG_TRACE_ID, traceparent_trace(st->text));
    weir_log_set(x, u, TRACING_LOG_SPAN_ID, (struct weir_slice){span, sizeof span});
    weir_log_set(x, u, TRACING_LOG_SAMPLED, st->sampled ? WEIR_SLICE("true") : WEIR_SLICE("false"));
}

/* What the client did, and the end of a tunnel in which nothing moved, is no failure of ours. */
static bool is_fine(const char *why)
{
    static const char *const fine[] = {"client_gone", "client_slow", "timeout_tunnel"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (strcmp(why, fine[i]) == 0)
            return true;
    return false;
}

/* What OpenTelemetry's conventions for gRPC servers call one: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
 * INTERNAL, UNAVAILABLE, DATA_LOSS. */
static bool is_grpc_failure(int code)
{
    enum { FAILURES = 1 << 2 | 1 << 4 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 };
    return code >= 0 && code < 17 && FAILURES >> code & 1;
}

/* A refusal by status 4xx is an answer; a response that broke off, or none at all, is a failure. */
static bool has_failed(const struct weir_exchange *x)
{
    const int status = weir_status(x);
    const char *why = weir_why(x);
    if (why && is_fine(why))
        return false;
    return status >= 500 || status == 0 || (why && status < 400) ||
           is_grpc_failure(weir_grpc_status(x));
}

static struct weir_slice name_of(const struct tracing *t, weir_cluster cluster)
{
    return cluster < t->clusters_n ? t->cluster_names[cluster] : (struct weir_slice){0};
}

static struct weir_slice word(const char *why)
{
    return why ? slice_str(why) : (struct weir_slice){0};
}

static void write_request(struct weir_exchange *x, const struct weir_use *u, bool failed,
                          struct record_writer *w, char *to)
{
    const struct tracing *t = u->global;
    const struct traced *st = u->state;
    record_begin(w, to, QUEUE_RECORD,
                 &(struct record_request){
                     .high = st->high,
                     .low = st->low,
                     .span = st->span,
                     .parent = st->parent,
                     .flags = st->flags,
                     .began_us = weir_began_wall_us(x),
                     .took_us = weir_took_us(x),
                     .status = (uint16_t)weir_status(x),
                     .version = (uint8_t)weir_http_version(x),
                     .failed = failed,
                     .grpc = (uint8_t)(weir_grpc_status(x) + 1),
                     .method = weir_method(x),
                     .scheme = weir_scheme(x),
                     .host = weir_host(x),
                     .path = weir_path(x),
                     .client = weir_source(x),
                     .agent = weir_field(x, WEIR_REQUEST, &t->user_agent),
                     .route = weir_route_name(x),
                     .cluster = name_of(t, weir_cluster_of(x)),
                     .variant = weir_variant_name(x),
                     .why = word(weir_why(x)),
                     .request_id = weir_request_id(x),
                     .state = st->state,
                 });
}

static void write_attempts(const struct weir_exchange *x, const struct weir_use *u,
                           struct record_writer *w)
{
    const struct traced *st = u->state;
    const uint64_t began_us = weir_began_us(x);
    for (const struct weir_attempt *at = NULL; (at = weir_attempt_next(x, at));) {
        const struct weir_attempt_times when = weir_attempt_times(at);
        const uint64_t took_us = when.ended_us ? when.ended_us - when.began_us : 0;
        record_add_attempt(w, &(struct record_attempt){
                                  .span = id_of(st->seed, weir_attempt_number(at)),
                                  .after_us = when.began_us - began_us,
                                  .took_us = took_us,
                                  .number = weir_attempt_number(at),
                                  .status = (uint16_t)weir_attempt_status(at),
                                  .endpoint = weir_attempt_endpoint(at),
                                  .cluster = name_of(u->global, weir_attempt_cluster(at)),
                                  .why = word(weir_attempt_why(at)),
                              });
    }
}

static void write_waits(const struct weir_exchange *x, const struct weir_use *u,
                        struct record_writer *w)
{
    const struct traced *st = u->state;
    const uint64_t began_us = weir_began_us(x);
    struct weir_wait wait;
    for (size_t at = 0; weir_wait_each(x, &at, &wait);)
        record_add_wait(w, &(struct record_wait){
                               .span = id_of(st->seed, FIRST_WAIT + at),
                               .after_us = wait.began_us - began_us,
                               .took_us = wait.ended_us - wait.began_us,
                               .module = wait.module,
                               .hook = wait.hook,
                           });
}

static void record(struct weir_exchange *x, const struct weir_use *u, bool failed)
{
    const struct tracing *t = u->global;
    char bytes[QUEUE_RECORD];
    struct record_writer w;
    write_request(x, u, failed, &w, bytes);
    write_attempts(x, u, &w);
    write_waits(x, u, &w);
    const bool put = queue_put(t->queue, (unsigned)t->slots, w.p, w.n);
    const unsigned lost = put ? w.left_out : w.spans + w.left_out;
    if (lost)
        tracing_drop(u->local, put ? DROP_RECORD : DROP_QUEUE, lost);
}

void traced_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct tracing *t = u->global;
    struct traced *st = u->state;
    if (!st->begun) /* it didn't go to any backend */
        begin(x, u);
    log_ids(x, u);
    const bool failed = has_failed(x);
    if (t->queue && (st->sampled || (failed && sampling_of(u)->errors)))
        record(x, u, failed);
}
