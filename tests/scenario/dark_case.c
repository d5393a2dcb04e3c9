/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/dark_case.h"

#include <stdarg.h>

struct origin *dark_app, *dark_dark;

void dark_begin(void)
{
    rig_begin();
    dark_app = origin_start("app");
    dark_dark = origin_start("dark");
}

void dark_end(void)
{
    h2_talks_end();
    rig_end();
}

const struct response *dark_command(const char *command, const char *fmt, ...)
{
    char json[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(json, sizeof json, fmt, ap);
    va_end(ap);
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(
        t, "POST /v1/modules/dark_launch/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
        command, strlen(json), json);
    return talk_response(t);
}

const char *dark_grant(const char *name, unsigned ttl_s, char token[TOKEN_ROOM])
{
    static char ids[4][32];
    static unsigned turn;
    char *id = ids[turn++ % 4];
    const struct response *r =
        dark_command("grant", "{\"name\": \"%s\", \"ttl_s\": %u}", name, ttl_s);
    cr_assert_eq(r->status, 200, "%s", r->body.p);
    snprintf(token, TOKEN_ROOM, "%s", json_of(r->body.p, "token"));
    snprintf(id, sizeof ids[0], "%s", json_of(r->body.p, "id"));
    cr_assert(strlen(id) == 16 && strlen(token) > 60, "%s", r->body.p);
    return id;
}

const struct response *dark_ask(const char *fmt, ...)
{
    char fields[8192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    return ask("GET / HTTP/1.1\r\nHost: site.test\r\n%s\r\n", fields);
}
