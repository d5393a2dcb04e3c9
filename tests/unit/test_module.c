/* SPDX-License-Identifier: Apache-2.0 */
/* Loading modules: from files, and what is refused; lists and pages. */
#include "module_case.h"

#include "base/text.h"

#define FOLDER TEST_BUILDDIR "/tests/unit/modules"
#define WITH_FOLDER "module_folders = [ \"/nowhere\", \"" FOLDER "\" ]; "

TestSuite(module, .init = modules_begin, .fini = modules_end);

Test(module, is_loaded_once_and_kept)
{
    struct config *c = module_conf(
        WITH_FOLDER MODULE_ROUTE("plain = { }; },\n{ cluster = \"c\"; plain = { depth = 8; };"));
    const struct module *m = c->routes[0].modules->module;
    cr_assert_str_eq(m->desc->name, "plain");
    cr_assert(slice_eq(m->path, SLICE(FOLDER "/plain.so")));
    cr_assert_eq(c->routes[1].modules->module, m);
    cr_assert_eq(modules.n, 1);
    cr_assert_eq(*(const int64_t *)c->routes[1].modules->conf, 8);
    config_free(c);
    c = module_conf(WITH_FOLDER MODULE_ROUTE("plain = { };"));
    cr_assert_eq(c->routes[0].modules->module, m);
    config_free(c);
}

Test(module, is_only_found_where_the_configuration_looks)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("plain = { };"),
                     "t.conf:5: error: unknown setting routes[0].plain; known here: name, match, "
                     "cluster, redirect, respond, rewrite, timeout, body_size, and settings of "
                     "installed modules, by their names (weir -m lists them)");
}

Test(module, names_are_hints)
{
    MODULE_CONF_SAYS(WITH_FOLDER MODULE_ROUTE("plian = { };"),
                     "t.conf:5: error: unknown setting routes[0].plian; did you mean \"plain\"?");
    MODULE_CONF_SAYS(
        WITH_FOLDER MODULE_ROUTE("tiemout = \"1s\";"),
        "t.conf:5: error: unknown setting routes[0].tiemout; did you mean \"timeout\"?");
    MODULE_CONF_SAYS(WITH_FOLDER "modules = { x_y_z = { }; };\n" MODULE_ROUTE(""),
                     "t.conf:1: error: unknown setting modules.x_y_z; known here: misnamed, newer, "
                     "no_symbol, older, plain, and settings of installed modules, by their names "
                     "(weir -m lists them)");
}

Test(module, is_in_force_everywhere_when_it_is_a_default)
{
    struct config *c = module_conf("default_modules = \"plain\"; " WITH_FOLDER MODULE_ROUTE(
        "}, { respond = { }; }, { cluster = \"c\"; plain = { depth = 8; };"));
    cr_assert_eq(c->default_modules.n, 1);
    cr_assert_eq(*(const int64_t *)c->routes[0].modules->conf, 3, "the default of its setting");
    cr_assert_null(c->routes[1].modules, "which makes no attempts");
    cr_assert_eq(*(const int64_t *)c->routes[2].modules->conf, 8);
    cr_assert_null(c->routes[2].modules->next);
    config_free(c);
    c = module_conf(WITH_FOLDER MODULE_ROUTE(""));
    cr_assert_null(c->routes[0].modules, "those of the preset aren't installed here");
    config_free(c);
}

Test(module, is_no_default_when_it_is_not_there)
{
    MODULE_CONF_SAYS("default_modules = [ \"plian\" ]; " WITH_FOLDER MODULE_ROUTE(""),
                     "t.conf:1: error: default_modules has \"plian\"; no module of that name is "
                     "installed (weir -m lists them)");
}

Test(module, of_another_interface_is_refused)
{
    MODULE_CONF_SAYS(WITH_FOLDER MODULE_ROUTE("older = { };"),
                     "t.conf:5: error: module older (" FOLDER
                     "/older.so) was built for interface 2, "
                     "this gateway has 3: rebuild it against its <weir/module.h>");
}

Test(module, must_be_called_what_its_file_is_called)
{
    MODULE_CONF_SAYS(WITH_FOLDER MODULE_ROUTE("misnamed = { };"),
                     "t.conf:5: error: " FOLDER
                     "/misnamed.so says that it is the module plain: the file must be called "
                     "plain.so");
}

Test(module, needs_a_descriptor)
{
    MODULE_CONF_SAYS(WITH_FOLDER MODULE_ROUTE("no_symbol = { };"),
                     "t.conf:5: error: " FOLDER
                     "/no_symbol.so is no module: it has no symbol weir_module (see "
                     "docs/modules.md)");
}

Test(module, that_calls_what_is_not_there_is_refused)
{
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(
        config_parse(WITH_FOLDER MODULE_ROUTE("newer = { };"), "t.conf", &modules.source, &faults));
    cr_assert_eq(faults.errors, 1);
    cr_assert_eq(faults.first->line, 5);
    cr_assert(strstr(faults.first->text, "module newer can't be loaded: "), "%s",
              faults.first->text);
    cr_assert(strstr(faults.first->text, "weir_not_here_yet"), "%s", faults.first->text);
    faults_fini(&faults);
}

Test(module, stands_only_where_it_has_settings)
{
    MODULE_CONF_SAYS(WITH_FOLDER "modules = { plain = { }; };\n" MODULE_ROUTE(""),
                     "t.conf:1: error: the module plain has no settings under `modules`, but on "
                     "routes");
}

/* -- descriptors ------------------------------------------------------------------------------- */

static const struct weir_setting no_rows[] = {WEIR_ROW_END};

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_NEXT;
}

static void refused(const struct weir_module *m, const char *what)
{
    static const struct place place = {.file = "t.conf", .line = 3};
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(module_set_add(&modules, m, "/m/odd.so", NULL, &place, &faults));
    cr_assert_str_eq(faults.first->text, what);
    cr_assert_eq(modules.n, 0);
    faults_fini(&faults);
}

#define REFUSED(what, ...)                                                                         \
    refused(                                                                                       \
        &(const struct weir_module){.abi = WEIR_ABI, .name = "odd", .summary = "s", __VA_ARGS__},  \
        what)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
Test(module, that_makes_no_sense_is_refused)
{
    static const struct weir_command nameless[] = {{.name = "Set"}, {0}};
    static const char *const fields[] = {"a b", NULL};
    static const struct weir_counter helpless[] = {{"seen", NULL}, {0}};
    REFUSED("module odd (/m/odd.so) was built for interface 7, this gateway has 3: rebuild it "
            "against its <weir/module.h>",
            .abi = 7);
    REFUSED(
        "module \"O-d\" (/m/odd.so): a name is 1 to 32 lower-case letters, digits and \"_\", and "
        "begins with a letter",
        .name = "O-d");
    REFUSED("module odd (/m/odd.so) has no summary", .summary = NULL);
    REFUSED("module odd (/m/odd.so) has ends_route without on_plan or settings of a route: nothing "
            "would choose the cluster",
            .ends_route = true, .route = {.rows = no_rows});
    REFUSED("module odd (/m/odd.so): the command \"Set\" lacks a lower-case name, run or help",
            .commands = nameless);
    REFUSED("module odd (/m/odd.so): the counter \"seen\" lacks a lower-case name or help",
            .counters = helpless);
    REFUSED("module odd (/m/odd.so): the log field \"a b\" has no lower-case name",
            .log_fields = fields);
    REFUSED("module match (/m/odd.so) has a bad table: route: the gateway has a setting of the "
            "module's name there",
            .name = "match", .route = {.rows = no_rows});
    REFUSED("module odd (/m/odd.so) has a bad table: global: global settings can't be a list",
            .global = {.rows = no_rows, .list = true});
}

Test(module, may_have_the_name_of_a_setting_elsewhere)
{
    module_add(&(const struct weir_module){.abi = WEIR_ABI,
                                           .name = "match",
                                           .summary = "s",
                                           .cluster = {.rows = no_rows},
                                           .global = {.rows = no_rows}});
}
#pragma GCC diagnostic pop

Test(module, sixty_four_are_enough)
{
    static char names[MODULES_MAX + 1][8];
    static struct weir_module many[MODULES_MAX + 1];
    static const struct place place = {.file = "t.conf"};
    for (size_t i = 0; i <= MODULES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "m%zu", i);
        many[i] = (struct weir_module){.abi = WEIR_ABI, .name = names[i], .summary = "s"};
        if (i < MODULES_MAX)
            module_add(&many[i]);
    }
    cr_assert_null(
        module_set_add(&modules, &many[MODULES_MAX], "m.so", NULL, &place, &module_faults));
    cr_assert_str_eq(module_faults.first->text,
                     "module m64 is one too many: at most 64 may be loaded");
}

/* -- lists and pages --------------------------------------------------------------------------- */

static void begin_folder(void)
{
    struct slice folder = SLICE_INIT(FOLDER);
    modules.source.begin(&modules.source, &(struct texts){.v = &folder, .n = 1});
}

Test(module, is_listed_with_its_path_or_what_is_wrong_with_it)
{
    struct text t;
    text_init(&t);
    begin_folder();
    module_list(&t, &modules);
    text_char(&t, 0);
    cr_assert(strstr(t.p, "plain            does nothing\n                 " FOLDER "/plain.so\n"),
              "%s", t.p);
    cr_assert(strstr(t.p, "older            can't be used: module older (" FOLDER
                          "/older.so) was built for interface 2"),
              "%s", t.p);
    cr_assert(strstr(t.p, "folders: " FOLDER "\n"), "%s", t.p);
    text_fini(&t);
}

static void run(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply)
{
    (void)p, (void)local, (void)rq, (void)reply;
}

Test(module, has_a_page)
{
    static const struct weir_command commands[] = {
        {.name = "show", .run = run, .help = "shows it"},
        {.name = "set", .changes = true, .run = run, .help = "sets it"},
        {0}};
    static const char *const fields[] = {"why", "who", NULL};
    static const struct weir_counter counters[] = {{"seen", "what was seen"}, {0}};
    static const struct weir_setting rows[] = {
        {.name = "on", .kind = WEIR_BOOL, .preset = "true", .help = "whether"}, WEIR_ROW_END};
    module_add(&(const struct weir_module){.abi = WEIR_ABI,
                                           .name = "odd",
                                           .summary = "has a page",
                                           .commands = commands,
                                           .log_fields = fields,
                                           .counters = counters,
                                           .on_plan = on_plan,
                                           .global = {.rows = rows, .size = 1},
                                           .cluster = {.rows = rows, .size = 1, .list = true}});
    struct text t;
    text_init(&t);
    module_help(&t, list_entry(modules.modules.next, struct module, node));
    text_char(&t, 0);
    cr_assert_str_eq(t.p,
                     "# Module odd\n\nHas a page.\n\n## modules.odd\n\nWhat counts everywhere.\n"
                     "\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n"
                     "| `on` | true or false | `true` | whether |\n"
                     "\n## clusters.NAME.odd[]\n\nWhat counts on a cluster.\n"
                     "\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n"
                     "| `on` | true or false | `true` | whether |\n"
                     "\n| command | changes something | meaning |\n| --- | --- | --- |\n"
                     "| `show` | no | shows it |\n| `set` | yes | sets it |\n"
                     "\n| metric | meaning |\n| --- | --- |\n"
                     "| `weir_odd_seen_total` | what was seen |\n"
                     "\nFields in the access log: `odd.why`, `odd.who`.\n");
    text_fini(&t);
}
