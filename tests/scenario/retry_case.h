/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_RETRY_CASE_H
#define WEIR_TESTS_RETRY_CASE_H

/* Clusters whose endpoints fail as the test says: "app" has one endpoint, "pair" a bad and a good
 * one, in this order. */

#include "tests/lib/h2_talk.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

extern struct origin *retry_app, *retry_bad, *retry_good;
void retry_begin(void);
void retry_end(void);
#define RETRY_SUITE(name) TestSuite(name, .init = retry_begin, .fini = retry_end, .timeout = 120)

/* The route "all" to a cluster, with these settings of the module. */
#define RETRY_ROUTE(cluster, ...)                                                                  \
    "( { name = \"all\"; cluster = \"" cluster "\"; retry = { " __VA_ARGS__ " }; } )"
/* Starts it with both clusters; `more` are settings of them both. Unless it has a retry_budget, all
 * requests may be repeated. */
#define retry_start(routes, ...) retry_start_with((routes), "" __VA_ARGS__)
void retry_start_with(const char *routes, const char *more);

/* A request over HTTP/1.1 (GET, or with content of n bytes of the pattern), over HTTP/2: the
 * status. */
int retry_ask_h1(const char *method, const char *target, size_t n);
int retry_ask_h2(const char *method, const char *target, size_t n);
/* A counter of the module, of the route "all". */
double retry_count(const char *what);

#endif
