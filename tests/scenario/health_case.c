/* SPDX-License-Identifier: Apache-2.0 */
#include "health_case.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

double health_of(const struct origin *o)
{
    char series[128];
    snprintf(series, sizeof series,
             "weir_endpoint_health{cluster=\"app\",endpoint=\"127.0.0.1:%u\"}", origin_port(o));
    return rig_metric(series);
}

double checks(const char *result)
{
    char series[128];
    snprintf(series, sizeof series, "weir_health_checks_total{cluster=\"app\",result=\"%s\"}",
             result);
    return rig_metric(series);
}

unsigned answered_by(const char *name, unsigned n)
{
    char content[64];
    unsigned by = 0;
    snprintf(content, sizeof content, "%s\n", name);
    for (unsigned i = 0; i < n; i++) {
        const struct response *r = get("/?status=200");
        cr_assert_eq(r->status, 200);
        by += body_is(r, content);
    }
    return by;
}

const struct response *admin(const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t, "%s HTTP/1.1\r\nHost: admin\r\n\r\n", line);
    return talk_response(t);
}
