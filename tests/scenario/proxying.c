/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses on their way through the real gateway: methods, content of all sizes and
 * framings both ways, the rules of HTTP for content that isn't there, interim responses. */
#include "tests/lib/origin.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(proxying, .init = begin, .fini = rig_end, .timeout = 120);

Test(proxying, passes_every_usual_method_on_with_its_status)
{
    static const char *const methods[] = {"GET",     "POST",  "PUT",      "DELETE",
                                          "OPTIONS", "PATCH", "PROPFIND", "X-OWN"};
    static const int statuses[] = {200, 201, 302, 404, 418, 500, 503};
    char line[32];
    rig_start();
    struct talk *t = talk_open();
    for (size_t m = 0; m < 8; m++)
        for (size_t s = 0; s < 7; s++) {
            talk_send(t, "%s /x?status=%d&echo HTTP/1.1\r\nHost: a\r\n\r\n", methods[m],
                      statuses[s]);
            const struct response *r = talk_response(t);
            cr_assert(r->whole);
            cr_assert_eq(r->status, statuses[s]);
            snprintf(line, sizeof line, "%s /x?status", methods[m]);
            cr_assert(!strncmp(r->body.p, line, strlen(line)), "%s", r->body.p);
        }
}

Test(proxying, refuses_connect_and_trace_itself)
{
    rig_start();
    cr_assert_eq(ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")->status, 405);
    cr_assert_eq(ask("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")->status, 405);
    cr_assert_eq(origin_bytes(app), 0);
}

Test(proxying, passes_responses_of_all_sizes_on)
{
    static const size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 65536, 1000000, 10485760};
    rig_start();
    struct talk *t = talk_open();
    for (int chunked = 0; chunked < 2; chunked++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            talk_send(t, "GET /?size=%zu%s HTTP/1.1\r\nHost: a\r\n\r\n", sizes[i],
                      chunked ? "&chunked=30000" : "");
            const struct response *r = talk_response(t);
            cr_assert(r->whole, "%s", r->fault);
            cr_assert_eq(r->chunked, chunked);
            cr_assert_eq(r->body.n, sizes[i]);
            cr_assert(pattern_holds(r->body.p, 0, sizes[i]));
        }
    cr_assert_eq(origin_connections(app), 1, "every response left its connection usable");
}

static void send_chunked(struct talk *t, const char *content, size_t n, size_t size)
{
    for (size_t at = 0; at < n; at += size) {
        const size_t k = n - at < size ? n - at : size;
        talk_send(t, "%zx;ext=\"a\"\r\n", k);
        talk_send_n(t, content + at, k);
        talk_send(t, "\r\n");
    }
    talk_send(t, "0\r\n\r\n");
}

Test(proxying, passes_requests_content_of_all_sizes_on)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 65536, 1000000, 10485760};
    char *content = malloc(10485760), want[64];
    pattern_fill(content, 0, 10485760);
    rig_start();
    struct talk *t = talk_open();
    for (int chunked = 0; chunked < 2; chunked++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\n");
            if (chunked) {
                talk_send(t, "Transfer-Encoding: chunked\r\n\r\n");
                send_chunked(t, content, sizes[i], 50000);
            } else {
                talk_send(t, "Content-Length: %zu\r\n\r\n", sizes[i]);
                talk_send_n(t, content, sizes[i]);
            }
            const struct response *r = talk_response(t);
            snprintf(want, sizeof want, "%zu of pattern\n", sizes[i]);
            cr_assert(body_is(r, want), "%zu, %d: %d %s %s", sizes[i], chunked, r->status,
                      r->body.p, r->fault);
        }
    free(content);
}

Test(proxying, passes_trailers_on_both_ways)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "POST /?echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                 "Trailer: X-Check\r\n\r\n3\r\nabc\r\n0\r\nX-Check: yes\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(body_has(r, "abc\ntrailer X-Check: yes"), "%s", r->body.p);
    talk_send(t, "GET /?size=10&chunked=5&trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    r = talk_response(t);
    cr_assert(r->whole && r->chunked);
    cr_assert_str_eq(trailer_of(r, "x-sum"), "42");
}

Test(proxying, gives_head_204_and_304_no_content)
{
    rig_start();
    struct talk *t = talk_open();
    for (int i = 0; i < 3; i++) {
        talk_send(t, "HEAD /?size=1234 HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *r = talk_response_to_head(t);
        cr_assert_eq(r->status, 200);
        cr_assert_str_eq(field_of(r, "content-length"), "1234");
        talk_send(t, "GET /?status=204 HTTP/1.1\r\nHost: a\r\n\r\n");
        r = talk_response(t);
        cr_assert_eq(r->status, 204);
        cr_assert(!r->has_length && !r->chunked);
        talk_send(t, "GET /?status=304&size=77 HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 304);
    }
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(body_is(talk_response(t), "app\n"), "responses are still in step");
    cr_assert_eq(origin_connections(app), 1);
}

Test(proxying, makes_chunks_of_content_that_ends_with_its_connection)
{
    rig_start();
    struct talk *t = talk_open();
    for (int i = 0; i < 3; i++) {
        talk_send(t, "GET /?until_close&size=70000 HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *r = talk_response(t);
        cr_assert(r->whole && r->chunked && r->body.n == 70000);
        cr_assert(pattern_holds(r->body.p, 0, 70000));
    }
    cr_assert_eq(origin_connections(app), 3);
}

Test(proxying, serves_http_1_0_clients)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=50&chunked=10 HTTP/1.0\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 200);
    cr_assert(!r->chunked && !r->has_length);
    cr_assert_eq(r->body.n, 50);
    t = talk_open();
    talk_send(t, "GET /?size=50 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    r = talk_response(t);
    cr_assert_str_eq(field_of(r, "connection"), "keep-alive");
    talk_send(t, "GET /?size=50&interim=2 HTTP/1.0\r\n\r\n");
    r = talk_response(t);
    cr_assert(r->whole && r->interims_n == 0, "interim responses are not for HTTP/1.0");
    cr_assert(talk_ended(t));
}

Test(proxying, lets_the_origin_answer_an_expectation)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "PUT /?proceed&count HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                 "Expect: 100-continue\r\n\r\n");
    cr_assert(talk_await_bytes(t, 1), "100 comes before the content is sent");
    char four[4];
    pattern_fill(four, 0, 4);
    talk_send_n(t, four, 4);
    const struct response *r = talk_response(t);
    cr_assert_eq(r->interims_n, 1);
    cr_assert_eq(r->interims[0], 100);
    cr_assert(body_is(r, "4 of pattern\n"));
    /* An origin that doesn't want the content: its answer comes at once. */
    t = talk_open();
    talk_send(t, "PUT /?early&status=403 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                 "Expect: 100-continue\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 403);
}

Test(proxying, passes_interim_responses_on)
{
    rig_start();
    const struct response *r = get("/?interim=3");
    cr_assert_eq(r->interims_n, 3);
    cr_assert_eq(r->interims[2], 103);
    cr_assert(body_is(r, "app\n"));
}

Test(proxying, passes_an_early_response_on_while_content_is_still_sent)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "POST /?early&status=403 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    talk_send(t, "some of it");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 403);
    cr_assert(body_is(r, "app\n"));
}

Test(proxying, takes_absolute_targets_and_the_asterisk)
{
    rig_start();
    const struct response *r =
        ask("GET http://Other.Example:80/p?echo HTTP/1.1\r\nHost: ignored\r\n\r\n");
    cr_assert_eq(r->status, 200);
    cr_assert(body_has(r, "GET /p?echo HTTP/1.1\r\n"), "%s", r->body.p);
    cr_assert(strcasestr(r->body.p, "\r\nHost: other.example:80\r\n"), "%s", r->body.p);
    cr_assert(!body_has(r, "ignored"));
    const unsigned before = origin_requests(app);
    r = ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(r->status / 100, 2);
    cr_assert(strstr(field_of(r, "allow"), "GET"));
    cr_assert_eq(origin_requests(app), before);
}

Test(proxying, keeps_hop_by_hop_fields_to_one_hop)
{
    rig_start();
    const struct response *r =
        ask("GET /?echo&field=Keep-Alive:timeout=5&field=X-End:1 HTTP/1.1\r\n"
            "Host: a\r\nConnection: X-Mine\r\nX-Mine: secret\r\n"
            "Keep-Alive: 5\r\nProxy-Connection: close\r\nX-Other: 1\r\n\r\n");
    cr_assert_eq(r->status, 200);
    cr_assert(!body_has(r, "secret") && !strcasestr(r->body.p, "\nkeep-alive"), "%s", r->body.p);
    cr_assert(!strcasestr(r->body.p, "proxy-connection"));
    cr_assert(body_has(r, "X-Other: 1"));
    cr_assert_eq(field_count(r, "keep-alive"), 0);
    cr_assert_str_eq(field_of(r, "x-end"), "1");
}

Test(proxying, uses_one_kept_connection_for_requests_in_turn)
{
    rig_start();
    for (int i = 0; i < 20; i++)
        cr_assert_eq(get("/?size=100")->status, 200);
    cr_assert_eq(origin_connections(app), 1);
    cr_assert_eq(origin_requests(app), 20);
}

Test(proxying, gives_a_request_a_fresh_connection_after_one_that_was_closed)
{
    rig_start();
    for (int i = 0; i < 5; i++)
        cr_assert_eq(get("/?close")->status, 200);
    cr_assert_eq(origin_connections(app), 5);
    AWAIT(origin_open(app) == 0);
}

Test(proxying, answers_503_while_nobody_listens_and_serves_afterwards)
{
    rig_start();
    origin_stop(app);
    const struct response *r = get("/");
    cr_assert_eq(r->status, 503);
    cr_assert_str_neq(field_of(r, "retry-after"), "");
    cr_assert_str_eq(json_of(rig_await_access("\"status\":503"), "outcome"), "connect");
    origin_again(app);
    cr_assert_eq(get("/")->status, 200);
}

/* A read of several blocks can meet the bound in one of them and the end of the response in the
 * next: what was held back then must flow again when the connection is used for another request. */
Test(proxying, uses_connections_again_that_were_held_back)
{
    rig_start(.listener = "timeouts = { request = \"2s\"; };",
              .cluster = "limits = { queue = 16384; };");
    struct talk *t = talk_open();
    for (int size = 20000; size < 200000; size += 5000) {
        talk_send(t, "GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n", size);
        const struct response *r = talk_response(t);
        cr_assert_eq(r->status, 200, "%d at %d", r->status, size);
        cr_assert_eq(r->body.n, (size_t)size);
    }
}
