/* SPDX-License-Identifier: Apache-2.0 */
/* Both protocols of clients on one listener; one worker, so that the order of endpoints is known.
 */
#include "retry_case.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/pattern.h"

enum { CONTENT_MAX = 1 << 20, SETTINGS_MAX = 1024 };

struct origin *retry_app, *retry_bad, *retry_good;

void retry_begin(void)
{
    rig_begin();
    rig_default_modules("[ \"retry\" ]");
    retry_app = origin_start("app");
    retry_bad = origin_start("bad");
    retry_good = origin_start("good");
}

void retry_end(void)
{
    h2_talks_end();
    rig_end();
}

void retry_start_with(const char *routes, const char *more)
{
    static char both[SETTINGS_MAX], clusters[2 * SETTINGS_MAX];
    const char *budget =
        strstr(more, "retry_budget") ? "" : "retry_budget = { percent = \"100%\"; };";
    snprintf(both, sizeof both, "%s %s", budget, more);
    snprintf(clusters, sizeof clusters, "pair = { endpoints = [ \"$bad\", \"$good\" ]; %s };",
             both);
    rig_start(.listener = "protocols = [ \"http/1.1\", \"h2\" ];", .cluster = both,
              .clusters = clusters, .routes = routes);
}

int retry_ask_h1(const char *method, const char *target, size_t n)
{
    static char content[CONTENT_MAX];
    struct talk *t = talk_open();
    pattern_fill(content, 0, n);
    if (n)
        talk_send(t, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", method, target, n);
    else
        talk_send(t, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, target);
    talk_send_n(t, content, n);
    const int status = talk_response(t)->status;
    talk_close(t);
    return status;
}

int retry_ask_h2(const char *method, const char *target, size_t n)
{
    struct h2_talk *t = h2_talk_open();
    const int status =
        h2_answer(t, h2_ask(t, .method = method, .path = target, .pattern = n))->status;
    h2_talk_close(t);
    return status;
}

double retry_count(const char *what)
{
    char series[128];
    snprintf(series, sizeof series, "weir_retry_%s_total{route=\"all\"}", what);
    return rig_metric(series);
}
