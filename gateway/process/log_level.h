/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_LOG_LEVEL_H
#define WEIR_PROCESS_LOG_LEVEL_H

/* The error log's level at run time, in all processes at once: it lies on the board, where each
 * line is judged by it (base/log.h). It overrides log.level until that changes
 * (control/overrides/overrides.h).
 *
 *     GET  /v1/logs/level                       {"level": "info", "configured": "info"}
 *     POST /v1/logs/level {"level": "trace"}    the same, of what is now */

#include "control/admin/admin.h"
#include "process/board.h"

struct overrides;

struct log_levels {
    struct board *board;
    int configured; /* enum log_level */
    struct overrides *overrides;
};
/* For the table of the admin server; ctx is the struct log_levels. */
void log_level_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
