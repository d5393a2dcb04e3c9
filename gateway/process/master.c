/* SPDX-License-Identifier: Apache-2.0 */
/* The master. A crew serves; on SIGHUP another one comes; when it is ready it takes the place of
 * the first, which drains. Whatever goes wrong before that moment, the first one goes on as if
 * nothing had happened.
 *
 * What happens to crews is noted by callbacks and looked at in one place, review(). */
#include "process/master.h"

#include "base/log.h"
#include "control/resolver.h"
#include "io/shm.h"
#include "io/signals.h"
#include "process/crash.h"
#include "process/crew.h"
#include "process/load.h"
#include "process/title.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READY_MS = 30000,  /* how long a new crew may take to get ready */
    RESOLVE_MS = 3000, /* how long a start waits for DNS */
    KILL_MS = 5000,    /* after a fast stop, before SIGKILL */
};

struct master {
    const char *file;
    struct loop loop;
    struct signals signals;
    struct shm *shm;
    struct module_set modules;
    struct board *board;
    struct slots slots;
    struct sockets sockets;
    struct crew_base base;
    struct list crews;
    struct crew *serving; /* NULL before the first is ready */
    struct crew *coming;  /* being started; NULL: none */
    struct later review;
    struct timer ready_timer, kill_timer;
    uint64_t generation;
    char *pid_file; /* owned; NULL: none written */
    bool reload_again, stopping;
    int status;
};

static void on_review(struct later *l);

/* -- starting a crew --------------------------------------------------------------------------- */

/* Workers open the error log again when it was rotated, and may no longer be root then. */
static void give_log_to(const struct crew *crew)
{
    if (!log_chown(crew->identity.uid, crew->identity.gid))
        log_warn("log_chown_failed", KV_ERRNO(errno));
}

/* Everything between a file and forked processes. False with faults; nothing is left of it then. */
static bool begin_crew(struct master *m, struct faults *faults)
{
    shm_generation(m->shm, ++m->generation);
    struct generation *g = load_generation(m->file, &m->modules, m->shm, m->generation, faults);
    if (!g)
        return false;
    const unsigned workers = crew_workers(g->config);
    if (!load_error_log(g->config, faults) ||
        !sockets_prepare(&m->sockets, g->config, workers, faults)) {
        sockets_abandon(&m->sockets);
        generation_free(g);
        return false;
    }
    descriptors_raise(g->config->memory.descriptors);
    resolver_at_load(g, RESOLVE_MS, faults);
    m->coming = crew_start(&m->base, g, faults);
    if (!m->coming) {
        sockets_abandon(&m->sockets);
        return false;
    }
    give_log_to(m->coming);
    list_push(&m->crews, &m->coming->node);
    timer_start(&m->loop, &m->ready_timer, READY_MS);
    return true;
}

static void note_generation(struct master *m)
{
    atomic_store(&m->board->generation, m->serving->g->number);
    atomic_store(&m->board->loaded_wall_us, m->loop.clock.wall_us);
    atomic_store(&m->board->workers, m->serving->workers);
}

static void write_pid_file(struct master *m)
{
    const struct slice path = m->serving->g->config->pid_file;
    if (!path.n || m->pid_file)
        return;
    FILE *f = fopen(path.p, "we");
    if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0) {
        log_error("pid_file_failed", KV("path", path.p), KV_ERRNO(errno));
        return;
    }
    m->pid_file = strdup(path.p);
}

static void take_over(struct master *m)
{
    struct crew *old = m->serving;
    timer_stop(&m->ready_timer);
    m->serving = m->coming;
    m->coming = NULL;
    sockets_commit(&m->sockets);
    note_generation(m);
    write_pid_file(m);
    log_info(old ? "reloaded" : "started", KV_INT("generation", m->serving->g->number),
             KV_INT("workers", m->serving->workers));
    if (old) {
        atomic_fetch_add(&m->board->reloads, 1);
        crew_drain(old);
    }
}

static void give_up_coming(struct master *m, const char *reason)
{
    struct crew *crew = m->coming;
    timer_stop(&m->ready_timer);
    m->coming = NULL;
    crew_stop(crew);
    timer_start(&m->loop, &m->kill_timer, KILL_MS);
    sockets_abandon(&m->sockets);
    atomic_fetch_add(&m->board->reloads_failed, 1);
    log_error(m->serving ? "reload_failed" : "start_failed", KV("reason", reason),
              KV_INT("generation", crew->g->number));
    if (!m->serving) {
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

static void reload(struct master *m)
{
    struct faults faults;
    if (m->stopping)
        return;
    if (m->coming) { /* one at a time; the newest file is read again afterwards */
        m->reload_again = true;
        return;
    }
    log_info("reload_begins", KV("file", m->file));
    faults_init(&faults);
    if (!begin_crew(m, &faults)) {
        atomic_fetch_add(&m->board->reloads_failed, 1);
        faults_log(&faults);
        log_error("reload_failed", KV("reason", "configuration"), KV_INT("errors", faults.errors));
    } else {
        faults_log(&faults);
    }
    faults_fini(&faults);
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
            log_info("generation_ended", KV_INT("generation", crew->g->number));
            crew_free(crew);
        } else if (crew->g->number < oldest) {
            oldest = crew->g->number;
        }
    }
    shm_forget(m->shm, oldest);
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
    if (m->stopping && list_empty(&m->crews)) {
        loop_stop(&m->loop);
    } else if (!m->coming && m->reload_again) {
        m->reload_again = false;
        reload(m);
    }
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
    list_each (node, &m->crews)
        crew_forget_fds(list_entry(node, struct crew, node));
    loop_abandon(&m->loop);
}

/* -- signals ----------------------------------------------------------------------------------- */

static void reap(struct master *m)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        list_each (node, &m->crews)
            if (crew_reap(list_entry(node, struct crew, node), pid, status))
                break;
    }
}

static void reopen_logs(struct master *m)
{
    if (!log_reopen())
        log_error("log_reopen_failed", KV_ERRNO(errno));
    if (m->serving)
        give_log_to(m->serving);
    /* First here, where the file can be made with the right owner; then in the workers. */
    list_each (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (crew->access_log && !access_log_reopen(crew->access_log))
            log_error("access_log_reopen_failed", KV_ERRNO(errno));
        crew_signal(crew, SIGUSR1);
    }
    log_info("logs_reopened");
}

static void stop(struct master *m, bool graceful)
{
    m->stopping = true;
    timer_stop(&m->ready_timer);
    m->coming = NULL;
    sockets_close(&m->sockets); /* newcomers are refused at once and can go elsewhere */
    list_each (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (graceful && crew == m->serving)
            crew_drain(crew);
        else if (!graceful || crew->state == CREW_STARTING)
            crew_stop(crew);
    }
    if (!graceful)
        timer_start(&m->loop, &m->kill_timer, KILL_MS);
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
}

static void on_signal(struct signals *s, int signo)
{
    struct master *m = container_of(s, struct master, signals);
    switch (signo) {
    case SIGHUP:
        reload(m);
        break;
    case SIGUSR1:
        reopen_logs(m);
        break;
    case SIGQUIT:
        log_info("stopping", KV("how", "graceful"));
        stop(m, true);
        break;
    case SIGTERM:
    case SIGINT:
        log_info("stopping", KV("how", "at once"));
        stop(m, false);
        break;
    case SIGCHLD:
        reap(m);
        break;
    default:
        log_warn("signal_ignored", KV_INT("signal", signo));
        break;
    }
}

/* -- life -------------------------------------------------------------------------------------- */

static void seed_hashes(void)
{
    uint64_t key[2];
    must(getrandom(key, sizeof key, 0) == (ssize_t)sizeof key);
    slice_hash_seed(key[0], key[1]);
}

/* A configuration of which no generation was made. */
static void forget(struct config *c)
{
    modules_forget(c);
    config_free(c);
}

/* The shared region is as large as the first configuration says; it can't grow later. */
static bool make_region(struct master *m, struct faults *faults)
{
    struct config *c = config_load(m->file, &m->modules.source, faults);
    if (!c)
        return false;
    m->shm = shm_create(c->memory.shared);
    if (!m->shm) {
        faults_add(faults, m->file, 0, "memory.shared: can't make a region of %llu bytes: %s",
                   (unsigned long long)c->memory.shared, strerror(errno));
        forget(c);
        return false;
    }
    forget(c);
    m->board = shm_cell(m->shm, SLICE("process/board"), sizeof *m->board);
    must(m->board);
    m->slots.board = m->board;
    m->base.shm = m->shm;
    m->base.board = m->board;
    atomic_store(&m->board->started_wall_us, m->loop.clock.wall_us);
    return true;
}

static bool start(struct master *m)
{
    struct faults faults, first;
    faults_init(&faults);
    faults_init(&first); /* warnings of the first pass would only stand twice */
    const bool region = make_region(m, &first);
    const bool ok = region && begin_crew(m, &faults);
    faults_print(region ? &faults : &first, stderr);
    faults_fini(&first);
    faults_fini(&faults);
    return ok;
}

int master_run(const char *file)
{
    static struct master m; /* children find their world through it: it must not move */
    m.file = file;
    log_set_process("master");
    title_set("master");
    crash_install("master");
    seed_hashes();
    signals_block();
    loop_init(&m.loop, 0);
    list_init(&m.crews);
    module_set_init(&m.modules);
    later_init(&m.review, on_review);
    timer_init(&m.ready_timer, on_ready_timeout);
    timer_init(&m.kill_timer, on_kill);
    m.base = (struct crew_base){.loop = &m.loop,
                                .slots = &m.slots,
                                .sockets = &m.sockets,
                                .on_change = on_crew_change,
                                .on_child = on_child};
    signals_start(&m.signals, &m.loop, on_signal);
    if (!start(&m))
        return EXIT_FAILURE;
    loop_run(&m.loop);
    timer_stop(&m.kill_timer);
    if (m.pid_file)
        unlink(m.pid_file);
    log_info("stopped");
    return m.status;
}
