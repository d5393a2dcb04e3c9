/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_ACT_H
#define WEIR_OUTLIER_ACT_H

/* Ejections and returns as they are done: places of the cluster are taken and given back, the core
 * is told, and each is counted and logged once, by the process whose transition it was. */

#include "outlier/outlier.h"

/* An endpoint of the cluster. */
struct subject {
    struct weir_process *p;
    const struct outlier *o;
    weir_slot slot;
    struct weir_slice name;
    struct outlier_cell *cell;
};

/* The pool and what it allows now. [process] */
struct pool outlier_pool(struct weir_process *p, const struct outlier *o);
size_t outlier_cap(const struct outlier *o, const struct pool *pool);
/* Does this generation decide? One that drains doesn't. */
bool outlier_is_current(const struct outlier *o);

/* For a reason that was found; `figures` says it in words, for the log. Whether it is made is
 * decided here: by enforcing (millionths), by the cap, by `single`. What is only counted begins
 * anew, too. */
struct reason {
    enum kind kind;
    uint32_t enforcing;
    const char *figures;
};
void outlier_eject(const struct subject *s, const struct reason *why);
/* By an operator, for so long (0: as usual). `force`: also when the cap says no. What is wrong, as
 * the end of a sentence; NULL: it is ejected. */
const char *outlier_eject_by_hand(const struct subject *s, uint64_t for_ms, bool force);
/* A probe has failed, perhaps after a good beginning. False: the endpoint isn't half-open any more. */
bool outlier_probe_failed(const struct subject *s, unsigned round, const char *figures);
void outlier_probe_succeeded(const struct subject *s, unsigned round);
/* To full use at once. False: it is. */
bool outlier_return(const struct subject *s, const char *why);
/* What the time brings. True: something. */
bool outlier_step(const struct subject *s);
/* Health checks say that it serves, so many in a row: an ejection may be over by that, one by an
 * operator isn't. [control] */
void outlier_hear_checks(const struct subject *s, uint32_t passed);
/* Tells the core again when a process was killed before it could. */
void outlier_mend(const struct subject *s);

#endif
