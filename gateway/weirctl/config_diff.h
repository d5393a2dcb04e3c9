/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_CONFIG_DIFF_H
#define WEIR_WEIRCTL_CONFIG_DIFF_H

/* What has changed between two configurations, member by member. */

#include <jansson.h>

#include "base/text.h"

/* A line for each difference; how many there are. Lists whose elements are groups with a "name" are
 * compared by name, whatever their order, others by position.
 *
 *     + routes.canary                           is new
 *     - clusters.old                            is gone
 *     ~ routes.reviews.timeout: "3s" -> "5s"    has changed
 */
size_t config_diff(const json_t *from, const json_t *to, struct text *out);

#endif
