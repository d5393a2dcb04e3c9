/* SPDX-License-Identifier: Apache-2.0 */
/* What a request costs: the system calls of two plain links that relay requests and responses,
 * counted by tracing a child. */

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/lib/link_side.h"

TestSuite(link_cost, .init = set_up, .fini = tear_down);

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

Test(link_cost, a_proxied_request_costs_two_reads_two_writes_and_nothing_else, .timeout = 20)
{
    static unsigned calls[CALLS];
    pid_t child = fork();
    if (child == 0)
        be_traced();
    int status = count_calls(child, calls);
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
