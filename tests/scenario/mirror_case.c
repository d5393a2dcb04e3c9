/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror_case.h"

#include <stdio.h>
#include <string.h>

enum { CONNECTIONS = 8, AT_ONCE = 20 };

struct origin *mirror_app, *mirror_shade;

void mirror_begin(void)
{
    rig_begin();
    mirror_app = origin_start("app");
    mirror_shade = origin_start("shade");
}

void mirror_end(void)
{
    h2_talks_end();
    rig_end();
}

static struct rig_conf conf(unsigned workers, const char *routes)
{
    return (struct rig_conf){
        .workers = workers,
        .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
        .clusters = "shade = { endpoints = [ \"$shade\" ]; };"
                    "shade2 = { endpoints = [ \"$shade\" ]; protocol = \"h2\"; };",
        .routes = routes,
    };
}

void mirror_start(unsigned workers, const char *routes)
{
    rig_start_with(conf(workers, routes));
}

bool mirror_reload(unsigned workers, const char *routes)
{
    return rig_reload_with(conf(workers, routes));
}

/* -- requests ---------------------------------------------------------------------------------- */

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void turn_h1(struct talk **t, unsigned *left)
{
    unsigned sent[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        *left -= sent[i] = smaller(*left, AT_ONCE);
        for (unsigned k = 0; k < sent[i]; k++)
            talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        for (unsigned k = 0; k < sent[i]; k++)
            cr_assert_eq(talk_response(t[i])->status, 200);
}

static void turn_h2(struct h2_talk **t, unsigned *left)
{
    int32_t ids[CONNECTIONS][AT_ONCE];
    unsigned sent[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        *left -= sent[i] = smaller(*left, AT_ONCE);
        for (unsigned k = 0; k < sent[i]; k++)
            ids[i][k] = h2_ask(t[i]);
        if (sent[i])
            h2_turn(t[i], 0);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        for (unsigned k = 0; k < sent[i]; k++)
            cr_assert_eq(h2_answer(t[i], ids[i][k])->status, 200);
}

void mirror_send(unsigned h1, unsigned h2)
{
    struct talk *one[CONNECTIONS];
    struct h2_talk *two[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        one[i] = h1 ? talk_open() : NULL;
        two[i] = h2 ? h2_talk_open() : NULL;
    }
    while (h1)
        turn_h1(one, &h1);
    while (h2)
        turn_h2(two, &h2);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (one[i])
            talk_close(one[i]);
        if (two[i])
            h2_talk_close(two[i]);
    }
}

/* -- what is known about it -------------------------------------------------------------------- */

unsigned mirror_count(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_mirror_%s_total{route=\"all\",cluster=\"shade\"}", name);
    const double n = rig_metric(series);
    cr_assert_geq(n, 0, "%s isn't there", series);
    return (unsigned)n;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

json_t *mirror_told_all(void)
{
    cr_assert_eq(operator_call("mirror", "diffs", "{\"route\": \"all\"}"), 200);
    return json_object_get(operator_answer(), "mirrors");
}

json_t *mirror_told(const char *member)
{
    size_t i;
    json_t *m;
    json_array_foreach(mirror_told_all(), i, m)
    {
        if (strcmp(text_of(m, "cluster"), "shade") == 0)
            return json_object_get(m, member);
    }
    cr_assert(false, "there is no mirror to shade");
    return NULL;
}

const char *mirror_difference(size_t n)
{
    static char text[2048];
    const json_t *sample = json_array_get(mirror_told("samples"), 0);
    const json_t *d = json_array_get(json_object_get(sample, "differences"), n);
    snprintf(text, sizeof text, "%s%s%s%s%s", text_of(d, "what"), d ? ": " : "",
             text_of(d, "primary"), d ? ", " : "", text_of(d, "mirror"));
    return text;
}
