/* SPDX-License-Identifier: Apache-2.0 */
/* One batch at a time, and one request under way.
 *
 *     tick ─► collect ─► full, or waited long enough? ─► send ─► taken ───► the next one
 *              ▲                                          ▲  └─► refused ─► dropped
 *              └────────────────── dropped at export.keep ─┴──── again: later, as it is
 *
 * Who is slow is not sent more at once, nor more often: records wait in the queue meanwhile, which
 * is bounded, and workers drop what finds no room there. */
#include "tracing/export.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/slice.h"
#include "tracing/answer.h"
#include "tracing/otlp.h"
#include "tracing/record.h"

enum { RESPONSE_LIMIT = 64 * 1024 };

struct exporter {
    const struct tracing_process *tp;
    json_t *resource;
    struct weir_claim *fields;
    struct queue_stuck stuck;
    struct weir_call *call; /* under way; NULL */
    struct batch {
        char *bytes; /* records, one after the other; owned */
        size_t n, cap;
        uint16_t *lengths; /* of the records; owned: export.spans of them at most */
        unsigned records, spans;
        uint64_t since_us; /* when its first record was taken from the queue */
        uint64_t tried_us; /* when it was sent first; 0: it was not */
    } batch;
    uint64_t due_us;   /* not before */
    unsigned failures; /* in a row, over all batches */
};

static void send_batch(struct exporter *e);
static void on_done(void *ctx, const struct weir_result *r);

/* -- life -------------------------------------------------------------------------------------- */

static bool has_attribute(const struct tracing *t, const char *name)
{
    const struct tracing_pair *pair = t->resource.v;
    for (size_t i = 0; i < t->resource.n; i++)
        if (slice_eq(pair[i].name, slice_str(name)))
            return true;
    return false;
}

static json_t *make_resource(const struct tracing *t)
{
    const struct tracing_pair *pair = t->resource.v;
    char host[256] = "";
    json_t *a = json_array();
    if (!has_attribute(t, "service.name"))
        otlp_text(a, "service.name", t->service);
    if (!has_attribute(t, "host.name") && gethostname(host, sizeof host - 1) == 0)
        otlp_text(a, "host.name", slice_str(host));
    for (size_t i = 0; i < t->resource.n; i++)
        otlp_text(a, pair[i].name.p, pair[i].value);
    return a;
}

static struct weir_claim *make_fields(const struct tracing *t)
{
    const struct tracing_pair *pair = t->headers.v;
    struct weir_claim *fields = calloc(t->headers.n + 1, sizeof *fields);
    if (!fields)
        return NULL;
    fields[0] = (struct weir_claim){WEIR_SLICE("Content-Type"), WEIR_SLICE("application/json")};
    for (size_t i = 0; i < t->headers.n; i++)
        fields[i + 1] = (struct weir_claim){pair[i].name, pair[i].value};
    return fields;
}

static void free_all(struct exporter *e)
{
    json_decref(e->resource);
    free(e->fields);
    free(e->batch.bytes);
    free(e->batch.lengths);
    free(e);
}

struct exporter *exporter_new(const struct tracing_process *tp)
{
    struct exporter *e = calloc(1, sizeof *e);
    if (e) {
        e->tp = tp;
        e->resource = make_resource(tp->t);
        e->fields = make_fields(tp->t);
        e->batch.lengths = calloc((size_t)tp->t->export.spans, sizeof *e->batch.lengths);
        if (e->resource && e->fields && e->batch.lengths)
            return e;
        free_all(e);
    }
    weir_log(WEIR_LOG_ERROR, "tracing_not_started", "no memory: spans are not exported");
    return NULL;
}

static void clear(struct batch *b)
{
    b->n = b->records = b->spans = 0;
    b->tried_us = 0;
}

static void give_back(struct exporter *e)
{
    const struct tracing *t = e->tp->t;
    const char *at = e->batch.bytes;
    for (unsigned i = 0; i < e->batch.records; at += e->batch.lengths[i++]) {
        const struct weir_slice record = {at, e->batch.lengths[i]};
        if (!queue_put(t->queue, (unsigned)t->slots, record.p, record.n))
            tracing_drop(e->tp, DROP_QUEUE, record_spans(record));
    }
    clear(&e->batch);
}

void exporter_free(struct exporter *e)
{
    if (!e)
        return;
    if (e->call)
        weir_call_cancel(e->call);
    give_back(e);
    free_all(e);
}

/* -- a batch ----------------------------------------------------------------------------------- */

static bool make_room(struct batch *b)
{
    if (b->n + QUEUE_RECORD <= b->cap)
        return true;
    const size_t cap = b->cap * 2 + (size_t)16 * QUEUE_RECORD;
    char *bytes = realloc(b->bytes, cap);
    if (!bytes)
        return false;
    b->bytes = bytes;
    b->cap = cap;
    return true;
}

static void collect(struct exporter *e)
{
    const struct tracing *t = e->tp->t;
    const uint64_t now_us = weir_now_us(e->tp->p);
    struct batch *b = &e->batch;
    unsigned lost = 0;
    while (b->spans < t->export.spans && make_room(b)) {
        char *to = b->bytes + b->n;
        const size_t n = queue_take(t->queue, (unsigned)t->slots, &e->stuck, now_us, to, &lost);
        const unsigned spans = record_spans((struct weir_slice){to, n});
        if (n == 0)
            break;
        lost += !spans;
        if (!spans)
            continue;
        b->since_us = b->records ? b->since_us : now_us;
        b->lengths[b->records++] = (uint16_t)n;
        b->spans += spans;
        b->n += n;
    }
    if (lost)
        tracing_drop(e->tp, DROP_LOST, lost);
}

static bool is_ready(const struct exporter *e)
{
    const struct tracing_export *x = &e->tp->t->export;
    const struct batch *b = &e->batch;
    return b->tried_us || b->spans >= x->spans ||
           (b->spans && weir_now_us(e->tp->p) - b->since_us >= x->delay_ms * 1000);
}

void exporter_tick(struct exporter *e)
{
    if (e->call || weir_now_us(e->tp->p) < e->due_us)
        return;
    if (!e->batch.tried_us)
        collect(e);
    if (is_ready(e))
        send_batch(e);
}

static void drop(struct exporter *e, enum tracing_drop reason)
{
    tracing_drop(e->tp, reason, e->batch.spans);
    clear(&e->batch);
}

/* -- sending ----------------------------------------------------------------------------------- */

/* Said once, until it works again. */
static void say_failure(const struct exporter *e, const char *why, int status)
{
    const struct weir_slice url = e->tp->t->url.text;
    if (e->failures != 1)
        return;
    if (why)
        weir_event(WEIR_LOG_WARN, "tracing_failed", WEIR_FACTS(WEIR_FACT("url", url)), "%.*s: %s",
                   SLICE_ARG(url), why);
    else
        weir_event(WEIR_LOG_WARN, "tracing_failed",
                   WEIR_FACTS(WEIR_FACT("url", url), WEIR_NUMBER("status", status)),
                   "%.*s: its status is %d", SLICE_ARG(url), status);
}

static void fail(struct exporter *e, const struct weir_result *r)
{
    const struct tracing *t = e->tp->t;
    struct weir_process *p = e->tp->p;
    const struct weir_name name = weir_name(WEIR_SLICE("retry-after"));
    const struct weir_slice after =
        r && r->status ? weir_call_field(r->call, &name) : (struct weir_slice){0};
    const uint64_t now_us = weir_now_us(p);
    weir_count(p, t->counts, COUNT_FAILURES, 1);
    e->failures++;
    e->due_us = now_us + answer_wait_ms(e->failures, after, weir_wall_us(p), weir_random(p)) * 1000;
    say_failure(e, !r ? "the call can't be made" : r->why, r ? r->status : 0);
    if (now_us - e->batch.tried_us >= t->export.keep_ms * 1000)
        drop(e, DROP_UNREACHABLE);
}

/* The next batch may be another one. */
static void refuse(struct exporter *e, const struct weir_result *r)
{
    weir_count(e->tp->p, e->tp->t->counts, COUNT_FAILURES, 1);
    e->failures++;
    say_failure(e, NULL, r->status);
    drop(e, DROP_REFUSED);
}

static void take(struct exporter *e, const struct weir_result *r)
{
    const struct tracing *t = e->tp->t;
    char message[ANSWER_MESSAGE];
    uint64_t rejected = answer_rejected(r->body, message);
    rejected = rejected < e->batch.spans ? rejected : e->batch.spans;
    if (e->failures)
        weir_event(WEIR_LOG_INFO, "tracing_recovered", WEIR_FACTS(WEIR_FACT("url", t->url.text)),
                   "%.*s", SLICE_ARG(t->url.text));
    if (rejected)
        weir_log(WEIR_LOG_WARN, "tracing_rejected", "%.*s: %llu of %u spans: %s",
                 SLICE_ARG(t->url.text), (unsigned long long)rejected, e->batch.spans, message);
    tracing_drop(e->tp, DROP_REJECTED, rejected);
    weir_count(e->tp->p, t->counts, COUNT_EXPORTED, e->batch.spans - rejected);
    e->failures = 0;
    clear(&e->batch);
}

static void on_done(void *ctx, const struct weir_result *r)
{
    struct exporter *e = ctx;
    e->call = NULL;
    switch (answer_of(r->why ? 0 : r->status)) {
    case ANSWER_TAKEN:
        take(e, r);
        break;
    case ANSWER_AGAIN:
        fail(e, r);
        break;
    case ANSWER_REFUSED:
        refuse(e, r);
        break;
    }
    exporter_tick(e);
}

/* NULL: no memory. The caller frees it. */
static char *text_of(const struct exporter *e)
{
    const char *at = e->batch.bytes;
    struct otlp o;
    otlp_begin(&o, e->resource);
    for (unsigned i = 0; i < e->batch.records; at += e->batch.lengths[i++])
        otlp_add(&o, (struct weir_slice){at, e->batch.lengths[i]});
    return otlp_end(&o);
}

static void send_batch(struct exporter *e)
{
    const struct tracing *t = e->tp->t;
    char *text = text_of(e);
    if (!text) {
        drop(e, DROP_MEMORY);
        return;
    }
    if (!e->batch.tried_us)
        e->batch.tried_us = weir_now_us(e->tp->p);
    weir_count(e->tp->p, t->counts, COUNT_BATCHES, 1);
    const struct weir_call_options o = {
        .cluster = t->cluster,
        .timeout_ms = t->export.timeout_ms,
        .response_limit = RESPONSE_LIMIT,
        .method = WEIR_SLICE("POST"),
        .target = t->url.target,
        .host = t->url.host,
        .body = slice_str(text),
        .fields = e->fields,
        .fields_n = t->headers.n + 1,
        .done = on_done,
        .ctx = e,
    };
    e->call = weir_call(e->tp->p, &o);
    free(text);
    if (!e->call)
        fail(e, NULL);
}
