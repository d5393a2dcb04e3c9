/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_OVERRIDES_H
#define WEIR_WEIRCTL_OVERRIDES_H

/* What is overridden at run time, for people. */

#include <jansson.h>

#include "base/text.h"

/* The table of the member "overrides"; nothing when there are none. How many there are. */
size_t overrides_show(const json_t *answer, struct text *out);
/* A line for each that a reload or a rollback has ended. */
void overrides_show_ended(const json_t *answer, struct text *out);

#endif
