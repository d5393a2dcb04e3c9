/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the last requests: each way of writing one says the same, and what is overwritten or
 * torn is no record. */
#include "core/log/recent.h"

#include "access_log_case.h"
#include "core/hedge.h"
#include "core/retry.h"

enum { RECORDS = 3 };

static struct recent_ring *ring;
static struct recent recent;
static struct recent_record got;
static struct recent_kept kept;
static struct route_conf route_conf = {.name = SLICE_INIT("shop")};
static struct recent_attempt *const tries = got.attempts;

static void set_up(void)
{
    begin();
    config.routes = &route_conf;
    config.routes_n = 1;
    config.clusters = &cluster_conf;
    config.clusters_n = 1;
    config.log.recent = RECORDS;
    cluster_conf.balance = BALANCE_RANDOM;
    g.names = recent_names_make(&config, &arena);
    g.number = 7;
    ring = calloc(1, recent_ring_size(RECORDS));
    cr_assert(ring);
    recent_begin(&recent, ring, &w);
    x.request.method_id = METHOD_GET;
    x.request.method = SLICE("GET");
    x.request.major = x.request.minor = 1;
    x.host.name = SLICE("shop.example.com");
    x.target.path = SLICE("/cart/items");
    x.target.query = SLICE("");
    x.scheme = SLICE("https");
    x.request_id = SLICE("0123456789abcdef0123456789abcdef");
    x.route = &route;
    x.plan = (struct plan){.cluster = &cluster};
    x.reply.status = 200;
    x.head_sent = true;
    x.head_sent_us = 5;
    x.answered_by = SLICE("");
    x.variant = NULL;
    x.detail = NULL;
    x.why = WHY_NONE;
    x.created_wall_us = 1000;
    list_init(&x.attempts);
    x.attempts_n = 0;
}

static void tear_down(void)
{
    free(ring);
}

TestSuite(recent, .init = set_up, .fini = tear_down);

static struct attempt *try_at(struct attempt *at, const char *endpoint, unsigned status)
{
    *at = (struct attempt){.cluster = &cluster, .headed = status, .head.status = (uint16_t)status};
    add_attempt(at, endpoint);
    at->number = x.attempts_n;
    x.attempt = at;
    return at;
}

static bool find(const char *id)
{
    got = (struct recent_record){0};
    kept = (struct recent_kept){0};
    return recent_find(ring, RECORDS, slice_str(id), &got, &kept);
}

static void put(void)
{
    recent_put(&recent, &x, 1234);
    cr_assert(find("0123456789abcdef0123456789abcdef"));
}

#define ASSERT_TEXT(p, n, want)                                                                    \
    cr_assert(slice_eq(slice_of((p), (n)), SLICE(want)), "%.*s", (int)(n), (p))

static void assert_usual(void)
{
    ASSERT_TEXT(got.host, got.host_n, "shop.example.com");
    ASSERT_TEXT(tries[0].endpoint, tries[0].endpoint_n, "10.0.0.7:8080");
    cr_assert_str_eq(got.listener.text, "public");
    cr_assert_str_eq(got.route.text, "shop");
    cr_assert_str_eq(got.cluster.text, "cart");
    cr_assert_eq(got.cluster.balance, BALANCE_RANDOM);
    cr_assert_eq(got.status, 200);
    cr_assert_eq(got.took_us, 1234);
    cr_assert_eq(got.line.method, METHOD_GET);
    cr_assert_eq(got.line.major * 10 + got.line.minor, 11);
    cr_assert(got.https);
    cr_assert_eq(got.by.generation, 7);
    cr_assert_eq(got.by.worker, 3);
    cr_assert_eq(got.attempts_n, 1);
    cr_assert_eq(tries[0].status, 200);
    cr_assert_eq(tries[0].why, WHY_NONE);
    cr_assert_eq(tries[0].more.how, RECENT_FIRST);
}

Test(recent, remembers_a_usual_request)
{
    try_at(&first, "10.0.0.7:8080", 200)->reused = true;
    put();
    cr_assert_not(got.more);
    assert_usual();
    ASSERT_TEXT(got.target, got.target_n, "/cart/items");
    cr_assert(tries[0].reused);
    cr_assert_eq(kept.records, 1);
    cr_assert_eq(kept.since_us, 1000);
}

Test(recent, remembers_the_same_of_one_that_is_not)
{
    try_at(&first, "10.0.0.7:8080", 200);
    x.detail = "something";
    put();
    cr_assert(got.more);
    assert_usual();
    cr_assert_str_eq(got.rest.detail, "something");
    ASSERT_TEXT(got.target, got.target_n, "/cart/items");
}

/* As it came, and where the path was normalised. */
Test(recent, remembers_the_query)
{
    static const char came[] = "/cart/items?a=1";
    try_at(&first, "10.0.0.7:8080", 200);
    x.target.path = slice_of(came, 11);
    x.target.query = slice_of(came + 12, 3);
    put();
    assert_usual();
    ASSERT_TEXT(got.target, got.target_n, "/cart/items?a=1");
    x.target.path = SLICE("/cart/goods");
    put();
    assert_usual();
    ASSERT_TEXT(got.target, got.target_n, "/cart/goods?a=1");
}

Test(recent, copies_texts_of_any_length)
{
    static char text[2 * RECENT_TARGET];
    try_at(&first, "10.0.0.7:8080", 200);
    for (size_t n = 1; n < sizeof text; n++) {
        text[n - 1] = (char)('!' + n % 90);
        x.target.path = slice_of(text, n);
        x.host.name = slice_of(text, n);
        first.endpoint_name = slice_of(text, n);
        put();
        cr_assert_eq(got.target_n, n);
        cr_assert_eq(got.host_n, n);
        cr_assert_eq(memcmp(got.target, text, n < RECENT_TARGET ? n : RECENT_TARGET), 0, "%zu", n);
        cr_assert_eq(memcmp(got.host, text, n < RECENT_HOST ? n : RECENT_HOST), 0, "%zu", n);
        cr_assert_eq(memcmp(tries[0].endpoint, text, n < RECENT_ENDPOINT ? n : RECENT_ENDPOINT), 0);
        cr_assert_eq(tries[0].endpoint_n, n);
    }
}

Test(recent, tells_an_own_answer)
{
    x.why = WHY_NO_ROUTE;
    x.detail = "reserved";
    x.route = NULL;
    x.plan.cluster = NULL;
    x.answering = true;
    x.reply.status = 404;
    x.answered_by = SLICE("auth");
    put();
    cr_assert_eq(got.why, WHY_NO_ROUTE);
    cr_assert(got.flags.answering);
    cr_assert_eq(got.attempts_n, 0);
    cr_assert_str_empty(got.route.text);
    cr_assert_str_eq(got.rest.detail, "reserved");
    ASSERT_TEXT(got.rest.answered_by, got.rest.answered_by_n, "auth");
}

Test(recent, tells_why_each_attempt_was_made)
{
    static struct attempt more[4];
    struct retry retry = {.wanted = false};
    struct hedge hedge = {.second = &more[3]};
    struct attempt *at = try_at(&first, "10.0.0.7:80", 0);
    at->why = WHY_CLOSED;
    at->repeated = true;
    at = try_at(&second, "10.0.0.7:80", 0);
    at->why = WHY_REFUSED;
    at->repeated = true;
    try_at(&more[0], "10.0.0.8:80", 503);
    try_at(&more[3], "10.0.0.9:80", 200);
    x.retry = &retry;
    x.hedge = &hedge;
    put();
    cr_assert_eq(got.attempts_n, 4);
    cr_assert_eq(tries[0].why, WHY_CLOSED);
    cr_assert_eq(tries[1].more.how, RECENT_STALE);
    cr_assert_eq(tries[2].more.how, RECENT_REFUSED);
    cr_assert_eq(tries[2].status, 503);
    cr_assert_eq(tries[3].more.how, RECENT_HEDGE);
    cr_assert(tries[3].more.given);
    cr_assert_str_empty(got.rest.retry_by);
    cr_assert_eq(recent_attempt_number(&got, 3), 4);
    x.retry = NULL;
    x.hedge = NULL;
}

Test(recent, keeps_the_first_attempts_and_the_last)
{
    static struct attempt more[6];
    for (unsigned i = 0; i < 6; i++)
        try_at(&more[i], (const char *[]){"a:1", "a:2", "a:3", "a:4", "a:5", "a:6"}[i], 503);
    put();
    cr_assert_eq(got.attempts_n, 6);
    cr_assert_eq(recent_attempts(&got), 4);
    ASSERT_TEXT(tries[2].endpoint, tries[2].endpoint_n, "a:3");
    ASSERT_TEXT(tries[3].endpoint, tries[3].endpoint_n, "a:6");
    cr_assert_eq(recent_attempt_number(&got, 2), 3);
    cr_assert_eq(recent_attempt_number(&got, 3), 6);
    cr_assert_eq(tries[3].more.how, RECENT_RETRY);
}

static void put_as(const char *id, uint64_t wall_us)
{
    x.request_id = slice_str(id);
    x.created_wall_us = wall_us;
    recent_put(&recent, &x, 1);
}

Test(recent, forgets_the_oldest)
{
    try_at(&first, "10.0.0.7:8080", 200);
    put_as("one", 1);
    put_as("two", 2);
    put_as("three", 3);
    cr_assert(find("one"));
    put_as("four", 4);
    cr_assert_not(find("one"));
    cr_assert(find("two"));
    cr_assert_eq(kept.records, 3);
    cr_assert_eq(kept.since_us, 2);
    cr_assert_not(find("tw"));
    cr_assert_not(find(""));
}

Test(recent, gives_the_last_one_of_an_id)
{
    try_at(&first, "10.0.0.7:8080", 200);
    put_as("same", 5);
    put_as("same", 9);
    put_as("same", 7);
    cr_assert(find("same"));
    cr_assert_eq(got.t.created_wall_us, 9);
}

Test(recent, goes_on_where_another_process_has_died)
{
    try_at(&first, "10.0.0.7:8080", 200);
    put_as("one", 1);
    put_as("two", 2);
    atomic_store(&ring->records[2].number, 0); /* it had begun the third */
    recent_begin(&recent, ring, &w);
    cr_assert(find("two"));
    cr_assert_eq(kept.torn, 0);
    put_as("three", 3);
    put_as("four", 4);
    atomic_store(&ring->records[1].number, 0); /* died in the fifth, over the second */
    cr_assert_not(find("two"));
    cr_assert_eq(kept.torn, 1);
    cr_assert(find("three"));
    recent_begin(&recent, ring, &w);
    put_as("five", 5);
    cr_assert(find("five"));
    cr_assert_eq(kept.torn, 0);
}
