/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals and answers of modules. */
#include "hook_case.h"

static enum weir_refusal refusal;
static const char *field, *value;

static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    if (field) {
        const struct weir_name name = weir_name(text(field));
        weir_answer_field(x, &name, text(value));
    }
    return weir_refuse(x, refusal, "because");
}
static const struct weir_module refuses = {.name = "refuses", .on_request = on_request};

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_name name = weir_name(text("x-seen"));
    note("%s%d,%s ", weir_own_answer(x) ? "own" : "", weir_status(x),
         weir_why(x) ? weir_why(x) : "-");
    cr_assert_eq(weir_failure(x) == WEIR_FAILURE_NONE, weir_why(x) == NULL);
    weir_field_set(x, WEIR_RESPONSE, &name, text("yes"));
}
static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    note("done%d by %.*s ", weir_status(x), SLICE_ARG(((struct exchange *)x)->answered_by));
}
static const struct weir_module watches = {
    .name = "watches", .on_response = on_response, .on_done = on_done};

static const char *refused_with(enum weir_refusal r, const char *request)
{
    refusal = r;
    return peer_take(asks(request));
}

static void begin_refusing(void)
{
    begin("");
    CHAIN(&plan.routes[0], {&refuses, NULL}, {&watches, NULL});
}

Test(module_api_answer, refuses_with_status_and_word)
{
    static const struct {
        enum weir_refusal refusal;
        enum why why;
        const char *line;
    } cases[] = {
        {WEIR_UNAUTHENTICATED, WHY_UNAUTHENTICATED, "HTTP/1.1 401 Unauthorized\r\n"},
        {WEIR_FORBIDDEN, WHY_FORBIDDEN, "HTTP/1.1 403 Forbidden\r\n"},
        {WEIR_LIMITED, WHY_LIMITED, "HTTP/1.1 429 Too Many Requests\r\n"},
        {WEIR_UNAVAILABLE, WHY_MODULE_UNAVAILABLE, "HTTP/1.1 503 Service Unavailable\r\n"},
    };
    begin_refusing();
    for (size_t i = 0; i < array_n(cases); i++) {
        const char *got = refused_with(cases[i].refusal, GET);
        cr_assert(begins(got, cases[i].line), "%s", got);
        cr_assert(strstr(got, "x-seen: yes"));
        cr_assert(strstr(got, why_facts(cases[i].why)->word));
        cr_assert_eq(whys(cases[i].why), 1);
    }
    cr_assert(begins(trace, "own401,unauthenticated done401 by refuses own403,forbidden "), "%s",
              trace);
    end();
}

Test(module_api_answer, adds_fields_to_refusals)
{
    begin_refusing();
    field = "WWW-Authenticate";
    value = "Bearer realm=\"x\"";
    cr_assert(strstr(refused_with(WEIR_UNAUTHENTICATED, GET),
                     "www-authenticate: Bearer realm=\"x\"\r\n") ||
              strstr(refused_with(WEIR_UNAUTHENTICATED, GET),
                     "WWW-Authenticate: Bearer realm=\"x\"\r\n"));
    value = "a\r\nevil: 1";
    cr_assert(!strstr(refused_with(WEIR_UNAUTHENTICATED, GET), "evil"));
    cr_assert(strstr(mistakes, "this field can't be set"));
    field = "Content-Length";
    value = "5";
    cr_assert(!strstr(refused_with(WEIR_UNAUTHENTICATED, GET), "Content-Length: 5"));
    end();
}

/* Byte by byte what a request gets that no route takes. */
Test(module_api_answer, hides_a_route_by_not_found)
{
    static const char *const requests[] = {
        "GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n",
        "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nabc",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: "
        "0\r\n\r\n",
    };
    begin_with("", CLUSTERS("") "routes = ( { cluster = \"one\"; match = { host = \"h\"; }; } );");
    CHAIN(&plan.routes[0], {&refuses, NULL}, {&watches, NULL});
    field = "x-secret";
    value = "1";
    for (size_t i = 0; i < array_n(requests); i++) {
        char *hidden = strdup(refused_with(WEIR_NOT_FOUND, requests[i]));
        char *other = strdup(requests[i]);
        *strstr(other, "Host: h") = 'H';
        strstr(other, "Host: ")[6] = 'n';
        struct peer *c = asks(other);
        cr_assert_str_eq(hidden, peer_take(c));
        free(hidden);
        free(other);
    }
    cr_assert_eq(whys(WHY_NO_ROUTE), 2 * array_n(requests));
    end();
}

static enum weir_verdict on_plan_not_found(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    return weir_refuse(x, WEIR_NOT_FOUND, NULL);
}
static const struct weir_module hides = {.name = "hides", .on_plan = on_plan_not_found};

Test(module_api_answer, hides_a_route_before_its_limits_are_told)
{
    begin_with("", CLUSTERS("") "routes = ( { cluster = \"one\"; body_size = 1; } );");
    CHAIN(&plan.routes[0], {&hides, NULL});
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    cr_assert(begins(peer_take(c), "HTTP/1.1 404 "));
    end();
}

/* -- answers of their own ---------------------------------------------------------------------- */

static int status;
static const char *type, *body;

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_name name = weir_name(text("x-from"));
    weir_answer_field(x, &name, text("module"));
    return weir_answer(x, status, text(type), weir_dup(x, text(body)));
}
static const struct weir_module answers = {.name = "answers", .on_plan = on_plan};

static void begin_answering(void)
{
    begin("");
    CHAIN(&plan.routes[0], {&answers, NULL}, {&watches, NULL});
    status = 418;
    type = "text/x-pot";
    body = "tea";
}

Test(module_api_answer, gives_status_type_and_content)
{
    begin_answering();
    const char *got = peer_take(asks(GET));
    cr_assert(begins(got, "HTTP/1.1 418 "));
    cr_assert(strstr(got, "Content-Length: 3\r\n") && strstr(got, "x-from: module\r\n") &&
                  strcasestr(got, "content-type: text/x-pot\r\n") && strstr(got, "\r\n\r\ntea"),
              "%s", got);
    cr_assert_str_eq(trace, "own418,- done418 by answers ");
    cr_assert_eq(whys(WHY_NONE), 1, "an answer is no error");
    got = peer_take(asks("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
    cr_assert(strstr(got, "Content-Length: 3\r\n") && !strstr(got, "tea"));
    status = 204;
    cr_assert(!strstr(peer_take(asks(GET)), "tea"));
    end();
}

Test(module_api_answer, keeps_the_connection)
{
    begin_answering();
    struct peer *c = asks(GET);
    peer_take(c);
    peer_says(c, GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 418 "));
    end();
}

Test(module_api_answer, speaks_grpc_to_grpc)
{
    begin_answering();
    status = 403;
    const char *got = peer_take(asks("POST /x.Y/Z HTTP/1.1\r\nHost: h\r\nContent-Type: "
                                     "application/grpc\r\nContent-Length: 0\r\n\r\n"));
    cr_assert(begins(got, "HTTP/1.1 200 ") && strstr(got, "grpc-status: 7\r\n") &&
                  strstr(got, "grpc-message: tea\r\n") && strstr(got, "x-from: module"),
              "%s", got);
    CHAIN(&plan.routes[0], {&refuses, NULL});
    field = NULL;
    got = refused_with(WEIR_LIMITED, "POST /x.Y/Z HTTP/1.1\r\nHost: h\r\nContent-Type: "
                                     "application/grpc\r\nContent-Length: 0\r\n\r\n");
    cr_assert(strstr(got, "grpc-status: 8\r\n"), "%s", got);
    end();
}

Test(module_api_answer, refuses_answers_that_are_none)
{
    begin_answering();
    status = 101;
    cr_assert(begins(peer_take(asks(GET)), "HTTP/1.1 503 "));
    status = 200;
    type = "a\nb";
    cr_assert(begins(peer_take(asks(GET)), "HTTP/1.1 503 "));
    end();
}

static enum weir_verdict on_request_changes_its_mind(struct weir_exchange *x,
                                                     const struct weir_use *u)
{
    (void)u;
    weir_refuse(x, WEIR_FORBIDDEN, NULL);
    return WEIR_NEXT;
}
static const struct weir_module wavers = {.name = "wavers",
                                          .on_request = on_request_changes_its_mind};

Test(module_api_answer, counts_only_when_the_hook_says_so)
{
    begin("");
    CHAIN(&plan.routes[0], {&wavers, NULL}, {&watches, NULL});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert_str_eq(trace, "200,- done200 by  ");
    end();
}

static void on_response_answers(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_refuse(x, WEIR_FORBIDDEN, NULL);
}
static const struct weir_module late = {.name = "late", .on_response = on_response_answers};

Test(module_api_answer, comes_too_late_in_other_hooks)
{
    begin("");
    CHAIN(&plan.routes[0], {&late, NULL});
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert(strstr(mistakes, "this hook can't answer"));
    end();
}

Test(module_api_answer, tells_modules_of_the_gateways_own)
{
    begin_with("", CLUSTERS("") "routes = ( { respond = { status = 202; body = \"x\"; }; } );");
    CHAIN(&plan.routes[0], {&watches, NULL});
    cr_assert(strstr(peer_take(asks(GET)), "x-seen: yes"));
    cr_assert_str_eq(trace, "own202,- done202 by  ");
    end();
}
