/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_BREAKER_LIST_H
#define WEIR_WEIRCTL_BREAKER_LIST_H

/* What all commands about breakers have: whose it is, and what the gateway answers. */

#include "weirctl/command.h"

/* The first option of all of them. */
#define BREAKER_ROUTE "route", "ROUTE", "of that route, instead of a cluster"

/* Adds the cluster that the first operand names, or the route of BREAKER_ROUTE. False: it is
 * neither, or both. */
bool breaker_owner(const struct command_args *args, json_t *content, struct text *fault) nodiscard;

void breaker_list_show(const json_t *answer, struct text *out);

#endif
