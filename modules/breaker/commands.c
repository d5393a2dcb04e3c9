/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask and change (POST /v1/modules/breaker/...), in the control process:
 *
 *     get     {"cluster": "reviews"}                    one; without a name all of them
 *     force   {"cluster": "reviews", "state": "open"}   or "closed", or "auto"; with "endpoint" one
 *                                                       endpoint's circuit, without it all of them
 *     disable {"cluster": "reviews"}                    neither circuit nor limits
 *     enable  {"cluster": "reviews"}
 *
 * or {"route": ...} for a route's. What is changed lies in cells: it counts at once, in all
 * workers, and outlives reloads. */

#include "breaker/breaker.h"
#include "breaker/shared.h"

#include "common/command.h"

/* -- showing --------------------------------------------------------------------------------- */

static void set_number(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void set_word(json_t *o, const char *key, const char *word)
{
    json_object_set_new(o, key, json_string(word));
}

static void add_shared(json_t *to, const struct breaker_local *local, const struct breaker *b,
                       weir_slot slot)
{
    const struct shared_circuit *s = shared_find(local, b, slot);
    if (!s)
        return;
    json_t *o = json_object();
    json_object_set_new(o, "led", json_boolean(s->led));
    json_object_set_new(o, "holding", json_boolean(s->holding));
    set_number(o, "version", s->record.fleet.version);
    set_word(o, "by", s->record.by);
    json_object_set_new(to, "shared", o);
}

/* What is due is done before, so that nothing is shown as open whose time is over. */
static json_t *circuit_json(struct weir_process *p, const struct breaker *b,
                            struct weir_slice endpoint, const struct circuit *c)
{
    breaker_pass_time(p, b, endpoint, c);
    const uint64_t now = weir_now_us(p) / 1000;
    const struct machine_view v = machine_look(c->machine);
    const struct window_sums s = window_sum(c->window, c->conf->window, now, v.version);
    json_t *o = json_object();
    set_word(o, "state", machine_state_name(v.state));
    set_word(o, "mode", machine_mode_name(v.mode));
    set_number(o, "openings", v.openings);
    if (v.until_ms)
        set_number(o, "left_ms", v.until_ms > now ? v.until_ms - now : 0);
    set_number(o, "calls", s.calls);
    set_number(o, "failed", s.failed);
    set_number(o, "slow", s.slow);
    set_number(o, "in_row", s.in_row);
    if (v.state == MACHINE_HALF_OPEN) {
        set_number(o, "probes", v.probes);
        set_number(o, "good", v.good);
    }
    return o;
}

static void add_endpoints(json_t *to, const struct breaker_local *local, const struct breaker *b)
{
    struct weir_process *p = local->process;
    struct weir_endpoint_info e;
    struct circuit c;
    for (size_t at = 0; weir_endpoint_each(p, b->cluster, &at, &e);) {
        if (!breaker_circuit_at(b, e.slot, &c))
            continue;
        json_t *o = circuit_json(p, b, e.name, &c);
        json_object_set_new(o, "endpoint", json_slice(e.name));
        add_shared(o, local, b, e.slot);
        json_array_append_new(to, o);
    }
}

static json_t *circuits_json(const struct breaker_local *local, const struct breaker *b)
{
    json_t *all = json_array(), *one;
    struct circuit c;
    if (b->per_endpoint)
        add_endpoints(all, local, b);
    else if (breaker_circuit_at(b, WEIR_NO_SLOT, &c)) {
        one = circuit_json(local->process, b, slice_str(""), &c);
        add_shared(one, local, b, WEIR_NO_SLOT);
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *limits_json(const struct breaker *b, unsigned class)
{
    const struct limits_group *l = &b->limits[class];
    json_t *o = json_object();
    set_word(o, "priority", class == CLASS_HIGH ? "high" : "usual");
    set_number(o, "requests", limits_sum(b->gauges, class, LIMITS_REQUESTS));
    set_number(o, "max_requests", (uint64_t)l->max_requests);
    set_number(o, "pending", limits_sum(b->gauges, class, LIMITS_PENDING));
    set_number(o, "max_pending", (uint64_t)l->max_pending);
    set_number(o, "retries", limits_sum(b->gauges, class, LIMITS_RETRIES));
    set_number(o, "max_retries", (uint64_t)l->max_retries);
    return o;
}

static json_t *breaker_json(const struct breaker_local *local, const struct breaker *b)
{
    struct weir_process *p = local->process;
    json_t *o = json_object(), *limits = json_array();
    json_object_set_new(o, b->is_route ? "route" : "cluster", json_slice(b->owner));
    json_object_set_new(o, "enabled", json_boolean(breaker_is_on(b)));
    json_object_set_new(o, "circuits", circuits_json(local, b));
    json_object_set_new(o, "limits", limits);
    for (unsigned i = 0; b->gauges && i < LIMITS_CLASSES; i++)
        if (i == CLASS_USUAL || b->limits[i].place.file)
            json_array_append_new(limits, limits_json(b, i));
    if (b->limits[CLASS_USUAL].max_connections) {
        set_number(o, "connections", weir_connections(p, b->cluster));
        set_number(o, "max_connections", (uint64_t)b->limits[CLASS_USUAL].max_connections);
    }
    for (unsigned r = 0; r < REJECT_N; r++)
        if (b->rejects[r]) {
            char key[32];
            snprintf(key, sizeof key, "rejects_%s", breaker_reject_name((enum breaker_reject)r));
            set_number(o, key, weir_count_sum(p, b->rejects[r], 0));
        }
    return o;
}

static void reply_with(const struct breaker_local *local, const struct breaker *first, bool all,
                       struct weir_reply *reply)
{
    json_t *o = json_object(), *breakers = json_array();
    json_object_set_new(o, "breakers", breakers);
    for (const struct breaker *b = first; b; b = all ? b->next : NULL)
        if (!all || b->has_circuit || b->has_limits || b->limits[CLASS_USUAL].max_connections)
            json_array_append_new(breakers, breaker_json(local, b));
    command_answer(reply, o);
}

/* -- asking ---------------------------------------------------------------------------------- */

static struct weir_slice slice_of(const json_t *text)
{
    return (struct weir_slice){json_string_value(text), json_string_length(text)};
}

static const struct breaker *look_up(const struct breaker_local *local, bool is_route,
                                     struct weir_slice name)
{
    const struct breaker *b = local->global->first;
    while (b && (b->is_route != is_route || !slice_eq(b->owner, name)))
        b = b->next;
    return b;
}

/* NULL with a refusal. */
static const struct breaker *find(const struct breaker_local *local, const json_t *asked,
                                  struct weir_reply *reply)
{
    const json_t *cluster = json_object_get(asked, "cluster"),
                 *route = json_object_get(asked, "route"), *name = cluster ? cluster : route;
    const char *member = cluster ? "cluster" : "route";
    if (!local) { /* start() has told nobody what there is */
        weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
        return NULL;
    }
    if (!json_is_string(name) || (cluster && route)) {
        weir_reply_error(reply, 400, cluster ? "cluster" : "route",
                         "name either a \"cluster\" or a \"route\", as a text");
        return NULL;
    }
    const struct breaker *b = look_up(local, !cluster, slice_of(name));
    if (!b)
        weir_reply_error(reply, 404, member,
                         "no %s called \"%.128s\" has a breaker; get without a name shows all",
                         member, json_string_value(name));
    return b;
}

static void get(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply)
{
    const struct breaker_local *mine = local;
    json_t *asked = command_asked(rq);
    const struct breaker *b = NULL;
    (void)p;
    const bool all = mine && !json_object_get(asked, "cluster") && !json_object_get(asked, "route");
    if (all)
        reply_with(mine, mine->global->first, true, reply);
    else if ((b = find(mine, asked, reply)))
        reply_with(mine, b, false, reply);
    json_decref(asked);
}

/* -- forcing --------------------------------------------------------------------------------- */

static bool read_mode(const json_t *asked, enum machine_mode *mode, struct weir_reply *reply)
{
    static const char *const words[] = {[MACHINE_AUTO] = "auto",
                                        [MACHINE_FORCED_OPEN] = "open",
                                        [MACHINE_FORCED_CLOSED] = "closed"};
    const json_t *state = json_object_get(asked, "state");
    for (unsigned i = 0; json_is_string(state) && i <= MACHINE_FORCED_CLOSED; i++)
        if (slice_eq(slice_of(state), slice_str(words[i]))) {
            *mode = (enum machine_mode)i;
            return true;
        }
    weir_reply_error(reply, 400, "state", "\"state\" is \"open\", \"closed\" or \"auto\"");
    return false;
}

static void force_one(struct weir_process *p, const struct breaker *b, const struct circuit *c,
                      struct weir_slice endpoint, enum machine_mode mode)
{
    struct circuit_event event = {0};
    machine_force(c->machine, mode, weir_now_us(p) / 1000, &event.change);
    breaker_report(p, b, endpoint, &event);
}

/* How many circuits there were of that name; an empty one means all. */
static unsigned force_all(struct weir_process *p, const struct breaker *b,
                          struct weir_slice endpoint, enum machine_mode mode)
{
    struct weir_endpoint_info e;
    struct circuit c;
    unsigned n = 0;
    if (!b->per_endpoint) {
        const bool has = !endpoint.n && breaker_circuit_at(b, WEIR_NO_SLOT, &c);
        if (has)
            force_one(p, b, &c, endpoint, mode);
        return has;
    }
    for (size_t at = 0; weir_endpoint_each(p, b->cluster, &at, &e);) {
        if ((endpoint.n && !slice_eq(endpoint, e.name)) || !breaker_circuit_at(b, e.slot, &c))
            continue;
        force_one(p, b, &c, e.name, mode);
        n++;
    }
    return n;
}

static void force(struct weir_process *p, void *local, const struct weir_request *rq,
                  struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const json_t *endpoint = json_object_get(asked, "endpoint");
    const struct breaker *b = find(local, asked, reply);
    enum machine_mode mode;
    if (b && endpoint && !json_string_length(endpoint))
        weir_reply_error(reply, 400, "endpoint", "\"endpoint\" is a name, as `get` shows it");
    else if (b && !b->has_circuit)
        weir_reply_error(reply, 409, NULL, "%.*s has limits, but no circuit", SLICE_ARG(b->owner));
    else if (b && endpoint && !b->per_endpoint)
        weir_reply_error(reply, 409, "endpoint",
                         "%.*s has one circuit for all its endpoints; leave the endpoint out",
                         SLICE_ARG(b->owner));
    else if (b && read_mode(asked, &mode, reply)) {
        const bool any = force_all(p, b, endpoint ? slice_of(endpoint) : slice_str(""), mode);
        if (any && mode == MACHINE_AUTO)
            weir_reply_filed(reply);
        if (any)
            reply_with(local, b, false, reply);
        else
            weir_reply_error(reply, 404, "endpoint",
                             "%.*s has no circuit of that endpoint; get shows which it has",
                             SLICE_ARG(b->owner));
    }
    json_decref(asked);
}

static void unforce(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const json_t *endpoint = json_object_get(asked, "endpoint");
    const struct breaker *b = find(local, asked, reply);
    if (b && b->has_circuit)
        force_all(p, b, endpoint ? slice_of(endpoint) : slice_str(""), MACHINE_AUTO);
    json_decref(asked);
}

static void switch_it(void *local, const struct weir_request *rq, struct weir_reply *reply, bool on)
{
    json_t *asked = command_asked(rq);
    const struct breaker *b = find(local, asked, reply);
    if (b && !b->off) {
        weir_reply_error(reply, 409, NULL, "there was no room for it in shared memory");
    } else if (b) {
        if (atomic_exchange(b->off, !on) != (uint32_t)!on)
            weir_event(WEIR_LOG_WARN, on ? "breaker_enabled" : "breaker_disabled",
                       WEIR_FACTS(WEIR_FACT(b->is_route ? "route" : "cluster", b->owner)),
                       "%s %.*s: by an operator", b->is_route ? "route" : "cluster",
                       SLICE_ARG(b->owner));
        reply_with(local, b, false, reply);
    }
    json_decref(asked);
}

static void disable(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    (void)p;
    switch_it(local, rq, reply, false);
}

static void enable(struct weir_process *p, void *local, const struct weir_request *rq,
                   struct weir_reply *reply)
{
    (void)p;
    switch_it(local, rq, reply, true);
}

static const char *const of_circuit[] = {"cluster", "route", "endpoint", NULL};
static const char *const of_breaker[] = {"cluster", "route", NULL};
/* No file can say either, as long as the breaker is there. */
static const char *const overrides[] = {
    "clusters.{cluster}.breaker:", "routes.{route}.breaker:", NULL};

const struct weir_command breaker_commands[] = {
    {.name = "get", .run = get, .help = "circuits and limits, and what they have seen"},
    {.name = "force",
     .changes = true,
     .run = force,
     .help = "a circuit open, closed, or auto again",
     .sets = "state",
     .of = of_circuit,
     .overrides = overrides,
     .undo = unforce},
    {.name = "disable",
     .changes = true,
     .run = disable,
     .help = "neither circuit nor limits act",
     .sets = "enabled",
     .of = of_breaker,
     .overrides = overrides,
     .undo = enable},
    {.name = "enable",
     .changes = true,
     .run = enable,
     .help = "circuit and limits act again",
     .sets = "enabled",
     .of = of_breaker},
    {0},
};
