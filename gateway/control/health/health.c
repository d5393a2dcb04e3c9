/* SPDX-License-Identifier: Apache-2.0 */
/* Who is checked. Checks of a cluster go through a cluster of their own, which follows the same
 * table: so they have connections of their own, count in nobody's statistics, and may speak another
 * protocol to another port.
 *
 * A look every LOOK_MS finds endpoints that have come or gone, and whether a cluster gets requests.
 * Nothing here is remembered but in the slots, so a process that starts anew goes on from there. */
#include "control/health/health_parts.h"

#include "upstream/origin.h"

#include <stdlib.h>

enum { LOOK_MS = 200, LOOKS_TO_FORGET = 16 };

static void checked_init(struct checked *hc, struct health *h, uint32_t index);
static void on_look(struct timer *t);

/* -- start and stop ---------------------------------------------------------------------------- */

static bool is_checked(const struct health_conf *conf)
{
    return conf->set && conf->type != HEALTH_NONE;
}

static void forget(struct endpoint_cell *cell, const struct health_conf *conf)
{
    for (uint32_t slot = 0; cell && slot < cell->capacity; slot++) {
        if (!is_checked(conf)) {
            endpoint_health_set(cell, slot, HEALTH_UNKNOWN, 0);
            endpoint_passed_set(cell, slot, 0);
        }
        if (!conf->header.n)
            endpoint_word_set(cell, slot, WORD_OK, 0);
    }
}

/* What checks said that aren't made any more must not keep anybody from serving. It is looked for
 * from time to time: the control process of the generation before may have said it last. */
static void forget_unasked(const struct health *h)
{
    const struct generation *g = h->w->g;
    for (size_t i = 0; g->cells && i < g->config->clusters_n; i++)
        forget(g->cells[i], &g->config->clusters[i].health);
}

struct health *health_start(struct worker *w)
{
    const struct config *c = w->g->config;
    struct health *h = calloc(1, sizeof *h);
    must(h);
    h->w = w;
    h->limit = (size_t)c->health.concurrency;
    list_init(&h->waiting);
    timer_init(&h->look, on_look);
    h->clusters = calloc(c->clusters_n + 1, sizeof *h->clusters);
    must(h->clusters);
    for (uint32_t i = 0; i < c->clusters_n; i++)
        if (is_checked(&c->clusters[i].health))
            checked_init(&h->clusters[h->n++], h, i);
    forget_unasked(h);
    timer_start(w->loop, &h->look, 1);
    return h;
}

/* Nothing is kept between checks, and the check's own time is the only one that counts. */
static void adapt(struct cluster_conf *conf)
{
    const struct health_conf *h = &conf->health;
    conf->tls.set = conf->tls.set && h->tls;
    if (h->type == HEALTH_HTTP)
        conf->protocol = PROTOCOL_H1;
    else if (h->type == HEALTH_H2 || h->type == HEALTH_GRPC)
        conf->protocol = PROTOCOL_H2;
    conf->pool.max_idle = 0;
    conf->timeouts.connect = h->timeout;
    conf->timeouts.response_head = 0;
    conf->timeouts.body_idle = h->timeout;
}

static void checked_init(struct checked *hc, struct health *h, uint32_t index)
{
    const struct generation *g = h->w->g;
    const struct cluster_table *table = g->tables[index];
    hc->h = h;
    hc->index = index;
    hc->conf = g->config->clusters[index];
    adapt(&hc->conf);
    hc->cell = g->cells ? g->cells[index] : NULL;
    hc->stats = calloc(table->capacity + 1, sizeof *hc->stats);
    must(hc->stats);
    cluster_init(&hc->cluster, &hc->conf, table, hc->stats, pool_drop_idle);
    hc->cluster.checks = true;
    hc->cluster.port = (uint16_t)hc->conf.health.port;
    health_matcher_init(&hc->matcher, &hc->conf.health);
    hc->followed = hc->cluster.seen - 1; /* whatever it is, it has not been followed yet */
    hc->quiet = hc->conf.health.no_traffic_interval != 0;
    hc->totals.cluster = hc->conf.place.name;
}

void health_quiesce(struct health *h)
{
    if (!h)
        return;
    h->stopping = true;
    timer_stop(&h->look);
    for (size_t i = 0; i < h->n; i++)
        for (size_t k = 0; k < h->clusters[i].n; k++)
            probe_end(h->clusters[i].probes[k]);
}

static void probe_free(struct probe *p)
{
    probe_end(p);
    endpoint_release(p->ep);
    free(p);
}

void health_close(struct health *h)
{
    for (size_t i = 0; h && i < h->n; i++)
        pools_close_cluster(&h->clusters[i].cluster);
}

void health_free(struct health *h)
{
    if (!h)
        return;
    health_quiesce(h);
    for (size_t i = 0; i < h->n; i++) {
        struct checked *hc = &h->clusters[i];
        for (size_t k = 0; k < hc->n; k++)
            probe_free(hc->probes[k]);
        free(hc->probes);
        cluster_fini(&hc->cluster);
        health_matcher_fini(&hc->matcher);
        free(hc->stats);
    }
    free(h->clusters);
    free(h);
}

/* -- who there is ------------------------------------------------------------------------------ */

static struct probe *probe_new(struct checked *hc, struct endpoint *ep)
{
    struct probe *p = calloc(1, sizeof *p);
    must(p);
    endpoint_acquire(ep);
    p->hc = hc;
    p->ep = ep;
    p->slot = NO_SLOT;
    probe_begin(p);
    return p;
}

static struct probe *probe_of(const struct checked *hc, const struct endpoint *ep)
{
    for (size_t i = 0; i < hc->n; i++)
        if (hc->probes[i]->ep == ep)
            return hc->probes[i];
    return NULL;
}

/* Where endpoints wait for their first check, one that comes back waits again: its address may be
 * somebody else's by then. One that is down stays that, and needs more than one check. */
static void probe_leave(struct probe *p)
{
    struct checked *hc = p->hc;
    if (hc->conf.health.initial == HEALTH_INITIAL_DOWN && p->state.health == HEALTH_UP &&
        probe_slot(p) != NO_SLOT)
        endpoint_health_set(hc->cell, p->slot, HEALTH_PENDING, 0);
    probe_free(p);
}

/* The endpoints of now: those that stay keep their probe. */
static void follow(struct checked *hc)
{
    struct cluster *cl = &hc->cluster;
    cluster_follow(cl);
    if (cl->seen == hc->followed)
        return;
    struct probe **probes = calloc(cl->n + 1, sizeof(struct probe *));
    must(probes);
    for (size_t i = 0; i < cl->n; i++)
        if ((probes[i] = probe_of(hc, cl->endpoints[i])))
            probes[i]->seen = true;
    for (size_t i = 0; i < hc->n; i++)
        if (!hc->probes[i]->seen)
            probe_leave(hc->probes[i]);
    for (size_t i = 0; i < cl->n; i++) {
        if (!probes[i])
            probes[i] = probe_new(hc, cl->endpoints[i]);
        probes[i]->seen = false;
    }
    free(hc->probes);
    hc->probes = probes;
    hc->n = cl->n;
    hc->followed = cl->seen;
}

/* -- is there traffic? ------------------------------------------------------------------------- */

/* One that got none since this process began is quiet, too, however short that was. */
static void watch_traffic(struct checked *hc)
{
    const struct worker *w = hc->h->w;
    const uint64_t silence = hc->conf.health.no_traffic_interval;
    if (!silence || !w->stats->shm)
        return;
    const uint64_t requests = stats_requests(w->g, w->stats->shm, hc->index);
    const bool was_quiet = hc->quiet;
    if (requests != hc->requests)
        hc->requests_ms = health_now_ms(hc->h);
    hc->quiet = requests == hc->requests &&
                (!hc->requests_ms || health_now_ms(hc->h) - hc->requests_ms >= silence);
    hc->requests = requests;
    for (size_t i = 0; was_quiet && !hc->quiet && i < hc->n; i++)
        probe_hurry(hc->probes[i]);
}

static void look_at(struct checked *hc)
{
    watch_traffic(hc);
    follow(hc);
}

static void on_look(struct timer *t)
{
    struct health *h = container_of(t, struct health, look);
    for (size_t i = 0; i < h->n; i++)
        look_at(&h->clusters[i]);
    if (++h->looks % LOOKS_TO_FORGET == 0)
        forget_unasked(h);
    timer_start(h->w->loop, t, LOOK_MS);
}
