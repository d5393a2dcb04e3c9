/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_COOKIES_H
#define WEIR_DARK_LAUNCH_COOKIES_H

/* One cookie among those of a Cookie line (RFC 6265 5.4): how often it is there, and the line
 * without it. A value is what stands between "=" and ";", without white space around it; quotes are
 * part of it, so that a credential has one spelling. Names are compared with their case. */

#include <weir/module.h>

/* Counts the cookies of this name in a line, and gives the value of the last in *value. */
unsigned cookies_find(struct weir_slice line, struct weir_slice name, struct weir_slice *value);

/* Writes the line without the cookies of these names (the empty one is nobody's) to `to`, which has
 * room for line.n bytes. Gives its length; what is left is as it was, byte for byte, with its
 * separators. */
size_t cookies_without(struct weir_slice line, const struct weir_slice *names, size_t n, char *to);

#endif
