/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_RIG_PARTS_H
#define WEIR_TESTS_LIB_RIG_PARTS_H

/* What the files of the rig share. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct rig {
    char dir[64];
    const char *defaults; /* rig_default_modules(); NULL: the usual */
    pid_t pid;     /* the master; 0: none */
    bool deaths;   /* the test kills processes */
    size_t log_at; /* the log is looked at from here */
};

extern struct rig rig;

void rig_parts_end(void);

#endif
