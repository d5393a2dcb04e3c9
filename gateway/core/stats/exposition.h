/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_EXPOSITION_H
#define WEIR_CORE_EXPOSITION_H

/* The one writer of metrics, in two formats: the Prometheus text format 0.0.4, and OpenMetrics 1.0
 * for who asks for it. What a metric is called, its type, labels and meaning stand in tables of
 * struct metric, from which docs/metrics.md is made as well:
 *
 *     static const struct metric lookups = {"weir_resolver_lookups", METRIC_COUNTER, NULL, "..."};
 *     expose_head(e, &lookups);
 *     expose_sample(e, &lookups, labels, more, 7);        weir_resolver_lookups_total{...} 7
 *
 * All samples of a metric follow its head; a metric has one head. The formats differ in the head
 * and the end alone, so a series is called the same in both. */

#include "base/text.h"
#include "config/latency_bounds.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

struct metric {
    const char *name; /* of the family: its samples add _total, _info, _bucket, ... by type. Ends
                         with the unit where it has one: _seconds, _bytes */
    enum metric_type type;
    const char *labels; /* "route, code_class", for the manual; NULL: none */
    const char *help;   /* one line; escaped when shown */
    size_t at;          /* where the owner finds the value; its own business */
};

struct exposition {
    struct text *out;
    bool open; /* OpenMetrics */
};

extern const struct slice exposition_text_type, exposition_open_type; /* Content-Type */
/* Does a request with this Accept (all lines of it, joined) want OpenMetrics 1.0? Only where it is
 * named, and not liked less than the text format (RFC 9110 12.5.1). */
bool exposition_wants_open(struct slice accept);

void expose_head(struct exposition *e, const struct metric *m);
/* Labels as they stand in the braces; either part may be empty. */
void expose_sample(struct exposition *e, const struct metric *m, struct slice labels,
                   struct slice more, int64_t value);
/* The value in seconds. */
void expose_us(struct exposition *e, const struct metric *m, struct slice labels, uint64_t us);
/* Head and the only sample. */
void expose_value(struct exposition *e, const struct metric *m, uint64_t value);
/* After everything. */
void expose_end(struct exposition *e);

/* The bounds as labels, made once for many histograms. */
struct exposed_bounds {
    char text[LATENCY_BUCKETS][32];
    struct slice le[LATENCY_BUCKETS]; /* n + 1 of them */
    size_t n;
};
void exposed_bounds_init(struct exposed_bounds *eb, const struct latency_bounds *b);
/* counts: n + 1, not cumulative; shown cumulative. */
void expose_histogram(struct exposition *e, const struct metric *m, struct slice labels,
                      const struct exposed_bounds *eb, const uint64_t *counts, uint64_t sum_us);

/* name="value", escaped; with a comma before it unless t is empty. */
void label_add(struct text *t, const char *name, struct slice value);

/* A table of the manual, as Markdown, under a heading. `about` may be NULL. */
void metrics_table(struct text *out, const char *title, const char *about, const struct metric *v,
                   size_t n);
/* The same row by row. */
void metrics_rows_begin(struct text *out);
void metrics_row(struct text *out, const struct metric *m);

#endif
