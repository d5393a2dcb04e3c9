/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_JSON_SCHEMA_H
#define WEIR_TESTS_LIB_JSON_SCHEMA_H

/* Holds JSON to a schema: the part of JSON Schema 2020-12 that docs/openapi.json uses. A keyword
 * that isn't known here is a fault of the schema, so that no document asks for what nobody looks
 * at. */

#include <jansson.h>

#include "base/text.h"

/* `root` is what "$ref": "#/..." starts from. True: it fits. Else `fault` says what doesn't, and
 * where ("/clusters/0/name"). */
bool json_schema_fits(const json_t *root, const json_t *schema, const json_t *value,
                      struct text *fault) nodiscard;
/* What "#/a/b" refers to; NULL: nothing. "~1" stands for "/" (RFC 6901). */
const json_t *json_schema_at(const json_t *root, const char *pointer);

#endif
