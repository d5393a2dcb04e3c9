/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_INSTALLED_H
#define WEIR_WEIRCTL_INSTALLED_H

/* The weir that is installed beside this weirctl, or the one that $WEIR names: it reads
 * configurations that aren't in force. */

#include <stdbool.h>

/* In a child whose standard input and output are what they should be: `weir MODE --config FILE`.
 * Why it can't is said on standard error. */
_Noreturn void installed_become(const char *mode, const char *file);
/* In the parent, of pipes and processes: says on standard error that there is no child, by errno.
 * False. */
bool installed_failed(void);

#endif
