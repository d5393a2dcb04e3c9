/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a configuration: the files that are shipped, the order of faults, size, and the
 * generated reference. The sections have tests of their own. */
#include "config_case.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "config/option_value.h"
#include "config/sections.h"
#include "core/module/module.h"

static void read_whole(const char *path, struct text *out)
{
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    text_init(out);
    for (size_t n = 1; n > 0; out->n += n) {
        cr_assert(text_need(out, 65536));
        n = fread(out->p + out->n, 1, 65536, f);
    }
    fclose(f);
}

static struct config *load_shipped(const char *name)
{
    char path[512];
    struct faults faults;
    snprintf(path, sizeof path, "%s/conf/%s", TEST_SRCDIR, name);
    faults_init(&faults);
    struct config *c = config_load(path, NULL, &faults);
    print_faults(&faults);
    cr_assert(c, "%s", path);
    cr_assert_eq(faults.warnings, 0);
    faults_fini(&faults);
    return c;
}

Test(config, a_minimal_text_gives_the_defaults)
{
    struct config *c = conf_of(LISTENERS CLUSTERS ROUTES);
    cr_assert_slice(c->file, "t.conf");
    cr_assert_eq(c->listeners_n, 1);
    cr_assert_eq(c->clusters_n, 1);
    cr_assert_eq(c->routes_n, 1);
    cr_assert_eq(memcmp(&c->timeouts, &c->listeners[0].timeouts, sizeof c->timeouts), 0);
    cr_assert_eq(memcmp(&c->limits, &c->listeners[0].limits, sizeof c->limits), 0);
    cr_assert_eq(memcmp(&c->timeouts, &c->clusters[0].timeouts, sizeof c->timeouts), 0);
    config_free(c);
}

Test(config, has_a_digest_that_is_the_same_for_the_same_text)
{
    struct config *a = conf_of(LISTENERS CLUSTERS ROUTES);
    struct config *b = conf_of(LISTENERS CLUSTERS ROUTES);
    struct config *c = conf_of(LISTENERS CLUSTERS ROUTES " ");
    cr_assert_eq(a->digest, b->digest);
    cr_assert_neq(a->digest, c->digest);
    config_free(a);
    config_free(b);
    config_free(c);
}

Test(config, every_example_loads_without_a_warning)
{
    const char *const names[] = {"minimal.conf",          "weir.conf",
                                 "examples/routing.conf", "examples/redirects.conf",
                                 "examples/dns.conf",     "examples/limits.conf",
                                 "examples/logging.conf", "examples/tls.conf",
                                 "examples/health.conf"};
    for (size_t i = 0; i < array_n(names); i++)
        config_free(load_shipped(names[i]));
}

/* What weir.conf says is what is so when nothing is said. */
Test(config, weir_conf_has_every_setting_at_its_default)
{
    struct config *said = load_shipped("weir.conf"), *unsaid = load_shipped("minimal.conf");
    cr_assert_eq(said->workers, unsaid->workers);
    cr_assert_eq(said->affinity, unsaid->affinity);
    cr_assert_eq(said->user.n + said->group.n + said->pid_file.n, 0);
    cr_assert_eq(memcmp(&said->timeouts, &unsaid->timeouts, sizeof said->timeouts), 0);
    cr_assert_eq(memcmp(&said->limits, &unsaid->limits, sizeof said->limits), 0);
    cr_assert_eq(memcmp(&said->memory, &unsaid->memory, sizeof said->memory), 0);
    cr_assert_eq(said->forwarding.style, unsaid->forwarding.style);
    cr_assert_eq(said->forwarding.trusted_n, unsaid->forwarding.trusted_n);
    cr_assert_eq(said->forwarding.via, unsaid->forwarding.via);
    cr_assert_eq(said->forwarding.request_id, unsaid->forwarding.request_id);
    cr_assert(slice_eq(said->forwarding.name, unsaid->forwarding.name));
    cr_assert_eq(said->paths.duplicate_slashes, unsaid->paths.duplicate_slashes);
    cr_assert_eq(said->paths.keep_encoded_slashes, unsaid->paths.keep_encoded_slashes);
    cr_assert_eq(said->regex_steps, unsaid->regex_steps);
    cr_assert_eq(said->module_folders.n, unsaid->module_folders.n);
    cr_assert(!said->modules && !unsaid->modules);
    cr_assert_eq(said->resolver.servers.n, unsaid->resolver.servers.n);
    cr_assert_eq(said->resolver.timeout, unsaid->resolver.timeout);
    cr_assert_eq(said->resolver.tries, unsaid->resolver.tries);
    cr_assert_eq(said->admin.own.unix_mode, unsaid->admin.own.unix_mode);
    cr_assert(slice_eq(said->log.access, unsaid->log.access));
    cr_assert(slice_eq(said->log.format, unsaid->log.format));
    cr_assert(slice_eq(said->log.error, unsaid->log.error));
    cr_assert_eq(said->log.buffer, unsaid->log.buffer);
    cr_assert_eq(said->log.flush, unsaid->log.flush);
    cr_assert_eq(said->log.level, unsaid->log.level);
    cr_assert_eq(said->log.burst, unsaid->log.burst);
    const struct listener_conf *la = said->listeners, *lb = unsaid->listeners;
    cr_assert_eq(la->backlog, lb->backlog);
    cr_assert_eq(la->ipv6_only, lb->ipv6_only);
    cr_assert_eq(la->unix_mode, lb->unix_mode);
    const struct cluster_conf *ca = said->clusters, *cb = unsaid->clusters;
    cr_assert_eq(ca->balance, cb->balance);
    cr_assert_eq(ca->endpoints[0].weight, cb->endpoints[0].weight);
    cr_assert_eq(memcmp(&ca->least_request, &cb->least_request, sizeof ca->least_request), 0);
    cr_assert_eq(ca->ewma_decay, cb->ewma_decay);
    cr_assert_eq(ca->panic, cb->panic);
    cr_assert_eq(ca->overprovision, cb->overprovision);
    cr_assert_eq(ca->zone_aware.enabled, cb->zone_aware.enabled);
    cr_assert_eq(ca->zone_aware.min_endpoints, cb->zone_aware.min_endpoints);
    cr_assert_eq(ca->slow_start.window, cb->slow_start.window);
    cr_assert_eq(ca->slow_start.min_share, cb->slow_start.min_share);
    cr_assert_eq(ca->slow_start.aggression, cb->slow_start.aggression);
    cr_assert_eq(memcmp(&ca->pool, &cb->pool, sizeof ca->pool), 0);
    cr_assert_eq(memcmp(&ca->retry_budget, &cb->retry_budget, sizeof ca->retry_budget), 0);
    cr_assert_eq(memcmp(&ca->dns, &cb->dns, sizeof ca->dns), 0);
    config_free(said);
    config_free(unsaid);
}

static void expect_named(const struct text *text, const struct option *rows)
{
    char assigned[64];
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++) {
        if (rows[i].kind == OPTION_KIND_REST)
            continue; /* modules have pages of their own */
        snprintf(assigned, sizeof assigned, "%s =", rows[i].name);
        bool alternative =
            memmem("path path_regex suffix regex", 28, rows[i].name, strlen(rows[i].name)) != NULL;
        const char *want = alternative ? rows[i].name : assigned;
        cr_assert(memmem(text->p, text->n, want, strlen(want)), "weir.conf lacks %s", rows[i].name);
        if (rows[i].rows)
            expect_named(text, rows[i].rows);
    }
}

Test(config, weir_conf_names_every_setting)
{
    struct text text;
    read_whole(TEST_SRCDIR "/conf/weir.conf", &text);
    expect_named(&text, top_options);
    text_fini(&text);
}

/* Every preset goes through the parser of its kind; must() would stop the test. */
static size_t check_presets(const struct option *rows)
{
    size_t n = 0;
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++, n++) {
        const struct option *o = &rows[i];
        uint64_t room[2] = {0};
        cr_assert(o->help && *o->help && o->help[strlen(o->help) - 1] != '.', "%s", o->name);
        if (o->kind != OPTION_KIND_CUSTOM)
            option_value_preset(o, room);
        if (o->kind == OPTION_KIND_MS || o->kind == OPTION_KIND_SIZE)
            cr_assert(!o->preset || (room[0] >= (uint64_t)o->min && room[0] <= (uint64_t)o->max),
                      "the default of %s is out of range", o->name);
        if (o->kind == OPTION_KIND_CUSTOM)
            cr_assert(o->read && o->form, "%s", o->name);
        if (o->rows)
            n += check_presets(o->rows);
    }
    return n;
}

Test(config, every_default_in_the_tables_is_one_that_may_be_written)
{
    cr_assert_gt(check_presets(top_options), 100);
}

Test(config, the_reference_is_up_to_date)
{
    struct text now, file;
    struct module_set modules;
    struct slice built = SLICE_INIT(TEST_BUILDDIR "/modules");
    text_init(&now);
    module_set_init(&modules);
    modules.folders = (struct texts){.v = &built, .n = 1};
    config_reference(&now);
    modules_reference(&now, &modules);
    module_set_fini(&modules);
    read_whole(TEST_SRCDIR "/docs/settings.md", &file);
    cr_assert(slice_eq(text_slice(&now), text_slice(&file)),
              "docs/settings.md is not what the tables say; ./dev docs makes it again");
    text_fini(&now);
    text_fini(&file);
}

Test(config, faults_stand_in_the_order_of_the_file)
{
    struct faults faults;
    faults_init(&faults);
    faults_add(&faults, "other", 99, "was there before");
    cr_assert_null(config_parse("routes = ( { cluster = \"none\"; },\n"
                                " { name = \"a b\"; cluster = \"none\"; foo = 1; } );\n"
                                "listeners = ( { name = 1; bind = 2; } );\n"
                                "clusters = 3;\nworkers = 0;\n",
                                "t.conf", NULL, &faults));
    cr_assert_eq(faults.errors, 9);
    const struct fault *f = faults.first;
    cr_assert_str_eq(f->text, "was there before");
    int line = 0;
    for (f = f->next; f; f = f->next) {
        cr_assert_geq(f->line, line);
        line = f->line;
    }
    cr_assert_eq(line, 5);
    faults_add(&faults, "other", 1, "comes after");
    size_t n = 0;
    for (f = faults.first; f->next; f = f->next)
        n++;
    cr_assert_eq(n, 9);
    cr_assert_str_eq(f->text, "comes after");
    faults_fini(&faults);
}

Test(config, mistakes_of_the_whole_are_found)
{
    CONF_CASES(
        {CLUSTERS ROUTES, "t.conf: error: there is no listener; at least one stands in listeners"},
        {"listeners = ( );\n" CLUSTERS ROUTES,
         "t.conf: error: there is no listener; at least one stands in listeners"},
        {LISTENERS CLUSTERS,
         "t.conf: warning: there is no route: every request will be answered with 404"},
        {WITH_TOP("listners = ( );"),
         "t.conf:1: error: unknown setting listners; did you mean \"listeners\"?"},
        {"a = = 1;", "t.conf:1: error: syntax error; the line reads: a = = 1;"},
        {"a = 1;\na = 2;", "t.conf:2: error: a is set twice in its group; first in line 1"},
        {"a = [ 1,\n \"b\" ];",
         "t.conf:2: error: mismatched element type in array; the line reads: \"...\" ];"},
        {"a = \"s\\\"cret\" = \"\" \"x\";",
         "t.conf:1: error: syntax error; the line reads: a = \"...\" = \"...\" \"...\";"},
        {"@include \"a\"", "t.conf:1: error: @include is only possible in a file"});
}

/* What the gateway can't do yet must not look as if it could. */
Test(config, sections_to_come_are_unknown)
{
    const char *const names[] = {"tls", "redis"};
    for (size_t i = 0; i < array_n(names); i++) {
        char text[512], expected[128];
        struct faults faults;
        faults_init(&faults);
        snprintf(text, sizeof text, "%s = { };" LISTENERS CLUSTERS ROUTES, names[i]);
        snprintf(expected, sizeof expected, "unknown setting %s; known here: module_folders, ", names[i]);
        cr_assert_null(config_parse(text, "t.conf", NULL, &faults));
        cr_assert_eq(faults.errors, 1);
        cr_assert(strncmp(faults.first->text, expected, strlen(expected)) == 0, "%s",
                  faults.first->text);
        faults_fini(&faults);
    }
}

Test(config, nothing_of_a_refused_configuration_is_left)
{
    struct faults faults;
    faults_init(&faults);
    for (int i = 0; i < 3; i++)
        cr_assert_null(config_parse("a = 1;", "t.conf", NULL, &faults));
    config_free(NULL);
    faults_fini(&faults);
}

static void many(struct text *t, int clusters, int routes)
{
    text_init(t);
    text_str(t, LISTENERS "clusters = {\n");
    for (int i = 0; i < clusters; i++)
        text_printf(t, "c%d = { endpoints = [ \"10.%d.%d.1:80\" ]; };\n", i, i / 256, i % 256);
    text_str(t, "};\nroutes = (\n");
    for (int i = 0; i < routes; i++)
        text_printf(t,
                    "%s{ name = \"r%d\"; match = { host = \"h%d.example.com\"; path_prefix = "
                    "\"/s/%d\"; }; cluster = \"c%d\"; }\n",
                    i ? "," : "", i, i % 100, i, i % clusters);
    text_str(t, ");\n");
    text_char(t, 0);
}

/* The costs of n and of 4n, in processor time, so that a busy machine doesn't matter: a quadratic
 * check of duplicates would take 16 times as long. */
Test(config, ten_thousand_routes_are_read_in_linear_time)
{
    double cost[2];
    for (int i = 0; i < 2; i++) {
        struct text t;
        int n = i ? 10000 : 2500;
        many(&t, n / 10, n);
        clock_t before = clock();
        struct config *c = conf_of(t.p);
        cost[i] = (double)(clock() - before);
        cr_assert_eq(c->routes_n, (size_t)n);
        cr_assert_eq(c->routes[n - 1].cluster_index, (n - 1) % (n / 10));
        config_free(c);
        text_fini(&t);
    }
    fprintf(stderr, "2500 routes: %.0f ms, 10000: %.0f ms\n", cost[0] / CLOCKS_PER_SEC * 1000,
            cost[1] / CLOCKS_PER_SEC * 1000);
    cr_assert_lt(cost[1], cost[0] * 10);
}
