/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_WEIGHTS_H
#define WEIR_CORE_WEIGHTS_H

/* From what is known about a cluster's endpoints to who gets how much: pure, over arrays.
 *
 * Endpoints fall into groups. A pick first takes a group, by its share, then one of the group's
 * endpoints, by the balancer and the endpoints' weights. Nearly always there is one group.
 *
 *     level (priority), 0 first  ►  healthy, then degraded ones  ►  own zone, other zones
 *
 * A level's part of the traffic follows its health h = min(1, factor x healthy / all), by weight: with
 * the usual factor of 1.4 a level carries everything until less than 71 % of it is healthy. Level 0
 * gets its h, level 1 what is left up to its own, and so on; when all of them together don't reach 1,
 * each gets its part of what there is. Degraded endpoints are asked for what is then left, in the
 * same way. (Envoy documents this as priority levels.)
 *
 * Within a level the own zone is preferred as far as that keeps the load of all endpoints even, if
 * gateways are spread over the zones as evenly as they can be: of Z zones each has 1/Z of them. So
 * the own zone takes min(1, Z x its part of the level's weight), and the others the rest.
 *
 * When the levels don't reach 1, and less than `panic` of everything is healthy, health is taken for
 * a mistake, or beyond help: all endpoints are used, in proportion to their weights. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PRIORITIES_MAX = 16,
    GROUPS_MAX = PRIORITIES_MAX * 4,
    GROUP_NONE = UINT8_MAX, /* gets nothing */
    WEIGHT_ONE = 1024,      /* an endpoint's weight of 1, when nothing is taken off it */
};

struct weight_facts {
    uint32_t weight;   /* as configured */
    uint32_t share;    /* millionths that modules leave to it; 0: none */
    uint32_t ramp;     /* millionths, by slow start; never 0 */
    uint32_t zone;     /* 0: the gateway's own; other numbers: other zones */
    uint8_t priority;  /* below PRIORITIES_MAX */
    bool down;         /* by health checks */
    bool draining;     /* is to get nothing, whatever the others are like; or not yet */
    bool degraded;     /* only when the healthy ones aren't enough */
};

struct weight_rules {
    uint32_t panic;         /* millionths; 0: never */
    uint32_t overprovision; /* per cent: 140 */
    bool zones;             /* the own zone is preferred, in groups of so many endpoints: */
    size_t zone_endpoints;
};

struct weight_result {
    uint32_t weight;   /* in 1/WEIGHT_ONE; 0: gets nothing */
    uint8_t group;
};

struct weight_groups {
    size_t n;
    uint32_t upto[GROUPS_MAX]; /* millionths of the traffic: of this and all groups before it. One
                                  that gets nothing is there for who has tried the others */
    bool panic;
};

void weights_make(const struct weight_facts *facts, size_t n, const struct weight_rules *rules,
                  struct weight_result *results, struct weight_groups *groups);

struct slow_start {
    uint64_t window_us;  /* 0: none */
    uint32_t min_share;  /* millionths to begin with */
    uint32_t aggression; /* per cent: 100 is linear, above it grows faster at first */
};
/* What part of its weight one gets that joined then (0: long ago), in millionths. */
uint32_t weights_ramp(const struct slow_start *s, uint64_t joined_us, uint64_t now_us);
/* When that will have changed enough to weigh anew; UINT64_MAX: never. */
uint64_t weights_ramp_due(const struct slow_start *s, uint64_t joined_us, uint64_t now_us);

#endif
