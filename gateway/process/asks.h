/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_ASKS_H
#define WEIR_PROCESS_ASKS_H

/* What operators ask of the master, by way of the control process: POST /v1/reload, /v1/rollback,
 * /v1/upgrade, /v1/drain and /v1/logs/reopen. The control process passes it on as one byte
 * (child.h) and answers when the master's report is there. */

#include "control/admin/admin.h"
#include "control/overrides/override_cell.h"
#include "process/child.h"
#include "process/report.h"

struct asks {
    struct loop *loop;
    int master_fd;
    const struct reports *reports;
    const struct override_cell *overrides; /* NULL: there are none */
    struct list waiting; /* for a report */
    struct timer look;
};

void asks_init(struct asks *a, struct loop *lp, int master_fd, const struct reports *reports,
               const struct override_cell *overrides);
/* Nobody is answered any more. */
void asks_fini(struct asks *a);

/* For the table of the admin server; ctx is the struct asks. */
void asks_reload(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void asks_rollback(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void asks_upgrade(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void asks_drain(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void asks_reopen_logs(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
