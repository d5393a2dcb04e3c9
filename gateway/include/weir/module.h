/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

/* The module interface of Weir: the only header of the gateway that a module includes, besides
 * <weir/fleet.h>. A module is one shared object, NAME.so, that defines one symbol:
 *
 *     const struct weir_module weir_module = {
 *         .abi = WEIR_ABI, .name = "hello", .summary = "greets",
 *         .route = {.rows = hello_rows, .size = sizeof(struct hello)},
 *         .on_response = hello_on_response,
 *     };
 *
 * It is loaded when the configuration names it: on a route (hello = { ... };), on a cluster, or
 * under `modules`. docs/modules.md walks through one.
 *
 * Processes. The master loads modules and their settings and forks; it runs no request. Workers run
 * the hooks of requests. The control process runs commands, tick() and everything slow. Settings
 * are read-only after the fork; what changes at run time lies in shared cells. Each process is one
 * thread: hooks of one process never run at the same time.
 *
 * Lifetimes. A slice that a function gives lives as long as what it is about: of an exchange until
 * its on_done has returned, of settings as long as the generation. What a module passes is borrowed
 * for the call unless it says otherwise. A hook allocates with weir_alloc(), which can't fail and
 * costs no malloc as a rule.
 *
 * Each declaration says in brackets where it may be called: [load] in load functions, in the
 * master; [hook] in hooks, in a worker; [process] anywhere in a worker or the control process;
 * [control] in the control process; [any].
 *
 * Here is the descriptor; the rest lies in parts, each of one subject, which this header includes:
 *
 *     value.h      slices, places, clusters and slots
 *     setting.h    what may stand in a configuration, as tables of rows
 *     load.h       what load functions may say and ask
 *     shared.h     cells, texts and files in shared memory, and what is known of endpoints
 *     exchange.h   a request and its response: fields, identity, answers, where to, content
 *     attempt.h    one try of it on one endpoint: how it ended, and whether another one is to come
 *     call.h       requests of the module's own, and copies
 *     process.h    clocks, timers, helper threads
 *     report.h     counters, gauges, variants, logs
 *     command.h    what operators can ask
 *     explain.h    what a module would do with a request, for operators */

#include <weir/attempt.h>
#include <weir/call.h>
#include <weir/command.h>
#include <weir/exchange.h>
#include <weir/explain.h>
#include <weir/load.h>
#include <weir/process.h>
#include <weir/report.h>
#include <weir/setting.h>
#include <weir/shared.h>
#include <weir/value.h>

#define WEIR_ABI 3

struct weir_module {
    uint32_t abi; /* WEIR_ABI; another number is refused at load */
    const char *name, *summary;
    /* Uses of one route run in the order of this number, and where it is the same in the order in
     * which the configuration names them. Who establishes or checks the identity: -20; who decides
     * on a cluster for some requests only: -10; usual: 0. */
    int order;
    struct weir_settings global, route, cluster;
    size_t state_size;
    bool wants_identity;           /* its uses look at the identity: on_identify runs before */
    bool guards;                   /* its on_pick is asked about guarded endpoints alone
                                      (weir_endpoint_guard_set) */
    bool failures_only;            /* its on_result and on_end hear only of attempts that
                                      failed, or have given a status of 400 or more; a use may
                                      ask for all: weir_load_all_results() */
    bool ends_route;               /* on a route it stands instead of `cluster`: its on_plan sets
                                      one for every request */
    bool unrouted;                 /* of modules with global settings: its on_done, and nothing
                                      else, hears of requests that got no route, too; conf is
                                      NULL */
    const char *const *log_fields; /* NULL-terminated; shown as MODULE.NAME: weir_log_set() */
    const struct weir_counter *counters; /* all that weir_counters() is given, for the manual; a
                                            NULL name ends them. NULL: the manual has none */
    const struct weir_counter *gauges;   /* the same of weir_gauge() */
    const struct weir_command *commands;

    /* -- life. All may be NULL. -- */

    /* [load] After all settings have been read: further checks (weir_fault), cells, counters.
     * load() first, once, also when nothing stands under `modules`; then each use in the order of
     * the file. The structs may be written here and never after. */
    void (*load)(struct weir_load *l, void *global);
    void (*load_route)(struct weir_load *l, void *conf, void *global);
    void (*load_cluster)(struct weir_load *l, void *conf, void *global);
    /* Any process, at the end of a generation: frees what load_*() got from elsewhere than the
     * functions here. Also after a load that failed; also for uses that were never loaded. */
    void (*unload)(void *global);
    void (*unload_use)(void *conf);
    /* [process] A worker, or the control process, begins and ends. `local` is what start() gives;
     * hooks and commands are called with NULL, too, when it gave that. When stop() is called, all
     * requests, calls and jobs have ended, and after it nothing of the module is called. */
    void *(*start)(struct weir_process *p, const void *global);
    void (*stop)(struct weir_process *p, void *local);
    /* [control] About every 100 ms, or as often as fleet.tick says where a fleet is configured:
     * what it asks of the fleet (<weir/fleet.h>) leaves right after it. */
    void (*tick)(struct weir_process *p, void *local);
    /* [control] What would this use do with such a request? */
    void (*explain)(struct weir_explain *e, const struct weir_use *u);

    /* -- hooks, in the order in which an exchange meets them. All may be NULL. -- */

    /*                        called when ...                                   may answer       */
    /* Who is it? Of modules with global settings, once, before the first thing that asks for the
     * identity: a route's condition, or a use that wants_identity. No route may be known; conf is
     * NULL. on_done is called for it, too, with conf NULL.                     NEXT WAIT        */
    enum weir_verdict (*on_identify)(struct weir_exchange *x, const struct weir_use *u);
    /* The route is known: may this go on?                                     NEXT WAIT ANSWERED */
    enum weir_verdict (*on_request)(struct weir_exchange *x, const struct weir_use *u);
    /* Which cluster? weir_cluster_set().                                      NEXT WAIT ANSWERED */
    enum weir_verdict (*on_plan)(struct weir_exchange *x, const struct weir_use *u);
    /* Of uses on a cluster alone: it is this exchange's; may it go there now? Not asked after a
     * retry, nor about shadows and calls: on_pick is.                         NEXT WAIT ANSWERED */
    enum weir_verdict (*on_enter)(struct weir_exchange *x, const struct weir_use *u);
    /* The head that goes inward is made (WEIR_INWARD) and may be changed; shadows start here.
     *                                                                         NEXT ANSWERED     */
    enum weir_verdict (*on_forward)(struct weir_exchange *x, const struct weir_use *u);
    /* May an attempt start on this endpoint? After a VETO another one is tried, as long as there
     * are any; after NEXT comes on_attempt, or on_unpick. From here on a cluster's
     * uses are asked about copies (weir_shadow) and modules' own calls (weir_call), too, which have
     * no route and no client.                                                 NEXT VETO         */
    enum weir_verdict (*on_pick)(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep);
    /* The hook has said NEXT for this endpoint, but another one vetoed: no attempt starts there,
     * and what it set aside for one is to be given back. */
    void (*on_unpick)(struct weir_exchange *x, const struct weir_use *u,
                      const struct weir_endpoint *ep);
    /* An attempt starts; nothing can stop it any more, and on_result will tell how it ended. The
     * head that goes inward (WEIR_INWARD) may be changed for this attempt alone. */
    void (*on_attempt)(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at);
    /* No attempt can start: the cluster has no endpoint that may be used, or all were vetoed
     * (weir_veto_reason). RETRY: weir_retry() has named another cluster.  NEXT ANSWERED RETRY    */
    enum weir_verdict (*on_unavailable)(struct weir_exchange *x, const struct weir_use *u);
    /* An attempt has given a head, or failed, or is given up: was it good, and again? Once for each
     * that was started. How its content ends on_end says.                     NEXT RETRY       */
    enum weir_verdict (*on_result)(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at);
    /* The response's head (WEIR_RESPONSE) is about to go out and may be changed. Also for answers
     * of the gateway itself: weir_own_answer(). */
    void (*on_response)(struct weir_exchange *x, const struct weir_use *u);
    /* A piece of content passes, if weir_filter() has asked for it. What is to go on is given to
     * weir_pass(); what isn't is gone. `last`: the content ends with this piece, which may be
     * empty. */
    void (*on_content)(struct weir_exchange *x, const struct weir_use *u, int direction,
                       struct weir_slice piece, bool last);
    /* An attempt that had given a head, whatever it said (weir_attempt_goes_on), has ended: it was
     * whole (weir_attempt_whole), broke off by itself (weir_attempt_why), or was of no more use:
     * the client is gone, time is up, a retry's response was better. Once for each, at the end of
     * the exchange, in the order in which they began, before on_done. Never of tunnels. */
    void (*on_end)(struct weir_exchange *x, const struct weir_use *u,
                   const struct weir_attempt *at);
    /* After the last byte, or the failure, before the access log. Always called, once, when one of
     * the use's hooks was, or could have been. */
    void (*on_done)(struct weir_exchange *x, const struct weir_use *u);
};

/* What a module defines; visible, however it is compiled. */
#pragma GCC visibility push(default)
extern const struct weir_module weir_module;
#pragma GCC visibility pop

#endif
