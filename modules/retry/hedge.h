/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_HEDGE_H
#define WEIR_RETRY_HEDGE_H

/* `hedge.delay` of the settings, read: a time, or a percentile. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include <weir/module.h>

struct hedge_delay {
    uint64_t fixed_us; /* 0: by percentile */
    uint32_t part;     /* millionths: 950000 is the 95th */
};

/* "50ms", "1.5s", "800us"; "p95", "p99.9". At least 1 us and at most an hour; percentiles from p50
 * up to below p100. False: it is nothing of that. */
bool hedge_delay_read(struct weir_slice text, struct hedge_delay *out);

#endif
