/* SPDX-License-Identifier: Apache-2.0 */
/* Origins that misbehave, and the ends of tunnels, through the whole stack in memory. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define ONE "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
#define ALL "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n"

static const char upgrade[] =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
static const char switched[] = "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

/* The limits of one cluster must not become another's while trailers are on their way. */
Test(origin_h1, holds_trailers_to_the_limits_of_their_own_cluster)
{
    struct stack *s = stack_new(
        "clusters = { few = { endpoints = [ \"10.0.0.1:80\" ]; limits = { field_count = 2; }; };\n"
        "             many = { endpoints = [ \"10.0.0.2:80\" ]; }; };\n"
        "routes = ( { match = { path_prefix = \"/few\"; }; cluster = \"few\"; },\n"
        "           { match = { path_prefix = \"/many\"; }; cluster = \"many\"; } );");
    struct peer *a = stack_client(s), *b = stack_client(s);
    peer_says(a, "GET /few HTTP/1.1\r\nHost: h\r\n\r\n");
    struct peer *few = stack_origin(s, 0);
    peer_says(few, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: 1\r\n");
    peer_says(b, "GET /many HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert(peer_heard(b, "HTTP/1.1 200 OK"));
    peer_says(few, "b: 2\r\nc: 3\r\nd: 4\r\ne: 5\r\n\r\n");
    cr_assert(!peer_heard(a, "e: 5"));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_BAD_RESPONSE], 1);
    stack_free(s);
}

Test(origin_h1, takes_a_switch_that_ends_at_once)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, upgrade);
    struct peer *o = stack_origin(s, 0);
    peer_take(o);
    link_end(o->link); /* both arrive in one turn */
    peer_says(o, switched);
    cr_assert(peer_heard(c, "HTTP/1.1 101 "));
    cr_assert(c->eof && !c->failed);
    peer_says(c, "still here");
    cr_assert_str_eq(peer_take(o), "still here");
    peer_ends(c);
    cr_assert(o->eof && !o->failed);
    stack_free(s);
}

Test(origin_h1, passes_on_the_last_words_of_a_tunnel_that_the_origin_ended_first)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, upgrade);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, switched);
    peer_take(o);
    peer_ends(o);
    link_end(c->link);
    peer_says(c, "last words");
    cr_assert_str_eq(peer_take(o), "last words");
    cr_assert(o->eof && !o->failed);
    stack_free(s);
}

Test(origin_h1, waits_for_an_origin_that_is_slow_to_take_the_last_words)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { body_idle = \"5s\"; };");
    static char words[200 * 1024];
    memset(words, 'w', sizeof words);
    struct peer *c = stack_client(s);
    peer_says(c, upgrade);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, switched);
    peer_take(o);
    peer_stalls(o);
    peer_says_n(c, words, sizeof words);
    peer_ends(c);
    peer_ends(o);
    stack_sleep_ms(s, 1000);
    peer_reads(o);
    cr_assert_eq(o->heard_n, sizeof words);
    cr_assert(o->eof && !o->failed);
    stack_free(s);
}

Test(origin_h1, does_not_wait_for_ever_for_last_words_to_be_taken)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { body_idle = \"5s\"; };");
    static char words[100 * 1024];
    struct peer *c = stack_client(s);
    peer_says(c, upgrade);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, switched);
    peer_stalls(o);
    peer_says_n(c, words, sizeof words);
    peer_ends(o);
    peer_ends(c);
    stack_sleep_ms(s, 11000);
    cr_assert_eq(stack_worker(s)->stats->endpoints[0][0].open, 0);
    stack_free(s);
}

Test(origin_h1, shows_the_origin_that_a_tunnel_was_cut)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, upgrade);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, switched);
    peer_says(c, "half a sent");
    peer_resets(c);
    cr_assert(o->failed, "what came must not be taken for all");
    stack_free(s);
}

Test(origin_h1, refuses_a_switch_before_the_request_is_complete)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, "POST /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer_says(stack_origin(s, 0), switched);
    cr_assert(peer_heard(c, "HTTP/1.1 502 "));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_BAD_RESPONSE], 1);
    stack_free(s);
}

/* With no limit on the whole request, something else must end this. */
Test(origin_h1, gives_up_on_an_origin_that_takes_no_content)
{
    struct stack *s =
        stack_new(ONE ALL "timeouts = { request = \"0s\"; response_head = \"3s\"; };");
    static char content[400 * 1024];
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 409600\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    peer_stalls(o);
    peer_says_n(c, content, sizeof content);
    stack_sleep_ms(s, 40000);
    cr_assert(peer_heard(c, "HTTP/1.1 504 "));
    cr_assert(peer_closed(o) || o->stalled);
    cr_assert(list_empty(&stack_worker(s)->active));
    stack_free(s);
}
