/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as they end, for who looks: over the admin socket and by weirctl logs; and the error
 * log's level at run time. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(logs_live, .init = begin, .fini = rig_end, .timeout = 120);

/* A reader of the stream; its head is read. */
static struct talk *look(const char *filter)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    char content[256];
    const int n = snprintf(content, sizeof content, "{\"filter\":\"%s\"}", filter);
    talk_send(t, "POST /v1/logs/stream HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", n,
              content);
    const struct response *r = talk_head(t);
    cr_assert_eq(r->status, 200, "%s", r->fault);
    return t;
}

/* What has come, once `needle` is in it. */
static const char *seen(struct talk *t, const char *needle)
{
    static char text[256 * 1024];
    const uint64_t end = now_ms() + DEADLINE_MS;
    for (;;) {
        const struct slice rest = talk_rest(t);
        const size_t n = rest.n < sizeof text - 1 ? rest.n : sizeof text - 1;
        memcpy(text, rest.p, n);
        text[n] = '\0';
        if (strstr(text, needle))
            return text;
        cr_assert(now_ms() < end, "\"%s\" isn't in: %s", needle, text);
        cr_assert(talk_pull(t, 100) != 0, "it ended: %s", text);
    }
}

Test(logs_live, shows_requests_as_they_end_whatever_the_format_is)
{
    rig_start(.workers = 2, .log = "format = \"common\";");
    struct talk *t = look("");
    cr_assert_eq(get("/first?size=7")->status, 200);
    const char *line = seen(t, "\"path\":\"/first\"");
    cr_assert(strstr(line, "\"status\":200") && strstr(line, "\"route\":\"all\""), "%s", line);
    talk_close(t);
}

Test(logs_live, shows_each_reader_what_its_filter_takes)
{
    rig_start(.workers = 1);
    struct talk *bad = look("status>=500 path~^/b"), *all = look("path!=/never");
    get("/a?status=503"), get("/b?status=200"), get("/b?status=502"), get("/end?status=200");
    const char *line = seen(all, "\"path\":\"/end\"");
    cr_assert(strstr(line, "\"path\":\"/a\"") && strstr(line, "\"path\":\"/b\""), "%s", line);
    line = seen(bad, "\"status\":502");
    cr_assert(!strstr(line, "/a\"") && !strstr(line, "\"status\":200") && !strstr(line, "/end"),
              "%s", line);
    talk_close(bad);
    talk_close(all);
}

Test(logs_live, refuses_filters_that_make_no_sense)
{
    rig_start(.workers = 1);
    cr_assert_eq(weirctl_run("logs rout=all"), 1);
    WEIRCTL_SAYS("a line has no field \"rout\", did you mean \"route\"?");
    cr_assert_eq(weirctl_run("logs --lines 0"), 2);
    WEIRCTL_SAYS("allowed is a number from 1");
}

/* Many more than the rings hold between two looks: what is shown and what is said to be missing is
 * all there was. */
Test(logs_live, says_how_many_lines_are_missing)
{
    rig_start(.workers = 1);
    struct talk *t = look("path=/many");
    load_start(.clients = 16, .request = "GET /many?size=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    load_await(4000);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    const uint64_t end = now_ms() + DEADLINE_MS;
    for (long total = 0; total != (long)r.ok;) {
        cr_assert(now_ms() < end, "%ld of %u", total, r.ok);
        (void)talk_pull(t, 100);
        const struct slice rest = talk_rest(t);
        total = 0;
        for (const char *p = rest.p, *stop = rest.p + rest.n;
             p + 8 < stop && memchr(p, '\n', (size_t)(stop - p)); p++)
            if (!memcmp(p, "{\"lost\":", 8))
                total += atol(p + 8);
            else if (!memcmp(p, "{\"time\":", 8))
                total++;
    }
    talk_close(t);
}

/* weirctl in the background, into a file; it ends by itself. */
static pid_t weirctl_in_background(const char *arguments)
{
    const pid_t pid = fork();
    if (pid)
        return pid;
    char command[1024];
    snprintf(command, sizeof command, "exec %s -s %s %s >%s 2>&1", WEIRCTL_BINARY,
             rig_path("admin.sock"), arguments, rig_path("said"));
    execl("/bin/sh", "sh", "-c", command, NULL);
    _exit(127);
}

Test(logs_live, weirctl_follows_over_a_reload)
{
    rig_start(.workers = 2);
    const pid_t pid = weirctl_in_background("logs -f --lines 2 'path~^/see'");
    int status;
    char *said;
    /* Until it looks nothing is shown. */
    AWAIT(
        (get("/see-one"), said = rig_read("said"), *said ? free(said), true : (free(said), false)));
    rig_renew(.workers = 1);
    AWAIT((get("/see-two"), waitpid(pid, &status, WNOHANG) == pid));
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    said = rig_read("said");
    cr_assert(strstr(said, " 200 ") && strstr(said, "GET ") && strstr(said, "/see-") &&
                  strstr(said, "route=all"),
              "%s", said);
    free(said);
}

/* Without -f it ends by itself. */
Test(logs_live, weirctl_shows_the_next_ten)
{
    int status;
    rig_start();
    const pid_t pid = weirctl_in_background("logs");
    AWAIT((get("/x"), waitpid(pid, &status, WNOHANG) == pid));
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unsigned lines = 0;
    char *said = rig_read("said");
    for (const char *at = said; (at = strchr(at, '\n')); at++)
        lines++;
    cr_assert_eq(lines, 10, "%s", said);
    free(said);
}

Test(logs_live, the_level_changes_in_all_processes_until_the_file_changes_it)
{
    rig_start(.workers = 1);
    cr_assert_eq(weirctl_run("log level"), 0);
    WEIRCTL_SAYS("up to level info.");
    cr_assert_eq(weirctl_run("log level error"), 0);
    WEIRCTL_SAYS("up to level error; the configuration says info.");
    const unsigned before = rig_log_count("logs_reopened");
    rig_signal(SIGUSR1);
    cr_assert_eq(weirctl_run("log level info"), 0); /* it has passed the master by then */
    rig_signal(SIGUSR1);
    rig_await_log("logs_reopened");
    cr_expect_eq(rig_log_count("logs_reopened"), before + 1);
    cr_assert_eq(weirctl_run("log level error"), 0);
    cr_assert_eq(weirctl_run("reload"), 0); /* nothing says so in the log */
    cr_assert_eq(weirctl_run("log level"), 0);
    WEIRCTL_SAYS("up to level error; the configuration says info.");
    rig_write_conf((struct rig_conf){.workers = 1, .log = "level = \"warn\";"});
    cr_assert_eq(weirctl_run("reload"), 0);
    WEIRCTL_SAYS("log.level: the file changes it; the override of log/level by ");
    cr_assert_eq(weirctl_run("log level"), 0);
    WEIRCTL_SAYS("up to level warn.");
    cr_assert_eq(weirctl_run("log level loud"), 1);
    WEIRCTL_SAYS("a level is \"error\", \"warn\", \"info\" or \"trace\"");
}
