/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: what is accepted and what it then says, the limits, and heads that trickle in. Refused
 * requests stand in test_h1_refuse.c, responses in test_h1_response.c. */
#include "tests/unit/h1_case.h"

/* -- what is accepted ------------------------------------------------------------------------- */
Test(h1_parse, gives_the_parts_of_a_request)
{
    struct parse t = accept_request("PATCH /a/b?c=d HTTP/1.1\r\n"
                                    "Host: example.com:8080\r\n"
                                    "X-Empty:\r\n"
                                    "x-Spaced: \t  two  words\t \r\n"
                                    "Accept-Encoding:gzip\r\n"
                                    "Bytes: \xff\xc3\xa4\r\n"
                                    "\r\n");
    cr_assert(slice_eq(t.q.method, SLICE("PATCH")));
    cr_assert_eq(t.q.method_id, METHOD_PATCH);
    cr_assert(slice_eq(t.q.target, SLICE("/a/b?c=d")));
    cr_assert_eq(t.q.minor, 1);
    cr_assert_eq(t.q.fields.n, 5);
    cr_assert_eq(t.q.fields.v[0].token, TOKEN_HOST);
    cr_assert(slice_eq(t.q.fields.v[0].value, SLICE("example.com:8080")));
    cr_assert(slice_eq(t.q.fields.v[1].name, SLICE("X-Empty")));
    cr_assert_eq(t.q.fields.v[1].value.n, 0);
    cr_assert(slice_eq(t.q.fields.v[2].name, SLICE("x-Spaced")));
    cr_assert(slice_eq(t.q.fields.v[2].value, SLICE("two  words")));
    cr_assert_eq(t.q.fields.v[2].token, TOKEN_OTHER);
    cr_assert_eq(t.q.fields.v[3].token, TOKEN_ACCEPT_ENCODING);
    cr_assert(slice_eq(t.q.fields.v[3].value, SLICE("gzip")));
    cr_assert(slice_eq(t.q.fields.v[4].value, SLICE("\xff\xc3\xa4")));
    cr_assert_eq(t.q.body, BODY_NONE);
    cr_assert(t.q.keep_alive);
    cr_assert(!t.q.expect_continue && !t.q.upgrade && !t.q.te_trailers);
}

Test(h1_parse, takes_one_head_and_leaves_what_follows)
{
    struct slice in = SLICE(REQUEST("") "GET /second HTTP/1.1\r\nHost: b\r\n\r\n");
    struct parse t = parse_new(false);
    ssize_t first = feed(&t, in);
    cr_assert_eq(first, (ssize_t)sizeof(REQUEST("")) - 1);
    ssize_t second = feed(&t, slice_from(in, (size_t)first));
    cr_assert_eq((size_t)(first + second), in.n);
    cr_assert(slice_eq(t.q.target, SLICE("/second")));
}

Test(h1_parse, reads_every_method_and_unknown_ones)
{
#define M(name)                                                                                    \
    cr_assert_eq(accept_request(#name " /x HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id,              \
                 METHOD_##name);
    METHOD_LIST(M)
#undef M
    cr_assert_eq(accept_request("get / HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id, METHOD_OTHER);
    cr_assert_eq(accept_request("!#$%&'*+-.^_`|~9Az / HTTP/1.1\r\nHost: a\r\n\r\n").q.method_id,
                 METHOD_OTHER);
}

Test(h1_parse, reads_every_form_of_target)
{
    static const char *const targets[] = {
        "/",
        "/a%20b",
        "*",
        "http://example.com/a?b",
        "example.com:443",
        "//",
        "/[::1]/(a)!$&'*+,;=:@",
    };
    for (size_t i = 0; i < array_n(targets); i++) {
        char text[128];
        snprintf(text, sizeof text, "OPTIONS %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i]);
        cr_assert(slice_eq(accept_request(text).q.target, slice_str(targets[i])), "%s", targets[i]);
    }
}

Test(h1_parse, reads_later_minor_versions_as_what_it_is)
{
    cr_assert_eq(accept_request("GET / HTTP/1.0\r\n\r\n").q.minor, 0);
    cr_assert_eq(accept_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_request("GET / HTTP/1.2\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_request("GET / HTTP/1.9\r\nHost: a\r\n\r\n").q.minor, 1);
    cr_assert_eq(accept_response("HTTP/1.0 200 OK\r\n\r\n").r.minor, 0);
    cr_assert_eq(accept_response("HTTP/1.7 200 OK\r\n\r\n").r.minor, 1);
}

Test(h1_parse, skips_a_few_empty_lines_before_a_request)
{
    accept_request("\r\n" REQUEST(""));
    accept_request("\r\n\r\n\r\n\r\n" REQUEST(""));
    refuse_request("\r\n\r\n\r\n\r\n\r\n" REQUEST(""), H1_START_LINE);
    refuse_request("\n" REQUEST(""), H1_BARE_LF);
    refuse_request("\r" REQUEST(""), H1_BARE_CR);
}

Test(h1_parse, knows_who_keeps_the_connection)
{
    cr_assert(accept_request(REQUEST("")).q.keep_alive);
    cr_assert(accept_request(REQUEST("Connection: foo\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: close\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("connection: a, CLOSE ,b\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: a\r\nConnection: close\r\n")).q.keep_alive);
    cr_assert(!accept_request(REQUEST("Connection: keep-alive, close\r\n")).q.keep_alive);
    cr_assert(!accept_request("GET / HTTP/1.0\r\n\r\n").q.keep_alive);
    cr_assert(accept_request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").q.keep_alive);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nConnection: keep-alive,close\r\n\r\n").q.keep_alive);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n").q.keep_alive);
}

Test(h1_parse, accepts_empty_members_of_connection)
{
    accept_request(REQUEST("Connection:\r\n"));
    accept_request(REQUEST("Connection: , ,\r\n"));
    cr_assert(!accept_request(REQUEST("Connection: ,close,\r\n")).q.keep_alive);
}

Test(h1_parse, reads_the_framing_of_requests)
{
    struct parse t = accept_request(POST("Content-Length: 12\r\n"));
    cr_assert_eq(t.q.body, BODY_LENGTH);
    cr_assert_eq(t.q.content_length, 12);
    t = accept_request(POST("Content-Length: 0\r\n"));
    cr_assert_eq(t.q.body, BODY_LENGTH);
    cr_assert_eq(t.q.content_length, 0);
    t = accept_request(POST("Content-Length: 9223372036854775807\r\n"));
    cr_assert_eq(t.q.content_length, (uint64_t)INT64_MAX);
    t = accept_request(POST("Transfer-Encoding: chunked\r\n"));
    cr_assert_eq(t.q.body, BODY_CHUNKED);
    t = accept_request(POST("transfer-ENCODING: \tChUnKeD \t\r\n"));
    cr_assert_eq(t.q.body, BODY_CHUNKED);
    cr_assert_eq(accept_request(POST("")).q.body, BODY_NONE);
    cr_assert_eq(accept_request(REQUEST("Content-Length: 3\r\n")).q.body, BODY_LENGTH);
}

Test(h1_parse, hears_100_continue_only_where_content_follows)
{
    cr_assert(
        accept_request(POST("Expect: 100-Continue\r\nContent-Length: 1\r\n")).q.expect_continue);
    cr_assert(accept_request(POST("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"))
                  .q.expect_continue);
    cr_assert(!accept_request(POST("Expect: 100-continue\r\n")).q.expect_continue);
    cr_assert(
        !accept_request(POST("Expect: 100-continue\r\nContent-Length: 0\r\n")).q.expect_continue);
    cr_assert(
        !accept_request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
             .q.expect_continue);
}

Test(h1_parse, hears_upgrade_when_both_fields_say_so)
{
    cr_assert(accept_request(REQUEST("Connection: Upgrade\r\nUpgrade: websocket\r\n")).q.upgrade);
    cr_assert(
        accept_request(REQUEST("Upgrade: foo\r\nConnection: keep-alive, upgrade\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Upgrade: websocket\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Connection: upgrade\r\n")).q.upgrade);
    cr_assert(
        !accept_request(REQUEST("Connection: upgrade\r\nUpgrade:\r\nUpgrade: a\r\n")).q.upgrade);
    cr_assert(
        accept_request(REQUEST("Connection: upgrade\r\nUpgrade: a\r\nUpgrade:\r\n")).q.upgrade);
    cr_assert(!accept_request(REQUEST("Connection: upgrade\r\nUpgrade:\r\n")).q.upgrade);
    cr_assert(
        !accept_request("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").q.upgrade);
}

Test(h1_parse, hears_te_trailers)
{
    cr_assert(accept_request(REQUEST("TE: trailers\r\n")).q.te_trailers);
    cr_assert(accept_request(REQUEST("TE: gzip;q=0.5, Trailers\r\n")).q.te_trailers);
    cr_assert(!accept_request(REQUEST("TE: gzip\r\n")).q.te_trailers);
    cr_assert(!accept_request("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n").q.te_trailers);
}

Test(h1_parse, wants_one_good_host)
{
    accept_request("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    accept_request("GET / HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n");
    accept_request("GET / HTTP/1.0\r\n\r\n");
    refuse_request("GET / HTTP/1.1\r\n\r\n", H1_HOST_MISSING);
    refuse_request("GET http://a/ HTTP/1.1\r\n\r\n", H1_HOST_MISSING);
    refuse_request("GET / HTTP/1.2\r\n\r\n", H1_HOST_MISSING);
    refuse_request(REQUEST("Host: a\r\n"), H1_HOST_TWICE);
    refuse_request(REQUEST("host: b\r\n"), H1_HOST_TWICE);
    refuse_request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", H1_HOST_TWICE);
    static const char *const bad[] = {"a b",  "a/b", "a@b", "a:b", "a:99999999",
                                      "[::1", "a?b", "a#b", "a\\b"};
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[64];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        refuse_request(text, H1_HOST_BAD);
    }
    refuse_request("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", H1_HOST_BAD);
}

/* -- limits ----------------------------------------------------------------------------------- */
Test(h1_parse, bounds_the_target)
{
    char text[512];
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 255, 0);
    cr_assert_eq(accept_request(text).q.target.n, limits.target_size);
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 256, 0);
    refuse_request(text, H1_TARGET_LONG);
    snprintf(text, sizeof text, "GET /%0*d", 256, 0); /* its end isn't waited for */
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_TARGET_LONG);
}

Test(h1_parse, bounds_the_count_of_fields)
{
    char text[256] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < limits.field_count; i++)
        strcat(text, "A: b\r\n");
    size_t n = strlen(text);
    strcpy(text + n, "\r\n");
    cr_assert_eq(accept_request(text).q.fields.n, limits.field_count);
    strcpy(text + n, "C: d\r\n\r\n");
    refuse_request(text, H1_FIELDS_MANY);
}

Test(h1_parse, bounds_the_head)
{
    char text[4096];
    int room = (int)(limits.head_size - sizeof(REQUEST("A: \r\n")) + 1);
    snprintf(text, sizeof text, REQUEST("A: %0*d\r\n"), room, 0);
    cr_assert_eq(strlen(text), limits.head_size);
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), (ssize_t)limits.head_size);

    snprintf(text, sizeof text, REQUEST("A: %0*d\r\n"), room + 1, 0);
    t = parse_new(false);
    cr_assert_eq(feed(&t, slice_str(text)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
    t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(text, limits.head_size - 1)), 0);
    cr_assert_eq(feed(&t, slice_of(text, limits.head_size)), -1);
    cr_assert_eq(t.p.fault, H1_HEAD_LARGE);
}

Test(h1_parse, takes_a_large_head_out_of_a_larger_input)
{
    char text[8192];
    size_t head = sizeof(REQUEST("")) - 1;
    memset(text, 'x', sizeof text);
    memcpy(text, REQUEST(""), head);
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(text, sizeof text)), (ssize_t)head);
}

/* -- trickling heads -------------------------------------------------------------------------- */
static size_t looked_at; /* bytes given to the counting scans */

static const char *count_value(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && byte_class[(uint8_t)*p] & BYTE_VALUE)
        p++;
    looked_at += (size_t)(p - from) + 1;
    return p;
}

static const char *count_token(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && byte_class[(uint8_t)*p] & BYTE_TCHAR)
        p++;
    looked_at += (size_t)(p - from) + 1;
    return p;
}

Test(h1_parse, costs_linear_work_however_slowly_a_head_comes)
{
    static const struct h1_limits large = {65536, 8192, 64};
    static char text[40000] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t n = strlen(text);
    for (int i = 0; i < 50; i++)
        n += (size_t)sprintf(text + n, "Field-%d: %0*d\r\n", i, 700, 0);
    h1_scan_value = count_value;
    h1_scan_token = count_token;
    struct field room[64];
    struct h1_parser p = {.limits = &large, .fields = room};
    struct request_head h;
    for (size_t k = 1; k <= n; k++)
        cr_assert_eq(h1_parse_request(&p, slice_of(text, k), &h), 0);
    cr_assert_lt(looked_at, 5 * n, "%zu for %zu bytes", looked_at, n);
    memcpy(text + n, "\r\n", 2);
    cr_assert_eq(h1_parse_request(&p, slice_of(text, n + 1), &h), 0);
    cr_assert_eq(h1_parse_request(&p, slice_of(text, n + 2), &h), (ssize_t)n + 2);
}

/* Pieces that end between CR and LF are no reason to parse everything again. */
Test(h1_parse, costs_linear_work_when_cut_at_every_cr)
{
    static const struct h1_limits large = {65536, 8192, 1024};
    static struct field many[1024];
    static char text[6000] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t n = strlen(text);
    while (n < sizeof text - 8) {
        memcpy(text + n, "A: b\r\n", 6);
        n += 6;
    }
    h1_scan_value = count_value;
    h1_scan_token = count_token;
    struct h1_parser p = {.limits = &large, .fields = many};
    struct request_head h;
    for (size_t k = 1; k <= n; k++)
        if (text[k - 1] == '\r')
            cr_assert_eq(h1_parse_request(&p, slice_of(text, k), &h), 0);
    cr_assert_lt(looked_at, 5 * n, "%zu for %zu bytes", looked_at, n);
}

Test(h1_parse, finds_a_hidden_fault_when_the_head_has_doubled)
{
    char text[128] = "GET / HTTP/1.1\r\nHost";
    size_t n = strlen(text);
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(text, n)), 0);
    memcpy(text + n, " : a\r\n", 6);
    memset(text + n + 6, 'a', sizeof text - n - 6);
    cr_assert_eq(feed(&t, slice_of(text, 2 * n - 1)), 0);
    cr_assert_eq(feed(&t, slice_of(text, 2 * n)), -1);
    cr_assert_eq(t.p.fault, H1_FIELD_SPACE);
}

Test(h1_parse, begins_anew_behind_a_head_that_came_in_pieces)
{
    struct slice in = SLICE(REQUEST("A: b\r\n") REQUEST(""));
    size_t first = sizeof(REQUEST("A: b\r\n")) - 1;
    struct parse t = parse_new(false);
    cr_assert_eq(feed(&t, slice_of(in.p, first - 1)), 0);
    cr_assert_gt(t.p.scanned, 0);
    cr_assert_eq(feed(&t, in), (ssize_t)first);
    cr_assert_eq(t.p.scanned, 0);
    cr_assert_eq(t.p.parsed, 0);
    cr_assert_eq(feed(&t, slice_from(in, first)), (ssize_t)(in.n - first));
    cr_assert_eq(t.q.fields.n, 1);
}

Test(h1_parse, gives_up_at_once_on_a_bare_lf_that_trickles_in)
{
    struct slice in = SLICE("GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n");
    struct parse t = parse_new(false);
    for (size_t k = 1; k < in.n - 1; k++)
        cr_assert_eq(feed(&t, slice_of(in.p, k)), 0);
    cr_assert_eq(feed(&t, slice_of(in.p, in.n - 1)), -1);
    cr_assert_eq(t.p.fault, H1_BARE_LF);
}

/* The parser keeps nothing that points into an earlier input, nor into the list of fields. */
Test(h1_parse, goes_on_when_bytes_and_room_have_moved)
{
    struct slice in = SLICE(POST("Content-Length: 7\r\nConnection: close\r\n"));
    for (size_t k = 1; k < in.n; k++) {
        struct field first[12], second[12];
        struct request_head a, b;
        struct h1_parser p = {.limits = &limits, .fields = first};
        struct slice part = exact(slice_of(in.p, k));
        cr_assert_eq(h1_parse_request(&p, part, &a), 0);
        memset((char *)part.p, 0, part.n);
        free((char *)part.p);
        memset(first, 0, sizeof first);
        p.fields = second;
        cr_assert_eq(h1_parse_request(&p, in, &b), (ssize_t)in.n);
        cr_assert_eq(b.content_length, 7);
        cr_assert(!b.keep_alive);
        cr_assert_eq(b.fields.v, second);
    }
}

/* -- field sections and names of faults ------------------------------------------------------- */
Test(h1_parse, reads_field_lines_alone)
{
    struct field room[12];
    struct fields out;
    struct slice in = SLICE("A: b\r\nC: d\r\n\r\nrest");
    for (size_t k = 0; k <= in.n; k++) {
        struct h1_parser p = {.limits = &limits, .fields = room};
        ssize_t n = h1_parse_fields(&p, slice_of(in.p, k), &out);
        cr_assert_eq(n, k < in.n - 4 ? 0 : (ssize_t)in.n - 4);
        if (n == 0)
            cr_assert_eq(h1_parse_fields(&p, in, &out), (ssize_t)in.n - 4);
        cr_assert_eq(out.n, 2);
    }
    struct h1_parser p = {.limits = &limits, .fields = room};
    cr_assert_eq(h1_parse_fields(&p, SLICE("\r"), &out), 0);
    cr_assert_eq(h1_parse_fields(&p, SLICE("\r\n"), &out), 2);
    cr_assert_eq(out.n, 0);
    cr_assert_eq(h1_parse_fields(&p, SLICE("A\r\n\r\n"), &out), -1);
    cr_assert_eq(p.fault, H1_FIELD_NAME);
}

Test(h1_parse, names_faults_in_lower_case)
{
    cr_assert_str_eq(h1_fault_name(H1_BARE_LF), "bare_lf");
    cr_assert_str_eq(h1_fault_name(H1_NONE), "none");
    for (enum h1_fault f = H1_NONE; f < H1_FAULT_N; f++) {
        const char *name = h1_fault_name(f);
        cr_assert(*name && *h1_fault_text(f));
        for (; *name; name++)
            cr_assert(*name == '_' || (*name >= 'a' && *name <= 'z'), "%s", h1_fault_name(f));
        uint16_t status = h1_fault_status(f);
        cr_assert(status == 0 || (status >= 400 && status < 600));
    }
    cr_assert_eq(h1_fault_status(H1_VERSION_UNSUPPORTED), 505);
    cr_assert_str_eq(h1_fault_name(H1_VERSION_UNSUPPORTED), "version_unsupported");
    cr_assert_str_eq(h1_fault_name(H1_CONTENT_UNEXPECTED), "content_unexpected");
}
