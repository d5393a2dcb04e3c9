/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and hosts: every rule of the normaliser by example, every refusal by its reason, and the
 * properties that the rest relies on over many generated paths. */
#include "http/target.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct target_rules plain = {.duplicate_slashes = SLASH_MERGE};
static const struct target_rules keep = {.duplicate_slashes = SLASH_KEEP};
static const struct target_rules refuse = {.duplicate_slashes = SLASH_REFUSE};
static const struct target_rules encoded = {.keep_encoded_slashes = true};

static void expect_path(const char *from, const char *to, const struct target_rules *rules)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct slice out = {0};
    enum target_fault fault = path_normalise(slice_str(from), rules, &a, &out);
    cr_assert_eq(fault, TARGET_FAULT_NONE, "%s: %s", from, target_fault_name(fault));
    cr_assert(slice_eq(out, slice_str(to)), "%s gave %.*s instead of %s", from, SLICE_ARG(out), to);
    arena_fini(&a);
}

static void expect_path_fault(struct slice from, enum target_fault want,
                              const struct target_rules *rules)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct slice out;
    enum target_fault fault = path_normalise(from, rules, &a, &out);
    cr_assert_eq(fault, want, "%.*s: %s instead of %s", SLICE_ARG(from), target_fault_name(fault),
                 target_fault_name(want));
    arena_fini(&a);
}

static enum target_fault parse(struct arena *a, const char *raw, enum method m, struct target *out)
{
    return target_parse(slice_str(raw), m, &plain, a, out);
}

static void expect_fault(const char *raw, enum method m, enum target_fault want)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct target t;
    enum target_fault fault = parse(&a, raw, m, &t);
    cr_assert_eq(fault, want, "%s: %s instead of %s", raw, target_fault_name(fault),
                 target_fault_name(want));
    arena_fini(&a);
}

Test(target, leaves_a_clean_path_where_it_is)
{
    static const char *const clean[] = {
        "/",       "/a",          "/a/b/c.html",   "/.well-known/acme", "/..a/...",
        "/a./b..", "/.%20/..%C3", "/a%20b/%C3%A9", "/a;v=1/b",          "/~user/!$&'()*+,=:@[x]",
        "/a/",
    };
    struct arena a;
    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < array_n(clean); i++) {
        struct target t;
        cr_assert_eq(parse(&a, clean[i], METHOD_GET, &t), TARGET_FAULT_NONE, "%s", clean[i]);
        cr_assert_eq(t.path.p, clean[i], "%s was copied", clean[i]);
        cr_assert_eq(t.path.n, strlen(clean[i]), "%s", clean[i]);
        cr_assert_null(t.query.p);
    }
    cr_assert_eq(a.total, 0, "a clean path took memory");
    arena_fini(&a);
}

Test(target, decodes_unreserved_characters_only)
{
    expect_path("/%61%2D%2e%5F%7E%30%5a", "/a-._~0Z", &plain);
    expect_path("/%3a%20%c3%a9", "/%3A%20%C3%A9", &plain);
    expect_path("/%2561", "/%2561", &plain);
    expect_path("/%25%36%31", "/%2561", &plain);
    expect_path("/%0d%0a%7f", "/%0D%0A%7F", &plain);
}

Test(target, removes_dot_segments)
{
    expect_path("/a/./b", "/a/b", &plain);
    expect_path("/a/../b", "/b", &plain);
    expect_path("/a/b/c/./../../g", "/a/g", &plain);
    expect_path("/.", "/", &plain);
    expect_path("/a/.", "/a/", &plain);
    expect_path("/a/..", "/", &plain);
    expect_path("/a/b/..", "/a/", &plain);
    expect_path("/a/b/../", "/a/", &plain);
    expect_path("/a/%2e%2E/b", "/b", &plain);
    expect_path("/a/.%2e/b", "/b", &plain);
    expect_path("/a/%2e./b", "/b", &plain);
    expect_path("/%2e/b", "/b", &plain);
    expect_path("/a;x/../b", "/b", &plain);
}

Test(target, refuses_to_go_above_the_root)
{
    static const char *const above[] = {"/..",          "/../",       "/../a", "/a/../..",
                                        "/a/../../etc", "/%2e%2e/x",  "/./..", "/a/./../../b",
                                        "//..",         "/a//../../x"};
    for (size_t i = 0; i < array_n(above); i++)
        expect_path_fault(slice_str(above[i]), TARGET_FAULT_ABOVE_ROOT, &plain);
}

Test(target, treats_duplicate_slashes_as_configured)
{
    expect_path("//a///b//", "/a/b/", &plain);
    expect_path("//", "/", &plain);
    expect_path("/a//../b", "/b", &plain);
    expect_path("/a//.", "/a/", &plain);
    expect_path("/a/..//b", "/b", &plain);
    expect_path("//a///b//", "//a///b//", &keep);
    expect_path("/a//../b", "/a/b", &keep);
    expect_path("//..", "/", &keep);
    expect_path("/a//.", "/a//", &keep);
    expect_path("/a//..", "/a/", &keep);
    expect_path("/a/./b/", "/a/b/", &refuse);
    expect_path_fault(SLICE("//a"), TARGET_FAULT_DOUBLE_SLASH, &refuse);
    expect_path_fault(SLICE("/a//b"), TARGET_FAULT_DOUBLE_SLASH, &refuse);
    expect_path_fault(SLICE("/a//"), TARGET_FAULT_DOUBLE_SLASH, &refuse);
}

Test(target, refuses_or_keeps_encoded_slashes_as_configured)
{
    expect_path_fault(SLICE("/a%2fb"), TARGET_FAULT_SLASH, &plain);
    expect_path_fault(SLICE("/a%2Fb"), TARGET_FAULT_SLASH, &plain);
    expect_path_fault(SLICE("/a%5cb"), TARGET_FAULT_SLASH, &plain);
    expect_path_fault(SLICE("/a\\b"), TARGET_FAULT_CONTROL, &encoded);
    expect_path("/a%2fb%5c", "/a%2Fb%5C", &encoded);
    expect_path("/a%2F/../b", "/b", &encoded);
    expect_path("/a%252fb", "/a%252fb", &plain);
}

Test(target, refuses_dot_segments_in_disguise)
{
    expect_path_fault(SLICE("/a/..;/b"), TARGET_FAULT_DOTS, &plain);
    expect_path_fault(SLICE("/a/..;x=1"), TARGET_FAULT_DOTS, &plain);
    expect_path_fault(SLICE("/.;/a"), TARGET_FAULT_DOTS, &plain);
    expect_path_fault(SLICE("/a/%2e.;/b"), TARGET_FAULT_DOTS, &plain);
    expect_path_fault(SLICE("/a/..%2fb"), TARGET_FAULT_DOTS, &encoded);
    expect_path_fault(SLICE("/a%5c..%5cb"), TARGET_FAULT_DOTS, &encoded);
    expect_path_fault(SLICE("/a%2f.."), TARGET_FAULT_DOTS, &encoded);
    expect_path_fault(SLICE("/a%2f.;x%2fb"), TARGET_FAULT_DOTS, &encoded);
    expect_path("/a%2f...%2fb..", "/a%2F...%2Fb..", &encoded);
    expect_path("/...;x/a..;", "/...;x/a..;", &plain);
}

Test(target, always_refuses_nul_and_malformed_escapes)
{
    const struct target_rules *all[] = {&plain, &keep, &refuse, &encoded};
    for (size_t i = 0; i < array_n(all); i++) {
        expect_path_fault(SLICE("/a%00"), TARGET_FAULT_NUL, all[i]);
        expect_path_fault(SLICE("/%"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%4"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%4/"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%g1"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%1g"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%%41"), TARGET_FAULT_ESCAPE, all[i]);
        expect_path_fault(SLICE("/%u0041"), TARGET_FAULT_ESCAPE, all[i]);
    }
}

Test(target, refuses_every_byte_that_no_uri_has)
{
    static const char never[] = "\"<>", in_queries[] = "\\^`{|}";
    for (int c = 0; c < 256; c++) {
        const bool in_query = c && strchr(in_queries, c);
        bool refused = c <= ' ' || c >= 0x7f || strchr(never, c);
        char path[] = {'/', 'a', (char)c, 'b'};
        if (c == '#')
            expect_path_fault(slice_of(path, 4), TARGET_FAULT_FRAGMENT, &plain);
        else if (refused || in_query || c == '?')
            expect_path_fault(slice_of(path, 4), TARGET_FAULT_CONTROL, &plain);
        struct target t;
        char target[] = {'/', '?', (char)c};
        if (in_query)
            cr_assert_eq(target_parse(slice_of(target, 3), METHOD_GET, &plain, NULL, &t),
                         TARGET_FAULT_NONE, "byte %d in a query", c);
        if (!refused)
            continue;
        cr_assert_eq(target_parse(slice_of(target, 3), METHOD_GET, &plain, NULL, &t),
                     TARGET_FAULT_CONTROL, "byte %d in a query", c);
    }
    expect_path_fault(SLICE("a"), TARGET_FAULT_FORM, &plain);
    expect_path_fault(SLICE(""), TARGET_FAULT_FORM, &plain);
    expect_fault("/a#b", METHOD_GET, TARGET_FAULT_FRAGMENT);
    expect_fault("/a?b#c", METHOD_GET, TARGET_FAULT_FRAGMENT);
}

Test(target, splits_the_query_at_the_first_question_mark)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct target t;
    cr_assert_eq(parse(&a, "/a/../b?x=%2f..&y=50%?/../", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/b")));
    cr_assert(slice_eq(t.query, SLICE("x=%2f..&y=50%?/../")));
    cr_assert_eq(parse(&a, "/..?", METHOD_GET, &t), TARGET_FAULT_ABOVE_ROOT);
    cr_assert_eq(parse(&a, "/a/..?q", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/")));
    cr_assert(slice_eq(t.query, SLICE("q")));
    cr_assert_eq(parse(&a, "/?", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/")));
    cr_assert_not_null(t.query.p);
    cr_assert_eq(t.query.n, 0);
    cr_assert_eq(parse(&a, "/a%41?", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/aA")));
    cr_assert_not_null(t.query.p);
    arena_fini(&a);
}

Test(target, reads_the_absolute_form)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct target t;
    cr_assert_eq(parse(&a, "HTTP://Ex.com:80/a/./b?c", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert_eq(t.form, TARGET_ABSOLUTE);
    cr_assert(slice_eq(t.scheme, SLICE("http")));
    cr_assert(slice_eq(t.authority, SLICE("Ex.com:80")));
    cr_assert(slice_eq(t.path, SLICE("/a/b")));
    cr_assert(slice_eq(t.query, SLICE("c")));
    cr_assert_eq(parse(&a, "https://[::1]:8443?q=/x", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.scheme, SLICE("https")));
    cr_assert(slice_eq(t.authority, SLICE("[::1]:8443")));
    cr_assert(slice_eq(t.path, SLICE("/")));
    cr_assert(slice_eq(t.query, SLICE("q=/x")));
    cr_assert_eq(parse(&a, "http://a", METHOD_GET, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/")));
    cr_assert_null(t.query.p);
    arena_fini(&a);
    expect_fault("ftp://a/", METHOD_GET, TARGET_FAULT_FORM);
    expect_fault("http:/a", METHOD_GET, TARGET_FAULT_FORM);
    expect_fault("http://", METHOD_GET, TARGET_FAULT_HOST);
    expect_fault("http:///a", METHOD_GET, TARGET_FAULT_HOST);
    expect_fault("http://:80/", METHOD_GET, TARGET_FAULT_HOST);
    expect_fault("http://a b/", METHOD_GET, TARGET_FAULT_HOST);
    expect_fault("http://user@a/", METHOD_GET, TARGET_FAULT_USERINFO);
    expect_fault("http://user:pw@a/", METHOD_GET, TARGET_FAULT_USERINFO);
    expect_fault("http://a#f", METHOD_GET, TARGET_FAULT_FRAGMENT);
    expect_fault("http://a/../x", METHOD_GET, TARGET_FAULT_ABOVE_ROOT);
    expect_fault("http://a?\x01", METHOD_GET, TARGET_FAULT_CONTROL);
    expect_fault("example.com", METHOD_GET, TARGET_FAULT_FORM);
    expect_fault("", METHOD_GET, TARGET_FAULT_FORM);
}

Test(target, allows_the_asterisk_for_options_only)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct target t;
    cr_assert_eq(parse(&a, "*", METHOD_OPTIONS, &t), TARGET_FAULT_NONE);
    cr_assert_eq(t.form, TARGET_ASTERISK);
    cr_assert(slice_eq(t.path, SLICE("*")));
    cr_assert_eq(parse(&a, "http://a", METHOD_OPTIONS, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("*")));
    cr_assert_eq(parse(&a, "http://a?x", METHOD_OPTIONS, &t), TARGET_FAULT_NONE);
    cr_assert(slice_eq(t.path, SLICE("/")));
    arena_fini(&a);
    expect_fault("*", METHOD_GET, TARGET_FAULT_FORM);
    expect_fault("*a", METHOD_OPTIONS, TARGET_FAULT_FORM);
    expect_fault("*?a", METHOD_OPTIONS, TARGET_FAULT_FORM);
}

Test(target, takes_host_and_port_for_connect_only)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct target t;
    cr_assert_eq(parse(&a, "example.com:443", METHOD_CONNECT, &t), TARGET_FAULT_NONE);
    cr_assert_eq(t.form, TARGET_AUTHORITY);
    cr_assert(slice_eq(t.authority, SLICE("example.com:443")));
    cr_assert_eq(t.path.n, 0);
    cr_assert_eq(parse(&a, "[2001:db8::1]:443", METHOD_CONNECT, &t), TARGET_FAULT_NONE);
    arena_fini(&a);
    expect_fault("example.com", METHOD_CONNECT, TARGET_FAULT_HOST);
    expect_fault("example.com:", METHOD_CONNECT, TARGET_FAULT_HOST);
    expect_fault("a@example.com:443", METHOD_CONNECT, TARGET_FAULT_USERINFO);
    expect_fault("/", METHOD_CONNECT, TARGET_FAULT_FORM);
    expect_fault("*", METHOD_CONNECT, TARGET_FAULT_FORM);
    expect_fault("http://a:80", METHOD_CONNECT, TARGET_FAULT_HOST);
    expect_fault("example.com:443", METHOD_GET, TARGET_FAULT_FORM);
}

/* A small generator of our own: the same paths in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static bool has_dot_segment(struct slice path)
{
    for (struct slice rest = slice_from(path, 1); rest.p;) {
        struct slice one = slice_cut(&rest, '/');
        if (slice_eq(one, SLICE(".")) || slice_eq(one, SLICE("..")))
            return true;
    }
    return false;
}

Test(target, gives_the_same_when_it_is_given_its_own_result)
{
    static const char *const parts[] = {"/",   "/",   "/",   ".",    "..",   "a",   "%2e",
                                        "%2F", "%5c", "%61", "%c3",  ";",    "b.c", "%25",
                                        "2e",  "%41", "//",  "/../", "/./b", "%3b", "~"};
    static const struct target_rules all[] = {
        {SLASH_MERGE, false}, {SLASH_MERGE, true},   {SLASH_KEEP, false},
        {SLASH_KEEP, true},   {SLASH_REFUSE, false}, {SLASH_REFUSE, true},
    };
    uint32_t state = 20;
    unsigned accepted = 0;
    for (int round = 0; round < 60000; round++) {
        char path[128] = "/";
        unsigned n = next_random(&state) % 12;
        for (unsigned i = 0; i < n; i++)
            strcat(path, parts[next_random(&state) % array_n(parts)]);
        const struct target_rules *rules = &all[(unsigned)round % array_n(all)];
        struct arena a;
        char memory[512];
        arena_init(&a, memory, sizeof memory);
        struct slice once, twice;
        if (path_normalise(slice_str(path), rules, &a, &once) == TARGET_FAULT_NONE) {
            accepted++;
            cr_assert_eq(path_normalise(once, rules, &a, &twice), TARGET_FAULT_NONE, "%s", path);
            cr_assert(slice_eq(once, twice), "%s: %.*s, then %.*s", path, SLICE_ARG(once),
                      SLICE_ARG(twice));
            cr_assert_leq(once.n, strlen(path));
            cr_assert_not(has_dot_segment(once), "%s gave %.*s", path, SLICE_ARG(once));
        }
        arena_fini(&a);
    }
    cr_assert_gt(accepted, 10000, "only %u paths were good: the property was hardly tried",
                 accepted);
}

Test(target, names_every_fault)
{
    for (unsigned f = 0; f < TARGET_FAULT_N; f++) {
        cr_assert_not_null(target_fault_name((enum target_fault)f));
        cr_assert_gt(strlen(target_fault_text((enum target_fault)f)), 0);
    }
    cr_assert_str_eq(target_fault_name(TARGET_FAULT_ABOVE_ROOT), "above_root");
}

/* -- hosts ----------------------------------------------------------------------------------- */

static void expect_host(const char *text, const char *name, uint16_t port)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct host h;
    cr_assert(host_parse(slice_str(text), &a, &h), "%s", text);
    cr_assert(slice_eq(h.name, slice_str(name)), "%s gave %.*s", text, SLICE_ARG(h.name));
    cr_assert_eq(h.port, port, "%s gave port %u", text, h.port);
    cr_assert(host_ok(slice_str(text)), "%s", text);
    arena_fini(&a);
}

Test(host, splits_name_and_port)
{
    expect_host("example.com", "example.com", 0);
    expect_host("EXAMPLE.com:80", "example.com", 80);
    expect_host("example.com.", "example.com", 0);
    expect_host("example.com.:8080", "example.com", 8080);
    expect_host("example.com:", "example.com", 0);
    expect_host("a_b-c.d:65535", "a_b-c.d", 65535);
    expect_host("10.0.0.1:1", "10.0.0.1", 1);
    expect_host("[::1]:8443", "[::1]", 8443);
    expect_host("[2001:DB8::1]", "[2001:db8::1]", 0);
    expect_host("[::1]:", "[::1]", 0);
    expect_host("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0);
}

Test(host, is_not_copied_when_the_case_is_right)
{
    struct host h;
    struct slice text = SLICE("example.com:80");
    cr_assert(host_parse(text, NULL, &h));
    cr_assert_eq(h.name.p, text.p);
}

Test(host, refuses_what_is_no_host)
{
    static const char *const bad[] = {
        ".",         "..",
        "a..b",      ".a",
        "a b",       "a/b",
        "a@b",       "a:b",
        "a:80:80",   "a:0",
        "a:65536",   "a:000080",
        "a:+80",     "a:80 ",
        " a",        ":80",
        "a,b",       "a%41",
        "\xc3\xa9",  "[",
        "[]",        "[::1",
        "::1",       "[::1]x",
        "[1.2.3.4]", "[fe80::1%25eth0]",
        "[v1.x]",    "[::g]",
        "a#",        "a?",
        "a\x7f",     "[::1]:99999",
        "a'b",       "[::1]]",
    };
    for (size_t i = 0; i < array_n(bad); i++) {
        struct host h;
        cr_assert_not(host_ok(slice_str(bad[i])), "%s", bad[i]);
        cr_assert_not(host_parse(slice_str(bad[i]), NULL, &h), "%s", bad[i]);
    }
}

Test(host, may_be_empty_in_the_field_but_is_no_host_then)
{
    struct host h;
    cr_assert(host_ok(SLICE("")));
    cr_assert_not(host_parse(SLICE(""), NULL, &h));
}

Test(host, is_no_longer_than_a_name_in_dns)
{
    char name[300];
    memset(name, 'a', sizeof name);
    for (size_t i = 63; i < sizeof name; i += 64)
        name[i] = '.';
    name[254] = '.';
    cr_assert(host_ok(slice_of(name, 253)));
    cr_assert(host_ok(slice_of(name, 254)));
    cr_assert_not(host_ok(slice_of(name, 255)));
    cr_assert_not(host_ok(slice_of(name, 300)));
}
