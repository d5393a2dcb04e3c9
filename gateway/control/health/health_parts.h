/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_PARTS_H
#define WEIR_CONTROL_HEALTH_PARTS_H

/* Private to the health checks: health.c knows who is checked, health_run.c when, and what follows
 * from it; health_look.c is for who asks. */

#include "control/health/health.h"
#include "control/health/health_share.h"
#include "control/health/health_state.h"
#include "control/health/health_tcp.h"
#include "core/cluster/cluster.h"

struct shadow;

struct checked;

/* Of an endpoint, in a fleet (health_share.c); all zeros: it is checked by this instance. */
struct probe_share {
    bool follows;            /* others check it: */
    struct health_view said; /* what they have found; UNKNOWN: nothing, for now */
    bool own;                /* it was checked by this process since it is so */
    int word;                /* enum endpoint_word of the last check; -1: none */
    uint64_t silent_ms;      /* since when nobody says anything; 0: somebody does */
    uint64_t split_ms;       /* since when they disagree; 0: they don't */
    bool torn;               /* ... and that is a path fault */
};

/* An endpoint that is checked. */
struct probe {
    struct checked *hc;
    struct endpoint *ep; /* held */
    struct list waiting; /* in health.waiting */
    struct timer timer;
    struct shadow *call; /* under way; NULL: none */
    struct health_tcp tcp;
    struct health_state state;
    uint32_t slot;
    bool running, seen;
    struct health_facts facts;
    struct probe_share share;
};

/* A cluster that is checked. */
struct checked {
    struct health *h;
    uint32_t index;
    struct cluster_conf conf; /* as checks want it */
    struct cluster cluster;
    struct endpoint_stats *stats; /* owned; nobody reads them */
    struct endpoint_cell *cell;   /* NULL: there is none */
    struct health_matcher matcher;
    struct probe **probes; /* owned, n of them */
    size_t n;
    uint32_t followed; /* version of the table that they were made from */
    uint64_t requests, requests_ms;
    bool quiet;
    bool shared; /* it is known which instances check it */
    struct health_totals totals;
};

struct health {
    struct worker *w; /* borrowed */
    struct checked *clusters;
    size_t n;
    struct list waiting;
    size_t running, limit;
    uint64_t delayed;
    struct timer look;
    unsigned looks;
    bool stopping;
};

static inline uint64_t health_now_ms(const struct health *h)
{
    return clock_ms(&h->w->loop->clock);
}

/* -- health_run.c ------------------------------------------------------------------------------ */
/* Begins to check the endpoint from time to time. */
void probe_begin(struct probe *p);
/* The check that is under way, or waits, ends untold, and no other one follows. */
void probe_end(struct probe *p);
/* The first request after a silence: whoever was to be checked late is checked soon. */
void probe_hurry(struct probe *p);
/* Its next check is due now. */
void probe_soon(struct probe *p);
/* Takes what others have found for the state, and tells. */
void probe_adopt(struct probe *p);
/* Its slot in the cell; it may have been given to another name. NO_SLOT: it has none. */
uint32_t probe_slot(struct probe *p);

#endif
