/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and header blocks that RFC 9113 doesn't allow, one table of each. What breaks the
 * connection ends it with the right code; what breaks a stream costs that stream, and the next one
 * is served; and not a byte of a malformed request reaches an origin. Whatever it was, the worker
 * goes on. */
#include "tests/lib/h2_raw.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

static void end(void)
{
    raws_end();
    rig_end();
}

TestSuite(h2_malformed, .init = begin, .fini = end, .timeout = 120);

static void start(void)
{
    rig_start(.listener = "protocols = [ \"h2\" ]; limits = { requests = 100000; };",
              .routes = "( { match = { path_prefix = \"/here\"; }; respond = { body = \"x\"; }; },"
                        "  { cluster = \"app\"; } )");
}

static bool next_is_served(struct h2_raw *c, uint32_t stream)
{
    raw_request(c, stream, "GET", "/here", H2_END_STREAM);
    const bool sent = raw_send(c);
    const struct h2_reply r = raw_await_reply(c, stream);
    return sent && r.status == 200 && r.ended;
}

/* -- frames ------------------------------------------------------------------------------------ */

#define L(text) text, sizeof(text) - 1
#define F(length, type, flags, stream) "\0\0" length type flags "\0\0\0" stream
#define DATA "\0"
#define HEADERS "\1"
#define PRIORITY "\2"
#define RST_STREAM "\3"
#define SETTINGS "\4"
#define PUSH_PROMISE "\5"
#define PING "\6"
#define GOAWAY "\7"
#define WINDOW_UPDATE "\x8"
#define CONTINUATION "\x9"
#define PLAIN "\0"
#define END "\1"   /* END_STREAM */
#define WHOLE "\4" /* END_HEADERS */
#define BOTH "\5"
#define PADDED "\x8"
#define GET "\x82\x86\x84\x41\1a" /* GET http a / */
#define POST "\x83\x86\x84\x41\1a"
#define OPEN F("\6", HEADERS, WHOLE, "\1") POST
#define DONE F("\6", HEADERS, BOTH, "\1") GET

#define CODE(c) (1u << H2_##c)
#define IGNORED (1u << 31)
static const struct bad_frames {
    const char *what;
    const char *p;
    size_t n;
    unsigned connection; /* codes of GOAWAY that are right; IGNORED: nghttp2 may drop it */
    unsigned stream;     /* codes of RST_STREAM on stream 1 */
} bad_frames[] = {
    /* streams that they can't be on */
    {"DATA on stream 0", L(F("\1", DATA, END, "\0") "x"), CODE(PROTOCOL_ERROR), 0},
    {"HEADERS on stream 0", L(F("\6", HEADERS, BOTH, "\0") GET), CODE(PROTOCOL_ERROR), 0},
    {"HEADERS on an even stream", L(F("\6", HEADERS, BOTH, "\2") GET), CODE(PROTOCOL_ERROR), 0},
    {"HEADERS on a stream passed over",
     L(F("\6", HEADERS, BOTH, "\5") GET F("\6", HEADERS, BOTH, "\3") GET),
     CODE(PROTOCOL_ERROR) | CODE(STREAM_CLOSED) | IGNORED, 0},
    {"PRIORITY on stream 0", L(F("\5", PRIORITY, PLAIN, "\0") "\0\0\0\0\1"),
     CODE(PROTOCOL_ERROR) | IGNORED, 0},
    {"RST_STREAM on stream 0", L(F("\4", RST_STREAM, PLAIN, "\0") "\0\0\0\x8"),
     CODE(PROTOCOL_ERROR), 0},
    {"RST_STREAM on an idle stream", L(F("\4", RST_STREAM, PLAIN, "\7") "\0\0\0\x8"),
     CODE(PROTOCOL_ERROR), 0},
    {"SETTINGS on a stream", L(DONE F("\0", SETTINGS, PLAIN, "\1")), CODE(PROTOCOL_ERROR), 0},
    {"PING on a stream", L(DONE F("\x8", PING, PLAIN, "\1") "12345678"), CODE(PROTOCOL_ERROR), 0},
    {"GOAWAY on a stream", L(DONE F("\x8", GOAWAY, PLAIN, "\1") "\0\0\0\0\0\0\0\0"),
     CODE(PROTOCOL_ERROR), 0},
    {"CONTINUATION on stream 0", L(F("\6", CONTINUATION, WHOLE, "\0") GET), CODE(PROTOCOL_ERROR),
     0},
    {"PUSH_PROMISE of a client", L(OPEN F("\12", PUSH_PROMISE, WHOLE, "\1") "\0\0\0\2" GET),
     CODE(PROTOCOL_ERROR), 0},
    {"WINDOW_UPDATE on an idle stream", L(F("\4", WINDOW_UPDATE, PLAIN, "\7") "\0\0\0\1"),
     CODE(PROTOCOL_ERROR), 0},
    {"DATA on an idle stream", L(F("\1", DATA, END, "\7") "x"),
     CODE(PROTOCOL_ERROR) | CODE(STREAM_CLOSED), 0},
    /* lengths */
    {"RST_STREAM of 3", L(OPEN F("\3", RST_STREAM, PLAIN, "\1") "\0\0\0"), CODE(FRAME_SIZE_ERROR),
     0},
    {"PRIORITY of 4", L(OPEN F("\4", PRIORITY, PLAIN, "\1") "\0\0\0\0"), CODE(FRAME_SIZE_ERROR),
     CODE(FRAME_SIZE_ERROR)},
    {"SETTINGS of 5", L(F("\5", SETTINGS, PLAIN, "\0") "\0\1\0\0\0"), CODE(FRAME_SIZE_ERROR), 0},
    {"SETTINGS of 7", L(F("\7", SETTINGS, PLAIN, "\0") "\0\1\0\0\0\0\0"), CODE(FRAME_SIZE_ERROR),
     0},
    {"an ACK of SETTINGS with content", L(F("\6", SETTINGS, "\1", "\0") "\0\1\0\0\0\0"),
     CODE(FRAME_SIZE_ERROR), 0},
    {"PING of 7", L(F("\7", PING, PLAIN, "\0") "1234567"), CODE(FRAME_SIZE_ERROR), 0},
    {"PING of 9", L(F("\11", PING, PLAIN, "\0") "123456789"), CODE(FRAME_SIZE_ERROR), 0},
    {"GOAWAY of 7", L(F("\7", GOAWAY, PLAIN, "\0") "\0\0\0\0\0\0\0"), CODE(FRAME_SIZE_ERROR), 0},
    {"WINDOW_UPDATE of 3", L(F("\3", WINDOW_UPDATE, PLAIN, "\0") "\0\0\1"), CODE(FRAME_SIZE_ERROR),
     0},
    {"a frame longer than SETTINGS allow", L("\0\100\1" DATA PLAIN "\0\0\0\1"),
     CODE(FRAME_SIZE_ERROR), 0},
    {"HEADERS with a priority that isn't there", L(F("\3", HEADERS, "\44", "\1") "\0\0\0"),
     CODE(FRAME_SIZE_ERROR) | CODE(PROTOCOL_ERROR), 0},
    /* padding */
    {"DATA of padding alone", L(OPEN F("\2", DATA, PADDED, "\1") "\2x"), CODE(PROTOCOL_ERROR), 0},
    {"DATA whose padding is missing", L(OPEN F("\0", DATA, PADDED, "\1")),
     CODE(FRAME_SIZE_ERROR) | CODE(PROTOCOL_ERROR), 0},
    {"HEADERS of padding alone", L(F("\7", HEADERS, "\15", "\1") "\7" GET), CODE(PROTOCOL_ERROR),
     0},
    /* order */
    {"CONTINUATION behind nothing", L(F("\6", CONTINUATION, WHOLE, "\1") GET), CODE(PROTOCOL_ERROR),
     0},
    {"CONTINUATION behind a whole head", L(OPEN F("\6", CONTINUATION, WHOLE, "\1") GET),
     CODE(PROTOCOL_ERROR), 0},
    {"DATA in a header block", L(F("\6", HEADERS, PLAIN, "\1") POST F("\1", DATA, END, "\1") "x"),
     CODE(PROTOCOL_ERROR), 0},
    {"PING in a header block",
     L(F("\6", HEADERS, PLAIN, "\1") POST F("\x8", PING, PLAIN, "\0") "12345678"),
     CODE(PROTOCOL_ERROR), 0},
    {"an unknown frame in a header block",
     L(F("\6", HEADERS, PLAIN, "\1") POST F("\1", "\x77", PLAIN, "\1") "x"), CODE(PROTOCOL_ERROR),
     0},
    {"CONTINUATION of another stream",
     L(F("\6", HEADERS, PLAIN, "\1") GET F("\6", CONTINUATION, WHOLE, "\3") GET),
     CODE(PROTOCOL_ERROR), 0},
    {"HEADERS in a header block",
     L(F("\6", HEADERS, PLAIN, "\1") GET F("\6", HEADERS, BOTH, "\3") GET), CODE(PROTOCOL_ERROR),
     0},
    /* values */
    {"ENABLE_PUSH = 2", L(F("\6", SETTINGS, PLAIN, "\0") "\0\2\0\0\0\2"), CODE(PROTOCOL_ERROR), 0},
    {"INITIAL_WINDOW_SIZE = 2^31", L(F("\6", SETTINGS, PLAIN, "\0") "\0\4\x80\0\0\0"),
     CODE(FLOW_CONTROL_ERROR), 0},
    {"MAX_FRAME_SIZE = 16383", L(F("\6", SETTINGS, PLAIN, "\0") "\0\5\0\0\x3f\xff"),
     CODE(PROTOCOL_ERROR), 0},
    {"MAX_FRAME_SIZE = 2^24", L(F("\6", SETTINGS, PLAIN, "\0") "\0\5\1\0\0\0"),
     CODE(PROTOCOL_ERROR), 0},
    {"WINDOW_UPDATE of 0", L(F("\4", WINDOW_UPDATE, PLAIN, "\0") "\0\0\0\0"), CODE(PROTOCOL_ERROR),
     0},
    {"a connection's window above 2^31-1",
     L(F("\4", WINDOW_UPDATE, PLAIN, "\0") "\x7f\xff\xff\xff"), CODE(FLOW_CONTROL_ERROR), 0},
    {"a stream's window above 2^31-1",
     L(OPEN F("\4", WINDOW_UPDATE, PLAIN, "\1") "\x7f\xff\xff\xff"), 0, CODE(FLOW_CONTROL_ERROR)},
    {"WINDOW_UPDATE of 0 on a stream", L(OPEN F("\4", WINDOW_UPDATE, PLAIN, "\1") "\0\0\0\0"),
     CODE(PROTOCOL_ERROR), CODE(PROTOCOL_ERROR)},
    /* streams that have ended */
    {"DATA behind the end", L(DONE F("\1", DATA, END, "\1") "x"), CODE(STREAM_CLOSED),
     CODE(STREAM_CLOSED)},
    {"HEADERS behind the end", L(DONE F("\6", HEADERS, BOTH, "\1") GET),
     CODE(STREAM_CLOSED) | CODE(PROTOCOL_ERROR), CODE(STREAM_CLOSED)},
    {"trailers that don't end the stream", L(OPEN F("\5", HEADERS, WHOLE, "\1") "\0\1x\1y"),
     CODE(PROTOCOL_ERROR), CODE(PROTOCOL_ERROR)},
    /* HPACK */
    {"index 0", L(F("\7", HEADERS, BOTH, "\1") GET "\x80"), CODE(COMPRESSION_ERROR), 0},
    {"an index that isn't in the table", L(F("\7", HEADERS, BOTH, "\1") GET "\xbf"),
     CODE(COMPRESSION_ERROR), 0},
    {"a name of an index that isn't in the table",
     L(F("\12", HEADERS, BOTH, "\1") GET "\x0f\x50\1y"), CODE(COMPRESSION_ERROR), 0},
    {"a table of 4097", L(F("\11", HEADERS, BOTH, "\1") "\x3f\xe2\x1f" GET),
     CODE(COMPRESSION_ERROR), 0},
    {"a size of the table that comes late", L(F("\7", HEADERS, BOTH, "\1") GET "\x20"),
     CODE(COMPRESSION_ERROR), 0},
    {"a literal that is cut off", L(F("\11", HEADERS, BOTH, "\1") GET "\0\5x"),
     CODE(COMPRESSION_ERROR), 0},
    {"a number without an end",
     L(F("\21", HEADERS, BOTH, "\1") GET "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f"),
     CODE(COMPRESSION_ERROR), 0},
    {"EOS in Huffman's code", L(F("\16", HEADERS, BOTH, "\1") GET "\0\1x\x84\xff\xff\xff\xff"),
     CODE(COMPRESSION_ERROR), 0},
    {"padding of Huffman's code with zeros", L(F("\13", HEADERS, BOTH, "\1") GET "\0\1x\x81\x18"),
     CODE(COMPRESSION_ERROR), 0},
};

static void expect_frames_refused(const struct bad_frames *b)
{
    struct h2_raw *c = raw_open();
    c->reply = (struct h2_reply){.stream = 1, .reset = H2_NOTHING};
    text_add(&c->out, slice_of(b->p, b->n));
    raw_put(c, H2_PING, 0, 0, "12345678", 8); /* is answered, if the connection goes on, */
    raw_send(c);
    raw_await(c, &c->pings, 1);
    raw_put(c, H2_PING, 0, 0, "12345678", 8); /* but overtakes what else there is to say */
    raw_send(c);
    raw_await(c, &c->pings, 2);
    const bool broken = c->goaway != H2_NOTHING, reset = c->reply.reset != H2_NOTHING;
    cr_expect((broken && b->connection >> c->goaway & 1) ||
                  (!broken && reset && b->stream >> c->reply.reset & 1) ||
                  (!broken && b->connection & IGNORED),
              "%s: GOAWAY %d, RST_STREAM %d", b->what, broken ? (int)c->goaway : -1,
              reset ? (int)c->reply.reset : -1);
    if (broken)
        cr_expect(c->ended, "%s: the connection goes on", b->what);
    else
        cr_expect(next_is_served(c, 9), "%s: costs more than its stream", b->what);
    raw_close(c);
}

Test(h2_malformed, frames_end_the_connection_or_the_stream_with_their_code)
{
    start();
    const pid_t worker = rig_worker(0);
    for (size_t i = 0; i < sizeof bad_frames / sizeof bad_frames[0]; i++)
        expect_frames_refused(&bad_frames[i]);
    cr_assert_eq(rig_worker(0), worker);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* The same frames, a byte at a time, and cut off behind every byte. */
Test(h2_malformed, frames_in_pieces_do_no_more_harm)
{
    start();
    const pid_t worker = rig_worker(0);
    for (size_t i = 0; i < sizeof bad_frames / sizeof bad_frames[0]; i++) {
        const struct bad_frames *b = &bad_frames[i];
        for (size_t cut = 1; cut < b->n; cut += 1 + b->n / 8) {
            struct h2_raw *c = raw_open();
            text_add(&c->out, slice_of(b->p, cut));
            raw_send(c);
            if (cut % 2)
                talk_end(c->t);
            raw_close(c);
        }
    }
    struct h2_raw *c = raw_open();
    cr_assert(next_is_served(c, 1));
    cr_assert_eq(rig_worker(0), worker);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* -- beginnings -------------------------------------------------------------------------------- */

Test(h2_malformed, prefaces_are_refused)
{
    static const struct {
        const char *what, *p;
        size_t n;
    } bad[] = {
        {"no preface", L(F("\0", SETTINGS, PLAIN, "\0") "                        ")},
        {"a preface with a fault",
         L("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r" F("\0", SETTINGS, PLAIN, "\0"))},
        {"HTTP/1.1", L("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
        {"TLS",
         L("\x16\x03\x01\x02\0\1\0\1\xfc\3\3 . . . . . . . . . . . . . . . . . . . . . . .")},
        {"no SETTINGS",
         L("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" F("\x8", PING, PLAIN, "\0") "12345678")},
        {"HEADERS before SETTINGS", L("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" DONE)},
        {"an ACK for SETTINGS",
         L("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" F("\0", SETTINGS, "\1", "\0"))},
    };
    start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct h2_raw *c = raw_open_on(talk_open());
        text_add(&c->out, slice_of(bad[i].p, bad[i].n));
        raw_send(c);
        const uint32_t code = raw_outcome(c);
        cr_expect(c->ended, "%s: the connection goes on", bad[i].what);
        cr_expect(code == H2_NOTHING || code == H2_PROTOCOL_ERROR, "%s: %u", bad[i].what, code);
        raw_close(c);
    }
    cr_assert_eq(origin_bytes(app), 0);
    struct h2_raw *c = raw_open();
    cr_assert(next_is_served(c, 1));
}

/* -- heads ------------------------------------------------------------------------------------- */

#define M_GET "\x82"
#define S_HTTP "\x86"
#define P_ROOT "\x84"
#define A_A "\x41\1a"
#define FIELD(n, name, m, value) "\0" n name m value

static const struct bad_head {
    const char *what, *p;
    size_t n;
} bad_heads[] = {
    /* names */
    {"an upper-case name", L(GET FIELD("\3", "X-y", "\1", "z"))},
    {"an empty name", L(GET FIELD("\0", "", "\1", "z"))},
    {"a space in a name", L(GET FIELD("\3", "x y", "\1", "z"))},
    {"a colon in a name", L(GET FIELD("\3", "x:y", "\1", "z"))},
    {"a NUL in a name", L(GET FIELD("\3", "x\0y", "\1", "z"))},
    {"a CR in a name", L(GET FIELD("\3", "x\ry", "\1", "z"))},
    {"a LF in a name", L(GET FIELD("\3", "x\ny", "\1", "z"))},
    {"a byte above 127 in a name", L(GET FIELD("\3", "x\x80y", "\1", "z"))},
    {"a parenthesis in a name", L(GET FIELD("\3", "x(y", "\1", "z"))},
    /* values */
    {"a CR in a value", L(GET FIELD("\1", "x", "\3", "a\rb"))},
    {"a LF in a value", L(GET FIELD("\1", "x", "\3", "a\nb"))},
    {"CRLF in a value", L(GET FIELD("\1", "x", "\11", "a\r\nx-y: b"))},
    {"a NUL in a value", L(GET FIELD("\1", "x", "\3", "a\0b"))},
    {"a control in a value", L(GET FIELD("\1", "x", "\3", "a\1b"))},
    {"DEL in a value", L(GET FIELD("\1", "x", "\3", "a\177b"))},
    {"a space before a value", L(GET FIELD("\1", "x", "\2", " a"))},
    {"a space behind a value", L(GET FIELD("\1", "x", "\2", "a "))},
    {"a tab before a value", L(GET FIELD("\1", "x", "\2", "\ta"))},
    /* what belongs to a connection */
    {"connection", L(GET FIELD("\12", "connection", "\5", "close"))},
    {"connection with a name",
     L(GET FIELD("\12", "connection", "\1", "x") FIELD("\1", "x", "\1", "y"))},
    {"keep-alive", L(GET FIELD("\12", "keep-alive", "\1", "5"))},
    {"proxy-connection", L(GET FIELD("\20", "proxy-connection", "\5", "close"))},
    {"transfer-encoding", L(GET FIELD("\21", "transfer-encoding", "\7", "chunked"))},
    {"upgrade", L(GET FIELD("\7", "upgrade", "\11", "websocket"))},
    {"te: gzip", L(GET FIELD("\2", "te", "\4", "gzip"))},
    {"te: trailers, gzip", L(GET FIELD("\2", "te", "\16", "trailers, gzip"))},
    /* pseudo-fields */
    {"no :method", L(S_HTTP P_ROOT A_A)},
    {"no :scheme", L(M_GET P_ROOT A_A)},
    {"no :path", L(M_GET S_HTTP A_A)},
    {"nothing at all", L("")},
    {"fields without pseudo-fields", L(FIELD("\1", "x", "\1", "y"))},
    {"no authority and no host", L(M_GET S_HTTP P_ROOT)},
    {"an empty :path", L(M_GET S_HTTP A_A "\4\0")},
    {"an empty :authority", L(M_GET S_HTTP P_ROOT "\1\0")},
    {"an empty :method", L(S_HTTP P_ROOT A_A "\2\0")},
    {"two of :method", L(GET M_GET)},
    {"two of :scheme", L(GET S_HTTP)},
    {"two of :path", L(GET P_ROOT)},
    {"two of :authority", L(GET A_A)},
    {"a pseudo-field behind a field", L(M_GET S_HTTP P_ROOT FIELD("\1", "x", "\1", "y") A_A)},
    {"an unknown pseudo-field", L(GET FIELD("\4", ":foo", "\1", "y"))},
    {"a response's pseudo-field", L(GET "\x88")},
    {":protocol without CONNECT", L(GET FIELD("\11", ":protocol", "\11", "websocket"))},
    {"an upper-case pseudo-field", L(S_HTTP P_ROOT A_A FIELD("\7", ":Method", "\3", "GET"))},
    {"CONNECT with a path", L("\2\7"
                              "CONNECT" S_HTTP P_ROOT A_A)},
    {"CONNECT without an authority", L("\2\7"
                                       "CONNECT")},
    /* targets and hosts */
    {"a path without a slash", L(M_GET S_HTTP A_A "\4\1x")},
    {"a space in the path", L(M_GET S_HTTP A_A "\4\4/a b")},
    {"a NUL in the path", L(M_GET S_HTTP A_A "\4\4/a\0b")},
    {"CRLF in the path", L(M_GET S_HTTP A_A "\4\20/ HTTP/1.1\r\nx: y")},
    {"a fragment in the path", L(M_GET S_HTTP A_A "\4\4/a#b")},
    {"an asterisk with GET", L(M_GET S_HTTP A_A "\4\1*")},
    {"a bad escape in the path", L(M_GET S_HTTP A_A "\4\4/%zz")},
    {"a way out of the root", L(M_GET S_HTTP A_A "\4\x8"
                                                 "/../../x")},
    {"a URL as path", L(M_GET S_HTTP A_A "\4\11http://a/")},
    {"a space in the authority", L(M_GET S_HTTP P_ROOT "\1\3"
                                                       "a b")},
    {"user information in the authority", L(M_GET S_HTTP P_ROOT "\1\3u@a")},
    {"a slash in the authority", L(M_GET S_HTTP P_ROOT "\1\3"
                                                       "a/b")},
    {"CRLF in the authority", L(M_GET S_HTTP P_ROOT "\1\7"
                                                    "a\r\nx: y")},
    {"a host that is another", L(GET FIELD("\4", "host", "\1", "b"))},
    {"two hosts",
     L(M_GET S_HTTP P_ROOT FIELD("\4", "host", "\1", "a") FIELD("\4", "host", "\1", "b"))},
    {"a method with a space", L("\2\5"
                                "G E T" S_HTTP P_ROOT A_A)},
    {"a method with CRLF", L("\2\5"
                             "GE\r\nT" S_HTTP P_ROOT A_A)},
    /* lengths */
    {"a content-length and no content", L(POST FIELD("\16", "content-length", "\1", "5"))},
    {"two lengths",
     L(POST FIELD("\16", "content-length", "\1", "0") FIELD("\16", "content-length", "\1", "1"))},
    {"a length that is no number", L(POST FIELD("\16", "content-length", "\1", "x"))},
    {"a length below zero", L(POST FIELD("\16", "content-length", "\2", "-1"))},
    {"a length with a plus", L(POST FIELD("\16", "content-length", "\2", "+0"))},
    {"a length beyond all bounds",
     L(POST FIELD("\16", "content-length", "\24", "99999999999999999999"))},
};

/* A table that is written by hand may have faults of its own. */
Test(h2_malformed, tables_are_put_together_right)
{
    for (size_t i = 0; i < sizeof bad_frames / sizeof bad_frames[0]; i++) {
        const struct bad_frames *b = &bad_frames[i];
        size_t at = 0;
        while (at < b->n)
            at += 9 + (((unsigned)b->p[at + 1] & 255) << 8) + ((unsigned)b->p[at + 2] & 255);
        cr_expect(at == b->n || strstr(b->what, "longer than"), "%s: %zu of %zu", b->what, at,
                  b->n);
    }
    for (size_t i = 0; i < sizeof bad_heads / sizeof bad_heads[0]; i++) {
        const struct bad_head *b = &bad_heads[i];
        nghttp2_hd_inflater *inflater;
        nghttp2_hd_inflate_new(&inflater);
        for (size_t at = 0; at < b->n;) {
            nghttp2_nv nv;
            int flags = 0;
            const ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags,
                                                     (const uint8_t *)b->p + at, b->n - at, 1);
            cr_assert_gt(n, 0, "%s: %zd at %zu", b->what, n, at);
            at += (size_t)n;
            cr_expect(at < b->n || flags & NGHTTP2_HD_INFLATE_EMIT, "%s: is cut off", b->what);
            if (getenv("RIG_VERBOSE") && flags & NGHTTP2_HD_INFLATE_EMIT)
                fprintf(stderr, "%s: [%.*s] [%.*s]\n", b->what, (int)nv.namelen, nv.name,
                        (int)nv.valuelen, nv.value);
        }
        nghttp2_hd_inflate_del(inflater);
    }
}

static void expect_head_refused(const struct bad_head *b)
{
    struct h2_raw *c = raw_open();
    raw_put(c, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, 1, b->p, b->n);
    raw_send(c);
    const struct h2_reply r = raw_await_reply(c, 1);
    cr_expect((r.status >= 400 && r.status < 500) || (!r.status && r.reset == H2_PROTOCOL_ERROR),
              "%s: status %d, RST_STREAM %d, GOAWAY %d", b->what, r.status,
              r.reset == H2_NOTHING ? -1 : (int)r.reset,
              c->goaway == H2_NOTHING ? -1 : (int)c->goaway);
    cr_expect(next_is_served(c, 3), "%s: costs more than its stream", b->what);
    raw_close(c);
}

Test(h2_malformed, heads_cost_their_stream_and_nothing_is_forwarded)
{
    start();
    const pid_t worker = rig_worker(0);
    for (size_t i = 0; i < sizeof bad_heads / sizeof bad_heads[0]; i++)
        expect_head_refused(&bad_heads[i]);
    cr_assert_eq(origin_connections(app), 0);
    cr_assert_eq(origin_bytes(app), 0);
    cr_assert_eq(rig_worker(0), worker);
    struct h2_raw *c = raw_open();
    cr_assert(raw_is_served(c, 1), "a good one gets there");
    cr_assert_eq(origin_requests(app), 1);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* The head is good and goes on its way; what follows must not make a whole request of it. */
Test(h2_malformed, content_of_another_length_leaves_the_request_unfinished)
{
    static const struct {
        const char *what, *length, *content;
        bool ends;
    } bad[] = {
        {"too little", "5", "abcd", true},
        {"too much", "5", "abcdef", true},
        {"too much, and more to come", "5", "abcdef", false},
        {"something for nothing", "0", "a", true},
    };
    struct text b;
    start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct h2_raw *c = raw_open();
        text_init(&b);
        hpack_request(&b, "POST", "/?count");
        hpack_literal(&b, "content-length", bad[i].length);
        raw_put_block(c, 1, 0, &b);
        text_fini(&b);
        cr_assert(raw_send(c));
        if (i % 2)
            AWAIT(origin_connections(app) > 0);
        raw_put(c, H2_DATA, bad[i].ends ? H2_END_STREAM : 0, 1, bad[i].content,
                strlen(bad[i].content));
        raw_send(c);
        const struct h2_reply r = raw_await_reply(c, 1);
        const bool refused = (r.status >= 400 && r.status < 500) || r.reset == H2_PROTOCOL_ERROR;
        /* "0" is a whole request before the content comes, which may be answered by then */
        cr_expect(refused || (*bad[i].length == '0' && r.status == 200),
                  "%s: status %d, RST_STREAM %u", bad[i].what, r.status, r.reset);
        cr_expect(next_is_served(c, 3), "%s: costs more than its stream", bad[i].what);
        raw_close(c);
    }
    AWAIT(rig_metric("weir_exchanges_active") == 0);
    AWAIT(origin_open(app) <= 1);
}

Test(h2_malformed, trailers_cost_their_stream)
{
    static const struct bad_head bad[] = {
        {"a pseudo-field", L("\x84")},
        {"an upper-case name", L(FIELD("\1", "X", "\1", "y"))},
        {"a LF in a value", L(FIELD("\1", "x", "\3", "a\nb"))},
        {"connection", L(FIELD("\12", "connection", "\5", "close"))},
        {"transfer-encoding", L(FIELD("\21", "transfer-encoding", "\7", "chunked"))},
    };
    start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct h2_raw *c = raw_open();
        raw_request(c, 1, "POST", "/?count", 0);
        raw_put(c, H2_DATA, 0, 1, "abc", 3);
        raw_put(c, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, 1, bad[i].p, bad[i].n);
        raw_send(c);
        const struct h2_reply r = raw_await_reply(c, 1);
        cr_expect(r.status != 200 && (r.status >= 400 || r.reset == H2_PROTOCOL_ERROR),
                  "%s: status %d, RST_STREAM %u", bad[i].what, r.status, r.reset);
        cr_expect(next_is_served(c, 3), "%s: costs more than its stream", bad[i].what);
        raw_close(c);
    }
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* -- a second opinion -------------------------------------------------------------------------- */

Test(h2_malformed, says_pythons_h2_too)
{
    char command[256], line[256], last[256] = "";
    const char *python = "/usr/bin/python3";
    if (access(python, X_OK) != 0)
        python = "python3";
    snprintf(command, sizeof command, "%s -c 'import h2' 2>&1", python);
    if (system(command) != 0) /* NOLINT */
        RIG_SKIP("no h2 for Python on this machine");
    start();
    snprintf(command, sizeof command, "%s %s/tests/peers/h2_malformed.py %u 2>&1", python,
             TEST_SRCDIR, rig_port("port"));
    FILE *f = popen(command, "r"); /* NOLINT */
    cr_assert(f);
    while (fgets(line, sizeof line, f)) {
        fprintf(stderr, "%s", line);
        snprintf(last, sizeof last, "%s", line);
    }
    cr_assert_eq(pclose(f), 0, "%s", last);
    cr_assert(strstr(last, " passed, 0 failed"), "%s", last);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}
