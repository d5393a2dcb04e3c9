/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway says itself: status, fields and content of each kind of answer, in each form.
 * The exchange is made by hand, with what answer.c looks at. */

#include "core/answer.h"

#include <criterion/criterion.h>

#include "core/exchange.h"
#include "core/route/route.h"

static struct listener_conf listener = {.forwarding.name = SLICE_INIT("weir")};
static struct config config = {.listeners = &listener, .listeners_n = 1};
static struct generation g = {.config = &config};
static struct loop loop;
static struct worker w = {.loop = &loop, .g = &g};
static struct client_facts facts = {.scheme = SLICE_INIT("https")};
static struct route_conf route_conf;
static struct route route = {.conf = &route_conf};
static struct exchange x;
static char content[8192];

static void begin(void)
{
    clock_set(&loop.clock, 1, UINT64_C(784111777) * 1000000); /* the date of RFC 9110 5.6.7 */
    bytes_stock_init(&loop.stock, 4);
    arena_init(&x.arena, NULL, 0);
    bytes_init(&x.own, &loop.stock);
    x.w = &w;
    x.facts = &facts;
    x.request.method_id = METHOD_GET;
    fields_init(&x.request.fields, &x.arena, 4);
    x.request_id = SLICE("0123abc");
    x.route = &route;
}

static void end(void)
{
    bytes_clear(&x.own);
    bytes_stock_fini(&loop.stock);
    arena_fini(&x.arena);
}

TestSuite(answer, .init = begin, .fini = end);

static void accept_type(const char *type)
{
    fields_add_token(&x.request.fields, &x.arena, TOKEN_ACCEPT, slice_str(type));
}

static const char *field(const char *name)
{
    const struct field *f = fields_find(&x.reply.fields, slice_str(name));
    return f ? arena_printf(&x.arena, "%.*s", SLICE_ARG(f->value)) : "(absent)";
}

static const char *body(void)
{
    size_t n = 0;
    while (x.own.n) {
        struct slice s = bytes_front(&x.own);
        cr_assert(n + s.n < sizeof content);
        memcpy(content + n, s.p, s.n);
        n += s.n;
        bytes_consume(&x.own, s.n);
    }
    content[n] = '\0';
    return content;
}

#define EQ(a, b) cr_assert_str_eq(a, b)

Test(answer, tells_status_reason_and_request_as_text)
{
    x.why = WHY_NO_ROUTE;
    answer_why(&x);
    cr_assert(x.reply.status == 404 && slice_eq(x.reply.reason, SLICE("Not Found")));
    cr_assert(x.reply.body == BODY_LENGTH && x.reply.has_length);
    cr_assert(x.reply.content_length == x.own.n);
    EQ(field("Content-Type"), "text/plain; charset=utf-8");
    EQ(field("Cache-Control"), "no-store");
    EQ(field("Server"), "weir");
    EQ(field("Date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    EQ(field("Retry-After"), "(absent)");
    EQ(body(), "404 Not Found\nNo route leads there.\nreason: no_route\nrequest: 0123abc\n");
}

Test(answer, tells_the_same_as_json)
{
    accept_type("application/json");
    x.why = WHY_NO_ROUTE;
    answer_why(&x);
    EQ(field("Content-Type"), "application/json");
    EQ(body(), "{\"error\":\"no_route\",\"status\":404,\"message\":\"No route leads there.\","
               "\"request_id\":\"0123abc\"}\n");
}

Test(answer, tells_the_same_as_html_and_escapes_the_request_id)
{
    accept_type("text/html");
    x.request_id = SLICE("<b>&\"'");
    x.why = WHY_NO_ROUTE;
    answer_why(&x);
    EQ(field("Content-Type"), "text/html; charset=utf-8");
    EQ(body(), "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
               "<title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n"
               "<p>No route leads there.</p>\n<p>reason: no_route<br>request: "
               "&lt;b&gt;&amp;&quot;&#39;</p>\n</body>\n</html>\n");
}

Test(answer, leaves_out_a_request_id_that_is_not_there)
{
    const char *const accepted[] = {"text/plain", "text/html", "application/json"};
    x.request_id = (struct slice){0};
    x.why = WHY_BAD_REQUEST;
    for (size_t i = 0; i < array_n(accepted); i++) {
        fields_init(&x.request.fields, &x.arena, 1);
        accept_type(accepted[i]);
        answer_why(&x);
        cr_assert(!strstr(body(), "request:") && !strstr(content, "request_id"));
        cr_assert(strstr(content, "bad_request"));
    }
}

Test(answer, has_room_for_every_reason_and_the_longest_request_id)
{
    const char *const accepted[] = {"text/plain", "text/html", "application/json"};
    char id[1000];
    memset(id, '"', sizeof id); /* grows most when it is escaped */
    x.request_id = slice_of(id, sizeof id);
    for (size_t i = 0; i < array_n(accepted); i++)
        for (int why = WHY_NONE + 1; why < WHY_N; why++) {
            if (!why_facts((enum why)why)->status)
                continue;
            fields_init(&x.request.fields, &x.arena, 1);
            accept_type(accepted[i]);
            x.why = (enum why)why;
            answer_why(&x);
            cr_assert(x.reply.status == why_facts(x.why)->status);
            cr_assert(x.reply.content_length == x.own.n);
            cr_assert(strstr(body(), why_facts(x.why)->word));
            cr_assert(strstr(content, why_facts(x.why)->text));
        }
}

Test(answer, adds_retry_after_to_503_and_allow_to_405)
{
    x.why = WHY_CONNECT;
    answer_why(&x);
    EQ(field("Retry-After"), "1");
    EQ(field("Allow"), "(absent)");
    x.why = WHY_METHOD_REFUSED;
    answer_why(&x);
    EQ(field("Retry-After"), "(absent)");
    EQ(field("Allow"), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
}

Test(answer, gives_head_the_length_and_no_content)
{
    x.why = WHY_NO_ROUTE;
    answer_why(&x);
    const uint64_t length = x.reply.content_length;
    x.request.method_id = METHOD_HEAD;
    answer_why(&x);
    cr_assert(x.own.n == 0 && x.reply.body == BODY_NONE);
    cr_assert(x.reply.has_length && x.reply.content_length == length);
    EQ(field("Content-Type"), "text/plain; charset=utf-8");
}

Test(answer, goes_out_without_content_when_there_is_no_block)
{
    struct block *all[4];
    for (int i = 0; i < 4; i++)
        cr_assert(all[i] = block_get(&loop.stock.blocks));
    x.why = WHY_OVERLOAD;
    answer_why(&x);
    cr_assert(x.reply.status == 503 && x.own.n == 0);
    cr_assert(x.reply.body == BODY_NONE && x.reply.has_length && x.reply.content_length == 0);
    EQ(field("Content-Type"), "(absent)");
    for (int i = 0; i < 4; i++)
        block_unref(all[i]);
}

Test(answer, answers_a_request_of_which_nothing_was_understood)
{
    memset(&x.request, 0, sizeof x.request);
    x.request_id = (struct slice){0};
    x.why = WHY_BAD_REQUEST;
    answer_why(&x);
    EQ(body(), "400 Bad Request\nThe request is malformed.\nreason: bad_request\n");
}

/* -- routes ------------------------------------------------------------------------------------ */

Test(answer, redirects_with_a_location_and_a_note)
{
    route_conf.action = ACTION_REDIRECT;
    route_conf.redirect.status = 308;
    route_conf.redirect.host = SLICE("new.example");
    x.host.name = SLICE("old.example");
    x.target.path = SLICE("/a");
    x.target.query = SLICE("b='1'&c");
    answer_route(&x);
    cr_assert(x.reply.status == 308);
    EQ(field("Location"), "https://new.example/a?b='1'&c");
    EQ(field("Cache-Control"), "(absent)");
    EQ(body(), "308 Permanent Redirect\nhttps://new.example/a?b='1'&c\n");
    accept_type("text/html");
    answer_route(&x);
    cr_assert(strstr(body(), "<a href=\"https://new.example/a?b=&#39;1&#39;&amp;c\">"));
    fields_init(&x.request.fields, &x.arena, 1);
    accept_type("application/json");
    answer_route(&x);
    EQ(body(), "{\"status\":308,\"location\":\"https://new.example/a?b='1'&c\"}\n");
}

static void respond(int status, const char *text)
{
    route_conf.action = ACTION_RESPOND;
    route_conf.respond.status = status;
    route_conf.respond.body = slice_str(text);
    route_conf.respond.type = SLICE("text/css");
    answer_route(&x);
}

Test(answer, responds_as_the_route_says)
{
    respond(418, "short and stout");
    cr_assert(x.reply.status == 418 && x.reply.content_length == 15);
    EQ(field("Content-Type"), "text/css");
    EQ(body(), "short and stout");
    respond(200, "");
    cr_assert(x.reply.has_length && x.reply.content_length == 0 && x.reply.body == BODY_NONE);
    EQ(field("Content-Type"), "(absent)");
}

Test(answer, responds_without_content_where_the_status_allows_none)
{
    respond(204, "text");
    cr_assert(x.own.n == 0 && x.reply.body == BODY_NONE && !x.reply.has_length);
    respond(304, "text");
    cr_assert(x.own.n == 0 && x.reply.body == BODY_NONE && !x.reply.has_length);
    respond(205, "text");
    cr_assert(x.own.n == 0 && x.reply.body == BODY_NONE);
    cr_assert(x.reply.has_length && x.reply.content_length == 0);
}

Test(answer, responds_to_head_with_the_length_of_the_content)
{
    x.request.method_id = METHOD_HEAD;
    respond(200, "12345");
    cr_assert(x.own.n == 0 && x.reply.body == BODY_NONE && x.reply.content_length == 5);
}

Test(answer, responds_with_more_than_a_block_holds)
{
    static char large[BLOCK_SIZE * 6 + 1]; /* more than the stock has: it is not copied */
    memset(large, 'x', sizeof large - 1);
    respond(200, large);
    cr_assert(x.own.n == sizeof large - 1 && x.reply.content_length == sizeof large - 1);
}

Test(answer, tells_its_methods_to_options)
{
    answer_options(&x);
    cr_assert(x.reply.status == 200 && x.reply.has_length && x.reply.content_length == 0);
    EQ(field("Allow"), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
}

Test(answer, replaces_what_an_earlier_one_had_queued)
{
    respond(200, "first");
    x.why = WHY_NO_ROUTE;
    answer_why(&x);
    cr_assert(strncmp(body(), "404", 3) == 0);
}
