/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_AUDIT_H
#define WEIR_BASE_AUDIT_H

/* The audit log: a file of lines that is only ever appended to, by all processes, each line with
 * one write(2). What can't be written is counted, and logged once until it works again; nothing
 * waits for it. What the lines are is base/event.h's. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

/* What all processes know of it; in shared memory. */
struct audit_state {
    _Atomic uint64_t written, lost; /* lines */
    _Atomic uint32_t torn;          /* the last line has no end: it was written in part */
};

/* Opens the file for appending (0640), instead of the one before; "off": none. False with errno,
 * and everything as it was. */
bool audit_open(const char *path) nodiscard;
/* The same path again, after rotation. */
bool audit_reopen(void) nodiscard;
/* Gives the file to somebody (fchown), so that processes that dropped root may reopen it. To be
 * called again after audit_reopen(). */
bool audit_chown(unsigned uid, unsigned gid) nodiscard;
/* Borrowed, also by children; NULL: what the process keeps for itself. */
void audit_share(struct audit_state *s);

bool audit_is_open(void);
/* A line with its newline. */
void audit_write(struct slice line);

#endif
