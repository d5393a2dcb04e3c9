/* SPDX-License-Identifier: Apache-2.0 */
/* Signals through a signalfd. libev has signal watchers of its own, but they hang on one loop per
 * process for ever, which doesn't go with processes that fork from one another. */
#include "io/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int which[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};

static void the_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < array_n(which); i++)
        sigaddset(set, which[i]);
}

void signals_block(void)
{
    sigset_t set;
    the_set(&set);
    must(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    signal(SIGPIPE, SIG_IGN); /* a write then fails, as any other does */
    signal(SIGXFSZ, SIG_IGN);
}

void signals_as_usual(void)
{
    sigset_t set;
    for (size_t i = 0; i < array_n(which); i++)
        signal(which[i], SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    the_set(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void on_readable(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev;
    (void)revents;
    struct signals *s = container_of(w, struct signals, watcher);
    struct signalfd_siginfo info;
    while (s->fd >= 0 && read(s->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        s->pid = info.ssi_pid;
        s->uid = info.ssi_uid;
        s->on_signal(s, (int)info.ssi_signo);
    }
}

void signals_start(struct signals *s, struct loop *lp,
                   void (*on_signal)(struct signals *s, int signo))
{
    sigset_t set;
    the_set(&set);
    *s = (struct signals){.loop = lp, .on_signal = on_signal};
    s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    must(s->fd >= 0);
    ev_io_init(&s->watcher, on_readable, s->fd, EV_READ);
    ev_io_start(lp->ev, &s->watcher);
}

void signals_stop(struct signals *s)
{
    ev_io_stop(s->loop->ev, &s->watcher);
    close(s->fd);
    s->fd = -1;
}
