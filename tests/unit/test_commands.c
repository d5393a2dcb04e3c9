/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of modules behind the admin server: who finds which, who may, and that a module gets
 * JSON objects only. The modules are made by hand. */

#include "control/commands.h"

#include <criterion/criterion.h>

#include "base/log.h"
#include "control/decide.h"
#include "core/module/module.h"
#include "core/worker.h"

static char got[256]; /* what the module was given */
static void *got_local;
static struct weir_process *got_process;

static void note(struct weir_process *p, void *local, const struct weir_request *rq)
{
    const struct weir_slice json = weir_request_json(rq);
    snprintf(got, sizeof got, "%.*s", (int)json.n, json.p);
    got_local = local;
    got_process = p;
}

static void run_get(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    note(p, local, rq);
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("{\"splits\":[]}"));
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("{\"twice\":1}"));
    weir_reply_error(reply, 409, NULL, "and an error, too");
}

static void run_set(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    note(p, local, rq);
    weir_reply_error(reply, 409, "weights", "route \"%s\" has %d variants", "shop", 3);
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("{}"));
}

static void run_mute(struct weir_process *p, void *local, const struct weir_request *rq,
                     struct weir_reply *reply)
{
    note(p, local, rq);
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("{\"half\":"));
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("[1]"));
    weir_reply_json(reply, (struct weir_slice){NULL, 0});
}

static void run_odd(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    note(p, local, rq);
    weir_reply_error(reply, 200, NULL, "%s", "no such status for an error");
}

static void run_part(struct weir_process *p, void *local, const struct weir_request *rq,
                     struct weir_reply *reply)
{
    note(p, local, rq);
    weir_reply_fleet(reply, (struct weir_slice)WEIR_SLICE("{\"route\":\"x\"}"));
    weir_reply_fleet(reply, (struct weir_slice)WEIR_SLICE("{\"route\":\"shop\",\"all\":1}"));
    weir_reply_json(reply, (struct weir_slice)WEIR_SLICE("{}"));
}

static const char *const of_split[] = {"route", NULL};

static const struct weir_command canary_commands[] = {
    {"get", false, run_get, "shows the splits"},
    {"set", true, run_set, "sets \"weights\""},
    {"mute", false, run_mute, "says nothing"},
    {"odd", false, run_odd, NULL},
    {"part", true, run_part, "sets some", .sets = "weights", .of = of_split},
    {NULL, false, NULL, NULL},
};
static const struct weir_module canary = {
    .name = "canary", .summary = "divides", .commands = canary_commands};
static const struct weir_module cors = {.name = "cors", .summary = "lets in"};
static struct module of_cors = {.desc = &cors}, of_canary = {.desc = &canary};
static struct loaded_module loaded[] = {{.module = &of_cors}, {.module = &of_canary}};
static struct module_plan plan = {.modules = loaded, .n = 2};
static struct generation g = {.modules = &plan};
static int local;
static void *locals[] = {NULL, &local};
static struct worker w = {.g = &g, .locals = locals};
static struct commands commands;
static struct admin_answer answer;
static char told[512];

static void on_log(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(told, sizeof told, "%.*s", SLICE_ARG(line));
}

static void begin(void)
{
    commands_init(&commands, &g, &w);
    log_set_sink(on_log);
    text_init(&answer.body);
}

static void end(void)
{
    text_fini(&answer.body);
}

TestSuite(commands, .init = begin, .fini = end);

/* The body of the answer. */
static const char *ask_who(const char *rest, const char *content, bool may_change)
{
    const struct admin_request rq = {.method = METHOD_POST,
                                     .rest = slice_str(rest),
                                     .content = slice_str(content),
                                     .may_change = may_change};
    text_fini(&answer.body);
    text_init(&answer.body);
    answer.status = 200;
    answer.type = slice_of(NULL, 0);
    got[0] = '\0';
    commands_answer(&commands, &rq, &answer);
    text_char(&answer.body, '\0');
    cr_assert(slice_eq(answer.type, SLICE("application/json")));
    return answer.body.p;
}

static const char *ask(const char *rest, const char *content)
{
    return ask_who(rest, content, true);
}

#define EQ(a, b) cr_assert_str_eq(a, b)

Test(commands, reach_the_module_with_its_local_state_and_the_json)
{
    EQ(ask("canary/get", " {\"route\": \"shop\"}\n"), "{\"splits\":[]}\n");
    cr_assert(answer.status == 200);
    EQ(got, " {\"route\": \"shop\"}\n");
    cr_assert(got_local == &local && got_process == process_of(&w));
}

Test(commands, take_no_content_for_an_empty_object)
{
    ask("canary/get", "");
    EQ(got, "{}");
    ask("canary/get", " ");
    EQ(got, "{}");
    w.locals = NULL; /* no module has a start() */
    ask("canary/get", "{}");
    cr_assert(!got_local);
}

Test(commands, refuse_what_is_no_json_object_before_the_module_sees_it)
{
    static const char *const bad[] = {
        "{", "[]", "1", "null", "\"x\"", "{} {}", "{a:1}", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < array_n(bad); i++) {
        const char *said = ask("canary/get", bad[i]);
        cr_assert(answer.status == 400, "%s", bad[i]);
        cr_assert(strstr(said, "{\"error\":\"the content must be a JSON object"), "%s", said);
        EQ(got, "");
    }
}

Test(commands, pass_on_what_a_module_refuses)
{
    EQ(ask("canary/set", "{}"),
       "{\"error\":\"route \\\"shop\\\" has 3 variants\",\"field\":\"weights\"}\n");
    cr_assert(answer.status == 409);
    EQ(ask("canary/odd", "{}"), "{\"error\":\"no such status for an error\"}\n");
    cr_assert(answer.status == 400);
}

Test(commands, change_something_only_for_who_may)
{
    const char *said = ask_who("canary/set", "{}", false);
    cr_assert(answer.status == 403 && strstr(said, "who asks may change nothing"), "%s", said);
    EQ(got, "");
    ask_who("canary/get", "{}", false);
    cr_assert(answer.status == 200);
}

Test(commands, hint_at_what_was_meant)
{
    EQ(ask("canry/get", "{}"), "{\"error\":\"there is no module in this configuration called "
                               "\\\"canry\\\"; did you mean \\\"canary\\\"?\"}\n");
    cr_assert(answer.status == 404);
    cr_assert(strstr(ask("retry/get", "{}"), "there are: cors, canary\"}"));
    cr_assert(strstr(ask("canary/gte", "{}"), "did you mean \\\"get\\\"?"));
    cr_assert(strstr(ask("canary/", "{}"), "there are: get, set, mute, odd, part\"}"));
    cr_assert(strstr(ask("canary", "{}"), "there are: get, set, mute, odd, part\"}"));
    cr_assert(strstr(ask("canary/get/", "{}"), "there is no command of this module called"));
    cr_assert(strstr(ask("cors/get", "{}"), "there are none\"}"));
    cr_assert(answer.status == 404);
    g.modules = NULL;
    cr_assert(strstr(ask("canary/get", "{}"), "there are none\"}") && answer.status == 404);
}

/* Whatever somebody asks for stands in the answer cut, and escaped. */
Test(commands, say_what_was_asked_for_within_bounds)
{
    char name[3000];
    memset(name, 'x', sizeof name);
    name[0] = '"';
    name[sizeof name - 1] = '\0';
    const char *said = ask(name, "{}");
    cr_assert(strlen(said) < 300 && strstr(said, "called \\\"\\\"xxx"), "%s", said);
}

Test(commands, say_that_a_module_gave_no_json)
{
    const char *said = ask("canary/mute", "{}");
    cr_assert(answer.status == 500 && strstr(said, "has not answered"), "%s", said);
    cr_assert(strstr(told, "command_unanswered module=canary command=mute"), "%s", told);
}

/* -- for the fleet ----------------------------------------------------------------------------- */

static char decided[256];

static const char *refuse(void *ctx, struct slice key)
{
    (void)ctx, (void)key;
    return NULL;
}

static const char *tell(void *ctx, const struct decision *d)
{
    (void)ctx;
    snprintf(decided, sizeof decided, "%.*s %.*s", SLICE_ARG(d->key), SLICE_ARG(d->json));
    return "told";
}

static const struct decider decider = {.refuse = refuse, .tell = tell};

Test(commands, are_said_to_the_fleet_as_a_whole_when_they_have_succeeded)
{
    cr_assert(strstr(ask("canary/part", "{\"route\":\"shop\",\"fleet\":true}"), "no fleet"));
    cr_assert_eq(answer.status, 409);
    EQ(got, "");
    commands.decider = &decider;
    EQ(ask("canary/part", "{\"route\":\"shop\",\"fleet\":true}"), "{\"fleet\":\"told\"}\n");
    EQ(decided, "canary/weights/shop {\"route\":\"shop\",\"all\":1,\"fleet\":true}");
}

Test(commands, are_not_said_to_the_fleet_where_they_make_no_sense)
{
    commands.decider = &decider;
    cr_assert(strstr(ask("canary/set", "{\"fleet\":true}"), "can't be said to the fleet"));
    cr_assert(strstr(ask("canary/get", "{\"fleet\":true}"), "can't be said to the fleet"));
    EQ(decided, "");
}

Test(commands, are_listed)
{
    const struct admin_request rq = {.method = METHOD_GET};
    commands_list(&commands, &rq, &answer);
    text_char(&answer.body, '\0');
    EQ(answer.body.p, "{\"modules\":["
                      "{\"name\":\"cors\",\"summary\":\"lets in\",\"commands\":[]},"
                      "{\"name\":\"canary\",\"summary\":\"divides\",\"commands\":["
                      "{\"name\":\"get\",\"changes\":false,\"help\":\"shows the splits\"},"
                      "{\"name\":\"set\",\"changes\":true,\"help\":\"sets \\\"weights\\\"\"},"
                      "{\"name\":\"mute\",\"changes\":false,\"help\":\"says nothing\"},"
                      "{\"name\":\"odd\",\"changes\":false,\"help\":null},"
                      "{\"name\":\"part\",\"changes\":true,\"help\":\"sets some\"}]}]}\n");
}

Test(commands, are_an_empty_list_where_there_are_no_modules)
{
    const struct admin_request rq = {.method = METHOD_GET};
    g.modules = NULL;
    commands_list(&commands, &rq, &answer);
    text_char(&answer.body, '\0');
    EQ(answer.body.p, "{\"modules\":[]}\n");
}
