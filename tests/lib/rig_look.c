/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of a running weir from outside: files, /proc, the admin socket. */
#include "tests/lib/rig.h"

#include "base/text.h"
#include "tests/lib/rig_parts.h"
#include "tests/lib/talk.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *found; /* the line that was found last */

void rig_parts_end(void)
{
    free(found);
    found = NULL;
}

/* -- files ------------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    struct text t;
    text_init(&t);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0; t.n += n > 0 ? (size_t)n : 0) {
        text_need(&t, 64 * 1024);
        n = read(fd, t.p + t.n, 64 * 1024);
    }
    if (fd >= 0)
        close(fd);
    text_char(&t, 0);
    return t.p;
}

char *rig_read(const char *file)
{
    return read_file(rig_path(file));
}

/* The first whole line behind `from` that contains the needle, in `found`. Its end, or 0. */
static size_t find_line(const char *file, size_t from, const char *needle)
{
    char *all = rig_read(file);
    const char *at = strlen(all) > from ? strstr(all + from, needle) : NULL;
    const char *end = at ? strchr(at, '\n') : NULL;
    const size_t ended = end ? (size_t)(end - all) + 1 : 0;
    if (end) {
        while (at > all && at[-1] != '\n')
            at--;
        free(found);
        found = strndup(at, (size_t)(end - at));
    }
    free(all);
    return ended;
}

static unsigned count(const char *file, const char *needle)
{
    char *all = rig_read(file);
    unsigned n = 0;
    for (const char *p = all; (p = strstr(p, needle)); p += strlen(needle))
        n++;
    free(all);
    return n;
}

const char *rig_await_log(const char *needle)
{
    size_t end;
    const uint64_t until = now_ms() + DEADLINE_MS;
    while (!(end = find_line("stderr", rig.log_at, needle))) {
        char *all = rig_read("stderr");
        cr_assert(now_ms() < until, "the log doesn't say \"%s\":\n%s", needle, all);
        free(all);
        sleep_ms(LOOK_MS);
    }
    rig.log_at = end;
    return found;
}

bool rig_logged(const char *needle)
{
    return find_line("stderr", 0, needle) > 0;
}

unsigned rig_log_count(const char *needle)
{
    return count("stderr", needle);
}

const char *rig_await_access(const char *needle)
{
    const uint64_t until = now_ms() + DEADLINE_MS;
    while (!find_line("access.log", 0, needle)) {
        char *all = rig_read("access.log");
        cr_assert(now_ms() < until, "the access log doesn't say \"%s\":\n%s", needle, all);
        free(all);
        sleep_ms(LOOK_MS);
    }
    return found;
}

unsigned rig_access_lines(void)
{
    return count("access.log", "\n");
}

const char *json_of(const char *line, const char *key)
{
    static char values[4][512];
    static unsigned turn;
    char *value = values[turn++ % 4], quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    *value = 0;
    if (!at)
        return value;
    at += strlen(quoted);
    const bool text = *at == '"', list = *at == '[';
    snprintf(value, sizeof values[0], "%.*s",
             (int)(text   ? strcspn(at + 1, "\"")
                   : list ? strcspn(at, "]") + 1
                          : strcspn(at, ",}")),
             at + text);
    return value;
}

/* -- processes --------------------------------------------------------------------------------- */

static bool read_parent(pid_t pid, pid_t *parent, char *state)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = read_file(path);
    const char *end = strrchr(text, ')');
    int ppid = 0;
    const bool ok = end && sscanf(end + 1, " %c %d", state, &ppid) == 2;
    *parent = ppid;
    free(text);
    return ok;
}

/* A child of the test, or of one: masters of upgrades are children of one another. */
static bool is_ours(pid_t pid)
{
    char state;
    for (int depth = 0; depth < 64 && pid > 1; depth++) {
        if (!read_parent(pid, &pid, &state))
            return false;
        if (pid == getpid())
            return true;
    }
    return false;
}

static bool has_title(pid_t pid, const char *title)
{
    char path[64], want[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    snprintf(want, sizeof want, "weir: %s", title);
    char *text = read_file(path);
    const bool ok = !*title || !strncmp(text, want, strlen(want));
    free(text);
    return ok;
}

/* Zombies don't count: they only wait for somebody to look. */
size_t rig_processes(const char *title, pid_t *pids, size_t max)
{
    size_t n = 0;
    DIR *d = opendir("/proc");
    cr_assert(d);
    for (struct dirent *e; n < max && (e = readdir(d));) {
        const pid_t pid = (pid_t)atoi(e->d_name);
        pid_t parent;
        char state;
        if (pid > 0 && read_parent(pid, &parent, &state) && state != 'Z' && is_ours(pid) &&
            has_title(pid, title))
            pids[n++] = pid;
    }
    closedir(d);
    return n;
}

size_t rig_count(const char *title)
{
    pid_t pids[64];
    return rig_processes(title, pids, 64);
}

pid_t rig_worker(unsigned index)
{
    char title[32];
    pid_t pids[8];
    snprintf(title, sizeof title, "worker/%u ", index);
    AWAIT(rig_processes(title, pids, 8) == 1);
    return pids[0];
}

static long proc_number(pid_t pid, const char *file, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    char *text = read_file(path);
    const char *at = strstr(text, key);
    const long v = at ? strtol(at + strlen(key), NULL, 10) : -1;
    free(text);
    return v;
}

long rig_status(pid_t pid, const char *key)
{
    return proc_number(pid, "status", key);
}

long rig_private_kb(pid_t pid)
{
    return proc_number(pid, "smaps_rollup", "Private_Dirty:");
}

long rig_cpu_ms(pid_t pid)
{
    char path[64];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = read_file(path);
    const char *end = strrchr(text, ')');
    cr_assert(end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                            &kernel) == 2);
    free(text);
    return (long)((user + kernel) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

size_t rig_descriptors(pid_t pid)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    cr_assert(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* -- metrics ----------------------------------------------------------------------------------- */

char *rig_metrics(void)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t, "GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(r->whole && r->status == 200, "%s", r->fault);
    char *page = strdup(r->body.p);
    talk_close(t);
    return page;
}

double rig_metric(const char *series)
{
    char *page = rig_metrics();
    const size_t n = strlen(series);
    double v = -1;
    for (const char *p = page; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (!strncmp(p, series, n) && p[n] == ' ')
            v = atof(p + n + 1);
    free(page);
    return v;
}
