/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on the metrics page and the admin socket:
 *
 *     GET  /v1/fleet/decisions                                  all that is decided for all
 *     POST /v1/fleet/forget {"key": "canary/weights/reviews"}   one of them isn't any more
 *
 * Forgetting undoes nothing: who joins from then on doesn't hear of it, that is all. */
#include "fleet/fleet_decisions.h"

#include "control/show/metrics.h"

/* -- metrics ----------------------------------------------------------------------------------- */

static size_t waiting_n(const struct fleet *f)
{
    const struct fleet_decided *m = f->decisions->memory;
    size_t n = 0;
    for (size_t i = 0; m && i < FLEET_WAITING_MAX; i++)
        n += fleet_waiting_there(&m->waiting[i]);
    return n;
}

static bool is_decided(const struct fleet_decision *e)
{
    return e->there && e->path.n && !e->gone;
}

enum { DECISIONS, FAILED, REFUSED, WAITING };
static const struct metric metrics[] = {
    [DECISIONS] = {"weir_fleet_decisions", METRIC_GAUGE, NULL,
                   "operators' decisions for all instances"},
    [FAILED] = {"weir_fleet_decisions_failed", METRIC_GAUGE, NULL,
                "operators' decisions for all that could not be followed here"},
    [REFUSED] = {"weir_fleet_decisions_refused", METRIC_COUNTER, NULL,
                 "decisions that were refused here, as there was no room for them"},
    [WAITING] = {"weir_fleet_decisions_waiting", METRIC_GAUGE, NULL,
                 "decisions made here that the others haven't been told of yet"},
};

void fleet_decisions_metrics(const struct fleet *f, struct exposition *e)
{
    size_t n = 0, refused = 0;
    list_each (pos, &f->decisions->all) {
        const struct fleet_decision *d = fleet_decision_of(pos);
        n += is_decided(d);
        refused += is_decided(d) && d->why[0];
    }
    expose_value(e, &metrics[DECISIONS], n);
    expose_value(e, &metrics[FAILED], refused);
    expose_value(e, &metrics[REFUSED], f->decisions->refused);
    expose_value(e, &metrics[WAITING], waiting_n(f));
}

void fleet_decisions_metrics_reference(struct text *out)
{
    metrics_table(out, "Decisions for the fleet", NULL, metrics, array_n(metrics));
}

/* -- showing ----------------------------------------------------------------------------------- */

static const struct fleet_waiting *waiting_of(const struct fleet_decision *e)
{
    struct fleet_decided *m = e->fleet->decisions->memory;
    return m ? fleet_waiting_find(m, slice_str(e->key)) : NULL;
}

static const char *state_of(const struct fleet_decision *e, const struct fleet_waiting *w)
{
    if (w)
        return "waits";
    return e->why[0] ? "failed" : e->due ? "due" : "done";
}

/* What was heard is an object, or else it is shown as null. */
static void show_json(struct text *t, struct slice json)
{
    json_t *j = json_loadb(json.p ? json.p : "", json.n, JSON_ALLOW_NUL, NULL);
    json_key(t, "json");
    if (json_is_object(j)) {
        text_add(t, json);
        t->comma = true;
    } else {
        json_str(t, NULL);
    }
    json_decref(j);
}

static void show_since(const struct fleet_decision *e, const struct fleet_waiting *w,
                       struct text *t)
{
    const struct fleet *f = e->fleet;
    const uint64_t at_ms =
        !w ? e->moment.at_ms
           : f->loop->clock.wall_us / 1000 - (f->loop->clock.mono_us - w->made_us) / 1000;
    json_key(t, "since");
    json_uint(t, at_ms / 1000);
}

static void show_decision(const struct fleet_decision *e, struct text *t)
{
    const struct fleet_waiting *w = waiting_of(e);
    if (!w && !is_decided(e))
        return;
    json_open(t, '{');
    json_key(t, "key");
    json_str(t, e->key);
    json_key(t, "path");
    json_slice(t, w ? slice_str(w->path) : text_slice(&e->path));
    show_json(t, w ? slice_str(w->json) : text_slice(&e->json));
    json_key(t, "by");
    json_slice(t, w ? e->fleet->setup.instance : text_slice(&e->by));
    show_since(e, w, t);
    json_key(t, "here");
    json_str(t, state_of(e, w));
    if (!w && e->why[0]) {
        json_key(t, "why");
        json_str(t, e->why);
    }
    json_close(t, '}');
}

void fleet_decisions_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct fleet *f = ctx;
    struct text *t = &out->body;
    (void)rq;
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "configured");
    json_bool(t, f != NULL);
    json_key(t, "joined");
    json_bool(t, f && f->state == FLEET_JOINED);
    json_key(t, "decisions");
    json_open(t, '[');
    if (f)
        list_each (pos, &f->decisions->all)
            show_decision(fleet_decision_of(pos), t);
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}

/* -- forgetting -------------------------------------------------------------------------------- */

static void show_forgotten(const struct fleet_decision *e, struct admin_answer *out)
{
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "forgotten");
    json_str(&out->body, e->key);
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

/* The answer comes when Redis has taken it. */
static void forget(struct fleet *f, struct slice key, const struct admin_request *rq,
                   struct admin_answer *out)
{
    struct fleet_decision *e = fleet_decision_find(f, key);
    if (!e || !is_decided(e)) {
        admin_error(out, 404, "key",
                    "nothing is decided under that key; weirctl fleet decisions shows what is");
        return;
    }
    fleet_decision_forgot(e, "another one asks for it now");
    e->forget = random_u64(&f->w->random) | 1;
    show_forgotten(e, out);
    if (!rq->client)
        return;
    fleet_decision_wait(e, &e->asked.forgetting, admin_pend(rq));
    show_forgotten(e, &e->asked.forgetting->answer);
}

static void forget_as_asked(struct fleet *f, const json_t *asked, const struct admin_request *rq,
                            struct admin_answer *out)
{
    const json_t *key = json_object_get(asked, "key");
    if (!json_is_string(key))
        admin_error(out, 400, "key", "{\"key\": \"...\"}, as weirctl fleet decisions shows it");
    else if (!f)
        admin_error(out, 409, NULL, "there is no fleet: this instance is on its own");
    else if (f->state != FLEET_JOINED)
        admin_error(out, 409, NULL, "Redis can't be told now: this instance is apart; try again");
    else
        forget(f, slice_of(json_string_value(key), json_string_length(key)), rq, out);
}

void fleet_forget_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    if (!admin_may_change(rq, out))
        return;
    json_t *j = admin_asked(rq);
    forget_as_asked(ctx, j, rq, out);
    json_decref(j);
}
