/* SPDX-License-Identifier: Apache-2.0 */
/* Origins that don't keep to HTTP, or break off: the client gets 502, or sees that the response is
 * not whole; never something that could be read two ways. */
#include "tests/lib/origin.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(bad_responses, .init = begin, .fini = rig_end, .timeout = 120);

#define L(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *p;
    size_t n;
} heads[] = {
    L("HTTP/1.1 200\r\nContent-Length : 0\r\n\r\n"),
    L("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    L("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"),
    L("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
    L("http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    L(" HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    L("<html>no HTTP at all</html>\r\n\r\n"),
    L("SSH-2.0-OpenSSH_9.2\r\n"),
    L("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    L("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc"),
    L("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc"),
    L("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"),
    L("HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), /* nobody asked for it */
};

Test(bad_responses, become_502)
{
    rig_start();
    origin_script(app, "raw");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        origin_raw(app, heads[i].p, heads[i].n);
        const struct response *r = get("/");
        cr_expect(r->whole && r->status == 502, "%d for %.*s", r->status, (int)heads[i].n,
                  heads[i].p);
    }
    const char *line = rig_await_access("\"status\":502");
    cr_assert_str_eq(json_of(line, "outcome"), "bad_response");
    cr_assert_str_neq(json_of(line, "detail"), "");
    cr_assert_str_neq(json_of(line, "tries"), "");
}

Test(bad_responses, of_nothing_at_all_become_502)
{
    rig_default_modules("[ ]");
    rig_start();
    origin_script(app, "raw");
    origin_raw(app, "", 0);
    cr_assert_eq(get("/")->status, 502);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":502"), "outcome"), "closed");
    origin_raw(app, "HTTP/1.1 200 O", 14);
    cr_assert_eq(get("/half")->status, 502);
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/half\""), "outcome"), "truncated");
    cr_assert_eq(origin_requests(app), 2, "a fresh connection is not tried again");
}

Test(bad_responses, with_heads_over_the_limits_become_502)
{
    struct text t;
    rig_start(.cluster = "limits = { head_size = \"4k\"; field_count = 20; };");
    origin_script(app, "raw");
    text_init(&t);
    text_str(&t, "HTTP/1.1 200 OK\r\nX-Long: ");
    for (int i = 0; i < 5000; i++)
        text_char(&t, 'x');
    text_str(&t, "\r\nContent-Length: 0\r\n\r\n");
    origin_raw(app, t.p, t.n);
    cr_assert_eq(get("/")->status, 502);
    t.n = 0;
    text_str(&t, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 25; i++)
        text_printf(&t, "X-%d: a\r\n", i);
    text_str(&t, "Content-Length: 0\r\n\r\n");
    origin_raw(app, t.p, t.n);
    cr_assert_eq(get("/")->status, 502);
    text_fini(&t);
}

static const struct {
    const char *query, *outcome;
} breaks[] = {
    {"size=100000&cut=50000", "truncated"},
    {"size=100000&reset=50000", "reset"},
    {"size=100000&chunked=1000&cut=50000", "truncated"},
    {"size=100000&chunked=1000&reset=50000", "reset"},
};

Test(bad_responses, that_break_off_are_visibly_not_whole)
{
    char target[128], path[64];
    rig_start();
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        snprintf(target, sizeof target, "/break%zu?%s", i, breaks[i].query);
        const struct response *r = get(target);
        cr_assert_eq(r->status, 200);
        cr_assert(!r->whole, "%s", target);
        cr_assert(pattern_holds(r->body.p, 0, r->body.n));
        snprintf(path, sizeof path, "\"path\":\"/break%zu\"", i);
        const char *outcome = json_of(rig_await_access(path), "outcome");
        cr_expect(!strcmp(outcome, breaks[i].outcome) || !strcmp(outcome, "truncated"), "%s: %s",
                  target, outcome);
    }
    cr_assert_eq(get("/?size=10")->status, 200);
}

Test(bad_responses, with_bad_chunks_are_visibly_not_whole)
{
    static const char *const chunks[] = {"3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc\r\nzz\r\n",
                                         "3\r\nabc\r\n0\r\nX : 1\r\n\r\n",
                                         "3\r\nabc\r\nffffffffffffffffff\r\n"};
    char raw[256];
    rig_start();
    origin_script(app, "raw");
    for (size_t i = 0; i < 4; i++) {
        const int n = snprintf(
            raw, sizeof raw, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", chunks[i]);
        origin_raw(app, raw, (size_t)n);
        const struct response *r = get("/");
        cr_assert(r->status == 502 || !r->whole, "%s", chunks[i]);
    }
}

Test(bad_responses, with_bytes_behind_them_cost_the_connection)
{
    static const char raw[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n"
                              "Content-Length: 6\r\n\r\npoison";
    rig_start();
    origin_script(app, "raw");
    origin_raw(app, raw, sizeof raw - 1);
    struct talk *t = talk_open();
    for (unsigned i = 0; i < 3; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(body_is(talk_response(t), "abc"));
        cr_assert_eq(origin_connections(app), i + 1);
    }
}

/* An origin that closes a kept connection just as it is used again: the request goes out once more
 * on a fresh one when it is safe to, and only then. */
Test(bad_responses, of_stale_connections_are_tried_again_when_it_is_safe)
{
    rig_start();
    origin_script(app, "bye");
    struct talk *t = talk_open();
    for (int i = 0; i < 200; i++) {
        talk_send(t, "GET /?size=10 HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *r = talk_response(t);
        cr_assert(r->whole && r->status == 200, "%d: %d %s", i, r->status, r->body.p);
    }
    cr_assert_eq(origin_requests(app), 200);
}
