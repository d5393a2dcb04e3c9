/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_RFC3339_H
#define WEIR_FAULT_RFC3339_H

/* Times as operators write them. Pure; any process. */

#include <stdbool.h>
#include <stdint.h>

#include <weir/module.h>

/* "2026-12-31T18:00:00Z", "2026-12-31T18:00:00.5+01:00" (RFC 3339 5.6) in seconds since 1970; what
 * is behind the point counts for nothing. False: it isn't one, or lies before 1970. */
bool rfc3339_parse(struct weir_slice text, uint64_t *seconds) __attribute__((warn_unused_result));

enum { RFC3339_SIZE = 21 }; /* with the NUL */
/* "2026-12-31T17:00:00Z" */
void rfc3339_text(uint64_t seconds, char to[RFC3339_SIZE]);

#endif
