/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_OUTLIER_CASE_H
#define WEIR_TESTS_OUTLIER_CASE_H

/* A cluster "app" of the origins a, b and c, an operator who asks how its endpoints are, and
 * requests that are sent until something is so. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/operator.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

extern struct origin *outlier_a, *outlier_b, *outlier_c;
void outlier_begin(void);
void outlier_end(void);
#define OUTLIER_SUITE(name)                                                                        \
    TestSuite(name, .init = outlier_begin, .fini = outlier_end, .timeout = 120)

/* Settings of the cluster, of which `settings` are the module's. */
#define OUTLIER(settings) "outlier = { jitter = \"0s\"; " settings " };"
/* Starts it with all three endpoints, or with a alone. */
void outlier_start(unsigned workers, const char *cluster);
void outlier_start_single(unsigned workers, const char *cluster);

/* The state of an endpoint by its origin: "in", "ejected", ... ; a number, a run. */
const char *outlier_state(const struct origin *o);
double outlier_number(const struct origin *o, const char *key);
/* Any other member, as the answer has it. */
json_t *outlier_member(const struct origin *o, const char *key);
double outlier_run(const struct origin *o, const char *kind);
/* {"cluster": "app", "endpoint": the origin's, MORE} */
int outlier_ask(const char *command, const struct origin *o, const char *more);

/* weir_outlier_NAME_total of the cluster, with `kind` when it isn't NULL; 0 when it isn't there. */
double outlier_counted(const char *name, const char *kind);

/* Sends a request, one after the other, until it is so. */
#define SEND_UNTIL(cond)                                                                           \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (!(cond)) {                                                                          \
            cr_assert(now_ms() < end_, "sent in vain for: %s", #cond);                             \
            get("/");                                                                              \
        }                                                                                          \
    } while (0)
/* So many requests, each on a connection of its own; how many weren't answered 200. */
unsigned outlier_send(unsigned n);

#endif
