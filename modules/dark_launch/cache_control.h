/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_CACHE_CONTROL_H
#define WEIR_DARK_LAUNCH_CACHE_CONTROL_H

/* Cache-Control for a response that one person alone may see (RFC 9111 5.2.2). */

#include <weir/module.h>

/* How many bytes the result has at most, for so many of a line: a comma may get a space. */
#define CACHE_CONTROL_ROOM(n) (2 * (n) + sizeof "private, ")

/* Writes the directives of a line (absent: none) to `to`, with "private" before them and without
 * those that let a shared cache keep the response: public, s-maxage, proxy-revalidate, and a
 * private that only speaks of some fields. What is no list of directives goes as a whole, and
 * no-store takes its place. Gives the length. */
size_t cache_control_private(struct weir_slice line, char *to);

#endif
