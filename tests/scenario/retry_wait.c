/* SPDX-License-Identifier: Apache-2.0 */
/* When a retry comes: back-off, what backends ask for, limits of one attempt, and of the whole. */
#include "retry_case.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

RETRY_SUITE(retry_wait);

/* How long a request took that was answered like this in the end. */
static uint64_t took_ms(const char *target, int status)
{
    const uint64_t begun = now_ms();
    const int got = retry_ask_h1("GET", target, 0);
    cr_assert_eq(got, status, "%s: %d", target, got);
    return now_ms() - begun;
}

static double asked(void)
{
    return retry_count("asked");
}

/* How the parts are spread is a matter of test_retry_backoff.c. */
Test(retry_wait, is_a_random_part_of_the_window)
{
    retry_start(
        RETRY_ROUTE("app", "on = [ \"503\" ]; backoff = { base = \"60ms\"; max = \"60ms\"; };"));
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < 10; i++) {
        const uint64_t ms = took_ms("/?status=503", 503);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    cr_assert_geq(most, 15, "all ten are shorter once in a million times");
    cr_assert_neq(most, least);
    cr_assert_eq(origin_requests(retry_app), 20);
}

Test(retry_wait, is_not_needed)
{
    retry_start(
        RETRY_ROUTE("app", "on = [ \"503\" ]; attempts = 10; backoff = { base = \"0s\"; };"));
    cr_assert_lt(took_ms("/?status=503", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 10);
}

/* -- what backends ask for ------------------------------------------------------------------- */

#define ASKED(...)                                                                                 \
    RETRY_ROUTE("app", "on = [ \"503\", \"429\" ]; retry_after = { " __VA_ARGS__ " };")

Test(retry_wait, is_as_long_as_a_backend_asks_for)
{
    retry_start(ASKED());
    cr_assert_geq(took_ms("/?status=503&field=retry-after:1", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 2);
    AWAIT(asked() == 1);
}

Test(retry_wait, is_no_longer_than_a_route_allows)
{
    retry_start(ASKED("max = \"1s\";"));
    cr_assert_lt(took_ms("/?status=503&field=retry-after:2", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 1, "and it wasn't asked again earlier, either");
    AWAIT(retry_count("too_long") == 1);
    cr_assert_str_eq(json_of(rig_await_access("retry.stopped"), "retry.stopped"), "retry_after");
}

/* A 503 that names a time, so many seconds after its own Date. */
static void name_a_date(int seconds)
{
    char date[64], then[64], response[512];
    const time_t at = 784111777, until = at + seconds; /* long ago: the origin's clock counts */
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
    strftime(then, sizeof then, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&until));
    const int n = snprintf(response, sizeof response,
                           "HTTP/1.1 503 No\r\nDate: %s\r\nRetry-After: %s\r\n"
                           "Content-Length: 0\r\n\r\n",
                           date, then);
    origin_raw(retry_app, response, (size_t)n);
}

Test(retry_wait, goes_by_dates)
{
    retry_start(ASKED("max = \"1s\";"));
    name_a_date(1);
    cr_assert_geq(took_ms("/?raw", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 2);
    name_a_date(3600);
    cr_assert_lt(took_ms("/?raw", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 3);
}

Test(retry_wait, goes_by_fields_of_rate_limiters_where_a_limit_was_reached)
{
    retry_start(ASKED("max = \"1s\";"));
    took_ms("/?status=429&field=ratelimit-reset:60", 429);
    took_ms("/?status=429&field=x-ratelimit-reset:4000000000", 429);
    cr_assert_eq(origin_requests(retry_app), 2);
    AWAIT(retry_count("too_long") == 2);
    took_ms("/?status=503&field=ratelimit-reset:60", 503);
    cr_assert_eq(origin_requests(retry_app), 4);
    took_ms("/?status=429&field=ratelimit-reset:0", 429);
    cr_assert_eq(origin_requests(retry_app), 6);
    AWAIT(asked() == 1);
}

Test(retry_wait, goes_by_the_fields_that_a_route_names)
{
    retry_start(
        ASKED("max = \"1s\"; reset_fields = ( { name = \"X-Reset\"; format = \"unix\"; } );"));
    took_ms("/?status=429&field=x-reset:4000000000", 429);
    cr_assert_eq(origin_requests(retry_app), 1);
    took_ms("/?status=429&field=x-reset:60", 429);
    took_ms("/?status=429&field=ratelimit-reset:60", 429);
    cr_assert_eq(origin_requests(retry_app), 5);
}

Test(retry_wait, is_not_what_a_backend_asks_for_where_it_is_not_to_be_honoured)
{
    retry_start(ASKED("honour = false;"));
    cr_assert_lt(took_ms("/?status=503&field=retry-after:3600", 503), 1000);
    cr_assert_eq(origin_requests(retry_app), 2);
    cr_assert_eq(asked(), 0);
}

/* -- limits of attempts ---------------------------------------------------------------------- */

Test(retry_wait, for_an_attempt_has_a_limit)
{
    origin_script(retry_bad, "hang");
    retry_start(RETRY_ROUTE("pair", "on = [ \"timeout\" ]; per_try_timeout = \"50ms\";"));
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
        cr_assert_eq(retry_ask_h2("GET", "/", 0), 200);
    }
    cr_assert_gt(retry_count("repeated"), 0);
    cr_assert(strstr(json_of(rig_await_access("retry.on"), "tries"), "timeout_try@"));
    const unsigned before = origin_requests(retry_bad);
    for (unsigned i = 0; i < 2; i++)
        retry_ask_h1("POST", "/", 10);
    cr_assert_eq(origin_requests(retry_bad) - before, 1, "which isn't for what was sent");
    cr_assert_eq(retry_count("refused"), 1);
}

Test(retry_wait, for_an_attempt_that_does_nothing_has_a_limit)
{
    origin_script(retry_bad, "hang");
    retry_start(RETRY_ROUTE("pair", "on = [ \"timeout\" ]; per_try_idle_timeout = \"50ms\";"));
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    cr_assert_gt(retry_count("repeated"), 0);
}

/* The whole request has less time than its attempts. */
Test(retry_wait, never_makes_a_request_take_longer_than_it_may)
{
    rig_start(.routes =
                  "( { name = \"all\"; cluster = \"app\"; timeout = \"300ms\"; retry = { on = [ "
                  "\"timeout\", \"503\" ]; attempts = 10; per_try_timeout = \"100ms\"; }; } )");
    const uint64_t begun = now_ms();
    cr_assert_eq(retry_ask_h1("GET", "/?hang", 0), 504);
    cr_assert(now_ms() - begun >= 200 && now_ms() - begun < 1500);
    cr_assert_eq(retry_ask_h1("GET", "/?status=503&field=retry-after:2", 0), 503);
    cr_assert_str_eq(json_of(rig_await_access("\"retry.stopped\":\"time\""), "retry.stopped"),
                     "time");
}
