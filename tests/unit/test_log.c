/* SPDX-License-Identifier: Apache-2.0 */
/* The error log: the form of a line, levels, the rate limit under a clock of the test's, and
 * files that turn, fill or don't open. */

#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

static struct clock now;
static char last[8192];
static size_t lines;
static char folder[] = "/tmp/weir-test-log-XXXXXX";

static void sink(enum log_level level, struct slice line)
{
    (void)level;
    cr_assert_lt(line.n, sizeof last);
    memcpy(last, line.p, line.n);
    last[line.n] = '\0';
    lines++;
}

static void set_second(uint64_t second)
{
    clock_set(&now, 0, second * SECOND);
}

static void setup(void)
{
    clock_init(&now);
    clock_set(&now, 0, 784111777 * SECOND + 123456);
    log_set_clock(&now);
    log_set_sink(sink);
    log_set_process("worker/0");
}

/* The last line from its event name on. */
static const char *event(void)
{
    const char *at = strstr(last, "] ");
    return at ? at + 2 : last;
}

TestSuite(log, .init = setup);

Test(log, a_line_has_time_level_process_event_and_pairs)
{
    char expected[256];

    log_warn("origin_connect_failed", KV("endpoint", "10.0.0.1:80"), KV_ERRNO(ECONNREFUSED));
    snprintf(expected, sizeof expected,
             "1994-11-06T08:49:37.123456Z warn worker/0[%d] origin_connect_failed "
             "endpoint=10.0.0.1:80 error=\"Connection refused\"",
             (int)getpid());
    cr_assert_str_eq(last, expected);
}

Test(log, values_are_quoted_where_they_have_to_be)
{
    log_info("e", KV("word", "a-b/c:d,e"), KV_INT("n", -5), KV("empty", ""), KV("none", NULL));
    cr_assert_str_eq(event(), "e word=a-b/c:d,e n=-5 empty=\"\" none=\"\"");
    log_info("e", KV("a", "x y"), KV("b", "a=b"), KV("c", "\""), KV("d", "\\"), KV("f", "\n"));
    cr_assert_str_eq(event(), "e a=\"x y\" b=\"a=b\" c=\"\\\"\" d=\"\\\\\" f=\"\\n\"");
    log_info("e", KV_SLICE("esc", SLICE("\x1b[31m")), KV_SLICE("bad", SLICE("\xff")));
    cr_assert_str_eq(event(), "e esc=\"\\u001b[31m\" bad=\"\xef\xbf\xbd\"");
    log_info("bare");
    cr_assert_str_eq(event(), "bare");
}

Test(log, errno_is_as_it_was)
{
    errno = ENOENT;
    log_info("e", KV_ERRNO(EACCES));
    cr_assert_eq(errno, ENOENT);
}

Test(log, levels_let_through_what_is_at_least_as_grave)
{
    static const enum log_level levels[] = {LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_TRACE};

    cr_assert(log_enabled(LEVEL_INFO) && !log_enabled(LEVEL_TRACE), "the default is info");
    for (size_t i = 0; i < 4; i++) {
        log_set_level(levels[i]);
        lines = 0;
        log_error("a");
        log_warn("b");
        log_info("c");
        log_trace("d");
        cr_assert_eq(lines, i + 1);
    }
    log_set_level(LEVEL_ERROR);
    lines = 0;
    log_event(LEVEL_WARN, "direct", NULL, 0);
    cr_assert_eq(lines, 0);
}

Test(log, arguments_of_a_level_that_is_off_are_not_evaluated)
{
    int n = 0;

    log_trace("t", KV_INT("n", ++n));
    cr_assert_eq(n, 0);
    log_info("t", KV_INT("n", ++n));
    cr_assert_eq(n, 1);
}

Test(log, level_names)
{
    enum log_level level = LEVEL_INFO;

    cr_assert(log_level_from(SLICE("error"), &level) && level == LEVEL_ERROR);
    cr_assert(log_level_from(SLICE("warn"), &level) && level == LEVEL_WARN);
    cr_assert(log_level_from(SLICE("info"), &level) && level == LEVEL_INFO);
    cr_assert(log_level_from(SLICE("trace"), &level) && level == LEVEL_TRACE);
    cr_assert(!log_level_from(SLICE("debug"), &level) && level == LEVEL_TRACE);
    cr_assert(!log_level_from(SLICE(""), &level));
}

Test(log, a_line_too_long_is_cut_and_says_so)
{
    static char value[10000];

    memset(value, 'v', sizeof value - 1);
    log_info("long", KV("a", value), KV("b", "behind"));
    cr_assert_leq(strlen(last), 4095);
    cr_assert_gt(strlen(last), 4000);
    cr_assert_str_eq(last + strlen(last) - 7, "vvv ...");
}

/* -- rate limit --------------------------------------------------------------------------------*/

Test(log, a_burst_is_suppressed_and_counted)
{
    log_set_burst(3);
    set_second(100);
    for (int i = 0; i < 10; i++)
        log_warn("noisy", KV_INT("i", i));
    cr_assert_eq(lines, 3);
    cr_assert_str_eq(event(), "noisy i=2");
    log_warn("other");
    cr_assert_str_eq(event(), "other");
    set_second(101);
    log_warn("noisy", KV_INT("i", 10));
    cr_assert_str_eq(event(), "noisy suppressed=7 i=10");
    log_warn("noisy", KV_INT("i", 11));
    cr_assert_str_eq(event(), "noisy i=11");
}

Test(log, no_burst_no_limit)
{
    log_set_burst(0);
    for (int i = 0; i < 1000; i++)
        log_warn("noisy");
    cr_assert_eq(lines, 1000);
}

Test(log, more_names_than_the_table_holds_are_limited_together)
{
    char name[24];

    log_set_burst(1);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "name_%d", i);
            log_warn(name);
        }
    cr_assert_eq(lines, 129, "128 by name and one for all others: %zu", lines);
    char long_name[100];
    memset(long_name, 'n', sizeof long_name);
    long_name[99] = '\0';
    log_warn(long_name);
    cr_assert_eq(lines, 129);
}

/* -- files -------------------------------------------------------------------------------------*/

static const char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *content(const char *name)
{
    static char text[8192];
    FILE *f = fopen(path_of(name), "r");
    size_t n = 0;

    if (f) {
        n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
    }
    text[n] = '\0';
    return text;
}

static void setup_files(void)
{
    setup();
    log_set_sink(NULL);
    umask(022);
    cr_assert_not_null(mkdtemp(folder));
}

static void teardown_files(void)
{
    static const char *const names[] = {"a.log", "b.log", "a.log.1", "pipe"};

    cr_assert(log_open(NULL));
    for (size_t i = 0; i < array_n(names); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

TestSuite(log_file, .init = setup_files, .fini = teardown_files);

Test(log_file, lines_are_appended_at_once)
{
    struct stat st;

    cr_assert(log_open(path_of("a.log")));
    log_info("one");
    cr_assert(strstr(content("a.log"), "] one\n"));
    cr_assert(log_open(path_of("a.log")));
    log_info("two");
    cr_assert(strstr(content("a.log"), "] one\n"));
    cr_assert(strstr(content("a.log"), "] two\n"));
    cr_assert_eq(stat(path_of("a.log"), &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0640);
}

Test(log_file, is_reopened_after_it_was_moved_away)
{
    char old[64];

    cr_assert(log_open(path_of("a.log")));
    log_info("one");
    strcpy(old, path_of("a.log"));
    cr_assert_eq(rename(old, path_of("a.log.1")), 0);
    log_info("two");
    cr_assert(log_reopen());
    log_info("three");
    cr_assert(strstr(content("a.log.1"), "] two\n"));
    cr_assert_null(strstr(content("a.log.1"), "three"));
    cr_assert(strstr(content("a.log"), "] three\n"));
    cr_assert_null(strstr(content("a.log"), "two"));
}

Test(log_file, one_that_does_not_open_leaves_the_log_as_it_was)
{
    char long_path[PATH_MAX + 10];

    cr_assert(log_open(path_of("a.log")));
    errno = 0;
    cr_assert(!log_open("/nonexistent/weir.log"));
    cr_assert_eq(errno, ENOENT);
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    cr_assert(!log_open(long_path));
    cr_assert_eq(errno, ENAMETOOLONG);
    log_info("still");
    cr_assert(strstr(content("a.log"), "] still\n"));
    cr_assert(log_reopen());
    log_info("again");
    cr_assert(strstr(content("a.log"), "] again\n"));
}

Test(log_file, descriptors_are_closed_and_not_inherited)
{
    cr_assert(log_open(path_of("a.log")));
    const int probe = open("/dev/null", O_RDONLY);
    cr_assert_neq(fcntl(probe - 1, F_GETFD) & FD_CLOEXEC, 0);
    close(probe);
    for (int i = 0; i < 50; i++)
        cr_assert(log_open(path_of(i % 2 ? "a.log" : "b.log")) && log_reopen());
    const int later = open("/dev/null", O_RDONLY);
    cr_assert_leq(later, probe + 1);
    close(later);
}

Test(log_file, a_shorter_path_after_a_longer_one_is_the_one_reopened)
{
    cr_assert(log_open(path_of("a.log.1")));
    cr_assert(log_open(path_of("a.log")));
    cr_assert(log_reopen());
    log_info("here");
    cr_assert(strstr(content("a.log"), "] here\n"));
    cr_assert_str_eq(content("a.log.1"), "");
}

Test(log_file, stderr_goes_by_two_names)
{
    const int to_file = open(path_of("b.log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    cr_assert_eq(dup2(to_file, STDERR_FILENO), STDERR_FILENO);
    cr_assert(log_open(path_of("a.log")));
    cr_assert(log_open(NULL));
    log_info("one");
    cr_assert(log_open(path_of("a.log")));
    cr_assert(log_open("stderr"));
    cr_assert(log_reopen());
    log_info("two");
    cr_assert(strstr(content("b.log"), "] one\n"));
    cr_assert(strstr(content("b.log"), "] two\n"));
    cr_assert_str_eq(content("a.log"), "");
    close(to_file);
}

Test(log_file, chown_gives_the_file_away)
{
    struct stat st;

    cr_assert(log_open(path_of("a.log")));
    cr_assert(log_chown(getuid(), getgid()));
    if (geteuid() != 0) {
        cr_assert(!log_chown(0, 0));
        return;
    }
    cr_assert(log_chown(12345, 12346));
    cr_assert_eq(stat(path_of("a.log"), &st), 0);
    cr_assert(st.st_uid == 12345 && st.st_gid == 12346);
}

Test(log_file, chown_leaves_stderr_alone)
{
    const int to_file = open(path_of("b.log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct stat st;

    cr_assert_eq(dup2(to_file, STDERR_FILENO), STDERR_FILENO);
    cr_assert(log_chown(12345, 12346));
    cr_assert_eq(fstat(to_file, &st), 0);
    cr_assert_eq(st.st_uid, geteuid());
    close(to_file);
}

/* A pipe that nobody empties stands for every destination that takes no more. */
Test(log_file, lines_that_are_not_taken_are_counted_and_not_waited_for)
{
    static char buffer[1 << 17], value[3000];
    memset(value, 'v', sizeof value - 1);
    log_set_burst(0);
    cr_assert_eq(mkfifo(path_of("pipe"), 0600), 0);
    const int reader = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    cr_assert(log_open(path_of("pipe")));
    for (int i = 0; i < 100; i++)
        log_info("fill", KV("v", value));
    const ssize_t n = read(reader, buffer, sizeof buffer);
    cr_assert_gt(n, 0);
    int written = 0;
    for (ssize_t i = 0; i < n; i++)
        written += buffer[i] == '\n';
    cr_assert(written > 0 && written < 100);
    cr_assert_eq(buffer[n - 1], '\n', "only whole lines");

    char expected[32];
    snprintf(expected, sizeof expected, "next lost=%d\n", 100 - written);
    log_info("next");
    cr_assert_gt(read(reader, buffer, sizeof buffer), 0);
    cr_assert(strstr(buffer, expected), "%.200s", buffer);
    log_info("after");
    memset(buffer, 0, 256);
    cr_assert_gt(read(reader, buffer, sizeof buffer), 0);
    cr_assert(strstr(buffer, "] after\n"), "%.200s", buffer);
    close(reader);
}

Test(log_file, without_a_clock_the_machine_says_the_time)
{
    struct clock real;
    char before[32], after[32];

    log_set_clock(NULL);
    cr_assert(log_open(path_of("a.log")));
    clock_init(&real);
    strcpy(before, clock_stamp(&real).p);
    log_info("e");
    clock_update(&real);
    strcpy(after, clock_stamp(&real).p);
    const char *line = content("a.log");
    cr_assert(strncmp(line, before, 27) >= 0 && strncmp(line, after, 27) <= 0, "%s", line);
}

Test(log, a_shared_level_counts_instead_of_the_own_while_it_is_set)
{
    static _Atomic uint64_t shared;
    log_set_level(LEVEL_INFO);
    log_share_level(&shared);
    cr_assert(log_enabled(LEVEL_INFO) && !log_enabled(LEVEL_TRACE));
    shared = LEVEL_ERROR + 1;
    cr_assert(log_enabled(LEVEL_ERROR) && !log_enabled(LEVEL_WARN));
    shared = LEVEL_TRACE + 1;
    cr_assert(log_enabled(LEVEL_TRACE));
    shared = 0;
    cr_assert(log_enabled(LEVEL_INFO) && !log_enabled(LEVEL_TRACE));
    log_share_level(NULL);
    cr_assert_str_eq(log_level_name(LEVEL_WARN), "warn");
}
