/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_FLEET_H
#define WEIR_FLEET_FLEET_H

/* This instance's place in the fleet: what stands behind <weir/fleet.h>. One of them in the control
 * process, when the group `fleet` is configured.
 *
 *     struct fleet *f = fleet_new(&setup);    w->fleet is it from now on
 *     fleet_tick(f);                          each fleet.tick, after the modules'
 *     fleet_stop(f);                          says and hears nothing any more
 *     fleet_free(f);                          after the modules have stopped
 *
 *     apart ──up──► joining ──everything was read──► joined
 *       ▲              │                               │
 *       └──────────────┴──── no answer, or none in time ┘
 *
 * A tick sends one pipeline, and the next one goes only when that is answered; so what waits here is
 * bounded, however slow Redis is. What was heard holds for fleet.hold from the sending of the last
 * pipeline that was answered. */

#include "config/fleet_conf.h"
#include "control/admin/admin.h"
#include "core/stats/stats.h"

struct admin_row;
struct decider;
struct dns;
struct fleet;
struct fleet_decided;
struct text;
struct worker;

enum { FLEET_NAME_MAX = 128 /* bytes of an instance's name */ };

/* All borrowed for as long as the fleet lives. */
struct fleet_setup {
    struct worker *w;
    const struct fleet_conf *conf;
    struct dns *dns;
    const struct tls_client *tls; /* NULL: plain */
    struct slice instance; /* who this is */
    /* What others are told of it: */
    const char *version;
    uint64_t config; /* digest of the configuration's text */
    uint64_t since_s;
    struct fleet_decided *decided; /* what is remembered of decisions; NULL: there are none */
    void (*load)(void *ctx, struct stats_load *out); /* NULL: nobody knows */
    void *load_ctx;
};

/* Control process. NULL: no memory. */
struct fleet *fleet_new(const struct fleet_setup *setup) nodiscard;
void fleet_tick(struct fleet *f); /* NULL is harmless, here and below */
/* Connections close, and modules aren't called any more: not even told that it is apart, as another
 * process of the same instance may have taken over by now. */
void fleet_stop(struct fleet *f);
/* Frees what modules have left open, too; nothing of it may be used any more. */
void fleet_free(struct fleet *f);

/* -- decisions of operators for all (fleet_decisions.c) ---------------------------------------- */

/* For whoever answers what operators ask. NULL: there is no fleet. It lives as long as the fleet. */
const struct decider *fleet_decider(const struct fleet *f);
/* Who does here what was decided elsewhere; borrowed. */
void fleet_decisions_run_by(struct fleet *f, const struct admin_row *rows, size_t n);
/* GET /v1/fleet/decisions and POST /v1/fleet/forget; ctx is the struct fleet, or NULL. */
void fleet_decisions_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void fleet_forget_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* -- who this is (fleet_name.c) ---------------------------------------------------------------- */

struct generation;
struct shm;
struct faults;

/* Master, at load: draws the name of this instance, unless it has one (shared cell "fleet/instance":
 * it stays over reloads, upgrades and restarts of processes), and makes room for what is remembered
 * of decisions. A fault when there is no room. */
void fleet_at_load(const struct generation *g, struct shm *shm, struct faults *faults);
/* The configured name, or the one that was drawn. Any process. */
struct slice fleet_instance(const struct fleet_conf *conf, const struct shm *shm);

/* -- showing (fleet_show.c) -------------------------------------------------------------------- */

/* A part of the metrics page. ctx is the struct fleet, or NULL: no fleet, no line. */
struct exposition;
void metrics_of_fleet(void *fleet, struct exposition *e);
void fleet_metrics_reference(struct text *out);
/* GET /v1/fleet; ctx is the struct fleet, or NULL. */
void fleet_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
