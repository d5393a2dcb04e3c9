/* SPDX-License-Identifier: Apache-2.0 */
/* GET and POST /v1/events: pages, ends, and what is refused. */

#include "control/logs/events.h"

#include <criterion/criterion.h>
#include <jansson.h>

static struct event_shared shared;
static struct loop lp;
static struct events events = {&shared.ring, &lp};
static struct admin_answer answer;

static void sink(enum log_level level, struct slice line)
{
    (void)level, (void)line;
}

static void begin(void)
{
    loop_init(&lp, 0);
    log_set_sink(sink);
    log_set_burst(0);
    event_share(&shared);
}

static void end(void)
{
    text_fini(&answer.body);
    loop_fini(&lp);
}

TestSuite(events, .init = begin, .fini = end);

static json_t *ask(enum method method, const char *query, const char *content)
{
    const struct admin_request rq = {
        .method = method, .query = slice_str(query), .content = slice_str(content)};

    text_fini(&answer.body);
    answer = (struct admin_answer){.status = 200};
    text_init(&answer.body);
    events_answer(&events, &rq, &answer);
    json_t *o = json_loadb(answer.body.p, answer.body.n, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(o, "%.*s", SLICE_ARG(text_slice(&answer.body)));
    return o;
}

/* "first..last next lost" */
static const char *pages(enum method method, const char *query, const char *content)
{
    static char text[128];
    json_t *o = ask(method, query, content), *list = json_object_get(o, "events");
    const size_t n = json_array_size(list);
    const json_int_t first = json_integer_value(json_object_get(json_array_get(list, 0), "n"));

    cr_assert_eq(answer.status, 200);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, i), "n")),
                     first + (json_int_t)i);
    snprintf(text, sizeof text, "%lld..%lld %lld %lld", first, first + (json_int_t)n - 1,
             json_integer_value(json_object_get(o, "next")),
             json_integer_value(json_object_get(o, "lost")));
    json_decref(o);
    return text;
}

Test(events, nothing_has_happened)
{
    cr_assert_str_eq(pages(METHOD_GET, NULL, NULL), "0..-1 0 0");
    cr_assert_eq(events_next(&events), 0);
}

Test(events, the_last_ones_and_then_those_behind)
{
    for (int i = 0; i < 250; i++)
        event_info("some");
    cr_assert_str_eq(pages(METHOD_GET, NULL, NULL), "151..250 250 0");
    cr_assert_str_eq(pages(METHOD_POST, NULL, NULL), "151..250 250 0");
    cr_assert_str_eq(pages(METHOD_POST, NULL, "{\"limit\": 3}"), "248..250 250 0");
    cr_assert_str_eq(pages(METHOD_GET, "limit=3", NULL), "248..250 250 0");
    cr_assert_str_eq(pages(METHOD_POST, NULL, "{\"after\": 0, \"limit\": 3}"), "1..3 3 0");
    cr_assert_str_eq(pages(METHOD_GET, "after=3&limit=3", NULL), "4..6 6 0");
    cr_assert_str_eq(pages(METHOD_GET, "after=250", NULL), "0..-1 250 0");
    cr_assert_eq(events_next(&events), 250);
    for (int i = 0; i < EVENT_RING_SIZE; i++)
        event_info("some");
    cr_assert_str_eq(pages(METHOD_GET, "after=240&limit=2", NULL), "251..252 252 10");
}

static void refused(enum method method, const char *query, const char *content, const char *field)
{
    json_t *o = ask(method, query, content);
    const char *got = json_string_value(json_object_get(o, "field"));

    cr_assert_eq(answer.status, 400);
    cr_assert(field ? got && !strcmp(got, field) : !got);
    json_decref(o);
}

Test(events, what_is_no_number_is_refused)
{
    refused(METHOD_POST, NULL, "[]", NULL);
    refused(METHOD_POST, NULL, "{", NULL);
    refused(METHOD_POST, NULL, "{\"after\": -1}", "after");
    refused(METHOD_POST, NULL, "{\"after\": \"1\"}", "after");
    refused(METHOD_POST, NULL, "{\"limit\": 0}", "limit");
    refused(METHOD_POST, NULL, "{\"limit\": 513}", "limit");
    refused(METHOD_GET, "after=x", NULL, "after");
    refused(METHOD_GET, "limit=", NULL, "limit");
    refused(METHOD_GET, "limit=513", NULL, "limit");
}
