/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_SCHEDULE_H
#define WEIR_CANARY_SCHEDULE_H

/* Which variant gets which request, so that shares are exact by construction. The weights, divided
 * by their greatest common divisor, sum up to W; the schedule is a table of W variants that is gone
 * through again and again by ticket number. After any number m of tickets each variant has got its
 * ideal m*w/W to within 1 - 1/(2k-2), k being the number of variants with a weight; with two
 * variants that is half a request. Nothing here allocates, and everything is exact integers, so all
 * instances have the same schedules. Any process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Entries. Steps of 0.01 % need 10,000; the rest is for weights that don't add up to 100 %,
     * such as 100 beside 0.01, or to a power of two. It is memory of each split, four times. */
    SCHEDULE_MAX = 16384,
    SCHEDULE_VARIANTS = 255, /* numbers are one byte */
    SCHEDULE_REASON = 200,   /* bytes of a reason, with its NUL */
};

struct schedule {
    uint32_t length;          /* W: 1 to SCHEDULE_MAX */
    uint8_t of[SCHEDULE_MAX]; /* the variant of each ticket; the first `length` are set */
};

/* Can these weights be kept exactly? *length (may be NULL) gets how many entries that takes. False:
 * `reason` says what is wrong with them and what to do. */
bool schedule_check(const uint32_t *weights, size_t n, uint32_t *length,
                    char reason[SCHEDULE_REASON]) __attribute__((warn_unused_result));

/* The same, and the table. *s is only valid when true is returned. */
bool schedule_build(struct schedule *s, const uint32_t *weights, size_t n,
                    char reason[SCHEDULE_REASON]) __attribute__((warn_unused_result));

/* The variant of the ticket at this position, from 0. */
static inline uint8_t schedule_at(const struct schedule *s, uint64_t position)
{
    return s->of[position % s->length];
}

/* How many of the first `position` tickets (up to 2^48) are the variant's: exact. */
uint64_t schedule_count(const struct schedule *s, uint64_t position, unsigned variant);

#endif
