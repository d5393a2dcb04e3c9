/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server over memory links: what it answers, and each of its bounds. The clock stands
 * unless a test moves it. One test accepts on a real socket. */

#include "tests/unit/admin_peer.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/sock.h"

static struct text large; /* what /large answers */
static unsigned asked;

static void answer_hello(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    asked++;
    text_printf(&out->body, "%s %s %.*s?%.*s\n", (const char *)ctx, method_name(rq->method),
                SLICE_ARG(rq->path), SLICE_ARG(rq->query));
    out->type = SLICE("text/hello");
}

static void answer_large(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx, (void)rq;
    text_add(&out->body, text_slice(&large));
}

static void answer_teapot(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx, (void)rq;
    out->status = 418;
}

static const struct admin_row rows[] = {
    {"/healthz", admin_healthz, NULL},
    {"/hello", answer_hello, "ctx"},
    {"/large", answer_large, NULL},
    {"/teapot", answer_teapot, NULL},
};

static void begin(void)
{
    admin_begin(rows, array_n(rows));
    text_init(&large);
}

static void end(void)
{
    admin_finish();
    text_fini(&large);
}

TestSuite(admin, .init = begin, .fini = end);

#define HEALTHY                                                                                    \
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-store\r\n"        \
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nok\n"

Test(admin, answers_from_the_table_and_keeps_the_connection)
{
    struct peer p;
    open_peer(&p, 0);
    for (int i = 0; i < 3; i++) {
        say(&p, "GET /healthz HTTP/1.1\r\n" HOST);
        cr_assert_str_eq(hear(&p), HEALTHY);
    }
    say(&p, "GET /hello?a=b HTTP/1.1\r\n" HOST);
    const char *got = hear(&p);
    cr_assert(strstr(got, "Content-Type: text/hello\r\n"));
    cr_assert(strstr(got, "\r\n\r\nctx GET /hello?a=b\n"));
    say(&p, "GET /teapot HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 418 ");
    cr_assert(!p.eof);
    close_peer(&p);
    cr_assert(admin_connections(admin) == 0);
}

Test(admin, gives_head_the_length_only)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "HEAD /healthz HTTP/1.1\r\n" HOST);
    const char *got = hear(&p);
    cr_assert(strstr(got, "Content-Length: 3\r\n\r\n"));
    cr_assert(strlen(got) == strlen(HEALTHY) - 3);
    say(&p, "GET /healthz HTTP/1.1\r\n" HOST); /* and the next one isn't confused */
    cr_assert_str_eq(hear(&p), HEALTHY);
    close_peer(&p);
}

Test(admin, refuses_other_paths_and_other_methods)
{
    struct peer p;
    open_peer(&p, 0);
    const char *const missing[] = {"/", "/healthz/", "/healthzz", "//healthz", "/HEALTHZ"};
    for (size_t i = 0; i < array_n(missing); i++) {
        char request[128];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST, missing[i]);
        say(&p, request);
        starts(&p, "HTTP/1.1 404 Not Found\r\n");
    }
    const char *const methods[] = {"DELETE", "PUT", "OPTIONS", "BREW", "get"};
    for (size_t i = 0; i < array_n(methods); i++) {
        char request[128];
        snprintf(request, sizeof request, "%s /healthz HTTP/1.1\r\n" HOST, methods[i]);
        say(&p, request);
        const char *got = hear(&p);
        cr_assert(strstr(got, "HTTP/1.1 405 Method Not Allowed\r\n") == got, "%s", got);
        cr_assert(strstr(got, "\r\nAllow: GET, HEAD\r\n"));
    }
    say(&p, "GET /%zz HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 400 Bad Request\r\n");
    say(&p, "GET /he%61lthz HTTP/1.1\r\n" HOST);
    cr_assert_str_eq(hear(&p), HEALTHY);
    close_peer(&p);
}

Test(admin, answers_a_malformed_request_and_ends_the_connection)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "GET /healthz HTTP/1.1\n\nGET /hello HTTP/1.1\r\n" HOST);
    const char *got = hear(&p);
    cr_assert(strstr(got, "HTTP/1.1 400 ") == got);
    cr_assert(strstr(got, "\r\nConnection: close\r\n"));
    cr_assert(p.eof && asked == 0);
    say(&p, "GET /hello HTTP/1.1\r\n" HOST); /* read and forgotten */
    cr_assert(asked == 0 && !p.failed);
    link_end(p.link);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == 0);
    close_peer(&p);
}

Test(admin, reads_no_request_behind_content)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "POST /hello HTTP/1.1\r\nContent-Length: 40\r\n" HOST
            "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n.........");
    starts(&p, "HTTP/1.1 405 ");
    cr_assert(p.eof && asked == 0);
    close_peer(&p);
}

Test(admin, keeps_or_ends_the_connection_as_the_client_says)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    cr_assert(strstr(hear(&p), "\r\nConnection: keep-alive\r\n") && !p.eof);
    say(&p, "GET /healthz HTTP/1.0\r\n\r\n");
    cr_assert(strstr(hear(&p), "ok\n") && p.eof);
    close_peer(&p);
    open_peer(&p, 0);
    say(&p, "GET /healthz HTTP/1.1\r\nConnection: close\r\n" HOST);
    cr_assert(strstr(hear(&p), "\r\nConnection: close\r\n") && p.eof);
    close_peer(&p);
    cr_assert(admin_connections(admin) == 0);
}

Test(admin, understands_requests_in_any_pieces)
{
    const char *both = "GET /hello?1 HTTP/1.1\r\n" HOST "GET /hello?2 HTTP/1.1\r\n" HOST;
    for (size_t cut = 1; cut < strlen(both); cut++) {
        struct peer p;
        char first[128] = "";
        memcpy(first, both, cut);
        asked = 0;
        open_peer(&p, 0);
        say(&p, first);
        say(&p, both + cut);
        const char *got = hear(&p), *one = strstr(got, "ctx GET /hello?1\n");
        cr_assert(asked == 2 && one && strstr(one, "ctx GET /hello?2\n"));
        close_peer(&p);
    }
}

Test(admin, answers_all_pipelined_requests_also_when_the_client_has_ended)
{
    enum { MANY = 500 };
    struct peer p;
    open_peer(&p, 0);
    for (int i = 0; i < MANY; i++)
        cr_assert(bytes_copy(&p.link->out, SLICE("GET /hello HTTP/1.1\r\n" HOST)));
    link_send(p.link);
    link_end(p.link);
    loop_turn(&lp);
    cr_assert(asked == MANY);
    cr_assert(p.eof && !p.failed && admin_connections(admin) == 0);
    size_t n = 0;
    text_char(&p.heard, '\0');
    for (const char *at = p.heard.p; (at = strstr(at, "ctx GET")); at++)
        n++;
    cr_assert(n == MANY);
    close_peer(&p);
}

Test(admin, lets_go_of_a_client_that_ends_in_the_middle_of_a_head)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "GET /healthz HT");
    link_end(p.link);
    loop_turn(&lp);
    cr_assert(p.eof && p.heard.n == 0 && admin_connections(admin) == 0);
    close_peer(&p);
    open_peer(&p, 0);
    link_reset(p.link);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == 0);
    text_fini(&p.heard);
}

/* -- bounds ------------------------------------------------------------------------------------ */

Test(admin, refuses_heads_and_targets_that_are_too_large)
{
    struct peer p;
    static char field[ADMIN_HEAD_SIZE + 1], target[2100];
    memset(field, 'f', sizeof field - 1);
    memset(target, 't', sizeof target - 1);
    open_peer(&p, 0);
    say(&p, "GET /healthz HTTP/1.1\r\nX: ");
    say(&p, field);
    starts(&p, "HTTP/1.1 431 ");
    cr_assert(p.eof);
    close_peer(&p);
    open_peer(&p, 0);
    say(&p, "GET /");
    say(&p, target);
    starts(&p, "HTTP/1.1 414 ");
    close_peer(&p);
    open_peer(&p, 0);
    say(&p, "GET /healthz HTTP/1.1\r\n");
    for (int i = 0; i <= ADMIN_FIELDS; i++)
        say(&p, "A: b\r\n");
    say(&p, HOST);
    starts(&p, "HTTP/1.1 431 ");
    close_peer(&p);
}

Test(admin, closes_what_does_nothing_for_ten_seconds)
{
    struct peer silent, slow, busy;
    open_peer(&silent, 0);
    open_peer(&slow, 0);
    open_peer(&busy, 0);
    for (int i = 0; i < 9; i++) { /* a byte a second is not a request */
        say(&slow, "G");
        say(&busy, "GET /healthz HTTP/1.1\r\n" HOST);
        pass_ms(1000);
    }
    cr_assert(admin_connections(admin) == 3);
    say(&busy, "GET /healthz HTTP/1.1\r\n" HOST);
    pass_ms(1100);
    cr_assert(silent.eof || silent.failed);
    cr_assert(slow.eof || slow.failed);
    cr_assert(!busy.eof && !busy.failed && admin_connections(admin) == 1);
    pass_ms(10100);
    pass_ms(10100); /* it had taken an answer since: once more */
    cr_assert(admin_connections(admin) == 0);
    close_peer(&silent);
    close_peer(&slow);
    close_peer(&busy);
}

static void make_large(size_t n)
{
    for (size_t i = 0; large.n < n; i++)
        text_printf(&large, "%zu,", i);
}

Test(admin, sends_an_answer_that_is_larger_than_its_queue)
{
    struct peer p;
    make_large(3 << 20);
    open_peer(&p, 4096); /* a slow pipe */
    say(&p, "GET /large HTTP/1.1\r\n" HOST "GET /healthz HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 10000 && p.heard.n < large.n; i++)
        loop_turn(&lp);
    loop_turn(&lp);
    text_char(&p.heard, '\0');
    const char *body = strstr(p.heard.p, "\r\n\r\n") + 4;
    cr_assert(slice_eq(slice_of(body, large.n), text_slice(&large)));
    cr_assert(strcmp(body + large.n, HEALTHY) == 0);
    close_peer(&p);
}

Test(admin, holds_no_more_in_the_queue_of_a_reader_that_stopped_and_closes_it_in_time)
{
    struct peer p;
    make_large(3 << 20);
    open_peer(&p, 4096);
    link_pause(p.link);
    say(&p, "GET /large HTTP/1.1\r\n" HOST);
    cr_assert(lp.stock.blocks.slab.used <= 8); /* 64 KiB and what is on its way */
    pass_ms(10100);
    pass_ms(10100);
    cr_assert(admin_connections(admin) == 0);
    close_peer(&p);
}

Test(admin, refuses_answers_beyond_the_bound_of_all_together)
{
    struct peer p[3], after;
    make_large(200000);
    admin_limit_bodies(admin, 3 * large.n);
    for (int i = 0; i < 3; i++) {
        open_peer(&p[i], 4096);
        link_pause(p[i].link);
        say(&p[i], "GET /large HTTP/1.1\r\n" HOST);
    }
    open_peer(&after, 0);
    say(&after, "GET /large HTTP/1.1\r\n" HOST);
    const char *got = hear(&after);
    cr_assert(strstr(got, "HTTP/1.1 503 ") == got && strstr(got, "\r\nRetry-After: 1\r\n"));
    say(&after, "GET /healthz HTTP/1.1\r\n" HOST);
    cr_assert_str_eq(hear(&after), HEALTHY);
    for (int i = 0; i < 3; i++)
        close_peer(&p[i]);
    say(&after, "HEAD /large HTTP/1.1\r\n" HOST);
    starts(&after, "HTTP/1.1 200 ");
    close_peer(&after);
}

static int dial(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0);
    return fd;
}

Test(admin, accepts_up_to_its_limit_and_serves_who_waited_afterwards)
{
    char folder[] = "/tmp/weir-admin-XXXXXX", got[512];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fds[ADMIN_CONNECTIONS + 3];

    cr_assert(mkdtemp(folder));
    snprintf(at.sun_path, sizeof at.sun_path, "%s/admin", folder);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(bind(listening, (struct sockaddr *)&at, sizeof at) == 0);
    cr_assert(listen(listening, 128) == 0);
    static const struct admin_listener_conf conf = {.bind.sa.sa_family = AF_UNIX,
                                                    .role = ADMIN_ROLE_READ};
    admin_listen(admin, &(struct admin_socket){.fd = listening, .conf = &conf});
    for (size_t i = 0; i < array_n(fds); i++)
        fds[i] = dial(&at);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == ADMIN_CONNECTIONS);
    const char request[] = "GET /healthz HTTP/1.1\r\n" HOST;
    const int last = fds[array_n(fds) - 1];
    cr_assert(write(last, request, sizeof request - 1) == sizeof request - 1);
    loop_turn(&lp);
    cr_assert(read(last, got, sizeof got) < 0);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    loop_turn(&lp);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == ADMIN_CONNECTIONS);
    cr_assert(read(last, got, sizeof got) == sizeof HEALTHY - 1);
    admin_stop(admin);
    const int late = dial(&at);
    close(fds[3]);
    loop_turn(&lp);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == ADMIN_CONNECTIONS - 1);
    for (size_t i = 4; i < array_n(fds); i++)
        close(fds[i]);
    close(late);
    close(listening);
    unlink(at.sun_path);
    rmdir(folder);
}
