/* SPDX-License-Identifier: Apache-2.0 */
/* The way of many requests in short, to be compared with another configuration's: not who would get
 * this one, but who may get requests of its route. */
#include "control/explain/explain.h"

#include <stdlib.h>

#include "base/fault.h"
#include "core/generation.h"
#include "core/module/explain.h"

enum { MILLION = 1000000 };

/* -- what isn't known -------------------------------------------------------------------------- */

/* Would another route be taken, or might this one not be, if more were known of the request? */
static bool find_open(struct explain *e, const struct route_query *q, const struct route *taken,
                      struct route_look *which, struct route_miss *open)
{
    const struct router *router = e->w->g->router;
    struct route_look best;
    if (taken && route_may(router, e->w->scratch, q, taken->index, &best, open) && open->what) {
        *which = best;
        return true;
    }
    for (size_t i = 0; i < router_routes_n(router); i++)
        if (route_may_be_open(router, i) && route_may(router, e->w->scratch, q, i, which, open) &&
            open->what && (!taken || route_outranks(router, which, &best)))
            return true;
    return false;
}

static void write_open(struct explain *e, const struct route_query *q, const struct route *taken,
                       struct text *t)
{
    struct route_look which;
    struct route_miss open;
    if (!find_open(e, q, taken, &which, &open))
        return;
    json_key(t, "open");
    json_open(t, '{');
    json_key(t, "route");
    json_slice(t, which.route->name);
    json_key(t, "condition");
    json_str(t, open.what);
    json_key(t, "name");
    json_slice(t, open.name);
    json_close(t, '}');
}

/* -- where it ends ----------------------------------------------------------------------------- */

static void write_choice(struct explain *e, const struct explain_choice *c, struct text *t)
{
    json_open(t, '{');
    json_key(t, "cluster");
    json_slice(t, e->w->clusters[c->cluster].conf->place.name);
    if (c->variant.n) {
        json_key(t, "variant");
        json_slice(t, c->variant);
    }
    json_close(t, '}');
}

static void write_choices(struct explain *e, const struct route_query *q, const struct route *route,
                          struct text *t)
{
    struct weir_explain *asking = calloc(1, sizeof *asking);
    const struct module_plan *m = e->w->g->modules;
    struct text said;
    must(asking);
    text_init(&said);
    *asking = (struct weir_explain){
        .w = e->w, .q = q, .out = &said, .cluster = UINT32_MAX, .left = MILLION};
    explain_chain(asking, m && m->routes ? m->routes[route->index] : NULL);
    if (route->conf->action == ACTION_CLUSTER)
        explain_rest(asking, (uint32_t)route->conf->cluster_index);
    json_key(t, "clusters");
    json_open(t, '[');
    for (size_t i = 0; i < asking->choices_n; i++)
        write_choice(e, &asking->choices[i], t);
    json_close(t, ']');
    text_fini(&said);
    free(asking);
}

static void write_end(const struct route_conf *rc, struct text *t)
{
    json_key(t, "ends_in");
    json_str(t, action_word(rc));
    if (rc->action == ACTION_REDIRECT || rc->action == ACTION_RESPOND) {
        json_key(t, "status");
        json_int(t, rc->action == ACTION_REDIRECT ? rc->redirect.status : rc->respond.status);
    }
}

static void write_route(struct explain *e, const struct explain_request *r,
                        const struct route_query *q, struct text *t)
{
    const struct router *router = e->w->g->router;
    const struct route *route = router_match(router, e->w->scratch, q);
    if (r->partial)
        write_open(e, q, route, t);
    if (route) {
        json_key(t, "route");
        json_slice(t, route->name);
        write_end(route->conf, t);
        write_choices(e, q, route, t);
        return;
    }
    const bool elsewhere = slice_eq(r->scheme, SLICE("https")) && router_elsewhere(router, q);
    json_key(t, "why");
    json_str(t, elsewhere ? "misdirected" : "no_route");
}

void explain_brief(struct explain *e, const struct explain_request *r, struct text *t)
{
    const struct listener_conf *lc = &e->w->g->config->listeners[r->listener];
    struct arena scratch;
    arena_init(&scratch, NULL, 0);
    const struct route_query q = explain_query(r, &scratch);
    json_open(t, '{');
    if (listener_to_https(lc, r->scheme, r->target.path)) {
        json_key(t, "why");
        json_str(t, "redirect_to_https");
    } else {
        write_route(e, r, &q, t);
    }
    json_close(t, '}');
    arena_fini(&scratch);
}

/* -- many of them ------------------------------------------------------------------------------ */

void explain_refusal(const struct admin_answer *refusal, struct text *t)
{
    struct slice said = text_slice(&refusal->body);
    while (said.n && said.p[said.n - 1] == '\n')
        said.n--;
    json_raw(t, said);
}

static void write_one(struct explain *e, const json_t *o, struct text *t)
{
    struct admin_answer refusal = {.status = 200};
    struct explain_request r;
    text_init(&refusal.body);
    if (explain_request_read(&r, e->w->g->config, o, &refusal))
        explain_brief(e, &r, t);
    else
        explain_refusal(&refusal, t);
    explain_request_fini(&r);
    text_fini(&refusal.body);
}

void explain_requests(struct explain *e, const json_t *list, struct admin_answer *out)
{
    const json_t *o;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > EXPLAIN_REQUESTS) {
        admin_error(out, 400, "requests", "requests must be a list of at most %d objects",
                    EXPLAIN_REQUESTS);
        return;
    }
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "answers");
    json_open(&out->body, '[');
    json_array_foreach(list, i, o) write_one(e, o, &out->body);
    json_close(&out->body, ']');
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}
