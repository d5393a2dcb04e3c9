/* SPDX-License-Identifier: Apache-2.0 */
/* The backend of the benchmark: answers every request with the same 200 and SIZE bytes, over
 * kept-alive connections, as fast as one process can.
 *
 *     origin [SIZE]     1024 bytes by default; prints its port and serves until it is killed
 *
 * It looks for the ends of heads and at nothing else: requests have no content here. One read for
 * all that has come, one send for the answers to it; a client that doesn't take them is read no
 * further until it has. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { EVENTS = 256, ROOM = 65536, SIZE_MAX_MB = 64 };

struct conn {
    int fd;
    uint32_t watched;
    unsigned matched; /* bytes of "\r\n\r\n" that the last read ended in */
    unsigned owed;    /* answers not wholly sent */
    size_t sent;      /* of the first of them */
};

static char *answer;
static size_t answer_n;
static int epoll;

static void make_answer(size_t size)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nDate: Mon, 06 Jul 2026 10:00:00 GMT\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     size);
    answer_n = (size_t)n + size;
    answer = malloc(answer_n);
    if (!answer)
        net_die("no memory");
    memcpy(answer, head, (size_t)n);
    memset(answer + n, 'x', size);
}

/* How many heads end in these bytes. */
static unsigned count_heads(struct conn *c, const char *in, size_t n)
{
    unsigned heads = 0;
    for (size_t i = 0; i < n; i++) {
        if (c->matched == 0) {
            const char *cr = memchr(in + i, '\r', n - i);
            if (!cr)
                break;
            i = (size_t)(cr - in);
        }
        if (in[i] == "\r\n\r\n"[c->matched])
            c->matched++;
        else
            c->matched = in[i] == '\r';
        if (c->matched == 4) {
            c->matched = 0;
            heads++;
        }
    }
    return heads;
}

static void watch(struct conn *c, uint32_t events)
{
    if (c->watched == events)
        return;
    c->watched = events;
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){events, {c}}) < 0)
        net_die("epoll_ctl");
}

/* Sends what is owed; false: the connection is gone. */
static bool send_owed(struct conn *c)
{
    while (c->owed > 0) {
        ssize_t n = send(c->fd, answer + c->sent, answer_n - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            watch(c, EPOLLOUT);
            return errno == EAGAIN;
        }
        c->sent += (size_t)n;
        if (c->sent == answer_n) {
            c->sent = 0;
            c->owed--;
        }
    }
    watch(c, EPOLLIN);
    return true;
}

static bool serve(struct conn *c)
{
    static char in[ROOM];
    if (c->owed > 0)
        return send_owed(c);
    ssize_t n = recv(c->fd, in, sizeof in, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    c->owed = count_heads(c, in, (size_t)n);
    return send_owed(c);
}

static void take_connections(int listener)
{
    for (int fd; (fd = net_accept(listener)) >= 0;) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            net_die("no memory");
        *c = (struct conn){.fd = fd, .watched = EPOLLIN};
        net_watch(epoll, fd, EPOLLIN, c);
    }
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    if (argc > 2 || size > (size_t)SIZE_MAX_MB << 20) {
        fprintf(stderr, "usage: origin [SIZE], at most %d MB\n", SIZE_MAX_MB);
        return 2;
    }
    make_answer(size);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = net_listen();
    net_watch(epoll, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                take_connections(listener);
            } else if (!serve(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
