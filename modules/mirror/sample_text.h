/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_SAMPLE_TEXT_H
#define WEIR_MIRROR_SAMPLE_TEXT_H

/* One pair of responses that differ, as it is kept for the operator: a JSON object on one line,
 *
 *     {"time": 1764100000.123, "method": "GET", "path": "/cart", "request_id": "...",
 *      "differences": [{"what": "status", "primary": "200", "mirror": "500"}]}
 *
 * with "more": N when N further differences found no room. */

#include <jansson.h>

#include <weir/module.h>

/* Which request it was about. Everything but printable ASCII is "?", for it came from a client;
 * what is too long is cut. */
struct sample_about {
    double time; /* seconds since 1970 */
    char method[24], path[256], request_id[72];
};

void sample_about_set(struct sample_about *to, struct weir_slice method, struct weir_slice path,
                      struct weir_slice request_id, uint64_t wall_us);
/* Gives the length, at most `size`; 0: no memory. */
size_t sample_text(const struct sample_about *about, json_t *differences, char *to, size_t size);

#endif
