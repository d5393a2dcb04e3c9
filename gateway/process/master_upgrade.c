/* SPDX-License-Identifier: Apache-2.0 */
/* When one master takes another one's place: what the master in charge does when it is to be
 * replaced, and how the one that comes starts. */
#include "process/master_parts.h"

#include "base/event.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- being replaced ---------------------------------------------------------------------------- */

static uint64_t oldest_generation(const struct master *m)
{
    uint64_t oldest = m->generation;
    list_each (node, &m->crews) {
        const struct crew *crew = list_entry(node, struct crew, node);
        oldest = crew->g->number < oldest ? crew->g->number : oldest;
    }
    return predecessor_oldest(&m->before, oldest);
}

static void fail(struct master *m, const char *why)
{
    atomic_fetch_add(&m->board->upgrades_failed, 1);
    event_error("upgrade_failed", KV("why", why));
    report_failure(&m->reports->upgrade, why, NULL);
}

void master_upgrade(struct master *m)
{
    const char *why;
    if (m->stopping)
        return;
    if (master_busy(m)) {
        m->upgrade_again = true;
        return;
    }
    struct handover h = {
        .pid = getpid(),
        .shm_fd = shm_fd(m->shm),
        .history_fd = history_write(&m->history),
        .state = handover_state(),
        .generation = m->generation,
        .oldest = oldest_generation(m),
        .hash_key = {m->hash_key[0], m->hash_key[1]},
        .sockets = m->sockets,
    };
    memcpy(h.slots, m->slots.taken, sizeof h.slots);
    event_info("upgrade_begins", KV("binary", upgrade_argv()[0]));
    report_begin(&m->reports->upgrade);
    m->base.frozen = upgrade_begin(&m->upgrade, &h, upgrade_argv(), &why);
    if (!m->base.frozen)
        fail(m, why);
    if (h.history_fd >= 0)
        close(h.history_fd);
}

/* From here on this master only waits for the end of its processes. */
static void on_ready(struct upgrade *u)
{
    struct master *m = container_of(u, struct master, upgrade);
    char json[64];
    struct text t;
    atomic_fetch_add(&m->board->upgrades, 1);
    event_info("upgraded", KV_INT("pid", u->pid));
    text_init_fixed(&t, json, sizeof json);
    json_open(&t, '{');
    json_key(&t, "pid");
    json_int(&t, u->pid);
    json_close(&t, '}');
    report_end(&m->reports->upgrade, true, text_slice(&t));
    if (m->reload_again) /* it may have read the file before */
        kill(u->pid, SIGHUP);
    m->stopping = true;
    master_leave_sockets(m);
    list_each (node, &m->crews)
        crew_drain(list_entry(node, struct crew, node));
    loop_later(&m->loop, &m->review);
}

static void on_failed(struct upgrade *u, const char *why)
{
    fail(container_of(u, struct master, upgrade), why);
}

static void on_over(struct upgrade *u)
{
    struct master *m = container_of(u, struct master, upgrade);
    m->base.frozen = false;
    if (m->serving)
        slots_bury_strangers(&m->slots, m->serving->g, m->shm);
    loop_later(&m->loop, &m->review);
}

/* -- replacing --------------------------------------------------------------------------------- */

/* It drains, or is gone, or died before it could say either. */
static void on_predecessor(struct predecessor *p)
{
    struct master *m = container_of(p, struct master, before);
    if (m->stopping)
        predecessor_signal(p, m->stop_signal); /* we were told so while it was in charge */
    else if (!m->announced && m->serving)
        master_announce(m);
    if (p->state == PREDECESSOR_NONE && m->serving)
        slots_inherited_end(&m->slots, p->slots, m->serving->g, m->shm);
    loop_later(&m->loop, &m->review);
}

void master_upgrade_init(struct master *m)
{
    upgrade_init(&m->upgrade, &m->loop);
    m->upgrade.on_ready = on_ready;
    m->upgrade.on_failed = on_failed;
    m->upgrade.on_over = on_over;
    predecessor_init(&m->before, &m->loop);
    m->before.on_change = on_predecessor;
}

/* False: this binary keeps its state in another way, or something is wrong with the region. */
static bool take_region(struct master *m, const struct handover *h)
{
    m->shm = h->state == handover_state() ? shm_attach(h->shm_fd) : NULL;
    if (!m->shm)
        return false;
    master_find_cells(m);
    slots_inherit(&m->slots, h->slots);
    return true;
}

static void drop_region(struct master *m)
{
    log_share_level(NULL);
    event_share(NULL);
    shm_detach(m->shm);
    m->shm = NULL;
    m->slots = (struct slots){0};
    memset(m->before.slots, 0, sizeof m->before.slots);
    m->before.oldest = UINT64_MAX;
}

/* With a region of our own: counters begin at 0, and what was known of breakers, splits and health
 * is lost, but requests are served. */
static bool start_afresh(struct master *m, const char *why)
{
    faults_fini(&m->warnings);
    faults_init(&m->warnings);
    if (!master_make_region(m, &m->warnings) || !master_begin_crew(m, &m->warnings))
        return false;
    event_warn("upgrade_without_state", KV("why", why));
    return true;
}

static bool begin(struct master *m, const struct handover *h)
{
    if (!take_region(m, h)) {
        close(h->shm_fd);
        return start_afresh(m, "this binary lays it out in another way");
    }
    if (master_begin_crew(m, &m->warnings))
        return true;
    char why[256] = "";
    if (m->warnings.first)
        strncat(why, m->warnings.first->text, sizeof why - 1);
    drop_region(m);
    return start_afresh(m, why);
}

static void refuse(struct master *m)
{
    struct text t;
    struct arena a;
    text_init(&t);
    arena_init(&a, NULL, 0);
    text_str(&t, "the new binary can't use the configuration:");
    for (const struct fault *f = m->warnings.first; f && t.n < UPGRADE_WHY_MAX / 2; f = f->next)
        if (!f->warning)
            text_printf(&t, " %s;", fault_line(f, &a));
    predecessor_refuse(&m->before, text_slice(&t));
    arena_fini(&a);
    text_fini(&t);
}

bool master_start_from(struct master *m, int handover_fd)
{
    struct handover h;
    const char *why;
    if (!handover_read(handover_fd, &h, &why)) {
        event_error("handover_failed", KV("why", why));
        if (h.channel >= 0 && write(h.channel, why, strlen(why)) < 0)
            log_warn("predecessor_unreachable", KV_ERRNO(errno));
        return false;
    }
    m->generation = h.generation;
    m->sockets = h.sockets;
    memcpy(m->hash_key, h.hash_key, sizeof m->hash_key);
    slice_hash_seed(m->hash_key[0], m->hash_key[1]);
    if (h.history_fd >= 0 && !history_read(&m->history, h.history_fd))
        log_warn("history_lost");
    predecessor_begin(&m->before, &h);
    const bool ok = begin(m, &h);
    faults_print(&m->warnings, stderr);
    if (!ok)
        refuse(m);
    return ok;
}
