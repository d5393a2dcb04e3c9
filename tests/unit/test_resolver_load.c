/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are looked up while a configuration is loaded, before anybody serves. */
#include "resolver_case.h"

TestSuite(resolver_load, .init = setup, .fini = teardown);

Test(resolver_load, finds_addresses_before_anybody_serves)
{
    SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    add_name("a.test");
    prepare();
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), 0);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(faults.warnings, 0);
}

Test(resolver_load, does_not_wait_at_load_for_what_is_known)
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

Test(resolver_load, warns_at_load_about_a_name_that_does_not_resolve)
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

Test(resolver_load, waits_at_load_for_a_bounded_time)
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

Test(resolver_load, asks_all_of_many_names_at_load)
{
    prepare_many();
    cr_assert_eq(resolver_at_load(&g, 1800, &faults), ENDPOINTS - 1);
    cr_assert_str_eq(up(), "127.0.0.2:80");
    cr_assert_eq(asked(A), ENDPOINTS);
}
