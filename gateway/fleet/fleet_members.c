/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive: a board on which each instance says what it is and how much it does. What it does
 * changes all the time, so only coming and going are worth a message; the rest is seen when the
 * board is read. The note is JSON, so that other versions can read it and add to it. */
#include "fleet/fleet_parts.h"

static const struct weir_fleet_board_ops ops = {.note = NULL};

bool fleet_members_open(struct fleet *f)
{
    const struct module *before = f->w->acting;
    f->w->acting = NULL;
    f->members = fleet_board_open(f, SLICE("members"), &ops, f);
    f->w->acting = before;
    if (!f->members)
        return false;
    f->members->quiet = true;
    f->members->period_ms = FLEET_MEMBERS_MS;
    return true;
}

/* How many requests have ended per second since the last time. */
static void look_at_load(struct fleet *f, uint64_t now_ms)
{
    struct fleet_load *l = &f->load;
    struct stats_load now = {0};
    if (f->setup.load)
        f->setup.load(f->setup.load_ctx, &now);
    const uint64_t ms = now_ms - l->at_ms;
    const bool known = l->at_ms && ms && now.requests >= l->last.requests;
    l->per_second = known ? (now.requests - l->last.requests) * 1000 / ms : 0;
    l->last = now;
    l->at_ms = now_ms;
}

void fleet_members_tick(struct fleet *f)
{
    const uint64_t now_ms = fleet_now_ms(f);
    if (f->load.at_ms && now_ms - f->load.at_ms < FLEET_MEMBERS_MS)
        return;
    look_at_load(f, now_ms);
    struct fleet_member m = {
        .per_second = f->load.per_second,
        .active = f->load.last.active,
        .since_s = f->setup.since_s,
    };
    snprintf(m.version, sizeof m.version, "%s", f->setup.version);
    snprintf(m.config, sizeof m.config, "%016llx", (unsigned long long)f->setup.config);
    struct text t;
    text_init(&t);
    fleet_member_write(&t, &m);
    weir_fleet_post(f->members, slice_out(text_slice(&t)));
    text_fini(&t);
}

/* -- notes ------------------------------------------------------------------------------------- */

void fleet_member_write(struct text *t, const struct fleet_member *m)
{
    json_open(t, '{');
    json_key(t, "version");
    json_str(t, m->version);
    json_key(t, "config");
    json_str(t, m->config);
    json_key(t, "load");
    json_open(t, '{');
    json_key(t, "rps");
    json_uint(t, m->per_second);
    json_key(t, "active");
    json_uint(t, m->active);
    json_close(t, '}');
    json_key(t, "since");
    json_uint(t, m->since_s);
    json_close(t, '}');
}

static void read_text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *v = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", v ? v : "");
}

static uint64_t read_number(const json_t *o, const char *key)
{
    const json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

void fleet_member_read(struct slice note, struct fleet_member *m)
{
    json_t *j = json_loadb(note.p, note.n, 0, NULL);
    const json_t *load = json_object_get(j, "load");
    read_text(j, "version", m->version, sizeof m->version);
    read_text(j, "config", m->config, sizeof m->config);
    m->per_second = read_number(load, "rps");
    m->active = read_number(load, "active");
    m->since_s = read_number(j, "since");
    json_decref(j);
}
