/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a cluster, and settings that come into force by a choice. */
#include "hook_case.h"

static weir_cluster wanted;
static struct weir_chain *chosen;

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    note("of%d chosen%d ", (int)weir_cluster_of(x), weir_cluster_chosen(x));
    note("set%d ", weir_cluster_set(x, wanted));
    note("of%d chosen%d ready%d%d ", (int)weir_cluster_of(x), weir_cluster_chosen(x),
         weir_cluster_ready(x, 0), weir_cluster_ready(x, 7));
    if (chosen)
        weir_chain_use(x, chosen);
    return WEIR_NEXT;
}
static const struct weir_module chooses = {.name = "chooses", .on_plan = on_plan};

static const char *to(void)
{
    static char text_of[ADDR_TEXT_MAX];
    cr_assert(stack_origin(s, 0));
    addr_print(&stack_origin(s, 0)->to, text_of);
    return text_of;
}

Test(module_api_plan, sets_the_cluster)
{
    begin("");
    CHAIN(&plan.routes[0], {&chooses, NULL});
    wanted = 1;
    asks(GET);
    cr_assert_str_eq(trace, "of0 chosen0 set1 of1 chosen1 ready10 ");
    cr_assert_str_eq(to(), "10.0.0.2:80");
    peer_says(stack_origin(s, 0), OK2);
    cr_assert_eq(stack_worker(s)->stats->clusters[1]->requests, 1);
    end();
}

Test(module_api_plan, sets_a_cluster_where_the_route_answers_itself)
{
    begin_with("", CLUSTERS("") "routes = ( { respond = { body = \"own\"; }; } );");
    CHAIN(&plan.routes[0], {&chooses, NULL});
    wanted = 1;
    asks(GET);
    cr_assert(begins(trace, "of-1 chosen0 set1 of1 "), "%s", trace);
    cr_assert_str_eq(to(), "10.0.0.2:80");
    wanted = 9;
    cr_assert(peer_heard(asks(GET), "own"), "no such cluster: the route's own end");
    end();
}

Test(module_api_plan, refuses_clusters_that_are_reserved)
{
    static const struct weir_module owner = {.name = "owner", .on_plan = on_plan};
    begin("");
    CHAIN(&plan.routes[0], {&chooses, NULL}, {&owner, NULL});
    plan.reserved[1] = module_of(&owner);
    wanted = 1;
    asks(GET);
    cr_assert_str_eq(trace,
                     "of0 chosen0 set0 of0 chosen0 ready10 of0 chosen0 set1 of1 chosen1 ready10 ");
    cr_assert_str_eq(to(), "10.0.0.2:80");
    end();
}

/* The loader refuses such a configuration; should it get here, nobody finds the cluster. */
Test(module_api_plan, keeps_everybody_else_from_a_reserved_cluster)
{
    static const struct weir_module owner = {.name = "owner"};
    begin("");
    CHAIN(&plan.routes[0], {&owner, NULL});
    plan.reserved[0] = module_of(&owner);
    cr_assert(begins(peer_take(asks(GET)), "HTTP/1.1 404 "));
    cr_assert_eq(stack_origins(s), 0);
    cr_assert(strstr(mistakes, "cluster_reserved"));
    end();
}

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct weir_name name = weir_name(text(u->conf));
    cr_assert(weir_field_set(x, WEIR_RESPONSE, &name, text("1")));
}
static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x;
    note("%s.done ", (const char *)u->conf);
}
static enum weir_verdict on_plan_chooses_again(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    weir_chain_use(x, chosen);
    return WEIR_NEXT;
}
static const struct weir_module marks = {
    .name = "marks", .on_response = on_response, .on_done = on_done};
static const struct weir_module again = {
    .name = "again", .on_plan = on_plan_chooses_again, .on_done = on_done};

Test(module_api_plan, brings_chosen_settings_into_force)
{
    struct module_chain c = {0};
    begin("");
    CHAIN(&plan.routes[0], {&chooses, NULL}, {&marks, "x-route"});
    CHAIN((const struct chain **)&c.built, {&marks, "x-choice"});
    wanted = 1;
    chosen = (struct weir_chain *)&c;
    struct peer *p = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(p, "x-route: 1") && peer_heard(p, "x-choice: 1"));
    cr_assert(strstr(trace, "x-route.done x-choice.done "));
    end();
}

Test(module_api_plan, tells_settings_that_were_chosen_over_of_the_end)
{
    struct module_chain first = {0}, second = {0};
    begin("");
    CHAIN(&plan.routes[0], {&chooses, NULL}, {&again, "again"});
    CHAIN((const struct chain **)&first.built, {&marks, "x-first"});
    CHAIN((const struct chain **)&second.built, {&marks, "x-second"}, {&again, "inner"});
    wanted = 1;
    chosen = (struct weir_chain *)&first;
    struct peer *p = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(strstr(trace, "x-first.done again.done x-first.done "),
              "twice chosen, twice told: %s", trace);
    trace[0] = 0;
    chosen = (struct weir_chain *)&second;
    p = asks(GET);
    peer_says(stack_origin(s, 0), OK2);
    cr_assert(peer_heard(p, "x-second: 1"));
    cr_assert(strstr(mistakes, "settings that were chosen can't choose others"));
    end();
}
