/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC: what is one, how long it may take, how it ended, and what the gateway says itself. The
 * whole gateway over memory links, on HTTP/1.1, where what happens can be read; HTTP/2 has the same
 * fields. */
#include "core/grpc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

/* -- values ------------------------------------------------------------------------------------ */

static bool is_grpc(const char *type)
{
    struct arena a;
    struct fields f;
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 1);
    if (type)
        fields_add_token(&f, &a, TOKEN_CONTENT_TYPE, slice_str(type));
    const bool is = grpc_is(&f);
    arena_fini(&a);
    return is;
}

Test(grpc, is_known_by_its_content_type)
{
    static const char *const yes[] = {"application/grpc", "application/grpc+proto",
                                      "Application/GRPC+json", "application/grpc;charset=utf-8",
                                      "application/grpc ; x=y"};
    static const char *const no[] = {"application/grpc-web", "application/grpc-web+proto",
                                     "application/grp",      "application/grpcx",
                                     "text/plain",           ""};
    for (size_t i = 0; i < array_n(yes); i++)
        cr_assert(is_grpc(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < array_n(no); i++)
        cr_assert(!is_grpc(no[i]), "%s", no[i]);
    cr_assert(!is_grpc(NULL));
}

Test(grpc, timeouts_are_read_as_milliseconds)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"1H", 3600000}, {"2M", 120000},      {"3S", 3000},
                {"100m", 100},   {"1u", 1},           {"1001u", 2},
                {"1000000n", 1}, {"1000001n", 2},     {"99999999H", UINT64_C(359999996400000)},
                {"0S", 1},       {"00000010S", 10000}};
    static const char *const bad[] = {"",     "S",   "1",   "1s",         "1h",  "-1S", "+1S",
                                      "1.5S", "1 S", " 1S", "123456789S", "1SS", "0x1S"};
    uint64_t ms;
    for (size_t i = 0; i < array_n(good); i++) {
        cr_assert(grpc_timeout_parse(slice_str(good[i].text), &ms), "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s: %lu", good[i].text, (unsigned long)ms);
    }
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert(!grpc_timeout_parse(slice_str(bad[i]), &ms), "%s", bad[i]);
}

static uint64_t bound(const char *timeout, uint64_t limit)
{
    struct arena a;
    struct fields f;
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 1);
    if (timeout)
        fields_add(&f, &a, SLICE("Grpc-Timeout"), slice_str(timeout));
    const uint64_t ms = grpc_timeout_bound(&f, limit);
    arena_fini(&a);
    return ms;
}

Test(grpc, the_smaller_timeout_counts)
{
    cr_assert_eq(bound(NULL, 15000), 15000);
    cr_assert_eq(bound("1S", 15000), 1000);
    cr_assert_eq(bound("20S", 15000), 15000);
    cr_assert_eq(bound("20S", 0), 20000, "a route without a limit");
    cr_assert_eq(bound("x", 15000), 15000);
    cr_assert_eq(bound("99999999H", 0), 0, "eleven thousand years are no limit");
}

Test(grpc, codes_are_read_as_clients_read_them)
{
    cr_assert_eq(grpc_code_parse(SLICE("0")), GRPC_OK);
    cr_assert_eq(grpc_code_parse(SLICE("16")), GRPC_UNAUTHENTICATED);
    static const char *const unknown[] = {"", "17", "100", "-1", "x", "2 "};
    for (size_t i = 0; i < array_n(unknown); i++)
        cr_assert_eq(grpc_code_parse(slice_str(unknown[i])), GRPC_UNKNOWN, "%s", unknown[i]);
}

Test(grpc, every_reason_has_a_code)
{
    for (int why = 1; why < WHY_N; why++) {
        const enum grpc_code code = grpc_code_of_why((enum why)why);
        cr_assert(code > GRPC_OK && code < GRPC_CODES, "%s", why_facts((enum why)why)->word);
    }
    static const struct {
        enum why why;
        enum grpc_code code;
    } some[] = {{WHY_NO_ROUTE, GRPC_UNIMPLEMENTED},
                {WHY_CONNECT, GRPC_UNAVAILABLE},
                {WHY_TIMEOUT_REQUEST, GRPC_DEADLINE_EXCEEDED},
                {WHY_OVERLOAD, GRPC_UNAVAILABLE},
                {WHY_TIMEOUT_CONNECT, GRPC_UNAVAILABLE},
                {WHY_NO_ENDPOINT, GRPC_UNAVAILABLE},
                {WHY_BAD_RESPONSE, GRPC_UNAVAILABLE},
                {WHY_BAD_TARGET, GRPC_INTERNAL},
                {WHY_BODY_TOO_LARGE, GRPC_RESOURCE_EXHAUSTED},
                {WHY_CLIENT_GONE, GRPC_CANCELLED}};
    for (size_t i = 0; i < array_n(some); i++)
        cr_assert_eq(grpc_code_of_why(some[i].why), some[i].code, "%s",
                     why_facts(some[i].why)->word);
}

Test(grpc, messages_are_percent_encoded)
{
    char memory[64];
    struct text t;
    text_init_fixed(&t, memory, sizeof memory);
    grpc_message(&t, SLICE("50% \xc3\xa9\r\n~"));
    cr_assert(slice_eq(text_slice(&t), SLICE("50%25 %C3%A9%0D%0A~")), "%.*s",
              SLICE_ARG(text_slice(&t)));
}

/* -- in the gateway ---------------------------------------------------------------------------- */

#define CONF                                                                                       \
    "timeouts = { request = \"5s\"; body_idle = \"60s\"; };\n"                                     \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "routes = ( { name = \"app\"; match = { path_prefix = \"/s\"; }; cluster = \"one\"; },"        \
    "{ match = { path_prefix = \"/closed\"; }; respond = { status = 503; body = \"Back at 5%\"; "  \
    "}; },"                                                                                        \
    "{ match = { path_prefix = \"/old\"; }; redirect = { path = \"/s\"; }; } );\n"
#define CALL(path, more)                                                                           \
    "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"      \
    "Connection: te\r\n" more "Content-Length: 0\r\n\r\n"
#define HEAD                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct stack *s;
static struct peer *c;

static void begin(void)
{
    s = stack_new(CONF);
    c = stack_client(s);
}

static void end(void)
{
    stack_free(s);
}

TestSuite(grpc_stack, .init = begin, .fini = end);

static const struct traffic_stats *route_counts(void)
{
    return stack_worker(s)->stats->routes[0];
}

static void check_answer(const char *status, const char *message)
{
    char line[64];
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK\r\n"), "%s", c->heard);
    cr_assert(strcasestr(c->heard, "\r\nContent-Type: application/grpc\r\n"));
    cr_assert(strcasestr(c->heard, "\r\nContent-Length: 0\r\n"));
    snprintf(line, sizeof line, "\r\ngrpc-status: %s\r\n", status);
    cr_assert(peer_heard(c, line), "%s", c->heard);
    cr_assert(peer_heard(c, message), "%s", c->heard);
    cr_assert(strstr(c->heard, "\r\n\r\n")[4] == 0, "no content");
}

Test(grpc_stack, tells_in_grpc_that_there_is_no_route)
{
    peer_says(c, CALL("/none", ""));
    check_answer("12", "\r\ngrpc-message: No route leads there.\r\n");
    cr_assert_eq(stack_worker(s)->stats->unrouted->grpc[GRPC_UNIMPLEMENTED], 1);
}

Test(grpc_stack, tells_in_grpc_that_the_backend_is_away)
{
    stack_refuse_dials(s, 1, ECONNREFUSED);
    peer_says(c, CALL("/s/m", ""));
    check_answer("14", "\r\ngrpc-message: The backend could not be reached.\r\n");
    cr_assert_eq(route_counts()->grpc[GRPC_UNAVAILABLE], 1);
    cr_assert_eq(stack_worker(s)->stats->clusters[0]->grpc[GRPC_UNAVAILABLE], 1);
}

Test(grpc_stack, tells_a_fixed_response_in_grpc)
{
    peer_says(c, CALL("/closed/m", ""));
    check_answer("14", "\r\ngrpc-message: Back at 5%25\r\n");
}

Test(grpc_stack, leaves_a_redirect_as_it_is)
{
    peer_says(c, CALL("/old", ""));
    cr_assert(peer_heard(c, "HTTP/1.1 302 "), "%s", c->heard);
    cr_assert(!peer_heard(c, "grpc-status"));
}

Test(grpc_stack, leaves_other_requests_as_they_are)
{
    peer_says(c, "POST /none HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc-web\r\n"
                 "Content-Length: 0\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 404 "), "%s", c->heard);
}

Test(grpc_stack, passes_te_trailers_and_the_timeout_inward)
{
    peer_says(c, CALL("/s/m", "grpc-timeout: 2S\r\n"));
    struct peer *o = stack_origin(s, 0);
    cr_assert(strcasestr(o->heard, "\r\nTE: trailers\r\n"), "%s", o->heard);
    cr_assert(strcasestr(o->heard, "\r\ngrpc-timeout: 2S\r\n"));
}

Test(grpc_stack, ends_a_call_at_its_own_timeout)
{
    peer_says(c, CALL("/s/m", "grpc-timeout: 1S\r\n"));
    stack_sleep_ms(s, 900);
    cr_assert_eq(c->heard_n, 0);
    stack_sleep_ms(s, 300);
    check_answer("4", "\r\ngrpc-message: The request took too long.\r\n");
    cr_assert_eq(route_counts()->grpc[GRPC_DEADLINE_EXCEEDED], 1);
}

Test(grpc_stack, ends_a_call_at_the_routes_timeout_when_that_is_nearer)
{
    peer_says(c, CALL("/s/m", "grpc-timeout: 10S\r\n"));
    stack_sleep_ms(s, 5300);
    check_answer("4", "grpc-message");
}

Test(grpc_stack, ends_a_response_that_has_begun_with_trailers)
{
    peer_says(c, CALL("/s/m", "grpc-timeout: 1S\r\n"));
    peer_says(stack_origin(s, 0), HEAD "3\r\nabc\r\n");
    cr_assert(peer_heard(c, "3\r\nabc\r\n"), "%s", c->heard);
    stack_sleep_ms(s, 1300);
    cr_assert(peer_heard(c, "3\r\nabc\r\n0\r\ngrpc-status: 4\r\ngrpc-message: The request took too "
                            "long.\r\n\r\n"),
              "%s", c->heard);
    cr_assert_eq(route_counts()->grpc[GRPC_DEADLINE_EXCEEDED], 1);
}

Test(grpc_stack, says_unavailable_when_the_backend_breaks_off)
{
    peer_says(c, CALL("/s/m", ""));
    peer_says(stack_origin(s, 0), HEAD "3\r\nabc\r\n");
    peer_closes(stack_origin(s, 0));
    cr_assert(peer_heard(c, "3\r\nabc\r\n0\r\ngrpc-status: 14\r\n"), "%s", c->heard);
    cr_assert_eq(route_counts()->grpc[GRPC_UNAVAILABLE], 1);
}

Test(grpc_stack, cuts_a_response_that_has_no_place_for_trailers)
{
    peer_says(c, CALL("/s/m", ""));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n"
                                  "Content-Length: 9\r\n\r\nabc");
    peer_closes(stack_origin(s, 0));
    cr_assert(peer_closed(c) && !peer_heard(c, "grpc-status"), "%s", c->heard);
}

static void answer(const char *response)
{
    peer_says(c, CALL("/s/m", ""));
    peer_says(stack_origin(s, 0), response);
    peer_take(c);
}

Test(grpc_stack, counts_the_code_of_the_trailers)
{
    answer(HEAD "3\r\nabc\r\n0\r\ngrpc-status: 5\r\n\r\n");
    cr_assert_eq(route_counts()->grpc[5], 1);
    answer(HEAD "3\r\nabc\r\n0\r\ngrpc-status: 0\r\n\r\n");
    cr_assert_eq(route_counts()->grpc[0], 1);
    cr_assert_eq(route_counts()->status[2], 2, "HTTP has its own view");
}

Test(grpc_stack, counts_the_code_of_a_response_without_content)
{
    answer("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\ngrpc-status: 7\r\n"
           "Content-Length: 0\r\n\r\n");
    cr_assert_eq(route_counts()->grpc[7], 1);
}

Test(grpc_stack, counts_a_response_without_a_code)
{
    answer(HEAD "3\r\nabc\r\n0\r\n\r\n");
    cr_assert_eq(route_counts()->grpc[GRPC_MISSING], 1);
    answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(route_counts()->grpc[GRPC_PERMISSION_DENIED], 1);
}

Test(grpc_stack, counts_a_client_that_went_as_cancelled)
{
    peer_says(c, CALL("/s/m", ""));
    peer_resets(c);
    cr_assert_eq(route_counts()->grpc[GRPC_CANCELLED], 1);
}
