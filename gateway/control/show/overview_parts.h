/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERVIEW_PARTS_H
#define WEIR_CONTROL_OVERVIEW_PARTS_H

/* Private to overview*.c. Each writes members, or one list, of the object that is open. */

#include <jansson.h>

#include "control/show/overview.h"
#include "core/stats/stats_sums.h"

struct overview_view {
    const struct overview *o;
    const struct process_facts *facts;
    const struct stats_sums *sums;
    const struct latency_bounds *bounds;
    const json_t *splits; /* of canaries: weights; NULL: none */
    struct text *t;
};

void overview_number(struct text *t, const char *key, uint64_t v);
void overview_name(struct text *t, const char *key, struct slice s);
/* overview_traffic.c: members "listeners", "unrouted", "routes", "clusters". */
void overview_listeners(const struct overview_view *v);
void overview_routes(const struct overview_view *v);
/* All, or those with this name. How many there were. */
size_t overview_write_clusters(const struct overview_view *v, struct slice only);

#endif
