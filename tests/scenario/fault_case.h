/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_FAULT_CASE_H
#define WEIR_TESTS_SCENARIO_FAULT_CASE_H

/* A route with faults before the origin "app"; what is counted about them, and what an operator
 * says and is told. */

#include <jansson.h>

#include "tests/lib/h2_talk.h"
#include "tests/lib/operator.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

/* The route "all" with these faults, each in braces; and with one, called "f". */
#define FAULTS(list) "( { name = \"all\"; cluster = \"app\"; fault = ( " list " ); } )"
#define FAULT(settings) FAULTS("{ name = \"f\"; " settings " }")

extern struct origin *fault_app;
void fault_begin(void);
void fault_end(void);
#define FAULT_SUITE(name) TestSuite(name, .init = fault_begin, .fini = fault_end, .timeout = 120)

void fault_start(unsigned workers, const char *routes);
/* Until nothing of the generation before is left. */
void fault_renew(unsigned workers, const char *routes);

/* weir_fault_NAME_total of the fault "f". */
unsigned fault_count(const char *name);
/* A member of the access log's line about this path. */
const char *fault_logged(const char *path, const char *member);
/* So many requests on one connection; how many were answered with this status. */
unsigned fault_ask(unsigned requests, const char *path, int status);

/* What `list` says of the fault "f". */
const char *fault_state_told(void);
json_int_t fault_told(const char *member);

#endif
