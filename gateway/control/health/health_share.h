/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_SHARE_H
#define WEIR_CONTROL_HEALTH_SHARE_H

/* Health checks that only some instances of a fleet make: what is known here for the others, and
 * what the others have found. Who they are, fleet/fleet_health.c knows; what follows is decided
 * here:
 *
 *     this instance is to check it         it does
 *     others are, and one says it is up    it is up here
 *     ... and all who know say down        it is down here
 *     ... and nobody knows, for a while    this instance checks it, too
 *     nobody can say who is to             this instance checks it
 *
 * So whoever checks an endpoint goes by what it sees itself, and whoever doesn't by the best that
 * is said: what can be reached from somewhere isn't down. When they disagree for longer than their
 * turns explain, something between them and the endpoint is broken, a path fault. Control process.
 */

#include "control/health/health.h"

/* What an instance has found by its own checks. */
struct health_view {
    enum endpoint_health health; /* UNKNOWN: nothing, or nothing of its own */
    bool passed;                 /* the last one */
    int word;                    /* enum endpoint_word that the endpoint said then; -1: none */
};

/* What those say whose turn it is to check an endpoint. */
struct health_views {
    bool mine;               /* this instance is one of them */
    unsigned up, down;       /* of the others */
    struct health_view best; /* the one to go by, when there are any */
};

/* How many instances are to check each endpoint of the i-th cluster that is checked; 0: all. */
uint32_t health_checkers(const struct health *h, size_t i);
/* The endpoint `at` of it. False: there are no more. */
bool health_view(const struct health *h, size_t i, size_t at, struct slice *name,
                 struct health_view *view) nodiscard;
/* From time to time, and when something has changed. `v` NULL: nobody can say. */
void health_share(struct health *h, size_t i, size_t at, const struct health_views *v);
/* So many endpoints of it found no room in what the others are told. */
void health_unsaid(struct health *h, size_t i, size_t n);

#endif
