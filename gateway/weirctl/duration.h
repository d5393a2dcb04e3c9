/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_DURATION_H
#define WEIR_WEIRCTL_DURATION_H

/* Spans and moments of time, as operators write and read them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* "90s", "30m", "2h", "7d", as in the configuration; whole seconds, and at least one. */
bool duration_parse(const char *s, uint64_t *seconds) nodiscard;
/* The two largest units: "1h59m", "3d", "45s". Negative: "0s". */
void duration_text(struct text *out, double seconds);
/* Seconds since 1970: "2026-11-25 22:00:00 UTC"; "-" for what no calendar has. */
void moment_text(struct text *out, double wall_s);

#endif
