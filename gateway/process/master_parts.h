/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_MASTER_PARTS_H
#define WEIR_PROCESS_MASTER_PARTS_H

/* Private to the master: master.c has its life and its signals, master_crews.c the generations that
 * come and go, master_reload.c the operators' wishes for another one, master_logs.c the log files,
 * master_upgrade.c what is done when one master takes another one's place. */

#include "base/event.h"
#include "io/shm.h"
#include "io/signals.h"
#include "process/crew.h"
#include "process/history.h"
#include "process/load.h"
#include "process/predecessor.h"
#include "process/report.h"
#include "process/upgrade.h"

struct master {
    const char *file;
    struct loop loop;
    struct signals signals;
    struct shm *shm;
    struct module_set modules;
    struct board *board; /* these lie in the region; the first two belong to the master in charge */
    struct reports *reports;
    struct event_shared *events;
    uint64_t hash_key[2];
    struct slots slots;
    struct sockets sockets;
    struct crew_base base;
    struct list crews;
    struct crew *serving; /* NULL before the first is ready */
    struct crew *coming;  /* being started; NULL: none */
    struct later review;
    struct timer ready_timer, kill_timer, alive_timer, rotate_timer;
    bool rolling_back; /* `coming` is a configuration of before */
    struct history history;
    uint64_t generation;
    struct faults warnings; /* of the configuration that was read last */
    struct upgrade upgrade;
    struct predecessor before;
    struct text ended;                /* of overrides, by what is in force: a member of JSON */
    char *pid_file;                   /* owned; NULL: none written */
    bool reload_again, rollback_again,
        upgrade_again;                /* wanted while something else was under way */
    bool announced;                   /* master_announce() */
    bool stopping;
    int stop_signal; /* SIGQUIT: gracefully, SIGTERM: at once */
    int status;
};

/* Neither is there one before us that may still call us off, nor are we replaced. Who isn't in
 * charge leaves no trace outside and doesn't write to the board. */
static inline bool master_in_charge(const struct master *m)
{
    return !predecessor_in_charge(&m->before) && m->upgrade.state != UPGRADE_DONE;
}

/* -- master.c -- */
/* Makes the shared region, of the size that the first configuration says. */
bool master_make_region(struct master *m, struct faults *faults) nodiscard;
/* What lies in the region. */
void master_find_cells(struct master *m);
/* Lets go of the sockets; those who come from now on go elsewhere. */
void master_leave_sockets(struct master *m);

/* -- master_crews.c -- */
void master_crews_init(struct master *m);
/* Everything between a file and forked processes. False with faults; nothing is left of it then. */
bool master_begin_crew(struct master *m, struct faults *faults) nodiscard;
/* Where the next configuration comes from. */
struct load_from master_source(const struct master *m);
/* Something is under way before whose end nothing else may begin. */
bool master_busy(const struct master *m);
/* Workers open the logs again when they were rotated, and may no longer be root then. */
void master_give_logs_to(const struct crew *crew);
/* What the service manager shows. */
const char *master_status_line(const struct master *m, char out[128]);
/* Tells the outside that we serve: pid file, service manager, board. */
void master_announce(struct master *m);

/* -- master_reload.c -- */
void master_reload(struct master *m);
void master_rollback(struct master *m);
/* What was wanted is in force, or won't be: a sentence, and faults (NULL: none). */
void master_reload_done(struct master *m);
void master_reload_failed(struct master *m, const char *sentence, const struct faults *faults);

/* -- master_logs.c -- */
void master_logs_init(struct master *m);
/* All processes open their log files again. */
void master_logs_reopen(struct master *m);

/* -- master_upgrade.c -- */
void master_upgrade_init(struct master *m);
void master_upgrade(struct master *m);
/* Starts beside a master that is to be replaced. False: it was told why not. */
bool master_start_from(struct master *m, int handover_fd) nodiscard;

#endif
