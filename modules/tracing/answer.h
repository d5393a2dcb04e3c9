/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_ANSWER_H
#define WEIR_TRACING_ANSWER_H

/* What a collector's answer means (OTLP 1.x, "OTLP/HTTP Response"), and when the same spans are
 * sent again. Pure. */

#include <weir/module.h>

enum answer {
    ANSWER_TAKEN,   /* all of them, but for those that it says it has rejected */
    ANSWER_AGAIN,   /* not now: 429, 502, 503, 504, or no answer at all */
    ANSWER_REFUSED, /* never */
};
enum answer answer_of(int status); /* 0: there was none */

enum { ANSWER_MESSAGE = 200 };
/* How many spans a taken request's content says were rejected, and in its words why (cut; a NUL
 * ends it). What isn't JSON says nothing. */
uint64_t answer_rejected(struct weir_slice body, char message[ANSWER_MESSAGE]);

enum { ANSWER_FIRST_MS = 500, ANSWER_SLOWEST_MS = 30000, ANSWER_LONGEST_MS = 300000 };
/* After so many failures in a row (from 1): doubled each time, of which `random` takes up to the
 * half away; but not before what Retry-After says (RFC 9110 10.2.3; absent: nothing), up to
 * ANSWER_LONGEST_MS. */
uint64_t answer_wait_ms(unsigned failures, struct weir_slice retry_after, uint64_t wall_us,
                        uint64_t random);

#endif
