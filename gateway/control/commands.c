/* SPDX-License-Identifier: Apache-2.0 */
/* From a path to a module's function and back. What a module gets is checked first, so that no
 * module has to refuse what isn't JSON; what it gives is checked as well, so that who asked never
 * has to guess. Duplicate members are refused: two parsers would take different ones. */

#include "control/commands.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "control/decide.h"
#include "core/module/module.h"
#include "core/worker.h"

enum { NAMES_MAX = 128, ERROR_MAX = 1024 };

struct weir_request {
    struct slice json;
};

struct weir_reply {
    struct admin_answer *out;
    bool done;         /* the module has said something */
    struct text whole; /* what it wants to be said to the fleet; empty: what was asked */
    bool filed;        /* it is what the configuration says */
    struct text says;  /* as a configuration would; struct override */
};

/* What is asked for. */
struct call {
    const struct loaded_module *lm;
    const struct weir_command *command;
    struct slice json;
    json_t *asked; /* the same, owned */
    char *again;   /* owned: what `json` is when it isn't what came; NULL: it is */
};

static const struct loaded_module *find_module(const struct commands *c, struct slice name,
                                               struct admin_answer *out);
static const struct weir_command *find_command(const struct weir_module *m, struct slice name,
                                               struct admin_answer *out);
static json_t *read_object(struct slice json, struct admin_answer *out);
static void decide(const struct commands *c, const struct call *call,
                   const struct admin_request *rq, struct admin_answer *out);
static void do_it(const struct commands *c, const struct call *call, const struct admin_request *rq,
                  struct admin_answer *out);
static bool say_how_long(struct call *call, const struct admin_request *rq,
                         struct admin_answer *out);
static bool run(const struct commands *c, const struct call *call, enum admin_how how,
                struct weir_reply *reply);

void commands_init(struct commands *c, const struct generation *g, struct worker *w)
{
    *c = (struct commands){.g = g, .worker = w};
}

static size_t modules_n(const struct commands *c)
{
    return c->g->modules ? c->g->modules->n : 0;
}

/* -- what there is ----------------------------------------------------------------------------- */

static void list_commands(const struct weir_module *m, struct text *out)
{
    json_key(out, "commands");
    json_open(out, '[');
    for (const struct weir_command *k = m->commands; k && k->name; k++) {
        json_open(out, '{');
        json_key(out, "name");
        json_str(out, k->name);
        json_key(out, "changes");
        json_bool(out, k->changes);
        json_key(out, "help");
        json_str(out, k->help);
        json_close(out, '}');
    }
    json_close(out, ']');
}

void commands_list(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct commands *c = ctx;
    struct text *t = &out->body;
    (void)rq;

    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "modules");
    json_open(t, '[');
    for (size_t i = 0; i < modules_n(c); i++) {
        const struct weir_module *m = c->g->modules->modules[i].module->desc;
        json_open(t, '{');
        json_key(t, "name");
        json_str(t, m->name);
        json_key(t, "summary");
        json_str(t, m->summary);
        list_commands(m, t);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}

/* -- one command ------------------------------------------------------------------------------- */

void commands_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct commands *c = ctx;
    struct slice rest = rq->rest;
    const struct slice name = slice_cut(&rest, '/');
    const struct slice json = slice_trim(rq->content).n ? rq->content : SLICE("{}");

    struct call call = {.lm = find_module(c, name, out), .json = json};
    call.command = call.lm ? find_command(call.lm->module->desc, rest, out) : NULL;
    if (!call.command || (call.command->changes && !admin_may_change(rq, out)))
        return;
    call.asked = read_object(json, out);
    if (call.asked && say_how_long(&call, rq, out))
        do_it(c, &call, rq, out);
    free(call.again);
    json_decref(call.asked);
}

/* 404, with what was probably meant, or else what there is. */
static void not_found(struct admin_answer *out, const char *what, struct slice name,
                      const char *const *names)
{
    const char *near = nearest_name(name, names);
    char all[ERROR_MAX / 2];
    struct text t;

    text_init_fixed(&t, all, sizeof all - 1);
    text_str(&t, near ? "did you mean \"" : names[0] ? "there are: " : "there are none");
    text_str(&t, near);
    text_str(&t, near ? "\"?" : "");
    for (size_t i = 0; !near && names[i]; i++) {
        text_str(&t, i ? ", " : "");
        text_str(&t, names[i]);
    }
    all[t.n] = '\0';
    admin_error(out, 404, NULL, "there is no %s \"%.*s\"; %s", what, name.n < 64 ? (int)name.n : 64,
                name.p ? name.p : "", all);
}

static const struct loaded_module *find_module(const struct commands *c, struct slice name,
                                               struct admin_answer *out)
{
    const char *names[MODULES_MAX + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < modules_n(c) && n < MODULES_MAX; i++) {
        const struct loaded_module *lm = &c->g->modules->modules[i];
        if (slice_eq(name, slice_str(lm->module->desc->name)))
            return lm;
        names[n++] = lm->module->desc->name;
    }
    not_found(out, "module in this configuration called", name, names);
    return NULL;
}

static const struct weir_command *find_command(const struct weir_module *m, struct slice name,
                                               struct admin_answer *out)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    size_t n = 0;

    for (const struct weir_command *k = m->commands; k && k->name && n < NAMES_MAX; k++) {
        if (slice_eq(name, slice_str(k->name)))
            return k;
        names[n++] = k->name;
    }
    not_found(out, "command of this module called", name, names);
    return NULL;
}

/* NULL with a refusal. */
static json_t *read_object(struct slice json, struct admin_answer *out)
{
    json_error_t error;
    json_t *j = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json_is_object(j))
        return j;
    if (!j)
        admin_error(out, 400, NULL, "the content must be a JSON object: line %d, column %d: %s",
                    error.line, error.column, error.text);
    else
        admin_error(out, 400, NULL, "the content must be a JSON object, {...}");
    json_decref(j);
    return NULL;
}

/* "expires" means the command's own member, where it has one. */
static bool say_how_long(struct call *call, const struct admin_request *rq,
                         struct admin_answer *out)
{
    const char *lasts = call->command->changes ? call->command->lasts : NULL;
    const json_t *expires = lasts ? json_object_get(call->asked, "expires") : NULL;
    uint64_t seconds;
    if (!expires || rq->said.n || rq->how != ADMIN_ASKED)
        return true;
    if (json_object_get(call->asked, lasts)) {
        admin_error(out, 400, "expires", "\"expires\" and \"%s\" say the same here; one of them",
                    lasts);
        return false;
    }
    if (!decide_expires(expires, &seconds)) {
        admin_error(out, 400, "expires",
                    "\"expires\" says how long it lasts: seconds, or a text such as \"2h\"");
        return false;
    }
    json_object_set_new(call->asked, lasts, json_integer((json_int_t)seconds));
    json_object_del(call->asked, "expires");
    call->again = json_dumps(call->asked, JSON_COMPACT | JSON_REAL_PRECISION(15));
    must(call->again);
    call->json = slice_str(call->again);
    return true;
}

/* What was decided before is nobody's decision now. */
static void do_it(const struct commands *c, const struct call *call, const struct admin_request *rq,
                  struct admin_answer *out)
{
    struct weir_reply reply = {.out = out};
    if (rq->how == ADMIN_ASKED) {
        decide(c, call, rq, out);
        return;
    }
    text_init(&reply.whole);
    text_init(&reply.says);
    if (rq->how == ADMIN_AGAIN || call->command->undo)
        (void)run(c, call, rq->how, &reply);
    text_fini(&reply.says);
    text_fini(&reply.whole);
}

/* What only shows something is nobody's decision, whatever it is asked with. */
static void decide(const struct commands *c, const struct call *call,
                   const struct admin_request *rq, struct admin_answer *out)
{
    const struct decide_what what = {
        .module = call->lm->module->desc->name,
        .sets = call->command->changes ? call->command->sets : NULL,
        .of = call->command->of,
        .lasts = call->command->lasts,
        .path = rq->path,
        .settings = call->command->overrides,
        .overrides = call->command->changes ? c->overrides : NULL,
    };
    struct weir_reply reply = {.out = out};
    struct deciding d;
    text_init(&reply.whole);
    text_init(&reply.says);
    if (decide_begin(&d, c->decider, &what, rq, call->asked, out) &&
        run(c, call, ADMIN_ASKED, &reply)) {
        d.filed = reply.filed;
        d.says = text_slice(&reply.says);
        decide_end(&d, text_slice(&reply.whole), out);
    }
    text_fini(&reply.says);
    text_fini(&reply.whole);
}

/* True: it was done. */
static bool run(const struct commands *c, const struct call *call, enum admin_how how,
                struct weir_reply *reply)
{
    const struct weir_request rq = {.json = call->json};
    const struct loaded_module *lm = call->lm;
    const struct weir_command *k = call->command;
    void **locals = c->worker->locals;

    c->worker->acting = lm->module;
    (how == ADMIN_UNDO ? k->undo : k->run)(
        process_of(c->worker), locals ? locals[lm - c->g->modules->modules] : NULL, &rq, reply);
    c->worker->acting = NULL;
    if (!reply->done && how != ADMIN_UNDO) {
        log_error("command_unanswered", KV("module", lm->module->desc->name),
                  KV("command", call->command->name));
        admin_error(reply->out, 500, NULL, "the module has not answered, which is a defect of it");
    }
    return reply->out->status == 200;
}

/* -- what a module's function calls ------------------------------------------------------------ */

struct weir_slice weir_request_json(const struct weir_request *rq)
{
    return (struct weir_slice){rq->json.p, rq->json.n};
}

void weir_reply_json(struct weir_reply *reply, struct weir_slice json)
{
    json_t *j = json_loadb(json.p ? json.p : "", json.n, JSON_DECODE_ANY, NULL);

    if (reply->done || !json_is_object(j)) {
        json_decref(j);
        return;
    }
    json_decref(j);
    reply->done = true;
    reply->out->type = SLICE("application/json");
    text_add(&reply->out->body, slice_of(json.p, json.n));
    if (json.p[json.n - 1] != '\n')
        text_char(&reply->out->body, '\n');
}

void weir_reply_error(struct weir_reply *reply, int status, const char *member, const char *fmt,
                      ...)
{
    const bool known = status == 400 || status == 404 || status == 409;
    char memory[ERROR_MAX];
    va_list ap;

    if (reply->done)
        return;
    va_start(ap, fmt);
    vsnprintf(memory, sizeof memory, fmt, ap);
    va_end(ap);
    reply->done = true;
    admin_error(reply->out, known ? (uint16_t)status : 400, member, "%s", memory);
}

void weir_reply_fleet(struct weir_reply *reply, struct weir_slice json)
{
    text_fini(&reply->whole);
    text_init(&reply->whole);
    text_add(&reply->whole, slice_of(json.p, json.n));
}

void weir_reply_filed(struct weir_reply *reply)
{
    reply->filed = true;
}

void weir_reply_setting(struct weir_reply *reply, const char *place, const char *setting)
{
    if (strpbrk(place, "\t\n") || strpbrk(setting, "\t\n"))
        return;
    text_printf(&reply->says, "%s\t%s\n", place, setting);
}
