/* SPDX-License-Identifier: Apache-2.0 */
#include "outlier_case.h"

struct origin *outlier_a, *outlier_b, *outlier_c;

void outlier_begin(void)
{
    rig_begin();
    rig_default_modules("[ \"outlier\" ]");
    outlier_a = origin_start("a");
    outlier_b = origin_start("b");
    outlier_c = origin_start("c");
}

void outlier_end(void)
{
    rig_end();
}

void outlier_start(unsigned workers, const char *cluster)
{
    rig_start(.workers = workers, .endpoints = "[ \"$a\", \"$b\", \"$c\" ]", .cluster = cluster);
}

void outlier_start_single(unsigned workers, const char *cluster)
{
    rig_start(.workers = workers, .endpoints = "[ \"$a\" ]", .cluster = cluster);
}

/* -- the operator ------------------------------------------------------------------------------ */

static void name_of(const struct origin *o, char name[32])
{
    snprintf(name, 32, "127.0.0.1:%u", origin_port(o));
}

static json_t *endpoint(const struct origin *o)
{
    char name[32];
    json_t *all, *ep;
    size_t i;
    name_of(o, name);
    cr_assert_eq(operator_call("outlier", "list", "{\"cluster\": \"app\"}"), 200);
    all = json_object_get(json_array_get(json_object_get(operator_answer(), "clusters"), 0),
                          "endpoints");
    json_array_foreach(all, i, ep)
    {
        if (strcmp(json_string_value(json_object_get(ep, "endpoint")), name) == 0)
            return ep;
    }
    cr_assert(false, "%s isn't listed", name);
    return NULL;
}

const char *outlier_state(const struct origin *o)
{
    return json_string_value(json_object_get(endpoint(o), "state"));
}

double outlier_number(const struct origin *o, const char *key)
{
    return json_number_value(json_object_get(endpoint(o), key));
}

json_t *outlier_member(const struct origin *o, const char *key)
{
    return json_object_get(endpoint(o), key);
}

double outlier_run(const struct origin *o, const char *kind)
{
    return json_number_value(json_object_get(json_object_get(endpoint(o), "consecutive"), kind));
}

int outlier_ask(const char *command, const struct origin *o, const char *more)
{
    char name[32], json[256];
    name_of(o, name);
    snprintf(json, sizeof json, "{\"cluster\": \"app\", \"endpoint\": \"%s\"%s}", name, more);
    return operator_call("outlier", command, json);
}

/* -- looking, sending -------------------------------------------------------------------------- */

double outlier_counted(const char *name, const char *kind)
{
    char series[160];
    if (kind)
        snprintf(series, sizeof series, "weir_outlier_%s_total{cluster=\"app\",kind=\"%s\"}", name,
                 kind);
    else
        snprintf(series, sizeof series, "weir_outlier_%s_total{cluster=\"app\"}", name);
    const double n = rig_metric(series);
    return n < 0 ? 0 : n;
}

unsigned outlier_send(unsigned n)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < n; i++)
        failed += get("/")->status != 200;
    return failed;
}
