/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_H2_ABUSE_CASE_H
#define WEIR_TESTS_SCENARIO_H2_ABUSE_CASE_H

/* HTTP/2 clients that mean harm: what their tests share. Whatever one of them does, two others, who
 * behave, are served the whole time: a load over HTTP/1.1, where each failure counts, and one on
 * HTTP/2 that is asked again and again. What the attack costs in memory is looked at as the worker's
 * peak (VmHWM), so that nothing that is given back in time goes unseen. */
#include "tests/lib/certs.h"
#include "tests/lib/h2_raw.h"
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of resident memory, for one attacker; what attacks cost beside that is blocks of queues, which
 * limits.queue bounds for each stream (64k), and nghttp2's streams. */
enum { KIB = 1, MIB = 1024 * KIB, LITTLE = 4 * MIB, A_STREAM = 160 * KIB };

static struct origin *app;
static struct h2_raw *neighbour;
static uint32_t neighbours_stream;
static long before_kb;

static inline void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    app = origin_start("app");
}

static inline void end(void)
{
    raws_end();
    rig_end();
    certs_end();
}

/* -- what every test does ---------------------------------------------------------------------- */

static inline bool neighbour_is_served(void)
{
    neighbours_stream += 2;
    return raw_is_served(neighbour, neighbours_stream);
}

static inline void start_with(const char *listener, const char *listeners)
{
    char text[1024];
    snprintf(text, sizeof text,
             "protocols = [ \"h2\", \"http/1.1\" ]; limits = { requests = 1000000; %s", listener);
    rig_start(.listener = text, .listeners = listeners, .log = "recent = 0;", /* of all requests */
              .routes = "( { match = { path_prefix = \"/here\"; }; respond = { body = \"x\"; }; },"
                        "  { cluster = \"app\"; } )");
    neighbour = raw_open();
    neighbours_stream = UINT32_MAX; /* + 2 is 1 */
    for (int i = 0; i < 10; i++)
        cr_assert(neighbour_is_served());
    load_start(.clients = 2, .pause_ms = 2);
    load_await(50);
    before_kb = rig_status(rig_worker(0), "VmRSS:");
}

static inline void start(const char *listener)
{
    start_with(listener, NULL);
}

/* The two who behave have been served, and are, and the attack has cost no more than that. */
static inline void finish(const char *what, long most_kb)
{
    load_await(20);
    for (int i = 0; i < 10; i++)
        cr_assert(neighbour_is_served(), "the neighbour isn't served after %s", what);
    const struct load_result r = load_stop();
    const long peak = rig_status(rig_worker(0), "VmHWM:") - before_kb;
    fprintf(stderr, "%s: %ld KiB more at most, %u requests of others served\n", what, peak, r.ok);
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert(!RIG_FIGURES || peak < most_kb, "%s: %ld KiB", what, peak);
    cr_assert(!rig_logged("process_died"));
}

/* Of the connections that limits of HTTP/2 have closed, the reason. */
static inline double counted(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_listener_%s_total{listener=\"public\"}", name);
    return rig_metric(series);
}

/* Does `put` again and again, sending every `batch`, until the gateway has had enough (or `most`
 * times); returns how often. */
typedef void put_fn(struct h2_raw *c, unsigned nth);

static inline unsigned repeat(struct h2_raw *c, put_fn *put, unsigned most, unsigned batch)
{
    unsigned n = 0;
    while (n < most) {
        put(c, n++);
        if (n % batch == 0 && (!raw_send(c) || c->goaway != H2_NOTHING))
            break;
    }
    raw_send(c);
    return n;
}

/* The gateway must have ended the connection, and said why. */
static inline void expect_calm(struct h2_raw *c, const char *counter)
{
    const uint32_t code = raw_outcome(c);
    cr_assert_eq(code, H2_ENHANCE_YOUR_CALM, "GOAWAY %u", code);
    cr_assert(c->ended);
    cr_assert_geq(counted(counter), 1, "%s: %g", counter, counted(counter));
}

static inline void put_request(struct h2_raw *c, unsigned nth, const char *path)
{
    raw_request(c, 2 * nth + 1, "GET", path, H2_END_STREAM);
}

static inline void ping(struct h2_raw *c, unsigned nth)
{
    (void)nth;
    raw_put(c, H2_PING, 0, 0, "12345678", 8);
}

#endif
