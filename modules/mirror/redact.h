/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_REDACT_H
#define WEIR_MIRROR_REDACT_H

/* What an operator sees of values that differ. Responses are full of what isn't an operator's
 * business, so of a value nothing is shown but its kind and its length: "string(12)", "number",
 * "object(3)". With `show` the value itself is, cut after REDACT_SHOWN bytes; of content never more
 * than a digest. */

#include <jansson.h>

#include <weir/module.h>

enum {
    REDACT_SHOWN = 120, /* bytes of a value: enough to recognise it in a table */
    REDACT_TEXT = 512,  /* of what is written, with each byte as an escape */
};

/* Into `to` of REDACT_TEXT bytes, UTF-8 with a NUL. NULL stands for a value that isn't there. */
void redact_json(const json_t *v, bool show, char *to);
/* The same for a header field's value; an absent slice is "absent". */
void redact_field(struct weir_slice value, bool show, char *to);
/* "120 bytes", and with `show` the begin of its SHA-256. */
void redact_content(struct weir_slice content, bool show, char *to);

#endif
