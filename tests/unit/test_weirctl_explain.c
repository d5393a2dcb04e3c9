/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of an access log: what is asked of each, and how the answers are put together. */

#include "weirctl/explain.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINE(more)                                                                                 \
    "{\"method\": \"GET\", \"scheme\": \"https\", \"host\": \"a.test\", \"path\": \"/x\"" more "}"

/* The request that is made of a line, as JSON; "" when there is none. Stays until the next call. */
static const char *sample(const char *line)
{
    static char *text;
    json_t *o = json_loads(line, 0, NULL), *request;
    cr_assert(o, "%s", line);
    request = explain_sample(o);
    free(text);
    text = request ? json_dumps(request, JSON_COMPACT) : strdup("");
    json_decref(request);
    json_decref(o);
    return text;
}

Test(weirctl_explain, makes_a_request_of_a_line)
{
    cr_assert_str_eq(sample(LINE("")), "{\"method\":\"GET\",\"url\":\"https://a.test/x\","
                                       "\"headers\":[],\"partial\":true}");
    cr_assert_str_eq(
        sample(LINE(", \"query\": \"a=1\", \"listener\": \"l\", \"source\": "
                    "\"10.0.0.1\", \"user_agent\": \"curl\", \"status\": 200")),
        "{\"method\":\"GET\",\"url\":\"https://a.test/x?a=1\",\"listener\":\"l\","
        "\"source\":\"10.0.0.1\",\"headers\":[\"User-Agent: curl\"],\"partial\":true}");
    cr_assert(strstr(sample(LINE(", \"request.x-version\": \"2\", \"source\": \"unix\"")),
                     "\"headers\":[\"x-version: 2\"]"));
    cr_assert_not(strstr(sample(LINE(", \"request.cookie\": \"a=1\"")), "a=1"));
}

Test(weirctl_explain, makes_none_of_what_does_not_say_enough)
{
    static const char *const lines[] = {
        "{}",
        "{\"outcome\": \"bad_request\", \"method\": \"GET\", \"host\": \"a\"}",
        "{\"method\": \"GET\", \"path\": \"/x\"}",
        "{\"method\": 1, \"path\": \"/x\", \"host\": \"a\"}",
        LINE(", \"query\": \"\\ufffd\""),
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_str_empty(sample(lines[i]), "%s", lines[i]);
}

static void add(struct explain_changes *c, const char *now, const char *then, size_t times)
{
    json_t *example = json_pack("{s:s, s:s}", "method", "GET", "url", "http://a.test/x");
    json_t *a = json_loads(now, 0, NULL), *b = json_loads(then, 0, NULL);
    cr_assert(a && b);
    explain_changes_add(c, example, a, b, times);
    json_decref(example);
    json_decref(a);
    json_decref(b);
}

#define TO(route, clusters)                                                                        \
    "{\"route\": \"" route "\", \"ends_in\": \"module\", \"clusters\": [" clusters "]}"
#define APP "{\"cluster\": \"app\"}"
#define NEXT "{\"cluster\": \"next\", \"variant\": \"v2\"}"

Test(weirctl_explain, groups_what_changes)
{
    struct explain_changes *c = explain_changes_new();
    struct text out;
    text_init(&out);
    add(c, TO("r", APP ", " NEXT), TO("r", NEXT ", " APP), 5);
    add(c, TO("r", APP), TO("r", NEXT), 2);
    add(c, TO("r", APP), TO("r", NEXT), 1);
    add(c, TO("r", APP), "{\"why\": \"no_route\"}", 1);
    add(c, TO("r", APP), "{\"error\": \"there is no listener \\\"l\\\"\", \"field\": \"listener\"}",
        1);
    add(c, "{\"route\": \"r\", \"ends_in\": \"respond\", \"status\": 200, \"clusters\": []}",
        "{\"route\": \"r\", \"ends_in\": \"respond\", \"status\": 410, \"clusters\": []}", 1);
    add(c, TO("r", APP),
        "{\"route\": \"r\", \"open\": {\"route\": \"x\", \"condition\": \"header\", \"name\": "
        "\"v\"}}",
        4);
    explain_changes_unread(c);
    explain_changes_show(c, &out);
    text_char(&out, '\0');
    cr_assert_str_eq(out.p,
                     "15 requests: 5 go the same way, 6 would go another, 4 can't be told\n"
                     "1 lines are no requests that could be asked\n"
                     "\n3 from route r to app\n  to route r to next as v2\n"
                     "  such as GET http://a.test/x\n"
                     "\n1 from route r to app\n  to no route (404)\n"
                     "  such as GET http://a.test/x\n"
                     "\n1 from route r to app\n  to refused: there is no listener \"l\"\n"
                     "  such as GET http://a.test/x\n"
                     "\n1 from route r (respond 200)\n  to route r (respond 410)\n"
                     "  such as GET http://a.test/x\n"
                     "\nNot to be told from the log, which doesn't hold what a route asks for:\n"
                     "  4: route x asks for header v\n");
    json_t *o = explain_changes_json(c);
    cr_assert_eq(json_integer_value(json_object_get(o, "changed")), 6);
    cr_assert_eq(json_array_size(json_object_get(o, "changes")), 4);
    cr_assert_eq(json_array_size(json_object_get(o, "open")), 1);
    json_decref(o);
    text_fini(&out);
    explain_changes_free(c);
}

/* What is missing shows as such, whoever answers. */
Test(weirctl_explain, tells_of_a_record_that_says_little)
{
    json_t *o = json_loads("{\"request\": {}, \"now\": {}}", 0, NULL);
    struct text out;
    text_init(&out);
    explain_show_recent(o, &out);
    text_char(&out, '\0');
    cr_assert(strstr(out.p, "Request   - -://"), "%s", out.p);
    cr_assert(strstr(out.p, "Answer    none"), "%s", out.p);
    text_fini(&out);
    json_decref(o);
}
