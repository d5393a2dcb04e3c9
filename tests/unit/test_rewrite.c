/* SPDX-License-Identifier: Apache-2.0 */
/* Targets that go on and Locations that go back, by tables. Targets are parsed as a request's are,
 * so that what is tested is what can come. */

#include "core/route/route.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

TestSuite(rewrite, .init = set_up, .fini = tear_down);

static const struct target_rules rules = {.duplicate_slashes = SLASH_KEEP};

static struct target parsed(const char *raw, enum method m)
{
    struct target t;
    cr_assert_eq(target_parse(slice_str(raw), m, &rules, &arena, &t), TARGET_FAULT_NONE, "%s", raw);
    return t;
}

static struct route_conf prefix_route(const char *prefix)
{
    struct route_conf rc = {0};
    rc.match.path_form = PATH_PREFIX;
    rc.match.path = slice_str(prefix);
    return rc;
}

/* -- targets ----------------------------------------------------------------------------------- */

static void check_target(const struct route_conf *rc, const char *raw, enum method m,
                         const char *expected)
{
    const struct target t = parsed(raw, m);
    const struct slice got = route_target(rc, &t, slice_str(raw), &arena);
    cr_expect(slice_eq(got, slice_str(expected)), "%s: %.*s instead of %s", raw, SLICE_ARG(got),
              expected);
}

Test(rewrite, keeps_a_target_where_it_is)
{
    static const char *const raws[] = {"/", "/a/b", "/a?x=1", "/a?", "/a//b?c?d"};
    const struct route_conf rc = {0};
    for (size_t i = 0; i < array_n(raws); i++) {
        const struct slice raw = slice_str(raws[i]);
        const struct target t = parsed(raws[i], METHOD_GET);
        const struct slice got = route_target(&rc, &t, raw, &arena);
        cr_expect(slice_eq(got, raw), "%s: %.*s", raws[i], SLICE_ARG(got));
        cr_expect_eq(got.p, raw.p, "%s was copied", raws[i]);
    }
}

Test(rewrite, sends_the_normalised_path)
{
    const struct route_conf rc = {0};
    check_target(&rc, "/a/../b", METHOD_GET, "/b");
    check_target(&rc, "/a/%7eb?x=%7e", METHOD_GET, "/a/~b?x=%7e");
    check_target(&rc, "/a/./b?", METHOD_GET, "/a/b?");
}

Test(rewrite, sends_origin_form_for_absolute_form)
{
    const struct route_conf rc = {0};
    check_target(&rc, "http://example.com/a?x", METHOD_GET, "/a?x");
    check_target(&rc, "http://example.com", METHOD_GET, "/");
    check_target(&rc, "http://example.com?x=1", METHOD_GET, "/?x=1");
    check_target(&rc, "http://example.com", METHOD_OPTIONS, "*");
}

Test(rewrite, replaces_the_whole_path)
{
    struct route_conf rc = {.rewrite.path = SLICE("/new")};
    check_target(&rc, "/a/b", METHOD_GET, "/new");
    check_target(&rc, "/a/b?x=1", METHOD_GET, "/new?x=1");
    check_target(&rc, "/a/b?", METHOD_GET, "/new?");
    check_target(&rc, "http://example.com?x", METHOD_GET, "/new?x");
    rc.rewrite.path = SLICE("/new?y=2");
    check_target(&rc, "/a/b?x=1", METHOD_GET, "/new?y=2");
}

Test(rewrite, replaces_the_prefix)
{
    static const struct {
        const char *match, *with, *raw, *expected;
    } rows[] = {
        {"/foo", "/xyz", "/foo/bar", "/xyz/bar"},
        {"/foo", "/xyz/", "/foo/bar", "/xyz/bar"},
        {"/foo", "/xyz", "/foo", "/xyz"},
        {"/foo", "/xyz", "/foo/", "/xyz/"},
        {"/foo", "/xyz/", "/foo/", "/xyz/"},
        {"/foo", "/xyz/", "/foo", "/xyz/"},
        {"/foo", "/", "/foo/bar", "/bar"},
        {"/foo", "/", "/foo", "/"},
        {"/foo", "/", "/foo/", "/"},
        {"/foo", "/", "/foo?x=1", "/?x=1"},
        {"/foo", "/a/b", "/foo/c?x=1", "/a/b/c?x=1"},
        {"/", "/xyz", "/", "/xyz"},
        {"/", "/xyz", "/foo", "/xyz/foo"},
        {"/", "/xyz/", "/foo", "/xyz/foo"},
        {"/", "/", "/foo", "/foo"},
        {"/foo", "/xyz", "/./foo/a/../bar", "/xyz/bar"},
    };
    for (size_t i = 0; i < array_n(rows); i++) {
        struct route_conf rc = prefix_route(rows[i].match);
        rc.rewrite.prefix = slice_str(rows[i].with);
        check_target(&rc, rows[i].raw, METHOD_GET, rows[i].expected);
    }
}

Test(rewrite, leaves_what_is_no_path_alone)
{
    struct route_conf rc = prefix_route("/");
    rc.rewrite.prefix = SLICE("/xyz");
    check_target(&rc, "*", METHOD_OPTIONS, "*");
    check_target(&rc, "example.com:443", METHOD_CONNECT, "example.com:443");
    rc.rewrite.prefix = SLICE("");
    rc.rewrite.path = SLICE("/xyz");
    check_target(&rc, "*", METHOD_OPTIONS, "*");
}

/* -- redirects --------------------------------------------------------------------------------- */

/* The Location for a request to http://old.example:8080 when nothing else is said. */
static struct slice location(const struct route_conf *rc, const char *raw, const char *scheme,
                             const char *authority)
{
    const struct target t = parsed(raw, METHOD_GET);
    struct host host = {0};
    if (*authority)
        cr_assert(host_parse(slice_str(authority), &arena, &host));
    return route_location(rc, &t, slice_str(scheme), &host, &arena);
}

struct redirect {
    const char *scheme, *host;
    int64_t port;
    const char *path, *prefix;
};

static struct route_conf redirect_route(const struct redirect *r)
{
    struct route_conf rc = prefix_route("/a");
    rc.redirect.scheme = slice_str(r->scheme);
    rc.redirect.host = slice_str(r->host);
    rc.redirect.port = r->port;
    rc.redirect.path = slice_str(r->path);
    rc.redirect.prefix = slice_str(r->prefix);
    return rc;
}

Test(rewrite, writes_every_part_of_a_location)
{
    static const struct {
        struct redirect redirect;
        const char *raw, *scheme, *authority, *expected;
    } rows[] = {
        {{.scheme = "https"}, "/a", "http", "old.example", "https://old.example/a"},
        /* a new scheme brings its own port */
        {{.scheme = "https"}, "/a", "http", "old.example:8080", "https://old.example/a"},
        {{.scheme = "https", .port = 8443},
         "/a",
         "http",
         "x.example:80",
         "https://x.example:8443/a"},
        {{.scheme = "https", .port = 443}, "/a", "http", "old.example", "https://old.example/a"},
        {{.scheme = "http", .port = 443}, "/a", "http", "x.example", "http://x.example:443/a"},
        {{.host = "new.example"}, "/a", "http", "old.example", "http://new.example/a"},
        /* without one the request's port is kept */
        {{.host = "new.example"}, "/a", "http", "old.example:8080", "http://new.example:8080/a"},
        {{.host = "new.example"}, "/a", "https", "old.example:443", "https://new.example/a"},
        {{.host = "new.example"}, "/a", "http", "old.example:80", "http://new.example/a"},
        {{.port = 81}, "/a", "http", "old.example:8080", "http://old.example:81/a"},
        {{.port = 80}, "/a", "http", "old.example:8080", "http://old.example/a"},
        {{.port = 81}, "/a", "http", "[::1]:8080", "http://[::1]:81/a"},
        {{.path = "/new"}, "/a/b?x=1", "http", "old.example", "http://old.example/new?x=1"},
        {{.path = "/new"}, "/a/b?", "http", "old.example", "http://old.example/new?"},
        {{.path = "/new?y"}, "/a/b?x=1", "http", "old.example", "http://old.example/new?y"},
        {{.prefix = "/new"}, "/a/b?x=1", "http", "old.example", "http://old.example/new/b?x=1"},
        {{.prefix = "/"}, "/a/b", "http", "old.example", "http://old.example/b"},
        {{.prefix = "/"}, "/a", "http", "old.example", "http://old.example/"},
        {{.host = "new.example"}, "http://q.example", "http", "q.example", "http://new.example/"},
        {{.host = "new.example"}, "/a/../b/%7e", "http", "q.example", "http://new.example/b/~"},
        {{.host = "new.example"},
         "//evil.example",
         "http",
         "q",
         "http://new.example//evil.example"},
    };
    for (size_t i = 0; i < array_n(rows); i++) {
        const struct route_conf rc = redirect_route(&rows[i].redirect);
        const struct slice got = location(&rc, rows[i].raw, rows[i].scheme, rows[i].authority);
        cr_expect(slice_eq(got, slice_str(rows[i].expected)), "row %zu: %.*s instead of %s", i,
                  SLICE_ARG(got), rows[i].expected);
    }
}

Test(rewrite, redirects_to_a_path_where_there_is_no_host)
{
    const struct redirect r = {.scheme = "https", .prefix = "/"};
    const struct route_conf rc = redirect_route(&r);
    cr_assert(slice_eq(location(&rc, "/a/b?x", "http", ""), SLICE("/b?x")));
    /* "//evil.example" would be a host: neither kept nor made by the replacing */
    cr_assert(slice_eq(location(&rc, "//evil.example", "http", ""), SLICE("/.//evil.example")));
    cr_assert(slice_eq(location(&rc, "/a//evil.example", "http", ""), SLICE("/.//evil.example")));
}

Test(rewrite, lets_nothing_end_the_field_line)
{
    const struct redirect r = {.host = "h\r\nx: 1", .path = "/p\r\nSet-Cookie: a=\"b\"\x01\xff"};
    const struct route_conf rc = redirect_route(&r);
    const struct slice got = location(&rc, "/a", "http", "old.example");
    cr_assert(slice_eq(got, SLICE("http://h%0D%0Ax:%201/p%0D%0ASet-Cookie:%20a=%22b%22%01%FF")),
              "%.*s", SLICE_ARG(got));
}

Test(rewrite, escapes_every_byte_that_no_uri_has)
{
    for (int c = 1; c < 256; c++) {
        const char path[] = {'/', (char)c, '\0'};
        const struct redirect r = {.path = path};
        const struct route_conf rc = redirect_route(&r);
        const struct slice got = location(&rc, "/a", "http", "x");
        for (size_t i = 0; i < got.n; i++)
            cr_assert(got.p[i] > ' ' && got.p[i] < 0x7f && !strchr("\"<>\\^`{|}", got.p[i]),
                      "byte %d gives %.*s", c, SLICE_ARG(got));
    }
}
