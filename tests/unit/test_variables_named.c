/* SPDX-License-Identifier: Apache-2.0 */
/* Variables under names that the configuration chooses: fields, cookies, parameters, groups of the
 * route's regex, claims. */

#include "tests/unit/route_rig.h"

#include "core/exchange.h"
#include "core/identity.h"
#include "core/log/variables.h"

static struct route_rig rig;
static struct generation g;
static struct loop loop;
static struct worker w = {.loop = &loop, .g = &g};
static struct exchange x;
static struct arena arena;

static void set_up(void)
{
    rig = route_rig_open("v: path_regex = '/(v[0-9]+)/(x)?(?<rest>.*)'\n"
                         "ten: path_regex = '/ten/(.)(.)(.)(.)(.)(.)(.)(.)(.)(?<last>.)'\n"
                         "plain: path_prefix = '/plain'\n");
    g = (struct generation){.config = rig.config, .router = rig.router};
    w.scratch = rig.scratch;
    arena_init(&arena, NULL, 0);
    memset(&x, 0, sizeof x);
    arena_init(&x.arena, NULL, 0);
    list_init(&x.attempts);
    x.w = &w;
    fields_init(&x.request.fields, &x.arena, 8);
    fields_init(&x.reply.fields, &x.arena, 8);
}

static void tear_down(void)
{
    arena_fini(&x.arena);
    arena_fini(&arena);
    route_rig_close(&rig);
}

TestSuite(variables_named, .init = set_up, .fini = tear_down);

/* NULL: the exchange has no such value. */
static const char *value(const char *name)
{
    struct variable_ref ref;
    struct variable_value v;
    const char *wrong = variable_find(slice_str(name), &arena, &ref);
    cr_assert(!wrong, "%s", wrong);
    return ref.of->get(&x, &ref, &v) ? arena_dup(&arena, v.text).p : NULL;
}

#define IS(name, want) cr_assert_str_eq(value(name), want)
#define ABSENT(name) cr_assert_null(value(name))

static void add_field(const char *name, const char *text)
{
    fields_add(&x.request.fields, &x.arena, slice_str(name), slice_str(text));
}

static void match(size_t route, const char *path)
{
    x.route = router_route(rig.router, route);
    x.target.path = slice_str(path);
    x.captures = NULL;
}

Test(variables_named, are_cookies_without_their_quotes)
{
    ABSENT("cookie.session");
    add_field("Cookie", "a=1; Session=no; session=\"s=1\"");
    add_field("Cookie", "b=2; session=later; empty=");
    IS("cookie.session", "s=1");
    IS("cookie.b", "2");
    ABSENT("cookie.empty");
}

Test(variables_named, are_parameters_of_the_query_decoded)
{
    ABSENT("query.q");
    x.target.query = SLICE("a%5Bb%5D=x&q=one+two%0A&q=3&empty=&bare");
    IS("query.q", "one two\n");
    IS("query.a[b]", "x");
    ABSENT("query.empty");
    ABSENT("query.bare");
}

/* Longer than what a value has room for by itself. */
Test(variables_named, are_parameters_of_any_length)
{
    char query[3002] = "q=%41";
    memset(query + 5, 'b', sizeof query - 6);
    x.target.query = slice_str(query);
    const char *got = value("query.q");
    cr_assert(strlen(got) == sizeof query - 5 && got[0] == 'A');
}

Test(variables_named, are_fields_of_a_response_once_it_is_made)
{
    fields_add(&x.reply.fields, &x.arena, SLICE("X-A"), SLICE("1"));
    ABSENT("response.x-a");
    x.step = STEP_REPLY;
    IS("response.x-a", "1");
    x.step = STEP_ANSWER;
    IS("response.x-a", "1");
    x.step = STEP_FINISH;
    ABSENT("response.x-a");
    x.head_sent = true;
    IS("response.x-a", "1");
}

Test(variables_named, are_groups_of_the_routes_regex)
{
    ABSENT("capture.1");
    match(0, "/v12/a/b");
    IS("capture.1", "v12");
    ABSENT("capture.2");
    IS("capture.3", "a/b");
    ABSENT("capture.4");
    IS("capture.rest", "a/b");
    ABSENT("capture.nobody");
    match(0, "/v1/");
    IS("capture.1", "v1");
    ABSENT("capture.3");
    match(2, "/plain");
    ABSENT("capture.1");
    ABSENT("capture.rest");
}

Test(variables_named, are_groups_that_lie_in_the_path)
{
    struct variable_ref ref;
    struct variable_value v;
    match(0, "/v1/xyz");
    cr_assert(!variable_find(SLICE("capture.3"), &arena, &ref));
    cr_assert(ref.of->get(&x, &ref, &v) && v.text.p == x.target.path.p + 5 && v.text.n == 2);
}

/* One more match for all of them, none for who doesn't ask: the match counts when it gives up. */
Test(variables_named, are_groups_that_are_found_once)
{
    match(0, "/v1/xyz");
    IS("capture.1", "v1");
    const struct slice *found = x.captures;
    IS("capture.rest", "yz");
    cr_assert(found && x.captures == found);
    match(2, "/plain");
    ABSENT("capture.1");
    cr_assert_null(x.captures);
}

Test(variables_named, are_the_first_nine_groups)
{
    match(1, "/ten/0123456789");
    IS("capture.1", "0");
    IS("capture.9", "8");
    ABSENT("capture.last");
}

Test(variables_named, are_claims)
{
    const struct claim claims[] = {{SLICE("groups"), SLICE("a")}, {SLICE("groups"), SLICE("b")}};
    const struct identity id = {.subject = SLICE("u1"),
                                .issuer = SLICE("https://id.example"),
                                .method = SLICE("jwt"),
                                .claims = claims,
                                .claims_n = 2};
    ABSENT("identity.subject");
    ABSENT("identity.issuer");
    ABSENT("identity.method");
    ABSENT("claim.groups");
    x.identity = &id;
    IS("identity.subject", "u1");
    IS("identity.issuer", "https://id.example");
    IS("identity.method", "jwt");
    IS("claim.groups", "a,b");
    IS("claim.sub", "u1");
    ABSENT("claim.none");
}

Test(variables_named, find_nothing_in_a_request_that_could_not_be_parsed)
{
    memset(&x.request, 0, sizeof x.request);
    memset(&x.reply, 0, sizeof x.reply);
    ABSENT("cookie.a");
    ABSENT("query.a");
    ABSENT("request.a");
    ABSENT("capture.1");
}
