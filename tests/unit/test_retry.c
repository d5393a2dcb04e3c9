/* SPDX-License-Identifier: Apache-2.0 */
/* Retries that modules ask for: where to, when, with what, and how many. */
#include "hook_case.h"

#include "core/retry.h"

static struct weir_retry how; /* what is asked for when the first attempts are not good */
static unsigned retries_most;
static enum weir_verdict last_said;

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)u;
    const int status = weir_attempt_status(at);
    note("%u:%s ", weir_attempt_number(at),
         status ? weir_printf(x, "%d", status).p : weir_attempt_why(at));
    if ((status && status < 500) || weir_attempt_number(at) > retries_most)
        return WEIR_NEXT;
    return last_said = weir_retry(x, &how);
}
static const struct weir_module retry = {.name = "retry", .on_result = on_result};

static enum weir_verdict on_plan_keep(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_keep_request(x);
    return WEIR_NEXT;
}
static const struct weir_module keeper = {.name = "keeper", .on_plan = on_plan_keep};

static enum weir_verdict on_result_heard(struct weir_exchange *x, const struct weir_use *u,
                                         const struct weir_attempt *at)
{
    (void)x, (void)u;
    note("heard%u ", weir_attempt_number(at));
    return WEIR_NEXT;
}
static const struct weir_module counts = {.name = "counts", .on_result = on_result_heard};

#define E503 "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad"
#define PUT "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef"
#define POST "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef"

static void begin_retry(const char *conf)
{
    begin_with("", conf);
    CHAIN(&plan.routes[0], {&retry, NULL}, {&counts, NULL});
    how = (struct weir_retry){.cluster = 1};
    retries_most = 1;
}

static const char *dialled(size_t i)
{
    static char to[ADDR_TEXT_MAX];
    cr_assert(stack_origin(s, i));
    addr_print(&stack_origin(s, i)->to, to);
    return to;
}

Test(retry, goes_to_the_cluster_that_was_named)
{
    begin_retry(CLUSTERS("") ALL);
    struct peer *c = asks(GET);
    cr_assert_str_eq(dialled(0), "10.0.0.1:80");
    peer_says(stack_origin(s, 0), E503);
    cr_assert_str_eq(dialled(1), "10.0.0.2:80");
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    cr_assert(!peer_heard(c, "bad"));
    cr_assert_str_eq(trace, "1:503 heard1 2:200 heard2 ");
    const struct stats *st = stack_worker(s)->stats;
    cr_assert_eq(st->clusters[0]->requests, 0);
    cr_assert_eq(st->clusters[1]->requests, 1, "it counts where it ended");
    cr_assert_eq(st->routes[0]->retries, 1);
    end();
}

Test(retry, takes_the_content_along)
{
    begin_retry(CLUSTERS("") ALL);
    asks(PUT);
    cr_assert(peer_heard(stack_origin(s, 0), "abcdef"));
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(stack_origin(s, 1), "Content-Length: 6\r\n\r\nabcdef"), "%s",
              stack_origin(s, 1)->heard);
    peer_says(stack_origin(s, 1), OK2);
    end();
}

Test(retry, takes_content_along_that_comes_later)
{
    begin_retry(CLUSTERS("") ALL);
    how.delay_ms = 100;
    struct peer *c = asks("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
    peer_says(c, "cd");
    peer_says(stack_origin(s, 0), E503);
    peer_says(c, "ef");
    stack_sleep_ms(s, 120);
    cr_assert(peer_heard(stack_origin(s, 1), "\r\n\r\nabcdef"));
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

Test(retry, repeats_no_method_that_may_do_harm_twice)
{
    begin_retry(CLUSTERS("") ALL);
    struct peer *c = asks(POST);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(c, "HTTP/1.1 503 No"), "the attempt's own outcome");
    cr_assert_eq(last_said, WEIR_NEXT);
    cr_assert_eq(stack_origins(s), 1);
    how.unsafe = true;
    c = asks(POST);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(c, "HTTP/1.1 503 No"), "its content is gone");
    CHAIN(&plan.routes[0], {&keeper, NULL}, {&retry, NULL});
    c = asks(POST);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(stack_origin(s, 1), "\r\n\r\nabcdef"), "unless it was kept");
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

Test(retry, needs_content_within_the_limit)
{
    begin_with("limits = { queue = \"16k\"; };", CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&retry, NULL});
    how = (struct weir_retry){.cluster = 1};
    retries_most = 1;
    struct peer *c = asks("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n");
    char piece[10000];
    memset(piece, 'x', sizeof piece);
    peer_says_n(c, piece, sizeof piece);
    peer_says_n(c, piece, sizeof piece);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(c, "HTTP/1.1 503 No"));
    cr_assert_eq(stack_origins(s), 1);
    end();
}

Test(retry, waits_for_its_delay)
{
    begin_retry(CLUSTERS("") ALL);
    how.delay_ms = 200;
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503);
    stack_sleep_ms(s, 180);
    cr_assert_eq(stack_origins(s), 1);
    stack_sleep_ms(s, 40);
    cr_assert_eq(stack_origins(s), 2);
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

Test(retry, ends_with_the_client_or_the_time_while_it_waits)
{
    begin_with("timeouts = { request = \"1s\"; };", CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&retry, NULL});
    how = (struct weir_retry){.cluster = 1, .delay_ms = 900};
    retries_most = 1;
    struct peer *c = asks(GET);
    stack_sleep_ms(s, 50);
    peer_says(stack_origin(s, 0), E503);
    peer_resets(c);
    stack_sleep_ms(s, 1200);
    cr_assert_eq(stack_origins(s), 1);
    c = asks(GET);
    peer_says(stack_origin(s, 0), E503);
    stack_sleep_ms(s, 950);
    cr_assert_eq(stack_origins(s), 2);
    stack_sleep_ms(s, 150);
    cr_assert(begins(peer_take(c), "HTTP/1.1 504 "));
    end();
}

Test(retry, gives_up_what_the_attempt_is_still_sending)
{
    begin_retry(CLUSTERS("") ALL);
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nbad");
    cr_assert(!peer_closed(stack_origin(s, 0)), "nothing better has come yet");
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(peer_closed(stack_origin(s, 0)), "its connection can't be used again");
    const char *got = peer_take(c);
    cr_assert(begins(got, "HTTP/1.1 200 OK") && !strstr(got, "bad"));
    end();
}

Test(retry, may_go_on_as_often_as_it_is_asked_for)
{
    begin_retry(CLUSTERS("") ALL);
    retries_most = 4;
    struct peer *c = asks(GET);
    for (size_t i = 0; i < 4; i++)
        peer_says(stack_origin(s, stack_origins(s) - 1),
                  "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n");
    peer_says(stack_origin(s, stack_origins(s) - 1), E503);
    cr_assert_str_eq(trace, "1:500 heard1 2:500 heard2 3:500 heard3 4:500 heard4 5:503 heard5 ");
    cr_assert(begins(peer_take(c), "HTTP/1.1 503 No"));
    end();
}

Test(retry, after_a_failure_goes_on_too)
{
    begin_retry(CLUSTERS("") ALL);
    stack_refuse_dials(s, 1, 111);
    struct peer *c = asks(GET);
    cr_assert_str_eq(trace, "1:connect heard1 ");
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK"));
    end();
}

/* -- budget ------------------------------------------------------------------------------------ */

#define TIGHT(percent, min)                                                                        \
    CLUSTERS("retry_budget = { percent = \"" percent "\"; min_per_second = " min "; };") ALL

/* A request of which every attempt fails; gives how many attempts there were. */
static size_t fails(void)
{
    const size_t before = stack_origins(s);
    struct peer *c = asks(GET);
    for (size_t i = before; i < stack_origins(s); i++)
        peer_says(stack_origin(s, i), "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nb");
    peer_closes(c);
    return stack_origins(s) - before;
}

Test(retry, ends_where_the_budget_of_the_cluster_it_goes_to_does)
{
    begin_retry(TIGHT("0%", "2"));
    cr_assert_eq(fails(), 2);
    cr_assert_eq(fails(), 2);
    cr_assert_eq(fails(), 1);
    const struct stats *st = stack_worker(s)->stats;
    cr_assert_eq(st->clusters[1]->retries_refused, 1);
    cr_assert_eq(st->clusters[0]->retries_refused, 0);
    cr_assert_eq(st->routes[0]->retries_refused, 1);
    how.cluster = 0;
    cr_assert_eq(fails(), 2, "the other cluster has its own");
    stack_sleep_ms(s, 1000);
    how.cluster = 1;
    cr_assert_eq(fails(), 2, "and a second later there is more");
    end();
}

Test(retry, gets_a_share_of_the_first_attempts)
{
    begin_retry(TIGHT("50%", "0"));
    how.cluster = 0;
    size_t attempts = 0;
    for (int i = 0; i < 20; i++)
        attempts += fails();
    cr_assert_eq(attempts, 30, "%zu", attempts);
    cr_assert_eq(stack_worker(s)->stats->clusters[0]->retries_refused, 10);
    end();
}

/* -- the other cluster's modules --------------------------------------------------------------- */

static enum weir_verdict on_forward_mark(struct weir_exchange *x, const struct weir_use *u)
{
    const struct weir_name name = weir_name(text(u->conf));
    cr_assert_eq((*(int *)u->state)++, 0);
    weir_field_set(x, WEIR_INWARD, &name, text("1"));
    return WEIR_NEXT;
}
static void on_done_mark(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    note("%s.done%d ", (const char *)u->conf, *(int *)u->state);
}
static const struct weir_module marks = {.name = "marks",
                                         .state_size = sizeof(int),
                                         .on_forward = on_forward_mark,
                                         .on_done = on_done_mark};

Test(retry, changes_the_modules_with_the_cluster)
{
    begin_retry(CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&marks, "x-route"}, {&retry, NULL});
    CHAIN(&plan.clusters[0], {&marks, "x-one"});
    CHAIN(&plan.clusters[1], {&marks, "x-two"});
    asks(GET);
    peer_says(stack_origin(s, 0), E503);
    struct peer *a = stack_origin(s, 0), *b = stack_origin(s, 1);
    cr_assert(peer_heard(a, "x-route: 1") && peer_heard(a, "x-one: 1") && !peer_heard(a, "x-two"));
    cr_assert(peer_heard(b, "x-route: 1") && peer_heard(b, "x-two: 1") && !peer_heard(b, "x-one"),
              "%s", b->heard);
    trace[0] = 0;
    peer_says(b, OK2);
    cr_assert_str_eq(trace, "2:200 x-one.done1 x-route.done1 x-two.done1 ");
    end();
}

/* What was chosen for the first cluster. */
static struct module_chain first_choice, other_choice;
static enum weir_verdict on_plan_chooses(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_chain_use(x, (struct weir_chain *)&first_choice);
    return WEIR_NEXT;
}
static const struct weir_module chooses = {.name = "chooses", .on_plan = on_plan_chooses};

Test(retry, takes_back_what_was_chosen_with_the_cluster)
{
    begin_retry(CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&marks, "x-route"}, {&chooses, NULL}, {&retry, NULL});
    CHAIN((const struct chain **)&first_choice.built, {&marks, "x-chosen"});
    CHAIN((const struct chain **)&other_choice.built, {&marks, "x-other"});
    how.chain = (struct weir_chain *)&other_choice;
    asks(GET);
    peer_says(stack_origin(s, 0), E503);
    struct peer *a = stack_origin(s, 0), *b = stack_origin(s, 1);
    cr_assert(peer_heard(a, "x-chosen: 1") && !peer_heard(a, "x-other"));
    cr_assert(peer_heard(b, "x-route: 1") && peer_heard(b, "x-other: 1"));
    cr_assert(!peer_heard(b, "x-chosen"), "%s", b->heard);
    trace[0] = 0;
    peer_says(b, OK2);
    cr_assert_str_eq(trace, "2:200 x-chosen.done1 x-route.done1 x-other.done1 ");
    end();
}

Test(retry, on_the_same_cluster_leaves_the_head_as_it_is)
{
    begin_retry(CLUSTERS("") ALL);
    how.cluster = 0;
    CHAIN(&plan.routes[0], {&chooses, NULL}, {&retry, NULL});
    CHAIN((const struct chain **)&first_choice.built, {&marks, "x-chosen"});
    CHAIN(&plan.clusters[0], {&marks, "x-one"});
    asks(GET);
    peer_says(stack_origin(s, 0),
              "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad");
    struct peer *b = stack_origin(s, 1);
    cr_assert(peer_heard(b, "x-chosen: 1") && peer_heard(b, "x-one: 1"), "%s", b->heard);
    trace[0] = 0;
    peer_says(b, OK2);
    cr_assert_str_eq(trace, "2:200 x-chosen.done1 x-one.done1 ", "each was asked once: %s", trace);
    end();
}

Test(retry, is_refused_to_a_cluster_that_is_reserved)
{
    static const struct weir_module owner = {.name = "owner"};
    begin_retry(CLUSTERS("") ALL);
    CHAIN(&plan.routes[0], {&retry, NULL}, {&owner, NULL});
    plan.reserved[1] = module_of(&owner);
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(c, "HTTP/1.1 503 No"));
    end();
}

Test(retry, is_refused_to_a_cluster_without_endpoints)
{
    begin_retry("clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; two = { endpoints = "
                "( { address = \"10.0.0.2:80\"; weight = 0; } ); }; };" ALL);
    struct peer *c = asks(GET);
    peer_says(stack_origin(s, 0), E503);
    cr_assert(peer_heard(c, "HTTP/1.1 503 No"));
    cr_assert_eq(last_said, WEIR_NEXT);
    end();
}
