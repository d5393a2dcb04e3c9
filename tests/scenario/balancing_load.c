/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets requests as endpoints are slow or have much in flight. One worker: what is in flight,
 * and how long responses take, each of them knows of its own. */
#include "balancing_case.h"

#include <stdio.h>
#include <string.h>

BALANCING_SUITE(balancing_load);

enum { CLIENTS = 4, SENT = 240 };

/* A share of 1 in 13 would be by how fast it is; in turn it would be a third. */
static void prefers_the_faster(const char *balance, const char *slow_one)
{
    char cluster[64];
    snprintf(cluster, sizeof cluster, "balance = \"%s\";", balance);
    origin_script(balancing_app, slow_one);
    rig_start(.endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]", .cluster = cluster);
    load_start(.clients = CLIENTS, .request = "GET /?size=10 HTTP/1.1\r\nHost: a\r\n\r\n",
               .pause_ms = 1);
    load_await(SENT);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    cr_assert_lt(origin_requests(balancing_app), r.ok / 6, "%u of %u",
                 origin_requests(balancing_app), r.ok);
    cr_assert_gt(origin_requests(balancing_bee), r.ok / 4);
    cr_assert_gt(origin_requests(balancing_cat), r.ok / 4);
}

Test(balancing_load, least_request_prefers_the_faster)
{
    prefers_the_faster("least_request", "delay=60");
}

Test(balancing_load, random_of_two_prefers_the_faster)
{
    prefers_the_faster("random", "delay=60");
}

Test(balancing_load, peak_ewma_prefers_the_faster)
{
    prefers_the_faster("peak_ewma", "delay=60");
}

/* One request at a time: only what is remembered of times can tell them apart. */
Test(balancing_load, peak_ewma_knows_who_was_slow_and_believes_that_it_is_faster_by_and_by)
{
    origin_script(balancing_app, "delay=40");
    rig_start(.endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]",
              .cluster = "balance = \"peak_ewma\"; ewma_decay = \"200ms\";");
    AWAIT(shares_of(1).app == 1);
    cr_assert_leq(shares_of(20).app, 2, "it was slow a moment ago");
    origin_script(balancing_app, "");
    AWAIT(shares_of(30).app >= 5);
}

static int try_one(void)
{
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const int status = talk_response(t)->status;
    talk_close(t);
    return status;
}

/* Asked for one after the other; how many of them the origin "app" got. */
static unsigned of_app(unsigned n, int status)
{
    rig_start(.endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]",
              .cluster = "balance = \"peak_ewma\";",
              .listener = "timeouts = { request = \"100ms\"; };");
    for (unsigned i = 0; i < n; i++) {
        const int got = try_one();
        cr_assert(got == 200 || got == status, "%d", got);
    }
    return origin_requests(balancing_app);
}

/* Its requests end with their time, or their clients, and never with a response of its own. */
Test(balancing_load, peak_ewma_leaves_an_endpoint_alone_that_hangs)
{
    origin_script(balancing_app, "delay=5000");
    cr_assert_leq(of_app(12, 504), 2);
}

Test(balancing_load, peak_ewma_does_not_run_to_an_endpoint_that_errs_quickly)
{
    origin_script(balancing_app, "status=503");
    origin_script(balancing_bee, "delay=10");
    origin_script(balancing_cat, "delay=10");
    cr_assert_leq(of_app(40, 503), 12);
}

/* -- least request ----------------------------------------------------------------------------- */

static unsigned asked(void)
{
    return origin_requests(balancing_app) + origin_requests(balancing_bee) +
           origin_requests(balancing_cat);
}

/* Has a request hang at "app", and one at "bee"; "cat" answers. */
static void hang_two(const char *cluster)
{
    origin_script(balancing_app, "hang");
    origin_script(balancing_bee, "hang");
    rig_start(.endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]", .cluster = cluster);
    for (unsigned n = 1; !origin_requests(balancing_app) || !origin_requests(balancing_bee); n++) {
        cr_assert_leq(n, 100);
        talk_send(talk_open(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        AWAIT(asked() == n);
    }
    origin_script(balancing_app, "");
    origin_script(balancing_bee, "");
}

Test(balancing_load, least_request_finds_the_only_idle_one_among_as_many_choices)
{
    hang_two("balance = \"least_request\"; least_request = { choices = 3; };");
    cr_assert_eq(shares_of(30).cat, 30);
}

Test(balancing_load, least_request_without_a_bias_goes_by_weight_alone)
{
    hang_two("balance = \"least_request\"; least_request = { choices = 3; bias = 0; };");
    cr_assert_leq(shares_of(30).cat, 22, "a third of 30 are 10");
}

/* -- bounded load ------------------------------------------------------------------------------ */

enum { HOT = 12 };

static unsigned in_flight(unsigned *most)
{
    const unsigned n[] = {origin_requests(balancing_app), origin_requests(balancing_bee),
                          origin_requests(balancing_cat)};
    *most = n[0] > n[1] ? n[0] : n[1];
    *most = n[2] > *most ? n[2] : *most;
    return n[0] + n[1] + n[2];
}

/* So many requests of one key hang; how many of them does one endpoint have at most? */
static unsigned hang_hot(const char *balance, unsigned load_factor)
{
    char cluster[128];
    unsigned most;
    snprintf(cluster, sizeof cluster,
             "balance = \"%s\"; hash = { header = \"x-user\"; load_factor = %u; };", balance,
             load_factor);
    rig_start(.endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]", .cluster = cluster);
    for (unsigned i = 0; i < HOT; i++)
        talk_send(talk_open(), "GET /?hang HTTP/1.1\r\nHost: a\r\nX-User: hot\r\n\r\n");
    AWAIT(in_flight(&most) == HOT);
    return most;
}

/* Of 12 no endpoint has more than 150 % of their average, which is 6; and the key comes home when
 * there is room. */
static void bounds_a_hot_key(const char *balance)
{
    cr_assert_eq(hang_hot(balance, 150), HOT / 2);
    talks_end();
    AWAIT(origin_aborts(balancing_app) + origin_aborts(balancing_bee) +
              origin_aborts(balancing_cat) ==
          HOT);
    char home[32] = "";
    for (unsigned i = 0; i < 9; i++) {
        const struct response *r = ask("GET / HTTP/1.1\r\nHost: a\r\nX-User: hot\r\n\r\n");
        if (i == 0)
            snprintf(home, sizeof home, "%.*s", (int)r->body.n, r->body.p);
        cr_assert(body_is(r, home), "%s", r->body.p);
    }
}

Test(balancing_load, a_ring_with_bounded_load_spreads_a_hot_key)
{
    bounds_a_hot_key("ring_hash");
}

Test(balancing_load, maglev_with_bounded_load_spreads_a_hot_key)
{
    bounds_a_hot_key("maglev");
}

Test(balancing_load, without_a_bound_a_hot_key_stays_with_one)
{
    cr_assert_eq(hang_hot("ring_hash", 0), HOT);
}
