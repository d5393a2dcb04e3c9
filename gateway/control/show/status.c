/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the whole, gathered from shared memory when somebody asks. */
#include "control/show/status.h"

#include <stdio.h>

#include "control/overrides/overrides.h"
#include "core/generation.h"

static void write_number(struct text *t, const char *key, uint64_t v)
{
    json_key(t, key);
    json_uint(t, v);
}

/* -- endpoints that aren't as usual ------------------------------------------------------------ */

struct sums {
    uint64_t endpoints, up, down, drained, held_back;
};

static void count_endpoint(const struct worker *w, const struct endpoint *ep, struct sums *s)
{
    const struct endpoint_cell *cell = ep->cluster->cell;
    s->endpoints++;
    s->up += endpoint_health(cell, ep->slot) == HEALTH_UP;
    s->down += endpoint_health(cell, ep->slot) == HEALTH_DOWN;
    s->drained += endpoint_draining(cell, ep->slot, w->loop->clock.mono_us);
    s->held_back += endpoint_share(ep->cluster->arrays, ep->slot) == 0;
}

static void write_endpoints(const struct worker *w, struct text *t)
{
    struct sums s = {0};
    for (size_t i = 0; i < w->g->config->clusters_n; i++) {
        struct cluster *cl = &w->clusters[i];
        cluster_follow(cl);
        for (size_t j = 0; j < cl->n; j++)
            count_endpoint(w, cl->endpoints[j], &s);
    }
    json_key(t, "endpoints");
    json_open(t, '{');
    write_number(t, "all", s.endpoints);
    write_number(t, "up", s.up);
    write_number(t, "down", s.down);
    write_number(t, "drained", s.drained);
    write_number(t, "held_back", s.held_back); /* by modules: ejected */
    json_close(t, '}');
}

/* -- status ------------------------------------------------------------------------------------ */

static void write_config(const struct worker *w, const struct process_facts *f, struct text *t)
{
    const struct config *c = w->g->config;
    char digest[20];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)c->digest);
    json_key(t, "config");
    json_open(t, '{');
    json_key(t, "file");
    json_slice(t, c->file);
    json_key(t, "digest");
    json_str(t, digest);
    json_key(t, "origin");
    json_str(t, c->recalled ? "rollback" : "file");
    write_number(t, "generation", f->generation);
    write_number(t, "loaded", f->loaded_s);
    write_number(t, "listeners", c->listeners_n);
    write_number(t, "routes", c->routes_n);
    write_number(t, "clusters", c->clusters_n);
    json_close(t, '}');
}

static void write_processes(const struct process_facts *f, struct text *t)
{
    json_key(t, "workers");
    json_open(t, '{');
    write_number(t, "wanted", f->workers);
    write_number(t, "alive", f->workers_alive);
    write_number(t, "draining", f->workers_draining);
    json_close(t, '}');
    write_number(t, "started", f->started_s);
    write_number(t, "reloads", f->reloads);
    write_number(t, "reloads_failed", f->reloads_failed);
    write_number(t, "upgrades", f->upgrades);
    write_number(t, "upgrades_failed", f->upgrades_failed);
    write_number(t, "restarts", f->restarts);
}

void status_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct status *st = ctx;
    const struct metrics *m = st->metrics;
    const struct stats_load load = stats_load(m->shm);
    struct process_facts f = {0};
    struct text *t = &out->body;
    (void)rq;
    m->facts(m->facts_ctx, &f);
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "version");
    json_str(t, m->version);
    write_number(t, "now", st->w->loop->clock.wall_us / 1000000);
    write_config(st->w, &f, t);
    write_processes(&f, t);
    write_number(t, "requests", load.requests);
    write_number(t, "active", load.active);
    write_endpoints(st->w, t);
    json_key(t, "overrides");
    overrides_write(st->overrides, t);
    json_close(t, '}');
    text_char(t, '\n');
}

/* -- routes ------------------------------------------------------------------------------------ */

static void write_texts(struct text *t, const char *key, const struct texts *texts)
{
    if (!texts->n)
        return;
    json_key(t, key);
    json_open(t, '[');
    for (size_t i = 0; i < texts->n; i++)
        json_slice(t, texts->v[i]);
    json_close(t, ']');
}

static void write_match(const struct route_conf *rc, struct text *t)
{
    static const char *const forms[] = {
        [PATH_EXACT] = "path", [PATH_PREFIX] = "path_prefix", [PATH_REGEX] = "path_regex"};
    write_texts(t, "hosts", &rc->match.hosts);
    write_texts(t, "methods", &rc->match.methods);
    write_texts(t, "listeners", &rc->match.listeners);
    if (rc->match.path_form != PATH_ANY) {
        json_key(t, forms[rc->match.path_form]);
        json_slice(t, rc->match.path);
    }
    write_number(t, "conditions",
                 rc->match.headers.n + rc->match.query.n + rc->match.cookies.n +
                     rc->match.identity.n + (rc->match.sources_n > 0));
}

static void write_end(const struct route_conf *rc, struct text *t)
{
    json_key(t, "ends_in");
    json_str(t, action_word(rc));
    if (rc->action == ACTION_CLUSTER) {
        json_key(t, "cluster");
        json_slice(t, rc->cluster);
    }
    json_key(t, "modules");
    json_open(t, '[');
    for (const struct module_conf *m = rc->modules; m; m = m->next)
        json_slice(t, m->place.name);
    json_close(t, ']');
}

void status_routes(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct status *st = ctx;
    const struct router *router = st->w->g->router;
    struct text *t = &out->body;
    (void)rq;
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "routes");
    json_open(t, '[');
    for (size_t i = 0; i < router_routes_n(router); i++) {
        const struct route *r = router_route(router, i);
        json_open(t, '{');
        json_key(t, "name");
        json_slice(t, r->name);
        json_key(t, "place");
        json_slice(t, r->place);
        write_match(r->conf, t);
        write_end(r->conf, t);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}
