/* SPDX-License-Identifier: Apache-2.0 */
/* Routes that can never match are told, with both lines; routes that can are not. */

#include "core/route/route_cover.h"

#include "route_rig.h"

/* The names of the covered routes and what covers them: "b<a c<a"; "" for none. */
static const char *covered(const char *routes)
{
    static char out[256];
    struct route_rig rig = route_rig_open(routes);
    size_t n = 0;
    out[0] = '\0';
    for (const struct fault *f = rig.faults.first; f; f = f->next) {
        char b[32], a[32];
        cr_assert(f->warning);
        cr_assert_eq(
            sscanf(f->text, "route \"%31[^\"]\" can never match: route \"%31[^\"]\"", b, a), 2,
            "%s", f->text);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s<%s", n ? " " : "", b, a);
    }
    route_rig_close(&rig);
    return out;
}

#define COVERED(expected, ...)                                                                     \
    do {                                                                                           \
        const char *got_ = covered(__VA_ARGS__);                                                   \
        cr_expect_str_eq(got_, (expected), "%s: '%s'", #__VA_ARGS__, got_);                        \
    } while (0)

/* Two routes with these matches, a before b in the file. */
#define TWO(a, b) "a: " a "\nb: " b "\n"
#define X(form) "headers = ( { name = 'x'; " form " } )"

Test(route_cover, names_both_routes_and_places)
{
    struct route_rig rig = route_rig_open("a: path = '/x'\n"
                                          "b: path = '/x'\n");
    cr_assert_eq(rig.faults.warnings, 1);
    cr_assert_eq(rig.faults.errors, 0);
    cr_assert_str_eq(fault_line(rig.faults.first, &rig.arena),
                     "weir.conf:6: warning: route \"b\" can never match: route \"a\" (weir.conf:5) "
                     "ranks before it and takes every request that it would");
    route_rig_close(&rig);
}

Test(route_cover, looks_at_the_path)
{
    COVERED("b<a", TWO("", ""));
    COVERED("b<a", TWO("path = '/x'", "path = '/x'"));
    COVERED("b<a", TWO("path_prefix = '/x'", "path_prefix = '/x/'"));
    COVERED("b<a", TWO("path_regex = '/x.*'", "path_regex = '/x.*'"));
    COVERED("", TWO("path = '/x'", "path_prefix = '/x'"));
    COVERED("", TWO("path = '/x'", "path = '/y'"));
    COVERED("", TWO("path_prefix = '/x'", "path_prefix = '/x/y'")); /* b ranks first */
    COVERED("", TWO("path_prefix = '/x'", "path = '/x'"));
    COVERED("", TWO("path_regex = '/x.*'", "path_regex = '/xy.*'"));
}

Test(route_cover, knows_paths_that_take_everything)
{
    COVERED("a<b", TWO("", "path_prefix = '/'"));
    COVERED("a<b", TWO("path_regex = '/x'", "path_prefix = '/'"));
    COVERED("b<a", TWO("path_regex = '.*'", "path_regex = '/x'"));
    COVERED("a<b", TWO("", "path_regex = '.*'"));
    COVERED("", TWO("path_prefix = '/x'", "path_prefix = '/'"));
    COVERED("", TWO("path_regex = '/x'", "path_regex = '.*'")); /* in the order of the file */
    COVERED("", TWO("", "path_prefix = '/'; method = 'GET'"));
    COVERED("a<b",
            TWO("method = [ 'GET' ]; path_regex = '/x'", "path_prefix = '/'; method = 'GET'"));
    COVERED("a<b",
            TWO("path_regex = '/x'; " X("exact = '1'"), "path_prefix = '/'; " X("present = true")));
}

Test(route_cover, needs_to_be_covered_under_every_host)
{
    COVERED("b<a", TWO("host = [ 'x.com', 'y.com' ]", "host = 'x.com'"));
    COVERED("", TWO("host = 'x.com'", "host = [ 'x.com', 'y.com' ]"));
    COVERED("c<a", TWO("host = 'x.com'", "host = 'y.com'") "c: host = [ 'x.com', 'y.com' ]\n");
    COVERED("", TWO("host = '*.x.com'", "host = 'a.x.com'")); /* b ranks first */
    COVERED("", TWO("host = 'a.x.com'", "host = '*.x.com'"));
    COVERED("", TWO("host = [ 'x.com', 'x.com' ]", "host = 'y.com'")); /* not by itself */
}

Test(route_cover, looks_at_methods)
{
    COVERED("b<a", TWO("method = [ 'GET', 'PUT', 'LINK' ]", "method = [ 'GET', 'LINK' ]"));
    COVERED("", TWO("method = [ 'GET', 'LINK' ]", "method = [ 'GET', 'PUT' ]"));
    COVERED("", TWO("method = [ 'GET' ]", "method = [ 'GET', 'LINK' ]"));
    COVERED("", TWO("method = 'GET'", ""));
    COVERED("", TWO("", "method = 'GET'")); /* b ranks first */
    COVERED("", TWO("method = 'LINK'", "method = 'UNLINK'"));
}

Test(route_cover, looks_at_values)
{
    COVERED("b<a", TWO(X("exact = '1'"), X("exact = '1'")));
    COVERED("b<a", TWO(X("regex = '1'"), X("regex = '1'")));
    COVERED("b<a", TWO(X("present = false"), X("present = false")));
    COVERED("b<a", TWO(X("present = true"), X("exact = '1'")));
    COVERED("b<a", TWO(X("present = true"), X("regex = '1'")));
    COVERED("b<a", TWO(X("prefix = 'ab'"), X("exact = 'abc'")));
    COVERED("b<a", TWO(X("prefix = 'ab'"), X("prefix = 'abc'")));
    COVERED("b<a", TWO(X("suffix = 'bc'"), X("exact = 'abc'")));
    COVERED("b<a", TWO(X("suffix = 'bc'"), X("suffix = 'abc'")));
    COVERED("", TWO(X("exact = '1'"), X("exact = '2'")));
    COVERED("", TWO(X("exact = '1'"), X("present = true")));
    COVERED("", TWO(X("exact = '1'"), X("prefix = '1'")));
    COVERED("", TWO(X("present = true"), X("present = false")));
    COVERED("", TWO(X("prefix = 'ab'"), X("exact = 'a'")));
    COVERED("", TWO(X("prefix = 'ab'"), X("suffix = 'ab'")));
    COVERED("", TWO(X("suffix = 'bc'"), X("exact = 'bcd'")));
    COVERED("", TWO(X("exact = '1'"), "")); /* the general one comes second, as it should */
    COVERED("", TWO("", X("exact = '1'"))); /* b ranks first */
}

Test(route_cover, tells_headers_from_parameters_and_cookies)
{
    COVERED("", TWO("query = ( { name = 'x'; exact = '1'; } )",
                    "cookies = ( { name = 'x'; exact = '1'; } )"));
    COVERED("b<a", TWO("cookies = ( { name = 'x'; exact = '1'; } )",
                       "cookies = ( { name = 'x'; exact = '1'; } )"));
    COVERED("b<a", TWO("headers = ( { name = 'x-A'; exact = '1'; } )",
                       "headers = ( { name = 'X-a'; exact = '1'; } )"));
    COVERED("", TWO("query = ( { name = 'A'; exact = '1'; } )",
                    "query = ( { name = 'a'; exact = '1'; } )"));
    /* Cookies don't rank, so the order of the file lets the general route take all. */
    COVERED("b<a", TWO("", "cookies = ( { name = 'x'; exact = '1'; } )"));
}

Test(route_cover, takes_a_subset_of_the_conditions)
{
#define ONE "cookies = ( { name = 'd'; exact = '2'; } )"
#define BOTH "cookies = ( { name = 'c'; exact = '1'; }, { name = 'd'; exact = '2'; } )"
    COVERED("b<a", TWO(ONE, BOTH));
    COVERED("", TWO(BOTH, ONE));
}

Test(route_cover, looks_at_sources_and_listeners)
{
    COVERED("b<a", TWO("source = '10.0.0.0/8'", "source = [ '10.1.0.0/16', '10.2.3.4' ]"));
    COVERED("", TWO("source = '10.0.0.0/8'", "source = [ '10.1.0.0/16', '11.2.3.4' ]"));
    COVERED("", TWO("source = '10.1.0.0/16'", "source = '10.0.0.0/8'"));
    COVERED("", TWO("source = '10.0.0.0/8'", ""));
    COVERED("b<a", TWO("", "source = '10.0.0.0/8'"));
    COVERED("b<a", TWO("listener = [ 'l0', 'l1' ]", "")); /* there are no others */
    COVERED("b<a", TWO("listener = 'l1'", "listener = 'l1'"));
    COVERED("", TWO("listener = 'l1'", "listener = 'l0'"));
    COVERED("", TWO("listener = 'l1'", ""));
}

Test(route_cover, tells_every_covered_route_once)
{
    COVERED("b<a c<a", TWO("host = [ 'x.com', 'y.com' ]",
                           "host = [ 'x.com', 'y.com' ]") "c: host = 'y.com'\n");
}

/* Appends n routes with a condition on x, `fmt` taking the number. */
static void append(char *to, size_t size, const char *name, const char *fmt, int n)
{
    for (int i = 0; i < n; i++) {
        const size_t at = strlen(to);
        char match[64];
        snprintf(match, sizeof match, fmt, i);
        snprintf(to + at, size - at, "%s%d: " X("%s") "\n", name, i, match);
    }
}

static size_t warnings(const char *routes)
{
    struct route_rig rig = route_rig_open(routes);
    const size_t n = rig.faults.warnings;
    route_rig_close(&rig);
    return n;
}

Test(route_cover, finds_one_general_route_among_many)
{
    static char text[65536];
    append(text, sizeof text, "exact", "exact = 'a%d'", 300);
    append(text, sizeof text, "present", "present = true", 1);
    append(text, sizeof text, "later", "exact = 'b%d'", 300);
    cr_assert_eq(warnings(text), 300);
}

Test(route_cover, stops_looking_at_its_limit)
{
    static char text[65536];
    append(text, sizeof text, "few", "prefix = 'a%d-'", COVER_LOOKS_MAX - 1);
    append(text, sizeof text, "again", "prefix = 'a254-%d'", 1);
    cr_assert_eq(warnings(text), 1);
    text[0] = '\0';
    append(text, sizeof text, "many", "prefix = 'a%d-'", COVER_LOOKS_MAX + 1);
    append(text, sizeof text, "again", "prefix = 'a256-%d'", 1);
    cr_assert_eq(warnings(text), 0);
}

Test(route_cover, warns_of_nothing_that_matches)
{
    /* Every route of this one gets a request of its own in test_route.c. */
    COVERED("", "exact: path = '/a/b'; method = 'PUT'\n"
                "long: path_prefix = '/a/b'; method = 'POST'\n"
                "short: path_prefix = '/a'; method = 'PATCH'\n"
                "root: path_prefix = '/'; method = 'DELETE'\n"
                "regex: path_regex = '/a/.*'; method = 'HEAD'\n"
                "any:\n");
}

#define I(form) "identity = ( { name = 'groups'; " form " } )"

Test(route_cover, looks_at_the_identity)
{
    COVERED("b<a", TWO("", I("exact = 'x';")));
    COVERED("", TWO(I("exact = 'x';"), ""));
    COVERED("b<a", TWO(I("exact = 'x';"), I("exact = 'x';")));
    COVERED("", TWO(I("exact = 'x';"), I("exact = 'y';")));
    COVERED("b<a", TWO(I("prefix = 'x';"), I("exact = 'xy';")));
    COVERED("b<a", TWO(I("present = true;"), I("exact = 'xy';")));
    COVERED("", TWO(I("present = false;"), I("exact = 'xy';")));
    COVERED("", TWO(I("exact = 'x';"), X("exact = 'x';")));
}
