/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in both directions and protocols, and content that is kept. */
#include "hook_case.h"

#include "core/filter.h"
#include "io/link.h"
#include "tests/lib/h2_origin.h"
#include "tests/lib/h2_peer.h"

enum kind { UPPER, TAGS, DROPS, LOOKS };
struct conf {
    enum kind kind;
    char tag;
    bool inward, outward, again;
};
struct state {
    size_t bytes;
    bool last[2]; /* by direction */
};

static void pass_upper(struct weir_exchange *x, enum weir_direction d, struct weir_slice piece)
{
    char *to = weir_alloc(x, piece.n);
    for (size_t i = 0; i < piece.n; i++)
        to[i] = (char)(piece.p[i] >= 'a' && piece.p[i] <= 'z' ? piece.p[i] - 32 : piece.p[i]);
    weir_pass(x, d, (struct weir_slice){to, piece.n});
}

static void on_content(struct weir_exchange *x, const struct weir_use *u, int direction,
                       struct weir_slice piece, bool last)
{
    const struct conf *c = u->conf;
    struct state *st = u->state;
    cr_assert_not(st->last[direction], "nothing comes after the last piece");
    st->last[direction] = last;
    st->bytes += piece.n;
    const enum weir_direction d = (enum weir_direction)direction;
    if (c->kind == UPPER)
        pass_upper(x, d, piece);
    else if (c->kind == TAGS || c->kind == LOOKS)
        weir_pass(x, d, piece);
    if (c->kind == TAGS && last)
        weir_pass(x, d, (struct weir_slice){&c->tag, 1});
}
static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct conf *c = u->conf;
    if (c->inward)
        weir_filter(x, u, WEIR_TO_ORIGIN, c->kind != LOOKS);
    return WEIR_NEXT;
}
static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct conf *c = u->conf;
    if (c->outward)
        weir_filter(x, u, WEIR_TO_CLIENT, c->kind != LOOKS);
    if (c->again)
        weir_filter(x, u, WEIR_TO_CLIENT, true);
}
static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct state *st = u->state;
    (void)x;
    note("%zu%s ", st->bytes, st->last[0] || st->last[1] ? "." : "");
}
static const struct weir_module filter = {.name = "filter",
                                          .state_size = sizeof(struct state),
                                          .on_forward = on_forward,
                                          .on_response = on_response,
                                          .on_content = on_content,
                                          .on_done = on_done};

static struct conf upper_in = {.kind = UPPER, .inward = true},
                   upper_out = {.kind = UPPER, .outward = true};
static struct conf a_in = {.kind = TAGS, .tag = 'a', .inward = true};
static struct conf b_in = {.kind = TAGS, .tag = 'b', .inward = true};
static struct conf a_out = {.kind = TAGS, .tag = 'a', .outward = true, .again = true};
static struct conf b_out = {.kind = TAGS, .tag = 'b', .outward = true};
static struct conf drops_in = {.kind = DROPS, .inward = true},
                   drops_out = {.kind = DROPS, .outward = true};
static struct conf looks = {.kind = LOOKS, .inward = true, .outward = true};

static struct peer *origin(void)
{
    return stack_origin(s, stack_origins(s) - 1);
}

Test(module_api_content, filters_inward_in_the_order_of_the_chain)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &a_in}, {&filter, &b_in}, {&filter, &upper_in});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    cr_assert(peer_heard(origin(), "Transfer-Encoding: chunked\r\n") ||
                  peer_heard(origin(), "transfer-encoding: chunked\r\n"),
              "%s", origin()->heard);
    cr_assert(!strcasestr(origin()->heard, "content-length"));
    cr_assert(peer_heard(origin(), "\r\n3\r\nABC\r\n"));
    peer_says(c, "def");
    cr_assert(peer_heard(origin(), "DEF") && peer_heard(origin(), "AB\r\n0\r\n\r\n"), "%s",
              origin()->heard);
    peer_says(origin(), OK2);
    cr_assert_str_eq(trace, "6. 7. 8. ");
    end();
}

Test(module_api_content, filters_outward_in_reverse_order)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &a_out}, {&filter, &b_out}, {&filter, &looks});
    struct peer *c = asks(GET);
    peer_says(origin(), "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 4\r\n\r\nab");
    peer_says(origin(), "cd");
    const char *got = peer_take(c);
    cr_assert(strcasestr(got, "transfer-encoding: chunked\r\n") &&
                  !strcasestr(got, "content-length"),
              "%s", got);
    cr_assert(strcasestr(got, "etag: W/\"x\"\r\n"));
    cr_assert(strstr(got, "\r\nab\r\n") && strstr(got, "cdba\r\n0\r\n\r\n"), "%s", got);
    cr_assert_str_eq(trace, "5. 4. 4. ", "%s", trace);
    peer_says(c, GET);
    cr_assert_eq(stack_origins(s), 1, "both connections are kept");
    peer_says(origin(), OK2);
    cr_assert(peer_heard(c, "hi"));
    end();
}

Test(module_api_content, leaves_the_length_to_who_only_looks)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &looks});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    cr_assert(peer_heard(origin(), "Content-Length: 3\r\n\r\nabc"));
    peer_says(origin(), "HTTP/1.1 200 OK\r\nDate: x\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert_str_eq(peer_take(c),
                     "HTTP/1.1 200 OK\r\nDate: x\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert_str_eq(trace, "5. ");
    end();
}

Test(module_api_content, may_take_everything_away)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &drops_in}, {&filter, &drops_out});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    cr_assert(peer_heard(origin(), "\r\n\r\n0\r\n\r\n"), "%s", origin()->heard);
    peer_says(origin(), OK2);
    cr_assert(peer_heard(c, "\r\n\r\n0\r\n\r\n"));
    end();
}

Test(module_api_content, has_nothing_to_filter_where_there_is_none)
{
    static const struct {
        const char *request, *response;
        bool length;
    } cases[] = {
        {"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         true},
        {GET, "HTTP/1.1 204 No\r\n\r\n", false},
        {GET, "HTTP/1.1 304 No\r\nETag: \"x\"\r\n\r\n", false},
    };
    begin("");
    CHAIN(&plan.routes[0], {&filter, &b_out});
    struct peer *c = stack_client(s);
    for (size_t i = 0; i < array_n(cases); i++) {
        trace[0] = 0;
        peer_says(c, cases[i].request);
        peer_says(origin(), cases[i].response);
        const char *got = peer_take(c);
        cr_assert(strstr(got, "\r\n\r\n") && !strstr(got, "\r\n\r\n")[4], "%s", got);
        cr_assert(!strcasestr(got, "content-length"), "as GET has none either: %s", got);
        cr_assert_str_eq(trace, "0 ");
        if (strstr(cases[i].response, "ETag"))
            cr_assert(strcasestr(got, "etag: W/\"x\""));
    }
    end();
}

Test(module_api_content, leaves_tunnels_alone)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &upper_in}, {&filter, &upper_out});
    struct peer *c = asks("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    peer_says(origin(), "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nout");
    peer_says(c, "in");
    cr_assert(peer_heard(origin(), "in"));
    cr_assert(peer_heard(c, "out"));
    end();
}

Test(module_api_content, filters_the_gateways_own_answers)
{
    begin_with("", CLUSTERS("") "routes = ( { respond = { body = \"own\"; }; } );");
    CHAIN(&plan.routes[0], {&filter, &upper_out}, {&filter, &b_out});
    const char *got = peer_take(asks(GET));
    cr_assert(strstr(got, "Content-Length: 4\r\n") && strstr(got, "\r\n\r\nOWNB"), "%s", got);
    end();
}

Test(module_api_content, breaks_off_what_an_origin_breaks_off)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &b_out});
    struct peer *c = asks(GET);
    peer_says(origin(), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    peer_closes(origin());
    cr_assert(peer_heard(c, "abc\r\n"));
    cr_assert(!peer_heard(c, "0\r\n\r\n") && (c->failed || c->eof));
    cr_assert_str_eq(trace, "3 ", "it never hears of an end");
    end();
}

Test(module_api_content, needs_a_hook_that_takes_content)
{
    static const struct weir_module lame = {.name = "lame", .on_response = on_response};
    begin("");
    CHAIN(&plan.routes[0], {&lame, &b_out});
    struct peer *c = asks(GET);
    peer_says(origin(), OK2);
    cr_assert(peer_heard(c, "hi"));
    cr_assert(strstr(mistakes, "a filter needs on_content"));
    end();
}

static enum weir_verdict on_forward_late(struct weir_exchange *x, const struct weir_use *u)
{
    weir_filter(x, u, WEIR_TO_CLIENT, true);
    weir_pass(x, WEIR_TO_ORIGIN, text("x"));
    return WEIR_NEXT;
}
Test(module_api_content, has_its_time)
{
    static const struct weir_module early = {
        .name = "early", .on_forward = on_forward_late, .on_content = on_content};
    begin("");
    CHAIN(&plan.routes[0], {&early, &b_out});
    asks(GET);
    cr_assert(strstr(mistakes, "belongs to another hook") &&
              strstr(mistakes, "weir_pass() belongs"));
    end();
}

/* -- with much content ------------------------------------------------------------------------- */

static void fill(char *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)('a' + i % 26);
}

Test(module_api_content, holds_the_origin_back_while_the_client_takes_nothing)
{
    enum { PIECE = 8192, PIECES = 100 };
    char piece[PIECE];
    fill(piece, PIECE);
    begin("");
    CHAIN(&plan.routes[0], {&filter, &upper_out});
    struct peer *c = asks(GET);
    peer_stalls(c);
    peer_says(origin(), "HTTP/1.1 200 OK\r\nContent-Length: 819200\r\n\r\n");
    for (int i = 0; i < PIECES; i++)
        peer_says_n(origin(), piece, PIECE);
    const size_t used = stack_worker(s)->loop->stock.blocks.slab.used;
    cr_assert_leq(used, (64 + 64 + 64 + 64 + 64 + 128) / 16 + 100, "%zu blocks", used);
    cr_assert(origin()->link->out.n > 400000, "%zu wait at the origin", origin()->link->out.n);
    peer_reads(c);
    stack_settle(s);
    cr_assert_eq(strcmp(c->heard + c->heard_n - 5, "0\r\n\r\n"), 0);
    cr_assert_str_eq(trace, "819200. ");
    end();
}

Test(module_api_content, holds_the_client_back_while_the_origin_takes_nothing)
{
    enum { PIECE = 8192, PIECES = 100 };
    char piece[PIECE];
    fill(piece, PIECE);
    begin("limits = { body_size = 0; };");
    CHAIN(&plan.routes[0], {&filter, &upper_in});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 819200\r\n\r\n");
    peer_stalls(origin());
    for (int i = 0; i < PIECES; i++)
        peer_says_n(c, piece, PIECE);
    cr_assert(c->link->out.n > 400000, "%zu wait at the client", c->link->out.n);
    peer_reads(origin());
    stack_settle(s);
    cr_assert_eq(strcmp(origin()->heard + origin()->heard_n - 5, "0\r\n\r\n"), 0);
    peer_says(origin(), OK2);
    cr_assert_str_eq(trace, "819200. ");
    end();
}

static const struct weir_module *const the_filter = &filter;

Test(module_api_content, filters_over_http2)
{
    char big[200000];
    fill(big, sizeof big);
    begin("");
    CHAIN(&plan.routes[0], {the_filter, &upper_in}, {the_filter, &upper_out}, {the_filter, &b_out});
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_open(p, "PUT", "/", "content-length: 200000\n");
    h2_send(p, id, big, sizeof big, true);
    h2_peer_run(p);
    cr_assert(peer_heard(origin(), "ABCDEFGHIJ"));
    cr_assert_eq(strcmp(origin()->heard + origin()->heard_n - 5, "0\r\n\r\n"), 0);
    char head[100];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof big);
    peer_says(origin(), head);
    for (size_t at = 0; at < sizeof big; at += 10000) {
        peer_says_n(origin(), big + at, 10000);
        h2_peer_run(p);
    }
    const struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->status, "200");
    cr_assert(a->ended);
    cr_assert_eq(a->body_n, sizeof big + 1, "%zu", a->body_n);
    cr_assert(begins(a->body, "ABC") && a->body[a->body_n - 1] == 'B');
    cr_assert(!strstr(a->head, "content-length"));
    h2_peer_free(p);
    end();
}

Test(module_api_content, filters_towards_http2)
{
    begin("");
    CHAIN(&plan.routes[0], {the_filter, &a_in}, {the_filter, &upper_out});
    struct cluster *cl = &stack_worker(s)->clusters[0];
    ((struct cluster_conf *)cl->conf)->protocol = PROTOCOL_H2;
    cl->endpoints[0]->protocol = PROTOCOL_H2;
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    struct h2_origin *o = h2_origin_new(stack_origin(s, 0), (struct h2_origin_how){0});
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(r && r->ended);
    cr_assert_eq(r->body_n, 4);
    cr_assert_eq(memcmp(r->body, "abca", 4), 0);
    cr_assert(!h2_request_has_name(r, "content-length"));
    h2_origin_head(o, r, "200", "content-length: 2\n", false);
    h2_origin_content(o, r, "hi", 2, true);
    cr_assert(peer_heard(c, "HI\r\n0\r\n\r\n"), "%s", c->heard);
    h2_origin_free(o);
    end();
}

/* What filters gave goes out again: they can't run twice. */
static enum weir_verdict on_result_once_more(struct weir_exchange *x, const struct weir_use *u,
                                             const struct weir_attempt *at)
{
    (void)u;
    return weir_attempt_number(at) > 1 ? WEIR_NEXT
                                       : weir_retry(x, &(struct weir_retry){.cluster = 1});
}
static const struct weir_module retry = {.name = "retry", .on_result = on_result_once_more};

Test(module_api_content, is_filtered_once_however_often_it_is_sent)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &upper_in}, {&filter, &a_in}, {&retry, NULL});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabc");
    peer_says(c, "d");
    peer_says(origin(), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    cr_assert(peer_heard(stack_origin(s, 1), "ABCDa\r\n0\r\n\r\n"), "%s",
              stack_origin(s, 1)->heard);
    peer_says(origin(), OK2);
    cr_assert_str_eq(trace, "4. 4. ");
    end();
}

Test(module_api_content, of_a_clusters_modules_stays_there)
{
    begin("");
    CHAIN(&plan.routes[0], {&retry, NULL});
    CHAIN(&plan.clusters[1], {&filter, &upper_in});
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    peer_says(origin(), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 500 No"), "what was not filtered for the other one");
    end();
}

/* -- keeping ----------------------------------------------------------------------------------- */

static size_t keep_in, keep_out;

static enum weir_verdict on_forward_keep(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_keep(x, WEIR_TO_ORIGIN, keep_in);
    return WEIR_NEXT;
}
static void on_response_keep(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_keep(x, WEIR_TO_CLIENT, keep_out);
}
static void on_done_kept(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    for (int d = WEIR_TO_ORIGIN; d <= WEIR_TO_CLIENT; d++) {
        bool whole;
        const struct weir_slice got = weir_kept(x, (enum weir_direction)d, &whole);
        note("%.*s%s ", (int)got.n, got.p ? got.p : "", whole ? "." : "");
    }
}
static const struct weir_module keeps = {.name = "keeps",
                                         .on_forward = on_forward_keep,
                                         .on_response = on_response_keep,
                                         .on_done = on_done_kept};
#define PUT6 "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef"

Test(module_api_content, keeps_content_as_it_came)
{
    begin("");
    CHAIN(&plan.routes[0], {&filter, &upper_in}, {&keeps, NULL}, {&keeps, NULL});
    keep_in = keep_out = 100;
    asks(PUT6);
    peer_says(origin(), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nxyz");
    peer_says(origin(), "uvw");
    cr_assert(strstr(trace, "abcdef. xyzuvw. abcdef. xyzuvw. "), "%s", trace);
    end();
}

Test(module_api_content, keeps_no_more_than_the_limit)
{
    begin("");
    CHAIN(&plan.routes[0], {&keeps, NULL});
    keep_in = 4, keep_out = 2;
    struct peer *c = asks(PUT6);
    peer_says(origin(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwxyz");
    cr_assert(peer_heard(c, "wxyz"));
    cr_assert_str_eq(trace, "abcd wx ");
    trace[0] = 0;
    keep_in = 6, keep_out = 2;
    peer_says(c, PUT6);
    peer_says(origin(), OK2);
    cr_assert_str_eq(trace, "abcdef. hi. ", "the very limit is whole");
    end();
}

Test(module_api_content, says_when_something_is_missing)
{
    begin("");
    CHAIN(&plan.routes[0], {&keeps, NULL});
    keep_in = keep_out = 100;
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    peer_says(origin(), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nxyz");
    peer_resets(c);
    cr_assert_str_eq(trace, "abc xyz ");
    trace[0] = 0;
    asks(GET);
    peer_says(origin(), "HTTP/1.1 204 No\r\n\r\n");
    cr_assert_str_eq(trace, ". . ", "nothing is all there was");
    end();
}
