/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_HOOK_CASE_H
#define WEIR_TESTS_UNIT_HOOK_CASE_H

/* Modules without shared objects: descriptors in the test, chains made of them by hand, on the
 * stack in memory. Hooks write what they see to a trace.
 *
 *     static const struct weir_module a = {.name = "a", .on_request = request_next};
 *     begin("");                            clusters one and two, all requests go to one
 *     CHAIN(&plan.routes[0], {&a});
 *     struct peer *c = asks(GET);
 *     cr_assert_str_eq(trace, "a.request ");
 *     end();
 */

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/module/hooks.h"
#include "core/stats/stats.h"
#include "tests/lib/stack.h"

#define GET "GET /a?b=1&c=%20d HTTP/1.1\r\nHost: h.example\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi"
#define CLUSTERS(more)                                                                             \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; " more " };\n"                          \
    "             two = { endpoints = [ \"10.0.0.2:80\" ]; " more " }; };\n"                       \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"
#define ALL "routes = ( { name = \"all\"; cluster = \"one\"; } );\n"

static struct stack *s;
static struct arena memory;
static struct module_plan plan;
static char trace[4096], mistakes[4096];
static const _Atomic uint32_t *results_while; /* of all uses that follow */

static void __attribute__((unused)) note(const char *fmt, ...) printf_like(1, 2);

static void note(const char *fmt, ...)
{
    const size_t n = strlen(trace);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(trace + n, sizeof trace - n, fmt, ap);
    va_end(ap);
}

static void on_line(enum log_level level, struct slice line)
{
    (void)level;
    const size_t n = strlen(mistakes);
    snprintf(mistakes + n, sizeof mistakes - n, "%.*s\n", SLICE_ARG(line));
}

struct use_of {
    const struct weir_module *desc;
    void *conf;
    bool late, keeps; /* weir_load_late(), weir_load_keep() */
};

static inline void add_use(struct chain *c, struct module_use *use, struct use_of of)
{
    struct module *m = ARENA_NEW(&memory, struct module);
    struct module_conf *conf = ARENA_NEW(&memory, struct module_conf);
    m->desc = of.desc;
    for (size_t i = 0; i < plan.n; i++) /* as one module has one struct */
        if (plan.modules[i].module->desc == of.desc)
            m = plan.modules[i].module;
    if (!plan.n || plan.modules[plan.n - 1].module != m)
        plan.modules[plan.n++].module = m;
    conf->conf = of.conf;
    conf->keeps = of.keeps;
    *use = (struct module_use){
        .module = m,
        .conf = conf,
        .settings = of.conf,
        .state_at = c->state_size,
        .all_results = !of.desc->failures_only,
        .late = of.late,
        .results_while = results_while,
    };
    c->state_size += (uint32_t)((of.desc->state_size + 15) & ~(size_t)15);
    c->wants_identity = c->wants_identity || of.desc->wants_identity;
}

static inline const struct chain *hook_chain(const struct use_of *of, size_t n)
{
    struct chain *c = ARENA_NEW(&memory, struct chain);
    struct module_use *uses = ARENA_ARRAY(&memory, struct module_use, n);
    c->uses = uses;
    c->uses_n = n;
    for (size_t i = 0; i < n; i++)
        add_use(c, &uses[i], of[i]);
    chain_collect(c, &memory);
    return c;
}
#define CHAIN(to, ...)                                                                             \
    do {                                                                                           \
        const struct use_of of_[] = {__VA_ARGS__};                                                 \
        *(to) = hook_chain(of_, array_n(of_));                                                       \
        stack_modules(s, &plan);                                                                   \
    } while (0)

/* `conf`: a whole one; of the listener it has further settings. */
static inline void begin_with(const char *listener, const char *conf)
{
    arena_init(&memory, NULL, 0);
    s = stack_new_h2(listener, conf);
    const struct config *c = stack_worker(s)->g->config;
    plan = (struct module_plan){
        .modules = ARENA_ARRAY(&memory, struct loaded_module, MODULES_MAX),
        .routes = ARENA_ARRAY(&memory, const struct chain *, c->routes_n),
        .clusters = ARENA_ARRAY(&memory, const struct chain *, c->clusters_n),
        .reserved = ARENA_ARRAY(&memory, struct module *, c->clusters_n),
    };
    trace[0] = mistakes[0] = 0;
    log_set_sink(on_line);
    stack_modules(s, &plan);
}

static inline void begin(const char *listener)
{
    begin_with(listener, CLUSTERS("") ALL);
}

static inline void end(void)
{
    stack_free(s);
    log_set_sink(NULL);
    arena_fini(&memory);
}

/* The module of the plan with this descriptor. */
static inline struct module *module_of(const struct weir_module *desc)
{
    for (size_t i = 0; i < plan.n; i++)
        if (plan.modules[i].module->desc == desc)
            return plan.modules[i].module;
    return NULL;
}

static inline struct peer *asks(const char *request)
{
    struct peer *c = stack_client(s);
    peer_says(c, request);
    return c;
}

/* What weir_resume() does. */
static inline void resume(struct weir_exchange *wx)
{
    struct exchange *x = (struct exchange *)wx;
    x->resumed = true;
    exchange_wake(x);
    stack_settle(s);
}

static inline uint64_t whys(enum why why)
{
    return stack_worker(s)->stats->worker->whys[why];
}

static inline struct weir_slice text(const char *t)
{
    return (struct weir_slice){t, strlen(t)};
}

static inline bool begins(const char *t, const char *with)
{
    return strncmp(t, with, strlen(with)) == 0;
}

#define cr_assert_text(got, want)                                                                  \
    do {                                                                                           \
        const struct weir_slice got_ = (got);                                                      \
        cr_assert(got_.p &&got_.n == strlen(want) && memcmp(got_.p, (want), got_.n) == 0,          \
                  "\"%.*s\" instead of \"%s\"", (int)got_.n, got_.p, (want));                      \
    } while (0)

#endif
