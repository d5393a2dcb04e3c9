/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests are copied, with what, and how many at a time. What becomes of copies that go
 * wrong is in mirror_faults.c. */
#include "mirror_case.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MIRROR_SUITE(mirror);

/* -- which ------------------------------------------------------------------------------------- */

Test(mirror, takes_the_exact_share_over_four_workers_and_both_protocols)
{
    mirror_start(4, MIRROR("percent = \"12.5%\"; concurrency = 10000;"));
    mirror_send(1003, 1000);
    AWAIT(mirror_count("answered") == 250); /* floor(2003 / 8) */
    cr_assert_eq(origin_requests(mirror_shade), 250);
    cr_assert_eq(origin_requests(mirror_app), 2003);
    cr_assert_eq(mirror_count("drawn"), 250);
}

Test(mirror, takes_fractions_of_a_percent)
{
    mirror_start(4, MIRROR("percent = \"0.1%\";"));
    mirror_send(2000, 1999);
    AWAIT(mirror_count("answered") == 3);
    mirror_send(1, 0);
    AWAIT(mirror_count("answered") == 4);
    cr_assert_eq(origin_requests(mirror_shade), 4);
}

Test(mirror, goes_on_with_its_schedule_after_a_reload)
{
    mirror_start(2, MIRROR("percent = \"10%\";"));
    mirror_send(9, 0);
    cr_assert(mirror_reload(3, MIRROR("percent = \"10%\";")));
    mirror_send(0, 10);
    AWAIT(mirror_count("answered") == 1);
    mirror_send(1, 0);
    AWAIT(mirror_count("answered") == 2);
}

Test(mirror, copies_chosen_methods_only)
{
    mirror_start(1, MIRROR("methods = [ \"GET\", \"PURGE\" ];"));
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    ask("PURGE / HTTP/1.1\r\nHost: a\r\n\r\n");
    ask("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    get("/");
    AWAIT(mirror_count("answered") == 2);
    cr_assert_eq(mirror_count("drawn"), 2);
}

Test(mirror, never_copies_what_becomes_a_tunnel)
{
    mirror_start(1, MIRROR(""));
    struct talk *t = talk_open();
    talk_send(t,
              "GET /?upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    cr_assert_eq(talk_head(t)->status, 101);
    get("/");
    AWAIT(mirror_count("answered") == 1);
    cr_assert_eq(mirror_count("drawn"), 1);
    cr_assert_eq(origin_requests(mirror_shade), 1);
}

Test(mirror, copies_nothing_that_the_gateway_answers)
{
    mirror_start(1, "( { name = \"all\"; cluster = \"app\"; match = { path_prefix = \"/a\"; };"
                    "    mirror = ( { cluster = \"shade\"; } ); } )");
    cr_assert_eq(get("/b")->status, 404);
    cr_assert_eq(get("/a")->status, 200);
    AWAIT(mirror_count("answered") == 1);
    cr_assert_eq(origin_requests(mirror_shade), 1);
}

/* -- with what --------------------------------------------------------------------------------- */

static bool has_line(const char *head, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
    return strcasestr(head, whole);
}

Test(mirror, copies_the_head_as_the_cluster_gets_it)
{
    mirror_start(
        1, "( { name = \"all\"; cluster = \"app\"; rewrite = { path = \"/new\"; };"
           "    mirror = ( { cluster = \"shade\"; remove = [ \"Authorization\", \"X-None\" ]; } );"
           "    headers = { request = { set = ( { name = \"X-Set\"; value = \"%{route}\"; } ); }; "
           "}; } )");
    ask("GET /old?a=1 HTTP/1.1\r\nHost: site.test\r\nX-A: 1\r\nX-A: 2\r\nAuthorization: Basic "
        "eA==\r\n"
        "X-Weir-Mirror: forged\r\n\r\n");
    AWAIT(mirror_count("answered") == 1);
    char *app = origin_last_head(mirror_app), *shade = origin_last_head(mirror_shade);
    cr_assert(strncmp(shade, "GET /new?a=1 HTTP/1.1\r\n", 23) == 0, "%s", shade);
    cr_assert(has_line(shade, "Host: site.test") && has_line(shade, "X-Set: all"), "%s", shade);
    cr_assert(has_line(shade, "X-A: 1\r\nX-A: 2"));
    cr_assert(has_line(shade, "X-Forwarded-For: 127.0.0.1"), "%s", shade);
    cr_assert(has_line(shade, "X-Forwarded-Host: site.test"));
    cr_assert(has_line(shade, "X-Weir-Mirror: all"));
    cr_assert(!strstr(shade, "forged") && !strcasestr(shade, "Authorization"));
    cr_assert(has_line(app, "Authorization: Basic eA=="), "the mirror alone is without: %s", app);
    cr_assert(!has_line(app, "X-Weir-Mirror: all"));
    free(app);
    free(shade);
}

Test(mirror, gives_another_marker_and_host_when_told)
{
    mirror_start(1, MIRROR("marker = \"X-Copy\"; host = \"lab.test\";"));
    get("/");
    AWAIT(mirror_count("answered") == 1);
    char *shade = origin_last_head(mirror_shade);
    cr_assert(has_line(shade, "Host: lab.test") && has_line(shade, "X-Copy: all"), "%s", shade);
    cr_assert(!strcasestr(shade, "X-Weir-Mirror"));
    free(shade);
}

/* Both origins count what they get, and both must say the same of it. */
#define COUNTING MIRROR("body_limit = \"1m\"; compare = { content = true; };")

Test(mirror, copies_content_over_http1)
{
    origin_script(mirror_app, "count");
    origin_script(mirror_shade, "count");
    mirror_start(1, COUNTING);
    static char content[300000];
    memset(content, 'x', sizeof content);
    struct talk *t = talk_open();
    talk_send(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", sizeof content);
    talk_send_n(t, content, sizeof content);
    cr_assert(body_has(talk_response(t), "300000 of "), "%s", t->r.body.p);
    talk_send(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    talk_send(t, "2\r\nde\r\n0\r\n\r\n");
    cr_assert(body_has(talk_response(t), "5 of "));
    AWAIT(mirror_count("compared") == 2);
    cr_assert_eq(mirror_count("mismatched"), 0, "%s", mirror_difference(0));
}

Test(mirror, copies_content_over_http2)
{
    origin_script(mirror_app, "count");
    origin_script(mirror_shade, "count");
    mirror_start(1, COUNTING);
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s = h2_answer(t, h2_ask(t, .pattern = 300000));
    cr_assert(strstr(s->body.p, "300000 of pattern"), "%s", s->body.p);
    AWAIT(mirror_count("compared") == 1);
    cr_assert_eq(mirror_count("mismatched"), 0, "%s", mirror_difference(0));
}

Test(mirror, speaks_http2_to_its_cluster)
{
    mirror_shade = origin_start_with((struct origin_spec){.name = "shade", .protocol = ORIGIN_H2});
    origin_script(mirror_app, "count");
    origin_script(mirror_shade, "count");
    mirror_start(1, MIRROR_ROUTE(MIRROR_TO("shade2", "body_limit = \"1m\";"
                                                     "compare = { content = true; };")));
    struct h2_talk *t = h2_talk_open();
    cr_assert_eq(h2_answer(t, h2_ask(t, .pattern = 200000))->status, 200);
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    AWAIT(rig_metric("weir_mirror_compared_total{route=\"all\",cluster=\"shade2\"}") == 2);
    cr_assert_eq(rig_metric("weir_mirror_mismatched_total{route=\"all\",cluster=\"shade2\"}"), 0);
}

Test(mirror, drops_copies_of_too_much_content)
{
    mirror_start(1, MIRROR("body_limit = 10;"));
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    AWAIT(mirror_count("answered") == 1);
    const struct response *r =
        ask("POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n0123456789a");
    cr_assert(r->status == 200 && body_has(r, "11 of "), "%s", r->body.p);
    cr_assert_eq(mirror_count("dropped_body"), 1);
    cr_assert_eq(mirror_count("sent"), 1, "not even begun");
    r = ask("POST /?count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nabcde\r\n6\r\nfghijk\r\n0\r\n\r\n");
    cr_assert(r->status == 200 && body_has(r, "11 of "), "%s", r->body.p);
    AWAIT(mirror_count("dropped_body") == 2);
    cr_assert_str_eq(json_of(rig_await_access("\"mirror.dropped\""), "mirror.dropped"), "body");
}

/* -- how many ---------------------------------------------------------------------------------- */

Test(mirror, keeps_its_limit_over_all_workers)
{
    origin_script(mirror_shade, "hang");
    mirror_start(4, MIRROR("concurrency = 3; timeout = \"30s\";"));
    for (int i = 0; i < 12; i++) /* each on a connection of its own, so to any worker */
        cr_assert_eq(get("/")->status, 200);
    AWAIT(mirror_count("sent") == 3 && mirror_count("dropped_concurrency") == 9);
    cr_assert_eq(json_integer_value(mirror_told("under_way")), 3);
    AWAIT(origin_requests(mirror_shade) == 3);
}

Test(mirror, has_room_again_when_copies_end)
{
    origin_script(mirror_shade, "hang");
    mirror_start(1, MIRROR("concurrency = 1; timeout = \"100ms\";"));
    get("/");
    get("/");
    cr_assert_eq(mirror_count("sent") + mirror_count("dropped_concurrency"), 2);
    AWAIT(json_integer_value(mirror_told("under_way")) == 0);
    const unsigned sent = mirror_count("sent");
    get("/");
    AWAIT(mirror_count("sent") == sent + 1);
}

/* What the dead one had under way must not count for ever. */
Test(mirror, has_room_again_when_a_worker_dies)
{
    origin_script(mirror_shade, "hang");
    mirror_start(1, MIRROR("concurrency = 1; timeout = \"60s\";"));
    get("/");
    AWAIT(mirror_count("sent") == 1);
    rig_expect_deaths();
    kill(rig_worker(0), SIGKILL);
    rig_await_log("worker");
    AWAIT(origin_open(mirror_shade) == 0);
    cr_assert_eq(get("/")->status, 200);
    AWAIT(mirror_count("sent") == 2);
    cr_assert_eq(json_integer_value(mirror_told("under_way")), 1);
}

Test(mirror, copies_to_several_clusters)
{
    struct origin *other = origin_start("other");
    rig_start(
            .clusters =
                "shade = { endpoints = [ \"$shade\" ]; }; other = { endpoints = [ \"$other\" ]; };",
            .routes = MIRROR_ROUTE(MIRROR_TO("shade", "percent = \"50%\";") ", " MIRROR_TO(
                "other", "") ", " MIRROR_TO("other", "percent = \"25%\";")));
    for (int i = 0; i < 8; i++)
        get("/");
    AWAIT(origin_requests(mirror_shade) == 4 && origin_requests(other) == 8 + 2);
    cr_assert_eq(origin_requests(mirror_app), 8);
    /* two to one cluster are two */
    AWAIT(rig_metric("weir_mirror_sent_total{route=\"all\",cluster=\"other\"}") == 8);
    AWAIT(rig_metric("weir_mirror_sent_total{route=\"all\",cluster=\"other\",nth=\"2\"}") == 2);
    const json_t *told = mirror_told_all();
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(told, 1), "sent")), 8);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(told, 2), "sent")), 2);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(told, 2), "nth")), 2);
}
