/* SPDX-License-Identifier: Apache-2.0 */
/* What modules can read of a request. */
#include "core/log/template.h"
#include "hook_case.h"

static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    cr_assert_text(weir_method(x), "GET");
    cr_assert(weir_idempotent(x));
    cr_assert_text(weir_scheme(x), "http");
    cr_assert_text(weir_host(x), "h.example");
    cr_assert_text(weir_path(x), "/a/b");
    cr_assert_text(weir_query(x), "x=1&y=%20z&x=2&e");
    cr_assert_text(weir_source(x), "192.0.2.1");
    cr_assert_text(weir_route_name(x), "all");
    cr_assert_eq(weir_route_of(x), 0);
    cr_assert_text(weir_cookie(x, text("k")), "v");
    cr_assert_null(weir_cookie(x, text("no")).p);
    cr_assert_text(weir_query_param(x, text("x")), "1");
    cr_assert_text(weir_query_param(x, text("y")), " z");
    cr_assert_text(weir_query_param(x, text("e")), "");
    cr_assert_null(weir_query_param(x, text("no")).p);
    cr_assert_null(weir_request_id(x).p, "turned off");
    cr_assert_null(weir_peer(x));
    cr_assert_null(weir_why(x));
    cr_assert_eq(weir_status(x), 0);
    cr_assert_text(weir_printf(x, "%s-%d", "a", 7), "a-7");
    cr_assert_text(weir_dup(x, text("abc")), "abc");
    memset(weir_alloc(x, 10000), 1, 10000);
    note("looked");
    return WEIR_NEXT;
}
static const struct weir_module reads = {.name = "reads", .on_request = on_request};

Test(module_api_request, gives_the_request_as_routes_see_it)
{
    begin("");
    CHAIN(&plan.routes[0], {&reads, NULL});
    asks("GET //a/./b?x=1&y=%20z&x=2&e HTTP/1.1\r\nHost: H.Example:80\r\nCookie: a=b; k=v\r\n\r\n");
    cr_assert_str_eq(trace, "looked");
    end();
}

static const struct weir_template *compile(const char *template)
{
    const struct template_use use = {.what = "t", .when = KNOWN_REQUEST, .groups = -1};
    struct faults faults;
    faults_init(&faults);
    const struct template *t = template_compile(slice_str(template), &use, &memory, &faults);
    cr_assert(t && faults.errors == 0);
    faults_fini(&faults);
    return (const struct weir_template *)t;
}

static enum weir_verdict render_on_request(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    cr_assert_text(weir_render(x, compile("to %{path} of %{query.c}!")), "to /a of  d!");
    cr_assert_text(weir_render(x, compile("%{query.no}")), "");
    cr_assert_not_null(weir_render(x, compile("%{query.no}")).p, "it is empty, not absent");
    cr_assert_null(weir_render(x, compile("a%{query.n}")).p, "a line end in it");
    note("rendered");
    return WEIR_NEXT;
}
static const struct weir_module renders = {.name = "renders", .on_request = render_on_request};

Test(module_api_request, renders_texts_that_a_header_field_may_hold)
{
    begin("");
    CHAIN(&plan.routes[0], {&renders, NULL});
    asks("GET /a?c=%20d&n=%0ax HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_str_eq(trace, "rendered");
    end();
}
