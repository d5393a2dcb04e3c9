/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl for scenarios. A browser is a multi handle, which has the connections, and one easy
 * handle for each request at a time. */
#include "tests/lib/browse.h"

#include "tests/lib/h2_talk.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 20000, BROWSERS = 8 };

struct visit {
    CURL *easy;
    struct curl_slist *fields, *connect_to;
    const struct browse_ask *ask;
    bool headed; /* the final head has come: what follows are trailers */
    unsigned pieces;
    struct page page;
};

struct browser {
    CURLM *multi;
    enum browse_protocol protocol;
    char ca[256];
    struct visit *visits[BROWSE_AT_ONCE];
    struct h2_talk *raw; /* HTTP/2 that libcurl is not good at */
};

static struct browser *browsers[BROWSERS];
static unsigned browsers_n;

/* -- what libcurl calls ------------------------------------------------------------------------ */

static void end_text(struct text *t)
{
    text_char(t, 0);
    t->n--;
}

static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
    struct visit *v = ctx;
    struct page *page = &v->page;
    n *= size;
    if (n > 5 && !memcmp(p, "HTTP/", 5)) {
        page->head.n = 0;
        page->status = atoi(p + strcspn(p, " "));
        page->interims += page->status < 200;
    }
    text_add(v->headed ? &page->trailers : &page->head, slice_of(p, n));
    v->headed = v->headed || (n == 2 && page->status >= 200);
    end_text(&page->head);
    end_text(&page->trailers);
    return n;
}

static size_t on_content(char *p, size_t size, size_t n, void *ctx)
{
    struct visit *v = ctx;
    struct page *page = &v->page;
    n *= size;
    page->broken = page->broken || !pattern_holds(p, page->got, n);
    if (page->got + n < sizeof page->text) {
        memcpy(page->text + page->got, p, n);
        page->text[page->got + n] = 0;
    }
    page->got += n;
    if (v->ask->sip_ms)
        sleep_ms(v->ask->sip_ms);
    return v->ask->abort_at && page->got >= v->ask->abort_at ? 0 : n;
}

/* Pieces of all sizes; none of them is what the gateway's buffers would like. */
static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
    struct visit *v = ctx;
    const uint64_t left = v->ask->content - v->page.sent, most = 1 + v->pieces++ * 977 % 20000;
    n *= size;
    n = n < left ? n : left;
    n = n < most ? n : most;
    pattern_fill(p, v->page.sent, n);
    v->page.sent += n;
    return n;
}

static int on_seek(void *ctx, curl_off_t to, int whence)
{
    struct visit *v = ctx;
    v->page.sent = (uint64_t)to;
    return whence == SEEK_SET ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static struct curl_slist *add_lines(struct curl_slist *list, const char *lines)
{
    char line[4096];
    for (size_t n; lines && *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, lines);
        list = curl_slist_append(list, line);
    }
    return list;
}

static int on_trailers(struct curl_slist **list, void *ctx)
{
    struct visit *v = ctx;
    *list = add_lines(*list, v->ask->trailers);
    return CURL_TRAILERFUNC_OK;
}

/* -- a request --------------------------------------------------------------------------------- */

static void aim(const struct browser *b, struct visit *v)
{
    CURL *e = v->easy;
    static const long cleartext[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE},
                      tls[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2TLS};
    char url[4096], to[64];
    const unsigned port = rig_port("port");
    snprintf(url, sizeof url, "http%s://site.test:%u%s", *b->ca ? "s" : "", port, v->ask->target);
    snprintf(to, sizeof to, "::127.0.0.1:%u", port);
    v->connect_to = curl_slist_append(NULL, to);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_CONNECT_TO, v->connect_to);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (*b->ca ? tls : cleartext)[b->protocol]);
    curl_easy_setopt(e, CURLOPT_CAINFO, *b->ca ? b->ca : NULL);
}

static void listen_to(struct visit *v)
{
    CURL *e = v->easy;
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, v->page.fault);
    curl_easy_setopt(e, CURLOPT_PRIVATE, v);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, v);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_content);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, v);
}

static void ask_for(struct visit *v)
{
    const struct browse_ask *ask = v->ask;
    CURL *e = v->easy;
    const bool head = ask->method && !strcmp(ask->method, "HEAD");
    v->fields =
        add_lines(add_lines(NULL, ask->fields), ask->expects ? "Expect: 100-continue" : "Expect:");
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, v->fields);
    curl_easy_setopt(e, CURLOPT_NOBODY, head ? 1L : 0L);
    if (ask->sends) {
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
                         ask->no_length ? (curl_off_t)-1 : (curl_off_t)ask->content);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(e, CURLOPT_READDATA, v);
        curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(e, CURLOPT_SEEKDATA, v);
        curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)LIMIT_MS);
    }
    if (ask->trailers) {
        curl_easy_setopt(e, CURLOPT_TRAILERFUNCTION, on_trailers);
        curl_easy_setopt(e, CURLOPT_TRAILERDATA, v);
    }
    if (!head && (ask->method || ask->sends))
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, ask->method ? ask->method : "POST");
}

static void visit_begin(struct browser *b, struct visit *v, const struct browse_ask *ask)
{
    v->ask = ask;
    v->headed = false;
    v->pieces = 0;
    v->easy = curl_easy_init();
    listen_to(v);
    aim(b, v);
    ask_for(v);
    cr_assert_eq(curl_multi_add_handle(b->multi, v->easy), CURLM_OK);
}

static void visit_end(struct browser *b, CURL *easy, CURLcode error)
{
    struct visit *v;
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &v);
    v->page.error = error;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    v->page.version = version == CURL_HTTP_VERSION_2_0 ? 2 : version ? 1 : 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &v->page.connects);
    curl_multi_remove_handle(b->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(v->fields);
    curl_slist_free_all(v->connect_to);
    v->easy = NULL;
}

/* -- HTTP/2 without libcurl -------------------------------------------------------------------- */

/* Fields of libcurl's as they are sent in HTTP/2. */
static void small_lines(struct text *out, const char *lines)
{
    for (bool name = true; lines && *lines; lines++) {
        name = (name && *lines != ':') || *lines == '\n';
        text_char(out, name ? (char)tolower((unsigned char)*lines) : *lines);
    }
    if (out->n)
        text_char(out, '\n');
}

static int32_t ask_raw(struct h2_talk *t, const struct browse_ask *ask)
{
    struct text fields;
    char authority[32];
    text_init(&fields);
    small_lines(&fields, ask->fields);
    if (ask->sends && !ask->no_length)
        text_printf(&fields, "content-length: %llu\n", (unsigned long long)ask->content);
    end_text(&fields);
    snprintf(authority, sizeof authority, "site.test:%u", rig_port("port"));
    const int32_t id =
        h2_ask(t, .method = ask->method, .path = ask->target, .authority = authority,
               .fields = fields.p, .content = ask->sends ? "" : NULL, .pattern = ask->content);
    text_fini(&fields);
    return id;
}

static void raw_lines(struct text *out, const struct text *from)
{
    for (size_t i = 0; i < from->n; i++)
        text_str(out, from->p[i] == '\n' ? "\r\n" : (char[]){from->p[i], 0});
    end_text(out);
}

static void raw_page(struct page *page, const struct h2_stream *s, const struct browse_ask *ask)
{
    page->status = s->status;
    page->version = 2;
    page->interims = s->interims;
    text_printf(&page->head, "HTTP/2 %d\r\n", s->status);
    raw_lines(&page->head, &s->head);
    raw_lines(&page->trailers, &s->trailers);
    page->got = s->body.n;
    page->sent = s->pattern_at;
    page->broken = !pattern_holds(s->body.p, 0, s->body.n);
    const size_t n = s->body.n < sizeof page->text ? s->body.n : sizeof page->text - 1;
    memcpy(page->text, s->body.p, n);
    page->text[n] = 0;
    page->error = ask->abort_at && page->got >= ask->abort_at ? CURLE_WRITE_ERROR
                  : s->ended && s->reset <= NGHTTP2_NO_ERROR  ? CURLE_OK
                  : s->closed                                 ? CURLE_HTTP2_STREAM
                  : s->talk->over                             ? CURLE_RECV_ERROR
                                                              : CURLE_OPERATION_TIMEDOUT;
    snprintf(page->fault, sizeof page->fault, "reset %d", (int)s->reset);
}

/* Is there nothing to wait for any more? A stream that has had enough is reset. */
static bool is_through(struct h2_talk *t, const struct h2_stream *s, const struct browse_ask *ask)
{
    if (!s->ended && !s->closed && ask->abort_at && s->body.n >= ask->abort_at)
        h2_reset(t, s->id, NGHTTP2_CANCEL);
    return s->closed || (s->ended && s->pattern_at == s->pattern) || t->over;
}

static void browse_raw(struct browser *b, const struct browse_ask *asks, unsigned n)
{
    const uint64_t end = now_ms() + LIMIT_MS;
    int32_t ids[BROWSE_AT_ONCE];
    const bool opens = !b->raw || b->raw->over;
    unsigned left = n;
    if (b->raw && opens)
        h2_talk_close(b->raw);
    if (opens)
        b->raw = h2_talk_open(.ca = *b->ca ? b->ca : NULL);
    for (unsigned i = 0; i < n; i++)
        ids[i] = ask_raw(b->raw, &asks[i]);
    while (left && now_ms() < end) {
        h2_turn(b->raw, 20);
        if (asks[0].sip_ms)
            sleep_ms(asks[0].sip_ms);
        left = n;
        for (unsigned i = 0; i < n; i++)
            left -= is_through(b->raw, h2_stream(b->raw, ids[i]), &asks[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        b->visits[i]->page.connects = opens && i == 0;
        raw_page(&b->visits[i]->page, h2_stream(b->raw, ids[i]), &asks[i]);
    }
}

/* -- requests ---------------------------------------------------------------------------------- */

static void visit_init(struct browser *b, unsigned i)
{
    if (!b->visits[i]) {
        b->visits[i] = calloc(1, sizeof *b->visits[i]);
        text_init(&b->visits[i]->page.head);
        text_init(&b->visits[i]->page.trailers);
    }
    struct page *page = &b->visits[i]->page;
    *page = (struct page){.head = page->head, .trailers = page->trailers};
    page->head.n = page->trailers.n = 0;
    end_text(&page->head);
    end_text(&page->trailers);
}

void browse_all(struct browser *b, const struct browse_ask *asks, unsigned n)
{
    cr_assert_leq(n, BROWSE_AT_ONCE);
    for (unsigned i = 0; i < n; i++)
        visit_init(b, i);
    if (b->protocol == BROWSE_H2 && (!*b->ca || n > 1)) {
        browse_raw(b, asks, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        visit_begin(b, b->visits[i], &asks[i]);
    for (int running = 1, left; running;) {
        cr_assert_eq(curl_multi_perform(b->multi, &running), CURLM_OK);
        for (CURLMsg *m; (m = curl_multi_info_read(b->multi, &left));)
            visit_end(b, m->easy_handle, m->data.result);
        if (running)
            cr_assert_eq(curl_multi_poll(b->multi, NULL, 0, 1000, NULL), CURLM_OK);
    }
}

const struct page *browse_one(struct browser *b, const struct browse_ask *ask)
{
    browse_all(b, ask, 1);
    return browser_page(b, 0);
}

const struct page *browser_page(const struct browser *b, unsigned i)
{
    return &b->visits[i]->page;
}

/* -- life -------------------------------------------------------------------------------------- */

struct browser *browser_open(enum browse_protocol protocol, const char *ca)
{
    struct browser *b = calloc(1, sizeof *b);
    cr_assert_lt(browsers_n, BROWSERS);
    if (!browsers_n)
        cr_assert_eq(curl_global_init(CURL_GLOBAL_ALL), CURLE_OK);
    browsers[browsers_n++] = b;
    b->multi = curl_multi_init();
    b->protocol = protocol;
    snprintf(b->ca, sizeof b->ca, "%s", ca ? ca : "");
    return b;
}

static void free_all(struct browser *b)
{
    for (unsigned i = 0; i < BROWSE_AT_ONCE && b->visits[i]; i++) {
        if (b->visits[i]->easy)
            visit_end(b, b->visits[i]->easy, CURLE_OK);
        text_fini(&b->visits[i]->page.head);
        text_fini(&b->visits[i]->page.trailers);
        free(b->visits[i]);
    }
    if (b->raw)
        h2_talk_close(b->raw);
    curl_multi_cleanup(b->multi);
    free(b);
}

void browser_close(struct browser *b)
{
    for (unsigned i = 0; i < browsers_n; i++)
        if (browsers[i] == b) {
            browsers[i] = browsers[--browsers_n];
            free_all(b);
            break;
        }
}

void browsers_end(void)
{
    if (!browsers_n)
        return;
    while (browsers_n)
        free_all(browsers[--browsers_n]);
    curl_global_cleanup();
}

/* -- pages ------------------------------------------------------------------------------------- */

bool page_is_pattern(const struct page *p, uint64_t n)
{
    return p->error == CURLE_OK && p->got == n && !p->broken;
}

static const char *find(const struct text *lines, const char *name, unsigned i)
{
    static char values[4][8192];
    static unsigned turn;
    char *value = values[turn++ % 4];
    const size_t n = strlen(name);
    *value = 0;
    for (const char *p = lines->n ? lines->p : "", *end; (end = strstr(p, "\r\n")); p = end + 2) {
        if (strncasecmp(p, name, n) || p[n] != ':' || i--)
            continue;
        const char *from = p + n + 1 + strspn(p + n + 1, " ");
        snprintf(value, sizeof values[0], "%.*s", (int)strcspn(from, "\r"), from);
        break;
    }
    return value;
}

const char *page_field(const struct page *p, const char *name, unsigned i)
{
    return find(&p->head, name, i);
}

const char *page_trailer(const struct page *p, const char *name)
{
    return find(&p->trailers, name, 0);
}
