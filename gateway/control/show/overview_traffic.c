/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, as JSON: of listeners, routes, their variants, clusters and endpoints. */
#include "control/show/overview_parts.h"

#include <stdio.h>

#include "core/generation.h"
#include "core/stats/stats_module.h"

static void write_counts(struct text *t, const char *key, const uint64_t *v, size_t n)
{
    json_key(t, key);
    json_open(t, '[');
    for (size_t i = 0; i < n; i++)
        json_uint(t, v[i]);
    json_close(t, ']');
}

/* A histogram always has one count more than there are bounds. */
static void write_latency(const struct overview_view *v, const struct histogram *h)
{
    write_counts(v->t, "latency", h->bucket, v->bounds->n + 1);
    overview_number(v->t, "latency_sum_us", h->sum_us);
}

static void write_traffic(const struct overview_view *v, const char *key,
                          const struct traffic_stats *s)
{
    struct text *t = v->t;

    json_key(t, key);
    json_open(t, '{');
    overview_number(t, "requests", s->requests);
    overview_number(t, "request_bytes", s->request_bytes);
    overview_number(t, "response_bytes", s->response_bytes);
    write_counts(t, "status", s->status, array_n(s->status));
    overview_number(t, "retries", s->retries);
    overview_number(t, "retries_refused", s->retries_refused);
    overview_number(t, "hedges", s->hedges);
    overview_number(t, "hedges_won", s->hedges_won);
    write_latency(v, &s->latency);
    json_close(t, '}');
}

/* -- listeners --------------------------------------------------------------------------------- */

static void write_listener(const struct overview_view *v, size_t i)
{
    const struct config *c = v->o->w->g->config;
    const struct listener_conf *lc = &c->listeners[i];
    const struct listener_stats *s = &v->sums->listeners[i];
    char bind[ADDR_TEXT_MAX];
    struct text *t = v->t;

    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, lc->name);
    json_key(t, "bind");
    json_slice(t, slice_of(bind, addr_print(&lc->bind, bind)));
    json_key(t, "tls");
    json_bool(t, v->o->w->g->tls_servers && v->o->w->g->tls_servers[i]);
    overview_number(t, "connections", s->active);
    overview_number(t, "accepted", s->accepted);
    overview_number(t, "requests", s->requests);
    if (v->sums->flows)
        write_counts(t, "flows", &v->sums->flows[i * (c->routes_n + 1)], c->routes_n + 1);
    json_close(t, '}');
}

void overview_listeners(const struct overview_view *v)
{
    json_key(v->t, "listeners");
    json_open(v->t, '[');
    for (size_t i = 0; i < v->o->w->g->config->listeners_n; i++)
        write_listener(v, i);
    json_close(v->t, ']');
}

/* -- routes ------------------------------------------------------------------------------------ */

static bool is_text(const json_t *j, struct slice s)
{
    return json_is_string(j) && slice_eq(slice_of(json_string_value(j), json_string_length(j)), s);
}

static const json_t *find_named(const json_t *list, const char *key, struct slice name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (is_text(json_object_get(one, key), name)) return one;
    return NULL;
}

/* What the canary says of it, where it is one's: other modules have variants as well. */
static void write_weight(const struct overview_view *v, const json_t *variant)
{
    static const char *const keys[] = {"weight", "share"};

    if (!variant)
        return;
    json_key(v->t, "cluster");
    json_str(v->t, json_string_value(json_object_get(variant, "cluster")));
    for (size_t i = 0; i < array_n(keys); i++) {
        char number[40];
        const json_t *n = json_object_get(variant, keys[i]);
        if (!json_is_number(n))
            continue;
        json_key(v->t, keys[i]);
        snprintf(number, sizeof number, "%.15g", json_number_value(n));
        json_raw(v->t, slice_str(number));
    }
}

static void write_variants(const struct overview_view *v, struct slice route)
{
    const struct module_plan *mp = v->o->w->g->modules;
    const json_t *split = find_named(v->splits, "route", route);

    json_key(v->t, "variants");
    json_open(v->t, '[');
    for (uint32_t i = 0; mp && i < mp->variants_n; i++) {
        const struct weir_variant *variant = mp->variants[i];
        if (!slice_eq(variant->route, route))
            continue;
        json_open(v->t, '{');
        json_key(v->t, "name");
        json_slice(v->t, variant->name);
        write_weight(v, find_named(json_object_get(split, "variants"), "name", variant->name));
        write_traffic(v, "traffic", &v->sums->variants[i]);
        json_close(v->t, '}');
    }
    json_close(v->t, ']');
}

static void write_route(const struct overview_view *v, size_t i)
{
    const struct route_conf *rc = &v->o->w->g->config->routes[i];
    struct text *t = v->t;

    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, rc->name);
    json_key(t, "ends_in");
    json_str(t, action_word(rc));
    if (rc->action == ACTION_CLUSTER && rc->cluster.n) {
        json_key(t, "cluster");
        json_slice(t, rc->cluster);
    }
    write_traffic(v, "traffic", &v->sums->routes[i]);
    write_variants(v, rc->name);
    json_close(t, '}');
}

void overview_routes(const struct overview_view *v)
{
    const size_t n = v->o->w->g->config->routes_n;

    write_traffic(v, "unrouted", &v->sums->routes[n]);
    json_key(v->t, "routes");
    json_open(v->t, '[');
    for (size_t i = 0; i < n; i++)
        write_route(v, i);
    json_close(v->t, ']');
}

/* -- clusters ---------------------------------------------------------------------------------- */

/* The gravest first: who keeps all requests away. */
static const char *state_of(const struct endpoint *ep, enum endpoint_health health, uint64_t now_us)
{
    const struct endpoint_cell *cell = ep->cluster->cell;

    if (endpoint_draining(cell, ep->slot, now_us))
        return "draining";
    if (health == HEALTH_DOWN)
        return "down";
    if (endpoint_share(ep->cluster->arrays, ep->slot) == 0)
        return "ejected";
    if (health == HEALTH_PENDING)
        return "pending";
    return endpoint_degraded(cell, ep->slot, now_us) ? "degraded" : "ok";
}

static void write_share(struct text *t, uint32_t millionths)
{
    char number[16];

    snprintf(number, sizeof number, "%g", (double)millionths / SHARE_ALL);
    json_key(t, "share");
    json_raw(t, slice_str(number));
}

static void write_attempts(const struct overview_view *v, const struct endpoint_stats *s)
{
    static const struct endpoint_stats none;
    struct text *t = v->t;

    if (!s)
        s = &none;
    overview_number(t, "attempts", s->attempts);
    overview_number(t, "failures", s->failures);
    overview_number(t, "active", s->active);
    overview_number(t, "connections", s->open);
    write_counts(t, "status", s->status, array_n(s->status));
    write_latency(v, &s->latency);
}

static void write_endpoint(const struct overview_view *v, const struct endpoint *ep, size_t cluster)
{
    static const char *const healths[] = {[HEALTH_UNKNOWN] = "unknown",
                                          [HEALTH_UP] = "up",
                                          [HEALTH_DOWN] = "down",
                                          [HEALTH_PENDING] = "pending"};
    const enum endpoint_health health = endpoint_health(ep->cluster->cell, ep->slot);
    struct endpoint_stats **rows = v->sums->endpoints[cluster];
    struct text *t = v->t;

    json_open(t, '{');
    json_key(t, "name");
    json_str(t, ep->name);
    json_key(t, "health");
    json_str(t, healths[health]);
    json_key(t, "state");
    json_str(t, state_of(ep, health, v->o->w->loop->clock.mono_us));
    overview_number(t, "weight", ep->base);
    if (ep->base != ep->configured)
        overview_number(t, "file_weight", ep->configured);
    write_share(t, endpoint_share(ep->cluster->arrays, ep->slot));
    write_attempts(v, rows ? rows[ep->row] : NULL);
    json_close(t, '}');
}

static void write_cluster(const struct overview_view *v, size_t i)
{
    struct cluster *cl = &v->o->w->clusters[i];
    struct text *t = v->t;

    cluster_follow(cl);
    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, cl->conf->place.name);
    write_traffic(v, "traffic", &v->sums->clusters[i]);
    overview_number(t, "endpoints_n", cl->n);
    json_key(t, "endpoints");
    json_open(t, '[');
    for (size_t j = 0; cl->n <= OVERVIEW_ENDPOINTS && j < cl->n; j++)
        write_endpoint(v, cl->endpoints[j], i);
    json_close(t, ']');
    json_close(t, '}');
}

size_t overview_write_clusters(const struct overview_view *v, struct slice only)
{
    const struct config *c = v->o->w->g->config;
    size_t n = 0;

    json_key(v->t, "clusters");
    json_open(v->t, '[');
    for (size_t i = 0; i < c->clusters_n; i++) {
        if (only.n && !slice_eq(c->clusters[i].place.name, only))
            continue;
        write_cluster(v, i);
        n++;
    }
    json_close(v->t, ']');
    return n;
}
