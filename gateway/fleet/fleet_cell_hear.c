/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: what comes from Redis. What a module hears never goes back behind what it heard before.
 * Answers and messages come by two connections, so their order says nothing; a message that comes
 * while an answer is under way therefore waits for that (`held`; the newest is enough), and an
 * answer that is older than what is known then means that Redis has lost something
 * (fleet_cell_lost.c). */
#include "fleet/fleet_cell.h"

#include "base/log.h"

/* -- calls ------------------------------------------------------------------------------------- */

static struct weir_fleet_record shown(const struct weir_fleet_cell *c,
                                      const struct fleet_record *rec)
{
    const uint64_t now_ms = fleet_redis_ms(c->thing.fleet);
    return (struct weir_fleet_record){
        .version = rec->version,
        .lineage = rec->lineage,
        .by = slice_out(rec->by),
        .age_ms = rec->version && now_ms > rec->at_ms ? now_ms - rec->at_ms : 0,
        .fields = rec->fields,
        .fields_n = rec->fields_n,
    };
}

void fleet_cell_know(struct weir_fleet_cell *c, const struct fleet_record *rec)
{
    struct known *k = &c->known;
    k->version = rec->version;
    k->lineage = rec->lineage;
    k->at_ms = rec->at_ms;
    k->made_ms = fleet_now_ms(c->thing.fleet) - shown(c, rec).age_ms;
    k->by_n = rec->by.n;
    memcpy(k->by, rec->by.p, rec->by.n);
    fleet_fields_set(&k->fields, rec->fields, rec->fields_n);
}

/* Was it news? Nothing has to be put back any more, if that was still to be done. */
static bool note(struct weir_fleet_cell *c, const struct fleet_record *rec)
{
    const bool news = !cell_led(c) || c->known.version != rec->version;
    c->heard = true;
    c->broken = false;
    if (c->offer.back)
        c->offer.state = CELL_IDLE;
    if (news)
        fleet_cell_know(c, rec);
    return news;
}

static void hear(struct weir_fleet_cell *c, const struct fleet_record *rec)
{
    if (!note(c, rec) || !c->ops->record)
        return;
    const struct weir_fleet_record r = shown(c, rec);
    const struct module *before = fleet_enter(&c->thing);
    c->ops->record(c->ctx, &r);
    fleet_leave(&c->thing, before);
}

/* The module's offer has ended before the call, so that it may make the next one in it. */
static void offered(struct weir_fleet_cell *c, bool taken, const struct weir_fleet_record *r)
{
    if (!c->ops->offered || c->thing.closed)
        return;
    const struct module *before = fleet_enter(&c->thing);
    c->ops->offered(c->ctx, taken, r);
    fleet_leave(&c->thing, before);
}

void fleet_cell_end(struct weir_fleet_cell *c)
{
    const bool was_offered = c->offer.state != CELL_IDLE && !c->offer.back;
    c->offer.state = CELL_IDLE;
    if (was_offered)
        offered(c, false, NULL);
    if (c->take.state != CELL_IDLE)
        fleet_cell_took(c, 0, 0);
}

void fleet_cell_broken(struct weir_fleet_cell *c, struct slice why)
{
    const uint64_t now_ms = fleet_now_ms(c->thing.fleet);
    c->broken = true;
    if (!c->said_ms || now_ms - c->said_ms >= FLEET_SAY_AGAIN_MS) {
        c->said_ms = now_ms ? now_ms : 1;
        log_warn("fleet_cell_unusable", KV_SLICE("cell", c->thing.key), KV_SLICE("why", why));
    }
    fleet_cell_end(c);
}

void fleet_cell_unreadable(struct weir_fleet_cell *c, const char *why)
{
    fleet_note_error(c->thing.fleet, FLEET_ERROR_ANSWER, slice_str(why));
    fleet_cell_broken(c, slice_str(why));
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Of an answer that is an error. Those that say something of the key leave the cell apart; after
 * the others it is asked again. */
static void refused(struct weir_fleet_cell *c, struct slice text)
{
    const enum fleet_error kind = fleet_error_kind(text);
    if (kind == FLEET_ERROR_WRONGTYPE || kind == FLEET_ERROR_NOPERM)
        fleet_cell_broken(c, text);
}

/* False: it can't be read, and is apart. */
static bool is_record(struct weir_fleet_cell *c, const struct redis_reply *r,
                      struct fleet_record *out)
{
    const char *why = r->kind == REDIS_LIST ? fleet_record_of_list(out, r) : "it is no hash";
    if (why)
        fleet_cell_unreadable(c, why);
    return !why;
}

/* Without the server's name nothing can be said of what it has. */
void fleet_cell_on_read(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    struct fleet_record rec;
    if (r->kind == REDIS_ERROR) {
        refused(c, r->text);
        return;
    }
    if (!c->thing.fleet->server.run[0])
        return;
    c->read = false;
    if (is_record(c, r, &rec) && !fleet_cell_lost(c, &rec))
        hear(c, &rec);
}

/* HMGET n at: a look costs less than the record, which has seldom changed. */
void fleet_cell_on_look(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    uint64_t version = 0, at_ms = 0;
    if (r->kind == REDIS_ERROR) {
        refused(c, r->text);
        return;
    }
    const struct redis_reply n = redis_item(r, 0), at = redis_item(r, 1);
    const bool there = slice_to_u64(n.text, &version) && slice_to_u64(at.text, &at_ms);
    c->read =
        version != c->known.version || at_ms != c->known.at_ms || (!there && n.kind != REDIS_NIL);
}

static void was_put_back(struct weir_fleet_cell *c, bool taken, const struct fleet_record *rec)
{
    c->thing.fleet->put_back += taken;
    if (taken || !fleet_cell_lost(c, rec))
        hear(c, rec);
}

static void was_offered(struct weir_fleet_cell *c, bool taken, const struct fleet_record *rec)
{
    if (!taken && fleet_cell_lost(c, rec)) {
        offered(c, false, NULL);
        return;
    }
    c->thing.fleet->offers_taken += taken;
    c->thing.fleet->offers_lost += !taken;
    note(c, rec);
    const struct weir_fleet_record r = shown(c, rec);
    offered(c, taken, &r);
}

void fleet_cell_on_offered(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    struct fleet_record rec;
    if (r->kind == REDIS_ERROR) {
        if (fleet_error_kind(r->text) == FLEET_ERROR_NOSCRIPT)
            c->offer.state = CELL_QUEUED;
        else
            fleet_cell_broken(c, r->text);
        return;
    }
    const struct redis_reply first = redis_item(r, 0), second = redis_item(r, 1);
    if (r->kind != REDIS_LIST || first.kind != REDIS_INTEGER) {
        fleet_cell_unreadable(c, "an offer was answered with something else");
        return;
    }
    if (!is_record(c, &second, &rec))
        return;
    c->offer.state = CELL_IDLE;
    if (c->offer.back)
        was_put_back(c, first.integer == 1, &rec);
    else
        was_offered(c, first.integer == 1, &rec);
}

/* -- messages ---------------------------------------------------------------------------------- */

static void take_message(struct weir_fleet_cell *c, const json_t *message)
{
    struct fleet_record rec;
    const char *why = fleet_record_of_json(&rec, json_object_get(message, "d"));
    if (why)
        fleet_note_error(c->thing.fleet, FLEET_ERROR_MESSAGE, slice_str(why));
    else if (rec.version > c->known.version && (cell_led(c) || fleet_cell_is_back(c, &rec)))
        hear(c, &rec);
}

void fleet_cell_message(struct fleet_thing *t, json_t *message)
{
    struct weir_fleet_cell *c = cell_of(t);
    if (!t->asked) {
        take_message(c, message);
        return;
    }
    json_decref(c->held);
    c->held = json_incref(message);
}

void fleet_cell_settled(struct fleet_thing *t)
{
    struct weir_fleet_cell *c = cell_of(t);
    json_t *held = c->held;
    c->held = NULL;
    if (held)
        take_message(c, held);
    json_decref(held);
}
