/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 towards endpoints, seen from the endpoint: what is written, what is believed of what
 * comes back, and when a connection may be used again. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define CONF                                                                                       \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"                       \
    "routes = ( { cluster = \"one\"; } );\n"

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

static struct stack *s;
static struct peer *c;

static void begin(void)
{
    s = stack_new(CONF);
    c = stack_client(s);
}

static void end(void)
{
    stack_free(s);
}

TestSuite(origin_h1_framing, .init = begin, .fini = end);

static struct peer *origin(size_t i)
{
    struct peer *o = stack_origin(s, i);
    cr_assert(o, "connection %zu was not made", i);
    return o;
}

static uint64_t whys(enum why why)
{
    return stack_worker(s)->stats->worker->whys[why];
}

/* Asks for / and has the first connection answer so. */
static void ask(const char *response)
{
    peer_says(c, get);
    peer_says(origin(0), response);
}

/* Does a further request come on the first connection? */
static bool used_again(void)
{
    peer_take(c);
    peer_take(origin(0));
    peer_says(c, get);
    return stack_origins(s) == 1 && peer_heard(origin(0), get);
}

/* -- the request ------------------------------------------------------------------------------ */

Test(origin_h1_framing, says_that_a_post_has_no_content)
{
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_str_eq(peer_take(origin(0)),
                     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
}

Test(origin_h1_framing, frames_content_of_unknown_length_in_chunks_of_its_own)
{
    peer_says(c, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "0003;x=y\r\nabc\r\n");
    peer_says(c, "2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
    const char *heard = peer_take(origin(0));
    cr_assert(strstr(heard, "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"),
              "%s", heard);
    cr_assert(strstr(heard, "\r\nX-Sum: 5\r\n\r\n"), "%s", heard);
}

Test(origin_h1_framing, sends_content_of_known_length_as_it_is)
{
    peer_says(c, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    peer_says(c, "cde");
    cr_assert(peer_heard(origin(0), "\r\nContent-Length: 5\r\n\r\nabcde"));
}

/* -- the response ----------------------------------------------------------------------------- */

Test(origin_h1_framing, reads_a_response_that_comes_byte_by_byte)
{
    static const char response[] =
        "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhi\r\n0\r\nX-Sum: 2\r\n\r\n";
    peer_says(c, get);
    for (const char *at = response; *at; at++)
        peer_says_n(origin(0), at, 1);
    const char *heard = peer_take(c);
    cr_assert(strstr(heard, "200 OK"));
    cr_assert(strstr(heard, "\r\nX-Sum: 2\r\n\r\n"), "%s", heard);
    cr_assert(used_again());
}

Test(origin_h1_framing, makes_chunks_of_content_that_ends_with_the_connection)
{
    ask("HTTP/1.1 200 OK\r\n\r\nhi");
    peer_closes(origin(0));
    const char *heard = peer_take(c);
    cr_assert(strstr(heard, "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "%s", heard);
    cr_assert(!peer_closed(c));
}

Test(origin_h1_framing, believes_no_response_that_is_malformed)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nhi",
        "SSH-2.0-OpenSSH_9.2\r\n",
    };
    for (size_t i = 0; i < array_n(bad); i++) {
        struct peer *o;
        peer_says(c, get);
        o = origin(i);
        peer_says(o, bad[i]);
        cr_assert(!strncmp(peer_take(c), "HTTP/1.1 502 ", 13), "%s", bad[i]);
        cr_assert(peer_closed(o));
    }
    cr_assert_eq(whys(WHY_BAD_RESPONSE), array_n(bad));
    uint64_t counted = 0;
    for (size_t i = 0; i < H1_FAULT_N; i++)
        counted += stack_worker(s)->stats->worker->h1_faults[i];
    cr_assert_eq(counted, array_n(bad), "each fault is counted by its name");
}

Test(origin_h1_framing, cuts_a_response_whose_chunks_are_malformed)
{
    ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    cr_assert(peer_heard(c, "hi"));
    peer_says(origin(0), "zz\r\n");
    cr_assert(c->failed, "the client must see that the response is not whole");
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
    cr_assert_eq(stack_worker(s)->stats->worker->h1_faults[H1_CHUNK_SIZE], 1);
}

Test(origin_h1_framing, cuts_a_response_that_ends_early)
{
    ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    peer_closes(origin(0));
    cr_assert(c->failed);
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
}

Test(origin_h1_framing, tells_a_head_that_ends_early_from_none_at_all)
{
    ask("HTTP/1.1 200 OK\r\nConte");
    peer_closes(origin(0));
    cr_assert(!strncmp(peer_take(c), "HTTP/1.1 502 ", 13));
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
}

Test(origin_h1_framing, is_not_kept_busy_by_interim_responses)
{
    peer_says(c, get);
    for (int i = 0; i < 40 && !peer_closed(origin(0)); i++)
        peer_says(origin(0), "HTTP/1.1 103 Early Hints\r\n\r\n");
    cr_assert(peer_closed(origin(0)));
    cr_assert(peer_heard(c, "HTTP/1.1 502 "));
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
}

/* -- once more ------------------------------------------------------------------------------ */

Test(origin_h1_framing, uses_a_connection_again_after_responses_with_and_without_content)
{
    ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(used_again());
    peer_says(origin(0), "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert(used_again());
    peer_says(origin(0), "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n");
    cr_assert(used_again());
}

Test(origin_h1_framing, does_not_use_a_connection_again_that_the_origin_wants_to_close)
{
    ask("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(!used_again());
}

Test(origin_h1_framing, does_not_use_an_http_1_0_connection_again_without_keep_alive)
{
    ask("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(!used_again());
}

Test(origin_h1_framing, does_not_use_a_connection_again_on_which_more_came_than_was_asked_for)
{
    ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n"
        "Content-Length: 4\r\n\r\nevil");
    cr_assert(peer_closed(origin(0)));
    cr_assert(!peer_heard(c, "evil"));
    cr_assert(!used_again());
}

Test(origin_h1_framing, closes_a_connection_that_speaks_without_being_asked)
{
    ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    peer_says(origin(0), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    cr_assert(peer_closed(origin(0)));
    cr_assert(!peer_heard(c, "evil"));
    cr_assert(!used_again());
}

Test(origin_h1_framing, does_not_use_a_connection_again_that_answered_before_the_request_was_whole)
{
    peer_says(c, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    peer_says(origin(0), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(peer_heard(c, "hi"));
    cr_assert(peer_closed(origin(0)));
}
