/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of metrics: both formats, and which of them a request wants. */

#include "core/stats/exposition.h"

#include <criterion/criterion.h>

#include "base/text.h"

static struct text out;

static void begin(void)
{
    text_init(&out);
}

static void end(void)
{
    text_fini(&out);
}

TestSuite(exposition, .init = begin, .fini = end);

static void wrote(const char *want)
{
    text_char(&out, '\0');
    cr_assert_str_eq(out.p, want);
    out.n = 0;
}

static struct exposition format(bool open)
{
    return (struct exposition){.out = &out, .open = open};
}

static const struct metric counter = {"weir_sent_bytes", METRIC_COUNTER, "route",
                                      "what \"went\" \\ out\nof here"},
                           gauge = {"weir_open", METRIC_GAUGE, NULL, "open now"},
                           info = {"weir_build", METRIC_INFO, "version", "what this is"},
                           latency = {"weir_wait_seconds", METRIC_HISTOGRAM, "route, le", "waits"};

Test(exposition, writes_the_text_format)
{
    struct exposition e = format(false);

    expose_head(&e, &counter);
    expose_sample(&e, &counter, SLICE("a=\"1\""), SLICE("b=\"2\""), 7);
    expose_sample(&e, &counter, (struct slice){0}, SLICE("b=\"2\""), -7);
    wrote("# HELP weir_sent_bytes_total what \"went\" \\\\ out\\nof here\n"
          "# TYPE weir_sent_bytes_total counter\n"
          "weir_sent_bytes_total{a=\"1\",b=\"2\"} 7\nweir_sent_bytes_total{b=\"2\"} -7\n");
    expose_value(&e, &gauge, 3);
    expose_head(&e, &info);
    expose_sample(&e, &info, SLICE("version=\"1\""), (struct slice){0}, 1);
    expose_end(&e);
    wrote("# HELP weir_open open now\n# TYPE weir_open gauge\nweir_open 3\n"
          "# HELP weir_build_info what this is\n# TYPE weir_build_info gauge\n"
          "weir_build_info{version=\"1\"} 1\n");
}

Test(exposition, writes_openmetrics)
{
    struct exposition e = format(true);

    expose_value(&e, &counter, 7);
    expose_value(&e, &gauge, 3);
    expose_head(&e, &info);
    expose_sample(&e, &info, SLICE("version=\"1\""), (struct slice){0}, 1);
    expose_end(&e);
    wrote("# HELP weir_sent_bytes what \\\"went\\\" \\\\ out\\nof here\n"
          "# TYPE weir_sent_bytes counter\n# UNIT weir_sent_bytes bytes\n"
          "weir_sent_bytes_total 7\n"
          "# HELP weir_open open now\n# TYPE weir_open gauge\nweir_open 3\n"
          "# HELP weir_build what this is\n# TYPE weir_build info\n"
          "weir_build_info{version=\"1\"} 1\n# EOF\n");
}

Test(exposition, makes_histograms_cumulative_and_in_seconds)
{
    static const struct latency_bounds bounds = {.us = {500, 1000000, 90000000}, .n = 3};
    static const uint64_t counts[] = {1, 0, 2, 4};
    struct exposition e = format(true);
    struct exposed_bounds les;

    exposed_bounds_init(&les, &bounds);
    expose_head(&e, &latency);
    expose_histogram(&e, &latency, SLICE("route=\"a\""), &les, counts, 1234567);
    expose_us(&e, &gauge, (struct slice){0}, 0);
    expose_us(&e, &gauge, (struct slice){0}, 2000000);
    wrote("# HELP weir_wait_seconds waits\n# TYPE weir_wait_seconds histogram\n"
          "# UNIT weir_wait_seconds seconds\n"
          "weir_wait_seconds_bucket{route=\"a\",le=\"0.0005\"} 1\n"
          "weir_wait_seconds_bucket{route=\"a\",le=\"1.0\"} 1\n"
          "weir_wait_seconds_bucket{route=\"a\",le=\"90.0\"} 3\n"
          "weir_wait_seconds_bucket{route=\"a\",le=\"+Inf\"} 7\n"
          "weir_wait_seconds_sum{route=\"a\"} 1.234567\n"
          "weir_wait_seconds_count{route=\"a\"} 7\n"
          "weir_open 0.0\nweir_open 2.0\n");
}

Test(exposition, knows_a_unit_only_as_the_last_word_of_a_name)
{
    struct exposition e = format(true);
    const struct metric none[] = {{"bytes", METRIC_GAUGE, NULL, ""},
                                  {"kilobytes", METRIC_GAUGE, NULL, ""},
                                  {"bytes_left", METRIC_GAUGE, NULL, ""}};

    for (size_t i = 0; i < array_n(none); i++)
        expose_head(&e, &none[i]);
    text_char(&out, '\0');
    cr_assert(!strstr(out.p, "# UNIT"));
}

Test(exposition, escapes_labels)
{
    label_add(&out, "a", SLICE("x\"y\\z\n"));
    label_add(&out, "b", SLICE(""));
    wrote("a=\"x\\\"y\\\\z\\n\",b=\"\"");
}

Test(exposition, gives_openmetrics_to_who_names_it)
{
    static const char *const open[] = {
        "application/openmetrics-text",
        "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "text/plain;q=0.5, application/openmetrics-text;q=0.5",
        "text/plain;q=0.001,application/openmetrics-text;q=0.002",
    };
    static const char *const text[] = {
        "",
        "*/*",
        "text/plain",
        "application/json",
        ",,;q",
        "application/*",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.9, text/plain",
        "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=2.0",
        "application/openmetrics-texts",
    };

    for (size_t i = 0; i < array_n(open); i++)
        cr_assert(exposition_wants_open(slice_str(open[i])), "%s", open[i]);
    for (size_t i = 0; i < array_n(text); i++)
        cr_assert(!exposition_wants_open(slice_str(text[i])), "%s", text[i]);
}
