/* SPDX-License-Identifier: Apache-2.0 */
/* The master's life, and its signals. */
#include "process/master.h"

#include "base/event.h"
#include "process/crash.h"
#include "process/master_parts.h"
#include "process/service.h"
#include "process/title.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_MS = 5000 }; /* after a fast stop, before SIGKILL */

/* -- signals ----------------------------------------------------------------------------------- */

static void reap(struct master *m)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (upgrade_reap(&m->upgrade, pid))
            continue;
        list_each (node, &m->crews)
            if (crew_reap(list_entry(node, struct crew, node), pid, status))
                break;
    }
}

void master_leave_sockets(struct master *m)
{
    if (master_in_charge(m))
        sockets_close(&m->sockets);
    else
        sockets_leave(&m->sockets);
}

static void stop(struct master *m, bool graceful)
{
    m->stopping = true;
    m->stop_signal = graceful ? SIGQUIT : SIGTERM;
    timer_stop(&m->ready_timer);
    m->coming = NULL;
    upgrade_call_off(&m->upgrade);
    if (master_in_charge(m))
        service_stopping();
    master_leave_sockets(m);
    list_each (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (graceful && crew == m->serving)
            crew_drain(crew);
        else if (!graceful || crew->state == CREW_STARTING)
            crew_stop(crew);
    }
    if (!graceful) {
        predecessor_signal(&m->before, SIGTERM);
        timer_start(&m->loop, &m->kill_timer, KILL_MS);
    }
    loop_later(&m->loop, &m->review);
}

static void on_kill(struct timer *t)
{
    struct master *m = container_of(t, struct master, kill_timer);
    list_each (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (crew->state == CREW_FAILED) /* told to end at once, and still there */
            crew_signal(crew, SIGKILL);
    }
    predecessor_signal(&m->before, SIGKILL);
}

/* What an operator asked of the control process comes as a signal from ourselves, and is told
 * already. */
static void tell_signal(const struct signals *s, int signo)
{
    if (signo == SIGCHLD || s->pid == (uint32_t)getpid())
        return;
    event_info("signal_taken", KV("who", "signal"), KV("signal", sigabbrev_np(signo)),
               KV_INT("pid", s->pid), KV_INT("uid", s->uid));
}

static void on_signal(struct signals *s, int signo)
{
    struct master *m = container_of(s, struct master, signals);
    tell_signal(s, signo);
    switch (signo) {
    case SIGHUP:
        master_reload(m);
        break;
    case SIGUSR2:
        master_upgrade(m);
        break;
    case SIGUSR1:
        master_logs_reopen(m);
        break;
    case SIGQUIT:
        event_info("stopping", KV("how", "graceful"));
        stop(m, true);
        break;
    case SIGTERM:
    case SIGINT:
        event_info("stopping", KV("how", "at once"));
        stop(m, false);
        break;
    case SIGCHLD:
        reap(m);
        break;
    default:
        break;
    }
}

static void on_alive(struct timer *t)
{
    struct master *m = container_of(t, struct master, alive_timer);
    if (master_in_charge(m))
        service_alive();
    timer_start(&m->loop, t, service_watchdog_ms());
}

/* -- life -------------------------------------------------------------------------------------- */

/* A configuration of which no generation was made. */
static void forget(struct config *c)
{
    modules_forget(c);
    config_free(c);
}

/* The shared region is as large as the first configuration says; it can't grow later. */
bool master_make_region(struct master *m, struct faults *faults)
{
    const struct load_from from = master_source(m);
    struct config *c = load_config(&from, &m->modules, faults);
    if (!c)
        return false;
    m->shm = shm_create(c->memory.shared);
    if (!m->shm)
        faults_add(faults, m->file, 0, "memory.shared: can't make a region of %llu bytes: %s",
                   (unsigned long long)c->memory.shared, strerror(errno));
    forget(c);
    if (m->shm)
        master_find_cells(m);
    return m->shm != NULL;
}

/* Before anything else is in the region, and again for each generation, or they would be forgotten
 * with the first one. */
void master_find_cells(struct master *m)
{
    m->board = shm_cell(m->shm, BOARD_CELL, sizeof *m->board);
    m->reports = shm_cell(m->shm, REPORTS_CELL, sizeof *m->reports);
    m->events = shm_cell(m->shm, EVENTS_CELL, sizeof *m->events);
    must(m->board && m->reports && m->events);
    m->slots.board = m->board;
    log_share_level(&m->board->log_level);
    event_share(m->events);
    m->base.shm = m->shm;
    m->base.board = m->board;
    m->base.reports = m->reports;
    m->base.events = m->events;
}

static bool start(struct master *m)
{
    struct faults first; /* of the first pass: its warnings would only stand twice */
    int handover;
    if (handover_given(&handover))
        return master_start_from(m, handover);
    must(getrandom(m->hash_key, sizeof m->hash_key, 0) == (ssize_t)sizeof m->hash_key);
    slice_hash_seed(m->hash_key[0], m->hash_key[1]);
    faults_init(&first);
    const bool region = master_make_region(m, &first) && service_sockets(&m->sockets, &first);
    const bool ok = region && master_begin_crew(m, &m->warnings);
    faults_print(region ? &m->warnings : &first, stderr);
    faults_fini(&first);
    return ok;
}

int master_run(const char *file)
{
    static struct master m; /* children find their world through it: it must not move */
    m.file = file;
    log_set_process("master");
    title_set("master");
    crash_install("master");
    signals_block();
    service_init();
    loop_init(&m.loop, 0);
    module_set_init(&m.modules);
    master_crews_init(&m);
    master_upgrade_init(&m);
    timer_init(&m.kill_timer, on_kill);
    timer_init(&m.alive_timer, on_alive);
    master_logs_init(&m);
    signals_start(&m.signals, &m.loop, on_signal);
    if (!start(&m))
        return EXIT_FAILURE;
    if (service_watchdog_ms())
        timer_start(&m.loop, &m.alive_timer, 0);
    loop_run(&m.loop);
    timer_stop(&m.kill_timer);
    timer_stop(&m.alive_timer);
    timer_stop(&m.rotate_timer);
    upgrade_leave(&m.upgrade);
    if (m.pid_file && master_in_charge(&m))
        unlink(m.pid_file);
    event_info("stopped");
    return m.status;
}
