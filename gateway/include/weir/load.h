/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

/* A part of <weir/module.h>: what load functions may say and ask, in the master, while a
 * configuration is read. */

#include <weir/value.h>

#pragma GCC visibility push(default)

/* An error (a warning) at a place; the generation isn't used when there was an error. [load] */
void weir_fault(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
void weir_warn(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/* Where the use stands that is being loaded. [load] */
const struct weir_place *weir_load_place(const struct weir_load *l);
/* The route's name; empty in load() and load_cluster(). [load] */
struct weir_slice weir_load_route(const struct weir_load *l);
/* Its number; WEIR_NO_ROUTE in load() and load_cluster(). And how many routes there are, numbered
 * from 0 on. [load] */
weir_route weir_load_route_of(const struct weir_load *l);
size_t weir_load_routes(const struct weir_load *l);
/* The route's own `cluster`; WEIR_NO_CLUSTER when it has another end. [load] */
weir_cluster weir_load_route_cluster(const struct weir_load *l);
/* `weir -t`: nothing will run; files are checked all the same. [load] */
bool weir_load_is_check(const struct weir_load *l);
/* Zeroed memory that lives as long as the generation. [load] */
void *weir_load_alloc(struct weir_load *l, size_t n);
struct weir_slice weir_load_dup(struct weir_load *l, struct weir_slice s); /* with a NUL behind */
/* Requests for this cluster come from uses of this module alone: a route, or another module, that
 * names it is an error, and no hook of another module may choose it. [load] */
void weir_load_reserve(struct weir_load *l, weir_cluster cluster);
/* on_result and on_end of this use hear of every attempt, though its module is one for
 * failures_only. [load] */
void weir_load_all_results(struct weir_load *l);
/* The same for as long as a word in a cell isn't 0: good attempts cost a load of it otherwise. It
 * is read without any order; who has set it may miss an attempt that was judged at the same time.
 * [load] */
void weir_load_results_while(struct weir_load *l, const _Atomic uint32_t *word);
/* This use has nothing to do in an exchange until its on_result, on_end or on_unavailable is asked:
 * none of its other hooks are called before, nor on_done when none of these was. An exchange that
 * goes well costs nothing then. [load] */
void weir_load_late(struct weir_load *l);
/* The content of requests that come to this use is kept, as by weir_keep_request(). [load] */
void weir_load_keep(struct weir_load *l);
/* This use looks at the identity, though not every use of its module does (wants_identity). [load]
 */
void weir_load_wants_identity(struct weir_load *l);
/* Clients can't send this field: it is taken off every request, before routing. [load] */
void weir_load_strip(struct weir_load *l, struct weir_slice field);
/* As the configuration has it; absent: no cluster. [load] */
struct weir_slice weir_cluster_name(const struct weir_load *l, weir_cluster cluster);

#pragma GCC visibility pop

#endif
