/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that others in the fleet make: what is believed of them, when this instance checks after
 * all, and what is a path fault. In a whole process without sockets; the test is the others. */
#include "control/health/health_share.h"
#include "core/stats/exposition.h"

#include <criterion/criterion.h>

#include "base/log.h"
#include "core/cluster/endpoint_word.h"
#include "tests/lib/stack.h"

#define CONF(more)                                                                                 \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; health = { jitter = \"0%\"; interval "  \
    "= \"5s\"; unhealthy_interval = \"1s\"; timeout = \"2s\"; fleet_checkers = 2; " more           \
    " }; }; }; fleet = { redis = { address = \"127.0.0.1:6379\"; }; }; routes = ( { match = { "    \
    "path_prefix = \"/\"; }; cluster = \"one\"; } );"

static struct stack *s;
static struct health *h;
static char logged[4096];

static void on_log(enum log_level level, struct slice line)
{
    const size_t n = strlen(logged);
    (void)level;
    snprintf(logged + n, sizeof logged - n, "%.*s\n", SLICE_ARG(line));
}

static void begin(const char *conf)
{
    log_set_sink(on_log);
    s = stack_new(conf);
    h = health_start(stack_worker(s));
    stack_sleep_ms(s, 50);
}

static void end(void)
{
    health_quiesce(h);
    stack_settle(s);
    health_close(h);
    stack_settle(s);
    health_free(h);
    stack_free(s);
}

static void answer(size_t i, const char *status)
{
    char text[128];
    struct peer *o = stack_origin(s, i);
    cr_assert(o, "there is no connection %zu", i);
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nok", status);
    peer_says(o, text);
}

/* Checked once, and it passed. */
static void begin_up(const char *conf)
{
    begin(conf);
    answer(0, "200 OK");
}

static uint32_t slot(void)
{
    return endpoint_cell_find(stack_worker(s)->g->cells[0], SLICE("10.0.0.1:80"));
}

static enum endpoint_health state(void)
{
    return endpoint_health(stack_worker(s)->g->cells[0], slot());
}

static void hear(bool mine, unsigned up, unsigned down, const struct health_view *best)
{
    const struct health_views v = {mine, up, down, *best};
    health_share(h, 0, 0, &v);
}

static const struct health_view says_up = {HEALTH_UP, true, -1};
static const struct health_view says_down = {HEALTH_DOWN, false, -1};
static const struct health_view says_nothing = {HEALTH_UNKNOWN, false, -1};

static struct health_view own_view(void)
{
    struct slice name;
    struct health_view v;
    cr_assert(health_view(h, 0, 0, &name, &v));
    cr_assert(slice_eq(name, SLICE("10.0.0.1:80")));
    return v;
}

Test(health_share, says_what_own_checks_have_found)
{
    begin(CONF(""));
    struct slice name;
    struct health_view v;
    cr_assert_eq(health_checkers(h, 0), 2);
    cr_assert_eq(own_view().health, HEALTH_UNKNOWN);
    answer(0, "200 OK");
    cr_assert_eq(own_view().health, HEALTH_UP);
    cr_assert(own_view().passed);
    cr_assert_not(health_view(h, 0, 1, &name, &v));
    stack_sleep_ms(s, 5100);
    answer(1, "503 No");
    cr_assert_eq(own_view().health, HEALTH_UP);
    cr_assert_not(own_view().passed, "one of three");
    end();
}

Test(health_share, makes_no_checks_where_others_do)
{
    begin_up(CONF(""));
    hear(false, 1, 0, &says_up);
    cr_assert_eq(health_totals(h, 0).followed, 1);
    cr_assert(health_facts(h, 0, SLICE("10.0.0.1:80")).followed);
    stack_sleep_ms(s, 20000);
    cr_assert_eq(stack_origins(s), 1);
    cr_assert_eq(own_view().health, HEALTH_UNKNOWN, "what others have found is theirs to say");
    cr_assert_eq(endpoint_passed(stack_worker(s)->g->cells[0], slot()), 4, "one each 5 s");
    end();
}

Test(health_share, believes_what_others_have_found_at_once)
{
    begin_up(CONF(""));
    hear(false, 0, 2, &says_down);
    cr_assert_eq(state(), HEALTH_DOWN);
    cr_assert(strstr(logged, "endpoint_down cluster=one endpoint=10.0.0.1:80 by=fleet"), "%s",
              logged);
    hear(false, 1, 1, &says_up);
    cr_assert_eq(state(), HEALTH_UP, "somebody reaches it");
    cr_assert(strstr(logged, "endpoint_up cluster=one endpoint=10.0.0.1:80 by=fleet"));
    cr_assert_eq(health_totals(h, 0).went_down, 1);
    cr_assert_eq(health_totals(h, 0).went_up, 2);
    end();
}

Test(health_share, hears_what_an_endpoint_says_of_itself)
{
    const struct health_view drains = {HEALTH_UP, true, WORD_DRAIN};
    begin_up(CONF("header = \"X-H\";"));
    hear(false, 1, 0, &drains);
    stack_sleep_ms(s, 5100);
    cr_assert(strstr(logged, "endpoint_says cluster=one endpoint=10.0.0.1:80 word=drain"), "%s",
              logged);
    end();
}

Test(health_share, checks_again_when_nobody_can_say_who_does)
{
    begin_up(CONF(""));
    hear(false, 1, 0, &says_up);
    stack_sleep_ms(s, 20000);
    health_share(h, 0, 0, NULL);
    cr_assert_eq(state(), HEALTH_UP, "the last that is known");
    stack_sleep_ms(s, 5500);
    cr_assert_geq(stack_origins(s), 2);
    cr_assert_eq(health_totals(h, 0).followed, 0);
    end();
}

/* Twice the interval and a check: those who are new among the checkers have had their turn. */
Test(health_share, checks_itself_when_nobody_has_found_anything_for_a_while)
{
    begin_up(CONF(""));
    hear(false, 1, 0, &says_up);
    for (unsigned i = 0; i < 11; i++) {
        hear(false, 0, 0, &says_nothing);
        stack_sleep_ms(s, 1000);
    }
    cr_assert_eq(stack_origins(s), 1);
    for (unsigned i = 0; i < 7; i++) {
        hear(false, 0, 0, &says_nothing);
        stack_sleep_ms(s, 1000);
    }
    cr_assert_eq(stack_origins(s), 2);
    hear(false, 1, 0, &says_up);
    answer(1, "503 No");
    stack_sleep_ms(s, 20000);
    cr_assert_eq(stack_origins(s), 2, "somebody does again");
    cr_assert_eq(state(), HEALTH_UP, "and what came of the last one is theirs to say");
    end();
}

Test(health_share, goes_by_its_own_checks_when_it_makes_some)
{
    begin_up(CONF(""));
    hear(true, 0, 1, &says_down);
    cr_assert_eq(state(), HEALTH_UP);
    stack_sleep_ms(s, 5100);
    cr_assert_eq(stack_origins(s), 2);
    end();
}

/* Not as long as the others may just not have had their turn: 5 s, and 3 times 1 s, with 2 s each.
 */
Test(health_share, finds_a_path_fault_when_they_disagree_for_long)
{
    begin_up(CONF(""));
    hear(true, 0, 1, &says_down);
    stack_sleep_ms(s, 4000);
    hear(true, 1, 0, &says_up);
    hear(true, 0, 1, &says_down);
    for (unsigned i = 0; i < 16; i++) {
        hear(true, 0, 1, &says_down);
        cr_assert_eq(health_totals(h, 0).path_faults, 0, "after %u s", i);
        stack_sleep_ms(s, 1000);
        for (size_t k = 1; k < stack_origins(s); k++)
            if (!peer_closed(stack_origin(s, k)))
                answer(k, "200 OK");
    }
    hear(true, 0, 1, &says_down);
    hear(true, 0, 1, &says_down);
    cr_assert_eq(health_totals(h, 0).path_faults, 1);
    cr_assert(strstr(logged, "endpoint_path_fault cluster=one endpoint=10.0.0.1:80 up=1 down=1"),
              "%s", logged);
    hear(true, 1, 0, &says_up);
    cr_assert(strstr(logged, "endpoint_path_ok"), "%s", logged);
    cr_assert_eq(health_totals(h, 0).path_faults, 1);
    end();
}

Test(health_share, finds_path_faults_of_others_as_well)
{
    begin_up(CONF(""));
    for (unsigned i = 0; i < 17; i++) {
        hear(false, 1, 1, &says_up);
        stack_sleep_ms(s, 1000);
    }
    cr_assert_eq(health_totals(h, 0).path_faults, 1);
    cr_assert_eq(state(), HEALTH_UP);
    end();
}

Test(health_share, says_when_there_is_no_room_to_say_all)
{
    begin_up(CONF(""));
    health_unsaid(h, 0, 3);
    health_unsaid(h, 0, 2);
    cr_assert_eq(health_totals(h, 0).unsaid, 2);
    cr_assert(strstr(logged, "health_unsaid cluster=one endpoints=3"));
    cr_assert_not(strstr(logged, "endpoints=2"), "once");
    end();
}

Test(health_share, stands_on_the_metrics_page)
{
    struct text t;
    begin_up(CONF(""));
    hear(false, 1, 0, &says_up);
    text_init(&t);
    metrics_of_health(h, &(struct exposition){.out = &t});
    text_char(&t, '\0');
    cr_assert(strstr(t.p, "\nweir_health_followed{cluster=\"one\"} 1\n"), "%s", t.p);
    cr_assert(strstr(t.p, "\nweir_health_path_faults_total{cluster=\"one\"} 0\n"));
    cr_assert(strstr(t.p, "\nweir_health_unsaid{cluster=\"one\"} 0\n"));
    text_fini(&t);
    end();
}
