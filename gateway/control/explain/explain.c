/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one request, written as JSON in the order in which the gateway decides. */
#include "control/explain/explain.h"

#include <stdlib.h>
#include <string.h>

#include "core/generation.h"
#include "core/module/explain.h"

enum { OTHER_HOSTS_SHOWN = 20, MILLION = 1000000 };

void explain_init(struct explain *e, struct worker *w, const struct endpoints *endpoints)
{
    *e = (struct explain){.w = w, .endpoints = endpoints};
}

/* -- the door ---------------------------------------------------------------------------------- */

static void write_door(const struct explain_request *r, const struct listener_conf *lc,
                       struct text *t)
{
    char bind[ADDR_TEXT_MAX];
    json_key(t, "listener");
    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, lc->name);
    json_key(t, "bind");
    json_slice(t, slice_of(bind, addr_print(&lc->bind, bind)));
    json_key(t, "tls");
    json_bool(t, lc->tls.certificates_n > 0);
    json_close(t, '}');
    json_key(t, "method");
    json_slice(t, r->method);
    json_key(t, "host");
    json_slice(t, r->host.name);
    json_key(t, "path");
    json_slice(t, r->target.path);
    json_key(t, "query");
    json_slice(t, r->target.query);
}

/* -- routes ------------------------------------------------------------------------------------ */

static void write_miss(const struct route_miss *m, struct text *t)
{
    json_key(t, "miss");
    json_open(t, '{');
    json_key(t, "condition");
    json_str(t, m->what);
    if (m->name.n) {
        json_key(t, "name");
        json_slice(t, m->name);
    }
    if (m->form) {
        json_key(t, "form");
        json_str(t, m->form);
    }
    if (m->wanted.n) {
        json_key(t, "wanted");
        json_slice(t, m->wanted);
    }
    json_key(t, "found");
    if (m->present)
        json_slice(t, m->found);
    else
        json_str(t, NULL);
    json_close(t, '}');
}

/* The route that is taken, and by what it ranks before another one that matches. */
static void write_route(const struct router *router, const struct route_look *look,
                        const struct route_look *taken, struct text *t)
{
    const bool is_taken = look->route == taken->route;
    json_open(t, '{');
    json_key(t, "name");
    json_slice(t, look->route->name);
    json_key(t, "place");
    json_slice(t, look->route->place);
    json_key(t, "verdict");
    json_str(t, is_taken ? "taken" : look->miss.what ? "no" : "outranked");
    if (look->miss.what)
        write_miss(&look->miss, t);
    if (is_taken) {
        json_key(t, "host");
        json_slice(t, look->host);
    } else if (!look->miss.what) {
        json_key(t, "by");
        json_str(t, route_outranks(router, taken, look));
    }
    json_close(t, '}');
}

static bool is_other_host(const struct route_look *look)
{
    return look->miss.what && !strcmp(look->miss.what, "host");
}

/* Routes of other hosts are many and say little. */
static void write_routes(struct explain *e, const struct route_query *q,
                         const struct route_look *taken, struct text *t)
{
    const struct router *router = e->w->g->router;
    size_t shown = 0, others = 0, left_out = 0;
    json_key(t, "routes");
    json_open(t, '[');
    for (size_t i = 0; i < router_routes_n(router); i++) {
        struct route_look look;
        route_look(router, e->w->scratch, q, i, &look);
        const bool show =
            look.route == taken->route ||
            (shown < EXPLAIN_ROUTES && (!is_other_host(&look) || others++ < OTHER_HOSTS_SHOWN));
        if (show)
            write_route(router, &look, taken, t);
        shown += show;
        left_out += !show;
    }
    json_close(t, ']');
    json_key(t, "routes_left_out");
    json_uint(t, left_out);
}

/* -- where it ends ----------------------------------------------------------------------------- */

static void write_ms(struct text *t, const char *key, uint64_t ms)
{
    json_key(t, key);
    json_uint(t, ms);
}

/* 0: no limit. */
static void write_timeouts(const struct route_conf *rc, const struct listener_conf *lc,
                           struct text *t)
{
    json_key(t, "timeouts_ms");
    json_open(t, '{');
    write_ms(t, "request", rc->timeout == UINT64_MAX ? lc->timeouts.request : rc->timeout);
    write_ms(t, "body_idle", lc->timeouts.body_idle);
    json_close(t, '}');
    json_key(t, "body_size");
    json_uint(t, rc->body_size == UINT64_MAX ? lc->limits.body_size : rc->body_size);
}

static void write_end(const struct route_conf *rc, struct text *t)
{
    json_key(t, "ends_in");
    json_str(t, action_word(rc));
    if (rc->action == ACTION_CLUSTER || rc->action == ACTION_MODULE)
        return;
    json_key(t, "status");
    json_int(t, rc->action == ACTION_REDIRECT ? rc->redirect.status : rc->respond.status);
}

static void write_cluster(struct explain *e, struct weir_explain *asking,
                          const struct explain_choice *c, struct text *t)
{
    struct cluster *cl = &e->w->clusters[c->cluster];
    const struct module_plan *m = e->w->g->modules;
    json_open(t, '{');
    json_key(t, "cluster");
    json_slice(t, cl->conf->place.name);
    json_key(t, "millionths");
    json_uint(t, c->millionths);
    if (c->variant.n) {
        json_key(t, "variant");
        json_slice(t, c->variant);
    }
    if (c->by) {
        json_key(t, "chosen_by");
        json_str(t, c->by->desc->name);
    }
    json_key(t, "timeouts_ms");
    json_open(t, '{');
    write_ms(t, "connect", cl->conf->timeouts.connect);
    write_ms(t, "response_head", cl->conf->timeouts.response_head);
    json_close(t, '}');
    json_key(t, "modules");
    json_open(t, '[');
    asking->cluster = c->cluster;
    explain_chain(asking, m && m->clusters ? m->clusters[c->cluster] : NULL);
    json_close(t, ']');
    json_key(t, "endpoints");
    endpoints_write(e->endpoints, cl, t);
    json_close(t, '}');
}

/* Choices that the uses of clusters would make don't count: they are asked when it is decided. */
static void write_way(struct explain *e, const struct route_query *q, const struct route *route,
                      struct text *t)
{
    struct weir_explain *asking = calloc(1, sizeof *asking);
    const struct module_plan *m = e->w->g->modules;
    must(asking);
    *asking =
        (struct weir_explain){.w = e->w, .q = q, .out = t, .cluster = UINT32_MAX, .left = MILLION};
    json_key(t, "modules");
    json_open(t, '[');
    explain_chain(asking, m && m->routes ? m->routes[route->index] : NULL);
    json_close(t, ']');
    if (route->conf->action == ACTION_CLUSTER)
        explain_rest(asking, (uint32_t)route->conf->cluster_index);
    const size_t choices = asking->choices_n;
    json_key(t, "clusters");
    json_open(t, '[');
    for (size_t i = 0; i < choices; i++)
        if (asking->choices[i].millionths)
            write_cluster(e, asking, &asking->choices[i], t);
    json_close(t, ']');
    free(asking);
}

/* -- all of it --------------------------------------------------------------------------------- */

static void write_route_taken(struct explain *e, const struct explain_request *r,
                              const struct listener_conf *lc, const struct route_query *q,
                              struct text *t)
{
    const struct router *router = e->w->g->router;
    const struct route *route = router_match(router, e->w->scratch, q);
    struct route_look taken = {0};
    if (route)
        route_look(router, e->w->scratch, q, route->index, &taken);
    write_routes(e, q, &taken, t);
    if (!route) {
        const bool elsewhere = slice_eq(r->scheme, SLICE("https")) && router_elsewhere(router, q);
        json_key(t, "why");
        json_str(t, elsewhere ? "misdirected" : "no_route");
        return;
    }
    json_key(t, "route");
    json_slice(t, route->name);
    write_end(route->conf, t);
    write_timeouts(route->conf, lc, t);
    write_way(e, q, route, t);
}

struct route_query explain_query(const struct explain_request *r, struct arena *scratch)
{
    return (struct route_query){
        .listener = r->listener,
        .host = r->host.name,
        .path = r->target.path,
        .query = r->target.query,
        .method_id = method_of(r->method),
        .method = r->method,
        .fields = &r->fields,
        .source = &r->source,
        .arena = scratch,
        .identified = true,
        .identity = r->identity,
    };
}

static void write_all(struct explain *e, const struct explain_request *r, struct text *t)
{
    const struct listener_conf *lc = &e->w->g->config->listeners[r->listener];
    struct arena scratch;
    arena_init(&scratch, NULL, 0);
    const struct route_query q = explain_query(r, &scratch);
    json_open(t, '{');
    json_key(t, "live");
    json_bool(t, e->shm != NULL);
    write_door(r, lc, t);
    if (listener_to_https(lc, r->scheme, r->target.path)) {
        json_key(t, "why");
        json_str(t, "redirect_to_https");
    } else {
        write_route_taken(e, r, lc, &q, t);
    }
    json_close(t, '}');
    text_char(t, '\n');
    arena_fini(&scratch);
}

static void explain_one(struct explain *e, const json_t *o, struct admin_answer *out)
{
    struct explain_request r;
    if (explain_request_read(&r, e->w->g->config, o, out)) {
        out->type = SLICE("application/json");
        write_all(e, &r, &out->body);
    }
    explain_request_fini(&r);
}

void explain_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct explain *e = ctx;
    json_t *o = admin_asked(rq);
    const json_t *id = json_object_get(o, "request"), *list = json_object_get(o, "requests");
    if (!json_is_object(o))
        admin_error(out, 400, NULL, "the content must be a JSON object, {\"url\": ...}");
    else if ((id || list) && json_object_size(o) > 1)
        admin_error(out, 400, id ? "request" : "requests", "beside this there may be nothing else");
    else if (id)
        explain_recent(e, id, out);
    else if (list)
        explain_requests(e, list, out);
    else
        explain_one(e, o, out);
    json_decref(o);
}
