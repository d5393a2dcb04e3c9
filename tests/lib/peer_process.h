/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_PEER_PROCESS_H
#define WEIR_TESTS_LIB_PEER_PROCESS_H

/* Clients and servers that others wrote, in Python: a script of tests/peers in a process of its
 * own. A script says what it has to say in lines on its standard output (a server its port, first)
 * and ends when its standard input does. Needs an interpreter that has the module; without one the
 * test is skipped. Processes end with peers_end(). */

#include <stdbool.h>
#include <stdint.h>

struct peer_process;

/* Can Python import it? For RIG_SKIP. */
bool peer_has(const char *module);
/* peers/NAME.py with these arguments (NULL ends them). */
struct peer_process *peer_start(const char *name, const char *const *args);
/* A line for its standard input; the end of the line is added. */
void peer_say(struct peer_process *p, const char *line);
/* The next line without its end; waits. NULL: the script ended, or said nothing in time. It stays
 * until the next call. */
const char *peer_line(struct peer_process *p);
/* A server's first line, and "$NAME" as its address in configurations. */
uint16_t peer_listens(struct peer_process *p, const char *name);
/* Waits for its end: its exit status, or minus the signal. Standard error is told when it fails. */
int peer_end(struct peer_process *p);
void peers_end(void);

#endif
