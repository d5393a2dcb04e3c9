/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_CRASH_H
#define WEIR_PROCESS_CRASH_H

/* The last words of a process that dies of a fault: signal or broken invariant, the exchange that
 * was being run with its last steps, and a backtrace, on descriptor 2 (and the error log). */

struct worker;

/* SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, and must(). `name` is copied. */
void crash_install(const char *name);
/* Whose current exchange to tell about; NULL: none. */
void crash_watch(const struct worker *w);

#endif
