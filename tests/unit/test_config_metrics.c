/* SPDX-License-Identifier: Apache-2.0 */
/* The section `metrics`. */
#include "config_case.h"

#define ALLOWED                                                                                    \
    "1 to 30 durations from \"1us\" to \"1h\", each above the one before, such as [ \"500us\", "   \
    "\"5ms\", \"1s\" ]"
#define BUCKETS(list) WITH_TOP("metrics = { buckets = [ " list " ]; };")
#define TEN(unit)                                                                                  \
    "\"1" unit "\", \"2" unit "\", \"3" unit "\", \"4" unit "\", \"5" unit "\", \"6" unit          \
    "\", \"7" unit "\", \"8" unit "\", \"9" unit "\", \"10" unit "\""

Test(config_metrics, has_defaults)
{
    struct config *c = conf_of(WITH_TOP(""));
    struct latency_bounds sealed = latency_bounds_default;
    latency_bounds_seal(&sealed);
    cr_assert_eq(c->metrics.endpoints, 256);
    cr_assert_eq(c->metrics.buckets.n, 14);
    cr_assert_eq(c->metrics.buckets.us[0], 500);
    cr_assert_eq(c->metrics.buckets.us[13], 10000000);
    cr_assert_eq(c->metrics.buckets.us[14], 0);
    cr_assert_eq(c->metrics.buckets.layout, sealed.layout);
    config_free(c);
}

Test(config_metrics, takes_buckets_in_any_unit)
{
    struct config *c = conf_of(WITH_TOP(
        "metrics = { endpoints = 0; buckets = [ \"1us\", \"2ms\", \"3s\", \"1m\", \"1h\" ]; };"));
    const uint64_t want[] = {1, 2000, 3000000, 60000000, 3600000000};
    cr_assert_eq(c->metrics.endpoints, 0);
    cr_assert_eq(c->metrics.buckets.n, array_n(want));
    for (size_t i = 0; i < array_n(want); i++)
        cr_assert_eq(c->metrics.buckets.us[i], want[i]);
    cr_assert_neq(c->metrics.buckets.layout, latency_bounds_default.layout);
    config_free(c);
    c = conf_of(WITH_TOP("metrics = { endpoints = 1000000; buckets = \"20ms\"; };"));
    cr_assert(c->metrics.buckets.n == 1 && c->metrics.buckets.us[0] == 20000);
    config_free(c);
}

Test(config_metrics, takes_as_many_buckets_as_there_is_room_for)
{
    struct config *c = conf_of(BUCKETS(TEN("us") ", " TEN("ms") ", " TEN("s")));
    cr_assert_eq(c->metrics.buckets.n, LATENCY_BOUNDS_MAX);
    config_free(c);
    conf_says(BUCKETS(TEN("us") ", " TEN("ms") ", " TEN("s") ", \"11s\""),
              "t.conf:1: error: metrics.buckets is a list; " ALLOWED);
}

Test(config_metrics, other_bounds_are_another_layout)
{
    struct latency_bounds a = {.us = {1, 2}, .n = 2}, b = {.us = {1, 3}, .n = 2},
                          c = {.us = {1, 2, 3}, .n = 3};
    latency_bounds_seal(&a), latency_bounds_seal(&b), latency_bounds_seal(&c);
    cr_assert(a.layout != b.layout && a.layout != c.layout && b.layout != c.layout);
}

Test(config_metrics, is_checked)
{
    CONF_CASES(
        {BUCKETS("\"0us\""), "t.conf:1: error: metrics.buckets[0] is \"0us\"; " ALLOWED},
        {BUCKETS("\"61m\""), "t.conf:1: error: metrics.buckets[0] is \"61m\"; " ALLOWED},
        {BUCKETS("\"us\""), "t.conf:1: error: metrics.buckets[0] is \"us\"; " ALLOWED},
        {BUCKETS("\"1.5ms\""), "t.conf:1: error: metrics.buckets[0] is \"1.5ms\"; " ALLOWED},
        {BUCKETS("\"5ms\", \"5ms\""), "t.conf:1: error: metrics.buckets[1] is \"5ms\"; " ALLOWED},
        {BUCKETS("\"5ms\", \"900us\""),
         "t.conf:1: error: metrics.buckets[1] is \"900us\"; " ALLOWED},
        {WITH_TOP("metrics = { endpoints = -1; };"),
         "t.conf:1: error: metrics.endpoints is -1; a whole number from 0 to 1000000"},
        {WITH_TOP("metrics = { buckes = [ ]; };"),
         "t.conf:1: error: unknown setting metrics.buckes; did you mean \"buckets\"?"});
}
