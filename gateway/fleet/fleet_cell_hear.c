/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: what comes from Redis. What a module hears never goes back behind what it heard before,
 * unless Redis itself has lost it. Answers and messages come by two connections, so their order
 * says nothing; a message that comes while an answer is under way therefore waits for that (`held`;
 * the newest is enough), and an answer that is older than what is known then means that Redis has
 * forgotten something. */
#include "fleet/fleet_cell.h"

#include "base/log.h"
#include "fleet/fleet_record.h"

/* -- calls ------------------------------------------------------------------------------------- */

static struct weir_fleet_record shown(const struct weir_fleet_cell *c,
                                      const struct fleet_record *rec)
{
    const uint64_t now_ms = fleet_redis_ms(c->thing.fleet);
    return (struct weir_fleet_record){
        .version = rec->version,
        .by = slice_out(rec->by),
        .age_ms = rec->version && now_ms > rec->at_ms ? now_ms - rec->at_ms : 0,
        .fields = rec->fields,
        .fields_n = rec->fields_n,
    };
}

/* Was it news? */
static bool note(struct weir_fleet_cell *c, const struct fleet_record *rec)
{
    const uint64_t by = slice_hash(rec->by);
    const bool news = !c->heard || c->broken || c->version != rec->version ||
                      c->at_ms != rec->at_ms || c->by_hash != by;
    c->heard = true;
    c->broken = false;
    c->version = rec->version;
    c->at_ms = rec->at_ms;
    c->by_hash = by;
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

/* The offer has ended before the call, so that the module may make the next one in it. */
void fleet_cell_offered(struct weir_fleet_cell *c, bool taken, const struct weir_fleet_record *r)
{
    c->offer.state = OFFER_NONE;
    if (!c->ops->offered || c->thing.closed)
        return;
    const struct module *before = fleet_enter(&c->thing);
    c->ops->offered(c->ctx, taken, r);
    fleet_leave(&c->thing, before);
}

/* It alone is apart. */
static void broken(struct weir_fleet_cell *c, struct slice why)
{
    const uint64_t now_ms = fleet_now_ms(c->thing.fleet);
    c->broken = true;
    if (!c->said_ms || now_ms - c->said_ms >= FLEET_SAY_AGAIN_MS) {
        c->said_ms = now_ms ? now_ms : 1;
        log_warn("fleet_cell_unusable", KV_SLICE("cell", c->thing.key), KV_SLICE("why", why));
    }
    if (c->offer.state != OFFER_NONE)
        fleet_cell_offered(c, false, NULL);
}

static void unreadable(struct weir_fleet_cell *c, const char *why)
{
    fleet_note_error(c->thing.fleet, FLEET_ERROR_ANSWER, slice_str(why));
    broken(c, slice_str(why));
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Of an answer that is an error. Those that say something of the key leave the cell apart; after
 * the others it is asked again. */
static void refused(struct weir_fleet_cell *c, struct slice text)
{
    const enum fleet_error kind = fleet_error_kind(text);
    if (kind == FLEET_ERROR_WRONGTYPE || kind == FLEET_ERROR_NOPERM)
        broken(c, text);
}

void fleet_cell_on_read(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    struct fleet_record rec;
    if (r->kind == REDIS_ERROR) {
        refused(c, r->text);
        return;
    }
    const char *why = r->kind == REDIS_LIST ? fleet_record_of_list(&rec, r) : "it is no hash";
    c->read = false;
    if (why)
        unreadable(c, why);
    else
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
    c->read = version != c->version || at_ms != c->at_ms || (!there && n.kind != REDIS_NIL);
}

static void was_taken(struct weir_fleet_cell *c, struct slice at)
{
    struct fleet *f = c->thing.fleet;
    struct fleet_record rec;
    fleet_record_begin(&rec);
    rec.version = c->offer.version;
    rec.by = f->setup.instance;
    if (!slice_to_u64(at, &rec.at_ms))
        rec.at_ms = fleet_redis_ms(f);
    for (size_t i = 0; i < c->offer.n; i++)
        rec.fields[rec.fields_n++] = c->offer.fields[i];
    f->offers_taken++;
    note(c, &rec);
    struct text fields = c->offer.text; /* the module may make its next offer in the call */
    text_init(&c->offer.text);
    const struct weir_fleet_record r = shown(c, &rec);
    fleet_cell_offered(c, true, &r);
    text_fini(&fields);
}

static void was_lost(struct weir_fleet_cell *c, const struct redis_reply *theirs)
{
    struct fleet_record rec;
    const char *why =
        theirs->kind == REDIS_LIST ? fleet_record_of_list(&rec, theirs) : "it is no hash";
    if (why) {
        unreadable(c, why);
        return;
    }
    c->thing.fleet->offers_lost++;
    note(c, &rec);
    const struct weir_fleet_record r = shown(c, &rec);
    fleet_cell_offered(c, false, &r);
}

void fleet_cell_on_offered(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_cell *c = cell_of(t);
    if (r->kind == REDIS_ERROR) {
        if (fleet_error_kind(r->text) == FLEET_ERROR_NOSCRIPT)
            c->offer.state = OFFER_QUEUED;
        else
            broken(c, r->text);
        return;
    }
    const struct redis_reply first = redis_item(r, 0), second = redis_item(r, 1);
    if (r->kind != REDIS_LIST || first.kind != REDIS_INTEGER)
        unreadable(c, "an offer was answered with something else");
    else if (first.integer == 1)
        was_taken(c, second.text);
    else
        was_lost(c, &second);
}

/* -- messages ---------------------------------------------------------------------------------- */

static void take_message(struct weir_fleet_cell *c, const json_t *message)
{
    struct fleet_record rec;
    const char *why = fleet_record_of_json(&rec, json_object_get(message, "d"));
    if (why)
        fleet_note_error(c->thing.fleet, FLEET_ERROR_MESSAGE, slice_str(why));
    else if (c->heard && !c->broken && rec.version > c->version)
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
