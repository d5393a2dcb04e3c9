/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_ANSWER_H
#define WEIR_WEIRCTL_ANSWER_H

/* Members of the gateway's answer as text for people. Whatever is missing, null or of another type
 * shows as "-", so that an older or a newer gateway can be asked too. */

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/* A text (UTF-8) for a terminal: control characters, C1 included, are written as \x1b. What clients
 * sent may come this far, and must not steer the operator's terminal. */
void answer_plain(struct text *out, const char *s);

/* `o` may be anything, NULL included: what is no object has no members. */
void answer_add(struct text *out, const json_t *o, const char *key);
bool answer_number(const json_t *o, const char *key, double *v);
/* 0.9501 as "95.01%". */
void answer_share(struct text *out, const json_t *o, const char *key);
/* "3.1". */
void answer_tenths(struct text *out, const json_t *o, const char *key);
/* Milliseconds as "1m5s", rounded up to seconds: "0s" is over. */
void answer_left(struct text *out, const json_t *o, const char *key);
/* Seconds since 1970 as "2026-11-25 22:00:00 UTC"; a text as it is. */
void answer_moment(struct text *out, const json_t *o, const char *key);
/* Of an endpoint: "3", or "3 (file: 1)" where an operator gave it another weight than the file. */
void answer_weight(struct text *out, const json_t *endpoint);
/* What is wrong with a configuration: "weir.conf:3: what is wrong". */
void answer_fault(struct text *out, const json_t *o);
/* A list; NULL when it isn't one, which jansson's functions take for an empty one. */
const json_t *answer_list(const json_t *o, const char *key);

#endif
