/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_FAILURES_H
#define WEIR_CANARY_FAILURES_H

/* What counts as a failure of a variant: `failures` of the settings, read. Pure; any process. */

#include "common/outcome.h"

struct failures {
    struct statuses statuses;
    uint32_t failures; /* of enum weir_failure */
};

/* "5xx", "404", or a kind: "connect", "reset", "timeout", "bad_response", "unavailable". False: it
 * is none of them. */
bool failures_add(struct failures *f, struct weir_slice word);
/* All kinds, and 5xx. */
void failures_preset(struct failures *f);
extern const char failures_form[]; /* what is allowed */

/* Is a response of this status one? */
bool failures_has_status(const struct failures *f, int status);
/* Is an end for this reason one? NONE: no. */
bool failures_has_failure(const struct failures *f, enum weir_failure failure);

#endif
