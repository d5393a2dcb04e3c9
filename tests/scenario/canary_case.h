/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_CANARY_CASE_H
#define WEIR_TESTS_CANARY_CASE_H

/* Routes with a split, requests over both protocols at once, and an operator who looks and changes
 * over the admin socket. */

#include <jansson.h>
#include <stdint.h>

#include "tests/lib/h2_talk.h"
#include "tests/lib/operator.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

/* A cluster of one origin, and an entry of a split that goes there. */
#define CANARY_CLUSTER(name) " " name " = { endpoints = [ \"$" name "\" ]; };"
#define CANARY_ENTRY(name, weight, ...)                                                            \
    "{ cluster = \"" name "\"; weight = " #weight "; " __VA_ARGS__ " }"
/* The route "all", with the entries of its split and further settings. */
#define CANARY_ROUTE(entries, ...)                                                                 \
    "( { name = \"all\"; canary = { split = ( " entries " ); " __VA_ARGS__ " }; } )"
/* v1 and v2, with these weights. */
#define CANARY_TWO(w1, w2, ...)                                                                    \
    CANARY_ROUTE(CANARY_ENTRY("v1", w1) ", " CANARY_ENTRY("v2", w2), __VA_ARGS__)

/* The rig, and the origins "app", "v1" and "v2". */
extern struct origin *canary_v1, *canary_v2;
void canary_begin(void);
void canary_end(void);
#define CANARY_SUITE(name) TestSuite(name, .init = canary_begin, .fini = canary_end, .timeout = 120)
/* Starts it with the clusters v1 and v2, and these routes. */
void canary_start(unsigned workers, const char *routes);
bool canary_reload(unsigned workers, const char *routes);
/* A good one; until the former generation has ended, which may be asked up to then. */
void canary_renew(unsigned workers, const char *routes);

/* So many requests over HTTP/1.1 and as many over HTTP/2, on connections to all workers; all must
 * be answered 200. `target` may have several words of "?..." (origin.h). */
void canary_send(unsigned h1, unsigned h2, const char *target);

/* Weights of the route "all", as {"v1": 1, ...}; must be taken. */
void canary_set(const char *weights);
/* Asks for the split of "all": a number of its variant, of the split itself (variant NULL). */
double canary_number(const char *variant, const char *key);

#endif
