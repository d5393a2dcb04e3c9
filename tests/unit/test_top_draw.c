/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl top without a terminal: two overviews in, lines out. */
#include "weirctl/top_draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "weirctl/top_rows.h"

#define BOUNDS "\"bounds_us\":[1000,10000,100000]"
#define T(requests, c4, c5, retries, latency)                                                      \
    "{\"requests\":" #requests ",\"status\":[0,0,0,0," #c4 "," #c5 "],\"retries\":" #retries       \
    ",\"latency\":" latency "}"
#define HEAD(now)                                                                                  \
    "{\"version\":\"0.1\",\"instance\":\"weir-1\",\"now_ms\":" #now ",\"started\":1000,"           \
    "\"generation\":3," BOUNDS ","

/* Two seconds apart. */
static const char first[] = HEAD(
    1010000) "\"workers\":[{\"process\":\"worker/"
             "0\",\"pid\":11,\"generation\":3,\"state\":\"serving\","
             "\"requests\":100,\"active\":1,\"connections\":2,\"cpu_ms\":500,\"resident\":1048576}]"
             ","
             "\"listeners\":[{\"connections\":7}],\"unrouted\":" T(
                 5, 5, 0, 0,
                 "[5,0,0,0]") ","
                              "\"routes\":[{\"name\":\"shop\",\"traffic\":" T(
                                  100, 0, 0, 0,
                                  "[100,0,0,0]") ",\"variants\":[]},"
                                                 "{\"name\":\"split\",\"traffic\":" T(
                                                     10, 0, 0, 0,
                                                     "[10,0,0,0]") ",\"variants\":["
                                                                   "{\"name\":\"v1\",\"share\":0."
                                                                   "75,\"traffic\":" T(
                                                                       8, 0, 0, 0,
                                                                       "[8,0,0,0]") "},"
                                                                                    "{\"name\":"
                                                                                    "\"v2\","
                                                                                    "\"share\":0."
                                                                                    "25,"
                                                                                    "\"traffic\""
                                                                                    ":" T(2, 0, 0,
                                                                                          0,
                                                                                          "[2,0,0,"
                                                                                          "0]") "}]"
                                                                                                "}]"
                                                                                                ","
                                                                                                "\""
                                                                                                "cl"
                                                                                                "us"
                                                                                                "te"
                                                                                                "rs"
                                                                                                "\""
                                                                                                ":["
                                                                                                "{"
                                                                                                "\""
                                                                                                "na"
                                                                                                "me"
                                                                                                "\""
                                                                                                ":"
                                                                                                "\""
                                                                                                "ap"
                                                                                                "p"
                                                                                                "\""
                                                                                                ","
                                                                                                "\""
                                                                                                "tr"
                                                                                                "af"
                                                                                                "fi"
                                                                                                "c"
                                                                                                "\""
                                                                                                ":" T(
                                                                                                    100,
                                                                                                    0,
                                                                                                    0,
                                                                                                    0,
                                                                                                    "[100,0,0,0]") ",\"endpoints\":["
                                                                                                                   "{\"name\":\"10.0.0.1:80\",\"state\":\"ok\",\"weight\":1,\"attempts\":60,\"failures\":0,"
                                                                                                                   "\"active\":0,\"status\":[0,0,60,0,0,0],\"latency\":[60,0,0,0]},"
                                                                                                                   "{\"name\":\"10.0.0.2:80\",\"state\":\"draining\",\"weight\":2,\"attempts\":40,\"failures\":0,"
                                                                                                                   "\"active\":3,\"status\":[0,0,40,0,0,0],\"latency\":[40,0,0,0]}]}],"
                                                                                                                   "\"breakers\":[{\"cluster\":\"app\",\"enabled\":true,\"circuits\":[{\"state\":\"open\","
                                                                                                                   "\"mode\":\"auto\",\"openings\":2,\"calls\":30,\"failed\":20,\"slow\":1,\"left_ms\":1500}]}],"
                                                                                                                   "\"fleet\":null,\"events_next\":0}";

/* shop: 40 more, 4 of them 4xx and 8 5xx; split: 20 more, 15 and 5. */
static const char second[] = HEAD(
    1012000) "\"workers\":[{\"process\":\"worker/"
             "0\",\"pid\":11,\"generation\":3,\"state\":\"serving\","
             "\"requests\":160,\"active\":1,\"connections\":2,\"cpu_ms\":900,\"resident\":1048576}]"
             ","
             "\"listeners\":[{\"connections\":7}],\"unrouted\":" T(
                 5, 5, 0, 0,
                 "[5,0,0,0]") ","
                              "\"routes\":[{\"name\":\"shop\",\"traffic\":" T(
                                  140, 4, 8, 2,
                                  "[120,16,3,1]") ",\"variants\":[]},"
                                                  "{\"name\":\"split\",\"traffic\":" T(
                                                      30, 0, 0, 0,
                                                      "[30,0,0,0]") ",\"variants\":["
                                                                    "{\"name\":\"v1\",\"share\":0."
                                                                    "75,\"traffic\":" T(
                                                                        23, 0, 0, 0,
                                                                        "[23,0,0,0]") "},"
                                                                                      "{\"name\":"
                                                                                      "\"v2\","
                                                                                      "\"share\":0."
                                                                                      "25,"
                                                                                      "\"traffic\""
                                                                                      ":" T(
                                                                                          7, 0, 0,
                                                                                          0,
                                                                                          "[7,0,0,"
                                                                                          "0]") "}]"
                                                                                                "}]"
                                                                                                ","
                                                                                                "\""
                                                                                                "cl"
                                                                                                "us"
                                                                                                "te"
                                                                                                "rs"
                                                                                                "\""
                                                                                                ":["
                                                                                                "{"
                                                                                                "\""
                                                                                                "na"
                                                                                                "me"
                                                                                                "\""
                                                                                                ":"
                                                                                                "\""
                                                                                                "ap"
                                                                                                "p"
                                                                                                "\""
                                                                                                ","
                                                                                                "\""
                                                                                                "tr"
                                                                                                "af"
                                                                                                "fi"
                                                                                                "c"
                                                                                                "\""
                                                                                                ":" T(
                                                                                                    140,
                                                                                                    0,
                                                                                                    8,
                                                                                                    2,
                                                                                                    "[140,0,0,0]") ",\"endpoints\":["
                                                                                                                   "{\"name\":\"10.0.0.1:80\",\"state\":\"ok\",\"weight\":1,\"attempts\":90,\"failures\":4,"
                                                                                                                   "\"active\":0,\"status\":[0,0,82,0,0,8],\"latency\":[60,30,0,0]},"
                                                                                                                   "{\"name\":\"10.0.0.2:80\",\"state\":\"draining\",\"weight\":2,\"attempts\":40,\"failures\":0,"
                                                                                                                   "\"active\":3,\"status\":[0,0,40,0,0,0],\"latency\":[40,0,0,0]}]}],"
                                                                                                                   "\"breakers\":[{\"cluster\":\"app\",\"enabled\":true,\"circuits\":[{\"state\":\"open\","
                                                                                                                   "\"mode\":\"auto\",\"openings\":2,\"calls\":30,\"failed\":20,\"slow\":1,\"left_ms\":1500}]}],"
                                                                                                                   "\"fleet\":{\"state\":\"joined\",\"joined\":true,\"members\":[{},{}]},\"events_next\":3}";

static json_t *before, *now;
static struct top_lines lines;
static struct top_state state;

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert(o, "%s at %d", error.text, error.position);
    return o;
}

static void begin(void)
{
    before = load(first);
    now = load(second);
    state = (struct top_state){0};
    text_init(&lines.text);
}

static void end(void)
{
    json_decref(before);
    json_decref(now);
    text_fini(&lines.text);
}

TestSuite(top_draw, .init = begin, .fini = end);

static const char *draw(unsigned columns, unsigned n)
{
    const struct top_shown shown = {.pair = {before, now}, .target = "here"};
    top_draw(&state, &shown, columns, n, &lines);
    text_char(&lines.text, '\0');
    lines.text.n--;
    return lines.text.p;
}

/* What the line that holds `name` is, its runs of spaces as one. */
static const char *line_of(const char *text, const char *name)
{
    static char out[256];
    size_t n = 0;
    const char *at = strstr(text, name);
    cr_assert(at, "no \"%s\" in\n%s", name, text);
    while (at > text && at[-1] != '\n')
        at--;
    for (; *at && *at != '\n' && n + 1 < sizeof out; at++)
        if (*at != ' ' || (n && out[n - 1] != ' '))
            out[n++] = *at;
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

Test(top_draw, shows_what_happened_between_two_looks_a_second)
{
    const char *text = draw(80, 0);
    cr_assert_str_eq(line_of(text, "shop"), "shop - 20.0 2.0 4.0 1.00ms >100ms 1.0");
    cr_assert_str_eq(line_of(text, "split"), "split - 10.0 0.0 0.0 0.50ms 0.99ms 0.0");
    cr_assert_str_eq(line_of(text, "  v1"), "v1 75.0% 7.5 0.0 0.0 0.50ms 0.99ms 0.0");
    cr_assert_str_eq(line_of(text, "  v2"), "v2 25.0% 2.5 0.0 0.0 0.50ms 0.99ms 0.0");
    cr_assert_str_eq(line_of(text, "(none)"), "(none) - 0.0 0.0 0.0 - - 0.0");
    cr_assert_str_eq(line_of(text, "req/s"),
                     "req/s 30.0 4xx/s 2.0 5xx/s 4.0 p50 0.75ms p99 >100ms active 1 conns 7");
    cr_assert_str_eq(line_of(text, "weir 0.1"), "weir 0.1 weir-1 up 12s generation 3 00:16:52 UTC");
    cr_assert_str_eq(line_of(text, "fleet"),
                     "fleet joined, 2 instances circuits open 1 endpoints not ok 1");
}

Test(top_draw, shows_clusters_breakers_and_workers)
{
    state.view = TOP_CLUSTERS;
    cr_assert_str_eq(line_of(draw(80, 0), "10.0.0.1:80"),
                     "10.0.0.1:80 ok 1 15.0 4.0 2.0 5.50ms 9.91ms 0");
    cr_assert_str_eq(line_of(draw(80, 0), "10.0.0.2:80"),
                     "10.0.0.2:80 draining 2 0.0 0.0 0.0 - - 3");
    cr_assert_str_eq(line_of(draw(80, 0), "app "), "app - - 20.0 4.0 - 0.50ms 0.99ms -");
    state.view = TOP_BREAKERS;
    cr_assert_str_eq(line_of(draw(80, 0), "cluster app"), "cluster app open auto 30 20 1 2 2");
    state.view = TOP_WORKERS;
    cr_assert_str_eq(line_of(draw(80, 0), "worker/0"), "worker/0 11 3 serving 30.0 1 2 20.0% 1.0M");
}

Test(top_draw, shows_events_with_the_newest_first)
{
    json_t *events =
        load("{\"events\":[{\"n\":1,\"at_ms\":61000,\"level\":\"warn\",\"process\":"
             "\"worker/0\",\"event\":\"circuit_opened\",\"fields\":{\"cluster\":\"app\","
             "\"calls\":3}},{\"n\":2,\"at_ms\":62000,\"level\":\"info\",\"process\":"
             "\"control\",\"event\":\"endpoint_drained\",\"fields\":{},\"who\":\"root\"},"
             "{\"n\":3,\"at_ms\":63000,\"level\":\"info\",\"process\":\"worker/0\",\"event\":"
             "\"fault_ended\",\"fields\":{\"route\":\"r\",\"text\":\"it is over\"}}]}");
    const struct top_shown shown = {.pair = {before, now}, .events = events};
    state.view = TOP_EVENTS;
    top_draw(&state, &shown, 80, 24, &lines);
    text_char(&lines.text, '\0');
    const char *text = lines.text.p;
    cr_assert_str_eq(line_of(text, "opened"),
                     "00:01:01 warn worker/0 circuit_opened cluster=app calls=3");
    cr_assert_str_eq(line_of(text, "drained"), "00:01:02 info control endpoint_drained by root");
    cr_assert_str_eq(line_of(text, "ended"), "00:01:03 info worker/0 fault_ended it is over");
    cr_assert_lt(strstr(text, "drained"), strstr(text, "opened"));
    json_decref(events);
    cr_assert(strstr(draw(80, 24), "This gateway tells of no events."));
}

/* -- the size ---------------------------------------------------------------------------------- */

static void check_size(unsigned columns, unsigned n)
{
    const char *text = draw(columns, n);
    unsigned rows = 0;
    for (const char *at = text, *stop; (stop = strchr(at, '\n')); at = stop + 1, rows++)
        cr_assert_leq((size_t)(stop - at), columns, "%ux%u: %.*s", columns, n, (int)(stop - at),
                      at);
    cr_assert_eq(rows, n, "%ux%u: %u", columns, n, rows);
    cr_assert_eq(lines.n, n);
}

Test(top_draw, fills_the_terminal_and_is_never_larger)
{
    static const unsigned sizes[][2] = {{80, 24}, {20, 8},   {40, 10},
                                        {79, 25}, {200, 60}, {512, 512}};
    json_object_set_new(
        json_array_get(json_object_get(now, "routes"), 0), "name",
        json_string("a-route-with-a-name-that-is-much-longer-than-any-column-is-wide-"
                    "and-goes-on-\xc3\xa4\xe6\xbc\xa2\033[2J"));
    for (size_t i = 0; i < array_n(sizes); i++)
        for (int v = 0; v < TOP_VIEWS; v++)
            for (int help = 0; help < 2; help++) {
                state.view = (enum top_view)v;
                state.help = help;
                check_size(sizes[i][0], sizes[i][1]);
            }
    state = (struct top_state){0};
    cr_assert(strstr(draw(400, 24), "on-???[2J"), "what steers a terminal isn't shown");
}

Test(top_draw, takes_small_terminals_for_a_little_larger)
{
    draw(1, 1);
    cr_assert_eq(lines.n, 8);
    draw(0, 24);
    cr_assert_eq(lines.n, 24);
}

/* -- order and scrolling ----------------------------------------------------------------------- */

Test(top_draw, orders_by_a_column_and_keeps_variants_with_their_route)
{
    const char *text;
    state.sort[TOP_ROUTES] = 2;
    text = draw(80, 0);
    cr_assert(strstr(text, "REQ/Sv"));
    cr_assert_lt(strstr(text, "shop"), strstr(text, "split"));
    cr_assert_lt(strstr(text, "  v1"), strstr(text, "  v2"));
    cr_assert_lt(strstr(text, "  v2"), strstr(text, "(none)"));
    state.ascending = true;
    text = draw(80, 0);
    cr_assert(strstr(text, "REQ/S^"));
    cr_assert_lt(strstr(text, "(none)"), strstr(text, "split"));
    cr_assert_lt(strstr(text, "split"), strstr(text, "  v2"));
    cr_assert_lt(strstr(text, "  v2"), strstr(text, "  v1"));
    cr_assert_lt(strstr(text, "  v1"), strstr(text, "shop"));
}

Test(top_draw, scrolls_through_more_rows_than_there_are_places)
{
    state.first = 99;
    const char *text = draw(80, 8);
    cr_assert_eq(state.rows, 5);
    cr_assert_eq(state.room, 2);
    cr_assert_eq(state.first, 3);
    cr_assert(!strstr(text, "shop") && strstr(text, "  v2") && strstr(text, "(none)"));
    cr_assert(strstr(text, "rows 4 to 5 of 5"));
}

/* -- what isn't known -------------------------------------------------------------------------- */

Test(top_draw, shows_a_dash_for_what_needs_two_looks)
{
    json_decref(before);
    before = NULL;
    cr_assert_str_eq(line_of(draw(80, 24), "shop"), "shop - - - - - - -");
    cr_assert_str_eq(line_of(draw(80, 24), "req/s"),
                     "req/s - 4xx/s - 5xx/s - p50 - p99 - active 1 conns 7");
}

Test(top_draw, says_why_there_is_no_answer_and_keeps_the_numbers)
{
    const struct top_shown gone = {.pair = {before, now}, .fault = "nobody listens\nthere"},
                           never = {.fault = "nobody listens", .target = "/run/x"};
    top_draw(&state, &gone, 80, 24, &lines);
    text_char(&lines.text, '\0');
    cr_assert(strstr(lines.text.p, "shop"));
    cr_assert(strstr(lines.text.p, "No answer: nobody listens?there"));
    cr_assert_eq(lines.styles[23], TOP_BAD);
    top_draw(&state, &never, 80, 24, &lines);
    text_char(&lines.text, '\0');
    cr_assert(strstr(lines.text.p, "asking /run/x") && strstr(lines.text.p, "nobody listens"));
    cr_assert_eq(lines.n, 24);
}

Test(top_draw, takes_any_object_for_an_overview)
{
    static const char *const odd[] = {
        "{}", "{\"routes\":{},\"workers\":[1,[],{}],\"clusters\":[{}]}",
        "{\"routes\":[{\"name\":7,\"variants\":[null]}],\"bounds_us\":["
        "\"x\"],\"now_ms\":\"x\",\"breakers\":[{\"circuits\":[{}]}]}"};
    for (size_t i = 0; i < array_n(odd); i++)
        for (int v = 0; v < TOP_VIEWS; v++) {
            json_decref(now);
            now = load(odd[i]);
            state.view = (enum top_view)v;
            check_size(80, 24);
        }
}

Test(top_draw, takes_a_counter_that_went_back_for_a_new_one)
{
    json_t *traffic =
        json_object_get(json_array_get(json_object_get(before, "routes"), 0), "traffic");
    json_object_set_new(traffic, "requests", json_integer(100000));
    cr_assert_str_eq(line_of(draw(80, 24), "shop"), "shop - 70.0 2.0 4.0 1.00ms >100ms 1.0");
}

Test(top_math, writes_numbers_in_few_places)
{
    static const struct {
        double v;
        const char *rate, *us;
    } cases[] = {
        {0, "0.0", "0.00ms"},      {999.94, "999.9", "1.00ms"}, {1000, "1000", "1.00ms"},
        {99999, "99999", "100ms"}, {123456, "123k", "123ms"},   {12345678, "12.3M", "12.3s"},
        {NAN, "-", "-"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        char rate[16], us[16];
        struct text a, b;
        text_init_fixed(&a, rate, sizeof rate), text_init_fixed(&b, us, sizeof us);
        top_rate_text(&a, cases[i].v), top_us_text(&b, cases[i].v);
        text_char(&a, '\0'), text_char(&b, '\0');
        cr_assert_str_eq(rate, cases[i].rate);
        cr_assert_str_eq(us, cases[i].us);
    }
}
