/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERVIEW_H
#define WEIR_CONTROL_OVERVIEW_H

/* Everything that a live view shows, as one JSON object: processes, listeners, routes with their
 * variants, clusters with their endpoints, and what other parts of the admin API say of breakers,
 * splits, faults, the fleet. Numbers are cumulative since ever: a reader subtracts two objects. The
 * dashboard and weirctl top are such readers.
 *
 *     overview_init(&o, w, &metrics, instance);
 *     overview_add(&o, &(struct overview_part){"breakers", "breakers", row, "breaker/get"});
 *     {"/v1/overview", overview_answer, &o, .methods = BOTH} in the table of control/admin/admin.h
 */

#include <jansson.h>

#include "control/admin/admin.h"
#include "control/show/metrics.h"
#include "core/worker.h"

enum {
    OVERVIEW_PARTS = 12,
    OVERVIEW_ENDPOINTS = 1024, /* a cluster that has more isn't shown endpoint by endpoint */
};

/* What a row of the admin server answers at once, as a member of the overview. All static. */
struct overview_part {
    const char *name;     /* of the member */
    const char *of;       /* the member of the answer that it is; NULL: the whole answer */
    struct admin_row row; /* asked for by POST; without a function: there is nobody to ask */
    const char *rest;     /* of the path, behind the row's */
    const char *without;  /* what stands there when it is refused (no such module): "[]" */
    const char *asked;    /* the content; NULL: {} */
};

struct overview {
    struct worker *w;              /* borrowed: the control process's */
    const struct metrics *metrics; /* borrowed: knows the facts of processes */
    struct slice instance;         /* borrowed; of the fleet; empty: none */
    struct overview_part parts[OVERVIEW_PARTS];
    size_t parts_n;
};

void overview_init(struct overview *o, struct worker *w, const struct metrics *m,
                   struct slice instance);
void overview_add(struct overview *o, const struct overview_part *part);
/* The object for whoever reads, in one line without a newline; ctx is the struct overview. */
void overview_make(void *ctx, struct text *t);
/* For the table of the admin server; ctx is the struct overview. The whole, and parts of it that
 * are asked for by themselves; {"cluster": "name"} asks for one cluster. */
void overview_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void overview_workers(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void overview_clusters(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
