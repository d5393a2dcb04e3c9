/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are sent by one thread, on many connections, with many in flight on each: the gateway
 * and the origins need the processors more. */
#include "canary_case.h"

#include <stdio.h>
#include <string.h>

enum { H1_CONNECTIONS = 12, H2_CONNECTIONS = 6, PIPELINED = 20, STREAMS = 40 };

struct origin *canary_v1, *canary_v2;

void canary_begin(void)
{
    rig_begin();
    origin_start("app");
    canary_v1 = origin_start("v1");
    canary_v2 = origin_start("v2");
}

void canary_end(void)
{
    h2_talks_end();
    rig_end();
}

static struct rig_conf conf(unsigned workers, const char *routes)
{
    return (struct rig_conf){
        .workers = workers,
        .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
        .clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"),
        .routes = routes,
    };
}

void canary_start(unsigned workers, const char *routes)
{
    rig_start_with(conf(workers, routes));
}

bool canary_reload(unsigned workers, const char *routes)
{
    return rig_reload_with(conf(workers, routes));
}

void canary_renew(unsigned workers, const char *routes)
{
    rig_renew_with(conf(workers, routes));
}

/* -- requests ---------------------------------------------------------------------------------- */

static unsigned send_h1(struct talk *t, unsigned n, const char *target)
{
    for (unsigned i = 0; i < n; i++)
        talk_send(t, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    return n;
}

static void await_h1(struct talk *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct response *r = talk_response(t);
        cr_assert(r->whole && r->status == 200, "%d %s", r->status, r->fault ? r->fault : "");
    }
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void all_h1(struct talk **t, unsigned *left, const char *target)
{
    unsigned sent[H1_CONNECTIONS];
    for (unsigned i = 0; i < H1_CONNECTIONS; i++)
        *left -= sent[i] = send_h1(t[i], smaller(*left, PIPELINED), target);
    for (unsigned i = 0; i < H1_CONNECTIONS; i++)
        await_h1(t[i], sent[i]);
}

static void all_h2(struct h2_talk **t, unsigned *left, const char *target)
{
    int32_t ids[H2_CONNECTIONS][STREAMS];
    unsigned sent[H2_CONNECTIONS];
    for (unsigned i = 0; i < H2_CONNECTIONS; i++) {
        *left -= sent[i] = smaller(*left, STREAMS);
        for (unsigned k = 0; k < sent[i]; k++)
            ids[i][k] = h2_ask(t[i], .path = target);
        if (sent[i])
            h2_turn(t[i], 0);
    }
    for (unsigned i = 0; i < H2_CONNECTIONS; i++)
        for (unsigned k = 0; k < sent[i]; k++)
            cr_assert_eq(h2_answer(t[i], ids[i][k])->status, 200);
}

void canary_send(unsigned h1, unsigned h2, const char *target)
{
    struct talk *one[H1_CONNECTIONS];
    struct h2_talk *two[H2_CONNECTIONS];
    for (unsigned i = 0; i < H1_CONNECTIONS; i++)
        one[i] = h1 ? talk_open() : NULL;
    for (unsigned i = 0; i < H2_CONNECTIONS; i++)
        two[i] = h2 ? h2_talk_open() : NULL;
    while (h1 || h2) {
        if (h1)
            all_h1(one, &h1, target);
        if (h2)
            all_h2(two, &h2, target);
    }
    for (unsigned i = 0; i < H1_CONNECTIONS; i++)
        if (one[i])
            talk_close(one[i]);
    for (unsigned i = 0; i < H2_CONNECTIONS; i++)
        if (two[i])
            h2_talk_close(two[i]);
}

/* -- the operator ------------------------------------------------------------------------------ */

void canary_set(const char *weights)
{
    char json[512];
    snprintf(json, sizeof json, "{\"route\": \"all\", \"weights\": %s}", weights);
    cr_assert_eq(operator_call("canary", "set", json), 200, "%s",
                 json_string_value(json_object_get(operator_answer(), "error")));
}

static json_t *split(void)
{
    cr_assert_eq(operator_call("canary", "get", "{\"route\": \"all\"}"), 200);
    return json_array_get(json_object_get(operator_answer(), "splits"), 0);
}

double canary_number(const char *variant, const char *key)
{
    json_t *s = split(), *v;
    size_t i;
    if (!variant)
        return json_number_value(json_object_get(s, key));
    json_array_foreach(json_object_get(s, "variants"), i, v)
    {
        if (strcmp(json_string_value(json_object_get(v, "name")), variant) == 0)
            return json_number_value(json_object_get(v, key));
    }
    cr_assert(false, "there is no variant %s", variant);
    return 0;
}
