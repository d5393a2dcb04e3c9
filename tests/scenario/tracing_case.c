/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 4, VALUE_MAX = 1024 };

struct origin *tracing_app;
static json_t *spans;

void tracing_begin(void)
{
    rig_begin();
    rig_default_modules("[ ]");
    tracing_app = origin_start("app");
    collector_start();
}

void tracing_end(void)
{
    const char *fault = collector_fault();
    json_decref(spans);
    spans = NULL;
    rig_end();
    collector_end();
    cr_assert_str_eq(fault, "", "the collector got something wrong: %s", fault);
}

/* What is said first counts, so what stands there already is left out. */
static const char *unless(const char *settings, const char *name, const char *preset)
{
    return strstr(settings, name) ? "" : preset;
}

struct rig_conf tracing_conf(const char *global, const char *route)
{
    static char top[2048], routes[1024];
    snprintf(
        top, sizeof top,
        "modules = { tracing = { collector = \"http://$collector/v1/traces\"; %s %s %s %s }; };",
        unless(global, "sampling", "sampling = { ratio = \"100%\"; };"),
        unless(global, "trust", "trust = \"always\";"),
        unless(global, "export", "export = { delay = \"0s\"; };"), global);
    snprintf(routes, sizeof routes, "( { name = \"all\"; cluster = \"app\"; tracing = { %s }; } )",
             route);
    return (struct rig_conf){.top = top, .routes = routes};
}

void tracing_start(const char *global, const char *route)
{
    rig_start_with(tracing_conf(global, route));
}

void tracing_get(const char *fields)
{
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields)->status, 200);
}

/* -- what the origin got ----------------------------------------------------------------------- */

static char *next_text(void)
{
    static char texts[KEPT][VALUE_MAX];
    static unsigned next;
    return texts[next++ % KEPT];
}

const char *tracing_inward(const char *name)
{
    char *head = origin_last_head(tracing_app), *value = next_text(), start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = head ? strcasestr(head, start) : NULL;
    *value = 0;
    if (at) {
        at += strlen(start);
        snprintf(value, VALUE_MAX, "%.*s", (int)strcspn(at, "\r"), at);
        cr_assert_null(strcasestr(at, start), "%s came twice: %s", name, head);
    }
    free(head);
    return value;
}

static const char *part_of(const char *traceparent, int at, int n)
{
    char *text = next_text();
    cr_assert_eq(strlen(traceparent), 55, "\"%s\"", traceparent);
    snprintf(text, VALUE_MAX, "%.*s", n, traceparent + at);
    return text;
}

const char *tracing_trace_of(const char *traceparent)
{
    return part_of(traceparent, 3, 32);
}

const char *tracing_span_of(const char *traceparent)
{
    return part_of(traceparent, 36, 16);
}

/* -- what the collector got -------------------------------------------------------------------- */

static size_t look(void)
{
    json_decref(spans);
    spans = collector_spans();
    return json_array_size(spans);
}

const json_t *tracing_await(size_t n)
{
    AWAIT(look() >= n);
    return spans;
}

const json_t *tracing_span(int kind, size_t nth)
{
    size_t i;
    json_t *one;
    json_array_foreach(spans, i, one)
    {
        if (json_integer_value(json_object_get(one, "kind")) == kind && nth-- == 0)
            return one;
    }
    cr_assert(false, "there is no such span");
    return NULL;
}

const char *tracing_member(const json_t *span, const char *name)
{
    const char *text = json_string_value(json_object_get(span, name));
    return text ? text : "";
}

double tracing_dropped(const char *reason)
{
    char series[96];
    snprintf(series, sizeof series, "weir_tracing_dropped_total{reason=\"%s\"}", reason);
    return rig_metric(series);
}

double tracing_count(const char *name)
{
    char series[96];
    snprintf(series, sizeof series, "weir_tracing_%s_total", name);
    return rig_metric(series);
}
