/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS contexts of a generation: read from their files anew each time, by the master, which may
 * be the only one who can read the keys; its children have them in memory. So renewed certificates
 * come with a reload, and a bad file fails it and leaves the running generation as it is.
 *
 * The keys of session tickets are not of a generation: they lie in the cell "tls/tickets", and
 * sessions go on over reloads. */
#include "core/generation.h"

#include <time.h>

#include "io/shm.h"

static void bind_tickets(struct generation *g, struct shm *shm, struct faults *faults);
static void build_admin(struct generation *g, struct faults *faults);

void generation_build_tls(struct generation *g, struct shm *shm, struct faults *faults)
{
    const struct config *c = g->config;
    g->tls_servers = ARENA_ARRAY(&g->arena, struct tls_server *, c->listeners_n);
    g->tls_clients = ARENA_ARRAY(&g->arena, struct tls_client *, c->clusters_n);
    bind_tickets(g, shm, faults);
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct listener_conf *lc = &c->listeners[i];
        const struct tls_alpn alpn = {.h2 = lc->protocols.h2, .h1 = lc->protocols.h1};
        if (lc->tls.set)
            g->tls_servers[i] = tls_server_new(&lc->tls, alpn, g->tickets, faults);
    }
    for (size_t i = 0; i < c->clusters_n; i++) {
        const struct cluster_conf *cl = &c->clusters[i];
        const struct tls_alpn alpn = {.h2 = cl->protocol != PROTOCOL_H1,
                                      .h1 = cl->protocol != PROTOCOL_H2};
        if (cl->tls.set)
            g->tls_clients[i] = tls_client_new(&cl->tls, alpn, faults);
    }
    if (c->fleet.redis.tls.set)
        g->fleet_tls = tls_client_new(&c->fleet.redis.tls, (struct tls_alpn){0}, faults);
    build_admin(g, faults);
}

static void build_admin(struct generation *g, struct faults *faults)
{
    const struct admin_conf *c = &g->config->admin;
    g->admin_tls = ARENA_ARRAY(&g->arena, struct tls_server *, c->listeners_n);
    for (size_t i = 0; i < c->listeners_n; i++)
        if (c->listeners[i]->tls.set)
            g->admin_tls[i] =
                tls_server_new(&c->listeners[i]->tls, (struct tls_alpn){.h1 = true}, NULL, faults);
}

void generation_free_tls(struct generation *g)
{
    for (size_t i = 0; g->tls_servers && i < g->config->listeners_n; i++)
        tls_server_free(g->tls_servers[i]);
    for (size_t i = 0; g->tls_clients && i < g->config->clusters_n; i++)
        tls_client_free(g->tls_clients[i]);
    tls_client_free(g->fleet_tls);
    for (size_t i = 0; g->admin_tls && i < g->config->admin.listeners_n; i++)
        tls_server_free(g->admin_tls[i]);
}

/* All listeners share the keys, so the shortest lifetime counts. */
static void bind_tickets(struct generation *g, struct shm *shm, struct faults *faults)
{
    enum { MS_PER_S = 1000 };
    const struct config *c = g->config;
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct tls_server_conf *tls = &c->listeners[i].tls;
        const uint64_t lifetime_s = tls->ticket_lifetime / MS_PER_S;
        if (tls->set && tls->tickets > 0 &&
            (g->ticket_lifetime_s == 0 || lifetime_s < g->ticket_lifetime_s))
            g->ticket_lifetime_s = lifetime_s;
    }
    if (!shm || g->ticket_lifetime_s == 0)
        return;
    g->tickets = shm_cell(shm, SLICE("tls/tickets"), sizeof *g->tickets);
    if (!g->tickets)
        faults_add(faults, c->file.p, 0,
                   "no room in the shared region for the keys of session tickets; raise "
                   "memory.shared and restart");
    else if (!tls_tickets_prepare(g->tickets, (uint64_t)time(NULL)))
        faults_add(faults, c->file.p, 0,
                   "OpenSSL has no random numbers for the keys of session "
                   "tickets");
}
