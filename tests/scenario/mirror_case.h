/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_MIRROR_CASE_H
#define WEIR_TESTS_MIRROR_CASE_H

/* A route whose requests go to the origin "app" and, as copies, to "shade"; what is counted about
 * it, and what an operator sees. */

#include <jansson.h>

#include "tests/lib/h2_talk.h"
#include "tests/lib/operator.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#define MIRROR_TO(cluster, ...) "{ cluster = \"" cluster "\"; " __VA_ARGS__ " }"
/* The route "all" with these mirrors, and the route with one, to "shade". */
#define MIRROR_ROUTE(mirrors) "( { name = \"all\"; cluster = \"app\"; mirror = ( " mirrors " ); } )"
#define MIRROR(...) MIRROR_ROUTE(MIRROR_TO("shade", __VA_ARGS__))

extern struct origin *mirror_app, *mirror_shade;
void mirror_begin(void);
void mirror_end(void);
#define MIRROR_SUITE(name) TestSuite(name, .init = mirror_begin, .fini = mirror_end, .timeout = 120)

/* With the clusters "app", "shade" (HTTP/1.1) and "shade2" (the same origin, over HTTP/2 when
 * mirror_shade speaks it). */
void mirror_start(unsigned workers, const char *routes);
bool mirror_reload(unsigned workers, const char *routes);
/* So many requests over HTTP/1.1, and over HTTP/2, on several connections; all are answered 200. */
void mirror_send(unsigned h1, unsigned h2);

/* weir_mirror_NAME_total of the route "all" and the cluster "shade". */
unsigned mirror_count(const char *name);
/* What the operator is told of the route's mirrors, until the next call. */
json_t *mirror_told_all(void);
/* What the operator is told of it: a member of the answer, which stays until the next call. */
json_t *mirror_told(const char *member);
/* The n-th difference of the newest sample as "WHAT: PRIMARY, MIRROR"; "" when there is none. */
const char *mirror_difference(size_t n);

#endif
