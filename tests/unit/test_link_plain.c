/* SPDX-License-Identifier: Apache-2.0 */
/* Plain links over socketpairs and loopback TCP: reading, writing, back-pressure, every way to end,
 * connecting, starving, and the number of system calls that a proxied request costs. */

#include "io/link.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/sock.h"

/* What a link has told: o open, . bytes, e eof, m room, d drained, ! fail. */
struct side {
    struct link *link;
    char seen[256];
    size_t n, largest;
    char got[64];
    int err;
    bool keep, close_on_bytes, pause_on_bytes;
    struct side *relay_to;
    struct bytes kept;
};

static struct loop lp;
static struct side a;
static int far; /* the other end of a's socket */

static void see(struct side *s, char c)
{
    size_t n = strlen(s->seen);
    if (n < sizeof s->seen - 1)
        s->seen[n] = c;
}

static void on_open(struct link *l)
{
    see(l->owner, 'o');
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct side *side = l->owner;
    cr_assert(s.n > 0 && s.p >= b->data && s.p + s.n <= b->data + b->used);
    if (side->n + s.n <= sizeof side->got)
        memcpy(side->got + side->n, s.p, s.n);
    side->n += s.n;
    if (s.n > side->largest)
        side->largest = s.n;
    see(side, '.');
    if (side->keep)
        cr_assert(bytes_append(&side->kept, b, s));
    if (side->relay_to) {
        cr_assert(bytes_append(&side->relay_to->link->out, b, s));
        link_send(side->relay_to->link);
    }
    if (side->pause_on_bytes)
        link_pause(l);
    if (side->close_on_bytes)
        link_close(l);
}

static void on_eof(struct link *l)
{
    see(l->owner, 'e');
}

static void on_room(struct link *l)
{
    see(l->owner, 'm');
}

static void on_drained(struct link *l)
{
    see(l->owner, 'd');
}

static void on_fail(struct link *l, int err)
{
    struct side *side = l->owner;
    side->err = err;
    see(side, '!');
}

static const struct link_events events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

static void side_start(struct side *s, struct link *l)
{
    *s = (struct side){.link = l};
    cr_assert(l);
    bytes_init(&s->kept, &lp.stock);
    link_start(l, &events, s);
}

static void open_pair(struct side *s, int *other)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *other = fds[1];
    side_start(s, link_plain(&lp, fds[0]));
}

static void set_up(void)
{
    loop_init(&lp, 64);
    clock_set(&lp.clock, 1000000, 0);
}

static void set_up_pair(void)
{
    set_up();
    open_pair(&a, &far);
}

static void tear_down(void)
{
    loop_turn(&lp);
    cr_assert_eq(lp.stock.blocks.slab.used, 0, "no block is held");
    cr_assert_eq(lp.links.used, 0, "no link is left");
    loop_fini(&lp);
}

static void far_write(size_t n)
{
    static char page[65536];
    while (n > 0) {
        ssize_t w = write(far, page, n < sizeof page ? n : sizeof page);
        cr_assert_gt(w, 0);
        n -= (size_t)w;
    }
}

static size_t far_read(void)
{
    static char page[65536];
    size_t total = 0;
    for (ssize_t n; (n = read(far, page, sizeof page)) > 0;)
        total += (size_t)n;
    return total;
}

static void send_many(struct side *s, size_t n)
{
    static char page[4096];
    for (; n > 0; n -= n < sizeof page ? n : sizeof page)
        cr_assert(bytes_copy(&s->link->out, slice_of(page, n < sizeof page ? n : sizeof page)));
    link_send(s->link);
}

TestSuite(link_plain, .init = set_up_pair, .fini = tear_down);
TestSuite(link_connect, .init = set_up, .fini = tear_down);

/* -- reading and writing -------------------------------------------------------------------- */

Test(link_plain, reads_and_writes)
{
    cr_assert_eq(write(far, "ping", 4), 4);
    loop_turn(&lp);
    cr_assert(slice_eq(slice_of(a.got, a.n), SLICE("ping")));
    cr_assert(bytes_copy(&a.link->out, SLICE("po")));
    link_send(a.link);
    cr_assert(bytes_static(&a.link->out, SLICE("ng")));
    link_send(a.link);
    char got[8];
    cr_assert_eq(read(far, got, sizeof got), -1, "nothing leaves from inside");
    loop_turn(&lp);
    cr_assert_eq(read(far, got, sizeof got), 4);
    cr_assert(memcmp(got, "pong", 4) == 0);
    cr_assert_str_eq(a.seen, ".d");
    cr_assert_eq(a.link->bytes_in, 4);
    cr_assert_eq(a.link->bytes_out, 4);
    close(far);
    link_close(a.link);
}

Test(link_plain, a_filled_read_makes_the_next_one_larger_and_a_short_one_smaller)
{
    static const unsigned steps[] = {1, 2, 4, 4};
    far_write(7 * BLOCK_SIZE + 100);
    cr_assert_eq(a.link->read_blocks, 1);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(a.link->read_blocks, steps[i]);
        ev_run(lp.ev, EVRUN_NOWAIT);
    }
    cr_assert_eq(a.n, 7 * BLOCK_SIZE);
    cr_assert_eq(a.largest, BLOCK_SIZE);
    cr_assert_eq(a.link->read_blocks, 4);
    loop_turn(&lp);
    cr_assert_eq(a.n, 7 * BLOCK_SIZE + 100);
    cr_assert_eq(a.link->read_blocks, 1);
    cr_assert_str_eq(a.seen, "........");
    close(far);
    link_close(a.link);
}

Test(link_plain, what_the_owner_keeps_stays_and_the_rest_goes_back)
{
    a.keep = true;
    far_write(100);
    loop_turn(&lp);
    cr_assert_eq(lp.stock.blocks.slab.used, 1);
    cr_assert_eq(a.kept.n, 100);
    bytes_clear(&a.kept);
    cr_assert_eq(lp.stock.blocks.slab.used, 0, "an idle link holds no block");
    close(far);
    link_close(a.link);
}

Test(link_plain, writes_many_pieces_in_order)
{
    struct bytes *out = &a.link->out;
    char want[40 * 16];
    for (unsigned i = 0; i < 40; i++) { /* static pieces are never joined: more than 16 iovecs */
        static const char digits[] = "0123456789abcdef";
        cr_assert(bytes_static(out, slice_of(digits, 16)));
        memcpy(want + i * 16, digits, 16);
    }
    link_send(a.link);
    loop_turn(&lp);
    char got[sizeof want + 1];
    cr_assert_eq(read(far, got, sizeof got), sizeof want);
    cr_assert(memcmp(got, want, sizeof want) == 0);
    cr_assert_str_eq(a.seen, "d");
    close(far);
    link_close(a.link);
}

Test(link_plain, a_full_socket_waits_for_the_writer_to_be_called)
{
    a.link->out_high = 4 * BLOCK_SIZE;
    size_t total = 60 * BLOCK_SIZE;
    send_many(&a, total);
    cr_assert_eq(link_room(a.link), 0);
    loop_turn(&lp);
    cr_assert_gt(a.link->out.n, 4 * BLOCK_SIZE, "the socket took all: the test needs more");
    cr_assert_str_eq(a.seen, "");
    size_t got = 0;
    for (unsigned i = 0; i < 1000 && got < total; i++) {
        got += far_read();
        loop_turn(&lp);
    }
    got += far_read();
    cr_assert_eq(got, total);
    cr_assert_str_eq(a.seen, "md", "room once, drained once");
    cr_assert_eq(a.link->bytes_out, total);
    loop_turn(&lp);
    cr_assert_eq(lp.events, 0, "no write watcher is left");
    close(far);
    link_close(a.link);
}

/* -- pause ---------------------------------------------------------------------------------- */

Test(link_plain, a_paused_link_is_not_read_and_does_not_spin)
{
    link_pause(a.link);
    far_write(100);
    uint64_t turns = lp.turns;
    loop_turn(&lp);
    cr_assert_eq(a.n, 0);
    cr_assert_leq(lp.turns, turns + 3, "the watcher stopped at the first event");
    link_resume(a.link);
    loop_turn(&lp);
    cr_assert_eq(a.n, 100);
    close(far);
    link_close(a.link);
}

Test(link_plain, pausing_in_an_event_still_delivers_what_was_read)
{
    a.link->read_blocks = 4;
    a.pause_on_bytes = true;
    far_write(6 * BLOCK_SIZE);
    loop_turn(&lp);
    cr_assert_eq(a.n, 4 * BLOCK_SIZE);
    a.pause_on_bytes = false;
    link_resume(a.link);
    loop_turn(&lp);
    cr_assert_eq(a.n, 6 * BLOCK_SIZE);
    close(far);
    link_close(a.link);
}

Test(link_plain, pause_and_resume_without_bytes_change_nothing)
{
    for (unsigned i = 0; i < 10; i++) {
        link_pause(a.link);
        link_resume(a.link);
        link_resume(a.link);
    }
    far_write(1);
    loop_turn(&lp);
    cr_assert_eq(a.n, 1);
    close(far);
    link_close(a.link);
}

Test(link_plain, a_paused_link_still_writes)
{
    link_pause(a.link);
    far_write(10);
    loop_turn(&lp);
    size_t total = 60 * BLOCK_SIZE, got = 0;
    send_many(&a, total);
    for (unsigned i = 0; i < 1000 && got < total; i++) {
        loop_turn(&lp);
        got += far_read();
    }
    cr_assert_eq(got, total);
    cr_assert_eq(a.n, 0);
    loop_turn(&lp);
    close(far);
    link_close(a.link);
}

/* -- ends ----------------------------------------------------------------------------------- */

Test(link_plain, tells_the_end_once_and_may_still_write)
{
    far_write(10);
    shutdown(far, SHUT_WR);
    loop_turn(&lp);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, ".e");
    cr_assert(a.link->eof_in);
    send_many(&a, 100);
    link_end(a.link);
    loop_turn(&lp);
    cr_assert_eq(far_read(), 100);
    char c;
    cr_assert_eq(read(far, &c, 1), 0, "our end arrived");
    cr_assert(a.link->eof_out);
    link_resume(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, ".ed");
    close(far);
    link_close(a.link);
}

Test(link_plain, ends_only_after_everything_has_left)
{
    size_t total = 60 * BLOCK_SIZE, got = 0;
    send_many(&a, total);
    link_end(a.link);
    loop_turn(&lp);
    cr_assert(!a.link->eof_out);
    for (unsigned i = 0; i < 1000 && got < total; i++) {
        got += far_read();
        loop_turn(&lp);
    }
    cr_assert_eq(got, total);
    cr_assert(a.link->eof_out);
    char c;
    cr_assert_eq(read(far, &c, 1), 0);
    close(far);
    link_close(a.link);
}

Test(link_plain, closing_in_an_event_stops_the_rest)
{
    a.link->read_blocks = 4;
    a.close_on_bytes = true;
    far_write(4 * BLOCK_SIZE);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, ".");
    char c;
    cr_assert_leq(read(far, &c, 1), 0);
    close(far);
}

Test(link_plain, closing_with_bytes_queued_drops_them)
{
    send_many(&a, 100);
    link_close(a.link);
    link_close(a.link);
    loop_turn(&lp);
    cr_assert_eq(far_read(), 0);
    close(far);
}

Test(link_plain, a_failing_write_lets_the_last_bytes_be_read_first)
{
    far_write(3 * BLOCK_SIZE); /* more than one read */
    close(far);
    send_many(&a, 100); /* the flush comes before anything is read */
    loop_turn(&lp);
    cr_assert_eq(a.n, 3 * BLOCK_SIZE);
    cr_assert_eq(a.seen[strlen(a.seen) - 1], '!');
    cr_assert_eq(a.err, EPIPE);
    cr_assert_null(strchr(a.seen, 'e'));
    cr_assert_null(strchr(a.seen, 'd'));
    link_close(a.link);
}

Test(link_plain, a_failing_write_of_a_paused_link_is_told_at_once)
{
    link_pause(a.link);
    close(far);
    send_many(&a, 100);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!");
    cr_assert_eq(a.err, EPIPE);
    send_many(&a, 100);
    link_end(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "!", "no event follows");
    cr_assert_eq(a.link->out.n, 0);
    link_close(a.link);
}

Test(link_plain, a_failing_write_after_the_end_is_told_at_once)
{
    close(far);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "e");
    send_many(&a, 100);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "e!");
    link_close(a.link);
}

/* From now on epoll_ctl answers ENOSPC in this process, as it does at fs.epoll.max_user_watches. */
static bool refuse_watches(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = array_n(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

Test(link_plain, a_descriptor_that_the_kernel_does_not_watch_fails)
{
    bool refused = refuse_watches();
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, refused ? "!" : "");
    link_close(a.link);
    close(far);
    if (!refused)
        cr_skip_test("seccomp isn't allowed here");
}

Test(link_plain, a_descriptor_that_is_no_socket_fails)
{
    struct side f;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    side_start(&f, link_plain(&lp, fd));
    loop_turn(&lp);
    cr_assert_str_eq(f.seen, "!");
    cr_assert_eq(f.err, ENOTSOCK);
    link_close(f.link);
    link_close(a.link);
    close(far);
}

Test(link_plain, the_same_descriptor_number_again_in_one_turn_is_another_link)
{
    int fd = link_fd(a.link);
    loop_turn(&lp);
    close(far);
    link_close(a.link);
    struct side b;
    int far_b;
    open_pair(&b, &far_b);
    cr_assert(link_fd(b.link) == fd || far_b == fd, "the kernel gives the lowest number");
    cr_assert_eq(write(far_b, "x", 1), 1);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".");
    link_close(b.link);
    close(far_b);
}

/* -- limits --------------------------------------------------------------------------------- */

Test(link_plain, the_limit_of_links_is_an_ordinary_event)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    lp.links.limit = 1;
    cr_assert_null(link_plain(&lp, fds[0]));
    cr_assert_eq(fcntl(fds[0], F_GETFD), -1, "it is closed");
    close(fds[1]);
    link_close(a.link);
    loop_turn(&lp);
    open_pair(&a, &fds[1]);
    link_close(a.link);
    close(fds[1]);
    close(far);
}

Test(link_plain, without_a_block_it_rests_and_goes_on_when_one_comes_back)
{
    struct block *held[64];
    for (unsigned i = 0; i < 64; i++)
        cr_assert((held[i] = block_get(&lp.stock.blocks)));
    far_write(100);
    uint64_t turns = lp.turns;
    loop_turn(&lp);
    cr_assert_eq(a.n, 0);
    cr_assert_eq(lp.stock.blocks.refused, 1);
    cr_assert_leq(lp.turns, turns + 3, "no spinning");
    link_pause(a.link); /* and the owner may do anything meanwhile */
    link_resume(a.link);
    loop_turn(&lp);
    cr_assert_eq(lp.stock.blocks.refused, 1);
    block_unref(held[0]);
    loop_turn(&lp);
    cr_assert_eq(a.n, 100);
    for (unsigned i = 1; i < 64; i++)
        block_unref(held[i]);
    close(far);
    link_close(a.link);
}

Test(link_plain, may_be_closed_while_it_waits_for_a_block)
{
    struct block *held[64];
    for (unsigned i = 0; i < 64; i++)
        cr_assert((held[i] = block_get(&lp.stock.blocks)));
    far_write(100);
    loop_turn(&lp);
    link_close(a.link);
    for (unsigned i = 0; i < 64; i++)
        block_unref(held[i]);
    loop_turn(&lp);
    cr_assert_eq(a.n, 0);
    close(far);
}

Test(link_plain, is_small)
{
    cr_assert_lt(link_plain_size(), 256);
    link_close(a.link);
    close(far);
}

/* -- TCP: connecting and resets ------------------------------------------------------------- */

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

/* -- what it costs -------------------------------------------------------------------------- */

enum { ROUNDS = 100, CALLS = 512 };

/* In the traced child: ROUNDS requests from a client through two links to an origin and back. The
 * test's own ends use read and write, the links recvfrom and sendto, so they can be told apart. */
static void relay_rounds(struct side *client, int client_fd, struct side *origin, int origin_fd)
{
    char c[200] = {0};
    (void)client, (void)origin;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (write(client_fd, c, 100) != 100)
            _exit(1);
        loop_turn(&lp);
        if (read(origin_fd, c, sizeof c) != 100 || write(origin_fd, c, 100) != 100)
            _exit(2);
        loop_turn(&lp);
        if (read(client_fd, c, sizeof c) != 100)
            _exit(3);
    }
}

static void be_traced(void)
{
    static struct side client, origin;
    int client_fd, origin_fd;
    open_pair(&client, &client_fd);
    open_pair(&origin, &origin_fd);
    client.relay_to = &origin;
    origin.relay_to = &client;
    relay_rounds(&client, client_fd, &origin, origin_fd);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
        _exit(77);
    raise(SIGSTOP);
    relay_rounds(&client, client_fd, &origin, origin_fd);
    _exit(0);
}

/* Counts the child's system calls from its SIGSTOP on; its exit status. */
static int count_calls(pid_t child, unsigned calls[CALLS])
{
    int status;
    bool entering = true;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status))
        return WEXITSTATUS(status);
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (;;) {
        ptrace(PTRACE_SYSCALL, child, 0, 0);
        waitpid(child, &status, 0);
        if (!WIFSTOPPED(status))
            return WEXITSTATUS(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        struct __ptrace_syscall_info info = {0};
        ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
        if (entering && info.entry.nr < CALLS)
            calls[info.entry.nr]++;
        entering = !entering;
    }
}

Test(link_plain, a_proxied_request_costs_two_reads_two_writes_and_nothing_else, .timeout = 20)
{
    static unsigned calls[CALLS];
    pid_t child = fork();
    if (child == 0)
        be_traced();
    int status = count_calls(child, calls);
    link_close(a.link);
    close(far);
    if (status == 77)
        cr_skip_test("tracing isn't allowed here");
    cr_assert_eq(status, 0);
    cr_assert_eq(calls[SYS_recvfrom], 2 * ROUNDS);
    cr_assert_eq(calls[SYS_sendto], 2 * ROUNDS);
    cr_assert_eq(calls[SYS_read] + calls[SYS_write], 4 * ROUNDS, "the test's own");
    unsigned waits = 0;
#ifdef SYS_epoll_wait
    waits += calls[SYS_epoll_wait];
    calls[SYS_epoll_wait] = 0;
#endif
    waits += calls[SYS_epoll_pwait];
    cr_assert_leq(waits, 4 * ROUNDS, "one that brings something and one that doesn't, twice");
    calls[SYS_epoll_pwait] = calls[SYS_recvfrom] = calls[SYS_sendto] = 0;
    calls[SYS_read] = calls[SYS_write] = calls[SYS_exit_group] = 0;
    calls[SYS_clock_gettime] = 0; /* where there is no vdso for it */
    cr_assert_eq(calls[SYS_epoll_ctl], 0);
#ifndef WEIR_MALLOC_ARENA /* the sanitizers make calls of their own */
    for (unsigned i = 0; i < CALLS; i++)
        cr_assert_eq(calls[i], 0, "system call %u", i);
#endif
}
