/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H

/* A part of <weir/module.h>: what a module answers an operator who asks what would become of a
 * request (`weirctl explain`). Nothing is sent and nothing is counted: explain() of a use, in the
 * control process, looks at the request as the operator has described it and at its own state, and
 * says in plain words what it would do. */

#include <weir/value.h>

#pragma GCC visibility push(default)

struct weir_explain;

/* -- the request; slices live until explain() returns -- */

struct weir_slice weir_explain_method(const struct weir_explain *e);
struct weir_slice weir_explain_path(const struct weir_explain *e); /* normalised */
/* p == NULL: it has none. Several lines of a field are joined by ", ". */
struct weir_slice weir_explain_field(const struct weir_explain *e, const char *name);
struct weir_slice weir_explain_cookie(const struct weir_explain *e, const char *name);
struct weir_slice weir_explain_query(const struct weir_explain *e, const char *name);
/* The nth value of a claim of who asks, from 0; "sub" is who it is. p == NULL: there are not so
 * many. */
struct weir_slice weir_explain_claim(const struct weir_explain *e, const char *name, size_t nth);
/* The client's address. */
struct weir_slice weir_explain_source(const struct weir_explain *e);
/* Where the use is asked from: of a use on a cluster, that cluster; else WEIR_NO_CLUSTER. */
weir_cluster weir_explain_cluster_of(const struct weir_explain *e);
struct weir_process *weir_explain_process(const struct weir_explain *e);

/* A text with variables as it was written: what they stand for is known only of a real request. */
struct weir_slice weir_explain_template(const struct weir_explain *e,
                                        const struct weir_template *t);

/* -- the answer -- */

/* A line for people: what it would do, and on what it depends. */
void weir_explain_say(struct weir_explain *e, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* Of a million requests like this one so many get this cluster, as this variant (empty: none). Of a
 * use on a route. What a use leaves, the next one, or the route, decides on. 0: a request of somebody else
 * may get it, this one doesn't. */
void weir_explain_choice(struct weir_explain *e, weir_cluster cluster, struct weir_slice variant,
                         uint32_t millionths);

#pragma GCC visibility pop

#endif
