/* SPDX-License-Identifier: Apache-2.0 */
/* Generations: a crew serves; another one comes; when it is ready it takes the place of the first,
 * which drains. Whatever goes wrong before that moment, the first one goes on as if nothing had
 * happened.
 *
 * What happens to crews is noted by callbacks and looked at in one place, review(). */
#include "process/master_parts.h"

#include "base/event.h"
#include "control/overrides/overrides.h"
#include "control/dns/resolver.h"
#include "process/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READY_MS = 30000,  /* how long a new crew may take to get ready */
    RESOLVE_MS = 3000, /* how long a start waits for DNS */
};

static void on_review(struct later *l);

/* -- starting a crew --------------------------------------------------------------------------- */

void master_give_logs_to(const struct crew *crew)
{
    if (!log_chown(crew->identity.uid, crew->identity.gid) ||
        !audit_chown(crew->identity.uid, crew->identity.gid))
        log_warn("log_chown_failed", KV_ERRNO(errno));
}

/* After a load that failed, when it had opened others already. */
static void return_to_logs(const struct master *m)
{
    struct faults faults;
    if (!m->serving)
        return;
    faults_init(&faults);
    if (load_logs(m->serving->g->config, &faults))
        master_give_logs_to(m->serving);
    faults_fini(&faults);
}

struct load_from master_source(const struct master *m)
{
    struct load_from from = {.file = m->file};
    if (m->rolling_back)
        from.texts = m->history.previous;
    else if (!m->serving && m->history.rolled_back) /* an upgrade is no reload */
        from.texts = m->history.in_force;
    return from;
}

bool master_begin_crew(struct master *m, struct faults *faults)
{
    const struct load_from from = master_source(m);
    shm_generation(m->shm, ++m->generation);
    master_find_cells(m);
    struct generation *g = load_generation(&from, &m->modules, m->shm, m->generation, faults);
    if (!g)
        return false;
    const unsigned workers = crew_workers(g->config);
    if (!load_logs(g->config, faults) ||
        !sockets_prepare(&m->sockets, g->config, workers, faults)) {
        sockets_abandon(&m->sockets);
        generation_free(g);
        return_to_logs(m);
        return false;
    }
    descriptors_raise(g->config->memory.descriptors);
    resolver_at_load(g, RESOLVE_MS, faults);
    m->base.previous = history_before(&m->history, g->config->texts);
    m->coming = crew_start(&m->base, g, faults);
    if (!m->coming) {
        sockets_abandon(&m->sockets);
        return_to_logs(m);
        return false;
    }
    master_give_logs_to(m->coming);
    list_push(&m->crews, &m->coming->node);
    timer_start(&m->loop, &m->ready_timer, READY_MS);
    return true;
}

/* -- in force ---------------------------------------------------------------------------------- */

static void note_generation(struct master *m)
{
    atomic_store(&m->board->generation, m->serving->g->number);
    atomic_store(&m->board->loaded_wall_us, m->loop.clock.wall_us);
    atomic_store(&m->board->workers, m->serving->workers);
}

/* Before anybody learns that it is in force: the control process then undoes what has ended. */
static void settle_overrides(struct master *m)
{
    const struct config *c = m->serving->g->config;
    struct override_cell *cell = override_cell_adopt(m->shm, c->admin.overrides);
    text_fini(&m->ended);
    text_init(&m->ended);
    overrides_settle(cell, c->effective, &m->ended);
}

static void write_pid_file(struct master *m)
{
    const struct slice path = m->serving->g->config->pid_file;
    if (!path.n || m->pid_file)
        return;
    FILE *f = fopen(path.p, "we");
    if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0) {
        event_error("pid_file_failed", KV("path", path.p), KV_ERRNO(errno));
        return;
    }
    m->pid_file = strdup(path.p);
}

const char *master_status_line(const struct master *m, char out[128])
{
    snprintf(out, 128, "serving generation %llu with %u workers",
             (unsigned long long)m->serving->g->number, m->serving->workers);
    return out;
}

void master_announce(struct master *m)
{
    char status[128];
    if (!m->announced)
        atomic_store(&m->board->started_wall_us, m->loop.clock.wall_us);
    m->announced = true;
    settle_overrides(m);
    note_generation(m);
    write_pid_file(m);
    service_ready(master_status_line(m, status));
}

static void take_over(struct master *m)
{
    struct crew *old = m->serving;
    timer_stop(&m->ready_timer);
    m->serving = m->coming;
    m->coming = NULL;
    sockets_commit(&m->sockets);
    history_note(&m->history, m->serving->g->config->texts, m->serving->g->config->recalled);
    if (old)
        atomic_fetch_add(&m->board->reloads, 1);
    if (master_in_charge(m))
        master_announce(m);
    else
        predecessor_replace(&m->before);
    event_info(old ? "reloaded" : "started", KV_INT("generation", m->serving->g->number),
               KV_INT("workers", m->serving->workers));
    if (old) {
        master_reload_done(m);
        crew_drain(old);
    }
}

static void give_up_coming(struct master *m, const char *reason)
{
    struct crew *crew = m->coming;
    timer_stop(&m->ready_timer);
    m->coming = NULL;
    crew_abandon(crew);
    sockets_abandon(&m->sockets);
    return_to_logs(m);
    event_error(m->serving ? "reload_failed" : "start_failed", KV("reason", reason),
                KV_INT("generation", crew->g->number));
    if (m->serving) {
        master_reload_failed(m, reason, NULL);
    } else {
        predecessor_refuse(&m->before, slice_str(reason));
        m->stopping = true;
        m->status = EXIT_FAILURE;
    }
}

static void on_ready_timeout(struct timer *t)
{
    struct master *m = container_of(t, struct master, ready_timer);
    if (m->coming)
        give_up_coming(m, "not ready in time");
    loop_later(&m->loop, &m->review);
}

/* One thing at a time; what is wanted meanwhile is done afterwards. */
bool master_busy(const struct master *m)
{
    return m->coming || !m->serving || m->upgrade.state != UPGRADE_NONE ||
           predecessor_in_charge(&m->before);
}

/* -- looking after crews ----------------------------------------------------------------------- */

static void count_processes(struct master *m)
{
    uint64_t draining = 0;
    list_each (node, &m->crews) {
        const struct crew *crew = list_entry(node, struct crew, node);
        if (crew->state == CREW_DRAINING)
            draining += crew->alive;
    }
    if (!master_in_charge(m))
        return;
    const uint64_t ready = m->serving ? m->serving->ready : 0;
    atomic_store(&m->board->workers_alive, ready ? ready - 1 : 0); /* one is control */
    atomic_store(&m->board->workers_draining, draining);
}

/* Frees crews whose last process is gone, and the cells that no living one knows. */
static void bury_crews(struct master *m)
{
    uint64_t oldest = m->generation;
    list_each_safe (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (crew->alive == 0 && crew != m->serving && crew != m->coming) {
            event_info("generation_ended", KV_INT("generation", crew->g->number));
            crew_free(crew);
        } else if (crew->g->number < oldest) {
            oldest = crew->g->number;
        }
    }
    if (master_in_charge(m) && !m->base.frozen)
        shm_forget(m->shm, predecessor_oldest(&m->before, oldest));
}

/* Our end is the end of those before us, too: who waits for it wants to know that all are gone. */
static bool is_over(const struct master *m)
{
    return list_empty(&m->crews) && m->upgrade.state != UPGRADE_ENDING &&
           m->before.state != PREDECESSOR_DRAINING;
}

/* What was wanted while something else was under way. */
static void catch_up(struct master *m)
{
    if (m->reload_again) {
        m->reload_again = false;
        master_reload(m);
    } else if (m->rollback_again) {
        m->rollback_again = false;
        master_rollback(m);
    } else if (m->upgrade_again) {
        m->upgrade_again = false;
        master_upgrade(m);
    }
}

static void on_review(struct later *l)
{
    struct master *m = container_of(l, struct master, review);
    if (m->coming && m->coming->state == CREW_SERVING)
        take_over(m);
    else if (m->coming && m->coming->state == CREW_FAILED)
        give_up_coming(m, "a process of the new generation died");
    if (m->stopping && m->serving && m->serving->alive == 0)
        m->serving = NULL;
    bury_crews(m);
    count_processes(m);
    if (m->stopping && is_over(m))
        loop_stop(&m->loop);
    else if (!m->stopping && !master_busy(m))
        catch_up(m);
}

static void on_crew_change(struct crew_base *base, struct crew *crew)
{
    (void)crew;
    struct master *m = container_of(base, struct master, base);
    loop_later(&m->loop, &m->review);
}

static void on_child(struct crew_base *base)
{
    struct master *m = container_of(base, struct master, base);
    signals_stop(&m->signals);
    predecessor_forget_fd(&m->before);
    list_each (node, &m->crews)
        crew_forget_fds(list_entry(node, struct crew, node));
    loop_abandon(&m->loop);
}

static void on_ask(struct crew_base *base, enum ask ask)
{
    struct master *m = container_of(base, struct master, base);
    switch (ask) {
    case ASK_RELOAD:
        master_reload(m);
        break;
    case ASK_ROLLBACK:
        master_rollback(m);
        break;
    case ASK_UPGRADE:
        master_upgrade(m);
        break;
    case ASK_DRAIN:
        kill(getpid(), SIGQUIT);
        break;
    case ASK_REOPEN:
        kill(getpid(), SIGUSR1);
        break;
    default:
        log_warn("ask_unknown", KV_INT("ask", ask));
        break;
    }
}

void master_crews_init(struct master *m)
{
    list_init(&m->crews);
    later_init(&m->review, on_review);
    timer_init(&m->ready_timer, on_ready_timeout);
    faults_init(&m->warnings);
    text_init(&m->ended);
    m->base = (struct crew_base){.loop = &m->loop,
                                 .slots = &m->slots,
                                 .sockets = &m->sockets,
                                 .on_change = on_crew_change,
                                 .on_child = on_child,
                                 .on_ask = on_ask};
}
