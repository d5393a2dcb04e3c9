/* SPDX-License-Identifier: Apache-2.0 */
/* What the resolver makes of answers, of failures, and of time. */
#include "resolver_case.h"

TestSuite(resolver, .init = setup, .fini = teardown);

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
