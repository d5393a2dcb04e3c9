/* SPDX-License-Identifier: Apache-2.0 */
/* The few socket calls that the programs of the benchmark share. They serve the loopback alone and
 * give up, with a message, when something fails that can't fail there: a benchmark has nobody to
 * recover for. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdint.h>

/* Prints "PROGRAM: WHAT: the error of errno" and exits with 1. */
_Noreturn void net_die(const char *what);

/* A listening socket, non-blocking, on 127.0.0.1. Prints its port, on a line of its own. */
int net_listen(void);

/* A connection to a port of 127.0.0.1, without Nagle's delay; -1 when nobody takes it. Blocks until
 * it stands, which takes no time there. */
int net_connect(unsigned port);

/* Takes a waiting connection, without Nagle's delay; -1 when there is none. */
int net_accept(int listener);

/* Watches a descriptor, level-triggered, for `events`; `data` comes back with them. */
void net_watch(int epoll, int fd, uint32_t events, void *data);

#endif
