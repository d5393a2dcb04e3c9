/* SPDX-License-Identifier: Apache-2.0 */
/* Plain links that connect, and what only TCP does: refusals, resets. Loopback, free ports. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "io/sock.h"
#include "tests/lib/link_side.h"

TestSuite(link_connect, .init = set_up, .fini = tear_down);

/* A listening socket on a free port, and its address. */
static int listen_tcp(struct addr *at)
{
    struct sock_listen_opts o = {.backlog = 16};
    cr_assert(addr_parse(SLICE("127.0.0.1:0"), at));
    int fd = sock_listen(at, &o);
    cr_assert_geq(fd, 0);
    cr_assert(sock_local(fd, at));
    return fd;
}

/* Turns until `what` has been seen: loopback needs no time of ours, but may need a moment. */
static void turn_until(struct side *s, char what)
{
    for (unsigned i = 0; i < 2000 && !strchr(s->seen, what); i++) {
        loop_turn(&lp);
        poll(NULL, 0, strchr(s->seen, what) ? 0 : 1);
    }
    cr_assert(strchr(s->seen, what), "%c in \"%s\"", what, s->seen);
}

static void connect_pair(struct side *client, struct side *server)
{
    struct addr at, peer;
    int fd = listen_tcp(&at);
    side_start(client, link_connect(&lp, &at, NULL));
    turn_until(client, 'o');
    side_start(server, link_plain(&lp, sock_accept(fd, &peer)));
    close(fd);
}

Test(link_connect, opens_and_sends_what_was_queued_before)
{
    struct addr at, peer;
    int fd = listen_tcp(&at);
    side_start(&a, link_connect(&lp, &at, NULL));
    send_many(&a, 10);
    link_end(a.link);
    cr_assert_str_eq(a.seen, "", "nothing from inside");
    turn_until(&a, 'd');
    cr_assert_str_eq(a.seen, "od");
    far = sock_accept(fd, &peer);
    cr_assert_eq(far_read(), 10);
    link_close(a.link);
    close(far);
    close(fd);
}

Test(link_connect, tells_a_refusal)
{
    struct addr at;
    close(listen_tcp(&at)); /* nobody listens there now */
    side_start(&a, link_connect(&lp, &at, NULL));
    send_many(&a, 10);
    turn_until(&a, '!');
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ECONNREFUSED);
    link_close(a.link);
}

Test(link_connect, an_immediate_failure_comes_from_the_loop)
{
    struct addr at;
    cr_assert(addr_parse(SLICE("unix:/nonexistent/weir.sock"), &at));
    side_start(&a, link_connect(&lp, &at, NULL));
    cr_assert_str_eq(a.seen, "");
    cr_assert_eq(link_fd(a.link), -1);
    link_pause(a.link);
    link_resume(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, ENOENT);
    link_close(a.link);
}

Test(link_connect, a_connect_that_completes_at_once_comes_from_the_loop)
{
    struct addr at, peer;
    char name[64];
    snprintf(name, sizeof name, "unix:@weir-test-%d", getpid());
    cr_assert(addr_parse(slice_str(name), &at));
    int fd = sock_listen(&at, &(struct sock_listen_opts){.backlog = 4});
    cr_assert_geq(fd, 0);
    side_start(&a, link_connect(&lp, &at, NULL));
    cr_assert_str_eq(a.seen, "");
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o");
    far = sock_accept(fd, &peer);
    far_write(5);
    loop_turn(&lp);
    cr_assert_eq(a.n, 5);
    link_close(a.link);
    close(far);
    close(fd);
}

Test(link_connect, may_be_closed_before_the_outcome)
{
    struct addr at, none;
    int fd = listen_tcp(&at);
    struct side b;
    cr_assert(addr_parse(SLICE("unix:/nonexistent/weir.sock"), &none));
    side_start(&a, link_connect(&lp, &at, NULL));
    side_start(&b, link_connect(&lp, &none, NULL));
    link_close(a.link);
    link_close(b.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "");
    cr_assert_str_eq(b.seen, "");
    close(fd);
}

Test(link_connect, uses_the_source_address)
{
    struct addr at, source, peer;
    int fd = listen_tcp(&at);
    cr_assert(addr_parse(SLICE("127.0.0.2:0"), &source));
    side_start(&a, link_connect(&lp, &at, &source));
    turn_until(&a, 'o');
    far = sock_accept(fd, &peer);
    char text[ADDR_TEXT_MAX];
    addr_print(&peer, text);
    cr_assert(slice_starts(slice_str(text), SLICE("127.0.0.2:")), "%s", text);
    link_close(a.link);
    close(far);
    close(fd);
}

Test(link_connect, without_a_place_in_the_slab_there_is_no_link)
{
    struct addr at;
    int fd = listen_tcp(&at);
    int fds[2];
    open_pair(&a, &fds[0]);
    lp.links.limit = 1;
    errno = 0;
    cr_assert_null(link_connect(&lp, &at, NULL));
    cr_assert_eq(errno, ENOMEM);
    link_close(a.link);
    close(fds[0]);
    close(fd);
}

Test(link_connect, a_reset_reaches_the_other_side)
{
    struct side b;
    connect_pair(&a, &b);
    link_reset(b.link);
    turn_until(&a, '!');
    cr_assert_str_eq(a.seen, "o!");
    cr_assert_eq(a.err, ECONNRESET);
    link_close(a.link);
}

Test(link_connect, an_early_answer_is_read_although_writing_fails)
{
    struct side b;
    connect_pair(&a, &b);
    cr_assert(bytes_copy(&b.link->out, SLICE("413")));
    link_send(b.link);
    ev_run(lp.ev, EVRUN_NOWAIT); /* b's flush; a hasn't read */
    link_pause(a.link);
    loop_turn(&lp);
    link_close(b.link);
    loop_turn(&lp);
    /* The first write is answered by a reset, the next one fails. */
    link_resume(a.link);
    cr_assert_eq(send(link_fd(a.link), "x", 1, MSG_NOSIGNAL), 1);
    send_many(&a, 10);
    turn_until(&a, '!');
    cr_assert(slice_eq(slice_of(a.got, a.n), SLICE("413")), "%s", a.seen);
    link_close(a.link);
}
