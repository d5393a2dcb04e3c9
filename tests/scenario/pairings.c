/* SPDX-License-Identifier: Apache-2.0 */
/* Every pairing of protocols under one table of cases: HTTP/1.1 and HTTP/2 on either side of the
 * gateway, in cleartext and over TLS. Whatever crosses from one to the other has to mean there what
 * it meant here. One weir serves all cases of a pairing, one after the other. PAIRINGS_CASE="a
 * small page" runs that case alone, PAIRINGS_TIMES=1 says how long each takes. */
#include "tests/scenario/pairings_case.h"

#include "tests/lib/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB (1024 * 1024)
#define GET(...) .ask = {.target = __VA_ARGS__}
#define SEND(n, ...) .ask = {.sends = true, .content = (n), .target = __VA_ARGS__}

static const struct pairing_case cases[] = {
    /* -- responses -- */
    {"a small page", GET("/?size=1000"), .pattern = 1000, .says = {"content-length: 1000"}},
    {"a megabyte", GET("/?size=1048576"), .pattern = MB, .says = {"content-length: 1048576"}},
    {"an empty page", GET("/?size=0"), .pattern = 0, .says = {"content-length: 0"}},
    {"the head alone", .ask = {.method = "HEAD", .target = "/?size=123456"}, .pattern = 0,
     .says = {"content-length: 123456"}},
    {"the head alone, without a length", .ask = {.method = "HEAD", .target = "/?size=9&chunked=3"},
     .pattern = 0, .lacks = {"content-length"}},
    {"204", GET("/?status=204"), .status = 204, .lacks = {"content-length", "transfer-encoding"}},
    {"304", GET("/?status=304&no_length&field=ETag:%22x%22"), .status = 304, .pattern = 0},
    {"404", GET("/?status=404&size=300"), .status = 404, .pattern = 300},
    {"500", GET("/?status=500&size=300"), .status = 500, .pattern = 300},
    {"503", GET("/?status=503&size=3&field=Retry-After:7"), .status = 503, .pattern = 3,
     .says = {"retry-after: 7"}},
    {"pieces without a length", GET("/?size=1234567&chunked=3000"), .pattern = 1234567,
     .lacks = {"content-length"}},
    {"tiny pieces", GET("/?size=2000&chunked=1"), .pattern = 2000},
    {"an empty page without a length", GET("/?size=0&chunked=10"), .pattern = 0},
    {"content that drips", GET("/?size=60&piece=10&pause=10"), .pattern = 60},
    {"content until the connection ends", GET("/?size=300000&until_close"), .pattern = 300000},
    {"a connection that ends behind it", GET("/?size=5000&close"), .pattern = 5000},
    {"response trailers",
     .ask = {.target = "/?size=1000&chunked=100&trailers", .fields = "TE: trailers"},
     .pattern = 1000, .trailer = "42"},
    {"interim responses", GET("/?interim=3&size=50"), .pattern = 50, .interims = 3},
    {"an interim response, much later the response", GET("/?interim=1&piece=5&pause=20&size=15"),
     .pattern = 15, .interims = 1},
    {"fields twice, in their order",
     GET("/?size=1&field=Set-Cookie:a=1&field=Set-Cookie:b=2&field=X-Two:1&field=X-Two:2"),
     .pattern = 1, .says = {"set-cookie: a=1\r\nset-cookie: b=2", "x-two: 1\r\nx-two: 2"}},
    {"an empty field", GET("/?size=1&field=X-Empty:"), .pattern = 1, .says = {"x-empty: "}},
    {"nothing that is the connection's", .only = ON_H1_ORIGIN,
     GET("/?size=1&field=Connection:X-Hop&field=X-Hop:1&field=Keep-Alive:timeout=5"), .pattern = 1,
     .lacks = {"x-hop", "keep-alive: timeout=5"}},
    {"via", GET("/"), .text = "app\n", .pattern = -1},
    /* -- requests -- */
    {"nothing sent", SEND(0, "/?count"), .text = "0 of pattern\n", .told = {"content-length: 0"}},
    {"a KB sent", SEND(1024, "/?count"), .text = "1024 of pattern\n",
     .told = {"content-length: 1024"}},
    {"a megabyte sent", SEND(MB, "/?count"), .text = "1048576 of pattern\n",
     .told = {"content-length: 1048576"}},
    {"sent without a length", SEND(300001, "/?count", .no_length = true),
     .text = "300001 of pattern\n", .untold = {"content-length"}},
    {"nothing sent, without a length", SEND(0, "/?count", .no_length = true),
     .text = "0 of pattern\n"},
    {"PUT", SEND(70000, "/?count&status=201", .method = "PUT"), .status = 201,
     .text = "70000 of pattern\n", .told = {"content-length: 70000"}},
    {"DELETE", .ask = {.method = "DELETE", .target = "/?size=2"}, .pattern = 2},
    {"a method of its own", .ask = {.method = "PROPFIND", .target = "/?size=2"}, .pattern = 2},
    {"a request without content", GET("/?size=1"), .pattern = 1,
     .untold = {"content-length", "transfer-encoding"}},
    {"no connection's fields for the origin", .only = ON_H1_CLIENT,
     .ask = {.target = "/?size=1", .fields = "Connection: X-Hop\nX-Hop: 1\nKeep-Alive: 5"},
     .pattern = 1, .untold = {"x-hop", "keep-alive: 5"}},
    {"request trailers", .run = run_request_trailers},
    {"Expect: 100-continue", .run = run_expect},
    {"many fields", .run = run_many_fields},
    {"cookies", .run = run_cookies},
    {"target, host, via", .run = run_target_and_host},
    /* -- what goes wrong -- */
    {"a reset before the head", SEND(10, "/?abort"), .status = 502, .pattern = -1},
    {"a reset in the content", GET("/?size=100000&piece=1000&pause=10&reset=3000"), .fails = true,
     .pattern = -1},
    {"a connection cut in the content", GET("/?size=100000&piece=1000&pause=10&cut=3000"),
     .fails = true, .pattern = -1},
    {"a reset in content without a length", GET("/?size=100000&chunked=1000&pause=10&reset=3000"),
     .fails = true, .pattern = -1},
    {"content cut short", .only = ON_H2_ORIGIN, GET("/?size=100000&piece=1000&pause=10&short=3000"),
     .fails = true, .pattern = -1},
    {"a refused stream", .only = ON_H2_ORIGIN, GET("/?refuse=1&size=10"), .pattern = 10},
    {"a stream behind GOAWAY", .only = ON_H2_ORIGIN, GET("/?goaway=2&size=10"), .pattern = 10},
    {"an early response", .run = run_early},
    {"an origin that never answers", .run = run_hang},
    {"a client that leaves its download", .run = run_client_leaves_download},
    {"a client that leaves its upload", .run = run_client_leaves_upload},
    {"a client that leaves while it waits", .run = run_client_leaves_waiting},
    /* -- many, much -- */
    {"one after the other", .run = run_one_after_the_other},
    {"thirty at once", .run = run_thirty_at_once},
    {"an upload to a slow origin", .run = run_slow_origin},
    {"a download of a slow client", .run = run_slow_client},
};

/* -- one case ---------------------------------------------------------------------------------- */

const char *pairing_note(const char *fmt, ...)
{
    static char note[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(note, sizeof note, fmt, ap);
    va_end(ap);
    return note;
}

bool head_has(const char *head, const char *line)
{
    const size_t n = strlen(line);
    const bool whole = strchr(line, ':');
    for (const char *p = head; (p = strstr(p, "\r\n")) && p[2]; p += 2)
        if (!strncasecmp(p + 2, line, n) &&
            (whole ? !strncmp(p + 2 + n, "\r\n", 2) : p[2 + n] == ':'))
            return true;
    return false;
}

static bool is_for(const struct pairing_case *c, const struct pairing *p)
{
    switch (c->only) {
    case ON_H1_ORIGIN:
        return p->origin == ORIGIN_H1;
    case ON_H2_ORIGIN:
        return p->origin == ORIGIN_H2;
    case ON_H1_CLIENT:
        return p->client == BROWSE_H1;
    case ON_H2_CLIENT:
        return p->client == BROWSE_H2;
    default:
        return true;
    }
}

static void look_at_heads(const struct pairing_run *r, const struct pairing_case *c,
                          const struct page *page)
{
    char *told = origin_last_head(r->app);
    for (size_t i = 0; i < CASE_LINES && c->says[i]; i++)
        EXPECT(r, head_has(page->head.p, c->says[i]), "%s isn't in %s", c->says[i], page->head.p);
    for (size_t i = 0; i < CASE_LINES && c->lacks[i]; i++)
        EXPECT(r, !head_has(page->head.p, c->lacks[i]), "%s is in %s", c->lacks[i], page->head.p);
    for (size_t i = 0; i < CASE_LINES && c->told[i]; i++)
        EXPECT(r, head_has(told, c->told[i]), "%s isn't in %s", c->told[i], told);
    for (size_t i = 0; i < CASE_LINES && c->untold[i]; i++)
        EXPECT(r, !head_has(told, c->untold[i]), "%s is in %s", c->untold[i], told);
    free(told);
}

/* A raw client: libcurl 7.88 forgets the head when the stream's reset comes with it. */
static void look_at_failure(const struct pairing_run *r, const struct pairing_case *c)
{
    struct h2_talk *t = pairing_h2_talk(r->p);
    const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = c->ask.target));
    EXPECT(r, s->status == 200 && !s->ended && s->reset > 0 && !t->over, "%d, reset %d", s->status,
           (int)s->reset);
    EXPECT(r, s->body.n <= 3000 && pattern_holds(s->body.p, 0, s->body.n), "%zu bytes", s->body.n);
    h2_talk_close(t);
}

static void look_at_content(const struct pairing_run *r, const struct pairing_case *c,
                            const struct page *page)
{
    if (c->fails)
        EXPECT(r, page->error != CURLE_OK && page->got <= 3000 && !page->broken, "%llu bytes: %s",
               (unsigned long long)page->got, page->head.p);
    else
        EXPECT(r, page->error == CURLE_OK, "%s (%s)", curl_easy_strerror(page->error), page->fault);
    if (c->text)
        EXPECT(r, !strcmp(page->text, c->text), "%s", page->text);
    else if (c->pattern >= 0)
        EXPECT(r, page_is_pattern(page, (uint64_t)c->pattern), "%llu bytes%s: %.200s",
               (unsigned long long)page->got, page->broken ? ", broken" : "", page->text);
}

static void look_at(const struct pairing_run *r, const struct pairing_case *c,
                    const struct page *page)
{
    const int status = c->status ? c->status : 200;
    EXPECT(r, page->status == status, "%d (%s): %.200s", page->status, page->fault, page->text);
    EXPECT(r, page->version == (r->p->client == BROWSE_H2 ? 2 : 1), "HTTP/%d", page->version);
    EXPECT(r, page->interims == c->interims, "%u", page->interims);
    look_at_content(r, c, page);
    look_at_heads(r, c, page);
    if (c->trailer)
        EXPECT(r, !strcmp(page_trailer(page, "x-sum"), c->trailer), "%s", page->trailers.p);
}

static void run(struct pairing_run *r, const struct pairing_case *c)
{
    const uint64_t begun = now_ms();
    r->name = c->name;
    if (c->run)
        c->run(r);
    else if (c->fails && r->p->client == BROWSE_H2)
        look_at_failure(r, c);
    else
        look_at(r, c, browse_one(r->b, &c->ask));
    if (getenv("PAIRINGS_TIMES"))
        fprintf(stderr, "%s, %s: %u ms\n", r->p->name, c->name, (unsigned)(now_ms() - begun));
}

/* -- the pairings ------------------------------------------------------------------------------ */

TestSuite(pairings, .init = pairing_begin, .fini = pairing_end, .timeout = 120);

static void run_all(const struct pairing *p)
{
    char slow[512];
    const char *only = getenv("PAIRINGS_CASE");
    struct pairing_run r = {.p = p, .app = pairing_origin(p)};
    snprintf(slow, sizeof slow,
             "slow = { endpoints = [ \"$app\" ]; timeouts = { response_head = \"300ms\"; }; %s }",
             pairing_cluster(p));
    pairing_start(p, .top = "limits = { body_size = \"0\"; };", .clusters = slow,
                  .routes =
                      "( { name = \"slow\"; match = { path = \"/hang\"; }; cluster = \"slow\"; "
                      "}, { name = \"all\"; cluster = \"app\"; } )");
    r.b = pairing_browser(p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (is_for(&cases[i], p) && (!only || !strcmp(only, cases[i].name)))
            run(&r, &cases[i]);
    r.name = "at the end";
    EXPECT(&r, rig_count("worker/") == 1, "the worker is gone");
}

#define PAIRING(id, c, o, t)                                                                       \
    Test(pairings, id)                                                                             \
    {                                                                                              \
        run_all(&(struct pairing){.name = #id, .client = c, .origin = o, .tls = t});               \
    }

PAIRING(h1_to_h1, BROWSE_H1, ORIGIN_H1, false)
PAIRING(h1_to_h2, BROWSE_H1, ORIGIN_H2, false)
PAIRING(h2_to_h1, BROWSE_H2, ORIGIN_H1, false)
PAIRING(h2_to_h2, BROWSE_H2, ORIGIN_H2, false)
PAIRING(h1_to_h1_over_tls, BROWSE_H1, ORIGIN_H1, true)
PAIRING(h1_to_h2_over_tls, BROWSE_H1, ORIGIN_H2, true)
PAIRING(h2_to_h1_over_tls, BROWSE_H2, ORIGIN_H1, true)
PAIRING(h2_to_h2_over_tls, BROWSE_H2, ORIGIN_H2, true)

/* More at once than a connection to the origin may have streams. */
Test(pairings, keep_to_the_limit_of_streams_of_an_origin)
{
    enum { MANY = 20 };
    const struct pairing p = {"few streams", BROWSE_H2, ORIGIN_H2, false};
    struct browse_ask asks[MANY];
    struct origin *app = pairing_origin(&p);
    origin_script(app, "max_streams=2");
    pairing_start(&p);
    for (int i = 0; i < MANY; i++)
        asks[i] = (struct browse_ask){.target = "/?size=30000&delay=20"};
    struct browser *b = pairing_browser(&p);
    for (int round = 0; round < 3; round++) {
        browse_all(b, asks, MANY);
        for (unsigned i = 0; i < MANY; i++)
            cr_expect(page_is_pattern(browser_page(b, i), 30000), "%d: %d (%s) %.200s", round,
                      browser_page(b, i)->status, browser_page(b, i)->fault,
                      browser_page(b, i)->text);
    }
}
