/* SPDX-License-Identifier: Apache-2.0 */
/* What modules can read of a request. */
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
