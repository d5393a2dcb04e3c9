/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_TRAIL_H
#define WEIR_RETRY_TRAIL_H

/* The attempts of an exchange as the access log tells them: "connect@10.0.0.1:80/3ms
 * 200@10.0.0.2:80/12.5ms", each as OUTCOME@ENDPOINT/DURATION, in the order in which they ended.
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum { TRAIL_MAX = 1024 };

struct trail {
    char text[TRAIL_MAX];
    size_t n;
    bool full;
};

/* `why` NULL: the status counts. What no longer fits is left out as a whole, and "..." stands there
 * in its place. */
void trail_add(struct trail *t, const char *why, int status, struct weir_slice endpoint,
               uint64_t took_us);

#endif
