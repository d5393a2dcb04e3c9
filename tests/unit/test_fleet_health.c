/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of health checks over a real Redis: several fleets, each with an endpoint whose checks
 * the test makes up. */
#include "fleet_case.h"

#include "control/health/health_parts.h"
#include "fleet/fleet_health.h"

static struct patient {
    struct health h;
    struct checked hc;
    struct probe probe, *probes[1];
    struct endpoint ep;
    struct fleet_health *fh;
} patients[SIDES];

static void patient_start(size_t i, uint32_t checkers)
{
    struct patient *q = &patients[i];
    q->h = (struct health){.w = &sides[i].w, .clusters = &q->hc, .n = 1};
    snprintf(q->ep.name, sizeof q->ep.name, "10.0.0.1:80");
    q->hc = (struct checked){.h = &q->h, .probes = q->probes, .n = 1};
    q->hc.conf.health = (struct health_conf){
        .set = true, .fleet_checkers = checkers, .interval = 60000, .timeout = 60000};
    q->hc.totals.cluster = SLICE("app");
    q->probes[0] = &q->probe;
    q->probe = (struct probe){.hc = &q->hc, .ep = &q->ep};
    sides[i].w.acting = NULL;
    q->fh = fleet_health_start(sides[i].fleet, &q->h);
}

static void begin(size_t n, uint32_t checkers)
{
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++)
        patient_start(i, checkers);
}

static void end(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_health_free(patients[i].fh);
    sides_end();
}

TestSuite(fleet_health, .fini = end);

static void tick_health(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_health_tick(patients[i].fh);
    tick_all();
}

#define HEALTH_UNTIL(cond) TURN_UNTIL((tick_health(), cond))

static size_t followers(void)
{
    size_t n = 0;
    for (size_t i = 0; i < sides_n; i++)
        n += patients[i].probe.share.follows;
    return n;
}

/* As if each of those whose turn it is had checked it. */
static void find(enum endpoint_health found)
{
    for (size_t i = 0; i < sides_n; i++)
        if (!patients[i].probe.share.follows) {
            patients[i].probe.share.own = true;
            patients[i].probe.share.word = -1;
            patients[i].probe.state.health = found;
        }
}

static bool all_are(enum endpoint_health health)
{
    for (size_t i = 0; i < sides_n; i++)
        if (patients[i].probe.state.health != health)
            return false;
    return true;
}

Test(fleet_health, has_as_many_checkers_as_are_wanted_and_all_hear_them)
{
    begin(4, 2);
    find(HEALTH_UP);
    HEALTH_UNTIL(all_joined() && followers() == 2);
    find(HEALTH_DOWN);
    HEALTH_UNTIL(all_are(HEALTH_DOWN));
    find(HEALTH_UP);
    HEALTH_UNTIL(all_are(HEALTH_UP));
    cr_assert(strstr(redis_server_say(server, "HVALS weir:b::health/app"),
                     "{\"checks\":{\"10.0.0.1:80\":\"up\"}}"));
}

Test(fleet_health, everybody_checks_when_redis_is_gone)
{
    begin(3, 1);
    find(HEALTH_UP);
    HEALTH_UNTIL(all_joined() && followers() == 2);
    redis_server_kill(server);
    HEALTH_UNTIL(followers() == 0);
    cr_assert(all_are(HEALTH_UP));
    redis_server_again(server);
    find(HEALTH_UP);
    HEALTH_UNTIL(all_joined() && followers() == 2);
}

Test(fleet_health, hands_over_when_the_checker_goes)
{
    begin(3, 1);
    find(HEALTH_UP);
    HEALTH_UNTIL(all_joined() && followers() == 2);
    char message[80];
    size_t gone = 0;
    while (patients[gone].probe.share.follows)
        gone++;
    fleet_health_free(patients[gone].fh);
    patients[gone].fh = NULL;
    side_stop(&sides[gone]);
    cr_assert_str_eq(redis_server_say(server, "HDEL weir:b::members edge-%d", (int)gone), "1");
    snprintf(message, sizeof message, "{\"b\":\"weir:b::members\",\"i\":\"edge-%zu\",\"t\":\"\"}",
             gone);
    redis_server_say(server, "PUBLISH weir:events %s", message);
    patients[gone].probe.share.follows = true;
    HEALTH_UNTIL(followers() == 2);
}

Test(fleet_health, does_nothing_for_clusters_that_do_not_want_it)
{
    begin(1, 0);
    cr_assert_null(patients[0].fh);
    fleet_health_tick(NULL);
    cr_assert_null(fleet_health_start(NULL, &patients[0].h));
}

Test(fleet_health, counts_notes_without_sense)
{
    begin(1, 1);
    redis_server_say(server, "HSET weir:b::health/app edge-9 %s", "9700000000000 nonsense");
    HEALTH_UNTIL(all_joined());
    HEALTH_UNTIL(sides[0].fleet->errors[FLEET_ERROR_ANSWER] == 1);
    cr_assert_eq(followers(), 0);
}
