/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet on the metrics page and the admin socket. */
#include "fleet/fleet_parts.h"

#include "control/show/metrics.h"

static const char *const states[] = {"apart", "joining", "joined"};

static struct redis_facts facts_of(const struct fleet *f)
{
    return f->redis ? redis_facts(f->redis) : (struct redis_facts){0};
}

/* Of what is still waited for at least as long as that has been. */
static uint64_t lag_us(const struct fleet *f)
{
    const uint64_t last_us = fleet_clock_trip_us(&f->clock);
    const uint64_t waited_us = fleet_pipe_busy(f) ? f->loop->clock.mono_us - f->pipe.sent_us : 0;
    return waited_us > last_us ? waited_us : last_us;
}

/* -- metrics ----------------------------------------------------------------------------------- */

enum {
    CONNECTED,
    COMMANDS,
    BYTES,
    JOINED,
    MEMBERS,
    LAG,
    CELLS,
    FULL_TICKS,
    RECONNECTS,
    OFFERS,
    LOST,
    PUT_BACK,
    ERRORS
};
static const struct metric metrics[] = {
    [CONNECTED] = {"weir_fleet_connected", METRIC_GAUGE, NULL, "1: Redis is connected"},
    [COMMANDS] = {"weir_fleet_commands", METRIC_COUNTER, NULL, "commands sent to Redis"},
    [BYTES] = {"weir_fleet_bytes", METRIC_COUNTER, "direction", "what is exchanged with Redis"},
    [JOINED] = {"weir_fleet_joined", METRIC_GAUGE, NULL,
                "1: state is shared; 0: this instance decides by itself"},
    [MEMBERS] = {"weir_fleet_members", METRIC_GAUGE, NULL,
                 "instances that are alive, this one included; 0: not known"},
    [LAG] = {"weir_fleet_lag_seconds", METRIC_GAUGE, NULL,
             "how long Redis took for the last answer, or has been taking for the next one"},
    [CELLS] = {"weir_fleet_cells", METRIC_GAUGE, NULL, "records that are shared"},
    [FULL_TICKS] = {"weir_fleet_full_ticks", METRIC_COUNTER, NULL,
                    "ticks that had no place for all commands (fleet.commands)"},
    [RECONNECTS] = {"weir_fleet_reconnects", METRIC_COUNTER, NULL,
                    "times that Redis was connected again"},
    [OFFERS] = {"weir_fleet_offers", METRIC_COUNTER, "result",
                "versions of shared records that were offered; lost: another instance was first"},
    [LOST] = {"weir_fleet_lost", METRIC_COUNTER, NULL,
              "shared records that Redis has lost, or may have"},
    [PUT_BACK] = {"weir_fleet_put_back", METRIC_COUNTER, NULL,
                  "lost records that this instance was the first to put back"},
    [ERRORS] = {"weir_fleet_errors", METRIC_COUNTER, "kind",
                "what Redis refused, or said that made no sense"},
};

static void labelled(struct exposition *e, const struct metric *m, const char *label,
                     const char *word, uint64_t n)
{
    struct text t;
    text_init(&t);
    label_add(&t, label, slice_str(word));
    expose_sample(e, m, text_slice(&t), (struct slice){0}, (int64_t)n);
    text_fini(&t);
}

static void write_errors(const struct fleet *f, struct exposition *e)
{
    expose_head(e, &metrics[ERRORS]);
    for (int i = 0; i < FLEET_ERROR_N; i++)
        labelled(e, &metrics[ERRORS], "kind", fleet_error_word((enum fleet_error)i), f->errors[i]);
}

static void write_redis(const struct redis_facts *r, struct exposition *e)
{
    expose_value(e, &metrics[CONNECTED], r->up);
    expose_value(e, &metrics[COMMANDS], r->commands);
    expose_head(e, &metrics[BYTES]);
    labelled(e, &metrics[BYTES], "direction", "in", r->bytes_in);
    labelled(e, &metrics[BYTES], "direction", "out", r->bytes_out);
}

static void write_offers(const struct fleet *f, struct exposition *e)
{
    expose_head(e, &metrics[OFFERS]);
    labelled(e, &metrics[OFFERS], "result", "taken", f->offers_taken);
    labelled(e, &metrics[OFFERS], "result", "lost", f->offers_lost);
    expose_value(e, &metrics[LOST], f->lost);
    expose_value(e, &metrics[PUT_BACK], f->put_back);
}

void metrics_of_fleet(void *fleet, struct exposition *e)
{
    const struct fleet *f = fleet;
    if (!f)
        return;
    const struct redis_facts r = facts_of(f);
    write_redis(&r, e);
    expose_value(e, &metrics[JOINED], f->state == FLEET_JOINED);
    expose_value(e, &metrics[MEMBERS], weir_fleet_members((struct weir_process *)f->w));
    expose_head(e, &metrics[LAG]);
    expose_us(e, &metrics[LAG], (struct slice){0}, lag_us(f));
    expose_value(e, &metrics[CELLS], f->cells_n);
    expose_value(e, &metrics[FULL_TICKS], f->full_ticks);
    expose_value(e, &metrics[RECONNECTS], f->ups ? f->ups - 1 : 0);
    write_offers(f, e);
    write_errors(f, e);
    fleet_decisions_metrics(f, e);
}

void fleet_metrics_reference(struct text *out)
{
    metrics_table(out, "The fleet", "Only with a section `fleet`.", metrics, array_n(metrics));
    fleet_decisions_metrics_reference(out);
}

/* -- the admin socket -------------------------------------------------------------------------- */

static void key_str(struct text *t, const char *key, const char *s)
{
    json_key(t, key);
    json_str(t, s);
}

static void key_uint(struct text *t, const char *key, uint64_t v)
{
    json_key(t, key);
    json_uint(t, v);
}

static void show_member(struct text *t, struct slice instance, struct slice note, bool self,
                        uint64_t heard_ms)
{
    struct fleet_member m;
    fleet_member_read(note, &m);
    json_open(t, '{');
    json_key(t, "instance");
    json_slice(t, instance);
    json_key(t, "self");
    json_bool(t, self);
    key_str(t, "version", m.version);
    key_str(t, "config", m.config);
    key_uint(t, "rps", m.per_second);
    key_uint(t, "active", m.active);
    key_uint(t, "since", m.since_s);
    key_uint(t, "heard_ms", heard_ms);
    json_close(t, '}');
}

/* When a note was posted follows from when it expires. */
static uint64_t heard_ms(const struct fleet *f, const struct fleet_note *n)
{
    const uint64_t posted_ms = n->expires_ms - fleet_board_life_ms(f->members);
    const uint64_t now_ms = fleet_redis_ms(f);
    return now_ms > posted_ms ? now_ms - posted_ms : 0;
}

static void show_members(const struct fleet *f, struct text *t)
{
    json_key(t, "members");
    json_open(t, '[');
    show_member(t, f->setup.instance, text_slice(&f->members->own), true, 0);
    list_each (pos, &f->members->notes) {
        const struct fleet_note *n = container_of(pos, struct fleet_note, node);
        if (n->text.n)
            show_member(t, n->instance, n->text, false, heard_ms(f, n));
    }
    json_close(t, ']');
}

static void show_counters(const struct fleet *f, const struct redis_facts *r, struct text *t)
{
    json_key(t, "counters");
    json_open(t, '{');
    key_uint(t, "joins", f->joins);
    key_uint(t, "reconnects", f->ups ? f->ups - 1 : 0);
    key_uint(t, "commands", r->commands);
    key_uint(t, "bytes_in", r->bytes_in);
    key_uint(t, "bytes_out", r->bytes_out);
    key_uint(t, "offers_taken", f->offers_taken);
    key_uint(t, "offers_lost", f->offers_lost);
    json_key(t, "errors");
    json_open(t, '{');
    for (int i = 0; i < FLEET_ERROR_N; i++)
        key_uint(t, fleet_error_word((enum fleet_error)i), f->errors[i]);
    json_close(t, '}');
    json_close(t, '}');
}

static void show(const struct fleet *f, struct text *t)
{
    const struct redis_facts r = facts_of(f);
    json_key(t, "instance");
    json_slice(t, f->setup.instance);
    json_key(t, "joined");
    json_bool(t, f->state == FLEET_JOINED);
    key_str(t, "state", states[f->state]);
    key_uint(t, "state_ms", fleet_now_ms(f) - f->state_ms);
    key_str(t, "why", f->state == FLEET_JOINED ? NULL : fleet_why(f));
    json_key(t, "connected");
    json_bool(t, r.up);
    json_key(t, "server");
    json_slice(t, r.server);
    key_uint(t, "lag_us", lag_us(f));
    key_uint(t, "cells", f->cells_n);
    key_uint(t, "now", f->loop->clock.wall_us / 1000000);
    show_members(f, t);
    show_counters(f, &r, t);
}

void fleet_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct fleet *f = ctx;
    (void)rq;
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "configured");
    json_bool(&out->body, f != NULL);
    if (f)
        show(f, &out->body);
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}
