/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_OUTLIER_H
#define WEIR_OUTLIER_OUTLIER_H

/* What the files of the module share: settings, as settings.c reads them and load_cluster()
 * completes them, and what lies in shared memory. */

#include <stdatomic.h>

#include <weir/module.h>

#include "common/slice.h"
#include "outlier/ejection.h"
#include "outlier/passes.h"
#include "outlier/runs.h"
#include "outlier/verdict.h"

/* Why an endpoint is ejected; the first RUN_N are enum run. */
enum kind {
    KIND_FAILURES,
    KIND_GATEWAY,
    KIND_5XX,
    KIND_SUCCESS_RATE,
    KIND_LOCAL_SUCCESS_RATE, /* the local ones only with `split` */
    KIND_FAILURE_PERCENTAGE,
    KIND_LOCAL_FAILURE_PERCENTAGE,
    KIND_PROBE,
    KIND_OPERATOR,
    KIND_FLEET, /* enough other instances have ejected it */
    KIND_N
};
_Static_assert((int)KIND_5XX == (int)RUN_5XX, "runs are the first kinds");
_Static_assert((int)KIND_N <= (int)EJECTION_CAUSES, "kinds are causes");
const char *kind_word(unsigned kind);

/* Of each kind that the settings allow. */
enum kind_count { COUNT_EJECTIONS, COUNT_NOT_ENFORCED, COUNT_OVERFLOW, COUNT_SINGLE };
/* Of the cluster. */
enum cluster_count {
    COUNT_RETURNED,
    COUNT_PROBES,
    COUNT_PROBES_LOST,
    COUNT_REFUSED,
    COUNT_CHECKED
};
/* ... where it shares verdicts. */
enum shared_count { COUNT_UNSAID, COUNT_NOTES_UNREAD };

enum single { SINGLE_AUTO, SINGLE_REFUSE, SINGLE_KEEP };

/* -- shared memory ----------------------------------------------------------------------------- */

/* Of one endpoint; all zeros: a new one. */
struct outlier_cell {
    struct ejection ejection;
    struct runs runs;
    struct passes passes;
    _Atomic uint64_t back_ms;   /* since when it is in: what began before says nothing any more */
    _Atomic uint32_t applied;   /* the round of `ejection` that the core's share and guard are of */
    _Atomic uint32_t ejections; /* in all */
    _Atomic uint64_t total, failures, errors; /* of this interval: attempts, OUTCOME_FAILURE, and
                                                 statuses of 500 and more */
    _Atomic uint64_t last_total, last_failures, last_errors; /* of the one before */
};

/* Of one cluster. */
struct outlier_shared {
    /* Not 0: good results matter, too, as some endpoint has a run of bad ones, or is half-open. So
     * they cost next to nothing as long as all is well. */
    _Atomic uint32_t watch;
    _Atomic uint32_t ejected; /* places taken: at most verdict_cap() */
    _Atomic uint64_t loads;   /* generations that were loaded */
    _Atomic uint64_t current; /* the one that decides: the latest that has begun to work */
    _Atomic uint64_t told_ms; /* when an overflow was last logged */
};

/* -- settings ---------------------------------------------------------------------------------- */

struct success_rate_conf {
    bool present;
    int64_t min_hosts, min_requests, stdev_factor;
    uint32_t margin, enforcing;
};
struct failure_percentage_conf {
    bool present;
    int64_t min_hosts, min_requests;
    uint32_t threshold, enforcing;
};
struct reentry_conf {
    int64_t probes, successes;
    uint64_t probe_timeout_ms, ramp_ms;
};

struct fleet_conf {
    bool present;
    int64_t quorum;
};

/* Of a cluster. */
struct outlier {
    bool enabled, split, grpc, by_checks;
    int64_t consecutive[RUN_N]; /* 0: off */
    uint32_t enforcing[RUN_N];
    uint64_t interval_ms, ejection_ms, max_ejection_ms, jitter_ms, forget_ms;
    uint32_t max_ejected; /* millionths */
    int64_t min_left;
    int single;
    struct success_rate_conf success_rate;
    struct failure_percentage_conf failure_percentage;
    struct reentry_conf reentry;
    struct fleet_conf fleet;
    /* made at load */
    struct outlier *next; /* of outliers.first */
    unsigned number;      /* among them */
    weir_cluster cluster;
    struct weir_slice name;
    struct weir_name grpc_status;
    bool rates;                /* figures are kept */
    bool bad[OUTCOME_5XX + 1]; /* by outcome: is it a failure by the settings? */
    struct ejection_rules rules;
    struct outlier_shared *shared;
    struct weir_endpoint_cells *cells;
    uint64_t generation;                 /* by shared->loads */
    struct weir_counters *counters;      /* enum cluster_count */
    struct weir_counters *shared_counters; /* enum shared_count; NULL: it shares nothing */
    struct weir_counters *kinds[KIND_N]; /* enum kind_count; NULL: can't happen */
};

/* Under `modules`. */
struct outliers {
    bool enabled;
    struct outlier *first, **end;
    unsigned n;
};

extern const struct weir_setting outliers_rows[], outlier_rows[];
extern const struct weir_counter outlier_counters[], outlier_gauges[];
void outlier_load(struct weir_load *l, void *global);
void outlier_load_cluster(struct weir_load *l, void *conf, void *global);

extern const struct weir_command outlier_commands[];

/* -- a process --------------------------------------------------------------------------------- */

/* What the control process knows between two ticks, by outlier.number. */
struct outlier_watch {
    uint64_t judge_ms; /* when figures are judged next; 0: not begun */
    bool off;          /* places weren't as many as endpoints that have one, at the last tick */
    uint32_t taken;    /* places then */
    struct outlier_share *share; /* owned; NULL: nothing is shared */
};
struct outlier_local {
    const struct outliers *all;
    struct outlier_watch watches[];
};

/* explain.c [control] */
void outlier_explain(struct weir_explain *e, const struct weir_use *u);
void outlier_tick(struct weir_process *p, void *local);

#endif
