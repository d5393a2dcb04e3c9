/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_VALUE_REGEX_H
#define WEIR_COMMON_VALUE_REGEX_H

/* Expressions (PCRE2) over values of header fields, as routes have them: they match the value as a
 * whole, byte by byte. Made in the master, asked in workers. */

#include <weir/module.h>

enum { VALUE_REGEX_REASON = 192 };

struct pcre2_real_code_8;

/* NULL, with the reason: the text is no regular expression. To be freed by value_regex_free(). */
struct pcre2_real_code_8 *value_regex_make(struct weir_slice text, char reason[VALUE_REGEX_REASON]);
/* NULL is harmless. */
void value_regex_free(struct pcre2_real_code_8 *code);
/* Within a limit of steps and memory: an expression that reaches it doesn't match. */
bool value_regex_matches(const struct pcre2_real_code_8 *code, struct weir_slice value);

#endif
