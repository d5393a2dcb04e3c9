/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_case.h"

#include <stdio.h>
#include <string.h>

struct origin *fault_app;

void fault_begin(void)
{
    rig_begin();
    fault_app = origin_start("app");
}

void fault_end(void)
{
    h2_talks_end();
    rig_end();
}

static struct rig_conf conf(unsigned workers, const char *routes)
{
    return (struct rig_conf){
        .workers = workers,
        .top = "modules = { vouch = { unused = true; }; };",
        .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
        .cluster = "timeouts = { response_head = \"2s\"; };",
        .routes = routes,
    };
}

void fault_start(unsigned workers, const char *routes)
{
    rig_start_with(conf(workers, routes));
}

void fault_renew(unsigned workers, const char *routes)
{
    rig_renew_with(conf(workers, routes));
}

unsigned fault_count(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_fault_%s_total{route=\"all\",fault=\"f\"}", name);
    const double n = rig_metric(series);
    cr_assert_geq(n, 0, "%s isn't there", series);
    return (unsigned)n;
}

const char *fault_logged(const char *path, const char *member)
{
    return json_of(rig_await_access(path), member);
}

unsigned fault_ask(unsigned requests, const char *path, int status)
{
    struct talk *t = talk_open();
    unsigned n = 0;
    for (unsigned i = 0; i < requests; i++) {
        talk_send(t, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
        n += talk_response(t)->status == status;
    }
    talk_close(t);
    return n;
}

static json_t *told(const char *member)
{
    size_t i;
    json_t *f;
    cr_assert_eq(operator_call("fault", "list", "{\"route\": \"all\"}"), 200);
    json_array_foreach(json_object_get(operator_answer(), "faults"), i, f)
    {
        if (strcmp(json_string_value(json_object_get(f, "fault")), "f") == 0)
            return json_object_get(f, member);
    }
    cr_assert(false, "there is no fault f");
    return NULL;
}

const char *fault_state_told(void)
{
    return json_string_value(told("state"));
}

json_int_t fault_told(const char *member)
{
    return (json_int_t)json_number_value(told(member));
}
