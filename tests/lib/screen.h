/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_SCREEN_H
#define WEIR_TESTS_LIB_SCREEN_H

/* A program on a terminal: a pty, and what would stand on its screen. It knows the sequences that
 * weirctl top writes, and fails the test at any other.
 *
 *     screen_start("weirctl -s ... top", 80, 24);
 *     AWAIT(screen_shows("[routes]"));
 *     screen_type("c");
 */

#include <stdbool.h>
#include <stddef.h>

/* One at a time. Of /bin/sh. */
void screen_start(const char *command, unsigned columns, unsigned lines);
void screen_type(const char *keys);
void screen_resize(unsigned columns, unsigned lines);
void screen_signal(int signo);
/* Reads what has come; true: it stands there. */
bool screen_shows(const char *text);
/* The line that it stands in, without spaces at its end; NULL: it stands nowhere. */
const char *screen_line(const char *text);
/* All lines, for failures. */
const char *screen_text(void);
/* Of the longest line that was ever written, cut or not. */
size_t screen_widest(void);
/* How often the whole screen was cleared: what flickers. */
unsigned screen_clears(void);
/* Does the terminal still work as a shell wants it: lines, echo, the usual screen and a cursor? */
bool screen_is_usual(void);
/* Waits for the end: the exit status, or minus the signal. */
int screen_await_exit(void);
/* Ends it, if it hasn't ended. */
void screen_end(void);

#endif
