/* SPDX-License-Identifier: Apache-2.0 */
/* weir --explain: what a configuration that isn't in force would do with requests. It is loaded as
 * a start would load it, into a shared region of this process's own, and what the control process
 * answers to POST /v1/explain is answered here: a request a line of standard input, an answer a
 * line of standard output. Nothing runs: no address is bound, no module is started, nothing is
 * resolved or checked, and what changes at run time stands where it does after a first start. */
#include "process/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "control/explain/explain.h"
#include "core/module/module.h"
#include "io/shm.h"
#include "process/load.h"

struct looked_at {
    struct loop loop;
    struct worker worker;
    struct endpoints endpoints;
    struct explain explain;
    struct stats *stats;
};

static bool open_all(struct looked_at *l, const struct generation *g, struct shm *shm,
                     struct faults *faults)
{
    enum { NO_BLOCKS = 1 };
    l->stats = stats_bind(g, shm, 0, faults);
    if (!l->stats)
        return false;
    loop_init(&l->loop, NO_BLOCKS);
    worker_init(&l->worker, &l->loop, g, l->stats, NULL);
    l->worker.workers = 1;
    l->worker.control = true;
    endpoints_init(&l->endpoints, &l->worker, NULL);
    explain_init(&l->explain, &l->worker, &l->endpoints);
    return true;
}

static void close_all(struct looked_at *l)
{
    worker_fini(&l->worker);
    loop_fini(&l->loop);
    stats_free(l->stats);
}

/* False: nobody reads the answers. */
static bool answer(struct looked_at *l, struct slice line)
{
    const struct admin_request rq = {.method = METHOD_POST, .content = line};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    explain_answer(&l->explain, &rq, &out);
    const bool ok = fwrite(out.body.p, 1, out.body.n, stdout) == out.body.n && fflush(stdout) == 0;
    text_fini(&out.body);
    return ok;
}

static bool answer_all(struct looked_at *l)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool ok = true;
    while (ok && (n = getline(&line, &room, stdin)) >= 0) {
        const struct slice s = slice_trim(slice_of(line, (size_t)n));
        if (s.n)
            ok = answer(l, s);
    }
    free(line);
    return ok;
}

/* Faults are printed. NULL: there are errors. */
static struct generation *load(const char *file, struct module_set *modules, struct shm **shm)
{
    enum { REGION = 1 << 30 }; /* virtual; what nobody writes to costs nothing */
    struct generation *g = NULL;
    struct faults faults;
    faults_init(&faults);
    *shm = shm_create(REGION);
    if (*shm)
        g = load_generation(&(struct load_from){.file = file}, modules, *shm, 1, &faults);
    else
        faults_add(&faults, NULL, 0, "no shared region of %d bytes: %s", REGION, strerror(errno));
    faults_print(&faults, stderr);
    faults_fini(&faults);
    return g;
}

static int look(const struct generation *g, struct shm *shm)
{
    static struct looked_at l;
    struct faults faults;
    bool ok;
    faults_init(&faults);
    if ((ok = open_all(&l, g, shm, &faults))) {
        ok = answer_all(&l);
        close_all(&l);
    }
    faults_print(&faults, stderr);
    faults_fini(&faults);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int show_explained(const char *file)
{
    struct module_set modules;
    struct shm *shm;
    int status = EXIT_FAILURE;
    module_set_init(&modules);
    struct generation *g = load(file, &modules, &shm);
    if (g) {
        status = look(g, shm);
        generation_free(g);
    }
    module_set_fini(&modules);
    if (shm)
        shm_detach(shm);
    return status;
}
