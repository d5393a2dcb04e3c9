/* SPDX-License-Identifier: Apache-2.0 */
/* Forking, watching and replacing the processes of one generation. A post is a place in the crew
 * (worker 0, worker 1, ..., control); a process fills it for a while. */
#include "process/crew.h"

#include "base/event.h"
#include "config/texts.h"
#include "core/log/recent.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_MS = 50, /* before a member that died young is replaced; doubles */
    PAUSE_MOST_MS = 10000,
    OLD_ENOUGH_MS = 10000, /* who lived that long is replaced at once */
};

struct post {
    struct crew *crew;
    enum role role;
    unsigned index;
    pid_t pid; /* 0: nobody */
    int fd;    /* our end of the socket pair; -1 */
    int slot;  /* of counters; -1 */
    struct slot_cells cells;
    struct ev_io watcher; /* of fd */
    struct timer again;
    uint64_t born_ms;
    unsigned pause_ms;
    bool ready;
};

static void on_said(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_again(struct timer *t);
static bool fill(struct post *p, struct faults *faults);
static void empty(struct post *p);

unsigned crew_workers(const struct config *c)
{
    cpu_set_t allowed;
    if (c->workers > 0)
        return (unsigned)c->workers;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0)
        return 1;
    return (unsigned)CPU_COUNT(&allowed);
}

/* -- starting ---------------------------------------------------------------------------------- */

static bool open_log(struct crew *crew, struct faults *faults)
{
    const struct log_conf *lc = &crew->g->config->log;
    if (slice_eq(lc->access, SLICE("off")))
        return true;
    const struct access_format *f = access_format_compile(lc, &crew->g->arena, faults);
    if (!f)
        return false;
    crew->access_log =
        access_log_open(lc, f, (int)crew->identity.uid, (int)crew->identity.gid, faults);
    return crew->access_log != NULL;
}

/* Nothing that requests need: without it the gateway runs as well. */
static void look_for_records(const struct crew *crew, struct faults *faults)
{
    const struct config *c = crew->g->config;
    unsigned without = 0;
    for (unsigned i = 0; i < crew->workers; i++)
        without += c->log.recent && !crew->posts[i].cells.recent;
    if (without)
        faults_warn(faults, c->file.p, 0,
                    "no room in the shared region for the records of requests of %u workers: raise "
                    "memory.shared, which is read when the gateway starts, or lower log.recent",
                    without);
}

static void make_posts(struct crew *crew)
{
    crew->workers = crew_workers(crew->g->config);
    crew->posts_n = crew->workers + 1;
    crew->posts = calloc(crew->posts_n, sizeof *crew->posts);
    must(crew->posts);
    for (unsigned i = 0; i < crew->posts_n; i++) {
        struct post *p = &crew->posts[i];
        p->crew = crew;
        p->role = i < crew->workers ? ROLE_WORKER : ROLE_CONTROL;
        p->index = i;
        p->fd = p->slot = -1;
        p->pause_ms = PAUSE_FIRST_MS;
        timer_init(&p->again, on_again);
    }
}

struct crew *crew_start(struct crew_base *base, struct generation *g, struct faults *faults)
{
    struct crew *crew = calloc(1, sizeof *crew);
    must(crew);
    crew->base = base;
    crew->g = g;
    crew->previous = conf_texts_hold(base->previous);
    list_init(&crew->node);
    make_posts(crew);
    if (!identity_find(g->config, &crew->identity, faults) || !open_log(crew, faults))
        goto fail;
    /* What slots counted that no process of this generation gets must not be forgotten. */
    stats_keep(g, base->shm, (unsigned)atomic_load(&base->board->slots));
    recent_keep(base->shm, (unsigned)atomic_load(&base->board->slots),
                (uint64_t)g->config->log.recent);
    for (unsigned i = 0; i < crew->posts_n; i++)
        if (!fill(&crew->posts[i], faults))
            goto fail;
    look_for_records(crew, faults);
    return crew;
fail:
    crew_stop(crew);
    for (unsigned i = 0; i < crew->posts_n; i++) {
        struct post *p = &crew->posts[i];
        if (!p->pid)
            continue;
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        empty(p);
    }
    crew_free(crew);
    return NULL;
}

static struct birth birth_of(struct post *p, int master_fd)
{
    const struct crew *crew = p->crew;
    return (struct birth){
        .role = p->role,
        .index = p->index,
        .workers = crew->workers,
        .g = crew->g,
        .stats = p->cells.stats,
        .mirrors = p->cells.mirrors,
        .live = p->cells.live,
        .recent = p->cells.recent,
        .sockets = crew->base->sockets,
        .access_log = crew->access_log,
        .identity = crew->identity,
        .shm = crew->base->shm,
        .board = crew->base->board,
        .reports = crew->base->reports,
        .events = crew->base->events,
        .previous = crew->previous,
        .master_fd = master_fd,
    };
}

static bool take_slot(struct post *p, struct faults *faults)
{
    const struct crew *crew = p->crew;
    p->slot = slots_take(crew->base->slots);
    if (p->slot < 0) {
        faults_add(faults, crew->g->config->file.p, 0,
                   "%d processes are alive already, draining ones included: try again later",
                   STATS_SLOTS_MAX);
        return false;
    }
    if (!slot_bind(&p->cells, crew->g, crew->base->shm, p->slot, faults))
        return false;
    if (p->role == ROLE_WORKER)
        slot_remember(&p->cells, crew->g, crew->base->shm, p->slot);
    return true;
}

static void give_slot(struct post *p)
{
    if (p->cells.stats) {
        slot_bury(p->crew->g, p->crew->base->shm, p->slot);
        slot_unbind(&p->cells);
    }
    slots_give(p->crew->base->slots, p->slot);
    p->slot = -1;
}

static _Noreturn void become_child(struct post *p, int master_fd)
{
    struct crew *crew = p->crew;
    const struct birth b = birth_of(p, master_fd);
    crew_forget_fds(crew); /* while it is being started, the master's list doesn't have it yet */
    crew->base->on_child(crew->base);
    if (b.role == ROLE_WORKER)
        worker_main(&b);
    control_main(&b);
}

/* Closes our ends of the others' socket pairs in a child: the end of one must mean the end of the
 * master. */
void crew_forget_fds(struct crew *crew)
{
    for (unsigned i = 0; i < crew->posts_n; i++) {
        if (crew->posts[i].fd >= 0)
            close(crew->posts[i].fd);
        crew->posts[i].fd = -1;
    }
}

static bool fill(struct post *p, struct faults *faults)
{
    struct crew_base *base = p->crew->base;
    int pair[2];
    if (!take_slot(p, faults))
        goto fail;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        faults_add(faults, NULL, 0, "socketpair: %s", strerror(errno));
        goto fail;
    }
    fflush(NULL);
    p->pid = fork();
    if (p->pid == 0) {
        close(pair[0]);
        become_child(p, pair[1]);
    }
    close(pair[1]);
    if (p->pid < 0) {
        faults_add(faults, NULL, 0, "fork: %s", strerror(errno));
        p->pid = 0;
        close(pair[0]);
        goto fail;
    }
    p->fd = pair[0];
    p->ready = false;
    p->born_ms = clock_ms(&base->loop->clock);
    p->crew->alive++;
    ev_io_init(&p->watcher, on_said, p->fd, EV_READ);
    ev_io_start(base->loop->ev, &p->watcher);
    return true;
fail:
    give_slot(p);
    return false;
}

static void on_said(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)revents;
    struct post *p = container_of(w, struct post, watcher);
    struct crew *crew = p->crew;
    char c;
    const ssize_t n = read(w->fd, &c, 1);
    if (n < 0)
        return;
    if (n == 0) { /* it is about to be reaped */
        ev_io_stop(ev, w);
        return;
    }
    if (c != SAY_READY) {
        if (p->role == ROLE_CONTROL && crew->state == CREW_SERVING)
            crew->base->on_ask(crew->base, (enum ask)c);
        return;
    }
    if (!p->ready) {
        p->ready = true;
        crew->ready++;
    }
    if (crew->state == CREW_STARTING && crew->ready == crew->posts_n)
        crew->state = CREW_SERVING;
    crew->base->on_change(crew->base, crew);
}

/* -- ending ------------------------------------------------------------------------------------ */

static const char *role_name(const struct post *p, char out[32])
{
    if (p->role == ROLE_WORKER)
        snprintf(out, 32, "worker/%u", p->index);
    else
        snprintf(out, 32, "control");
    return out;
}

static void note_death(const struct post *p, int status)
{
    char name[32];
    if (WIFSIGNALED(status))
        event_error("process_died", KV("process", role_name(p, name)), KV_INT("pid", p->pid),
                    KV_INT("signal", WTERMSIG(status)));
    else
        event_error("process_died", KV("process", role_name(p, name)), KV_INT("pid", p->pid),
                    KV_INT("exit", WEXITSTATUS(status)));
}

/* Sees to it that the post is filled again. */
static void replace(struct post *p)
{
    struct loop *lp = p->crew->base->loop;
    const bool lived = clock_ms(&lp->clock) - p->born_ms >= OLD_ENOUGH_MS;
    if (lived)
        p->pause_ms = PAUSE_FIRST_MS;
    timer_start(lp, &p->again, lived ? 0 : p->pause_ms);
    p->pause_ms = p->pause_ms * 2 < PAUSE_MOST_MS ? p->pause_ms * 2 : PAUSE_MOST_MS;
}

static void on_again(struct timer *t)
{
    struct post *p = container_of(t, struct post, again);
    struct faults faults;
    char name[32];
    faults_init(&faults);
    if (p->crew->base->frozen) {
        replace(p);
    } else if (p->crew->state == CREW_SERVING && !fill(p, &faults)) {
        event_error("process_not_restarted", KV("process", role_name(p, name)),
                    KV("error", faults.first ? faults.first->text : "unknown"));
        replace(p);
    } else if (p->pid) {
        atomic_fetch_add(&p->crew->base->board->restarts, 1);
        event_info("process_restarted", KV("process", role_name(p, name)), KV_INT("pid", p->pid));
    }
    faults_fini(&faults);
}

static void empty(struct post *p)
{
    struct crew *crew = p->crew;
    ev_io_stop(crew->base->loop->ev, &p->watcher);
    close(p->fd);
    p->fd = -1;
    p->pid = 0;
    crew->ready -= p->ready;
    crew->alive--;
    p->ready = false;
    give_slot(p);
}

bool crew_reap(struct crew *crew, pid_t pid, int status)
{
    struct post *p = NULL;
    for (unsigned i = 0; i < crew->posts_n; i++)
        if (crew->posts[i].pid == pid)
            p = &crew->posts[i];
    if (!p)
        return false;
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!clean || crew->state == CREW_SERVING || crew->state == CREW_STARTING)
        note_death(p, status);
    empty(p);
    if (crew->state == CREW_STARTING)
        crew->state = CREW_FAILED;
    else if (crew->state == CREW_SERVING)
        replace(p);
    crew->base->on_change(crew->base, crew);
    return true;
}

static void end(struct crew *crew, enum crew_state state, int signo)
{
    crew->state = state;
    for (unsigned i = 0; i < crew->posts_n; i++)
        timer_stop(&crew->posts[i].again);
    crew_signal(crew, signo);
}

void crew_drain(struct crew *crew)
{
    end(crew, CREW_DRAINING, SIGQUIT);
}

void crew_stop(struct crew *crew)
{
    end(crew, CREW_FAILED, SIGTERM);
}

void crew_abandon(struct crew *crew)
{
    end(crew, CREW_DRAINING, 0);
    for (unsigned i = 0; i < crew->posts_n; i++)
        if (crew->posts[i].pid)
            kill(crew->posts[i].pid, crew->posts[i].ready ? SIGQUIT : SIGKILL);
}

void crew_signal(struct crew *crew, int signo)
{
    for (unsigned i = 0; i < crew->posts_n; i++)
        if (crew->posts[i].pid)
            kill(crew->posts[i].pid, signo);
}

void crew_free(struct crew *crew)
{
    must(crew->alive == 0);
    list_remove(&crew->node);
    for (unsigned i = 0; i < crew->posts_n; i++)
        timer_stop(&crew->posts[i].again);
    if (crew->access_log)
        access_log_close(crew->access_log);
    generation_free(crew->g);
    conf_texts_release(crew->previous);
    free(crew->posts);
    free(crew);
}
