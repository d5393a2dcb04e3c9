/* SPDX-License-Identifier: Apache-2.0 */
/* The life of this instance in the fleet (fleet.h has the drawing). Everything that is decided here
 * is decided by two clocks of this machine: when the pipeline was sent, and now. An answer that
 * comes later than fleet.hold after that is worth nothing, as modules have been deciding by
 * themselves since; then everything is read anew. */
#include "fleet/fleet_parts.h"

#include "base/event.h"

#include <stdlib.h>

static void on_up(void *ctx);
static void on_down(void *ctx, const char *why);
static void on_message(void *ctx, struct slice text);
static void on_sweep(struct later *l);
static void go_apart(struct fleet *f, const char *why);
static void say_now_and_then(struct fleet *f);
static bool may_begin(struct fleet *f);
static void begin(struct fleet *f);

static const struct redis_events events = {.up = on_up, .down = on_down, .message = on_message};

/* -- life -------------------------------------------------------------------------------------- */

static struct slice channel_of(const struct fleet_conf *conf)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "%.*sevents", SLICE_ARG(conf->prefix));
    return text_slice(&t);
}

static void set_why(struct fleet *f, const char *why)
{
    snprintf(f->why, sizeof f->why, "%s", why ? why : "?");
}

static void init(struct fleet *f, const struct fleet_setup *setup)
{
    f->setup = *setup;
    f->w = setup->w;
    f->loop = setup->w->loop;
    f->conf = setup->conf;
    f->channel = channel_of(f->conf);
    f->self = (struct fleet_thing){.fleet = f, .key = f->channel};
    f->state_ms = f->apart_ms = fleet_now_ms(f);
    set_why(f, "it isn't connected yet");
    list_init(&f->self.node);
    list_init(&f->cells);
    list_init(&f->windows);
    list_init(&f->counters);
    list_init(&f->boards);
    map_init(&f->things);
    later_init(&f->sweep, on_sweep);
}

struct fleet *fleet_new(const struct fleet_setup *setup)
{
    struct fleet *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    init(f, setup);
    f->w->fleet = f;
    f->redis = redis_new(f->loop, setup->dns, &f->conf->redis, f->channel, &events, f);
    if (!f->redis || !fleet_members_open(f) || !fleet_decisions_open(f)) {
        fleet_free(f);
        return NULL;
    }
    if (setup->tls)
        redis_use_tls(f->redis, setup->tls);
    return f;
}

void fleet_stop(struct fleet *f)
{
    if (!f || !f->redis)
        return;
    redis_free(f->redis);
    f->redis = NULL;
    fleet_decisions_stop(f);
    f->state = FLEET_APART;
    f->until_ms = 0;
    fleet_pipe_forget(f);
    for (; fleet_pipe_busy(f); f->pipe.next++)
        f->pipe.asks[f->pipe.next].thing->asked--;
}

static void close_all(struct list *all)
{
    list_each (pos, all)
        fleet_thing_close(container_of(pos, struct fleet_thing, node));
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    fleet_stop(f);
    fleet_decisions_close(f);
    close_all(&f->cells);
    close_all(&f->windows);
    close_all(&f->counters);
    close_all(&f->boards);
    later_cancel(&f->sweep);
    fleet_sweep(f);
    map_fini(&f->things);
    if (f->w->fleet == f)
        f->w->fleet = NULL;
    free(f->pipe.asks);
    free((char *)f->channel.p);
    free(f);
}

static void on_sweep(struct later *l)
{
    fleet_sweep(container_of(l, struct fleet, sweep));
}

/* -- states ------------------------------------------------------------------------------------ */

static void set_state(struct fleet *f, enum fleet_state state)
{
    f->state = state;
    f->state_ms = fleet_now_ms(f);
}

static void on_up(void *ctx)
{
    struct fleet *f = ctx;
    f->ups++;
    fleet_server_forget(f);
    f->give_up = NULL;
    fleet_clock_forget(&f->clock);
}

/* What was asked is answered by nobody any more. */
static void on_down(void *ctx, const char *why)
{
    struct fleet *f = ctx;
    fleet_pipe_end(f);
    go_apart(f, why);
}

/* Also out of joining: what was read so far is read again. */
static void go_apart(struct fleet *f, const char *why)
{
    const bool was_joined = f->state == FLEET_JOINED;
    f->until_ms = 0;
    set_why(f, why);
    fleet_pipe_forget(f);
    if (f->state == FLEET_APART)
        return;
    set_state(f, FLEET_APART);
    if (was_joined) {
        f->apart_ms = fleet_now_ms(f);
        say_now_and_then(f);
    }
    fleet_cells_apart(f);
    fleet_windows_apart(f);
    fleet_counters_apart(f);
    fleet_boards_apart(f);
    fleet_decisions_apart(f);
}

const char *fleet_why(const struct fleet *f)
{
    const char *down = f->redis ? redis_facts(f->redis).reason : NULL;
    return down ? down : f->why;
}

static void say_apart(struct fleet *f)
{
    const uint64_t now_ms = fleet_now_ms(f);
    event_warn("fleet_apart", KV("why", fleet_why(f)),
               KV_SLICE("server", f->redis ? redis_facts(f->redis).server : SLICE("")),
               KV_INT("seconds", (now_ms - f->apart_ms) / 1000));
    f->said_ms = now_ms ? now_ms : 1;
    f->said_joined = false;
}

/* Neither a Redis that comes and goes nor one that is gone fills the log. What never was there is
 * said after a while that starting may take. */
static void say_now_and_then(struct fleet *f)
{
    enum { FIRST_MS = 5000 };
    const uint64_t now_ms = fleet_now_ms(f);
    const bool due = f->said_ms ? now_ms - f->said_ms >= FLEET_SAY_AGAIN_MS
                                : f->joins || now_ms - f->apart_ms >= FIRST_MS;
    if (due)
        say_apart(f);
}

static void go_joined(struct fleet *f)
{
    set_state(f, FLEET_JOINED);
    f->joins++;
    if (f->said_joined)
        return;
    f->said_joined = true;
    event_info("fleet_joined", KV_SLICE("instance", f->setup.instance),
               KV_SLICE("server", redis_facts(f->redis).server), KV_INT("cells", f->cells_n),
               KV_INT("members", weir_fleet_members((struct weir_process *)f->w)));
}

void fleet_answered(struct fleet *f)
{
    const uint64_t now_ms = fleet_now_ms(f), until_ms = f->pipe.sent_us / 1000 + f->conf->hold;
    if (f->state == FLEET_JOINED && now_ms >= f->until_ms)
        go_apart(f, "it doesn't answer in time");
    if (f->state == FLEET_APART || now_ms >= until_ms)
        return;
    if (f->state == FLEET_JOINING && fleet_server_known(f) && fleet_cells_heard(f) &&
        fleet_boards_heard(f) && fleet_decisions_heard(f))
        go_joined(f);
    if (f->state == FLEET_JOINED)
        f->until_ms = until_ms;
}

/* -- ticks ------------------------------------------------------------------------------------- */

void fleet_tick(struct fleet *f)
{
    if (!f || !f->redis)
        return;
    if (f->state == FLEET_JOINED && fleet_now_ms(f) >= f->until_ms)
        go_apart(f, "it doesn't answer in time");
    if (f->state != FLEET_JOINED)
        say_now_and_then(f);
    fleet_decisions_look(f);
    if (f->give_up) {
        const char *why = f->give_up;
        f->give_up = NULL;
        redis_give_up(f->redis, why);
    } else if (may_begin(f)) {
        begin(f);
    }
}

/* The last pipeline has to be answered first; a server that has it for too long is of no use, even
 * if it says something now and then. */
static bool may_begin(struct fleet *f)
{
    if (!redis_is_up(f->redis))
        return false;
    if (!fleet_pipe_busy(f))
        return true;
    if (f->loop->clock.mono_us - f->pipe.sent_us >= f->conf->redis.timeout * 1000)
        f->give_up = "it doesn't answer in time";
    return false;
}

static void on_time(struct fleet_thing *t, const struct redis_reply *r)
{
    struct fleet *f = t->fleet;
    uint64_t s, us;
    if (!fleet_is(t, r, REDIS_LIST) || !slice_to_u64(redis_item(r, 0).text, &s) ||
        !slice_to_u64(redis_item(r, 1).text, &us) || s > UINT32_MAX || us >= 1000000)
        f->pipe.failed = true;
    else
        fleet_clock_note(&f->clock, f->pipe.sent_us, f->loop->clock.mono_us, s * 1000000 + us);
}

static void begin(struct fleet *f)
{
    if (f->state == FLEET_APART)
        set_state(f, FLEET_JOINING);
    fleet_members_tick(f);
    f->pipe.failed = false;
    f->pipe.sent_us = f->loop->clock.mono_us;
    FLEET_ASK(&f->self, on_time, SLICE("TIME"));
    fleet_server_tick(f);
    fleet_decisions_tick(f);
    fleet_cells_tick(f);
    fleet_counters_tick(f); /* before windows, which may need all the room */
    fleet_windows_tick(f);
    f->full_ticks += fleet_pipe_full(f);
    fleet_boards_tick(f);
}

/* -- messages ---------------------------------------------------------------------------------- */

static struct slice text_of(const json_t *message, const char *member)
{
    const json_t *text = json_object_get(message, member);
    return slice_of(json_string_value(text), json_string_length(text));
}

/* NULL: this instance doesn't have it, as others may. Anybody may have written the key. */
static struct fleet_thing *thing_of(const struct fleet *f, struct slice key, char kind)
{
    struct fleet_thing *t = key.n ? map_find(&f->things, key) : NULL;
    return t && t->kind == kind ? t : NULL;
}

/* NULL: something was to be told, and nobody knows what, so that everything is looked at again. As
 * JSON it takes many times what it has here. */
static json_t *read_message(struct fleet *f, struct slice text)
{
    json_t *message =
        text.n <= FLEET_MESSAGE_MAX
            ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)
            : NULL;
    if (json_is_object(message))
        return message;
    if (text.n > FLEET_MESSAGE_MAX)
        fleet_note_error(f, FLEET_ERROR_LIMIT, SLICE("a message is too long"));
    else
        fleet_note_error(f, FLEET_ERROR_MESSAGE, SLICE("it is no JSON object"));
    fleet_cells_look_again(f);
    json_decref(message);
    return NULL;
}

static void on_message(void *ctx, struct slice text)
{
    struct fleet *f = ctx;
    json_t *message = read_message(f, text);
    if (!message)
        return;
    const struct slice key = text_of(message, "k");
    struct fleet_thing *cell = thing_of(f, key, 'c');
    struct fleet_thing *board = thing_of(f, text_of(message, "b"), 'b');
    struct fleet_thing *window = thing_of(f, text_of(message, "w"), 'w');
    if (cell)
        fleet_cell_message(cell, message);
    else if (board)
        fleet_board_message(board, message);
    else if (window)
        fleet_window_message(window, message);
    else
        fleet_decisions_message(f, key);
    json_decref(message);
}

/* -- facts for modules ------------------------------------------------------------------------- */

bool weir_fleet(const struct weir_process *p)
{
    return fleet_of(p) != NULL;
}

struct weir_slice weir_fleet_instance(const struct weir_process *p)
{
    const struct fleet *f = fleet_of(p);
    return f ? slice_out(f->setup.instance) : (struct weir_slice){"", 0};
}

unsigned weir_fleet_members(const struct weir_process *p)
{
    const struct fleet *f = fleet_of(p);
    return f && f->state == FLEET_JOINED ? 1 + (unsigned)f->members->notes_n : 0;
}
