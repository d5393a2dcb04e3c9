/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers in the real binary: what all workers agree on, and what a reload leaves as it is. */
#include "balancing_case.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = 12 };

BALANCING_SUITE(balancing);

/* On a connection of its own, so that any worker may get it; the name of the origin that answers. */
static const struct response *who(const char *field, char name[32])
{
    const struct response *r = ask("GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", field);
    cr_assert_eq(r->status, 200);
    memset(name, 0, 32);
    snprintf(name, 32, "%.*s", (int)r->body.n, r->body.p);
    name[strcspn(name, "\n")] = '\0';
    return r;
}

static void ask_keys(char names[KEYS][32])
{
    for (int i = 0; i < KEYS; i++) {
        char field[32];
        snprintf(field, sizeof field, "X-User: u%d\r\n", i);
        who(field, names[i]);
    }
}

static void expect_same(char before[KEYS][32])
{
    char after[KEYS][32];
    ask_keys(after);
    for (int i = 0; i < KEYS; i++)
        cr_assert_str_eq(before[i], after[i], "key %d", i);
}

static void keeps_keys(const char *balance)
{
    char cluster[128], names[KEYS][32];
    unsigned others = 0;
    snprintf(cluster, sizeof cluster, "balance = \"%s\"; hash = { header = \"x-user\"; };", balance);
    rig_start(.workers = 4, .cluster = cluster, .endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]");
    ask_keys(names);
    for (int i = 1; i < KEYS; i++)
        others += strcmp(names[0], names[i]) != 0;
    cr_assert_gt(others, 0, "all keys go to one endpoint");
    expect_same(names);
    expect_same(names);
    rig_renew(.workers = 2, .cluster = cluster, .endpoints = "[ \"$cat\", \"$app\", \"$bee\" ]");
    expect_same(names);
}

Test(balancing, a_ring_keeps_keys_over_workers_and_reloads)
{
    keeps_keys("ring_hash");
}

Test(balancing, maglev_keeps_keys_over_workers_and_reloads)
{
    keeps_keys("maglev");
}

/* Keys are where points and places are: with others of them some keys move. */
Test(balancing, tables_of_keys_are_as_large_as_is_said)
{
    static const char *const pairs[][2] = {
        {"balance = \"ring_hash\"; hash = { header = \"x-user\"; };",
         "balance = \"ring_hash\"; hash = { header = \"x-user\"; ring_min = 1; ring_max = 3; };"},
        {"balance = \"ring_hash\"; hash = { header = \"x-user\"; ring_min = 3; ring_max = 12; };",
         "balance = \"ring_hash\"; hash = { header = \"x-user\"; ring_min = 5000; };"},
        {"balance = \"maglev\"; hash = { header = \"x-user\"; };",
         "balance = \"maglev\"; hash = { header = \"x-user\"; table_size = 3; };"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char names[2][KEYS][32];
        for (size_t k = 0; k < 2; k++) {
            rig_start(.cluster = pairs[i][k], .endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]");
            ask_keys(names[k]);
            expect_same(names[k]);
            rig_stop();
        }
        cr_assert_neq(memcmp(names[0], names[1], sizeof names[0]), 0, "%s", pairs[i][1]);
    }
}

Test(balancing, a_cookie_brings_clients_back)
{
    rig_start(.workers = 2,
              .cluster = "balance = \"ring_hash\"; hash = { cookie = { name = \"node\"; ttl = \"1h\"; "
                         "}; };",
              .endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]");
    for (int i = 0; i < 6; i++) {
        char first[32], again[32], field[64];
        const char *set = field_of(who("", first), "set-cookie");
        cr_assert_eq(strncmp(set, "node=", 5), 0, "%s", set);
        cr_assert(strstr(set, "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "%s", set);
        snprintf(field, sizeof field, "Cookie: %.21s\r\n", set);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(field_count(who(field, again), "set-cookie"), 0);
            cr_assert_str_eq(first, again);
        }
    }
}

Test(balancing, the_own_zone_and_the_first_level_come_first)
{
    char name[32];
    rig_start(.top = "zone = \"here\";",
              .cluster = "zone_aware = { min_endpoints = 1; };",
              .endpoints = "( { address = \"$app\"; zone = \"there\"; }, { address = \"$bee\"; zone = "
                           "\"here\"; }, { address = \"$cat\"; zone = \"here\"; priority = 1; } )");
    for (int i = 0; i < 20; i++) {
        who("", name);
        cr_assert_str_eq(name, "bee");
    }
    rig_renew(.cluster = "zone_aware = { min_endpoints = 1; };",
              .endpoints = "( { address = \"$app\"; zone = \"there\"; }, { address = \"$bee\"; zone = "
                           "\"here\"; }, { address = \"$cat\"; zone = \"here\"; priority = 1; } )");
    for (int i = 0; i < 20; i++) {
        who("", name);
        cr_assert_str_neq(name, "cat");
    }
    cr_assert_gt(origin_requests(balancing_app), 5,
                 "a gateway that is nowhere has no zone of its own");
}

Test(balancing, every_balancer_uses_all_endpoints)
{
    static const char *const balances[] = {"round_robin", "least_request", "random", "peak_ewma"};
    for (size_t i = 0; i < sizeof balances / sizeof *balances; i++) {
        char cluster[64], name[32];
        const unsigned before[] = {origin_requests(balancing_app), origin_requests(balancing_bee),
                                   origin_requests(balancing_cat)};
        snprintf(cluster, sizeof cluster, "balance = \"%s\";", balances[i]);
        if (i == 0)
            rig_start(.cluster = cluster, .endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]");
        else
            rig_renew(.cluster = cluster, .endpoints = "[ \"$app\", \"$bee\", \"$cat\" ]");
        for (int k = 0; k < 40; k++)
            who("", name);
        cr_assert_gt(origin_requests(balancing_app), before[0], "%s", balances[i]);
        cr_assert_gt(origin_requests(balancing_bee), before[1], "%s", balances[i]);
        cr_assert_gt(origin_requests(balancing_cat), before[2], "%s", balances[i]);
    }
}
