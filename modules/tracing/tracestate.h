/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_TRACESTATE_H
#define WEIR_TRACING_TRACESTATE_H

/* The list of what other tracing systems want to hand on (W3C Trace Context 3.3). It is passed on
 * as it came, or not at all. Pure. */

#include <weir/module.h>

enum {
    TRACESTATE_MEMBERS = 32, /* 3.3.1.1: there can be no more */
    TRACESTATE_KEY = 256,
    TRACESTATE_VALUE = 256,
};

/* Adds the members of a line to *members; empty ones count, too (3.3.1.1 lets them be, so there has
 * to be an end). False: one has a wrong form, or there are too many by now. */
bool tracestate_count(struct weir_slice line, unsigned *members);

#endif
