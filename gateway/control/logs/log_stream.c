/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rings of the workers while somebody looks, fifty times a second, and gives each line to
 * those whose filter takes it. Lines of one worker keep their order; those of several are mixed as
 * they are found.
 *
 * What this costs is bounded by the rings: no more than they hold is read in one go. */

#include "control/logs/log_stream.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/logs/log_filter.h"
#include "core/log/live_log.h"
#include "core/stats/stats.h"
#include "http/query.h"
#include "io/shm.h"

enum {
    LOOK_MS = 20,
    LEASE_MS = 1500, /* workers write for this long after the last look */
};

struct viewer {
    struct list node;
    struct admin_stream *stream;
    struct log_filter *filter;
    uint64_t lost; /* that it hasn't been told of */
};

struct log_stream {
    struct loop *loop;
    const struct shm *shm;
    _Atomic uint64_t *until_ms;
    const _Atomic uint64_t *slots;
    struct timer look;
    struct list viewers;
    struct live_reader readers[STATS_SLOTS_MAX];
};

static void on_look(struct timer *t);

struct log_stream *log_stream_new(struct loop *lp, const struct shm *shm,
                                  _Atomic uint64_t *until_ms, const _Atomic uint64_t *slots)
{
    struct log_stream *s = calloc(1, sizeof *s);

    must(s);
    *s = (struct log_stream){.loop = lp, .shm = shm, .until_ms = until_ms, .slots = slots};
    list_init(&s->viewers);
    timer_init(&s->look, on_look);
    return s;
}

static void forget(struct viewer *v)
{
    list_remove(&v->node);
    log_filter_free(v->filter);
    free(v);
}

void log_stream_quiesce(struct log_stream *s)
{
    timer_stop(&s->look);
    list_each_safe (node, &s->viewers) {
        struct viewer *v = list_entry(node, struct viewer, node);
        admin_stream_end(v->stream);
        forget(v);
    }
}

void log_stream_free(struct log_stream *s)
{
    if (!s)
        return;
    timer_stop(&s->look);
    must(list_empty(&s->viewers));
    free(s);
}

/* -- the rings --------------------------------------------------------------------------------- */

static unsigned slots_n(const struct log_stream *s)
{
    const uint64_t n = atomic_load(s->slots);

    return n < STATS_SLOTS_MAX ? (unsigned)n : STATS_SLOTS_MAX;
}

static const struct live_ring *find_ring(const struct log_stream *s, unsigned slot)
{
    char key[32];
    size_t size;
    const int n = snprintf(key, sizeof key, "log/live/%u", slot);
    const void *ring = shm_find(s->shm, slice_of(key, (size_t)n), &size);

    return ring && size == sizeof(struct live_ring) ? ring : NULL;
}

/* A slot may get its ring later than others. */
static bool has_ring(struct log_stream *s, unsigned slot)
{
    struct live_reader *r = &s->readers[slot];

    if (!r->ring) {
        const struct live_ring *ring = find_ring(s, slot);
        if (ring)
            live_reader_begin(r, ring);
    }
    return r->ring;
}

static void say_lost(struct viewer *v)
{
    char line[48];
    const int n = snprintf(line, sizeof line, "{\"lost\":%llu}\n", (unsigned long long)v->lost);

    if (v->lost && admin_stream_send(v->stream, slice_of(line, (size_t)n)))
        v->lost = 0;
}

static void show_line(struct log_stream *s, struct slice line)
{
    json_t *o = json_loadb(line.p, line.n, 0, NULL);

    list_each (node, &s->viewers) {
        struct viewer *v = list_entry(node, struct viewer, node);
        if (!o || !log_filter_takes(v->filter, o))
            continue;
        say_lost(v);
        if (v->lost || !admin_stream_send(v->stream, line))
            v->lost++;
    }
    json_decref(o);
}

static void look_at(struct log_stream *s, unsigned slot)
{
    struct text lines;
    uint64_t lost = 0;

    text_init(&lines);
    live_reader_take(&s->readers[slot], &lines, &lost);
    list_each (node, &s->viewers)
        list_entry(node, struct viewer, node)->lost += lost;
    for (struct slice rest = text_slice(&lines); rest.n;) {
        const size_t n = slice_find(rest, '\n') + 1;
        show_line(s, slice_of(rest.p, n < rest.n ? n : rest.n));
        rest = slice_from(rest, n);
    }
    text_fini(&lines);
}

static void renew(struct log_stream *s)
{
    atomic_store(s->until_ms, clock_ms(&s->loop->clock) + LEASE_MS);
}

static void on_look(struct timer *t)
{
    struct log_stream *s = container_of(t, struct log_stream, look);

    if (list_empty(&s->viewers))
        return; /* the lease runs out */
    renew(s);
    for (unsigned slot = 0; slot < slots_n(s); slot++)
        if (has_ring(s, slot))
            look_at(s, slot);
    list_each (node, &s->viewers)
        say_lost(list_entry(node, struct viewer, node));
    timer_start(s->loop, t, LOOK_MS);
}

/* The first one to look: what lies in the rings is of others who looked before. */
static void begin(struct log_stream *s)
{
    for (unsigned slot = 0; slot < STATS_SLOTS_MAX; slot++)
        s->readers[slot] = (struct live_reader){0};
    for (unsigned slot = 0; slot < slots_n(s); slot++)
        (void)has_ring(s, slot);
    renew(s);
    timer_start(s->loop, &s->look, LOOK_MS);
}

/* -- requests ---------------------------------------------------------------------------------- */

static void on_gone(void *ctx)
{
    forget(ctx);
}

static struct log_filter *filter_of(struct slice text, struct admin_answer *out)
{
    struct text fault;

    text_init(&fault);
    struct log_filter *f = log_filter_parse(text, &fault);
    if (!f)
        admin_error(out, 400, "filter", "%.*s", (int)fault.n, fault.p);
    text_fini(&fault);
    return f;
}

static struct log_filter *filter_in_content(struct slice content, struct admin_answer *out)
{
    json_t *o = json_loadb(content.p ? content.p : "", content.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *text = json_object_get(o, "filter");
    struct log_filter *f = NULL;

    if (!json_is_object(o))
        admin_error(out, 400, NULL, "the content is no JSON object, such as {\"filter\": \"\"}");
    else if (text && !json_is_string(text))
        admin_error(out, 400, "filter", "a filter is a text, such as \"status>=500\"");
    else
        f = filter_of(
            text ? slice_of(json_string_value(text), json_string_length(text)) : SLICE(""), out);
    json_decref(o);
    return f;
}

static struct log_filter *filter_in_query(struct slice query, struct admin_answer *out)
{
    struct slice text = {0};
    struct arena a;

    arena_init(&a, NULL, 0);
    (void)query_find(query, SLICE("filter"), &a, &text);
    struct log_filter *f = filter_of(text, out);
    arena_fini(&a);
    return f;
}

void log_stream_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct log_stream *s = ctx;
    struct log_filter *f = rq->method == METHOD_POST ? filter_in_content(rq->content, out)
                                                     : filter_in_query(rq->query, out);

    if (!f)
        return;
    struct viewer *v = calloc(1, sizeof *v);
    must(v);
    v->filter = f;
    v->stream = admin_stream_open(rq, out, SLICE("application/x-ndjson"), on_gone, v);
    list_init(&v->node);
    if (!v->stream) {
        forget(v);
        return;
    }
    if (list_empty(&s->viewers))
        begin(s);
    list_push(&s->viewers, &v->node);
}
