/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_FAULT_LIST_H
#define WEIR_WEIRCTL_FAULT_LIST_H

/* What the gateway answers to all commands about injected faults, for people. */

#include <jansson.h>

#include "base/text.h"

void fault_list_show(const json_t *answer, struct text *out);

#endif
