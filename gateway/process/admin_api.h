/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_ADMIN_API_H
#define WEIR_PROCESS_ADMIN_API_H

/* The admin API of the control process: every path that its listeners serve, and who answers it.
 * docs/openapi.json describes the paths, docs/admin.md who may ask for what. */

#include "control/admin/admin.h"
#include "control/commands.h"
#include "control/endpoints.h"
#include "control/logs/events.h"
#include "control/explain/explain.h"
#include "control/show/metrics.h"
#include "control/overrides/overrides.h"
#include "control/show/overview.h"
#include "control/show/status.h"
#include "dashboard/dashboard.h"
#include "process/asks.h"
#include "process/log_level.h"

struct birth;
struct engine;
struct file_watch;
struct fleet;
struct health;
struct resolver;

/* The parts of the control process that tell something, all borrowed. */
struct admin_api_parts {
    const struct birth *birth;
    struct engine *engine;
    struct resolver *resolver; /* NULL: it could not be set up */
    struct file_watch *files;
    struct health *health;
    struct fleet *fleet; /* NULL: none is configured */
};

enum { ADMIN_API_ROWS = 64 };

struct admin_api {
    struct admin_api_parts of;
    struct metrics metrics;
    struct commands commands;
    struct endpoints endpoints;
    struct overrides overrides;
    struct asks asks;
    struct explain explain;
    struct status status;
    struct overview overview;
    struct overview_stream *overview_stream;
    struct log_levels levels;
    struct log_stream *log_stream;
    struct events events;
    struct dashboard dashboard;
    struct admin_row rows[ADMIN_API_ROWS];
    size_t rows_n;
    struct admin_row decides[2]; /* those of them that do what other instances have decided */
    struct admin *admin;
};

/* Serves from now on, on the sockets of the generation. The modules may not have started yet: no
 * request is read before the loop turns. */
void admin_api_start(struct admin_api *a, const struct admin_api_parts *of);
/* Accepts no more; what was asked is still answered. True: nobody waits for anything. */
bool admin_api_finish(struct admin_api *a);
/* Drops everybody. While the modules are still there: commands may wait for them. */
void admin_api_stop(struct admin_api *a);

#endif
