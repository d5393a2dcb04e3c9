/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions of operators for all instances: what is told, what is followed, and in which order. All
 * is done from the tick, and only while joined, when everything has been read: so who joins follows
 * in the order in which things were decided. */
#include "fleet/fleet_decisions.h"

#include "base/event.h"

#include <stdlib.h>

static const char *refuse(void *ctx, struct slice key);
static const char *tell(void *ctx, const struct decision *d);
static void wait_for(void *ctx, struct slice key, struct admin_pending *asked);
static void changed(void *ctx, struct slice key);
static void free_decision(struct fleet_decision *e);
static void open_waiting(struct fleet *f);

/* -- life -------------------------------------------------------------------------------------- */

bool fleet_decisions_open(struct fleet *f)
{
    struct fleet_decisions *ds = calloc(1, sizeof *ds);
    if (!ds)
        return false;
    f->decisions = ds;
    list_init(&ds->all);
    map_init(&ds->by_key);
    ds->memory = f->setup.decided;
    ds->decider = (struct decider){
        .ctx = f, .refuse = refuse, .tell = tell, .wait = wait_for, .changed = changed};
    fleet_decisions_index_open(f);
    open_waiting(f);
    return true;
}

void fleet_decisions_close(struct fleet *f)
{
    if (!f->decisions)
        return;
    list_each_safe (pos, &f->decisions->all)
        free_decision(fleet_decision_of(pos));
    fleet_decisions_index_close(f);
    map_fini(&f->decisions->by_key);
    free(f->decisions);
    f->decisions = NULL;
}

void fleet_decisions_run_by(struct fleet *f, const struct admin_row *rows, size_t n)
{
    if (!f)
        return;
    f->decisions->rows = rows;
    f->decisions->rows_n = n;
}

const struct decider *fleet_decider(const struct fleet *f)
{
    return f ? &f->decisions->decider : NULL;
}

/* -- things that were decided about ------------------------------------------------------------ */

static void free_decision(struct fleet_decision *e)
{
    fleet_decision_told(e, "it waits, and is told soon"); /* another object of this key tells it */
    fleet_decision_forgot(e, NULL);
    weir_fleet_cell_close(e->cell);
    list_remove(&e->node);
    map_remove(&e->fleet->decisions->by_key, slice_str(e->key));
    text_fini(&e->path);
    text_fini(&e->json);
    text_fini(&e->lasts);
    text_fini(&e->by);
    free(e);
}

struct fleet_decision *fleet_decision_find(const struct fleet *f, struct slice key)
{
    return map_find(&f->decisions->by_key, key);
}

static struct fleet_decision *make(struct fleet *f, struct slice key)
{
    struct fleet_decision *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->fleet = f;
    snprintf(e->key, sizeof e->key, "%.*s", SLICE_ARG(key));
    text_init(&e->path);
    text_init(&e->json);
    text_init(&e->lasts);
    text_init(&e->by);
    list_init(&e->node);
    list_push(&f->decisions->all, &e->node);
    map_set(&f->decisions->by_key, slice_str(e->key), e);
    if (fleet_decision_open(e))
        return e;
    free_decision(e);
    return NULL;
}

struct fleet_decision *fleet_decision_at(struct fleet *f, struct slice key)
{
    struct fleet_decision *e = fleet_decision_find(f, key);
    if (e || key.n == 0 || key.n > DECISION_KEY_MAX || memchr(key.p, '\0', key.n))
        return e;
    if (f->decisions->by_key.n < FLEET_DECISIONS_MAX)
        return make(f, key);
    fleet_note_error(f, FLEET_ERROR_LIMIT, SLICE("there are too many decisions to follow all"));
    return NULL;
}

/* -- what follows ------------------------------------------------------------------------------ */

static void overtaken(struct fleet_decision *e, struct fleet_waiting *w, uint64_t id)
{
    char result[FLEET_NAME_MAX + 64];
    event_warn("decision_overtaken", KV("key", e->key), KV_SLICE("by", text_slice(&e->by)));
    fleet_waiting_done(w, id);
    snprintf(result, sizeof result, "overtaken by a later decision of %.*s",
             SLICE_ARG(text_slice(&e->by)));
    fleet_decision_told(e, result);
}

static void told(struct fleet_decision *e, struct fleet_waiting *w)
{
    event_info("decision_told", KV("key", e->key), KV_INT("version", e->version));
    fleet_followed_note(e->fleet->decisions->memory, slice_str(e->key), e->moment, false);
    fleet_waiting_done(w, e->moment.id);
    fleet_decision_told(e, "told");
}

/* True: what was made here is still to be told, and is the later one. */
static bool still_waits(struct fleet_decision *e)
{
    struct fleet_decided *m = e->fleet->decisions->memory;
    struct fleet_waiting *w = m ? fleet_waiting_find(m, slice_str(e->key)) : NULL;
    if (!w)
        return false;
    if (!e->there)
        return true;
    const struct fleet_moment waits = fleet_waiting_moment(e->fleet, w);
    if (waits.id == e->moment.id)
        told(e, w);
    else if (fleet_moment_later(e->moment, waits))
        overtaken(e, w, waits.id);
    else
        return true;
    return false;
}

static void forgotten(struct fleet_decision *e)
{
    struct fleet_decided *m = e->fleet->decisions->memory;
    if (m)
        fleet_followed_note(m, slice_str(e->key), e->moment, true);
    event_info("decision_forgotten", KV("key", e->key), KV_SLICE("by", text_slice(&e->by)));
    fleet_decision_forgot(e, NULL);
}

static struct fleet_moment last_followed(const struct fleet_decision *e)
{
    const struct fleet_decided *m = e->fleet->decisions->memory;
    return m ? fleet_followed(m, slice_str(e->key)) : (struct fleet_moment){UINT64_MAX, UINT64_MAX};
}

void fleet_decision_settle(struct fleet_decision *e)
{
    const bool waits = still_waits(e), dropped = e->there && e->path.n == 0;
    const bool news = e->there && fleet_moment_later(e->moment, last_followed(e));
    e->due = news && !waits && !dropped;
    e->gone = !waits && (!e->there || dropped);
    if (news && dropped && !waits)
        forgotten(e);
}

/* -- following --------------------------------------------------------------------------------- */

static void failed(struct fleet_decision *e, const char *why)
{
    e->again_ms = fleet_now_ms(e->fleet) + FLEET_REPAIR_MS;
    if (!e->why[0])
        event_warn("decision_failed", KV("key", e->key), KV_SLICE("by", text_slice(&e->by)),
                   KV_INT("version", e->version), KV("why", why));
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void follow(struct fleet_decision *e)
{
    const struct fleet_decisions *ds = e->fleet->decisions;
    const uint64_t now_ms = fleet_redis_ms(e->fleet);
    const struct decision d = {
        .key = slice_str(e->key),
        .path = text_slice(&e->path),
        .json = text_slice(&e->json),
        .lasts = text_slice(&e->lasts),
        .by = text_slice(&e->by),
        .left_ms = e->until_ms > now_ms ? e->until_ms - now_ms : 0,
    };
    char why[DECISION_WHY_MAX];
    if (!fleet_followed_has_room(ds->memory, d.key)) {
        failed(e, "there is no room to remember it; weirctl fleet forget makes some");
    } else if (!decide_run(ds->rows, ds->rows_n, &d, why)) {
        failed(e, why);
    } else {
        event_info("decision_applied", KV("key", e->key), KV_SLICE("by", text_slice(&e->by)),
                   KV_INT("version", e->version));
        fleet_followed_note(ds->memory, d.key, e->moment, false);
        e->due = false;
        e->why[0] = '\0';
    }
}

/* The earliest; NULL: none. What was refused is tried again now and then: the endpoint may not have
 * been found yet. */
static struct fleet_decision *next_due(const struct fleet *f)
{
    struct fleet_decision *first = NULL;
    const uint64_t now_ms = fleet_now_ms(f);
    list_each (pos, &f->decisions->all) {
        struct fleet_decision *e = fleet_decision_of(pos);
        if (e->due && !e->gone && now_ms >= e->again_ms &&
            (!first || fleet_moment_later(first->moment, e->moment)))
            first = e;
    }
    return first;
}

/* -- ticks ------------------------------------------------------------------------------------- */

static void sweep(struct fleet *f)
{
    const uint64_t now_ms = fleet_redis_ms(f);
    list_each_safe (pos, &f->decisions->all) {
        struct fleet_decision *e = fleet_decision_of(pos);
        if (e->until_ms && now_ms >= e->until_ms && e->there)
            e->gone = true; /* its time is over */
        if (!e->gone)
            continue;
        fleet_decisions_unlist(e);
        free_decision(e);
    }
}

/* What another control process has left is told by this one: one before it, or one that is ending
 * beside it. */
static void open_waiting(struct fleet *f)
{
    struct fleet_decided *m = f->decisions->memory;
    for (size_t i = 0; m && i < FLEET_WAITING_MAX; i++)
        if (fleet_waiting_there(&m->waiting[i]) &&
            !fleet_decision_at(f, slice_str(m->waiting[i].key)))
            return;
}

static void offer_all(struct fleet *f)
{
    list_each (pos, &f->decisions->all)
        fleet_decision_offer(fleet_decision_of(pos));
}

void fleet_decisions_tick(struct fleet *f)
{
    struct fleet_decision *e;
    if (f->state == FLEET_JOINED) {
        sweep(f);
        while ((e = next_due(f)))
            follow(e);
        open_waiting(f);
        offer_all(f);
    }
    fleet_decisions_index_tick(f);
}

void fleet_decisions_apart(struct fleet *f)
{
    f->decisions->known = false;
    list_each (pos, &f->decisions->all)
        fleet_decision_of(pos)->forget = 0;
    fleet_decisions_part(f);
}

bool fleet_decisions_heard(const struct fleet *f)
{
    return f->decisions->known;
}

/* -- what an operator decides here ------------------------------------------------------------- */

/* NULL: there is. */
static const char *no_room(const struct fleet *f, struct slice key)
{
    const struct fleet_decisions *ds = f->decisions;
    if (!ds->memory)
        return "there is no room in shared memory for decisions; restart it";
    if (!fleet_waiting_has_room(ds->memory, key))
        return "as many decisions as it can keep wait to be told: Redis must be back first";
    if (!fleet_followed_has_room(ds->memory, key) ||
        (ds->by_key.n >= FLEET_DECISIONS_MAX && !fleet_decision_find(f, key)))
        return "the fleet has as many decisions as it can keep; weirctl fleet forget drops one";
    return NULL;
}

static const char *refuse(void *ctx, struct slice key)
{
    struct fleet *f = ctx;
    const char *why = no_room(f, key);
    f->decisions->refused += why != NULL;
    return why;
}

/* The moment of what it comes after, as far as this instance knows. */
static uint64_t moment_before(const struct fleet_decision *e)
{
    const uint64_t last_ms = last_followed(e).at_ms;
    return e->there && e->moment.at_ms > last_ms ? e->moment.at_ms : last_ms;
}

static const char *tell(void *ctx, const struct decision *d)
{
    struct fleet *f = ctx;
    struct fleet_decision *e = fleet_decision_at(f, d->key);
    const uint64_t id = random_u64(&f->w->random) | 1;
    if (!e ||
        !fleet_waiting_add(f->decisions->memory, d, id, f->loop->clock.mono_us, moment_before(e)))
        return "not told: there is no place for it";
    e->due = e->gone = false;
    e->forget = 0;
    e->why[0] = '\0';
    fleet_decision_told(e, "replaced by a later one");
    fleet_decision_forgot(e, "it was decided anew");
    return f->state == FLEET_JOINED ? NULL : FLEET_TOLD_LATER;
}

static void wait_for(void *ctx, struct slice key, struct admin_pending *asked)
{
    struct fleet_decision *e = fleet_decision_find(ctx, key);
    must(e);
    fleet_decision_wait(e, &e->asked.telling, asked);
}

static void changed(void *ctx, struct slice key)
{
    struct fleet *f = ctx;
    struct fleet_decision *e = fleet_decision_find(f, key);
    if (!e || !e->due)
        return;
    fleet_followed_note(f->decisions->memory, key, e->moment, false);
    e->due = false;
    e->why[0] = '\0';
}
