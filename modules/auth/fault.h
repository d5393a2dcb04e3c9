/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_FAULT_H
#define WEIR_AUTH_FAULT_H

/* What is wrong with a file of this module: the line where there is one, what, and what to do.
 * Nothing of a key, a hash or a password is ever in the text. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <weir/module.h>

struct auth_fault {
    int line; /* from 1; 0: the whole */
    char text[240];
};

/* Gives false, for callers to return. */
static inline bool WEIR_PRINTF(3, 4)
    auth_fault_set(struct auth_fault *f, int line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    f->line = line;
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    return false;
}

#endif
