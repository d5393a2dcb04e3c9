/* SPDX-License-Identifier: Apache-2.0 */
/* Three instances share a circuit, each behind a network of its own to one Redis. What happens is
 * drawn from a seed: requests, what the backend does, faults of networks and of Redis, processes
 * that die, reloads, operators. After every step all that was seen is held against the rules
 * (fleet_random_rules.c); now and then, and at the end, everything heals, and then all instances
 * have to agree within a time.
 *
 *     WEIR_SEED=7 WEIR_STEPS=500 WEIR_TALE=1 tests/scenario/scenario --filter 'fleet_random/...'
 *
 * The steps are those of the seed; when exactly they come in between processes isn't, so a seed
 * that finds something may need a few runs. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fault_proxy.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"

enum { STEPS_DEFAULT = 100, STEPS_TO_QUIET = 50 };
/* Until all agree. A record that FLUSHALL has deleted is found missing within 10 s, when its turn
 * comes, as messages may get lost; the rest is a connection that is given up and made again, a
 * circuit that is open some times for up to 600 ms, and probes that get lost. */
enum { AGREE_MS = 20000 };

enum { WINDOW_MS = 1100 }; /* of the circuit, and a tenth */

static struct redis_server *redis;
static struct fault_proxy *ways[EDGES];
static struct origin *app;
static uint64_t random_state;
static bool redis_is_dead, redis_has_old;

static const char fleet[] =
    "fleet = { instance = \"$instance\"; tick = \"20ms\"; hold = \"1s\"; redis = { address = "
    "\"$redis\"; timeout = \"500ms\"; retry_min = \"50ms\"; retry_max = \"100ms\"; }; };\n";
static const char breaker[] =
    "breaker = { circuit = { shared = true; open_on = { min_requests = 6; window = \"1s\"; "
    "error_rate = \"30%\"; slow_rate = \"50%\"; slow_after = \"200ms\"; }; open_for = \"200ms\"; "
    "max_open = \"600ms\"; "
    "jitter = \"0%\"; probes = 3; successes = 2; probe_timeout = \"700ms\"; }; };";

static struct rig_conf conf_of(unsigned i)
{
    rig_name("redis", "%s", fault_proxy_address(ways[i]));
    return (struct rig_conf){.workers = 2, .top = fleet, .cluster = breaker};
}

/* -- chance ------------------------------------------------------------------------------------ */

static unsigned below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

#define TELL(...) tale_add(wall_us(), __VA_ARGS__)

/* -- requests and the backend ------------------------------------------------------------------ */

static const char *some_process(void)
{
    static const char *const titles[] = {"worker/", "worker/", "control"};
    return titles[below(3)];
}

enum { ALL = (1U << EDGES) - 1 };

static unsigned some_edges(void)
{
    return below(2) ? ALL : 1U << below(EDGES);
}

/* One alone is what shows best what a single probe does. */
static void call_some(unsigned rounds, const char *kill_title)
{
    const unsigned mask = some_edges();
    for (unsigned r = 0; r < rounds; r++) {
        edges_call(mask, below(3) ? 1 + below(8) : 1, kill_title);
        rules_of_calls(mask);
        sleep_ms(below(60));
        kill_title = NULL;
    }
}

static void do_calls(void)
{
    call_some(1 + below(4), NULL);
}

static void do_kill_under_way(void)
{
    call_some(1, some_process());
}

static void do_wait(void)
{
    sleep_ms(20 + below(300));
}

static void set_backend(unsigned kind)
{
    static const char *const scripts[] = {"status=200", "status=500", "delay=300"};
    static const int statuses[] = {200, 500, 200};
    TELL("backend %s", scripts[kind]);
    origin_script(app, scripts[kind]);
    rules_backend(statuses[kind]);
}

static void do_backend(void)
{
    static const unsigned kinds[] = {0, 0, 0, 1, 1, 1, 2};
    set_backend(kinds[below(7)]);
}

/* -- ways to Redis ----------------------------------------------------------------------------- */

static void heal_way(unsigned i)
{
    fault_proxy_set(ways[i], FAULT_NONE);
    fault_proxy_delay(ways[i], 0);
}

static void do_heal_way(void)
{
    const unsigned i = below(EDGES);
    TELL("way %u heals", i);
    heal_way(i);
}

static void do_cut(void)
{
    const unsigned i = below(EDGES);
    TELL("way %u is cut", i);
    fault_proxy_cut(ways[i]);
}

static void do_delay(void)
{
    const unsigned i = below(EDGES), ms = 5 + below(395);
    TELL("way %u takes %u ms", i, ms);
    fault_proxy_delay(ways[i], ms);
}

/* What is on its way then comes behind what is asked for later, over the other connection. */
static void do_late_news(void)
{
    const unsigned i = below(EDGES), ms = 50 + below(350);
    TELL("way %u takes %u ms for a moment", i, ms);
    fault_proxy_delay(ways[i], ms);
    call_some(1 + below(4), NULL);
    TELL("way %u heals", i);
    heal_way(i);
    call_some(1 + below(3), NULL);
}

static void do_way_fault(void)
{
    static const enum proxy_fault faults[] = {FAULT_HANG, FAULT_HALF_OPEN, FAULT_REFUSE,
                                              FAULT_GARBAGE};
    static const char *const words[] = {"hangs", "is half-open", "is refused", "talks garbage"};
    const unsigned i = below(EDGES), k = below(4);
    TELL("way %u %s", i, words[k]);
    fault_proxy_set(ways[i], faults[k]);
    if (faults[k] == FAULT_REFUSE)
        fault_proxy_cut(ways[i]);
}

/* -- Redis ------------------------------------------------------------------------------------- */

/* In the folder of Redis, which keeps all that it was told in a log of its own. */
static void in_folder(const char *command)
{
    char all[512];
    snprintf(all, sizeof all, "cd %s && %s", redis_server_folder(redis), command);
    FILE *f = popen(all, "r"); /* NOLINT: fixed texts */
    cr_assert(f);
    cr_assert_eq(pclose(f), 0, "%s", all);
}

static void kill_redis(void)
{
    TELL("Redis is killed");
    redis_server_kill(redis);
    redis_watch_read();
    redis_is_dead = true;
}

static void start_redis(unsigned kind)
{
    static const char *const words[] = {"with its data", "empty", "with old data"};
    if (kind == 2 && !redis_has_old)
        kind = 0;
    if (kind != 0) {
        in_folder("rm -rf appendonlydir");
        rules_redis_lost();
    }
    if (kind == 2)
        in_folder("cp -r old appendonlydir");
    TELL("Redis starts %s", words[kind]);
    redis_server_again(redis);
    redis_watch_again();
    redis_is_dead = false;
}

static void do_redis(void)
{
    if (!redis_is_dead)
        kill_redis();
    if (below(2))
        start_redis(below(3));
}

static void do_redis_again(void)
{
    if (redis_is_dead)
        start_redis(below(3));
}

static void do_remember(void)
{
    if (redis_is_dead)
        return;
    TELL("what Redis has now will be old data");
    in_folder("rm -rf old && cp -r appendonlydir old");
    redis_has_old = true;
}

static void do_flush(void)
{
    if (redis_is_dead)
        return;
    TELL("FLUSHALL");
    rules_redis_lost();
    redis_server_say(redis, "FLUSHALL");
}

/* -- processes and operators ------------------------------------------------------------------- */

static void do_kill(void)
{
    edge_kill(below(EDGES), some_process());
}

static void do_reload(void)
{
    const unsigned i = below(EDGES);
    TELL("edge-%u  is reloaded", i);
    edge_reload(i, conf_of(i));
}

static void say(unsigned edge, enum mode mode, bool to_all)
{
    rules_operator(edge, mode, to_all);
    edge_force(edge, mode, to_all);
}

static void do_operator(void)
{
    static const enum mode modes[] = {MODE_AUTO, MODE_AUTO, MODE_OPEN, MODE_CLOSED};
    const unsigned edge = below(EDGES);
    const enum mode mode = modes[below(4)];
    say(edge, mode, below(2));
}

/* Without it most of the time would be spent forced. */
static void do_auto(void)
{
    say(below(EDGES), MODE_AUTO, true);
}

/* -- quiet ------------------------------------------------------------------------------------- */

static bool all_joined(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        const struct look l = edge_look(i);
        if (!l.joined)
            return false;
    }
    return true;
}

static bool all_agree(void)
{
    redis_watch_read();
    const uint64_t version = stored_version();
    for (unsigned i = 0; i < EDGES; i++) {
        const struct look l = edge_look(i);
        if (!l.led || l.mode != MODE_AUTO || l.state != STATE_CLOSED || l.version != version)
            return false;
    }
    return true;
}

/* Did it have the time? */
static bool is_late(uint64_t began_us, unsigned ms)
{
    return wall_us() > began_us + ms * 1000ULL && !stalled_since(wall_us() - ms * 1000ULL);
}

/* Requests go on: they are what closes circuits. */
static void await_agreement(uint64_t began_us)
{
    enum { PACE_MS = 20 };
    while (!all_agree()) {
        const unsigned mask = some_edges();
        edges_call(mask, 1 + below(2), NULL);
        rules_of_calls(mask);
        rules_of_step();
        if (is_late(began_us, AGREE_MS))
            tale_broken("all agree soon after everything has healed", "they don't");
        sleep_ms(PACE_MS);
    }
}

static bool all_are_open(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        const struct look l = edge_look(i);
        if (!l.led || l.state == STATE_CLOSED)
            return false;
    }
    return true;
}

static bool fail_together(void)
{
    enum { CALLS = 2, OPEN_MS = 3000 };
    sleep_ms(WINDOW_MS); /* what was before is forgotten */
    edges_call(ALL, CALLS, NULL);
    rules_of_calls(ALL);
    const uint64_t began_us = wall_us();
    while (!all_are_open())
        if (wall_us() > began_us + OPEN_MS * 1000)
            return false;
    return true;
}

/* Whatever they have been through, the circuit is one still: none of them sees enough alone. */
static void open_together(void)
{
    uint64_t began_us = wall_us();
    set_backend(1);
    for (; !fail_together(); began_us = wall_us())
        if (!stalled_since(began_us))
            tale_broken("all open by what all have seen", "they don't");
    set_backend(0);
    rules_of_step();
}

static void heal(void)
{
    TELL("everything heals");
    for (unsigned i = 0; i < EDGES; i++)
        heal_way(i);
    if (redis_is_dead)
        start_redis(below(3));
    set_backend(0);
}

static void be_quiet(void)
{
    heal();
    const uint64_t began_us = wall_us();
    while (!all_joined() || !rules_last_decision_stands()) {
        rules_of_step();
        if (is_late(began_us, AGREE_MS))
            tale_broken("all join, and follow what was decided last", "they don't");
    }
    say(below(EDGES), MODE_AUTO, true);
    await_agreement(began_us);
    rules_agreed(MODE_AUTO);
    TELL("all agree after %llu ms", (unsigned long long)(wall_us() - began_us) / 1000);
    open_together();
    await_agreement(wall_us());
}

/* -- the test ---------------------------------------------------------------------------------- */

static const struct {
    void (*run)(void);
    unsigned weight;
} steps[] = {
    {do_calls, 50}, {do_wait, 10},          {do_backend, 14},  {do_heal_way, 9},
    {do_cut, 4},    {do_delay, 3},          {do_late_news, 4}, {do_way_fault, 6},
    {do_redis, 2},  {do_redis_again, 6},    {do_remember, 2},  {do_flush, 3},
    {do_kill, 2},   {do_kill_under_way, 2}, {do_reload, 1},    {do_operator, 5},
    {do_auto, 4},
};

static void do_some_step(void)
{
    unsigned all = 0, k = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        all += steps[i].weight;
    for (all = below(all); all >= steps[k].weight; k++)
        all -= steps[k].weight;
    steps[k].run();
    rules_of_step();
}

static void begin(void)
{
    static const char garbage[] = "+?\r\n:7\r\n$3\r\nabc\r\n*1\r\n";
    rig_begin();
    rig_default_modules("[ ]");
    redis = redis_server_start("appendonly yes\nappendfsync no\nauto-aof-rewrite-percentage 0\n");
    app = origin_start("app");
    for (unsigned i = 0; i < EDGES; i++) {
        ways[i] = fault_proxy_start(redis_server_address(redis));
        fault_proxy_garbage(ways[i], garbage, sizeof garbage - 1);
    }
}

static void end(void)
{
    tale_end();
    redis_watch_end();
    fault_proxies_end();
    redis_servers_end();
    rig_end();
}

TestSuite(fleet_random, .init = begin, .fini = end, .timeout = 600);

Test(fleet_random, keeps_its_promises_whatever_happens)
{
    const unsigned seed = number_of("WEIR_SEED", 1), n = number_of("WEIR_STEPS", STEPS_DEFAULT);
    fprintf(stderr, "WEIR_SEED=%u WEIR_STEPS=%u\n", seed, n);
    random_state = seed * 0x9e3779b97f4a7c15 + 1;
    tale_begin(seed);
    edges_begin();
    rules_begin();
    stalls_begin();
    redis_watch_begin(redis);
    for (unsigned i = 0; i < EDGES; i++)
        edge_start(i, conf_of(i));
    be_quiet();
    for (unsigned step = 1; step <= n; step++) {
        TELL("-- step %u", step);
        do_some_step();
        if (step % STEPS_TO_QUIET == 0 || step == n)
            be_quiet();
    }
    stalls_end();
}
