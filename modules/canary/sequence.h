/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_SEQUENCE_H
#define WEIR_CANARY_SEQUENCE_H

/* Which sequence of variants instances go through together: the same number for the same names, in
 * the same order, with weights in the same ratio, and another one for everything else. So instances
 * whose weights differ never divide one sequence among them. Pure; any process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

struct sequence {
    uint64_t digest;
    uint32_t length; /* it repeats after so many */
};

/* False: the weights can't be kept exactly (schedule.h), or OpenSSL refuses. */
bool sequence_of(const struct weir_slice *names, const uint32_t *weights, size_t n,
                 struct sequence *out) __attribute__((warn_unused_result));

#endif
