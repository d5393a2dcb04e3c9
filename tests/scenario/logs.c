/* SPDX-License-Identifier: Apache-2.0 */
/* The access log and the metrics, of real traffic: each line is JSON, whatever clients send, and
 * counters are exact and go on counting over reloads and deaths. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(logs, .init = begin, .fini = rig_end, .timeout = 120);

/* -- JSON, to the letter (RFC 8259), without white space; what is behind it, or NULL ----------- */

static const char *skip_value(const char *p);

static const char *skip_string(const char *p)
{
    if (*p++ != '"')
        return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return NULL;
        if (*p != '\\')
            continue;
        p++;
        if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") >= 4)
            p += 4;
        else if (!*p || !strchr("\"\\/bfnrt", *p))
            return NULL;
    }
    return p + 1;
}

static const char *skip_members(const char *p, bool keys, char end)
{
    if (*++p == end)
        return p + 1;
    for (;; p++) {
        if (keys && (!(p = skip_string(p)) || *p++ != ':'))
            return NULL;
        if (!(p = skip_value(p)))
            return NULL;
        if (*p == end)
            return p + 1;
        if (*p != ',')
            return NULL;
    }
}

static const char *skip_value(const char *p)
{
    static const char *const words[] = {"true", "false", "null"};
    char *end;
    if (*p == '{' || *p == '[')
        return skip_members(p, *p == '{', *p == '{' ? '}' : ']');
    if (*p == '"')
        return skip_string(p);
    for (size_t i = 0; i < 3; i++)
        if (!strncmp(p, words[i], strlen(words[i])))
            return p + strlen(words[i]);
    strtod(p, &end);
    return end > p && (isdigit((unsigned char)*p) || *p == '-') ? end : NULL;
}

static bool is_json(const char *line)
{
    const char *end = skip_value(line);
    return *line == '{' && end && !*end;
}

Test(logs, have_a_json_object_for_each_request_whatever_it_says)
{
    static const char *const fields[] = {
        "User-Agent: plain\r\n",        "User-Agent: a \"quoted\" \\ one\r\n",
        "User-Agent: \xc3\xa4\xff\r\n", "User-Agent: tab\there\r\n",
        "Referer: </script>\r\n",       "X-Request-Id: \"\r\n",
    };
    rig_start(.top = "forwarding = { trusted_proxies = \"127.0.0.1\"; };");
    for (size_t i = 0; i < 6; i++)
        ask("GET /%zu?q=\"a\\ HTTP/1.1\r\nHost: a\r\n%s\r\n", i, fields[i]);
    ask("G\"T / HTTP/1.1\r\n\r\n");
    ask("GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(rig_access_lines() == 8);
    char *all = rig_read("access.log"), *rest = all, *line;
    while ((line = strsep(&rest, "\n")) && *line)
        cr_expect(is_json(line), "%s", line);
    free(all);
}

Test(logs, say_how_a_request_went)
{
    char text[64];
    rig_start();
    ask("POST /a/b?size=500&close HTTP/1.1\r\nHost: Shop.example:80\r\nUser-Agent: ua\r\n"
        "Content-Length: 5\r\n\r\nhello");
    const char *line = rig_await_access("\"path\":\"/a/b\"");
    static const char *const want[][2] = {
        {"client", "127.0.0.1"},     {"listener", "public"},
        {"method", "POST"},          {"host", "shop.example"},
        {"query", "size=500&close"}, {"protocol", "HTTP/1.1"},
        {"user_agent", "ua"},        {"route", "all"},
        {"cluster", "app"},          {"attempts", "1"},
        {"reused", "false"},         {"outcome", "ok"},
        {"status", "200"},           {"bytes_in", "5"},
        {"bytes_out", "500"},        {"worker", "0"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_expect_str_eq(json_of(line, want[i][0]), want[i][1], "%s in %s", want[i][0], line);
    snprintf(text, sizeof text, "127.0.0.1:%u", origin_port(app));
    cr_expect_str_eq(json_of(line, "endpoint"), text);
    cr_expect_geq(atol(json_of(line, "duration_us")), atol(json_of(line, "response_head_us")));
    get("/once");
    get("/again");
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/again\""), "reused"), "true");
}

Test(logs, time_the_phases_of_a_request)
{
    rig_start();
    get("/?delay=150&size=3000&piece=1000&pause=60");
    const char *line = rig_await_access("\"path\":\"/\"");
    cr_assert_geq(atol(json_of(line, "response_head_us")), 140000, "%s", line);
    cr_assert_geq(atol(json_of(line, "response_body_us")), 110000, "%s", line);
    cr_assert_geq(atol(json_of(line, "duration_us")), 250000, "%s", line);
}

Test(logs, take_a_format_of_ones_own)
{
    rig_start(.log = "format = \"%{method} %{path} %{status} %{cluster|none} [%{request.x-a}]"
                     " [%{response.x-b}] 100%%\";");
    ask("GET /f?field=X-B:out HTTP/1.1\r\nHost: a\r\nX-A: in \"q\"\r\n\r\n");
    cr_assert_str_eq(rig_await_access("GET /f"), "GET /f 200 app [in \\x22q\\x22] [out] 100%");
    ask("TRACE /t HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_await_access("TRACE");
    cr_assert(strstr(rig_await_access("TRACE"), " 405 none [-] [-] 100%"));
}

Test(logs, can_be_the_common_format)
{
    rig_start(.log = "format = \"common\";");
    ask("GET /c?size=7 HTTP/1.1\r\nHost: a\r\nUser-Agent: ua\r\n\r\n");
    const char *line = rig_await_access("GET /c");
    cr_assert(strstr(line, "\"GET /c?size=7 HTTP/1.1\" 200 7 "), "%s", line);
    cr_assert(strstr(line, "127.0.0.1 - - ["), "%s", line);
}

static double total(const char *name, const char *labels)
{
    char series[256];
    snprintf(series, sizeof series, "%s{%s}", name, labels);
    return rig_metric(series);
}

static void expect_counts(unsigned n, unsigned not_found)
{
    char endpoint[96];
    snprintf(endpoint, sizeof endpoint, "cluster=\"app\",endpoint=\"127.0.0.1:%u\"",
             origin_port(app));
    AWAIT(total("weir_route_requests_total", "route=\"all\"") >= n);
    cr_expect_eq(total("weir_route_requests_total", "route=\"all\""), n);
    cr_expect_eq(total("weir_requests_total", "route=\"all\",code_class=\"2xx\""), n - not_found);
    cr_expect_eq(total("weir_requests_total", "route=\"all\",code_class=\"4xx\""), not_found);
    cr_expect_eq(total("weir_cluster_requests_total", "cluster=\"app\""), n);
    cr_expect_eq(total("weir_endpoint_attempts_total", endpoint), n);
    cr_expect_eq(total("weir_request_duration_seconds_count", "route=\"all\""), n);
    cr_expect_eq(total("weir_request_duration_seconds_bucket", "route=\"all\",le=\"+Inf\""), n);
    cr_expect_eq(total("weir_exchange_outcomes_total", "reason=\"ok\""), n);
}

static void serve_some(void)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(get("/?size=100")->status, 200);
    cr_assert_eq(get("/?status=404&size=100")->status, 404);
}

Test(logs, metrics_are_exact_and_go_on_over_reloads_and_deaths)
{
    rig_expect_deaths();
    rig_start(.workers = 2);
    serve_some();
    expect_counts(11, 1);
    cr_assert_eq(total("weir_route_response_bytes_total", "route=\"all\""), 1100);
    cr_assert(rig_reload(.workers = 1));
    AWAIT(rig_count("worker/") == 1);
    serve_some();
    expect_counts(22, 2);
    kill(rig_worker(0), SIGKILL);
    rig_await_log("process_restarted");
    serve_some();
    expect_counts(33, 3);
    cr_assert(rig_reload(.workers = 3));
    AWAIT(rig_count("worker/") == 3);
    serve_some();
    expect_counts(44, 4);
    cr_assert_eq(rig_metric("weir_reloads_total"), 2);
    cr_assert_eq(rig_metric("weir_process_restarts_total"), 1);
    cr_assert_eq(total("weir_listener_accepted_total", "listener=\"public\""), 44);
}

/* Each series stands once, each name has its TYPE, and every line is of the form. */
Test(logs, metrics_keep_to_the_exposition_format)
{
    rig_start(.workers = 2);
    serve_some();
    char *page = rig_metrics(), *rest = page, *line, type[512] = "";
    unsigned samples = 0;
    while ((line = strsep(&rest, "\n"))) {
        if (!strncmp(line, "# TYPE ", 7)) {
            snprintf(type, sizeof type, "%.*s", (int)strcspn(line + 7, " "), line + 7);
        } else if (*line && *line != '#') {
            char *end;
            const char *space = strrchr(line, ' ');
            cr_assert(space, "%s", line);
            strtod(space + 1, &end);
            cr_expect(end > space + 1 && !*end, "%s", line);
            cr_expect(!strncmp(line, type, strlen(type)), "%s is not of %s", line, type);
            samples++;
        }
    }
    cr_assert_gt(samples, 50);
    free(page);
}
