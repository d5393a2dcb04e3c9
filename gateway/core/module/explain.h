/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_EXPLAIN_H
#define WEIR_CORE_MODULE_EXPLAIN_H

/* Asking the modules of a route, and of a cluster, what they would do with a request that somebody
 * describes (<weir/explain.h>). In the control process. */

#include <weir/module.h>

#include "core/module/module.h"
#include "core/route/route.h"
#include "core/worker.h"

enum { EXPLAIN_CHOICES = 64 }; /* clusters that the uses of one route may name; more are left out */

struct explain_choice {
    uint32_t cluster; /* by index */
    struct slice variant;
    uint32_t millionths;     /* of all requests like this one; 0: others get it */
    const struct module *by; /* NULL: the route itself */
};

/* Of one request; is the struct weir_explain of modules. */
struct weir_explain {
    struct worker *w;            /* borrowed: the control process's */
    const struct route_query *q; /* borrowed */
    struct text *out;            /* JSON: the list of uses is open */
    uint32_t cluster;            /* of whose uses; UINT32_MAX: of the route */
    const struct module *asked;  /* that speaks now */
    uint32_t left, chosen; /* millionths: before the use at hand, and what it has taken of them */
    struct explain_choice choices[EXPLAIN_CHOICES];
    size_t choices_n;
};

/* Writes {"module", "says"} of each use of the chain (NULL: none), and gathers choices. */
void explain_chain(struct weir_explain *e, const struct chain *c);
/* What no use has decided goes where the route says. */
void explain_rest(struct weir_explain *e, uint32_t cluster);

#endif
