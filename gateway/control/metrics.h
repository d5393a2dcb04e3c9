/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_METRICS_H
#define WEIR_CONTROL_METRICS_H

/* The page /metrics in the Prometheus text format 0.0.4: what is known about the process as a
 * whole, what other parts of the control process add, and the counters of the workers
 * (core/stats/stats.h).
 *
 *     metrics_init(&m, g, shm, "0.1.0", process_facts, p);
 *     metrics_add(&m, metrics_of_resolver, resolver);
 *     {"/metrics", metrics_answer, &m} in the table of control/admin.h
 */

#include "control/admin.h"
#include "core/generation.h"

struct resolver;
struct shm;

/* What the process layer knows: COUNTER(field, metric, help), GAUGE likewise. The whole list is
 * the struct, and is shown. */
#define PROCESS_METRICS(COUNTER, GAUGE)                                                            \
    GAUGE(generation, "weir_generation", "number of the configuration in force")                   \
    GAUGE(started_s, "weir_start_time_seconds", "when the master started, since 1970")             \
    GAUGE(loaded_s, "weir_config_loaded_time_seconds",                                             \
          "when the configuration came into force, since 1970")                                    \
    COUNTER(reloads, "weir_reloads_total", "configurations that came into force")                  \
    COUNTER(reloads_failed, "weir_reloads_failed_total", "configurations that were refused")       \
    COUNTER(upgrades, "weir_upgrades_total", "times that another binary took over")                \
    COUNTER(upgrades_failed, "weir_upgrades_failed_total", "upgrades that were given up")          \
    GAUGE(workers, "weir_workers", "workers that the configuration asks for")                      \
    GAUGE(workers_alive, "weir_workers_alive", "workers of the generation in force")               \
    GAUGE(workers_draining, "weir_workers_draining", "workers of older generations")               \
    COUNTER(restarts, "weir_process_restarts_total", "processes started anew because one died")

struct process_facts {
#define FIELD(field, name, help) uint64_t field;
    PROCESS_METRICS(FIELD, FIELD)
#undef FIELD
    unsigned slots_n; /* counter slots ever used: [0, slots_n) */
};

enum { METRICS_PARTS = 16 };

struct metrics {
    const struct generation *g; /* borrowed */
    const struct shm *shm;      /* borrowed */
    const char *version;        /* borrowed */
    void (*facts)(void *ctx, struct process_facts *out);
    void *facts_ctx;
    struct metrics_part {
        void (*write)(void *ctx, struct text *out);
        void *ctx;
    } parts[METRICS_PARTS];
    size_t parts_n;
};

void metrics_init(struct metrics *m, const struct generation *g, const struct shm *shm,
                  const char *version, void (*facts)(void *ctx, struct process_facts *out),
                  void *ctx);
/* What `write` adds stands in each page, between the process and the workers. */
void metrics_add(struct metrics *m, void (*write)(void *ctx, struct text *out), void *ctx);
void metrics_text(const struct metrics *m, struct text *out);
/* For the table of the admin server; ctx is the struct metrics. */
void metrics_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* For parts: one metric with one value. `type`: "counter" or "gauge". */
void metrics_value(struct text *out, const char *name, const char *type, const char *help,
                   uint64_t value);
/* A part: names looked up in DNS. ctx is the struct resolver, or NULL when there is none. */
void metrics_of_resolver(void *resolver, struct text *out);
/* A part: files that modules have watched. ctx is the struct file_watch. */
void metrics_of_files(void *file_watch, struct text *out);

#endif
