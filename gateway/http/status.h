/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_STATUS_H
#define WEIR_HTTP_STATUS_H

/* Status codes by name, and what content type a client would like an error in. */

#include "http/fields.h"

/* "Not Found"; "Unknown" for codes without a standard reason. Static. */
struct slice status_reason(uint16_t status);

enum answer_type { ANSWER_TEXT, ANSWER_HTML, ANSWER_JSON };
/* By the Accept field (RFC 9110 12.5.1) with its qualities; JSON for application/json, +json and
 * application/problem+json; HTML only when it is asked for by name and preferred; else text. */
enum answer_type answer_type_for(const struct fields *request);

#endif
