/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_FINI_H
#define WEIR_TESTS_FINI_H

/* What is found when a test is over. Criterion shows assertions of a test's end but takes none for
 * a failure; a process that ends badly there makes the whole program fail, and is named.
 *
 *     FINI_EXPECT(left == 0, "%u processes were left behind", left);
 *     ... clear up ...
 *     fini_verdict();                                                    the last thing */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool fini_failed;

#define FINI_EXPECT(cond, ...)                                                                     \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: when the test was over: ", __FILE__, __LINE__);                \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            fini_failed = true;                                                                    \
        }                                                                                          \
    } while (0)

static inline void fini_verdict(void)
{
    if (fini_failed)
        abort();
}

#endif
