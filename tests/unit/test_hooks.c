/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of hooks: order, state, waiting, verdicts, and that every use hears of the end. */
#include "hook_case.h"

#include "core/attempt.h"
#include "io/link.h"

struct state {
    int calls;
};

static const char *name_of(const struct weir_use *u)
{
    return u->conf ? u->conf : "-";
}

/* Notes "CONF.what " and how often this use was called before. */
static enum weir_verdict heard(const struct weir_use *u, const char *what)
{
    struct state *st = u->state;
    note("%s.%s%d ", name_of(u), what, st ? st->calls++ : -1);
    return WEIR_NEXT;
}
static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    return heard(u, "request");
}
static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    return heard(u, "plan");
}
static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    return heard(u, "forward");
}
static enum weir_verdict on_pick(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep)
{
    (void)x, (void)ep;
    return heard(u, "pick");
}
static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)x, (void)at;
    return heard(u, "result");
}
static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    heard(u, "response");
}
static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    heard(u, "done");
}

static const struct weir_module all = {.name = "all",
                                       .state_size = sizeof(struct state),
                                       .on_request = on_request,
                                       .on_plan = on_plan,
                                       .on_forward = on_forward,
                                       .on_pick = on_pick,
                                       .on_result = on_result,
                                       .on_response = on_response,
                                       .on_done = on_done};
static const struct weir_module last = {
    .name = "last", .state_size = sizeof(struct state), .on_plan = on_plan, .on_done = on_done};

static void answer(void)
{
    peer_says(stack_origin(s, stack_origins(s) - 1), OK2);
}

Test(hooks, run_in_the_order_of_moments_and_of_the_chain)
{
    begin("");
    CHAIN(&plan.routes[0], {&all, "a"}, {&last, "b"});
    struct peer *c = asks(GET);
    cr_assert_str_eq(trace, "a.request0 a.plan1 b.plan0 a.forward2 a.pick3 ");
    answer();
    cr_assert_str_eq(trace, "a.request0 a.plan1 b.plan0 a.forward2 a.pick3 a.result4 a.response5 "
                            "a.done6 b.done1 ");
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert_str_eq(mistakes, "");
    end();
}

Test(hooks, begin_each_request_with_zeroed_state)
{
    begin("");
    CHAIN(&plan.routes[0], {&last, "b"}, {&last, "c"});
    struct peer *c = asks(GET);
    answer();
    peer_says(c, GET);
    answer();
    cr_assert_str_eq(trace, "b.plan0 c.plan0 b.done1 c.done1 b.plan0 c.plan0 b.done1 c.done1 ");
    end();
}

Test(hooks, of_a_cluster_run_when_it_is_final)
{
    begin("");
    CHAIN(&plan.clusters[0], {&all, "one"});
    CHAIN(&plan.clusters[1], {&all, "two"});
    asks(GET);
    answer();
    cr_assert_str_eq(trace, "one.forward0 one.pick1 one.result2 one.response3 one.done4 ");
    end();
}

/* -- waiting ----------------------------------------------------------------------------------- */

static struct weir_exchange *waiting;

static enum weir_verdict wait_once(struct weir_exchange *x, const struct weir_use *u)
{
    struct state *st = u->state;
    heard(u, "wait");
    waiting = x;
    return st->calls == 1 ? WEIR_WAIT : WEIR_NEXT;
}
static const struct weir_module waits = {.name = "waits",
                                         .state_size = sizeof(struct state),
                                         .on_request = wait_once,
                                         .on_done = on_done};
static const struct weir_module waits_in_plan = {.name = "waits_in_plan",
                                                 .state_size = sizeof(struct state),
                                                 .on_plan = wait_once,
                                                 .on_done = on_done};

static const struct weir_module waits_to_enter = {.name = "waits_to_enter",
                                                  .state_size = sizeof(struct state),
                                                  .on_enter = wait_once,
                                                  .on_done = on_done};

#define POST_OPEN "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"

Test(hooks, that_wait_are_called_again_when_they_are_resumed)
{
    begin("");
    CHAIN(&plan.routes[0], {&all, "a"}, {&waits, "w"}, {&last, "b"});
    asks(GET);
    cr_assert_str_eq(trace, "a.request0 w.wait0 ");
    cr_assert_eq(stack_origins(s), 0);
    resume(waiting);
    cr_assert_str_eq(trace, "a.request0 w.wait0 w.wait1 a.plan1 b.plan0 a.forward2 a.pick3 ");
    answer();
    end();
}

Test(hooks, that_wait_sleep_through_other_events)
{
    begin("");
    CHAIN(&plan.routes[0], {&waits, "w"}, {&waits_in_plan, "p"});
    struct peer *c = asks(POST_OPEN);
    peer_says(c, "abc");
    cr_assert_str_eq(trace, "w.wait0 ");
    resume(waiting);
    peer_says(c, "def");
    cr_assert_str_eq(trace, "w.wait0 w.wait1 p.wait0 ");
    resume(waiting);
    cr_assert(peer_heard(stack_origin(s, 0), "\r\n\r\nabcdef"));
    answer();
    cr_assert_str_eq(trace, "w.wait0 w.wait1 p.wait0 p.wait1 w.done2 p.done2 ");
    end();
}

Test(hooks, of_a_cluster_may_let_a_request_wait_before_its_head_is_made)
{
    begin("");
    CHAIN(&plan.routes[0], {&all, "a"}, {&waits_to_enter, "r"});
    CHAIN(&plan.clusters[0], {&waits_to_enter, "c"}, {&last, "b"});
    struct peer *c = asks(POST_OPEN);
    peer_says(c, "abc");
    cr_assert_str_eq(trace, "a.request0 a.plan1 c.wait0 ", "a route's use enters nothing");
    cr_assert_eq(stack_origins(s), 0);
    resume(waiting);
    peer_says(c, "def");
    cr_assert(peer_heard(stack_origin(s, 0), "\r\n\r\nabcdef"));
    cr_assert(begins(trace, "a.request0 a.plan1 c.wait0 c.wait1 a.forward2 a.pick3 "), "%s", trace);
    answer();
    end();
}

static enum weir_verdict refuses(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    return weir_refuse(x, WEIR_BREAKER_LIMIT, "pending");
}
static const struct weir_module full = {.name = "full", .on_enter = refuses};

Test(hooks, of_a_cluster_may_answer_instead_of_letting_a_request_in)
{
    begin("");
    CHAIN(&plan.clusters[0], {&full, NULL});
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    cr_assert_eq(stack_origins(s), 0);
    cr_assert_eq(whys(WHY_BREAKER_LIMIT), 1);
    end();
}

static enum weir_verdict resumes_at_once(struct weir_exchange *x, const struct weir_use *u)
{
    struct state *st = u->state;
    heard(u, "wait");
    ((struct exchange *)x)->resumed = true;
    exchange_wake((struct exchange *)x);
    return st->calls == 1 ? WEIR_WAIT : WEIR_NEXT;
}
static const struct weir_module hasty = {
    .name = "hasty", .state_size = sizeof(struct state), .on_request = resumes_at_once};

Test(hooks, survive_who_resumes_too_early)
{
    begin("");
    CHAIN(&plan.routes[0], {&hasty, "h"}, {&waits, "w"});
    asks(GET);
    cr_assert_str_eq(trace, "h.wait0 h.wait1 w.wait0 ", "and that counts for nobody else");
    resume(waiting);
    answer();
    end();
}

Test(hooks, hear_of_a_client_that_went_while_one_waited)
{
    begin("");
    CHAIN(&plan.routes[0], {&waits, "w"}, {&last, "b"});
    struct peer *c = asks(GET);
    peer_resets(c);
    cr_assert_str_eq(trace, "w.wait0 w.done1 b.done0 ");
    cr_assert_eq(whys(WHY_CLIENT_GONE), 1);
    end();
}

Test(hooks, let_the_time_run_while_they_wait)
{
    begin("timeouts = { request = \"3s\"; };");
    CHAIN(&plan.routes[0], {&waits, "w"});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 2900);
    cr_assert_str_eq(trace, "w.wait0 ");
    stack_sleep_ms(s, 200);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    cr_assert_str_eq(trace, "w.wait0 w.done1 ");
    cr_assert_eq(whys(WHY_TIMEOUT_REQUEST), 1);
    end();
}

Test(hooks, leave_the_rest_of_the_time_to_the_origin)
{
    begin_with("timeouts = { request = \"3s\"; };",
               CLUSTERS("") "routes = ( { cluster = \"one\"; timeout = \"2s\"; } );");
    CHAIN(&plan.routes[0], {&waits, "w"});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 1500);
    resume(waiting);
    stack_sleep_ms(s, 400);
    cr_assert_str_eq(peer_take(c), "");
    stack_sleep_ms(s, 200);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "), "the route's two seconds, from the beginning");
    end();
}

/* -- verdicts ---------------------------------------------------------------------------------- */

static enum weir_verdict says_veto(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_VETO;
}
static enum weir_verdict says_answered(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_ANSWERED;
}
static enum weir_verdict says_nonsense(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return (enum weir_verdict)77;
}
static enum weir_verdict says_wait(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_WAIT;
}

Test(hooks, that_answer_what_their_moment_has_not_are_as_if_they_went_on)
{
    static const struct weir_module wrong = {.name = "wrong",
                                             .on_request = says_veto,
                                             .on_plan = says_nonsense,
                                             .on_forward = says_wait};
    begin("");
    CHAIN(&plan.routes[0], {&wrong, NULL});
    struct peer *c = asks(GET);
    answer();
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert(strstr(mistakes, "module_mistake module=wrong hook=on_request"), "%s", mistakes);
    cr_assert(strstr(mistakes, "hook=on_plan"));
    cr_assert(strstr(mistakes, "hook=on_forward"));
    end();
}

Test(hooks, that_say_answered_and_nothing_else_stop_the_request)
{
    static const struct weir_module mute = {.name = "mute", .on_request = says_answered};
    begin("");
    CHAIN(&plan.routes[0], {&mute, NULL}, {&all, "a"});
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    cr_assert_eq(whys(WHY_MODULE_UNAVAILABLE), 1);
    cr_assert_str_eq(trace, "a.response0 a.done1 ");
    end();
}

/* -- picking ----------------------------------------------------------------------------------- */

static const char *vetoed;

static enum weir_verdict on_pick_veto(struct weir_exchange *x, const struct weir_use *u,
                                      const struct weir_endpoint *ep)
{
    (void)x, (void)u;
    const char *name = ((const struct endpoint *)ep)->name;
    note("%s ", name);
    return strstr(vetoed, name) ? WEIR_VETO : WEIR_NEXT;
}
static const struct weir_module breaker = {.name = "breaker", .on_pick = on_pick_veto};
#define THREE                                                                                      \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\", \"10.0.0.3:80\" ]; }; "  \
    "};"                                                                                           \
    "routes = ( { cluster = \"one\"; } );"

Test(hooks, that_veto_an_endpoint_get_another_one)
{
    begin_with("", THREE);
    CHAIN(&plan.routes[0], {&breaker, NULL});
    vetoed = "10.0.0.1:80 10.0.0.3:80";
    for (int i = 0; i < 6; i++)
        asks(GET);
    cr_assert_eq(stack_origins(s), 6);
    for (size_t i = 0; i < 6; i++) {
        char to[ADDR_TEXT_MAX];
        addr_print(&stack_origin(s, i)->to, to);
        cr_assert_str_eq(to, "10.0.0.2:80");
    }
    end();
}

Test(hooks, that_veto_all_endpoints_are_each_asked_once)
{
    begin_with("", THREE);
    CHAIN(&plan.routes[0], {&breaker, NULL});
    vetoed = "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80";
    struct peer *c = asks(GET);
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 "));
    cr_assert_eq(strlen(trace), 3 * strlen("10.0.0.1:80 "));
    for (int i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "10.0.0.%d:80", i);
        cr_assert(strstr(trace, name));
    }
    cr_assert_eq(whys(WHY_NO_ENDPOINT), 1);
    end();
}

Test(hooks, share_what_is_vetoed_among_the_others)
{
    begin_with("", THREE);
    CHAIN(&plan.routes[0], {&breaker, NULL});
    vetoed = "10.0.0.2:80";
    unsigned n[4] = {0};
    for (int i = 0; i < 12; i++)
        asks(GET);
    for (size_t i = 0; i < 12; i++) {
        char to[ADDR_TEXT_MAX];
        addr_print(&stack_origin(s, i)->to, to);
        n[to[7] - '0']++;
    }
    cr_assert_eq(n[1], 6, "%u", n[1]);
    cr_assert_eq(n[3], 6, "%u", n[3]);
    end();
}

/* -- attempts that nobody waited for ----------------------------------------------------------- */

Test(hooks, that_judge_hear_of_every_attempt_once)
{
    begin("timeouts = { request = \"1s\"; };");
    CHAIN(&plan.routes[0], {&all, "a"});
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 1100);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    cr_assert_str_eq(trace, "a.request0 a.plan1 a.forward2 a.pick3 a.result4 a.response5 a.done6 ");
    trace[0] = 0;
    c = asks(GET);
    peer_resets(c);
    cr_assert_str_eq(trace, "a.request0 a.plan1 a.forward2 a.pick3 a.result4 a.done5 ");
    trace[0] = 0;
    c = asks(GET);
    peer_says(stack_origin(s, 2), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    peer_closes(stack_origin(s, 2));
    cr_assert(c->failed || c->eof);
    cr_assert_str_eq(trace, "a.request0 a.plan1 a.forward2 a.pick3 a.result4 a.response5 a.done6 ",
                     "a response that breaks off was accepted before: %s", trace);
    end();
}

/* -- what identifies --------------------------------------------------------------------------- */

static enum weir_verdict on_identify(struct weir_exchange *x, const struct weir_use *u)
{
    static const struct weir_claim claims[] = {{{"groups", 6}, {"staff", 5}},
                                               {{"groups", 6}, {"testers", 7}}};
    const struct weir_name name = weir_name(text("x-user"));
    const struct weir_slice user = weir_field(x, WEIR_REQUEST, &name);
    heard(u, "identify");
    waiting = x;
    if (user.n && user.p[0] == '?' && ((struct state *)u->state)->calls == 1)
        return WEIR_WAIT;
    if (user.n)
        weir_identity_set(x, &(struct weir_identity){.subject = user}, claims, 2);
    else
        weir_identity_wrong(x, "nobody");
    return WEIR_NEXT;
}
static const struct weir_module auth = {.name = "auth",
                                        .state_size = sizeof(struct state),
                                        .on_identify = on_identify,
                                        .on_request = on_request,
                                        .on_done = on_done};
static enum weir_verdict on_request_who(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_identity *id = weir_identity(x);
    note("%.*s ", id ? (int)id->subject.n : 6, id ? id->subject.p : "nobody");
    return WEIR_NEXT;
}
static const struct weir_module who = {
    .name = "who", .wants_identity = true, .on_request = on_request_who};
#define BY_IDENTITY                                                                                \
    "routes = ( { name = \"testers\"; cluster = \"two\";"                                          \
    "  match = { path = \"/a\"; identity = ( { name = \"groups\"; exact = \"testers\"; } ); }; }," \
    "  { name = \"rest\"; cluster = \"one\"; } );"
#define WITH_USER(user) "GET /a HTTP/1.1\r\nHost: h\r\nX-User: " user "\r\n\r\n"

static uint64_t requests_of(size_t route)
{
    return stack_worker(s)->stats->routes[route]->requests;
}

Test(hooks, find_out_who_asks_when_a_route_wants_to_know)
{
    begin_with("", CLUSTERS("") BY_IDENTITY);
    CHAIN(&plan.identify, {&auth, NULL});
    asks(WITH_USER("ann"));
    answer();
    cr_assert_eq(requests_of(0), 1);
    cr_assert_str_eq(trace, "-.identify0 -.done1 ", "on_request is for its uses on routes");
    asks("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    answer();
    cr_assert_eq(requests_of(1), 1);
    trace[0] = 0;
    asks("GET /b HTTP/1.1\r\nHost: h\r\nX-User: ann\r\n\r\n");
    answer();
    cr_assert_str_eq(trace, "", "no route that could match asks");
    cr_assert_eq(requests_of(1), 2);
    end();
}

Test(hooks, may_wait_to_find_out_who_asks)
{
    begin_with("timeouts = { request = \"1s\"; };", CLUSTERS("") BY_IDENTITY);
    CHAIN(&plan.identify, {&auth, NULL});
    asks(WITH_USER("?ann"));
    cr_assert_str_eq(trace, "-.identify0 ");
    resume(waiting);
    answer();
    cr_assert_str_eq(trace, "-.identify0 -.identify1 -.done2 ");
    cr_assert_eq(requests_of(0), 1);
    trace[0] = 0;
    peer_resets(asks(WITH_USER("?ann")));
    cr_assert_str_eq(trace, "-.identify0 -.done1 ", "who waits hears of the end");
    struct peer *c = asks(WITH_USER("?ann"));
    stack_sleep_ms(s, 1100);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    end();
}

Test(hooks, find_out_who_asks_when_a_use_wants_to_know)
{
    begin("");
    CHAIN(&plan.identify, {&auth, NULL});
    CHAIN(&plan.routes[0], {&who, NULL});
    asks(WITH_USER("ann"));
    answer();
    asks(GET);
    answer();
    cr_assert_str_eq(trace, "-.identify0 ann -.done1 -.identify0 nobody -.done1 ");
    end();
}

Test(hooks, that_identify_are_not_asked_again_for_a_use_on_the_route)
{
    begin("");
    CHAIN(&plan.identify, {&auth, NULL});
    CHAIN(&plan.routes[0], {&auth, "r"}, {&who, NULL});
    asks(WITH_USER("ann"));
    answer();
    cr_assert_str_eq(trace, "-.identify0 r.request0 ann -.done1 r.done1 ");
    cr_assert_str_eq(mistakes, "");
    end();
}

Test(hooks, find_out_who_asks_only_once)
{
    begin_with("", CLUSTERS("") BY_IDENTITY);
    CHAIN(&plan.identify, {&auth, NULL});
    CHAIN(&plan.routes[0], {&who, NULL});
    asks(WITH_USER("ann"));
    answer();
    cr_assert_str_eq(trace, "-.identify0 ann -.done1 ");
    end();
}

Test(hooks, take_off_what_no_client_may_send)
{
    static struct slice strip[] = {SLICE_INIT("x-verified-user"), SLICE_INIT("cookie")};
    begin("");
    plan.strip = (struct texts){strip, 2};
    asks("POST / HTTP/1.1\r\nHost: h\r\nX-Verified-USER: root\r\nCookie: a=b\r\nX-Other: 1\r\n"
         "x-verified-user: again\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1\r\na\r\n0\r\nX-Verified-User: root\r\nX-Trailer: 1\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "X-Other: 1"));
    cr_assert(peer_heard(o, "X-Trailer: 1"));
    cr_assert(!strcasestr(o->heard, "verified"), "%s", o->heard);
    cr_assert(!strcasestr(o->heard, "cookie"));
    answer();
    end();
}
