/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards clients: the input is what a client sends behind the preface and its SETTINGS, to
 * the whole gateway in memory. Origins answer in one way or another. Whatever comes:
 *
 *   what goes out is a sequence of whole frames;
 *   what reaches an origin is HTTP/1.1 that our own strict parser takes;
 *   in the end nothing is left over (stack_free sees to that). */
#include "tests/fuzz/fuzz.h"

#include "http/h1_parse.h"
#include "io/link.h"
#include "tests/lib/stack.h"

enum { INPUT_MAX = 65536, ORIGINS_MAX = 512 };

static const char conf[] =
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
    "limits = { head_size = \"2k\"; target_size = 200; field_count = 20; body_size = \"10k\"; };\n"
    "routes = ( { match = { path = \"/own\"; }; respond = { body = \"own\"; }; },\n"
    "           { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n";

static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    "\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nPriority: u=1, i\r\n\r\nhello",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    "nonsense\r\n\r\n",
    "",
};

/* Every request that begins in `heard` is one to a strict reader too. */
static void check_head(const struct peer *o)
{
    static const struct h1_limits wide = {
        .head_size = 16384, .target_size = 8192, .field_count = 100};
    struct field room[100];
    struct h1_parser p = {.limits = &wide, .fields = room};
    struct request_head h;
    must(h1_parse_request(&p, slice_of(o->heard, o->heard_n), &h) >= 0);
}

static void answer(struct stack *s, bool *answered, uint64_t number)
{
    for (size_t i = 0; i < stack_origins(s) && i < ORIGINS_MAX; i++) {
        struct peer *o = stack_origin(s, i);
        if (!o->link || answered[i] || !o->heard_n)
            continue;
        check_head(o);
        answered[i] = true;
        const char *text = answers[(number + i) % array_n(answers)];
        if (*text)
            peer_says(o, text);
        if ((number + i) % 3 == 0)
            peer_closes(o);
    }
}

static void check_frames(const struct peer *c)
{
    const uint8_t *f = (const uint8_t *)c->heard;
    size_t at = 0;
    while (at + 9 <= c->heard_n) {
        const size_t n = (size_t)f[at] << 16 | (size_t)f[at + 1] << 8 | f[at + 2];
        must(n <= 16384 && f[at + 3] <= 9);
        at += 9 + n;
    }
    must(at == c->heard_n || c->failed); /* a reset may have cut it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice in = slice_of((const char *)data, n);
    const uint64_t number = fuzz_number(in);
    const size_t step = number % 4 ? 16384 : 1 + (number >> 8) % 40;
    bool answered[ORIGINS_MAX] = {false};
    if (n > INPUT_MAX)
        return 0;
    struct stack *s = stack_new_h2("", conf);
    struct peer *c = stack_client(s);
    peer_says_n(c, hello, sizeof hello - 1);
    for (size_t at = 0; at < n && !peer_closed(c); at += step) {
        peer_says_n(c, in.p + at, n - at < step ? n - at : step);
        answer(s, answered, number);
    }
    if (number % 2)
        stack_sleep_ms(s, 16000); /* past most timeouts */
    if (number % 5 == 0)
        stack_drain(s);
    check_frames(c);
    stack_free(s);
    return 0;
}
