/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_COMMANDS_H
#define WEIR_CONTROL_COMMANDS_H

/* Commands of modules, for operators, behind the admin server: JSON in, JSON out.
 *
 *     commands_init(&c, g, worker);
 *     {"/v1/modules", commands_list, &c}                      what there is
 *     {"/v1/modules/", commands_answer, &c,                   POST /v1/modules/MODULE/COMMAND
 *      .methods = ADMIN_POST, .prefix = true}
 *
 * What a module's function gets is always a JSON object. An error is {"error": "...", "field":
 * "..."}, by whomever it is found. "fleet": true in what changes something says it to all instances
 * (decide.h). */

#include "control/admin/admin.h"
#include "core/generation.h"

struct decider;
struct overrides;
struct worker;

struct commands {
    const struct generation *g;    /* borrowed */
    struct worker *worker;         /* borrowed: of the control process, with what start() gave */
    const struct decider *decider; /* borrowed; NULL, as at first: there is no fleet */
    struct overrides *overrides;   /* borrowed; NULL, as at first: nobody keeps them */
};

void commands_init(struct commands *c, const struct generation *g, struct worker *w);
/* For the table of the admin server; ctx is the struct commands. */
void commands_list(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void commands_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
