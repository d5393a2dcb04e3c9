/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_WEIRCTL_RUN_H
#define WEIR_TESTS_LIB_WEIRCTL_RUN_H

/* Runs "weirctl ..." at the rig's admin socket: its exit status, and what it said on both outputs,
 * which stays until the next run. */

int weirctl_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *weirctl_said(void);

#define WEIRCTL_SAYS(text) cr_assert(strstr(weirctl_said(), text), "%s", weirctl_said())

#endif
