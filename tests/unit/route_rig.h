/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_ROUTE_RIG_H
#define WEIR_TESTS_ROUTE_RIG_H

/* A router from a few lines, and questions to it. Each line is a route: its name, a colon, and the
 * inside of its `match` with ' for ". It stands on a line of its own in "weir.conf", the first one
 * on line 5.
 *
 *     struct route_rig rig = route_rig_open("a: path = '/a'\n"
 *                                           "rest:\n");
 *     ASSERT_ROUTE(&rig, "a", .path = "/a");
 *     route_rig_close(&rig);
 */

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "config/config.h"
#include "core/identity.h"
#include "core/route/route.h"

struct route_rig {
    struct faults faults;
    struct config *config;
    struct arena arena; /* of the router */
    struct router *router;
    struct route_scratch *scratch;
};

struct ask {
    const char *method, *host, *path, *query; /* GET, "", "/", none */
    const char *fields;                       /* "name: value\nname: value" */
    const char *source;                       /* "127.0.0.1" */
    uint32_t listener;
    const struct identity *identity; /* NULL: nobody */
    bool unidentified;               /* it isn't known who asks */
};

/* The whole configuration; to be freed. */
static inline char *route_rig_text(const char *routes)
{
    struct text t;
    text_init(&t);
    text_str(&t, "listeners = ( { name = \"l0\"; bind = \"127.0.0.1:80\"; },\n"
                 "  { name = \"l1\"; bind = \"127.0.0.1:81\"; } );\n"
                 "clusters = { c = { endpoints = [ \"127.0.0.1:9\" ]; }; };\n"
                 "routes = (\n");
    for (struct slice rest = slice_str(routes); rest.n;) {
        struct slice match = slice_cut(&rest, '\n');
        const struct slice name = slice_cut(&match, ':');
        text_printf(&t, "{ name = \"%.*s\"; match = {", SLICE_ARG(name));
        for (size_t i = 0; i < match.n; i++)
            text_char(&t, (char)(match.p[i] == '\'' ? '"' : match.p[i]));
        text_printf(&t, " }; cluster = \"c\"; }%s\n", rest.n ? "," : "");
    }
    text_str(&t, ");\n");
    text_char(&t, '\0');
    return t.p;
}

static inline struct route_rig route_rig_open(const char *routes)
{
    struct route_rig rig = {0};
    char *text = route_rig_text(routes);
    faults_init(&rig.faults);
    arena_init(&rig.arena, NULL, 0);
    rig.config = config_parse(text, "weir.conf", NULL, &rig.faults);
    for (const struct fault *f = rig.faults.first; f && !rig.config; f = f->next)
        cr_log_error("%s:%d: %s", f->file, f->line, f->text);
    cr_assert(rig.config, "the configuration is wrong:\n%s", text);
    free(text);
    rig.router = router_build(rig.config, &rig.arena, &rig.faults);
    cr_assert(rig.router, "the router could not be built");
    rig.scratch = route_scratch_new(rig.router);
    return rig;
}

static inline void route_rig_close(struct route_rig *rig)
{
    route_scratch_free(rig->scratch);
    router_fini(rig->router);
    arena_fini(&rig->arena);
    config_free(rig->config);
    faults_fini(&rig->faults);
}

static inline struct fields route_rig_fields(const char *lines, struct arena *a)
{
    struct fields f;
    fields_init(&f, a, 8);
    for (struct slice rest = slice_str(lines); rest.p && rest.n;) {
        struct slice value = slice_cut(&rest, '\n');
        const struct slice name = slice_cut(&value, ':');
        fields_add(&f, a, name, slice_trim(value));
    }
    return f;
}

/* What a question asks of the router; `a` and *source live as long as it. */
static inline struct route_query route_rig_query(struct ask ask, struct arena *a, struct ip *source)
{
    struct fields *fields = ARENA_NEW(a, struct fields);
    const struct slice method = slice_str(ask.method ? ask.method : "GET");
    cr_assert(ip_parse(slice_str(ask.source ? ask.source : "127.0.0.1"), source));
    *fields = route_rig_fields(ask.fields, a);
    return (struct route_query){
        .listener = ask.listener,
        .host = slice_str(ask.host ? ask.host : ""),
        .path = slice_str(ask.path ? ask.path : "/"),
        .query = slice_str(ask.query),
        .method_id = method_of(method),
        .method = method,
        .fields = fields,
        .source = source,
        .arena = a,
        .identity = ask.identity,
        .identified = !ask.unidentified,
    };
}

/* The name of the route, or "none", or "identity?". */
static inline const char *route_ask(const struct route_rig *rig, struct ask ask)
{
    static char name[64];
    struct arena a;
    struct ip source;
    arena_init(&a, NULL, 0);
    const struct route_query q = route_rig_query(ask, &a, &source);
    const struct route *route = router_match(rig->router, rig->scratch, &q);
    const char *other = route ? "identity?" : "none";
    const bool is_one = route && route != &route_needs_identity;
    snprintf(name, sizeof name, "%.*s", is_one ? (int)route->name.n : (int)strlen(other),
             is_one ? route->name.p : other);
    arena_fini(&a);
    return name;
}

#define ASSERT_ROUTE(rig, expected, ...)                                                           \
    do {                                                                                           \
        const char *got_ = route_ask((rig), (struct ask){__VA_ARGS__});                            \
        cr_assert_str_eq(got_, (expected), "%s: %s instead of %s", #__VA_ARGS__, got_,             \
                         (expected));                                                              \
    } while (0)

#endif
