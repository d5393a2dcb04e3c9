/* SPDX-License-Identifier: Apache-2.0 */
/* The object is made anew each time that one is asked for: a walk over the counters in shared
 * memory, and a call of each part. Nothing is kept between two. */
#include "control/show/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/show/overview_parts.h"
#include "control/show/process_usage.h"
#include "core/generation.h"

enum { US_PER_MS = 1000 };

void overview_init(struct overview *o, struct worker *w, const struct metrics *m,
                   struct slice instance)
{
    *o = (struct overview){.w = w, .metrics = m, .instance = instance};
}

void overview_add(struct overview *o, const struct overview_part *part)
{
    must(o->parts_n < OVERVIEW_PARTS);
    o->parts[o->parts_n++] = *part;
}

void overview_number(struct text *t, const char *key, uint64_t v)
{
    json_key(t, key);
    json_uint(t, v);
}

void overview_name(struct text *t, const char *key, struct slice s)
{
    json_key(t, key);
    if (s.n)
        json_slice(t, s);
    else
        json_raw(t, SLICE("null"));
}

/* -- what others say --------------------------------------------------------------------------- */

/* NULL: it was refused. Owned. */
static json_t *ask(const struct overview_part *p)
{
    const struct admin_request rq = {.method = METHOD_POST,
                                     .path = slice_str(p->row.path),
                                     .rest = slice_str(p->rest ? p->rest : ""),
                                     .content = slice_str(p->asked ? p->asked : "{}")};
    struct admin_answer out = {.status = 200};
    json_t *answer = NULL;

    if (!p->row.answer)
        return NULL;
    text_init(&out.body);
    p->row.answer(p->row.ctx, &rq, &out);
    if (out.status == 200 && out.body.n)
        answer = json_loadb(out.body.p, out.body.n, 0, NULL);
    text_fini(&out.body);
    if (!p->of)
        return answer;
    json_t *member = json_incref(json_object_get(answer, p->of));
    json_decref(answer);
    return member;
}

static void write_part(const struct overview_part *p, const json_t *said, struct text *t)
{
    char *json = said ? json_dumps(said, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    json_key(t, p->name);
    json_raw(t, slice_str(json ? json : p->without));
    free(json);
}

static const json_t *find_part(const struct overview *o, json_t *const *said, const char *name)
{
    for (size_t i = 0; i < o->parts_n; i++)
        if (strcmp(o->parts[i].name, name) == 0)
            return said[i];
    return NULL;
}

/* -- processes --------------------------------------------------------------------------------- */

static void write_usage(uint64_t pid, struct text *t)
{
    struct process_one u = {0};

    if (!process_usage_one("/proc", pid, &u))
        return;
    overview_number(t, "cpu_ms", u.cpu_us / US_PER_MS);
    overview_number(t, "resident", u.resident);
}

static void write_process(const struct process_sums *p, struct text *t)
{
    char name[32] = "control";

    if (p->worker)
        snprintf(name, sizeof name, "worker/%llu", (unsigned long long)p->worker - 1);
    json_open(t, '{');
    json_key(t, "process");
    json_str(t, name);
    overview_number(t, "slot", p->slot);
    overview_number(t, "pid", p->pid);
    overview_number(t, "generation", p->generation);
    json_key(t, "state");
    json_str(t, p->draining ? "draining" : "serving");
    if (p->worker) {
        overview_number(t, "requests", p->requests);
        overview_number(t, "active", p->active);
        overview_number(t, "connections", p->connections);
    }
    write_usage(p->pid, t);
    json_close(t, '}');
}

static void write_processes(const struct overview_view *v)
{
    struct text *t = v->t;

    json_key(t, "workers");
    json_open(t, '[');
    for (size_t i = 0; i < v->sums->processes_n; i++)
        write_process(&v->sums->processes[i], t);
    json_open(t, '{');
    json_key(t, "process");
    json_str(t, "master");
    overview_number(t, "pid", v->facts->master);
    overview_number(t, "generation", v->facts->generation);
    json_key(t, "state");
    json_str(t, "serving");
    write_usage(v->facts->master, t);
    json_close(t, '}');
    json_close(t, ']');
}

/* -- the whole --------------------------------------------------------------------------------- */

static void write_head(const struct overview_view *v, const bool *may_change)
{
    const struct overview *o = v->o;
    struct text *t = v->t;

    json_key(t, "version");
    json_str(t, o->metrics->version);
    overview_name(t, "instance", o->instance);
    overview_number(t, "now_ms", o->w->loop->clock.wall_us / US_PER_MS);
    overview_number(t, "started", v->facts->started_s);
    overview_number(t, "generation", v->facts->generation);
    overview_name(t, "file", o->w->g->config->file);
    if (may_change) {
        json_key(t, "may_change");
        json_bool(t, *may_change);
    }
    overview_number(t, "reloads", v->facts->reloads);
    overview_number(t, "reloads_failed", v->facts->reloads_failed);
    overview_number(t, "upgrades", v->facts->upgrades);
    overview_number(t, "restarts", v->facts->restarts);
}

static void write_bounds(const struct overview_view *v)
{
    json_key(v->t, "bounds_us");
    json_open(v->t, '[');
    for (size_t i = 0; i < v->bounds->n; i++)
        json_uint(v->t, v->bounds->us[i]);
    json_close(v->t, ']');
}

static void begin(struct overview_view *v, const struct overview *o, struct process_facts *f,
                  struct stats_sums *sums, struct text *t)
{
    const struct metrics *m = o->metrics;

    m->facts(m->facts_ctx, f);
    stats_sums_make(sums, o->w->g, m->shm, f->slots_n);
    *v = (struct overview_view){
        .o = o, .facts = f, .sums = sums, .bounds = stats_bounds(o->w->g->config), .t = t};
    json_open(t, '{');
}

static void end(struct overview_view *v, struct stats_sums *sums)
{
    json_close(v->t, '}');
    stats_sums_free(sums);
}

/* `may_change` NULL: it isn't for one reader alone. */
static void write_all(const struct overview *o, const bool *may_change, struct text *t)
{
    json_t *said[OVERVIEW_PARTS];
    struct process_facts f = {0};
    struct stats_sums sums;
    struct overview_view v;

    for (size_t i = 0; i < o->parts_n; i++)
        said[i] = ask(&o->parts[i]);
    begin(&v, o, &f, &sums, t);
    v.splits = find_part(o, said, "splits");
    write_head(&v, may_change);
    write_bounds(&v);
    write_processes(&v);
    overview_listeners(&v);
    overview_routes(&v);
    overview_write_clusters(&v, SLICE(""));
    for (size_t i = 0; i < o->parts_n; i++)
        write_part(&o->parts[i], said[i], t);
    end(&v, &sums);
    for (size_t i = 0; i < o->parts_n; i++)
        json_decref(said[i]);
}

void overview_make(void *ctx, struct text *t)
{
    write_all(ctx, NULL, t);
}

void overview_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    out->type = SLICE("application/json");
    write_all(ctx, &rq->may_change, &out->body);
    text_char(&out->body, '\n');
}

/* -- parts of it ------------------------------------------------------------------------------- */

void overview_workers(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct overview *o = ctx;
    struct process_facts f = {0};
    struct stats_sums sums;
    struct overview_view v;
    (void)rq;

    out->type = SLICE("application/json");
    begin(&v, o, &f, &sums, &out->body);
    overview_number(&out->body, "now_ms", o->w->loop->clock.wall_us / US_PER_MS);
    write_processes(&v);
    end(&v, &sums);
    text_char(&out->body, '\n');
}

/* False: the answer is a refusal. The name is part of *asked, which is to be freed. */
static bool read_only(const struct admin_request *rq, json_t **asked, struct slice *only,
                      struct admin_answer *out)
{
    json_t *j = *asked = admin_asked_object(rq, out);
    const json_t *name = json_object_get(j, "cluster");

    if (!j)
        return false;
    if (name && !json_is_string(name)) {
        admin_error(out, 400, "cluster", "the name of a cluster is a text");
        return false;
    }
    if (name)
        *only = slice_of(json_string_value(name), json_string_length(name));
    return true;
}

void overview_clusters(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct process_facts f = {0};
    struct slice only = {0};
    struct stats_sums sums;
    struct overview_view v;
    json_t *asked = NULL;

    if (read_only(rq, &asked, &only, out)) {
        out->type = SLICE("application/json");
        begin(&v, ctx, &f, &sums, &out->body);
        write_bounds(&v);
        const size_t n = overview_write_clusters(&v, only);
        end(&v, &sums);
        text_char(&out->body, '\n');
        if (only.n && !n)
            admin_error(out, 404, "cluster",
                        "there is no cluster \"%.*s\"; GET /v1/clusters lists "
                        "all",
                        only.n < 64 ? (int)only.n : 64, only.p);
    }
    json_decref(asked);
}
