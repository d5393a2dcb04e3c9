/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page, put together from what is known in three places. A page is made from the values
 * of the moment, each time that one is asked for. */

#include "control/show/metrics.h"

#include "control/show/process_usage.h"
#include "control/dns/resolver.h"
#include "core/stats/stats.h"
#include "core/module/watched_file.h"
#include "io/shm.h"

static void write_build(const struct metrics *m, struct exposition *e);
static void write_facts(const struct process_facts *f, struct exposition *e);
static void write_usage(struct metrics *m, const struct process_facts *f, struct exposition *e);
static void write_shm(const struct shm *shm, struct exposition *e);

void metrics_init(struct metrics *m, const struct generation *g, const struct shm *shm,
                  const char *version, void (*facts)(void *ctx, struct process_facts *out),
                  void *ctx)
{
    *m = (struct metrics){.g = g, .shm = shm, .version = version, .facts = facts, .facts_ctx = ctx};
}

void metrics_add(struct metrics *m, void (*write)(void *ctx, struct exposition *e), void *ctx)
{
    must(m->parts_n < METRICS_PARTS);
    m->parts[m->parts_n++] = (struct metrics_part){.write = write, .ctx = ctx};
}

void metrics_write(struct metrics *m, struct exposition *e)
{
    struct process_facts f = {0};

    m->facts(m->facts_ctx, &f);
    write_build(m, e);
    write_facts(&f, e);
    write_usage(m, &f, e);
    write_shm(m->shm, e);
    for (size_t i = 0; i < m->parts_n; i++)
        m->parts[i].write(m->parts[i].ctx, e);
    stats_show(m->g, m->shm, f.slots_n, e);
    expose_end(e);
}

void metrics_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct exposition e = {.out = &out->body, .open = exposition_wants_open(rq->accept)};

    out->type = e.open ? exposition_open_type : exposition_text_type;
    metrics_write(ctx, &e);
}

/* -- the process as a whole -------------------------------------------------------------------- */

static const struct metric build_metric = {"weir_build", METRIC_INFO, "version",
                                           "1, with the version of this gateway"};
#define COUNTER(field, name, help) {name, METRIC_COUNTER, NULL, help},
#define GAUGE(field, name, help) {name, METRIC_GAUGE, NULL, help},
static const struct metric fact_metrics[] = {PROCESS_METRICS(COUNTER, GAUGE)};
#undef COUNTER
#undef GAUGE
enum { SHM_BYTES, SHM_LIMIT, SHM_CELLS };
static const struct metric shm_metrics[] = {
    [SHM_BYTES] = {"weir_shared_memory_bytes", METRIC_GAUGE, NULL, "shared memory given to cells"},
    [SHM_LIMIT] = {"weir_shared_memory_limit_bytes", METRIC_GAUGE, NULL, "memory.shared"},
    [SHM_CELLS] = {"weir_shared_memory_cells", METRIC_GAUGE, NULL, "cells in shared memory"},
};

static void write_build(const struct metrics *m, struct exposition *e)
{
    struct text label;

    text_init(&label);
    label_add(&label, "version", slice_str(m->version));
    expose_head(e, &build_metric);
    expose_sample(e, &build_metric, text_slice(&label), (struct slice){0}, 1);
    text_fini(&label);
}

static void write_facts(const struct process_facts *f, struct exposition *e)
{
    const struct metric *m = fact_metrics;

#define VALUE(field, name, help) expose_value(e, m++, f->field);
    PROCESS_METRICS(VALUE, VALUE)
#undef VALUE
}

static void write_usage(struct metrics *m, const struct process_facts *f, struct exposition *e)
{
    enum { PROCESSES_MAX = STATS_SLOTS_MAX };
    uint64_t pids[PROCESSES_MAX];
    const size_t n = stats_pids(m->shm, f->slots_n, pids, PROCESSES_MAX);
    struct process_usage u;

    if (!process_usage_read("/proc", f->master, pids, n, &u))
        return;
    if (u.cpu_us > m->cpu_us)
        m->cpu_us = u.cpu_us;
    u.cpu_us = m->cpu_us;
    process_usage_show(&u, e);
}

static void write_shm(const struct shm *shm, struct exposition *e)
{
    const struct shm_usage u = shm_usage(shm);

    expose_value(e, &shm_metrics[SHM_BYTES], u.bytes);
    expose_value(e, &shm_metrics[SHM_LIMIT], u.limit);
    expose_value(e, &shm_metrics[SHM_CELLS], u.cells);
}

/* -- the resolver ------------------------------------------------------------------------------ */

enum { NAMES, NAMES_FAILING, LOOKUPS, FAILURES, CHANGES, ADDRESSES, FAILED_IN_ROW };
static const struct metric resolver_metrics[] = {
    [NAMES] = {"weir_resolver_names", METRIC_GAUGE, NULL, "names that are looked up in DNS"},
    [NAMES_FAILING] = {"weir_resolver_names_failing", METRIC_GAUGE, NULL,
                       "names whose last look-up failed"},
    [LOOKUPS] = {"weir_resolver_lookups", METRIC_COUNTER, NULL, "look-ups made"},
    [FAILURES] = {"weir_resolver_failures", METRIC_COUNTER, NULL, "look-ups that failed"},
    [CHANGES] = {"weir_resolver_changes", METRIC_COUNTER, NULL,
                 "answers that changed a cluster's endpoints"},
    [ADDRESSES] = {"weir_resolver_addresses", METRIC_GAUGE, "cluster, name", "addresses of a name"},
    [FAILED_IN_ROW] = {"weir_resolver_failed_in_row", METRIC_GAUGE, "cluster, name",
                       "look-ups that failed since one succeeded"},
};

static void write_names(const struct resolver *r, struct exposition *e, const struct metric *m,
                        uint64_t (*value)(const struct resolver_name *n))
{
    struct text labels;

    text_init(&labels);
    expose_head(e, m);
    for (size_t i = 0; i < resolver_names_n(r); i++) {
        const struct resolver_name n = resolver_name(r, i);
        labels.n = 0;
        label_add(&labels, "cluster", n.cluster);
        label_add(&labels, "name", n.address);
        expose_sample(e, m, text_slice(&labels), (struct slice){0}, (int64_t)value(&n));
    }
    text_fini(&labels);
}

static uint64_t addresses_of(const struct resolver_name *n)
{
    return n->addresses;
}

static uint64_t failing_of(const struct resolver_name *n)
{
    return n->failing;
}

void metrics_of_resolver(void *resolver, struct exposition *e)
{
    const struct resolver *r = resolver;

    if (!r)
        return;
    const struct resolver_totals t = resolver_totals(r);
    expose_value(e, &resolver_metrics[NAMES], t.names);
    expose_value(e, &resolver_metrics[NAMES_FAILING], t.failing);
    expose_value(e, &resolver_metrics[LOOKUPS], t.lookups);
    expose_value(e, &resolver_metrics[FAILURES], t.failures);
    expose_value(e, &resolver_metrics[CHANGES], t.changes);
    if (!t.names)
        return;
    write_names(r, e, &resolver_metrics[ADDRESSES], addresses_of);
    write_names(r, e, &resolver_metrics[FAILED_IN_ROW], failing_of);
}

/* -- files ------------------------------------------------------------------------------------- */

enum { FILES, FILES_FAILING, FILES_CHANGED, FILES_FAILED };
static const struct metric file_metrics[] = {
    [FILES] = {"weir_files", METRIC_GAUGE, NULL, "files of modules that are watched"},
    [FILES_FAILING] = {"weir_files_failing", METRIC_GAUGE, NULL,
                       "watched files that can't be read now"},
    [FILES_CHANGED] = {"weir_files_changed", METRIC_COUNTER, NULL,
                       "contents of watched files that came into force after the start"},
    [FILES_FAILED] = {"weir_files_failed", METRIC_COUNTER, NULL,
                      "times that a watched file could not be read, and what was there was left"},
};

void metrics_of_files(void *file_watch, struct exposition *e)
{
    const struct file_watch_totals t = file_watch_totals(file_watch);

    if (!t.files)
        return;
    expose_value(e, &file_metrics[FILES], t.files);
    expose_value(e, &file_metrics[FILES_FAILING], t.failing);
    expose_value(e, &file_metrics[FILES_CHANGED], t.changed);
    expose_value(e, &file_metrics[FILES_FAILED], t.failed);
}

/* -- the manual -------------------------------------------------------------------------------- */

void metrics_reference(struct text *out)
{
    struct metric process[1 + array_n(fact_metrics)] = {build_metric};

    memcpy(process + 1, fact_metrics, sizeof fact_metrics);
    metrics_table(out, "The gateway as a whole", NULL, process, array_n(process));
    process_usage_reference(out);
    metrics_table(out, "Shared memory", NULL, shm_metrics, array_n(shm_metrics));
    metrics_table(out, "Names looked up in DNS",
                  "Counters of the control process, here and below, begin anew with each "
                  "generation, as it does.",
                  resolver_metrics, array_n(resolver_metrics));
    metrics_table(out, "Watched files", "Only where modules have some.", file_metrics,
                  array_n(file_metrics));
}
