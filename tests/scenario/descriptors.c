/* SPDX-License-Identifier: Apache-2.0 */
/* When descriptors run out the gateway turns newcomers away, says so, doesn't spin, and is well
 * again as soon as there are some. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(descriptors, .init = begin, .fini = rig_end, .timeout = 120);

static const char conf[] = "workers = 1; memory = { descriptors = 48; shared = \"64m\"; };\n"
                           "admin = { bind = \"unix:$dir/admin.sock\"; };\n"
                           "log = { access = \"$dir/access.log\"; flush = \"5ms\"; };\n"
                           "listeners = ( { name = \"public\"; bind = \"127.0.0.1:$port\"; } );\n"
                           "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                           "routes = ( { cluster = \"app\"; } );\n";

Test(descriptors, that_run_out_turn_newcomers_away_without_spinning)
{
    enum { MANY = 100 };
    struct talk *t[MANY];
    unsigned turned_away = 0;
    rig_start(.whole = conf);
    const pid_t worker = rig_worker(0);
    for (int i = 0; i < MANY; i++) {
        t[i] = talk_try(rig_port("port"));
        cr_assert(t[i]);
    }
    rig_await_log("accept_failed listener=public");
    const long before = rig_cpu_ms(worker);
    const uint64_t begun = now_ms();
    AWAIT(rig_metric("weir_connections_shed_total") >= 5);
    while (now_ms() < begun + 1000) /* long enough to tell spinning from looking now and then */
        sleep_ms(20);
    const long spent = rig_cpu_ms(worker) - before;
    cr_assert_lt(spent, (long)(now_ms() - begun) / 4, "%ld ms of CPU time", spent);
    for (int i = 0; i < MANY; i++) {
        turned_away += talk_is_over(t[i]);
        talk_close(t[i]);
    }
    cr_log_info("%u of %d turned away, %ld ms of CPU time", turned_away, MANY, spent);
    cr_assert_gt(turned_away, 0);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(get("/")->status, 200);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") <= 10);
}

/* Clients have taken all: there is none left to go to an origin with. */
Test(descriptors, that_are_missing_towards_an_origin_give_503)
{
    enum { MANY = 60 };
    struct talk *t[MANY];
    unsigned served = 0, overload = 0;
    rig_start(.whole = conf);
    for (int i = 0; i < MANY; i++)
        t[i] = talk_try(rig_port("port"));
    rig_await_log("accept_failed listener=public");
    for (int i = 0; i < MANY; i++) {
        if (!talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            continue;
        t[i]->deadline_ms = 1000;
        const struct response *r = talk_response(t[i]);
        served += r->status == 200;
        overload += r->status == 503;
    }
    cr_assert_gt(served + overload, 20, "%u and %u", served, overload);
    for (int i = 0; i < MANY; i++)
        talk_close(t[i]);
    cr_assert_eq(get("/")->status, 200);
}

Test(descriptors, are_not_lost_over_reloads)
{
    rig_start(.workers = 2);
    cr_assert(rig_reload(.workers = 2));
    rig_await_log("generation_ended generation=1");
    const size_t before = rig_descriptors(rig_master());
    for (int i = 0; i < 5; i++) {
        cr_assert(rig_reload(.workers = 2));
        rig_await_log("generation_ended");
    }
    for (int i = 0; i < 5; i++)
        cr_assert(!rig_reload(.top = "nonsense = 1;"));
    cr_assert_eq(rig_descriptors(rig_master()), before);
    cr_assert_eq(rig_descriptors(rig_worker(0)), rig_descriptors(rig_worker(1)));
}
