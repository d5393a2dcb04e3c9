/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: what Redis has lost, or may have. It may be started again empty or with old data, its keys
 * may be deleted or evicted while connections stay, and a replica that lacks the last versions may
 * take its place. All of that shows in two ways:
 *
 *   - less is stored than is known. Offers and looks show it, and reading; what is known was heard
 *     before they were sent, as messages wait while one is under way;
 *   - a record was given to another server, by its run_id: whoever joins can't know what this one
 *     lacks, even if it has never heard of more.
 *
 * What is known is then put back under a version that is above all that anybody has known, as a new
 * lineage, so that versions that are lost are never used again for something else. Many instances
 * do so at once; it has to come after what each of them has found, so one is taken, and the others
 * hear it. As ticks differ, most of them hear it before they have offered anything. */
#include "fleet/fleet_cell.h"

#include "base/event.h"

static bool is_known(const struct weir_fleet_cell *c, const struct fleet_record *stored)
{
    const struct known *k = &c->known;
    return stored->lineage == k->lineage && stored->at_ms == k->at_ms &&
           slice_eq(stored->by, slice_of(k->by, k->by_n));
}

static bool is_ours(const struct weir_fleet_cell *c, const struct fleet_record *rec)
{
    return slice_eq(rec->run, slice_str(c->thing.fleet->server.run));
}

/* NULL: it hasn't. */
static const char *why_lost(const struct weir_fleet_cell *c, const struct fleet_record *stored)
{
    if (stored->version < c->known.version)
        return "Redis has an older one";
    if (stored->version == c->known.version && stored->version && !is_known(c, stored))
        return "Redis has another one of this version";
    if (stored->version && !cell_led(c) && !is_ours(c, stored))
        return "another Redis had it, whose last ones may be lost";
    return NULL;
}

static void say(struct weir_fleet_cell *c, const char *why)
{
    struct fleet *f = c->thing.fleet;
    const uint64_t now_ms = fleet_now_ms(f);
    f->lost++;
    if (f->lost_said_ms && now_ms - f->lost_said_ms < FLEET_SAY_AGAIN_MS)
        return;
    f->lost_said_ms = now_ms ? now_ms : 1;
    event_warn("fleet_cell_lost", KV_SLICE("cell", c->thing.key), KV("why", why),
               KV_INT("cells", f->lost));
}

/* A module's offer that waits is left to be refused: then all of this is found again. */
bool fleet_cell_lost(struct weir_fleet_cell *c, const struct fleet_record *stored)
{
    const char *why = why_lost(c, stored);
    if (!why)
        return false;
    if (c->offer.state != CELL_IDLE)
        return true;
    say(c, why);
    c->heard = cell_led(c);
    c->broken = false;
    if (stored->version > c->known.version)
        fleet_cell_know(c, stored);
    c->offer.state = CELL_QUEUED;
    c->offer.back = true;
    c->offer.expect = stored->version;
    return true;
}

bool fleet_cell_is_back(const struct weir_fleet_cell *c, const struct fleet_record *told)
{
    return c->offer.state == CELL_QUEUED && c->offer.back && is_ours(c, told);
}
