/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as events of a loop, and what a process no longer dies of. */

#include "io/signals.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct loop lp;
static struct signals sg;
static unsigned heard[NSIG];

static void on_signal(struct signals *s, int signo)
{
    cr_assert_eq(s, &sg);
    heard[signo]++;
}

static void on_signal_stop(struct signals *s, int signo)
{
    on_signal(s, signo);
    signals_stop(s);
}

static void begin(void)
{
    signals_block();
    loop_init(&lp, 16);
}

static void end(void)
{
    loop_fini(&lp);
}

TestSuite(signals, .init = begin, .fini = end);

Test(signals, keeps_what_came_before_anybody_listened)
{
    kill(getpid(), SIGHUP);
    signals_start(&sg, &lp, on_signal);
    loop_turn(&lp);
    cr_assert_eq(heard[SIGHUP], 1);
    signals_stop(&sg);
}

Test(signals, tells_every_signal_that_a_process_of_the_gateway_knows)
{
    static const int all[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};
    signals_start(&sg, &lp, on_signal);
    for (size_t i = 0; i < array_n(all); i++)
        kill(getpid(), all[i]);
    loop_turn(&lp);
    for (size_t i = 0; i < array_n(all); i++)
        cr_assert_eq(heard[all[i]], 1, "signal %d", all[i]);
    loop_turn(&lp);
    cr_assert_eq(heard[SIGHUP], 1, "once only");
    signals_stop(&sg);
}

Test(signals, may_be_stopped_from_inside_and_then_tells_no_more)
{
    signals_start(&sg, &lp, on_signal_stop);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    loop_turn(&lp);
    cr_assert_eq(heard[SIGUSR1] + heard[SIGUSR2], 1);
    cr_assert_eq(sg.fd, -1);
    loop_turn(&lp);
    cr_assert_eq(heard[SIGUSR1] + heard[SIGUSR2], 1);
}

Test(signals, a_write_to_a_closed_pipe_only_fails)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(write(ends[1], "x", 1), -1);
    cr_assert_eq(errno, EPIPE);
    close(ends[1]);
}

Test(signals, a_file_at_its_size_limit_only_fails)
{
    FILE *f = tmpfile();
    cr_assert(f);
    const struct rlimit few = {.rlim_cur = 4, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    cr_assert_eq(write(fileno(f), "four", 4), 4);
    cr_assert_eq(write(fileno(f), "more", 4), -1);
    cr_assert_eq(errno, EFBIG);
    fclose(f);
}
