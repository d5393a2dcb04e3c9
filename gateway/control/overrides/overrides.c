/* SPDX-License-Identifier: Apache-2.0 */
/* The life of overrides. Ending one and undoing it are two steps: whoever ends it marks it, and a
 * mark whose process has died in between is found by the next control process. */
#include "control/overrides/overrides.h"

#include <stdio.h>
#include <string.h>

#include "base/event.h"

enum {
    LOOK_MS = 20,     /* until this generation is in force: it is ready already */
    LATEST_MS = 5000, /* somebody may set the clock of the machine */
    SHOWN_MAX = 32,   /* of those that a reload has ended */
};

/* -- undoing ----------------------------------------------------------------------------------- */

static const struct admin_row *find_row(const struct overrides *o, struct slice path)
{
    for (size_t i = 0; i < o->rows_n; i++) {
        const struct slice row = slice_str(o->rows[i].path);
        if (o->rows[i].prefix ? slice_starts(path, row) : slice_eq(path, row))
            return &o->rows[i];
    }
    return NULL;
}

/* What it says is said again, or undone. */
static void ask(struct overrides *o, const struct override *is, enum admin_how how)
{
    const struct slice path = slice_str(is->path);
    const struct admin_row *row = find_row(o, path);
    struct admin_answer out = {.status = 200};
    if (!row)
        return;
    const struct admin_request rq = {.method = METHOD_POST,
                                     .path = path,
                                     .rest = slice_from(path, strlen(row->path)),
                                     .content = slice_str(is->json),
                                     .may_change = true,
                                     .who = slice_str(is->who),
                                     .how = how};
    text_init(&out.body);
    row->answer(row->ctx, &rq, &out);
    if (out.status != 200) /* the cluster, or the endpoint, may be gone */
        event_warn("override_not_undone", KV("key", is->key),
                   KV_SLICE("answer", slice_trim(text_slice(&out.body))));
    text_fini(&out.body);
}

/* What was said anew meanwhile stays, and what was said of a part of the same thing holds on. */
static void undo(struct overrides *o, const struct override *is)
{
    struct override other;
    if (!override_find(o->cell, slice_str(is->key), &other))
        ask(o, is, ADMIN_UNDO);
    for (size_t at = 0; override_next(o->cell, false, &at, &other);)
        if (override_is_part(slice_str(other.key), slice_str(is->key)))
            ask(o, &other, ADMIN_AGAIN);
    override_forget(o->cell, is->id);
}

/* The setting as operators know it. */
static const char *shown(const struct override *is, char to[SETTING_MAX + 1])
{
    struct text t;
    text_init_fixed(&t, to, SETTING_MAX);
    setting_show(is->setting, &t);
    to[t.n] = '\0';
    return to;
}

static void log_end(const struct override *is, const char *why, struct slice who)
{
    char setting[SETTING_MAX + 1];
    event_info("override_ended", KV("key", is->key), KV("setting", shown(is, setting)),
               KV("why", why), KV_SLICE("who", who));
}

bool overrides_undo(struct overrides *o, const struct override *is, const char *why,
                    struct slice who)
{
    if (!override_end(o->cell, is->id))
        return false;
    log_end(is, why, who);
    undo(o, is);
    return true;
}

/* -- time -------------------------------------------------------------------------------------- */

static uint64_t now_ms(const struct overrides *o)
{
    return o->loop->clock.wall_us / 1000;
}

/* Milliseconds until the next one is over. */
static uint64_t next_end(const struct overrides *o)
{
    uint64_t least = LATEST_MS;
    struct override is;
    for (size_t at = 0; override_next(o->cell, false, &at, &is);) {
        const uint64_t end = is.until_s * 1000;
        const uint64_t left = end > now_ms(o) ? end - now_ms(o) : 0;
        if (end && left < least)
            least = left;
    }
    return least;
}

static void end_those_over(struct overrides *o)
{
    struct override is;
    for (size_t at = 0; override_next(o->cell, false, &at, &is);)
        if (is.until_s && is.until_s * 1000 <= now_ms(o))
            overrides_undo(o, &is, "its time is over", slice_str(is.who));
    for (size_t at = 0; override_next(o->cell, true, &at, &is);)
        undo(o, &is);
}

/* Before that nothing may be changed: a reload can still fail, and what was in force stays. */
static void take_charge(struct overrides *o)
{
    if (o->in_charge)
        o->in_charge(o->in_charge_ctx);
    o->in_charge = NULL;
}

/* One of a generation that is no longer in force leaves it to the other. */
static void on_timer(struct timer *t)
{
    struct overrides *o = container_of(t, struct overrides, timer);
    const uint64_t in_force = atomic_load(o->in_force);
    if (in_force > o->generation)
        return;
    if (in_force == o->generation) {
        take_charge(o);
        end_those_over(o);
    }
    timer_start(o->loop, t, in_force == o->generation ? (unsigned)next_end(o) : LOOK_MS);
}

void overrides_start(struct overrides *o)
{
    timer_init(&o->timer, on_timer);
    if (o->cell)
        timer_start(o->loop, &o->timer, 0);
}

void overrides_stop(struct overrides *o)
{
    timer_stop(&o->timer);
}

/* -- what was decided -------------------------------------------------------------------------- */

uint64_t overrides_now_s(const struct overrides *o)
{
    return now_ms(o) / 1000;
}

bool overrides_have_room(struct overrides *o, struct slice key)
{
    if (!o->cell || override_has_room(o->cell, key))
        return true;
    atomic_fetch_add(&o->cell->refused, 1);
    return false;
}

void overrides_add(struct overrides *o, struct override *is)
{
    char setting[SETTING_MAX + 1];
    if (!o->cell)
        return;
    is->at_s = overrides_now_s(o);
    is->digest = setting_digest(o->effective, is->setting);
    if (!override_put(o->cell, is)) {
        event_error("override_unmarked", KV("key", is->key), KV("who", is->who));
        return;
    }
    log_info("override_set", KV("key", is->key), KV("setting", shown(is, setting)),
             KV("who", is->who), KV("reason", is->reason), KV_INT("until", is->until_s));
    if (is->until_s)
        timer_start(o->loop, &o->timer, 0);
}

void overrides_returned(struct overrides *o, struct slice key, struct slice who)
{
    struct override is;
    const bool any = override_find(o->cell, key, &is);
    if (override_remove(o->cell, key) && any)
        log_end(&is, "the configuration's value is back", who);
}

/* -- another configuration --------------------------------------------------------------------- */

static void write_ended(struct text *json, const struct override *is, bool gone)
{
    struct text setting;
    text_init(&setting);
    setting_show(is->setting, &setting);
    json_open(json, '{');
    json_key(json, "key");
    json_str(json, is->key);
    json_key(json, "setting");
    json_slice(json, text_slice(&setting));
    json_key(json, "who");
    json_str(json, is->who);
    json_key(json, "gone");
    json_bool(json, gone);
    json_close(json, '}');
    text_fini(&setting);
}

void overrides_settle(struct override_cell *c, struct slice effective, struct text *json)
{
    struct override is;
    size_t n = 0;
    for (size_t at = 0; override_next(c, false, &at, &is);) {
        const uint64_t digest = setting_digest(effective, is.setting);
        if (digest == is.digest || !override_end(c, is.id))
            continue;
        log_end(&is, digest ? "the file changes the setting" : "the file has it no more",
                slice_str(is.who));
        if (n == 0) {
            json_key(json, "overrides_ended");
            json_open(json, '[');
        }
        if (n++ < SHOWN_MAX)
            write_ended(json, &is, !digest);
    }
    if (n)
        json_close(json, ']');
}

bool overrides_settled(const struct override_cell *c)
{
    struct override is;
    size_t at = 0;
    return !override_next(c, true, &at, &is);
}
