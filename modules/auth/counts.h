/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_COUNTS_H
#define WEIR_AUTH_COUNTS_H

/* What the module counts. */

#include "auth/decide.h"

enum auth_count {
    COUNT_REFUSED_401,
    COUNT_REFUSED_403,
    COUNT_REFUSED_503,
    COUNT_CACHE_HITS,
    COUNT_CACHE_MISSES,
    COUNT_CHECKS,
    COUNT_CHECKS_REFUSED,
    COUNT_WAITS,
    COUNT_WAITS_REFUSED,
    COUNT_WAITS_IN_VAIN,
    COUNT_JWKS_FETCHES,
    COUNT_JWKS_FAILURES,
    COUNT_FILES_WRONG,
    COUNT_VALUES_LEFT_OUT,
    COUNT_N,
};

struct auth_counts {
    struct weir_counters *all;                        /* by enum auth_count */
    struct weir_counters *identified[AUTH_METHODS_N]; /* each with one row */
    struct weir_counters **failed;                    /* by reason_index(), each with one row */
};

/* All there are, for the manual. */
extern const struct weir_counter auth_counters[];

void counts_load(struct weir_load *l, struct auth_counts *c);
/* [process] */
static inline void count(struct weir_process *p, const struct auth_counts *c, enum auth_count which)
{
    weir_count(p, c->all, which, 1);
}
void count_identified(struct weir_process *p, const struct auth_counts *c, enum auth_method m);
/* A word of reasons.h. */
void count_failed(struct weir_process *p, const struct auth_counts *c, const char *word);

#endif
