/* SPDX-License-Identifier: Apache-2.0 */
/* weir -t: everything that a start would do short of forking, so that what passes here starts. */
#include "process/master.h"

#include "core/log/access_log.h"
#include "process/crew.h"
#include "process/load.h"
#include "process/privilege.h"
#include "process/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An address is tried by listening on it for a moment. A running gateway of the same user shares
 * its ports, so checking beside it works; a unix socket that is in use is taken to be its own. */
static void check_address(const struct config *only, const struct addr *at, struct faults *faults)
{
    struct sockets s = {0};
    if (at->sa.sa_family == AF_UNIX && access(at->un.sun_path, F_OK) == 0)
        return;
    if (!sockets_prepare(&s, only, 1, faults))
        sockets_abandon(&s);
    sockets_close(&s);
}

static void check_addresses(const struct config *c, struct faults *faults)
{
    struct config one = *c;
    one.listeners_n = 0;
    /* A TCP admin port isn't shared: a running gateway's own would look taken. */
    if (c->admin.bind.len && c->admin.bind.sa.sa_family == AF_UNIX)
        check_address(&one, &c->admin.bind, faults);
    one.admin.bind.len = 0;
    one.listeners_n = 1;
    for (size_t i = 0; i < c->listeners_n; i++) {
        one.listeners = &c->listeners[i];
        check_address(&one, &c->listeners[i].bind, faults);
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
    struct generation *g = load_generation(file, &modules, NULL, 1, &faults);
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
