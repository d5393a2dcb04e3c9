/* SPDX-License-Identifier: Apache-2.0 */
/* weir -t: everything that a start would do short of forking, so that what passes here starts. */
#include "process/master.h"

#include "core/log/access_log.h"
#include "io/sock.h"
#include "process/crew.h"
#include "process/load.h"
#include "process/privilege.h"
#include "process/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A unix socket is tried by listening on it for a moment; one that is in use is taken to be that of
 * a gateway that runs. */
static void check_unix(const struct config *only, const struct addr *at, struct faults *faults)
{
    struct sockets s = {0};
    if (access(at->un.sun_path, F_OK) == 0)
        return;
    if (!sockets_prepare(&s, only, 1, faults))
        sockets_abandon(&s);
    sockets_close(&s);
}

/* A running gateway of the same user shares its ports, but not with root, nor where a service
 * manager opened them: then an address in use is no fault, as long as somebody answers as that
 * gateway. */
static void check_port(const struct listener_conf *lc, bool running, struct faults *faults)
{
    const struct sock_listen_opts opts = {.reuse_port = true, .v6_only = lc->ipv6_only};
    char at[ADDR_TEXT_MAX];
    if (sock_is_free(&lc->bind, &opts))
        return;
    const int err = errno;
    addr_print(&lc->bind, at);
    if (err == EADDRINUSE && running)
        faults_warn(faults, lc->place.file, lc->place.line,
                    "%s is in use, as it should be if the gateway that runs has it", at);
    else
        faults_add(faults, lc->place.file, lc->place.line, "can't listen on %s: %s", at,
                   strerror(err));
}

static bool is_unix(const struct addr *at)
{
    return at->sa.sa_family == AF_UNIX;
}

static bool answers(const struct addr *at)
{
    bool pending;
    const int fd = is_unix(at) ? sock_connect(at, NULL, &pending) : -1;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool gateway_runs(const struct admin_conf *admin)
{
    for (size_t i = 0; i < admin->listeners_n; i++)
        if (answers(&admin->listeners[i]->bind))
            return true;
    return false;
}

static void check_addresses(const struct config *c, struct faults *faults)
{
    const bool running = gateway_runs(&c->admin);
    struct config one = *c;
    one.listeners_n = 0;
    one.admin.listeners_n = 1;
    for (size_t i = 0; i < c->admin.listeners_n; i++) {
        one.admin.listeners = &c->admin.listeners[i];
        /* A TCP admin port isn't shared: a running gateway's own would look taken. */
        if (is_unix(&one.admin.listeners[0]->bind))
            check_unix(&one, &one.admin.listeners[0]->bind, faults);
    }
    one.admin.listeners_n = 0;
    one.listeners_n = 1;
    for (size_t i = 0; i < c->listeners_n; i++) {
        one.listeners = &c->listeners[i];
        if (is_unix(&c->listeners[i].bind))
            check_unix(&one, &c->listeners[i].bind, faults);
        else
            check_port(&c->listeners[i], running, faults);
    }
}

static void check_folder(const struct config *c, const char *setting, struct slice path,
                         struct faults *faults)
{
    char folder[4096];
    const char *slash = path.n && path.n < sizeof folder ? strrchr(path.p, '/') : NULL;
    if (!slash || slash == path.p)
        return;
    memcpy(folder, path.p, (size_t)(slash - path.p));
    folder[slash - path.p] = 0;
    if (access(folder, F_OK) != 0)
        faults_add(faults, c->file.p, 0, "%s: the folder %s: %s", setting, folder, strerror(errno));
}

static void check_all(const struct generation *g, struct faults *faults)
{
    const struct config *c = g->config;
    struct identity id;
    struct arena a;
    arena_init(&a, NULL, 0);
    if (!identity_find(c, &id, faults) || !access_format_compile(&c->log, &a, faults))
        errno = 0; /* the faults say it */
    arena_fini(&a);
    check_folder(c, "log.access", c->log.access, faults);
    check_folder(c, "log.error", c->log.error, faults);
    check_folder(c, "pid_file", c->pid_file, faults);
    check_addresses(c, faults);
}

int master_check(const char *file)
{
    struct faults faults;
    faults_init(&faults);
    struct module_set modules;
    module_set_init(&modules);
    struct generation *g =
        load_generation(&(struct load_from){.file = file}, &modules, NULL, 1, &faults);
    if (g)
        check_all(g, &faults);
    faults_print(&faults, stderr);
    const bool ok = g && faults.errors == 0;
    fprintf(stderr, "%s: %s (%zu errors, %zu warnings)\n", file,
            ok ? "the configuration is good" : "the configuration can't be used", faults.errors,
            faults.warnings);
    if (g)
        generation_free(g);
    faults_fini(&faults);
    module_set_fini(&modules);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
