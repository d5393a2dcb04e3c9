/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of HTTP/2 clients: each closes the connection with ENHANCE_YOUR_CALM, is counted, and
 * leaves others alone. Floods are sent as bytes, past the scruples of the test's own client. */
#include "tests/unit/h2_stack.h"

#define SMALL                                                                                      \
    "h2 = { resets = 20; pings = 20; settings = 20; empty_frames = 20; priorities = 20; "          \
    "window_updates = 20; continuations = 3; };"

enum { HEAD_FLAGS = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM };

static char *flood, block[256];
static size_t flood_n, flood_cap, block_n;

static void add(uint8_t type, uint8_t flags, int32_t id, const char *payload, size_t n)
{
    while (flood_cap < flood_n + n + 9)
        flood = realloc(flood, flood_cap *= 2);
    flood_n += h2_make_frame(flood + flood_n, type, flags, id, payload, n);
}

static void begin(const char *lines)
{
    flood = malloc(flood_cap = 65536);
    memcpy(flood, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    flood_n = NGHTTP2_CLIENT_MAGIC_LEN;
    add(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    block_n = h2_make_block(block, lines);
}

#define GET ":method: GET\n:scheme: http\n:authority: a\n:path: /\n"
#define POST ":method: POST\n:scheme: http\n:authority: a\n:path: /\n"

/* The error of the GOAWAY at the end of what was heard; -1: there is none. */
static int64_t goaway_of(const struct peer *c)
{
    for (size_t at = 0; at + 17 <= c->heard_n;) {
        const uint8_t *f = (const uint8_t *)c->heard + at;
        if (f[3] == NGHTTP2_GOAWAY)
            return (int64_t)f[13] << 24 | f[14] << 16 | f[15] << 8 | f[16];
        at += 9 + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
    }
    return -1;
}

/* Sends the flood beside a client that behaves, and checks what becomes of both. */
static void send_flood(const char *conf, size_t counter, bool want_calm)
{
    struct stack *s = stack_new_h2(conf, H2_CONF);
    struct h2_peer *good = h2_peer_new(s, NULL);
    struct peer *bad = stack_client(s);
    for (size_t at = 0; at < flood_n && !peer_closed(bad); at += 4096)
        peer_says_n(bad, flood + at, flood_n - at < 4096 ? flood_n - at : 4096);
    const uint64_t *counters = (const uint64_t *)h2_stats(s);
    cr_assert_eq(counters[counter], want_calm);
    cr_assert_eq(goaway_of(bad), want_calm ? NGHTTP2_ENHANCE_YOUR_CALM : -1);
    cr_assert_eq(peer_closed(bad), want_calm);
    const int32_t id = h2_ask(good, "GET", "/own", NULL);
    cr_assert_str_eq(h2_answer(good, id)->body, "own");
    cr_assert_lt(stack_worker(s)->loop->stock.blocks.slab.used, 200);
    if (want_calm) { /* what it had under way is over */
        stack_settle(s);
        cr_assert(list_empty(&stack_worker(s)->active));
    }
    h2_peer_free(good);
    stack_free(s);
    free(flood);
}

#define COUNTER_AT(name) (offsetof(struct listener_stats, h2_calm_##name) / sizeof(uint64_t))

Test(h2_limits, resets)
{
    begin(GET);
    for (int32_t i = 0; i < 100000; i++) {
        add(NGHTTP2_HEADERS, HEAD_FLAGS, i * 2 + 1, block, block_n);
        add(NGHTTP2_RST_STREAM, 0, i * 2 + 1, "\0\0\0\x08", 4);
    }
    send_flood("", COUNTER_AT(resets), true);
}

Test(h2_limits, fewer_resets_are_nobodys_business)
{
    begin(GET);
    for (int32_t i = 0; i < 200; i++) {
        add(NGHTTP2_HEADERS, HEAD_FLAGS, i * 2 + 1, block, block_n);
        add(NGHTTP2_RST_STREAM, 0, i * 2 + 1, "\0\0\0\x08", 4);
    }
    send_flood("", COUNTER_AT(resets), false);
}

/* As some clients answer each DATA frame of a response that they have cancelled. */
Test(h2_limits, resets_of_what_is_over)
{
    begin(GET);
    add(NGHTTP2_HEADERS, HEAD_FLAGS, 1, block, block_n);
    for (int32_t i = 0; i < 300; i++)
        add(NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x05", 4);
    send_flood("", COUNTER_AT(resets), false);
}

Test(h2_limits, resets_of_what_is_over_are_not_endless)
{
    begin(GET);
    add(NGHTTP2_HEADERS, HEAD_FLAGS, 1, block, block_n);
    for (int32_t i = 0; i < 300; i++)
        add(NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x05", 4);
    send_flood("h2 = { window_updates = 200; };", COUNTER_AT(window_updates), true);
}

/* CVE-2025-8671: the client makes us reset, by a window that may not be. */
Test(h2_limits, resets_that_the_client_provokes)
{
    begin(GET);
    for (int32_t i = 0; i < 500; i++) {
        add(NGHTTP2_HEADERS, HEAD_FLAGS, i * 2 + 1, block, block_n);
        add(NGHTTP2_WINDOW_UPDATE, 0, i * 2 + 1, "\x7f\xff\xff\xff", 4);
    }
    send_flood("", COUNTER_AT(resets), true);
}

Test(h2_limits, content_that_is_longer_than_was_said)
{
    begin(POST "content-length: 1\n");
    for (int32_t i = 0; i < 500; i++) {
        add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, i * 2 + 1, block, block_n);
        add(NGHTTP2_DATA, 0, i * 2 + 1, "ab", 2);
    }
    send_flood("", COUNTER_AT(resets), true);
}

Test(h2_limits, streams_beyond_the_limit)
{
    begin(POST);
    for (int32_t i = 0; i < 128; i++)
        add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, i * 2 + 1, block, block_n);
    struct stack *s = stack_new_h2("", H2_CONF);
    struct peer *bad = stack_client(s);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(stack_worker(s)->stats->worker->exchanges_active, 128);
    cr_assert_eq(h2_stats(s)->h2_streams_refused, 0);
    flood_n = 0;
    for (int32_t i = 128; i < 150; i++)
        add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, i * 2 + 1, block, block_n);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(stack_worker(s)->stats->worker->exchanges_active, 128);
    cr_assert_eq(h2_stats(s)->h2_streams_refused, 22);
    cr_assert(!peer_closed(bad));
    stack_free(s);
    free(flood);
}

/* Who has acknowledged the settings knows the limit. */
Test(h2_limits, streams_beyond_a_known_limit)
{
    begin(POST);
    add(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
    for (int32_t i = 0; i < 128; i++)
        add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, i * 2 + 1, block, block_n);
    struct stack *s = stack_new_h2("", H2_CONF);
    struct peer *bad = stack_client(s);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(stack_worker(s)->stats->worker->exchanges_active, 128);
    cr_assert(!peer_closed(bad));
    flood_n = 0;
    add(NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 257, block, block_n);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(stack_worker(s)->stats->worker->exchanges_active, 128, "one has made room");
    flood_n = 0;
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 259, block, block_n);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(h2_stats(s)->h2_calm_streams, 1);
    cr_assert_eq(h2_stats(s)->h2_streams_refused, 0);
    cr_assert_eq(stack_worker(s)->stats->worker->exchanges_active, 0);
    stack_free(s);
    free(flood);
}

Test(h2_limits, continuations)
{
    begin(GET);
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, block_n);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    send_flood("", COUNTER_AT(continuations), true);
}

Test(h2_limits, a_head_in_a_few_pieces_is_a_head)
{
    struct stack *s = stack_new_h2(SMALL, H2_CONF);
    begin(GET);
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, 10);
    add(NGHTTP2_CONTINUATION, 0, 1, block + 10, 5);
    add(NGHTTP2_CONTINUATION, 0, 1, block + 15, 0);
    add(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block + 15, block_n - 15);
    struct peer *c = stack_client(s);
    peer_says_n(c, flood, flood_n);
    cr_assert(peer_heard(stack_origin(s, 0), "GET / HTTP/1.1\r\n"));
    stack_free(s);
    free(flood);
}

/* Many lines out of few bytes: an entry of the table, again and again. */
Test(h2_limits, heads_that_grow_by_compression)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    char big[16000];
    begin(GET);
    memcpy(big, block, block_n);
    size_t n = block_n;
    big[n++] = 0x40; /* a new name, to be kept: 3,000 bytes of value */
    big[n++] = 1;
    big[n++] = 'a';
    big[n++] = 0x7f; /* 127 + 2873 */
    big[n++] = (char)(0x80 | (2873 & 127));
    big[n++] = 2873 >> 7;
    memset(big + n, 'v', 3000);
    n += 3000;
    memset(big + n, 0x80 | 62, sizeof big - n); /* the newest entry */
    add(NGHTTP2_HEADERS, HEAD_FLAGS, 1, big, sizeof big);
    struct h2_peer *good = h2_peer_new(s, NULL);
    struct peer *bad = stack_client(s);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(stack_worker(s)->stats->worker->h2_faults[H2_FAULT_HEAD_LARGE], 1);
    cr_assert_eq(h2_whys(s, WHY_HEAD_TOO_LARGE), 1);
    cr_assert_eq(stack_origins(s), 0);
    cr_assert(!peer_closed(bad));
    cr_assert_str_eq(h2_answer(good, h2_ask(good, "GET", "/own", NULL))->body, "own");
    h2_peer_free(good);
    stack_free(s);
    free(flood);
}

Test(h2_limits, pings)
{
    begin(GET);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_PING, 0, 0, "12345678", 8);
    send_flood("", COUNTER_AT(pings), true);
}

Test(h2_limits, settings)
{
    begin(GET);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    send_flood("", COUNTER_AT(settings), true);
}

Test(h2_limits, empty_data)
{
    begin(POST);
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, block_n);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_DATA, 0, 1, NULL, 0);
    send_flood("", COUNTER_AT(empty_frames), true);
}

Test(h2_limits, data_that_is_padding)
{
    begin(POST);
    add(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, block_n);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\4\0\0\0\0", 5);
    send_flood("", COUNTER_AT(empty_frames), true);
}

Test(h2_limits, priorities)
{
    begin(GET);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5);
    send_flood("", COUNTER_AT(priorities), true);
}

Test(h2_limits, priority_updates)
{
    begin(GET);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_PRIORITY_UPDATE, 0, 0, "\0\0\0\1u=1", 7);
    send_flood(SMALL, COUNTER_AT(priorities), true);
}

Test(h2_limits, window_updates)
{
    begin(GET);
    for (int i = 0; i < 5000; i++)
        add(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
    send_flood("", COUNTER_AT(window_updates), true);
}

Test(h2_limits, are_as_they_are_set)
{
    static const struct {
        uint8_t type;
        const char *payload;
        size_t n, counter;
    } kinds[] = {
        {NGHTTP2_PING, "12345678", 8, COUNTER_AT(pings)},
        {NGHTTP2_SETTINGS, NULL, 0, COUNTER_AT(settings)},
        {NGHTTP2_WINDOW_UPDATE, "\0\0\0\1", 4, COUNTER_AT(window_updates)},
        {NGHTTP2_PRIORITY_UPDATE, "\0\0\0\1u=1", 7, COUNTER_AT(priorities)},
    };
    for (size_t k = 0; k < array_n(kinds); k++)
        for (int calm = 0; calm < 2; calm++) {
            begin(GET);
            /* The first SETTINGS counts too. */
            const int most = 20 - (kinds[k].type == NGHTTP2_SETTINGS);
            for (int i = 0; i < most + calm; i++)
                add(kinds[k].type, 0, 0, kinds[k].payload, kinds[k].n);
            send_flood(SMALL, kinds[k].counter, calm);
        }
}

Test(h2_limits, acknowledgements_that_are_never_read)
{
    struct stack *s = stack_new_h2("h2 = { pings = 1000000; };", H2_CONF);
    struct peer *bad = stack_client(s);
    begin(GET);
    peer_stalls(bad);
    for (int i = 0; i < 100000; i++)
        add(NGHTTP2_PING, 0, 0, "12345678", 8);
    for (size_t at = 0; at < flood_n && stack_clients(s) && bad->link && !bad->failed; at += 16384)
        peer_says_n(bad, flood + at, flood_n - at < 16384 ? flood_n - at : 16384);
    const size_t used = stack_worker(s)->loop->stock.blocks.slab.used;
    cr_assert_lt(used, 250, "%zu: what isn't read stays with who sent it", used);
    stack_sleep_ms(s, 31000);
    cr_assert_eq(stack_clients(s), 0, "timeouts.write_idle");
    stack_free(s);
    free(flood);
}

Test(h2_limits, protocol_errors_end_the_connection)
{
    begin(GET);
    add(NGHTTP2_DATA, 0, 1, "x", 1); /* of a stream that isn't there */
    struct stack *s = stack_new_h2("", H2_CONF);
    struct peer *bad = stack_client(s);
    peer_says_n(bad, flood, flood_n);
    cr_assert_eq(goaway_of(bad), NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(h2_stats(s)->h2_protocol_errors, 1);
    cr_assert(peer_closed(bad));
    stack_free(s);
    free(flood);
}
