/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_MASTER_H
#define WEIR_PROCESS_MASTER_H

/* The master process: parses the configuration, owns sockets and shared memory, forks and watches
 * the others. It handles no traffic. Signals:
 *
 *     HUP   reload: a new generation is started beside the old one, which drains when the new one
 *           is ready; a configuration that fails at any step leaves the old one serving
 *     USR1  reopen the logs, after rotation
 *     USR2  upgrade: the binary that lies now where this one was started from takes over the sockets
 *           and the shared region (upgrade.h); when it doesn't get ready, this one goes on
 *     QUIT  graceful stop: drain, then end
 *     TERM, INT  stop at once
 */

/* Runs until it is told to stop; returns the exit status. Configuration errors go to standard
 * error. */
int master_run(const char *file);

/* weir -t: loads and checks the configuration, prints what is wrong to standard error; 0 when it
 * can be used. */
int master_check(const char *file);

#endif
