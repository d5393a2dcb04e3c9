/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_BOARD_H
#define WEIR_PROCESS_BOARD_H

/* What the master tells the control process about the processes: the shared cell "process/board".
 * One writer, the master, but for the last two. */

#include <stdatomic.h>
#include <stdint.h>

#include "base/slice.h"

#define BOARD_CELL SLICE("process/board")

struct board {
    _Atomic uint64_t started_wall_us;  /* of the master */
    _Atomic uint64_t generation;       /* in force */
    _Atomic uint64_t loaded_wall_us;   /* when it came into force */
    _Atomic uint64_t reloads, reloads_failed;
    _Atomic uint64_t upgrades, upgrades_failed;
    _Atomic uint64_t workers;          /* configured */
    _Atomic uint64_t workers_alive;    /* of the generation in force */
    _Atomic uint64_t workers_draining; /* of older ones */
    _Atomic uint64_t restarts;         /* of processes that died */
    _Atomic uint64_t slots;            /* counter slots ever used: [0, slots) */
    _Atomic uint64_t log_rotations, log_rotations_failed; /* by size */
    _Atomic uint64_t logs_epoch; /* goes up when files were renamed; worker_stats.logs_epoch */
    _Atomic uint64_t log_level;  /* of the error log, plus 1; 0: the configuration's */
    _Atomic uint64_t live_until_ms; /* somebody looks at requests until then; core/log/live_log.h */
};

#endif
