/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is bounded by what is configured, not by what clients and origins do. */
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

TestSuite(memory, .init = begin, .fini = rig_end, .timeout = 120);

Test(memory, stays_bounded_while_twenty_slow_readers_pull_50_mb_each)
{
    enum { READERS = 20, SIZE = 50 * 1000 * 1000, LOOKS = 40 };
    struct talk *t[READERS];
    rig_start();
    const pid_t worker = rig_worker(0);
    cr_assert_eq(get("/")->status, 200);
    const long before = rig_private_kb(worker);
    long most = 0;
    for (int i = 0; i < READERS; i++)
        talk_send(t[i] = talk_open(), "GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n", SIZE);
    for (int i = 0; i < READERS; i++)
        cr_assert_eq(talk_head(t[i])->status, 200);
    for (int look = 0; look < LOOKS; look++) {
        for (int i = 0; i < READERS; i++) { /* a little of each */
            cr_assert(talk_await_bytes(t[i], 1));
            talk_skip(t[i], talk_rest(t[i]).n);
        }
        const long now = rig_private_kb(worker) - before;
        most = now > most ? now : most;
        sleep_ms(5);
    }
    cr_log_info("20 slow readers of 50 MB: %ld KiB more at most", most);
    /* limits.queue is 64k, in blocks of 16k of which the outermost are partly filled */
    cr_assert(!RIG_FIGURES || most < READERS * 256);
}

Test(memory, stays_bounded_while_slow_origins_are_sent_large_bodies)
{
    enum { WRITERS = 20, SIZE = 9 * 1000 * 1000 };
    struct talk *t[WRITERS];
    char *piece = malloc(64 * 1024);
    pattern_fill(piece, 0, 64 * 1024);
    rig_start();
    origin_script(app, "hang early"); /* takes nothing of the content */
    const pid_t worker = rig_worker(0);
    const long before = rig_private_kb(worker);
    for (int i = 0; i < WRITERS; i++) {
        t[i] = talk_open();
        talk_send(t[i], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", SIZE);
        t[i]->deadline_ms = 50;
        for (int sent = 0; sent < SIZE && talk_send_n(t[i], piece, 64 * 1024); sent += 64 * 1024)
            ;
    }
    const long more = rig_private_kb(worker) - before;
    cr_log_info("20 stuck uploads: %ld KiB more", more);
    cr_assert(!RIG_FIGURES || more < WRITERS * 256);
    free(piece);
}

Test(memory, of_a_thousand_idle_connections_is_small)
{
    enum { MANY = 1000 };
    static struct talk *t[MANY];
    rig_start(.log = "recent = 0;"); /* records are of requests: so many and no more */
    const pid_t worker = rig_worker(0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(get("/")->status, 200);
    const long before = rig_private_kb(worker);
    for (int i = 0; i < MANY; i++) {
        t[i] = talk_open();
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t[i])->status, 200);
    }
    AWAIT(rig_metric("weir_blocks_used") == 0); /* looked at once a second */
    const long more = rig_private_kb(worker) - before;
    cr_log_info("%d idle connections: %ld bytes each", MANY, more * 1024 / MANY);
    fprintf(stderr, "memory per idle connection: %ld bytes (of %d)\n", more * 1024 / MANY, MANY);
    cr_assert(!RIG_FIGURES || more * 1024 / MANY < 1024);
    for (int i = 0; i < MANY; i += 100) { /* and they are alive */
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t[i])->status, 200);
    }
}

/* With room for next to no blocks the gateway slows down or refuses, but doesn't die, and is well
 * again afterwards. */
Test(memory, that_runs_out_costs_requests_and_not_the_gateway)
{
    enum { MANY = 100 };
    struct talk *t[MANY];
    unsigned served = 0;
    rig_start(.whole = "workers = 1; memory = { blocks = \"1m\"; shared = \"64m\"; };\n"
                       "admin = { bind = \"unix:$dir/admin.sock\"; };\n"
                       "listeners = ( { name = \"public\"; bind = \"127.0.0.1:$port\"; } );\n"
                       "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                       "routes = ( { cluster = \"app\"; } );\n");
    for (int i = 0; i < MANY; i++)
        talk_send(t[i] = talk_open(), "GET /?size=1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < MANY; i++) {
        const struct response *r = talk_response(t[i]);
        served += r->whole && r->status == 200;
        talk_close(t[i]);
    }
    cr_log_info("%u of %d served with 1 MB for blocks", served, MANY);
    cr_assert_gt(served, 0);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(get("/?size=100000")->status, 200);
}
