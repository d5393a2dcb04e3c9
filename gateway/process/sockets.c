/* SPDX-License-Identifier: Apache-2.0 */
/* The master's listening sockets. A reload first opens what is new (prepare), then either gives it
 * up (abandon) or lets go of what nobody wants any more (commit): at no moment is an address that
 * stays in the configuration without its sockets. */
#include "process/sockets.h"

#include "base/log.h"
#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_TRIES = 50, BUSY_PAUSE_MS = 20 };

static struct socket_group *find(const struct sockets *s, const struct addr *at)
{
    for (size_t i = 0; i < s->n; i++)
        if (addr_eq(&s->groups[i].at, at))
            return &s->groups[i];
    return NULL;
}

const struct socket_group *sockets_group(const struct sockets *s, const struct addr *at)
{
    const struct socket_group *g = find(s, at);
    must(g);
    return g;
}

static struct socket_group *add_group(struct sockets *s, const struct addr *at)
{
    struct socket_group *grown = realloc(s->groups, (s->n + 1) * sizeof *grown);
    must(grown);
    s->groups = grown;
    struct socket_group *g = &s->groups[s->n++];
    *g = (struct socket_group){.at = *at,
                               .bound = *at,
                               .unix_gid = (unsigned)-1,
                               .fresh = true,
                               .shared = at->sa.sa_family == AF_UNIX};
    return g;
}

/* One address that a configuration asks for. */
struct want {
    const struct addr *at;
    struct place place;
    struct sock_listen_opts opts;
    size_t n; /* sockets */
    bool admin;
};

static bool is_unix(const struct addr *a)
{
    return a->sa.sa_family == AF_UNIX;
}

static struct want want_listener(const struct listener_conf *lc, unsigned workers)
{
    return (struct want){
        .at = &lc->bind,
        .place = lc->place,
        .opts = {.backlog = (int)lc->backlog,
                 .reuse_port = !is_unix(&lc->bind),
                 .v6_only = lc->ipv6_only,
                 .unix_mode = (unsigned)lc->unix_mode,
                 .unix_uid = (unsigned)-1,
                 .unix_gid = (unsigned)-1},
        .n = is_unix(&lc->bind) ? 1 : workers,
    };
}

/* An admin socket is one for all control processes: during a reload there are two. */
static struct want want_admin(const struct admin_listener_conf *lc)
{
    return (struct want){
        .at = &lc->bind,
        .place = lc->place,
        .opts = {.backlog = 64,
                 .unix_mode = (unsigned)lc->unix_mode,
                 .unix_uid = (unsigned)-1,
                 .unix_gid = lc->unix_gid},
        .n = 1,
        .admin = true,
    };
}

/* The processes of a master that was killed let go of their sockets within moments: a start that
 * follows at once should not fail because of them. */
static int listen_patiently(const struct addr *at, const struct sock_listen_opts *opts)
{
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
    int fd = sock_listen(at, opts);
    for (int i = 0; fd < 0 && errno == EADDRINUSE && i < BUSY_TRIES; i++) {
        nanosleep(&pause, NULL);
        fd = sock_listen(at, opts);
    }
    return fd;
}

static bool open_one(struct socket_group *g, const struct want *w, struct faults *faults)
{
    /* Port 0: the first socket gets one from the kernel, the others the same. */
    const int fd = listen_patiently(&g->bound, &w->opts);
    if (fd < 0) {
        char text[ADDR_TEXT_MAX];
        const int err = errno;
        addr_print(w->at, text);
        faults_add(faults, w->place.file, w->place.line, "can't listen on %s: %s", text,
                   strerror(err));
        return false;
    }
    if (!sock_local(fd, &g->bound))
        g->bound = g->at;
    int *grown = realloc(g->fds, (g->n + 1) * sizeof *grown);
    must(grown);
    g->fds = grown;
    g->fds[g->n++] = fd;
    return true;
}

/* What a service manager opened becomes like ours when a configuration first wants it. */
static bool adopt(const struct socket_group *g, const struct want *w, struct faults *faults)
{
    char text[ADDR_TEXT_MAX];
    if (g->in_force || sock_adopt(g->fds[0], &w->opts))
        return true;
    const int err = errno;
    addr_print(w->at, text);
    faults_add(faults, w->place.file, w->place.line,
               "can't use the socket that was given for %s: %s", text, strerror(err));
    return false;
}

static bool fulfil(struct sockets *s, const struct want *w, struct faults *faults)
{
    struct socket_group *g = find(s, w->at);
    if (!g)
        g = add_group(s, w->at);
    g->wanted = true;
    g->admin = w->admin;
    g->unix_mode = w->opts.unix_mode;
    const bool other_before = g->unix_gid != (unsigned)-1 && w->opts.unix_gid == (unsigned)-1;
    g->unix_gid = other_before ? getegid() : w->opts.unix_gid;
    if (g->given && !adopt(g, w, faults))
        return false;
    while (g->n < (g->shared ? 1 : w->n))
        if (!open_one(g, w, faults))
            return false;
    return true;
}

bool sockets_prepare(struct sockets *s, const struct config *c, unsigned workers,
                     struct faults *faults)
{
    bool ok = true;
    for (size_t i = 0; i < s->n; i++)
        s->groups[i].wanted = s->groups[i].fresh = false;
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct want w = want_listener(&c->listeners[i], workers);
        ok = fulfil(s, &w, faults) && ok;
    }
    for (size_t i = 0; i < c->admin.listeners_n; i++) {
        const struct want w = want_admin(c->admin.listeners[i]);
        ok = fulfil(s, &w, faults) && ok;
    }
    return ok;
}

static void close_group(struct socket_group *g)
{
    for (size_t i = 0; i < g->n; i++)
        close(g->fds[i]);
    free(g->fds);
    g->fds = NULL;
    g->n = 0;
}

/* Closes the groups that `which` names and closes the gap. */
static void drop(struct sockets *s, bool (*which)(const struct socket_group *g), bool unlink_path)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct socket_group *g = &s->groups[i];
        if (!which(g)) {
            s->groups[kept++] = *g;
            continue;
        }
        const bool ours = g->n > 0; /* else the path is somebody's whom we could not push aside */
        close_group(g);
        if (ours && unlink_path && !g->given && is_unix(&g->at) && g->at.un.sun_path[0])
            unlink(g->at.un.sun_path);
    }
    s->n = kept;
}

static bool is_fresh(const struct socket_group *g)
{
    return g->fresh;
}

static bool is_unwanted(const struct socket_group *g)
{
    return !g->wanted;
}

static bool is_any(const struct socket_group *g)
{
    (void)g;
    return true;
}

void sockets_abandon(struct sockets *s)
{
    drop(s, is_fresh, true);
    for (size_t i = 0; i < s->n; i++) /* nobody serves what was added to the others */
        while (s->groups[i].n > s->groups[i].in_force)
            close(s->groups[i].fds[--s->groups[i].n]);
}

static void warn_of_unwanted(const struct sockets *s)
{
    char at[ADDR_TEXT_MAX];
    for (size_t i = 0; i < s->n; i++) {
        const struct socket_group *g = &s->groups[i];
        if (!g->given || g->wanted || g->in_force)
            continue;
        addr_print(&g->at, at);
        log_warn("socket_not_configured", KV("address", at));
    }
}

/* Of a path that was there before: what is fresh was made with its rights, and those of what a
 * service manager gave are its own. */
static void renew_rights(const struct socket_group *g)
{
    char at[ADDR_TEXT_MAX];
    if (g->fresh || g->given || !g->n || !is_unix(&g->at) || !g->at.un.sun_path[0] ||
        sock_set_rights(&g->at, &(struct sock_listen_opts){.unix_mode = g->unix_mode,
                                                           .unix_uid = (unsigned)-1,
                                                           .unix_gid = g->unix_gid}))
        return;
    const int err = errno;
    addr_print(&g->at, at);
    log_error("socket_rights_failed", KV("address", at), KV_ERRNO(err));
}

void sockets_commit(struct sockets *s)
{
    warn_of_unwanted(s);
    drop(s, is_unwanted, true);
    for (size_t i = 0; i < s->n; i++) {
        renew_rights(&s->groups[i]);
        s->groups[i].fresh = false;
        s->groups[i].in_force = s->groups[i].n;
    }
}

static void let_go(struct sockets *s, bool unlink_paths)
{
    drop(s, is_any, unlink_paths);
    free(s->groups);
    *s = (struct sockets){0};
}

void sockets_close(struct sockets *s)
{
    let_go(s, true);
}

void sockets_leave(struct sockets *s)
{
    let_go(s, false);
}

void sockets_inherit(struct sockets *s, const struct socket_group *group)
{
    struct socket_group *g = add_group(s, &group->at);
    *g = *group;
    g->unix_gid = (unsigned)-1;
    g->in_force = g->n;
    g->wanted = g->fresh = false;
    for (size_t i = 0; i < g->n; i++)
        (void)fcntl(g->fds[i], F_SETFD, FD_CLOEXEC);
}

bool sockets_give(struct sockets *s, int fd)
{
    char text[ADDR_TEXT_MAX];
    struct addr bound, at;
    /* As a configuration would write it: the kernel tells of unix sockets with more or fewer NULs.
     */
    if (!sock_is_listening(fd) || !sock_local(fd, &bound) ||
        !addr_parse(slice_of(text, addr_print(&bound, text)), &at)) {
        errno = EINVAL;
        return false;
    }
    if (find(s, &at)) {
        errno = EADDRINUSE;
        return false;
    }
    struct socket_group *g = add_group(s, &at);
    g->fds = malloc(sizeof *g->fds);
    must(g->fds);
    g->fds[0] = fd;
    g->n = 1;
    g->given = true;
    g->shared = g->shared || !sock_reuses_port(fd);
    g->fresh = false;
    return true;
}

static bool is_listener(const struct config *c, const struct addr *at)
{
    for (size_t i = 0; i < c->listeners_n; i++)
        if (addr_eq(&c->listeners[i].bind, at))
            return true;
    return false;
}

void sockets_keep_mine(struct sockets *s, const struct config *c, unsigned index, unsigned workers)
{
    for (size_t i = 0; i < s->n; i++) {
        struct socket_group *g = &s->groups[i];
        const bool mine = c && !g->admin && is_listener(c, &g->at);
        size_t kept = 0;
        for (size_t j = 0; j < g->n; j++) {
            if (mine && (g->shared || j % workers == index))
                g->fds[kept++] = g->fds[j];
            else
                close(g->fds[j]);
        }
        g->n = kept;
    }
}

static bool is_admin(const struct config *c, const struct addr *at)
{
    for (size_t i = 0; i < c->admin.listeners_n; i++)
        if (addr_eq(&c->admin.listeners[i]->bind, at))
            return true;
    return false;
}

void sockets_keep_admin(struct sockets *s, const struct config *c)
{
    for (size_t i = 0; i < s->n; i++) {
        struct socket_group *g = &s->groups[i];
        while (!(g->admin && is_admin(c, &g->at)) && g->n)
            close(g->fds[--g->n]);
    }
}
