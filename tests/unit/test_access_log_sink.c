/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lines of the access log go, and what happens when they can't. Daemons are sockets of the
 * test's own. */
#include "tests/unit/access_log_case.h"

TestSuite(access_log_sink, .init = begin, .fini = end);

/* -- files ------------------------------------------------------------------------------------- */

Test(access_log_sink, gathers_lines_and_writes_them_when_flush_has_passed)
{
    struct access_log *l = open_log("%{exchange}");
    access_log_start(l, &loop);
    access_log_exchange(l, &x);
    pass_ms(600);
    x.id = 6;
    access_log_exchange(l, &x);
    pass_ms(300);
    EQ(content(path), "");
    pass_ms(200); /* the first line has waited 1.1 s */
    EQ(content(path), "5\n6\n");
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(path), "5\n6\n6\n");
}

Test(access_log_sink, writes_when_the_buffer_is_full_and_keeps_lines_whole)
{
    lc.buffer = 100;
    struct access_log *l = open_log("%{exchange} 456789"); /* 9 bytes with newline */
    for (x.id = 100; x.id < 110; x.id++)
        access_log_exchange(l, &x);
    cr_assert(strlen(content(path)) == 0 || strlen(content(path)) % 11 == 0);
    access_log_flush(l);
    const char *have = content(path);
    cr_assert(strlen(have) == 110);
    for (int i = 0; i < 10; i++)
        cr_assert(strtol(have + 11 * i, NULL, 10) == 100 + i);
    access_log_close(l);
}

Test(access_log_sink, writes_a_line_that_is_larger_than_the_buffer)
{
    static char long_path[5000];
    memset(long_path, 'p', sizeof long_path);
    lc.buffer = 100;
    struct access_log *l = open_log("%{path}");
    access_log_exchange(l, &x);
    x.target.path = slice_of(long_path, sizeof long_path);
    access_log_exchange(l, &x);
    x.target.path = SLICE("/end");
    access_log_exchange(l, &x);
    access_log_close(l);
    const char *have = content(path);
    cr_assert(strlen(have) == 4 + 5001 + 5);
    cr_assert(strncmp(have, "/ab\nppp", 7) == 0 && strcmp(have + 5004, "\n/end\n") == 0);
}

Test(access_log_sink, appends_to_what_is_there_and_opens_anew_after_rotation)
{
    char old[80];
    snprintf(old, sizeof old, "%s.1", path);
    struct access_log *l = open_log("%{exchange}");
    access_log_exchange(l, &x);
    cr_assert(rename(path, old) == 0);
    access_log_exchange(l, &x);
    cr_assert(access_log_reopen(l));
    EQ(content(old), "5\n5\n");
    access_log_exchange(l, &x);
    access_log_flush(l);
    EQ(content(path), "5\n");
    struct stat st;
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
    access_log_close(l);
    l = open_log("%{exchange}");
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(path), "5\n5\n");
    unlink(old);
}

Test(access_log_sink, keeps_the_old_file_when_it_cannot_be_opened_anew)
{
    char old[80];
    snprintf(old, sizeof old, "%s.1", path);
    struct access_log *l = open_log("%{exchange}");
    cr_assert(rename(path, old) == 0);
    cr_assert(mkdir(path, 0700) == 0);
    cr_assert(!access_log_reopen(l));
    cr_assert(errno == EISDIR);
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(old), "5\n");
    rmdir(path);
    unlink(old);
}

Test(access_log_sink, says_why_a_file_cannot_be_opened)
{
    lc.access = SLICE("/nowhere/at/all.log");
    cr_assert(!access_log_open(&lc, compile("json"), -1, -1, &faults));
    cr_assert(strstr(faults.first->text, "/nowhere/at/all.log: No such file"));
}

/* -- sinks that fail --------------------------------------------------------------------------- */

Test(access_log_sink, drops_and_counts_when_the_disk_is_full_and_says_so_once)
{
    lc.access = SLICE("/dev/full");
    lc.buffer = 64;
    struct access_log *l = open_log("%{exchange}");
    access_log_start(l, &loop);
    for (int i = 0; i < 40; i++)
        access_log_exchange(l, &x);
    const uint64_t dropped = access_log_dropped(l);
    cr_assert(dropped >= 40 - 64 / 2 && dropped < 40); /* a line is "5\n" */
    pass_ms(2000);                                     /* tries again, in vain */
    for (int i = 0; i < 10; i++)
        access_log_exchange(l, &x);
    cr_assert(access_log_dropped(l) == dropped + 10);
    const char *once = strstr(told, "access_log_dropping");
    cr_assert(once && strstr(once, "No space left on device"));
    cr_assert(!strstr(once + 1, "access_log_dropping"));
    access_log_close(l);
}

/* The limit on the size of a file stands for a disk that fills up within a write. */
Test(access_log_sink, gives_up_the_line_that_was_torn_and_spoils_no_other)
{
    struct rlimit was, small = {.rlim_cur = 25, .rlim_max = RLIM_INFINITY};
    cr_assert(getrlimit(RLIMIT_FSIZE, &was) == 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    struct access_log *l = open_log("%{exchange} 45678"); /* 10 bytes with newline */
    access_log_start(l, &loop);
    for (x.id = 100; x.id < 104; x.id++)
        access_log_exchange(l, &x);
    cr_assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
    access_log_flush(l);
    cr_assert(setrlimit(RLIMIT_FSIZE, &was) == 0);
    cr_assert(access_log_dropped(l) == 1);
    pass_ms(1100); /* the rest is tried again */
    EQ(content(path), "100 45678\n101 45678\n102 4\n103 45678\n");
    cr_assert(strstr(told, "access_log_dropping") && strstr(told, "access_log_recovered"));
    cr_assert(strstr(told, "dropped=1"));
    access_log_close(l);
}

/* -- standard output --------------------------------------------------------------------------- */

static int saved_stdout;

static void redirect_stdout(int fd)
{
    fflush(stdout);
    saved_stdout = dup(STDOUT_FILENO);
    cr_assert(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
    lc.access = SLICE("stdout");
}

static void restore_stdout(void)
{
    dup2(saved_stdout, STDOUT_FILENO);
    close(saved_stdout);
}

static size_t drain(int fd)
{
    static char got[1 << 20];
    size_t n = 0;
    for (ssize_t r; (r = read(fd, got + n, sizeof got - n)) > 0;)
        n += (size_t)r;
    return n;
}

static void never_blocks_on(int ends[2])
{
    enum { LINES = 100000, LINE_LEN = 20 };
    lc.buffer = 4096;
    redirect_stdout(ends[1]);
    cr_assert(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    struct access_log *l = open_log("%{exchange} 3456789012345");
    for (x.id = 100000; x.id < 100000 + LINES; x.id++)
        access_log_exchange(l, &x);
    const uint64_t dropped = access_log_dropped(l);
    size_t got = drain(ends[0]);
    access_log_flush(l); /* there is room now */
    got += drain(ends[0]);
    cr_assert(dropped > 0 && dropped < LINES);
    cr_assert(got == (LINES - dropped) * (LINE_LEN + 1));
    access_log_close(l);
    cr_assert(!(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK)); /* it isn't ours to change */
    restore_stdout();
    close(ends[0]);
    close(ends[1]);
}

Test(access_log_sink, never_blocks_on_a_pipe_that_nobody_reads)
{
    int ends[2];
    cr_assert(pipe(ends) == 0);
    never_blocks_on(ends);
}

Test(access_log_sink, never_blocks_on_a_stream_socket_that_nobody_reads)
{
    int ends[2];
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    never_blocks_on(ends);
}

/* -- daemons ----------------------------------------------------------------------------------- */

static char got[8192];

static const char *receive(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    if (n < 0)
        return NULL;
    got[n] = '\0';
    return got;
}

/* A sink on one end of a socket pair in place of a daemon's socket. */
static struct access_log *open_daemon(const char *which, const char *format, int *daemon)
{
    int ends[2];
    lc.access = slice_str(which);
    struct access_log *l = open_log(format);
    cr_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
    syslog_close(&access_log_sink(l)->syslog);
    access_log_sink(l)->syslog.fd = ends[1];
    *daemon = ends[0];
    return l;
}

Test(access_log_sink, sends_each_line_to_syslog_as_a_datagram)
{
    int fd;
    struct access_log *l = open_daemon("syslog", "%{exchange} done", &fd);
    access_log_exchange(l, &x);
    x.id = 6;
    access_log_exchange(l, &x);
    cr_assert(!receive(fd));
    access_log_flush(l);
    cr_assert(receive(fd) && strncmp(got, "<30>", 4) == 0);
    const char *at = strstr(got, " weir[");
    cr_assert(at && strstr(at, "]: 5 done") && strchr(at, '\n') == NULL);
    cr_assert(receive(fd) && strstr(got, "]: 6 done"));
    cr_assert(!receive(fd));
    access_log_close(l);
    close(fd);
}

Test(access_log_sink, sends_lines_and_fields_to_journald)
{
    int fd;
    succeed();
    struct access_log *l = open_daemon("journald", "%{exchange} done", &fd);
    access_log_exchange(l, &x);
    access_log_flush(l);
    cr_assert(receive(fd));
    cr_assert(strncmp(got, "PRIORITY=6\nSYSLOG_IDENTIFIER=weir\nMESSAGE=5 done\nWEIR_TIME=1994",
                      63) == 0);
    cr_assert(strstr(got, "\nWEIR_STATUS=200\n") && strstr(got, "\nWEIR_ROUTE=shop\n"));
    cr_assert(strstr(got, "\nWEIR_REUSED=1\n"));
    cr_assert(strstr(got, "\nWEIR_TRIES=closed@10.0.0.7:80+70,200@10.0.0.8:80+9300\n"));
    access_log_close(l);
    close(fd);
}

Test(access_log_sink, keeps_lines_for_a_daemon_that_is_behind)
{
    enum { LINES = 2000 };
    int fd, n = 0;
    struct access_log *l = open_daemon("syslog", "%{exchange}", &fd);
    for (x.id = 1; x.id <= LINES; x.id++)
        access_log_exchange(l, &x);
    while (n < LINES - (int)access_log_dropped(l)) {
        access_log_flush(l);
        const int before = n;
        while (receive(fd)) { /* in their order */
            n++;
            cr_assert(atoi(strstr(got, "]: ") + 3) == n, "%d: %s", n, got);
        }
        cr_assert(n > before);
    }
    cr_assert(access_log_dropped(l) < LINES / 2);
    access_log_close(l);
    close(fd);
}

Test(access_log_sink, skips_a_line_that_no_datagram_can_hold)
{
    enum { HUGE_LEN = 16 << 20 };
    char *huge = malloc(HUGE_LEN);
    int fd;
    memset(huge, 'h', HUGE_LEN);
    lc.buffer = HUGE_LEN + 1024;
    struct access_log *l = open_daemon("syslog", "%{path}", &fd);
    access_log_exchange(l, &x);
    x.target.path = slice_of(huge, HUGE_LEN);
    access_log_exchange(l, &x);
    x.target.path = SLICE("/after");
    access_log_exchange(l, &x);
    access_log_flush(l);
    cr_assert(receive(fd) && strstr(got, "]: /ab"));
    cr_assert(receive(fd) && strstr(got, "]: /after"));
    cr_assert(access_log_dropped(l) == 1);
    access_log_close(l);
    close(fd);
    free(huge);
}
