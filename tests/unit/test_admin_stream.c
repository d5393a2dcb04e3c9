/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the admin server: what readers get, and what becomes of those that are slow or gone.
 */

#include "control/admin/admin_stream.h"

#include "admin_peer.h"

static struct admin_stream *opened[ADMIN_STREAMS + 1];
static size_t opened_n, gone_n;

static void on_gone(void *ctx)
{
    *(struct admin_stream **)ctx = NULL;
    gone_n++;
}

static void answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    struct admin_stream **at = &opened[opened_n];
    *at = admin_stream_open(rq, out, SLICE("text/event-stream"), on_gone, at);
    opened_n += *at != NULL;
}

static const struct admin_row rows[] = {{"/stream", answer, NULL},
                                        {"/healthz", admin_healthz, NULL}};

static void begin(void)
{
    admin_begin(rows, 2);
}

TestSuite(admin_stream, .init = begin, .fini = admin_finish);

static void ask(struct peer *p, const char *text)
{
    cr_assert(bytes_copy(&p->link->out, slice_str(text)));
    link_send(p->link);
    for (int i = 0; i < 4; i++)
        loop_turn(&lp);
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        loop_turn(&lp);
}

static const char *heard(struct peer *p)
{
    text_char(&p->heard, '\0');
    p->heard.n--;
    return p->heard.p;
}

static size_t times_x(const struct peer *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->heard.n; i++)
        n += p->heard.p[i] == 'x';
    return n;
}

static void leave(struct peer *p)
{
    link_close(p->link);
    text_fini(&p->heard);
    turn();
}

Test(admin_stream, sends_pieces_as_chunks_until_it_is_ended)
{
    struct peer p;
    open_peer(&p, 1 << 16);
    ask(&p, "GET /stream HTTP/1.1\r\n" HOST);
    cr_assert(opened[0]);
    cr_assert(strstr(heard(&p), "HTTP/1.1 200 OK\r\n") && strstr(heard(&p), "text/event-stream"));
    cr_assert(strstr(heard(&p), "Transfer-Encoding: chunked\r\n"));
    p.heard.n = 0;
    cr_assert(admin_stream_send(opened[0], SLICE("data: 1\n\n")));
    cr_assert(admin_stream_send(opened[0], SLICE("")));
    turn();
    cr_assert_str_eq(heard(&p), "9\r\ndata: 1\n\n\r\n");
    admin_stream_end(opened[0]);
    turn();
    cr_assert(strstr(heard(&p), "\r\n0\r\n\r\n") && p.eof);
    cr_assert_eq(gone_n, 0);
    leave(&p);
}

Test(admin_stream, sends_plain_content_to_http_1_0)
{
    struct peer p;
    open_peer(&p, 1 << 16);
    ask(&p, "GET /stream HTTP/1.0\r\n\r\n");
    cr_assert(!strstr(heard(&p), "chunked"));
    cr_assert(admin_stream_send(opened[0], SLICE("data: 1\n\n")));
    turn();
    cr_assert(strstr(heard(&p), "\r\n\r\ndata: 1\n\n"));
    admin_stream_end(opened[0]);
    turn();
    cr_assert(p.eof);
    leave(&p);
}

Test(admin_stream, gives_head_alone_to_head)
{
    struct peer p;
    open_peer(&p, 1 << 16);
    ask(&p, "HEAD /stream HTTP/1.1\r\n" HOST);
    cr_assert_eq(opened_n, 0);
    cr_assert(strstr(heard(&p), "HTTP/1.1 200 OK\r\n"));
    leave(&p);
}

Test(admin_stream, tells_when_the_reader_is_gone)
{
    struct peer p, q;
    open_peer(&p, 1 << 16);
    open_peer(&q, 1 << 16);
    ask(&p, "GET /stream HTTP/1.1\r\n" HOST);
    ask(&q, "GET /stream HTTP/1.1\r\n" HOST);
    leave(&p);
    cr_assert(gone_n == 1 && !opened[0] && opened[1]);
    link_end(q.link);
    turn();
    cr_assert(gone_n == 2 && !opened[1]);
    leave(&q);
    cr_assert_eq(admin_connections(admin), 0);
}

Test(admin_stream, refuses_what_finds_no_room_and_sends_it_whole_later)
{
    static char large[40000];
    struct peer p;
    memset(large, 'x', sizeof large);
    open_peer(&p, 1 << 10); /* takes little at a time */
    ask(&p, "GET /stream HTTP/1.1\r\n" HOST);
    p.heard.n = 0;
    link_pause(p.link);
    cr_assert(admin_stream_send(opened[0], slice_of(large, sizeof large)));
    cr_assert(!admin_stream_send(opened[0], slice_of(large, sizeof large)));
    link_resume(p.link);
    for (int i = 0; i < 400; i++)
        loop_turn(&lp);
    cr_assert_eq(times_x(&p), sizeof large);
    cr_assert(admin_stream_send(opened[0], slice_of(large, sizeof large)));
    leave(&p);
    cr_assert_eq(gone_n, 1);
}

Test(admin_stream, drops_readers_that_take_nothing_and_keeps_those_that_have_nothing_to_take)
{
    static char large[40000];
    struct peer idle, stuck;
    open_peer(&idle, 1 << 16);
    open_peer(&stuck, 1 << 10);
    ask(&idle, "GET /stream HTTP/1.1\r\n" HOST);
    ask(&stuck, "GET /stream HTTP/1.1\r\n" HOST);
    link_pause(stuck.link);
    cr_assert(admin_stream_send(opened[1], slice_of(large, sizeof large)));
    for (int i = 0; i < 4; i++) {
        clock_set(&lp.clock, lp.clock.mono_us + (ADMIN_IDLE_MS + 100) * 1000, lp.clock.wall_us);
        turn();
    }
    cr_assert(gone_n == 1 && !opened[1] && opened[0]);
    leave(&stuck);
    leave(&idle);
}

Test(admin_stream, there_are_only_so_many)
{
    struct peer p[ADMIN_STREAMS + 1];
    for (int i = 0; i <= ADMIN_STREAMS; i++) {
        open_peer(&p[i], 1 << 16);
        ask(&p[i], "GET /stream HTTP/1.1\r\n" HOST);
    }
    cr_assert_eq(opened_n, ADMIN_STREAMS);
    cr_assert(strstr(heard(&p[ADMIN_STREAMS]), "HTTP/1.1 503 "));
    cr_assert(strstr(heard(&p[ADMIN_STREAMS]), "16 streams are being read already"));
    for (int i = 0; i <= ADMIN_STREAMS; i++)
        leave(&p[i]);
    cr_assert_eq(gone_n, ADMIN_STREAMS);
}
