/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_METRICS_H
#define WEIR_CONTROL_METRICS_H

/* The page /metrics (core/stats/exposition.h has its formats): what is known about the process as a
 * whole, what other parts of the control process add, and the counters of the workers
 * (core/stats/stats.h).
 *
 *     metrics_init(&m, g, shm, "0.1.0", process_facts, p);
 *     metrics_add(&m, metrics_of_resolver, resolver);
 *     {"/metrics", metrics_answer, &m} in the table of control/admin/admin.h
 */

#include "control/admin/admin.h"
#include "core/generation.h"
#include "core/stats/exposition.h"

struct resolver;
struct shm;

/* What the process layer knows: COUNTER(field, family, help), GAUGE likewise. The whole list is
 * the struct, and is shown. */
#define PROCESS_METRICS(COUNTER, GAUGE)                                                            \
    GAUGE(generation, "weir_generation", "number of the configuration in force")                   \
    GAUGE(started_s, "process_start_time_seconds", "when the master started, since 1970")          \
    GAUGE(loaded_s, "weir_config_loaded_timestamp_seconds",                                        \
          "when the configuration came into force, since 1970")                                    \
    COUNTER(reloads, "weir_reloads", "configurations that came into force")                        \
    COUNTER(reloads_failed, "weir_reloads_failed", "configurations that were refused")             \
    COUNTER(upgrades, "weir_upgrades", "times that another binary took over")                      \
    COUNTER(upgrades_failed, "weir_upgrades_failed", "upgrades that were given up")                \
    GAUGE(workers, "weir_workers", "workers that the configuration asks for")                      \
    GAUGE(workers_alive, "weir_workers_alive", "workers of the generation in force")               \
    GAUGE(workers_draining, "weir_workers_draining", "workers of older generations")               \
    COUNTER(restarts, "weir_process_restarts", "processes started anew because one died")          \
    COUNTER(log_rotations, "weir_log_rotations", "log files renamed by log.rotate")                \
    COUNTER(log_rotations_failed, "weir_log_rotations_failed",                                     \
            "log files that couldn't be renamed")                                                  \
    COUNTER(audit_dropped, "weir_audit_log_dropped", "lines that the audit log didn't take")       \
    COUNTER(events, "weir_events", "notable events, see docs/audit.md")

struct process_facts {
#define FIELD(field, name, help) uint64_t field;
    PROCESS_METRICS(FIELD, FIELD)
#undef FIELD
    unsigned slots_n; /* counter slots ever used: [0, slots_n) */
    uint64_t master;  /* its process id */
};

enum { METRICS_PARTS = 16 };

struct metrics {
    const struct generation *g; /* borrowed */
    const struct shm *shm;      /* borrowed */
    const char *version;        /* borrowed */
    void (*facts)(void *ctx, struct process_facts *out);
    void *facts_ctx;
    uint64_t cpu_us; /* the most processor time that was shown: it never goes back */
    struct metrics_part {
        void (*write)(void *ctx, struct exposition *e);
        void *ctx;
    } parts[METRICS_PARTS];
    size_t parts_n;
};

void metrics_init(struct metrics *m, const struct generation *g, const struct shm *shm,
                  const char *version, void (*facts)(void *ctx, struct process_facts *out),
                  void *ctx);
/* What `write` adds stands in each page, between the process and the workers. */
void metrics_add(struct metrics *m, void (*write)(void *ctx, struct exposition *e), void *ctx);
void metrics_write(struct metrics *m, struct exposition *e);
/* For the table of the admin server; ctx is the struct metrics. */
void metrics_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* A part: names looked up in DNS. ctx is the struct resolver, or NULL when there is none. */
void metrics_of_resolver(void *resolver, struct exposition *e);
/* A part: files that modules have watched. ctx is the struct file_watch. */
void metrics_of_files(void *file_watch, struct exposition *e);
/* The tables of the manual: of this file, of process_usage.h and of the health checks. */
void metrics_reference(struct text *out);
void health_metrics_reference(struct text *out);

#endif
