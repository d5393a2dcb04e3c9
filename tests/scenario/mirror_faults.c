/* SPDX-License-Identifier: Apache-2.0 */
/* Mirrors that do all that a mirror can do wrong: the client never notices. What is asserted is
 * what has happened and in which order, never how long it took: the client has its whole answer
 * while the copy is still under way. */
#include "mirror_case.h"
#include "tests/lib/pattern.h"

#include <stdio.h>
#include <string.h>

MIRROR_SUITE(mirror_faults);

enum { UPLOAD = 1000000 };
#define PATIENT MIRROR("body_limit = \"8m\"; timeout = \"60s\"; compare = { content = true; };")

/* A request with content, over either protocol, whose answer says that all of it came. */
static void upload_h1(struct talk *t)
{
    static char content[UPLOAD];
    pattern_fill(content, 0, UPLOAD);
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", UPLOAD);
    talk_send_n(t, content, UPLOAD);
    const struct response *r = talk_response(t);
    cr_assert(r->status == 200 && r->whole && body_has(r, "1000000 of pattern"), "%d %s", r->status,
              r->body.p);
}

static void upload_h2(struct h2_talk *t)
{
    const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/?count", .pattern = UPLOAD));
    cr_assert(s->status == 200 && s->ended && strstr(s->body.p, "1000000 of pattern"), "%d %s",
              s->status, s->body.p);
}

/* Several requests on kept connections: whatever the mirror does, they stay good. */
static void clients_notice_nothing(void)
{
    struct talk *t = talk_open();
    struct h2_talk *t2 = h2_talk_open();
    for (int i = 0; i < 2; i++) {
        upload_h1(t);
        upload_h2(t2);
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(body_is(talk_response(t), "app\n"));
        cr_assert_eq(h2_answer(t2, h2_ask(t2))->status, 200);
    }
    cr_assert_eq(origin_requests(mirror_app), 8);
    cr_assert_eq(rig_metric("weir_route_requests_total{route=\"all\"}"), 8);
}

/* They were answered while all copies are still under way. */
static void copies_are_still_under_way(void)
{
    cr_assert_eq(mirror_count("sent"), 8);
    cr_assert_eq(json_integer_value(mirror_told("under_way")), 8);
}

static void copies_end_as(const char *count)
{
    AWAIT(mirror_count("sent") == 8 && mirror_count(count) == 8);
    AWAIT(json_integer_value(mirror_told("under_way")) == 0);
}

Test(mirror_faults, hangs)
{
    origin_script(mirror_shade, "hang");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_are_still_under_way();
}

Test(mirror_faults, never_accepts)
{
    origin_clog(mirror_shade);
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_are_still_under_way();
}

Test(mirror_faults, reads_slowly)
{
    origin_script(mirror_shade, "count sip=20");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    cr_assert_gt(json_integer_value(mirror_told("under_way")), 0);
    copies_end_as("answered");
}

Test(mirror_faults, answers_slowly)
{
    origin_script(mirror_shade, "delay=300");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_end_as("answered");
}

Test(mirror_faults, refuses_connections)
{
    mirror_start(1, PATIENT);
    origin_stop(mirror_shade);
    clients_notice_nothing();
    copies_end_as("failed");
}

Test(mirror_faults, resets_instead_of_answering)
{
    origin_script(mirror_shade, "abort");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_end_as("failed");
}

Test(mirror_faults, breaks_its_response_off)
{
    origin_script(mirror_shade, "size=100000 cut=50000");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_end_as("failed");
}

Test(mirror_faults, sends_garbage)
{
    origin_script(mirror_shade, "raw");
    origin_raw(mirror_shade, "\x16\x03\x01 no HTTP \r\n\r\n\r\n", 18);
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    copies_end_as("failed");
}

Test(mirror_faults, answers_before_it_has_read)
{
    origin_script(mirror_shade, "early status=413 close");
    mirror_start(1, PATIENT);
    clients_notice_nothing();
    AWAIT(json_integer_value(mirror_told("under_way")) == 0);
    cr_assert_eq(mirror_count("answered") + mirror_count("failed"), 8);
}

/* What isn't kept is dropped as it comes, so the worker doesn't grow either. */
Test(mirror_faults, answers_without_end)
{
    origin_script(mirror_shade, "chunked=65536 size=1000000000000");
    mirror_start(
        1, MIRROR("body_limit = \"8m\"; timeout = \"700ms\"; compare = { content = true; };"));
    clients_notice_nothing();
    copies_end_as("failed");
    if (RIG_FIGURES)
        cr_assert_lt(rig_private_kb(rig_worker(0)), 64 * 1024);
}

Test(mirror_faults, ends_at_its_timeout)
{
    origin_script(mirror_shade, "hang");
    mirror_start(1, MIRROR("body_limit = \"8m\"; timeout = \"200ms\";"));
    clients_notice_nothing();
    copies_end_as("failed");
}

/* -- clients that end early ------------------------------------------------------------------- */

Test(mirror_faults, ends_with_a_client_that_aborts_its_content)
{
    mirror_start(1, PATIENT);
    struct talk *t = talk_open();
    talk_send(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf");
    AWAIT(origin_bytes(mirror_shade) > 4);
    talk_reset(t);
    AWAIT(mirror_count("aborted") == 1);
    struct h2_talk *t2 = h2_talk_open();
    const int32_t id = h2_ask(t2, .method = "POST", .content = "half", .open = true);
    H2_AWAIT(t2, mirror_count("sent") == 2);
    h2_reset(t2, id, 8);
    H2_AWAIT(t2, mirror_count("aborted") == 2);
    cr_assert_eq(json_integer_value(mirror_told("under_way")), 0);
    cr_assert_eq(mirror_count("skipped"), 2);
}

/* The request is complete: the copy doesn't need its client any more. */
Test(mirror_faults, outlives_a_client_that_goes_away)
{
    origin_script(mirror_app, "hang");
    origin_script(mirror_shade, "delay=300");
    mirror_start(1, PATIENT);
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(mirror_shade) == 1);
    talk_reset(t);
    AWAIT(mirror_count("answered") == 1 && mirror_count("skipped") == 1);
    cr_assert_eq(mirror_count("compared"), 0);
}

/* -- reload and drain ------------------------------------------------------------------------- */

Test(mirror_faults, lets_a_generation_drain)
{
    origin_script(mirror_shade, "hang");
    mirror_start(2, MIRROR("timeout = \"300ms\";"));
    for (int i = 0; i < 4; i++)
        get("/");
    AWAIT(mirror_count("sent") == 4);
    cr_assert(mirror_reload(2, MIRROR("timeout = \"300ms\";")));
    AWAIT(mirror_count("failed") + mirror_count("aborted") == 4);
    AWAIT(json_integer_value(mirror_told("under_way")) == 0);
    AWAIT(rig_count("worker/") == 2);
    cr_assert_eq(get("/")->status, 200);
}

Test(mirror_faults, lets_the_gateway_stop)
{
    origin_script(mirror_shade, "hang");
    mirror_start(2, PATIENT);
    for (int i = 0; i < 4; i++)
        get("/");
    AWAIT(mirror_count("sent") == 4);
    rig_stop();
    AWAIT(origin_open(mirror_shade) == 0);
}
