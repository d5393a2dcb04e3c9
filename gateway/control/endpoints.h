/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ENDPOINTS_H
#define WEIR_CONTROL_ENDPOINTS_H

/* Endpoints, for operators, behind the admin server:
 *
 *     GET  /v1/clusters                                      all clusters with their endpoints
 *     GET  /v1/clusters/NAME/endpoints                       of one
 *     POST /v1/clusters/NAME/endpoints/ENDPOINT/drain        no new requests go there
 *     POST /v1/clusters/NAME/endpoints/ENDPOINT/undrain      they do again
 *     POST /v1/clusters/NAME/endpoints/ENDPOINT/weight       {"weight": 3}, null: the file's again
 *     POST /v1/endpoints/list | drain | undrain | weight     the same with {"cluster", "endpoint"}
 *
 * What is drained stays drained until it is undrained: over reloads, and if the endpoint goes and
 * comes back. Requests that are under way there end as usual. A weight stays over reloads until the
 * file gives the endpoint another one. {"fleet": true} says it to all instances (decide.h). */

#include <jansson.h>

#include "control/admin/admin.h"
#include "core/worker.h"

struct decider;
struct health;
struct overrides;

struct endpoints {
    struct worker *w;              /* borrowed: the control process's */
    const struct health *health;   /* borrowed; NULL: nobody checks */
    const struct decider *decider; /* borrowed; NULL, as at first: there is no fleet */
    struct overrides *overrides;   /* borrowed; NULL, as at first: nobody keeps them */
};

void endpoints_init(struct endpoints *e, struct worker *w, const struct health *health);
/* Weights that were set before the file gave their endpoints others are forgotten, with a line in
 * the log. For a process whose generation is in force: another one may never be. */
void endpoints_follow_file(const struct endpoints *e);
/* The list of a cluster's endpoints, as JSON. */
void endpoints_write(const struct endpoints *e, struct cluster *cl, struct text *t);
/* For the table of the admin server; ctx is the struct endpoints. */
void endpoints_all(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void endpoints_of_cluster(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void endpoints_command(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* -- within (endpoints.c, endpoints_weight.c) -------------------------------------------------- */

/* How many endpoints take requests, as far as operators and the endpoints themselves say. */
size_t endpoints_left(const struct endpoints *e, const struct cluster *cl);
/* The answer to {"weight": ...}; the endpoint has a slot. */
void endpoints_weigh(const struct endpoints *e, struct endpoint *ep, const json_t *weight,
                     struct admin_answer *out);
/* The weight in force as a file would say it (struct override, says), in `to`; empty: none can. */
enum { ENDPOINT_SAYS_MAX = 1024 };
struct slice endpoints_weight_says(const struct endpoint *ep, char to[static ENDPOINT_SAYS_MAX]);

#endif
