/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: numbers of a version. They are counted in the record itself, so a Redis that loses the
 * count has lost the version with it, and gives out none until there is another. Numbers whose
 * answer never came are nobody's. */
#include "fleet/fleet_cell.h"

static void on_taken(struct fleet_thing *t, const struct redis_reply *r);

bool weir_fleet_cell_take(struct weir_fleet_cell *c, uint64_t version, uint64_t n)
{
    if (weir_fleet_until_ms(c) <= fleet_now_ms(c->thing.fleet) || c->thing.closed ||
        c->take.state != CELL_IDLE || !c->ops->took)
        return false;
    if (version == 0 || version != c->known.version || n == 0 || n > UINT32_MAX)
        return false;
    c->take = (struct take){.state = CELL_QUEUED, .version = version, .n = n};
    return true;
}

void fleet_cell_send_take(struct weir_fleet_cell *c)
{
    struct fleet *f = c->thing.fleet;
    char version[24], n[24];
    snprintf(version, sizeof version, "%llu", (unsigned long long)c->take.version);
    snprintf(n, sizeof n, "%llu", (unsigned long long)c->take.n);
    if (FLEET_ASK(&c->thing, on_taken, SLICE("EVALSHA"), slice_str(f->server.take), SLICE("1"),
                  c->thing.key, slice_str(version), slice_str(n)))
        c->take.state = CELL_SENT;
}

/* It has ended before the call, so that the module may take more in it. */
void fleet_cell_took(struct weir_fleet_cell *c, uint64_t first, uint64_t n)
{
    c->take.state = CELL_IDLE;
    if (c->thing.closed)
        return;
    const struct module *before = fleet_enter(&c->thing);
    c->ops->took(c->ctx, c->take.version, first, n);
    fleet_leave(&c->thing, before);
}

/* Of a version that isn't known any more nobody needs numbers. Where it is known and Redis has
 * another one, that is on its way, or lost. */
static void on_taken(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    const bool same = c->take.version == c->known.version;
    if (r->kind == REDIS_ERROR) {
        if (fleet_error_kind(r->text) == FLEET_ERROR_NOSCRIPT)
            c->take.state = CELL_QUEUED;
        else
            fleet_cell_broken(c, r->text);
    } else if (r->kind != REDIS_INTEGER ||
               r->integer > (int64_t)(FLEET_RECORD_VERSION_MAX - c->take.n)) {
        fleet_cell_unreadable(c, "its numbers (taken) make no sense");
    } else if (r->integer < 0 || !same) {
        c->read |= same;
        fleet_cell_took(c, 0, 0);
    } else {
        fleet_cell_took(c, (uint64_t)r->integer, c->take.n);
    }
}
