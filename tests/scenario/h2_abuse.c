/* SPDX-License-Identifier: Apache-2.0 */
/* Abuse by what is sent: resets, header blocks, frames that make work and serve nothing. */
#include "tests/scenario/h2_abuse_case.h"

TestSuite(h2_abuse, .init = begin, .fini = end, .timeout = 120);

/* -- resets ------------------------------------------------------------------------------------ */

static void open_and_reset(struct h2_raw *c, unsigned nth)
{
    put_request(c, nth, "/?hang");
    raw_put_u32(c, H2_RST_STREAM, 0, 2 * nth + 1, H2_CANCEL);
}

/* CVE-2023-44487. Who is thrown out comes back at once. */
Test(h2_abuse, of_100000_streams_that_are_reset_at_once)
{
    enum { STREAMS = 100000 };
    unsigned streams = 0, connections = 0;
    start("};");
    while (streams < STREAMS) {
        struct h2_raw *c = raw_open();
        streams += repeat(c, open_and_reset, STREAMS - streams, 100);
        connections++;
        if (streams < STREAMS)
            cr_assert_eq(raw_outcome(c), H2_ENHANCE_YOUR_CALM);
        raw_close(c);
        if (connections % 10 == 0)
            cr_assert(neighbour_is_served());
    }
    cr_assert_gt(connections, 5, "there is a limit");
    cr_assert_geq(counted("h2_calm_resets"), connections - 1);
    finish("rapid reset", LITTLE);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
    AWAIT(origin_open(app) <= 8);
    fprintf(stderr, "%u streams on %u connections, of which %u requests reached the origin\n",
            streams, connections, origin_requests(app));
}

static void open_and_reset_slowly(struct h2_raw *c, unsigned nth)
{
    open_and_reset(c, nth);
    raw_put_u32(c, H2_WINDOW_UPDATE, 0, 0, 1); /* so that not every frame is one of them */
}

/* The same where the limit is so high that it isn't met: memory alone. */
Test(h2_abuse, of_100000_streams_on_one_connection_leaves_nothing_behind)
{
    start("}; h2 = { resets = 1000000; window_updates = 1000000; };");
    struct h2_raw *c = raw_open();
    const unsigned n = repeat(c, open_and_reset_slowly, 100000, 100);
    cr_assert_eq(n, 100000);
    cr_assert(raw_is_served(c, 2 * n + 1));
    finish("100,000 streams of one connection", 2 * LITTLE);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* "Made you reset" (CVE-2025-8671): the client only errs, the server resets. */
static void provoke_by_window(struct h2_raw *c, unsigned nth)
{
    put_request(c, nth, "/?hang");
    raw_put_u32(c, H2_WINDOW_UPDATE, 0, 2 * nth + 1, 0);
}

static void provoke_by_overflow(struct h2_raw *c, unsigned nth)
{
    put_request(c, nth, "/?hang");
    raw_put_u32(c, H2_WINDOW_UPDATE, 0, 2 * nth + 1, 0x7fffffff);
}

static void provoke_by_data(struct h2_raw *c, unsigned nth)
{
    put_request(c, nth, "/?hang"); /* has ended the stream */
    raw_put(c, H2_DATA, 0, 2 * nth + 1, "x", 1);
}

static void provoke_by_priority(struct h2_raw *c, unsigned nth)
{
    put_request(c, nth, "/?hang");
    raw_put(c, H2_PRIORITY, 0, 2 * nth + 1, "\0\0\0", 3);
}

static void provoke_by_head(struct h2_raw *c, unsigned nth)
{
    struct text b;
    text_init(&b);
    hpack_request(&b, "GET", "/");
    hpack_literal(&b, "UPPER", "x");
    raw_put_block(c, 2 * nth + 1, H2_END_STREAM, &b);
    text_fini(&b);
}

static void provoke_by_length(struct h2_raw *c, unsigned nth)
{
    struct text b;
    text_init(&b);
    hpack_request(&b, "POST", "/?hang");
    hpack_literal(&b, "content-length", "1");
    raw_put_block(c, 2 * nth + 1, 0, &b);
    raw_put(c, H2_DATA, H2_END_STREAM, 2 * nth + 1, "xx", 2);
    text_fini(&b);
}

/* A few at a time, so that each reset has left before the next are provoked. */
static unsigned provoke(struct h2_raw *c, put_fn *way)
{
    unsigned n = 0;
    while (n < 10000 && c->goaway == H2_NOTHING && !c->ended) {
        for (int i = 0; i < 10; i++)
            way(c, n++);
        ping(c, 0);
        if (!raw_send(c) || !raw_await(c, &c->pings, n / 10))
            break;
    }
    return n;
}

/* Nothing of it may be endless: either each error costs the connection, or they are counted. */
Test(h2_abuse, of_streams_that_make_the_gateway_reset_them)
{
    static const struct {
        put_fn *put;
        const char *what;
        bool counted;
    } ways[] = {{provoke_by_window, "WINDOW_UPDATE of 0", false},
                {provoke_by_overflow, "a window too large", true},
                {provoke_by_data, "DATA behind the end", false},
                {provoke_by_priority, "PRIORITY of 3", false},
                {provoke_by_head, "an upper-case name", true},
                {provoke_by_length, "too much content", true}};
    double before = 0;
    start("}; h2 = { pings = 100000; };");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct h2_raw *c = raw_open();
        const unsigned n = provoke(c, ways[i].put);
        const uint32_t code = raw_outcome(c);
        fprintf(stderr, "%s: %u streams, then GOAWAY %u\n", ways[i].what, n, code);
        cr_assert(c->ended && code != H2_NOTHING && code != H2_NO_ERROR, "%s: %u", ways[i].what,
                  code);
        cr_assert_lt(n, 1000, "%s", ways[i].what);
        if (ways[i].counted) {
            cr_expect_eq(code, H2_ENHANCE_YOUR_CALM, "%s: %u", ways[i].what, code);
            cr_expect_eq(counted("h2_calm_resets"), ++before, "%s", ways[i].what);
        }
        raw_close(c);
        cr_assert(neighbour_is_served());
        c = raw_open(); /* and without a pause */
        repeat(c, ways[i].put, 5000, 50);
        cr_assert(raw_outcome(c) != H2_NOTHING && c->ended, "%s", ways[i].what);
        before = counted("h2_calm_resets");
        raw_close(c);
    }
    finish("made you reset", LITTLE);
    AWAIT(rig_metric("weir_exchanges_active") == 0);
}

/* -- header blocks ----------------------------------------------------------------------------- */

static void flood_of_continuations(const char *what, size_t each)
{
    struct text b;
    start("};");
    struct h2_raw *c = raw_open();
    text_init(&b);
    hpack_request(&b, "GET", "/here");
    raw_put(c, H2_HEADERS, H2_END_STREAM, 1, b.p, b.n);
    bool alive = true;
    unsigned n = 0;
    for (; n < 20000 && alive && c->goaway == H2_NOTHING; n++) {
        b.n = 0;
        while (b.n < each)
            hpack_literal(&b, "x", "0123456789abcdef0123456789abcdef");
        raw_put(c, H2_CONTINUATION, 0, 1, b.p, each ? b.n : 0);
        alive = n % 10 || raw_send(c);
    }
    text_fini(&b);
    fprintf(stderr, "%s: %u frames until the end\n", what, n);
    expect_calm(c, "h2_calm_continuations");
    finish(what, LITTLE);
}

/* CVE-2024-27316 and its kin. */
Test(h2_abuse, by_endless_continuations)
{
    flood_of_continuations("endless CONTINUATION", 16000);
}

Test(h2_abuse, by_endless_small_continuations)
{
    flood_of_continuations("small CONTINUATION", 1);
}

Test(h2_abuse, by_endless_empty_continuations)
{
    flood_of_continuations("empty CONTINUATION", 0);
}

/* One large field in the dynamic table, and thousands of times one byte that means it. */
Test(h2_abuse, by_an_hpack_bomb)
{
    static char large[3800];
    struct text b;
    start("};");
    memset(large, 'a', sizeof large - 1);
    struct h2_raw *c = raw_open();
    for (unsigned nth = 0; nth < 200 && c->goaway == H2_NOTHING && !c->ended; nth++) {
        text_init(&b);
        hpack_request(&b, "GET", "/here");
        if (nth == 0)
            hpack_keep(&b, "x-bomb", large);
        for (int i = 0; i < 16000 && nth > 0; i++)
            hpack_index(&b, 62);
        raw_put_block(c, 2 * nth + 1, H2_END_STREAM, &b);
        text_fini(&b);
        if (!raw_send(c))
            break;
        const struct h2_reply r = raw_await_reply(c, 2 * nth + 1);
        if (nth == 0)
            cr_assert_eq(r.status, 200);
        else
            cr_assert(c->ended || r.status == 431 || r.reset != H2_NOTHING, "%d", r.status);
    }
    finish("HPACK bomb", LITTLE);
}

Test(h2_abuse, by_heads_that_are_too_large_costs_only_their_streams)
{
    static char large[15000];
    struct text b;
    start("head_size = 4096; };");
    memset(large, 'a', sizeof large - 1);
    struct h2_raw *c = raw_open();
    for (unsigned nth = 0; nth < 40; nth += 2) {
        text_init(&b);
        hpack_request(&b, "GET", "/here");
        hpack_literal(&b, "x-large", large);
        raw_put_block(c, 2 * nth + 1, H2_END_STREAM, &b);
        text_fini(&b);
        cr_assert(raw_send(c));
        const struct h2_reply r = raw_await_reply(c, 2 * nth + 1);
        cr_assert(r.status == 431 || r.reset != H2_NOTHING, "%d", r.status);
        cr_assert(raw_is_served(c, 2 * nth + 3), "on the same connection");
    }
    finish("large heads", LITTLE);
}

/* -- frames that make work, and none that serves ----------------------------------------------- */

static void settings(struct h2_raw *c, unsigned nth)
{
    raw_put_setting(c, H2_INITIAL_WINDOW, 65535 + nth % 2);
}

static void empty_settings(struct h2_raw *c, unsigned nth)
{
    (void)nth;
    raw_put(c, H2_SETTINGS, 0, 0, NULL, 0);
}

static void priority(struct h2_raw *c, unsigned nth)
{
    raw_put(c, H2_PRIORITY, 0, 2 * (nth % 100000) + 1001, "\0\0\0\0\x10", 5);
}

static void priority_update(struct h2_raw *c, unsigned nth)
{
    static const char payload[] = "\0\0\0\1u=5";
    char p[sizeof payload];
    memcpy(p, payload, sizeof p);
    p[3] = (char)(2 * (nth % 100) + 1);
    raw_put(c, H2_PRIORITY_UPDATE, 0, 0, p, sizeof p - 1);
}

static void window_update(struct h2_raw *c, unsigned nth)
{
    (void)nth;
    raw_put_u32(c, H2_WINDOW_UPDATE, 0, 0, 1);
}

static void unknown(struct h2_raw *c, unsigned nth)
{
    raw_put(c, 0x20 + nth % 16, 0xff, nth, "abc", 3);
}

static void empty_data(struct h2_raw *c, unsigned nth)
{
    if (nth == 0)
        raw_request(c, 1, "POST", "/?hang", 0);
    raw_put(c, H2_DATA, 0, 1, NULL, 0);
}

static void padded_data(struct h2_raw *c, unsigned nth)
{
    if (nth == 0)
        raw_request(c, 1, "POST", "/?hang", 0);
    raw_put(c, H2_DATA, H2_PADDED, 1, "\1\0", 2); /* no content, one byte of padding */
}

static void flood(const char *what, put_fn *put, const char *counter)
{
    start("};");
    struct h2_raw *c = raw_open();
    const unsigned n = repeat(c, put, 200000, 500);
    fprintf(stderr, "%s: %u frames\n", what, n);
    expect_calm(c, counter);
    finish(what, LITTLE);
}

Test(h2_abuse, by_pings)
{
    flood("PING flood", ping, "h2_calm_pings");
}

Test(h2_abuse, by_settings)
{
    flood("SETTINGS flood", settings, "h2_calm_settings");
}

Test(h2_abuse, by_empty_settings)
{
    flood("empty SETTINGS flood", empty_settings, "h2_calm_settings");
}

Test(h2_abuse, by_empty_data)
{
    flood("empty DATA flood", empty_data, "h2_calm_empty_frames");
}

Test(h2_abuse, by_data_of_nothing_but_padding)
{
    flood("padded DATA flood", padded_data, "h2_calm_empty_frames");
}

Test(h2_abuse, by_priorities)
{
    flood("PRIORITY flood", priority, "h2_calm_priorities");
}

Test(h2_abuse, by_priority_updates)
{
    flood("PRIORITY_UPDATE flood", priority_update, "h2_calm_priorities");
}

Test(h2_abuse, by_window_updates)
{
    flood("WINDOW_UPDATE flood", window_update, "h2_calm_window_updates");
}

/* They cost no more than their bytes, and must be ignored (RFC 9113 4.1). */
Test(h2_abuse, by_frames_of_unknown_types)
{
    start("};");
    struct h2_raw *c = raw_open();
    const unsigned n = repeat(c, unknown, 200000, 500);
    cr_assert_eq(n, 200000);
    cr_assert(raw_is_served(c, 1));
    finish("unknown frames", LITTLE);
}

/* The acknowledgements that nobody reads must not pile up: the gateway stops reading or ends it. */
static void flood_without_reading(const char *what, put_fn *put)
{
    start("};");
    struct h2_raw *c = raw_open();
    setsockopt(c->t->wire.fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    c->deaf = true;
    c->t->deadline_ms = 300;
    const unsigned n = repeat(c, put, 2000000, 1000);
    fprintf(stderr, "%s: %u frames until it stopped\n", what, n);
    cr_assert_lt(n, 2000000);
    finish(what, LITTLE);
}

Test(h2_abuse, by_pings_whose_answers_nobody_reads)
{
    flood_without_reading("unread PING", ping);
}

Test(h2_abuse, by_requests_whose_answers_nobody_reads)
{
    start("};");
    struct h2_raw *c = raw_open();
    c->deaf = true;
    c->t->deadline_ms = 300;
    unsigned n = 0;
    for (; n < 200000; n++) {
        put_request(c, n, "/here");
        if (n % 100 == 99 && !raw_send(c))
            break;
    }
    fprintf(stderr, "unread responses: %u requests until it stopped\n", n);
    finish("unread responses", LITTLE);
}

/* -- over TLS ---------------------------------------------------------------------------------- */

Test(h2_abuse, over_tls_by_100000_streams_and_pings)
{
    enum { STREAMS = 100000 };
    unsigned streams = 0, connections = 0;
    certs_make(&(struct cert_spec){.name = "site", .dns = {"a.test"}});
    start_with("};", ", { name = \"tls\"; bind = \"127.0.0.1:$port_tls\"; tls = { certificates = ("
                     "  { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } ); }; }");
    const struct tls_wish wish = {.port = rig_port("port_tls"), .alpn = "h2"};
    while (streams < STREAMS) {
        struct h2_raw *c = raw_open_on(tls_talk_open_with(wish));
        raw_greet(c);
        streams += repeat(c, open_and_reset, STREAMS - streams, 100);
        connections++;
        if (streams < STREAMS)
            cr_assert_eq(raw_outcome(c), H2_ENHANCE_YOUR_CALM);
        raw_close(c);
    }
    struct h2_raw *c = raw_open_on(tls_talk_open_with(wish));
    raw_greet(c);
    cr_assert(raw_is_served(c, 1));
    repeat(c, ping, 200000, 500);
    cr_assert_eq(raw_outcome(c), H2_ENHANCE_YOUR_CALM);
    cr_assert(tls_ended_well(c->t), "what ends a connection is not a cut");
    cr_assert_geq(rig_metric("weir_listener_h2_calm_resets_total{listener=\"tls\"}"),
                  connections - 1);
    finish("rapid reset and pings over TLS", 3 * LITTLE);
}
