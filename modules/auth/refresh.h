/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_REFRESH_H
#define WEIR_AUTH_REFRESH_H

/* When keys are fetched again. Pure. */

#include <weir/module.h>

struct refresh_rules {
    uint64_t refresh_ms; /* at the latest */
    uint64_t refetch_ms; /* at the earliest, unless refresh_ms is less */
};

/* max-age of Cache-Control, in seconds (RFC 9111 5.2.2.1); false: it has none, or none that is a
 * number. Of two the smaller one counts. */
bool refresh_max_age(struct weir_slice cache_control, uint64_t *seconds);

/* After a good fetch. An issuer may ask for more fetches by max-age (NULL: doesn't say), never for
 * fewer: keys that it takes back must not stay in force for longer than the operator wants. Up to a
 * tenth earlier by `random`, so that gateways that were started together don't stay together. */
uint64_t refresh_after_ms(const struct refresh_rules *r, const uint64_t *max_age_s,
                          uint64_t random);

enum { REFRESH_FIRST_MS = 500, REFRESH_SLOWEST_MS = 60000 };
/* After so many failures in a row (from 1): doubled each time, up to a minute or the refresh, of
 * which `random` takes up to the half away. */
uint64_t refresh_again_ms(const struct refresh_rules *r, unsigned failures, uint64_t random);

#endif
