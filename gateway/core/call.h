/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_CALL_H
#define WEIR_CORE_CALL_H

/* Requests that modules make of their own: to a cluster, with its pools, TLS and names, as a shadow
 * (core/shadow.h) whose head is made here. Redirects are not followed. */

#include "core/shadow.h"

/* `owner`: the exchange on whose behalf it is made, with which it ends; NULL: the process's own.
 * Borrowed texts of `o` are copied. NULL, and counted: no memory, the cluster is another module's, no
 * timeout, or a method, target, host or field that can't be sent. When it is the content that finds
 * no memory, that is told by `done`. */
struct shadow *call_start(struct worker *w, struct exchange *owner,
                          const struct weir_call_options *o, const struct module *caller) nodiscard;
/* The same to one endpoint, for the gateway's own health checks: see shadow_new_check(). o->host must
 * be there. */
struct shadow *call_endpoint(struct worker *w, struct endpoint *ep,
                             const struct weir_call_options *o) nodiscard;
/* The first line of that name in the response's head; absent when there is none. */
struct slice call_field(const struct shadow *sh, struct slice name);

#endif
