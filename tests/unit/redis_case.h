/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_REDIS_CASE_H
#define WEIR_TESTS_UNIT_REDIS_CASE_H

/* A connection to Redis as its owner sees it: the loop is turned until what is waited for has
 * happened, and what came is written down. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "redis/redis.h"
#include "tests/lib/fault_proxy.h"
#include "tests/lib/redis_server.h"
#include "tests/lib/wait.h"

static struct loop lp;
static struct redis *redis;
static struct dns *dns; /* NULL unless a test starts it */
static struct redis_conf conf;
static unsigned ups, downs, messages, replies, given_up;
static char why[256], message[256], reply[4096], logged[16 * 1024];

#define TURN_UNTIL(cond)                                                                           \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (loop_turn(&lp), !(cond)) {                                                          \
            cr_assert(now_ms() < end_, "waited in vain for: %s (%s)", #cond, why);                 \
            sleep_ms(LOOK_MS);                                                                     \
        }                                                                                          \
    } while (0)

static void on_up(void *ctx)
{
    (void)ctx;
    ups++;
}

static void on_down(void *ctx, const char *text)
{
    (void)ctx;
    downs++;
    snprintf(why, sizeof why, "%s", text);
}

static void on_message(void *ctx, struct slice text)
{
    (void)ctx;
    messages++;
    snprintf(message, sizeof message, "%.*s", SLICE_ARG(text));
}

static const struct redis_events redis_case_events = {
    .up = on_up, .down = on_down, .message = on_message};

static void write_reply(struct text *t, const struct redis_reply *r)
{
    static const char *const kinds[] = {"nil", "text", "status", "integer", "list", "error"};
    text_str(t, kinds[r->kind]);
    if (r->kind == REDIS_INTEGER)
        text_printf(t, " %lld", (long long)r->integer);
    else if (r->kind != REDIS_LIST && r->kind != REDIS_NIL)
        text_printf(t, " %.*s", SLICE_ARG(r->text));
    for (size_t i = 0; r->kind == REDIS_LIST && i < r->n; i++) {
        const struct redis_reply item = redis_item(r, i);
        text_str(t, i ? ", " : " (");
        write_reply(t, &item);
    }
    if (r->kind == REDIS_LIST && r->n)
        text_char(t, ')');
}

/* "text abc", "list (integer 1, nil)" in `reply`. */
static void on_reply(void *ctx, const struct redis_reply *r)
{
    struct text t;
    (void)ctx;
    replies++;
    given_up += r == NULL;
    text_init_fixed(&t, reply, sizeof reply - 1);
    if (r)
        write_reply(&t, r);
    else
        text_str(&t, "given up");
    reply[t.n] = '\0';
}

static void on_log(enum log_level level, struct slice line)
{
    const size_t n = strlen(logged);
    (void)level;
    snprintf(logged + n, sizeof logged - n, "%.*s\n", SLICE_ARG(line));
}

/* The settings' defaults, quick ones for tests. */
static void redis_setup(void)
{
    loop_init(&lp, 0);
    log_set_sink(on_log);
    conf = (struct redis_conf){
        .timeout = 500, .retry_min = 20, .retry_max = 100, .reply_size = 64 * 1024};
}

static void redis_teardown(void)
{
    redis_free(redis);
    dns_stop(dns);
    loop_turn(&lp);
    loop_fini(&lp);
    fault_proxies_end();
    redis_servers_end();
    log_set_sink(NULL);
}

static void begin(const char *address)
{
    conf.address = slice_str(address);
    redis = redis_new(&lp, dns, &conf, SLICE("weir:events"), &redis_case_events, NULL);
    cr_assert(redis);
    cr_assert_eq(ups, 0, "never from inside");
}

/* It can't be reached: what for. */
static inline const char *begin_down(const char *address)
{
    begin(address);
    TURN_UNTIL(downs == 1);
    cr_assert_eq(ups, 0);
    cr_assert(!redis_is_up(redis));
    cr_assert_str_eq(redis_facts(redis).reason, why);
    return why;
}

static inline void begin_up(const char *address)
{
    begin(address);
    TURN_UNTIL(ups == 1);
}

/* A command by words that spaces divide, and its reply. */
static const char *ask(const char *words)
{
    struct slice args[16];
    size_t n = 0;
    const unsigned before = replies;
    for (struct slice rest = slice_str(words); rest.p;)
        args[n++] = slice_cut(&rest, ' ');
    if (!redis_command(redis, on_reply, NULL, n, args))
        return "refused";
    cr_assert_eq(replies, before, "never from inside");
    TURN_UNTIL(replies > before);
    return reply;
}

static inline void has(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "no \"%s\" in: %s", part, text);
}

static inline void has_not(const char *text, const char *part)
{
    cr_assert(!strstr(text, part), "\"%s\" in: %s", part, text);
}

#endif
