/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of weirctl: how they show an answer. */
#include "weirctl_case.h"

TestSuite(weirctl_show, .init = begin, .fini = end);

static const char *show(const char *name, const char *json)
{
    json_t *answer = json_loads(json, 0, NULL);
    cr_assert(answer, "%s", json);
    command_named(name)->show(answer, &t);
    json_decref(answer);
    return said();
}

static const char *show_line(const char *json)
{
    json_t *line = json_loads(json, 0, NULL);
    t.n = 0;
    command_named("logs")->show_line(line, &t);
    json_decref(line);
    return said();
}

Test(weirctl_show, requests_in_a_line)
{
    cr_assert_str_eq(
        show_line("{\"time\":\"2026-11-24T10:00:00.123456Z\",\"status\":502,\"duration_us\":12345,"
                  "\"method\":\"GET\",\"host\":\"a.test\",\"path\":\"/\\u001b[2J\",\"query\":\"q\","
                  "\"route\":\"r\",\"endpoint\":\"10.0.0.1:80\",\"outcome\":\"reset\"}"),
        "10:00:00.123 502    12.3ms GET a.test/\\x1b[2J?q route=r endpoint=10.0.0.1:80 "
        "outcome=reset\n");
    cr_assert(strstr(show_line("{\"duration_us\":2500000,\"outcome\":\"ok\"}"), "    2.50s "));
    cr_assert(!strstr(show_line("{\"outcome\":\"ok\"}"), "outcome"));
    cr_assert_str_eq(show_line("{\"lost\":12}"),
                     "... 12 lines are missing: too many for whoever reads\n");
    cr_assert_str_eq(show("log level", "{\"level\":\"info\",\"configured\":\"info\"}"),
                     "The error log is written up to level info.\n");
}

Test(weirctl_show, events_as_a_table_and_in_lines)
{
    const char *event =
        "{\"n\":7,\"at_ms\":1764158400123,\"level\":\"info\",\"process\":\"control\","
        "\"event\":\"admin_change\",\"who\":\"uid 0\",\"reason\":\"a \\u001b\","
        "\"fields\":{\"path\":\"/v1/x\",\"status\":200}}";
    char answer[1024];
    json_t *line = json_loads(event, 0, NULL);
    snprintf(answer, sizeof answer,
             "{\"events\":[%s,{\"fields\":{\"text\":\"said\",\"x\":1}}],\"next\":7}", event);
    cr_assert_str_eq(
        show("events", answer),
        "N  TIME                     LEVEL  PROCESS  EVENT         \n"
        "7  2025-11-26 12:00:00 UTC  info   control  admin_change  path=/v1/x status=200 "
        "who=uid 0 reason=a \\x1b\n"
        "-  -                        -      -        -             said\n");
    cr_assert_str_eq(show("events", "{\"events\":[]}"), "Nothing has happened.\n");
    command_named("events")->show_line(line, &t);
    cr_assert_str_eq(said(),
                     "2025-11-26 12:00:00 UTC info control admin_change path=/v1/x status=200 "
                     "who=uid 0 reason=a \\x1b\n");
    json_decref(line);
    cr_assert_str_eq(ask("events", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("events", "5", NULL, 0), "{\"limit\":5}");
    cr_assert(strstr(ask("events", "513", NULL, 0), "!--limit is \"513\""));
}

Test(weirctl_show, splits)
{
    const char *answer =
        "{\"splits\": [{\"route\": \"reviews\", \"since\": 1764100000.123, \"age_s\": 12.5,"
        " \"override\": true, \"position\": 1000, \"later\": {},"
        " \"variants\": [{\"name\": \"v1\", \"cluster\": \"reviews-v1\", \"weight\": 95,"
        " \"share\": 0.95, \"target\": 950.0, \"assigned\": 950, \"sent\": 948, \"placed\": 9, "
        "\"errors\": 2,"
        " \"fell_back\": 0, \"hidden\": 1, \"requests_share\": 0.9501, \"users\": 120,"
        " \"users_share\": 0.94, \"buckets_share\": 0.95, \"p50_ms\": 3.1, \"p99_ms\": 20.04},"
        " {\"name\": \"v2\", \"cluster\": \"v2\", \"weight\": 5, \"p50_ms\": null}]}]}";
    cr_assert_str_eq(
        show("canary get", answer),
        "route reviews: weights set by an operator, since 2025-11-25 19:46:40 UTC (12s ago), "
        "position 1000\n"
        "VARIANT          WEIGHT  SHARE  TARGET  ASSIGNED  SENT  PLACED  ERRORS  FELL-BACK  HIDDEN "
        " "
        "SENT-SHARE  USERS  USERS-SHARE  BUCKETS  P50-MS  P99-MS\n"
        "v1 (reviews-v1)      95    95%   950.0       950   948       9       2          0       1 "
        "     "
        "95.01%    120          94%      95%     3.1    20.0\n"
        "v2                    5      -       -         -     -       -       -          -       - "
        "     "
        "     -      -            -        -       -       -\n");
    cr_assert_str_eq(show("canary set", "{\"splits\": []}"), "No route has a split.\n");
    cr_assert_str_eq(show("canary get", "{}"), "No route has a split.\n");
}

Test(weirctl_show, what_a_split_has_leased)
{
    const char *answer = "{\"splits\": [{\"route\": \"a\", \"position\": 90, \"fleet\": "
                         "{\"block\": 100, \"leased\": 80, \"held\": 20}, \"variants\": []}]}";
    cr_assert(strstr(show("canary get", answer), ", position 90, 80 of it leased from the fleet\n"),
              "%s", said());
}

Test(weirctl_show, circuits_and_what_is_used_of_limits)
{
    const char *answer =
        "{\"breakers\": [{\"cluster\": \"app\", \"enabled\": true, \"circuits\": [{\"state\":"
        " \"open\", \"mode\": \"auto\", \"openings\": 2, \"left_ms\": 4001, \"calls\": 20, "
        "\"failed\":"
        " 12, \"slow\": 0, \"endpoint\": \"a:1\"}], \"limits\": [{\"priority\": \"usual\", "
        "\"requests\":"
        " 12, \"max_requests\": 200, \"pending\": 3, \"max_pending\": 0, \"retries\": 1,"
        " \"max_retries\": 0}, {\"priority\": \"high\"}], \"connections\": 7, \"max_connections\": "
        "9},"
        " {\"route\": \"all\", \"enabled\": false, \"circuits\": [{\"state\": \"closed\"},"
        " {\"shared\": {\"led\": true}}, {\"shared\": {\"led\": false}},"
        " {\"shared\": {\"led\": false, \"holding\": true}}],"
        " \"limits\": []}, {\"cluster\": \"b\", \"enabled\": false, \"connections\": 1,"
        " \"max_connections\": 4}]}";
    cr_assert_str_eq(
        show("breaker list", answer),
        "OWNER        ENDPOINT  STATE   MODE      FLEET  CALLS  FAILED  SLOW  OPENINGS  LEFT\n"
        "cluster app  a:1       open    auto      -         20      12     0         2    5s\n"
        "route all    -         closed  disabled  -          -       -     -         -     -\n"
        "route all    -         -       disabled  led        -       -     -         -     -\n"
        "route all    -         -       disabled  apart      -       -     -         -     -\n"
        "route all    -         -       disabled  holds      -       -     -         -     -\n"
        "\n"
        "CLUSTER  PRIORITY  MODE      REQUESTS  PENDING  RETRIES  CONNECTIONS\n"
        "app      usual     on          12/200      3/0      1/-          7/9\n"
        "app      high      on               -        -        -            -\n"
        "b        -         disabled         -        -        -          1/4\n");
    cr_assert_str_eq(show("breaker open", "{}"), "There is neither a circuit nor a limit.\n");
    cr_assert_str_eq(show("breaker enable", "{\"breakers\": [{\"route\": \"r\"}]}"),
                     "There is neither a circuit nor a limit.\n");
}

Test(weirctl_show, ejections)
{
    const char *answer =
        "{\"clusters\": [{\"cluster\": \"app\", \"enabled\": true, \"ejected\": 1, \"allowed\": 2,"
        " \"endpoints\": [{\"endpoint\": \"a:1\", \"state\": \"ejected\", \"share\": 0, "
        "\"next_ms\":"
        " 29500, \"count\": 1, \"ejections\": 4, \"why\": \"5xx\", \"consecutive\": {\"failures\": "
        "0,"
        " \"gateway_errors\": 1, \"5xx\": 3}}, {\"endpoint\": \"b:1\", \"state\": \"in\", "
        "\"share\":"
        " 1.0, \"count\": 0}]}, {\"cluster\": \"b\", \"enabled\": false}]}";
    cr_assert_str_eq(show("outlier list", answer),
                     "CLUSTER  ENDPOINT  STATE    SHARE  COUNT  WHY  NEXT  FAILURES  GATEWAY  5XX\n"
                     "app      a:1       ejected     0%      1  5xx   30s         0        1    3\n"
                     "app      b:1       in        100%      0  -       -         -        -    -\n"
                     "\n"
                     "CLUSTER  EJECTED  EJECTION\n"
                     "app          1/2  on\n"
                     "b            -/-  off\n");
    cr_assert_str_eq(show("outlier return", "{\"clusters\": []}"),
                     "No cluster ejects endpoints.\n");
}

Test(weirctl_show, faults)
{
    const char *answer = "{\"stopped\": true, \"faults\": [{\"route\": \"reviews\", \"fault\": "
                         "\"slow\", \"state\": \"stopped\", \"percent\": 2.5, \"injected\": 12, "
                         "\"active\": 1, \"dropped\": 0, \"ends\": \"2030-12-31T18:00:00Z\"}]}";
    cr_assert_str_eq(show("fault list", answer),
                     "All faults are stopped.\n"
                     "ROUTE    FAULT  STATE    PERCENT  INJECTED  ACTIVE  DROPPED  OWNER  ENDS\n"
                     "reviews  slow   stopped      2.5        12       1        0  -      "
                     "2030-12-31T18:00:00Z\n");
    cr_assert_str_eq(show("fault resume", "{\"faults\": []}"), "No route has a fault.\n");
}

Test(weirctl_show, a_grant_and_how_it_is_used)
{
    const char *got =
        show("dark grant",
             "{\"id\": \"7f\", \"name\": \"alice\", \"expires\": 1764107200, \"token\": \"v1.x\","
             " \"cookie\": \"weir-grant=v1.x\", \"header\": \"X-Weir-Grant: v1.x\"}");
    cr_assert(strstr(got, "Granted to alice until 2025-11-25 21:46:40 UTC, as grant 7f."), "%s",
              got);
    cr_assert(strstr(got, "\n  cookie  weir-grant=v1.x\n  header  X-Weir-Grant: v1.x\n"), "%s",
              got);
    cr_assert_str_eq(show("dark revoke", "{\"revoked\": 1}"), "Revoked one grant.\n");
    cr_assert_str_eq(show("dark revoke", "{\"revoked\": 3}"), "Revoked 3 grants.\n");
}

Test(weirctl_show, grants_and_their_state)
{
    char answer[1024];
    snprintf(
        answer, sizeof answer,
        "{\"grants\": [{\"id\": \"1\", \"name\": \"alice\", \"created\": 1764100000, \"expires\":"
        " %ld, \"revoked\": false, \"uses\": 2, \"last_used\": 1764100000}, {\"id\": \"2\","
        " \"name\": \"b\\u001bob\", \"created\": 1764100000, \"expires\": %ld, \"revoked\": true,"
        " \"uses\": 0, \"last_used\": null}, {\"id\": \"3\", \"name\": \"c\", \"expires\": 9,"
        " \"last_used\": 0}]}",
        (long)time(NULL) + 7230, (long)time(NULL) + 7230);
    const char *got = show("dark list", answer);
    cr_assert(strstr(got, "ID  NAME ") == got, "%s", got);
    cr_assert(strstr(got, " UTC  2h left     2  2025-11-25 19:46:40 UTC\n"), "%s", got);
    cr_assert(strstr(got, "\n2   b\\x1bob") && strstr(got, " revoked     0  -\n"), "%s", got);
    cr_assert(strstr(got, "\n3   c ") && strstr(got, " expired     -  -\n"), "%s", got);
    cr_assert_str_eq(show("dark list", "{\"grants\": []}"), "There are no grants.\n");
}

Test(weirctl_show, endpoints_and_who_keeps_requests_away)
{
    cr_assert_str_eq(
        show(
            "endpoint list",
            "{\"clusters\": [{\"name\": \"web\", \"endpoints\": ["
            "{\"name\": \"a:1\", \"weight\": 2, \"health\": \"down\", \"drained\": false, \"says\":"
            " \"ok\", \"share_millionths\": 1000000, \"check\": {\"result\": \"status\", "
            "\"status\":"
            " 503, \"ago_ms\": 4200}},"
            "{\"name\": \"b:1\", \"weight\": 1, \"health\": \"up\", \"drained\": true, \"says\":"
            " \"degraded\", \"share_millionths\": 250000, \"check\": {\"result\": \"passed\","
            " \"status\": 0, \"ago_ms\": 61000}},"
            "{\"name\": \"c:1\", \"weight\": 1, \"health\": \"unknown\", \"drained\": false,"
            " \"says\": \"degraded\"}]}, {\"name\": \"api\", \"endpoints\": [{}]}]}"),
        "CLUSTER  ENDPOINT  WEIGHT  HEALTH   STATE     SHARE  LAST CHECK\n"
        "web      a:1            2  down     -          100%  status (503), 4s ago\n"
        "web      b:1            1  up       drained     25%  passed, 1m1s ago\n"
        "web      c:1            1  unknown  degraded      -  -\n"
        "api      -              -  -        -             -  -\n");
}

Test(weirctl_show, who_is_in_the_fleet)
{
    cr_assert_str_eq(ask("fleet", NULL, NULL, 0), "{}");
    cr_assert_str_eq(
        show(
            "fleet",
            "{\"configured\": true, \"joined\": true, \"state\": \"joined\", \"server\": "
            "\"10.0.0.9:6379\", \"lag_us\": 420, \"cells\": 12, \"now\": 1700000100, \"members\": ["
            "{\"instance\": \"edge-1\", \"self\": true, \"version\": \"0.1.0\", \"config\": "
            "\"00ff\", \"rps\": 120, \"active\": 3, \"since\": 1700000000, \"heard_ms\": 0},"
            "{\"instance\": \"edge-2\", \"self\": false, \"version\": \"0.1.0\", \"config\": "
            "\"00fe\", \"rps\": 90, \"active\": 0, \"since\": 1700000040, \"heard_ms\": 2100},"
            "{}]}"),
        "joined\nserver 10.0.0.9:6379, answers in 0.4 ms, 12 shared records\n\n"
        "INSTANCE  VERSION  CONFIG  REQ/S  ACTIVE  UP FOR  HEARD\n"
        "edge-1    0.1.0    00ff      120       3  1m40s   this one\n"
        "edge-2    0.1.0    00fe       90       0  1m      2s ago\n"
        "-         -        -           -       -  -       -\n");
    cr_assert_str_eq(show("fleet", "{\"configured\": false}"),
                     "No fleet is configured: this instance is on its own.\n");
    const char *apart = show("fleet", "{\"configured\": true, \"joined\": false, \"state\": "
                                      "\"apart\", \"why\": \"connection refused\"}");
    cr_assert(strstr(apart, "apart: connection refused; this instance decides by itself\n"));
}

Test(weirctl_show, what_is_decided_for_all)
{
    size_t words;
    cr_assert_eq(command_find((char *const[]){"fleet", "decisions"}, 2, &words),
                 command_named("fleet decisions"));
    cr_assert_eq(words, 2);
    cr_assert_eq(command_find((char *const[]){"fleet", "x"}, 2, &words), command_named("fleet"));
    cr_assert_str_eq(ask("fleet forget", NULL, WORDS("a/b/c")), "{\"key\":\"a/b/c\"}");
    cr_assert_str_eq(
        show("fleet forget", "{\"forgotten\": \"a/b\"}"),
        "a/b is forgotten: what it has set stays as it is, and who joins won't hear of "
        "it.\n");
    cr_assert_str_eq(show("fleet decisions", "{\"decisions\": []}"),
                     "Nothing is decided for all instances.\n");
    cr_assert_str_eq(
        show("fleet decisions",
             "{\"decisions\": [{\"key\": \"canary/weights/r\", \"path\": "
             "\"/v1/modules/canary/set\", \"json\": {\"route\": \"r\", \"fleet\": true}, \"by\": "
             "\"edge-1\", \"since\": 1700000000, \"here\": \"done\"}, {\"key\": \"x\", \"json\": "
             "null, \"here\": \"failed\", \"why\": \"no \\u001bx\"}, {}]}"),
        "KEY               SINCE                    BY      HERE    SAYS\n"
        "canary/weights/r  2023-11-14 22:13:20 UTC  edge-1  done    set {\"route\": \"r\"}\n"
        "x                 -                        -       failed  - -\n"
        "-                 -                        -       -       - -\n"
        "\nx could not be followed here: no \\x1bx\n");
}

Test(weirctl_show, that_change_something_can_be_for_all)
{
    static const char *const some[] = {"canary set", "breaker open", "endpoint drain",
                                       "fault resume", "outlier return"};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        cr_assert(command_named(some[i])->decides, "%s", some[i]);
    cr_assert(!command_named("canary get")->decides && !command_named("dark list")->decides);
    command_help(command_named("canary set"), &t);
    const char *help = said();
    cr_assert(
        strstr(help,
               "Usage: weirctl canary set [--reason TEXT] [--expires TIME] [--fleet] ROUTE") ==
            help,
        "%s", help);
    cr_assert(strstr(help, "\n  --fleet  on all instances"), "%s", help);
}

Test(weirctl_show, what_draining_leaves)
{
    cr_assert_str_eq(show("endpoint drain", "{\"cluster\": \"web\", \"endpoint\": \"a:1\", "
                                            "\"drained\": true, \"changed\": true, \"left\": 2}"),
                     "a:1 is now drained; 2 of web take new requests.\n");
    cr_assert_str_eq(show("endpoint enable",
                          "{\"cluster\": \"web\", \"endpoint\": \"a:1\", "
                          "\"drained\": false, \"changed\": false, \"left\": 3}"),
                     "a:1 was already undrained; 3 of web take new requests.\n");
}

Test(weirctl_show, what_an_endpoint_weighs)
{
    cr_assert_str_eq(show("endpoint weight", "{\"endpoint\": \"a:1\", \"weight\": 3, "
                                             "\"file_weight\": 1, \"changed\": true}"),
                     "a:1 now has the weight 3; the file says 1.\n");
    cr_assert_str_eq(show("endpoint weight", "{\"endpoint\": \"a:1\", \"weight\": 1, "
                                             "\"file_weight\": 1, \"changed\": false}"),
                     "a:1 already had the weight 1; the file says 1.\n");
}

Test(weirctl_show, processes)
{
    cr_assert_str_eq(
        show("workers",
             "{\"workers\": [{\"process\": \"worker/0\", \"pid\": 7, \"generation\": 2, "
             "\"state\": \"serving\", \"requests\": 100, \"active\": 1, \"connections\": 3, "
             "\"cpu_ms\": 1250, \"resident\": 3145728}, {\"process\": \"master\"}]}"),
        "PROCESS   PID  GENERATION  STATE    REQUESTS  ACTIVE  CONNECTIONS   CPU  MEMORY\n"
        "worker/0    7           2  serving       100       1            3  1.2s    3.0M\n"
        "master      -           -  -               -       -            -     -       -\n");
}

Test(weirctl_show, clusters_with_what_they_have_had)
{
    cr_assert_str_eq(
        show("clusters",
             "{\"clusters\": [{\"name\": \"app\", \"traffic\": {\"requests\": 4, \"status\": "
             "[0, 0, 3, 0, 0, 1], \"retries\": 1, \"latency\": [2, 2], \"latency_sum_us\": "
             "8000}, \"endpoints\": [{\"name\": \"a:1\", \"state\": \"ok\", \"weight\": 3, "
             "\"file_weight\": 1, \"attempts\": 5, \"failures\": 1, \"active\": 0, \"status\": "
             "[0, 0, 3, 0, 0, 1]}]}]}"),
        "CLUSTER  ENDPOINT  STATE       WEIGHT  REQUESTS  5XX  FAILURES  RETRIES  ACTIVE    MEAN\n"
        "app      -         -                -         4    1         -        1       -  2.00ms\n"
        "app      a:1       ok     3 (file: 1)         5    1         1        -       0       "
        "-\n");
}

Test(weirctl_show, how_mirrors_differ)
{
    cr_assert_str_eq(
        show(
            "mirror diffs",
            "{\"mirrors\": [{\"route\": \"a\", \"cluster\": \"lab\", \"sent\": 10, \"compared\": 9,"
            " \"mismatched\": 1, \"dropped\": 0, \"latency_delta_ms_p50\": -1.25, \"samples\":"
            " [{\"time\": 1764100000, \"method\": \"GET\", \"path\": \"/x\", \"request_id\": "
            "\"r1\","
            " \"differences\": [{\"what\": \"status\", \"primary\": \"200\", \"mirror\": "
            "\"500\"}]}]},"
            " {\"route\": \"a\", \"cluster\": \"lab\", \"nth\": 2}]}"),
        "ROUTE  MIRROR   SENT  COMPARED  MISMATCHED  DROPPED  P50-DELTA-MS\n"
        "a      lab        10         9           1        0          -1.2\n"
        "a      lab (2)     -         -           -        -             -\n"
        "\n"
        "2025-11-25 19:46:40 UTC  a -> lab  GET /x  request r1\n"
        "  DIFFERENCE  CLIENT GOT  MIRROR GAVE\n"
        "  status      200         500\n");
    cr_assert_str_eq(show("mirror diffs", "{\"mirrors\": []}"), "No route has a mirror.\n");
}

/* -- overrides and rollback -------------------------------------------------------------------- */

static const char overridden[] =
    "{\"overrides\": [{\"key\": \"canary/weights/r\", \"setting\": \"routes.r.canary.split\", "
    "\"at\": 1700000000, \"until\": 1700007200, \"who\": \"uid 0\", \"reason\": \"a \\u001bb\", "
    "\"value\": {\"route\": \"r\"}}, {\"key\": \"x\", \"until\": null, \"reason\": null}]}";

Test(weirctl_show, what_is_overridden)
{
    cr_assert_str_eq(
        show("overrides", overridden),
        "KEY               SETTING                SINCE                    UNTIL                 "
        "   BY     REASON   SAYS\n"
        "canary/weights/r  routes.r.canary.split  2023-11-14 22:13:20 UTC  2023-11-15 00:13:20 UTC"
        "  uid 0  a \\x1bb  {\"route\": \"r\"}\n"
        "x                 -                      -                        -                     "
        "   -      -        -\n");
    cr_assert_str_eq(show("overrides", "{\"overrides\": []}"),
                     "Nothing is overridden: all is as the configuration says.\n");
    cr_assert_str_eq(ask("overrides drop", NULL, WORDS("a/b")), "{\"key\":\"a/b\"}");
    cr_assert_str_eq(show("overrides drop", "{\"dropped\": {\"setting\": \"log.level\"}}"),
                     "log.level is as the configuration says again.\n");
    cr_assert_str_eq(show("overrides fragment", "{\"fragment\": \"a = 1;\\n\"}"), "a = 1;\n");
}

Test(weirctl_show, say_what_a_reload_or_a_rollback_has_ended)
{
    static const char ended[] =
        "{\"generation\": 3, \"workers\": 2, \"file\": \"w.conf\", \"file_differs\": true, "
        "\"overrides_ended\": [{\"setting\": \"a.b\", \"key\": \"k\", \"who\": \"uid 7\", "
        "\"gone\": false}, {\"setting\": \"c\", \"key\": \"l\", \"who\": \"edge\", \"gone\": "
        "true}]}";
    cr_assert_str_eq(show("reload", ended),
                     "a.b: the file changes it; the override of k by uid 7 has ended.\n"
                     "c: the file has it no more; the override of l by edge has ended.\n"
                     "Generation 3 serves, with 2 workers.\n");
    const char *rolled_back = show("rollback", ended);
    cr_assert(strstr(rolled_back, "in force again, as generation 3, with 2 workers.\nw.conf says"),
              "%s", rolled_back);
    cr_assert(!strstr(show("rollback", "{\"file_differs\": false}"), "says something else"));
}

Test(weirctl_show, print_texts_as_they_are)
{
    cr_assert_str_eq(ask("config text", NULL, NULL, 0), "{\"which\":\"in force\"}");
    cr_assert_str_eq(ask("config text", NULL, WORDS("previous")), "{\"which\":\"previous\"}");
    cr_assert_str_eq(ask("config text", NULL, WORDS("next")), "!\"next\" is not \"previous\"");
    cr_assert_str_eq(
        show("config text", "{\"files\": [{\"file\": \"a\", \"text\": \"x = 1;\\n\"}]}"),
        "x = 1;\n");
    cr_assert_str_eq(show("config text", "{\"files\": [{\"file\": \"a\", \"text\": \"x\\n\"}, "
                                         "{\"file\": \"b\", \"text\": \"y\\n\"}]}"),
                     "# -- a --\nx\n\n# -- b --\ny\n");
}

Test(weirctl_show, that_bring_back_the_file_have_no_end)
{
    struct command_beside beside[COMMAND_BESIDE + 1];
    static const struct {
        const char *name, *options;
    } cases[] = {{"canary set", "reason expires fleet "},
                 {"breaker auto", "reason fleet "},
                 {"log level", "reason expires "},
                 {"reload", "reason "},
                 {"rollback", "reason "},
                 {"canary get", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_beside(command_named(cases[i].name), beside);
        for (const struct command_beside *b = beside; b->name; b++)
            text_printf(&t, "%s ", b->name);
        cr_assert_str_eq(said(), cases[i].options, "%s", cases[i].name);
    }
}
