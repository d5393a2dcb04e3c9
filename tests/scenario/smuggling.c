/* SPDX-License-Identifier: Apache-2.0 */
/* Malformed and ambiguous requests, made from a table of mutations: whatever two parsers could read
 * differently is refused with a 4xx or 505 and an end of the connection, and not a single byte of
 * it reaches an origin. Behind each of them lies a second, innocent request, which must not be
 * answered either: whoever smuggles wants exactly that. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
struct bytes_of {
    const char *p;
    size_t n;
};

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(smuggling, .init = begin, .fini = rig_end, .timeout = 240);

/* Each is bad on its own; around it stands a good request. */
static const struct bytes_of bad_lines[] = {
    /* lengths */
    L("Content-Length: -1\r\n"),
    L("Content-Length: +5\r\n"),
    L("Content-Length: 5 5\r\n"),
    L("Content-Length: 0x5\r\n"),
    L("Content-Length: 5,6\r\n"),
    L("Content-Length: five\r\n"),
    L("Content-Length:\r\n"),
    L("Content-Length: 5\r\nContent-Length: 6\r\n"),
    L("Content-Length: 5\r\nContent-Length: 5\r\n"),
    L("Content-Length: 5, 5\r\n"),
    L("Content-Length: 18446744073709551616\r\n"),
    L("Content-Length: 99999999999999999999\r\n"),
    L("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    L("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    L("Content-Length: 5.0\r\n"),
    L("Content-Length: 5;\r\n"),
    L("Content-Length: \"5\"\r\n"),
    L("Content-Length: 5\t5\r\n"),
    /* codings */
    L("Transfer-Encoding: identity\r\n"),
    L("Transfer-Encoding: gzip\r\n"),
    L("Transfer-Encoding: chunked, gzip\r\n"),
    L("Transfer-Encoding: gzip, chunked\r\n"),
    L("Transfer-Encoding: chunked, chunked\r\n"),
    L("Transfer-Encoding:\r\n"),
    L("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    L("Transfer-Encoding: xchunked\r\n"),
    L("Transfer-Encoding: chunked;a=b\r\n"),
    L("Transfer-Encoding: \"chunked\"\r\n"),
    L("Transfer-Encoding: chun ked\r\n"),
    L("Transfer-Encoding: ,chunked,x\r\n"),
    L("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n"),
    /* lines */
    L("X : a\r\n"),
    L("X\t: a\r\n"),
    L(" X: a\r\n"),
    L("\tX: a\r\n"),
    L("X: a\r\n folded\r\n"),
    L("X: a\r\n\tfolded\r\n"),
    L("X\r\n"),
    L(": a\r\n"),
    L("X(: a\r\n"),
    L("X\"Y: a\r\n"),
    L("X: a\nY: b\r\n"),
    L("X: a\rY: b\r\n"),
    L("X: a\n"),
    L("X: a\0b\r\n"),
    L("X: a\x01\r\n"),
    L("X: a\x7f\r\n"),
    L("X: a\x1b[0m\r\n"),
    L("X\0: a\r\n"),
    L("X\x80: a\r\n"),
    L("X Y: a\r\n"),
    L("X,Y: a\r\n"),
    L("X/Y: a\r\n"),
    L("X[]: a\r\n"),
    L("X@Y: a\r\n"),
    L("\r: a\r\n"),
    L("X: a\r\r\n"),
    L("Content-Length : 5\r\n"),
    L("Transfer-Encoding : chunked\r\n"),
    L("Content-Length\0: 5\r\n"),
    L("Transfer-Encoding\x0b: chunked\r\n"),
    L("Transfer-Encoding:\x0b"
      "chunked\r\n"),
    L("Transfer-Encoding: chunked\x0b\r\n"),
    L("X: a\r\n \r\n"),
    L("Content-Length: 5\r\n 6\r\n"),
    /* hosts */
    L("Host: b\r\n"),
    L("Host: a\r\n"),
    L("host: a\r\n"),
};

static const struct bytes_of bad_starts[] = {
    L("GET / HTTP/1.1 \r\n"),
    L("GET  / HTTP/1.1\r\n"),
    L("GET /  HTTP/1.1\r\n"),
    L(" GET / HTTP/1.1\r\n"),
    L("GET\t/ HTTP/1.1\r\n"),
    L("GET /\tHTTP/1.1\r\n"),
    L("GET / HTTP/1.1\n"),
    L("GET / HTTP/1.1\r\r\n"),
    L("GET / HTTP/1.10\r\n"),
    L("GET / HTTP/01.1\r\n"),
    L("GET / HTTP/2.0\r\n"),
    L("GET / HTTP/3.0\r\n"),
    L("GET / HTTP/0.9\r\n"),
    L("GET / http/1.1\r\n"),
    L("GET / HTTP/1,1\r\n"),
    L("GET / HTTP/+1.1\r\n"),
    L("GET / HTTP /1.1\r\n"),
    L("GET / HTTPS/1.1\r\n"),
    L("GET / \r\n"),
    L("GET /\r\n"),
    L("GET HTTP/1.1\r\n"),
    L("/ HTTP/1.1\r\n"),
    L("GET/ HTTP/1.1\r\n"),
    L("G(T / HTTP/1.1\r\n"),
    L("G\x80T / HTTP/1.1\r\n"),
    L("G\0T / HTTP/1.1\r\n"),
    L("GET /\0 HTTP/1.1\r\n"),
    L("GET /\x01 HTTP/1.1\r\n"),
    L("GET /a b HTTP/1.1\r\n"),
    L("GET /\x7f HTTP/1.1\r\n"),
    L("GET /\r HTTP/1.1\r\n"),
    L("GET x HTTP/1.1\r\n"),
    L("GET * HTTP/1.1\r\n"),
    L("GET ?a HTTP/1.1\r\n"),
    L("GET http:///x HTTP/1.1\r\n"),
    L("GET http:/x HTTP/1.1\r\n"),
    L("GET /%zz HTTP/1.1\r\n"),
    L("GET /% HTTP/1.1\r\n"),
    L("GET /%4 HTTP/1.1\r\n"),
    L("GET /%00 HTTP/1.1\r\n"),
    L("GET /a%2fb HTTP/1.1\r\n"),
    L("GET /a%5Cb HTTP/1.1\r\n"),
    L("GET /../../x HTTP/1.1\r\n"),
    L("GET http://u@a/ HTTP/1.1\r\n"),
    L("GET http://a:99999/ HTTP/1.1\r\n"),
    L("PRI * HTTP/2.0\r\n"),
    L("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
};

static const struct bytes_of bad_hosts[] = {
    L(""),
    L("Host: a b\r\n"),
    L("Host: a,b\r\n"),
    L("Host: a/b\r\n"),
    L("Host: a:x\r\n"),
    L("Host: a:99999\r\n"),
    L("Host: u@a\r\n"),
    L("Host: [::1\r\n"),
    L("Host: a\\b\r\n"),
    L("Host: a?b\r\n"),
    L("Host: a#b\r\n"),
    L("Host: a\"b\r\n"),
    L("Host: a<b\r\n"),
    L("Host: a%zz\r\n"),
    L("Host: [a]\r\n"),
    L("Host: http://a\r\n"),
};

/* Behind a good head with "Transfer-Encoding: chunked". */
static const struct bytes_of bad_chunks[] = {
    L("G\r\nabc\r\n0\r\n\r\n"),
    L("\r\nabc\r\n0\r\n\r\n"),
    L("-1\r\na\r\n0\r\n\r\n"),
    L("0x3\r\nabc\r\n0\r\n\r\n"),
    L("3 \r\nabc\r\n0\r\n\r\n"),
    L(" 3\r\nabc\r\n0\r\n\r\n"),
    L("3\nabc\r\n0\r\n\r\n"),
    L("3\rabc\r\n0\r\n\r\n"),
    L("3\r\nabc\n0\r\n\r\n"),
    L("3\r\nabcd\r\n0\r\n\r\n"),
    L("3\r\nab\r\n0\r\n\r\n"),
    L("3\r\nabc0\r\n\r\n"),
    L("10000000000000000\r\nabc\r\n0\r\n\r\n"),
    L("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    L("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    L("3;a\nb\r\nabc\r\n0\r\n\r\n"),
    L("3;a\0b\r\nabc\r\n0\r\n\r\n"),
    L("3;\x01\r\nabc\r\n0\r\n\r\n"),
    L("+3\r\nabc\r\n0\r\n\r\n"),
    L("3,3\r\nabc\r\n0\r\n\r\n"),
    L("0\r\nX : a\r\n\r\n"),
    L("0\r\nX: a\n\r\n"),
    L("0\r\n X: a\r\n\r\n"),
    L("0\r\nX: a\r\n b\r\n\r\n"),
    L("0\r\nX\r\n\r\n"),
    L("0\r\nX: a\0\r\n\r\n"),
    L("0\n\r\n"),
    L("0\r\n\n"),
    L("0\r\n\r\r\n"),
};

/* Good fields to stand before and behind a bad one: parsers lose their way in some places only. */
static const char *const around[] = {
    "",
    "Accept: */*\r\n",
    "X-Long: ......................................................\r\n",
    "Cookie: a=b; c=d\r\nX-Empty:\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
};
enum { AROUND = sizeof around / sizeof around[0] };

static const char innocent[] = "GET /innocent HTTP/1.1\r\nHost: a\r\n\r\n";

static unsigned tried;
static unsigned faulty;

static void expect_refusal(const struct text *request)
{
    struct talk *t = talk_open();
    talk_send_n(t, request->p, request->n);
    talk_send_n(t, innocent, sizeof innocent - 1);
    const struct response *r = talk_response(t);
    const bool refused = r->whole && ((r->status >= 400 && r->status < 500) || r->status == 505);
    const bool ended = talk_ended(t);
    tried++;
    if (!refused || !ended || !r->closes) {
        faulty++;
        cr_expect(faulty > 20, "%d %s%s%s: %.*s", r->status, r->fault ? r->fault : "",
                  ended ? "" : ", goes on", r->closes ? "" : ", didn't say that it closes",
                  (int)request->n, request->p);
    }
    talk_close(t);
}

/* Nothing was forwarded: not one byte, in no order of events. */
static void expect_nothing_forwarded(void)
{
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=5 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200, "it still serves");
    cr_assert_eq(origin_requests(app), 1);
    cr_assert_eq(origin_connections(app), 1);
    char *head = origin_last_head(app);
    cr_assert(!strncmp(head, "GET /?size=5 ", 13));
    cr_assert_eq(origin_bytes(app), strlen(head));
    free(head);
    cr_assert_eq(faulty, 0, "%u of %u were not refused well", faulty, tried);
    cr_log_info("%u requests refused", tried);
}

static void make(struct text *t, struct slice start, const char *before, struct slice bad,
                 const char *behind)
{
    t->n = 0;
    text_add(t, start);
    text_str(t, before);
    text_add(t, bad);
    text_str(t, behind);
    text_str(t, "\r\n");
}

static struct slice slice_of_bytes(const struct bytes_of *b)
{
    return slice_of(b->p, b->n);
}

Test(smuggling, refuses_bad_fields_in_every_place)
{
    static const char *const methods[] = {"GET", "POST"};
    struct text t;
    char start[64];
    rig_start();
    text_init(&t);
    for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++)
        for (size_t a = 0; a < AROUND * 4; a++) {
            const size_t k = a % AROUND;
            snprintf(start, sizeof start, "%s / HTTP/1.1\r\nHost: a\r\n", methods[a / AROUND % 2]);
            const bool behind = a / AROUND / 2;
            make(&t, slice_str(start), behind ? "" : around[k], slice_of_bytes(&bad_lines[i]),
                 behind ? around[k] : "X-Last: 1\r\n");
            expect_refusal(&t);
        }
    text_fini(&t);
    expect_nothing_forwarded();
}

Test(smuggling, refuses_bad_request_lines_and_hosts)
{
    struct text t;
    rig_start();
    text_init(&t);
    for (size_t a = 0; a < AROUND; a++) {
        for (size_t i = 0; i < sizeof bad_starts / sizeof bad_starts[0]; i++) {
            make(&t, slice_of_bytes(&bad_starts[i]), "Host: a\r\n", slice_of(NULL, 0), around[a]);
            expect_refusal(&t);
        }
        for (size_t i = 0; i < sizeof bad_hosts / sizeof bad_hosts[0]; i++) {
            make(&t, SLICE("GET / HTTP/1.1\r\n"), around[a], slice_of_bytes(&bad_hosts[i]), "");
            expect_refusal(&t);
        }
    }
    text_fini(&t);
    expect_nothing_forwarded();
}

/* A chunk that turns out bad comes behind a head that was good: that much of it may go on its way,
 * but no response comes back but the refusal, and the origin never sees a whole request. */
Test(smuggling, refuses_bad_chunks_and_leaves_the_request_unfinished)
{
    struct text t;
    rig_start();
    text_init(&t);
    for (size_t i = 0; i < sizeof bad_chunks / sizeof bad_chunks[0]; i++)
        for (int good = 0; good < 2; good++) {
            make(&t, SLICE("POST /?echo HTTP/1.1\r\nHost: a\r\n"), "",
                 SLICE("Transfer-Encoding: chunked\r\n"), "");
            text_str(&t, good ? "5\r\nhello\r\n" : "");
            text_add(&t, slice_of_bytes(&bad_chunks[i]));
            expect_refusal(&t);
            AWAIT(origin_open(app) == 0);
        }
    text_fini(&t);
    cr_assert_eq(faulty, 0, "%u of %u were not refused well", faulty, tried);
    cr_assert_eq(get("/?size=5")->status, 200);
}

Test(smuggling, tells_faults_apart_in_log_and_metrics)
{
    rig_start();
    ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    ask("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n");
    ask("GET / HTTP/7.1\r\nHost: a\r\n\r\n");
    AWAIT(rig_access_lines() == 3);
    char *log = rig_read("access.log");
    cr_assert(strstr(log, "\"outcome\":\"version\""), "%s", log);
    cr_assert(strstr(log, "\"outcome\":\"bad_request\""), "%s", log);
    cr_assert(strstr(log, "\"detail\":\""), "%s", log);
    free(log);
    cr_assert_eq(origin_bytes(app), 0);
}
