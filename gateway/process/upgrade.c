/* SPDX-License-Identifier: Apache-2.0 */
/* The old master's side of an upgrade. */
#include "process/upgrade.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "io/signals.h"
#include "process/service.h"

enum {
    READY_MS = 45000, /* a start of its own, with some room */
    END_MS = 10000,   /* after it was told to end, before SIGKILL */
};

static char **arguments; /* owned, for ever */

static void on_said(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_deadline(struct timer *t);

/* -- what is started --------------------------------------------------------------------------- */

/* Where the binary was found, links not followed: a package, or a link that is set anew, puts the
 * next one there. */
static char *binary_path(const char *name)
{
    char path[PATH_MAX];
    if (name[0] == '/')
        return strdup(name);
    if (strchr(name, '/') && getcwd(path, sizeof path - 1)) {
        const size_t n = strlen(path);
        snprintf(path + n, sizeof path - n, "/%s", name);
        return strdup(path);
    }
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return strdup(n > 0 ? path : name);
}

void upgrade_remember(int argc, char **argv)
{
    arguments = calloc((size_t)argc + 1, sizeof *arguments);
    must(arguments);
    for (int i = 0; i < argc; i++) {
        arguments[i] = i ? strdup(argv[i]) : binary_path(argv[0]);
        must(arguments[i]);
    }
}

char *const *upgrade_argv(void)
{
    return arguments;
}

/* -- beginning --------------------------------------------------------------------------------- */

void upgrade_init(struct upgrade *u, struct loop *lp)
{
    *u = (struct upgrade){.loop = lp, .fd = -1};
    text_init(&u->why);
    timer_init(&u->deadline, on_deadline);
}

/* In the child: the new binary, or why it could not be run. */
static _Noreturn void become(const struct handover *h, int memfd, char *const *argv)
{
    char why[UPGRADE_WHY_MAX], pid[16];
    handover_pass(h, memfd);
    signals_as_usual(); /* it may be anything, and must end when it is told to */
    if (getenv("WATCHDOG_PID")) {          /* of the service's main process, which it soon is */
        snprintf(pid, sizeof pid, "%d", (int)getpid());
        setenv("WATCHDOG_PID", pid, 1);
    }
    execv(argv[0], argv);
    const int n = snprintf(why, sizeof why, "can't run %s: %s", argv[0], strerror(errno));
    if (write(h->channel, why, n < (int)sizeof why ? (size_t)n : sizeof why - 1) < 0)
        _exit(126);
    _exit(127);
}

static void watch(struct upgrade *u, int fd, pid_t pid)
{
    u->state = UPGRADE_STARTING;
    u->fd = fd;
    u->pid = pid;
    u->why.n = 0;
    ev_io_init(&u->watcher, on_said, fd, EV_READ);
    ev_io_start(u->loop->ev, &u->watcher);
    timer_start(u->loop, &u->deadline, READY_MS);
}

bool upgrade_begin(struct upgrade *u, struct handover *h, char *const *argv, const char **why)
{
    int pair[2];
    must(u->state == UPGRADE_NONE);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        *why = strerror(errno);
        return false;
    }
    h->channel = pair[1];
    const int memfd = handover_write(h);
    fflush(NULL);
    const pid_t pid = memfd >= 0 ? fork() : -1;
    if (pid == 0)
        become(h, memfd, argv);
    if (pid < 0)
        *why = strerror(errno);
    if (memfd >= 0)
        close(memfd);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    else
        watch(u, pair[0], pid);
    return pid > 0;
}

/* -- the end of it ----------------------------------------------------------------------------- */

/* Its processes may have accepted connections already: they finish these. Our end stays open until
 * it is gone, or it would take that for our death and go on. */
static void end(struct upgrade *u, int signo)
{
    ev_io_stop(u->loop->ev, &u->watcher);
    u->state = UPGRADE_ENDING;
    kill(u->pid, signo);
    timer_start(u->loop, &u->deadline, END_MS);
}

static void fail(struct upgrade *u, int signo, const char *otherwise)
{
    char why[UPGRADE_WHY_MAX];
    const struct slice said = slice_trim(text_slice(&u->why));
    snprintf(why, sizeof why, "%.*s", (int)(said.n ? said.n : strlen(otherwise)),
             said.n ? said.p : otherwise);
    end(u, signo);
    u->on_failed(u, why);
}

void upgrade_call_off(struct upgrade *u)
{
    if (u->state == UPGRADE_STARTING)
        end(u, SIGQUIT);
}

static void on_deadline(struct timer *t)
{
    struct upgrade *u = container_of(t, struct upgrade, deadline);
    if (u->state == UPGRADE_ENDING)
        kill(u->pid, SIGKILL); /* its children see that and end */
    else
        fail(u, SIGQUIT, "the new binary was not ready in time");
}

/* The service manager must hear of the new main process from the one that it knows, and before the
 * new one says anything. */
static void accept_it(struct upgrade *u)
{
    service_main_process(u->pid);
    if (write(u->fd, "", 1) != 1) {
        fail(u, SIGQUIT, "the new master can't be reached");
        return;
    }
    ev_io_stop(u->loop->ev, &u->watcher);
    timer_stop(&u->deadline);
    u->state = UPGRADE_DONE;
    u->on_ready(u);
}

static void on_said(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev;
    (void)revents;
    struct upgrade *u = container_of(w, struct upgrade, watcher);
    char text[1024];
    const ssize_t n = read(w->fd, text, sizeof text);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        fail(u, SIGQUIT, "the new binary ended before it was ready; its own log may say why");
    else if (memchr(text, '\0', (size_t)n))
        accept_it(u);
    else if (u->why.n < UPGRADE_WHY_MAX)
        text_add(&u->why, slice_of(text, (size_t)n));
}

void upgrade_leave(struct upgrade *u)
{
    if (u->state == UPGRADE_DONE && write(u->fd, "", 1) != 1)
        log_trace("successor_gone", KV_ERRNO(errno)); /* it may have been replaced or stopped */
}

/* What it said before its end has been read, or is now. */
bool upgrade_reap(struct upgrade *u, pid_t pid)
{
    if (u->state == UPGRADE_NONE || u->pid != pid)
        return false;
    for (int i = 0; u->state == UPGRADE_STARTING && i < UPGRADE_WHY_MAX; i++)
        on_said(u->loop->ev, &u->watcher, EV_READ);
    if (u->state == UPGRADE_DONE)
        return true;
    timer_stop(&u->deadline);
    close(u->fd);
    u->fd = -1;
    u->state = UPGRADE_NONE;
    u->on_over(u);
    return true;
}
