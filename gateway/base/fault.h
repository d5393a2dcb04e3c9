/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_FAULT_H
#define WEIR_BASE_FAULT_H

/* Set-up errors, collected: whoever checks a configuration, a file or an address adds what it
 * found and goes on, so that the operator sees all of it at once. A message says what, where, and
 * what to do. Run-time events are not faults; see core/why.h. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct fault {
    struct fault *next;
    const char *file; /* NULL: no place in a file */
    int line;         /* 0: none */
    bool warning;     /* doesn't keep the configuration from being used */
    const char *text;
};

struct faults {
    struct arena arena;
    struct fault *first, **last;
    size_t errors, warnings;
};

void faults_init(struct faults *fs);
void faults_fini(struct faults *fs);
/* file may be NULL; it is copied. */
void faults_add(struct faults *fs, const char *file, int line, const char *fmt, ...)
    printf_like(4, 5);
void faults_warn(struct faults *fs, const char *file, int line, const char *fmt, ...)
    printf_like(4, 5);
/* "FILE:LINE: error: TEXT" (or warning:) of one fault; NUL-terminated, from `a`. */
char *fault_line(const struct fault *f, struct arena *a);

/* The member of `names` (NULL-terminated) that `word` was probably meant to be, or NULL when none
 * is near: at most 2 letters wrong, missing, extra or swapped (1 in a word of up to 3 letters), or
 * a third of the length in a long word. Case doesn't count. */
const char *nearest_name(struct slice word, const char *const *names);

#endif
