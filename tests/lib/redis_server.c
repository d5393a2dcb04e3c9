/* SPDX-License-Identifier: Apache-2.0 */
/* A redis.conf in a new folder, and a process that reads it. What redis says of itself lies in
 * "log" there, and is told when it doesn't start. */
#include "tests/lib/redis_server.h"

#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVERS = 8, START_MS = 5000 };

static struct redis_server {
    pid_t pid; /* 0: it doesn't run */
    bool sentinel;
    uint16_t port, tls_port;
    char *folder; /* owned */
    char address[32], unix_address[96], conf[96];
    redisContext *talk; /* NULL: not connected */
} servers[SERVERS];
static size_t servers_n;
static char said[64 * 1024];

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&a, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void run(struct redis_server *s)
{
    const pid_t parent = getpid();
    char log[96];
    snprintf(log, sizeof log, "%s/log", s->folder);
    s->pid = fork();
    cr_assert_geq(s->pid, 0);
    if (s->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, 1);
    dup2(out, 2);
    const char *program = s->sentinel ? "redis-sentinel" : "redis-server";
    if (getppid() == parent && chdir(s->folder) == 0)
        execlp(program, program, s->conf, NULL);
    _exit(127);
}

static void hang_up(struct redis_server *s)
{
    if (s->talk)
        redisFree(s->talk);
    s->talk = NULL;
}

static bool answers(struct redis_server *s)
{
    const char *text = redis_server_say(s, "PING");
    return strcmp(text, "(gone)") != 0 && strncmp(text, "LOADING", 7) != 0;
}

/* False: it has ended, as when somebody else was faster to take the port. */
static bool await_start(struct redis_server *s)
{
    const uint64_t end = now_ms() + START_MS;
    while (!answers(s)) {
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
            s->pid = 0;
            return false;
        }
        cr_assert(now_ms() < end, "redis doesn't answer; %s/log says why", s->folder);
        sleep_ms(LOOK_MS);
    }
    return true;
}

static void write_conf(struct redis_server *s, const char *lines)
{
    s->port = free_port();
    s->tls_port = free_port();
    snprintf(s->address, sizeof s->address, "127.0.0.1:%u", s->port);
    snprintf(s->unix_address, sizeof s->unix_address, "unix:%s/sock", s->folder);
    snprintf(s->conf, sizeof s->conf, "%s/redis.conf", s->folder);
    FILE *f = fopen(s->conf, "w");
    cr_assert(f);
    fprintf(f, "bind 127.0.0.1\nport %u\nunixsocket %s/sock\ndir %s\n", s->port, s->folder,
            s->folder);
    if (!s->sentinel)
        fputs("save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n", f);
    const char *at = lines ? strstr(lines, "%u") : NULL;
    if (at)
        fprintf(f, "%.*s%u%s", (int)(at - lines), lines, s->tls_port, at + 2);
    else if (lines)
        fputs(lines, f);
    fclose(f);
}

static struct redis_server *start(bool sentinel, const char *lines)
{
    enum { TRIES = 5 };
    cr_assert(servers_n < SERVERS);
    struct redis_server *s = &servers[servers_n++];
    *s = (struct redis_server){.sentinel = sentinel, .folder = strdup("/tmp/weir-redis-XXXXXX")};
    cr_assert(mkdtemp(s->folder));
    for (int i = 0; i < TRIES && !s->pid; i++) {
        write_conf(s, lines);
        run(s);
        await_start(s);
    }
    cr_assert(s->pid, "redis doesn't start; %s/log says why", s->folder);
    return s;
}

struct redis_server *redis_server_start(const char *lines)
{
    return start(false, lines);
}

struct redis_server *redis_sentinel_start(const struct redis_server *master, const char *name,
                                          unsigned down_ms)
{
    char lines[512];
    snprintf(lines, sizeof lines,
             "sentinel monitor %s 127.0.0.1 %u 1\n"
             "sentinel down-after-milliseconds %s %u\n"
             "sentinel failover-timeout %s 2000\n",
             name, master->port, name, down_ms, name);
    return start(true, lines);
}

struct redis_server *redis_replica_start(const struct redis_server *master)
{
    char lines[64];
    snprintf(lines, sizeof lines, "replicaof 127.0.0.1 %u\n", master->port);
    struct redis_server *s = start(false, lines);
    AWAIT(strstr(redis_server_say(s, "INFO replication"), "master_link_status:up"));
    return s;
}

uint16_t redis_server_port(const struct redis_server *s)
{
    return s->port;
}

uint16_t redis_server_tls_port(const struct redis_server *s)
{
    return s->tls_port;
}

const char *redis_server_address(const struct redis_server *s)
{
    return s->address;
}

const char *redis_server_unix(const struct redis_server *s)
{
    return s->unix_address;
}

const char *redis_server_folder(const struct redis_server *s)
{
    return s->folder;
}

/* -- talking ----------------------------------------------------------------------------------- */

static void add_text(const redisReply *r)
{
    const size_t n = strlen(said), room = sizeof said - n;
    if (r->type == REDIS_REPLY_INTEGER)
        snprintf(said + n, room, "%lld", r->integer);
    else if (r->type == REDIS_REPLY_NIL)
        snprintf(said + n, room, "(nil)");
    else if (r->type != REDIS_REPLY_ARRAY)
        snprintf(said + n, room, "%s", r->str);
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        add_text(r->element[i]);
        strncat(said, " ", sizeof said - strlen(said) - 1);
    }
}

const char *redis_server_say(struct redis_server *s, const char *fmt, ...)
{
    va_list args;
    if (!s->talk)
        s->talk = redisConnectUnix(s->unix_address + strlen("unix:"));
    va_start(args, fmt);
    redisReply *r = s->talk && !s->talk->err ? redisvCommand(s->talk, fmt, args) : NULL;
    va_end(args);
    said[0] = '\0';
    if (r) {
        add_text(r);
        freeReplyObject(r);
        return said;
    }
    hang_up(s);
    return "(gone)";
}

/* -- what happens to servers ------------------------------------------------------------------- */

void redis_server_kill(struct redis_server *s)
{
    hang_up(s);
    if (!s->pid)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void redis_server_again(struct redis_server *s)
{
    redis_server_kill(s);
    run(s);
    cr_assert(await_start(s), "redis doesn't start again; %s/log says why", s->folder);
}

void redis_server_hang(struct redis_server *s)
{
    int status;
    kill(s->pid, SIGSTOP);
    cr_assert_eq(waitpid(s->pid, &status, WUNTRACED), s->pid);
}

void redis_server_go_on(struct redis_server *s)
{
    kill(s->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

void redis_servers_end(void)
{
    for (; servers_n > 0; servers_n--) {
        struct redis_server *s = &servers[servers_n - 1];
        redis_server_kill(s);
        nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(s->folder);
    }
}
