/* SPDX-License-Identifier: Apache-2.0 */
#include "breaker_case.h"

#include <stdio.h>
#include <string.h>

struct origin *breaker_app, *breaker_spare;

void breaker_begin(void)
{
    rig_begin();
    rig_default_modules("[ ]");
    breaker_app = origin_start("app");
    breaker_spare = origin_start("spare");
}

void breaker_end(void)
{
    h2_talks_end();
    rig_end();
}

void breaker_start(unsigned workers, const char *settings)
{
    static char cluster[2048];
    snprintf(cluster, sizeof cluster, "breaker = { %s };", settings);
    rig_start(.workers = workers, .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
              .cluster = cluster, .clusters = SPARE);
}

unsigned breaker_send(unsigned n, const char *target, int status)
{
    unsigned got = 0;
    for (unsigned i = 0; i < n; i++)
        got += get(target)->status == status;
    return got;
}

void breaker_open(const char *target)
{
    for (unsigned i = 0; i < 100 && strcmp(breaker_state(), "open") != 0; i++)
        get(target);
    cr_assert_str_eq(breaker_state(), "open");
}

void breaker_await_time(void)
{
    AWAIT(strcmp(breaker_state(), "half_open") == 0);
}

static const json_t *first_circuit(void)
{
    cr_assert_eq(operator_call("breaker", "get", "{\"cluster\": \"app\"}"), 200);
    const json_t *b = json_array_get(json_object_get(operator_answer(), "breakers"), 0);
    return json_array_get(json_object_get(b, "circuits"), 0);
}

const char *breaker_state(void)
{
    return json_string_value(json_object_get(first_circuit(), "state"));
}

double breaker_number(const char *key)
{
    return json_number_value(json_object_get(first_circuit(), key));
}

double breaker_metric(const char *name, const char *labels)
{
    char series[256];
    snprintf(series, sizeof series, "weir_breaker_%s{%s}", name, labels);
    return rig_metric(series);
}
