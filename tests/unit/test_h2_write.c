/* SPDX-License-Identifier: Apache-2.0 */
/* Heads on their way out over HTTP/2. */
#include "tests/unit/h2_case.h"

TestSuite(h2_write, .init = h2_case_begin, .fini = h2_case_end);

static struct fields list(const char *lines)
{
    struct fields f;
    fields_init(&f, &arena, 0);
    for (struct slice rest = slice_str(lines); rest.p && rest.n;) {
        struct slice value = slice_cut(&rest, '\n');
        struct slice name = slice_cut(&value, ':');
        fields_add(&f, &arena, name, slice_trim(value));
    }
    return f;
}

/* "name: value|"; a '!' behind what may not be put into a table. */
static const char *text_of(const nghttp2_nv *nv, size_t n)
{
    static char text[4096];
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s: %.*s%s|",
                 (int)nv[i].namelen, (const char *)nv[i].name, (int)nv[i].valuelen,
                 (const char *)nv[i].value, nv[i].flags & NGHTTP2_NV_FLAG_NO_INDEX ? "!" : "");
    return text;
}

Test(h2_write, puts_pseudo_fields_first_and_names_in_lower_case)
{
    const struct fields f = list("Accept: a\nX-Big: B\nHost: h.example\nx-small: c\n");
    nghttp2_nv nv[4 + H2_NV_EXTRA];
    const struct h2_out_request how = {
        .method = SLICE("GET"), .scheme = SLICE("https"), .target = SLICE("/p?q")};
    cr_assert_str_eq(text_of(nv, h2_write_request(nv, &how, &f, &arena)),
                     ":method: GET|:scheme: https|:authority: h.example|:path: /p?q|"
                     "accept: a|x-big: B|x-small: c|");
}

Test(h2_write, writes_all_that_a_request_may_have)
{
    const struct fields f = list("Host: h\nAuthorization: me\nCookie: a=1\n");
    nghttp2_nv nv[3 + H2_NV_EXTRA];
    const struct h2_out_request how = {
        .method = SLICE("CONNECT"),
        .scheme = SLICE("http"),
        .target = SLICE("/"),
        .protocol = SLICE("websocket"),
        .te_trailers = true,
        .write_length = true,
        .content_length = UINT64_MAX,
    };
    cr_assert_str_eq(text_of(nv, h2_write_request(nv, &how, &f, &arena)),
                     ":method: CONNECT|:scheme: http|:authority: h|:path: /|:protocol: websocket|"
                     "content-length: 18446744073709551615|te: trailers|authorization: me!|"
                     "cookie: a=1!|");
}

Test(h2_write, writes_nothing_of_another_hop)
{
    const struct fields f =
        list("Connection: close\nKeep-Alive: 1\nProxy-Connection: a\nTransfer-Encoding: chunked\n"
             "Upgrade: b\nTE: gzip\nHTTP2-Settings: c\nContent-Length: 9\nServer: weir\n");
    nghttp2_nv nv[9 + H2_NV_EXTRA];
    cr_assert_str_eq(text_of(nv, h2_write_response(nv, 200, true, 0, &f, &arena)),
                     ":status: 200|content-length: 0|server: weir|");
    cr_assert_str_eq(text_of(nv, h2_write_response(nv, 204, false, 0, &f, &arena)),
                     ":status: 204|server: weir|");
    cr_assert_str_eq(text_of(nv, h2_write_trailers(nv, &f, &arena)), "server: weir|");
}

Test(h2_write, keeps_secrets_out_of_tables)
{
    const struct fields f = list("Set-Cookie: a\nX-Empty:\nProxy-Authorization: b\n");
    nghttp2_nv nv[3 + H2_NV_EXTRA];
    cr_assert_str_eq(text_of(nv, h2_write_trailers(nv, &f, &arena)),
                     "set-cookie: a!|x-empty: |proxy-authorization: b!|");
    for (int i = 0; i < 3; i++)
        cr_assert(nv[i].value && nv[i].flags & NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}
