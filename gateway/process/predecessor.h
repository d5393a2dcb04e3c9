/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_PREDECESSOR_H
#define WEIR_PROCESS_PREDECESSOR_H

/* An upgrade, as the new master sees it (upgrade.h has what the two say to each other). The master
 * before it has processes that drain for a while: what is theirs in the shared region, and the
 * slots of counters that they have, stays theirs until it says that they are gone. */

#include "io/loop.h"
#include "process/handover.h"

enum predecessor_state {
    PREDECESSOR_NONE,      /* there never was one, or it and all of its processes are gone */
    PREDECESSOR_IN_CHARGE, /* it may still call this upgrade off */
    PREDECESSOR_DRAINING,
    PREDECESSOR_LOST, /* its master died, and some of its processes may live: as draining, for ever
                       */
};

struct predecessor {
    struct loop *loop;
    enum predecessor_state state;
    pid_t pid;
    int fd; /* -1 */
    struct ev_io watcher;
    uint64_t oldest; /* its oldest generation */
    bool slots[STATS_SLOTS_MAX];
    void (*on_change)(struct predecessor *p); /* the state has become another one */
};

void predecessor_init(struct predecessor *p, struct loop *lp);
/* Takes the channel over from `h`. */
void predecessor_begin(struct predecessor *p, const struct handover *h);
/* Our processes serve: asks to take over. */
void predecessor_replace(struct predecessor *p);
/* We can't take over; `why` is shown to whoever asked for the upgrade. */
void predecessor_refuse(struct predecessor *p, struct slice why);
/* May it still call this upgrade off? Then paths and other traces are its own. */
bool predecessor_in_charge(const struct predecessor *p);
/* The oldest generation that lives, if `mine` is our oldest. */
uint64_t predecessor_oldest(const struct predecessor *p, uint64_t mine);
/* In a child: closes the channel. */
void predecessor_forget_fd(struct predecessor *p);
/* Sends it a signal while it drains. */
void predecessor_signal(const struct predecessor *p, int signo);

#endif
