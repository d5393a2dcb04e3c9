/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERRIDES_H
#define WEIR_CONTROL_OVERRIDES_H

/* Overrides: what operators, here or elsewhere in the fleet, have changed at run time of what the
 * configuration says, in the control process. decide.c adds one when a command has succeeded, and
 * takes it out when one brings back what the configuration says. Here their times are watched, and
 * what is over is undone: the path that made it is asked with `how` ADMIN_UNDO (admin.h), and
 * brings back what the configuration says. What a reload changes is marked by the master
 * (overrides_settle()), and undone here, too.
 *
 * One control process does that: the one whose generation is in force. */

#include "control/admin/admin.h"
#include "control/overrides/override_cell.h"
#include "io/loop.h"

struct exposition;

struct overrides {
    struct loop *loop;
    struct override_cell *cell;       /* NULL: there is none */
    struct slice effective;           /* the configuration */
    uint64_t generation;              /* of this process */
    const _Atomic uint64_t *in_force; /* the generation that is */
    const struct admin_row *rows;     /* who undoes: the whole table of the admin server */
    size_t rows_n;
    const struct decider *decider; /* NULL: there is no fleet */
    void (*in_charge)(void *ctx);  /* NULL, or called once, when this generation is in force */
    void *in_charge_ctx;
    struct timer timer;
};

/* The fields above the timer are filled in, and borrowed, by whoever makes it. */
void overrides_start(struct overrides *o);
void overrides_stop(struct overrides *o);

/* -- for decide.c ------------------------------------------------------------------------------ */

/* Seconds since 1970. */
uint64_t overrides_now_s(const struct overrides *o);
/* False, and counted: there is no place for another one. */
bool overrides_have_room(struct overrides *o, struct slice key) nodiscard;
/* The id, the time and the digest are filled in. */
void overrides_add(struct overrides *o, struct override *is);
/* What the configuration says is in force again. */
void overrides_returned(struct overrides *o, struct slice key, struct slice who);

/* -- for the master ---------------------------------------------------------------------------- */

/* A new configuration comes into force: those about settings that it changes end. Adds a member
 * "overrides_ended" to the JSON that is being written, unless there are none. */
void overrides_settle(struct override_cell *c, struct slice effective, struct text *json);
/* Is nothing left to be undone? */
bool overrides_settled(const struct override_cell *c) nodiscard;

/* -- what operators see (overrides_show.c) ----------------------------------------------------- */

/* [{"id", "key", "setting", "where", "path", "value", "at", "until", "who", "reason"}] */
void overrides_write(const struct overrides *o, struct text *t);
/* For the table of the admin server; ctx is the struct overrides. */
void overrides_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void overrides_drop_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void overrides_fragment_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
/* A part of the metrics, and its table for the manual. */
void metrics_of_overrides(void *overrides, struct exposition *e);
void overrides_metrics_reference(struct text *out);

/* Ends it, and undoes it. False: it was gone already. */
bool overrides_undo(struct overrides *o, const struct override *is, const char *why,
                    struct slice who);

#endif
