/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_DARK_DOORS_H
#define WEIR_TESTS_DARK_DOORS_H

/* The ways that dark_doors.c tries. A new one is a line here. */

#include "tests/scenario/dark_try.h"

/* In texts below "@X" stands for: */
enum {
    VALID = 'T',    /* a token that opens the door, where it belongs */
    BODILESS = '1', /* that one without its first letter */
    FLIPPED = 'F',  /* its last letter is another one */
    CUT = 'S',      /* its last letter is missing */
    HEAD = 'H',     /* up to the signature */
    LONGER = 'X',   /* it expires later */
    FOREIGN = 'M',  /* the signature is that of another grant */
    SECOND_FORM = 'V',
    UPPER = 'U',
    REVOKED = 'R',
    EXPIRED = 'E',
    OTHER_KEY = 'K', /* in the table, but signed with another key */
    ADDRESS = 'D',   /* of the dark origin */
    NUL = '0',
    HUGE_TEXT = 'L', /* 6000 letters */
};

static const struct door doors[] = {
    {"nothing", ""},
    /* grants, in their header field */
    {"an empty grant", "x-weir-grant: "},
    {"a wrong signature", "x-weir-grant: @F"},
    {"a signature that is cut off", "x-weir-grant: @S"},
    {"no signature", "x-weir-grant: @H"},
    {"a later expiry", "x-weir-grant: @X"},
    {"another grant's signature", "x-weir-grant: @M"},
    {"another form", "x-weir-grant: @V"},
    {"another key", "x-weir-grant: @K"},
    {"a revoked grant", "x-weir-grant: @R"},
    {"an expired grant", "x-weir-grant: @E"},
    {"padding", "x-weir-grant: @T="},
    {"something behind the grant", "x-weir-grant: @T.x"},
    {"something before it", "x-weir-grant: x@T"},
    {"a percent-encoded letter", "x-weir-grant: %76@1"},
    {"the grant twice in a value", "x-weir-grant: @T@T"},
    {"a list of grants", "x-weir-grant: @T, @T"},
    {"two fields with grants", "x-weir-grant: @T\nx-weir-grant: @T"},
    {"a wrong one and a right one", "x-weir-grant: @F\nx-weir-grant: @T"},
    {"a field and a cookie", "x-weir-grant: @T\ncookie: weir-grant=@T"},
    {"quotes", "x-weir-grant: \"@T\""},
    {"a scheme", "x-weir-grant: Bearer @T"},
    {"capitals", "x-weir-grant: @U"},
    {"a parameter", "x-weir-grant: @T;q=1"},
    {"a space in it", "x-weir-grant: v1. @1"},
    {"a huge grant", "x-weir-grant: v1.@L"},
    {"a NUL behind it", "x-weir-grant: @T@0", .h1_only = true},
    {"a NUL in it", "x-weir-grant: v1@0.@1", .h1_only = true},
    {"a folded field", "x-weir-grant:\n @T", .h1_only = true},
    {"a space before the colon", "x-weir-grant : @T", .h1_only = true},
    {"a line feed alone", .raw = "GET / HTTP/1.1\r\nHost: site.test\nX-Weir-Grant: @T\r\n\r\n"},
    /* grants, where they don't belong */
    {"an underscore", "x_weir_grant: @T"},
    {"a name that begins so", "x-weir-grants: @T"},
    {"a name that ends so", "y-x-weir-grant: @T"},
    {"Authorization", "authorization: Bearer @T"},
    {"Proxy-Authorization", "proxy-authorization: Bearer @T"},
    {"the name of the cookie as a field", "weir-grant: @T"},
    {"Referer", "referer: http://site.test/?weir-grant=@T"},
    {"the query", "", .target = "/?x-weir-grant=@T&weir-grant=@T"},
    {"the path", "", .target = "/weir-grant/@T"},
    {"matrix parameters", "", .target = "/;weir-grant=@T"},
    {"content", "content-type: application/x-www-form-urlencoded", .method = "POST",
     .content = "weir-grant=@T"},
    {"a request in the content", "content-type: message/http", .method = "POST",
     .content = "GET / HTTP/1.1\r\nHost: site.test\r\nX-Weir-Grant: @T\r\n\r\n"},
    {"trailers", .raw = "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n"
                        "Trailer: X-Weir-Grant\r\n\r\n1\r\nx\r\n0\r\nX-Weir-Grant: @T\r\n"
                        "Cookie: weir-grant=@T\r\n\r\n"},
    {"a chunk extension",
     .raw = "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1;x-weir-grant=@T\r\nx\r\n0\r\n\r\n"},
    /* cookies */
    {"a quoted cookie", "cookie: weir-grant=\"@T\""},
    {"a cookie twice", "cookie: weir-grant=@T; weir-grant=@T"},
    {"a wrong cookie and a right one", "cookie: weir-grant=@F; weir-grant=@T"},
    {"a cookie in two lines", "cookie: weir-grant=@T\ncookie: weir-grant=@T"},
    {"another case", "cookie: Weir-Grant=@T"},
    {"a prefixed name", "cookie: __Host-weir-grant=@T"},
    {"commas between cookies", "cookie: a=1, weir-grant=@T"},
    {"an encoded name", "cookie: %77eir-grant=@T"},
    {"a cookie without a value", "cookie: weir-grant"},
    {"a cookie in a cookie", "cookie: a=weir-grant=@T"},
    {"a quoted name", "cookie: \"weir-grant\"=@T"},
    {"attributes of RFC 2965", "cookie: $Version=1; weir-grant=@T,$Path=/"},
    {"Cookie2", "cookie2: weir-grant=@T"},
    {"Set-Cookie", "set-cookie: weir-grant=@T"},
    {"a cookie of a revoked grant", "cookie: weir-grant=@R"},
    {"a cookie of an expired grant", "cookie: weir-grant=@E"},
    {"a space in a cookie", "cookie: weir-grant=v1. @1"},
    {"a huge cookie", "cookie: weir-grant=@L; a=@F"},
    {"many cookies", "cookie: a=1;;;; ; weir-grant=; weir-grant=@F; =; ; b"},
    /* choosers, without the right */
    {"choosing by header", "x-version: dark"},
    {"choosing by cookie", "cookie: version=dark"},
    {"choosing by both", "x-version: dark\ncookie: version=dark"},
    {"choosing twice", "x-version: dark\nx-version: dark"},
    {"choosing none", "x-version: none"},
    {"choosing with a wrong grant", "x-version: dark\nx-weir-grant: @F"},
    /* who one says one is */
    {"names of users", "x-forwarded-user: alice\nremote-user: alice\nx-remote-user: alice\n"
                       "x-auth-request-user: alice\nx-authenticated-userid: alice\nfrom: alice"},
    {"claims as fields", "groups: testers\nx-groups: testers\nx-jwt-claim-groups: testers"},
    {"a certificate as a field",
     "x-forwarded-client-cert: Hash=00;URI=spiffe://test/alice;DNS=alice.test\n"
     "client-cert: :YWxpY2U=:\nx-ssl-client-s-dn: CN=alice\n"
     "x-ssl-client-verify: SUCCESS"},
    {"a name of Basic", "authorization: Basic YWxpY2U6YWxpY2U="},
    {"a token that nobody signed",
     "authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImdyb3VwcyI6WyJ0ZXN0ZXJzIl19."},
    {"a subject that begins so", "x-vouch: jwt|https://id|alice2"},
    {"a subject and a space", "x-vouch: jwt|https://id|alice |groups=staff"},
    {"a subject in capitals", "x-vouch: jwt|https://id|ALICE"},
    {"an empty subject", "x-vouch: jwt|https://id|"},
    {"subjects in a list", "x-vouch: jwt|https://id|alice,bob"},
    {"a subject of another issuer", "x-vouch: jwt|https://evil|alice"},
    {"a subject of an issuer that begins so", "x-vouch: jwt|https://id.evil|alice"},
    {"a subject by another method", "x-vouch: basic|https://id|alice"},
    {"a subject that is an issuer", "x-vouch: jwt|alice|https://id"},
    {"a claim that begins so", "x-vouch: jwt|https://id|x|groups=testers2"},
    {"a claim and a space", "x-vouch: jwt|https://id|x|groups=testers |groups= testers"},
    {"a claim that is a list in a text",
     "x-vouch: jwt|https://id|x|groups=[\"testers\"]|groups=a,testers"},
    {"a claim in capitals", "x-vouch: jwt|https://id|x|groups=TESTERS"},
    {"a claim of another name",
     "x-vouch: jwt|https://id|x|group=testers|groups.0=testers|Groups=testers"},
    {"a claim of another issuer", "x-vouch: jwt|https://evil|x|groups=testers"},
    {"true", "x-vouch: jwt|https://id|x|groups=true|groups=1|groups=*"},
    {"a line of the list that is a comment", "x-vouch: jwt|https://id|# bob"},
    {"a subject that the comment names", "x-vouch: jwt|https://id|bob"},
    /* ways around the route */
    {"the cluster as a host", "", .host = "dark"},
    {"its address as a host", "", .host = "@D"},
    {"its address in the target", .raw = "GET http://@D/ HTTP/1.1\r\nHost: site.test\r\n\r\n"},
    {"a host that contradicts the target",
     .raw = "GET http://site.test/ HTTP/1.1\r\nHost: @D\r\n\r\n"},
    {"two hosts", .raw = "GET / HTTP/1.1\r\nHost: site.test\r\nHost: dark\r\n\r\n"},
    {"fields that rewrite", "x-original-url: /dark\nx-rewrite-url: /dark\nx-forwarded-path: /dark\n"
                            "x-forwarded-prefix: /dark\nx-http-destinationurl: http://@D/"},
    {"fields of proxies", "x-forwarded-host: @D\nx-forwarded-server: dark\nx-host: dark\n"
                          "forwarded: for=127.0.0.1;host=\"@D\";by=dark"},
    {"addresses of testers",
     "x-forwarded-for: 127.0.0.1\nx-real-ip: 127.0.0.1\ntrue-client-ip: ::1\n"
     "x-client-ip: 127.0.0.1\nx-cluster-client-ip: 127.0.0.1"},
    {"names of clusters",
     "x-cluster: dark\nx-variant: dark\nx-canary: always\nx-weir-cluster: dark\n"
     "x-envoy-upstream-alt: dark"},
    {"names of clusters in cookies", "cookie: variant=dark; cluster=dark; canary=dark"},
    {"a path", "", .target = "/dark"},
    {"an encoded path", "", .target = "/%64%61rk"},
    {"dot segments", "", .target = "/a/../dark/./"},
    {"encoded dot segments", "", .target = "/a/%2e%2e/%2E/dark"},
    {"above the root", "", .target = "/../../dark"},
    {"encoded slashes", "", .target = "/a%2f..%2fdark"},
    {"doubled slashes", "", .target = "//dark//"},
    {"a backslash", "", .target = "/a\\..\\dark", .h1_only = true},
    {"an encoded NUL", "", .target = "/dark%00"},
    {"bytes encoded twice", "", .target = "/%252e%252e/dark"},
    {"a fragment", "", .target = "/#dark", .h1_only = true},
    {"another scheme", .raw = "GET dark://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n"},
    /* methods and protocols */
    {"CONNECT", .raw = "CONNECT @D HTTP/1.1\r\nHost: @D\r\n\r\n"},
    {"TRACE", "x-weir-grant: @F", .method = "TRACE"},
    {"OPTIONS *", .raw = "OPTIONS * HTTP/1.1\r\nHost: dark\r\nX-Version: dark\r\n\r\n"},
    {"a method of its own", "", .method = "DARK"},
    {"overridden methods", "x-http-method-override: DARK\nx-method-override: DARK",
     .method = "POST"},
    {"HTTP/1.0", .raw = "GET / HTTP/1.0\r\nHost: site.test\r\nX-Weir-Grant: @F\r\n\r\n"},
    {"h2c", "connection: upgrade, http2-settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQAAP__",
     .h1_only = true},
    {"a PROXY header",
     .raw = "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"fields of the connection",
     "connection: x-weir-grant, x-version\nx-weir-grant: @F\nx-version: dark", .h1_only = true},
    {"two lengths",
     .raw = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
            "\r\n0\r\n\r\nGET / HTTP/1.1\r\nX-Weir-Grant: @T\r\n\r\n"},
    {"an expectation", "expect: dark"},
    {"early data", "early-data: 1\nx-weir-grant: @F"},
    /* an origin that helps */
    {"a failure, which might be repeated", "", .target = "/?abort"},
    {"an answer of 503", "", .target = "/?status=503&size=5"},
    {"a redirect to the version", "", .target = "/?status=307&field=Location:http://dark/&size=0"},
};
enum { DOORS = sizeof doors / sizeof doors[0] };
_Static_assert(DOORS >= 40, "so many were asked for");

#endif
