/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REPORT_H
#define WEIR_REPORT_H

/* A part of <weir/module.h>: what a module tells operators: counters, gauges, variants, fields of
 * the access log, lines of the error log. */

#include <weir/value.h>

#pragma GCC visibility push(default)

struct weir_use;

struct weir_counter {
    const char *name; /* shown as weir_MODULE_NAME_total */
    const char *help;
};

struct weir_label {
    const char *name;
    struct weir_slice value;
};

/* Counters of this use, with a label for its route or cluster and those that are given. `rows` ends
 * with a NULL name and is borrowed for good. NULL with a fault when there is no room. [load] */
struct weir_counters *weir_counters(struct weir_load *l, const struct weir_counter *rows,
                                    const struct weir_label *labels, size_t labels_n);
/* A plain store into this process's column. [process] */
void weir_count(struct weir_process *p, struct weir_counters *c, unsigned index, uint64_t n);
/* Over all processes, also those of before. [control] */
uint64_t weir_count_sum(struct weir_process *p, const struct weir_counters *c, unsigned index);

/* A gauge of this use, shown as weir_MODULE_NAME, with labels as counters have them: what `read`
 * makes of `ctx` (a cell, settings) whenever somebody looks. Texts are borrowed for good. [load];
 * `read` itself: [control] */
struct weir_gauge {
    const char *name, *help;
    uint64_t (*read)(const void *ctx);
    const void *ctx;
};
void weir_gauge(struct weir_load *l, const struct weir_gauge *gauge,
                const struct weir_label *labels, size_t labels_n);

/* A variant of this use's route: requests, statuses and latency are counted for it as for a route,
 * and its name shows in the access log. [load] */
struct weir_variant *weir_variant(struct weir_load *l, struct weir_slice name);
/* This exchange belongs to it; the last one that is set counts. [hook], before on_done */
void weir_variant_set(struct weir_exchange *x, struct weir_variant *v);
/* Which one it is; absent: none. [hook] */
struct weir_slice weir_variant_name(const struct weir_exchange *x);
struct weir_traffic {
    uint64_t requests, status[6]; /* [0]: none was sent, [1] to [5]: by class */
    uint64_t p50_us, p99_us; /* upper bounds of metrics.buckets, at most the highest; 0: none */
};
/* Over all processes. [control] */
void weir_variant_traffic(struct weir_process *p, const struct weir_variant *v,
                          struct weir_traffic *out);

/* The value of log_fields[index]; copied. Where several uses of the module set it, the last of them
 * shows; one whose place another took since (weir_chain_use, weir_retry) doesn't. [hook] */
void weir_log_set(struct weir_exchange *x, const struct weir_use *u, unsigned index,
                  struct weir_slice value);

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARN, WEIR_LOG_INFO, WEIR_LOG_TRACE };
/* A line of the error log: a fixed event name, and a text. Never give it secrets. [any] */
void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* What is known of an event: for programs, where the text is for people. */
struct weir_fact {
    const char *name;
    struct weir_slice text; /* empty: the fact is left out */
    int64_t number;
    bool is_number;
};
#define WEIR_FACT(fact, slice) ((struct weir_fact){.name = (fact), .text = (slice)})
#define WEIR_NUMBER(fact, n)                                                                       \
    ((struct weir_fact){.name = (fact), .number = (int64_t)(n), .is_number = true})
/* Two arguments of weir_event(): at most 12 facts, none of them called "text". */
#define WEIR_FACTS(...)                                                                            \
    (const struct weir_fact[]){__VA_ARGS__},                                                       \
        sizeof((const struct weir_fact[]){__VA_ARGS__}) / sizeof(struct weir_fact)
/* The state of something has changed, or an operator has changed something: the line of the error
 * log that weir_log() would write, and an entry of the audit log and of /v1/events with these facts
 * and the text. Never once per request. [any] */
void weir_event(enum weir_log_level level, const char *event, const struct weir_fact *facts,
                size_t n, const char *fmt, ...) WEIR_PRINTF(5, 6);

#pragma GCC visibility pop

#endif
