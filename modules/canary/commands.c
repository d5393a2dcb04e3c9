/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask and change (weirctl canary get, canary set), in the control process:
 *
 *     get {"route": "reviews"}                        one split; without a route all of them
 *     set {"route": "reviews", "weights": {"v2": 10}} and then as get
 *
 * A change is refused as a whole, for the reason a configuration would be: an unknown variant, a
 * weight that is none, weights that sum up to 0 or can't be kept exactly. Weights that aren't named
 * stay. */

#include "canary/canary.h"

#include "common/command.h"

enum { WEIGHTS_TEXT = 2048, PLACE_TEXT = 256 };

/* -- showing --------------------------------------------------------------------------------- */

/* As it was written: 5, 0.01. */
static json_t *weight_json(uint64_t units, unsigned decimals)
{
    return decimals ? json_real(weight_number(units, decimals)) : json_integer((json_int_t)units);
}

static void set_share(json_t *o, const char *key, uint64_t part, uint64_t whole)
{
    if (whole)
        json_object_set_new(o, key, json_real((double)part / (double)whole));
}

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* Of a split, over its variants. */
struct sums {
    uint64_t weight, sent, users;
};

static void set_traffic(json_t *o, struct weir_process *p, const struct variant *v)
{
    struct weir_traffic t;
    weir_variant_traffic(p, v->stats, &t);
    if (t.p50_us)
        json_object_set_new(o, "p50_ms", json_real((double)t.p50_us / 1000));
    if (t.p99_us)
        json_object_set_new(o, "p99_ms", json_real((double)t.p99_us / 1000));
}

static json_t *variant_json(const struct variant *v, const struct split_view *view, size_t i,
                            const struct sums *sums)
{
    const struct split_variant *s = &view->variants[i];
    json_t *o = json_object();
    json_object_set_new(o, "name", json_slice(v->name));
    json_object_set_new(o, "cluster", json_slice(v->cluster_name));
    json_object_set_new(o, "weight", weight_json(s->weight, view->decimals));
    set_share(o, "share", s->weight, sums->weight);
    json_object_set_new(o, "target", json_real(s->target));
    set_count(o, "assigned", s->assigned);
    set_count(o, "sent", s->counts[SPLIT_SENT]);
    set_count(o, "placed", s->counts[SPLIT_PLACED]);
    set_count(o, "errors", s->counts[SPLIT_ERRORS]);
    set_count(o, "fell_back", s->counts[SPLIT_FELL_BACK]);
    set_count(o, "hidden", s->counts[SPLIT_HIDDEN]);
    set_share(o, "requests_share", s->counts[SPLIT_SENT], sums->sent);
    set_count(o, "users", s->users);
    set_share(o, "users_share", s->users, sums->users);
    set_share(o, "buckets_share", s->buckets, BUCKETS);
    return o;
}

/* Do weights in force differ from the file's? Compared without what is behind the point. */
static bool is_override(const struct canary *c, const struct split_view *view)
{
    for (size_t i = 0; i < c->n; i++)
        if (weight_number(view->variants[i].weight, view->decimals) != c->weights[i])
            return true;
    return false;
}

/* One moment of the lease, which may be a little later than that of the counts. */
static json_t *fleet_json(const struct canary *c, uint64_t leased)
{
    struct split_lease_look look;
    json_t *o = json_object();
    split_lease_look(c->lease, c->cell, &look);
    set_count(o, "block", (uint64_t)c->fleet_block);
    set_count(o, "leased", leased);
    set_count(o, "held", look.held);
    return o;
}

static json_t *split_json(struct weir_process *p, const struct canary *c, struct split_view *view)
{
    struct sums sums = {0};
    json_t *o = json_object(), *variants = json_array();
    if (c->lease)
        json_object_set_new(o, "fleet", fleet_json(c, split_lease_view(c->lease, view)));
    for (size_t i = 0; i < view->n; i++) {
        sums.weight += view->variants[i].weight;
        sums.sent += view->variants[i].counts[SPLIT_SENT];
        sums.users += view->variants[i].users;
    }
    json_object_set_new(o, "route", json_slice(c->route));
    json_object_set_new(o, "since", json_real((double)view->changed_us / 1e6));
    json_object_set_new(o, "age_s", json_real((double)view->age_us / 1e6));
    json_object_set_new(o, "override", json_boolean(is_override(c, view)));
    set_count(o, "position", view->position);
    json_object_set_new(o, "sticky", json_slice(c->sticky_text));
    json_object_set_new(o, "variants", variants);
    for (size_t i = 0; i < view->n; i++) {
        json_t *v = variant_json(&c->variants[i], view, i, &sums);
        set_traffic(v, p, &c->variants[i]);
        json_array_append_new(variants, v);
    }
    return o;
}

static void reply_splits(struct weir_process *p, const struct canary *first, bool all,
                         struct weir_reply *reply)
{
    json_t *o = json_object(), *splits = json_array();
    struct split_view view;
    bool good = true;
    json_object_set_new(o, "splits", splits);
    for (const struct canary *c = first; c && good; c = all ? c->next : NULL) {
        good = split_cell_view(c->cell, weir_wall_us(p), &view);
        if (good)
            json_array_append_new(splits, split_json(p, c, &view));
    }
    if (good) {
        command_answer(reply, o);
        return;
    }
    json_decref(o);
    weir_reply_error(reply, 409, NULL, "weights are being changed: try again");
}

/* -- asking ---------------------------------------------------------------------------------- */

/* start() has told nobody what there is. */
static void refuse_without_memory(struct weir_reply *reply)
{
    weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
}

static struct weir_slice slice_of(const json_t *text)
{
    return (struct weir_slice){json_string_value(text), json_string_length(text)};
}

/* NULL with a refusal. */
static const struct canary *find_split(const struct canary_local *local, const json_t *route,
                                       struct weir_reply *reply)
{
    if (!json_is_string(route)) {
        weir_reply_error(reply, 400, "route", "\"route\" is the name of a route, as a text");
        return NULL;
    }
    for (const struct canary *c = local->global->first; c; c = c->next)
        if (slice_eq(c->route, slice_of(route)))
            return c;
    weir_reply_error(reply, 404, "route", "no route called \"%.128s\" has a split",
                     json_string_value(route));
    return NULL;
}

static void get(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply)
{
    const struct canary_local *mine = local;
    json_t *asked = command_asked(rq);
    const json_t *route = json_object_get(asked, "route");
    const struct canary *c = NULL;
    if (!mine)
        refuse_without_memory(reply);
    else if (!route || json_is_null(route))
        reply_splits(p, mine->global->first, true, reply);
    else if ((c = find_split(mine, route, reply)))
        reply_splits(p, c, false, reply);
    json_decref(asked);
}

/* -- changing -------------------------------------------------------------------------------- */

static size_t find_variant(const struct canary *c, struct weir_slice name)
{
    size_t i = 0;
    while (i < c->n && !slice_eq(c->names[i], name))
        i++;
    return i;
}

static bool read_weights(const struct canary *c, json_t *given, struct weight *to,
                         struct weir_reply *reply)
{
    const char *name;
    json_t *value;
    for (size_t i = 0; i < c->n; i++)
        to[i] = (struct weight){.units = SPLIT_KEEP};
    if (!json_is_object(given) || json_object_size(given) == 0) {
        weir_reply_error(reply, 400, "weights",
                         "\"weights\" is an object with a weight for each variant to be changed");
        return false;
    }
    json_object_foreach(given, name, value)
    {
        const size_t i = find_variant(c, slice_str(name));
        if (i == c->n) {
            weir_reply_error(reply, 400, "weights",
                             "the split of %.*s has no variant called \"%.128s\" (the first is "
                             "\"%.*s\")",
                             SLICE_ARG(c->route), name, SLICE_ARG(c->names[0]));
            return false;
        }
        if (!json_is_number(value) || !weight_of(json_number_value(value), &to[i])) {
            weir_reply_error(reply, 400, "weights",
                             "the weight of \"%.128s\" is a number from 0 to %.0f with up to %d "
                             "places behind the point",
                             name, WEIGHT_MAX, WEIGHT_DECIMALS);
            return false;
        }
    }
    return true;
}

/* "v1=95 v2=5" */
static void weights_text(char to[WEIGHTS_TEXT], const struct canary *c, const uint32_t *units,
                         unsigned decimals)
{
    size_t at = 0;
    to[0] = '\0';
    for (size_t i = 0; i < c->n && at < WEIGHTS_TEXT; i++) {
        const int n = snprintf(to + at, WEIGHTS_TEXT - at, "%s%.*s=%g", i ? " " : "",
                               SLICE_ARG(c->names[i]), weight_number(units[i], decimals));
        at += n > 0 ? (size_t)n : 0;
    }
}

static void log_change(const struct canary *c, const struct split_edited *e, const char *why)
{
    char from[WEIGHTS_TEXT], to[WEIGHTS_TEXT];
    weights_text(from, c, e->from, e->from_decimals);
    weights_text(to, c, e->to, e->to_decimals);
    weir_event(WEIR_LOG_INFO, "canary_changed",
               WEIR_FACTS(WEIR_FACT("route", c->route), WEIR_FACT("from", slice_str(from)),
                          WEIR_FACT("to", slice_str(to)), WEIR_NUMBER("tickets", e->tickets)),
               "route %.*s %s: from %s to %s, after %llu tickets", SLICE_ARG(c->route), why, from,
               to, (unsigned long long)e->tickets);
}

/* All of them: those that nobody named may have others elsewhere. */
static void tell(struct weir_reply *reply, const struct canary *c, const struct split_edited *e)
{
    json_t *o = json_object(), *weights = json_object();
    for (size_t i = 0; i < c->n; i++)
        json_object_set_new(weights, c->names[i].p, weight_json(e->to[i], e->to_decimals));
    json_object_set_new(o, "route", json_slice(c->route));
    json_object_set_new(o, "weights", weights);
    command_tell(reply, o);
}

static void say_settings(struct weir_reply *reply, const struct canary *c,
                         const struct split_edited *e)
{
    char place[PLACE_TEXT], setting[64];
    for (size_t i = 0; i < c->n; i++) {
        snprintf(place, sizeof place, "routes > %.*s > canary > split > %.*s", SLICE_ARG(c->route),
                 SLICE_ARG(c->names[i]));
        snprintf(setting, sizeof setting, "weight = %u", e->to[i]);
        weir_reply_setting(reply, place, setting);
    }
}

/* Files have weights without places behind the point, and only their relation counts. */
static bool is_filed(const struct canary *c, const struct split_edited *e)
{
    for (size_t i = 0; i < c->n; i++)
        if (weight_number(e->to[i], e->to_decimals) != c->weights[i])
            return false;
    return true;
}

static bool change(struct weir_process *p, const struct canary *c, json_t *asked,
                   struct weir_reply *reply)
{
    struct weight weights[SCHEDULE_VARIANTS];
    struct split_edited done;
    char reason[SCHEDULE_REASON];
    const struct split_edit edit = {
        .names = c->names, .weights = weights, .n = c->n, .wall_us = weir_wall_us(p)};
    if (!read_weights(c, json_object_get(asked, "weights"), weights, reply))
        return false;
    if (!split_cell_edit(c->cell, &edit, &done, reason)) {
        weir_reply_error(reply, 400, "weights", "%s", reason);
        return false;
    }
    done.tickets += c->lease ? split_lease_taken(c->lease, done.epoch) : 0;
    log_change(c, &done, "by an operator");
    tell(reply, c, &done);
    if (is_filed(c, &done))
        weir_reply_filed(reply);
    say_settings(reply, c, &done);
    return true;
}

static void set(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply)
{
    const struct canary_local *mine = local;
    json_t *asked = command_asked(rq);
    const struct canary *c = mine ? find_split(mine, json_object_get(asked, "route"), reply) : NULL;
    if (!mine)
        refuse_without_memory(reply);
    else if (c && change(p, c, asked, reply))
        reply_splits(p, c, false, reply);
    json_decref(asked);
}

/* The configuration's weights, unless they are in force: each change begins a new epoch. */
static void undo(struct weir_process *p, void *local, const struct weir_request *rq,
                 struct weir_reply *reply)
{
    const struct canary_local *mine = local;
    json_t *asked = command_asked(rq);
    const struct canary *c = mine ? find_split(mine, json_object_get(asked, "route"), reply) : NULL;
    struct weight weights[SCHEDULE_VARIANTS];
    struct split_edited done;
    struct split_view view;
    char reason[SCHEDULE_REASON];
    json_decref(asked);
    if (!c || (split_cell_view(c->cell, weir_wall_us(p), &view) && !is_override(c, &view)))
        return;
    for (size_t i = 0; i < c->n; i++)
        weights[i] = (struct weight){.units = c->weights[i]};
    const struct split_edit edit = {
        .names = c->names, .weights = weights, .n = c->n, .wall_us = weir_wall_us(p)};
    if (split_cell_edit(c->cell, &edit, &done, reason))
        log_change(c, &done, "as the file has it");
    else
        weir_reply_error(reply, 409, "weights", "%s", reason);
}

static const char *const of_split[] = {"route", NULL};
static const char *const overrides[] = {"routes.{route}.canary.split:name,cluster,weight", NULL};

const struct weir_command canary_commands[] = {
    {.name = "get", .run = get, .help = "splits, and where their requests went"},
    {.name = "set",
     .changes = true,
     .run = set,
     .help = "new weights for a split, at once",
     .sets = "weights",
     .of = of_split,
     .overrides = overrides,
     .undo = undo},
    {0},
};
