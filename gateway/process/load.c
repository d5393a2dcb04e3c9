/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: shared by start, reload and check, so that what `weir -t` accepts is what a reload
 * accepts. */
#include "process/load.h"

#include "base/audit.h"
#include "base/log.h"
#include "base/syslog.h"
#include "control/admin/admin_access.h"
#include "control/overrides/override_cell.h"
#include "fleet/fleet.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct config *load_config(const struct load_from *from, struct module_set *modules,
                           struct faults *faults)
{
    return from->texts ? config_load_texts(from->texts, &modules->source, faults)
                       : config_load(from->file, &modules->source, faults);
}

struct generation *load_generation(const struct load_from *from, struct module_set *modules,
                                   struct shm *shm, uint64_t number, struct faults *faults)
{
    struct config *c = load_config(from, modules, faults);
    struct generation *g = c ? generation_build(c, shm, number, faults) : NULL;
    if (!g)
        return NULL;
    const size_t errors = faults->errors;
    generation_check_identity(g, faults);
    if (shm)
        fleet_at_load(g, shm, faults);
    if (shm) { /* what there is no room for stands among the faults */
        (void)!admin_counts_prepare(shm, faults);
        (void)!override_cell_prepare(shm, g->config->admin.overrides, faults);
    }
    if (faults->errors == errors)
        return g;
    generation_free(g);
    return NULL;
}

void faults_print(const struct faults *faults, FILE *to)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    for (const struct fault *f = faults->first; f; f = f->next)
        fprintf(to, "%s\n", fault_line(f, &a));
    arena_fini(&a);
}

void faults_log(const struct faults *faults)
{
    for (const struct fault *f = faults->first; f; f = f->next) {
        if (f->warning)
            log_warn("config_warning", KV("file", f->file), KV_INT("line", f->line),
                     KV("text", f->text));
        else
            log_error("config_error", KV("file", f->file), KV_INT("line", f->line),
                      KV("text", f->text));
    }
}

static struct syslog syslog_sink = {.fd = -1};

static void to_syslog(enum log_level level, struct slice line)
{
    static const enum syslog_severity severities[] = {SYSLOG_ERROR, SYSLOG_WARN, SYSLOG_INFO,
                                                      SYSLOG_DEBUG};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t wall_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    syslog_forked(&syslog_sink); /* the line must carry the pid of whoever wrote it */
    syslog_line(&syslog_sink, severities[level], wall_us, line);
}

static void open_syslog(enum syslog_form form)
{
    syslog_close(&syslog_sink);
    if (!syslog_open(&syslog_sink, NULL, "weir"))
        fprintf(stderr, "weir: syslog: %s; trying again with each line\n", strerror(errno));
    syslog_use(&syslog_sink, form, "error");
}

static bool load_error_log(const struct config *c, struct faults *faults)
{
    const struct slice where = c->log.error;
    log_set_level((enum log_level)c->log.level);
    log_set_burst((unsigned)c->log.burst);
    const bool to_daemon = slice_eq(where, SLICE("syslog"));
    if (to_daemon)
        open_syslog((enum syslog_form)c->log.syslog_format);
    log_set_sink(to_daemon ? to_syslog : NULL);
    if (to_daemon || log_open(where.p))
        return true;
    faults_add(faults, c->file.p, 0, "log.error: can't open %s: %s", where.p, strerror(errno));
    return false;
}

bool load_logs(const struct config *c, struct faults *faults)
{
    if (!load_error_log(c, faults))
        return false;
    if (audit_open(c->log.audit.p))
        return true;
    faults_add(faults, c->file.p, 0, "log.audit: can't open %s: %s", c->log.audit.p,
               strerror(errno));
    return false;
}
