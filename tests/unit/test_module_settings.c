/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of modules: every kind at its default and as it is written, what is said about wrong
 * values, and tables that are refused. */
#include "module_case.h"

#include "core/log/template.h"

struct part {
    struct weir_place place;
    int64_t size;
};

struct all {
    bool on;
    int64_t count;
    uint64_t wait, room;
    uint32_t share;
    struct weir_slice text;
    int color;
    struct weir_texts words;
    struct {
        int64_t depth;
        struct weir_slice key;
    } inner;
    struct weir_groups parts, named;
    weir_cluster cluster;
    struct weir_slice path;
    const struct weir_template *template;
    struct weir_url url;
    struct weir_chain *chain;
};

static int checked;

static void part_check(struct weir_load *l, void *group)
{
    const struct part *p = group;
    struct weir_slice copy = weir_load_dup(l, (struct weir_slice){"abc", 2});
    cr_assert_weir(copy, "ab");
    cr_assert(weir_load_is_check(l));
    cr_assert_eq(weir_load_route_cluster(l), WEIR_NO_CLUSTER);
    cr_assert_eq(((char *)weir_load_alloc(l, 100))[99], 0);
    checked++;
    if (p->size == 13)
        weir_fault(l, &p->place, "%d is unlucky", 13);
    if (p->size == 14)
        weir_warn(l, weir_load_place(l), "%d is odd", 14);
    if (p->size == 15)
        weir_fault(l, NULL, "no more");
}

static const char *const colors[] = {"red", "green", NULL};
static const struct weir_setting part_rows[] = {
    WEIR_ROW_INT("size", struct part, size, "2", 0, 99, "how large"),
    WEIR_ROW_END,
};
static const struct weir_setting inner_rows[] = {
    {.name = "depth",
     .kind = WEIR_INT,
     .offset = 0,
     .preset = "7",
     .min = 1,
     .max = 9,
     .help = "how deep"},
    {.name = "key",
     .kind = WEIR_TEXT,
     .offset = offsetof(struct all, inner.key) - offsetof(struct all, inner),
     .help = "what nobody may see"},
    WEIR_ROW_END,
};
static const struct weir_setting all_rows[] = {
    WEIR_ROW_BOOL("on", struct all, on, "true", "whether"),
    WEIR_ROW_INT("count", struct all, count, "3", -5, 10, "how many"),
    WEIR_ROW_MS("wait", struct all, wait, "2s", 1, 60000, "how long"),
    WEIR_ROW_SIZE("room", struct all, room, "64k", 1024, 1 << 20, "how large"),
    WEIR_ROW_PERCENT("share", struct all, share, "2.5%", "how much"),
    WEIR_ROW_TEXT("text", struct all, text, "plain", "which words"),
    WEIR_ROW_CHOICE("color", struct all, color, "green", colors, "which color", .secret = true),
    WEIR_ROW_TEXTS("words", struct all, words, "some words"),
    WEIR_ROW_GROUP("inner", struct all, inner, inner_rows, "what is inside", .secret = true),
    WEIR_ROW_LIST("parts", struct all, parts, part_rows, struct part, "in a list",
                  .check = part_check),
    WEIR_ROW_MAP("named", struct all, named, part_rows, struct part, "by name",
                 .check = part_check),
    WEIR_ROW_CLUSTER("cluster", struct all, cluster, "where to"),
    WEIR_ROW_PATH("path", struct all, path, "keys/a.json", "where from"),
    WEIR_ROW_TEMPLATE("template", struct all, template, WEIR_AT_FORWARD, "what to say"),
    WEIR_ROW_URL("url", struct all, url, "whom to ask"),
    WEIR_ROW_CHAIN(struct all, chain),
    WEIR_ROW_END,
};
static const struct weir_module all_module = {
    .abi = WEIR_ABI,
    .name = "all",
    .summary = "has every kind of setting",
    .route = {.rows = all_rows, .size = sizeof(struct all)},
};

static void setup(void)
{
    modules_begin();
    module_add(&all_module);
}

TestSuite(module_settings, .init = setup, .fini = modules_end);

static const struct all *first_all(const struct config *c)
{
    return c->routes[0].modules->conf;
}

Test(module_settings, have_their_defaults)
{
    struct config *c = module_conf(MODULE_ROUTE("all = { };"));
    const struct all *a = first_all(c);
    cr_assert(a->on && a->count == 3 && a->wait == 2000 && a->room == 65536 && a->share == 25000);
    cr_assert_weir(a->text, "plain");
    cr_assert_eq(a->color, 1);
    cr_assert_eq(a->words.n, 0);
    cr_assert_eq(a->inner.depth, 7);
    cr_assert(a->parts.n == 0 && a->named.n == 0);
    cr_assert_eq(a->cluster, WEIR_NO_CLUSTER);
    cr_assert_weir(a->path, "keys/a.json");
    cr_assert_null(a->template);
    cr_assert(!a->url.text.p && a->url.cluster == WEIR_NO_CLUSTER);
    cr_assert_null(a->chain);
    config_free(c);
}

Test(module_settings, are_what_is_written)
{
    struct config *c = module_conf(MODULE_ROUTE(
        "all = { on = false; count = -5; wait = \"1m\"; room = \"1m\"; share = \"0.01%\"; text = "
        "\"x\"; color = \"red\"; words = [ \"a\", \"b\" ]; inner = { depth = 9; key = \"k\"; };\n"
        "parts = ( { }, { size = 4; } ); named = { one = { size = 5; }; }; cluster = \"c\"; path = "
        "\"/k\"; template = \"user %{client|nobody}\"; };"));
    const struct all *a = first_all(c);
    cr_assert(!a->on && a->count == -5 && a->wait == 60000 && a->room == 1 << 20 &&
              a->share == 100);
    cr_assert_weir(a->text, "x");
    cr_assert_eq(a->color, 0);
    cr_assert_weir(a->words.v[1], "b");
    cr_assert_eq(a->inner.depth, 9);
    cr_assert_weir(a->inner.key, "k");
    const struct part *parts = a->parts.v, *named = a->named.v;
    cr_assert(a->parts.n == 2 && parts[0].size == 2 && parts[1].size == 4);
    cr_assert(parts[1].place.index == 1 && parts[1].place.line == 6);
    cr_assert_str_eq(parts[1].place.file, "t.conf");
    cr_assert_eq(named[0].size, 5);
    cr_assert_weir(named[0].place.name, "one");
    cr_assert_eq(checked, 3);
    cr_assert_eq(a->cluster, 1);
    cr_assert_weir(a->path, "/k");
    cr_assert(a->template);
    config_free(c);
}

Test(module_settings, are_explained_like_the_gateways_own)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { count = 11; };"),
                     "t.conf:5: error: routes[0].all.count is 11; a whole number from -5 to 10");
    MODULE_CONF_SAYS(
        MODULE_ROUTE("all = {\ncuont = 1; };"),
        "t.conf:6: error: unknown setting routes[0].all.cuont; did you mean \"count\"?");
    MODULE_CONF_SAYS(
        MODULE_ROUTE("all = { parts = ( { sice = 1; } ); };"),
        "t.conf:5: error: unknown setting routes[0].all.parts[0].sice; did you mean \"size\"?");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = 3;"),
                     "t.conf:5: error: routes[0].all is 3; a group: { ... }");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { cluster = \"d\"; };"),
                     "t.conf:5: error: routes[0].all.cluster is \"d\"; no cluster has that name");
    MODULE_CONF_SAYS(
        MODULE_ROUTE("all = { cluster = 1; };"),
        "t.conf:5: error: routes[0].all.cluster is 1; the name of a cluster, in quotes");
}

Test(module_settings, that_are_secret_are_not_shown)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { color = \"grene\"; };"),
                     "t.conf:5: error: routes[0].all.color is wrong (it is secret and not shown); "
                     "one of \"red\" or \"green\"");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { inner = { key = 4711; }; };"),
                     "t.conf:5: error: routes[0].all.inner.key is wrong (it is secret and not "
                     "shown); a text in quotes");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { inner = { }; count = 11; };"),
                     "t.conf:5: error: routes[0].all.count is 11; a whole number from -5 to 10");
}

Test(module_settings, are_checked_by_the_module)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { parts = ( { },\n{ size = 13; } ); };"),
                     "t.conf:6: error: 13 is unlucky");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { named = {\nx = { size = 14; }; }; };"),
                     "t.conf:6: warning: 14 is odd");
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { parts = ( { size = 15; } ); };"),
                     "t.conf: error: module all: no more");
}

Test(module_settings, templates_know_when_they_are_rendered)
{
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(config_parse(MODULE_ROUTE("all = { template = \"%{clinet}\"; };\n},{ cluster = "
                                             "\"c\"; all = { template = \"%{status}\"; };"),
                                "t.conf", &modules.source, &faults));
    const struct fault *f = faults.first;
    cr_assert(strstr(f->text, "routes[0].all.template") && strstr(f->text, "client"), "%s",
              f->text);
    cr_assert_eq(f->line, 5);
    cr_assert(strstr(f->next->text, "routes[1].all.template") && strstr(f->next->text, "status"));
    cr_assert_eq(f->next->line, 6);
    faults_fini(&faults);
    struct config *c = module_conf(MODULE_ROUTE("all = { template = \"a%%b\"; };"));
    const struct template *t = (const struct template *)first_all(c)->template;
    cr_assert(t->n == 0 && slice_eq(t->tail, SLICE("a%b")));
    config_free(c);
}

Test(module_settings, templates_have_nothing_that_ends_a_line)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("all = { template = \"a\\r\\nb: c\"; };"),
                     "t.conf:5: error: routes[0].all.template has a line end or another control "
                     "character in it");
}

Test(module_settings, urls_have_clusters)
{
    struct config *c = module_conf(
        MODULE_ROUTE("all = { url = \"https://ID.example.com/keys?x=1\"; }; },\n"
                     "{ cluster = \"c\"; all = { url = \"https://id.example.com:443\"; }; },\n"
                     "{ cluster = \"c\"; all = { url = \"http://[::1]:8080/a\"; };"));
    const struct all *a = first_all(c), *b = c->routes[1].modules->conf,
                     *d = c->routes[2].modules->conf;
    cr_assert_eq(c->clusters_n, 4);
    cr_assert(a->url.cluster == 2 && b->url.cluster == 2 && d->url.cluster == 3);
    cr_assert_weir(a->url.text, "https://ID.example.com/keys?x=1");
    cr_assert_weir(a->url.host, "id.example.com");
    cr_assert_weir(a->url.target, "/keys?x=1");
    cr_assert_weir(b->url.target, "/");
    cr_assert_weir(d->url.host, "[::1]:8080");
    const struct cluster_conf *id = &c->clusters[2], *local = &c->clusters[3];
    cr_assert_weir(id->place.name, "url:id.example.com:443");
    cr_assert(id->place.index == 2 && id->place.line == 5);
    cr_assert_weir(id->endpoints[0].host, "id.example.com");
    cr_assert_eq(id->endpoints[0].port, 443);
    cr_assert(id->tls.set && id->tls.verify);
    cr_assert_eq(id->timeouts.connect, c->timeouts.connect);
    cr_assert_eq(id->pool.max_idle, c->clusters[0].pool.max_idle);
    cr_assert_weir(local->place.name, "url:http:[::1]:8080");
    cr_assert(!local->tls.set && local->endpoints[0].addr.len > 0);
    cr_assert_eq(c->routes[1].cluster_index, 1);
    config_free(c);
}

Test(module_settings, urls_are_of_origins)
{
    const char *const bad[] = {"id.example.com/keys", "ftp://a/",     "https://u@a/", "https:///x",
                               "https://10.0.0.256/", "https://a:0/", "https://a/#x", ""};
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[1024], expected[256];
        snprintf(text, sizeof text, MODULE_ROUTE("all = { url = \"%s\"; };"), bad[i]);
        snprintf(expected, sizeof expected,
                 "t.conf:5: error: routes[0].all.url is \"%s\"; a URL such as "
                 "\"https://id.example.com/keys\"",
                 bad[i]);
        MODULE_CONF_SAYS(text, expected);
    }
}

Test(module_settings, of_other_modules_stand_within)
{
    struct config *c = module_conf(
        MODULE_ROUTE("all = { all = { count = 1; all = { count = 2; }; }; on = false; };"));
    const struct module_conf *outer = c->routes[0].modules;
    const struct all *a = outer->conf;
    cr_assert_null(outer->next);
    cr_assert_eq((const void *)a->chain, outer->chains);
    const struct module_conf *inner = outer->chains->confs;
    const struct all *b = inner->conf;
    cr_assert(!a->on && b->count == 1 && inner->scope == MODULE_ROUTE);
    cr_assert_eq(((const struct all *)inner->chains->confs->conf)->count, 2);
    config_free(c);
    MODULE_CONF_SAYS(
        MODULE_ROUTE("all = { all = { wiat = \"1s\"; }; };"),
        "t.conf:5: error: unknown setting routes[0].all.all.wiat; did you mean \"wait\"?");
}

/* -- tables that are refused ------------------------------------------------------------------- */

static void refused(const struct weir_setting *rows, size_t size, const char *what)
{
    static const struct place place = {.file = "t.conf", .line = 3};
    const struct weir_module m = {.abi = WEIR_ABI,
                                  .name = "odd",
                                  .summary = "has a bad table",
                                  .route = {.rows = rows, .size = size}};
    struct faults faults;
    char expected[256];
    faults_init(&faults);
    cr_assert_null(module_set_add(&modules, &m, "/m/odd.so", NULL, &place, &faults), "%s", what);
    snprintf(expected, sizeof expected, "module odd (/m/odd.so) has a bad table: %s", what);
    cr_assert_str_eq(faults.first->text, expected);
    faults_fini(&faults);
}

#define REFUSED(what, size, ...)                                                                   \
    do {                                                                                           \
        const struct weir_setting rows_[] = {__VA_ARGS__, WEIR_ROW_END};                           \
        refused(rows_, size, what);                                                                \
    } while (0)

Test(module_settings, of_a_bad_table_are_refused)
{
    REFUSED("route.a: the name stands there twice", 8,
            {.name = "a", .kind = WEIR_BOOL, .help = "h"},
            {.name = "a", .kind = WEIR_BOOL, .help = "h"});
    REFUSED("route.a b: its name can't be written in a configuration", 8,
            {.name = "a b", .kind = WEIR_BOOL, .help = "h"});
    REFUSED("route.a: it has no help", 8, {.name = "a", .kind = WEIR_BOOL});
    REFUSED("route.a: it is of no kind that there is", 8,
            {.name = "a", .kind = (enum weir_kind)99, .help = "h"});
    REFUSED("route.a: it lies outside of the struct", 8,
            {.name = "a", .kind = WEIR_TEXT, .help = "h"});
    REFUSED("route.a: it lies outside of the struct", 8,
            {.name = "a", .kind = WEIR_INT, .offset = 1, .help = "h"});
    REFUSED("route.a: it has no names to choose from", 8,
            {.name = "a", .kind = WEIR_CHOICE, .help = "h"});
    REFUSED("route.a: nothing is in its range", 8,
            {.name = "a", .kind = WEIR_INT, .min = 2, .max = 1, .help = "h"});
    REFUSED("route.a: its default is none of the values that it may have", 8,
            {.name = "a", .kind = WEIR_INT, .preset = "3", .min = 1, .max = 2, .help = "h"});
    REFUSED("route.a: its default is none of the values that it may have", 8,
            {.name = "a", .kind = WEIR_MS, .preset = "3", .max = 9, .help = "h"});
    REFUSED("route.a: its default is none of the values that it may have", 8,
            {.name = "a", .kind = WEIR_BOOL, .preset = "yes", .help = "h"});
    REFUSED("route.a: its default is none of the values that it may have", 8,
            {.name = "a", .kind = WEIR_CLUSTER, .preset = "b", .help = "h"});
    REFUSED("route.a: its moment is none that there is", 8,
            {.name = "a", .kind = WEIR_TEMPLATE, .min = 9, .help = "h"});
    REFUSED("route.a: it has no rows", 8, {.name = "a", .kind = WEIR_GROUP, .help = "h"});
    REFUSED("route.a: each element begins with a struct weir_place", 16,
            {.name = "a", .kind = WEIR_LIST, .help = "h", .rows = part_rows, .size = 8});
    REFUSED("route.a.size: it lies outside of the struct", 8,
            {.name = "a", .kind = WEIR_GROUP, .help = "h", .rows = part_rows});
}

Test(module_settings, without_an_end_are_refused)
{
    struct weir_setting many[OPTION_ROWS_MAX + 8];
    for (size_t i = 0; i < array_n(many); i++)
        many[i] = (struct weir_setting){.name = "a", .kind = WEIR_BOOL, .help = "h"};
    refused(many, 8, "route: it has too many rows, or doesn't end");
    static const struct weir_setting loop[] = {
        {.name = "a", .kind = WEIR_GROUP, .help = "h", .rows = loop}, WEIR_ROW_END};
    refused(loop, 8, "route.a.a.a.a.a.a.a.a.a: it has too many rows, or doesn't end");
}
