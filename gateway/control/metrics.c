/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page, put together from what is known in three places. Nothing is kept here: a page
 * is made from the values of the moment, each time that one is asked for. */

#include "control/metrics.h"

#include "control/resolver.h"
#include "core/stats/stats.h"
#include "core/module/watched_file.h"
#include "io/shm.h"

static void write_build(const struct metrics *m, struct text *out);
static void write_facts(const struct process_facts *f, struct text *out);
static void write_shm(const struct shm *shm, struct text *out);

void metrics_init(struct metrics *m, const struct generation *g, const struct shm *shm,
                  const char *version, void (*facts)(void *ctx, struct process_facts *out),
                  void *ctx)
{
    *m = (struct metrics){.g = g, .shm = shm, .version = version, .facts = facts, .facts_ctx = ctx};
}

void metrics_add(struct metrics *m, void (*write)(void *ctx, struct text *out), void *ctx)
{
    must(m->parts_n < METRICS_PARTS);
    m->parts[m->parts_n++] = (struct metrics_part){.write = write, .ctx = ctx};
}

void metrics_text(const struct metrics *m, struct text *out)
{
    struct process_facts f = {0};

    m->facts(m->facts_ctx, &f);
    write_build(m, out);
    write_facts(&f, out);
    write_shm(m->shm, out);
    for (size_t i = 0; i < m->parts_n; i++)
        m->parts[i].write(m->parts[i].ctx, out);
    stats_text(m->g, m->shm, f.slots_n, out);
}

void metrics_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)rq;
    out->type = SLICE("text/plain; version=0.0.4; charset=utf-8");
    metrics_text(ctx, &out->body);
}

/* -- values ------------------------------------------------------------------------------------ */

static void write_head(struct text *out, const char *name, const char *type, const char *help)
{
    const char *parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};

    for (size_t i = 0; i < array_n(parts); i++)
        text_str(out, parts[i]);
}

void metrics_value(struct text *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    write_head(out, name, type, help);
    text_str(out, name);
    text_char(out, ' ');
    text_uint(out, value);
    text_char(out, '\n');
}

static void write_build(const struct metrics *m, struct text *out)
{
    write_head(out, "weir_build_info", "gauge", "1, with the version of this gateway");
    text_str(out, "weir_build_info{version=\"");
    text_label_escaped(out, slice_str(m->version));
    text_str(out, "\"} 1\n");
}

static void write_facts(const struct process_facts *f, struct text *out)
{
#define COUNTER(field, name, help) metrics_value(out, name, "counter", help, f->field);
#define GAUGE(field, name, help) metrics_value(out, name, "gauge", help, f->field);
    PROCESS_METRICS(COUNTER, GAUGE)
#undef COUNTER
#undef GAUGE
}

static void write_shm(const struct shm *shm, struct text *out)
{
    const struct shm_usage u = shm_usage(shm);

    metrics_value(out, "weir_shared_memory_bytes", "gauge", "shared memory given to cells",
                  u.bytes);
    metrics_value(out, "weir_shared_memory_limit_bytes", "gauge", "memory.shared", u.limit);
    metrics_value(out, "weir_shared_memory_cells", "gauge", "cells in shared memory", u.cells);
}

/* -- the resolver ------------------------------------------------------------------------------ */

static void write_names(const struct resolver *r, struct text *out, const char *metric,
                        const char *help, uint64_t (*value)(const struct resolver_name *n))
{
    write_head(out, metric, "gauge", help);
    for (size_t i = 0; i < resolver_names_n(r); i++) {
        const struct resolver_name n = resolver_name(r, i);
        text_str(out, metric);
        text_str(out, "{cluster=\"");
        text_label_escaped(out, n.cluster);
        text_str(out, "\",name=\"");
        text_label_escaped(out, n.address);
        text_str(out, "\"} ");
        text_uint(out, value(&n));
        text_char(out, '\n');
    }
}

static uint64_t addresses_of(const struct resolver_name *n)
{
    return n->addresses;
}

static uint64_t failing_of(const struct resolver_name *n)
{
    return n->failing;
}

void metrics_of_resolver(void *resolver, struct text *out)
{
    const struct resolver *r = resolver;

    if (!r)
        return;
    const struct resolver_totals t = resolver_totals(r);
    metrics_value(out, "weir_resolver_names", "gauge", "names that are looked up in DNS", t.names);
    metrics_value(out, "weir_resolver_names_failing", "gauge", "names whose last look-up failed",
                  t.failing);
    metrics_value(out, "weir_resolver_lookups_total", "counter", "look-ups made", t.lookups);
    metrics_value(out, "weir_resolver_failures_total", "counter", "look-ups that failed",
                  t.failures);
    metrics_value(out, "weir_resolver_changes_total", "counter",
                  "answers that changed a cluster's endpoints", t.changes);
    if (!t.names)
        return;
    write_names(r, out, "weir_resolver_addresses", "addresses of a name", addresses_of);
    write_names(r, out, "weir_resolver_failed_in_row", "look-ups that failed since one succeeded",
                failing_of);
}

/* -- files ------------------------------------------------------------------------------------- */

void metrics_of_files(void *file_watch, struct text *out)
{
    const struct file_watch_totals t = file_watch_totals(file_watch);

    if (!t.files)
        return;
    metrics_value(out, "weir_files", "gauge", "files of modules that are watched", t.files);
    metrics_value(out, "weir_files_failing", "gauge", "watched files that can't be read now",
                  t.failing);
    metrics_value(out, "weir_files_changed_total", "counter",
                  "contents of watched files that came into force after the start", t.changed);
    metrics_value(out, "weir_files_failed_total", "counter",
                  "times that a watched file could not be read, and what was there was left",
                  t.failed);
}
