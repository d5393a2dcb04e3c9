/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_OPERATOR_H
#define WEIR_TESTS_OPERATOR_H

/* An operator at the rig's admin socket: commands of modules, JSON in, JSON out.
 *
 *     cr_assert_eq(operator_call("canary", "get", "{}"), 200);
 *     json_object_get(operator_answer(), "splits");
 */

#include <jansson.h>

/* The status. What isn't a JSON object fails the test. */
int operator_call(const char *module, const char *command, const char *json);
/* What was answered; borrowed, until the next one is asked for. */
json_t *operator_answer(void);

#endif
