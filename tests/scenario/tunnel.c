/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrades: after 101 the connection is a tunnel with two independent ends and back-pressure. */
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

TestSuite(tunnel, .init = begin, .fini = rig_end, .timeout = 120);

static struct talk *upgrade(const char *words)
{
    struct talk *t = talk_open();
    talk_send(t,
              "GET /ws?%s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Key: x\r\n\r\n",
              words);
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 101, "%d", r->status);
    cr_assert_str_eq(field_of(r, "upgrade"), "websocket");
    cr_assert(strcasestr(field_of(r, "connection"), "upgrade"));
    return t;
}

static bool comes(struct talk *t, const char *text)
{
    const size_t n = strlen(text);
    const bool ok = talk_await_bytes(t, n) && !memcmp(talk_rest(t).p, text, n);
    if (ok)
        talk_skip(t, n);
    return ok;
}

Test(tunnel, carries_bytes_both_ways)
{
    rig_start();
    struct talk *t = upgrade("upgrade");
    for (int i = 0; i < 100; i++) {
        talk_send(t, "hello");
        cr_assert(comes(t, "hello"));
    }
    talk_send(t, "GET / HTTP/1.1\r\nTransfer-Encoding : x\r\n\r\n");
    cr_assert(comes(t, "GET / HTTP/1.1\r\nTransfer-Encoding : x\r\n\r\n"), "nobody looks inside");
}

Test(tunnel, carries_bytes_that_were_sent_with_the_head)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(
        t, "GET /?upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly");
    cr_assert_eq(talk_response(t)->status, 101);
    cr_assert(comes(t, "early"));
}

Test(tunnel, passes_the_clients_end_on_and_keeps_the_other_direction)
{
    rig_start();
    struct talk *t = upgrade("upgrade");
    talk_send(t, "last words");
    talk_end(t);
    cr_assert(comes(t, "last words"));
    cr_assert(comes(t, "bye\n"), "the origin answered the end");
    cr_assert(talk_ended(t));
    const char *line = rig_await_access("\"path\":\"/ws\"");
    cr_assert_str_eq(json_of(line, "tunnel"), "true");
    cr_assert_str_eq(json_of(line, "outcome"), "ok");
    cr_assert_str_eq(json_of(line, "status"), "101");
    AWAIT(origin_open(app) == 0);
}

Test(tunnel, passes_the_origins_end_on_and_keeps_the_other_direction)
{
    rig_start();
    struct talk *t = upgrade("flood=100000");
    cr_assert(talk_await_bytes(t, 100000));
    cr_assert(pattern_holds(talk_rest(t).p, 0, 100000));
    talk_skip(t, 100000);
    cr_assert(talk_ended(t));
    const uint64_t before = origin_bytes(app);
    talk_send(t, "still here");
    AWAIT(origin_bytes(app) == before + 10);
    talk_end(t);
    AWAIT(origin_open(app) == 0);
}

/* Neither side's bytes pile up in the gateway while the other side doesn't take them. */
Test(tunnel, pushes_back_on_an_origin_that_is_faster_than_its_client)
{
    enum { FLOOD = 200 * 1000 * 1000 };
    rig_start();
    const pid_t worker = rig_worker(0);
    const long before = rig_private_kb(worker);
    long most = before;
    char words[32];
    snprintf(words, sizeof words, "flood=%d", FLOOD);
    struct talk *t = upgrade(words);
    for (int i = 0; i < 50; i++) { /* a while in which 200 MB could have come */
        most = rig_private_kb(worker) > most ? rig_private_kb(worker) : most;
        sleep_ms(10);
    }
    size_t seen = 0;
    while (seen < FLOOD / 10) {
        cr_assert(talk_await_bytes(t, 1));
        const struct slice s = talk_rest(t);
        cr_assert(pattern_holds(s.p, seen, s.n));
        seen += s.n;
        talk_skip(t, s.n);
    }
    most = rig_private_kb(worker) > most ? rig_private_kb(worker) : most;
    cr_assert(!RIG_FIGURES || most < before + 4 * 1024);
}

Test(tunnel, ends_when_nothing_moves_in_it)
{
    rig_start(.cluster = "timeouts = { tunnel_idle = \"300ms\"; };");
    struct talk *t = upgrade("upgrade");
    for (int i = 0; i < 5; i++) {
        talk_send(t, "x");
        cr_assert(comes(t, "x"));
        sleep_ms(100);
    }
    cr_assert(talk_ended(t));
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/ws\""), "outcome"), "timeout_tunnel");
    AWAIT(origin_open(app) == 0);
}

Test(tunnel, is_none_when_the_origin_says_no)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t,
              "GET /?status=403 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 403);
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(body_is(talk_response(t), "app\n"));
}

Test(tunnel, lives_on_when_its_generation_is_replaced)
{
    rig_start();
    struct talk *t = upgrade("upgrade");
    cr_assert(rig_reload());
    talk_send(t, "still there?");
    cr_assert(comes(t, "still there?"));
    talk_end(t);
    cr_assert(comes(t, "bye\n"));
    rig_await_log("generation_ended generation=1");
}
