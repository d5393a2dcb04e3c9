/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl explain METHOD URL: what would become of a request, step by step. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

#include <string.h>

enum { OPTION_HEADER, OPTION_IDENTITY, OPTION_SOURCE, OPTION_LISTENER };

/* -- asking ------------------------------------------------------------------------------------ */

static json_t *lines_of(const char *text)
{
    json_t *list = json_array();
    struct slice rest = slice_str(text);
    while (rest.n) {
        const struct slice line = slice_cut(&rest, '\n');
        json_array_append_new(list, json_stringn(line.p, line.n));
    }
    return list;
}

static void add_claim(json_t *claims, struct slice name, struct slice value)
{
    char key[256];
    snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
    json_t *values = json_object_get(claims, key);
    if (!values) {
        values = json_array();
        json_object_set_new(claims, key, values);
    }
    json_array_append_new(values, json_stringn(value.p ? value.p : "", value.n));
}

/* "sub=ann groups=testers": claims between spaces, or on lines of their own. */
static bool read_identity(const char *text, json_t *content, struct text *fault)
{
    json_t *claims = json_object();
    struct slice rest = slice_str(text);
    json_object_set_new(content, "identity", claims);
    while (rest.n) {
        const size_t end = strcspn(rest.p, " \n");
        struct slice value = slice_of(rest.p, end < rest.n ? end : rest.n);
        rest = slice_from(rest, value.n < rest.n ? value.n + 1 : rest.n);
        if (!value.n)
            continue;
        const struct slice name = slice_cut(&value, '=');
        if (!value.p || !name.n) {
            text_printf(fault, "\"%.*s\" is not CLAIM=VALUE", SLICE_ARG(name));
            return false;
        }
        add_claim(claims, name, value);
    }
    return true;
}

static void set_option(const struct command_args *args, int option, const char *key,
                       json_t *content)
{
    if (args->options[option])
        json_object_set_new(content, key, json_string(args->options[option]));
}

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    json_object_set_new(content, "method", json_string(args->operands[0]));
    json_object_set_new(content, "url", json_string(args->operands[1]));
    if (args->options[OPTION_HEADER])
        json_object_set_new(content, "headers", lines_of(args->options[OPTION_HEADER]));
    set_option(args, OPTION_SOURCE, "source", content);
    set_option(args, OPTION_LISTENER, "listener", content);
    return !args->options[OPTION_IDENTITY] ||
           read_identity(args->options[OPTION_IDENTITY], content, fault);
}

/* -- showing ----------------------------------------------------------------------------------- */

static const char *member(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static void show_door(const json_t *answer, struct text *out)
{
    const json_t *listener = json_object_get(answer, "listener");
    text_str(out, "Listener  ");
    answer_add(out, listener, "name");
    text_str(out, " (");
    answer_add(out, listener, "bind");
    text_str(out, json_is_true(json_object_get(listener, "tls")) ? ", TLS)\n" : ")\n");
    text_str(out, "Request   ");
    answer_add(out, answer, "method");
    text_str(out, ", host ");
    answer_plain(out, *member(answer, "host") ? member(answer, "host") : "(none)");
    text_str(out, ", path ");
    answer_add(out, answer, "path");
    if (*member(answer, "query")) {
        text_str(out, ", query ");
        answer_add(out, answer, "query");
    }
    text_str(out, "\n");
}

/* "header x-version must be exactly "2"; it is "1"" */
static void show_miss(const json_t *miss, struct text *out)
{
    answer_add(out, miss, "condition");
    if (*member(miss, "name")) {
        text_char(out, ' ');
        answer_add(out, miss, "name");
    }
    if (*member(miss, "form") || *member(miss, "wanted"))
        text_str(out, " wants");
    if (*member(miss, "form")) {
        text_char(out, ' ');
        answer_add(out, miss, "form");
    }
    if (*member(miss, "wanted")) {
        text_char(out, ' ');
        answer_add(out, miss, "wanted");
    }
    if (json_is_string(json_object_get(miss, "found"))) {
        text_str(out, "; it is \"");
        answer_add(out, miss, "found");
        text_char(out, '"');
    } else {
        text_str(out, "; there is none");
    }
}

static void show_verdict(const json_t *route, struct text *out)
{
    const char *verdict = member(route, "verdict");
    if (!strcmp(verdict, "taken")) {
        text_str(out, "taken");
    } else if (!strcmp(verdict, "outranked")) {
        text_str(out, "matches, but the one that is taken has ");
        answer_add(out, route, "by");
    } else {
        text_str(out, "no: ");
        show_miss(json_object_get(route, "miss"), out);
    }
}

static void show_routes(const json_t *answer, struct text *out)
{
    static const char *const heads[] = {"ROUTE", "AT", "VERDICT", NULL};
    const json_t *routes = answer_list(answer, "routes"), *route;
    double left_out;
    struct table t;
    size_t i;
    text_char(out, '\n');
    table_init(&t, heads);
    json_array_foreach(routes, i, route)
    {
        answer_add(table_cell(&t), route, "name");
        answer_add(table_cell(&t), route, "place");
        show_verdict(route, table_cell(&t));
    }
    table_write(&t, out);
    if (answer_number(answer, "routes_left_out", &left_out) && left_out > 0)
        text_printf(out, "... and %.0f routes of other hosts\n", left_out);
}

static void show_modules(const json_t *o, const char *indent, struct text *out)
{
    const json_t *modules = answer_list(o, "modules"), *module, *line;
    size_t i, j;
    json_array_foreach(modules, i, module)
    {
        const json_t *says = answer_list(module, "says");
        if (!json_array_size(says))
            continue;
        text_str(out, indent);
        answer_add(out, module, "module");
        text_str(out, ":");
        json_array_foreach(says, j, line)
        {
            text_str(out, j ? "\n" : " ");
            text_str(out, j ? indent : "");
            text_str(out, j ? "  " : "");
            answer_plain(out, json_is_string(line) ? json_string_value(line) : "-");
        }
        text_char(out, '\n');
    }
}

static void show_ms(const json_t *o, const char *key, const char *words, struct text *out)
{
    double ms;
    if (answer_number(json_object_get(o, "timeouts_ms"), key, &ms) && ms > 0)
        text_printf(out, "%s%g ms", words, ms);
}

static void show_endpoints(const json_t *cluster, struct text *out)
{
    static const char *const heads[] = {"  ENDPOINT", ">WEIGHT", "HEALTH", "STATE", ">SHARE", NULL};
    const json_t *endpoints = answer_list(cluster, "endpoints"), *ep;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(endpoints, i, ep)
    {
        double share = 0;
        struct text *cell = table_cell(&t);
        text_str(cell, "  ");
        answer_add(cell, ep, "name");
        answer_add(table_cell(&t), ep, "weight");
        answer_add(table_cell(&t), ep, "health");
        text_str(table_cell(&t),
                 json_is_true(json_object_get(ep, "drained")) ? "drained" : member(ep, "says"));
        if (answer_number(ep, "share_millionths", &share))
            text_printf(table_cell(&t), "%g%%", share / 1e4);
        else
            text_char(table_cell(&t), '-');
    }
    table_write(&t, out);
}

static void show_cluster(const json_t *cluster, struct text *out)
{
    double millionths = 0;
    (void)answer_number(cluster, "millionths", &millionths);
    text_printf(out, "\nCluster ");
    answer_add(out, cluster, "cluster");
    text_printf(out, ": %g%% of such requests", millionths / 1e4);
    if (*member(cluster, "variant")) {
        text_str(out, ", as ");
        answer_add(out, cluster, "variant");
    }
    if (*member(cluster, "chosen_by")) {
        text_str(out, ", by ");
        answer_add(out, cluster, "chosen_by");
    }
    show_ms(cluster, "connect", "; connect within ", out);
    show_ms(cluster, "response_head", ", head within ", out);
    text_char(out, '\n');
    show_modules(cluster, "  ", out);
    show_endpoints(cluster, out);
}

static void show_way(const json_t *answer, struct text *out)
{
    const json_t *clusters = answer_list(answer, "clusters"), *cluster;
    const char *ends = member(answer, "ends_in");
    size_t i;
    text_str(out, "\nRoute ");
    answer_add(out, answer, "route");
    if (!strcmp(ends, "redirect") || !strcmp(ends, "respond")) {
        text_printf(out, ": weir answers itself (%s, ", ends);
        answer_add(out, answer, "status");
        text_char(out, ')');
    }
    show_ms(answer, "request", ": the whole request has ", out);
    text_char(out, '\n');
    show_modules(answer, "  ", out);
    json_array_foreach(clusters, i, cluster) show_cluster(cluster, out);
}

static void show(const json_t *answer, struct text *out)
{
    const char *why = member(answer, "why");
    show_door(answer, out);
    if (json_object_get(answer, "routes"))
        show_routes(answer, out);
    if (!strcmp(why, "redirect_to_https"))
        text_str(out, "\nThe listener sends it to https.\n");
    else if (!strcmp(why, "misdirected"))
        text_str(out, "\nNo route: the host's are on another listener; answered with 421.\n");
    else if (*why)
        text_str(out, "\nNo route: answered with 404.\n");
    else
        show_way(answer, out);
}

extern const struct command explain;
const struct command explain = {
    .name = "explain",
    .operands = "METHOD URL",
    .summary = "tell what would become of a request, step by step",
    .help = "Walks the router and the modules of the configuration in force; sends and counts\n"
            "nothing. URL is \"https://host/path\", or \"/path\" with a Host header.\n"
            "  weirctl explain GET https://api.example.com/reviews -H 'X-Version: 2' \\\n"
            "      --identity 'sub=ann groups=testers'\n",
    .options =
        {[OPTION_HEADER] = {"header", "LINE", "a header, \"Name: value\"; also -H, and often",
                            .letter = 'H', .many = true},
         [OPTION_IDENTITY] = {"identity", "CLAIMS", "who asks, as CLAIM=VALUE between spaces"},
         [OPTION_SOURCE] = {"source", "ADDRESS", "the client's IP address (127.0.0.1)"},
         [OPTION_LISTENER] = {"listener", "NAME", "by which it comes (the one at the URL's port)"}},
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/explain",
    .ask = ask,
    .show = show,
};
