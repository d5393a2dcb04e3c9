/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of exchanges, through the whole stack in memory. The copy is made where a hook of
 * on_forward would make it: the plan is finished, and nothing has been sent. */
#include <errno.h>

#include "core/cluster/cluster.h"
#include "tests/lib/h2_origin.h"
#include "tests/unit/call_case.h"
#include "upstream/origin.h"

#define OK2 "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi"
#define POST5 "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

/* The exchange's own origin is the first connection, the copy's the second. */
enum { OWN, COPY };

static struct outcome got;
static struct weir_call_options wish;
static struct shadow *copy;
static bool made;

static enum origin_opened open_and_copy(struct attempt *at)
{
    if (!made && !at->x->shadow) {
        made = got.inside = true;
        copy = shadow_copy(at->x, &wish, NULL);
        got.inside = false;
    }
    return upstream_ops.open(at);
}
static const struct origin_ops copying_ops = {.open = open_and_copy};

static struct stack *begin_with(const char *conf)
{
    struct stack *s = stack_new(conf);
    stack_worker(s)->origin_ops = &copying_ops;
    wish = (struct weir_call_options){
        .cluster = CLUSTER_TWO,
        .timeout_ms = 1000,
        .response_limit = 1024,
        .request_limit = 64 * 1024,
        .done = outcome_done,
        .ctx = &got,
    };
    return s;
}

static struct stack *begin(void)
{
    return begin_with(CALL_CONF(""));
}

/* The client's response is there and whole. */
static bool client_is_served(struct peer *c)
{
    const char *t = peer_take(c);
    return strstr(t, "200 OK") && !strcmp(t + strlen(t) - 6, "\r\n\r\nhi");
}

static void serve(struct stack *s, struct peer *c)
{
    peer_says(stack_origin(s, OWN), OK2);
    cr_assert(client_is_served(c));
}

/* -- what is copied ------------------------------------------------------------------------- */

Test(shadow, copies_head_and_content)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    const struct weir_claim fields[] = {
        {WEIR_SLICE("X-Marker"), WEIR_SLICE("m")},
        {WEIR_SLICE("X-Old"), WEIR_SLICE("new")},
        {WEIR_SLICE("Authorization"), {NULL, 0}},
    };
    wish.fields = fields;
    wish.fields_n = array_n(fields);
    peer_says(c, "POST /a?b=1 HTTP/1.1\r\nHost: h\r\nX-Old: old\r\nAuthorization: secret\r\n"
                 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    cr_assert_str_eq(peer_take(stack_origin(s, COPY)),
                     "POST /a?b=1 HTTP/1.1\r\nHost: h\r\nX-Old: new\r\nX-Marker: m\r\n"
                     "Content-Length: 5\r\n\r\nhello");
    cr_assert(peer_heard(stack_origin(s, OWN), "X-Old: old\r\n"));
    cr_assert(peer_heard(stack_origin(s, OWN), "Authorization: secret\r\n"));
    serve(s, c);
    peer_says(stack_origin(s, COPY),
              "HTTP/1.1 201 Created\r\nX-Field: f\r\nContent-Length: 4\r\n\r\ncopy");
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 201);
    cr_assert_str_eq(got.body, "copy");
    cr_assert_str_eq(got.field, "f");
    cr_assert_str_eq(got.why, "");
    cr_assert(got.whole);
    cr_assert_str_eq(peer_take(c), "", "nothing of it reaches the client");
    stack_free(s);
}

Test(shadow, goes_to_another_host_when_told_so)
{
    struct stack *s = begin();
    wish.host = WEIR_SLICE("mirror.example.com");
    peer_says(stack_client(s), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(peer_heard(stack_origin(s, COPY), "host: mirror.example.com\r\n"));
    cr_assert(peer_heard(stack_origin(s, OWN), "Host: h\r\n"));
    stack_free(s);
}

Test(shadow, copies_chunked_content_and_trailers)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer_says(c, "2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n");
    struct peer *o = stack_origin(s, COPY);
    cr_assert(peer_heard(o, "Transfer-Encoding: chunked\r\n"));
    cr_assert(peer_heard(o, "\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"));
    serve(s, c);
    peer_says(o, OK2);
    cr_assert_eq(got.status, 200);
    stack_free(s);
}

Test(shadow, goes_to_a_cluster_of_http_2)
{
    struct stack *s = begin_with(CALL_CONF("protocol = \"h2\";"));
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    struct h2_origin *o = h2_origin_new(stack_origin(s, COPY), (struct h2_origin_how){0});
    stack_settle(s);
    peer_says(c, "llo");
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(r && r->ended);
    cr_assert(h2_request_has(r, ":path", "/a"));
    cr_assert_eq(r->body_n, 5);
    cr_assert_eq(memcmp(r->body, "hello", 5), 0);
    serve(s, c);
    h2_origin_answer(o, r, "two");
    cr_assert_eq(got.status, 200);
    cr_assert_str_eq(got.body, "two");
    stack_free(s);
    h2_origin_free(o);
}

/* Both hold the same blocks: only what has no place in them (heads, connections) is the copy's. */
Test(shadow, costs_no_copy_of_content)
{
    enum { LEN = 100 * 1024, BLOCKS = LEN / BLOCK_SIZE + 1 };
    struct stack *s = begin_with(CALL_CONF("") "limits = { queue = \"1m\"; };");
    struct peer *c = stack_client(s);
    char *content = calloc(1, LEN);
    memset(content, 'c', LEN);
    wish.request_limit = LEN;
    stack_hang_dials(s, true); /* neither of them sends anything: all of it is held */
    peer_says(c, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 102400\r\n\r\n");
    cr_assert(copy);
    const size_t before = blocks_used(s);
    peer_says_n(c, content, LEN);
    free(content);
    cr_assert_eq(copy->x->inward.n, LEN);
    cr_assert_leq(blocks_used(s) - before, BLOCKS + 1);
    shadow_cancel_all(stack_worker(s));
    stack_free(s);
}

/* -- the two go their own ways -------------------------------------------------------------- */

Test(shadow, outlives_the_exchange)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "hello");
    serve(s, c);
    peer_closes(c);
    cr_assert_eq(got.times, 0);
    stack_sleep_ms(s, 320);
    peer_says(stack_origin(s, COPY), OK2);
    cr_assert_eq(got.times, 1);
    cr_assert(got.whole);
    cr_assert_geq(got.took_us, 320000);
    stack_free(s);
}

Test(shadow, may_end_before_the_exchange)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    peer_says(stack_origin(s, COPY), "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 413);
    peer_says(c, "llo");
    cr_assert(peer_heard(stack_origin(s, OWN), "\r\n\r\nhello"));
    serve(s, c);
    cr_assert_eq(got.times, 1);
    stack_free(s);
}

Test(shadow, ends_at_its_own_timeout_when_the_origin_hangs)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "hello");
    serve(s, c);
    stack_sleep_ms(s, 960);
    cr_assert_eq(got.times, 0);
    stack_sleep_ms(s, 64);
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 0);
    cr_assert_str_eq(got.why, "timeout_request");
    cr_assert(peer_closed(stack_origin(s, COPY)));
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    serve(s, c);
    stack_free(s);
}

Test(shadow, does_not_hurt_when_its_origin_resets)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    peer_resets(stack_origin(s, COPY));
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "reset");
    peer_says(c, "llo");
    serve(s, c);
    stack_free(s);
}

Test(shadow, does_not_hurt_when_its_origin_sends_garbage)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "hello");
    peer_says(stack_origin(s, COPY), "what do you want?\r\n\r\n");
    cr_assert_str_eq(got.why, "bad_response");
    serve(s, c);
    stack_free(s);
}

Test(shadow, does_not_hurt_when_there_is_no_endpoint)
{
    struct stack *s = begin_with(
        "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; };\n"
        "             two = { endpoints = ( { address = \"10.0.0.2:80\"; weight = 0; } ); }; };\n"
        "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n");
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "no_endpoint");
    peer_says(c, "llo");
    serve(s, c);
    stack_free(s);
}

/* 1 MB in pieces of 8 KiB; the copy's origin reads nothing before all is over. */
Test(shadow, never_slows_an_upload_down)
{
    enum { PIECE = 8192, PIECES = 128 };
    static char piece[PIECE];
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    memset(piece, 'p', PIECE);
    wish.request_limit = PIECE * PIECES;
    peer_says(c, "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
    peer_stalls(stack_origin(s, COPY));
    for (int i = 0; i < PIECES; i++)
        peer_says_n(c, piece, PIECE);
    cr_assert_gt(stack_origin(s, OWN)->heard_n, (size_t)PIECE * PIECES);
    serve(s, c);
    cr_assert_eq(got.times, 0);
    peer_reads(stack_origin(s, COPY));
    cr_assert_gt(stack_origin(s, COPY)->heard_n, (size_t)PIECE * PIECES);
    peer_says(stack_origin(s, COPY), OK2);
    cr_assert_eq(got.times, 1);
    cr_assert(got.whole);
    stack_free(s);
}

Test(shadow, reads_an_endless_response_until_its_timeout)
{
    static char piece[8192];
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    memset(piece, 'p', sizeof piece);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_says(stack_origin(s, COPY), "HTTP/1.1 200 OK\r\n\r\n");
    while (!got.times) {
        peer_says_n(stack_origin(s, COPY), piece, sizeof piece);
        cr_assert_leq(blocks_used(s), 4);
        stack_sleep_ms(s, 48);
        cr_assert(got.times || stack_origin(s, COPY)->link);
    }
    cr_assert_eq(got.status, 200);
    cr_assert_str_eq(got.why, "timeout_request");
    cr_assert_eq(got.body_n, 1024);
    cr_assert(!got.whole);
    serve(s, c);
    stack_free(s);
}

/* -- when the exchange breaks off ----------------------------------------------------------- */

Test(shadow, ends_when_the_client_goes_in_the_middle_of_the_content)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    cr_assert_eq(got.times, 0);
    peer_closes(c);
    cr_assert_eq(got.times, 1);
    cr_assert_eq(got.status, 0);
    cr_assert_str_eq(got.why, "client_gone");
    cr_assert(peer_closed(stack_origin(s, COPY)), "half a request must not look whole");
    stack_free(s);
}

Test(shadow, ends_when_the_exchange_ends_before_the_content_does)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    peer_says(stack_origin(s, OWN), OK2);
    cr_assert(client_is_served(c));
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "client_gone");
    stack_free(s);
}

Test(shadow, goes_on_when_the_client_goes_after_the_content)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "hello");
    peer_closes(c);
    cr_assert_eq(got.times, 0);
    peer_says(stack_origin(s, COPY), OK2);
    cr_assert_eq(got.status, 200);
    stack_free(s);
}

Test(shadow, may_be_cancelled_while_content_comes)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "he");
    shadow_cancel(copy);
    stack_settle(s);
    cr_assert(peer_closed(stack_origin(s, COPY)));
    peer_says(c, "llo");
    serve(s, c);
    cr_assert_eq(got.times, 0);
    stack_free(s);
}

Test(shadow, ends_with_the_worker)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    peer_says(c, POST5 "hello");
    serve(s, c);
    peer_closes(c);
    stack_drain(s);
    cr_assert(!list_empty(&stack_worker(s)->active), "a drain waits for it");
    shadow_cancel_all(stack_worker(s));
    stack_settle(s);
    cr_assert(list_empty(&stack_worker(s)->active));
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "drain");
    stack_free(s);
}

/* -- limits --------------------------------------------------------------------------------- */

Test(shadow, ends_at_once_when_the_length_is_over_the_limit)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    wish.request_limit = 4;
    peer_says(c, POST5 "he");
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "body_too_large");
    cr_assert_eq(stack_origins(s), 1);
    peer_says(c, "llo");
    serve(s, c);
    stack_free(s);
}

Test(shadow, takes_content_of_just_the_limit)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    wish.request_limit = 5;
    peer_says(c, POST5 "hello");
    cr_assert(peer_heard(stack_origin(s, COPY), "\r\n\r\nhello"));
    serve(s, c);
    stack_free(s);
}

Test(shadow, ends_when_content_of_unknown_length_goes_over_the_limit)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    wish.request_limit = 4;
    peer_says(c, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    cr_assert_eq(got.times, 0);
    peer_says(c, "2\r\nde\r\n");
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "body_too_large");
    cr_assert(peer_closed(stack_origin(s, COPY)));
    peer_says(c, "0\r\n\r\n");
    cr_assert(peer_heard(stack_origin(s, OWN), "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    serve(s, c);
    stack_free(s);
}

Test(shadow, ends_before_requests_are_short_of_blocks)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    struct stock *stock = &stack_worker(s)->loop->stock.blocks;
    struct block *others[20];
    peer_says(c, POST5 "he");
    for (size_t i = 0; i < array_n(others); i++)
        others[i] = block_get(stock);
    slab_set_limit(&stock->slab, stock->slab.used + 4);
    peer_says(c, "l");
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "overload");
    peer_says(c, "lo");
    cr_assert(peer_heard(stack_origin(s, OWN), "\r\n\r\nhello"));
    for (size_t i = 0; i < array_n(others); i++)
        block_unref(others[i]);
    serve(s, c);
    stack_free(s);
}

Test(shadow, ends_when_there_is_no_memory_for_its_pieces)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    struct slab *pieces = &stack_worker(s)->loop->stock.pieces;
    static char big[4096]; /* too large to be copied behind what is there */
    memset(big, 'b', sizeof big);
    stack_hang_dials(s, true);
    peer_says(c, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n\r\nb");
    cr_assert(copy);
    struct block *b = block_get(&stack_worker(s)->loop->stock.blocks);
    memcpy(b->data, big, sizeof big);
    b->used = sizeof big;
    slab_set_limit(pieces, pieces->used);
    exchange_on_body(copy->x, b, slice_of(b->data, sizeof big));
    slab_set_limit(pieces, SIZE_MAX);
    block_unref(b);
    stack_settle(s);
    cr_assert_eq(got.times, 1);
    cr_assert_str_eq(got.why, "overload");
    stack_free(s);
}

Test(shadow, is_refused_without_memory_and_for_a_tunnel)
{
    struct stack *s = begin();
    const struct worker_stats *ws = stack_worker(s)->stats->worker;
    struct peer *c = stack_client(s);
    slab_set_limit(&stack_worker(s)->exchanges, 1);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(made && !copy);
    cr_assert_eq(ws->calls_refused, 1);
    serve(s, c);
    slab_set_limit(&stack_worker(s)->exchanges, SIZE_MAX);
    made = false;
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    cr_assert(made && !copy);
    cr_assert_eq(ws->calls_refused, 2);
    cr_assert_eq(ws->calls, 0);
    cr_assert_eq(got.times, 0);
    stack_free(s);
}

Test(shadow, is_refused_for_a_reserved_cluster)
{
    struct stack *s = begin();
    struct module owner = {0};
    reserve_two(s, &owner);
    peer_says(stack_client(s), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(made && !copy);
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

/* -- counting ------------------------------------------------------------------------------- */

Test(shadow, counts_for_its_cluster_and_for_no_route)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    const struct stats *st = stack_worker(s)->stats;
    peer_says(c, POST5 "hello");
    serve(s, c);
    peer_says(stack_origin(s, COPY), OK2);
    cr_assert_eq(st->routes[0]->requests, 1);
    cr_assert_eq(st->unrouted->requests, 0);
    cr_assert_eq(traffic_of(s, CLUSTER_ONE)->requests, 1);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->requests, 1);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->request_bytes, 5);
    cr_assert_eq(traffic_of(s, CLUSTER_TWO)->response_bytes, 2);
    cr_assert_eq(st->worker->whys[WHY_NONE], 1);
    cr_assert_eq(st->worker->exchanges_active, 0);
    cr_assert_eq(st->worker->calls, 1);
    stack_free(s);
}

Test(shadow, tries_again_on_a_connection_that_went_stale)
{
    struct stack *s = begin();
    struct peer *c = stack_client(s);
    const char *put = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    peer_says(c, put);
    serve(s, c);
    peer_says(stack_origin(s, COPY), OK2);
    made = false;
    peer_says(c, put);
    serve(s, c);
    peer_resets(stack_origin(s, COPY));
    cr_assert_eq(stack_origins(s), 3);
    cr_assert(peer_heard(stack_origin(s, 2), "\r\n\r\nhello"));
    peer_says(stack_origin(s, 2), OK2);
    cr_assert_eq(got.times, 2);
    cr_assert_str_eq(got.why, "");
    stack_free(s);
}
