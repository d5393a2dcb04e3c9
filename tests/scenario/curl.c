/* SPDX-License-Identifier: Apache-2.0 */
/* The real gateway as a client that others wrote sees it: libcurl, with its own idea of HTTP, of
 * connections that are used again and of requests it may repeat. What talk.h checks byte by byte
 * is checked here by what a program that uses libcurl gets in its hands.
 *
 * Every handle has a time limit, so that whatever libcurl would wait for is a failure. */
#include "tests/lib/origin.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 20000, HEADS_MAX = 8192 };

/* A handle and what came for its last request. */
struct client {
    CURL *easy;
    struct curl_slist *fields;
    char url[256];
    char fault[CURL_ERROR_SIZE];
    char heads[HEADS_MAX]; /* of all responses, interim ones and redirects too */
    size_t heads_n;
    uint64_t got; /* bytes of content; all of them: */
    char text[64];
    bool broken;            /* not the pattern */
    uint64_t sent, to_send; /* of the content that on_read() gives */
    unsigned pieces;        /* in which it gave it */
};

static struct origin *app;

static void begin(void)
{
    rig_begin();
    cr_assert_eq(curl_global_init(CURL_GLOBAL_ALL), CURLE_OK);
    app = origin_start("app");
}

static void end(void)
{
    curl_global_cleanup();
    rig_end();
}

TestSuite(curl, .init = begin, .fini = end, .timeout = 120);

/* -- clients ----------------------------------------------------------------------------------- */

static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
    struct client *c = ctx;
    n *= size;
    if (n >= HEADS_MAX - c->heads_n)
        return 0;
    memcpy(c->heads + c->heads_n, p, n);
    c->heads_n += n;
    c->heads[c->heads_n] = 0;
    return n;
}

static size_t on_content(char *p, size_t size, size_t n, void *ctx)
{
    struct client *c = ctx;
    n *= size;
    c->broken = c->broken || !pattern_holds(p, c->got, n);
    if (c->got + n < sizeof c->text) {
        memcpy(c->text + c->got, p, n);
        c->text[c->got + n] = 0;
    }
    c->got += n;
    return n;
}

/* Pieces of all sizes; none of them is what the gateway's buffers would like. */
static size_t on_read(char *p, size_t size, size_t n, void *ctx)
{
    struct client *c = ctx;
    const uint64_t left = c->to_send - c->sent, most = 1 + c->pieces++ * 977 % 20000;
    n *= size;
    n = n < left ? n : left;
    n = n < most ? n : most;
    pattern_fill(p, c->sent, n);
    c->sent += n;
    return n;
}

static void client_init(struct client *c)
{
    *c = (struct client){.easy = curl_easy_init()};
    cr_assert(c->easy);
    curl_easy_setopt(c->easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->fault);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_content);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
}

static void client_fini(struct client *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->fields);
}

static void client_add_field(struct client *c, const char *line)
{
    c->fields = curl_slist_append(c->fields, line);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->fields);
}

/* Makes it ready for another request. */
static void client_aim(struct client *c, const char *target)
{
    snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u%s", rig_port("port"), target);
    curl_easy_setopt(c->easy, CURLOPT_URL, c->url);
    c->heads_n = c->got = c->sent = 0;
    c->heads[0] = c->text[0] = c->fault[0] = 0;
    c->broken = false;
}

static void client_fetch(struct client *c, const char *target)
{
    client_aim(c, target);
    const CURLcode rc = curl_easy_perform(c->easy);
    cr_assert_eq(rc, CURLE_OK, "%s: %s; %s", target, curl_easy_strerror(rc), c->fault);
}

static long number_of(const struct client *c, CURLINFO what)
{
    long v = -1;
    cr_assert_eq(curl_easy_getinfo(c->easy, what, &v), CURLE_OK);
    return v;
}

static long status_of(const struct client *c)
{
    return number_of(c, CURLINFO_RESPONSE_CODE);
}

static bool got_pattern(const struct client *c, uint64_t n)
{
    return c->got == n && !c->broken;
}

static bool origin_was_told(const char *line)
{
    char *head = origin_last_head(app);
    const bool told = strstr(head, line);
    free(head);
    return told;
}

/* -- requests ---------------------------------------------------------------------------------- */

Test(curl, gets_content_of_every_framing_whole)
{
    static const char *const framings[] = {"", "&chunked=3000", "&until_close"};
    struct client c;
    char target[64];
    rig_start();
    client_init(&c);
    for (size_t i = 0; i < 3; i++) {
        snprintf(target, sizeof target, "/?size=1234567%s", framings[i]);
        client_fetch(&c, target);
        cr_assert_eq(status_of(&c), 200);
        cr_assert(got_pattern(&c, 1234567), "%s: %llu bytes", target, (unsigned long long)c.got);
        cr_assert_eq(!!strstr(c.heads, "chunked"), i != 0, "%s", c.heads);
    }
    client_fini(&c);
}

Test(curl, uses_one_connection_for_many_requests)
{
    struct client c;
    rig_start();
    client_init(&c);
    for (int i = 0; i < 20; i++) {
        client_fetch(&c, i % 2 ? "/?size=70000&chunked=999" : "/?size=30000&status=404");
        cr_assert(got_pattern(&c, i % 2 ? 70000 : 30000));
        cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), i == 0, "request %d", i);
    }
    cr_assert_eq(origin_connections(app), 1);
    cr_assert_eq(origin_requests(app), 20);
    client_fini(&c);
}

/* libcurl would wait a minute for the 100; its own time limit is shorter. */
Test(curl, posts_two_megabytes_once_it_is_told_to_go_on)
{
    enum { SIZE = 2 * 1024 * 1024 };
    char want[64];
    struct client c;
    rig_start();
    client_init(&c);
    client_add_field(&c, "Expect: 100-continue");
    curl_easy_setopt(c.easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 60000L);
    curl_easy_setopt(c.easy, CURLOPT_POST, 1L);
    curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)SIZE);
    c.to_send = SIZE;
    client_fetch(&c, "/?proceed&count");
    snprintf(want, sizeof want, "%d of pattern\n", SIZE);
    cr_assert_str_eq(c.text, want);
    cr_assert(!strncmp(c.heads, "HTTP/1.1 100 ", 13), "%s", c.heads);
    cr_assert_eq(status_of(&c), 200);
    client_fini(&c);
}

Test(curl, keeps_its_content_when_the_answer_comes_first)
{
    struct client c;
    rig_start();
    client_init(&c);
    client_add_field(&c, "Expect: 100-continue");
    curl_easy_setopt(c.easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 60000L);
    curl_easy_setopt(c.easy, CURLOPT_POST, 1L);
    curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)100000);
    c.to_send = 100000;
    client_fetch(&c, "/?early&status=403&size=10");
    cr_assert_eq(status_of(&c), 403);
    cr_assert(got_pattern(&c, 10));
    cr_assert_eq(c.sent, 0);
    client_fini(&c);
}

Test(curl, uploads_in_chunks_what_it_does_not_know_the_length_of)
{
    enum { SIZE = 3000001 };
    char want[64];
    struct client c;
    rig_start();
    client_init(&c);
    client_add_field(&c, "Transfer-Encoding: chunked");
    client_add_field(&c, "Expect:");
    curl_easy_setopt(c.easy, CURLOPT_POST, 1L);
    c.to_send = SIZE;
    snprintf(want, sizeof want, "%d of pattern\n", SIZE);
    for (int i = 0; i < 3; i++) {
        client_fetch(&c, "/?count");
        cr_assert_str_eq(c.text, want);
        cr_assert(origin_was_told("hunked\r\n"));
        cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), i == 0);
    }
    cr_assert_gt(c.pieces, 300);
    client_fini(&c);
}

Test(curl, puts_and_then_asks_for_the_head_alone)
{
    curl_off_t length;
    struct client c;
    rig_start();
    client_init(&c);
    curl_easy_setopt(c.easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c.easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)50000);
    c.to_send = 50000;
    client_fetch(&c, "/?count&status=201");
    cr_assert_eq(status_of(&c), 201);
    cr_assert_str_eq(c.text, "50000 of pattern\n");
    cr_assert(origin_was_told("PUT /?count&status=201 HTTP/1.1\r\n"));
    curl_easy_setopt(c.easy, CURLOPT_UPLOAD, 0L);
    curl_easy_setopt(c.easy, CURLOPT_NOBODY, 1L);
    client_fetch(&c, "/?size=123456789");
    cr_assert_eq(status_of(&c), 200);
    cr_assert_eq(c.got, 0);
    curl_easy_getinfo(c.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    cr_assert_eq(length, 123456789);
    cr_assert(origin_was_told("HEAD /?size=123456789 HTTP/1.1\r\n"));
    cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), 0);
    client_fini(&c);
}

Test(curl, follows_a_redirect_of_the_origin)
{
    char *to = NULL;
    struct client c;
    rig_start();
    client_init(&c);
    curl_easy_setopt(c.easy, CURLOPT_FOLLOWLOCATION, 1L);
    client_fetch(&c, "/old?status=302&size=10&field=Location:/new?size=5000");
    cr_assert_eq(status_of(&c), 200);
    cr_assert_eq(number_of(&c, CURLINFO_REDIRECT_COUNT), 1);
    cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), 1, "both requests went over one connection");
    cr_assert(got_pattern(&c, 5000));
    curl_easy_getinfo(c.easy, CURLINFO_EFFECTIVE_URL, &to);
    cr_assert(to && strstr(to, "/new?size=5000"), "%s", to);
    client_fini(&c);
}

/* The location must lead back to the port that the client came to. */
Test(curl, follows_a_redirect_of_the_gateway)
{
    struct client c;
    rig_start(.routes = "( { match = { path = \"/moved\"; }; redirect = { path = \"/here\"; }; },"
                        "  { name = \"all\"; cluster = \"app\"; } )");
    client_init(&c);
    curl_easy_setopt(c.easy, CURLOPT_FOLLOWLOCATION, 1L);
    client_fetch(&c, "/moved?size=5000");
    cr_assert_eq(status_of(&c), 200);
    cr_assert_eq(number_of(&c, CURLINFO_REDIRECT_COUNT), 1);
    cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), 1);
    cr_assert(got_pattern(&c, 5000));
    cr_assert(origin_was_told("GET /here?size=5000 HTTP/1.1\r\n"));
    client_fini(&c);
}

Test(curl, of_http_1_0_gets_no_chunks)
{
    struct client c;
    rig_start();
    client_init(&c);
    curl_easy_setopt(c.easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_0);
    for (int i = 0; i < 3; i++) {
        client_fetch(&c, "/?size=200000&chunked=1000");
        cr_assert_eq(status_of(&c), 200);
        cr_assert(got_pattern(&c, 200000));
        cr_assert(!strcasestr(c.heads, "transfer-encoding"), "%s", c.heads);
        cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), 1, "its end ended the content");
    }
    client_fini(&c);
}

Test(curl, comes_through_a_unix_socket)
{
    struct client c;
    rig_start(.listeners = ", { name = \"local\"; bind = \"unix:$dir/in.sock\"; }");
    client_init(&c);
    curl_easy_setopt(c.easy, CURLOPT_UNIX_SOCKET_PATH, rig_path("in.sock"));
    for (int i = 0; i < 5; i++) {
        client_fetch(&c, "/?size=300000");
        cr_assert(got_pattern(&c, 300000));
        cr_assert_eq(number_of(&c, CURLINFO_NUM_CONNECTS), i == 0);
    }
    cr_assert_str_eq(json_of(rig_await_access("\"status\":200"), "listener"), "local");
    client_fini(&c);
}

/* -- many -------------------------------------------------------------------------------------- */

static void run_to_the_end(CURLM *multi)
{
    int running = 1;
    while (running) {
        cr_assert_eq(curl_multi_perform(multi, &running), CURLM_OK);
        if (running)
            cr_assert_eq(curl_multi_poll(multi, NULL, 0, 1000, NULL), CURLM_OK);
    }
}

/* How many of them ended, all of them well. */
static unsigned count_ended(CURLM *multi)
{
    unsigned n = 0;
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)); n++) {
        struct client *c;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        cr_assert_eq(m->data.result, CURLE_OK, "%s: %s", c->url, c->fault);
        cr_assert_eq(status_of(c), 200);
    }
    return n;
}

/* All at once: each waits at the origin until long after the last has come. */
Test(curl, makes_twenty_transfers_at_once)
{
    enum { MANY = 20 };
    static struct client c[MANY];
    char target[64];
    CURLM *multi = curl_multi_init();
    cr_assert(multi);
    rig_start(.workers = 2);
    for (int i = 0; i < MANY; i++)
        client_init(&c[i]);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(target, sizeof target, "/?delay=150&size=%d%s", 100000 + i * 7777,
                     i % 2 ? "&chunked=5000" : "");
            client_aim(&c[i], target);
            cr_assert_eq(curl_multi_add_handle(multi, c[i].easy), CURLM_OK);
        }
        run_to_the_end(multi);
        cr_assert_eq(count_ended(multi), MANY);
        for (int i = 0; i < MANY; i++) {
            cr_assert(got_pattern(&c[i], 100000 + (uint64_t)i * 7777), "%s", c[i].url);
            curl_multi_remove_handle(multi, c[i].easy);
        }
    }
    cr_assert_eq(origin_requests(app), 3 * MANY);
    for (int i = 0; i < MANY; i++)
        client_fini(&c[i]);
    curl_multi_cleanup(multi);
}

/* With and without connections that an old generation holds. */
Test(curl, notices_nothing_of_reloads)
{
    enum { RELOADS = 10 };
    unsigned requests = 0;
    struct client kept, fresh;
    rig_start(.workers = 2);
    client_init(&kept);
    client_init(&fresh);
    curl_easy_setopt(fresh.easy, CURLOPT_FRESH_CONNECT, 1L);
    for (unsigned i = 0; i < RELOADS; i++) {
        const uint64_t until = now_ms() + DEADLINE_MS;
        rig_signal(SIGHUP);
        while (rig_log_count(" reloaded generation=") == i) {
            cr_assert(now_ms() < until, "reload %u doesn't end", i);
            client_fetch(&kept, "/?size=20000");
            cr_assert(status_of(&kept) == 200 && got_pattern(&kept, 20000));
            client_fetch(&fresh, "/?size=20000&chunked=700");
            cr_assert(status_of(&fresh) == 200 && got_pattern(&fresh, 20000));
            requests += 2;
        }
    }
    cr_log_info("%u requests in %d reloads", requests, RELOADS);
    cr_assert_gt(requests, 2 * RELOADS);
    AWAIT(rig_count("worker/") == 2);
    client_fini(&kept);
    client_fini(&fresh);
}
