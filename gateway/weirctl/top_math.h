/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_TOP_MATH_H
#define WEIR_WEIRCTL_TOP_MATH_H

/* From two overviews to what has happened between them, a second. NAN is what isn't known: before
 * there are two, or where nothing happened. */

#include <jansson.h>

#include "base/text.h"

struct top_pair {
    const json_t *before, *now; /* overviews; before NULL: there is only one yet */
};

/* Seconds between the two; NAN when they aren't of one life of the gateway, in order. */
double top_seconds(const struct top_pair *p);
/* How much a counter has grown, a second. `before` NULL: the object is new. */
double top_rate(const struct top_pair *p, const json_t *now, const json_t *before, const char *key);
/* The same of an element of a list of counters. */
double top_rate_at(const struct top_pair *p, const json_t *now, const json_t *before,
                   const char *key, size_t at);
/* How long, in microseconds, this share (0.99) of what is counted in "latency" took at most, as far
 * as buckets tell: within one they are taken for evenly spread. Above the last bound it is that
 * bound, negative. */
double top_share_us(const struct top_pair *p, const json_t *const *now, const json_t *const *before,
                    size_t n, double share);
/* The element of a list whose member `key` is the same text; NULL: there is none. `at` is where to
 * look first. */
const json_t *top_find(const json_t *list, const char *key, const json_t *like, size_t at);

/* For people, in few columns; "-" for NAN. */
void top_rate_text(struct text *t, double v);
void top_us_text(struct text *t, double us);
void top_bytes_text(struct text *t, double v);

#endif
