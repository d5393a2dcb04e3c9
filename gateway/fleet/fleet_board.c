/* SPDX-License-Identifier: Apache-2.0 */
/* Boards: <weir/fleet.h>. A hash of instance -> "EXPIRES TEXT", the time being Redis's: who doesn't
 * post anew in time isn't there any more. Changes come as messages, too; what was lost of those,
 * and who has gone silently, the reading of the whole board shows, each FLEET_BOARD_MS
 * (fleet_board_notes.c). */
#include "fleet/fleet_parts.h"

#include "base/log.h"

enum { BOARD_TTL_MS = 300000 /* of the whole, from each posting on */ };

static void on_drop(struct fleet_thing *t);

static struct weir_fleet_board *board_at(struct list *node)
{
    return container_of(node, struct weir_fleet_board, thing.node);
}

/* -- life -------------------------------------------------------------------------------------- */

struct weir_fleet_board *fleet_board_open(struct fleet *f, struct slice name,
                                          const struct weir_fleet_board_ops *ops, void *ctx)
{
    struct weir_fleet_board *b = fleet_thing_new(f, sizeof *b, 'b', name, &f->boards);
    if (!b)
        return NULL;
    b->thing.drop = on_drop;
    b->ops = ops;
    b->ctx = ctx;
    b->period_ms = FLEET_BOARD_MS;
    list_init(&b->notes);
    text_init(&b->own);
    text_init(&b->dead);
    return b;
}

struct weir_fleet_board *weir_fleet_board_open(struct weir_process *p, struct weir_slice name,
                                               const struct weir_fleet_board_ops *ops, void *ctx)
{
    struct fleet *f = fleet_of(p);
    return f ? fleet_board_open(f, slice_in(name), ops, ctx) : NULL;
}

void weir_fleet_board_close(struct weir_fleet_board *b)
{
    if (b)
        fleet_thing_close(&b->thing);
}

static void on_drop(struct fleet_thing *t)
{
    struct weir_fleet_board *b = container_of(t, struct weir_fleet_board, thing);
    fleet_board_forget(b);
    text_fini(&b->own);
    text_fini(&b->dead);
}

void weir_fleet_post(struct weir_fleet_board *b, struct weir_slice text)
{
    if (text.n > WEIR_FLEET_NOTE_MAX) {
        log_error("fleet_note_refused", KV_SLICE("board", b->thing.key), KV_INT("bytes", text.n),
                  KV_INT("limit", WEIR_FLEET_NOTE_MAX));
        return;
    }
    if (slice_eq(text_slice(&b->own), slice_in(text)))
        return;
    b->own.n = 0;
    text_add(&b->own, slice_in(text));
    b->changed = true;
}

/* -- posting ----------------------------------------------------------------------------------- */

static void tell_all(struct weir_fleet_board *b)
{
    struct text t;
    text_init(&t);
    json_open(&t, '{');
    json_key(&t, "b");
    json_slice(&t, b->thing.key);
    json_key(&t, "i");
    json_slice(&t, b->thing.fleet->setup.instance);
    json_key(&t, "t");
    json_slice(&t, text_slice(&b->own));
    json_close(&t, '}');
    FLEET_ASK(&b->thing, NULL, SLICE("PUBLISH"), b->thing.fleet->channel, text_slice(&t));
    text_fini(&t);
}

static void post(struct weir_fleet_board *b)
{
    const struct fleet *f = b->thing.fleet;
    char ttl[24];
    struct text value;
    text_init(&value);
    text_uint(&value, fleet_redis_ms(f) + fleet_board_life_ms(b));
    text_char(&value, ' ');
    text_add(&value, text_slice(&b->own));
    snprintf(ttl, sizeof ttl, "%d", BOARD_TTL_MS);
    FLEET_ASK(&b->thing, NULL, SLICE("HSET"), b->thing.key, f->setup.instance, text_slice(&value));
    FLEET_ASK(&b->thing, NULL, SLICE("PEXPIRE"), b->thing.key, slice_str(ttl));
    text_fini(&value);
}

static void write_own(struct weir_fleet_board *b, uint64_t now_ms)
{
    const bool first = b->own.n && !b->posted;
    const bool due = b->own.n ? first || b->changed || now_ms >= b->post_ms : b->posted;
    if (!due)
        return;
    if (b->own.n)
        post(b);
    else
        FLEET_ASK(&b->thing, NULL, SLICE("HDEL"), b->thing.key, b->thing.fleet->setup.instance);
    if (first || !b->own.n || (b->changed && !b->quiet))
        tell_all(b);
    b->posted = b->own.n > 0;
    b->changed = false;
    b->post_ms = now_ms + b->period_ms;
}

static void delete_dead(struct weir_fleet_board *b)
{
    for (size_t at = 0; at < b->dead.n;) {
        const struct slice name = slice_str(b->dead.p + at);
        FLEET_ASK(&b->thing, NULL, SLICE("HDEL"), b->thing.key, name);
        at += name.n + 1;
    }
    b->dead.n = 0;
}

/* -- ticks ------------------------------------------------------------------------------------- */

/* Readings are spread by a fifth, so that instances that began together don't stay together. */
static uint64_t next_reading(const struct fleet *f, uint64_t now_ms)
{
    return now_ms + FLEET_BOARD_MS * 9 / 10 + random_below(&f->w->random, FLEET_BOARD_MS / 5);
}

void fleet_boards_tick(struct fleet *f)
{
    const uint64_t now_ms = fleet_now_ms(f);
    list_each (pos, &f->boards) {
        struct weir_fleet_board *b = board_at(pos);
        if (b->thing.closed || !f->clock.n)
            continue;
        write_own(b, now_ms);
        delete_dead(b);
        if (b->known && now_ms < b->read_ms)
            continue;
        b->read_ms = next_reading(f, now_ms);
        FLEET_ASK(&b->thing, fleet_board_on_read, SLICE("HGETALL"), b->thing.key);
    }
}

bool fleet_boards_heard(const struct fleet *f)
{
    list_each (pos, (struct list *)&f->boards) {
        const struct weir_fleet_board *b = board_at(pos);
        if (!b->known && !b->thing.closed)
            return false;
    }
    return true;
}

void fleet_boards_apart(struct fleet *f)
{
    list_each (pos, &f->boards) {
        struct weir_fleet_board *b = board_at(pos);
        fleet_board_forget(b);
        b->posted = false;
        b->dead.n = 0;
        if (!b->known || b->thing.closed)
            continue;
        b->known = false;
        if (!b->ops->blank)
            continue;
        const struct module *before = fleet_enter(&b->thing);
        b->ops->blank(b->ctx);
        fleet_leave(&b->thing, before);
    }
}
