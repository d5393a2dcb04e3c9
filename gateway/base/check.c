/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when an invariant is broken: one line to stderr, the crash hook, abort.
 *
 * Nothing here allocates or takes a lock: the heap may be what is broken. A second failure on the
 * way (in the hook, say) aborts at once. */

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*must_hook)(const char *cond, const char *file, int line);

void must_failed(const char *cond, const char *file, int line)
{
    static volatile int failing;
    char text[512];

    if (failing++)
        abort();
    int n = snprintf(text, sizeof text, "weir[%d] %s:%d: must(%s) failed\n", (int)getpid(), file,
                     line, cond);
    if (n >= (int)sizeof text)
        n = (int)sizeof text - 1;
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) {
        /* Nowhere to say it: the hook and the core file have to do. */
    }
    if (must_hook)
        must_hook(cond, file, line);
    abort();
}
