/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of the module: one set for all, and one of each method and each reason, which show
 * as one metric with a label. */
#include "auth/counts.h"

#include "auth/reasons.h"
#include "common/slice.h"

#define ROWS                                                                                       \
    [COUNT_REFUSED_401] = {"refused_401", "requests that were answered 401"},                      \
    [COUNT_REFUSED_403] = {"refused_403", "requests that were answered 403"},                      \
    [COUNT_REFUSED_503] = {"refused_503", "requests that couldn't be told about, answered 503"},   \
    [COUNT_CACHE_HITS] = {"cache_hits", "tokens and passwords that were known"},                   \
    [COUNT_CACHE_MISSES] = {"cache_misses", "tokens and passwords that had to be checked"},        \
    [COUNT_CHECKS] = {"checks", "passwords that were given to a helper thread"},                   \
    [COUNT_CHECKS_REFUSED] = {"checks_refused",                                                    \
                              "those that were not hashed, as too many waited (offload.queue)"},   \
    [COUNT_WAITS] = {"waits", "requests that waited for keys of an issuer"},                       \
    [COUNT_WAITS_REFUSED] = {"waits_refused", "requests that didn't, as too many did"},            \
    [COUNT_WAITS_IN_VAIN] = {"waits_in_vain", "requests whose key didn't come in time"},           \
    [COUNT_JWKS_FETCHES] = {"jwks_fetches", "fetches of an issuer's keys"},                        \
    [COUNT_JWKS_FAILURES] = {"jwks_failures", "those that failed"},                                \
    [COUNT_FILES_WRONG] = {"files_wrong", "files that changed into what can't be used"},           \
    [COUNT_VALUES_LEFT_OUT] = {"values_left_out", "values of claims that no field can carry"}
#define IDENTIFIED "identified", "requests that were identified, by method"
#define FAILED "failed", "requests whose credentials were wrong, by reason"

const struct weir_counter auth_counters[] = {
    ROWS, [COUNT_N] = {IDENTIFIED}, {FAILED}, {NULL, NULL}};
static const struct weir_counter own[] = {ROWS, [COUNT_N] = {NULL, NULL}};
static const struct weir_counter identified[] = {{IDENTIFIED}, {NULL, NULL}};
static const struct weir_counter failed[] = {{FAILED}, {NULL, NULL}};

static struct weir_counters *labelled(struct weir_load *l, const struct weir_counter *rows,
                                      const char *name, const char *value)
{
    const struct weir_label label = {name, slice_str(value)};
    return weir_counters(l, rows, &label, 1);
}

void counts_load(struct weir_load *l, struct auth_counts *c)
{
    c->all = weir_counters(l, own, NULL, 0);
    for (int m = 0; m < AUTH_METHODS_N; m++)
        c->identified[m] = labelled(l, identified, "method", auth_method_words[m]);
    c->failed = weir_load_alloc(l, reasons_n() * sizeof *c->failed);
    for (size_t i = 0; i < reasons_n(); i++)
        c->failed[i] = labelled(l, failed, "reason", reason_word(i));
}

void count_identified(struct weir_process *p, const struct auth_counts *c, enum auth_method m)
{
    weir_count(p, c->identified[m], 0, 1);
}

void count_failed(struct weir_process *p, const struct auth_counts *c, const char *word)
{
    const size_t i = reason_index(word);
    if (i < reasons_n())
        weir_count(p, c->failed[i], 0, 1);
}
