/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask and change, in the control process:
 *
 *     list   {"cluster": "app"}                            one cluster; without it all of them
 *     eject  {"cluster": "app", "endpoint": "10.0.0.4:80", "seconds": 60, "force": false}
 *     return {"cluster": "app", "endpoint": "10.0.0.4:80"}
 *
 * The latter two answer as list does. */
#include "outlier/act.h"
#include "outlier/share.h"

#include "common/command.h"

enum {
    SECONDS_MAX = 604800,
    NEARLY_MS = 2000,    /* an ejection that ends so soon is left to end by itself, gently */
    RETURN_SECONDS = 60, /* who is told later of a return may have other reasons by then */
};

static void set_int(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void set_share(json_t *o, const char *key, uint32_t millionths)
{
    json_object_set_new(o, key, json_real(millionths / 1e6));
}

/* -- showing ----------------------------------------------------------------------------------- */

static void set_state(json_t *o, const struct subject *s)
{
    const struct ejection_state st = ejection_look(&s->cell->ejection);
    const uint64_t now = weir_now_us(s->p) / 1000;
    json_object_set_new(o, "state", json_string(ejection_word(st.phase)));
    set_share(o, "share", ejection_share(st.phase));
    if (st.at_ms)
        set_int(o, "next_ms", st.at_ms > now ? st.at_ms - now : 0);
    set_int(o, "count", st.count);
    set_int(o, "ejections", atomic_load(&s->cell->ejections));
    if (st.count)
        json_object_set_new(o, "why", json_string(kind_word(st.cause)));
}

static void set_runs(json_t *o, const struct subject *s)
{
    uint32_t runs[RUN_N];
    runs_read(&s->cell->runs, runs);
    for (unsigned i = 0; i < RUN_N; i++)
        set_int(o, kind_word(i), runs[i]);
}

static void set_figures(json_t *o, const struct subject *s)
{
    json_t *f = json_object();
    set_int(f, "attempts", atomic_load(&s->cell->last_total));
    set_int(f, "failures", atomic_load(&s->cell->last_failures));
    set_int(f, "errors", atomic_load(&s->cell->last_errors));
    json_object_set_new(o, "interval", f);
}

/* What others say of it. */
static void set_votes(json_t *o, const struct subject *s, const struct outlier_share *share)
{
    if (share)
        json_object_set_new(o, "votes", votes_json(&share->votes, s->name));
}

static json_t *endpoint_json(const struct subject *s, const struct outlier_share *share)
{
    json_t *o = json_object(), *runs = json_object();
    json_object_set_new(o, "endpoint", json_slice(s->name));
    set_state(o, s);
    set_runs(runs, s);
    json_object_set_new(o, "consecutive", runs);
    if (s->o->rates)
        set_figures(o, s);
    set_votes(o, s, share);
    return o;
}

/* What is due is done before, so that nobody is shown as ejected whose time is over. */
static void pass_time(const struct subject *s)
{
    if (s->o->enabled && outlier_is_current(s->o))
        outlier_step(s);
}

static json_t *cluster_json(struct weir_process *p, const struct outlier_local *mine,
                            const struct outlier *o)
{
    json_t *c = json_object(), *endpoints = json_array();
    const struct pool pool = outlier_pool(p, o);
    struct weir_endpoint_info info;
    json_object_set_new(c, "cluster", json_slice(o->name));
    json_object_set_new(c, "enabled", json_boolean(o->enabled));
    set_int(c, "ejected", atomic_load(&o->shared->ejected));
    set_int(c, "allowed", outlier_cap(o, &pool));
    for (size_t at = 0; weir_endpoint_each(p, o->cluster, &at, &info);) {
        const struct subject s = {p, o, info.slot, info.name,
                                  weir_endpoint_cell(o->cells, info.slot)};
        if (!s.cell)
            continue;
        pass_time(&s);
        json_array_append_new(endpoints, endpoint_json(&s, mine->watches[o->number].share));
    }
    json_object_set_new(c, "endpoints", endpoints);
    return c;
}

/* `only`: NULL: all. */
static void reply_list(struct weir_process *p, const struct outlier_local *mine,
                       const struct outlier *only, struct weir_reply *reply)
{
    json_t *o = json_object(), *clusters = json_array();
    for (const struct outlier *c = mine->all->first; c; c = c->next)
        if (c->cells && c->shared && (!only || c == only))
            json_array_append_new(clusters, cluster_json(p, mine, c));
    json_object_set_new(o, "clusters", clusters);
    command_answer(reply, o);
}

/* -- asking ------------------------------------------------------------------------------------ */

static bool is_text(const json_t *t, struct weir_slice s)
{
    return slice_eq((struct weir_slice){json_string_value(t), json_string_length(t)}, s);
}

/* start() has told nobody what there is. */
static void refuse_without_memory(struct weir_reply *reply)
{
    weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
}

/* NULL with a refusal. */
static const struct outlier *find_cluster(const struct outlier_local *mine, const json_t *asked,
                                          struct weir_reply *reply)
{
    const json_t *name = json_object_get(asked, "cluster");
    if (!mine) {
        refuse_without_memory(reply);
        return NULL;
    }
    if (!json_is_string(name)) {
        weir_reply_error(reply, 400, "cluster", "\"cluster\" is the name of a cluster, as a text");
        return NULL;
    }
    for (const struct outlier *o = mine->all->first; o; o = o->next)
        if (is_text(name, o->name) && o->cells && o->shared)
            return o;
    weir_reply_error(reply, 404, "cluster",
                     "there is no cluster called \"%.128s\"; list without a name shows all",
                     json_string_value(name));
    return NULL;
}

static bool find_endpoint(struct weir_process *p, const struct outlier *o, const json_t *asked,
                          struct subject *s, struct weir_reply *reply)
{
    const json_t *name = json_object_get(asked, "endpoint");
    struct weir_endpoint_info info;
    if (!json_is_string(name)) {
        weir_reply_error(reply, 400, "endpoint",
                         "\"endpoint\" is an endpoint of the cluster, as a text; list names them");
        return false;
    }
    for (size_t at = 0; weir_endpoint_each(p, o->cluster, &at, &info);) {
        *s = (struct subject){p, o, info.slot, info.name, weir_endpoint_cell(o->cells, info.slot)};
        if (s->cell && is_text(name, info.name))
            return true;
    }
    weir_reply_error(reply, 404, "endpoint",
                     "cluster %.*s has no endpoint \"%.128s\"; list names them", SLICE_ARG(o->name),
                     json_string_value(name));
    return false;
}

static void list(struct weir_process *p, void *local, const struct weir_request *rq,
                 struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const json_t *name = json_object_get(asked, "cluster");
    const struct outlier *only = NULL;
    if (!local)
        refuse_without_memory(reply);
    else if (!name || json_is_null(name))
        reply_list(p, local, NULL, reply);
    else if ((only = find_cluster(local, asked, reply)))
        reply_list(p, local, only, reply);
    json_decref(asked);
}

/* -- changing ---------------------------------------------------------------------------------- */

/* How long it counts: by itself an endpoint stays out for different times here and there. */
static void tell(struct weir_reply *reply, const struct subject *s, uint64_t seconds, bool force)
{
    json_t *o = json_object();
    json_object_set_new(o, "cluster", json_slice(s->o->name));
    json_object_set_new(o, "endpoint", json_slice(s->name));
    set_int(o, "seconds", seconds);
    if (force)
        json_object_set_new(o, "force", json_true());
    command_tell(reply, o);
}

static uint64_t seconds_left(const struct subject *s)
{
    const struct ejection_state st = ejection_look(&s->cell->ejection);
    const uint64_t now = weir_now_us(s->p) / 1000;
    return st.at_ms > now ? (st.at_ms - now + 999) / 1000 : 1;
}

/* False with a refusal. 0: as long as usual. */
static bool read_seconds(const json_t *asked, uint64_t *ms, struct weir_reply *reply)
{
    const json_t *given = json_object_get(asked, "seconds");
    const double seconds = given ? json_number_value(given) : 0;
    *ms = 0;
    if (!given || json_is_null(given))
        return true;
    if (!json_is_number(given) || !(seconds >= 0.001 && seconds <= SECONDS_MAX)) {
        weir_reply_error(reply, 400, "seconds", "\"seconds\" is a number from 0.001 to %d",
                         SECONDS_MAX);
        return false;
    }
    *ms = (uint64_t)(seconds * 1000);
    return true;
}

static void eject(struct weir_process *p, void *local, const struct weir_request *rq,
                  struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const struct outlier *o = find_cluster(local, asked, reply);
    struct subject s;
    uint64_t ms;
    if (!o || !find_endpoint(p, o, asked, &s, reply) || !read_seconds(asked, &ms, reply)) {
        json_decref(asked);
        return;
    }
    const bool force = json_is_true(json_object_get(asked, "force"));
    const char *wrong = o->enabled ? outlier_eject_by_hand(&s, ms, force)
                                   : "outlier.enabled is false for this cluster";
    if (wrong) {
        weir_reply_error(reply, 409, "endpoint", "%.*s stays as it is: %s", SLICE_ARG(s.name),
                         wrong);
    } else {
        tell(reply, &s, seconds_left(&s), force);
        reply_list(p, local, o, reply);
    }
    json_decref(asked);
}

/* To the fleet it may be said where the endpoint is in use: elsewhere it may not be. */
static void back(struct weir_process *p, void *local, const struct weir_request *rq,
                 struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const struct outlier *o = find_cluster(local, asked, reply);
    struct subject s;
    if (o && find_endpoint(p, o, asked, &s, reply)) {
        if (!outlier_return(&s, "by an operator") &&
            !json_is_true(json_object_get(asked, "fleet"))) {
            weir_reply_error(reply, 409, "endpoint", "%.*s is in full use already",
                             SLICE_ARG(s.name));
        } else {
            tell(reply, &s, RETURN_SECONDS, false);
            reply_list(p, local, o, reply);
        }
    }
    json_decref(asked);
}

/* Before its time. */
static void uneject(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    json_t *asked = command_asked(rq);
    const struct outlier *o = find_cluster(local, asked, reply);
    struct subject s;
    if (o && find_endpoint(p, o, asked, &s, reply)) {
        const struct ejection_state st = ejection_look(&s.cell->ejection);
        if (ejection_is_out(st.phase) && st.cause == KIND_OPERATOR &&
            st.at_ms > weir_now_us(p) / 1000 + NEARLY_MS)
            outlier_return(&s, "what an operator said is undone");
    }
    json_decref(asked);
}

static const char *const of_endpoint[] = {"cluster", "endpoint", NULL};
static const char *const overrides[] = {"clusters.{cluster}:", NULL};

const struct weir_command outlier_commands[] = {
    {.name = "list", .run = list, .help = "endpoints, which of them are ejected, and why"},
    {.name = "eject",
     .changes = true,
     .run = eject,
     .help = "ejects an endpoint for a time",
     .sets = "ejected",
     .of = of_endpoint,
     .lasts = "seconds",
     .overrides = overrides,
     .undo = uneject},
    {.name = "return",
     .changes = true,
     .run = back,
     .help = "takes an endpoint back at once",
     .sets = "ejected",
     .of = of_endpoint,
     .lasts = "seconds"},
    {0},
};
