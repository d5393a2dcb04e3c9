/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl status, routes: what is going on, and what is configured. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"
#include "weirctl/overrides.h"
#include "weirctl/table.h"

#include <string.h>

/* -- status ------------------------------------------------------------------------------------ */

static double number(const json_t *o, const char *key)
{
    double v = 0;
    (void)answer_number(o, key, &v);
    return v;
}

static void show_ago(const json_t *answer, const json_t *o, const char *key, struct text *out)
{
    answer_moment(out, o, key);
    text_str(out, " (");
    duration_text(out, number(answer, "now") - number(o, key));
    text_str(out, " ago)");
}

static bool is_rolled_back(const json_t *config)
{
    const char *origin = json_string_value(json_object_get(config, "origin"));
    return origin && strcmp(origin, "rollback") == 0;
}

static void show_config(const json_t *answer, struct text *out)
{
    const json_t *config = json_object_get(answer, "config");
    text_str(out, "Configuration  ");
    answer_add(out, config, "file");
    if (is_rolled_back(config))
        text_str(out, " as it was before (rollback)");
    text_str(out, ", generation ");
    answer_add(out, config, "generation");
    text_str(out, ", loaded ");
    show_ago(answer, config, "loaded", out);
    text_printf(out, "\n               %.0f listeners, %.0f routes, %.0f clusters; digest ",
                number(config, "listeners"), number(config, "routes"), number(config, "clusters"));
    answer_add(out, config, "digest");
    text_char(out, '\n');
}

static void show_processes(const json_t *answer, struct text *out)
{
    const json_t *workers = json_object_get(answer, "workers");
    text_printf(out, "Workers        %.0f of %.0f alive, %.0f of older generations draining\n",
                number(workers, "alive"), number(workers, "wanted"), number(workers, "draining"));
    text_printf(out,
                "Reloads        %.0f, %.0f refused; upgrades: %.0f, %.0f given up; %.0f processes "
                "were replaced\n",
                number(answer, "reloads"), number(answer, "reloads_failed"),
                number(answer, "upgrades"), number(answer, "upgrades_failed"),
                number(answer, "restarts"));
}

static void show_traffic(const json_t *answer, struct text *out)
{
    const json_t *e = json_object_get(answer, "endpoints");
    text_printf(out, "Requests       %.0f, %.0f under way\n", number(answer, "requests"),
                number(answer, "active"));
    text_printf(out,
                "Endpoints      %.0f: %.0f up and %.0f down by health checks, %.0f drained, %.0f "
                "held back by modules\n",
                number(e, "all"), number(e, "up"), number(e, "down"), number(e, "drained"),
                number(e, "held_back"));
}

static void show_overrides(const json_t *answer, struct text *out)
{
    text_str(out, "Overrides      ");
    text_uint(out, json_array_size(answer_list(answer, "overrides")));
    text_char(out, '\n');
    if (json_array_size(answer_list(answer, "overrides")))
        text_char(out, '\n');
    overrides_show(answer, out);
}

static void show_status(const json_t *answer, struct text *out)
{
    text_str(out, "Weir           ");
    answer_add(out, answer, "version");
    text_str(out, ", started ");
    show_ago(answer, answer, "started", out);
    text_char(out, '\n');
    show_config(answer, out);
    show_processes(answer, out);
    show_traffic(answer, out);
    show_overrides(answer, out);
}

/* -- routes ------------------------------------------------------------------------------------ */

static void join(struct text *cell, const json_t *o, const char *key, const char *otherwise)
{
    const json_t *list = answer_list(o, key), *v;
    size_t i;
    if (!json_array_size(list))
        text_str(cell, otherwise);
    json_array_foreach(list, i, v)
    {
        text_str(cell, i ? " " : "");
        answer_plain(cell, json_is_string(v) ? json_string_value(v) : "-");
    }
}

static void add_path(struct text *cell, const json_t *route)
{
    if (json_object_get(route, "path")) {
        answer_add(cell, route, "path");
    } else if (json_object_get(route, "path_prefix")) {
        answer_add(cell, route, "path_prefix");
        text_str(cell, strcmp(json_string_value(json_object_get(route, "path_prefix")) ?: "", "/")
                           ? "/*"
                           : "*");
    } else if (json_object_get(route, "path_regex")) {
        text_char(cell, '~');
        answer_add(cell, route, "path_regex");
    } else {
        text_char(cell, '*');
    }
    if (number(route, "conditions") > 0)
        text_printf(cell, " +%.0f", number(route, "conditions"));
}

static void show_routes(const json_t *answer, struct text *out)
{
    static const char *const heads[] = {"ROUTE", "AT",      "METHODS", "HOSTS",
                                        "PATH",  "ENDS IN", "MODULES", NULL};
    const json_t *routes = answer_list(answer, "routes"), *route;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(routes, i, route)
    {
        answer_add(table_cell(&t), route, "name");
        answer_add(table_cell(&t), route, "place");
        join(table_cell(&t), route, "methods", "*");
        join(table_cell(&t), route, "hosts", "*");
        add_path(table_cell(&t), route);
        answer_add(table_cell(&t), route,
                   json_object_get(route, "cluster") ? "cluster" : "ends_in");
        join(table_cell(&t), route, "modules", "-");
    }
    table_write(&t, out);
}

extern const struct command status_show;
const struct command status_show = {
    .name = "status",
    .operands = "",
    .summary = "show what is going on",
    .help = "",
    .path = "/v1/status",
    .show = show_status,
};

extern const struct command routes_show;
const struct command routes_show = {
    .name = "routes",
    .operands = "",
    .summary = "show the routes, in the order of the file",
    .help =
        "+N: further conditions, on headers, query, cookies, identity or source. weirctl explain\n"
        "tells which route a request gets.\n",
    .path = "/v1/routes",
    .show = show_routes,
};
