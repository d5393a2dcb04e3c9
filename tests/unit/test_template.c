/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with variables: compiled with messages that teach, rendered within a bound. */

#include "core/log/template.h"

#include <criterion/criterion.h>

#include "core/exchange.h"

static struct client_facts facts = {.connection = 17};
static struct exchange x;
static struct arena arena;
static struct faults faults;
static const struct place place = {.file = "weir.conf", .line = 7};
static struct template_use use;

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
    faults_init(&faults);
    memset(&x, 0, sizeof x);
    arena_init(&x.arena, NULL, 0);
    list_init(&x.attempts);
    x.facts = &facts;
    x.request.method = SLICE("GET");
    x.target.path = SLICE("/a");
    use = (struct template_use){
        .what = "headers.set", .place = &place, .when = KNOWN_ATTEMPT, .groups = -1};
}

static void tear_down(void)
{
    arena_fini(&x.arena);
    faults_fini(&faults);
    arena_fini(&arena);
}

TestSuite(template, .init = set_up, .fini = tear_down);

static const struct template *compile(const char *text)
{
    const struct template *t = template_compile(slice_str(text), &use, &arena, &faults);
    cr_assert(t, "%s", faults.first ? faults.first->text : "");
    return t;
}

static const char *render(const char *text)
{
    struct slice out;
    cr_assert(template_render(compile(text), &x, &arena, &out) == RENDERED_VALUE);
    return arena_dup(&arena, out).p;
}

#define IS(text, want) cr_assert_str_eq(render(text), want)

Test(template, puts_values_in_the_place_of_variables)
{
    IS("%{method}", "GET");
    IS("<%{method} %{path}>", "<GET /a>");
    IS("%{connection}.", "17.");
    use.when = KNOWN_END;
    x.tunnel = true;
    IS("%{tunnel}", "true");
}

Test(template, has_something_else_for_what_is_not_there)
{
    IS("a%{query}b", "ab");
    IS("a%{query|none}b%{query|}c%{query|x|y}", "anonebcx|y");
    use.absent = SLICE("-");
    IS("a%{query}b%{query|}", "a-b");
}

Test(template, leaves_other_percent_signs_alone)
{
    IS("100%% 5% %d %%{method} %%%{method} %", "100% 5% %d %{method} %GET %");
    IS("%", "%");
    IS("", "");
    IS("{method}", "{method}");
}

Test(template, without_variables_is_not_copied)
{
    const struct template *t = compile("static");
    struct slice out;
    cr_assert(template_render(t, &x, &arena, &out) == RENDERED_VALUE);
    cr_assert(t->n == 0 && out.p == t->tail.p && out.n == 6);
}

Test(template, says_whether_the_result_can_be_a_field_value)
{
    struct slice out;
    x.target.path = SLICE("/a\r\nX: y");
    cr_assert(template_render(compile("p=%{path}"), &x, &arena, &out) == RENDERED_TEXT);
    cr_assert(slice_eq(out, SLICE("p=/a\r\nX: y")));
    cr_assert(template_render(compile("a\001b"), &x, &arena, &out) == RENDERED_TEXT);
    cr_assert(template_render(compile("a\tb\xff"), &x, &arena, &out) == RENDERED_VALUE);
}

Test(template, is_bounded)
{
    static char path[TEMPLATE_MAX + 1];
    struct slice out = SLICE("untouched");
    memset(path, 'p', sizeof path);
    x.target.path = slice_of(path, TEMPLATE_MAX - 2);
    cr_assert(template_render(compile("<%{path}>"), &x, &arena, &out) == RENDERED_VALUE);
    cr_assert(out.n == TEMPLATE_MAX && out.p[TEMPLATE_MAX - 1] == '>');
    out = SLICE("untouched");
    x.target.path = slice_of(path, TEMPLATE_MAX - 1);
    cr_assert(!template_render(compile("<%{path}>"), &x, &arena, &out));
    cr_assert(!template_render(compile("%{path}%{path}%{path}"), &x, &arena, &out));
    cr_assert(slice_eq(out, SLICE("untouched")));
    const struct template *literal =
        template_compile(slice_of(path, sizeof path), &use, &arena, &faults);
    cr_assert(!template_render(literal, &x, &arena, &out));
}

/* -- compiling --------------------------------------------------------------------------------- */

static void refuses(const char *text, size_t errors, const char *said)
{
    faults_fini(&faults);
    faults_init(&faults);
    cr_assert_null(template_compile(slice_str(text), &use, &arena, &faults));
    cr_assert_eq(faults.errors, errors);
    cr_assert(strstr(faults.first->text, said), "%s", faults.first->text);
    cr_assert_str_eq(faults.first->file, "weir.conf");
    cr_assert_eq(faults.first->line, 7);
}

Test(template, refuses_what_makes_no_sense_and_names_the_setting_and_the_nearest_variable)
{
    refuses("%{clint}", 1, "headers.set: there is no variable \"clint\", did you mean \"client\"?");
    refuses("%{}", 1, "headers.set: there is no variable \"\"");
    refuses("a %{client", 1, "headers.set: %{client has no closing brace");
    refuses("%{clint} %{cookie.a b} %{", 3, "\"clint\"");
}

Test(template, refuses_what_is_not_known_yet)
{
    refuses("%{status}", 1,
            "headers.set: \"status\" is known only when the response's head has come, and this "
            "text is needed when the request goes on to a backend");
    refuses("%{response.etag}", 1, "\"response.\" is known only when the response's head has come");
    compile("%{variant}");
    use.when = KNOWN_REQUEST;
    refuses("%{variant}", 1,
            "known only when the request goes on to a backend, and this text is "
            "needed when the request has come");
    use.when = KNOWN_RESPONSE;
    compile("%{status} %{variant} %{client}");
    refuses("%{duration_us}", 1, "known only when the exchange has ended");
    use.when = KNOWN_END;
    compile("%{duration_us}");
}

Test(template, refuses_groups_that_the_route_does_not_have)
{
    compile("%{capture.9} %{capture.name}");
    use.groups = 2;
    compile("%{capture.1} %{capture.2} %{capture.name}");
    refuses("%{capture.3}", 1,
            "headers.set: \"capture.3\" is not there: match.path_regex of the route has 2 groups");
    use.groups = 1;
    refuses("%{capture.2}", 1, "has 1 group");
    use.groups = 0;
    refuses("%{capture.1}", 1, "\"capture.1\" needs a route with a match.path_regex");
    refuses("%{capture.name}", 1, "\"capture.name\" needs a route");
}

Test(template, knows_whether_it_names_who_asks)
{
    cr_assert(template_wants_identity(compile("a %{path} %{claim.groups}")));
    cr_assert(template_wants_identity(compile("%{identity.subject|nobody}")));
    cr_assert(!template_wants_identity(compile("%{path}")));
    cr_assert(!template_wants_identity(compile("claim.groups")));
}
