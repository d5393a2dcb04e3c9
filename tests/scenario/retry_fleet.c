/* SPDX-License-Identifier: Apache-2.0 */
/* A retry budget that several real instances share. */
#include "retry_case.h"
#include "tests/lib/rig_fleet.h"

enum { N = 3, OKS = 60, PACE_MS = 20 };

static struct origin *app;
static unsigned sent;

static void begin(void)
{
    rig_begin();
    rig_fleet_begin();
    app = origin_start("app");
}

static void end(void)
{
    rig_fleet_end();
    rig_end();
}

TestSuite(retry_fleet, .init = begin, .fini = end, .timeout = 120);

static void start_all(const char *budget)
{
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        rig_default_modules("[ \"retry\" ]");
        rig_start(.workers = 2, .top = RIG_FLEET, .cluster = budget,
                  .routes = RETRY_ROUTE("app", "on = [ \"503\" ]; attempts = 2; backoff = { base = "
                                               "\"1ms\"; };"));
    }
    rig_fleet_await_joined(N);
}

#define BUDGET(more)                                                                               \
    "retry_budget = { percent = \"20%\"; min_per_second = 0; window = \"60s\"; " more "};"

static unsigned retries(void)
{
    return origin_requests(app) - sent;
}

static void send(const char *target)
{
    get(target);
    sent++;
}

static void send_ok(void)
{
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        for (unsigned k = 0; k < OKS; k++)
            send("/");
    }
}

/* One instance sees all failures, and has a fifth of its own 60 and of what fails. */
Test(retry_fleet, gives_one_instance_what_the_others_do_not_need)
{
    start_all(BUDGET("shared = true; "));
    send_ok();
    rig_instance(1);
    const uint64_t end = now_ms() + 30000;
    unsigned failed = 0;
    while (retries() <= (OKS + failed) / 5 + 5) {
        cr_assert(now_ms() < end, "%u retries of %u", retries(), sent);
        send("/?status=503");
        failed++;
        sleep_ms(PACE_MS);
    }
    cr_assert_leq(retries(), sent / 5, "%u retries of %u", retries(), sent);
}

Test(retry_fleet, bounds_all_instances_together)
{
    start_all(BUDGET("shared = true; "));
    send_ok();
    for (unsigned k = 0; k < 100; k++) {
        rig_instance(k % N);
        send("/?status=503");
        cr_assert_leq(retries(), sent / 5 + N, "%u retries of %u", retries(), sent);
    }
    cr_assert_geq(retries(), OKS / 5, "%u of %u", retries(), sent);
}

Test(retry_fleet, leaves_each_its_own_without_redis)
{
    start_all(BUDGET("shared = true; "));
    redis_server_kill(rig_fleet_redis());
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        AWAIT(rig_metric("weir_fleet_joined") == 0);
    }
    send_ok();
    rig_instance(1);
    for (unsigned k = 0; k < 60; k++)
        send("/?status=503");
    cr_assert_eq(retries(), (OKS + 60) / 5, "%u of %u", retries(), sent);
}
