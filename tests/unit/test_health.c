/* SPDX-License-Identifier: Apache-2.0 */
/* Checks over HTTP/1.1 in a whole process without sockets: who is asked when, what is sent, what
 * follows from answers, and what is left when it ends. The test is the endpoints. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/log.h"
#include "core/stats/exposition.h"
#include "control/health/health.h"
#include "tests/lib/stack.h"

#define CONF(health)                                                                               \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; health = { jitter = "  \
    "\"0%\"; " health " }; };"                                                                     \
    " two = { endpoints = [ \"10.0.0.3:80\" ]; }; };"                                              \
    "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );"

#define NONE(health)                                                                               \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; health = { " health " }; }; };"         \
    "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );"
#define SINGLE(health) NONE("jitter = \"0%\"; " health)

static struct stack *s;
static struct health *h;
static char logged[4096];

static void on_log(enum log_level level, struct slice line)
{
    const size_t n = strlen(logged);
    (void)level;
    snprintf(logged + n, sizeof logged - n, "%.*s\n", SLICE_ARG(line));
}

static void begin(const char *conf)
{
    log_set_sink(on_log);
    s = stack_new(conf);
    h = health_start(stack_worker(s));
}

static void end(void)
{
    health_quiesce(h);
    stack_settle(s);
    health_close(h);
    stack_settle(s);
    health_free(h);
    stack_free(s);
}

static struct endpoint_cell *cell(void)
{
    return stack_worker(s)->g->cells[0];
}

static enum endpoint_health health_of(const char *name)
{
    return endpoint_health(cell(), endpoint_cell_find(cell(), slice_str(name)));
}

/* Answers the i-th connection. */
static void answer(size_t i, const char *status, const char *more)
{
    char text[256];
    struct peer *o = stack_origin(s, i);
    cr_assert(o, "there is no connection %zu", i);
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: 2\r\n\r\nok", status, more);
    peer_says(o, text);
}

#define PASS "200 OK"
#define FAIL "503 No"

Test(health, asks_each_endpoint_at_once_as_configured)
{
    begin(CONF("path = \"/h?x=1\"; headers = ( { name = \"X-Key\"; value = \"k\"; } );"));
    stack_sleep_ms(s, 50);
    cr_assert_eq(stack_origins(s), 2);
    cr_assert_eq(health_running(h), 2);
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "GET /h?x=1 HTTP/1.1\r\n"));
    cr_assert(peer_heard(o, "10.0.0.1:80\r\n"));
    cr_assert(peer_heard(o, "weir-health/"));
    cr_assert(peer_heard(o, "k\r\n"));
    end();
}

Test(health, host_method_and_port_can_be_others)
{
    begin(CONF("host = \"h.example\"; method = \"OPTIONS\"; port = 81;"));
    stack_sleep_ms(s, 50);
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "OPTIONS / HTTP/1.1\r\n"));
    cr_assert(peer_heard(o, "h.example\r\n"));
    cr_assert_eq(addr_port(&o->to), 81);
    end();
}

Test(health, the_first_answer_decides_and_the_slot_says_so)
{
    begin(CONF(""));
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UNKNOWN);
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    answer(1, FAIL, "");
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    cr_assert_eq(health_of("10.0.0.2:80"), HEALTH_DOWN);
    cr_assert(strstr(logged, "endpoint_down cluster=one endpoint=10.0.0.2:80 check=status "
                             "status=503 checks=1"),
              "%s", logged);
    cr_assert_eq(health_running(h), 0);
    cr_assert(peer_closed(stack_origin(s, 0)), "no connection is kept");
    end();
}

Test(health, comes_again_after_the_interval_and_sooner_when_it_failed)
{
    begin(CONF("interval = \"5s\"; unhealthy_interval = \"1s\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    answer(1, FAIL, "");
    stack_sleep_ms(s, 950);
    cr_assert_eq(stack_origins(s), 2);
    stack_sleep_ms(s, 100);
    cr_assert_eq(stack_origins(s), 3, "the one that failed");
    cr_assert_eq(stack_origin(s, 2)->to.in4.sin_addr.s_addr, htonl(0x0a000002));
    end();
}

Test(health, one_that_passes_is_left_alone_for_the_interval)
{
    begin(SINGLE("interval = \"5s\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    stack_sleep_ms(s, 4900);
    cr_assert_eq(stack_origins(s), 1);
    stack_sleep_ms(s, 200);
    cr_assert_eq(stack_origins(s), 2);
    end();
}

/* One endpoint, whose n-th check ends so. */
static void check_next(size_t n, const char *status)
{
    while (stack_origins(s) <= n)
        stack_sleep_ms(s, 100);
    answer(n, status, "");
}

Test(health, checks_passed_in_a_row_are_told_to_all)
{
    static const char *const answers[] = {PASS, FAIL, PASS, PASS};
    static const uint32_t told[] = {1, 0, 1, 2};
    begin(SINGLE("fall = 9;"));
    for (size_t i = 0; i < 4; i++) {
        check_next(i, answers[i]);
        cr_assert_eq(endpoint_passed(cell(), endpoint_cell_find(cell(), SLICE("10.0.0.1:80"))),
                     told[i]);
    }
    end();
}

Test(health, flapping_is_no_change_until_it_lasts)
{
    begin(SINGLE("rise = 2; fall = 3;"));
    size_t n = 0;
    check_next(n++, PASS);
    for (int i = 0; i < 5; i++) {
        check_next(n++, FAIL);
        check_next(n++, FAIL);
        check_next(n++, PASS);
        cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    }
    for (int i = 0; i < 3; i++)
        check_next(n++, FAIL);
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_DOWN);
    for (int i = 0; i < 5; i++) {
        check_next(n++, PASS);
        check_next(n++, FAIL);
        cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_DOWN);
    }
    check_next(n++, PASS);
    check_next(n++, PASS);
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    const struct health_totals t = health_totals(h, 0);
    cr_assert_eq(t.went_up, 2);
    cr_assert_eq(t.went_down, 1);
    cr_assert_eq(t.results[HEALTH_PASSED] + t.results[HEALTH_STATUS], n);
    end();
}

Test(health, a_change_is_logged_once)
{
    begin(SINGLE("fall = 1;"));
    for (size_t n = 0; n < 4; n++)
        check_next(n, FAIL);
    const char *first = strstr(logged, "endpoint_down");
    cr_assert(first && !strstr(first + 1, "endpoint_down"), "%s", logged);
    end();
}

Test(health, a_refused_connection_is_told_apart_and_not_logged_each_time)
{
    begin(SINGLE(""));
    stack_refuse_dials(s, 1000, ECONNREFUSED);
    stack_sleep_ms(s, 3000);
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_DOWN);
    cr_assert(health_totals(h, 0).results[HEALTH_CONNECT] >= 3);
    cr_assert_null(strstr(logged, "origin_connect_failed"), "%s", logged);
    end();
}

Test(health, what_hangs_is_a_timeout)
{
    begin(SINGLE("timeout = \"500ms\";"));
    stack_sleep_ms(s, 50);
    stack_sleep_ms(s, 400);
    cr_assert_eq(health_totals(h, 0).results[HEALTH_TIMEOUT], 0);
    stack_sleep_ms(s, 150);
    cr_assert_eq(health_totals(h, 0).results[HEALTH_TIMEOUT], 1);
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_DOWN);
    cr_assert(peer_closed(stack_origin(s, 0)));
    end();
}

Test(health, a_connection_that_does_not_open_is_a_timeout)
{
    begin(SINGLE("timeout = \"500ms\";"));
    stack_hang_dials(s, true);
    stack_sleep_ms(s, 700);
    cr_assert_eq(health_totals(h, 0).results[HEALTH_TIMEOUT], 1);
    end();
}

Test(health, an_answer_that_makes_no_sense_fails)
{
    begin(SINGLE(""));
    stack_sleep_ms(s, 50);
    peer_says(stack_origin(s, 0), "SSH-2.0-x\r\n");
    cr_assert_eq(health_totals(h, 0).results[HEALTH_RESPONSE], 1);
    end();
}

Test(health, content_is_looked_at)
{
    begin(CONF("body = \"ok\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnot");
    cr_assert_eq(health_totals(h, 0).results[HEALTH_PASSED], 1);
    cr_assert_eq(health_totals(h, 0).results[HEALTH_BODY], 1);
    end();
}

Test(health, other_statuses_can_be_expected)
{
    begin(CONF("expect = ( \"401\", \"3xx\" );"));
    stack_sleep_ms(s, 50);
    answer(0, "401 Who", "");
    answer(1, "200 OK", "");
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    cr_assert_eq(health_of("10.0.0.2:80"), HEALTH_DOWN);
    end();
}

Test(health, no_more_than_so_many_checks_at_a_time)
{
    begin("health = { concurrency = 1; };" CONF(""));
    stack_sleep_ms(s, 50);
    cr_assert_eq(stack_origins(s), 1);
    cr_assert_eq(health_running(h), 1);
    cr_assert_eq(health_delayed(h), 1);
    answer(0, PASS, "");
    cr_assert_eq(stack_origins(s), 2, "then the next one");
    answer(1, PASS, "");
    cr_assert_eq(health_of("10.0.0.2:80"), HEALTH_UP);
    end();
}

Test(health, requests_pass_over_who_is_down_and_checks_do_not)
{
    begin(CONF("unhealthy_interval = \"1s\";"));
    stack_sleep_ms(s, 50);
    answer(0, FAIL, "");
    answer(1, PASS, "");
    for (int i = 0; i < 3; i++) {
        struct peer *c = stack_client(s);
        peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    cr_assert_eq(stack_origins(s), 5);
    for (size_t i = 2; i < 5; i++)
        cr_assert_eq(stack_origin(s, i)->to.in4.sin_addr.s_addr, htonl(0x0a000002));
    stack_sleep_ms(s, 1100);
    cr_assert_eq(stack_origins(s), 6);
    cr_assert_eq(stack_origin(s, 5)->to.in4.sin_addr.s_addr, htonl(0x0a000001));
    for (size_t i = 2; i < 5; i++)
        answer(i, PASS, "");
    end();
}

Test(health, requests_wait_for_no_check_but_are_refused_where_endpoints_are_down_at_first)
{
    begin(CONF("initial = \"down\"; interval = \"1h\";"));
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_PENDING);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 503 "));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP, "one is enough");
    for (int i = 0; i < 2; i++) {
        c = stack_client(s);
        peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    cr_assert_eq(stack_origins(s), 4);
    for (size_t i = 2; i < 4; i++) {
        cr_assert_eq(stack_origin(s, i)->to.in4.sin_addr.s_addr, htonl(0x0a000001));
        answer(i, PASS, "");
    }
    end();
}

Test(health, checks_count_in_nobodys_statistics)
{
    begin(CONF(""));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    const struct stats *stats = stack_worker(s)->stats;
    cr_assert_eq(stats->clusters[0]->requests, 0);
    cr_assert_eq(stats->endpoints[0][0].attempts, 0);
    cr_assert_eq(stats->worker->calls, 0);
    cr_assert_eq(atomic_load(&stack_worker(s)->g->shared[0]->connections), 0);
    end();
}

Test(health, the_state_is_kept_by_the_slot)
{
    begin(CONF(""));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    answer(1, FAIL, "");
    health_quiesce(h);
    stack_settle(s);
    health_close(h);
    stack_settle(s);
    health_free(h);
    h = health_start(stack_worker(s));
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    cr_assert_eq(health_of("10.0.0.2:80"), HEALTH_DOWN);
    stack_sleep_ms(s, 1200);
    cr_assert(stack_origins(s) >= 3, "the one that is down is checked within unhealthy_interval");
    answer(2, PASS, "");
    cr_assert_eq(health_of("10.0.0.2:80"), HEALTH_DOWN, "rise counts, as it was known");
    end();
}

Test(health, what_is_not_checked_any_more_is_not_held_against_anybody)
{
    begin(CONF(""));
    struct endpoint_cell *two = stack_worker(s)->g->cells[1];
    const uint32_t slot = endpoint_cell_find(two, SLICE("10.0.0.3:80"));
    endpoint_health_set(two, slot, HEALTH_DOWN, 0);
    endpoint_word_set(two, slot, WORD_DRAIN, UINT64_C(1) << 60);
    struct health *other = health_start(stack_worker(s));
    cr_assert_eq(endpoint_health(two, slot), HEALTH_UNKNOWN);
    cr_assert_not(endpoint_draining(two, slot, 1));
    health_free(other);
    end();
}

Test(health, an_endpoint_may_say_drain_in_a_check)
{
    begin(SINGLE("header = \"X-Weir-Health\"; header_for = \"2s\"; interval = \"10s\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "x-weir-health: drain\r\n");
    const uint32_t slot = endpoint_cell_find(cell(), SLICE("10.0.0.1:80"));
    const uint64_t *now_us = &stack_worker(s)->loop->clock.mono_us;
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    cr_assert(endpoint_draining(cell(), slot, *now_us));
    cr_assert(strstr(logged, "endpoint_says cluster=one endpoint=10.0.0.1:80 word=drain in=check"));
    stack_sleep_ms(s, 3100); /* it ends with a whole second */
    cr_assert_not(endpoint_draining(cell(), slot, *now_us));
    end();
}

Test(health, an_endpoint_may_say_so_in_any_response_and_clients_do_not_see_it)
{
    begin(NONE("type = \"none\"; header = \"X-Weir-Health\";"));
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    answer(0, PASS, "X-Weir-Health: degraded\r\n");
    cr_assert(peer_heard(c, "200 OK"));
    cr_assert_not(peer_heard(c, "degraded"));
    const uint32_t slot = endpoint_cell_find(cell(), SLICE("10.0.0.1:80"));
    cr_assert(endpoint_degraded(cell(), slot, stack_worker(s)->loop->clock.mono_us));
    cr_assert(strstr(logged, "word=degraded in=response"), "%s", logged);
    stack_sleep_ms(s, 6000);
    cr_assert_eq(stack_origins(s), 1, "nothing is asked");
    end();
}

Test(health, without_the_setting_nobody_is_believed)
{
    begin(SINGLE(""));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "X-Weir-Health: drain\r\n");
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    answer(1, PASS, "X-Weir-Health: drain\r\n");
    cr_assert(peer_heard(c, "drain"), "then it is a field like any other");
    cr_assert_not(endpoint_draining(cell(), endpoint_cell_find(cell(), SLICE("10.0.0.1:80")), 1));
    end();
}

Test(health, a_cluster_without_requests_is_checked_less_often_until_one_comes)
{
    begin(SINGLE("interval = \"1s\"; no_traffic_interval = \"1m\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    stack_sleep_ms(s, 20000);
    cr_assert_eq(stack_origins(s), 1);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    answer(1, PASS, "");
    stack_sleep_ms(s, 1500);
    cr_assert_eq(stack_origins(s), 3, "soon after the first request");
    cr_assert(peer_heard(stack_origin(s, 2), "weir-health/"));
    end();
}

/* As the resolver does when DNS has answered. */
static void replace_first(const char *address)
{
    const struct generation *g = stack_worker(s)->g;
    struct addr to;
    cr_assert(addr_parse(slice_str(address), &to));
    cluster_table_set(g->tables[0], cluster_source(&g->config->clusters[0].endpoints[0]), 1, &to,
                      1);
    endpoint_cell_follow(cell(), &g->config->clusters[0], g->tables[0], NULL, 0);
}

Test(health, follows_endpoints_that_come_and_go)
{
    begin(CONF("interval = \"1h\";"));
    stack_sleep_ms(s, 50);
    answer(1, PASS, "");
    replace_first("10.0.0.9:80");
    stack_sleep_ms(s, 250);
    cr_assert(peer_closed(stack_origin(s, 0)), "the check of the one that went is given up");
    cr_assert_eq(stack_origins(s), 3);
    cr_assert_eq(stack_origin(s, 2)->to.in4.sin_addr.s_addr, htonl(0x0a000009));
    answer(2, FAIL, "");
    cr_assert_eq(health_totals(h, 0).endpoints, 2);
    cr_assert_eq(health_totals(h, 0).went_down, 1);
    stack_sleep_ms(s, 300);
    cr_assert_eq(stack_origins(s), 3, "the one that stayed is not asked again");
    end();
}

Test(health, one_that_left_is_awaited_again_where_endpoints_are_down_at_first)
{
    begin(CONF("initial = \"down\"; interval = \"1h\";"));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    replace_first("10.0.0.9:80");
    cr_assert_eq(health_of("10.0.0.9:80"), HEALTH_PENDING);
    stack_sleep_ms(s, 250);
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_PENDING);
    answer(2, FAIL, "");
    replace_first("10.0.0.1:80");
    stack_sleep_ms(s, 250);
    cr_assert_eq(health_of("10.0.0.9:80"), HEALTH_DOWN, "it would have to rise");
    answer(3, PASS, "");
    cr_assert_eq(health_of("10.0.0.1:80"), HEALTH_UP);
    end();
}

Test(health, ends_in_the_middle_of_checks)
{
    begin(CONF(""));
    stack_sleep_ms(s, 50);
    cr_assert_eq(health_running(h), 2);
    end();
}

Test(health, shows_itself_on_the_metrics_page)
{
    struct text t;
    begin(CONF(""));
    stack_sleep_ms(s, 50);
    answer(0, PASS, "");
    text_init(&t);
    metrics_of_health(h, &(struct exposition){.out = &t});
    text_char(&t, '\0');
    cr_assert(strstr(t.p, "weir_endpoint_health{cluster=\"one\",endpoint=\"10.0.0.1:80\"} 1\n"));
    cr_assert_null(strstr(t.p, "weir_endpoint_health{cluster=\"one\",endpoint=\"10.0.0.2:80\"}"));
    cr_assert(strstr(t.p, "weir_health_checks_total{cluster=\"one\",result=\"passed\"} 1\n"));
    cr_assert(strstr(t.p, "weir_health_changes_total{cluster=\"one\",to=\"up\"} 1\n"));
    cr_assert(strstr(t.p, "weir_health_checks_running 1\n"));
    text_fini(&t);
    end();
}
