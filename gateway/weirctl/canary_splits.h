/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_CANARY_SPLITS_H
#define WEIR_WEIRCTL_CANARY_SPLITS_H

/* What `canary get` and `canary set` answer: splits, and where their requests went. */

#include <jansson.h>

#include "base/text.h"

void canary_splits_show(const json_t *answer, struct text *out);

#endif
