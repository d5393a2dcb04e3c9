/* SPDX-License-Identifier: Apache-2.0 */
/* Another configuration: that of the file (a reload), or the one before (a rollback). Both go the
 * same way; they differ in where the texts come from, and in who is told what came of it. */
#include "process/master_parts.h"

#include "base/event.h"
#include "process/rollback.h"
#include "process/service.h"

#include <stdio.h>

static struct report *report_of(const struct master *m)
{
    return m->rolling_back ? &m->reports->rollback : &m->reports->reload;
}

/* -- the end of it ----------------------------------------------------------------------------- */

/* What lies on the disk now may be anything. */
static void write_origin(const struct master *m, struct text *t)
{
    json_key(t, "origin");
    json_str(t, m->history.rolled_back ? "rollback" : "file");
    json_key(t, "file");
    json_str(t, m->file);
    if (!m->rolling_back)
        return;
    json_key(t, "file_differs");
    json_bool(t, !rollback_is_on_disk(m->history.in_force, m->file));
}

void master_reload_done(struct master *m)
{
    struct text t;
    text_init(&t);
    json_open(&t, '{');
    json_key(&t, "generation");
    json_uint(&t, m->serving->g->number);
    json_key(&t, "workers");
    json_uint(&t, m->serving->workers);
    write_origin(m, &t);
    report_part(&t, text_slice(&m->ended));
    report_faults(&t, "warnings", &m->warnings, true);
    json_close(&t, '}');
    report_end(report_of(m), true, text_slice(&t));
    text_fini(&t);
    m->rolling_back = false;
}

void master_reload_failed(struct master *m, const char *sentence, const struct faults *faults)
{
    char status[128];
    atomic_fetch_add(&m->board->reloads_failed, 1);
    report_failure(report_of(m), sentence, faults);
    m->rolling_back = false;
    service_ready(master_status_line(m, status));
}

/* -- the beginning ----------------------------------------------------------------------------- */

static const char *first_error(const struct faults *faults)
{
    for (const struct fault *f = faults->first; f; f = f->next)
        if (!f->warning)
            return f->text;
    return "";
}

static void begin(struct master *m)
{
    service_reloading();
    report_begin(report_of(m));
    faults_fini(&m->warnings);
    faults_init(&m->warnings);
    const bool begun = master_begin_crew(m, &m->warnings);
    faults_log(&m->warnings);
    if (begun)
        return;
    event_error("reload_failed", KV("reason", "configuration"),
                KV_INT("errors", m->warnings.errors), KV("first", first_error(&m->warnings)));
    master_reload_failed(m, "the configuration can't be used; what was in force stays",
                         &m->warnings);
}

void master_reload(struct master *m)
{
    if (m->stopping)
        return;
    if (master_busy(m)) {
        m->reload_again = true;
        return;
    }
    event_info("reload_begins", KV("file", m->file));
    begin(m);
}

void master_rollback(struct master *m)
{
    if (m->stopping)
        return;
    if (master_busy(m)) {
        m->rollback_again = true;
        return;
    }
    if (!m->history.previous) {
        report_begin(&m->reports->rollback);
        report_failure(&m->reports->rollback,
                       "there is no earlier configuration: none was in force before this one since "
                       "the gateway was started",
                       NULL);
        return;
    }
    event_info("rollback_begins", KV("file", m->file));
    m->rolling_back = true;
    begin(m);
}
