/* SPDX-License-Identifier: Apache-2.0 */
/* The log files of all processes: opened again when a signal says so, and rotated by size.
 *
 * Only the master renames, which may do so wherever it could make the file. Nobody stops writing
 * for it: what has the old file open appends whole lines to it until its SIGUSR1 comes. A file is
 * renamed again only when everybody has opened the one before, so that nobody writes to one that
 * goes. */
#include "process/master_parts.h"

#include "base/event.h"
#include "core/stats/stats.h"
#include "process/rotate.h"

#include <errno.h>
#include <signal.h>

enum { LOOK_MS = 1000 };

static void on_look(struct timer *t);

void master_logs_init(struct master *m)
{
    timer_init(&m->rotate_timer, on_look);
    timer_start(&m->loop, &m->rotate_timer, LOOK_MS);
}

void master_logs_reopen(struct master *m)
{
    if (!log_reopen())
        event_error("log_reopen_failed", KV_ERRNO(errno));
    if (!audit_reopen())
        event_error("audit_log_reopen_failed", KV_ERRNO(errno));
    if (m->serving)
        master_give_logs_to(m->serving);
    /* First here, where the file can be made with the right owner; then in the workers. */
    list_each (node, &m->crews) {
        struct crew *crew = list_entry(node, struct crew, node);
        if (crew->access_log && !access_log_reopen(crew->access_log))
            event_error("access_log_reopen_failed", KV_ERRNO(errno));
        crew_signal(crew, SIGUSR1);
    }
    predecessor_signal(&m->before, SIGUSR1);
    log_info("logs_reopened");
}

/* -- by size ----------------------------------------------------------------------------------- */

/* Else it is one of the words that may stand for a file. */
static bool is_file(struct slice path)
{
    static const char *const words[] = {"off", "stdout", "stderr", "syslog", "journald"};
    bool is = path.n > 0;
    for (size_t i = 0; is && i < array_n(words); i++)
        is = !slice_eq(path, slice_str(words[i]));
    return is;
}

static bool rotate(struct master *m, struct slice path, const struct log_conf *lc)
{
    if (!is_file(path) || !rotate_due(path.p, lc->rotate.size))
        return false;
    if (rotate_file(path.p, (unsigned)lc->rotate.keep)) {
        log_info("log_rotated", KV_SLICE("path", path));
        atomic_fetch_add(&m->board->log_rotations, 1);
        return true;
    }
    log_error("log_rotate_failed", KV_SLICE("path", path), KV_ERRNO(errno));
    atomic_fetch_add(&m->board->log_rotations_failed, 1);
    return false;
}

static void look(struct master *m)
{
    const struct log_conf *lc = &m->serving->g->config->log;
    const uint64_t epoch = atomic_load(&m->board->logs_epoch);
    if (!lc->rotate.size || m->stopping || m->coming ||
        !stats_logs_reopened(m->shm, (unsigned)atomic_load(&m->board->slots), epoch))
        return;
    bool any = rotate(m, lc->access, lc);
    any = (!slice_eq(lc->error, lc->access) && rotate(m, lc->error, lc)) || any;
    any = rotate(m, lc->audit, lc) || any;
    if (!any)
        return;
    atomic_store(&m->board->logs_epoch, epoch + 1);
    master_logs_reopen(m);
}

static void on_look(struct timer *t)
{
    struct master *m = container_of(t, struct master, rotate_timer);
    if (m->serving && master_in_charge(m))
        look(m);
    timer_start(&m->loop, t, LOOK_MS);
}
