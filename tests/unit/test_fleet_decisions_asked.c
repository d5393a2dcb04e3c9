/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever decides for the fleet hears what became of that, over the admin server, and nothing that
 * isn't so. */
#include "fleet_case.h"

#include <stdlib.h>

#include "fleet/fleet_decisions.h"

static struct fleet_decided memories[SIDES];
static struct admin *admin;

/* An operator at the first side. */
static struct peer {
    struct link *link;
    struct text heard;
} operator, another;

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)b;
    text_add(&((struct peer *)l->owner)->heard, s);
}

static void on_end(struct link *l)
{
    (void)l;
}

static void on_fail(struct link *l, int err)
{
    (void)l, (void)err;
}

/* POST /v1/set {"fleet": true}: each is about the same thing. */
static void on_set(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    static const struct decide_what what = {
        .module = "test", .sets = "value", .path = SLICE_INIT("/v1/set")};
    const struct side *s = ctx;
    json_t *j = json_loadb(rq->content.p, rq->content.n, 0, NULL);
    struct deciding d;
    if (decide_begin(&d, fleet_decider(s->fleet), &what, rq, j, out)) {
        text_str(&out->body, "{\"done\":true}\n");
        decide_end(&d, SLICE(""), out);
    }
    json_decref(j);
}

static void on_forget(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    fleet_forget_answer(((const struct side *)ctx)->fleet, rq, out);
}

static const struct admin_row rows[] = {
    {"/v1/set", on_set, &sides[0], .methods = ADMIN_POST},
    {"/v1/fleet/forget", on_forget, &sides[0], .methods = ADMIN_POST},
};

static void connect_peer(struct peer *p)
{
    static const struct link_events events = {
        .on_bytes = on_bytes, .on_eof = on_end, .on_fail = on_fail};
    struct link *other;
    text_init(&p->heard);
    link_memory_pair(&lp, 65536, &p->link, &other);
    link_start(p->link, &events, p);
    admin_add(admin, other, true);
}

static void start(size_t n)
{
    for (size_t i = 0; i < n; i++)
        sides[i].decided = &memories[i];
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++)
        fleet_decisions_run_by(sides[i].fleet, rows, 1);
    TICK_UNTIL(all_joined());
    admin = admin_new(&lp, rows, sizeof rows / sizeof rows[0]);
    connect_peer(&operator);
    connect_peer(&another);
}

static void end(void)
{
    admin_free(admin);
    link_close(operator.link);
    link_close(another.link);
    text_fini(&operator.heard);
    text_fini(&another.heard);
    loop_turn(&lp);
    sides_end();
}

TestSuite(fleet_decisions_asked, .fini = end);

static void post(struct peer *p, const char *path, const char *content)
{
    char text[512];
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
             path, strlen(content), content);
    p->heard.n = 0;
    cr_assert(bytes_copy(&p->link->out, slice_str(text)));
    link_send(p->link);
    loop_turn(&lp);
}

static void set_by(struct peer *p)
{
    post(p, "/v1/set", "{\"fleet\":true}");
}

static void forget(void)
{
    post(&operator, "/v1/fleet/forget", "{\"key\":\"test/value\"}");
}

static const char *heard(const struct peer *p)
{
    static char text[1024];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(text_slice(&p->heard)));
    return text;
}

#define HEARS(part)                                                                                \
    do {                                                                                           \
        TICK_UNTIL(operator.heard.n);                                                              \
        cr_assert(strstr(heard(&operator), part), "%s", heard(&operator));                         \
    } while (0)

static bool in_redis(void)
{
    return atoll(redis_server_say(server, "HGET weir:c::decision/test/value n")) > 0;
}

Test(fleet_decisions_asked, is_told_when_redis_has_it)
{
    start(2);
    set_by(&operator);
    cr_assert_eq(operator.heard.n, 0, "%s", heard(&operator));
    HEARS("\r\n\r\n{\"done\":true,\"fleet\":\"told\"}\n");
    cr_assert(in_redis());
}

Test(fleet_decisions_asked, waits_while_redis_has_no_memory)
{
    start(1);
    redis_server_say(server, "CONFIG SET maxmemory 1");
    set_by(&operator);
    HEARS("\"fleet\":\"Redis doesn't take it, the log says why; it waits, and is told");
    set_by(&operator);
    HEARS("Redis doesn't take it");
    cr_assert(!in_redis());
    cr_assert(strstr(logged, "OOM"), "%s", logged);
    redis_server_say(server, "CONFIG SET maxmemory 0");
    lp.clock.mono_us += FLEET_REPAIR_MS * 1000ull;
    TICK_UNTIL(in_redis());
    TICK_UNTIL(strstr(logged, "decision_told key=test/value"));
}

Test(fleet_decisions_asked, waits_when_it_goes_apart_meanwhile)
{
    start(1);
    set_by(&operator);
    redis_server_kill(server);
    HEARS("\"fleet\":\"apart, told when Redis is back\"");
}

Test(fleet_decisions_asked, waits_when_redis_takes_its_time)
{
    start(1);
    redis_server_hang(server);
    set_by(&operator);
    fleet_decisions_look(sides[0].fleet);
    cr_assert_eq(operator.heard.n, 0);
    lp.clock.mono_us += 2000000;
    fleet_decisions_look(sides[0].fleet);
    loop_turn(&lp);
    cr_assert(strstr(heard(&operator), "Redis hasn't answered; it waits"), "%s", heard(&operator));
    redis_server_go_on(server);
}

Test(fleet_decisions_asked, hears_of_who_was_later)
{
    start(1);
    set_by(&operator);
    set_by(&another);
    HEARS("\"fleet\":\"replaced by a later one\"");
    TICK_UNTIL(another.heard.n);
    cr_assert(strstr(heard(&another), "\"fleet\":\"told\""), "%s", heard(&another));
}

Test(fleet_decisions_asked, hears_that_the_process_ends)
{
    start(1);
    set_by(&operator);
    fleet_stop(sides[0].fleet);
    loop_turn(&lp);
    cr_assert(strstr(heard(&operator), "told by the process that takes over"), "%s",
              heard(&operator));
}

Test(fleet_decisions_asked, hears_that_it_is_forgotten_when_it_is)
{
    start(1);
    set_by(&operator);
    HEARS("told");
    forget();
    cr_assert_eq(operator.heard.n, 0);
    HEARS("\r\n\r\n{\"forgotten\":\"test/value\"}\n");
    cr_assert(strstr(logged, "decision_forgotten key=test/value"), "%s", logged);
}

Test(fleet_decisions_asked, hears_that_it_can_not_be_forgotten)
{
    start(1);
    set_by(&operator);
    HEARS("told");
    redis_server_say(server, "CONFIG SET maxmemory 1");
    forget();
    HEARS("HTTP/1.1 409 ");
    cr_assert(strstr(heard(&operator), "it isn't forgotten: Redis"), "%s", heard(&operator));
    cr_assert(fleet_decision_find(sides[0].fleet, SLICE("test/value")));
    redis_server_say(server, "CONFIG SET maxmemory 0");
}
