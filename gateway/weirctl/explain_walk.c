/* SPDX-License-Identifier: Apache-2.0 */
/* What would become of a request, step by step, for people. */
#include "weirctl/explain.h"

#include "weirctl/answer.h"
#include "weirctl/table.h"

#include <string.h>

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
        answer_weight(table_cell(&t), ep);
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

void explain_show_walk(const json_t *answer, struct text *out)
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
    if (json_is_false(json_object_get(answer, "live")))
        text_str(
            out,
            "\nThis file isn't in force. What changes while a gateway runs is as after its first "
            "start: circuits,\nhealth, what operators have set, addresses of names.\n");
}
