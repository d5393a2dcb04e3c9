/* SPDX-License-Identifier: Apache-2.0 */
/* What is found between the responses of a cluster and of its mirror, and what an operator gets to
 * see of it. */
#include "mirror_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MIRROR_SUITE(mirror_compare);

#define COMPARE(...) MIRROR("compare = { " __VA_ARGS__ " };")

/* Both answer so: status line, fields, and content, whatever is asked. */
static void answer(struct origin *o, const char *status, const char *fields, const char *content)
{
    char raw[2048];
    const int n = snprintf(raw, sizeof raw, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
                           status, fields, strlen(content), content);
    origin_script(o, "raw");
    origin_raw(o, raw, (size_t)n);
}
#define JSON_TYPE "Content-Type: application/json\r\n"

/* One request, and its two responses have been compared. */
static void compare_one(void)
{
    const unsigned before = mirror_count("compared");
    get("/cart?note=secret");
    AWAIT(mirror_count("compared") == before + 1);
}

Test(mirror_compare, finds_nothing_between_equals)
{
    answer(mirror_app, "200 OK", JSON_TYPE "ETag: \"a\"\r\n", "{\"id\":1,\"list\":[1,2]}");
    answer(mirror_shade, "200 Fine", "ETag: \"a\"\r\n" JSON_TYPE, "{\"list\":[1,2.0],\"id\":1}");
    mirror_start(1, COMPARE("json = true; headers = [ \"ETag\", \"Location\" ];"));
    compare_one();
    cr_assert_eq(mirror_count("mismatched"), 0, "%s", mirror_difference(0));
    cr_assert_eq(json_array_size(mirror_told("samples")), 0);
}

Test(mirror_compare, finds_each_kind_of_difference)
{
    answer(mirror_app, "200 OK", JSON_TYPE "ETag: \"a\"\r\n", "{\"id\":1,\"name\":\"ann\"}");
    answer(mirror_shade, "500 Oh", JSON_TYPE, "{\"id\":\"1\",\"name\":\"anna\",\"new\":[1,2]}");
    mirror_start(1, COMPARE("json = true; headers = [ \"ETag\", \"Location\" ];"));
    compare_one();
    cr_assert_str_eq(mirror_difference(0), "status: 200, 500");
    cr_assert_str_eq(mirror_difference(1), "header etag: text(3), absent");
    cr_assert_str_eq(mirror_difference(2), "json /id: number, string(1)");
    cr_assert_str_eq(mirror_difference(3), "json /name: string(3), string(4)");
    cr_assert_str_eq(mirror_difference(4), "json /new: absent, array(2)");
    cr_assert_str_eq(mirror_difference(5), "");
    cr_assert_eq(mirror_count("mismatched"), 1);
    cr_assert_eq(mirror_count("mismatched_status"), 1);
    cr_assert_eq(mirror_count("mismatched_headers"), 1);
    cr_assert_eq(mirror_count("mismatched_content"), 1);
}

Test(mirror_compare, says_which_request_it_was_without_its_query)
{
    answer(mirror_shade, "404 No", "", "");
    mirror_start(1, COMPARE(""));
    compare_one();
    const json_t *s = json_array_get(mirror_told("samples"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(s, "method")), "GET");
    cr_assert_str_eq(json_string_value(json_object_get(s, "path")), "/cart");
    const char *id = json_string_value(json_object_get(s, "request_id"));
    cr_assert(id && *id);
    char *line = strdup(rig_await_access("/cart"));
    cr_assert_str_eq(json_of(line, "request_id"), id);
    cr_assert_str_eq(json_of(line, "mirror.to"), "shade");
    cr_assert_gt(json_number_value(json_object_get(s, "time")), 1700000000);
    free(line);
}

Test(mirror_compare, leaves_ignored_places_out)
{
    answer(mirror_app, "200 OK", JSON_TYPE, "{\"at\":1,\"items\":[{\"id\":1,\"n\":1}]}");
    answer(mirror_shade, "200 OK", JSON_TYPE, "{\"at\":2,\"items\":[{\"id\":2,\"n\":1}]}");
    mirror_start(1, COMPARE("json = true; ignore = [ \"/at\", \"/items/*/id\" ];"));
    compare_one();
    cr_assert_eq(mirror_count("mismatched"), 0, "%s", mirror_difference(0));
    answer(mirror_shade, "200 OK", JSON_TYPE, "{\"at\":2,\"items\":[{\"id\":2,\"n\":3}]}");
    compare_one();
    cr_assert_str_eq(mirror_difference(0), "json /items/0/n: number, number");
}

Test(mirror_compare, shows_no_value_unless_it_is_told_to)
{
    answer(mirror_app, "200 OK", JSON_TYPE "X-Who: alice-secret\r\n",
           "{\"pin\":4711,\"s\":\"hunter2\"}");
    answer(mirror_shade, "200 OK", JSON_TYPE "X-Who: bob-secret\r\n",
           "{\"pin\":4712,\"s\":\"hunter3\"}");
    mirror_start(1, COMPARE("json = true; headers = [ \"X-Who\" ];"));
    compare_one();
    cr_assert_eq(operator_call("mirror", "diffs", "{}"), 200);
    char *text = json_dumps(operator_answer(), 0);
    cr_assert(strstr(text, "text(12)") && strstr(text, "string(7)"), "%s", text);
    static const char *const secrets[] = {"alice", "bob", "4711", "4712", "hunter", "secret"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        cr_assert(!strstr(text, secrets[i]), "%s in %s", secrets[i], text);
    free(text);
}

Test(mirror_compare, shows_values_when_it_is_told_to)
{
    answer(mirror_app, "200 OK", JSON_TYPE "X-Who: alice\r\n", "{\"pin\":4711,\"s\":\"a\\nb\"}");
    answer(mirror_shade, "200 OK", JSON_TYPE "X-Who: bob\r\n", "{\"pin\":4712}");
    rig_start(.top = "modules = { mirror = { show_values = true; }; };",
              .clusters = "shade = { endpoints = [ \"$shade\" ]; };",
              .routes = COMPARE("json = true; headers = [ \"X-Who\" ];"));
    compare_one();
    cr_assert_str_eq(mirror_difference(0), "header X-Who: \"alice\", \"bob\"");
    cr_assert_str_eq(mirror_difference(1), "json /pin: 4711, 4712");
    cr_assert_str_eq(mirror_difference(2), "json /s: \"a%0ab\", absent");
}

Test(mirror_compare, compares_other_content_byte_by_byte)
{
    answer(mirror_app, "200 OK", "Content-Type: text/plain\r\n", "one");
    answer(mirror_shade, "200 OK", "Content-Type: text/plain\r\n", "two!");
    mirror_start(1, COMPARE("content = true;"));
    compare_one();
    cr_assert_str_eq(mirror_difference(0), "content: 3 bytes, 4 bytes");
}

Test(mirror_compare, leaves_long_content_alone)
{
    mirror_start(1, COMPARE("content = true; body_limit = \"1k\";"));
    get("/?size=1024");
    AWAIT(mirror_count("compared") == 1);
    cr_assert_eq(mirror_count("unread"), 0);
    const struct response *r = get("/?size=100000&field=X-A:b");
    cr_assert(r->status == 200 && r->whole && r->body.n == 100000);
    AWAIT(mirror_count("compared") == 2);
    cr_assert_eq(mirror_count("unread"), 1);
    cr_assert_eq(mirror_count("mismatched"), 0);
}

Test(mirror_compare, does_so_over_http2)
{
    origin_script(mirror_shade, "status=201");
    mirror_start(1, COMPARE("content = true;"));
    struct h2_talk *t = h2_talk_open();
    cr_assert_eq(h2_answer(t, h2_ask(t))->status, 200);
    AWAIT(mirror_count("mismatched") == 1);
    cr_assert_str_eq(mirror_difference(0), "status: 200, 201");
    cr_assert_str_eq(mirror_difference(1), "content: 4 bytes, 6 bytes");
}

/* -- what isn't compared ---------------------------------------------------------------------- */

Test(mirror_compare, skips_what_the_gateway_answers)
{
    mirror_start(1, COMPARE("content = true;"));
    origin_stop(mirror_app);
    cr_assert_eq(get("/")->status, 503);
    AWAIT(mirror_count("answered") == 1 && mirror_count("skipped") == 1);
    cr_assert_eq(mirror_count("compared"), 0);
}

Test(mirror_compare, skips_what_the_mirror_fails_to_answer)
{
    mirror_start(1, COMPARE(""));
    origin_stop(mirror_shade);
    get("/");
    AWAIT(mirror_count("failed") == 1 && mirror_count("skipped") == 1);
    cr_assert_eq(mirror_count("compared"), 0);
}

#define SPLIT(more)                                                                                \
    "( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 1; },"                 \
    "    { cluster = \"next\"; weight = 1; } ); };"                                                \
    "    mirror = ( { cluster = \"shade\"; compare = { " more " }; } ); } )"

Test(mirror_compare, compares_with_one_side_of_a_split)
{
    struct origin *next = origin_start("next");
    rig_start(.clusters =
                  "shade = { endpoints = [ \"$shade\" ]; }; next = { endpoints = [ \"$next\" ]; };",
              .routes = SPLIT("against = \"app\";"));
    for (int i = 0; i < 6; i++)
        get("/");
    AWAIT(mirror_count("compared") == 3 && mirror_count("skipped") == 3);
    cr_assert_eq(origin_requests(next), 3);
    cr_assert_eq(origin_requests(mirror_shade), 6);
}

/* -- the operator ----------------------------------------------------------------------------- */

Test(mirror_compare, keeps_the_last_samples_of_all_workers)
{
    origin_script(mirror_shade, "status=404");
    mirror_start(4, COMPARE("samples = 3;"));
    char target[16];
    for (int i = 0; i < 8; i++) {
        snprintf(target, sizeof target, "/%d", i);
        get(target);
        AWAIT(mirror_count("mismatched") == (unsigned)i + 1);
    }
    json_t *samples = mirror_told("samples");
    cr_assert_eq(json_array_size(samples), 3);
    for (size_t i = 0; i < 3; i++) {
        snprintf(target, sizeof target, "/%zu", 7 - i);
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(samples, i), "path")),
                         target);
    }
    cr_assert(mirror_reload(2, COMPARE("samples = 3;")));
    cr_assert_eq(json_array_size(mirror_told("samples")), 3, "they outlive a reload");
    cr_assert_eq(json_integer_value(mirror_told("mismatched")), 8);
}

Test(mirror_compare, measures_how_much_later_the_mirror_answers)
{
    origin_script(mirror_shade, "delay=200");
    mirror_start(1, COMPARE(""));
    compare_one();
    const double ms = json_number_value(mirror_told("latency_delta_ms_p50"));
    cr_assert(ms > 100, "%f", ms);
    origin_script(mirror_shade, "");
    origin_script(mirror_app, "delay=200");
    for (int i = 0; i < 2; i++)
        compare_one();
    const double sooner = json_number_value(mirror_told("latency_delta_ms_p50"));
    cr_assert(sooner < 0, "%f", sooner);
}

Test(mirror_compare, is_told_to_operators_by_route)
{
    mirror_start(1, COMPARE(""));
    cr_assert_eq(operator_call("mirror", "diffs", "{}"), 200);
    cr_assert_eq(json_array_size(json_object_get(operator_answer(), "mirrors")), 1);
    cr_assert_eq(operator_call("mirror", "diffs", "{\"route\": \"al\"}"), 404);
    cr_assert_eq(operator_call("mirror", "diffs", "{\"route\": 7}"), 400);
}

Test(mirror_compare, is_shown_by_weirctl)
{
    char command[1024];
    origin_script(mirror_shade, "status=503");
    mirror_start(1, COMPARE(""));
    compare_one();
    snprintf(command, sizeof command, "'%s' -s '%s' mirror diffs all >'%s' 2>&1", WEIRCTL_BINARY,
             rig_path("admin.sock"), rig_path("said"));
    cr_assert_eq(system(command), 0);
    char *said = rig_read("said");
    cr_assert(strstr(said, "shade") && strstr(said, "/cart") && strstr(said, "503"), "%s", said);
    free(said);
}

/* -- settings --------------------------------------------------------------------------------- */

Test(mirror_compare, that_is_set_wrongly_says_what_is_right)
{
    static const char *const wrong[][2] = {
        {MIRROR("percent = \"101%\";"), "percent"},
        {MIRROR("percnt = \"1%\";"), "did you mean \"percent\"?"},
        {MIRROR("timeout = \"0s\";"), "timeout"},
        {MIRROR("concurrency = 0;"), "concurrency"},
        {MIRROR("methods = [ \"G T\" ];"), "which is no method"},
        {MIRROR("marker = \"Host\";"), "mirror.marker has \"Host\""},
        {MIRROR("remove = [ \"a b\" ];"), "mirror.remove has \"a b\""},
        {MIRROR("host = \"a\\nb\";"), "; a host such as \"example.com\""},
        {MIRROR("host = \"a b\";"), "mirror.host is \"a b\"; a host such as"},
        {MIRROR("host = \"user@a/b\";"), "mirror.host is \"user@a/b\"; a host such as"},
        {MIRROR_ROUTE("{ percent = \"1%\"; }"), "cluster"},
        {MIRROR_ROUTE(MIRROR_TO("shad", "")), "shad"},
        {COMPARE("ignore = [ \"/a\" ];"), "without json = true"},
        {COMPARE("json = true; ignore = [ \"a\" ];"), "has to begin with \"/\""},
        {COMPARE("headers = [ \"a b\" ];"), "which is no field name"},
        {COMPARE("status = false; latency = false;"), "compares nothing"},
        {COMPARE(
             "headers = [ \"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\","
             "\"m\",\"n\",\"o\",\"p\",\"q\" ];"),
         "has 17 names; allowed are 16"},
        {COMPARE("samples = 1001;"), "samples"},
        {"( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 1; } ); };"
         " mirror = ( { cluster = \"shade\"; compare = { }; } ); } )",
         "compare.against has to say"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rig_write_conf((struct rig_conf){.clusters = "shade = { endpoints = [ \"$shade\" ]; };",
                                         .routes = wrong[i][0]});
        cr_assert_eq(rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL}), 1,
                     "%s", wrong[i][0]);
        char *said = rig_read("output");
        cr_assert(strstr(said, "weir.conf:") && strstr(said, wrong[i][1]), "%s\n%s", wrong[i][0],
                  said);
        free(said);
    }
}
