/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_OUTLIER_LIST_H
#define WEIR_WEIRCTL_OUTLIER_LIST_H

/* What the gateway answers to all commands about ejections, for people. */

#include <jansson.h>

#include "base/text.h"

void outlier_list_show(const json_t *answer, struct text *out);

#endif
