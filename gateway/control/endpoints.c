/* SPDX-License-Identifier: Apache-2.0 */
/* From a path, or a JSON object, to an endpoint and its slot, and back to JSON. */
#include "control/endpoints.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/event.h"
#include "control/decide.h"
#include "control/health/health.h"

enum { NAMES_MAX = 256, SHOWN_MAX = 64, MILLION = 1000000 };

void endpoints_init(struct endpoints *e, struct worker *w, const struct health *health)
{
    *e = (struct endpoints){.w = w, .health = health};
}

static uint32_t index_of(const struct cluster *cl)
{
    return (uint32_t)cl->conf->place.index;
}

/* -- showing ----------------------------------------------------------------------------------- */

static void show_check(const struct endpoints *e, const struct endpoint *ep, struct text *t)
{
    const struct health_facts f =
        health_facts(e->health, index_of(ep->cluster), slice_str(ep->name));
    if (f.followed) {
        json_key(t, "checked_by");
        json_str(t, "fleet");
    }
    if (!f.checked || !f.any)
        return;
    const uint64_t now_ms = clock_ms(&e->w->loop->clock);
    json_key(t, "check");
    json_open(t, '{');
    json_key(t, "result");
    json_str(t, health_result_word(f.result));
    json_key(t, "status");
    json_int(t, f.status);
    json_key(t, "ago_ms");
    json_uint(t, now_ms - f.ended_ms);
    json_key(t, "passed_in_row");
    json_uint(t, f.passed);
    json_key(t, "failed_in_row");
    json_uint(t, f.failed);
    json_close(t, '}');
}

static const char *word_of(const struct endpoint_cell *cell, uint32_t slot, uint64_t now_us)
{
    if (slot < cell->capacity && atomic_load(&cell->slots[slot].draining_until_us) > now_us)
        return "drain";
    return endpoint_degraded(cell, slot, now_us) ? "degraded" : "ok";
}

static bool is_drained(const struct endpoint *ep)
{
    const struct endpoint_cell *cell = ep->cluster->cell;
    return ep->slot < cell->capacity && atomic_load(&cell->slots[ep->slot].drained);
}

static void show_endpoint(const struct endpoints *e, const struct endpoint *ep, struct text *t)
{
    static const char *const healths[] = {[HEALTH_UNKNOWN] = "unknown",
                                          [HEALTH_UP] = "up",
                                          [HEALTH_DOWN] = "down",
                                          [HEALTH_PENDING] = "pending"};
    const struct endpoint_cell *cell = ep->cluster->cell;
    json_open(t, '{');
    json_key(t, "name");
    json_str(t, ep->name);
    json_key(t, "weight");
    json_uint(t, ep->base);
    if (ep->base != ep->configured) {
        json_key(t, "file_weight");
        json_uint(t, ep->configured);
    }
    json_key(t, "health");
    json_str(t, healths[endpoint_health(cell, ep->slot)]);
    json_key(t, "drained");
    json_bool(t, is_drained(ep));
    json_key(t, "says");
    json_str(t, word_of(cell, ep->slot, e->w->loop->clock.mono_us));
    json_key(t, "share_millionths");
    json_uint(t, endpoint_share(ep->cluster->arrays, ep->slot));
    show_check(e, ep, t);
    json_close(t, '}');
}

void endpoints_write(const struct endpoints *e, struct cluster *cl, struct text *t)
{
    cluster_follow(cl);
    json_open(t, '[');
    for (size_t i = 0; i < cl->n; i++)
        show_endpoint(e, cl->endpoints[i], t);
    json_close(t, ']');
}

static void show_cluster(const struct endpoints *e, struct cluster *cl, struct text *t)
{
    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, cl->conf->place.name);
    json_key(t, "endpoints");
    endpoints_write(e, cl, t);
    json_close(t, '}');
}

/* All, or the one. */
static void show(const struct endpoints *e, struct cluster *only, struct admin_answer *out)
{
    struct text *t = &out->body;
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "clusters");
    json_open(t, '[');
    for (size_t i = 0; i < e->w->g->config->clusters_n; i++)
        if (!only || only == &e->w->clusters[i])
            show_cluster(e, &e->w->clusters[i], t);
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}

/* -- finding ----------------------------------------------------------------------------------- */

static int shown(struct slice name)
{
    return name.n < SHOWN_MAX ? (int)name.n : SHOWN_MAX;
}

static void not_found(struct admin_answer *out, const char *field, const char *what,
                      struct slice name, const char *const *names)
{
    const char *near = nearest_name(name, names);
    admin_error(out, 404, field, "there is no %s \"%.*s\"%s%s%s", what, shown(name),
                name.p ? name.p : "", near ? "; did you mean \"" : "", near ? near : "",
                near ? "\"?" : "; GET /v1/clusters lists all");
}

static struct cluster *find_cluster(const struct endpoints *e, struct slice name,
                                    struct admin_answer *out)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    const struct config *c = e->w->g->config;
    for (size_t i = 0; i < c->clusters_n; i++) {
        if (slice_eq(c->clusters[i].place.name, name))
            return &e->w->clusters[i];
        if (i < NAMES_MAX)
            names[i] = c->clusters[i].place.name.p;
    }
    not_found(out, "cluster", "cluster", name, names);
    return NULL;
}

static struct endpoint *find_endpoint(struct cluster *cl, struct slice name,
                                      struct admin_answer *out)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    cluster_follow(cl);
    for (size_t i = 0; i < cl->n; i++) {
        if (slice_eq(slice_str(cl->endpoints[i]->name), name))
            return cl->endpoints[i];
        if (i < NAMES_MAX)
            names[i] = cl->endpoints[i]->name;
    }
    not_found(out, "endpoint", "endpoint of this cluster called", name, names);
    return NULL;
}

/* -- changing ---------------------------------------------------------------------------------- */

size_t endpoints_left(const struct endpoints *e, const struct cluster *cl)
{
    size_t n = 0;
    for (size_t i = 0; i < cl->n; i++)
        n += cl->endpoints[i]->base &&
             !endpoint_draining(cl->cell, cl->endpoints[i]->slot, e->w->loop->clock.mono_us);
    return n;
}

static void drain(const struct endpoints *e, struct endpoint *ep, bool on, struct admin_answer *out)
{
    struct cluster *cl = ep->cluster;
    struct text *t = &out->body;
    const bool changed = is_drained(ep) != on;
    endpoint_drain_set(cl->cell, ep->slot, on);
    if (changed)
        event_info(on ? "endpoint_drained" : "endpoint_undrained",
                   KV_SLICE("cluster", cl->conf->place.name), KV("endpoint", ep->name),
                   KV_INT("left", endpoints_left(e, cl)));
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "cluster");
    json_slice(t, cl->conf->place.name);
    json_key(t, "endpoint");
    json_str(t, ep->name);
    json_key(t, "drained");
    json_bool(t, on);
    json_key(t, "changed");
    json_bool(t, changed);
    json_key(t, "left");
    json_uint(t, endpoints_left(e, cl));
    json_close(t, '}');
    text_char(t, '\n');
}

static struct slice text_of(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
                             : slice_of(NULL, 0);
}

enum endpoint_action { DRAIN, UNDRAIN, WEIGHT, ACTIONS_N };

/* What an operator may do with an endpoint, and the decision that it is for a fleet. */
static const struct {
    const char *word, *sets, *path;
} actions[ACTIONS_N] = {
    [DRAIN] = {"drain", "drained", "/v1/endpoints/drain"},
    [UNDRAIN] = {"undrain", "drained", "/v1/endpoints/undrain"},
    [WEIGHT] = {"weight", "weight", "/v1/endpoints/weight"},
};

/* False: it is none. */
static bool parse_action(struct slice word, enum endpoint_action *out)
{
    for (int i = 0; i < ACTIONS_N; i++)
        if (slice_eq(word, slice_str(actions[i].word))) {
            *out = (enum endpoint_action)i;
            return true;
        }
    return false;
}

static void act(const struct endpoints *e, struct endpoint *ep, const json_t *asked,
                enum endpoint_action action, struct admin_answer *out)
{
    if (ep->slot >= ep->cluster->cell->capacity)
        admin_error(out, 409, NULL,
                    "there was no room to keep the state of this endpoint; raise "
                    "dns.capacity of its cluster");
    else if (action == WEIGHT)
        endpoints_weigh(e, ep, json_object_get(asked, "weight"), out);
    else
        drain(e, ep, action == DRAIN, out);
}

/* What the configuration says is in force again: nobody is drained by it. */
static void undo(const struct endpoints *e, struct endpoint *ep, enum endpoint_action action,
                 struct admin_answer *out)
{
    if (action == WEIGHT)
        endpoints_weigh(e, ep, json_null(), out);
    else
        drain(e, ep, action == UNDRAIN, out);
}

/* What the file says of this one: its weight, if it is by its address that the file names it; and
 * else that there is its cluster. Being undrained overrides nothing. */
static const char *const *settings_of(const struct endpoint *ep, enum endpoint_action action)
{
    static const char *const weight[] = {"clusters.{cluster}.endpoints.{endpoint}:weight=1",
                                         "clusters.{cluster}:", NULL};
    const struct endpoint_conf *conf = ep ? ep->conf : NULL;
    if (action == UNDRAIN)
        return NULL;
    return action == WEIGHT && conf && slice_eq(conf->address, slice_str(ep->name)) ? weight
                                                                                    : weight + 1;
}

/* {"cluster", "endpoint", "fleet"}, and what the action needs. */
static void change(const struct endpoints *e, const struct admin_request *rq, const json_t *asked,
                   enum endpoint_action action, struct admin_answer *out)
{
    static const char *const of[] = {"cluster", "endpoint", NULL};
    if (!admin_may_change(rq, out))
        return;
    struct cluster *cl = find_cluster(e, text_of(asked, "cluster"), out);
    struct endpoint *ep = cl ? find_endpoint(cl, text_of(asked, "endpoint"), out) : NULL;
    const struct decide_what what = {
        .module = "endpoint",
        .sets = actions[action].sets,
        .of = of,
        .path = slice_str(actions[action].path),
        .settings = settings_of(ep, action),
        .overrides = e->overrides,
    };
    char says[ENDPOINT_SAYS_MAX];
    struct deciding d;
    if (ep && rq->how == ADMIN_UNDO) {
        undo(e, ep, action, out);
        return;
    }
    if (ep && rq->how == ADMIN_AGAIN) {
        act(e, ep, asked, action, out);
        return;
    }
    if (!ep || !decide_begin(&d, e->decider, &what, rq, asked, out))
        return;
    act(e, ep, asked, action, out);
    if (action == WEIGHT) {
        d.filed = ep->base == ep->configured;
        d.says = endpoints_weight_says(ep, says);
    }
    if (out->status == 200)
        decide_end(&d, SLICE(""), out);
}

/* -- what is asked for ------------------------------------------------------------------------- */

void endpoints_all(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)rq;
    show(ctx, NULL, out);
}

static void set_text(json_t *j, const char *key, struct slice s)
{
    json_object_set_new(j, key, json_stringn(s.p ? s.p : "", s.n));
}

/* The last "/" ends the endpoint: a unix socket has some, too. */
static void change_by_path(const struct endpoints *e, const struct admin_request *rq,
                           struct slice cluster, struct slice rest, struct admin_answer *out)
{
    size_t end = rest.n;
    enum endpoint_action action;
    while (end && rest.p[end - 1] != '/')
        end--;
    if (!end || !parse_action(slice_from(rest, end), &action)) {
        admin_error(out, 404, NULL,
                    "POST /v1/clusters/NAME/endpoints/ENDPOINT/drain, .../undrain or .../weight");
        return;
    }
    json_t *j = admin_asked_object(rq, out);
    if (!j)
        return;
    set_text(j, "cluster", cluster);
    set_text(j, "endpoint", slice_of(rest.p, end - 1));
    change(e, rq, j, action, out);
    json_decref(j);
}

void endpoints_of_cluster(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct endpoints *e = ctx;
    struct slice rest = rq->rest;
    const struct slice cluster = slice_cut(&rest, '/');
    const struct slice what = slice_cut(&rest, '/');
    if (!slice_eq(what, SLICE("endpoints"))) {
        admin_error(out, 404, NULL, "/v1/clusters/NAME/endpoints is what there is");
    } else if (rq->method == METHOD_POST) {
        change_by_path(e, rq, cluster, rest, out);
    } else if (rest.n) {
        admin_error(out, 405, NULL,
                    "an endpoint is only changed; the list of the cluster shows it");
    } else {
        struct cluster *cl = find_cluster(e, cluster, out);
        if (cl)
            show(e, cl, out);
    }
}

static void run(const struct endpoints *e, const struct admin_request *rq, const json_t *j,
                struct admin_answer *out)
{
    const struct slice cluster = text_of(j, "cluster");
    enum endpoint_action action;
    if (slice_eq(rq->rest, SLICE("list"))) {
        struct cluster *cl = cluster.n ? find_cluster(e, cluster, out) : NULL;
        if (cl || !cluster.n)
            show(e, cl, out);
    } else if (!parse_action(rq->rest, &action)) {
        admin_error(out, 404, NULL, "there are: list, drain, undrain, weight");
    } else {
        change(e, rq, j, action, out);
    }
}

void endpoints_command(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    json_t *j = admin_asked_object(rq, out);
    if (j)
        run(ctx, rq, j, out);
    json_decref(j);
}
