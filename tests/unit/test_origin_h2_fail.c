/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards origins: what is refused, reset, malformed or broken, and what becomes of it. */
#include <errno.h>

#include "h2_origin_case.h"

#define POST "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"

static void assert_head(struct peer *c, const char *status)
{
    char start[32];
    snprintf(start, sizeof start, "HTTP/1.1 %s ", status);
    cr_assert(strncmp(c->heard, start, strlen(start)) == 0, "%s instead of %s", c->heard, status);
}

/* -- resets ------------------------------------------------------------------------------------ */

Test(origin_h2_fail, a_reset_before_the_head_is_no_response)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_reset(o, h2_origin_request(o, 0), NGHTTP2_INTERNAL_ERROR);
    assert_head(c, "502");
    cr_assert_eq(whys(WHY_RESET), 1);
    struct peer *other = asks(GET); /* on a connection that is a kept one */
    h2_origin_reset(o, h2_origin_request(o, 1), NGHTTP2_INTERNAL_ERROR);
    assert_head(other, "502");
    cr_assert_eq(h2_origin_requests(o), 2, "who says no is not asked again");
    cr_assert_eq(stack_origins(s), 1);
    end();
}

Test(origin_h2_fail, a_reset_in_the_content_cuts_it_off)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "content-length: 10\n", false);
    h2_origin_content(o, r, "hello", 5, false);
    h2_origin_reset(o, r, NGHTTP2_INTERNAL_ERROR);
    cr_assert(peer_heard(c, "hello"));
    cr_assert(peer_closed(c));
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
    cr_assert(!h2_origin_closed(o), "the others are not concerned");
    end();
}

Test(origin_h2_fail, a_whole_response_stands_though_the_request_is_cut_short)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "413", "content-length: 0\n", true);
    assert_head(c, "413");
    cr_assert(r->closed);
    cr_assert_eq(r->code, NGHTTP2_CANCEL, "%u", r->code);
    cr_assert_eq(whys(WHY_NONE), 1);
    end();
}

Test(origin_h2_fail, no_error_after_a_whole_response_is_one)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    const uint8_t all[] = {/* HEADERS, END_STREAM | END_HEADERS: ":status: 200" */
                           0, 0, 1, 1, 5, 0, 0, 0, (uint8_t)r->id, 0x88,
                           /* RST_STREAM NO_ERROR */
                           0, 0, 4, 3, 0, 0, 0, 0, (uint8_t)r->id, 0, 0, 0, 0};
    h2_origin_raw(o, all, sizeof all);
    assert_head(c, "200");
    cr_assert_eq(whys(WHY_NONE), 1);
    cr_assert_eq(endpoint()->stats->failures, 0);
    end();
}

Test(origin_h2_fail, a_client_that_goes_cancels_its_stream)
{
    begin("");
    struct peer *c = asks(GET), *other = asks(GET);
    struct h2_origin *o = origin(0);
    peer_resets(c);
    cr_assert(h2_origin_request(o, 0)->closed);
    cr_assert_eq(h2_origin_request(o, 0)->code, NGHTTP2_CANCEL);
    h2_origin_answer(o, h2_origin_request(o, 1), "still here");
    cr_assert(peer_heard(other, "still here"));
    cr_assert_eq(stack_origins(s), 1);
    end();
}

Test(origin_h2_fail, a_request_that_took_too_long_cancels_its_stream)
{
    begin("timeouts = { response_head = \"1s\"; };");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    stack_sleep_ms(s, 1100);
    assert_head(c, "504");
    cr_assert_eq(h2_origin_request(o, 0)->code, NGHTTP2_CANCEL);
    cr_assert(h2_origin_request(o, 0)->closed);
    end();
}

/* -- refusals ---------------------------------------------------------------------------------- */

Test(origin_h2_fail, what_goaway_leaves_out_goes_elsewhere)
{
    begin("");
    struct peer *a = asks(GET);
    struct h2_origin *o = origin(0);
    struct peer *b = asks(POST);
    cr_assert_str_eq(h2_origin_request(o, 1)->body, "hello");
    h2_origin_goaway(o, h2_origin_request(o, 0)->id, NGHTTP2_NO_ERROR);
    cr_assert_eq(stack_origins(s), 2);
    struct h2_origin *o2 = origin(1);
    cr_assert_str_eq(h2_origin_request(o2, 0)->body, "hello", "content and all");
    h2_origin_answer(o2, h2_origin_request(o2, 0), "second");
    cr_assert(peer_heard(b, "second"));
    h2_origin_answer(o, h2_origin_request(o, 0), "first");
    cr_assert(peer_heard(a, "first"), "what it had begun goes on");
    cr_assert(h2_origin_closed(o), "and then it goes");
    cr_assert_eq(endpoint()->stats->h2_goaways, 1);
    cr_assert_eq(endpoint()->stats->h2_refused, 1);
    cr_assert_eq(endpoint()->open_n, 1);
    end();
}

Test(origin_h2_fail, goaway_in_two_steps)
{
    begin("");
    struct peer *a = asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_goaway(o, INT32_MAX, NGHTTP2_NO_ERROR);
    struct peer *b = asks(GET);
    cr_assert_eq(h2_origin_requests(o), 1, "nothing new after the first");
    struct h2_origin *o2 = origin(1);
    h2_origin_answer(o2, h2_origin_request(o2, 0), "b");
    cr_assert(peer_heard(b, "b"));
    h2_origin_goaway(o, h2_origin_request(o, 0)->id, NGHTTP2_NO_ERROR);
    h2_origin_answer(o, h2_origin_request(o, 0), "a");
    cr_assert(peer_heard(a, "a"));
    cr_assert_eq(endpoint()->stats->h2_goaways, 1);
    end();
}

Test(origin_h2_fail, goaway_on_an_idle_connection_closes_it)
{
    begin("");
    asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    h2_origin_goaway(o, h2_origin_request(o, 0)->id, NGHTTP2_NO_ERROR);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(endpoint()->open_n, 0);
    end();
}

static void refused_stream_is_repeated(const char *request, const char *body)
{
    begin("");
    struct peer *c = asks(request);
    struct h2_origin *o = origin(0);
    struct peer *other = asks(GET);
    h2_origin_reset(o, h2_origin_request(o, 0), NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(stack_origins(s), 2, "on another connection");
    struct h2_origin *o2 = origin(1);
    cr_assert_str_eq(h2_origin_request(o2, 0)->body, body);
    h2_origin_answer(o2, h2_origin_request(o2, 0), "yes");
    cr_assert(peer_heard(c, "yes"));
    h2_origin_answer(o, h2_origin_request(o, 1), "other");
    cr_assert(peer_heard(other, "other"));
    cr_assert_eq(stack_worker(s)->stats->clusters[0]->retries, 1);
    end();
}

Test(origin_h2_fail, a_refused_get_is_repeated)
{
    refused_stream_is_repeated(GET, "");
}

Test(origin_h2_fail, a_refused_post_is_repeated_with_its_content)
{
    refused_stream_is_repeated(POST, "hello");
}

Test(origin_h2_fail, a_request_that_is_refused_again_and_again_is_given_up)
{
    begin("");
    struct peer *c = asks(POST);
    for (size_t i = 0; i < 3; i++) {
        struct h2_origin *o = origin(i);
        cr_assert_str_eq(h2_origin_request(o, 0)->body, "hello", "attempt %zu", i);
        h2_origin_reset(o, h2_origin_request(o, 0), NGHTTP2_REFUSED_STREAM);
    }
    cr_assert_eq(stack_origins(s), 3);
    assert_head(c, "503");
    cr_assert_eq(whys(WHY_REFUSED), 1);
    cr_assert_eq(endpoint()->stats->h2_refused, 3);
    end();
}

Test(origin_h2_fail, content_that_is_not_kept_any_more_is_not_repeated)
{
    enum { SIZE = 70000 };
    char head[128], *body = calloc(1, SIZE);
    begin("");
    struct peer *c = stack_client(s);
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
             SIZE + 1);
    peer_says(c, head);
    struct h2_origin *o = origin(0);
    peer_says_n(c, body, SIZE);
    h2_origin_reset(o, h2_origin_request(o, 0), NGHTTP2_REFUSED_STREAM);
    assert_head(c, "503");
    cr_assert_eq(stack_origins(s), 1);
    end();
    free(body);
}

Test(origin_h2_fail, content_that_comes_later_is_kept_too)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    struct h2_origin *o = origin(0);
    peer_says(c, "l");
    h2_origin_reset(o, h2_origin_request(o, 0), NGHTTP2_REFUSED_STREAM);
    struct h2_origin *o2 = origin(1);
    cr_assert_str_eq(h2_origin_request(o2, 0)->body, "hel");
    peer_says(c, "l");
    h2_origin_goaway(o2, 0, NGHTTP2_NO_ERROR);
    struct h2_origin *o3 = origin(2);
    peer_says(c, "o");
    cr_assert_str_eq(h2_origin_request(o3, 0)->body, "hello");
    cr_assert(h2_origin_request(o3, 0)->ended);
    h2_origin_answer(o3, h2_origin_request(o3, 0), "yes");
    cr_assert(peer_heard(c, "yes"));
    end();
}

/* -- connections that break -------------------------------------------------------------------- */

Test(origin_h2_fail, a_connection_that_breaks_takes_its_attempts_along)
{
    begin("");
    struct peer *c[4];
    c[0] = asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_head(o, h2_origin_request(o, 0), "200", "content-length: 9\n", false);
    h2_origin_content(o, h2_origin_request(o, 0), "part", 4, false);
    c[1] = asks(POST);
    c[2] = asks(GET);
    peer_resets(stack_origin(s, 0));
    cr_assert(peer_heard(c[0], "part"));
    cr_assert(peer_closed(c[0]), "a response cut off");
    assert_head(c[1], "502");
    cr_assert_eq(stack_origins(s), 2, "a GET on a kept connection is repeated");
    struct h2_origin *o2 = origin(1);
    h2_origin_answer(o2, h2_origin_request(o2, 0), "again");
    cr_assert(peer_heard(c[2], "again"));
    cr_assert_eq(whys(WHY_TRUNCATED), 1);
    cr_assert_eq(whys(WHY_RESET), 1);
    end();
}

/* Else a request that makes origins break would take one connection after another along. */
Test(origin_h2_fail, a_request_is_repeated_once_however_many_connections_there_are)
{
    begin("pool = { streams = 1; };");
    for (size_t i = 0; i < 3; i++) {
        asks(GET);
        origin(i);
    }
    for (size_t i = 0; i < 3; i++)
        h2_origin_answer(origins[i], h2_origin_request(origins[i], 0), "x");
    struct peer *bad = asks(GET);
    cr_assert_eq(h2_origin_requests(origins[0]), 2);
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(h2_origin_requests(origins[1]), 2);
    peer_resets(stack_origin(s, 1));
    cr_assert_eq(h2_origin_requests(origins[2]), 1);
    assert_head(bad, "502");
    end();
}

Test(origin_h2_fail, an_idle_connection_that_breaks_is_forgotten)
{
    begin("");
    asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    peer_closes(stack_origin(s, 0));
    cr_assert_eq(endpoint()->open_n, 0);
    cr_assert_eq(endpoint()->shared_n, 0);
    asks(GET);
    cr_assert_eq(stack_origins(s), 2);
    end();
}

Test(origin_h2_fail, no_connection_no_response)
{
    begin("");
    stack_refuse_dials(s, 1, ECONNREFUSED);
    struct peer *c = asks(GET);
    assert_head(c, "503");
    cr_assert_eq(whys(WHY_CONNECT), 1);
    cr_assert_eq(endpoint()->stats->connect_failures, 1);
    cr_assert_eq(endpoint()->open_n, 0);
    end();
}

/* -- what must not be said --------------------------------------------------------------------- */

static void malformed(const char *status, const char *fields, bool end_stream)
{
    begin("limits = { head_size = \"2k\"; field_count = 20; };");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.lax = true});
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, status, fields, end_stream);
    assert_head(c, "502");
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1, "%s %s", status, fields);
    cr_assert(r->closed);
    struct peer *other = asks(GET);
    h2_origin_answer(o, h2_origin_request(o, 1), "fine");
    cr_assert(peer_heard(other, "fine"), "a stream's fault is no connection's");
    end();
}

Test(origin_h2_fail, malformed_heads_are_refused)
{
    malformed("200", "connection: close\n", true);
    malformed("200", "transfer-encoding: chunked\n", true);
    malformed("200", "upgrade: websocket\n", true);
    malformed("20", "", true);
    malformed("99", "", true);
    malformed("101", "", true);
    malformed("abc", "", true);
    malformed("200", "content-length: x\n", true);
    malformed("200", "content-length: 5\n", true);
    malformed("200", "content-length: 5\ncontent-length: 6\n", true);
    malformed("200", "a: b\r\n", true);
    malformed("200", "a: b\x01\n", true);
    malformed("200", "a b: c\n", true);
    malformed("200", ":path: /\n", true);
    malformed("200", ":status: 200\n", true);
    malformed("200", "a: b\n:status: 200\n", true);
}

Test(origin_h2_fail, heads_are_limited)
{
    char fields[4096] = "";
    for (int i = 0; i < 30; i++)
        sprintf(fields + strlen(fields), "f%d: v\n", i);
    malformed("200", fields, true);
    sprintf(fields, "big: %02000d\n", 1);
    malformed("200", fields, true);
}

Test(origin_h2_fail, content_must_have_the_length_that_was_said)
{
    static const char *const bodies[] = {"four", "seven.."};
    for (size_t i = 0; i < 2; i++) {
        begin("");
        struct peer *c = asks(GET);
        struct h2_origin *o = origin_with(0, (struct h2_origin_how){.lax = true});
        struct h2_request *r = h2_origin_request(o, 0);
        h2_origin_head(o, r, "200", "content-length: 6\n", false);
        h2_origin_content(o, r, bodies[i], strlen(bodies[i]), true);
        cr_assert(peer_closed(c));
        cr_assert_eq(whys(WHY_BAD_RESPONSE), 1, "%s", bodies[i]);
        end();
    }
}

Test(origin_h2_fail, trailers_keep_to_the_rules)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.lax = true});
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "", false);
    h2_origin_content(o, r, "x", 1, false);
    h2_origin_trailers(o, r, ":status: 200\n");
    cr_assert(peer_closed(c));
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
    end();
}

Test(origin_h2_fail, interim_responses_are_limited)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    for (int i = 0; i < 33; i++)
        if (!r->closed)
            h2_origin_head(o, r, "103", "", false);
    cr_assert(r->closed);
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
    cr_assert(peer_heard(c, "103"));
    end();
}

Test(origin_h2_fail, a_breach_of_the_protocol_closes_the_connection)
{
    static const uint8_t data_on_stream_0[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 'x'};
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    struct h2_origin *o = origin(0);
    h2_origin_raw(o, data_on_stream_0, sizeof data_on_stream_0);
    assert_head(c, "502");
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
    cr_assert_eq(h2_origin_goaway_code(o), NGHTTP2_PROTOCOL_ERROR);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(endpoint()->open_n, 0);
    end();
}

Test(origin_h2_fail, what_is_no_http2_is_a_breach)
{
    begin("");
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_head(c, "502");
    cr_assert_eq(whys(WHY_BAD_RESPONSE), 1);
    cr_assert(peer_closed(stack_origin(s, 0)));
    end();
}

/* -- floods ------------------------------------------------------------------------------------ */

/* SETTINGS are the session's own business: it waits for their acknowledgement. */
static void say(struct h2_origin *o, const uint8_t *frame, size_t n, int times)
{
    for (int i = 0; i < times; i++)
        if (frame)
            h2_origin_raw(o, frame, n);
        else
            h2_origin_settings(o);
}

/* `frame` (NULL: SETTINGS) so often that it is too much; the connection has to go, and calmly. */
static void flood(const uint8_t *frame, size_t n)
{
    const unsigned type = frame ? frame[3] : NGHTTP2_SETTINGS;
    begin("h2 = { control_frames = 50; };");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    say(o, frame, n, 45);
    cr_assert(!h2_origin_closed(o), "frame %u is within the limit", type);
    stack_sleep_ms(s, 1100);
    say(o, frame, n, 50);
    cr_assert(!h2_origin_closed(o), "frame %u is counted by the second", type);
    say(o, frame, n, 1);
    cr_assert(h2_origin_closed(o), "frame %u", type);
    cr_assert_eq(h2_origin_goaway_code(o), NGHTTP2_ENHANCE_YOUR_CALM, "frame %u", type);
    cr_assert_eq(endpoint()->stats->h2_floods, 1);
    assert_head(c, "502");
    end();
}

Test(origin_h2_fail, floods_of_frames_without_content)
{
    static const uint8_t ping[] = {0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
                         priority[] = {0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
                         window[] = {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    flood(NULL, 0);
    flood(ping, sizeof ping);
    flood(priority, sizeof priority);
    flood(window, sizeof window);
}

Test(origin_h2_fail, a_flood_of_empty_content)
{
    begin("h2 = { control_frames = 50; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    const uint8_t empty[] = {0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)r->id};
    h2_origin_head(o, r, "200", "", false);
    for (int i = 0; i < 60 && !h2_origin_closed(o); i++)
        h2_origin_raw(o, empty, sizeof empty);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(endpoint()->stats->h2_floods, 1);
    end();
}

Test(origin_h2_fail, a_head_without_an_end)
{
    static const uint8_t more[] = {0, 0, 0, 9, 0, 0, 0, 0, 1}; /* CONTINUATION, empty */
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    const uint8_t head[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88};
    h2_origin_raw(o, head, sizeof head);
    for (int i = 0; i < 100000 && !h2_origin_closed(o); i++)
        h2_origin_raw(o, more, sizeof more);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(endpoint()->stats->h2_floods, 1);
    assert_head(c, "502");
    end();
}

Test(origin_h2_fail, window_updates_for_what_was_sent_are_no_flood)
{
    enum { SIZE = 200000 };
    char head[128], *body = calloc(1, SIZE);
    begin("h2 = { control_frames = 10; };");
    struct peer *c = stack_client(s);
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", SIZE);
    peer_says(c, head);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.window = 1000});
    peer_says_n(c, body, SIZE);
    cr_assert_eq(h2_origin_request(o, 0)->body_n, SIZE);
    h2_origin_answer(o, h2_origin_request(o, 0), "ok");
    cr_assert(peer_heard(c, "ok"));
    end();
    free(body);
}

/* -- pings ------------------------------------------------------------------------------------- */

Test(origin_h2_fail, a_silent_connection_is_asked_and_given_up)
{
    begin("h2 = { ping_interval = \"2s\"; ping_timeout = \"1s\"; }; timeouts = { connect = \"1s\"; };");
    struct peer *c = asks(POST);
    struct h2_origin *o = origin(0);
    stack_sleep_ms(s, 1900);
    cr_assert_eq(h2_origin_pings(o), 0);
    stack_sleep_ms(s, 200);
    cr_assert_eq(h2_origin_pings(o), 1);
    stack_sleep_ms(s, 1500);
    cr_assert(!h2_origin_closed(o), "it has answered");
    h2_origin_hold(o, true);
    stack_sleep_ms(s, 4000);
    cr_assert_eq(h2_origin_pings(o), 2);
    cr_assert(h2_origin_closed(o));
    assert_head(c, "502");
    cr_assert_eq(endpoint()->stats->h2_pings_lost, 1);
    end();
}

Test(origin_h2_fail, nobody_is_asked_without_need)
{
    begin("h2 = { ping_interval = \"2s\"; };");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "", false);
    for (int i = 0; i < 10; i++) {
        h2_origin_content(o, r, "x", 1, i == 9);
        stack_sleep_ms(s, 1000);
    }
    cr_assert_eq(h2_origin_pings(o), 0, "it was not silent");
    stack_sleep_ms(s, 5000);
    cr_assert_eq(h2_origin_pings(o), 0, "nobody waits for it");
    cr_assert(peer_heard(c, "x"));
    end();
}
