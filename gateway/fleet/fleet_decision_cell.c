/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions as records of cells. The fields:
 *
 *     path, json    what is said, and where; an empty path: it is forgotten
 *     at, id        when it was decided, by Redis's clock, and a number in hexadecimal that it has
 *                   alone: those of the record itself change when it is offered again
 *     by            the instance on which an operator has said it
 *     lasts, until  the member that says for how long, and until when that is; only where it is so
 */
#include "fleet/fleet_decisions.h"

#include "base/event.h"

#define MOMENT_MAX (UINT64_MAX / 2) /* ms */

static void on_record(void *ctx, const struct weir_fleet_record *r);
static void on_offered(void *ctx, bool taken, const struct weir_fleet_record *r);

static const struct weir_fleet_cell_ops ops = {.record = on_record, .offered = on_offered};

bool fleet_decision_open(struct fleet_decision *e)
{
    struct fleet *f = e->fleet;
    const struct module *before = f->w->acting;
    struct text name;
    text_init(&name);
    text_printf(&name, "decision/%s", e->key);
    f->w->acting = NULL; /* it is the fleet's own, whoever is at it */
    e->cell =
        weir_fleet_cell_open((struct weir_process *)f->w, slice_out(text_slice(&name)), &ops, e);
    f->w->acting = before;
    text_fini(&name);
    return e->cell;
}

/* -- what is heard ----------------------------------------------------------------------------- */

/* What a record says; all of it is borrowed. */
struct said {
    struct slice path, json, by, lasts, at, id, until;
};

static struct slice field_of(const struct weir_fleet_record *r, const char *name)
{
    for (size_t i = 0; i < r->fields_n; i++)
        if (slice_eq(slice_in(r->fields[i].name), slice_str(name)))
            return slice_in(r->fields[i].value);
    return SLICE("");
}

static struct said said_by(const struct weir_fleet_record *r)
{
    return (struct said){.path = field_of(r, "path"),
                         .json = field_of(r, "json"),
                         .by = field_of(r, "by"),
                         .lasts = field_of(r, "lasts"),
                         .at = field_of(r, "at"),
                         .id = field_of(r, "id"),
                         .until = field_of(r, "until")};
}

static bool to_id(struct slice s, uint64_t *id)
{
    char text[17], *end;
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(s));
    *id = strtoull(text, &end, 16);
    return !*end && *id;
}

/* A moment beyond MOMENT_MAX would have none after it. */
static bool is_usable(const struct said *s, struct fleet_moment *m, uint64_t *until_ms)
{
    *until_ms = 0;
    return s->path.n <= DECISION_PATH_MAX && s->json.n <= DECISION_JSON_MAX &&
           s->by.n <= FLEET_NAME_MAX && s->lasts.n <= DECISION_LASTS_MAX && to_id(s->id, &m->id) &&
           slice_to_u64(s->at, &m->at_ms) && m->at_ms && m->at_ms <= MOMENT_MAX &&
           (!s->until.n || slice_to_u64(s->until, until_ms));
}

static void put(struct text *t, struct slice s)
{
    t->n = 0;
    text_add(t, s);
}

static void keep(struct fleet_decision *e, const struct said *s, struct fleet_moment m)
{
    if (!e->there || e->moment.at_ms != m.at_ms || e->moment.id != m.id) {
        e->again_ms = 0; /* another one: what was wrong with the last says nothing */
        e->why[0] = '\0';
    }
    e->there = true;
    e->moment = m;
    put(&e->path, s->path);
    put(&e->json, s->json);
    put(&e->by, s->by);
    put(&e->lasts, s->until.n ? s->lasts : SLICE(""));
}

static void hear(struct fleet_decision *e, const struct weir_fleet_record *r)
{
    const struct said s = said_by(r);
    struct fleet_moment m;
    uint64_t until_ms;
    if (r->version == 0 && e->there)
        return; /* Redis has lost it, and the cell sees to that */
    e->version = r->version;
    if (r->version && is_usable(&s, &m, &until_ms)) {
        keep(e, &s, m);
        e->until_ms = until_ms;
    } else if (r->version) {
        event_warn("decision_failed", KV("key", e->key), KV_SLICE("by", slice_in(r->by)),
                   KV_INT("version", r->version), KV("why", "its record makes no sense"));
        return;
    }
    fleet_decision_settle(e);
}

static void on_record(void *ctx, const struct weir_fleet_record *r)
{
    hear(ctx, r);
}

/* Not taken: what others have decided meanwhile is not to be forgotten. */
static void on_offered(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    struct fleet_decision *e = ctx;
    if (!taken) {
        e->forget = 0;
        fleet_decision_forgot(e, r ? "it was decided anew"
                                   : "Redis refuses that, or has lost it; try again");
    }
    if (r)
        hear(e, r);
}

/* -- what is said ------------------------------------------------------------------------------ */

/* Not before what it comes after, whatever the clocks say. */
static uint64_t moment_after(uint64_t before_ms, uint64_t at_ms)
{
    return at_ms > before_ms ? at_ms : before_ms + 1;
}

/* Estimates of Redis's clock get better; if the moment did with them, two instances could take
 * different ones for the later. */
struct fleet_moment fleet_waiting_moment(const struct fleet *f, struct fleet_waiting *w)
{
    const uint64_t ago_ms = (f->loop->clock.mono_us - w->made_us) / 1000;
    const uint64_t redis_ms = fleet_redis_ms(f); /* whatever it says */
    if (!w->at_ms)
        w->at_ms = moment_after(w->after_ms, redis_ms > ago_ms ? redis_ms - ago_ms : 0);
    return (struct fleet_moment){w->at_ms, w->id};
}

static void offer(struct fleet_decision *e, const struct decision *d, struct fleet_moment m)
{
    char at[24], id[24], until[24];
    snprintf(at, sizeof at, "%llu", (unsigned long long)m.at_ms);
    snprintf(id, sizeof id, "%llx", (unsigned long long)m.id);
    snprintf(until, sizeof until, "%llu", (unsigned long long)(m.at_ms + d->left_ms));
    const struct weir_claim fields[] = {
        {WEIR_SLICE("path"), slice_out(d->path)},
        {WEIR_SLICE("json"), slice_out(d->json)},
        {WEIR_SLICE("at"), slice_out(slice_str(at))},
        {WEIR_SLICE("id"), slice_out(slice_str(id))},
        {WEIR_SLICE("by"), slice_out(e->fleet->setup.instance)},
        {WEIR_SLICE("lasts"), slice_out(d->lasts)},
        {WEIR_SLICE("until"), slice_out(d->left_ms ? slice_str(until) : SLICE(""))},
    };
    (void)!weir_fleet_offer(e->cell, fields, array_n(fields)); /* else next time */
}

static void offer_waiting(struct fleet_decision *e, struct fleet_waiting *w)
{
    const struct decision d = {.path = slice_str(w->path),
                               .json = slice_str(w->json),
                               .lasts = slice_str(w->lasts),
                               .left_ms = w->lasts_ms};
    offer(e, &d, fleet_waiting_moment(e->fleet, w));
}

static void offer_end(struct fleet_decision *e)
{
    const struct decision nothing = {.path = SLICE("")};
    const uint64_t at_ms = moment_after(e->moment.at_ms, fleet_redis_ms(e->fleet));
    offer(e, &nothing, (struct fleet_moment){at_ms, e->forget});
}

void fleet_decision_offer(struct fleet_decision *e)
{
    struct fleet_decided *m = e->fleet->decisions->memory;
    struct fleet_waiting *w = m ? fleet_waiting_find(m, slice_str(e->key)) : NULL;
    if (w)
        offer_waiting(e, w);
    else if (e->forget && e->there)
        offer_end(e);
}
