/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_JSON_DIFF_H
#define WEIR_MIRROR_JSON_DIFF_H

/* The places at which two JSON values differ. The order of members means nothing (RFC 8259 4), that
 * of elements does; 1 and 1.0 are the same number. */

#include <jansson.h>

#include "mirror/json_path.h"

enum { JSON_DIFFERENCES = 100 }; /* after so many the rest isn't looked at */

/* Called for each difference; NULL stands for a value that isn't there. Borrowed for the call. */
typedef void json_differs(void *ctx, const struct json_way *way, const json_t *a, const json_t *b);

struct json_diff {
    const struct json_pattern *ignored; /* what differs there, or below, differs not */
    size_t ignored_n;
    json_differs *fn;
    void *ctx;
};

/* Gives how many there are, up to JSON_DIFFERENCES. What lies deeper than JSON_DEPTH is compared as
 * a whole. */
unsigned json_diff(const struct json_diff *d, const json_t *a, const json_t *b);

#endif
