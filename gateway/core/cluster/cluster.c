/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's view of a cluster. The shared table says which addresses there are; here each of them
 * has a struct endpoint, with what this worker knows of it.
 *
 *     row of the table         struct endpoint
 *     same address      ───►   stays; takes the row's weight
 *     new               ───►   made
 *     gone, or reused   ───►   retires: no new attempts; freed when nothing is left of it
 *
 * Per pick that costs two loads: of the table's version and of the endpoint cell's, which says that
 * somebody's health or share has changed. A table that is being written is left alone, and what was
 * known before is used until the next pick. */

#include "core/cluster/cluster.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
    READS_FIRST = 1000, /* nothing is known yet: wait out a writer, who needs microseconds */
    READS_LATER = 2,
};

static bool read_table(const struct cluster *cl, struct table_row *rows, uint32_t *version);
static void take_rows(struct cluster *cl, const struct table_row *rows);
static struct endpoint *endpoint_new(struct cluster *cl, const struct table_row *row, uint32_t at);
static void endpoint_retire(struct endpoint *ep);
static void endpoint_free(struct endpoint *ep);

void cluster_init(struct cluster *cl, const struct cluster_conf *conf,
                  const struct cluster_table *table, struct endpoint_stats *stats,
                  void (*on_retire)(struct endpoint *ep))
{
    static struct endpoint_cell nothing;
    static const uint64_t no_clock;
    *cl = (struct cluster){
        .conf = conf,
        .table = table,
        .cell = &nothing,
        .now_us = &no_clock,
        .due_us = UINT64_MAX,
        .seen = 1,
        .fresh = true,
        .stats = stats,
        .on_retire = on_retire,
    };
    list_init(&cl->retired);
    cluster_sync(cl);
}

/* Numbers of zones count from 1, by where they stand first in the configuration; 0 is the own. */
static void number_zone(struct endpoint *ep)
{
    const struct cluster *cl = ep->cluster;
    const struct cluster_conf *conf = cl->conf;
    ep->zone = 0;
    if (!ep->conf || (cl->zone.n && slice_eq(ep->conf->zone, cl->zone)))
        return;
    do
        ep->zone++;
    while (!slice_eq(conf->endpoints[ep->zone - 1].zone, ep->conf->zone));
}

void cluster_join(struct cluster *cl, const struct cluster_surroundings *s)
{
    cl->cell = s->cell ? s->cell : cl->cell;
    cl->shared = s->shared;
    cl->arrays = s->arrays;
    cl->now_us = s->now_us;
    cl->zone = s->zone;
    for (size_t i = 0; i < cl->n; i++)
        number_zone(cl->endpoints[i]);
    cluster_weigh(cl);
}

void cluster_fini(struct cluster *cl)
{
    for (size_t i = 0; i < cl->n; i++)
        endpoint_retire(cl->endpoints[i]);
    must(list_empty(&cl->retired));
    cluster_groups_fini(cl);
    hash_table_fini(&cl->table_of_keys);
    free(cl->endpoints);
    cl->endpoints = NULL;
    cl->n = cl->cap = 0;
}

bool cluster_ready(struct cluster *cl)
{
    cluster_follow(cl);
    return cl->groups_n != 0;
}

/* -- following the table -------------------------------------------------------------------- */

void cluster_sync(struct cluster *cl)
{
    uint32_t version;
    if (cl->picking)
        return;
    struct table_row *rows = calloc(cl->table->capacity, sizeof *rows);
    must(rows || cl->table->capacity == 0);
    if (read_table(cl, rows, &version)) {
        take_rows(cl, rows);
        cl->seen = version;
    }
    free(rows);
}

static bool read_table(const struct cluster *cl, struct table_row *rows, uint32_t *version)
{
    bool first = cl->seen & 1;
    for (int tries = first ? READS_FIRST : READS_LATER; tries; tries--) {
        if (cluster_table_read(cl->table, rows, version))
            return true;
        if (first)
            sched_yield();
    }
    return false;
}

/* Makes cl->endpoints anew, in the order of the rows. */
static void take_rows(struct cluster *cl, const struct table_row *rows)
{
    uint32_t capacity = cl->table->capacity;
    struct endpoint **by_row = calloc(capacity, sizeof *by_row);
    struct endpoint **old = cl->endpoints;
    size_t old_n = cl->n;
    cl->keys_stale = true;
    cl->endpoints = calloc(capacity, sizeof(struct endpoint *));
    must((by_row && cl->endpoints) || capacity == 0);
    cl->cap = capacity;
    cl->n = 0;
    for (size_t i = 0; i < old_n; i++)
        by_row[old[i]->row] = old[i];
    for (uint32_t at = 0; at < capacity; at++) {
        const struct table_row *row = &rows[at];
        if (row->state != ROW_UP)
            continue;
        struct endpoint *ep = by_row[at];
        if (ep && addr_eq(&ep->addr, &row->addr))
            by_row[at] = NULL;
        else
            ep = endpoint_new(cl, row, at);
        ep->configured = row->weight;
        cl->endpoints[cl->n++] = ep;
    }
    cluster_weigh(cl);
    for (uint32_t at = 0; at < capacity; at++)
        if (by_row[at])
            endpoint_retire(by_row[at]);
    free(old);
    free(by_row);
}

/* -- endpoints ------------------------------------------------------------------------------ */

static const struct endpoint_conf *conf_of_row(const struct cluster_conf *conf,
                                               const struct table_row *row)
{
    for (size_t i = 0; i < conf->endpoints_n; i++)
        if (cluster_source(&conf->endpoints[i]) == row->source)
            return &conf->endpoints[i];
    return NULL;
}

static struct endpoint *endpoint_new(struct cluster *cl, const struct table_row *row, uint32_t at)
{
    struct endpoint *ep = calloc(1, sizeof *ep);
    must(ep);
    ep->cluster = cl;
    list_init(&ep->node);
    list_init(&ep->idle);
    list_init(&ep->shared);
    list_init(&ep->waiting);
    ep->addr = row->addr;
    memcpy(ep->name, row->name, sizeof ep->name);
    ep->name[sizeof ep->name - 1] = '\0';
    ep->row = at;
    ep->slot = NO_SLOT;
    ep->conf = conf_of_row(cl->conf, row);
    number_zone(ep);
    ep->protocol = (uint8_t)cl->conf->protocol;
    if (cl->conf->protocol == PROTOCOL_AUTO && !cl->conf->tls.set)
        ep->protocol = PROTOCOL_H1;
    ep->stats = cl->stats ? &cl->stats[at] : NULL;
    if (ep->stats)
        stats_claim(ep->stats, cluster_owner(slice_str(ep->name)));
    return ep;
}

static void endpoint_retire(struct endpoint *ep)
{
    ep->gone = true;
    list_push(&ep->cluster->retired, &ep->node);
    ep->active++; /* on_retire closes connections; the endpoint must outlast that */
    if (ep->cluster->on_retire)
        ep->cluster->on_retire(ep);
    endpoint_release(ep);
}

void endpoint_acquire(struct endpoint *ep)
{
    ep->active++;
}

void endpoint_release(struct endpoint *ep)
{
    must(ep->active > 0);
    ep->active--;
    endpoint_closed(ep);
}

void endpoint_closed(struct endpoint *ep)
{
    if (unlikely(ep->gone) && !ep->active && !ep->open_n && !ep->idle_n)
        endpoint_free(ep);
}

static void endpoint_free(struct endpoint *ep)
{
    must(list_empty(&ep->idle) && list_empty(&ep->shared) && list_empty(&ep->waiting));
    tls_resume_drop(&ep->tls_resume);
    list_remove(&ep->node);
    free(ep);
}
