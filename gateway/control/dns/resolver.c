/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a name:
 *
 *     waiting ──► asked (one query per family) ──► addresses ──► table ──► asked again after the
 *        ▲             │                                                   smallest TTL, clamped
 *        │             └── no addresses: table stays ──► after dns.retry, doubled each time
 *        └──────────────────────────── timer ◄───────────────────────────────────┘
 *
 * The families are asked apart, because they fail apart: when only one of them has no answer, its
 * addresses stay as they are in the table while the other's are replaced. The table is the only
 * memory of old answers, so a restarted control process loses none.
 *
 * At most IN_FLIGHT names are asked at the same time: a thousand questions at once are dropped by
 * somebody's receive buffer, and come back as timeouts. Times are spread by a twentieth, so that
 * they don't stay together either. */

#include "control/dns/resolver.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/event.h"
#include "core/cluster/endpoint_cell.h"
#include "control/dns/dns.h"

enum {
    IN_FLIGHT = 64,
    READ_TRIES = 100,
    SPREAD = 20,
    DOUBLINGS = 16,
};

enum { V4, V6, FAMILIES };
static const int families[FAMILIES] = {AF_INET, AF_INET6};
/* In the order of the setting dns.family. */
enum { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6 };

struct name;
struct ask {
    struct dns_query query;
    struct name *name;
};

struct name {
    struct resolver *r;
    struct list waiting;
    const struct cluster_conf *cluster;
    const struct endpoint_conf *ep;
    struct cluster_table *table;
    struct endpoint_cell *cell; /* NULL: there is none */
    const struct weir_endpoint_cells *arrays;
    uint64_t source;
    struct ask asks[FAMILIES];
    unsigned pending;   /* of the asks */
    const char *reason; /* of the last failure */
    struct timer again;
    struct resolver_name facts;
};

struct resolver {
    struct loop *loop; /* borrowed */
    struct dns *dns;
    struct random random;
    struct name *names;
    size_t n;
    struct list waiting;
    unsigned in_flight;
    /* at load only: */
    bool once;
    struct timer limit;
};

/* Addresses being put together. */
struct addrs {
    struct addr *v; /* owned */
    size_t n;
};

static struct resolver *resolver_new(struct loop *lp, const struct generation *g, bool once);
static bool wanted(const struct generation *g, size_t cluster, size_t ep, bool only_unknown);
static void name_init(struct name *nm, struct resolver *r, const struct generation *g,
                      size_t cluster, size_t ep);
static void name_wait(struct name *nm);
static void pump(struct resolver *r);
static void name_ask(struct name *nm);
static void on_query(struct dns_query *q);
static void name_done(struct name *nm);
static void name_succeeded(struct name *nm, bool partly);
static bool gather(struct name *nm, struct addrs *all);
static bool gather_known(struct name *nm, const bool *keep, struct addrs *all);
static void leave_unroutable(const struct name *nm, struct addrs *all);
static void note_change(struct name *nm, const struct table_change *change);
static void name_failed(struct name *nm, const char *reason);
static uint64_t answer_ttl(const struct name *nm);
static void name_again(struct name *nm, uint64_t after_ms);

/* -- start and stop ------------------------------------------------------------------------- */

struct resolver *resolver_start(struct loop *lp, const struct generation *g)
{
    return resolver_new(lp, g, false);
}

static struct resolver *resolver_new(struct loop *lp, const struct generation *g, bool once)
{
    const struct config *c = g->config;
    struct resolver *r = calloc(1, sizeof *r);
    must(r);
    r->loop = lp;
    r->once = once;
    list_init(&r->waiting);
    random_init(&r->random);
    size_t n = 0;
    for (size_t i = 0; i < c->clusters_n; i++)
        for (size_t k = 0; k < c->clusters[i].endpoints_n; k++)
            n += wanted(g, i, k, once);
    if (n == 0)
        return r;
    r->dns = dns_start(lp, c);
    if (!r->dns) {
        free(r);
        return NULL;
    }
    r->names = calloc(n, sizeof *r->names);
    must(r->names);
    for (size_t i = 0; i < c->clusters_n; i++)
        for (size_t k = 0; k < c->clusters[i].endpoints_n; k++)
            if (wanted(g, i, k, once) && r->n < n)
                name_init(&r->names[r->n++], r, g, i, k);
    pump(r);
    return r;
}

static bool wanted(const struct generation *g, size_t cluster, size_t ep, bool only_unknown)
{
    const struct endpoint_conf *conf = &g->config->clusters[cluster].endpoints[ep];
    return !conf->addr.len &&
           !(only_unknown && cluster_table_count(g->tables[cluster], cluster_source(conf)));
}

void resolver_stop(struct resolver *r)
{
    if (!r)
        return;
    dns_stop(r->dns);
    for (size_t i = 0; i < r->n; i++) {
        timer_stop(&r->names[i].again);
        for (int f = 0; f < FAMILIES; f++)
            dns_query_fini(&r->names[i].asks[f].query);
    }
    free(r->names);
    free(r);
}

static void on_again(struct timer *t)
{
    struct name *nm = container_of(t, struct name, again);
    name_wait(nm);
    pump(nm->r);
}

static void name_init(struct name *nm, struct resolver *r, const struct generation *g,
                      size_t cluster, size_t ep)
{
    nm->r = r;
    nm->cluster = &g->config->clusters[cluster];
    nm->ep = &nm->cluster->endpoints[ep];
    nm->table = g->tables[cluster];
    nm->cell = g->cells ? g->cells[cluster] : NULL;
    nm->arrays = g->arrays ? g->arrays[cluster] : NULL;
    nm->source = cluster_source(nm->ep);
    nm->facts = (struct resolver_name){
        .cluster = nm->cluster->place.name,
        .address = nm->ep->address,
        .addresses = cluster_table_count(nm->table, nm->source),
    };
    list_init(&nm->waiting);
    timer_init(&nm->again, on_again);
    for (int f = 0; f < FAMILIES; f++) {
        nm->asks[f].name = nm;
        dns_query_init(&nm->asks[f].query, on_query);
    }
    cluster_table_mend(nm->table);
    name_wait(nm);
}

/* -- asking --------------------------------------------------------------------------------- */

static void name_wait(struct name *nm)
{
    nm->facts.next_ms = 0;
    list_push(&nm->r->waiting, &nm->waiting);
}

static void pump(struct resolver *r)
{
    while (r->in_flight < IN_FLIGHT) {
        struct list *node = list_take(&r->waiting);
        if (!node)
            return;
        r->in_flight++;
        name_ask(list_entry(node, struct name, waiting));
    }
}

static bool asks_for(const struct name *nm, int f)
{
    int family = nm->cluster->dns.family;
    return family == FAMILY_ANY || (family == FAMILY_IPV4) == (f == V4);
}

static void name_ask(struct name *nm)
{
    nm->facts.lookups++;
    for (int f = 0; f < FAMILIES; f++)
        nm->pending += asks_for(nm, f);
    for (int f = 0; f < FAMILIES; f++)
        if (asks_for(nm, f))
            dns_ask(nm->r->dns, &nm->asks[f].query, nm->ep->host.p, nm->ep->port, families[f]);
}

static void on_query(struct dns_query *q)
{
    struct name *nm = container_of(q, struct ask, query)->name;
    if (--nm->pending == 0)
        name_done(nm);
}

/* -- answers -------------------------------------------------------------------------------- */

static void name_done(struct name *nm)
{
    struct resolver *r = nm->r;
    r->in_flight--;
    bool found = false, failed = false;
    const char *reason = NULL;
    for (int f = 0; f < FAMILIES; f++) {
        const struct dns_query *q = &nm->asks[f].query;
        if (!asks_for(nm, f))
            continue;
        found = found || q->outcome == DNS_FOUND;
        failed = failed || q->outcome == DNS_FAILED;
        if (!reason || q->outcome == DNS_FAILED)
            reason = q->reason;
    }
    nm->facts.ended_ms = clock_ms(&r->loop->clock);
    nm->facts.failures += failed || !found;
    if (found)
        name_succeeded(nm, failed);
    else
        name_failed(nm, reason);
    for (int f = 0; f < FAMILIES; f++)
        dns_query_fini(&nm->asks[f].query);
    pump(r);
    if (r->once && r->in_flight == 0)
        loop_stop(r->loop);
}

/* New endpoints get a place for what is known about them. Those of the start don't come later than
 * others. */
static void note_known(const struct name *nm, size_t added)
{
    if (nm->cell && added)
        endpoint_cell_follow(nm->cell, nm->cluster, nm->table, nm->arrays,
                             nm->r->once ? 0 : nm->r->loop->clock.mono_us);
}

static void name_succeeded(struct name *nm, bool partly)
{
    struct addrs all = {0};
    struct table_change change = {.busy = true};
    if (gather(nm, &all)) {
        leave_unroutable(nm, &all);
        change = cluster_table_set(nm->table, nm->source, (uint32_t)nm->ep->weight, all.v, all.n);
        note_known(nm, change.added);
    }
    free(all.v);
    if (change.busy) {
        name_failed(nm, "the endpoint table is held by another process");
        return;
    }
    note_change(nm, &change);
    nm->facts.succeeded_ms = nm->facts.ended_ms;
    if (nm->facts.failing)
        event_info("dns_recovered", KV_SLICE("cluster", nm->facts.cluster),
                   KV_SLICE("name", nm->facts.address), KV_INT("failures", nm->facts.failing));
    nm->facts.failing = 0;
    uint64_t after = answer_ttl(nm);
    if (partly && nm->cluster->dns.retry < after)
        after = nm->cluster->dns.retry;
    name_again(nm, after);
}

/* What was found, and what the table has of a family that nobody could say anything about. */
static bool gather(struct name *nm, struct addrs *all)
{
    bool keep[FAMILIES] = {false};
    size_t n = nm->table->capacity;
    for (int f = 0; f < FAMILIES; f++)
        n += nm->asks[f].query.n;
    all->v = calloc(n, sizeof *all->v);
    must(all->v);
    for (int f = 0; f < FAMILIES; f++) {
        const struct dns_query *q = &nm->asks[f].query;
        keep[f] = asks_for(nm, f) && q->outcome == DNS_FAILED;
        for (size_t i = 0; i < q->n; i++)
            all->v[all->n++] = q->addrs[i];
    }
    return (!keep[V4] && !keep[V6]) || gather_known(nm, keep, all);
}

static bool gather_known(struct name *nm, const bool *keep, struct addrs *all)
{
    struct table_row *rows = calloc(nm->table->capacity, sizeof *rows);
    must(rows);
    uint32_t version;
    bool whole = false;
    for (int tries = READ_TRIES; tries && !whole; tries--) {
        whole = cluster_table_read(nm->table, rows, &version);
        if (!whole)
            sched_yield();
    }
    for (uint32_t at = 0; whole && at < nm->table->capacity; at++) {
        const struct table_row *row = &rows[at];
        int f = row->addr.sa.sa_family == AF_INET6 ? V6 : V4;
        if (row->state == ROW_UP && row->source == nm->source && keep[f])
            all->v[all->n++] = row->addr;
    }
    free(rows);
    return whole;
}

/* Does this machine have a way there at all? Connecting a datagram socket sends nothing. */
static bool routable(const struct addr *a)
{
    int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno != EAFNOSUPPORT; /* without descriptors nobody knows */
    bool ok = connect(fd, &a->sa, a->len) == 0;
    close(fd);
    return ok;
}

/* Half of the requests would fail on a machine without IPv6 when a name has both kinds: so IPv6
 * addresses without a route are left out as long as there is an IPv4 one (RFC 6724 6, rule 1). */
static void leave_unroutable(const struct name *nm, struct addrs *all)
{
    size_t v4 = 0, n = 0;
    for (size_t i = 0; i < all->n; i++)
        v4 += all->v[i].sa.sa_family == AF_INET;
    if (nm->cluster->dns.family != FAMILY_ANY || v4 == 0)
        return;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].sa.sa_family == AF_INET || routable(&all->v[i]))
            all->v[n++] = all->v[i];
    all->n = n;
}

static void note_change(struct name *nm, const struct table_change *change)
{
    struct resolver_name *facts = &nm->facts;
    facts->addresses = cluster_table_count(nm->table, nm->source);
    if (change->added || change->removed) {
        facts->changes++;
        event_info("dns_changed", KV_SLICE("cluster", facts->cluster),
                   KV_SLICE("name", facts->address), KV_INT("added", change->added),
                   KV_INT("removed", change->removed), KV_INT("addresses", facts->addresses));
    }
    if (change->dropped && change->dropped != facts->dropped)
        event_warn("dns_addresses_dropped", KV_SLICE("cluster", facts->cluster),
                   KV_SLICE("name", facts->address), KV_INT("dropped", change->dropped),
                   KV_INT("capacity", nm->cluster->dns.capacity));
    facts->dropped = change->dropped;
}

/* A name that stays without an answer is logged less and less often: its 1st, 2nd, 4th, 8th ...
 * failure in a row. */
static void name_failed(struct name *nm, const char *reason)
{
    struct resolver_name *facts = &nm->facts;
    facts->failing++;
    nm->reason = reason;
    if ((facts->failing & (facts->failing - 1)) == 0 && !nm->r->once)
        event_warn("dns_failed", KV_SLICE("cluster", facts->cluster),
                   KV_SLICE("name", facts->address), KV("reason", reason),
                   KV_INT("failures", facts->failing), KV_INT("kept", facts->addresses));
    unsigned doublings = facts->failing - 1 < DOUBLINGS ? facts->failing - 1 : DOUBLINGS;
    uint64_t retry = nm->cluster->dns.retry, after = retry << doublings;
    uint64_t most = nm->cluster->dns.max_ttl > retry ? nm->cluster->dns.max_ttl : retry;
    name_again(nm, after < most ? after : most);
}

/* -- time ----------------------------------------------------------------------------------- */

static uint64_t answer_ttl(const struct name *nm)
{
    uint64_t ttl = UINT64_MAX;
    for (int f = 0; f < FAMILIES; f++) {
        const struct dns_query *q = &nm->asks[f].query;
        if (q->n && q->ttl_ms < ttl)
            ttl = q->ttl_ms;
    }
    if (ttl < nm->cluster->dns.min_ttl)
        return nm->cluster->dns.min_ttl;
    return ttl < nm->cluster->dns.max_ttl ? ttl : nm->cluster->dns.max_ttl;
}

static void name_again(struct name *nm, uint64_t after_ms)
{
    struct resolver *r = nm->r;
    if (r->once)
        return;
    after_ms += random_below(&r->random, after_ms / SPREAD + 1);
    nm->facts.next_ms = nm->facts.ended_ms + after_ms;
    timer_start(r->loop, &nm->again, after_ms);
}

/* -- at load -------------------------------------------------------------------------------- */

static void on_limit(struct timer *t)
{
    loop_stop(container_of(t, struct resolver, limit)->loop);
}

size_t resolver_at_load(const struct generation *g, uint64_t limit_ms, struct faults *faults)
{
    struct loop lp;
    loop_init(&lp, 0);
    struct resolver *r = resolver_new(&lp, g, true);
    size_t left = 0;
    if (!r) {
        faults_warn(faults, NULL, 0, "names can't be resolved: see the error log");
    } else if (r->n) {
        timer_init(&r->limit, on_limit);
        timer_start(&lp, &r->limit, limit_ms);
        loop_run(&lp);
        timer_stop(&r->limit);
    }
    for (size_t i = 0; r && i < r->n; i++) {
        const struct name *nm = &r->names[i];
        if (cluster_table_count(nm->table, nm->source))
            continue;
        left++;
        faults_warn(faults, nm->ep->place.file, nm->ep->place.line,
                    "cluster %.*s: %.*s has no address yet (%s); it is asked for again, and until "
                    "then gets no requests",
                    SLICE_ARG(nm->facts.cluster), SLICE_ARG(nm->facts.address),
                    nm->reason ? nm->reason : "no answer in time");
    }
    resolver_stop(r);
    loop_fini(&lp);
    return left;
}

/* -- facts ---------------------------------------------------------------------------------- */

size_t resolver_names_n(const struct resolver *r)
{
    return r->n;
}

struct resolver_name resolver_name(const struct resolver *r, size_t index)
{
    must(index < r->n);
    return r->names[index].facts;
}

struct resolver_totals resolver_totals(const struct resolver *r)
{
    struct resolver_totals t = {.names = r->n};
    for (size_t i = 0; i < r->n; i++) {
        const struct resolver_name *facts = &r->names[i].facts;
        t.lookups += facts->lookups;
        t.failures += facts->failures;
        t.changes += facts->changes;
        t.failing += facts->failing > 0;
    }
    return t;
}
