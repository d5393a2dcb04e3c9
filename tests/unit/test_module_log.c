/* SPDX-License-Identifier: Apache-2.0 */
/* What modules say in the logs. The exchange has chains made by hand: one of its route with two
 * uses of one module and one of another, and one of its cluster. */

#include "core/module/module_log.h"

#include "base/event.h"
#include "core/module/module.h"
#include "tests/unit/access_log_case.h"

static const char *const canary_fields[] = {"bucket", "reason", NULL};
static const char *const mirror_fields[] = {"sample", NULL};
static const struct weir_module canary = {.name = "canary", .log_fields = canary_fields};
static const struct weir_module mirror = {.name = "mirror", .log_fields = mirror_fields};
static const struct weir_module cors = {.name = "cors"}; /* has none */
static const struct module modules[] = {{.desc = &canary}, {.desc = &mirror}, {.desc = &cors}};
static const struct module_use of_route[] = {
    {.module = &modules[0], .log_at = 0},
    {.module = &modules[2], .log_at = 2},
    {.module = &modules[0], .log_at = 2},
    {.module = &modules[1], .log_at = 4},
};
static const struct module_use of_cluster[] = {{.module = &modules[0], .log_at = 0}};
static const struct module_use of_others[] = {{.module = &modules[0], .log_at = 0}};
static const struct chain route_chain = {.uses = of_route, .uses_n = 4, .log_fields = 5};
static const struct chain cluster_chain = {.uses = of_cluster, .uses_n = 1, .log_fields = 2};

static void begin_chains(void)
{
    begin();
    x.chains[CHAIN_ROUTE].chain = &route_chain;
    x.chains[CHAIN_CLUSTER].chain = &cluster_chain;
}

TestSuite(module_log, .init = begin_chains, .fini = end);

/* As a hook of this use would. */
static void set(const struct module_use *use, unsigned index, const char *value)
{
    x.hook = use;
    weir_log_set((struct weir_exchange *)&x, NULL, index,
                 (struct weir_slice){value, strlen(value)});
    x.hook = NULL;
}

/* What the default JSON line says behind the gateway's own fields. */
static const char *told_by_modules(void)
{
    const char *line = line_of("json");
    const char *at = strstr(line, ",\"canary.");
    const char *other = strstr(line, ",\"mirror.");
    return !at || (other && other < at) ? other : at;
}

Test(module_log, keeps_what_was_said_in_a_cluster_that_was_left)
{
    struct chain_past past = {0};
    set(&of_cluster[0], 0, "7");
    set(&of_cluster[0], 1, "left");
    past.run = x.chains[CHAIN_CLUSTER];
    x.chains[CHAIN_CLUSTER] = (struct chain_run){.chain = &cluster_chain};
    x.past = &past;
    set(&of_cluster[0], 0, "8");
    EQ(line_of("%{module.canary.bucket} %{module.canary.reason}"), "8 left\n");
    cr_assert(told_by_modules() &&
              strstr(told_by_modules(), ",\"canary.reason\":\"left\",\"canary.bucket\":\"8\""));
}

Test(module_log, says_nothing_of_what_was_not_set)
{
    cr_assert(!told_by_modules());
    EQ(line_of("%{module.canary.bucket} %{module.mirror.sample|none}"), "- none\n");
    x.chains[CHAIN_ROUTE].chain = x.chains[CHAIN_CLUSTER].chain = NULL;
    cr_assert(!told_by_modules());
}

Test(module_log, shows_what_was_set_at_the_end_of_a_json_line)
{
    char value[] = "17";
    set(&of_route[0], 0, value);
    value[0] = 'x'; /* it was copied */
    set(&of_route[3], 0, "say \"hi\"\n");
    EQ(told_by_modules(), ",\"canary.bucket\":\"17\",\"mirror.sample\":\"say \\\"hi\\\"\\n\"}\n");
}

Test(module_log, leaves_out_of_a_json_line_what_it_does_not_ask_for)
{
    set(&of_route[0], 0, "17");
    set(&of_route[0], 1, "sticky");
    EQ(line_of("json route module.canary.reason"), "{\"module.canary.reason\":\"sticky\"}\n");
    EQ(line_of("json route"), "{}\n");
}

Test(module_log, is_asked_for_by_name_in_formats)
{
    set(&of_route[0], 1, "sticky");
    set(&of_route[3], 0, "a\x1b");
    EQ(line_of("%{module.canary.reason} %{module.mirror.sample} %{module.canary.sample} "
               "%{module.cors.reason} %{module.canary}"),
       "sticky a\\x1B - - -\n");
}

/* Names stand once in an object. */
Test(module_log, shows_the_last_use_that_has_set_a_field)
{
    set(&of_route[2], 0, "second");
    set(&of_route[0], 0, "first");
    EQ(told_by_modules(), ",\"canary.bucket\":\"second\"}\n");
    EQ(line_of("%{module.canary.bucket}"), "second\n");
    set(&of_cluster[0], 0, "cluster");
    EQ(told_by_modules(), ",\"canary.bucket\":\"cluster\"}\n");
    set(&of_cluster[0], 0, "again");
    EQ(told_by_modules(), ",\"canary.bucket\":\"again\"}\n");
}

Test(module_log, takes_nothing_that_has_no_place)
{
    set(&of_route[0], 2, "beyond the fields");
    set(&of_route[1], 0, "of a module without fields");
    set(&of_others[0], 0, "of a chain that isn't this exchange's");
    set(NULL, 0, "outside of a hook");
    cr_assert(!told_by_modules());
}

Test(module_log, shows_an_empty_value_that_was_set)
{
    set(&of_route[0], 0, "");
    EQ(told_by_modules(), ",\"canary.bucket\":\"\"}\n");
}

/* -- the error log ----------------------------------------------------------------------------- */

Test(module_log, writes_lines_of_modules_to_the_error_log)
{
    weir_log(WEIR_LOG_WARN, "canary_odd", "%d of \"%s\"", 3, "it");
    cr_assert(strstr(told, " warn ") && strstr(told, " canary_odd text=\"3 of \\\"it\\\"\"\n"),
              "%s", told);
    told[0] = '\0';
    weir_log(WEIR_LOG_TRACE, "canary_step", "not at this level");
    EQ(told, "");
    weir_log(WEIR_LOG_ERROR, "canary_bad", "two\nlines");
    cr_assert(strstr(told, "text=\"two\\nlines\"\n"));
}

Test(module_log, cuts_texts_that_are_too_long)
{
    weir_log(WEIR_LOG_INFO, "canary_long", "%01500d", 7);
    cr_assert(strstr(told, " cut=477\n") && strlen(told) < 1200, "%s", told);
    told[0] = '\0';
    weir_log(WEIR_LOG_INFO, "canary_long", "%01023d", 7);
    cr_assert(strstr(told, "0007\n") && !strstr(told, "cut"));
}

/* -- events ------------------------------------------------------------------------------------ */

static struct event_shared shared;

/* What the ring has of the only event. */
static const char *told_of_it(void)
{
    static char text[EVENT_TEXT_MAX + 1];
    struct event_cursor c = {0};
    struct event e;
    cr_assert(event_ring_next(&shared.ring, &c, 0, &e));
    cr_assert(!event_ring_next(&shared.ring, &c, 0, &(struct event){0}));
    snprintf(text, sizeof text, "%.*s", (int)e.text_n, e.text);
    return text;
}

Test(module_log, events_are_a_line_for_people_and_facts_for_programs)
{
    event_share(&shared);
    weir_event(WEIR_LOG_WARN, "canary_odd",
               WEIR_FACTS(WEIR_FACT("route", WEIR_SLICE("shop")), WEIR_NUMBER("n", -3),
                          WEIR_FACT("endpoint", WEIR_SLICE(""))),
               "%d of \"%s\"", 3, "it");
    cr_assert(strstr(told, " warn ") && strstr(told, " canary_odd text=\"3 of \\\"it\\\"\"\n"),
              "%s", told);
    EQ(told_of_it(),
       "\"fields\":{\"route\":\"shop\",\"n\":-3,\"text\":\"3 of \\\"it\\\"\"}");
}

Test(module_log, events_have_as_many_facts_as_there_is_room_for)
{
    struct weir_fact many[20];
    event_share(&shared);
    for (size_t i = 0; i < array_n(many); i++)
        many[i] = WEIR_NUMBER("n", i);
    weir_event(WEIR_LOG_INFO, "canary_odd", many, array_n(many), "so");
    cr_assert(strstr(told_of_it(), "\"n\":11,\"text\":\"so\"}"));
}
