/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: <weir/fleet.h>. What modules ask of them, and what each tick asks Redis for: first offers
 * and those not read yet, then in turn a look at those that were read long ago. */
#include "fleet/fleet_cell.h"

#include "base/log.h"

enum { FIELD_NAME_MAX = 64 };

static void on_drop(struct fleet_thing *t);

static struct weir_fleet_cell *cell_at(struct list *node)
{
    return container_of(node, struct weir_fleet_cell, thing.node);
}

/* -- life -------------------------------------------------------------------------------------- */

struct weir_fleet_cell *weir_fleet_cell_open(struct weir_process *p, struct weir_slice name,
                                             const struct weir_fleet_cell_ops *ops, void *ctx)
{
    struct fleet *f = fleet_of(p);
    struct weir_fleet_cell *c =
        f ? fleet_thing_new(f, sizeof *c, 'c', slice_in(name), &f->cells) : NULL;
    if (!c)
        return NULL;
    c->thing.drop = on_drop;
    c->thing.settled = fleet_cell_settled;
    c->ops = ops;
    c->ctx = ctx;
    text_init(&c->offer.fields.text);
    text_init(&c->known.fields.text);
    f->cells_n++;
    return c;
}

void weir_fleet_cell_close(struct weir_fleet_cell *c)
{
    if (!c || c->thing.closed)
        return;
    c->thing.fleet->cells_n--;
    fleet_thing_close(&c->thing);
}

static void on_drop(struct fleet_thing *t)
{
    text_fini(&cell_of(t)->offer.fields.text);
    text_fini(&cell_of(t)->known.fields.text);
    json_decref(cell_of(t)->held);
}

uint64_t weir_fleet_until_ms(const struct weir_fleet_cell *c)
{
    return cell_led(c) ? c->thing.fleet->until_ms : 0;
}

/* -- offers ------------------------------------------------------------------------------------ */

static bool too_large(const struct weir_fleet_cell *c, const struct weir_claim *fields, size_t n)
{
    const size_t most = c->thing.module ? WEIR_FLEET_FIELD_MAX : FLEET_RECORD_TEXT_MAX;
    for (size_t i = 0; i < n && n <= WEIR_FLEET_FIELDS; i++)
        if (fields[i].name.n > FIELD_NAME_MAX || fields[i].value.n > most)
            return true;
    return n > WEIR_FLEET_FIELDS;
}

bool weir_fleet_offer(struct weir_fleet_cell *c, const struct weir_claim *fields, size_t n)
{
    if (weir_fleet_until_ms(c) <= fleet_now_ms(c->thing.fleet) || c->thing.closed ||
        c->offer.state != CELL_IDLE)
        return false;
    if (too_large(c, fields, n)) {
        log_error("fleet_offer_refused", KV_SLICE("cell", c->thing.key), KV_INT("fields", n),
                  KV("why", "up to 16 fields, names to 64 bytes and values to 256"));
        return false;
    }
    c->offer.state = CELL_QUEUED;
    c->offer.back = false;
    c->offer.expect = c->known.version;
    fleet_fields_set(&c->offer.fields, fields, n);
    return true;
}

/* -- ticks ------------------------------------------------------------------------------------- */

/* What is put back is as old as it was, and whose it was. */
static void send_offer(struct weir_fleet_cell *c)
{
    enum { BEFORE = 11, DIGITS = 24 };
    struct fleet *f = c->thing.fleet;
    const bool back = c->offer.back;
    const struct fleet_fields *fields = back ? &c->known.fields : &c->offer.fields;
    const struct slice by = back ? slice_of(c->known.by, c->known.by_n) : f->setup.instance;
    char expect[DIGITS], known[DIGITS] = "", age[DIGITS], ttl[DIGITS];
    snprintf(expect, sizeof expect, "%llu", (unsigned long long)c->offer.expect);
    if (back || c->offer.expect == 0)
        snprintf(known, sizeof known, "%llu", (unsigned long long)c->known.version);
    snprintf(age, sizeof age, "%llu",
             (unsigned long long)(back ? fleet_now_ms(f) - c->known.made_ms : 0));
    snprintf(ttl, sizeof ttl, "%d", FLEET_CELL_TTL);
    struct slice args[BEFORE + 2 * FLEET_RECORD_FIELDS] = {SLICE("EVALSHA"),
                                                           slice_str(f->server.offer),
                                                           SLICE("1"),
                                                           c->thing.key,
                                                           f->channel,
                                                           slice_str(expect),
                                                           slice_str(known),
                                                           by,
                                                           slice_str(age),
                                                           slice_str(ttl),
                                                           slice_str(f->server.run)};
    size_t n = BEFORE;
    for (size_t i = 0; i < fields->n; i++) {
        const struct weir_claim *field = &fields->at[i];
        args[n++] = slice_of(field->name.p - 1, field->name.n + 1);
        args[n++] = slice_in(field->value);
    }
    if (fleet_ask(&c->thing, fleet_cell_on_offered, n, args))
        c->offer.state = CELL_SENT;
}

static void send_read(struct weir_fleet_cell *c)
{
    c->looked_ms = fleet_now_ms(c->thing.fleet);
    FLEET_ASK(&c->thing, fleet_cell_on_read, SLICE("HGETALL"), c->thing.key);
}

static void look(struct weir_fleet_cell *c, uint64_t now_ms)
{
    char ttl[24];
    if (c->broken) {
        send_read(c);
        return;
    }
    c->looked_ms = now_ms;
    FLEET_ASK(&c->thing, fleet_cell_on_look, SLICE("HMGET"), c->thing.key, SLICE("n"), SLICE("at"));
    if (now_ms < c->expire_ms)
        return;
    c->expire_ms = now_ms + FLEET_EXPIRE_MS;
    snprintf(ttl, sizeof ttl, "%d", FLEET_CELL_TTL);
    FLEET_ASK(&c->thing, NULL, SLICE("PEXPIRE"), c->thing.key, slice_str(ttl));
}

/* The list turns, so its first ones are those not looked at for longest. */
static void repair(struct fleet *f)
{
    const uint64_t now_ms = fleet_now_ms(f);
    size_t most = 1 + f->cells_n * f->conf->tick / (FLEET_REPAIR_MS * 9 / 10);
    for (; most && !list_empty(&f->cells); most--) {
        struct weir_fleet_cell *c = cell_at(f->cells.next);
        if (now_ms - c->looked_ms < FLEET_REPAIR_MS * 9 / 10)
            return;
        list_remove(&c->thing.node);
        list_push(&f->cells, &c->thing.node);
        if (!c->thing.closed && !c->thing.asked)
            look(c, now_ms);
    }
}

void fleet_cells_look_again(struct fleet *f)
{
    list_each (pos, &f->cells)
        cell_at(pos)->looked_ms = 0;
}

/* What is read and what is put back may be all cells at once. */
static void ask(struct weir_fleet_cell *c, size_t *reads)
{
    const struct fleet *f = c->thing.fleet;
    const bool offers = c->offer.state == CELL_QUEUED && f->server.offer[0];
    const bool counts = offers ? c->offer.back : c->read || !c->heard;
    if (c->take.state == CELL_QUEUED && f->server.take[0])
        fleet_cell_send_take(c);
    if (counts && !*reads)
        return;
    *reads -= counts;
    if (offers)
        send_offer(c);
    else if (counts)
        send_read(c);
}

void fleet_cells_tick(struct fleet *f)
{
    size_t reads = FLEET_READS;
    list_each (pos, &f->cells) {
        struct weir_fleet_cell *c = cell_at(pos);
        if (fleet_pipe_full(f))
            return;
        if (!c->thing.closed && !c->broken)
            ask(c, &reads);
    }
    if (f->state == FLEET_JOINED)
        repair(f);
}

bool fleet_cells_heard(const struct fleet *f)
{
    list_each (pos, (struct list *)&f->cells) {
        const struct weir_fleet_cell *c = cell_at(pos);
        if (!c->heard && !c->broken && !c->thing.closed)
            return false;
    }
    return true;
}

/* Each instance begins somewhere else when all of them read anew, so that they put back different
 * cells first, and hear of the others before they come to them. */
static void turn(struct fleet *f)
{
    uint64_t n = f->cells_n ? random_below(&f->w->random, f->cells_n) : 0;
    for (; n && !list_empty(&f->cells); n--) {
        struct list *first = f->cells.next;
        list_remove(first);
        list_push(&f->cells, first);
    }
}

void fleet_cells_apart(struct fleet *f)
{
    turn(f);
    list_each (pos, &f->cells) {
        struct weir_fleet_cell *c = cell_at(pos);
        c->heard = c->broken = c->read = false;
        json_decref(c->held);
        c->held = NULL;
        fleet_cell_end(c);
    }
}
