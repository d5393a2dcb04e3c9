/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_WISH_H
#define WEIR_FAULT_WISH_H

/* What a tester asks for in a header field:
 *
 *     X-Weir-Fault: delay=250ms, abort=503
 *     X-Weir-Fault: grpc=14       reset       truncate=64k       rate=10k
 *
 * Parted by commas. Pure; any process. */

#include <weir/module.h>

/* What may be asked for. */
struct wish_limits {
    uint64_t delay_ms; /* at most; 0: no delays */
};

/* What the field says. NULL: *out has it; else what is wrong with it, as static text. */
const char *wish_parse(struct weir_slice text, const struct wish_limits *limits,
                       struct weir_attempt_fault *out);

#endif
