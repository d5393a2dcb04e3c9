/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: whatever happens, each of the two that hold a flight lets go of it once, and the seat
 * is given back when the copy has ended, not when the comparison has: what is limited is the load
 * on the mirror. */
#include "mirror/flight.h"

#include <stdlib.h>

#include "mirror/sample_text.h"
#include "common/slice.h"

/* One response, kept in memory of its own. */
struct kept {
    bool there;
    struct outcome outcome;
    void *memory[2]; /* of the head, of the content */
};

struct flight {
    const struct mirror *m;
    struct mirror_process *mp;
    unsigned held; /* by the copy, by the exchange */
    uint64_t begun_us;
    struct kept primary, mirror;
    struct sample_about about;
    struct weir_job job;
    struct verdict verdict;
};

static void on_copy_ended(void *ctx, const struct weir_result *r);

static void count(const struct flight *f, enum mirror_count what)
{
    weir_count(f->mp->p, f->m->counters, what, 1);
}

static uint64_t since_begin(const struct flight *f)
{
    return weir_now_us(f->mp->p) - f->begun_us;
}

/* -- begin and end ---------------------------------------------------------------------------- */

static void note_about(struct flight *f, struct weir_exchange *x)
{
    sample_about_set(&f->about, weir_method(x), weir_path(x), weir_request_id(x),
                     weir_wall_us(f->mp->p));
}

static struct weir_call *start_copy(struct flight *f, struct weir_exchange *x)
{
    const struct mirror *m = f->m;
    return weir_shadow(x,
                       &(struct weir_call_options){
                           .cluster = m->cluster,
                           .timeout_ms = m->timeout_ms,
                           .request_limit = m->body_limit,
                           .response_limit = m->compare.present && compare_wants_content(&m->rules)
                                                 ? m->compare.body_limit
                                                 : 0,
                           .host = m->host,
                           .fields = m->fields,
                           .fields_n = m->fields_n,
                           .done = on_copy_ended,
                           .ctx = f,
                       });
}

struct flight *flight_start(struct weir_exchange *x, const struct mirror *m,
                            struct mirror_process *mp)
{
    struct flight *f = calloc(1, sizeof *f);
    if (f) {
        *f = (struct flight){.m = m, .mp = mp, .held = m->compare.present ? 2 : 1};
        f->begun_us = weir_now_us(mp->p);
        if (m->compare.present)
            note_about(f, x);
    }
    if (f && start_copy(f, x)) {
        count(f, COUNT_SENT);
        return f;
    }
    free(f);
    seats_give_back(m->seats, mp->seats[m->number]);
    weir_count(mp->p, m->counters, COUNT_DROPPED_MEMORY, 1);
    return NULL;
}

static void kept_free(struct kept *k)
{
    free(k->memory[0]);
    free(k->memory[1]);
}

static void flight_free(struct flight *f)
{
    kept_free(&f->primary);
    kept_free(&f->mirror);
    json_decref(f->verdict.list);
    free(f);
}

/* -- keeping a response ----------------------------------------------------------------------- */

/* Copies values into one piece of memory; false without memory. */
static bool keep_fields(struct kept *k, size_t n)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++)
        size += k->outcome.fields[i].n;
    char *at = k->memory[0] = malloc(size);
    for (size_t i = 0; at && i < n; i++) {
        struct weir_slice *v = &k->outcome.fields[i];
        if (!v->p)
            continue;
        v->p = v->n ? memcpy(at, v->p, v->n) : at;
        at += v->n;
    }
    return k->memory[0];
}

static bool keep_content(struct kept *k, struct weir_slice content)
{
    char *to = k->memory[1] = malloc(content.n + 1);
    if (!to)
        return false;
    k->outcome.content =
        (struct weir_slice){content.n ? memcpy(to, content.p, content.n) : to, content.n};
    return true;
}

/* -- comparing -------------------------------------------------------------------------------- */

static void work(struct weir_job *j)
{
    struct flight *f = (struct flight *)((char *)j - offsetof(struct flight, job));
    compare(&f->m->rules, &f->primary.outcome, &f->mirror.outcome, &f->verdict);
}

static void keep_sample(const struct flight *f)
{
    const struct mirror *m = f->m;
    char text[RING_TEXT];
    if (!m->ring)
        return;
    const size_t n = sample_text(&f->about, f->verdict.list, text, sizeof text);
    if (!ring_write(m->ring, (unsigned)m->compare.samples, weir_now_us(f->mp->p),
                    (struct weir_slice){text, n}))
        count(f, COUNT_SAMPLES_LOST);
}

static void conclude(struct weir_job *j)
{
    struct flight *f = (struct flight *)((char *)j - offsetof(struct flight, job));
    const unsigned differs = f->verdict.differs;
    count(f, j->refused ? COUNT_SKIPPED : COUNT_COMPARED);
    if (f->verdict.unread)
        count(f, COUNT_UNREAD);
    if (differs & DIFFERS_STATUS)
        count(f, COUNT_MISMATCHED_STATUS);
    if (differs & DIFFERS_FIELD)
        count(f, COUNT_MISMATCHED_HEADERS);
    if (differs & DIFFERS_CONTENT)
        count(f, COUNT_MISMATCHED_CONTENT);
    if (differs) {
        count(f, COUNT_MISMATCHED);
        keep_sample(f);
    }
    flight_free(f);
}

/* Both are there. Heads are compared at once; content, which may take long, elsewhere. */
static void begin_comparing(struct flight *f)
{
    if (f->m->compare.latency)
        delta_add(f->m->delta,
                  (int64_t)f->mirror.outcome.head_us - (int64_t)f->primary.outcome.head_us);
    f->job.work = work;
    f->job.done = conclude;
    if (compare_wants_content(&f->m->rules)) {
        weir_job_start(f->mp->p, &f->job);
    } else {
        work(&f->job);
        conclude(&f->job);
    }
}

static void let_go(struct flight *f)
{
    if (--f->held > 0)
        return;
    if (f->primary.there && f->mirror.there) {
        begin_comparing(f);
        return;
    }
    if (f->m->compare.present)
        count(f, COUNT_SKIPPED);
    flight_free(f);
}

/* -- the primary ------------------------------------------------------------------------------ */

void flight_primary_head(struct flight *f, struct weir_exchange *x)
{
    const struct compare_rules *r = &f->m->rules;
    struct kept *k = &f->primary;
    struct outcome *o = &k->outcome;
    free(k->memory[0]); /* a later head takes this one's place */
    o->status = weir_status(x);
    o->head_us = since_begin(f);
    o->json = compare_is_json(weir_field(x, WEIR_RESPONSE, &f->m->content_type),
                              weir_field(x, WEIR_RESPONSE, &f->m->content_encoding));
    for (size_t i = 0; i < r->fields_n; i++)
        o->fields[i] = weir_field(x, WEIR_RESPONSE, &r->fields[i]);
    k->there = keep_fields(k, r->fields_n);
    if (compare_wants_content(r))
        weir_keep(x, WEIR_TO_CLIENT, f->m->compare.body_limit);
}

void flight_primary(struct flight *f, struct weir_exchange *x)
{
    struct kept *k = &f->primary;
    if (weir_failure(x) || weir_own_answer(x) || weir_cluster_of(x) != f->m->baseline)
        k->there = false;
    if (k->there && compare_wants_content(&f->m->rules))
        k->there = keep_content(k, weir_kept(x, WEIR_TO_CLIENT, &k->outcome.whole));
    let_go(f);
}

/* -- the copy --------------------------------------------------------------------------------- */

static enum mirror_count end_of(const struct weir_result *r)
{
    switch (r->failure) {
    case WEIR_FAILURE_NONE:
        return COUNT_ANSWERED;
    case WEIR_FAILURE_TOO_LARGE:
        return COUNT_DROPPED_BODY;
    case WEIR_FAILURE_OVERLOAD:
        return COUNT_DROPPED_MEMORY;
    case WEIR_FAILURE_CLIENT:
    case WEIR_FAILURE_DRAIN:
        return COUNT_ABORTED;
    default:
        return COUNT_FAILED;
    }
}

static void keep_mirror(struct flight *f, const struct weir_result *r)
{
    const struct compare_rules *rules = &f->m->rules;
    struct outcome *o = &f->mirror.outcome;
    o->status = r->status;
    o->head_us = r->head_us;
    o->whole = r->whole;
    o->json = compare_is_json(weir_call_field(r->call, &f->m->content_type),
                              weir_call_field(r->call, &f->m->content_encoding));
    for (size_t i = 0; i < rules->fields_n; i++)
        o->fields[i] = weir_call_field(r->call, &rules->fields[i]);
    f->mirror.there = keep_fields(&f->mirror, rules->fields_n) && keep_content(&f->mirror, r->body);
}

static void on_copy_ended(void *ctx, const struct weir_result *r)
{
    struct flight *f = ctx;
    const enum mirror_count end = end_of(r);
    seats_give_back(f->m->seats, f->mp->seats[f->m->number]);
    count(f, end);
    if (f->m->compare.present && end == COUNT_ANSWERED)
        keep_mirror(f, r);
    let_go(f);
}
