/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_HEALTH_CASE_H
#define WEIR_TESTS_SCENARIO_HEALTH_CASE_H

/* What scenarios of health checks share: two endpoints, "app" and "spare", and checks that come
 * often. */

#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>

#define BOTH "[ \"$app\", \"$spare\" ]"
#define OFTEN                                                                                      \
    "interval = \"50ms\"; unhealthy_interval = \"30ms\"; timeout = \"300ms\"; rise = 2; fall = "   \
    "2; "

/* weir_endpoint_health of the endpoint on this port; -1: there is no line. */
double health_of(const struct origin *o);
#define AWAIT_HEALTH(o, v) AWAIT(health_of(o) == (v))
/* Checks of the cluster "app" that ended so. */
double checks(const char *result);
/* Of `n` requests, how many does the endpoint answer whose name this is? All must be answered. */
unsigned answered_by(const char *name, unsigned n);
/* A request to the admin socket. */
const struct response *admin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
