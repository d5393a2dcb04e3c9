/* SPDX-License-Identifier: Apache-2.0 */
/* The rig: folder, configuration, start and end. A test process is a subreaper, so that workers
 * that outlive their master become its children: nothing can get lost, and at the end everything
 * that is still there is found, told about, and killed. */
#include "tests/lib/rig.h"

#include "base/text.h"
#include "tests/lib/fini.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig_parts.h"
#include "tests/lib/talk.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES = 32 };

struct rig rig; /* instances[instance], as long as that is the one */
static struct rig instances[RIG_INSTANCES];
static unsigned instance;

static struct {
    char name[32], value[128];
    int hold; /* of a port: the socket that keeps it; -1 */
} names[NAMES];
static unsigned names_n;

static const char *program(void)
{
    const char *given = getenv("WEIR");
    return given && *given ? given : WEIR_BINARY;
}

/* -- names in configurations ------------------------------------------------------------------- */

void rig_name(const char *name, const char *fmt, ...)
{
    unsigned i = 0;
    va_list ap;
    while (i < names_n && strcmp(names[i].name, name))
        i++;
    cr_assert_lt(i, NAMES);
    if (i == names_n) {
        names_n++;
        names[i].hold = -1;
    }
    snprintf(names[i].name, sizeof names[i].name, "%s", name);
    va_start(ap, fmt);
    vsnprintf(names[i].value, sizeof names[i].value, fmt, ap);
    va_end(ap);
}

/* A bound socket that never listens keeps a port from everybody but a weir of the same user, which
 * shares it (SO_REUSEPORT). */
static uint16_t hold_port(int *hold)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    *hold = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(*hold, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    setsockopt(*hold, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    cr_assert_eq(bind(*hold, (struct sockaddr *)&a, n), 0);
    getsockname(*hold, (struct sockaddr *)&a, &n);
    return ntohs(a.sin_port);
}

/* Of instances but the first $port has another name. */
static const char *own_name(const char *name)
{
    static char own[32];
    if (!instance || strcmp(name, "port"))
        return name;
    snprintf(own, sizeof own, "port_%u", instance);
    return own;
}

uint16_t rig_port(const char *name)
{
    name = own_name(name);
    for (unsigned i = 0; i < names_n; i++)
        if (!strcmp(names[i].name, name))
            return (uint16_t)atoi(names[i].value);
    int hold;
    const uint16_t port = hold_port(&hold);
    rig_name(name, "%u", port);
    names[names_n - 1].hold = hold;
    return port;
}

static const char *value_of(const char *name)
{
    if (!strncmp(name, "port", 4))
        rig_port(name);
    name = own_name(name);
    for (unsigned i = 0; i < names_n; i++)
        if (!strcmp(names[i].name, name))
            return names[i].value;
    cr_assert_fail("nothing is called $%s", name);
    return "";
}

static void expand(struct text *out, const char *from)
{
    while (*from) {
        char name[32];
        size_t n = 0;
        if (*from != '$' || !islower((unsigned char)from[1])) {
            text_char(out, *from++);
            continue;
        }
        for (from++;
             islower((unsigned char)*from) || isdigit((unsigned char)*from) || *from == '_';)
            name[n++] = *from++;
        name[n] = 0;
        text_str(out, value_of(name));
    }
}

/* -- files ------------------------------------------------------------------------------------- */

const char *rig_path(const char *file)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", rig.dir, file);
    return path;
}

void rig_write_file(const char *file, const char *content)
{
    struct text t;
    text_init(&t);
    expand(&t, content);
    FILE *f = fopen(rig_path(file), "we");
    cr_assert(f);
    fwrite(t.p, 1, t.n, f);
    fclose(f);
    text_fini(&t);
}

static const char *or_nothing(const char *s)
{
    return s ? s : "";
}

void rig_write_conf(struct rig_conf c)
{
    struct text t;
    if (c.whole) {
        rig_write_file("weir.conf", c.whole);
        return;
    }
    text_init(&t);
    text_printf(&t, "workers = %u;\nmemory = { shared = \"256m\"; };\n", c.workers ? c.workers : 1);
    text_printf(&t, "admin = { bind = \"unix:$dir/admin.sock\"; };\n");
    text_printf(&t, "log = { access = \"$dir/access.log\"; flush = \"5ms\"; burst = 0; %s };\n",
                or_nothing(c.log));
    text_printf(&t, "module_folders = [ \"%s\", \"%s\" ];\n%s\n", WEIR_MODULES, TEST_MODULES,
                or_nothing(c.top));
    if (rig.defaults)
        text_printf(&t, "default_modules = %s;\n", rig.defaults);
    text_printf(&t, "listeners = ( { name = \"public\"; bind = \"127.0.0.1:$port\"; %s }%s );\n",
                or_nothing(c.listener), or_nothing(c.listeners));
    text_printf(&t, "clusters = { app = { endpoints = %s; %s }; %s };\n",
                c.endpoints ? c.endpoints : "[ \"$app\" ]", or_nothing(c.cluster),
                or_nothing(c.clusters));
    text_printf(&t, "routes = %s;\n",
                c.routes ? c.routes : "( { name = \"all\"; cluster = \"app\"; } )");
    text_char(&t, 0);
    rig_write_file("weir.conf", t.p);
    text_fini(&t);
}

static int on_tree(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st;
    (void)flag;
    (void)at;
    return remove(path);
}

/* -- life -------------------------------------------------------------------------------------- */

void rig_default_modules(const char *list)
{
    rig.defaults = list;
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(rig.dir, sizeof rig.dir, "%s/weir-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    cr_assert(mkdtemp(rig.dir));
    chmod(rig.dir, 0755); /* workers that dropped root must get through */
}

static void name_instance(void)
{
    rig_name("dir", "%s", rig.dir);
    rig_name("instance", "edge-%u", instance);
}

void rig_instance(unsigned n)
{
    const char *defaults = rig.defaults;
    const bool deaths = rig.deaths;
    cr_assert_lt(n, RIG_INSTANCES);
    instances[instance] = rig;
    instance = n;
    rig = instances[n];
    rig.defaults = defaults;
    rig.deaths = rig.deaths || deaths;
    if (!rig.dir[0])
        make_folder();
    name_instance();
}

void rig_begin(void)
{
    struct rlimit rl;
    make_folder();
    name_instance();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    signal(SIGPIPE, SIG_IGN);
}

/* The child dies with the test. Its standard error is appended to one file over all starts. */
static pid_t start(const char *const *args, const char *output)
{
    const int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid)
        return close(fd), pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    dup2(fd, 1);
    dup2(fd, 2);
    if (getppid() == parent)
        execv(program(), (char *const *)args);
    _exit(127);
}

void rig_launch(void)
{
    const char *const args[] = {program(), "-c", rig_path("weir.conf"), NULL};
    cr_assert_eq(access(program(), X_OK), 0, "there is no %s", program());
    rig.pid = start(args, rig_path("stderr"));
}

int rig_run(const char *const *args)
{
    const char *all[16] = {program()};
    for (size_t i = 0; args[i]; i++)
        all[i + 1] = args[i];
    const pid_t pid = start(all, rig_path("output"));
    int status;
    AWAIT(waitpid(pid, &status, WNOHANG) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void rig_start_with(struct rig_conf c)
{
    rig_write_conf(c);
    rig_launch();
    rig_await_log(" started generation=");
}

bool rig_reload_with(struct rig_conf c)
{
    const unsigned good = rig_log_count(" reloaded generation="),
                   bad = rig_log_count("reload_failed");
    rig_write_conf(c);
    rig_signal(SIGHUP);
    AWAIT_FOR(40000, rig_log_count(" reloaded generation=") > good ||
                         rig_log_count("reload_failed") > bad);
    return rig_log_count(" reloaded generation=") > good;
}

void rig_renew_with(struct rig_conf c)
{
    const unsigned ended = rig_log_count("generation_ended");
    cr_assert(rig_reload_with(c), "the configuration is refused");
    AWAIT(rig_log_count("generation_ended") > ended);
}

static pid_t upgraded_to(void)
{
    pid_t pid = 0;
    char *log = rig_read("stderr");
    for (const char *at = log; (at = strstr(at, " upgraded pid=")); at++)
        pid = atoi(at + strlen(" upgraded pid="));
    free(log);
    return pid;
}

/* The master before is a child as well and ends when it likes. */
bool rig_upgrade(void)
{
    const unsigned good = rig_log_count(" upgraded pid="), bad = rig_log_count(" upgrade_failed ");
    rig_signal(SIGUSR2);
    AWAIT_FOR(60000, rig_log_count(" upgraded pid=") > good ||
                         rig_log_count(" upgrade_failed ") > bad);
    if (rig_log_count(" upgraded pid=") == good)
        return false;
    rig.pid = upgraded_to();
    return true;
}

void rig_link_weir(const char *to)
{
    const char *path = rig_path("weir");
    unlink(path);
    cr_assert_eq(symlink(to, path), 0);
    setenv("WEIR", path, 1);
}

void rig_signal(int signo)
{
    cr_assert(rig.pid);
    kill(rig.pid, signo);
}

pid_t rig_master(void)
{
    return rig.pid;
}

int rig_await_exit(void)
{
    int status;
    AWAIT(waitpid(rig.pid, &status, WNOHANG) == rig.pid);
    rig.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void rig_forget(void)
{
    rig.pid = 0;
}

void rig_expect_deaths(void)
{
    rig.deaths = true;
}

void rig_stop(void)
{
    rig_signal(SIGTERM);
    const int status = rig_await_exit();
    cr_assert_eq(status, 0, "the master ended with %d", status);
    cr_assert_eq(rig_count(""), 0, "processes are left behind");
}

/* Those before the last upgrade end by themselves, soon after the one that was told to. */
static void await_the_end(void)
{
    const uint64_t end = now_ms() + DEADLINE_MS / 2;
    while (rig_count("") > 0 && now_ms() < end) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        sleep_ms(LOOK_MS);
    }
}

/* Whatever may be left is a child now, or a child of one. */
static unsigned kill_all(void)
{
    pid_t pids[64];
    unsigned found = 0;
    size_t n;
    for (int tries = 0; tries < 100 && (n = rig_processes("", pids, 64)) > 0; tries++) {
        found = found ? found : (unsigned)n;
        for (size_t i = 0; i < n; i++)
            kill(pids[i], SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        sleep_ms(5);
    }
    rig.pid = 0;
    return found;
}

/* Signs of a fault that no test may overlook. */
static void look_for_faults(const char *log)
{
    static const char *const signs[] = {" crash process=", "must(", "Sanitizer", "runtime error"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        FINI_EXPECT(!strstr(log, signs[i]), "weir said \"%s\":\n%s", signs[i], log);
    if (!rig.deaths)
        FINI_EXPECT(!strstr(log, "process_died"), "a process died:\n%s", log);
}

static void stop_if_it_runs(void)
{
    int status = 0;
    if (!rig.pid)
        return;
    kill(rig.pid, SIGTERM);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (waitpid(rig.pid, &status, WNOHANG) == 0 && now_ms() < end)
        sleep_ms(LOOK_MS);
    FINI_EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0 && now_ms() < end,
              "weir did not end well: %x", (unsigned)status);
}

/* Each instance that there is. */
static void each(void (*fn)(void))
{
    instances[instance] = rig;
    for (unsigned i = 0; i < RIG_INSTANCES; i++) {
        if (!instances[i].dir[0])
            continue;
        rig_instance(i);
        fn();
    }
}

static void clear_up(void)
{
    char *log = rig_read("stderr");
    look_for_faults(log);
    if (getenv("RIG_VERBOSE"))
        fprintf(stderr, "%s", log);
    free(log);
    if (!getenv("RIG_KEEP"))
        nftw(rig.dir, on_tree, 16, FTW_DEPTH | FTW_PHYS);
}

void rig_end(void)
{
    talks_end();
    each(stop_if_it_runs);
    await_the_end();
    const unsigned left = kill_all();
    FINI_EXPECT(left == 0, "%u processes were left behind", left);
    origins_end();
    each(clear_up);
    for (unsigned i = 0; i < names_n; i++)
        if (names[i].hold >= 0)
            close(names[i].hold);
    names_n = 0;
    rig_parts_end();
    fini_verdict();
}
