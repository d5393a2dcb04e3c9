/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_STATE_H
#define WEIR_CONTROL_HEALTH_STATE_H

/* What checks of one endpoint have said so far, and when it is to be checked next. Pure: no clock
 * and no I/O.
 *
 *              the first check passes                      `fall` in a row fail
 *     UNKNOWN ────────────────────────► UP ◄──────────────────────────────────── DOWN
 *        │                              └──────────────────────────────────────►  ▲
 *        └──────────────── the first check fails ─────────────────────────────────┘
 *                                                          (and `rise` in a row pass: back)
 *
 * An endpoint that nobody has checked yet gets requests, as if it were up: a control process that
 * isn't there must not keep new endpoints from serving. Its first check is made at once, and what
 * it says counts at once. PENDING is UNKNOWN, but for what workers make of it: they wait for the
 * check where the configuration says so. */

#include "base/random.h"
#include "config/health_conf.h"
#include "core/cluster/endpoint_cell.h"

struct health_state {
    enum endpoint_health health;
    uint32_t passed, failed; /* checks in a row; one of them is 0 */
};

/* Has there been a check? */
static inline bool health_is_known(enum endpoint_health h)
{
    return h == HEALTH_UP || h == HEALTH_DOWN;
}

/* Takes the outcome of a check. True: `health` has changed. */
bool health_note(struct health_state *s, const struct health_conf *conf, bool passed);

/* Milliseconds until the next check, from the end of the last one. `quiet`: the cluster gets no
 * requests. At least 1. */
uint64_t health_pause(const struct health_state *s, const struct health_conf *conf, bool quiet,
                      struct random *r);
/* The same for the first check of a process: at once for an endpoint of which nothing is known,
 * else anywhere within the interval, so that checks don't stay together. */
uint64_t health_first(const struct health_state *s, const struct health_conf *conf,
                      struct random *r);

#endif
