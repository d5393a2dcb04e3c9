/* SPDX-License-Identifier: Apache-2.0 */
/* How requests are divided: defaults, values and what doesn't go together. */
#include "config_case.h"

Test(config_balance, defaults)
{
    struct config *c = conf_of(WITH_CLUSTER("endpoints = [ \"10.0.0.1:80\" ];"));
    const struct cluster_conf *b = &c->clusters[0];
    cr_assert_eq(c->zone.n, 0);
    cr_assert_eq(b->balance, BALANCE_ROUND_ROBIN);
    cr_assert_eq(b->endpoints[0].priority, 0);
    cr_assert_eq(b->endpoints[0].zone.n, 0);
    cr_assert_eq(b->least_request.choices, 2);
    cr_assert_eq(b->least_request.bias, 100);
    cr_assert_eq(b->hash.by, HASH_BY_NOTHING);
    cr_assert_eq(b->hash.load_factor, 0);
    cr_assert_eq(b->hash.ring_min, 1024);
    cr_assert_eq(b->hash.ring_max, 65536);
    cr_assert_eq(b->hash.places, 65537);
    cr_assert_eq(b->ewma_decay, 10000);
    cr_assert_eq(b->panic, 500000);
    cr_assert_eq(b->overprovision, 140);
    cr_assert(b->zone_aware.enabled);
    cr_assert_eq(b->zone_aware.min_endpoints, 6);
    cr_assert_eq(b->slow_start.window, 0);
    cr_assert_eq(b->slow_start.min_share, 100000);
    cr_assert_eq(b->slow_start.aggression, 100);
    config_free(c);
}

Test(config_balance, values_are_stored)
{
    struct config *c = conf_of(
        "zone = \"eu-1a\";\n" WITH_CLUSTER(
            "endpoints = ( \"a:1\", { address = \"b:1\"; priority = 15; zone = \"eu-1b\"; } ); "
            "balance = \"maglev\"; least_request = { choices = 3; bias = 150; }; "
            "hash = { cookie = { name = \"sid\"; ttl = \"1h\"; path = \"/shop\"; }; load_factor = 125; "
            "ring_min = 7; ring_max = 9; table_size = 53; }; ewma_decay = \"1s\"; panic = \"0%\"; "
            "overprovision = 200; zone_aware = { enabled = false; min_endpoints = 1; }; "
            "slow_start = { window = \"30s\"; min_share = \"5%\"; aggression = 200; };"));
    const struct cluster_conf *b = &c->clusters[0];
    cr_assert_slice(c->zone, "eu-1a");
    cr_assert_eq(b->endpoints[1].priority, 15);
    cr_assert_slice(b->endpoints[1].zone, "eu-1b");
    cr_assert_eq(b->balance, BALANCE_MAGLEV);
    cr_assert_eq(b->least_request.choices, 3);
    cr_assert_eq(b->least_request.bias, 150);
    cr_assert_eq(b->hash.by, HASH_BY_COOKIE);
    cr_assert_slice(b->hash.cookie.name, "sid");
    cr_assert_slice(b->hash.cookie.path, "/shop");
    cr_assert_eq(b->hash.cookie.ttl, 3600000);
    cr_assert_eq(b->hash.load_factor, 125);
    cr_assert_eq(b->hash.ring_min, 7);
    cr_assert_eq(b->hash.ring_max, 9);
    cr_assert_eq(b->hash.places, 53);
    cr_assert_eq(b->ewma_decay, 1000);
    cr_assert_eq(b->panic, 0);
    cr_assert_eq(b->overprovision, 200);
    cr_assert_not(b->zone_aware.enabled);
    cr_assert_eq(b->zone_aware.min_endpoints, 1);
    cr_assert_eq(b->slow_start.window, 30000);
    cr_assert_eq(b->slow_start.min_share, 50000);
    cr_assert_eq(b->slow_start.aggression, 200);
    config_free(c);
}

Test(config_balance, every_key_is_told_from_the_others)
{
    static const struct {
        const char *hash;
        int by;
    } rows[] = {{"header = \"X-User\"", HASH_BY_HEADER},
                {"cookie = { name = \"sid\"; }", HASH_BY_COOKIE},
                {"query = \"user\"", HASH_BY_QUERY},
                {"source = true", HASH_BY_SOURCE},
                {"identity = true", HASH_BY_IDENTITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 WITH_CLUSTER("endpoints = [ \"a:1\" ]; balance = \"ring_hash\"; hash = { %s; };"),
                 rows[i].hash);
        struct config *c = conf_of(text);
        cr_assert_eq(c->clusters[0].hash.by, rows[i].by, "%s", rows[i].hash);
        config_free(c);
    }
}

#define HASHING "endpoints = [ \"a:1\" ]; balance = \"ring_hash\"; "
#define ONE_KEY                                                                                    \
    "t.conf:2: error: clusters.b: balance = \"ring_hash\" needs one key: hash = { header | cookie " \
    "| query | source | identity }"
Test(config_balance, what_does_not_go_together_is_told)
{
    CONF_CASES(
        {WITH_CLUSTER(HASHING), ONE_KEY}, {WITH_CLUSTER(HASHING "hash = { };"), ONE_KEY},
        {WITH_CLUSTER(HASHING "hash = { source = true; identity = true; };"), ONE_KEY},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; hash = { source = true; };"),
         "t.conf:2: error: clusters.b has hash, and balance = \"round_robin\" has no use for a key: "
         "balance = \"ring_hash\" or \"maglev\""},
        {WITH_CLUSTER(HASHING "hash = { header = \"x y\"; };"),
         "t.conf:2: error: \"x y\" is no name of a header field"},
        {WITH_CLUSTER(HASHING "hash = { cookie = { }; };"),
         "t.conf:2: error: clusters.b.hash.cookie.name is \"\"; it needs a name, which is a token"},
        {WITH_CLUSTER(HASHING "hash = { cookie = { name = \"a\"; path = \"/;x\"; }; };"),
         "t.conf:2: error: clusters.b.hash.cookie.path is \"/;x\"; a path that begins with \"/\""},
        {WITH_CLUSTER(HASHING "hash = { source = true; load_factor = 100; };"),
         "t.conf:2: error: clusters.b.hash.load_factor is 100; more than 100, or there is no room "
         "for chance; 0: no bound"},
        {WITH_CLUSTER(HASHING "hash = { source = true; ring_min = 9; ring_max = 8; };"),
         "t.conf:2: error: clusters.b.hash.ring_min is more than ring_max"},
        {WITH_CLUSTER(HASHING "hash = { source = true; table_size = 65536; };"),
         "t.conf:2: error: clusters.b.hash.table_size is 65536; a prime, such as 65537 or 655373"},
        {WITH_CLUSTER("endpoints = ( { address = \"a:1\"; priority = 16; } );"),
         "t.conf:2: error: clusters.b.endpoints[0].priority is 16; a whole number from 0 to 15"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; overprovision = 99;"),
         "t.conf:2: error: clusters.b.overprovision is 99; a whole number from 100 to 1000"},
        {WITH_CLUSTER("endpoints = [ \"a:1\" ]; slow_start = { aggression = 0; };"),
         "t.conf:2: error: clusters.b.slow_start.aggression is 0; a whole number from 10 to 10000"});
}
