/* SPDX-License-Identifier: Apache-2.0 */
/* The backends of the recovery section: N of them in one process, each of which answers a request
 * after a while, or fails in the way that it is told.
 *
 *     recovery_origin N     prints N ports, one a line, and serves until stdin ends
 *
 * Lines of stdin say "BACKEND MODE", the backend being a number from 0:
 *
 *     normal   200 after 5 ms
 *     slow     200 after 300 ms
 *     refuse   as a process that was killed: all connections are reset and none is taken
 *     reset    connections are taken and reset as soon as a request comes; those there are, at once
 *     hang     as a process that is stopped: the system takes connections, and nobody reads them
 *     error    500 at once
 *
 * It looks for the ends of heads and at nothing else, and for one request at a time on a
 * connection: no proxy pipelines. Connections are few, so those that owe an answer are found by
 * looking at all. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { EVENTS = 256, BACKENDS = 16, ROOM = 8192, NORMAL_MS = 5, SLOW_MS = 300, BACKLOG = 4096 };

enum mode { NORMAL, SLOW, REFUSE, RESET, HANG, ERROR, MODES };

static const char *const mode_names[MODES] = {"normal", "slow", "refuse", "reset", "hang", "error"};

struct backend {
    enum mode mode;
    int listener; /* -1: refuses */
    struct sockaddr_in at;
};

struct conn {
    struct conn *next;
    struct backend *backend;
    int fd;           /* -1: closed, and freed at the end of the turn */
    unsigned matched; /* bytes of "\r\n\r\n" that the last read ended in */
    uint64_t due_us;  /* when the answer leaves; 0: none is owed */
};

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
static const char error[] =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nerror\n";

static struct backend backends[BACKENDS];
static unsigned backends_n;
static struct conn *conns;
static int epoll;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* -- connections ------------------------------------------------------------------------------- */

static void close_conn(struct conn *c, bool with_reset)
{
    const struct linger now = {.l_onoff = 1};
    if (c->fd < 0)
        return;
    if (with_reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
}

static void free_closed(void)
{
    for (struct conn **at = &conns; *at;) {
        struct conn *c = *at;
        if (c->fd >= 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free(c);
    }
}

static bool has_head(struct conn *c, const char *in, size_t n)
{
    bool whole = false;
    for (size_t i = 0; i < n; i++) {
        c->matched = in[i] == "\r\n\r\n"[c->matched] ? c->matched + 1 : in[i] == '\r';
        whole |= c->matched == 4;
        c->matched %= 4;
    }
    return whole;
}

static void answer(struct conn *c)
{
    const char *what = c->backend->mode == ERROR ? error : ok;
    const ssize_t n = (ssize_t)strlen(what);
    c->due_us = 0;
    if (send(c->fd, what, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
        close_conn(c, true);
}

static void take_request(struct conn *c)
{
    const enum mode mode = c->backend->mode;
    if (mode == RESET)
        close_conn(c, true);
    else if (mode == ERROR)
        answer(c);
    else
        c->due_us = now_us() + (mode == SLOW ? SLOW_MS : NORMAL_MS) * 1000ULL;
}

static void on_readable(struct conn *c)
{
    static char in[ROOM];
    if (c->fd < 0)
        return;
    const ssize_t n = recv(c->fd, in, sizeof in, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        close_conn(c, false);
    else if (n > 0 && has_head(c, in, (size_t)n))
        take_request(c);
}

static void answer_due(void)
{
    const uint64_t now = now_us();
    for (struct conn *c = conns; c; c = c->next)
        if (c->fd >= 0 && c->due_us && c->due_us <= now && c->backend->mode != HANG)
            answer(c);
}

static int next_due_ms(void)
{
    uint64_t due = 0;
    for (const struct conn *c = conns; c; c = c->next)
        if (c->due_us && c->backend->mode != HANG && (!due || c->due_us < due))
            due = c->due_us;
    const uint64_t now = now_us();
    return !due ? -1 : due <= now ? 0 : (int)((due - now + 999) / 1000);
}

static void take_connections(struct backend *b)
{
    for (int fd; b->listener >= 0 && (fd = net_accept(b->listener)) >= 0;) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            net_die("no memory");
        *c = (struct conn){.next = conns, .backend = b, .fd = fd};
        conns = c;
        net_watch(epoll, fd, EPOLLIN, c);
    }
}

/* -- backends ---------------------------------------------------------------------------------- */

/* On the port that it had, or at first on any. */
static void open_listener(struct backend *b)
{
    socklen_t n = sizeof b->at;
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (b->listener < 0 ||
        setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(b->listener, (struct sockaddr *)&b->at, n) < 0 || listen(b->listener, BACKLOG) < 0 ||
        getsockname(b->listener, (struct sockaddr *)&b->at, &n) < 0)
        net_die("listening");
    net_watch(epoll, b->listener, EPOLLIN, b);
}

static void reset_all(struct backend *b)
{
    for (struct conn *c = conns; c; c = c->next)
        if (c->backend == b)
            close_conn(c, true);
}

/* A backend that hangs isn't watched; the others are. */
static void watch_all(struct backend *b, uint32_t events)
{
    if (b->listener >= 0)
        epoll_ctl(epoll, EPOLL_CTL_MOD, b->listener, &(struct epoll_event){events, {b}});
    for (struct conn *c = conns; c; c = c->next)
        if (c->backend == b && c->fd >= 0)
            epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){events, {c}});
}

static void change(struct backend *b, enum mode mode)
{
    b->mode = mode;
    if (mode == REFUSE && b->listener >= 0) {
        close(b->listener);
        b->listener = -1;
    } else if (mode != REFUSE && b->listener < 0) {
        open_listener(b);
    }
    if (mode == REFUSE || mode == RESET)
        reset_all(b);
    watch_all(b, mode == HANG ? 0 : EPOLLIN);
}

static void obey(const char *line)
{
    char word[16];
    unsigned index;
    if (sscanf(line, "%u %15s", &index, word) == 2 && index < backends_n)
        for (enum mode m = 0; m < MODES; m++)
            if (strcmp(word, mode_names[m]) == 0) {
                change(&backends[index], m);
                return;
            }
    fprintf(stderr, "recovery_origin: not understood: %s", line);
}

/* -- turns ------------------------------------------------------------------------------------- */

static void on_stdin(void)
{
    char line[64];
    if (!fgets(line, sizeof line, stdin))
        exit(0);
    obey(line);
}

static void on_event(void *data)
{
    struct backend *b = data;
    if (!data)
        on_stdin();
    else if (b >= backends && b < backends + BACKENDS)
        take_connections(b);
    else
        on_readable(data);
}

int main(int argc, char **argv)
{
    backends_n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (backends_n == 0 || backends_n > BACKENDS) {
        fprintf(stderr, "usage: recovery_origin N, at most %d\n", BACKENDS);
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* so that a line that was read ahead isn't forgotten */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    net_watch(epoll, STDIN_FILENO, EPOLLIN, NULL);
    for (unsigned i = 0; i < backends_n; i++) {
        backends[i].at.sin_family = AF_INET;
        backends[i].at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        open_listener(&backends[i]);
        printf("%d\n", ntohs(backends[i].at.sin_port));
    }
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        const int n = epoll_wait(epoll, events, EVENTS, next_due_ms());
        for (int i = 0; i < n; i++)
            on_event(events[i].data.ptr);
        answer_due();
        free_closed();
    }
}
