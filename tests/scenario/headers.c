/* SPDX-License-Identifier: Apache-2.0 */
/* The module headers: what it changes on the way in and on the way out, from which values, and that
 * nothing a client sends begins a field of its own. */
#include "tests/lib/browse.h"
#include "tests/lib/h2_talk.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

static void end(void)
{
    browsers_end();
    h2_talks_end();
    rig_end();
}

TestSuite(headers, .init = begin, .fini = end, .timeout = 120);

#define ROUTE(match, headers)                                                                      \
    "( { name = \"all\"; " match " cluster = \"app\"; headers = { " headers " }; } )"
#define SET(direction, name, value)                                                                \
    direction " = { set = ( { name = \"" name "\"; value = \"" value "\"; } ); };"

/* What the origin got of a request with these fields. */
static const char *sent(const char *target, const char *fields)
{
    const struct response *r = ask("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, fields);
    cr_assert_eq(r->status, 200);
    return r->body.p;
}

static unsigned times(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
        n++;
    return n;
}

Test(headers, changes_requests_in_a_fixed_order)
{
    rig_start(.routes = ROUTE("", "request = {"
                                  " add = ( { name = \"X-Add\"; value = \"more\"; } );"
                                  " append = ( { name = \"X-List\"; value = \"z\"; },"
                                  "            { name = \"X-New\"; value = \"n\"; } );"
                                  " set = ( { name = \"X-Set\"; value = \"ours\"; } );"
                                  " rename = ( { from = \"X-Old\"; to = \"X-Name\"; } );"
                                  " remove = [ \"X-Gone\", \"X-Name\" ]; };"));
    const char *got = sent("/?echo", "X-Add: one\r\nX-List: a\r\nx-list: b, c\r\nX-List:\r\n"
                                     "X-Set: theirs\r\nx-set: too\r\n"
                                     "X-Old: 1\r\nX-Old: 2\r\nX-Name: 0\r\nX-GONE: x\r\n");
    cr_assert(strstr(got, "\r\nX-Add: one\r\n") && strstr(got, "\r\nX-Add: more\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\nX-List: a, b, c, z\r\n"));
    cr_assert(strstr(got, "\r\nX-New: n\r\n"));
    cr_assert(strstr(got, "\r\nX-Set: ours\r\n"));
    cr_assert(!strstr(got, "theirs") && !strstr(got, "too") && !strstr(got, "X-G"));
    cr_assert(strstr(got, "\r\nX-Name: 1\r\n") && strstr(got, "\r\nX-Name: 2\r\n"));
    cr_assert(!strstr(got, "X-Old") && !strstr(got, "X-Name: 0"));
    cr_assert_eq(rig_metric("weir_headers_changed_total{route=\"all\"}"), 8);
}

Test(headers, changes_responses_and_the_gateways_own_answers)
{
    rig_start(.routes = "( { name = \"all\"; cluster = \"app\"; headers = {" SET(
                  "response", "X-Status", "%{status} of %{route}") "}; },"
                  "  { name = \"own\"; match = { path = \"/own\"; }; respond = { status = 403; };"
                  "    headers = { response = { add = ( { name = \"X-Own\"; value = \"yes\"; } );"
                  "                             remove = [ \"Server\" ]; }; }; } )");
    const struct response *r = ask("GET /?status=404 HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_str_eq(field_of(r, "X-Status"), "404 of all");
    r = ask("GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_eq(r->status, 403);
    cr_assert_str_eq(field_of(r, "X-Own"), "yes");
    cr_assert(!strstr(r->head.p, "Server:"), "%s", r->head.p);
}

Test(headers, does_the_same_over_http2)
{
    rig_start(.listener = "protocols = [ \"h2\" ];",
              .routes = ROUTE("", SET("request", "x-who", "%{source}")
                                      SET("response", "X-Proto", "%{protocol}")));
    struct browser *b = browser_open(BROWSE_H2, NULL);
    const struct page *p = browse(b, .target = "/?echo");
    cr_assert_eq(p->status, 200, "%s", p->fault);
    cr_assert_str_eq(page_field(p, "x-proto", 0), "HTTP/2.0");
    cr_assert(strstr(p->text, "x-who: 127.0.0.1\r\n"), "%s", p->text);
}

Test(headers, takes_values_from_the_request)
{
    rig_start(.routes = ROUTE(
                  "match = { path_regex = \"^/users/([^/]+)/(?<part>.*)$\"; };",
                  "request = { set = ( { name = \"X-All\"; value = \"%{capture.1}|%{capture.part}|"
                  "%{query.note}|%{cookie.c}|%{request.x-in}|%{method}|%{query.none|nothing}\"; } ); };"));
    const char *got = sent("/users/ann/mail?echo&note=a%20b", "Cookie: d=1; c=crumb\r\nX-In: v\r\n");
    cr_assert(strstr(got, "\r\nX-All: ann|mail|a b|crumb|v|GET|nothing\r\n"), "%s", got);
}

Test(headers, takes_a_field_away_when_its_value_is_empty)
{
    rig_start(.routes = ROUTE("", "request = { set = ( { name = \"X-User\"; value = \"%{claim.sub}\"; } );"
                                  "            add = ( { name = \"X-A\"; value = \"%{query.a}\"; } );"
                                  "            append = ( { name = \"X-B\"; value = \"%{query.b}\"; } ); };"));
    const char *got = sent("/?echo", "X-User: root\r\n");
    cr_assert(!strstr(got, "X-User") && !strstr(got, "X-A:") && !strstr(got, "X-B:"), "%s", got);
}

/* A value that a field would lose its spaces of is no reason to believe the client. */
Test(headers, lets_no_white_space_save_what_a_client_sent)
{
    rig_start(.routes = ROUTE("", SET("request", "X-User", "%{query.note}")));
    const char *got = sent("/?echo&note=%20%09ann%20", "X-User: root\r\n");
    cr_assert(strstr(got, "\r\nX-User: ann\r\n") && !strstr(got, "root"), "%s", got);
    got = sent("/?echo&note=%20%20", "X-User: root\r\n");
    cr_assert(!strstr(got, "X-User:"), "%s", got);
}

Test(headers, takes_values_from_the_identity)
{
    rig_start(.top = "modules = { vouch = { unused = true; }; };",
              .routes = ROUTE("", SET("request", "X-All",
                                      "%{identity.subject}|%{identity.issuer}|"
                                      "%{identity.method}|%{claim.groups}|%{claim.none|-}")));
    const char *got = sent("/?echo", "X-Vouch: test|id.test|ann|groups=a|groups=b\r\n");
    cr_assert(strstr(got, "\r\nX-All: ann|id.test|test|a,b|-\r\n"), "%s", got);
}

/* On one entry of a split: for the requests that go there, and their responses. */
Test(headers, belongs_to_one_side_of_a_split)
{
    origin_start("next");
    rig_start(.clusters = "next = { endpoints = [ \"$next\" ]; };",
              .routes =
                  "( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 1; },"
                  "  { cluster = \"next\"; weight = 1; headers = {"
                  "      request = { set = ( { name = \"X-Side\"; value = \"%{variant}\"; } ); };"
                  "      response = { add = ( { name = \"X-Next\"; value = \"1\"; } ); }; }; } ); "
                  "}; } )");
    unsigned next = 0;
    for (int i = 0; i < 4; i++) {
        const struct response *r = get("/?echo");
        const bool there = strstr(r->body.p, "X-Side: next\r\n");
        cr_assert_str_eq(field_of(r, "X-Next"), there ? "1" : "", "%s", r->body.p);
        next += there;
    }
    cr_assert_eq(next, 2);
}

Test(headers, lets_nothing_begin_a_field_of_its_own)
{
    rig_start(.routes = ROUTE("", "request = { set = ( { name = \"X-Q\"; value = \"<%{query.note}>\"; } );"
                                  "  append = ( { name = \"X-L\"; value = \"%{query.note}\"; } );"
                                  "  add = ( { name = \"X-M\"; value = \"%{query.note}\"; } ); };"
                                  "response = { set = ( { name = \"X-R\"; value = \"%{query.note}\"; } ); };"));
    static const char *const tricks[] = {"a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "a%0dX-Evil", "a%00",
                                         "%0d%0a%0d%0aGET%20/%20HTTP/1.1", "a%7f", "a%1b"};
    char target[128];
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        snprintf(target, sizeof target, "/?echo&note=%s", tricks[i]);
        const struct response *r =
            ask("GET %s HTTP/1.1\r\nHost: h\r\nX-Q: mine\r\n\r\n", target);
        cr_assert_eq(r->status, 200);
        const char *fields = strstr(r->body.p, "\r\n"); /* the target may hold what it likes */
        cr_assert(!strstr(fields, "X-Evil") && !strstr(r->head.p, "X-Evil"), "%s", tricks[i]);
        cr_assert(!strstr(fields, "X-Q:") && !strstr(fields, "X-L:") && !strstr(fields, "X-M:"));
        cr_assert(!strstr(r->head.p, "X-R:"));
        cr_assert_eq(times(fields, "GET"), 0);
    }
    cr_assert_eq(rig_metric("weir_headers_invalid_total{route=\"all\"}"), 4 * 7);
}

/* Neither is decoded: what a path or a cookie escapes stays escaped. */
Test(headers, lets_nothing_begin_a_field_by_a_capture_or_a_cookie)
{
    rig_start(.routes = ROUTE("match = { path_regex = \"^/u/(.*)$\"; };",
                              SET("request", "X-Q", "<%{capture.1}|%{cookie.c}>")));
    static const char *const tricks[] = {"%0d%0aX-Evil:%201", "%0aX-Evil:%201", "%0d%0a%0d%0aGET"};
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        const struct response *r = ask("GET /u/%s?echo HTTP/1.1\r\nHost: h\r\nX-Q: mine\r\n"
                                       "Cookie: c=%s\r\n\r\n", tricks[i], tricks[i]);
        const char *fields = r->status == 200 ? strstr(r->body.p, "\r\n") : "";
        cr_assert(r->status == 200 || r->status == 400, "%d", r->status);
        cr_assert(!strstr(fields, "\nX-Evil") && !strstr(fields, "mine"), "%s", fields);
    }
}

/* More than an HTTP/2 connection takes: the client is told so, and goes on with others. */
Test(headers, resets_a_stream_whose_head_became_too_large)
{
    enum { N = 8000, FIELDS = 10 };
    static char fields[N + 16] = "x-in: ", headers[2048] = "response = { add = ( ", routes[4096];
    for (int i = 0; i < FIELDS; i++)
        snprintf(headers + strlen(headers), sizeof headers - strlen(headers),
                 "%s{ name = \"X-%d\"; value = \"%%{request.x-in}\"; }", i ? ", " : "", i);
    snprintf(routes, sizeof routes, ROUTE("", "%s"), strcat(headers, " ); };"));
    rig_start(.listener = "protocols = [ \"h2\" ];", .routes = routes);
    memset(fields + strlen(fields), 'i', N);
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *large = h2_answer(t, h2_ask(t, .fields = fields));
    cr_assert_eq(large->reset, NGHTTP2_INTERNAL_ERROR);
    cr_assert_eq(h2_answer(t, h2_ask(t))->status, 200);
}

Test(headers, refuses_what_the_gateway_decides_on)
{
    static const char *const wrong[] = {
        "request = { set = ( { name = \"Content-Length\"; value = \"1\"; } ); };",
        "request = { add = ( { name = \"Transfer-Encoding\"; value = \"x\"; } ); };",
        "request = { set = ( { name = \"Host\"; value = \"x\"; } ); };",
        "request = { remove = [ \"Connection\" ]; };",
        "request = { append = ( { name = \"Cookie\"; value = \"x\"; } ); };",
        "response = { append = ( { name = \"set-cookie\"; value = \"x\"; } ); };",
        "response = { rename = ( { from = \"Upgrade\"; to = \"X\"; } ); };",
        "response = { rename = ( { from = \"X\"; to = \":status\"; } ); };",
        "response = { set = ( { name = \"a b\"; value = \"x\"; } ); };",
        "response = { set = ( { name = \"\"; value = \"x\"; } ); };",
        "request = { add = ( { name = \"\"; value = \"x\"; } ); };",
        "request = { rename = ( { from = \"\"; to = \"X\"; } ); };",
        "request = { rename = ( { from = \"X\"; to = \"\"; } ); };",
        "request = { set = ( { name = \"X\"; value = \"%{status}\"; } ); };",
        "request = { set = ( { name = \"X\"; value = \"%{sourc}\"; } ); };",
    };
    char routes[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(routes, sizeof routes, ROUTE("", "%s"), wrong[i]);
        rig_write_conf((struct rig_conf){.routes = routes});
        cr_assert_eq(rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL}), 1, "%s",
                     wrong[i]);
    }
}
