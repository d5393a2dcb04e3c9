/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: shared by start, reload and check, so that what `weir -t` accepts is what a reload
 * accepts. */
#include "process/load.h"

#include "base/log.h"
#include "base/syslog.h"

#include <errno.h>
#include <string.h>

struct generation *load_generation(const char *file, struct shm *shm, uint64_t number,
                                   struct faults *faults)
{
    struct config *c = config_load(file, faults);
    return c ? generation_build(c, shm, number, faults) : NULL;
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

static void to_syslog(enum log_level level, struct slice line)
{
    static const int severities[] = {3, 4, 6, 7}; /* err, warning, info, debug */
    syslog_send(severities[level], line);
}

bool load_error_log(const struct config *c, struct faults *faults)
{
    const struct slice where = c->log.error;
    log_set_level((enum log_level)c->log.level);
    log_set_burst((unsigned)c->log.burst);
    log_set_sink(slice_eq(where, SLICE("syslog")) ? to_syslog : NULL);
    if (slice_eq(where, SLICE("syslog")) || log_open(where.p))
        return true;
    faults_add(faults, c->file.p, 0, "log.error: can't open %s: %s", where.p, strerror(errno));
    return false;
}
