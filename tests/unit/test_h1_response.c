/* SPDX-License-Identifier: Apache-2.0 */
/* Responses: parts, framing by status and by the method that was asked, and every refusal. */
#include "tests/unit/h1_case.h"

Test(h1_response, gives_the_parts_of_a_response)
{
    struct parse t = accept_response("HTTP/1.1 404 Not \xc3\xa4 Found\r\n"
                                     "Content-Type: text/plain\r\n"
                                     "Content-Length: 5\r\n"
                                     "\r\n");
    cr_assert_eq(t.r.status, 404);
    cr_assert(slice_eq(t.r.reason, SLICE("Not \xc3\xa4 Found")));
    cr_assert_eq(t.r.minor, 1);
    cr_assert_eq(t.r.body, BODY_LENGTH);
    cr_assert_eq(t.r.content_length, 5);
    cr_assert(t.r.has_length);
    cr_assert(t.r.keep_alive);
    cr_assert_eq(t.r.fields.n, 2);
    cr_assert_eq(t.r.fields.v[0].token, TOKEN_CONTENT_TYPE);
}

Test(h1_response, accepts_a_missing_reason)
{
    cr_assert_eq(accept_response("HTTP/1.1 200 \r\n\r\n").r.reason.n, 0);
    cr_assert_eq(accept_response("HTTP/1.1 200\r\n\r\n").r.reason.n, 0);
    cr_assert_eq(accept_response("HTTP/1.1 999 \r\n\r\n").r.status, 999);
}

Test(h1_response, frames_a_response_by_status_and_method)
{
    static const struct {
        const char *text;
        enum method method;
        enum body_kind body;
        bool keep_alive;
    } cases[] = {
        {RESPONSE("Content-Length: 5\r\n"), METHOD_GET, BODY_LENGTH, true},
        {RESPONSE("Transfer-Encoding: chunked\r\n"), METHOD_GET, BODY_CHUNKED, true},
        {RESPONSE(""), METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE("Connection: keep-alive\r\n"), METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE("Content-Length: 5\r\n"), METHOD_HEAD, BODY_NONE, true},
        {RESPONSE("Transfer-Encoding: chunked\r\n"), METHOD_HEAD, BODY_NONE, true},
        {RESPONSE(""), METHOD_HEAD, BODY_NONE, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", METHOD_POST, BODY_NONE, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", METHOD_GET, BODY_NONE, true},
        {"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", METHOD_GET, BODY_LENGTH, true},
        {RESPONSE("Connection: close\r\nContent-Length: 5\r\n"), METHOD_GET, BODY_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", METHOD_GET, BODY_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", METHOD_GET,
         BODY_LENGTH, true},
        {"HTTP/1.0 200 OK\r\n\r\n", METHOD_GET, BODY_UNTIL_CLOSE, false},
        {RESPONSE(""), METHOD_CONNECT, BODY_TUNNEL, false},
        {RESPONSE("Content-Length: 5\r\n"), METHOD_CONNECT, BODY_TUNNEL, false},
        {"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", METHOD_CONNECT, BODY_LENGTH, true},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        struct parse t = accept_response_to(cases[i].text, cases[i].method, false);
        cr_assert_eq(t.r.body, cases[i].body, "%s: %d", cases[i].text, t.r.body);
        cr_assert_eq(t.r.keep_alive, cases[i].keep_alive, "%s", cases[i].text);
    }
}

Test(h1_response, remembers_a_length_where_there_is_no_content)
{
    struct parse t = accept_response_to(RESPONSE("Content-Length: 5\r\n"), METHOD_HEAD, false);
    cr_assert(t.r.has_length);
    cr_assert_eq(t.r.content_length, 5);
    t = accept_response_to(RESPONSE(""), METHOD_HEAD, false);
    cr_assert(!t.r.has_length);
    cr_assert_eq(t.r.content_length, 0);
}

Test(h1_response, switches_protocols_only_when_asked)
{
    static const char yes[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    struct parse t = accept_response_to(yes, METHOD_GET, true);
    cr_assert_eq(t.r.body, BODY_TUNNEL);
    cr_assert(!t.r.keep_alive);
    refuse_response_to(yes, METHOD_GET, false, H1_SWITCH);
    refuse_response_to("HTTP/1.1 101 x\r\n\r\n", METHOD_GET, true, H1_SWITCH);
    refuse_response_to("HTTP/1.0 101 x\r\nUpgrade: a\r\n\r\n", METHOD_GET, true, H1_SWITCH);
}

Test(h1_response, refuses_bad_responses)
{
    static const struct bad bad[] = {
        {"HTTP/1.1 99 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 099 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 000 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 1000 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 20 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 2xx x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 -20 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1  200 x\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 200\tOK\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 20\r\n\r\n", H1_STATUS},
        {"HTTP/1.1 200\n\n", H1_BARE_LF},
        {"HTTP/1.1 20\n\n", H1_BARE_LF},
        {"HTTP/1.1 200\rX", H1_BARE_CR},
        {"HTTP/1.1 200 OK\n\n", H1_BARE_LF},
        {"HTTP/1.1 200 O\rK\r\n\r\n", H1_BARE_CR},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", H1_START_LINE},
        {"HTTP/1.1\r\n\r\n", H1_VERSION},
        {"HTTP/1.1\n", H1_BARE_LF},
        {"HTTP/1.1\t200 OK\r\n\r\n", H1_VERSION},
        {"HTTP/1.12 200 OK\r\n\r\n", H1_VERSION},
        {"http/1.1 200 OK\r\n\r\n", H1_VERSION},
        {"ICY 200 OK\r\n\r\n", H1_VERSION},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", H1_VERSION},
        {" HTTP/1.1 200 OK\r\n\r\n", H1_VERSION},
        {"0\r\n\r\n", H1_VERSION},
        {"HTTP/2.0 200 OK\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {RESPONSE("A: b\n"), H1_BARE_LF},
        {RESPONSE("A: b\rC: d\r\n"), H1_BARE_CR},
        {RESPONSE("A: b\r\n c\r\n"), H1_OBS_FOLD},
        {RESPONSE("A : b\r\n"), H1_FIELD_SPACE},
        {RESPONSE("A\r\n"), H1_FIELD_NAME},
        {RESPONSE(": b\r\n"), H1_FIELD_NAME},
        {RESPONSE("A: \x02\r\n"), H1_FIELD_VALUE},
        {RESPONSE("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_LENGTH_TWICE},
        {RESPONSE("Content-Length: 5, 5\r\n"), H1_LENGTH_BAD},
        {RESPONSE("Content-Length: -1\r\n"), H1_LENGTH_BAD},
        {RESPONSE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), H1_LENGTH_AND_CODING},
        {RESPONSE("Transfer-Encoding: gzip, chunked\r\n"), H1_CODING},
        {RESPONSE("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CODING_VERSION},
        {RESPONSE("Connection: a b\r\n"), H1_CONNECTION_BAD},
        {"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CONTENT_UNEXPECTED},
        {"HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n", H1_SWITCH},
    };
    for (size_t i = 0; i < array_n(bad); i++)
        refuse_response(bad[i].text, bad[i].fault);
    refuse_response_to(RESPONSE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), METHOD_HEAD,
                       false, H1_LENGTH_AND_CODING);
}

Test(h1_response, bounds_responses_too)
{
    char text[4096] = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i <= limits.field_count; i++)
        strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    refuse_response(text, H1_FIELDS_MANY);
    struct parse t = parse_new(true);
    snprintf(text, sizeof text, "HTTP/1.1 200 %0*d", (int)limits.head_size, 0);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
}

Test(h1_response, asks_nothing_of_request_fields_in_a_response)
{
    accept_response(RESPONSE("Host: a\r\nHost: b c\r\nExpect: x\r\nContent-Length: 0\r\n"));
}
