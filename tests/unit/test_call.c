/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that modules make of their own, through the whole stack in memory. */
#include <errno.h>

#include "tests/unit/call_case.h"

#define ANSWER "HTTP/1.1 200 OK\r\nX-Field: v\r\nContent-Length: 2\r\n\r\nhi"

static struct weir_call_options options(struct outcome *o)
{
    return (struct weir_call_options){
        .cluster = CLUSTER_TWO,
        .timeout_ms = 1000,
        .response_limit = 1024,
        .target = WEIR_SLICE("/keys?a=1"),
        .done = outcome_done,
        .ctx = o,
    };
}

static struct shadow *start(struct stack *s, const struct weir_call_options *o)
{
    struct outcome *out = o->ctx;
    out->inside = true;
    struct shadow *sh = call_start(stack_worker(s), NULL, o, NULL);
    out->inside = false;
    stack_settle(s);
    return sh;
}

Test(call, sends_a_request_and_tells_the_response)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    cr_assert(start(s, &o));
    cr_assert_str_eq(peer_take(stack_origin(s, 0)),
                     "GET /keys?a=1 HTTP/1.1\r\nhost: 10.0.0.2:8080\r\n"
                     "user-agent: weir/" PACKAGE_VERSION "\r\n\r\n");
    cr_assert_eq(got.times, 0);
    stack_sleep_ms(s, 16);
    peer_says_n(stack_origin(s, 0), ANSWER, sizeof ANSWER - 2);
    stack_sleep_ms(s, 32);
    peer_says(stack_origin(s, 0), &ANSWER[sizeof ANSWER - 2]);
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 200);
    cr_assert_str_eq(got.why, "");
    cr_assert_str_eq(got.body, "hi");
    cr_assert_str_eq(got.field, "v");
    cr_assert(got.whole);
    cr_assert_eq(got.took_us, 48000);
    cr_assert_eq(got.head_us, 16000);
    cr_assert_eq(stack_worker(s)->stats->worker->calls, 1);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->status[2], 1);
    stack_free(s);
}

Test(call, sends_method_host_fields_and_content)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    const struct weir_claim fields[] = {
        {WEIR_SLICE("user-agent"), WEIR_SLICE("mine")},
        {WEIR_SLICE("X-Twice"), WEIR_SLICE("1")},
        {WEIR_SLICE("x-twice"), WEIR_SLICE("2")},
    };
    struct weir_call_options o = options(&got);
    o.method = WEIR_SLICE("POST");
    o.host = WEIR_SLICE("id.example.com");
    o.body = WEIR_SLICE("a=b");
    o.fields = fields;
    o.fields_n = array_n(fields);
    cr_assert(start(s, &o));
    cr_assert_str_eq(peer_take(stack_origin(s, 0)),
                     "POST /keys?a=1 HTTP/1.1\r\nhost: id.example.com\r\nuser-agent: mine\r\n"
                     "X-Twice: 1\r\nx-twice: 2\r\nContent-Length: 3\r\n\r\na=b");
    peer_says(stack_origin(s, 0), "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_eq(got.status, 204);
    cr_assert(got.whole);
    stack_free(s);
}

Test(call, keeps_the_connection_for_the_next_one)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert(start(s, &o));
        peer_says(stack_origin(s, 0), ANSWER);
        cr_assert_eq(got.times, i);
    }
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

Test(call, does_not_follow_redirects)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0),
              "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(got.status, 302);
    cr_assert_str_eq(got.why, "");
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

Test(call, fails_with_the_word_of_the_log)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    stack_refuse_dials(s, 1, ECONNREFUSED);
    cr_assert(start(s, &o));
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 0);
    cr_assert_str_eq(got.why, "connect");
    cr_assert(!got.whole);

    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(got.times, 2);
    cr_assert_eq(got.status, 200);
    cr_assert_str_eq(got.why, "reset");
    cr_assert_str_eq(got.body, "he");
    cr_assert(!got.whole);
    stack_free(s);
}

Test(call, ends_at_its_timeout_whatever_the_origin_does)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        peer_says(stack_origin(s, 0), "1\r\nx\r\n");
        stack_sleep_ms(s, 96);
    }
    cr_assert_eq(got.times, 0);
    stack_sleep_ms(s, 64);
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "timeout_request");
    cr_assert_str_eq(got.body, "xxxxxxxxxx");
    cr_assert(!got.whole);
    stack_free(s);
}

Test(call, keeps_the_beginning_of_a_response_that_is_longer)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    o.response_limit = 3;
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
    peer_says(stack_origin(s, 0), "cdef");
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.body, "abc");
    cr_assert_str_eq(got.why, "");
    cr_assert(!got.whole);
    stack_free(s);
}

Test(call, joins_content_that_came_in_pieces)
{
    enum { LEN = 100000 };
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    o.response_limit = LEN;
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhead");
    char *rest = calloc(1, LEN - 4);
    memset(rest, 'x', LEN - 4);
    peer_says_n(stack_origin(s, 0), rest, LEN - 4);
    free(rest);
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.body_n, LEN);
    cr_assert_eq(strncmp(got.body, "headxxx", 7), 0);
    cr_assert(got.whole);
    stack_free(s);
}

Test(call, holds_little_memory_when_an_origin_drips)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n");
    for (int i = 0; i < 599; i++)
        peer_says(stack_origin(s, 0), "x");
    cr_assert_leq(blocks_used(s), 2);
    peer_says(stack_origin(s, 0), "x");
    cr_assert_eq(got.body_n, 600);
    cr_assert(got.whole);
    stack_free(s);
}

Test(call, is_not_told_after_it_was_cancelled)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    shadow_cancel(call_start(stack_worker(s), NULL, &o, NULL));
    stack_settle(s);
    cr_assert_eq(stack_origins(s), 0, "it had not even begun");

    struct shadow *sh = start(s, &o);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    shadow_cancel(sh);
    stack_settle(s);
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_eq(got.times, 0);
    cr_assert(list_empty(&stack_worker(s)->active));
    stack_free(s);
}

static void cancel_itself(void *ctx, const struct weir_result *r)
{
    ++*(unsigned *)ctx;
    shadow_cancel((struct shadow *)r->call);
}

Test(call, may_be_cancelled_while_it_tells)
{
    struct stack *s = stack_new(CALL_CONF(""));
    unsigned times = 0;
    struct weir_call_options o = options(NULL);
    o.done = cancel_itself;
    o.ctx = &times;
    cr_assert(call_start(stack_worker(s), NULL, &o, NULL));
    stack_settle(s);
    peer_says(stack_origin(s, 0), ANSWER);
    cr_assert_eq(times, 1);
    stack_free(s);
}

/* -- on behalf of an exchange --------------------------------------------------------------- */

static struct exchange *first_exchange(struct stack *s)
{
    return list_entry(stack_worker(s)->active.next, struct exchange, node);
}

Test(call, ends_with_the_exchange_it_belongs_to)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(call_start(stack_worker(s), first_exchange(s), &o, NULL));
    stack_settle(s);
    cr_assert(peer_heard(stack_origin(s, 1), "GET /keys"));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert(peer_heard(c, "200 OK"));
    cr_assert(peer_closed(stack_origin(s, 1)));
    cr_assert_eq(got.times, 0);
    stack_free(s);
}

Test(call, is_told_when_the_exchange_it_belongs_to_goes_on)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(call_start(stack_worker(s), first_exchange(s), &o, NULL));
    stack_settle(s);
    peer_says(stack_origin(s, 1), ANSWER);
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.body, "hi");
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert(peer_heard(c, "200 OK"));
    cr_assert_eq(got.times, 1);
    stack_free(s);
}

/* -- what is refused ------------------------------------------------------------------------ */

static void refused(struct stack *s, struct weir_call_options o, const char *what)
{
    const uint64_t before = stack_worker(s)->stats->worker->calls_refused;
    cr_assert_null(start(s, &o), "%s", what);
    cr_assert_eq(stack_worker(s)->stats->worker->calls_refused, before + 1, "%s", what);
    cr_assert_eq(((struct outcome *)o.ctx)->times, 0, "%s", what);
    cr_assert(list_empty(&stack_worker(s)->active), "%s", what);
}

#define REFUSED(member, ...)                                                                       \
    do {                                                                                           \
        struct weir_call_options o_ = options(&got);                                               \
        o_.member = __VA_ARGS__;                                                                   \
        refused(s, o_, #member " " #__VA_ARGS__);                                                  \
    } while (0)

Test(call, refuses_what_would_be_another_request)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    REFUSED(method, WEIR_SLICE("GET /"));
    REFUSED(method, WEIR_SLICE("G\r\n"));
    REFUSED(method, WEIR_SLICE("CONNECT"));
    REFUSED(method, WEIR_SLICE("TRACE"));
    REFUSED(target, WEIR_SLICE(""));
    REFUSED(target, WEIR_SLICE("keys"));
    REFUSED(target, WEIR_SLICE("*"));
    REFUSED(target, WEIR_SLICE("http://a/"));
    REFUSED(target, WEIR_SLICE("/a b"));
    REFUSED(target, WEIR_SLICE("/a\r\nX: y"));
    REFUSED(target, WEIR_SLICE("/a#b"));
    REFUSED(target, WEIR_SLICE("/\xc3\xa4"));
    REFUSED(host, WEIR_SLICE("a\r\nX: y"));
    REFUSED(host, WEIR_SLICE("a b"));
    REFUSED(host, WEIR_SLICE("u@a"));
    REFUSED(timeout_ms, 0);
    REFUSED(cluster, 2);
    REFUSED(cluster, WEIR_NO_CLUSTER);
    cr_assert_eq(stack_origins(s), 0);
    stack_free(s);
}

Test(call, refuses_a_cluster_of_another_module)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct module owner = {0}, other = {0};
    struct weir_call_options o = options(&got);
    reserve_two(s, &owner);
    cr_assert_null(call_start(stack_worker(s), NULL, &o, &other));
    cr_assert_null(call_start(stack_worker(s), NULL, &o, NULL), "nobody known is nobody");
    cr_assert_eq(stack_worker(s)->stats->worker->calls_refused, 2);
    cr_assert(call_start(stack_worker(s), NULL, &o, &owner));
    o.cluster = CLUSTER_ONE;
    cr_assert(call_start(stack_worker(s), NULL, &o, NULL));
    shadow_cancel_all(stack_worker(s));
    stack_free(s);
}

Test(call, is_refused_when_modules_are_being_stopped)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    stack_worker(s)->ending = true;
    cr_assert_null(start(s, &o), "nobody could be told how it ends");
    cr_assert_eq(stack_worker(s)->stats->worker->calls_refused, 1);
    cr_assert_eq(got.times, 0);
    stack_free(s);
}

Test(call, is_refused_when_there_is_no_memory_for_it)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    struct slab *exchanges = &stack_worker(s)->exchanges;
    cr_assert(start(s, &o));
    slab_set_limit(exchanges, 1);
    cr_assert_null(start(s, &o));
    cr_assert_eq(stack_worker(s)->stats->worker->calls_refused, 1);
    slab_set_limit(exchanges, SIZE_MAX);
    shadow_cancel_all(stack_worker(s));
    stack_free(s);
}

Test(call, fails_when_there_is_no_memory_for_its_content)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    struct stock *stock = &stack_worker(s)->loop->stock.blocks;
    struct block *other = block_get(stock);
    slab_set_limit(&stock->slab, stock->slab.used);
    o.body = WEIR_SLICE("content");
    cr_assert(start(s, &o));
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "overload");
    cr_assert_eq(stack_origins(s), 0);
    slab_set_limit(&stock->slab, SIZE_MAX);
    block_unref(other);
    stack_free(s);
}

Test(call, counts_for_its_cluster_and_for_no_route)
{
    struct stack *s = stack_new(CALL_CONF(""));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    const struct stats *st = stack_worker(s)->stats;
    stack_refuse_dials(s, 1, ECONNREFUSED);
    cr_assert(start(s, &o));
    cr_assert(start(s, &o));
    peer_says(stack_origin(s, 0), ANSWER);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->requests, 2);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->status[0], 1);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->status[2], 1);
    cr_assert_eq(st->routes[0]->requests, 0);
    cr_assert_eq(st->unrouted->requests, 0);
    cr_assert_eq(st->worker->whys[WHY_CONNECT] + st->worker->whys[WHY_NONE], 0);
    stack_free(s);
}

Test(call, begins_with_a_proxy_header_that_names_nobody)
{
    struct stack *s = stack_new(CALL_CONF("proxy_protocol = \"v1\";"));
    struct outcome got = {0};
    struct weir_call_options o = options(&got);
    cr_assert(start(s, &o));
    cr_assert(peer_heard(stack_origin(s, 0), "PROXY UNKNOWN\r\nGET /keys"));
    cr_assert(start(s, &o));
    cr_assert_eq(stack_origins(s), 2, "such a connection is of one request's client");
    shadow_cancel_all(stack_worker(s));
    stack_free(s);
}
