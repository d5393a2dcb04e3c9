/* SPDX-License-Identifier: Apache-2.0 */
/* Plain links over socketpairs: reading, writing, back-pressure, every way to end, and the limits.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/lib/link_side.h"

TestSuite(link_plain, .init = set_up_pair, .fini = tear_down);

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
    cr_assert_str_eq(a.seen, "s");
    link_send(a.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "s", "a full socket isn't tried again");
    size_t got = 0;
    for (unsigned i = 0; i < 1000 && got < total; i++) {
        got += far_read();
        loop_turn(&lp);
    }
    got += far_read();
    cr_assert_eq(got, total);
    const char *room = strchr(a.seen, 'm');
    cr_assert(room && !strchr(room + 1, 'm'), "room once: %s", a.seen);
    cr_assert_eq(strchr(a.seen, 'd'), a.seen + strlen(a.seen) - 1, "drained once, at the end");
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
