/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_ADMIN_SCRIPT_H
#define WEIR_TESTS_LIB_ADMIN_SCRIPT_H

/* Plays the admin server for tests of weirctl: a process of its own on a unix socket that gives the
 * same answer to every request, and keeps the last request. It dies with the test. */

struct admin_script;

/* `answer` is all that it says to a request; NULL: it says nothing and waits. The path is borrowed.
 */
struct admin_script *admin_script_raw(const char *path, const char *answer);
/* An answer of this status and content. */
struct admin_script *admin_script(const char *path, int status, const char *json);
/* The last whole request, NUL-terminated; its content alone. "" when there was none. */
const char *admin_script_request(const struct admin_script *s);
const char *admin_script_content(const struct admin_script *s);
/* Removes the socket, too. */
void admin_script_end(struct admin_script *s);

#endif
