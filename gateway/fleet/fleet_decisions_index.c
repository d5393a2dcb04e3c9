/* SPDX-License-Identifier: Apache-2.0 */
/* The set of keys in Redis: who joins reads it, and everybody reads it now and then. What is in it
 * and isn't known here is opened; what is known here and isn't in it is added, as Redis may have
 * lost it. A key that names nothing is taken out by whoever finds that. */
#include "fleet/fleet_decisions.h"

#include <stdlib.h>
#include <string.h>

static void on_read(struct fleet_thing *t, const struct redis_reply *r);

void fleet_decisions_index_open(struct fleet *f)
{
    struct text key;
    text_init(&key);
    text_printf(&key, "%.*sd", SLICE_ARG(f->conf->prefix));
    f->decisions->index = (struct fleet_thing){.fleet = f, .key = text_slice(&key)};
    list_init(&f->decisions->index.node);
}

void fleet_decisions_index_close(struct fleet *f)
{
    free((char *)f->decisions->index.key.p);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void begin_reading(struct fleet *f)
{
    list_each (pos, &f->decisions->all)
        fleet_decision_of(pos)->seen = false;
}

static void end_reading(struct fleet *f)
{
    list_each (pos, &f->decisions->all) {
        struct fleet_decision *e = fleet_decision_of(pos);
        e->listed = e->seen;
    }
}

/* An error has been counted and told; without the set, decisions are those that are told from now
 * on. */
static void on_read(struct fleet_thing *t, const struct redis_reply *r)
{
    struct fleet *f = t->fleet;
    f->decisions->known = true;
    if (!fleet_is(t, r, REDIS_LIST))
        return;
    begin_reading(f);
    for (size_t i = 0; i < r->n; i++) {
        struct fleet_decision *e = fleet_decision_at(f, redis_item(r, i).text);
        if (e)
            e->seen = true;
    }
    end_reading(f);
}

static void keep_it(struct fleet_thing *t)
{
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%d", FLEET_CELL_TTL);
    FLEET_ASK(t, NULL, SLICE("PEXPIRE"), t->key, slice_str(ttl));
}

static void read_it(struct fleet *f)
{
    struct fleet_thing *t = &f->decisions->index;
    const uint64_t now_ms = fleet_now_ms(f);
    if (t->asked || (f->decisions->known && now_ms - f->decisions->read_ms < FLEET_REPAIR_MS))
        return;
    f->decisions->read_ms = now_ms;
    keep_it(t);
    FLEET_ASK(t, on_read, SLICE("SMEMBERS"), t->key);
}

/* -- writing ----------------------------------------------------------------------------------- */

void fleet_decisions_unlist(struct fleet_decision *e)
{
    struct fleet_thing *t = &e->fleet->decisions->index;
    if (e->fleet->state == FLEET_JOINED)
        FLEET_ASK(t, NULL, SLICE("SREM"), t->key, slice_str(e->key));
}

static void add_missing(struct fleet *f)
{
    size_t n = 0;
    struct fleet_thing *t = &f->decisions->index;
    list_each (pos, &f->decisions->all) {
        struct fleet_decision *e = fleet_decision_of(pos);
        if (e->listed || !e->there || e->gone || n == FLEET_READS || fleet_pipe_full(f))
            continue;
        e->listed = FLEET_ASK(t, NULL, SLICE("SADD"), t->key, slice_str(e->key));
        n++;
    }
    if (n)
        keep_it(t);
}

void fleet_decisions_index_tick(struct fleet *f)
{
    if (f->state == FLEET_JOINED)
        add_missing(f);
    read_it(f);
}

/* -- messages ---------------------------------------------------------------------------------- */

/* A cell that this instance doesn't have may be a decision's: it is opened, and read. */
void fleet_decisions_message(struct fleet *f, struct slice cell)
{
    char head[DECISION_KEY_MAX];
    const int n = snprintf(head, sizeof head, "%.*sc::decision/", SLICE_ARG(f->conf->prefix));
    if (n > 0 && (size_t)n < sizeof head && slice_starts(cell, slice_str(head)))
        (void)!fleet_decision_at(f, slice_from(cell, (size_t)n));
}
