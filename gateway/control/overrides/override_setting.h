/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERRIDE_SETTING_H
#define WEIR_CONTROL_OVERRIDE_SETTING_H

/* Which setting of the configuration an override is about, and what the configuration says there:
 * a path through the effective configuration (config.effective), in which elements of lists go by
 * their member "name" or "address", or by what they are, and behind a colon the members that count.
 *
 *     routes/reviews/canary/split:name,cluster,weight     of a list, those of each element
 *     modules/fault:enabled=true                          what it is when nothing stands there
 *     log/level                                           all of it counts
 *     clusters/a/endpoints/10.0.0.1%3A80:weight=1         ":" and "/" within a name are escaped
 *     clusters/reviews:                                   nothing of it, but that it is there
 *
 * Commands say it by a pattern with dots, in which members of what is asked stand in braces:
 * "routes.{route}.canary.split:name,cluster,weight". Pure; any process. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

enum { SETTING_MAX = 255 }; /* bytes */

/* From a pattern to a setting. False: a member isn't there, or can't be part of a path. */
bool setting_fill(const char *pattern, const json_t *asked, char to[SETTING_MAX + 1]) nodiscard;
/* What a configuration says there, as a number that is the same as long as that is. 0: nothing
 * stands there, and there is no default. */
uint64_t setting_digest(struct slice effective, const char *setting) nodiscard;
/* "routes.reviews.canary.split", for people. */
void setting_show(const char *setting, struct text *out);

#endif
