/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are sent without waiting for the responses before them. */
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

TestSuite(pipelining, .init = begin, .fini = rig_end, .timeout = 120);

Test(pipelining, answers_in_the_order_of_the_requests)
{
    struct text many;
    rig_start();
    text_init(&many);
    for (int i = 0; i < 200; i++) /* each second one takes longer than the one behind it */
        text_printf(&many, "GET /?size=%d&delay=%d HTTP/1.1\r\nHost: a\r\n\r\n", i, i % 2 ? 0 : 2);
    struct talk *t = talk_open();
    talk_send_n(t, many.p, many.n);
    for (size_t i = 0; i < 200; i++) {
        const struct response *r = talk_response(t);
        cr_assert(r->whole, "%zu: %s", i, r->fault);
        cr_assert_eq(r->body.n, i);
    }
    text_fini(&many);
}

Test(pipelining, keeps_content_and_the_next_head_apart)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "POST /?echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n"
                 "GET /x HTTP/1.1\r\n\r"
                 "POST /?echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "4\r\nGET \r\n0\r\n\r\n"
                 "GET /last?echo HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(body_has(r, "\r\n\r\nGET /x HTTP/1.1\r\n\r"), "%s", r->body.p);
    cr_assert(body_has(talk_response(t), "\r\n\r\nGET "));
    cr_assert(!strncmp(talk_response(t)->body.p, "GET /last", 9));
    cr_assert_eq(origin_requests(app), 3);
}

Test(pipelining, takes_requests_byte_by_byte)
{
    static const char two[] =
        "POST /?count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nok\r\n0\r\nX-T: 1\r\n\r\nGET /?size=3 HTTP/1.1\r\nHost: a\r\n\r\n";
    rig_start();
    struct talk *t = talk_open();
    for (size_t i = 0; i < sizeof two - 1; i++)
        talk_send_n(t, two + i, 1);
    cr_assert(body_is(talk_response(t), "2 of rubbish\n"));
    cr_assert_eq(talk_response(t)->body.n, 3);
}

Test(pipelining, stops_reading_while_too_much_waits)
{
    static const char one[] =
        "GET /?size=1 HTTP/1.1\r\nHost: a\r\nX-Fill: ................\r\n\r\n";
    enum { MANY = 1000 };
    rig_start();
    origin_script(app, "delay=1");
    struct talk *t = talk_open();
    struct text many;
    text_init(&many);
    for (int i = 0; i < MANY; i++)
        text_str(&many, one);
    cr_assert(talk_send_n(t, many.p, many.n));
    for (int i = 0; i < MANY; i++)
        cr_assert(talk_response(t)->whole);
    cr_assert_eq(origin_requests(app), MANY);
    text_fini(&many);
}

Test(pipelining, closes_behind_the_response_that_says_so)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                 "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(!talk_response(t)->closes);
    cr_assert(talk_response(t)->closes);
    cr_assert(talk_ended(t));
    cr_assert_eq(origin_requests(app), 2);
}

Test(pipelining, drops_what_follows_a_malformed_request)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /2 HTTP/1.1\r\nHost : a\r\n\r\n"
                 "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200);
    cr_assert_eq(talk_response(t)->status, 400);
    cr_assert(talk_ended(t));
    cr_assert_eq(origin_requests(app), 1);
}

Test(pipelining, ends_what_waits_when_the_client_goes)
{
    rig_start();
    origin_script(app, "hang");
    struct talk *t = talk_open();
    talk_send(t, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    talk_close(t);
    AWAIT(origin_open(app) == 0);
    const char *line = rig_await_access("\"path\":\"/1\"");
    cr_assert_str_eq(json_of(line, "outcome"), "client_gone");
    cr_assert_str_eq(json_of(line, "status"), "499");
}
