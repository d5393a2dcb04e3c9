/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_SYNTAX_H
#define WEIR_CONFIG_SYNTAX_H

/* Private to the folder: a look at the text of a configuration before libconfig parses it. */

#include "base/fault.h"
#include "base/slice.h"

enum { NESTING_MAX = 32 };

struct syntax {
    struct slice text;
    const char *file; /* for messages */
    struct faults *faults;
    /* Called for @include with the path as it stands; false ends the check. NULL: no includes. */
    bool (*include)(void *ctx, struct slice path, int line);
    void *ctx;
};

/* Adds a fault, one at most, for what libconfig reports badly, takes in silence or can't survive:
 * brackets that don't match, comments and texts that don't end, nesting beyond NESTING_MAX,
 * numbers that it would cut to 32 bits, numbers that its versions read differently. */
bool syntax_check(const struct syntax *sx) nodiscard;

/* Where a setting that stands a second time in its group stood first. */
struct twice {
    struct slice name;
    int first, second; /* lines */
};
/* The first such setting of a text that passed syntax_check(). */
bool syntax_twice(struct slice text, struct twice *out) nodiscard;

#endif
