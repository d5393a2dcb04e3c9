/* SPDX-License-Identifier: Apache-2.0 */
/* Boards: what others say. While a board is being read, a message may be newer than the answer that
 * is under way: such a note is `fresh`, and the answer says nothing of it. */
#include "fleet/fleet_parts.h"

#include <stdlib.h>

enum {
    DEAD_MS = 60000,  /* expired for so long: anybody deletes it */
    DEAD_MAX = 4096,  /* bytes of such names with one tick */
};

static struct weir_fleet_board *board_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_board, thing);
}

static struct fleet_note *note_at(struct list *node)
{
    return container_of(node, struct fleet_note, node);
}

/* -- notes of others --------------------------------------------------------------------------- */

/* An absent text: it has gone. */
static void say(struct weir_fleet_board *b, struct slice instance, struct slice text)
{
    if (b->thing.closed || !b->ops->note)
        return;
    const struct module *before = fleet_enter(&b->thing);
    b->ops->note(b->ctx, slice_out(instance), slice_out(text));
    fleet_leave(&b->thing, before);
}

static struct fleet_note *find(struct weir_fleet_board *b, struct slice instance)
{
    list_each (pos, &b->notes)
        if (slice_eq(note_at(pos)->instance, instance))
            return note_at(pos);
    return NULL;
}

static struct slice copy(struct slice s)
{
    char *p = malloc(s.n + 1);
    must(p);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return slice_of(p, s.n);
}

static void free_note(struct weir_fleet_board *b, struct fleet_note *n)
{
    list_remove(&n->node);
    free((char *)n->instance.p);
    free((char *)n->text.p);
    free(n);
    b->notes_n--;
}

void fleet_board_forget(struct weir_fleet_board *b)
{
    list_each_safe (pos, &b->notes)
        free_note(b, note_at(pos));
}

/* NULL: there are too many. */
static struct fleet_note *add_note(struct weir_fleet_board *b, struct slice instance)
{
    if (b->notes_n + 1 >= (size_t)b->thing.fleet->conf->instances) {
        fleet_note_error(b->thing.fleet, FLEET_ERROR_LIMIT, b->thing.key);
        return NULL;
    }
    struct fleet_note *n = calloc(1, sizeof *n);
    must(n);
    n->instance = copy(instance);
    n->text = copy(SLICE(""));
    list_init(&n->node);
    list_push(&b->notes, &n->node);
    b->notes_n++;
    return n;
}

static void set_note(struct weir_fleet_board *b, struct fleet_note *n, struct slice instance,
                     struct slice text)
{
    if (!n)
        n = add_note(b, instance);
    if (!n)
        return;
    n->seen = true;
    if (slice_eq(n->text, text))
        return;
    free((char *)n->text.p);
    n->text = copy(text);
    say(b, n->instance, n->text);
}

static void lose_note(struct weir_fleet_board *b, struct fleet_note *n)
{
    if (n->text.n)
        say(b, n->instance, slice_of(NULL, 0));
    free_note(b, n);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void note_dead(struct weir_fleet_board *b, struct slice instance)
{
    if (b->dead.n + instance.n + 1 > DEAD_MAX)
        return;
    text_add(&b->dead, instance);
    text_char(&b->dead, '\0');
}

static void read_entry(struct weir_fleet_board *b, struct slice instance, struct slice value)
{
    uint64_t expires_ms;
    const uint64_t now_ms = fleet_redis_ms(b->thing.fleet);
    struct slice text = value;
    if (!slice_to_u64(slice_cut(&text, ' '), &expires_ms) || text.n == 0 ||
        text.n > WEIR_FLEET_NOTE_MAX || instance.n > FLEET_NAME_MAX) {
        fleet_note_error(b->thing.fleet, FLEET_ERROR_ANSWER, b->thing.key);
        return;
    }
    struct fleet_note *n = find(b, instance);
    if (now_ms > expires_ms + DEAD_MS)
        note_dead(b, instance);
    if (slice_eq(instance, b->thing.fleet->setup.instance) || now_ms >= expires_ms ||
        (n && n->fresh))
        return;
    set_note(b, n, instance, text);
    n = find(b, instance);
    if (n)
        n->expires_ms = expires_ms;
}

/* Those that weren't on the board have gone. */
static void end_reading(struct weir_fleet_board *b)
{
    list_each_safe (pos, &b->notes) {
        struct fleet_note *n = note_at(pos);
        if ((!n->seen && !n->fresh) || n->text.n == 0)
            lose_note(b, n);
        else
            n->seen = n->fresh = false;
    }
    b->known = true;
}

void fleet_board_on_read(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_board *b = board_of(t);
    /* A key of another type is nobody's board: there are no notes then, and the log tells. */
    if (!fleet_is(t, r, REDIS_LIST)) {
        const enum fleet_error kind =
            r->kind == REDIS_ERROR ? fleet_error_kind(r->text) : FLEET_ERROR_WRONGTYPE;
        if (kind == FLEET_ERROR_WRONGTYPE || kind == FLEET_ERROR_NOPERM)
            end_reading(b);
        return;
    }
    for (size_t i = 0; i + 1 < r->n; i += 2)
        read_entry(b, redis_item(r, i).text, redis_item(r, i + 1).text);
    end_reading(b);
}

/* -- messages ---------------------------------------------------------------------------------- */

static struct slice text_of(const json_t *message, const char *key)
{
    const json_t *v = json_object_get(message, key);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
                             : slice_of(NULL, 0);
}

void fleet_board_message(struct fleet_thing *t, const json_t *message)
{
    struct weir_fleet_board *b = board_of(t);
    const struct slice instance = text_of(message, "i"), text = text_of(message, "t");
    if (!text.p || instance.n == 0 || instance.n > FLEET_NAME_MAX || text.n > WEIR_FLEET_NOTE_MAX) {
        fleet_note_error(t->fleet, FLEET_ERROR_MESSAGE, t->key);
        return;
    }
    if (slice_eq(instance, t->fleet->setup.instance) || t->fleet->state == FLEET_APART)
        return;
    struct fleet_note *n = find(b, instance);
    if (text.n == 0 && n && !t->asked) {
        lose_note(b, n);
        return;
    }
    if (text.n)
        set_note(b, n, instance, text);
    else if (n) { /* kept, empty, until the answer is there: that may still have it */
        say(b, n->instance, slice_of(NULL, 0));
        free((char *)n->text.p);
        n->text = copy(SLICE(""));
    }
    n = find(b, instance);
    if (!n)
        return;
    n->seen = false;
    n->fresh = t->asked > 0;
    n->expires_ms = fleet_redis_ms(t->fleet) + fleet_board_life_ms(b);
}
