/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver and c-ares on the loop, against a DNS server in a thread of the test. */

#include "control/resolver.h"

#include <ares.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "config/config.h"
#include "dns_server.h"

/* -- a generation made by hand, and a loop --------------------------------------------------- */

enum { ENDPOINTS = 128, WAIT_MS = 5000 /* what takes as long has failed */ };

static struct shm *shm;
static struct faults faults;
static struct loop lp;
static struct config conf;
static struct cluster_conf cluster;
static struct endpoint_conf endpoints[ENDPOINTS];
static char names[ENDPOINTS][32];
static struct cluster_table *table;
static struct generation g;
static struct resolver *resolver;
static struct slice server_text;
static struct {
    unsigned changed, failed, recovered, dropped;
} logged;

static void on_log(enum log_level level, struct slice line)
{
    (void)level;
    char text[1024];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(line));
    logged.changed += strstr(text, "dns_changed") != NULL;
    logged.failed += strstr(text, "dns_failed") != NULL;
    logged.recovered += strstr(text, "dns_recovered") != NULL;
    logged.dropped += strstr(text, "dns_addresses_dropped") != NULL;
}

/* Answers are asked for again after 20 ms at the earliest, failures after 30 ms. */
static void setup(void)
{
    static char text[64];
    server_start();
    log_set_sink(on_log);
    log_set_burst(0);
    shm = shm_create(8 << 20);
    shm_generation(shm, 1);
    faults_init(&faults);
    loop_init(&lp, 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", server.port);
    server_text = slice_str(text);
    conf = (struct config){
        .resolver = {.servers = {&server_text, 1}, .timeout = 1500, .tries = 1},
        .clusters = &cluster,
        .clusters_n = 1,
    };
    cluster = (struct cluster_conf){
        .place.name = SLICE_INIT("web"),
        .endpoints = endpoints,
        .dns = {.capacity = 15, .min_ttl = 20, .max_ttl = 300000, .retry = 30, .family = 0},
    };
    g = (struct generation){.number = 1, .config = &conf, .tables = &table};
}

static void teardown(void)
{
    resolver_stop(resolver);
    loop_fini(&lp);
    faults_fini(&faults);
    shm_detach(shm);
    server_stop();
    log_set_sink(NULL);
}

TestSuite(resolver, .init = setup, .fini = teardown);

/* Names of the server get a dot at their end, which keeps this machine's search list away. */
static void add_name(const char *host)
{
    static char absolute[ENDPOINTS][32];
    size_t i = cluster.endpoints_n++;
    snprintf(names[i], sizeof names[i], "%s:80", host);
    snprintf(absolute[i], sizeof absolute[i], "%s%s", host, strstr(host, ".test") ? "." : "");
    endpoints[i] = (struct endpoint_conf){
        .place = {.file = "t.conf", .line = (int)i + 10},
        .address = slice_str(names[i]),
        .host = slice_str(absolute[i]),
        .port = 80,
        .weight = 1,
    };
}

static void prepare(void)
{
    table = cluster_table_prepare(shm, &cluster, &faults);
    cr_assert(table);
}

static void start(const char *host)
{
    add_name(host);
    prepare();
    resolver = resolver_start(&lp, &g);
    cr_assert(resolver);
}

/* The addresses that are up, in the order of the rows. */
static const char *up(void)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->rows[i].state == ROW_UP)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "",
                                  table->rows[i].name);
    return text;
}

static bool (*awaited)(void);
static bool reached;

static void on_look(struct ev_loop *ev, struct ev_timer *w, int revents)
{
    (void)ev, (void)w, (void)revents;
    reached = awaited();
    if (reached)
        loop_stop(&lp);
}

static void on_give_up(struct timer *t)
{
    (void)t;
    loop_stop(&lp);
}

/* Runs the loop until `done` says so; false after `limit_ms`. */
static bool run_until(bool (*done)(void), uint64_t limit_ms)
{
    struct ev_timer look;
    struct timer limit;
    awaited = done;
    reached = false;
    ev_timer_init(&look, on_look, 0.001, 0.001);
    ev_timer_start(lp.ev, &look);
    timer_init(&limit, on_give_up);
    timer_start(&lp, &limit, limit_ms);
    loop_run(&lp);
    timer_stop(&limit);
    ev_timer_stop(lp.ev, &look);
    return reached;
}

static unsigned lookups_wanted;
static struct resolver_name seen;

/* The facts at the moment the test waited for: on a slow machine more happens before the loop ends.
 */
static struct resolver_name facts(void)
{
    return seen;
}

static bool looked_up(void)
{
    seen = resolver_name(resolver, 0);
    return seen.lookups >= lookups_wanted && seen.next_ms;
}

/* Until the n-th look-up is done. */
static void run_lookups(unsigned n)
{
    lookups_wanted = n;
    cr_assert(run_until(looked_up, WAIT_MS), "%lu look-ups", facts().lookups);
}

/* How long after the last look-up the next one is due. */
static uint64_t next_in(void)
{
    return facts().next_ms - facts().ended_ms;
}

/* -- answers -------------------------------------------------------------------------------- */

Test(resolver, writes_what_a_name_resolves_to)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2", "127.0.0.3"});
    start("a.test");
    cr_assert_str_eq(up(), "");
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.2:80 127.0.0.3:80");
    cr_assert_eq(table->rows[0].weight, 1);
    struct resolver_name f = facts();
    cr_assert(f.lookups == 1 && f.failures == 0 && f.addresses == 2 && f.failing == 0);
    cr_assert_eq(f.changes, 1);
    cr_assert_geq(f.succeeded_ms, clock_ms(&lp.clock) - 1000);
    cr_assert(slice_eq(f.cluster, SLICE("web")) && slice_eq(f.address, SLICE("a.test:80")));
    cr_assert_eq(logged.changed, 1);
}

Test(resolver, asks_for_the_families_that_are_wanted)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    SERVE(.name = "a.test", .type = AAAA, .ttl = 60, .addrs = {"::1"});
    cluster.dns.family = 2;
    start("a.test");
    run_lookups(1);
    cr_assert_str_eq(up(), "[::1]:80");
    cr_assert_eq(asked(A), 0);
    resolver_stop(resolver);
    cluster.dns.family = 1;
    resolver = resolver_start(&lp, &g);
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(asked(AAAA), 1);
}

/* A link-local address without its link is one that no machine has a route to. Whether this machine
 * has IPv6 at all isn't up to the test. */
Test(resolver, leaves_ipv6_without_a_route_out_beside_ipv4)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    SERVE(.name = "a.test", .type = AAAA, .ttl = 60, .addrs = {"fe80::1", "::1"});
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool v6 = fd >= 0 && bind(fd, (struct sockaddr *)&own, sizeof own) == 0;
    close(fd);
    start("a.test");
    run_lookups(1);
    cr_assert_str_eq(up(), v6 ? "127.0.0.2:80 [::1]:80" : "127.0.0.2:80");
}

Test(resolver, takes_ipv6_as_it_is_when_there_is_nothing_else)
{
    SERVE(.name = "a.test", .type = AAAA, .ttl = 60, .addrs = {"fe80::1"});
    start("a.test");
    run_lookups(1);
    cr_assert_str_eq(up(), "[fe80::1]:80");
    cr_assert_eq(facts().failures, 0);
}

static bool in_hosts_file(const char *name, int family)
{
    struct hostent *found;
    ares_channel channel;
    cr_assert_eq(ares_init_options(&channel, NULL, 0), ARES_SUCCESS);
    bool has = ares_gethostbyname_file(channel, name, family, &found) == ARES_SUCCESS;
    if (has)
        ares_free_hostent(found);
    ares_destroy(channel);
    return has;
}

Test(resolver, honours_the_hosts_file)
{
    if (!in_hosts_file("localhost", AF_INET) && !in_hosts_file("localhost", AF_INET6))
        cr_skip_test("the hosts file doesn't have localhost");
    start("localhost");
    run_lookups(1);
    cr_assert(strstr(up(), "127.0.0.1:80") || strstr(up(), "[::1]:80"), "%s", up());
    cr_assert_eq(asked(A) + asked(AAAA), 0);
    cr_assert(next_in() >= 20 && next_in() <= 21, "%lu", next_in());
}

/* Without a hosts file too: no hosts file has these names. */
Test(resolver, knows_by_itself_what_is_below_localhost)
{
    cluster.dns.family = 1;
    add_name("weir.test.localhost");
    start("weir.LocalHost");
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.1:80 127.0.0.1:80");
    cr_assert_eq(asked(A) + asked(AAAA), 0);
}

Test(resolver, asks_for_names_that_only_end_like_localhost)
{
    SERVE(.name = "a.test.notlocalhost", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    cluster.dns.family = 1;
    start("a.test.notlocalhost");
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
}

/* The machine's own name is what a hosts file usually has, with an IPv4 address only. */
Test(resolver, takes_no_family_from_dns_when_the_hosts_file_has_the_name)
{
    char name[256];
    cr_assert_eq(gethostname(name, sizeof name), 0);
    if (!in_hosts_file(name, AF_INET) || in_hosts_file(name, AF_INET6))
        cr_skip_test("the hosts file has no such name");
    SERVE(.name = name, .type = AAAA, .ttl = 60, .addrs = {"::1"});
    cluster.dns.family = 2;
    start(name);
    run_lookups(1);
    cr_assert_str_eq(up(), "");
    cr_assert_eq(facts().failing, 1);
    cr_assert_eq(asked(AAAA), 0);
}

Test(resolver, asks_over_tcp_when_an_answer_is_truncated)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"}, .truncated = true);
    cluster.dns.family = 1;
    start("a.test");
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(server.over_tcp, 1);
}

Test(resolver, says_how_many_addresses_found_no_room_once)
{
    SERVE(.name = "a.test", .type = A,
          .addrs = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6",
                    "127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.0.12",
                    "127.0.0.13", "127.0.0.14", "127.0.0.15", "127.0.0.16", "127.0.0.17",
                    "127.0.0.18", "127.0.0.19"});
    cluster.dns.family = 1;
    start("a.test");
    run_lookups(3);
    cr_assert_eq(facts().addresses, table->capacity);
    cr_assert_eq(facts().dropped, 19 - table->capacity);
    cr_assert_eq(logged.dropped, 1);
}

static bool all_but_one_failed(void)
{
    return resolver_totals(resolver).failing == ENDPOINTS - 1 && table->rows[0].state == ROW_UP;
}

/* h0.test ... h127.test, of which only the last resolves. */
static void prepare_many(void)
{
    static char hosts[ENDPOINTS][24];
    cluster.dns.capacity = ENDPOINTS;
    cluster.dns.family = 1;
    for (int i = 0; i < ENDPOINTS; i++) {
        snprintf(hosts[i], sizeof hosts[i], "h%d.test", i);
        add_name(hosts[i]);
    }
    SERVE(.name = "h127.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    prepare();
}

Test(resolver, follows_more_names_than_are_asked_at_a_time)
{
    prepare_many();
    resolver = resolver_start(&lp, &g);
    cr_assert_eq(resolver_names_n(resolver), ENDPOINTS);
    cr_assert(run_until(all_but_one_failed, WAIT_MS));
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(resolver_totals(resolver).names, ENDPOINTS);
    cr_assert_eq(resolver_totals(resolver).changes, 1);
}

Test(resolver, has_nothing_to_do_without_names)
{
    add_name("10.0.0.1");
    cr_assert(addr_parse(SLICE("10.0.0.1:80"), &endpoints[0].addr));
    prepare();
    resolver = resolver_start(&lp, &g);
    cr_assert(resolver);
    cr_assert_eq(resolver_names_n(resolver), 0);
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), 0);
    cr_assert_eq(resolver_totals(resolver).lookups, 0);
}

/* -- asking again --------------------------------------------------------------------------- */

Test(resolver, asks_again_when_the_ttl_ends_and_follows_a_change)
{
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.2", "127.0.0.3"});
    start("a.test");
    run_lookups(3);
    cr_assert_eq(logged.changed, 1);
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.4", "127.0.0.3"});
    run_lookups((unsigned)facts().lookups + 2);
    cr_assert_str_eq(up(), "127.0.0.3:80 127.0.0.4:80");
    cr_assert_eq(table->rows[1].reused, 0);
    cr_assert_eq(facts().changes, 2);
    cr_assert_eq(logged.changed, 2);
}

Test(resolver, waits_for_the_smallest_ttl_of_the_answer)
{
    SERVE(.name = "a.test", .type = A, .ttl = 100, .addrs = {"127.0.0.2"});
    SERVE(.name = "a.test", .type = AAAA, .ttl = 40, .addrs = {"::1"});
    start("a.test");
    run_lookups(1);
    cr_assert(next_in() >= 40000 && next_in() <= 42000, "%lu", next_in());
}

Test(resolver, counts_the_ttl_of_an_alias)
{
    SERVE(.name = "a.test", .type = A, .ttl = 100, .addrs = {"127.0.0.2"}, .cname = "b.test",
          .cname_ttl = 7);
    cluster.dns.family = 1;
    start("a.test");
    run_lookups(1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert(next_in() >= 7000 && next_in() <= 7350, "%lu", next_in());
}

Test(resolver, keeps_the_ttl_within_its_limits)
{
    SERVE(.name = "a.test", .type = A, .ttl = 86400, .addrs = {"127.0.0.2"});
    cluster.dns.max_ttl = 5000;
    start("a.test");
    run_lookups(1);
    cr_assert(next_in() >= 5000 && next_in() <= 5250, "%lu", next_in());
    resolver_stop(resolver);
    cluster.dns.min_ttl = 3000;
    SERVE(.name = "a.test", .type = A, .ttl = 1, .addrs = {"127.0.0.2"});
    resolver = resolver_start(&lp, &g);
    run_lookups(1);
    cr_assert(next_in() >= 3000 && next_in() <= 3150, "%lu", next_in());
}

/* -- failures ------------------------------------------------------------------------------- */

static void expect_kept(struct record broken)
{
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.2"});
    cluster.dns.family = 1;
    start("a.test");
    run_lookups(1);
    serve(broken);
    run_lookups((unsigned)facts().lookups + 2);
    struct resolver_name f = facts();
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_geq(f.failing, 1);
    cr_assert_eq(f.failures, f.failing);
    cr_assert_eq(f.addresses, 1);
    cr_assert_eq(resolver_totals(resolver).failing, 1);
    cr_assert_geq(logged.failed, 1);
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.3"});
    run_lookups((unsigned)f.lookups + 2);
    cr_assert_str_eq(up(), "127.0.0.3:80");
    cr_assert_eq(facts().failing, 0);
    cr_assert_eq(logged.recovered, 1);
}

Test(resolver, keeps_the_old_answer_when_the_server_fails)
{
    expect_kept((struct record){.name = "a.test", .type = A, .rcode = SERVFAIL});
}

Test(resolver, keeps_the_old_answer_when_the_name_is_gone)
{
    expect_kept((struct record){.name = "a.test", .type = A, .rcode = NXDOMAIN});
}

Test(resolver, keeps_the_old_answer_when_there_is_no_address)
{
    expect_kept((struct record){.name = "a.test", .type = A});
}

Test(resolver, keeps_the_old_answer_when_nobody_answers)
{
    conf.resolver.timeout = 200;
    expect_kept((struct record){.name = "a.test", .type = A, .silent = true});
}

Test(resolver, keeps_a_family_that_failed_and_replaces_the_other)
{
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.2"});
    start("a.test");
    run_lookups(1);
    resolver_stop(resolver); /* a new control process knows only what the table says */
    SERVE(.name = "a.test", .type = A, .rcode = SERVFAIL);
    SERVE(.name = "a.test", .type = AAAA, .ttl = 60, .addrs = {"::1"});
    resolver = resolver_start(&lp, &g);
    run_lookups(1);
    cr_assert(strstr(up(), "127.0.0.2:80"), "%s", up());
    cr_assert_eq(facts().failures, 1);
    cr_assert_eq(facts().failing, 0);
    cr_assert_leq(next_in(), 31); /* dns.retry, not the TTL */
}

Test(resolver, drops_a_family_that_has_no_addresses_any_more)
{
    cluster.dns.family = 0;
    SERVE(.name = "a.test", .type = A, .ttl = 0, .addrs = {"127.0.0.2"});
    start("a.test");
    run_lookups(1);
    SERVE(.name = "a.test", .type = A);
    SERVE(.name = "a.test", .type = AAAA, .ttl = 0, .addrs = {"::1"});
    run_lookups((unsigned)facts().lookups + 2);
    cr_assert_str_eq(up(), "[::1]:80");
}

Test(resolver, backs_off_and_logs_less_and_less_often)
{
    cluster.dns.retry = 20;
    cluster.dns.max_ttl = 100;
    start("a.test");
    run_lookups(1);
    cr_assert_leq(next_in(), 21);
    run_lookups(3);
    cr_assert(next_in() >= 80 && next_in() <= 84, "%lu", next_in());
    run_lookups(5);
    cr_assert(next_in() >= 100 && next_in() <= 105, "%lu", next_in());
    cr_assert_eq(facts().failing, 5);
    cr_assert_eq(logged.failed, 3); /* 1, 2, 4 */
}

Test(resolver, fails_when_nothing_listens)
{
    conf.resolver.timeout = 200;
    server_stop();
    start("a.test");
    run_lookups(1);
    cr_assert_eq(facts().failing, 1);
    cr_assert_eq(facts().succeeded_ms, 0);
}

Test(resolver, fails_on_a_name_that_dns_cannot_ask_for)
{
    start("a..test");
    run_lookups(1);
    cr_assert_eq(facts().failing, 1);
    cr_assert_eq(asked(A), 0);
}

static bool was_asked(void)
{
    return asked(A) > 0;
}

Test(resolver, stops_with_questions_under_way)
{
    SERVE(.name = "a.test", .type = A, .silent = true);
    start("a.test");
    cr_assert(run_until(was_asked, WAIT_MS));
    resolver_stop(resolver);
    resolver = NULL;
    resolver_stop(NULL);
}

/* -- at load -------------------------------------------------------------------------------- */

Test(resolver, finds_addresses_before_anybody_serves)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    add_name("a.test");
    prepare();
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), 0);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(faults.warnings, 0);
}

Test(resolver, does_not_wait_at_load_for_what_is_known)
{
    SERVE(.name = "a.test", .type = A, .silent = true);
    add_name("a.test");
    prepare();
    struct addr a;
    cr_assert(addr_parse(SLICE("127.0.0.9:80"), &a));
    cluster_table_set(table, cluster_source(&endpoints[0]), 1, &a, 1);
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), 0);
    cr_assert_eq(asked(A), 0);
    cr_assert_str_eq(up(), "127.0.0.9:80");
}

Test(resolver, warns_at_load_about_a_name_that_does_not_resolve)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    add_name("gone.test");
    add_name("a.test");
    prepare();
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), 1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert(faults.errors == 0 && faults.warnings == 1);
    cr_assert_str_eq(faults.first->file, "t.conf");
    cr_assert_eq(faults.first->line, 10);
    cr_assert(strstr(faults.first->text, "cluster web: gone.test:80 has no address yet"), "%s",
              faults.first->text);
}

Test(resolver, waits_at_load_for_a_bounded_time)
{
    conf.resolver.timeout = 30000;
    SERVE(.name = "a.test", .type = A, .silent = true);
    add_name("a.test");
    prepare();
    struct clock before, after;
    clock_init(&before);
    cr_assert_eq(resolver_at_load(&g, 100, &faults), 1);
    clock_init(&after);
    uint64_t ms = clock_ms(&after) - clock_ms(&before);
    cr_assert(ms >= 99 && ms < 1000, "%lu ms", ms);
    cr_assert(strstr(faults.first->text, "no answer in time"), "%s", faults.first->text);
}

Test(resolver, asks_all_of_many_names_at_load)
{
    prepare_many();
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), ENDPOINTS - 1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(asked(A), ENDPOINTS);
}
