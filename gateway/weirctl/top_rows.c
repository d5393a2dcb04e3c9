/* SPDX-License-Identifier: Apache-2.0 */
#include "weirctl/top_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "weirctl/answer.h"

static const struct top_column route_columns[] = {
    {"ROUTE", "routes, and their variants below them", TOP_TEXT, 20},
    {"SHARE", "what a variant should get by its weight", TOP_PERCENT, 7},
    {"REQ/S", "requests that have ended", TOP_RATE, 9},
    {"4XX/S", "with a status of 400 to 499", TOP_RATE, 8},
    {"5XX/S", "with a status of 500 or above", TOP_RATE, 8},
    {"P50", "half of them took no longer", TOP_US, 8},
    {"P99", "99 of 100 took no longer", TOP_US, 8},
    {"RETRY/S", "attempts after the first", TOP_RATE, 9},
};
static const struct top_column cluster_columns[] = {
    {"CLUSTER", "clusters, and their endpoints below them", TOP_TEXT, 18},
    {"STATE", "what keeps requests away from an endpoint", TOP_TEXT, 9},
    {"WGHT", "weight in force", TOP_COUNT, 6},
    {"REQ/S", "requests of a cluster, attempts of an endpoint", TOP_RATE, 8},
    {"5XX/S", "with a status of 500 or above", TOP_RATE, 8},
    {"FAIL/S", "attempts without a whole response", TOP_RATE, 8},
    {"P50", "half of them took no longer", TOP_US, 8},
    {"P99", "99 of 100 took no longer", TOP_US, 8},
    {"ACTIVE", "attempts under way", TOP_COUNT, 7},
};
static const struct top_column breaker_columns[] = {
    {"CIRCUIT", "whose circuit it is", TOP_TEXT, 22},
    {"STATE", "closed, open, half_open", TOP_TEXT, 10},
    {"MODE", "auto, or forced; disabled", TOP_TEXT, 9},
    {"CALLS", "in its window", TOP_COUNT, 8},
    {"FAILED", "of these", TOP_COUNT, 8},
    {"SLOW", "of these", TOP_COUNT, 7},
    {"OPENED", "how often it has opened", TOP_COUNT, 8},
    {"LEFT S", "until it looks again", TOP_COUNT, 8},
};
static const struct top_column worker_columns[] = {
    {"PROCESS", "as ps names it", TOP_TEXT, 14},
    {"PID", "", TOP_COUNT, 9},
    {"GEN", "number of its configuration", TOP_COUNT, 6},
    {"STATE", "serving, or draining for a new one", TOP_TEXT, 9},
    {"REQ/S", "requests that have ended", TOP_RATE, 9},
    {"ACTIVE", "requests under way", TOP_COUNT, 8},
    {"CONNS", "connections of clients", TOP_COUNT, 8},
    {"CPU", "of one processor", TOP_PERCENT, 7},
    {"MEMORY", "in use, shared memory included", TOP_BYTES, 9},
};
static const struct top_column event_columns[] = {
    {"TIME", "of this gateway's clock, in UTC", TOP_TEXT, 9},
    {"LEVEL", "", TOP_TEXT, 6},
    {"PROCESS", "that saw it", TOP_TEXT, 10},
    {"EVENT", "and what it is about", TOP_TEXT, 54},
};

const struct top_column *top_columns(enum top_view view, size_t *n)
{
    static const struct {
        const struct top_column *v;
        size_t n;
    } all[TOP_VIEWS] = {
        [TOP_ROUTES] = {route_columns, array_n(route_columns)},
        [TOP_CLUSTERS] = {cluster_columns, array_n(cluster_columns)},
        [TOP_BREAKERS] = {breaker_columns, array_n(breaker_columns)},
        [TOP_WORKERS] = {worker_columns, array_n(worker_columns)},
        [TOP_EVENTS] = {event_columns, array_n(event_columns)},
    };

    *n = all[view].n;
    return all[view].v;
}

static const char *text_at(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static double number_at(const json_t *o, const char *key)
{
    double v;

    return answer_number(o, key, &v) ? v : NAN;
}

static struct top_row *add_row(struct top_rows *r, const char *name, bool part)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->v = realloc(r->v, r->cap * sizeof *r->v);
        must(r->v);
    }
    struct top_row *row = &r->v[r->n];
    *row = (struct top_row){.part = part && r->n, .order = r->n};
    row->group = row->part ? row[-1].group : r->n;
    r->n++;
    for (size_t i = 0; i < TOP_CELLS; i++)
        row->cells[i].v = NAN;
    snprintf(row->name, sizeof row->name, "%s", name ? name : "-");
    return row;
}

/* What routes, variants and clusters have alike. */
static void set_us(struct top_cell *cells, const struct top_pair *p, const json_t *now,
                   const json_t *before)
{
    cells[0].v = top_share_us(p, &now, &before, 1, 0.5);
    cells[1].v = top_share_us(p, &now, &before, 1, 0.99);
}

/* -- routes ------------------------------------------------------------------------------------ */

static void add_traffic(struct top_rows *r, const struct top_pair *p, const char *name, bool part,
                        const json_t *now, const json_t *before)
{
    struct top_row *row = add_row(r, name, part);

    row->cells[2].v = top_rate(p, now, before, "requests");
    row->cells[3].v = top_rate_at(p, now, before, "status", 4);
    row->cells[4].v = top_rate_at(p, now, before, "status", 5);
    set_us(&row->cells[5], p, now, before);
    row->cells[7].v = top_rate(p, now, before, "retries");
    row->bad = row->cells[4].v > 0;
}

static void add_variants(struct top_rows *r, const struct top_pair *p, const json_t *route,
                         const json_t *before)
{
    const json_t *variant;
    size_t i;

    json_array_foreach(answer_list(route, "variants"), i, variant)
    {
        const json_t *was = top_find(answer_list(before, "variants"), "name", variant, i);
        add_traffic(r, p, text_at(variant, "name"), true, json_object_get(variant, "traffic"),
                    json_object_get(was, "traffic"));
        r->v[r->n - 1].cells[1].v = number_at(variant, "share") * 100;
    }
}

static void make_routes(struct top_rows *r, const struct top_pair *p)
{
    const json_t *route;
    size_t i;

    json_array_foreach(answer_list(p->now, "routes"), i, route)
    {
        const json_t *before = top_find(answer_list(p->before, "routes"), "name", route, i);
        add_traffic(r, p, text_at(route, "name"), false, json_object_get(route, "traffic"),
                    json_object_get(before, "traffic"));
        add_variants(r, p, route, before);
    }
    add_traffic(r, p, "(none)", false, json_object_get(p->now, "unrouted"),
                json_object_get(p->before, "unrouted"));
}

/* -- clusters ---------------------------------------------------------------------------------- */

static void add_endpoint(struct top_rows *r, const struct top_pair *p, const json_t *ep,
                         const json_t *before)
{
    struct top_row *row = add_row(r, text_at(ep, "name"), true);
    const char *state = text_at(ep, "state");

    row->cells[1].text = state;
    row->cells[2].v = number_at(ep, "weight");
    row->cells[3].v = top_rate(p, ep, before, "attempts");
    row->cells[4].v = top_rate_at(p, ep, before, "status", 5);
    row->cells[5].v = top_rate(p, ep, before, "failures");
    set_us(&row->cells[6], p, ep, before);
    row->cells[8].v = number_at(ep, "active");
    row->bad = state && strcmp(state, "ok") != 0;
}

static void add_cluster(struct top_rows *r, const struct top_pair *p, const json_t *cluster,
                        const json_t *before)
{
    const json_t *now = json_object_get(cluster, "traffic"),
                 *then = json_object_get(before, "traffic"), *ep;
    struct top_row *row = add_row(r, text_at(cluster, "name"), false);
    size_t i;

    row->cells[3].v = top_rate(p, now, then, "requests");
    row->cells[4].v = top_rate_at(p, now, then, "status", 5);
    set_us(&row->cells[6], p, now, then);
    json_array_foreach(answer_list(cluster, "endpoints"), i, ep)
        add_endpoint(r, p, ep, top_find(answer_list(before, "endpoints"), "name", ep, i));
}

static void make_clusters(struct top_rows *r, const struct top_pair *p)
{
    const json_t *cluster;
    size_t i;

    json_array_foreach(answer_list(p->now, "clusters"), i, cluster) add_cluster(
        r, p, cluster, top_find(answer_list(p->before, "clusters"), "name", cluster, i));
}

/* -- breakers ---------------------------------------------------------------------------------- */

static void add_circuit(struct top_rows *r, const json_t *breaker, const json_t *circuit)
{
    const char *route = text_at(breaker, "route"), *endpoint = text_at(circuit, "endpoint");
    const char *owner = route ? route : text_at(breaker, "cluster");
    static const char *const counts[] = {"calls", "failed", "slow", "openings"};
    char name[TOP_NAME];

    snprintf(name, sizeof name, "%s %s%s%s", route ? "route" : "cluster", owner ? owner : "-",
             endpoint ? " " : "", endpoint ? endpoint : "");
    struct top_row *row = add_row(r, name, false);
    row->cells[1].text = text_at(circuit, "state");
    row->cells[2].text =
        json_is_false(json_object_get(breaker, "enabled")) ? "disabled" : text_at(circuit, "mode");
    for (size_t i = 0; i < array_n(counts); i++)
        row->cells[3 + i].v = number_at(circuit, counts[i]);
    row->cells[7].v = ceil(number_at(circuit, "left_ms") / 1000);
    row->bad = row->cells[1].text && strcmp(row->cells[1].text, "closed") != 0;
}

static void make_breakers(struct top_rows *r, const struct top_pair *p)
{
    const json_t *breaker, *circuit;
    size_t i, k;

    json_array_foreach(answer_list(p->now, "breakers"), i, breaker)
    {
        json_array_foreach(answer_list(breaker, "circuits"), k, circuit)
            add_circuit(r, breaker, circuit);
    }
}

/* -- workers ----------------------------------------------------------------------------------- */

/* A slot goes on counting where the last process has ended; processor time is the process's own. */
static void add_process(struct top_rows *r, const struct top_pair *p, const json_t *now,
                        const json_t *before)
{
    struct top_row *row = add_row(r, text_at(now, "process"), false);
    const char *state = text_at(now, "state");

    row->cells[1].v = number_at(now, "pid");
    row->cells[2].v = number_at(now, "generation");
    row->cells[3].text = state;
    if (json_object_get(now, "requests"))
        row->cells[4].v = top_rate(p, now, before, "requests");
    row->cells[5].v = number_at(now, "active");
    row->cells[6].v = number_at(now, "connections");
    if (before && json_object_get(now, "cpu_ms"))
        row->cells[7].v = top_rate(p, now, before, "cpu_ms") / 10;
    row->cells[8].v = number_at(now, "resident");
    row->bad = state && strcmp(state, "serving") != 0;
}

static void make_workers(struct top_rows *r, const struct top_pair *p)
{
    const json_t *one;
    size_t i;

    json_array_foreach(answer_list(p->now, "workers"), i, one)
        add_process(r, p, one, top_find(answer_list(p->before, "workers"), "pid", one, i));
}

/* -- events ------------------------------------------------------------------------------------ */

/* A module's text is for people and says all; else the fields are what there is. */
static void fields_text(struct text *t, const json_t *event)
{
    json_t *fields = json_object_get(event, "fields"), *value;
    const bool said = json_is_string(json_object_get(fields, "text"));
    const char *key;

    text_str(t, text_at(event, "event"));
    json_object_foreach(fields, key, value)
    {
        if (said && strcmp(key, "text") != 0)
            continue;
        text_printf(t, said ? " " : " %s=", key);
        answer_add(t, fields, key);
    }
    if (text_at(event, "who"))
        text_printf(t, " by %s", text_at(event, "who"));
}

static void add_event(struct top_rows *r, const json_t *event)
{
    const double ms = number_at(event, "at_ms");
    const long long s = isnan(ms) ? 0 : (long long)(ms / 1000) % 86400;
    const char *level = text_at(event, "level");
    char when[TOP_NAME];

    snprintf(when, sizeof when, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    struct top_row *row = add_row(r, when, false);
    row->cells[1].text = level;
    row->cells[2].text = text_at(event, "process");
    row->cells[3].text = text_at(event, "shown");
    row->bad = level && strcmp(level, "info") != 0;
}

/* The newest first. What is about it is put together here, and kept with the event. */
static void make_events(struct top_rows *r, const json_t *events)
{
    const json_t *list = answer_list(events, "events");

    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *event = json_array_get(list, i);
        struct text t;
        text_init(&t);
        fields_text(&t, event);
        json_object_set_new(event, "shown", json_stringn_nocheck(t.p ? t.p : "", t.n));
        text_fini(&t);
        add_event(r, event);
    }
}

/* -- all --------------------------------------------------------------------------------------- */

void top_rows_make(struct top_rows *r, enum top_view view, const struct top_pair *p,
                   const json_t *events)
{
    *r = (struct top_rows){0};
    r->columns = top_columns(view, &r->columns_n);
    if (view == TOP_ROUTES)
        make_routes(r, p);
    else if (view == TOP_CLUSTERS)
        make_clusters(r, p);
    else if (view == TOP_BREAKERS)
        make_breakers(r, p);
    else if (view == TOP_WORKERS)
        make_workers(r, p);
    else
        make_events(r, events);
}

void top_rows_free(struct top_rows *r)
{
    free(r->v);
    *r = (struct top_rows){0};
}

/* Numbers: nothing comes last. Negative ones are durations beyond what is measured. */
static double weight_of(const struct top_cell *c)
{
    if (isnan(c->v))
        return -1;
    return c->v < 0 ? INFINITY : c->v;
}

struct sorting {
    const struct top_rows *rows;
    const struct top_row *heads; /* the rows as they were: group is an index of them */
    unsigned column;
    bool ascending;
};

static int compare_cells(const struct sorting *s, const struct top_row *a, const struct top_row *b)
{
    const struct top_cell *x = &a->cells[s->column], *y = &b->cells[s->column];
    int order;

    if (s->rows->columns[s->column].kind == TOP_TEXT)
        order = strcmp(x->text ? x->text : "", y->text ? y->text : "");
    else
        order = (weight_of(x) < weight_of(y)) - (weight_of(x) > weight_of(y));
    return s->ascending ? -order : order;
}

static int compare(const void *pa, const void *pb, void *ctx)
{
    const struct sorting *s = ctx;
    const struct top_row *a = pa, *b = pb;
    int order = 0;

    if (a->group != b->group)
        order = compare_cells(s, &s->heads[a->group], &s->heads[b->group]);
    else if (a->part && b->part)
        order = compare_cells(s, a, b);
    if (order)
        return order;
    return a->order < b->order ? -1 : a->order > b->order;
}

void top_rows_sort(struct top_rows *r, unsigned column, bool ascending)
{
    if (!column || column >= r->columns_n || !r->n)
        return;
    struct top_row *heads = malloc(r->n * sizeof *heads);
    must(heads);
    memcpy(heads, r->v, r->n * sizeof *heads);
    struct sorting s = {r, heads, column, ascending};
    qsort_r(r->v, r->n, sizeof *r->v, compare, &s);
    free(heads);
}
