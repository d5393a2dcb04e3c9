/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_RETRY_AFTER_H
#define WEIR_RETRY_RETRY_AFTER_H

/* How long an origin wants to be left alone: Retry-After (RFC 9110 10.2.3), and the fields that
 * rate limiters send, whose meaning differs from one to the next. Pure; any process. */

#include <stdbool.h>
#include <stdint.h>

#include <weir/module.h>

enum reset_format {
    RESET_AUTO,    /* a number from 1,000,000,000 on is a time, a smaller one seconds; or a date */
    RESET_SECONDS, /* from now */
    RESET_UNIX,    /* seconds since 1970 */
};

/* Until when, in ms from now on; what has passed is 0. Of Retry-After: seconds or a date, in each
 * of the three forms of RFC 9110 5.6.7. `date`: the response's Date, by which the origin's clock
 * went; absent or wrong: wall_us, our own. False: it says nothing that can be understood. */
bool retry_after_ms(struct weir_slice value, struct weir_slice date, uint64_t wall_us,
                    uint64_t *ms);
/* Of a rate limiter's field. A fraction is allowed, parameters behind a semicolon are passed over.
 */
bool retry_reset_ms(struct weir_slice value, enum reset_format format, uint64_t wall_us,
                    uint64_t *ms);

#endif
