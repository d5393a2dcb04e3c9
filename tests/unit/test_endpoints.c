/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see of endpoints, and drain. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/decide.h"
#include "control/endpoints.h"
#include "tests/lib/stack.h"

static struct stack *s;
static struct endpoints e;
static struct admin_answer answer;

static void on_log(enum log_level level, struct slice line)
{
    (void)level, (void)line;
}

static void begin(void)
{
    log_set_sink(on_log);
    s = stack_new(
        "clusters = { web = { endpoints = ( \"10.0.0.1:80\", { address = \"10.0.0.2:80\"; "
        "weight = 3; }, \"unix:/run/app.sock\" ); }; api = { endpoints = [ "
        "\"10.0.0.3:80\" ]; }; };"
        "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"web\"; } );");
    endpoints_init(&e, stack_worker(s), NULL);
    text_init(&answer.body);
}

static void end(void)
{
    text_fini(&answer.body);
    stack_free(s);
}

TestSuite(endpoints, .init = begin, .fini = end);

static const char *ask(void (*fn)(void *, const struct admin_request *, struct admin_answer *),
                       enum method method, const char *rest, const char *content, bool may_change)
{
    const struct admin_request rq = {.method = method,
                                     .rest = slice_str(rest),
                                     .content = slice_str(content),
                                     .may_change = may_change};
    text_fini(&answer.body);
    text_init(&answer.body);
    answer.status = 200;
    fn(&e, &rq, &answer);
    text_char(&answer.body, '\0');
    return answer.body.p;
}

#define GET(rest) ask(endpoints_of_cluster, METHOD_GET, rest, "", false)
#define POST(rest) ask(endpoints_of_cluster, METHOD_POST, rest, "", true)
#define COMMAND(rest, content) ask(endpoints_command, METHOD_POST, rest, content, true)

static bool takes_requests(const char *ip_tail)
{
    for (int i = 0; i < 8; i++) {
        struct endpoint *ep = cluster_pick(&stack_worker(s)->clusters[0], &stack_worker(s)->random);
        if (ep && strstr(ep->name, ip_tail))
            return true;
    }
    return false;
}

Test(endpoints, are_shown_by_cluster)
{
    const char *all = ask(endpoints_all, METHOD_GET, "", "", false);
    cr_assert(strstr(all, "\"name\":\"web\""), "%s", all);
    cr_assert(strstr(all, "{\"name\":\"10.0.0.2:80\",\"weight\":3,\"health\":\"unknown\","
                          "\"drained\":false,\"says\":\"ok\",\"share_millionths\":1000000}"),
              "%s", all);
    cr_assert(strstr(all, "10.0.0.3:80"));
    const char *one = GET("web/endpoints");
    cr_assert(strstr(one, "10.0.0.1:80") && !strstr(one, "10.0.0.3:80"), "%s", one);
    char *by_command = strdup(COMMAND("list", "{\"cluster\":\"api\"}"));
    cr_assert_str_eq(by_command, GET("api/endpoints"));
    free(by_command);
}

Test(endpoints, that_wait_for_their_first_check_say_so)
{
    struct endpoint_cell *cell = stack_worker(s)->g->cells[0];
    endpoint_health_set(cell, endpoint_cell_find(cell, SLICE("10.0.0.2:80")), HEALTH_PENDING, 0);
    cr_assert(strstr(GET("web/endpoints"), "\"weight\":3,\"health\":\"pending\""));
}

Test(endpoints, what_is_drained_takes_no_requests_until_it_is_undrained)
{
    cr_assert(takes_requests("10.0.0.2"));
    cr_assert_str_eq(POST("web/endpoints/10.0.0.2:80/drain"),
                     "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\",\"drained\":true,"
                     "\"changed\":true,\"left\":2}\n");
    cr_assert_not(takes_requests("10.0.0.2"));
    cr_assert(takes_requests("10.0.0.1"));
    cr_assert(strstr(GET("web/endpoints"), "\"drained\":true"));
    cr_assert(strstr(POST("web/endpoints/10.0.0.2:80/drain"), "\"changed\":false"));
    cr_assert(strstr(POST("web/endpoints/10.0.0.2:80/undrain"), "\"changed\":true,\"left\":3"));
    cr_assert(takes_requests("10.0.0.2"));
}

Test(endpoints, a_command_says_the_same_in_json)
{
    const char *said =
        COMMAND("drain", "{\"cluster\":\"web\",\"endpoint\":\"unix:/run/app.sock\"}");
    cr_assert(strstr(said, "\"endpoint\":\"unix:/run/app.sock\",\"drained\":true"), "%s", said);
    cr_assert(strstr(POST("web/endpoints/unix:/run/app.sock/undrain"), "\"changed\":true"));
}

static char decided[256];

static const char *refuse(void *ctx, struct slice key)
{
    (void)ctx, (void)key;
    return NULL;
}

static const char *tell(void *ctx, const struct decision *d)
{
    (void)ctx;
    snprintf(decided, sizeof decided, "%.*s %.*s %.*s", SLICE_ARG(d->key), SLICE_ARG(d->path),
             SLICE_ARG(d->json));
    return "told";
}

Test(endpoints, are_drained_on_all_instances_by_either_way_of_saying_it)
{
    static const struct decider decider = {.refuse = refuse, .tell = tell};
    const char *content = "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\",\"fleet\":true}";
    cr_assert(strstr(COMMAND("drain", content), "there is no fleet"));
    cr_assert(takes_requests("10.0.0.2"));
    e.decider = &decider;
    cr_assert(strstr(COMMAND("drain", content), ",\"fleet\":\"told\"}\n"));
    cr_assert(strstr(decided, "endpoint/drained/web/10.0.0.2:80 /v1/endpoints/drain {"), "%s",
              decided);
    const char *said = ask(endpoints_of_cluster, METHOD_POST, "web/endpoints/10.0.0.2:80/undrain",
                           "{\"fleet\":true}", true);
    cr_assert(strstr(said, "\"fleet\":\"told\""), "%s", said);
    cr_assert(strstr(decided, "endpoint/drained/web/10.0.0.2:80 /v1/endpoints/undrain {"), "%s",
              decided);
    ask(endpoints_of_cluster, METHOD_POST, "web/endpoints/10.0.0.2:80/undrain", "no JSON", true);
    cr_assert_eq(answer.status, 400);
}

Test(endpoints, only_who_may_can_change)
{
    ask(endpoints_of_cluster, METHOD_POST, "web/endpoints/10.0.0.2:80/drain", "", false);
    cr_assert_eq(answer.status, 403);
    cr_assert(takes_requests("10.0.0.2"));
}

Test(endpoints, what_there_is_not_is_said)
{
    cr_assert(strstr(POST("wbe/endpoints/x/drain"), "did you mean \\\"web\\\"?"));
    cr_assert_eq(answer.status, 404);
    cr_assert(strstr(POST("web/endpoints/10.0.0.2:8/drain"), "did you mean \\\"10.0.0.2:80\\\"?"));
    cr_assert_eq(answer.status, 404);
    POST("web/endpoints/10.0.0.2:80/frob");
    cr_assert_eq(answer.status, 404);
    POST("web/endpoints");
    cr_assert_eq(answer.status, 404);
    GET("web");
    cr_assert_eq(answer.status, 404);
    GET("web/endpoints/10.0.0.2:80");
    cr_assert_eq(answer.status, 405);
    COMMAND("frob", "{}");
    cr_assert_eq(answer.status, 404);
    COMMAND("drain", "[]");
    cr_assert_eq(answer.status, 400);
    COMMAND("drain", "{\"cluster\":7}");
    cr_assert_eq(answer.status, 404);
}

/* -- weights ----------------------------------------------------------------------------------- */

static unsigned picks_of(const char *name, unsigned n)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct endpoint *ep =
            cluster_pick(&stack_worker(s)->clusters[0], &stack_worker(s)->random);
        found += ep && !strcmp(ep->name, name);
    }
    return found;
}

#define WEIGH(content)                                                                             \
    COMMAND("weight", "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\"" content "}")

Test(endpoints, get_what_their_weight_in_force_says)
{
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 30);
    cr_assert_str_eq(WEIGH(",\"weight\":8"),
                     "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\",\"weight\":8,"
                     "\"file_weight\":3,\"changed\":true,\"left\":3}\n");
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 40);
    cr_assert(strstr(GET("web/endpoints"), "\"weight\":8,\"file_weight\":3,\"health\""));
    cr_assert(strstr(WEIGH(",\"weight\":8"), "\"changed\":false"));
    cr_assert(strstr(WEIGH(",\"weight\":null"), "\"weight\":3,\"file_weight\":3,\"changed\":true"));
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 30);
    cr_assert(strstr(GET("web/endpoints"), "\"weight\":3,\"health\""));
    const char *said = ask(endpoints_of_cluster, METHOD_POST, "web/endpoints/10.0.0.2:80/weight",
                           "{\"weight\":18}", true);
    cr_assert(strstr(said, "\"weight\":18"), "%s", said);
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 45);
}

Test(endpoints, get_no_weight_that_the_file_could_not_give)
{
    static const char *const wrong[] = {"", ",\"weight\":-1", ",\"weight\":65536",
                                        ",\"weight\":1.5", ",\"weight\":\"3\""};
    char content[128];
    for (size_t i = 0; i < array_n(wrong); i++) {
        snprintf(content, sizeof content, "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\"%s}",
                 wrong[i]);
        const char *said = COMMAND("weight", content);
        cr_assert(answer.status == 400 && strstr(said, "from 1 to 65535"), "%s", said);
    }
    cr_assert(strstr(WEIGH(",\"weight\":0"), "drain the endpoint"));
    cr_assert_eq(answer.status, 400);
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 30);
    ask(endpoints_command, METHOD_POST, "weight",
        "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.2:80\",\"weight\":2}", false);
    cr_assert_eq(answer.status, 403);
}

Test(endpoints, lose_a_weight_that_was_set_beside_another_one_of_the_file)
{
    struct cluster *web = &stack_worker(s)->clusters[0];
    WEIGH(",\"weight\":8");
    endpoints_follow_file(&e);
    cr_assert_eq(picks_of("10.0.0.2:80", 50), 40);
    web->endpoints[1]->configured = 2;
    endpoints_follow_file(&e);
    endpoint_cell_touch(web->cell);
    picks_of("10.0.0.2:80", 20); /* what round robin owes from before */
    cr_assert_eq(picks_of("10.0.0.2:80", 40), 20);
    cr_assert(!strstr(GET("web/endpoints"), "file_weight"));
}
