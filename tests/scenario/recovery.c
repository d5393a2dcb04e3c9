/* SPDX-License-Identifier: Apache-2.0 */
/* The promise of the whole: of three backends one becomes slow, dies and comes back, under steady
 * load over both protocols, and clients hardly see it. tests/bench/sections_recovery.sh draws the
 * same at length, beside others.
 *
 * The load is near 250 requests a second whatever becomes of them: one half over HTTP/1.1 by many
 * clients that pause, one half over HTTP/2 from here, one every 8 ms. Times aren't asserted. */
#include "tests/lib/h2_talk.h"
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

enum {
    CLIENTS = 32,
    CLIENT_PAUSE_MS = 256, /* 125 a second, of them all */
    STREAM_EVERY_MS = 8,   /* and 125 */
    STREAMS_MAX = 4096,
    HEALTHY_MS = 1000,
    SLOW_MS = 500,
    DEAD_MS = 1000, /* or longer, until it is noticed */
    RECOVERED_MS = 300,
};

/* What a dead backend does. */
enum death { REFUSES, RESETS, HANGS };

static struct origin *app[3];
static struct h2_talk *talk;
static int32_t streams[STREAMS_MAX];
static unsigned streams_n;

static void begin(void)
{
    static const char *const names[] = {"a", "b", "c"};
    rig_begin();
    for (unsigned i = 0; i < 3; i++) {
        app[i] = origin_start(names[i]);
        origin_script(app[i], "delay=5&size=100");
    }
    streams_n = 0;
}

static void end(void)
{
    h2_talks_end();
    rig_end();
}

TestSuite(recovery, .init = begin, .fini = end, .timeout = 120);

static void start(const char *cluster, const char *route)
{
    static char routes[1024];
    snprintf(routes, sizeof routes, "( { name = \"all\"; cluster = \"app\"; %s } )", route);
    rig_start(.listener = "protocols = [ \"http/1.1\", \"h2\" ];", .cluster = cluster,
              .endpoints = "[ \"$a\", \"$b\", \"$c\" ]", .routes = routes);
}

static void go_on_for(unsigned ms)
{
    const uint64_t begun = now_ms();
    for (uint64_t next = begun; next < begun + ms; next += STREAM_EVERY_MS) {
        cr_assert_lt(streams_n, STREAMS_MAX);
        streams[streams_n++] = h2_ask(talk, .path = "/");
        do
            h2_turn(talk, STREAM_EVERY_MS / 2);
        while (now_ms() < next + STREAM_EVERY_MS);
    }
}

static void go_on_until_noticed(void)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS;
    while (!rig_logged("outlier_ejected") && !rig_logged("endpoint_down")) {
        cr_assert_lt(now_ms(), deadline, "the dead backend is still in use");
        go_on_for(100);
    }
}

static void die(struct origin *o, enum death how)
{
    if (how == REFUSES)
        origin_stop(o);
    else
        origin_script(o, how == RESETS ? "abort" : "hang");
}

static void recover(struct origin *o, enum death how)
{
    if (how == REFUSES)
        origin_again(o);
    origin_script(o, "delay=5&size=100");
}

/* Failures over HTTP/2. */
static unsigned count_failed_streams(void)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < streams_n; i++) {
        const struct h2_stream *s = h2_answer(talk, streams[i]);
        failed += s->status != 200 || !s->ended || !h2_is_pattern(s, 100);
    }
    return failed;
}

/* Less than one of a thousand requests fails, from the beginning to the end. */
static void survives(enum death how)
{
    struct origin *bad = app[1];
    talk = h2_talk_open();
    load_start(.clients = CLIENTS, .pause_ms = CLIENT_PAUSE_MS);
    go_on_for(HEALTHY_MS);
    origin_script(bad, "delay=200&size=100");
    go_on_for(SLOW_MS);
    die(bad, how);
    go_on_for(DEAD_MS);
    go_on_until_noticed();
    recover(bad, how);
    go_on_for(RECOVERED_MS);
    const unsigned failed = count_failed_streams();
    const struct load_result r = load_stop();
    const unsigned all = r.ok + r.failed + streams_n;
    cr_assert_lt((r.failed + failed) * 1000, all, "%u and %u of %u failed: %s", r.failed, failed,
                 all, r.first);
    cr_assert_gt(all, streams_n * 3 / 2, "%u of them over HTTP/1.1: no steady load", r.ok);
}

Test(recovery, hides_a_backend_that_refuses_without_any_configuration)
{
    start("", "");
    survives(REFUSES);
}

Test(recovery, hides_a_backend_that_resets_without_any_configuration)
{
    start("", "");
    survives(RESETS);
}

/* As tests/bench/proxies_recovery.sh has it, with shorter times, and without the balancer that
 * would avoid a slow backend. */
#define CLUSTER                                                                                    \
    "health = { interval = \"200ms\"; unhealthy_interval = \"100ms\"; timeout = \"300ms\"; };"     \
    "outlier = { consecutive_5xx = 5; };"                                                          \
    "hedge_budget = { percent = \"20%\"; };"
#define ROUTE                                                                                      \
    "retry = { attempts = 3; on = [ \"5xx\", \"timeout\" ]; per_try_timeout = \"300ms\"; "         \
    "hedge = { delay = \"50ms\"; }; };"

Test(recovery, hides_a_backend_that_refuses)
{
    start(CLUSTER, ROUTE);
    survives(REFUSES);
}

Test(recovery, hides_a_backend_that_resets)
{
    start(CLUSTER, ROUTE);
    survives(RESETS);
}

Test(recovery, hides_a_backend_that_hangs)
{
    start(CLUSTER, ROUTE);
    survives(HANGS);
}
