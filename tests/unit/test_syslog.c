/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to a logging daemon: the daemon is a datagram socket of the test's own, in a folder that
 * the test makes. */

#include "base/syslog.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

static char folder[] = "/tmp/weir-syslog-XXXXXX";
static char path[64], got[16384];

static int daemon_start(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    strcpy(at.sun_path, path);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static const char *receive(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    if (n < 0)
        return NULL;
    got[n] = '\0';
    return got;
}

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    setenv("TZ", "UTC", 1);
}

static void end(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(syslog, .init = begin, .fini = end);

static const uint64_t second_us = UINT64_C(784111777) * 1000000; /* 6 Nov 1994 08:49:37 */

Test(syslog, writes_priority_time_name_and_process_before_the_line)
{
    int fd = daemon_start();
    char want[128];
    struct syslog s;

    cr_assert(syslog_open(&s, path, "weir"));
    cr_assert(syslog_line(&s, SYSLOG_INFO, second_us, SLICE("one")));
    cr_assert(syslog_line(&s, SYSLOG_ERROR, second_us + 60000000, SLICE("two")));
    snprintf(want, sizeof want, "<30>Nov  6 08:49:37 weir[%d]: one", (int)getpid());
    cr_assert_str_eq(receive(fd), want);
    snprintf(want, sizeof want, "<27>Nov  6 08:50:37 weir[%d]: two", (int)getpid());
    cr_assert_str_eq(receive(fd), want);
    cr_assert(!receive(fd));
    syslog_close(&s);
    syslog_close(&s); /* harmless */
    close(fd);
}

/* RFC 5424 6: PRI and version, time in UTC, host, name, process, kind of message, no structured
 * data. */
Test(syslog, writes_the_head_of_rfc_5424)
{
    int fd = daemon_start();
    char want[512], host[256] = "";
    struct syslog s;

    cr_assert_eq(gethostname(host, sizeof host - 1), 0);
    cr_assert(syslog_open(&s, path, "weir"));
    syslog_use(&s, SYSLOG_5424, "access");
    cr_assert(syslog_line(&s, SYSLOG_INFO, UINT64_C(784111777) * 1000000 + 42, SLICE("one")));
    cr_assert(syslog_line(&s, SYSLOG_WARN, UINT64_C(784111777) * 1000000 + 999999, SLICE("two")));
    snprintf(want, sizeof want, "<30>1 1994-11-06T08:49:37.000042Z %s weir %d access - one", host,
             (int)getpid());
    cr_assert_str_eq(receive(fd), want);
    snprintf(want, sizeof want, "<28>1 1994-11-06T08:49:37.999999Z %s weir %d access - two", host,
             (int)getpid());
    cr_assert_str_eq(receive(fd), want);
    syslog_close(&s);
    close(fd);
}

Test(syslog, shows_the_process_that_writes_after_a_fork)
{
    int fd = daemon_start();
    struct syslog s;

    cr_assert(syslog_open(&s, path, "weir"));
    cr_assert(syslog_line(&s, SYSLOG_INFO, second_us, SLICE("parent")));
    pid_t child = fork();
    if (child == 0) {
        syslog_forked(&s);
        _exit(syslog_line(&s, SYSLOG_INFO, second_us, SLICE("child")) ? 0 : 1);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child && status == 0);
    char want[32];
    receive(fd);
    snprintf(want, sizeof want, "weir[%d]: child", (int)child);
    cr_assert(strstr(receive(fd), want));
    syslog_close(&s);
    close(fd);
}

Test(syslog, finds_a_daemon_that_was_restarted)
{
    int fd = daemon_start();
    struct syslog s;

    cr_assert(syslog_open(&s, path, "weir"));
    close(fd);
    cr_assert(!syslog_line(&s, SYSLOG_INFO, second_us, SLICE("lost")));
    cr_assert(errno == ECONNREFUSED);
    unlink(path);
    cr_assert(!syslog_line(&s, SYSLOG_INFO, second_us, SLICE("lost")));
    cr_assert(errno == ENOENT);
    fd = daemon_start();
    cr_assert(syslog_line(&s, SYSLOG_INFO, second_us, SLICE("back")));
    cr_assert(strstr(receive(fd), "back"));
    syslog_close(&s);
    close(fd);
}

Test(syslog, works_when_the_daemon_starts_later)
{
    struct syslog s;
    cr_assert(!syslog_open(&s, path, "weir"));
    cr_assert(errno == ENOENT);
    int fd = daemon_start();
    cr_assert(syslog_line(&s, SYSLOG_INFO, second_us, SLICE("late")));
    cr_assert(strstr(receive(fd), "late"));
    syslog_close(&s);
    close(fd);
}

Test(syslog, says_how_many_datagrams_a_slow_daemon_took)
{
    int fd = daemon_start();
    enum { MANY = 100000 };
    struct iovec *v = calloc(MANY, sizeof *v);
    struct syslog s;

    for (size_t i = 0; i < MANY; i++)
        v[i] = (struct iovec){.iov_base = "x", .iov_len = 1};
    cr_assert(syslog_open(&s, path, "weir"));
    size_t sent = syslog_send(&s, v, MANY);
    cr_assert(sent > 0 && sent < MANY);
    cr_assert(errno == EAGAIN);
    size_t received = 0;
    while (receive(fd))
        received++;
    cr_assert(received == sent);
    cr_assert(syslog_send(&s, v, 1) == 1);
    syslog_close(&s);
    close(fd);
    free(v);
}

Test(syslog, says_that_a_datagram_is_too_large_and_cuts_lines)
{
    int fd = daemon_start();
    enum { HUGE_LEN = 64 << 20 };
    char *huge = calloc(1, HUGE_LEN);
    struct syslog s;

    cr_assert(syslog_open(&s, path, "weir"));
    struct iovec v[2] = {{.iov_base = "ok", .iov_len = 2}, {.iov_base = huge, .iov_len = HUGE_LEN}};
    cr_assert(syslog_send(&s, v, 2) == 1);
    errno = 0;
    cr_assert(syslog_send(&s, v + 1, 1) == 0);
    cr_assert(errno == EMSGSIZE);
    receive(fd);
    cr_assert(syslog_line(&s, SYSLOG_INFO, second_us, slice_of(huge, 10000)));
    cr_assert(recv(fd, got, sizeof got, 0) == 8192);
    syslog_close(&s);
    close(fd);
    free(huge);
}

Test(syslog, writes_journal_fields_with_and_without_newlines)
{
    struct text t;
    text_init(&t);
    journal_field(&t, SLICE("MESSAGE"), SLICE("a=b"));
    journal_field(&t, SLICE("EMPTY"), SLICE(""));
    journal_field(&t, SLICE("LINES"), SLICE("1\n2"));
    const struct slice want = SLICE("MESSAGE=a=b\nEMPTY=\nLINES\n\x03\0\0\0\0\0\0\0"
                                    "1\n2\n");
    cr_assert(slice_eq(text_slice(&t), want));
    text_fini(&t);
}
