/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_CHECKERS_H
#define WEIR_FLEET_CHECKERS_H

/* Who checks which endpoints of one cluster, and what they have found. Each instance says on a
 * board what its own checks have found:
 *
 *     {"checks": {"10.0.0.4:80": "up", "10.0.0.5:80": "down failed", "10.0.0.6:80": "up drain"}}
 *
 * Whose turn an endpoint is follows from names alone: the m instances with the highest number made
 * of their name and the endpoint's (Thaler, Ravishankar: Using Name-Based Mappings to Increase Hit
 * Rates, 1998), of those that take part, which have a note, and live. So all find the same without
 * asking, and when one comes or goes only its own endpoints move. Pure; control process. */

#include "base/text.h"
#include "control/health/health_share.h"

/* An endpoint that an instance has checked. */
struct checker_finding {
    struct slice endpoint; /* owned */
    struct health_view view;
};

struct checker {
    struct slice instance; /* owned */
    uint64_t hash;
    bool alive;                       /* the caller's to set */
    struct checker_finding *findings; /* owned, n of them */
    size_t n;
};

struct checkers {
    struct checker *all; /* of the other instances, owned; all zeros: none */
    size_t n;
    uint64_t own; /* hash of this instance's name */
};

void checkers_init(struct checkers *c, struct slice instance);
void checkers_fini(struct checkers *c);
/* The note of another instance; absent: it takes no part any more. False: there is no sense in it,
 * and it takes part without having found anything. */
bool checkers_hear(struct checkers *c, struct slice instance, struct slice text) nodiscard;
void checkers_blank(struct checkers *c);
/* What the `m` whose turn the endpoint is have found. */
struct health_views checkers_ask(const struct checkers *c, struct slice endpoint, size_t m);

/* Adds an endpoint to this instance's note, which begins with checkers_note_begin() and ends with
 * checkers_note_end(). False: it finds no room. */
void checkers_note_begin(struct text *t);
bool checkers_note_add(struct text *t, struct slice endpoint,
                       const struct health_view *view) nodiscard;
void checkers_note_end(struct text *t);

#endif
