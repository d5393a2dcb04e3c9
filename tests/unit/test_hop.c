/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields end at this hop, what Connection can and can't name away, and which fields may
 * stand in trailers. */
#include "http/hop.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena a;

static void begin(void)
{
    arena_init(&a, NULL, 0);
}

static void end(void)
{
    arena_fini(&a);
}

TestSuite(hop, .init = begin, .fini = end);

/* Lines of "name: value" in, names of what is left out. */
static void expect(const char *lines, const char *want)
{
    struct fields in, out;
    fields_init(&in, &a, 0);
    for (struct slice rest = slice_str(lines); rest.p && rest.n;) {
        struct slice value = slice_cut(&rest, '\n');
        struct slice name = slice_cut(&value, ':');
        fields_add(&in, &a, name, slice_trim(value));
    }
    hop_strip(&in, &out, &a, 5);
    char got[512] = "";
    for (uint16_t i = 0; i < out.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s ", SLICE_ARG(out.v[i].name));
    cr_assert_str_eq(got, want, "%s", lines);
    cr_assert_eq(out.cap, in.n + 5);
}

Test(hop, drops_what_means_one_hop_and_the_framing)
{
    expect("Host: a\nConnection: close\nKeep-Alive: 5\nProxy-Connection: x\nTE: trailers\n"
           "Transfer-Encoding: chunked\nUpgrade: y\nHTTP2-Settings: z\nContent-Length: 5\n"
           "Accept: b\nTrailer: c\nProxy-Authorization: d\n",
           "Host Accept Trailer Proxy-Authorization ");
    expect("", "");
    expect("TE: trailers\n", "");
}

Test(hop, drops_what_connection_names)
{
    expect("X-A: 1\nConnection: x-a, close\nX-B: 2\n", "X-B ");
    expect("Connection: close\nConnection: foo ,, X-b\nX-A: 1\nX-B: 2\nFoo: 3\nX-B: 4\n", "X-A ");
    expect("Connection: x\nX-A: 1\n", "X-A ");
    expect("Connection:\nX-A: 1\n", "X-A ");
    expect("Connection: close, keep-alive, upgrade, te\nX-A: 1\n", "X-A ");
}

Test(hop, keeps_what_the_message_means_whatever_connection_names)
{
    expect(
        "Connection: x-a, host, content-type, authorization, cookie, x-forwarded-for, via, date, "
        "forwarded, content-encoding, trailer, x-request-id, set-cookie, cache-control\n"
        "X-A: 1\nHost: a\nContent-Type: b\nAuthorization: c\nCookie: d\nX-Forwarded-For: e\nVia: "
        "f\n"
        "Date: g\nForwarded: h\nContent-Encoding: i\nTrailer: j\nX-Request-Id: k\n"
        "Set-Cookie: l\nCache-Control: m\n",
        "Host Content-Type Authorization Cookie X-Forwarded-For Via Date Forwarded "
        "Content-Encoding Trailer X-Request-Id Set-Cookie Cache-Control ");
}

static bool ok(const char *name)
{
    struct field f = {.name = slice_str(name), .token = (uint8_t)token_of(slice_str(name))};
    return hop_trailer_ok(&f);
}

Test(hop, refuses_trailers_that_would_change_the_message)
{
    static const char *const bad[] = {
        "Transfer-Encoding",
        "Content-Length",
        "Host",
        "Connection",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "Trailer",
        "TE",
        "Upgrade",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Cache-Control",
        "Expect",
        "Max-Forwards",
        "Range",
        "If-Match",
        "if-none-match",
        "If-Modified-Since",
        "WWW-Authenticate",
        "Proxy-Authenticate",
        "proxy-authorization",
        "Proxy-Status",
        "Age",
        "Date",
        "Expires",
        "Location",
        "Retry-After",
        "Vary",
        "Warning",
        "Pragma",
        "Forwarded",
        "X-Forwarded-For",
        "x-forwarded-user",
        "X-Real-IP",
        "Via",
        "Access-Control-Allow-Origin",
        "Sec-WebSocket-Key",
        "X-HTTP-Method-Override",
        "Keep-Alive",
        "HTTP2-Settings",
        "X-Request-Id",
        "Strict-Transport-Security",
    };
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert(!ok(bad[i]), "%s", bad[i]);
}

Test(hop, allows_trailers_that_only_tell_something)
{
    static const char *const good[] = {
        "ETag",          "grpc-status",    "Grpc-Message",
        "Server-Timing", "Content-Digest", "Repr-Digest",
        "Digest",        "X-Checksum",     "Authentication-Info",
        "ifx",           "ranges",         "X-Amz-Trailer-Signature",
    };
    for (size_t i = 0; i < array_n(good); i++)
        cr_assert(ok(good[i]), "%s", good[i]);
}
