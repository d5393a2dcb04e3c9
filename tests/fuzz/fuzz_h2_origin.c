/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards origins: the input is what an origin sends behind its SETTINGS, to the whole
 * gateway in memory, on the connection that carries the requests of four HTTP/1.1 clients. Whatever
 * comes:
 *
 *   what goes out to the origin is a preface and a sequence of whole frames;
 *   what reaches a client begins with a response that our own strict parser takes;
 *   in the end nothing is left over (stack_free sees to that). */
#include "tests/fuzz/fuzz.h"

#include "http/h1_parse.h"
#include "io/link.h"
#include "tests/lib/stack.h"

enum { INPUT_MAX = 65536, PREFACE = 24 };

static const char conf[] =
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; protocol = \"h2\";\n"
    "    limits = { head_size = \"2k\"; field_count = 20; queue = \"16k\"; }; }; };\n"
    "routes = ( { cluster = \"one\"; } );\n";

/* With ENABLE_CONNECT_PROTOCOL, or the last request would not go out. */
static const char settings[] = "\0\0\6\4\0\0\0\0\0\0\x08\0\0\0\1";

static const struct {
    const char *text;
    enum method method;
    bool upgrades;
} requests[] = {
    {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", METHOD_GET, false},
    {"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", METHOD_POST, false},
    {"HEAD /c HTTP/1.1\r\nHost: h\r\n\r\n", METHOD_HEAD, false},
    {"GET /d HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
     METHOD_GET, true},
};

static void check_response(const struct peer *c, size_t i)
{
    static const struct h1_limits wide = {
        .head_size = 16384, .target_size = 8192, .field_count = 100};
    struct field room[100];
    struct h1_parser p = {.limits = &wide, .fields = room};
    struct response_head h;
    must(h1_parse_response(&p, slice_of(c->heard, c->heard_n), requests[i].method,
                           requests[i].upgrades, &h) >= 0);
}

static void check_frames(const struct peer *o)
{
    const uint8_t *f = (const uint8_t *)o->heard;
    size_t at = PREFACE;
    must(o->heard_n >= PREFACE && memcmp(f, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PREFACE) == 0);
    while (at + 9 <= o->heard_n) {
        const size_t n = (size_t)f[at] << 16 | (size_t)f[at + 1] << 8 | f[at + 2];
        must(n <= 16384 && f[at + 3] <= 9);
        at += 9 + n;
    }
    must(at == o->heard_n || o->failed); /* a reset may have cut it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice in = slice_of((const char *)data, n);
    const uint64_t number = fuzz_number(in);
    const size_t step = number % 4 ? 16384 : 1 + (number >> 8) % 40;
    struct peer *clients[array_n(requests)];
    if (n > INPUT_MAX)
        return 0;
    struct stack *s = stack_new(conf);
    for (size_t i = 0; i < array_n(requests); i++) {
        clients[i] = stack_client(s);
        peer_says(clients[i], requests[i].text);
    }
    struct peer *o = stack_origin(s, 0);
    peer_says_n(o, settings, sizeof settings - 1);
    for (size_t at = 0; at < n && !peer_closed(o); at += step)
        peer_says_n(o, in.p + at, n - at < step ? n - at : step);
    if (number % 3 == 0 && o->link)
        peer_closes(o);
    if (number % 2)
        stack_sleep_ms(s, 16000); /* past most timeouts */
    check_frames(o);
    for (size_t i = 0; i < array_n(requests); i++)
        check_response(clients[i], i);
    stack_free(s);
    return 0;
}
