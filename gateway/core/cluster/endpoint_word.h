/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ENDPOINT_WORD_H
#define WEIR_CORE_ENDPOINT_WORD_H

/* What an endpoint says of itself in a field of its responses (clusters.NAME.health.header):
 * "drain", "degraded" or "ok". A backend that is about to stop, or that has lost something it works
 * better with, is the first to know. Only a cluster that names the field is listened to, only about
 * the endpoint that the response came from, and not for longer than header_for. */

#include "core/cluster/endpoint_cell.h"
#include "http/fields.h"

/* False: there is no such field, or its value is none of the words. Of several lines the gravest
 * counts. */
bool endpoint_word_parse(const struct fields *f, struct slice header,
                         enum endpoint_word *out) nodiscard;
const char *endpoint_word_name(enum endpoint_word word);
/* Writes it down; what is known already costs no change of the cell, but is renewed in time. True:
 * it is news. */
bool endpoint_word_note(struct endpoint_cell *cell, uint32_t slot, enum endpoint_word word,
                        uint64_t now_us, uint64_t for_ms);

struct attempt;
/* The head of a response has come, in any process: listens, and takes the field away, which is not
 * for clients. The cluster has a header configured. */
void endpoint_word_hear(struct attempt *at, const struct health_conf *conf);

#endif
