/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_CHANGE_H
#define WEIR_CONTROL_ADMIN_CHANGE_H

/* Who has changed what by the admin API: an event `admin_change` for each request that was let
 * through by admin_may_change(), when it is answered.
 *
 *     run                  ──► admin_change_note     while the request is there
 *     answer, or its end   ──► admin_change_end      when it is known what came of it
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct admin_change {
    bool begun; /* it may change something; admin_may_change() sets it */
    bool later; /* it is answered later: something is under way */
    char *path, *asked,
        *reason; /* owned, NUL-terminated; NULL: nothing is noted, or nothing said */
};

/* `later`: the answer comes later. Nothing, unless it has begun. */
void admin_change_note(struct admin_change *c, struct slice path, struct slice content, bool later);
/* `status` 0: who asked is gone before the answer was there. What was refused without having been
 * begun is no change. Harmless when nothing was noted. */
void admin_change_end(struct admin_change *c, const char *who, uint16_t status);

/* The JSON of a request as it may be written down: what secrets may be in is masked, and "reason"
 * is taken out. The caller's to free; NULL: it is no JSON object, or an empty one. */
char *admin_change_asked(struct slice content, char **reason);

#endif
