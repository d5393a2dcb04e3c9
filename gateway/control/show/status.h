/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_STATUS_H
#define WEIR_CONTROL_STATUS_H

/* What an operator wants to know first:
 *
 *     GET /v1/status     version, configuration, processes, requests, and what isn't as usual
 *     GET /v1/routes     the routes in the order of the file: what they match, where they end
 */

#include "control/admin/admin.h"
#include "control/show/metrics.h"
#include "core/worker.h"

struct overrides;

struct status {
    struct worker *w;              /* borrowed: the control process's */
    const struct metrics *metrics; /* borrowed: knows the facts of processes */
    const struct overrides *overrides; /* borrowed; NULL: nobody keeps them */
};

/* For the table of the admin server; ctx is the struct status. */
void status_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void status_routes(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
