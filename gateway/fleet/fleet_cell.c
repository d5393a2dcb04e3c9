/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: <weir/fleet.h>. What modules ask of them, and what each tick asks Redis for: first offers
 * and those not read yet, then in turn a look at those that were read long ago. */
#include "fleet/fleet_cell.h"

#include "base/log.h"
#include "fleet/fleet_record.h"

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
    text_init(&c->offer.text);
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
    text_fini(&cell_of(t)->offer.text);
    json_decref(cell_of(t)->held);
}

uint64_t weir_fleet_until_ms(const struct weir_fleet_cell *c)
{
    return c->heard && !c->broken ? c->thing.fleet->until_ms : 0;
}

/* -- offers ------------------------------------------------------------------------------------ */

static bool too_large(const struct weir_claim *fields, size_t n)
{
    for (size_t i = 0; i < n && n <= WEIR_FLEET_FIELDS; i++)
        if (fields[i].name.n > FIELD_NAME_MAX || fields[i].value.n > WEIR_FLEET_FIELD_MAX)
            return true;
    return n > WEIR_FLEET_FIELDS;
}

static void copy_fields(struct offer *o, const struct weir_claim *fields, size_t n)
{
    size_t at = 0;
    o->text.n = 0;
    for (size_t i = 0; i < n; i++) {
        text_char(&o->text, '.');
        text_add(&o->text, slice_in(fields[i].name));
        text_add(&o->text, slice_in(fields[i].value));
    }
    for (o->n = 0; o->n < n; o->n++) {
        const size_t name_n = fields[o->n].name.n, value_n = fields[o->n].value.n;
        o->fields[o->n] = (struct weir_claim){
            .name = {o->text.p + at + 1, name_n},
            .value = {o->text.p + at + 1 + name_n, value_n},
        };
        at += 1 + name_n + value_n;
    }
}

bool weir_fleet_offer(struct weir_fleet_cell *c, uint64_t version, const struct weir_claim *fields,
                      size_t n)
{
    if (weir_fleet_until_ms(c) <= fleet_now_ms(c->thing.fleet) || c->thing.closed ||
        c->offer.state != OFFER_NONE)
        return false;
    if (too_large(fields, n) || version <= c->version || version > FLEET_RECORD_VERSION_MAX) {
        log_error("fleet_offer_refused", KV_SLICE("cell", c->thing.key), KV_INT("version", version),
                  KV_INT("known", c->version), KV_INT("fields", n));
        return false;
    }
    c->offer.state = OFFER_QUEUED;
    c->offer.version = version;
    copy_fields(&c->offer, fields, n);
    return true;
}

/* -- ticks ------------------------------------------------------------------------------------- */

static void send_offer(struct weir_fleet_cell *c)
{
    enum { BEFORE = 8 };
    struct fleet *f = c->thing.fleet;
    char version[24], ttl[24];
    snprintf(version, sizeof version, "%llu", (unsigned long long)c->offer.version);
    snprintf(ttl, sizeof ttl, "%d", FLEET_CELL_TTL);
    struct slice args[BEFORE + 2 * WEIR_FLEET_FIELDS] = {
        SLICE("EVALSHA"), slice_str(f->script), SLICE("1"),        c->thing.key,
        f->channel,       slice_str(version),   f->setup.instance, slice_str(ttl)};
    size_t n = BEFORE;
    for (size_t i = 0; i < c->offer.n; i++) {
        const struct weir_claim *field = &c->offer.fields[i];
        args[n++] = slice_of(field->name.p - 1, field->name.n + 1);
        args[n++] = slice_in(field->value);
    }
    if (fleet_ask(&c->thing, fleet_cell_on_offered, n, args))
        c->offer.state = OFFER_SENT;
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

void fleet_cells_tick(struct fleet *f)
{
    size_t reads = FLEET_READS;
    list_each (pos, &f->cells) {
        struct weir_fleet_cell *c = cell_at(pos);
        const bool unread = c->read || !c->heard;
        if (c->thing.closed || c->broken)
            continue;
        if (fleet_pipe_full(f))
            return;
        if (c->offer.state == OFFER_QUEUED && f->script[0]) {
            send_offer(c);
        } else if (unread && reads) {
            send_read(c);
            reads--;
        }
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

void fleet_cells_apart(struct fleet *f)
{
    list_each (pos, &f->cells) {
        struct weir_fleet_cell *c = cell_at(pos);
        c->heard = c->broken = c->read = false;
        json_decref(c->held);
        c->held = NULL;
        if (c->offer.state != OFFER_NONE)
            fleet_cell_offered(c, false, NULL);
    }
}
