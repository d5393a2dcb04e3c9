/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the benchmark's programs: see net.h. All of them are read and written with
 * MSG_DONTWAIT, so none is switched to non-blocking, except the listening ones. */
#include "tests/bench/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

void net_die(const char *what)
{
    fprintf(stderr, "%s: %s: %m\n", program_invocation_short_name, what);
    exit(1);
}

static void set_nodelay(int fd)
{
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
        net_die("TCP_NODELAY");
}

int net_listen(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        net_die("listening");
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int net_connect(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        net_die("socket");
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return -1;
    }
    set_nodelay(fd);
    return fd;
}

int net_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        set_nodelay(fd);
    else if (errno != EAGAIN && errno != ECONNABORTED)
        net_die("accept");
    return fd;
}

void net_watch(int epoll, int fd, uint32_t events, void *data)
{
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){events, {data}}) < 0)
        net_die("epoll_ctl");
}
