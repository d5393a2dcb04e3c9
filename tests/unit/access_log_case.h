/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_ACCESS_LOG_CASE_H
#define WEIR_TESTS_UNIT_ACCESS_LOG_CASE_H

/* An exchange made by hand, a clock that stands still, and a log of it: what the tests of the access
 * log share. */

#include "core/log/access_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/log/access_log_parts.h"
#include "core/exchange.h"
#include "core/route/route.h"

static struct listener_conf listener = {.name = SLICE_INIT("public")};
static struct config config = {.listeners = &listener, .listeners_n = 1};
static struct generation g = {.config = &config};
static struct loop loop;
static struct worker w = {.loop = &loop, .g = &g, .index = 3};
static struct client_facts facts = {.connection = 17, .scheme = SLICE_INIT("https")};
static struct route route = {.name = SLICE_INIT("shop")};
static struct cluster_conf cluster_conf = {.place.name = SLICE_INIT("cart")};
static struct cluster cluster = {.conf = &cluster_conf};
static struct exchange x;
static struct attempt first, second;
static struct arena arena;
static struct faults faults;
static struct log_conf lc = {.format = SLICE_INIT("json"), .buffer = 65536, .flush = 1000};
static char folder[] = "/tmp/weir-log-XXXXXX", path[64];
static char told[4096]; /* what the error log was told */

static inline void on_log(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s\n", SLICE_ARG(line));
}

static inline void add_request_field(const char *name, const char *value)
{
    fields_add(&x.request.fields, &x.arena, slice_str(name), slice_str(value));
}

static inline void add_attempt(struct attempt *at, const char *endpoint)
{
    at->x = &x;
    at->endpoint_name = slice_str(endpoint);
    list_init(&at->node);
    list_push(&x.attempts, &at->node);
    x.attempts_n++;
}

static inline void begin(void)
{
    loop_init(&loop, 0);
    clock_set(&loop.clock, 9000000, UINT64_C(784111777) * 1000000 + 42);
    arena_init(&arena, NULL, 0);
    faults_init(&faults);
    log_set_sink(on_log);
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access.log", folder);
    lc.access = slice_str(path);

    arena_init(&x.arena, NULL, 0);
    list_init(&x.attempts);
    x.w = &w;
    x.facts = &facts;
    x.id = 5;
    facts.peer = (struct ip){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 200}};
    x.source = (struct ip){{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    x.created_us = 1000000;
    x.created_wall_us = loop.clock.wall_us - 8000000;
    x.request.method = SLICE("GET");
    x.request.method_id = METHOD_GET;
    x.request.target = SLICE("/a%62?q=1");
    x.request.minor = 1;
    fields_init(&x.request.fields, &x.arena, 8);
    fields_init(&x.reply.fields, &x.arena, 8);
    x.target.path = SLICE("/ab");
    x.target.query = SLICE("q=1");
    x.host.name = SLICE("example.com");
    x.request_id = SLICE("rid");
}

static inline void end(void)
{
    unlink(path);
    rmdir(folder);
    arena_fini(&x.arena);
    faults_fini(&faults);
    arena_fini(&arena);
    loop_fini(&loop);
}

/* Everything that an exchange can have: two attempts, the second of which answered. */
static inline void succeed(void)
{
    x.route = &route;
    x.routed_us = 1000010;
    x.plan.cluster = &cluster;
    add_attempt(&first, "10.0.0.7:80");
    first.why = WHY_CLOSED;
    first.started_us = 1999000;
    first.done_us = 1999070;
    add_attempt(&second, "10.0.0.8:80");
    second.reused = true;
    second.started_us = 2000000;
    second.opened_us = 2000300;
    second.headed = true;
    second.head.status = 200;
    second.headed_us = 2004300;
    second.ended_us = second.done_us = 2009300;
    x.head_sent = true;
    x.head_sent_us = 8999000;
    x.reply.status = 200;
    x.bytes_in = 1;
    x.bytes_out = 5000000000;
    x.detail = "because";
    add_request_field("User-Agent", "curl/8 \"x\"");
    add_request_field("Referer", "https://r.example/");
    add_request_field("X-Tenant", "t1");
    add_request_field("X-Tenant", "t2");
    fields_add(&x.reply.fields, &x.arena, SLICE("content-type"), SLICE("text/css"));
}

static inline const struct access_format *compile(const char *format)
{
    lc.format = slice_str(format);
    struct access_format *f = access_format_compile(&lc, &arena, &faults);
    cr_assert(f, "%s", faults.first ? faults.first->text : "");
    return f;
}

static inline const char *line_of(const char *format)
{
    struct text t;
    text_init(&t);
    access_format_write(compile(format), &x, &t);
    const char *line = arena_dup(&arena, text_slice(&t)).p;
    text_fini(&t);
    return line;
}

#define EQ(a, b) cr_assert_str_eq(a, b)

/* -- logs in files ----------------------------------------------------------------------------- */

static inline struct access_log *open_log(const char *format)
{
    struct access_log *l = access_log_open(&lc, compile(format), -1, -1, &faults);
    cr_assert(l, "%s", faults.first ? faults.first->text : "");
    return l;
}

static inline const char *content(const char *of)
{
    static char have[400000];
    FILE *in = fopen(of, "r");
    cr_assert(in);
    have[fread(have, 1, sizeof have - 1, in)] = '\0';
    fclose(in);
    return have;
}

static inline void pass_ms(uint64_t ms)
{
    clock_set(&loop.clock, loop.clock.mono_us + ms * 1000, loop.clock.wall_us + ms * 1000);
    loop_turn(&loop);
}

#endif
