/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of the benchmark: what a proxy can't be cheaper than. A relay that parses nothing: each
 * connection of a client has one of its own to the backend, and whatever comes in on one is written
 * to the other. For one request that is read, write, read, write, and a share of an epoll_wait.
 *
 *     floor PORT     of the backend; prints its own port and serves until it is killed
 *
 * The ends of a pair lie beside each other. Both may have events in one turn, so a pair that ended
 * is freed when the turn is over. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { EVENTS = 256, ROOM = 16384, STUCK_MS = 10000 };

struct end {
    int fd;
    struct end *other;
};

struct pair {
    struct end client, backend;
    struct pair *next_gone;
    bool is_gone;
};

static struct pair *gone;

/* Writes all of it. What the other side doesn't take at once it is waited for, with everybody else:
 * answers of the benchmark fit into the buffers of sockets. */
static bool write_all(int fd, const char *from, size_t n)
{
    for (;;) {
        ssize_t w = send(fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w == (ssize_t)n)
            return true;
        if (w < 0 && errno != EAGAIN)
            return false;
        if (w > 0) {
            from += w;
            n -= (size_t)w;
        }
        if (poll(&(struct pollfd){fd, POLLOUT, 0}, 1, STUCK_MS) <= 0)
            return false;
    }
}

static bool relay(struct end *e)
{
    static char block[ROOM];
    ssize_t n = recv(e->fd, block, sizeof block, MSG_DONTWAIT);
    if (n > 0)
        return write_all(e->other->fd, block, (size_t)n);
    return n < 0 && errno == EAGAIN;
}

static void end_pair(struct pair *p)
{
    close(p->client.fd);
    close(p->backend.fd);
    p->is_gone = true;
    p->next_gone = gone;
    gone = p;
}

static void free_gone(void)
{
    while (gone) {
        struct pair *p = gone;
        gone = p->next_gone;
        free(p);
    }
}

static void take_clients(int epoll, int listener, unsigned backend)
{
    for (int fd; (fd = net_accept(listener)) >= 0;) {
        struct pair *p = calloc(1, sizeof *p);
        if (!p)
            net_die("no memory");
        p->client = (struct end){fd, &p->backend};
        p->backend = (struct end){net_connect(backend), &p->client};
        if (p->backend.fd < 0)
            net_die("connecting to the backend");
        net_watch(epoll, p->client.fd, EPOLLIN, &p->client);
        net_watch(epoll, p->backend.fd, EPOLLIN, &p->backend);
    }
}

static struct pair *pair_of(struct end *e)
{
    return (struct pair *)(e < e->other ? e : e->other);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    unsigned backend = (unsigned)strtoul(argv[1], NULL, 10);
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener = net_listen();
    net_watch(epoll, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct end *e = events[i].data.ptr;
            if (!e)
                take_clients(epoll, listener, backend);
            else if (!pair_of(e)->is_gone && !relay(e))
                end_pair(pair_of(e));
        }
        free_gone();
    }
}
