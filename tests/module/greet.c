/* SPDX-License-Identifier: Apache-2.0 */
/* A module for Weir that is built outside of its source tree, against <weir/module.h> alone: it
 * greets. docs/modules.md walks through it. On a route
 *
 *     greet = { to = "%{client}"; refuse = [ "mallory" ]; friends = "garden"; loud = true; };
 *
 * backends are told a greeting, friends are sent to another cluster, mallory isn't let in, and the
 * answer comes in capitals. Whoever reads it for the first time begins at the end. */
#include <weir/module.h>

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- settings: a struct for each scope, and a table that says how it is filled ----------------- */

/* modules = { greet = { word = "hello"; name_field = "x-name"; }; }; */
struct greet_global {
    struct weir_slice word, name_field;
    struct weir_name name; /* name_field, looked up once */
};

static const struct weir_setting global_rows[] = {
    WEIR_ROW_TEXT("word", struct greet_global, word, "hello", "what a greeting begins with"),
    WEIR_ROW_TEXT(
        "name_field", struct greet_global, name_field, "",
        "header field that says who a client is, whoever may have set it; empty: nobody is known"),
    WEIR_ROW_END,
};

/* Of a route, and of a cluster. One struct for both, as a hook is called with either: what a table
 * has no row for stays zero, and every hook below does nothing then. */
struct greet {
    const struct weir_template *to;
    struct weir_texts refuse, avoid;
    weir_cluster friends;
    bool loud;
    /* of a route, made by load_route() */
    _Atomic uint64_t *total; /* greetings of all processes, kept over reloads */
    struct weir_counters *counters;
};

static const struct weir_setting route_rows[] = {
    WEIR_ROW_TEMPLATE("to", struct greet, to, WEIR_AT_FORWARD, "who is greeted", .preset = "world"),
    WEIR_ROW_TEXTS("refuse", struct greet, refuse, "names of clients that are answered 403"),
    WEIR_ROW_CLUSTER("friends", struct greet, friends, "where clients go whose name is known"),
    WEIR_ROW_BOOL("loud", struct greet, loud, "false", "bring the answer's content to upper case"),
    WEIR_ROW_END,
};

static const struct weir_setting cluster_rows[] = {
    WEIR_ROW_TEXTS("avoid", struct greet, avoid, "endpoints that are not used", .required = true),
    WEIR_ROW_END,
};

enum { GREETED, REFUSED, FAILED };
static const struct weir_counter counters[] = {
    [GREETED] = {"greetings", "requests that were greeted"},
    [REFUSED] = {"refused", "requests of clients that are not greeted"},
    [FAILED] = {"failed", "attempts without an answer"},
    {NULL, NULL},
};

/* -- loading: in the master, once for each configuration --------------------------------------- */

static void load(struct weir_load *l, void *global)
{
    struct greet_global *g = global;
    g->name = weir_name(g->name_field);
    if (g->name_field.n && !g->name.text.p)
        weir_fault(l, weir_load_place(l),
                   "greet.name_field is \"%.*s\"; the name of a header field", (int)g->name_field.n,
                   g->name_field.p);
}

static void load_route(struct weir_load *l, void *conf, void *global)
{
    struct greet *c = conf;
    const struct greet_global *g = global;
    c->total = weir_cell(l, "total", sizeof *c->total);
    c->counters = weir_counters(l, counters, NULL, 0);
    if (c->refuse.n && !g->name_field.n)
        weir_fault(l, weir_load_place(l),
                   "greet.refuse has names, but nobody is known: set modules.greet.name_field");
}

/* -- hooks: in a worker, in the order in which a request meets them ---------------------------- */

/* What one exchange has to remember. */
struct greet_state {
    struct weir_slice to;
};

static bool has(const struct weir_texts *texts, struct weir_slice s)
{
    for (size_t i = 0; i < texts->n; i++)
        if (texts->v[i].n == s.n && memcmp(texts->v[i].p, s.p, s.n) == 0)
            return true;
    return false;
}

/* Only good behind a proxy that sets the field itself. */
static enum weir_verdict on_identify(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet_global *g = u->global;
    struct weir_identity id = {.issuer = WEIR_SLICE("greet"), .method = WEIR_SLICE("field")};
    if (g->name.text.p)
        id.subject = weir_field(x, WEIR_REQUEST, &g->name);
    if (id.subject.n)
        weir_identity_set(x, &id, NULL, 0);
    return WEIR_NEXT;
}

static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet *c = u->conf;
    const struct weir_identity *id = weir_identity(x);
    if (!id || !has(&c->refuse, id->subject))
        return WEIR_NEXT;
    weir_count(weir_process_of(x), c->counters, REFUSED, 1);
    return weir_refuse(x, WEIR_FORBIDDEN, "not_greeted");
}

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet *c = u->conf;
    if (c->total && c->friends != WEIR_NO_CLUSTER && weir_identity(x) && !weir_cluster_chosen(x))
        weir_cluster_set(x, c->friends);
    return WEIR_NEXT;
}

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet *c = u->conf;
    const struct greet_global *g = u->global;
    struct greet_state *st = u->state;
    if (!c->to)
        return WEIR_NEXT;
    st->to = weir_render(x, c->to);
    const struct weir_name name = weir_name((struct weir_slice)WEIR_SLICE("x-greeting"));
    weir_field_set(
        x, WEIR_INWARD, &name,
        weir_printf(x, "%.*s, %.*s", (int)g->word.n, g->word.p, (int)st->to.n, st->to.p));
    return WEIR_NEXT;
}

static enum weir_verdict on_pick(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep)
{
    const struct greet *c = u->conf;
    return has(&c->avoid, weir_endpoint_name(ep)) ? weir_veto(x, "avoided") : WEIR_NEXT;
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    const struct greet *c = u->conf;
    if (c->counters && weir_attempt_why(at))
        weir_count(weir_process_of(x), c->counters, FAILED, 1);
    return WEIR_NEXT;
}

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet *c = u->conf;
    if (!c->total)
        return;
    const struct weir_name name = weir_name((struct weir_slice)WEIR_SLICE("x-greeted"));
    weir_field_set(x, WEIR_RESPONSE, &name,
                   weir_printf(x, "%llu", (unsigned long long)atomic_load(c->total)));
    if (c->loud)
        weir_filter(x, u, WEIR_TO_CLIENT, false);
}

static void on_content(struct weir_exchange *x, const struct weir_use *u, int direction,
                       struct weir_slice piece, bool last)
{
    char *loud = weir_alloc(x, piece.n);
    (void)u, (void)last;
    for (size_t i = 0; i < piece.n; i++)
        loud[i] = (char)toupper((unsigned char)piece.p[i]);
    weir_pass(x, (enum weir_direction)direction, (struct weir_slice){loud, piece.n});
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct greet *c = u->conf;
    const struct greet_state *st = u->state;
    if (!st->to.n)
        return;
    atomic_fetch_add(c->total, 1);
    weir_count(weir_process_of(x), c->counters, GREETED, 1);
    weir_log_set(x, u, 0, st->to);
}

/* -- the process, and what an operator can ask for --------------------------------------------- */

/* In each worker, and in the control process, after the fork. */
struct greet_local {
    uint64_t started_us;
};

static void *start(struct weir_process *p, const void *global)
{
    struct greet_local *local = malloc(sizeof *local);
    (void)global;
    if (local)
        local->started_us = weir_now_us(p);
    return local;
}

static void stop(struct weir_process *p, void *local)
{
    (void)p;
    free(local);
}

/* POST /v1/modules/greet/uptime */
static void uptime(struct weir_process *p, void *local, const struct weir_request *rq,
                   struct weir_reply *reply)
{
    const struct greet_local *g = local;
    char json[64];
    (void)rq;
    const int n =
        snprintf(json, sizeof json, "{\"seconds\": %llu}",
                 (unsigned long long)(g ? (weir_now_us(p) - g->started_us) / 1000000 : 0));
    weir_reply_json(reply, (struct weir_slice){json, (size_t)n});
}

static const struct weir_command commands[] = {
    {.name = "uptime", .run = uptime, .help = "how long the control process has been greeting"},
    {0},
};

/* -- all of that in one place ------------------------------------------------------------------ */

static const char *const log_fields[] = {"to", NULL};

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "greet",
    .summary = "greets",
    .global = {.rows = global_rows, .size = sizeof(struct greet_global)},
    .route = {.rows = route_rows, .size = sizeof(struct greet)},
    .cluster = {.rows = cluster_rows, .size = sizeof(struct greet)},
    .state_size = sizeof(struct greet_state),
    .wants_identity = true,
    .log_fields = log_fields,
    .counters = counters,
    .commands = commands,
    .load = load,
    .load_route = load_route,
    .start = start,
    .stop = stop,
    .on_identify = on_identify,
    .on_request = on_request,
    .on_plan = on_plan,
    .on_forward = on_forward,
    .on_pick = on_pick,
    .on_result = on_result,
    .on_response = on_response,
    .on_content = on_content,
    .on_done = on_done,
};
