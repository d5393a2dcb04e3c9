/* SPDX-License-Identifier: Apache-2.0 */
/* With ten attempts at most, each an endpoint's name long, all fit as a rule. */
#include "retry/trail.h"

#include <stdio.h>

#include "common/slice.h"

enum { MORE = 4, PART_MAX = 256, STATUS_MAX = 12 };

void trail_add(struct trail *t, const char *why, int status, struct weir_slice endpoint,
               uint64_t took_us)
{
    char part[PART_MAX], number[STATUS_MAX];
    if (t->full)
        return;
    snprintf(number, sizeof number, "%d", status);
    const int n =
        snprintf(part, sizeof part, "%s%s@%.*s/%u.%ums", t->n ? " " : "", why ? why : number,
                 SLICE_ARG(endpoint), (unsigned)(took_us / 1000), (unsigned)(took_us / 100 % 10));
    const size_t room = sizeof t->text - MORE - t->n;
    if (n > 0 && n < (int)sizeof part && (size_t)n <= room) {
        memcpy(t->text + t->n, part, (size_t)n);
        t->n += (size_t)n;
        return;
    }
    memcpy(t->text + t->n, " ...", MORE);
    t->n += MORE;
    t->full = true;
}
