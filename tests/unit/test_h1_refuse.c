/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are refused, each by the name of its fault: start lines, field lines, and what is
 * known of request smuggling. */
#include "tests/unit/h1_case.h"

Test(h1_refuse, refuses_bad_start_lines)
{
    static const struct bad bad[] = {
        {" GET / HTTP/1.1\r\n\r\n", H1_START_LINE},
        {"\tGET / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G\tT / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"GET\t/ HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G(T / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"G\xc3\xa4T / HTTP/1.1\r\n\r\n", H1_METHOD},
        {"\x16\x03\x01\x02", H1_METHOD},
        {"GET\r\n\r\n", H1_START_LINE},
        {"GET\n\n", H1_BARE_LF},
        {"GET  / HTTP/1.1\r\n\r\n", H1_START_LINE},
        {"GET /\r\n\r\n", H1_START_LINE},
        {"GET /\n", H1_BARE_LF},
        {"GET /\t HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a#b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\x7f HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /\x01 HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a\"b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET /a<b HTTP/1.1\r\n\r\n", H1_TARGET},
        {"GET / \r\n\r\n", H1_VERSION},
        {"GET /  HTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / b HTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / http/1.1\r\n\r\n", H1_VERSION},
        {"GET / Http/1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.x\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.:\r\n\r\n", H1_VERSION},
        {"GET / HTTP/x.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1x1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/11.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.10\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1 \r\n\r\n", H1_VERSION},
        {"GET / HTTP/-1.1\r\n\r\n", H1_VERSION},
        {"GET / HTTP 1.1\r\n\r\n", H1_VERSION},
        {"GET / XTTP/1.1\r\n\r\n", H1_VERSION},
        {"GET / ICAP/1.0\r\n\r\n", H1_VERSION},
        {"GET / HTTP/1.1\n\n", H1_BARE_LF},
        {"GET / HTTP/1.1\r\r\n\r\n", H1_BARE_CR},
        {"GET / HTTP\n", H1_BARE_LF},
        {"GET / HTTP/2.0\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"GET / HTTP/0.9\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"GET / HTTP/3.0\r\n\r\n", H1_VERSION_UNSUPPORTED},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H1_VERSION_UNSUPPORTED},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE("GET /\0 HTTP/1.1\r\n\r\n"), H1_TARGET);
    refuse_request_n(SLICE("\0GET / HTTP/1.1\r\n\r\n"), H1_METHOD);
}

Test(h1_refuse, refuses_bad_field_lines)
{
    static const struct bad bad[] = {
        {REQUEST("A: b\n"), H1_BARE_LF},
        {REQUEST("A: b\nC: d\r\n"), H1_BARE_LF},
        {REQUEST("A\n"), H1_BARE_LF},
        {REQUEST("A: b\rC: d\r\n"), H1_BARE_CR},
        {REQUEST("A: b\r\r\n"), H1_BARE_CR},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", H1_BARE_LF},
        {"GET / HTTP/1.1\r\nHost: a\r\n\rX", H1_BARE_CR},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", H1_BARE_LF},
        {REQUEST("A: b\r\n c\r\n"), H1_OBS_FOLD},
        {REQUEST("A: b\r\n\tc\r\n"), H1_OBS_FOLD},
        {REQUEST("A: b\r\n \r\n"), H1_OBS_FOLD},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", H1_OBS_FOLD},
        {REQUEST("A : b\r\n"), H1_FIELD_SPACE},
        {REQUEST("A\t: b\r\n"), H1_FIELD_SPACE},
        {REQUEST("Transfer-Encoding : chunked\r\n"), H1_FIELD_SPACE},
        {REQUEST("Content-Length : 5\r\n"), H1_FIELD_SPACE},
        {REQUEST("A b: c\r\n"), H1_FIELD_SPACE},
        {REQUEST(": b\r\n"), H1_FIELD_NAME},
        {REQUEST(":\r\n"), H1_FIELD_NAME},
        {REQUEST("A\r\n"), H1_FIELD_NAME},
        {REQUEST("A=b: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A(b): c\r\n"), H1_FIELD_NAME},
        {REQUEST("\"A\": c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\x01: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\x7f: c\r\n"), H1_FIELD_NAME},
        {REQUEST("A\xc3\xa4: c\r\n"), H1_FIELD_NAME},
        {REQUEST("\x0b"
                 "Transfer-Encoding: chunked\r\n"),
         H1_FIELD_NAME},
        {REQUEST("A: \x01\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x0b\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x0c"
                 "c\r\n"),
         H1_FIELD_VALUE},
        {REQUEST("A: b\x1f\r\n"), H1_FIELD_VALUE},
        {REQUEST("A: b\x7f\r\n"), H1_FIELD_VALUE},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE(REQUEST("A: \0\r\n")), H1_FIELD_VALUE);
    refuse_request_n(SLICE(REQUEST("A\0: b\r\n")), H1_FIELD_NAME);
    refuse_request_n(SLICE(REQUEST("A: b\r\0\n")), H1_BARE_CR);
}

/* What is known of request smuggling: each of these was a message with two meanings to some pair
 * of servers. */
Test(h1_refuse, refuses_framing_with_two_meanings)
{
    static const struct bad bad[] = {
        {POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), H1_LENGTH_AND_CODING},
        {POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), H1_LENGTH_AND_CODING},
        {POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), H1_LENGTH_AND_CODING},
        {POST("Content-Length: 5\r\nContent-Length: 6\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 5\r\nContent-Length: 5\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 0\r\ncontent-length: 5\r\n"), H1_LENGTH_TWICE},
        {POST("Content-Length: 5,5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5, 5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5 5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: +5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: -5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 0x5\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5.0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5e0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 1_0\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: five\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: \"5\"\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 5;\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length:\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: ,\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 9223372036854775808\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 18446744073709551616\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: 18446744073709551621\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length: \xef\xbc\x95\r\n"), H1_LENGTH_BAD},
        {POST("Content-Length:\x0b"
              "5\r\n"),
         H1_FIELD_VALUE},
        {POST("Content_Length: 5\r\nContent-Length: x\r\n"), H1_LENGTH_BAD},
        {POST("Transfer-Encoding: xchunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunkedx\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunke\r\n"), H1_CODING},
        {POST("Transfer-Encoding:\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: gzip\r\n"), H1_CODING},
        {POST("Transfer-Encoding: gzip, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked, identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity, chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: , chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked,\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked;q=1\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked;\r\n"), H1_CODING},
        {POST("Transfer-Encoding: \"chunked\"\r\n"), H1_CODING},
        {POST("Transfer-Encoding: 'chunked'\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked foo\r\n"), H1_CODING},
        {POST("Transfer-Encoding: : chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: \xff"
              "chunked\r\n"),
         H1_CODING},
        {POST("Transfer-Encoding: chunked\xa0\r\n"), H1_CODING},
        {POST("Transfer-Encoding:\x0b"
              "chunked\r\n"),
         H1_FIELD_VALUE},
        {POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), H1_CODING},
        {POST("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding\t: chunked\r\n"), H1_FIELD_SPACE},
        {POST("Transfer-Encoding\r\n : chunked\r\n"), H1_FIELD_NAME},
        {POST("Transfer-Encoding:\r\n chunked\r\n"), H1_CODING},
        {POST("Transfer-Encoding: chunked\r\n foo\r\n"), H1_OBS_FOLD},
        {POST(" Transfer-Encoding: chunked\r\n"), H1_OBS_FOLD},
        {POST("X: y\rTransfer-Encoding: chunked\r\n"), H1_BARE_CR},
        {POST("X: y\nTransfer-Encoding: chunked\r\n"), H1_BARE_LF},
        {POST("[Transfer-Encoding: chunked\r\n"), H1_FIELD_NAME},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", H1_CODING_VERSION},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         H1_CODING_VERSION},
    };
    refuse_requests(bad, array_n(bad));
    refuse_request_n(SLICE(POST("Transfer-Encoding: chunked\0\r\n")), H1_FIELD_VALUE);
    refuse_request_n(SLICE(POST("Content-Length: 5\0\r\n")), H1_FIELD_VALUE);
}

Test(h1_refuse, frames_nothing_by_names_that_merely_look_alike)
{
    cr_assert_eq(accept_request(POST("Transfer_Encoding: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("X-Transfer-Encoding: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Transfer-Encodin: chunked\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Content_Length: 5\r\n")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(POST("Content-Lengths: 5\r\n")).q.body, BODY_NONE);
}

Test(h1_refuse, refuses_other_expectations)
{
    refuse_request(POST("Expect: 200-ok\r\n"), H1_EXPECT);
    refuse_request(POST("Expect:\r\n"), H1_EXPECT);
    refuse_request(POST("Expect: 100-continue, 100-continue\r\n"), H1_EXPECT);
    refuse_request("POST / HTTP/1.0\r\nExpect: x\r\n\r\n", H1_EXPECT);
}

Test(h1_refuse, refuses_a_connection_field_that_is_no_list)
{
    refuse_request(REQUEST("Connection: a b\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: close;x\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: \"close\"\r\n"), H1_CONNECTION_BAD);
    refuse_request(REQUEST("Connection: x\r\nConnection: @\r\n"), H1_CONNECTION_BAD);
}

static void add_options(char *to, int n)
{
    strcpy(to, "GET / HTTP/1.1\r\nHost: a\r\nConnection: o");
    for (int i = 1; i < n; i++)
        strcat(to, ",o");
    strcat(to, "\r\n\r\n");
}

Test(h1_refuse, bounds_the_members_of_connection)
{
    char text[256];
    add_options(text, H1_OPTIONS_MAX);
    accept_request(text);
    add_options(text, H1_OPTIONS_MAX + 1);
    refuse_request(text, H1_CONNECTION_BAD);
}
