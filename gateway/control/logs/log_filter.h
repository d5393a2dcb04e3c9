/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_LOG_FILTER_H
#define WEIR_CONTROL_LOG_FILTER_H

/* Which lines of the access log somebody wants to see. Terms with blanks between them, all of which
 * have to be true of a line:
 *
 *     route=reviews status>=500 duration>100ms path~^/api user_agent!="" module.field=x
 *
 * FIELD is that of the JSON line (docs/access-log.md); the fields that end in _us may be called
 * without that, and then want a unit: us, ms, s, m. OP is one of
 *
 *     = !=          the same text, number, true or false; "" is a field that is absent
 *     < <= > >=     numbers
 *     ~ !~          a regular expression (PCRE2) that matches somewhere in the text
 *
 * VALUE may be quoted, with \" and \\ in it. Of an absent field only !=, !~ and ="" are true. Pure.
 */

#include <jansson.h>
#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"

enum {
    LOG_FILTER_SIZE = 4096, /* bytes of the whole */
    LOG_FILTER_TERMS = 16,
};

struct log_filter;

/* NULL: `fault` says what is wrong, and what is allowed. An empty one takes every line. */
struct log_filter *log_filter_parse(struct slice text, struct text *fault) nodiscard;
bool log_filter_takes(struct log_filter *f, const json_t *line) nodiscard;
void log_filter_free(struct log_filter *f);

#endif
