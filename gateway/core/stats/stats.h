/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_H
#define WEIR_CORE_STATS_H

/* Counters and histograms in shared memory. Every worker process has a slot of its own: its
 * columns lie on its own cache lines and are plain stores; whoever reads adds the slots up. A slot
 * is free again when its process is gone, and the next process that gets it goes on counting from
 * where it stood, so sums never go back: over reloads (old and new workers have different slots)
 * and crashes alike. Gauges of a dead process are zeroed by the master.
 *
 * Cells, each with the columns of eight slots: stats/worker/GROUP, stats/listener/NAME/GROUP,
 *        stats/flow/LISTENER/ROUTE/GROUP, stats/route/NAME/GROUP, stats/unrouted/GROUP, stats/cluster/NAME/GROUP,
 *        stats/endpoints/CLUSTER/CAPACITY/GROUP (by table row), stats/sources/LISTENER/GROUP,
 *        stats/variant/ROUTE/NAME/GROUP, stats/module/... (core/stats/stats_module.h).
 *
 * The lists below are the only place where a counter is declared: the structs, the metrics page
 * and the tests are made from them. All members are uint64_t, so that a column can be added up as
 * an array. */

#include <stdatomic.h>
#include <stdint.h>

#include "base/addr.h"
#include "config/latency_bounds.h"
#include "core/grpc.h"
#include "core/why.h"
#include "http/h1_parse.h"
#include "http/h2_fault.h"

struct config;
struct generation;
struct shm;
struct text;
struct faults;

enum { STATS_SLOTS_MAX = 512 };

/* Latencies by the configuration's bounds. A column outlives its process and its configuration: one
 * that was counted by other bounds begins anew with the next latency, and until then nobody adds it
 * up. */
struct histogram {
    uint64_t layout; /* latency_bounds.layout; 0: nothing yet */
    uint64_t sum_us;
    uint64_t bucket[LATENCY_BUCKETS]; /* not cumulative; made so when shown */
};
void histogram_add(struct histogram *h, const struct latency_bounds *b, uint64_t us);

/* COUNTER(field, help): shown as weir_[KIND_]FIELD_total. GAUGE(field, name, help): shown as
 * weir_[KIND_]NAME. Names end with the unit where there is one: _seconds, _bytes. */
#define WORKER_COUNTERS(COUNTER)                                                                   \
    COUNTER(connections_accepted, "connections accepted")                                          \
    COUNTER(accept_errors, "accepts that failed, for lack of descriptors or memory")               \
    COUNTER(connections_shed, "connections closed at once for lack of descriptors or memory")      \
    COUNTER(blocks_refused, "times that no block of memory was to be had")                         \
    COUNTER(exchanges_refused, "requests refused for lack of memory")                              \
    COUNTER(regex_limit_hits, "regular expressions given up at their match limit")                 \
    COUNTER(access_log_dropped, "access log lines that could not be written")                      \
    COUNTER(calls, "requests of modules' own, copies of requests included")                       \
    COUNTER(calls_refused, "requests of modules' own that were not made: no memory, not allowed")  \
    COUNTER(jobs, "jobs that modules gave to helper threads")                                      \
    COUNTER(jobs_refused, "jobs that were refused by offload.queue, or for lack of threads")       \
    COUNTER(loop_turns, "turns of the event loop")
#define WORKER_GAUGES(GAUGE)                                                                       \
    GAUGE(exchanges_active, "exchanges_active", "exchanges under way")                             \
    GAUGE(blocks_used, "blocks_used", "blocks of memory that hold bytes in transit")
#define LISTENER_COUNTERS(COUNTER)                                                                 \
    COUNTER(requests, "requests")                                                                  \
    COUNTER(accepted, "connections accepted")                                                      \
    COUNTER(refused_limit, "connections refused by limits.connections")                            \
    COUNTER(refused_source, "connections refused by limits.connections_per_source")                \
    COUNTER(sources_untracked, "connections whose source found no room in the table of sources")   \
    COUNTER(timeout_idle, "idle connections closed by timeouts.keep_alive")                        \
    COUNTER(handshakes, "TLS handshakes completed")                                               \
    COUNTER(handshakes_resumed, "TLS handshakes that resumed a session")                          \
    COUNTER(handshakes_failed, "TLS handshakes that failed")                                      \
    COUNTER(handshakes_refused, "connections refused by limits.handshakes")                       \
    COUNTER(timeout_handshake, "connections closed by timeouts.handshake")                        \
    COUNTER(proxy_headers, "connections that began with a PROXY header")                           \
    COUNTER(proxy_faults, "connections closed for a bad or missing PROXY header")                  \
    COUNTER(requests_limit, "connections closed by limits.requests")                               \
    COUNTER(h2_connections, "connections that spoke HTTP/2")                                       \
    COUNTER(h2_streams_refused, "HTTP/2 requests above h2.streams of clients new to it")           \
    COUNTER(h2_client_resets, "HTTP/2 streams reset by the client")                                \
    COUNTER(h2_protocol_errors, "HTTP/2 connections closed because of a protocol error")           \
    COUNTER(h2_timeout_head, "HTTP/2 connections closed by timeouts.head")                         \
    COUNTER(h2_ping_timeouts, "HTTP/2 connections closed by h2.ping_timeout")                      \
    COUNTER(h2_stalled, "HTTP/2 streams reset because their window stayed shut")                   \
    COUNTER(h2_calm_streams, "HTTP/2 connections closed by h2.streams")                            \
    COUNTER(h2_calm_resets, "HTTP/2 connections closed by h2.resets")                              \
    COUNTER(h2_calm_continuations, "HTTP/2 connections closed by h2.continuations")                \
    COUNTER(h2_calm_pings, "HTTP/2 connections closed by h2.pings")                                \
    COUNTER(h2_calm_settings, "HTTP/2 connections closed by h2.settings")                          \
    COUNTER(h2_calm_empty_frames, "HTTP/2 connections closed by h2.empty_frames")                  \
    COUNTER(h2_calm_priorities, "HTTP/2 connections closed by h2.priorities")                      \
    COUNTER(h2_calm_window_updates, "HTTP/2 connections closed by h2.window_updates")              \
    COUNTER(h2_calm_unread, "HTTP/2 connections closed for not reading what they asked for")
#define LISTENER_GAUGES(GAUGE) GAUGE(active, "connections", "connections open")
#define TRAFFIC_COUNTERS(COUNTER)                                                                  \
    COUNTER(requests, "requests")                                                                  \
    COUNTER(request_bytes, "content of requests")                                                  \
    COUNTER(response_bytes, "content of responses")
#define ENDPOINT_COUNTERS(COUNTER)                                                                 \
    COUNTER(attempts, "attempts started")                                                          \
    COUNTER(connects, "connections opened")                                                        \
    COUNTER(connect_failures, "connections that could not be opened")                              \
    COUNTER(connections_full, "connections not opened because the cluster had all it may have")    \
    COUNTER(panic, "attempts started while so few endpoints were healthy that all were used")      \
    COUNTER(reused, "attempts on a kept connection")                                               \
    COUNTER(failures, "attempts that ended without a whole response")                              \
    COUNTER(tls_handshakes, "TLS handshakes completed")                                            \
    COUNTER(tls_resumed, "TLS handshakes that resumed a session")                                  \
    COUNTER(tls_failures, "TLS handshakes that failed")                                            \
    COUNTER(h2_goaways, "HTTP/2 connections that the backend began to close (GOAWAY)")             \
    COUNTER(h2_refused, "HTTP/2 requests that the backend refused without processing them")        \
    COUNTER(h2_waited, "attempts that waited for room on an HTTP/2 connection")                    \
    COUNTER(h2_overflows, "attempts refused by pool.waiting")                                      \
    COUNTER(h2_pings_lost, "HTTP/2 connections given up because a ping was not answered")          \
    COUNTER(h2_floods, "HTTP/2 connections closed by h2.control_frames or for endless heads")
#define ENDPOINT_GAUGES(GAUGE)                                                                     \
    GAUGE(active, "attempts_active", "attempts under way")                                         \
    GAUGE(open, "connections", "connections open")

#define COUNTER(field, help) uint64_t field;
#define GAUGE(field, name, help) uint64_t field;
struct worker_stats {
    WORKER_COUNTERS(COUNTER)
    uint64_t whys[WHY_N];         /* exchanges by reason, all routes and those without one */
    uint64_t h1_faults[H1_FAULT_N];
    uint64_t h2_faults[H2_FAULT_N];
    WORKER_GAUGES(GAUGE)          /* blocks_used is noted once a second */
    uint64_t pid;                 /* of the slot's process; 0: there is none */
    uint64_t logs_epoch;          /* that of the log files that it has open */
    uint64_t generation;          /* of its configuration; this and the next two belong to the pid */
    uint64_t worker;              /* its number plus 1; 0: the control process */
    uint64_t draining;            /* 1: it takes no new connections */
};
struct listener_stats {
    LISTENER_COUNTERS(COUNTER)
    LISTENER_GAUGES(GAUGE)
};
/* Of a route, of a variant of one, and of a cluster. */
struct traffic_stats {
    TRAFFIC_COUNTERS(COUNTER)
    uint64_t status[6];           /* [0]: none was sent, [1]..[5]: by class */
    uint64_t retries;             /* attempts after the first */
    uint64_t retries_refused;     /* by retry_budget */
    uint64_t hedges, hedges_won;  /* attempts beside others, and those whose answer was the first */
    uint64_t hedges_refused;      /* by hedge_budget */
    uint64_t grpc[GRPC_COLUMNS];  /* gRPC requests by enum grpc_code */
    struct histogram latency;     /* the whole exchange; last: see stats_add_counted() */
};
struct endpoint_stats {
    ENDPOINT_COUNTERS(COUNTER)
    uint64_t status[6];
    ENDPOINT_GAUGES(GAUGE)
    uint64_t owner;               /* whose numbers these are: cluster_owner(); 0: nobody's yet */
    struct histogram latency;     /* attempt: from its start to its last byte; last */
};
#undef COUNTER
#undef GAUGE

/* The index into `status` of a status that was sent (0: none was). RFC 9110 15: what is above the
 * known classes, which an origin may send, counts as 5xx. */
static inline unsigned status_class(uint16_t status)
{
    return status < 600 ? status / 100 : 5;
}

/* A configuration that was never read, as tests have it, has the default ones. */
const struct latency_bounds *stats_bounds(const struct config *c);

/* The columns of one slot for one generation: pointers into shared cells. */
struct stats {
    unsigned slot;
    struct worker_stats *worker;
    struct listener_stats **listeners; /* by index in config.listeners */
    uint64_t ***flows;                 /* by index in config.listeners: where its requests count */
    struct traffic_stats **routes;     /* by index in config.routes, and behind the last: unrouted */
    struct traffic_stats *unrouted;    /* exchanges that got no route */
    struct traffic_stats **clusters;   /* by index in config.clusters */
    struct endpoint_stats **endpoints; /* by cluster index, then row */
    struct source_mirror **mirrors;    /* by index in config.listeners; NULL: no limit per source */
    struct traffic_stats **variants;   /* by index in module_plan.variants */
    uint64_t **counters;               /* by index in module_plan.counters, then row */
    const struct latency_bounds *bounds; /* of the generation's configuration */
    const struct shm *shm;             /* borrowed: to read what other slots counted */
    uint64_t **flow_cells;             /* what `flows` points into */
    uint64_t nowhere;                  /* where flows are counted that aren't: nobody reads it */
};

/* Where in stats.flows[listener] a request counts, so that who counts need not ask whether
 * metrics.flows allows it: as one of the listener's, and as one of those that took this route, by
 * index in config.routes; behind the last one those that got none. */
enum { FLOW_ALL, FLOW_ROUTES };

/* How many pairs of a listener and a route there are, requests without a route included, and whether
 * they are counted (metrics.flows). */
size_t stats_flows_n(const struct config *c);
bool stats_counts_flows(const struct config *c);

/* Master, before forking the process that gets the slot. The arrays are malloc'ed. NULL with a
 * fault when the region is full. */
struct stats *stats_bind(const struct generation *g, struct shm *shm, unsigned slot,
                         struct faults *faults) nodiscard;
void stats_free(struct stats *s);
/* Master, for a new generation between shm_generation() and shm_forget(): keeps the columns of
 * slots [0, slots_n) of whatever this generation still has, whether a process uses them now or
 * not. Without it the counts of processes that are gone would be forgotten, and sums go back. */
void stats_keep(const struct generation *g, struct shm *shm, unsigned slots_n);
/* Master, after the process of this slot is gone (g: the generation it was of): zeroes its gauges
 * and gives back what it held of the listeners' connections and sources. */
void stats_slot_dead(const struct generation *g, struct shm *shm, unsigned slot);

/* The process of the slot, before it counts for an endpoint: a row of the table can be taken for
 * another address, whose numbers begin anew. Gauges stay, for what the old one still has open. */
void stats_claim(struct endpoint_stats *es, uint64_t owner);

/* How much is going on, over all processes: requests that have ended since ever (also those of the
 * gateway's own), and those under way. */
struct stats_load {
    uint64_t requests, active;
};
struct stats_load stats_load(const struct shm *shm);

/* The processes that have a slot now, as many as there is room for. */
size_t stats_pids(const struct shm *shm, unsigned slots_n, uint64_t *pids, size_t room);

/* Have all that have a slot now opened the log files of this epoch, or of a later one? */
bool stats_logs_reopened(const struct shm *shm, unsigned slots_n, uint64_t epoch) nodiscard;

/* How many requests a cluster has had, from all processes there have been. */
uint64_t stats_requests(const struct generation *g, const struct shm *shm, uint32_t cluster);

/* -- limits over all workers ------------------------------------------------------------------- */

/* The shared cell "listener/NAME/connections": exact over all workers. Each process notes its own
 * share in its slot (listener_stats.active), so that the master can give back what a dead one held. */
struct listener_gauge {
    _Atomic uint64_t connections;
};

/* Connections by client address: buckets of eight, each entry a tag and a count in one word, so
 * that every change is one compare-and-swap. The cell "listener/NAME/sources"; each slot mirrors
 * what it holds in its column of "stats/sources/NAME/GROUP" (stats.mirrors). */
enum { SOURCES_BUCKETS = 2048, SOURCES_PER_BUCKET = 8 };
struct source_table {
    _Atomic uint64_t entries[SOURCES_BUCKETS * SOURCES_PER_BUCKET];
};
struct source_mirror {
    uint32_t held[SOURCES_BUCKETS * SOURCES_PER_BUCKET];
};
enum source_verdict { SOURCE_OK, SOURCE_LIMIT, SOURCE_UNTRACKED };
/* Takes one place for `ip`; *entry says which (for source_leave), or -1 when untracked. */
enum source_verdict source_enter(struct source_table *t, struct source_mirror *m, const struct ip *ip,
                                 uint64_t limit, int32_t *entry);
void source_leave(struct source_table *t, struct source_mirror *m, int32_t entry);
/* Master: gives back what a dead process held. */
void source_dead(struct source_table *t, struct source_mirror *m);

/* -- showing (core/stats/stats_text.c, stats_metrics.c) ----------------------------------------- */

struct exposition;
/* Everything, summed over slots [0, slots_n). */
void stats_show(const struct generation *g, const struct shm *shm, unsigned slots_n,
                struct exposition *e);
/* The tables of the manual. */
void stats_reference(struct text *out);
/* What metrics.endpoints says of a cluster. */
bool stats_shows_endpoints(const struct generation *g, uint32_t cluster) nodiscard;

#endif
