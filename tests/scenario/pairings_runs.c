/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of pairings that take more than one request of libcurl's. */
#include "tests/scenario/pairings_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_KB = 8 * 1024 }; /* of memory that a worker may take for one exchange */

static bool is_h2(const struct pairing_run *r)
{
    return r->p->client == BROWSE_H2;
}

static void expect_told(const struct pairing_run *r, const char *line)
{
    char *told = origin_last_head(r->app);
    EXPECT(r, head_has(told, line), "%s isn't in %s", line, told);
    free(told);
}

/* Content holds NULs. */
static bool contains(const char *p, uint64_t n, const char *text)
{
    const size_t k = strlen(text);
    for (uint64_t i = 0; i + k <= n; i++)
        if (!strncasecmp(p + i, text, k))
            return true;
    return false;
}

/* -- what libcurl can't say -------------------------------------------------------------------- */

void run_request_trailers(struct pairing_run *r)
{
    if (!is_h2(r)) {
        const struct page *page =
            browse(r->b, .target = "/?echo", .sends = true, .content = 1000, .no_length = true,
                   .trailers = "X-Check: seven", .fields = "Trailer: X-Check");
        EXPECT(r, contains(page->text, page->got, "\ntrailer x-check: seven"), "%s", page->text);
        return;
    }
    struct h2_talk *t = pairing_h2_talk(r->p);
    const struct h2_stream *s =
        h2_answer(t, h2_ask(t, .path = "/?echo", .pattern = 1000, .trailers = "x-check: seven"));
    EXPECT(r, s->status == 200 && contains(s->body.p, s->body.n, "\ntrailer x-check: seven"),
           "%d: %s", s->status, s->body.p);
    h2_talk_close(t);
}

/* The content is sent when 100 has come, and not before. */
void run_expect(struct pairing_run *r)
{
    if (!is_h2(r)) {
        const struct page *page = browse(r->b, .target = "/?proceed&count", .sends = true,
                                         .content = 200000, .expects = true);
        EXPECT(r, !strcmp(page->text, "200000 of pattern\n") && page->interims == 1, "%d: %s",
               page->status, page->text);
        return;
    }
    struct h2_talk *t = pairing_h2_talk(r->p);
    const int32_t id = h2_ask(t, .path = "/?proceed&count", .open = true,
                              .fields = "expect: 100-continue\ncontent-length: 1\n");
    const struct h2_stream *s = h2_stream(t, id);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!s->interims && !s->headed && !s->closed && !t->over && now_ms() < end)
        h2_turn(t, 20);
    EXPECT(r, s->interims == 1 && !s->headed, "%d", s->status);
    if (!s->closed) {
        h2_send(t, id, "\0", 1);
        h2_end(t, id);
        h2_answer(t, id);
    }
    EXPECT(r, s->status == 200 && !strcmp(s->body.p, "1 of pattern\n"), "%d: %s", s->status,
           s->body.p);
    h2_talk_close(t);
}

void run_many_fields(struct pairing_run *r)
{
    enum { MANY = 60, BACK = 40 };
    char fields[MANY * 300] = "", target[BACK * 24] = "/?size=1", line[300], long_value[250];
    memset(long_value, 'v', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = 0;
    for (int i = 0; i < MANY; i++)
        sprintf(fields + strlen(fields), "%sX-Many-%d: %s", i ? "\n" : "", i,
                i % 3 ? "short" : long_value);
    for (int i = 0; i < BACK; i++)
        sprintf(target + strlen(target), "&field=X-Back-%d:value", i);
    for (int round = 0; round < 2; round++) { /* again: out of HPACK's table */
        const struct page *page = browse(r->b, .target = target, .fields = fields);
        EXPECT(r, page->status == 200, "%d (%s)", page->status, page->fault);
        for (int i = 0; i < MANY; i++) {
            snprintf(line, sizeof line, "x-many-%d: %s", i, i % 3 ? "short" : long_value);
            expect_told(r, line);
        }
        for (int i = 0; i < BACK; i++) {
            snprintf(line, sizeof line, "x-back-%d: value", i);
            EXPECT(r, head_has(page->head.p, line), "%s isn't in %s", line, page->head.p);
        }
    }
}

/* Over HTTP/2 they may come apart, and are one line for HTTP/1 (RFC 9113 8.2.3). */
void run_cookies(struct pairing_run *r)
{
    if (!is_h2(r)) {
        browse(r->b, .target = "/", .fields = "Cookie: a=1; b=2; c=3");
    } else {
        struct h2_talk *t = pairing_h2_talk(r->p);
        h2_answer(t, h2_ask(t, .fields = "cookie: a=1\nx-other: 1\ncookie: b=2; c=3\n"));
        h2_talk_close(t);
    }
    if (r->p->origin == ORIGIN_H1) {
        expect_told(r, "cookie: a=1; b=2; c=3");
        return;
    }
    char *told = origin_last_head(r->app), got[256] = "";
    for (const char *p = told; (p = strcasestr(p, "\r\ncookie: ")); p += 10)
        sprintf(got + strlen(got), "%s%.*s", *got ? "; " : "", (int)strcspn(p + 10, "\r"), p + 10);
    EXPECT(r, !strcmp(got, "a=1; b=2; c=3"), "%s in %s", got, told);
    free(told);
}

void run_target_and_host(struct pairing_run *r)
{
    char line[128];
    const unsigned port = rig_port("port");
    static const char target[] = "/a%20b/%C3%A9/c;d=1/?echo&field=X-Q:%41+b&size=3";
    const struct page *page = browse(r->b, .target = target, .fields = "X-Forwarded-Host: evil");
    char *told = origin_last_head(r->app);
    snprintf(line, sizeof line, "GET %s HTTP/%s\r\n", target,
             r->p->origin == ORIGIN_H2 ? "2.0" : "1.1");
    EXPECT(r, !strncmp(told, line, strlen(line)), "%s", told);
    free(told);
    snprintf(line, sizeof line, "host: site.test:%u", port);
    expect_told(r, line);
    snprintf(line, sizeof line, "x-forwarded-host: site.test:%u", port);
    expect_told(r, line);
    expect_told(r, r->p->tls ? "x-forwarded-proto: https" : "x-forwarded-proto: http");
    expect_told(r, "x-forwarded-for: 127.0.0.1");
    expect_told(r, is_h2(r) ? "via: 2.0 weir" : "via: 1.1 weir");
    if (r->p->origin == ORIGIN_H2)
        expect_told(r, r->p->tls ? ":scheme: https" : ":scheme: http");
    const char *via = page_field(page, "via", 0);
    EXPECT(r, !*via || !strcmp(via, r->p->origin == ORIGIN_H2 ? "2.0 weir" : "1.1 weir"), "%s",
           via);
}

/* -- what goes wrong --------------------------------------------------------------------------- */

/* 403 before the content has been sent: the client gets it, whatever becomes of its content, and
 * the next request is served as if nothing had been. Over HTTP/2 the stream is ended by RST_STREAM
 * without an error behind it (RFC 9113 8.1). */
void run_early(struct pairing_run *r)
{
    if (is_h2(r)) {
        struct h2_talk *t = pairing_h2_talk(r->p);
        const int32_t id = h2_ask(t, .path = "/?early&status=403&size=10", .pattern = 5000000);
        const struct h2_stream *s = h2_answer(t, id);
        EXPECT(r, s->status == 403 && s->ended && s->body.n == 10 && s->reset <= 0, "%d, reset %d",
               s->status, (int)s->reset);
        s = h2_answer(t, h2_ask(t, .path = "/?size=1000"));
        EXPECT(r, h2_is_pattern(s, 1000), "%d", s->status);
        h2_talk_close(t);
        return;
    }
    const struct page *page =
        browse(r->b, .target = "/?early&status=403&size=10", .sends = true, .content = 200000);
    EXPECT(r, page->status == 403 && page->got == 10 && !page->broken, "%d (%s): %.100s",
           page->status, page->fault, page->text);
    page = browse(r->b, .target = "/?size=1000");
    EXPECT(r, page_is_pattern(page, 1000), "%d (%s)", page->status, page->fault);
}

void run_hang(struct pairing_run *r)
{
    const unsigned before = origin_aborts(r->app);
    const struct page *page = browse(r->b, .target = "/hang?hang");
    EXPECT(r, page->status == 504 && page->error == CURLE_OK, "%d (%s)", page->status, page->fault);
    AWAIT(origin_aborts(r->app) > before);
}

void run_client_leaves_download(struct pairing_run *r)
{
    const unsigned before = origin_aborts(r->app);
    if (is_h2(r)) { /* libcurl 7.88 doesn't reset the stream before it uses the connection again */
        struct h2_talk *t = pairing_h2_talk(r->p);
        const int32_t id = h2_ask(t, .path = "/left?size=500000000");
        H2_AWAIT(t, h2_stream(t, id)->body.n > 100000);
        h2_reset(t, id, NGHTTP2_CANCEL);
        AWAIT(origin_aborts(r->app) > before);
        const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/?size=1000"));
        EXPECT(r, h2_is_pattern(s, 1000), "%d", s->status);
        h2_talk_close(t);
        return;
    }
    const struct page *page = browse(r->b, .target = "/left?size=500000000", .abort_at = 100000);
    EXPECT(r, page->status == 200 && page->error == CURLE_WRITE_ERROR, "%d (%s)", page->status,
           page->fault);
    AWAIT(origin_aborts(r->app) > before);
    page = browse(r->b, .target = "/?size=1000");
    EXPECT(r, page_is_pattern(page, 1000), "%d (%s)", page->status, page->fault);
}

/* An HTTP/2 client resets the stream and keeps the connection; the others go. */
void run_client_leaves_upload(struct pairing_run *r)
{
    const unsigned before = origin_aborts(r->app), requests = origin_requests(r->app);
    if (is_h2(r)) {
        struct h2_talk *t = pairing_h2_talk(r->p);
        const int32_t id = h2_ask(t, .path = "/?count", .open = true, .content = "abc");
        H2_AWAIT(t, origin_requests(r->app) > requests);
        h2_reset(t, id, NGHTTP2_CANCEL);
        AWAIT(origin_aborts(r->app) > before);
        const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/?size=1000"));
        EXPECT(r, h2_is_pattern(s, 1000), "%d", s->status);
        h2_talk_close(t);
        return;
    }
    struct talk *t = pairing_talk(r->p);
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nabc");
    AWAIT(origin_requests(r->app) > requests);
    talk_reset(t);
    AWAIT(origin_aborts(r->app) > before);
}

void run_client_leaves_waiting(struct pairing_run *r)
{
    const unsigned before = origin_aborts(r->app), requests = origin_requests(r->app);
    if (is_h2(r)) {
        struct h2_talk *t = pairing_h2_talk(r->p);
        const int32_t id = h2_ask(t, .path = "/?hang");
        H2_AWAIT(t, origin_requests(r->app) > requests);
        h2_reset(t, id, NGHTTP2_CANCEL);
        AWAIT(origin_aborts(r->app) > before);
        h2_talk_close(t);
        return;
    }
    struct talk *t = pairing_talk(r->p);
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: site.test\r\n\r\n");
    AWAIT(origin_requests(r->app) > requests);
    talk_reset(t);
    AWAIT(origin_aborts(r->app) > before);
}

/* -- many, much -------------------------------------------------------------------------------- */

void run_one_after_the_other(struct pairing_run *r)
{
    const unsigned before = origin_connections(r->app);
    browse(r->b, .target = "/");
    for (int i = 0; i < 20; i++) {
        const struct page *page =
            browse(r->b, .target = i % 2 ? "/?size=70000&chunked=999" : "/?size=3000&status=404");
        EXPECT(r, page_is_pattern(page, i % 2 ? 70000 : 3000), "%d (%s)", page->status,
               page->fault);
        EXPECT(r, page->connects == 0, "request %d opened a connection", i);
    }
    EXPECT(r, origin_connections(r->app) <= before + 1, "%u connections to the origin",
           origin_connections(r->app) - before);
}

/* Each waits at the origin until the last has come. Over HTTP/2 all of them share connections. */
void run_thirty_at_once(struct pairing_run *r)
{
    enum { MANY = 30 };
    struct browse_ask asks[MANY];
    char targets[MANY][64];
    const unsigned before = origin_connections(r->app);
    browse(r->b, .target = "/");
    for (int i = 0; i < MANY; i++) {
        snprintf(targets[i], sizeof targets[i], "/?delay=100&size=%d%s", 1000 + i * 7777,
                 i % 2 ? "&chunked=5000" : "");
        asks[i] = (struct browse_ask){.target = targets[i]};
    }
    browse_all(r->b, asks, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        const struct page *page = browser_page(r->b, i);
        EXPECT(r, page->status == 200 && page_is_pattern(page, 1000 + i * 7777), "%u: %d (%s)", i,
               page->status, page->fault);
        EXPECT(r, !is_h2(r) || page->connects == 0 || i == 0, "%u has a connection of its own", i);
    }
    if (r->p->origin == ORIGIN_H2)
        EXPECT(r, origin_connections(r->app) <= before + 2, "%u connections to the origin",
               origin_connections(r->app) - before);
}

static long most_memory_kb(void)
{
    return rig_status(rig_worker(0), "VmHWM");
}

void run_slow_origin(struct pairing_run *r)
{
    enum { SIZE = 40 * 1024 * 1024 };
    char want[64];
    const long before = most_memory_kb();
    snprintf(want, sizeof want, "%d of pattern\n", SIZE);
    const struct page *page =
        browse(r->b, .target = "/?count&sip=1", .sends = true, .content = SIZE);
    EXPECT(r, !strcmp(page->text, want), "%d (%s): %.100s", page->status, page->fault, page->text);
    EXPECT(r, !RIG_FIGURES || most_memory_kb() < before + SLACK_KB, "%ld kB",
           most_memory_kb() - before);
}

void run_slow_client(struct pairing_run *r)
{
    enum { SIZE = 20 * 1024 * 1024 };
    char target[32];
    const long before = most_memory_kb();
    snprintf(target, sizeof target, "/?size=%d", SIZE);
    const struct page *page = browse(r->b, .target = target, .sip_ms = 1);
    EXPECT(r, page_is_pattern(page, SIZE), "%d (%s)", page->status, page->fault);
    EXPECT(r, !RIG_FIGURES || most_memory_kb() < before + SLACK_KB, "%ld kB",
           most_memory_kb() - before);
}
