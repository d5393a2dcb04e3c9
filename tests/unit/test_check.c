/* SPDX-License-Identifier: Apache-2.0 */
/* must(): silent while the invariant holds; a line, the hook and SIGABRT when it doesn't. */

#include "base/check.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_so(const char *cond, const char *file, int line)
{
    (void)file;
    (void)line;
    dprintf(STDERR_FILENO, "hook: %s\n", cond);
}

static void fail_again(const char *cond, const char *file, int line)
{
    (void)file;
    (void)line;
    must(!cond);
}

/* Runs must(1 == 2) in a child with this hook; returns the wait status, and stderr in `out`. */
static int run_failure(void (*hook)(const char *, const char *, int), char *out, size_t size)
{
    int fds[2], status;
    size_t n = 0;
    ssize_t got;

    cr_assert_eq(pipe(fds), 0);
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        must_hook = hook;
        must(1 == 2);
        _exit(0);
    }
    close(fds[1]);
    while (n < size - 1 && (got = read(fds[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(fds[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

Test(check, what_holds_is_silent_and_evaluated_once)
{
    int n = 0;
    must(++n == 1);
    cr_assert_eq(n, 1);
}

Test(check, a_failure_names_condition_and_place_and_aborts)
{
    char out[512];
    const int status = run_failure(NULL, out, sizeof out);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert(strstr(out, "must(1 == 2) failed"), "%s", out);
    cr_assert(strstr(out, "test_check.c:"), "%s", out);
}

Test(check, the_hook_runs_before_the_abort)
{
    char out[512];
    const int status = run_failure(say_so, out, sizeof out);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert(strstr(out, "failed\nhook: 1 == 2\n"), "%s", out);
}

Test(check, a_failure_in_the_hook_aborts_at_once)
{
    char out[512];
    const int status = run_failure(fail_again, out, sizeof out);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_null(strstr(out, "!cond"), "%s", out);
}

Test(check, container_of_finds_the_outer_object)
{
    struct outer {
        char before[24];
        int inner;
    } o;
    cr_assert_eq(container_of(&o.inner, struct outer, inner), &o);
}
