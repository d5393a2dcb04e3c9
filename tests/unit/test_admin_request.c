/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the admin server with content, to rows that take it, by prefix and by method. */

#include "tests/unit/admin_peer.h"

static unsigned asked;
static char seen[ADMIN_CONTENT_SIZE + 1]; /* the content, NUL-terminated */

static void answer_thing(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    asked++;
    if (rq->content.n)
        memcpy(seen, rq->content.p, rq->content.n);
    seen[rq->content.n] = '\0';
    text_printf(&out->body, "%s %s rest=%.*s query=%.*s content=%zu\n", (const char *)ctx,
                method_name(rq->method), SLICE_ARG(rq->rest), SLICE_ARG(rq->query), rq->content.n);
}

static void answer_change(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    if (admin_may_change(rq, out))
        asked++;
}

static const struct admin_row rows[] = {
    {"/v1/things/first", answer_thing, "first", ADMIN_GET | ADMIN_POST},
    {"/v1/things/", answer_thing, "any", ADMIN_POST, .prefix = true},
    {"/v1/change", answer_change, NULL, ADMIN_POST},
    {"/healthz", admin_healthz, NULL},
};

static void begin(void)
{
    admin_begin(rows, array_n(rows));
}

TestSuite(admin_request, .init = begin, .fini = admin_finish);

#define BYE                                                                                        \
    "GET /healthz HTTP/1.1\r\n" HOST /* shows that the connection goes on where it should          \
                                      */

static void expect(struct peer *p, const char *status, const char *end)
{
    const char *got = hear(p);
    cr_assert(strstr(got, status) == got, "%s", got);
    cr_assert(strlen(got) >= strlen(end) && !strcmp(got + strlen(got) - strlen(end), end), "%s",
              got);
}

Test(admin_request, is_found_by_its_path_or_by_what_it_begins_with)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "POST /v1/things/a/b?c=d HTTP/1.1\r\nContent-Length: 2\r\n" HOST "{}");
    expect(&p, "HTTP/1.1 200 ", "any POST rest=a/b query=c=d content=2\n");
    cr_assert_str_eq(seen, "{}");
    say(&p, "POST /v1/things/first HTTP/1.1\r\n" HOST);
    expect(&p, "HTTP/1.1 200 ", "first POST rest= query= content=0\n");
    say(&p, "POST /v1/things/first/ HTTP/1.1\r\n" HOST);
    expect(&p, "HTTP/1.1 200 ", "any POST rest=first/ query= content=0\n");
    say(&p, "POST /v1/things/ HTTP/1.1\r\n" HOST);
    expect(&p, "HTTP/1.1 200 ", "any POST rest= query= content=0\n");
    say(&p, "POST /v1/things HTTP/1.1\r\n" HOST);
    expect(&p, "HTTP/1.1 404 ", "{\"error\":\"there is nothing at this path\"}\n");
    say(&p, "POST /v1/things/../change2 HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 404 ");
    cr_assert(!p.eof);
    close_peer(&p);
}

Test(admin_request, with_another_method_is_told_which_are_allowed)
{
    static const char *const cases[][3] = {
        {"GET", "/v1/things/x", "Allow: POST\r\n"},
        {"PUT", "/v1/things/first", "Allow: GET, HEAD, POST\r\n"},
        {"POST", "/healthz", "Allow: GET, HEAD\r\n"},
        {"DELETE", "/v1/change", "Allow: POST\r\n"},
    };
    struct peer p;
    open_peer(&p, 0);
    for (size_t i = 0; i < array_n(cases); i++) {
        char request[128];
        snprintf(request, sizeof request, "%s %s HTTP/1.1\r\n" HOST, cases[i][0], cases[i][1]);
        say(&p, request);
        const char *got = hear(&p);
        cr_assert(strstr(got, "HTTP/1.1 405 ") == got && strstr(got, cases[i][2]), "%s", got);
        cr_assert(strstr(got, "Content-Type: application/json\r\n"), "%s", got);
    }
    cr_assert(asked == 0 && !p.eof);
    close_peer(&p);
}

Test(admin_request, has_its_content_whatever_pieces_it_comes_in)
{
    static const char *const whole[] = {
        "POST /v1/things/x HTTP/1.1\r\nContent-Length: 5\r\n" HOST "hello" BYE,
        "POST /v1/things/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST
        "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nTrailer-Of: ours\r\n\r\n" BYE,
        "GET /v1/things/first HTTP/1.1\r\nContent-Length: 5\r\n" HOST "hello" BYE,
    };
    for (size_t i = 0; i < array_n(whole); i++)
        for (size_t cut = 1; cut < strlen(whole[i]); cut++) {
            struct peer p;
            char first[256] = "";
            memcpy(first, whole[i], cut);
            asked = 0;
            open_peer(&p, 0);
            say(&p, first);
            say(&p, whole[i] + cut);
            cr_assert(asked == 1 && !strcmp(seen, "hello"), "%zu cut at %zu", i, cut);
            expect(&p, "HTTP/1.1 200 ", "\r\n\r\nok\n");
            close_peer(&p);
        }
}

Test(admin_request, comes_after_the_one_before_it)
{
    struct peer p;
    open_peer(&p, 0);
    for (int i = 0; i < 50; i++)
        cr_assert(bytes_copy(
            &p.link->out, SLICE("POST /v1/things/x HTTP/1.1\r\nContent-Length: 3\r\n" HOST "abc")));
    link_send(p.link);
    link_end(p.link);
    loop_turn(&lp);
    cr_assert(asked == 50 && p.eof && !p.failed && admin_connections(admin) == 0);
    close_peer(&p);
}

static void say_zeros(struct peer *p, size_t n)
{
    static char zeros[4097];
    memset(zeros, '0', sizeof zeros - 1);
    for (; n; n -= n < 4096 ? n : 4096) {
        zeros[n < 4096 ? n : 4096] = '\0';
        say(p, zeros);
        zeros[n < 4096 ? n : 4096] = '0';
    }
}

Test(admin_request, takes_content_up_to_its_limit)
{
    struct peer p;
    char head[128];
    open_peer(&p, 0);
    snprintf(head, sizeof head, "POST /v1/things/x HTTP/1.1\r\nContent-Length: %d\r\n" HOST,
             ADMIN_CONTENT_SIZE);
    say(&p, head);
    say_zeros(&p, ADMIN_CONTENT_SIZE);
    expect(&p, "HTTP/1.1 200 ", "content=65536\n");
    say(&p, "POST /v1/things/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "8000\r\n");
    say_zeros(&p, 0x8000);
    say(&p, "\r\n8000\r\n");
    say_zeros(&p, 0x8000);
    say(&p, "\r\n0\r\n\r\n");
    expect(&p, "HTTP/1.1 200 ", "content=65536\n");
    close_peer(&p);
}

Test(admin_request, is_refused_with_more_content_than_that)
{
    struct peer p;
    char head[128];
    open_peer(&p, 0);
    snprintf(head, sizeof head, "POST /v1/things/x HTTP/1.1\r\nContent-Length: %d\r\n" HOST,
             ADMIN_CONTENT_SIZE + 1);
    say(&p, head);
    expect(&p, "HTTP/1.1 413 ", "{\"error\":\"the content is larger than 65536 bytes\"}\n");
    cr_assert(p.eof);
    close_peer(&p);
    open_peer(&p, 0);
    say(&p, "POST /v1/things/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "8000\r\n");
    say_zeros(&p, 0x8000);
    say(&p, "\r\n8001\r\n");
    say_zeros(&p, 0x8001);
    expect(&p, "HTTP/1.1 413 ", "bytes\"}\n");
    cr_assert(p.eof && asked == 0);
    close_peer(&p);
}

Test(admin_request, with_malformed_content_ends_the_connection)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "POST /v1/things/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "zz\r\n" BYE);
    const char *got = hear(&p);
    cr_assert(strstr(got, "HTTP/1.1 400 ") == got && strstr(got, "Connection: close\r\n"), "%s",
              got);
    cr_assert(strstr(got, "{\"error\":\"a chunk size is not a hexadecimal number"), "%s", got);
    cr_assert(p.eof && asked == 0);
    close_peer(&p);
}

Test(admin_request, refused_by_its_head_has_no_content_that_is_read)
{
    static const char *const heads[] = {"POST /nothing", "GET /v1/things/x", "POST /%zz"};
    for (size_t i = 0; i < array_n(heads); i++) {
        struct peer p;
        open_peer(&p, 0);
        say(&p, heads[i]);
        say(&p,
            " HTTP/1.1\r\nContent-Length: 99\r\n" HOST "POST /v1/things/x HTTP/1.1\r\n" HOST "...");
        starts(&p, "HTTP/1.1 4");
        cr_assert(p.eof && asked == 0);
        close_peer(&p);
    }
}

Test(admin_request, is_told_to_go_on_when_it_waits_for_that)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "POST /v1/things/x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" HOST);
    cr_assert_str_eq(hear(&p), "HTTP/1.1 100 Continue\r\n\r\n");
    say(&p, "{}");
    expect(&p, "HTTP/1.1 200 ", "content=2\n");
    say(&p,
        "POST /v1/things/x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" HOST "{}");
    expect(&p, "HTTP/1.1 200 ", "content=2\n");
    say(&p, "POST /nothing HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" HOST);
    starts(&p, "HTTP/1.1 404 ");
    close_peer(&p);
}

Test(admin_request, that_stays_incomplete_is_let_go_of)
{
    struct peer ended, slow;
    open_peer(&ended, 0);
    say(&ended, "POST /v1/things/x HTTP/1.1\r\nContent-Length: 9\r\n" HOST "half");
    link_end(ended.link);
    loop_turn(&lp);
    cr_assert(ended.eof && ended.heard.n == 0 && admin_connections(admin) == 0);
    open_peer(&slow, 0);
    say(&slow, "POST /v1/things/x HTTP/1.1\r\nContent-Length: 99\r\n" HOST);
    for (int i = 0; i < 11; i++) { /* a byte a second is not a request */
        if (!slow.eof && !slow.failed)
            say(&slow, "x");
        pass_ms(1000);
    }
    cr_assert(admin_connections(admin) == 0 && asked == 0);
    close_peer(&ended);
    close_peer(&slow);
}

Test(admin_request, changes_something_only_for_who_may)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "POST /v1/change HTTP/1.1\r\n" HOST);
    expect(&p, "HTTP/1.1 403 ",
           "{\"error\":\"who asks may not do that: role, tokens and clients of an admin socket say "
           "who may, and who comes by a unix socket usually does\"}\n");
    cr_assert(asked == 0 && !p.eof);
    close_peer(&p);
    open_peer_who(&p, 0, true);
    say(&p, "POST /v1/change HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 200 ");
    cr_assert_eq(asked, 1);
    close_peer(&p);
}
