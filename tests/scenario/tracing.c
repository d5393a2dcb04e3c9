/* SPDX-License-Identifier: Apache-2.0 */
/* Which trace a request belongs to, and what its backend is told of it. */
#include "tracing_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TRACING_SUITE(tracing);

#define PARENT "traceparent: 00-" TRACE "-" SPAN "-01\r\n"
#define UNSAMPLED "traceparent: 00-" TRACE "-" SPAN "-00\r\n"

/* The backend was told of another span of this trace. */
static void is_continued(const char *flags)
{
    const char *told = tracing_inward("traceparent");
    cr_assert_str_eq(tracing_trace_of(told), TRACE);
    cr_assert_str_neq(tracing_span_of(told), SPAN);
    cr_assert_str_eq(told + 53, flags);
}

/* ... of a new one. */
static void is_begun(const char *flags)
{
    const char *told = tracing_inward("traceparent");
    cr_assert_str_neq(tracing_trace_of(told), TRACE);
    cr_assert_eq(strncmp(told, "00-", 3), 0);
    cr_assert_str_eq(told + 53, flags);
    cr_assert_str_eq(tracing_inward("tracestate"), "");
}

/* -- W3C --------------------------------------------------------------------------------------- */

Test(tracing, begins_where_nobody_has_begun)
{
    char first[64];
    tracing_start("", "");
    tracing_get("");
    is_begun("03");
    snprintf(first, sizeof first, "%s", tracing_trace_of(tracing_inward("traceparent")));
    tracing_get("tracestate: a=1\r\n"); /* means nothing alone */
    is_begun("03");
    cr_assert_str_neq(tracing_trace_of(tracing_inward("traceparent")), first);
}

Test(tracing, is_continued)
{
    tracing_start("", "");
    tracing_get(PARENT "tracestate: congo=t61rcWkgMzE,rojo=1\r\n");
    is_continued("01");
    cr_assert_str_eq(tracing_inward("tracestate"), "congo=t61rcWkgMzE,rojo=1");
    tracing_get(UNSAMPLED);
    is_continued("00");
    tracing_get("TraceParent: 00-" TRACE "-" SPAN "-02\r\n");
    is_continued("02");
    tracing_get("traceparent: 42-" TRACE "-" SPAN "-01-more\r\n");
    is_continued("01");
    cr_assert_eq(tracing_count("invalid"), 0);
}

Test(tracing, has_one_line_of_state)
{
    tracing_start("", "");
    tracing_get(PARENT "tracestate: a=1\r\nTraceState: b=2,c=3\r\ntracestate: d=4\r\n");
    cr_assert_str_eq(tracing_inward("tracestate"), "a=1,b=2,c=3,d=4");
}

Test(tracing, drops_a_state_that_is_malformed_or_too_long)
{
    char fields[1024];
    tracing_start("tracestate_max = 512;", "");
    tracing_get(PARENT "tracestate: a=1,B=2\r\n");
    is_continued("01");
    cr_assert_str_eq(tracing_inward("tracestate"), "");
    snprintf(fields, sizeof fields, PARENT "tracestate: a=%0250d,b=%0250d,c=123\r\n", 0, 0);
    tracing_get(fields);
    cr_assert_eq(strlen(tracing_inward("tracestate")), 511);
    cr_assert_eq(tracing_count("tracestate_left"), 1);
    snprintf(fields, sizeof fields,
             PARENT "tracestate: a=%0250d,b=%0250d\r\ntracestate: c=1234\r\n", 0, 0);
    tracing_get(fields);
    cr_assert_str_neq(tracing_inward("tracestate"), "", "this is 512 long");
    snprintf(fields, sizeof fields,
             PARENT "tracestate: a=%0250d,b=%0250d\r\ntracestate: c=12345\r\n", 0, 0);
    tracing_get(fields);
    is_continued("01");
    cr_assert_str_eq(tracing_inward("tracestate"), "");
    cr_assert_eq(tracing_count("tracestate_left"), 2);
}

Test(tracing, begins_anew_where_a_parent_is_malformed)
{
    static const char *const wrong[] = {
        "traceparent: ff-" TRACE "-" SPAN "-01\r\n",
        "traceparent: 00-" TRACE "-" SPAN "-01-x\r\n",
        "traceparent: 00-00000000000000000000000000000000-" SPAN "-01\r\n",
        "traceparent: 00-" TRACE "-0000000000000000-01\r\n",
        "traceparent: \r\n",
        PARENT PARENT,
        PARENT "traceparent: x\r\n",
    };
    char fields[512];
    tracing_start("", "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(fields, sizeof fields, "%stracestate: a=1\r\nb3: " TRACE "-" SPAN "-1\r\n",
                 wrong[i]);
        tracing_get(fields);
        is_begun("03");
        cr_assert_str_eq(tracing_inward("b3"), "");
        cr_assert_eq(tracing_count("invalid"), i + 1, "%s", wrong[i]);
    }
}

/* -- whose traces ------------------------------------------------------------------------------ */

#define EVERYTHING                                                                                 \
    PARENT "tracestate: a=1\r\nb3: 0\r\nX-B3-TraceId: " TRACE "\r\nX-B3-ParentSpanId: " SPAN "\r"  \
           "\n"

Test(tracing, of_strangers_are_not_continued)
{
    tracing_start("trust = \"proxies\";", "");
    tracing_get(EVERYTHING);
    is_begun("03");
    cr_assert_str_eq(tracing_inward("b3"), "");
    cr_assert_str_eq(tracing_inward("x-b3-traceid"), "");
    cr_assert_str_eq(tracing_inward("x-b3-parentspanid"), "");
    cr_assert_eq(tracing_count("invalid"), 0);
}

Test(tracing, of_trusted_proxies_are_continued)
{
    struct rig_conf c = tracing_conf("trust = \"proxies\";", "");
    c.listener = "forwarding = { trusted_proxies = [ \"127.0.0.1\" ]; };";
    rig_start_with(c);
    tracing_get(EVERYTHING);
    is_continued("01");
    cr_assert_str_eq(tracing_inward("tracestate"), "a=1");
}

Test(tracing, of_nobody_are_continued_when_nobody_is_trusted)
{
    struct rig_conf c = tracing_conf("trust = \"never\";", "");
    c.listener = "forwarding = { trusted_proxies = [ \"127.0.0.1\" ]; };";
    rig_start_with(c);
    tracing_get(EVERYTHING);
    is_begun("03");
}

/* -- B3 ---------------------------------------------------------------------------------------- */

Test(tracing, reads_b3_where_there_is_nothing_else)
{
    tracing_start("", "");
    tracing_get("b3: " TRACE "-" SPAN "-1\r\n");
    is_continued("01");
    cr_assert_str_eq(tracing_inward("b3"), "", "it would name another parent");
    tracing_get("B3: " TRACE "-" SPAN "-0\r\n");
    is_continued("00");
    tracing_get("X-B3-TraceId: " TRACE "\r\nX-B3-SpanId: " SPAN
                "\r\nX-B3-ParentSpanId: 05e3ac9a4f6e3b90\r\nX-B3-Sampled: 1\r\n");
    is_continued("01");
    cr_assert_str_eq(tracing_inward("x-b3-traceid"), "");
    cr_assert_str_eq(tracing_inward("x-b3-spanid"), "");
    cr_assert_str_eq(tracing_inward("x-b3-parentspanid"), "");
    cr_assert_str_eq(tracing_inward("x-b3-sampled"), "");
    tracing_get("b3: 0\r\n");
    is_begun("02");
    tracing_get("traceparent: 00-" TRACE "-" SPAN "-00\r\nb3: 1\r\n");
    is_continued("00");
    cr_assert_eq(tracing_count("invalid"), 0);
    tracing_get("b3: nonsense\r\n");
    is_begun("03");
    cr_assert_eq(tracing_count("invalid"), 1);
}

Test(tracing, passes_b3_on_where_it_is_told_to)
{
    tracing_start("b3 = \"pass\";", "");
    tracing_get("b3: " TRACE "-" SPAN "-1\r\n");
    is_continued("01");
    cr_assert_str_eq(tracing_inward("b3"), TRACE "-" SPAN "-1");
    tracing_get("b3: nonsense\r\n");
    cr_assert_str_eq(tracing_inward("b3"), "");
}

Test(tracing, leaves_b3_alone_where_it_is_told_to)
{
    tracing_start("b3 = \"off\";", "");
    tracing_get("b3: " TRACE "-" SPAN "-1\r\nX-B3-TraceId: x\r\n");
    is_begun("03");
    cr_assert_str_eq(tracing_inward("b3"), TRACE "-" SPAN "-1");
    cr_assert_str_eq(tracing_inward("x-b3-traceid"), "x");
}

/* -- attempts ---------------------------------------------------------------------------------- */

Test(tracing, tells_each_attempt_a_span_of_its_own)
{
    char second[64];
    struct rig_conf c = tracing_conf("", "sampling = { ratio = \"100%\"; }; ");
    c.routes = "( { name = \"all\"; cluster = \"app\"; tracing = { };"
               "    retry = { attempts = 3; on = \"503\"; backoff = { base = \"1ms\"; }; }; } )";
    c.cluster = "retry_budget = { percent = \"100%\"; };";
    rig_start_with(c);
    cr_assert_eq(ask("GET /?status=503 HTTP/1.1\r\nHost: a\r\n" PARENT "\r\n")->status, 503);
    cr_assert_eq(origin_requests(tracing_app), 3);
    snprintf(second, sizeof second, "%s", tracing_span_of(tracing_inward("traceparent")));
    tracing_await(4);
    const char *server = tracing_member(tracing_span(2, 0), "spanId");
    cr_assert_str_eq(tracing_member(tracing_span(2, 0), "parentSpanId"), SPAN);
    for (size_t i = 0; i < 3; i++) {
        const json_t *s = tracing_span(3, i);
        cr_assert_str_eq(tracing_member(s, "parentSpanId"), server);
        cr_assert_eq(strcmp(tracing_member(s, "spanId"), second) == 0, i == 2,
                     "the last one is what the backend was told last");
    }
    cr_assert_str_eq(otlp_attribute(tracing_span(3, 0), "http.request.resend_count"), "");
    cr_assert_str_eq(otlp_attribute(tracing_span(3, 2), "http.request.resend_count"), "int 2");
}

Test(tracing, takes_copies_along)
{
    struct origin *shade = origin_start("shade");
    struct rig_conf c = tracing_conf("", "");
    c.clusters = "shade = { endpoints = [ \"$shade\" ]; };";
    c.routes = "( { name = \"all\"; cluster = \"app\"; tracing = { }; "
               "mirror = ( { cluster = \"shade\"; } ); } )";
    rig_start_with(c);
    tracing_get(PARENT);
    AWAIT(origin_requests(shade) == 1);
    char *head = origin_last_head(shade);
    cr_assert(strcasestr(head, tracing_inward("traceparent")), "%s", head);
    free(head);
}

Test(tracing, has_a_span_for_what_the_gateway_answers_itself)
{
    struct rig_conf c = tracing_conf("", "");
    c.routes =
        "( { name = \"all\"; respond = { status = 503; body = \"later\"; }; tracing = { }; } )";
    rig_start_with(c);
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\n" PARENT "\r\n")->status, 503);
    tracing_await(1);
    const json_t *s = tracing_span(2, 0);
    cr_assert_str_eq(tracing_member(s, "traceId"), TRACE);
    cr_assert_str_eq(tracing_member(s, "parentSpanId"), SPAN);
    cr_assert_str_eq(otlp_attribute(s, "weir.cluster"), "");
    cr_assert_str_eq(otlp_attribute(s, "error.type"), "503");
}

/* -- which are recorded ------------------------------------------------------------------------ */

Test(tracing, is_recorded_as_the_parent_says)
{
    tracing_start("sampling = { ratio = \"0%\"; };", "");
    tracing_get(UNSAMPLED);
    tracing_get("");
    is_begun("02");
    tracing_get(PARENT);
    is_continued("01");
    tracing_await(2);
    sleep_ms(300); /* two ticks of the control process: nothing else may come */
    cr_assert_eq(json_array_size(tracing_await(2)), 2);
    cr_assert_str_eq(tracing_member(tracing_span(2, 0), "traceId"), TRACE);
}

Test(tracing, goes_by_the_ratio_where_the_parent_does_not_count)
{
    tracing_start("sampling = { ratio = \"0%\"; parent = false; };", "");
    tracing_get(PARENT);
    is_continued("00");
    rig_reload_with(tracing_conf("sampling = { ratio = \"100%\"; parent = false; };", ""));
    AWAIT((tracing_get(UNSAMPLED), strcmp(tracing_inward("traceparent") + 53, "01") == 0));
}

Test(tracing, is_recorded_in_any_case_where_a_request_fails)
{
    tracing_start("sampling = { ratio = \"0%\"; };", "");
    cr_assert_eq(ask("GET /?status=404 HTTP/1.1\r\nHost: a\r\n\r\n")->status, 404);
    cr_assert_eq(ask("GET /?status=500 HTTP/1.1\r\nHost: a\r\n" UNSAMPLED "\r\n")->status, 500);
    is_continued("00");
    tracing_await(2);
    const json_t *s = tracing_span(2, 0);
    cr_assert_str_eq(otlp_attribute(s, "http.response.status_code"), "int 500");
    cr_assert_eq(json_integer_value(json_object_get(s, "flags")), 0x300, "it stays unsampled");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(s, "status"), "code")), 2);
    cr_assert_neq(ask("GET /?abort HTTP/1.1\r\nHost: a\r\n\r\n")->status, 200);
    tracing_await(4);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 1), "error.type"), "reset");
}

Test(tracing, leaves_failures_out_where_it_is_told_to)
{
    tracing_start("sampling = { ratio = \"0%\"; errors = false; };", "");
    cr_assert_eq(get("/?status=500")->status, 500);
    tracing_get(PARENT);
    tracing_await(2);
    cr_assert_str_eq(otlp_attribute(tracing_span(2, 0), "http.response.status_code"), "int 200");
}

Test(tracing, of_a_route_may_be_sampled_by_itself)
{
    tracing_start("sampling = { ratio = \"0%\"; };", "sampling = { ratio = \"100%\"; };");
    tracing_get("");
    is_begun("03");
}

Test(tracing, leaves_a_route_alone_where_it_is_off)
{
    tracing_start("", "enabled = false;");
    tracing_get(PARENT "tracestate: a=1\r\nb3: 0\r\n");
    cr_assert_str_eq(tracing_inward("traceparent"), "00-" TRACE "-" SPAN "-01");
    cr_assert_str_eq(tracing_inward("tracestate"), "a=1");
    cr_assert_str_eq(tracing_inward("b3"), "0");
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/\""), "tracing.trace_id"), "");
}

Test(tracing, stands_in_the_access_log)
{
    tracing_start("", "");
    tracing_get(PARENT);
    const char *line = rig_await_access("tracing.trace_id");
    cr_assert_str_eq(json_of(line, "tracing.trace_id"), TRACE);
    cr_assert_str_eq(json_of(line, "tracing.sampled"), "true");
    tracing_await(2);
    cr_assert_str_eq(json_of(line, "tracing.span_id"),
                     tracing_member(tracing_span(2, 0), "spanId"));
}
