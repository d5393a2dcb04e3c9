/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ENDPOINTS_H
#define WEIR_CONTROL_ENDPOINTS_H

/* Endpoints, for operators, behind the admin server:
 *
 *     GET  /v1/clusters                                      all clusters with their endpoints
 *     GET  /v1/clusters/NAME/endpoints                       of one
 *     POST /v1/clusters/NAME/endpoints/ENDPOINT/drain        no new requests go there
 *     POST /v1/clusters/NAME/endpoints/ENDPOINT/undrain      they do again
 *     POST /v1/endpoints/list | drain | undrain              the same with {"cluster", "endpoint"}
 *
 * What is drained stays drained until it is undrained: over reloads, and if the endpoint goes and
 * comes back. Requests that are under way there end as usual. {"fleet": true} says it to all
 * instances (decide.h). */

#include "control/admin.h"
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
/* The list of a cluster's endpoints, as JSON. */
void endpoints_write(const struct endpoints *e, struct cluster *cl, struct text *t);
/* For the table of the admin server; ctx is the struct endpoints. */
void endpoints_all(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void endpoints_of_cluster(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void endpoints_command(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
