/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_PRIORITY_H
#define WEIR_HTTP_PRIORITY_H

/* The value of the Priority field and of PRIORITY_UPDATE (RFC 9218 4): "u=2, i". */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct priority {
    uint8_t urgency; /* 0 (first) to 7 */
    bool incremental;
};
#define PRIORITY_DEFAULT ((struct priority){.urgency = 3})

/* Changes *p by what the value says of it; what it doesn't say stays. Members that are unknown, or
 * not of the type or in the range that RFC 9218 gives them, are ignored (4). False: the value is no
 * dictionary as far as it was understood, and *p is as it was. */
bool priority_parse(struct slice value, struct priority *p);

#endif
